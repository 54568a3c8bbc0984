-- name: address_key
-- What digests of addresses are made with.
SELECT address_key FROM installation;
