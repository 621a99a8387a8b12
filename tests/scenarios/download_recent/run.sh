#!/usr/bin/env bash
# A fresh dump from production takes the place of the last one, or nothing changes.
. "$(dirname "$0")/../lib.sh"

# Production: another project's server, reached by a role that may only read.
school production
run 0 pgcycle-reset -q
wanted=$(database_state)
production=$(pgcycle-server url -q)
psql -X -q -d "$production" -c "CREATE ROLE reader LOGIN" -c "GRANT pg_read_all_data TO reader" \
  -c "ALTER ROLE reader BYPASSRLS"
cd ..
mkdir here
cd here
export DATABASE_URL_PROD_CLI="${production/postgres@/reader@}"
cat >pgcycle.json <<'JSON'
{"database": {"name": "school_test", "server": "embedded"},
 "production": {"url": "${DATABASE_URL_PROD_CLI}"},
 "dump": {"file": "dumps/prod.dump", "keep": 2}}
JSON

run 0 pgcycle-reset --download-recent
says "$err" "downloaded $PWD/dumps/prod.dump: " " tables"
same "$(database_state)" "$wanted"
same "$(stat -c %a dumps/prod.dump)" 600

# Earlier dumps are kept by time, so many and no more.
for second in 1 2 3; do
  touch -d "2026-01-01 00:00:0$second UTC" dumps/prod.dump
  run 0 pgcycle-reset -q --download-recent
done
same "$(cd dumps && echo *)" "prod.20260101T000002Z.dump prod.20260101T000003Z.dump prod.dump"

# What pg_dump is told.
run 0 pgcycle-reset --download-recent --exclude-table-data page_views --json
same "$(sql 'SELECT count(*) FROM page_views')" 0
psql -X -q -d "$production" -c "CREATE SCHEMA extra" -c "CREATE TABLE extra.t AS SELECT 42 AS x"
run 0 pgcycle-reset -q --download-recent --schema extra
same "$(sql "SELECT x FROM extra.t")" 42
same "$(sql "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")" 0
psql -X -q -d "$production" -c "DROP SCHEMA extra CASCADE" 2>/dev/null
run 1 pgcycle-reset --schema audit
says "$err" "--download-recent"

# Failures leave the earlier dump and the database.
run 0 pgcycle-reset -q --download-recent
dump=$(sha256sum <dumps/prod.dump)
kept() {
  same "$(sha256sum <dumps/prod.dump)" "$dump" "the dump changed"
  same "$(find dumps -name '.*' -type f | wc -l)" 0 "files left behind"
}
DATABASE_URL_PROD_CLI="host=/nowhere dbname=x" unchanged run 2 pgcycle-reset --download-recent
kept
psql -X -q -d "$production" -c "REVOKE pg_read_all_data FROM reader"
unchanged run 3 pgcycle-reset --download-recent
says "$err" "cannot dump" "permission denied" "hint:"
kept
psql -X -q -d "$production" -c "GRANT pg_read_all_data TO reader"
unset DATABASE_URL_PROD_CLI
run 1 pgcycle-reset --download-recent
says "$err" "DATABASE_URL_PROD_CLI"
export DATABASE_URL_PROD_CLI="${production/postgres@/reader@}"

# No room for the new one.
if [[ $(id -u) == 0 ]] && mkdir small && mount -t tmpfs -o size=100k none small 2>/dev/null; then
  head -c 1000 dumps/prod.dump >small/prod.dump
  run 3 pgcycle-reset --download-recent --dump small/prod.dump
  same "$(stat -c %s small/prod.dump)" 1000 "the earlier dump changed"
  same "$(find small -name '.*' -type f | wc -l)" 0 "files left behind"
  umount small
fi

# Killed on the way: the earlier dump is there, whole; the next download works.
for delay in 0.05 0.1 0.15 0.2 0.3 0.4; do
  setsid pgcycle-reset --download-recent >"$out" 2>"$err" </dev/null &
  sleep $delay
  kill -9 -- -$! 2>/dev/null || true
  wait $! 2>/dev/null || true
  pg_restore -f /dev/null dumps/prod.dump || fail "no whole dump after $delay s"
done
run 0 pgcycle-reset -q --download-recent
same "$(database_state)" "$wanted"
same "$(find dumps -name '.*' -type f | wc -l)" 0 "files left behind"
