#!/bin/sh
# Make the service's role, its database and the role it acts as for a workspace. The image of PostgreSQL runs this once,
# when it makes the cluster; by hand: PASSWORD_FILE=… sh deploy/postgres/make-role.sh, as the superuser PGUSER at PGHOST.
#
# The role owns its database and has no right beyond it: no superuser, no other roles, no way around row-level security.
set -eu

PASSWORD=$(cat "${PASSWORD_FILE:-/run/secrets/postgres_password}")
export PASSWORD
PGUSER=${PGUSER:-postgres} psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --dbname=postgres <<'SQL'
\getenv password PASSWORD
CREATE ROLE reachinbox LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOCREATEDB NOREPLICATION PASSWORD :'password';
CREATE ROLE reachinbox_tenant NOLOGIN;
GRANT reachinbox_tenant TO reachinbox;
CREATE DATABASE reachinbox OWNER reachinbox TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8';
SQL
