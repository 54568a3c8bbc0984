-- name: own_postal_address
-- The postal address that the messages of the tenant's workspace end with.
SELECT own_postal_address() AS postal_address;
