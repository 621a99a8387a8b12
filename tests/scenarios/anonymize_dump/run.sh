#!/usr/bin/env bash
# Dumps are masked before the server sees them: nothing of an original is in any of its files.
. "$(dirname "$0")/../lib.sh"

# A production on a server of its own, which only exists while its dumps are taken.
external_server production
source_url=${admin%/postgres}/source
psql -X -q -d "$admin" -c 'CREATE DATABASE source'
psql -X -q -v ON_ERROR_STOP=1 -d "$source_url" <<'SQL'
CREATE TABLE patients (id int PRIMARY KEY, name text NOT NULL, email text UNIQUE, phone text);
CREATE TABLE visits (id int, patient int REFERENCES patients, day date, note text, data jsonb, PRIMARY KEY (id, day))
  PARTITION BY RANGE (day);
CREATE TABLE visits_old PARTITION OF visits FOR VALUES FROM ('1900-01-01') TO ('2021-01-01');
CREATE TABLE visits_new PARTITION OF visits FOR VALUES FROM ('2021-01-01') TO ('2100-01-01');
CREATE TABLE logs (id serial PRIMARY KEY, at_place text);
CREATE INDEX ON patients (lower(name));
CREATE MATERIALIZED VIEW names AS SELECT name FROM patients;
INSERT INTO patients SELECT i, 'Plantedname' || i || ' Secretsurname' || i, 'planted.mail' || i || '@hidden.pt',
  '+351 9' || (10000000 + i * 7919) FROM generate_series(1, 2000) i;
INSERT INTO visits SELECT i, i, date '2020-06-01' + i % 500, 'Saw Plantedname' || i || ' about the leg',
  jsonb_build_object('doctor', 'Secretdoctor' || i, 'room', i % 9) FROM generate_series(1, 2000) i;
INSERT INTO logs (at_place) SELECT 'ward ' || i % 7 FROM generate_series(1, 100) i;
REFRESH MATERIALIZED VIEW names;
SELECT lo_from_bytea(0, 'Plantedobject of Secretsurname7');
SQL

project clinic
cat >pgcycle.json <<'J'
{"database": {"name": "clinic", "server": "embedded"},
 "anonymize": {"key": "${KEY}", "rules": {
   "*.*.name": "person_name", "*.*.email": "email", "*.*.phone": "phone",
   "public.visits.note": "scrub", "public.visits.data": {"json": {"$.doctor": "person_name", "$.room": "keep"}},
   "public.visits.day": {"generator": "date_shift", "by": "patient", "days": 60}, "public.logs.at_place": "keep"}}}
J
export KEY
KEY=$(printf '%064d' 5)
pg_dump -Fc -d "$source_url" -f prod.dump
pg_dump -Fd -d "$source_url" -f prod.dir
pg_dump -Fp -d "$source_url" -f prod.sql
pg_dump -Fp --inserts -d "$source_url" -f inserts.sql
gzip -k prod.sql
run 0 pgcycle-extract -q -d "$source_url" --fixtures from_database
server_gone production
rm -rf "$work/production"

clean() {  # no file under the directories has a planted value, in any encoding of the server
  if grep -rlaiE 'planted|secret(surname|doctor)|hidden\.pt' "$@" 2>/dev/null | head -n 3 | grep .; then
    fail "originals are in the files above"
  fi
}

mkdir spool && export TMPDIR=$PWD/spool
for form in prod.dump prod.dir prod.sql prod.sql.gz; do
  run 0 pgcycle-reset -q --no-cache --anonymize --dump "$form"
  says "$err" "what large objects hold is left out"
  url=$(pgcycle-server url -q)
  psql -X -q -d "$url" -c CHECKPOINT
  clean .pgcycle spool
  [[ $(psql -X -Atq -d "$url" -c "SELECT count(*), count(DISTINCT email) FROM patients") == "2000|2000" ]] || fail "rows of $form"
  [[ $(psql -X -Atq -d "$url" -c "SELECT count(*) FROM visits_old WHERE day < '2021-01-01'") != 0 ]] || fail "partitions of $form"
done
psql -X -Atq -d "$url" -c "SELECT * FROM patients ORDER BY id" >masked_once

# Through a pipe, by the cache, and the same every time.
pgcycle-reset -q --anonymize --dump - <prod.dump >"$out" 2>"$err" || fail "a dump through a pipe"
run 0 pgcycle-reset --anonymize --dump prod.dump
run 0 pgcycle-reset --anonymize --dump prod.dump
says "$out" "from the cache"
psql -X -Atq -d "$url" -c "SELECT * FROM patients ORDER BY id" >masked_again
cmp masked_once masked_again || fail "another run gave other pseudonyms"
clean .pgcycle spool
# Another key or other rules are another template.
KEY=$(printf '%064d' 6) run 0 pgcycle-reset --anonymize --dump prod.dump
if grep -q "from the cache" "$out"; then fail "another key took the template of the first"; fi

# From the dump to fixtures: those of the database itself, and no original on the way.
run 0 pgcycle-extract -q --from-dump prod.dump --fixtures from_dump --report report.json
says report.json '"proven": true' '"leaks": 0'
same_files from_database from_dump
pgcycle-extract -q --from-dump - --fixtures from_pipe <prod.sql.gz >"$out" 2>"$err" || fail "a dump through a pipe"
same_files from_database from_pipe
clean .pgcycle spool from_dump

# Killed at random instants: the old rows or the masked ones, and no original anywhere.
seeded
psql -X -q -d "$url" -c "UPDATE patients SET phone = 'mine'"
rows_of() { psql -X -Atq -d "$url" -c "SELECT md5(string_agg(p::text, ',' ORDER BY id)) FROM patients p"; }
old=$(rows_of)
killed=0
for round in $(seq 30); do
  dump=$(shuf -n 1 -e prod.dump prod.dir prod.sql.gz --random-source=<(yes "$RANDOM"))
  pgcycle-reset -q --no-cache --anonymize --dump "$dump" >/dev/null 2>&1 &
  sleep "0.$(printf '%03d' $((RANDOM % 900)))"
  if kill -KILL $! 2>/dev/null; then killed=$((killed + 1)); fi
  wait $! 2>/dev/null || true
  no_sessions_of pgcycle-reset "$(pgcycle-server url -q -d postgres)"
  now=$(rows_of)
  if [[ $now != "$old" ]]; then
    [[ $(psql -X -Atq -d "$url" -c "SELECT * FROM patients ORDER BY id" | cmp - masked_once) == "" ]] ||
      fail "round $round left neither the old rows nor the masked ones"
    psql -X -q -d "$url" -c "UPDATE patients SET phone = 'mine'"
    old=$(rows_of)
  fi
  if ((round % 10 == 0)); then psql -X -q -d "$url" -c CHECKPOINT; fi
  clean .pgcycle spool
done
((killed > 5)) || fail "only $killed of 30 runs were killed"
run 0 pgcycle-reset -q --no-cache --anonymize --dump prod.dump
psql -X -Atq -d "$url" -c "SELECT * FROM patients ORDER BY id" | cmp - masked_once || fail "the run after the kills"

# What cannot be masked is refused, and nothing shows a value.
before=$(psql -X -Atq -d "$url" -c "SELECT count(*) FROM patients")
run 1 pgcycle-reset --anonymize --dump inserts.sql
says "$err" "INSERT statements cannot be masked"
sed 's/^COPY public.logs \(.*\) FROM stdin;/COPY public.logs \1 FROM stdin WITH (FORMAT text);/' prod.sql >odd.sql
run 1 pgcycle-reset --anonymize --dump odd.sql
says "$err" "a statement that pg_dump does not write" "odd.sql:"
sed -i 's/"public.visits.note": "scrub",//' pgcycle.json
run 4 pgcycle-reset --anonymize --no-cache --dump prod.dump
says "$err" "public.visits.note"
sed -i 's/"public.visits.day"/"public.visits.note": "keep", "public.visits.day"/' pgcycle.json
run 4 pgcycle-reset --anonymize --no-cache --dump prod.dump
says "$err" "would be published" "public.visits.note"
if grep -qiE "planted|secret" "$err"; then fail "an original is shown"; fi
[[ $(psql -X -Atq -d "$url" -c "SELECT count(*) FROM patients") == "$before" ]] || fail "the old database is gone"
