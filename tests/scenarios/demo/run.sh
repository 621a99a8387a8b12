#!/usr/bin/env bash
# The demonstration shows every step, and its fixtures are the same bytes in every run, on
# every machine and server version: those in git.
. "$(dirname "$0")/../lib.sh"

school
for _ in first second; do
  run 0 dumps/school/demo.sh
  says "$out" "27118 rows" "8 steps run, 25 checks passed" "16 of 16 checks passed" \
    "public.users.email" "38 foreign keys proven" "Bob Golden" "pgcycle-server psql"
  if ! diff -rq fixtures "$PGCYCLE_SOURCE/fixtures" >"$work/diff"; then
    fail "other fixtures than those in git: $(head -n 3 "$work/diff")"
  fi
done
says "$out" "fixtures: the same bytes as before this run"
if grep -rq "DROP\|ERROR" "$err"; then fail "errors on the way"; fi
