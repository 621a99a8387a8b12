#!/usr/bin/env bash
# reset → extract --no-anonymize → seed → extract gives identical bytes, and so does the
# restored database beside what pg_restore makes of the same dump.
. "$(dirname "$0")/../lib.sh"

school
rm -r golden
run 0 pgcycle-reset -q
mkdir plain

# Against pg_restore itself.
maintenance=$(pgcycle-server url -q -d postgres)
psql -X -q -d "$maintenance" -c 'CREATE DATABASE peer'
pg_restore --no-owner -d "$(pgcycle-server url -q -d peer)" dumps/prod_backup.dump
same "$(database_state)" "$(database_state "$(pgcycle-server url -q -d peer)")" "pg_restore restores otherwise"

round_trip() {
  run 0 pgcycle-extract -q --no-anonymize --fixtures "$1/first"
  before=$(database_state)
  run 0 pgcycle-seed -q --fixtures "$1/first"
  run 0 pgcycle-extract -q --no-anonymize --fixtures "$1/second"
  same_files "$1/first" "$1/second"
  # Every row and sequence, as pg_dump sees them.
  same "$(database_state)" "$before" "seeding changed the database"
}

round_trip v0.2
run 0 pgcycle-migrate up -q
round_trip v0.3

# Into an empty database of the same schema.
psql -X -q -d "$maintenance" -c 'CREATE DATABASE schema_only'
pg_dump --schema-only -d "$(pgcycle-server url -q)" | psql -X -q -o /dev/null -v ON_ERROR_STOP=1 -d "$(pgcycle-server url -q -d schema_only)"
run 0 pgcycle-seed -q -d schema_only --fixtures v0.3/first
run 0 pgcycle-extract -q -d schema_only --no-anonymize --fixtures v0.3/third
same_files v0.3/first v0.3/third
