#!/usr/bin/env bash
# The embedded server: one a project, ten at once, never outlives its owner, never collides.
. "$(dirname "$0")/../lib.sh"

# True once no process holds the project's data directory.
gone() {
  local data=$1 try
  for try in $(seq 100); do
    pgrep -f -- "-D $data" >/dev/null || return 0
    sleep 0.1
  done
  echo "still there after $try tries" >&2
  return 1
}
answers() { [[ $(psql -X -At -d "$1" -c 'SELECT 42') == 42 ]]; }

project one
run 0 pgcycle-server start
answers "$(cat "$out")" || fail "no answer"
data=$(pgcycle-server status --json | python3 -c 'import json,sys; print(json.load(sys.stdin)["data"])')
run 0 pgcycle-server start
same "$(pgrep -cf -- "-D $data")" 1 "servers"
[[ $(ps -o user= -p "$(pgrep -f -- "-D $data")") != root ]] || fail "it runs as root"

# Two projects do not see one another.
project two
run 0 pgcycle-server start
psql -X -q -d "$(cat "$out")" -c 'CREATE DATABASE only_here'
cd ../one
same "$(psql -X -At -d "$(pgcycle-server url -q -d postgres)" -c "SELECT count(*) FROM pg_database WHERE datname = 'only_here'")" 0

run 0 pgcycle-server stop
gone "$data" || fail "it did not stop"
run 0 pgcycle-server status
says "$out" "not running"

# Ten at once: one server, ten URLs that answer.
project ten
for i in $(seq 10); do pgcycle-server start -q >"url.$i" 2>"error.$i" & done
wait
for i in $(seq 10); do answers "$(cat "url.$i")" || fail "start $i: $(cat "error.$i")"; done
data=$(pgcycle-server status --json | python3 -c 'import json,sys; print(json.load(sys.stdin)["data"])')
same "$(pgrep -cf -- "-D $data")" 1 "servers"

# A killed owner takes it along.
project owned
sleep 600 &
owner=$!
run 0 pgcycle-server start --owner $owner
data=$(pgcycle-server status --json | python3 -c 'import json,sys; print(json.load(sys.stdin)["data"])')
kill -9 $owner
gone "$data" || fail "the server outlived its owner"

# A killed supervisor, too; the next start works on the same data.
run 0 pgcycle-server start
psql -X -q -d "$(cat "$out")" -c 'CREATE TABLE kept (id int)'
kill -9 "$(pgcycle-server status --json | python3 -c 'import json,sys; print(json.load(sys.stdin)["supervisor"])')"
gone "$data" || fail "the server outlived its supervisor"
run 0 pgcycle-server start
same "$(psql -X -At -d "$(cat "$out")" -c "SELECT count(*) FROM pg_class WHERE relname = 'kept'")" 1

# Idle time.
project idle
printf '{"database": {"name": "idle", "server": "embedded", "idleTimeout": "1s"}}\n' >pgcycle.json
run 0 pgcycle-server start
data=$(pgcycle-server status --json | python3 -c 'import json,sys; print(json.load(sys.stdin)["data"])')
gone "$data" || fail "it did not stop when idle"
