#!/usr/bin/env bash
# SIGKILL at 300 instants of a run of thirty steps, in transactions, concurrent and by script: up
# again ends in the same schema and rows. Two runners at once: one works, one waits.
. "$(dirname "$0")/../lib.sh"

seeded
kills=${PGCYCLE_TEST_KILLS:-300}

project killed
mkdir -p m/v1
printf 'CREATE TABLE t (id int PRIMARY KEY, a int, b text); INSERT INTO t SELECT i, i, md5(i::text) FROM generate_series(1, 3000) i;\nCREATE TABLE log (step text);\nCREATE TABLE parts (id int) PARTITION BY RANGE (id); CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (1) TO (2);\n' >m/v1/010_t.sql
for i in $(seq 2 29); do
  file=m/v1/$(printf '%03d' $((i * 10)))_s$i
  case $((i % 7)) in
    0) printf 'ALTER TABLE t ADD COLUMN c%s int DEFAULT %s;\nINSERT INTO log VALUES (%s);\n' "$i" "$i" "'$i'" >"$file.sql" ;;
    1) printf 'CREATE INDEX CONCURRENTLY i%s ON t (a, b);\nINSERT INTO log VALUES (%s);\nSET search_path = public;\nCREATE UNIQUE INDEX CONCURRENTLY u%s ON t (id, a);\n' "$i" "'$i'" "$i" >"$file.sql" ;;
    2) printf '#!/bin/sh\npsql -X -q -d "$PGCYCLE_DB_URL" -c "BEGIN; DELETE FROM log WHERE step = %s; INSERT INTO log VALUES (%s); COMMIT"\n' "'$i'" "'$i'" >"$file.sh" && chmod +x "$file.sh" ;;
    3) printf 'CREATE INDEX CONCURRENTLY i%s ON t (b);\nDROP INDEX CONCURRENTLY i%s;\nREINDEX TABLE CONCURRENTLY t;\nINSERT INTO log VALUES (%s);\n' "$i" "$i" "'$i'" >"$file.sql" ;;
    4) printf -- '-- pgcycle: no-transaction\nINSERT INTO log VALUES (%s);\nBEGIN;\nUPDATE t SET a = a + 1;\nINSERT INTO log VALUES (%s);\nCOMMIT;\nINSERT INTO log VALUES (%s);\n' "'$i'" "'$i b'" "'$i c'" >"$file.sql" ;;
    5) printf '{"table": "t", "set": {"a": "a + 1"}, "batch": 500}\n' >"$file.backfill.json" ;;
    6) printf 'COPY log FROM stdin;\n%s\n\\.\nUPDATE t SET b = b || %s WHERE id < 100;\n' "$i" "'$i'" >"$file.sql" ;;
  esac
done
printf 'ALTER TABLE parts DETACH PARTITION parts_1 CONCURRENTLY;\nINSERT INTO log VALUES (%s);\n' "'end'" >m/v1/300_end.sql

run 0 pgcycle-server start -q
admin=$(pgcycle-server url -q -d postgres)
url=$(pgcycle-server url -q)
fresh() { psql -X -q -d "$admin" -c 'DROP DATABASE IF EXISTS killed WITH (FORCE)' -c 'CREATE DATABASE killed'; }
content() { database_state "$url" --exclude-schema=pgcycle; }
fresh
timed pgcycle-migrate --migrations m up -q
usual=$took
wanted=$(content)

done_kills=0
while ((done_kills < kills)); do
  fresh
  while ((done_kills < kills)); do
    killed_within $((usual / 2)) pgcycle-migrate --migrations m up -q
    if [[ $ended == 0 ]]; then break; fi
    [[ $ended == 137 ]] || fail "up ended with $ended after $done_kills kills"
    done_kills=$((done_kills + 1))
  done
  no_sessions_of pgcycle-migrate "$admin"
  run 0 pgcycle-migrate --migrations m up -q
  same "$(content)" "$wanted" "after $done_kills kills it ends elsewhere"
  same "$(sql "SELECT indexrelid::regclass FROM pg_index WHERE NOT indisvalid")" "" "invalid indexes"
  run 0 pgcycle-migrate --migrations m status
  if grep -qE 'interrupted|pending' "$out"; then fail "something is not done"; fi
done

# Two at once.
fresh
two_at_once pgcycle-migrate --migrations m up
same "$(content)" "$wanted"
grep -q "waiting for pgcycle-migrate" "$work/one" "$work/two" || fail "nobody waited"
same "$(cat "$work/one" "$work/two" | grep -c '^30 steps run')" 1

# The server goes on for a while with what a killed run had sent it: the next run, at once, waits for
# that, and does nothing twice.
mkdir -p r
printf 'CREATE TABLE counted (number int);\n' >r/000001_counted.up.sql
for i in $(seq 2 40); do
  printf 'CREATE TABLE IF NOT EXISTS s%s AS SELECT pg_sleep(0.01)::text AS x;\nINSERT INTO counted VALUES (%s);\n' "$i" "$i" >"$(printf 'r/%06d_s.up.sql' "$i")"
done
fresh
timed pgcycle-migrate --migrations r up -q
usual=$took
for i in $(seq 25); do
  fresh
  killed_within "$usual" pgcycle-migrate --migrations r up -q
  run 0 pgcycle-migrate --migrations r up -q
  same "$(sql "SELECT count(*), count(DISTINCT number), sum(number) FROM counted")" "39|39|819" "after kill $i"
done
