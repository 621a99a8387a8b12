#!/usr/bin/env bash
# Mistakes in pgcycle.json: status 1, the place, the nearest known key; nothing is done.
. "$(dirname "$0")/../lib.sh"

school
run 0 pgcycle-reset -q
run 0 pgcycle-migrate up -q

write_config() { printf '%s\n' "$1" >other.json; }

write_config '{
  "database": {"name": "school", "server": "embedded"},
  "dump": {"fiel": "dumps/prod_backup.dump"}
}'
unchanged run 1 pgcycle-reset --config other.json
says "$err" 'error: unknown key "dump.fiel"' "at other.json:3:12" 'did you mean "dump.file"?'

# Every program refuses it before it does anything.
for program in extract seed server; do
  run 1 pgcycle-$program --config other.json "$([[ $program == server ]] && echo status || echo -q)"
  says "$err" "pgcycle-$program: error: unknown key"
done

write_config '{"database": '
run 1 pgcycle-reset --config other.json
says "$err" "other.json:" "hint:"

write_config '{"database": {"url": "${NO_SUCH_VARIABLE}"}}'
run 1 pgcycle-reset --config other.json --dump dumps/prod_backup.dump
says "$err" "NO_SUCH_VARIABLE" "other.json:1:" "hint:"

# A config that was named and is missing is fatal, never ignored.
run 1 pgcycle-reset --config gone.json
says "$err" "gone.json"

# Rules that cannot hold are told before a row is read.
sed 's/"public.users.email": "email"/"public.users.emial": "email"/' pgcycle.json >other.json
unchanged run 1 pgcycle-extract --config other.json
says "$err" 'no column matches the rule "public.users.emial"' 'did you mean "public.users.email"?' "other.json:13:7"
[[ ! -e fixtures ]] || fail "fixtures were written"
