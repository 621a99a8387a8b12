#!/usr/bin/env bash
# A step that fails, a check that does not hold, a file that was changed: the place, the right
# status, and the database at the last whole step.
. "$(dirname "$0")/../lib.sh"

school
run 0 pgcycle-reset -q
mkdir -p m/v1
cat >m/v1/010_first.sql <<'SQL'
CREATE TABLE first (id int PRIMARY KEY);
SQL
cat >m/v1/020_second.sql <<'SQL'
CREATE TABLE second (id int);
INSERT INTO second VALUES (1);
INSERT INTO second
  SELECT nonsense FROM first;
SQL
run 3 pgcycle-migrate --migrations m up
says "$err" 'column "nonsense" does not exist' "at $PWD/m/v1/020_second.sql:4:10" "sqlstate: 42703"
cp m/v1/020_second.sql kept.sql
printf 'CREATE TABLE given (i int);\n  GRANT SELECT ON given TO nobody_here;\n' >m/v1/020_second.sql
run 3 pgcycle-migrate --migrations m up
says "$err" 'role "nobody_here" does not exist' "at $PWD/m/v1/020_second.sql:2:3" "CREATE ROLE"
mv kept.sql m/v1/020_second.sql
same "$(sql "SELECT to_regclass('first') IS NOT NULL, to_regclass('second') IS NULL")" "t|t"
run 0 pgcycle-migrate --migrations m status
says "$out" "010_first" "done" "pending" "not applied"

# Corrected, it goes on where it stopped.
sed -i 's/nonsense/id/' m/v1/020_second.sql
cat >m/v1/030_script.sh <<'SH'
#!/bin/sh
echo "working on $PGCYCLE_VERSION $PGCYCLE_STEP"
[ -e ../../allowed ] || { echo "not allowed yet" >&2; exit 7; }
psql -X -q -d "$PGCYCLE_DB_URL" -c "INSERT INTO first VALUES (7)"
SH
chmod +x m/v1/030_script.sh
run 3 pgcycle-migrate --migrations m up
says "$err" "030_script.sh failed with status 7" "not allowed yet"
touch allowed
run 0 pgcycle-migrate --migrations m up
says "$err" "working on v1 030_script"
same "$(sql "SELECT count(*) FROM first")" 1
run 0 pgcycle-migrate --migrations m up
says "$out" "0 steps run"

# A file that was applied and has changed.
echo "-- a change" >>m/v1/010_first.sql
unchanged run 4 pgcycle-migrate --migrations m up
says "$err" "010_first.sql has changed since it was applied" "hint:"
sed -i '$d' m/v1/010_first.sql

# Preflight and checks that do not hold.
mkdir m/v2
printf -- '-- check rows_of_first: = 5\nSELECT count(*) FROM first;\n' >m/v2/preflight.sql
printf 'DROP TABLE first;\n' >m/v2/010_drop.sql
unchanged run 4 pgcycle-migrate --migrations m up
says "$err" "rows_of_first" "expected = 5, got 1" "preflight.sql:1"
sed -i 's/= 5/= 1/' m/v2/preflight.sql
printf -- '-- check wrong: > 100\nSELECT 1;\n' >m/v2/checks.sql
run 4 pgcycle-migrate --migrations m up
says "$err" "wrong" "checks.sql:1"
run 0 pgcycle-migrate --migrations m status
says "$out" "v2  not applied"
sed -i 's/> 100/> 0/' m/v2/checks.sql
run 0 pgcycle-migrate --migrations m up
run 0 pgcycle-migrate --migrations m verify
says "$out" "1 of 1 checks passed"
sed -i 's/> 0/> 9/' m/v2/checks.sql
run 4 pgcycle-migrate --migrations m verify

# A name that is no step.
touch m/v2/notes.txt.sql
run 1 pgcycle-migrate --migrations m status
says "$err" "notes.txt.sql"
rm m/v2/notes.txt.sql

