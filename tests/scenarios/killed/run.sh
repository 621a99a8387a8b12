#!/usr/bin/env bash
# SIGKILL at many instants of each program: the old state or the new one is there, and the
# next run works.
. "$(dirname "$0")/../lib.sh"

seeded

# The server forgets a killed session only when it next writes to it.
settled() {
  local try
  for try in $(seq 100); do
    [[ $(sql "SELECT count(*) FROM pg_stat_activity WHERE datname IS NOT NULL AND pid <> pg_backend_pid()") == 0 ]] && return
    sleep 0.1
  done
  fail "sessions of the killed program stay after $try tries"
}

school
run 0 pgcycle-reset -q
run 0 pgcycle-migrate up -q
url=$(pgcycle-server url -q)

# Reset: the target always answers, with all rows of the one state or the other.
old=$(database_state)
pg_dump -Fc -d "$url" -f new.dump
psql -X -q -d "$url" -c 'CREATE TABLE witness (id int)' -c 'INSERT INTO holidays (id, name, days) VALUES (99, $$x$$, $${}$$)'
changed=$(database_state)
timed pgcycle-reset --dump new.dump
usual=$took
# Restored anew, restored into the cache, cloned from the cache.
drop_templates() {
  sql "SELECT format('DROP DATABASE %I;', datname) FROM pg_database WHERE datname LIKE 'pgcycle_template_%'" |
    psql -X -q -d "$(pgcycle-server url -q -d postgres)"
}
for i in $(seq 18); do
  options=()
  case $((i % 3)) in
    0) options=(--no-cache) ;;
    1) drop_templates ;;
  esac
  psql -X -q -d "$url" -c 'SET client_min_messages = warning; CREATE TABLE IF NOT EXISTS witness (id int)' \
    -c 'INSERT INTO holidays (id, name, days) VALUES (99, $$x$$, $${}$$) ON CONFLICT DO NOTHING'
  killed_within "$usual" pgcycle-reset --dump new.dump "${options[@]}"
  settled
  state=$(database_state)
  [[ $state == "$old" || $state == "$changed" ]] || fail "reset $i: neither the old state nor the new one"
done
run 0 pgcycle-reset -q --dump new.dump
same "$(database_state)" "$old"
finished "$(pgcycle-server url -q -d postgres)"

# Extract: the directory as a whole, or not at all.
run 0 pgcycle-extract -q --no-anonymize
cp -r fixtures plain
timed pgcycle-extract
usual=$took
cp -r fixtures masked
for i in $(seq 12); do
  if ((i % 2)); then killed_within "$usual" pgcycle-extract --no-anonymize; else killed_within "$usual" pgcycle-extract; fi
  diff -rq fixtures plain >/dev/null || diff -rq fixtures masked >/dev/null || fail "extract $i: a mixture"
done
run 0 pgcycle-extract -q
same_files fixtures masked
same "$(find . -name .pgcycle -prune -o -name '*pgcycle-new*' -print | wc -l)" 0 "files left behind"

# Seed: one transaction.
timed pgcycle-seed --fixtures masked
usual=$took
state_masked=$(database_state)
run 0 pgcycle-seed -q --fixtures plain
state_plain=$(database_state)
for i in $(seq 12); do
  if ((i % 2)); then killed_within "$usual" pgcycle-seed --fixtures masked; else killed_within "$usual" pgcycle-seed --fixtures plain; fi
  settled
  state=$(database_state)
  [[ $state == "$state_masked" || $state == "$state_plain" ]] || fail "seed $i: neither state"
done

# Migrate: cut off anywhere, the next run goes on and ends in the same place.
content() { database_state "$url" --exclude-schema=pgcycle; }
run 0 pgcycle-reset -q
timed pgcycle-migrate up
usual=$took
wanted=$(content)
for i in $(seq 4); do
  run 0 pgcycle-reset -q
  for _ in 1 2 3; do killed_within "$usual" pgcycle-migrate up; done
  settled
  run 0 pgcycle-migrate up -q
  same "$(content)" "$wanted" "migrate $i ended elsewhere"
  run 0 pgcycle-migrate verify
done
