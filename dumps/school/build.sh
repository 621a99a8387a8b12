#!/usr/bin/env bash
# Makes dumps/prod_backup.dump anew: the school's production database at v0.2.
# Runs in a scratch embedded server and touches nothing but the dump.
# pgcycle-server must be on PATH (./dev build puts it into build/release/bin).
set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
scratch=$(mktemp -d /tmp/pgcycle-school.XXXXXX)
trap 'cd "$scratch" && pgcycle-server stop -q; rm -rf "$scratch"' EXIT
cd "$scratch"
echo '{"database": {"name": "school", "server": "embedded"}}' >pgcycle.json

psql -X -q -v ON_ERROR_STOP=1 -d "$(pgcycle-server url -d postgres)" \
  -c 'CREATE DATABASE school TEMPLATE template0'
url=$(pgcycle-server url)
psql -X -q -o /dev/null -v ON_ERROR_STOP=1 -d "$url" --single-transaction \
  -f "$here/schema.sql" -f "$here/data.sql"
pg_dump --format=custom --compress=9 --no-owner --dbname="$url" --file="$scratch/school.dump"
mv "$scratch/school.dump" "$here/../prod_backup.dump"
ls -l "$here/../prod_backup.dump"
psql -X -At -d "$url" -c "SELECT count(*) || ' tables, ' || sum((xpath('/row/n/text()',
  query_to_xml(format('SELECT count(*) AS n FROM %s', oid::regclass), false, true, '')))[1]::text::bigint) || ' rows'
  FROM pg_class WHERE relkind = 'r' AND relnamespace IN ('public'::regnamespace, 'audit'::regnamespace)"
