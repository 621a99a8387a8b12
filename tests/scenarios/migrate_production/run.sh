#!/usr/bin/env bash
# Production: every gate by itself, then the whole way there and back. Test databases: backup and
# rollback.
. "$(dirname "$0")/../lib.sh"

external_server prod log_statement=all
psql -X -q -d "$admin" -c "CREATE DATABASE shop TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'"
shop="postgresql://postgres@localhost:$port/shop"
psql -X -q -v ON_ERROR_STOP=1 -d "$shop" -c "CREATE TABLE orders (id int PRIMARY KEY, amount int); INSERT INTO orders SELECT i, i FROM generate_series(1, 500) i;
  CREATE SEQUENCE counter; SELECT nextval('counter'); CREATE VIEW sums AS SELECT sum(amount) FROM orders;
  -- pg_dump does not keep the order of such a table's columns.
  CREATE TABLE up (a int); CREATE TABLE down (b int) INHERITS (up); ALTER TABLE up ADD COLUMN c int;
  INSERT INTO down VALUES (1, 2, 3);
  -- What is given to roles is not part of the proof.
  CREATE ROLE reader; GRANT SELECT ON orders TO reader;
  ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO reader" >/dev/null
project shop
printf '{"database": {"name": "shop", "server": "embedded"}, "production": {"url": "%s"}, "migrations": {"lockTimeout": "200ms"}}\n' "$shop" >pgcycle.json
mkdir -p migrations/v1
printf 'ALTER TABLE orders ADD COLUMN note text;\n' >migrations/v1/010_note.sql
printf 'ALTER TABLE orders DROP COLUMN note;\n' >migrations/v1/010_note.down.sql
printf -- '-- check rows: = 500\nSELECT count(*) FROM orders;\n' >migrations/v1/checks.sql
state() { pg_dump -T down -d "$shop" | grep -vE '^\\(un)?restrict ' | sort | sha256sum; }
before=$(state)

# No way to it without --prod.
run 5 pgcycle-migrate up -d "$shop"
says "$err" "it is production"
# Not rehearsed; name not given; wrong name.
run 5 pgcycle-migrate up --prod --confirm shop
says "$err" "not rehearsed with these files"
pg_dump -Fc -d "$shop" -f prod.dump
run 0 pgcycle-migrate rehearse --from-dump prod.dump --prod
says "$out" "v1" "lossless" "AccessExclusiveLock on orders" "on production" "1 of 1 checks passed"
run 5 pgcycle-migrate up --prod
says "$err" "its name was not given"
run 5 pgcycle-migrate up --prod --confirm other
says "$err" '"other" is not its name'
same "$(state)" "$before" "production changed"
[[ ! -e backups ]] || fail "a backup without leave"
# A rehearsal on production itself leaves nothing there, not even for a while.
run 0 pgcycle-migrate rehearse --prod
same "$(psql -X -At -d "$admin" -c "SELECT count(*) FROM pg_database WHERE datname ~ '^pgcycle'")" 0
if grep -q 'CREATE DATABASE .*pgcycle' "$work/prod.log"; then fail "a database was made on production's server"; fi
# Files that changed since are not the ones that were rehearsed.
printf 'ALTER TABLE orders ADD COLUMN note text;\nALTER TABLE orders ADD COLUMN more text;\n' >migrations/v1/010_note.sql
run 5 pgcycle-migrate up --prod --confirm shop
says "$err" "not rehearsed with these files"
printf 'ALTER TABLE orders ADD COLUMN note text;\n' >migrations/v1/010_note.sql

# A reader in the way: nobody behind it waits for long, and it is named.
psql -X -q -d "$shop" -c "BEGIN; SELECT FROM orders LIMIT 1; SELECT pg_sleep(3); COMMIT" >/dev/null &
sleep 0.5
pgcycle-migrate up --prod --confirm shop >"$out" 2>"$err" &
migrate=$!
slowest=0
while kill -0 $migrate 2>/dev/null; do
  start=$(date +%s%N)
  psql -X -q -At -d "$shop" -c 'SELECT count(*) FROM orders' >/dev/null
  took=$((($(date +%s%N) - start) / 1000000))
  ((took > slowest)) && slowest=$took
done
wait $migrate || fail "up --prod"
((slowest < 1200)) || fail "a reader waited for $slowest ms"
says "$err" "to run: v1 010_note" "backed up and proven" "no lock within 0.2 s" "in the way is process" "pg_sleep" "the way back: pgcycle-migrate rollback --prod"
says "$out" "1 steps run"
run 0 pgcycle-migrate status --prod
says "$out" "v1  applied"
same "$(stat -c %a backups/*/dump)" 600
same "$(stat -c %a backups/shop.*)" 700

# Back: what was there stays under another name.
psql -X -q -d "$shop" -c "DELETE FROM orders WHERE id < 100"
run 5 pgcycle-migrate rollback --prod --confirm nonsense
run 0 pgcycle-migrate rollback --prod --confirm shop
says "$err" "what was there before is now the database"
same "$(state)" "$before" "not rolled back"
same "$(psql -X -At -d "$shop" -c "SHOW server_encoding")" LATIN1
same "$(psql -X -At -d "$admin" -c "SELECT count(*) FROM pg_database WHERE datname ~ '^shop_before_'")" 1
run 5 pgcycle-migrate up -d "$shop"

# A backup that is not what was written is not restored.
backup=$(echo backups/shop.*)
printf 'x' | dd of="$backup/dump" bs=1 seek=200 conv=notrunc 2>/dev/null
run 4 pgcycle-migrate rollback --prod --confirm shop
says "$err" "not what was written"
same "$(state)" "$before"

# Test databases.
rm -r backups
run 0 pgcycle-reset -q --dump prod.dump
run 0 pgcycle-migrate backup
says "$out" "501 rows" "restored and proven"
# A comparison has it proven.
run 0 pgcycle-migrate diff "$shop" shop --sql
says "$out" "ALTER DEFAULT PRIVILEGES FOR ROLE postgres REVOKE SELECT ON TABLES FROM reader"
lacks "$err" "not proven" "grants"
sql "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC"
run 0 pgcycle-migrate backup
sql "DROP TABLE orders CASCADE; ALTER DEFAULT PRIVILEGES REVOKE SELECT ON TABLES FROM PUBLIC"
run 5 pgcycle-migrate rollback
run 0 pgcycle-migrate rollback --confirm shop
same "$(sql "SELECT count(*) FROM orders")" 500
same "$(sql "SELECT count(*) FROM pg_default_acl")" 1
for _ in 1 2 3 4 5 6; do
  run 0 pgcycle-migrate backup
  sleep 1
done
same "$(find backups -mindepth 1 -maxdepth 1 | wc -l)" 5 "older backups stay"

# No room for another: the earlier ones stay, and nothing else.
if [[ $(id -u) == 0 ]] && mv backups kept && mkdir backups && mount -t tmpfs -o size=60k none backups 2>/dev/null; then
  newest=$(cd kept && printf '%s\n' shop.* | tail -n 1)
  cp -r "kept/$newest" backups
  head -c 40000 /dev/zero >backups/full 2>/dev/null || true
  run 3 pgcycle-migrate backup
  says "$err" "No space left"
  same "$(ls backups)" "$(printf 'full\n%s' "$newest")"
  run 0 pgcycle-migrate rollback --confirm shop
  umount backups
fi
if [[ -d kept ]]; then rmdir backups && mv kept backups; fi

# SIGKILL at many instants of backup and rollback. A backup is there whole or not at all, and what
# a killed run leaves is gone after the next one; the database is the old one or the new one.
seeded
backups() { find backups -name manifest.json -path 'backups/shop.2*' | sort; }
timed pgcycle-migrate backup
usual=$took
for i in $(seq 20); do
  before=$(backups)
  killed_within "$usual" pgcycle-migrate backup
  [[ -z $(comm -23 <(echo "$before" | tail -n +2) <(backups)) ]] || fail "kill $i took an earlier backup away"
  for manifest in $(backups); do
    [[ -s $(dirname "$manifest")/dump ]] || fail "kill $i left a half backup"
  done
done
run 0 pgcycle-migrate backup
same "$(find backups -mindepth 1 -maxdepth 1 | wc -l)" 5 "what killed runs left stays"

backed_up=$(sql "SELECT count(*) FROM orders")
seen_old=0
timed pgcycle-migrate rollback --confirm shop
usual=$took
for i in $(seq 20); do
  sql "INSERT INTO orders VALUES (1000, $i) ON CONFLICT DO NOTHING"
  killed_within "$usual" pgcycle-migrate rollback --confirm shop
  no_sessions_of pgcycle-migrate "$(pgcycle-server url -q -d postgres)"
  now=$(sql "SELECT count(*) FROM orders")
  [[ $now == "$backed_up" || $now == $((backed_up + 1)) ]] || fail "kill $i left $now rows"
  if [[ $now != "$backed_up" ]]; then seen_old=$((seen_old + 1)); fi
done
((seen_old > 3)) || fail "hardly a rollback was killed in time"
run 0 pgcycle-migrate rollback --confirm shop
same "$(sql "SELECT count(*) FROM orders")" "$backed_up"
run 0 pgcycle-reset gc
finished "$(pgcycle-server url -q -d postgres)"
