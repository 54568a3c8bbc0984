#!/bin/sh
# Write PgBouncer's configuration for ReachInbox's API and become PgBouncer.
#
# From the environment: PGHOST, PGPORT, PGUSER, PGDATABASE of PostgreSQL; PASSWORD_FILE, a file with the password, which
# clients have to know as well; LISTEN_PORT; POOL_SIZE, connections to PostgreSQL. PgBouncer does not run as root.
set -eu

folder=$(mktemp -d)
umask 077
password=$(cat "$PASSWORD_FILE")
# In this file a quote is doubled.
printf '"%s" "%s"\n' "$PGUSER" "$(printf %s "$password" | sed 's/"/""/g')" >"$folder/userlist.txt"

cat >"$folder/pgbouncer.ini" <<INI
[databases]
${PGDATABASE:=reachinbox} = host=$PGHOST port=${PGPORT:-5432} dbname=$PGDATABASE

[pgbouncer]
listen_addr = ${LISTEN_ADDR:-*}
listen_port = ${LISTEN_PORT:-6432}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = $folder/userlist.txt
pool_mode = transaction
default_pool_size = ${POOL_SIZE:-20}
max_client_conn = 1000
; A transaction that its client forgot about gives its connection back after a minute, as on direct connections.
idle_transaction_timeout = 60
; A host that vanished is noticed.
tcp_keepalive = 1
tcp_keepidle = 10
tcp_keepintvl = 5
tcp_keepcnt = 3
tcp_user_timeout = 20000
log_connections = 0
log_disconnections = 0
INI

exec "${PGBOUNCER:-pgbouncer}" -q "$folder/pgbouncer.ini"
