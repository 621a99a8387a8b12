#!/usr/bin/env bash
# An external server, as a role that may create databases and nothing more.
. "$(dirname "$0")/../lib.sh"

external_server far
psql -X -q -d "$admin" -c "CREATE ROLE tester LOGIN CREATEDB" -c "CREATE ROLE stranger LOGIN" -c "CREATE DATABASE precious"
school
url="postgresql://tester@localhost:$port/school_test"
sed -i "s|\"database\": {[^}]*}|\"database\": {\"url\": \"$url\"}, \"guard\": {\"allow\": [\"localhost/school_test\"]}|" pgcycle.json

run 0 pgcycle-reset --json
says "$out" '"tables":25' '"rows":27118' '"from_cache":false'
wanted=$(database_state "$url")
run 0 pgcycle-reset --json
says "$out" '"from_cache":true'
same "$(database_state "$url")" "$wanted"
same "$(psql -X -At -d "$url" -c "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'school_test'")" tester

# Its own sessions are ended; those of others are not its to end, and it says so.
psql -X -q -d "$url" -c "SELECT pg_sleep(60)" >/dev/null 2>&1 &
sleep 0.3
run 0 pgcycle-reset -q
psql -X -q -d "${url/tester/stranger}" -c "SELECT pg_sleep(60)" >/dev/null 2>&1 &
stranger=$!
sleep 0.3
run 3 pgcycle-reset
says "$err" "cannot replace" "hint: end the sessions"
same "$(database_state "$url")" "$wanted"
psql -X -q -d "$admin" -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'stranger'" >/dev/null
wait $stranger 2>/dev/null || true
run 0 pgcycle-reset -q

# The whole cycle, and what else it may.
run 0 pgcycle-migrate up -q
run 0 pgcycle-extract -q
run 0 pgcycle-seed -q
run 0 pgcycle-reset -q --clones 2
run 0 pgcycle-reset -q -d "${url}_copy" --template school_test
run 5 pgcycle-reset -q -d "postgresql://tester@localhost:$port/precious"
run 0 pgcycle-reset gc
run 0 pgcycle-reset cache ls

# A session works and says that it makes a new clone each time.
printf '%s\n' '{"op": "acquire"}' >requests
pgcycle-reset --session <requests >"$out" 2>"$err" || fail "the session failed"
says "$out" '"in_place":false,"reason":"the role is not a superuser"' '"database":"pgcycle_clone_'
finished "$admin"

# Without CREATEDB: a clear refusal of the server's.
run 3 pgcycle-reset -d "postgresql://stranger@localhost:$port/school_test"
says "$err" "permission denied to create database"
