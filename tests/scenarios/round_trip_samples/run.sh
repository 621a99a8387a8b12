#!/usr/bin/env bash
# The round trip on real databases, where they lie beside the clone: each is loaded with
# psql, dumped with pg_dump, restored, extracted, seeded and extracted again.
. "$(dirname "$0")/../lib.sh"

samples=${PGCYCLE_SAMPLE_DATABASES:-$PGCYCLE_SOURCE/../shared/data}
ls "$samples"/*.sql >/dev/null 2>&1 || skip "no sample databases in $samples"

project samples
psql_on() { psql -X -q -o /dev/null -v ON_ERROR_STOP=1 -d "$(pgcycle-server url -q -d "$1")" "${@:2}" 2>"$err"; }

for file in "$samples"/*.sql; do
  name=$(basename "$file" .sql)
  psql_on postgres -c "CREATE DATABASE ${name}_source"
  psql_on "${name}_source" -f "$file" || fail "psql could not load $file"
  pg_dump -Fc -d "$(pgcycle-server url -q -d "${name}_source")" -f "$name.dump"
  run 0 pgcycle-reset -q -d "$name" --dump "$name.dump"
  run 0 pgcycle-extract -q -d "$name" --no-anonymize --fixtures "$name/first"
  run 0 pgcycle-seed -q -d "$name" --fixtures "$name/first"
  run 0 pgcycle-extract -q -d "$name" --no-anonymize --fixtures "$name/second"
  same_files "$name/first" "$name/second"
  [[ $(find "$name/first" -name '*.json' | wc -l) -gt 1 ]] || fail "$name has no fixtures"
  echo "$name: $(grep -c '"file"' "$name/first/manifest.json") tables, the same bytes"
done
