#!/usr/bin/env bash
# Behind a pooler that hands out its sessions by transaction: up, down, and two at once.
. "$(dirname "$0")/../lib.sh"

pooler
psql -X -q -d "$admin" -c "CREATE DATABASE app"
app="postgresql://postgres@localhost:$pool/app"

project pooler
printf '{"database": {"url": "%s"}, "guard": {"allow": ["localhost/app", "localhost:%s/app"]}}\n' "$app" "$pool" >pgcycle.json
for i in $(seq 1 30); do
  name=$(printf 'm/v1/%03d_s%s' "$((i * 10))" "$i")
  mkdir -p m/v1
  printf 'CREATE TABLE t%s (id int PRIMARY KEY);\nSET LOCAL work_mem = %s;\nINSERT INTO t%s VALUES (1);\n' "$i" "'1MB'" "$i" >"$name.sql"
  printf 'DROP TABLE t%s;\n' "$i" >"$name.down.sql"
done
printf 'CREATE INDEX CONCURRENTLY t1_id ON t1 (id);\n' >m/v1/500_index.sql
printf 'DROP INDEX CONCURRENTLY t1_id;\n' >m/v1/500_index.down.sql
two_at_once pgcycle-migrate --migrations m up
same "$(psql -X -At -d "$app" -c "SELECT count(*) FROM pg_class WHERE relname ~ '^t[0-9]+$'")" 30
same "$(cat "$work/one" "$work/two" | grep -c '^31 steps run')" 1
run 0 pgcycle-migrate --migrations m status
run 0 pgcycle-migrate --migrations m down --to 0
same "$(psql -X -At -d "$app" -c "SELECT count(*) FROM pg_class WHERE relname ~ '^t[0-9]+$'")" 0
# Small versions in a row, whose journal is planned once a message; one of them fails.
mkdir s
for i in $(seq 1 60); do printf 'CREATE TABLE s%s (id int);\n' "$i" >"s/$(printf '%06d' "$i")_s.up.sql"; done
printf 'CREATE TABLE s40 (id nonsense);\n' >s/000040_s.up.sql
run 3 pgcycle-migrate --migrations s up
says "$err" 'type "nonsense" does not exist' "at $PWD/s/000040_s.up.sql:1:22"
same "$(psql -X -At -d "$app" -c "SELECT count(*) FROM pg_class WHERE relname ~ '^s[0-9]+$'")" 39
nothing_left "$app"
printf 'CREATE TABLE s40 (id int);\n' >s/000040_s.up.sql
run 0 pgcycle-migrate --migrations s up
says "$out" "21 steps run"
same "$(psql -X -At -d "$app" -c "SELECT count(*) FROM pg_class WHERE relname ~ '^s[0-9]+$'")" 60
nothing_left "$app"
# One that does not get its lock.
for i in 61 62 63; do printf 'ALTER TABLE s1 ADD c%s int;\n' "$i" >"s/0000${i}_s.up.sql"; done
sed -i 's/^{/{"migrations": {"lockTimeout": "300ms", "lockWait": "900ms"}, /' pgcycle.json
psql -X -q -d "$admin" -c '\c app' -c 'BEGIN; LOCK s1; SELECT pg_sleep(3)' >/dev/null &
holder=$!
sleep 0.5
run 3 pgcycle-migrate --migrations s up
says "$err" "no lock within" "psql" "LOCK s1"
nothing_left "$app"
wait "$holder"
run 0 pgcycle-migrate --migrations s up
says "$out" "3 steps run"
nothing_left "$app"
# Nothing holds a lock any more.
same "$(psql -X -At -d "$admin" -c "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")" 0
