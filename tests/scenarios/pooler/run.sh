#!/usr/bin/env bash
# What reads a database behind a pooler that hands out its sessions by transaction reads the same as
# beside it, whatever the database's settings are, and leaves nothing in the sessions of others.
. "$(dirname "$0")/../lib.sh"

pooler
direct="postgresql://postgres@localhost:$port/app"
app="postgresql://postgres@localhost:$pool/app"
psql -X -q -d "$admin" -c "CREATE DATABASE app"
psql -X -q -d "$direct" <<'SQL'
CREATE TABLE team (id int PRIMARY KEY, name text NOT NULL);
CREATE TABLE member (id serial PRIMARY KEY, team int REFERENCES team, born date, seen timestamptz,
  worked interval, score float8, paid money, raw bytea);
CREATE VIEW seen AS SELECT t.name, m.seen FROM team t JOIN member m ON m.team = t.id;
INSERT INTO team SELECT i, 'team ' || i FROM generate_series(1, 20) i;
INSERT INTO member (team, born, seen, worked, score, paid, raw)
  SELECT i % 20 + 1, date '1990-03-04' + i, timestamptz '2026-05-06 07:08:09+00' + i * interval '1 h', i * interval '1 d 2 s',
    i / 7.0, i::numeric::money, decode(lpad(to_hex(i), 4, '0'), 'hex') FROM generate_series(1, 300) i;
SQL
for setting in "search_path = pg_catalog, information_schema" "DateStyle = 'SQL, DMY'" "IntervalStyle = sql_standard" \
  "extra_float_digits = 0" "bytea_output = escape" "TimeZone = 'Asia/Tokyo'" "standard_conforming_strings = off"; do
  psql -X -q -d "$admin" -c "ALTER DATABASE app SET $setting"
done

project pooler
rules='"public.team.name": "keep", "public.member.born": "keep", "public.member.raw": "keep"'
printf '{"database": {"url": "%s"}, "guard": {"allow": ["localhost/app", "localhost:%s/app", "localhost:%s/app"]}, "anonymize": {"rules": {%s}}}\n' \
  "$app" "$port" "$pool" "$rules" >pgcycle.json

# Others come and go meanwhile, so that sessions change hands.
while psql -X -q -d "$app" -c "SELECT 1" >/dev/null 2>&1; do :; done &
others=$!
run 0 pgcycle-extract init
run 0 pgcycle-extract -d "$direct" --fixtures beside
run 0 pgcycle-extract
same_files beside fixtures
run 0 pgcycle-extract --check
run 0 pgcycle-extract scan
run 0 pgcycle-extract graph
run 0 pgcycle-migrate -d "$direct" lock
mv schema.lock.json beside.json
run 0 pgcycle-migrate lock
same_files beside.json schema.lock.json
run 0 pgcycle-migrate lock --check
run 0 pgcycle-migrate diff "$app" "$direct"
run 0 pgcycle-seed check
for step in 'UPDATE member SET score = 0' 'DELETE FROM member WHERE id > 100' 'SELECT 1'; do
  psql -X -q -d "$direct" -c "SET search_path = public" -c "$step" >/dev/null
  run 0 pgcycle-seed
done
says "$out" "is as seeded"
run 0 pgcycle-seed --force
printf '{"op": "seed"}\n{"op": "seed", "force": true}\n{"op": "seed"}\n' | pgcycle-seed --session >"$out" 2>"$err"
same "$(grep -c '"tables_unchanged":2' "$out")" 2
run 0 pgcycle-extract -d "$direct" --fixtures after
same_files beside after
kill "$others"
wait "$others" 2>/dev/null || true
nothing_left "$app"
