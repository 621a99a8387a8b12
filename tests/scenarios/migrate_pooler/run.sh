#!/usr/bin/env bash
# Behind a pooler that hands out its sessions by transaction: up, down, and two at once.
. "$(dirname "$0")/../lib.sh"

bouncer=$(command -v pgbouncer || ls /usr/sbin/pgbouncer 2>/dev/null) || skip "pgbouncer is not installed"
external_server pooled
psql -X -q -d "$admin" -c "CREATE DATABASE app"
pool=$((port + 1))
mkdir "$work/bouncer"
printf '"postgres" ""\n' >"$work/bouncer/users"
cat >"$work/bouncer/ini" <<INI
[databases]
* = host=$work/pooled port=$port user=postgres
[pgbouncer]
listen_addr = localhost
listen_port = $pool
unix_socket_dir =
auth_type = any
auth_file = $work/bouncer/users
pidfile = $work/bouncer/pid
pool_mode = transaction
default_pool_size = 4
ignore_startup_parameters = extra_float_digits,options
INI
[[ $(id -u) != 0 ]] || chown -R postgres "$work/bouncer"
as_server_user "$bouncer" -q "$work/bouncer/ini" >"$work/bouncer.log" 2>&1 &
app="postgresql://postgres@localhost:$pool/app"
for _ in $(seq 50); do
  if psql -X -q -d "$app" -c 'SELECT' >/dev/null 2>&1; then break; fi
  sleep 0.1
done

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
printf 'CREATE TABLE s40 (id int);\n' >s/000040_s.up.sql
run 0 pgcycle-migrate --migrations s up
says "$out" "21 steps run"
same "$(psql -X -At -d "$app" -c "SELECT count(*) FROM pg_class WHERE relname ~ '^s[0-9]+$'")" 60
same "$(for _ in 1 2 3 4 5 6; do psql -X -At -d "$app" -c "SELECT name FROM pg_prepared_statements"; done)" ""
# Nothing holds a lock any more.
same "$(psql -X -At -d "$admin" -c "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")" 0
