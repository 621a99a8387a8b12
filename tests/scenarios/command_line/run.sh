#!/usr/bin/env bash
# Help, versions, unknown options and what is not there yet.
. "$(dirname "$0")/../lib.sh"

cd "$work"
for program in reset extract seed migrate server; do
  run 0 pgcycle-$program --help
  says "$out" "Examples:" "--db-url" "--config" "--json"
  help=$(cat "$out")
  run 0 pgcycle-$program '-?'
  same "$(cat "$out")" "$help"
  run 0 pgcycle-$program --version
  says "$out" "pgcycle-$program 0."
  run 1 pgcycle-$program --no-such-option
  says "$err" "pgcycle-$program: error:" "--no-such-option" "hint:"
  [[ ! -s $out ]] || fail "stdout holds more than the result"
  run 0 pgcycle $program --version
  says "$out" "pgcycle-$program 0."
  run 1 pgcycle-$program --password x
done
run 1 pgcycle no-such-program

school
run 2 pgcycle-migrate rehearse
says "$err" 'there is no database "school" to copy' "pgcycle-reset"
run 0 pgcycle-reset --json
python3 -c 'import json,sys; d = json.load(open(sys.argv[1])); assert d["schema"] == "pgcycle.reset/1", d' "$out"
run 0 pgcycle-reset --show-config
says "$out" "dump.file" "pgcycle.json:5:" "default"
if grep -q 6f1d0b8c "$out"; then fail "--show-config shows the key"; fi

# --dry-run changes nothing.
unchanged run 0 pgcycle-reset --dry-run
unchanged run 0 pgcycle-migrate up --dry-run
run 0 pgcycle-extract --dry-run --no-anonymize
[[ ! -e fixtures ]] || fail "a dry run wrote fixtures"
run 0 pgcycle-migrate up -q
run 0 pgcycle-extract -q
unchanged run 0 pgcycle-seed --dry-run
unchanged run 0 pgcycle-migrate status
unchanged run 0 pgcycle-migrate plan

# The database comes from a flag, then the environment, then the config.
run 0 pgcycle-server url
says "$out" "/school?"
PGCYCLE_DB_URL=other run 0 pgcycle-server url
says "$out" "/other?"
PGCYCLE_DB_URL=other run 0 pgcycle-server url -d third
says "$out" "/third?"
