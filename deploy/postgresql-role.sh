#!/bin/sh
# Run once by PostgreSQL's image, over an empty volume: a role for the product that is no superuser, and its database.
# psql reads the password by itself, so that it is in no process's arguments. Afterwards the superuser has none, and is
# reached from within the container alone.
set -eu
psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres <<'SQL'
\getenv password POSTGRES_PASSWORD
CREATE ROLE evergreen LOGIN PASSWORD :'password';
CREATE DATABASE evergreen OWNER evergreen;
REVOKE ALL ON DATABASE evergreen FROM PUBLIC;
ALTER ROLE CURRENT_USER PASSWORD NULL;
SQL
