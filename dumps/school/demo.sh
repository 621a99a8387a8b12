#!/usr/bin/env bash
# The whole cycle on the school, shown to a person. Run it with ./dev demo.
#
# Works on the clone's own pgcycle.json: an embedded server in .pgcycle/, the
# dump in dumps/, the fixtures in fixtures/. Run as often as you like: what comes
# out is the same to the last byte.
set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
cd "$here/../.."
unset PGCYCLE_DB_URL

if [[ -t 1 && -z ${NO_COLOR:-} ]]; then
  bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m'
else
  bold='' dim='' plain=''
fi
step() { printf '\n%s%s%s\n%s$ %s%s\n' "$bold" "$1" "$plain" "$dim" "$2" "$plain"; }
fixtures_hash() {
  if [[ ! -d fixtures ]]; then
    echo none
    return
  fi
  find fixtures -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum | cut -c1-16
}

step "1. A server of our own: nothing to install, nothing to clean up" "pgcycle-server start"
pgcycle-server start
pgcycle-server status

step "2. The database as the dump has it (v0.2), built aside and renamed in" "pgcycle-reset"
pgcycle-reset
pgcycle-server psql -- -X -q -c "
  SELECT relname AS \"largest tables\", reltuples::bigint AS rows
  FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace
  WHERE relkind = 'r' AND nspname IN ('public', 'audit') ORDER BY reltuples DESC LIMIT 6"

step "3. Up to v0.3: SQL, a rekey that keeps every link, two scripts, checks" "pgcycle-migrate up"
pgcycle-migrate plan
pgcycle-migrate up
pgcycle-migrate verify

step "4. Fixtures that may be committed: what was personal, as a shape, and what stands there now" \
  "pgcycle-extract --verbose"
before=$(fixtures_hash)
report=$(mktemp)
trap 'rm -f "$report"' EXIT
pgcycle-extract --verbose 2>/dev/null >"$report"
sed -n '/^masked:/,$p' "$report" |
  grep -E '^masked|users\.(email|full_name|phone|address) |messages\.body|audit\.events\.changes|payments\.payer_iban|emergency_contacts|students\.birth_date'
tail -n 1 "$report"
after=$(fixtures_hash)
if [[ $before == "$after" ]]; then
  echo "fixtures: the same bytes as before this run ($after)"
else
  echo "fixtures: new bytes ($after, before $before)"
fi

step "5. The database filled from fixtures and golden records, every foreign key proven" "pgcycle-seed"
pgcycle-seed
pgcycle-server psql -- -X -q -c "
  SELECT u.full_name AS student, v.full_name AS teacher, t.subject_code AS subject, s.day, s.hour, t.id AS tuition
  FROM timetable_slots s JOIN tuitions t ON t.id = s.tuition_id
  JOIN users u ON u.id = t.student_id JOIN users v ON v.id = t.teacher_id
  WHERE u.full_name = 'Bob Golden'"
pgcycle-migrate verify | tail -n 1

step "Yours to look at" "pgcycle-server psql"
echo "PATH=$(dirname "$(command -v pgcycle-server)"):\$PATH   # then, in $PWD:"
echo "pgcycle-server psql             # or: psql '$(pgcycle-server url)'"
echo "pgcycle-server stop             # when you are done; it stops by itself when idle"
