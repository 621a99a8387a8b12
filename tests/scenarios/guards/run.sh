#!/usr/bin/env bash
# Nothing that is not proven to be a test database is ever destroyed.
. "$(dirname "$0")/../lib.sh"

school
run 0 pgcycle-reset -q
run 0 pgcycle-migrate up -q
run 0 pgcycle-extract -q
before=$(database_state)

# The same server as an external one, reached by another host spelling and user.
socket=$(pgcycle-server status --json | python3 -c 'import json,sys; print(json.load(sys.stdin)["url"])' | sed -E 's/.*host=([^&]*).*/\1/; s/%2F/\//g')
admin=$(pgcycle-server url -q -d postgres)
psql -X -q -d "$admin" -c "CREATE ROLE visitor LOGIN SUPERUSER" -c "CREATE DATABASE precious"
psql -X -q -d "$(pgcycle-server url -q -d precious)" -c "CREATE TABLE users (id int PRIMARY KEY)" -c "INSERT INTO users VALUES (1)"
mkdir ../outside
cp -r fixtures dumps migrations ../outside
cd ../outside
precious="host=$socket user=visitor dbname=precious"
state=$(psql -X -At -d "$precious" -c 'SELECT oid FROM pg_database WHERE datname = current_database()')

refused() {
  run 5 "$@"
  says "$err" "error: refused" "hint:"
  same "$(psql -X -At -d "$precious" -c 'SELECT oid FROM pg_database WHERE datname = current_database()')" "$state"
  same "$(psql -X -At -d "$precious" -c 'SELECT count(*) FROM users')" 1
}
refused pgcycle-reset -d "$precious" --dump dumps/prod_backup.dump
refused pgcycle-reset -d "$precious" --dump dumps/prod_backup.dump --yes
refused pgcycle-seed -d "$precious" --fixtures fixtures --yes
refused pgcycle-migrate -d "$precious" --migrations migrations up --yes

# Listed, but it is production by another name: still refused.
cat >pgcycle.json <<JSON
{"production": {"url": "host=localhost,$socket user=visitor dbname=precious connect_timeout=2"},
 "guard": {"allow": ["$socket/precious"]}}
JSON
refused pgcycle-reset -d "$precious" --dump dumps/prod_backup.dump --yes
says "$err" "production"
export PGSERVICEFILE=$PWD/services
printf '[live]\nhost=%s\nuser=postgres\ndbname=precious\n' "$socket" >services
echo '{"production": {"url": "service=live"}, "guard": {"allow": ["'"$socket"'/precious"]}}' >pgcycle.json
refused pgcycle-seed -d "$precious" --fixtures fixtures

# Listed and not production: allowed.
echo '{"guard": {"allow": ["'"$socket"'/precious"]}}' >pgcycle.json
run 0 pgcycle-reset -q -d "$precious" --dump dumps/prod_backup.dump
same "$(psql -X -At -d "$precious" -c 'SELECT count(*) FROM users')" 1180

# What pgcycle made is known by its mark, without a list.
echo '{}' >pgcycle.json
run 0 pgcycle-reset -q -d "$precious" --dump dumps/prod_backup.dump

cd ../school
same "$(database_state)" "$before"
