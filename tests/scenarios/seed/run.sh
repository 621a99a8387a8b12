#!/usr/bin/env bash
# What pgcycle-seed does beyond loading: nothing where nothing has changed, only what has
# changed elsewhere; check, init, --explain, --adapt, --clones, --fire-triggers.
. "$(dirname "$0")/../lib.sh"

seeded

school_cycle
url=$(pgcycle-server url -q)
run 0 pgcycle-seed --force
whole=$(database_state)
write() { psql -X -q -v ON_ERROR_STOP=1 -d "$url" -c "SET session_replication_role = replica" "$@"; }

# Nothing has changed: nothing is done, and the server's log does not move.
run 0 pgcycle-seed
says "$out" "school is as seeded: " " tables unchanged, 0 sequences set"
before=$(sql "SELECT pg_current_wal_insert_lsn()")
run 0 pgcycle-seed
says "$out" "school is as seeded: "
same "$(sql "SELECT pg_current_wal_insert_lsn()")" "$before" "an unchanged seed wrote something"

# Whatever is written, the next seed gives what loading everything gives.
changes=(
  "-c|UPDATE users SET full_name = 'X' WHERE id = 3"
  "-c|DELETE FROM payments WHERE id % 7 = 0"
  "-c|INSERT INTO departments (id, name, head_teacher_id, budget) VALUES (777, 'New', 31, 1)"
  "-c|TRUNCATE messages"
  "-c|SELECT nextval(pg_get_serial_sequence('users', 'id'))"
  "-c|UPDATE tuitions SET status = status"
  "-c|DELETE FROM guardians -c|UPDATE users SET phone = NULL"
  "-c|ALTER TABLE users ADD COLUMN extra int -c|UPDATE users SET extra = 1 -c|ALTER TABLE users DROP COLUMN extra"
)
for round in $(seq 16); do
  IFS='|' read -ra words <<<"${changes[RANDOM % ${#changes[@]}]// -c|/|-c|}"
  psql -X -q -v ON_ERROR_STOP=1 -d "$url" -c "SET session_replication_role = replica" "${words[@]}" >/dev/null 2>"$err" ||
    fail "round $round: ${words[*]}"
  run 0 pgcycle-seed
  same "$(database_state)" "$whole" "round $round: ${words[*]}"
done

# Only the tables that were written to are loaded.
write -c "UPDATE payments SET amount = amount + 1"
run 0 pgcycle-seed --json
says "$out" '"table":"public.payments"'
[[ $(grep -o '"table":' "$out" | wc -l) == 1 ]] || fail "more than one table was loaded"
# A row that is edited in one file.
cp fixtures/public/holidays.json kept.json
sed -i '2s/"name": "[^"]*"/"name": "Edited"/' fixtures/public/holidays.json
run 0 pgcycle-seed --json
[[ $(grep -o '"table":' "$out" | wc -l) -le 2 ]] || fail "an edited row loads other tables"
[[ $(sql "SELECT count(*) FROM holidays WHERE name = 'Edited'") == 1 ]] || fail "the edited row is not there"
cp kept.json fixtures/public/holidays.json
run 0 pgcycle-seed
same "$(database_state)" "$whole"
# What is remembered of another database helps nobody.
rm -r .pgcycle/seeds
write -c "UPDATE users SET full_name = 'Y'"
run 0 pgcycle-seed
same "$(database_state)" "$whole"

# --clones: copies for workers.
run 0 pgcycle-seed --clones 2
[[ $(grep -c '^postgresql://' "$out") == 2 ]] || fail "no URLs of two clones"
for clone in school_1 school_2; do same "$(database_state "$(pgcycle-server url -q -d $clone)")" "$whole"; done

# --no-single-transaction: the same, by several sessions into a copy that is renamed in.
write -c "UPDATE users SET full_name = 'Z'" -c "DELETE FROM payments"
run 0 pgcycle-seed --no-single-transaction -j 3
says "$out" "seeded school: 27 tables" "38 foreign keys proven"
same "$(database_state)" "$whole"
cp fixtures/public/tuitions.json kept.json
sed -i '3s/"teacher_id": [0-9]*/"teacher_id": 99999/' fixtures/public/tuitions.json
unchanged run 3 pgcycle-seed --no-single-transaction
says "$err" "tuitions_teacher_id_fkey" "fixtures/public/tuitions.json:3"
cp kept.json fixtures/public/tuitions.json
[[ $(sql "SELECT count(*) FROM pg_database WHERE datname ~ '^pgcycle_(new|old)_'") == 0 ]] || fail "a copy is left"
psql -X -q -d "$url" -c "SELECT pg_sleep(60)" >/dev/null 2>&1 &
sleeper=$!
sleep 0.5
unchanged run 3 pgcycle-seed --no-single-transaction
says "$err" "school has sessions, and cannot be copied" "hint: end them"
kill $sleeper

# --explain: who gave what.
unchanged run 0 pgcycle-seed --explain
says "$out" "public.users (id=1)" "fixtures/public/users.json:2" "golden/base.json:4" "allotted"
grep -qE '^    full_name +record +.*golden/base.json:4:' "$out" || fail "the column of a record is not told"
grep -qE '^    role +factory +.*golden/factories.json:' "$out" || fail "the column of a factory is not told"
unchanged run 0 pgcycle-seed --explain --json
says "$out" '"schema":"pgcycle.seed/1"' '"from":"factory"'

# check: in CI.
unchanged run 0 pgcycle-seed check
says "$out" "fixtures and golden records fit the schema"
cat >golden/wrong.json <<'JSON'
{"public.users": [
  {"$factory": "teacher", "email": "w1@example.test", "created_at": "yesterdayish"},
  {"$factory": "teacher", "email": "w2@example.test", "school_id": "one"},
  {"$factory": "teacher", "email": "w3@example.test", "role": "janitor"}]}
JSON
unchanged run 4 pgcycle-seed check
says "$err" "golden/wrong.json:2:" "golden/wrong.json:3:" "golden/wrong.json:4:" "yesterdayish"
unchanged run 1 pgcycle-seed
rm golden/wrong.json

# init: a file that loads as it is.
run 0 pgcycle-seed init public.tuitions --golden skeleton
says "$out" "wrote $PWD/skeleton/tuitions.json"
says skeleton/tuitions.json '"public.tuitions": [' '"$as": "tuitions1"' '{"$ref": "teachers1"}' ", required"
run 1 pgcycle-seed init public.tuitions --golden skeleton
says "$err" "is there already"
run 1 pgcycle-seed init public.tuition
says "$err" 'did you mean'
unchanged run 0 pgcycle-seed check --golden skeleton

psql -X -q -d "$url" -c "CREATE SCHEMA other" \
  -c "CREATE TABLE other.tuitions (code text DEFAULT 'x' PRIMARY KEY)"
run 0 pgcycle-seed init other.tuitions --golden skeleton
says skeleton/other.tuitions.json '"code": "",  // text, unique, default' '"$as": "other_tuitions1"'
psql -X -q -d "$url" -c "DROP SCHEMA other CASCADE"

# --adapt: fixtures that are older than the schema.
psql -X -q -d "$url" -c "ALTER TABLE holidays ADD COLUMN region text NOT NULL DEFAULT 'BE'" \
  -c "ALTER TABLE tuitions DROP COLUMN notes CASCADE" -c "DROP TABLE page_views CASCADE"
unchanged run 4 pgcycle-seed
run 0 pgcycle-seed --adapt
says "$err" "adapted: public.holidays.region: filled in with its default" "page_views: left out" \
  "public.tuitions.notes: left out"
[[ $(sql "SELECT count(*) FROM holidays WHERE region = 'BE'") -gt 0 ]] || fail "the default is not filled in"
psql -X -q -d "$url" -c "ALTER TABLE holidays ADD COLUMN must int" -c "UPDATE holidays SET must = 1" \
  -c "ALTER TABLE holidays ALTER COLUMN must SET NOT NULL"
unchanged run 4 pgcycle-seed --adapt
says "$err" "public.holidays.must is not in the fixtures, is NOT NULL and has no default"

# --fire-triggers: users' triggers see the rows, otherwise they rest.
project shop
url=$(pgcycle-server url -q)
psql -X -q -d "$(pgcycle-server url -q -d postgres)" -c "CREATE DATABASE shop"
psql -X -q -d "$url" <<'SQL'
CREATE TABLE items (id int PRIMARY KEY, up int REFERENCES items, name text);
CREATE TABLE seen (id int);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.seen VALUES (NEW.id); RETURN NEW; END $$;
INSERT INTO items VALUES (1, 2, 'a'), (2, 1, 'b');
CREATE TRIGGER note AFTER INSERT ON items FOR EACH ROW EXECUTE FUNCTION note();
CREATE FUNCTION loud() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.name := upper(NEW.name); RETURN NEW; END $$;
CREATE TRIGGER loud BEFORE INSERT ON items FOR EACH ROW EXECUTE FUNCTION loud();
SQL
printf '{"database": {"name": "shop", "server": "embedded"}, "extract": {"exclude": ["public.seen"]}}' >pgcycle.json
run 0 pgcycle-extract -q --no-anonymize
run 0 pgcycle-seed
same "$(sql "SELECT count(*) FROM seen")" 0 "triggers fired"
run 0 pgcycle-seed --fire-triggers
same "$(sql "SELECT count(*) FROM seen")" 2 "triggers did not fire"
same "$(sql "SELECT string_agg(name, ' ' ORDER BY id) FROM items")" "A B"
# What they made of the rows does not stay.
run 0 pgcycle-seed
same "$(sql "SELECT string_agg(name, ' ' ORDER BY id) FROM items")" "a b"
run 0 pgcycle-seed
says "$out" "shop is as seeded"
# Rows beyond the fixtures that refer to what would be emptied are never removed.
psql -X -q -d "$url" -c "CREATE TABLE mine (item int REFERENCES items)" -c "INSERT INTO mine VALUES (1)"
unchanged run 4 pgcycle-seed --force
says "$err" "public.mine has rows that reference public.items" "mine_item_fkey"
