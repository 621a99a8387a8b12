#!/usr/bin/env bash
# A URL that leads nowhere: status 2, where it was tried, and no password in sight.
. "$(dirname "$0")/../lib.sh"

school
run 0 pgcycle-reset -q
before=$(database_state)

for command in pgcycle-reset "pgcycle-extract --no-anonymize" "pgcycle-migrate up" "pgcycle-migrate status"; do
  # shellcheck disable=SC2086
  run 2 $command -d "postgresql://somebody:s3cret@localhost:1/school"
  says "$err" "error: cannot connect to postgresql://somebody:***@localhost:1/" "detail:" "hint: check the URL"
  if grep -q s3cret "$err" "$out"; then fail "$command showed the password"; fi
done

run 2 pgcycle-extract --no-anonymize -d "$(pgcycle-server url -q -d no_such_database)"
says "$err" 'database "no_such_database" does not exist'

run 1 pgcycle-reset -d "postgresql://[broken"
says "$err" "error:" "hint:"

same "$(database_state)" "$before"
[[ ! -e fixtures ]] || fail "fixtures were written"
