-- name: address_key
-- The key of digests of addresses.
SELECT address_key FROM installation;
