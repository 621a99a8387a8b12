#!/usr/bin/env bash
# Copies for workers, copies of live databases, what a database keeps when it is replaced, and what
# is dropped once nobody has it.
. "$(dirname "$0")/../lib.sh"

school
run 0 pgcycle-reset -q
wanted=$(database_state)
admin=$(pgcycle-server url -q -d postgres)
admin_sql() { psql -X -q -At -d "$admin" -c "$1"; }
state_of() { database_state "$(pgcycle-server url -q -d "$1")"; }
databases() { admin_sql "SELECT string_agg(datname, ' ' ORDER BY datname) FROM pg_database WHERE datname ~ '^school'"; }

# One for each worker; their URLs on standard output.
run 0 pgcycle-reset --clones 3
same "$(grep -c '^postgresql://' "$out")" 3
while read -r url; do same "$(database_state "$url")" "$wanted"; done < <(grep '^postgresql://' "$out")
same "$(databases)" "school school_1 school_2 school_3"
admin_sql "DROP DATABASE school_2"
psql -X -q -d "$(pgcycle-server url -q -d school_1)" -c "DROP TABLE payments CASCADE" 2>/dev/null
run 0 pgcycle-reset --clones 3 --no-cache --json
says "$out" '"from_cache":false' '"database":"school_3"'
for i in 1 2 3; do same "$(state_of school_$i)" "$wanted"; done
run 1 pgcycle-reset --clones 0
run 1 pgcycle-reset --clones many

# Owner, grants and settings stay with the name.
admin_sql "CREATE ROLE app LOGIN; CREATE ROLE guest LOGIN; ALTER DATABASE school OWNER TO app;
  GRANT CONNECT ON DATABASE school TO guest; ALTER DATABASE school SET statement_timeout = '70s';
  ALTER ROLE app IN DATABASE school SET work_mem = '5MB'" >/dev/null
properties() {
  admin_sql "SELECT pg_get_userbyid(datdba), (SELECT array_agg(x::text ORDER BY x::text) FROM unnest(datacl) x), (SELECT string_agg(setrole::regrole || array_to_string(
    array_remove(setconfig, (SELECT c FROM unnest(setconfig) c WHERE c LIKE 'pgcycle%')), ','), ' ' ORDER BY 1)
    FROM pg_db_role_setting WHERE setdatabase = d.oid) FROM pg_database d WHERE datname = '$1'"
}
before=$(properties school)
[[ $before == *app*guest*70s* ]] || fail "the setup failed: $before"
run 0 pgcycle-reset -q
same "$(properties school)" "$before"

# A copy of another database, and its properties with it; also while sessions are on it.
run 0 pgcycle-reset -d school_copy --template school
same "$(state_of school_copy)" "$wanted"
same "$(properties school_copy)" "$before"
psql -X -q -d "$(pgcycle-server url -q)" -c "SELECT pg_sleep(20)" >/dev/null 2>&1 &
session=$!
sleep 0.3
run 0 pgcycle-reset -d school_live --template school --clones 2
says "$err" "dumped and restored"
same "$(state_of school_live_2)" "$wanted"
kill -0 $session || fail "the session on the copied database was ended"
admin_sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(20)%' AND pid <> pg_backend_pid()" >/dev/null
wait $session 2>/dev/null || true
run 1 pgcycle-reset -d school_copy --template nowhere
says "$err" 'no database "nowhere"'
run 5 pgcycle-reset -d school_copy --template school_copy
says "$err" "from itself"

# Owners and grants of the dump, when asked for.
sql "ALTER TABLE payments OWNER TO app; GRANT SELECT ON payments TO guest"
pg_dump -Fc -d "$(pgcycle-server url -q)" -f owners.dump
pg_dump -Fp -d "$(pgcycle-server url -q)" | gzip >owners.sql.gz
for dump in owners.dump owners.sql.gz; do
  run 0 pgcycle-reset -q --dump $dump
  same "$(sql "SELECT tableowner FROM pg_tables WHERE tablename = 'payments'")" postgres
  run 0 pgcycle-reset -q --dump $dump --with-owners
  same "$(sql "SELECT tableowner, has_table_privilege('guest', 'payments', 'SELECT') FROM pg_tables WHERE tablename = 'payments'")" "app|t"
done
for name in school_copy school_live_1 school_live_2; do admin_sql "DROP DATABASE $name"; done
run 0 pgcycle-reset -q
admin_sql "ALTER ROLE app RENAME TO former"
run 0 pgcycle-reset --no-cache --dump owners.dump --with-owners
says "$err" "made on pgcycle's own server" "names it: app"
run 0 pgcycle-reset -q

# A lease that ended is dropped by the next run, anybody's; databases without one stay.
run 0 pgcycle-reset -q -d school_leased --clones 2 --lease 1s
run 0 pgcycle-reset -q -d school_long --lease 2h
sleep 2.2
run 0 pgcycle-reset gc --dry-run
says "$out" "would drop school_leased_1: its lease ended ($(hostname)"
run 0 pgcycle-reset gc
says "$out" "dropped school_leased_2"
run 0 pgcycle-reset gc --json
says "$out" '"dropped":[]'
same "$(databases)" "school school_1 school_2 school_3 school_long"

# What a session had goes when it does, however it goes.
coproc SESSION { exec pgcycle-reset --session 2>/dev/null; }
read -r _ <&"${SESSION[0]}"
echo '{"op": "acquire"}' >&"${SESSION[1]}"
read -r reply <&"${SESSION[0]}"
[[ $reply == *'"database":"pgcycle_clone_'* ]] || fail "no clone: $reply"
clones() { admin_sql "SELECT count(*) FROM pg_database WHERE datname ~ '^pgcycle_clone_'"; }
[[ $(clones) -ge 2 ]] || fail "no clones"
run 0 pgcycle-reset gc
same "$(cat "$out")" "" "gc dropped what a living session has"
# shellcheck disable=SC2153
session=$SESSION_PID # which bash forgets as soon as it has ended
kill -9 "$session"
wait "$session" 2>/dev/null || true
# The server may still be at a clone that the session had begun.
no_sessions_of pgcycle-reset "$(pgcycle-server url -q -d postgres)"
for _ in $(seq 50); do
  run 0 pgcycle-reset gc -q
  [[ $(clones) == 0 ]] && break
  sleep 0.1
done
same "$(clones)" 0 "clones of the dead session"
