#!/usr/bin/env bash
# What a reviewer asks: lint, rehearse, lock, diff, verify in the forms of CI.
. "$(dirname "$0")/../lib.sh"

school
newest_school
url=$(pgcycle-server url -q)

# lint
mkdir -p m/v1
printf 'CREATE TABLE fresh (id int PRIMARY KEY);\nALTER TABLE users DROP COLUMN email;\n' >m/v1/010_x.sql
pgcycle-migrate --migrations m lint >"$out" 2>"$err" || true
if grep -q 'needs libpg_query' "$err"; then
  echo "without libpg_query: lint is not tested"
else
  run 4 pgcycle-migrate --migrations m lint
  says "$out" "010_x.sql:2:1: error: users.email is dropped [drop-column]" "1 findings, 1 of them errors"
  run 4 pgcycle-migrate --migrations m lint --json
  python3 -c 'import json, sys; assert json.load(open(sys.argv[1]))["findings"][0]["rule"] == "drop-column"' "$out"
  printf 'CREATE TABLE fresh (id int PRIMARY KEY);\n-- pgcycle: allow drop-column reason="nobody reads it" until=2999-01-01\nALTER TABLE users DROP COLUMN email;\n' >m/v1/010_x.sql
  run 0 pgcycle-migrate --migrations m lint
fi
run 0 pgcycle-migrate lint --explain create-index
says "$out" "CREATE INDEX CONCURRENTLY"
run 1 pgcycle-migrate lint --explain creat-index
says "$err" "create-index"

# rehearse: lossless, lossy, one-way
run 0 pgcycle-migrate diff school school
says "$out" "no difference"
mkdir -p r/v1 r/v2 r/v3
printf 'CREATE TABLE extra (id int PRIMARY KEY);\n' >r/v1/010_a.sql
printf 'DROP TABLE extra;\n' >r/v1/010_a.down.sql
printf 'ALTER TABLE holidays DROP COLUMN name;\n' >r/v2/010_b.sql
printf "ALTER TABLE holidays ADD COLUMN name text NOT NULL DEFAULT '';\nALTER TABLE holidays ALTER COLUMN name DROP DEFAULT;\n" >r/v2/010_b.down.sql
printf 'ALTER TABLE attempts ALTER COLUMN question TYPE bigint;\n' >r/v3/010_c.sql
printf 'ALTER TABLE attempts ALTER COLUMN question TYPE integer;\n' >r/v3/010_c.down.sql
psql -X -q -d "$(pgcycle-server url -q -d postgres)" -c 'CREATE DATABASE plain'
# The school's journal names v0.3; these files are another project's.
psql -X -q -d "$url" -c 'DROP SCHEMA pgcycle CASCADE' 2>/dev/null
run 0 pgcycle-migrate --migrations r rehearse
says "$out" "lossless" "lossy" "public.holidays: other values" "rewrites attempts" "up again"
same "$(psql -X -At -d "$url" -c "SELECT to_regclass('extra') IS NULL")" t
run 0 pgcycle-migrate --migrations r rehearse --json
python3 - "$out" <<'PY'
import json, sys
report = json.load(open(sys.argv[1]))
assert [v["way_back"] for v in report["versions"]] == ["lossless", "lossy", "lossless"], report["versions"]
heavy = [s for s in report["statements"] if s["rewritten"]]
assert len(heavy) == 1 and heavy[0]["wal_bytes"] > 1000, heavy
assert {"mode": "AccessExclusiveLock", "relation": "attempts"}.items() <= heavy[0]["locks"][0].items()
PY
rm r/v3/010_c.down.sql
run 0 pgcycle-migrate --migrations r rehearse
says "$out" "one-way" "010_c has no .down.sql"
printf 'SELECT 1/0;\n' >r/v3/020_d.sql
run 3 pgcycle-migrate --migrations r rehearse
same "$(psql -X -At -d "$(pgcycle-server url -q -d postgres)" -c "SELECT count(*) FROM pg_database WHERE datname ~ '^pgcycle_clone_'")" 0 "copies stay"

# lock
run 0 pgcycle-migrate lock
run 0 pgcycle-migrate lock --check
says "$out" "all promises are kept"
sql "ALTER TABLE holidays ADD COLUMN fine int; ALTER TABLE holidays ALTER COLUMN fine SET DEFAULT 1"
run 0 pgcycle-migrate lock --check
sql "ALTER TABLE holidays RENAME COLUMN name TO title; ALTER TABLE attempts ALTER COLUMN student_id DROP NOT NULL; DROP VIEW active_tuitions"
run 4 pgcycle-migrate lock --check
says "$out" "public.holidays: column name is gone" "public.attempts: column student_id may be null now" "public.active_tuitions: is gone"

# verify, in the forms of CI
printf -- '-- check good: = 1\nSELECT 1;\n-- check bad <&>: = 2\nSELECT 3;\n' >checks.sql
run 4 pgcycle-migrate verify --checks checks.sql --format tap
says "$out" "TAP version 13" "1..2" "ok 1 - good" "not ok 2 - bad <&>" 'got: "3"'
run 4 pgcycle-migrate verify --checks checks.sql --format junit
python3 -c 'import sys, xml.etree.ElementTree as x; s = x.parse(sys.argv[1]).getroot()[0]; assert (s.get("tests"), s.get("failures")) == ("2", "1")' "$out"

# diff: proven migrations between the dump and the newest version, and renames
run 0 pgcycle-reset -q

psql -X -q -d "$(pgcycle-server url -q -d postgres)" -c 'CREATE DATABASE renamed TEMPLATE school'
psql -X -q -d "$(pgcycle-server url -q -d renamed)" -c 'ALTER TABLE holidays RENAME name TO title' -c 'ALTER TABLE attempts ADD COLUMN more int'
run 0 pgcycle-migrate diff school renamed
says "$out" "perhaps renamed: --rename public.holidays.name=public.holidays.title"
run 0 pgcycle-migrate diff school renamed --rename public.holidays.name=title --sql
says "$out" 'RENAME COLUMN "name" TO "title"' "ALTER TABLE public.attempts ADD COLUMN more integer;"
if grep -q DROP "$out"; then fail "something is dropped"; fi

# Rows: by their keys, and where there is none by the columns that both have.
psql -X -q -d "$(pgcycle-server url -q -d school)" -c 'CREATE TABLE notes (a int, b text)' -c "INSERT INTO notes VALUES (1, 'x'), (2, 'y')"
psql -X -q -d "$(pgcycle-server url -q -d renamed)" -c 'CREATE TABLE notes (more date, b text, a int)' -c "INSERT INTO notes (a, b) VALUES (2, 'y'), (3, 'z')" \
  -c 'DELETE FROM holidays WHERE id = (SELECT min(id) FROM holidays)'
run 0 pgcycle-migrate diff school renamed --rows --samples 2
says "$out" "public.notes: 2 rows -> 2 rows" "  - (1,x)" "  + (3,z)" "public.holidays:"
if grep -q '(2,y)' "$out"; then fail "a row that both have is shown"; fi

# What no statement is written for is told, with all the others.
psql -X -q -d "$(pgcycle-server url -q -d renamed)" -c 'CREATE FOREIGN DATA WRAPPER far' \
  -c 'CREATE SERVER away FOREIGN DATA WRAPPER far' -c 'CREATE USER MAPPING FOR PUBLIC SERVER away'
run 4 pgcycle-migrate diff school renamed --sql
says "$out" "-- not proven" "ALTER TABLE public.attempts ADD COLUMN more integer;"
says "$err" "does not make renamed of school" "CREATE USER MAPPING"
