#!/bin/sh
# Make what compose.yaml reads from the folder secrets/: passwords for PostgreSQL and a SECRET_KEY. Keeps what is there.
set -eu
cd "$(dirname "$0")/.."

# Compose binds these files into containers as they are, for users that this host does not know: each may be read by
# anybody, and the folder be entered by its owner only.
umask 077
mkdir -p secrets
chmod 700 secrets
keep() {
    [ -e "secrets/$1" ] || { cat >"secrets/$1.new"; chmod 444 "secrets/$1.new"; mv "secrets/$1.new" "secrets/$1"; }
}
random() {
    od -A n -N 32 -t x1 /dev/urandom | tr -d ' \n'
}
random | keep secret_key
random | keep postgres_superuser_password
random | keep postgres_password
password=$(cat secrets/postgres_password)
printf 'postgresql://reachinbox:%s@postgres:5432/reachinbox' "$password" | keep database_url
printf 'postgresql://reachinbox:%s@pgbouncer:6432/reachinbox' "$password" | keep database_pooler_url
echo "secrets/ is complete; keep a copy of secrets/secret_key: without it, stored passwords and tokens of mailboxes cannot be read"
