#!/usr/bin/env bash
# What can go wrong on the way of a reset: the target stays as it was, and the next run works.
. "$(dirname "$0")/../lib.sh"

# Two resets of one target at once wait for one another.
school
run 0 pgcycle-reset -q
wanted=$(database_state)
for i in 1 2 3 4; do pgcycle-reset -q --no-cache >"out.$i" 2>"err.$i" & done
for job in $(jobs -p); do wait "$job" || fail "one of four at once failed: $(cat err.*)"; done
cat err.* >all.err
says all.err "waiting for pgcycle-reset"
same "$(database_state)" "$wanted"

# Sessions that keep coming back are ended as often.
url=$(pgcycle-server url -q)
(while :; do psql -X -q -d "$url" -c 'SELECT pg_sleep(0.2)' >/dev/null 2>&1 || true; done) &
first=$!
(while :; do psql -X -q -d "$url" -c 'SELECT pg_sleep(5)' >/dev/null 2>&1 || true; done) &
second=$!
for _ in 1 2 3 4 5; do run 0 pgcycle-reset -q; done
kill $first $second
wait $first $second 2>/dev/null || true

# No room on the server's disk: the old database stays.
if [[ $(id -u) == 0 ]] && mkdir "$work/full" && mount -t tmpfs -o size=120m none "$work/full" 2>/dev/null; then
  chmod 755 "$work/full"
  chown postgres "$work/full"
  external_server far
  server_gone far
  # The databases go to the small file system; the log stays where it is.
  mv "$work/far/data" "$work/full/data"
  ln -s ../full/data "$work/far/data"
  external_server far
  cd school
  export PGCYCLE_DB_URL="postgresql://postgres@localhost:$port/school_test"
  sed -i 's|"dump": {|"guard": {"allow": ["localhost/school_test"]}, "dump": {|' pgcycle.json
  run 0 pgcycle-reset -q --no-cache
  same "$(database_state "$PGCYCLE_DB_URL")" "$wanted"
  head -c 200m /dev/zero >"$work/full/filler" 2>/dev/null || true
  truncate -s -6m "$work/full/filler"
  run 3 pgcycle-reset --no-cache
  grep -qE "No space left on device|Check free disk space" "$err" || fail "the disk was not full"
  # A full disk may bring the whole server down; with room again, it recovers.
  rm "$work/full/filler"
  server_gone far
  external_server far
  cd school
  export PGCYCLE_DB_URL="postgresql://postgres@localhost:$port/school_test"
  same "$(database_state "$PGCYCLE_DB_URL")" "$wanted" "the database changed"
  run 0 pgcycle-reset -q --no-cache
  finished "$PGCYCLE_DB_URL"
  same "$(psql -X -At -d "$PGCYCLE_DB_URL" -c "SELECT count(*) FROM pg_database WHERE datname ~ '^pgcycle_'")" 0 "left behind"
  unset PGCYCLE_DB_URL
  server_gone far
  umount "$work/full"
fi

# The server goes in the middle: an error that says so; once it is back, all is as it was.
external_server near
cd school
export PGCYCLE_DB_URL="postgresql://postgres@localhost:$port/school_test"
grep -q guard pgcycle.json || sed -i 's|"dump": {|"guard": {"allow": ["localhost/school_test"]}, "dump": {|' pgcycle.json
run 0 pgcycle-reset -q
for delay in 0.1 0.3 0.5; do
  pgcycle-reset --no-cache >"$out" 2>"$err" &
  reset=$!
  sleep $delay
  server_gone near
  status=0
  wait $reset || status=$?
  [[ $status == 2 || $status == 3 || $status == 0 ]] || fail "it ended with $status"
  [[ $status == 0 ]] || says "$err" "pgcycle-reset: error:"
  external_server near
  cd school
  export PGCYCLE_DB_URL="postgresql://postgres@localhost:$port/school_test"
  same "$(database_state "$PGCYCLE_DB_URL")" "$wanted" "after $delay s"
done
run 0 pgcycle-reset -q
finished "$PGCYCLE_DB_URL"
server_gone near
run 2 pgcycle-reset
says "$err" "cannot connect" "$port"
