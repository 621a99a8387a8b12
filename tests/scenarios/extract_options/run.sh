#!/usr/bin/env bash
# pgcycle-extract: the same bytes for any number of jobs, compressed and from a dump; --check and
# graph; from a hot standby.
. "$(dirname "$0")/../lib.sh"

school
newest_school
run 0 pgcycle-extract -q -j1 --fixtures one
run 0 pgcycle-extract -q -j4 --fixtures four
same_files one four

# A large table is read in ranges; its rows are where one session puts them.
sql "CREATE TABLE large (id bigint PRIMARY KEY, v text); INSERT INTO large SELECT i * 7, md5(i::text) FROM generate_series(1, 400000) i;
  CREATE TABLE byday (at timestamptz PRIMARY KEY, v int); INSERT INTO byday SELECT '2026-01-01'::timestamptz + i * interval '1 s', i FROM generate_series(1, 300000) i;
  ANALYZE large, byday"
run 0 pgcycle-extract -q --no-anonymize -j1 --fixtures one
run 0 pgcycle-extract -q --no-anonymize -j3 --fixtures three
same_files one three
run 0 pgcycle-extract --no-anonymize -j3 --dry-run --json --fixtures none
[[ ! -e none ]] || fail "--dry-run wrote something"
says "$out" '"rows":400000' "\"bytes\":$(stat -c %s one/public/large.json)"
same "$(find one three -name '*.part*' | wc -l)" 0 "parts left behind"
sql "DROP TABLE large, byday" >/dev/null

# Compressed: the same text, and it seeds.
run 0 pgcycle-extract -q
run 0 pgcycle-extract -q --compress --fixtures packed
(cd packed && find . -name '*.zst' -exec zstd -q --rm -d {} +)
sed -i 's/\.json\.zst"/.json"/' packed/manifest.json
same_files fixtures packed
run 0 pgcycle-extract -q --compress --fixtures packed
same "$(find packed -name '*.json' | wc -l)" 1 "files that are not compressed"
run 0 pgcycle-seed -q --fixtures fixtures
state=$(database_state)
run 0 pgcycle-seed -q --fixtures packed
same "$(database_state)" "$state"
truncate -s -20 packed/public/users.json.zst
unchanged run 1 pgcycle-seed --fixtures packed
says "$err" "packed/public/users.json.zst is cut short"

# From a dump, in any form, with nothing left on the server.
newest_school
run 0 pgcycle-extract -q
pg_dump -Fc -d "$(pgcycle-server url -q)" -f migrated.dump
run 0 pgcycle-extract -q --from-dump migrated.dump --fixtures from_dump
same_files fixtures from_dump
pg_restore -f plain.sql migrated.dump
gzip -c plain.sql >plain.sql.gz
pgcycle-extract -q --from-dump - --fixtures from_pipe <plain.sql.gz >"$out" 2>"$err" || fail "a dump through a pipe"
same_files fixtures from_pipe
finished "$(pgcycle-server url -q -d postgres)"
run 1 pgcycle-extract --from-dump nothing.dump
says "$err" "nothing.dump"
head -c 200000 migrated.dump >cut.dump
run 3 pgcycle-extract --from-dump cut.dump --fixtures from_cut
[[ ! -e from_cut ]] || fail "fixtures of half a dump"
finished "$(pgcycle-server url -q -d postgres)"

# --check: 0 while the fixtures are of the schema and the rules, 4 with what drifted.
run 0 pgcycle-extract --check
files=$(files_state fixtures)
sql "CREATE TABLE newcomers (id int); ALTER TABLE holidays ADD COLUMN colour text; ALTER TABLE users ALTER COLUMN phone TYPE varchar(90);
  DROP TABLE page_views CASCADE" 2>/dev/null >/dev/null
run 4 pgcycle-extract --check
says "$out" "public.newcomers is new" "public.holidays.colour is new" "public.users.phone is character varying(90), and was" "public.page_views is gone"
same "$(files_state fixtures)" "$files" "--check wrote something"
newest_school
run 0 pgcycle-extract --check --json
says "$out" '"drift":[]'
sed -i 's/"id": 1,/"id": 1 ,/' fixtures/public/holidays.json
run 4 pgcycle-extract --check
says "$out" "public/holidays.json was changed since it was extracted"
sed -i 's/"public.holidays.\*": "keep"/"public.holidays.*": "keep", "public.holidays.name": "text"/' pgcycle.json
run 4 pgcycle-extract --check
says "$out" "the anonymisation rules are others than they were"
sed -i '/"public.teachers.bio"/d' pgcycle.json
run 4 pgcycle-extract --check
says "$out" "public.teachers.bio"
run 0 pgcycle-extract -q --no-anonymize
run 4 pgcycle-extract --check
says "$out" "not anonymised"
# A manifest of an earlier pgcycle, without columns, can be replaced; --check says what it cannot know.
python3 - <<'PY'
import json
manifest = json.load(open("fixtures/manifest.json"))
for table in manifest["tables"]:
    del table["columns"]
json.dump(manifest, open("fixtures/manifest.json", "w"))
PY
run 4 pgcycle-extract --check
says "$out" "does not know the columns of public.users"
run 0 pgcycle-extract -q --no-anonymize
rm -r fixtures
run 1 pgcycle-extract --check
says "$err" "no fixtures in"

# The graph: every table with its place in the load order, the cycle marked.
run 0 pgcycle-extract graph
says "$out" "digraph" '"public.students"' "color = red"
run 0 pgcycle-extract graph --format mermaid
says "$out" "flowchart" ":::cycle"
run 0 pgcycle-extract graph --format svg
python3 -c 'import sys, xml.dom.minidom; xml.dom.minidom.parse(sys.argv[1])' "$out" || fail "the SVG is not XML"
run 1 pgcycle-extract graph --format gif

# A hot standby, whole and in part: nothing is written to the source.
bin=$(dirname "$(find /usr/lib/postgresql/*/bin -name postgres | sort -V | tail -n 1)")
external_server primary wal_level=replica max_wal_senders=4
primary="postgresql://postgres@localhost:$port"
psql -X -q -d "$primary/postgres" -c "CREATE DATABASE shop"
psql -X -q -d "$primary/shop" -c "CREATE TABLE a (id int PRIMARY KEY)" -c "CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a)" \
  -c "INSERT INTO a SELECT generate_series(1, 50)" -c "INSERT INTO b SELECT i, 1 + i % 50 FROM generate_series(1, 500) i"
mkdir "$work/standby"
[[ $(id -u) != 0 ]] || chown postgres "$work/standby"
as_server_user "$bin/pg_basebackup" -R -c fast -d "$primary/postgres" -D "$work/standby/data" --waldir="$work/standby/wal"
external_server standby hot_standby=on
project shop
standby="postgresql://postgres@localhost:$port/shop"
same "$(psql -X -At -d "$standby" -c "SELECT pg_is_in_recovery()")" t
run 0 pgcycle-extract -q --no-anonymize -d "$primary/shop" --fixtures primary
run 0 pgcycle-extract -q --no-anonymize -d "$standby" -j3 --fixtures standby
same_files primary standby
run 0 pgcycle-extract -q --no-anonymize -d "$standby" -j3 --root 'a where id = 7' --fixtures part
says part/public/b.json '"a": 7'
same "$(wc -l <part/public/b.json)" 12
