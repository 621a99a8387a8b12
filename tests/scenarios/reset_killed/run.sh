#!/usr/bin/env bash
# SIGKILL at 300 random instants of a reset, and at 25 of what it leaves to the background: the
# target is the old database or the new one, whole, and the next run leaves no stray database, file
# or process.
. "$(dirname "$0")/../lib.sh"

seeded
export TMPDIR=$work/spool
mkdir "$TMPDIR"

project shop
url=$(pgcycle-server url -q)
admin=$(pgcycle-server url -q -d postgres)
psql -X -q -d "$admin" -c "CREATE DATABASE shop"
psql -X -q -d "$url" <<'SQL'
CREATE TABLE a (id int PRIMARY KEY, v text);
CREATE TABLE b (id int PRIMARY KEY, a_id int REFERENCES a);
INSERT INTO a SELECT i, 'old' FROM generate_series(1, 300) i;
INSERT INTO b SELECT i, i FROM generate_series(1, 300) i;
CREATE INDEX ON a (v);
SQL
pg_dump -Fc -d "$url" -f custom.dump
pg_dump -Fp -d "$url" | gzip >plain.dump
pg_dump -Fd -d "$url" -f directory.dump
query="SELECT (SELECT count(*) || min(v) || max(v) FROM a) || (SELECT count(*) FROM b) ||
  (SELECT count(*) FROM pg_constraint WHERE contype IN ('p', 'f')) || (SELECT count(*) FROM pg_index WHERE indrelid = 'a'::regclass)"
state() { psql -X -At -d "$url" -c "$query" 2>&1; }
new=$(state)
psql -X -q -d "$url" -c "UPDATE a SET v = 'mine'" -c "DELETE FROM b"
old=$(state)
[[ $old != "$new" ]] || fail "the states are the same"

forms=("--dump custom.dump" "--no-cache --dump custom.dump" "--no-cache --dump plain.dump" "--no-cache --dump directory.dump"
  "--template origin" "--dump custom.dump --clones 2")
psql -X -q -d "$admin" -c "CREATE DATABASE origin TEMPLATE shop"
psql -X -q -d "${url/shop?/origin?}" -c "UPDATE a SET v = 'old'" -c "INSERT INTO b SELECT i, i FROM generate_series(1, 300) i"
declare -A usual seen
for form in "${forms[@]}"; do
  # shellcheck disable=SC2086
  timed pgcycle-reset -q $form
  usual[$form]=$took
done
for i in $(seq 300); do
  form=${forms[i % ${#forms[@]}]}
  psql -X -q -d "$url" -c "UPDATE a SET v = 'mine'" -c "DELETE FROM b"
  if ((i % 7 == 0)); then
    psql -X -At -d "$admin" -c "SELECT format('DROP DATABASE %I;', datname) FROM pg_database WHERE datname ~ '^pgcycle_(template|spare)_'" |
      psql -X -q -d "$admin"
  fi
  # shellcheck disable=SC2086
  killed_within "${usual[$form]}" pgcycle-reset $form
  now=$(state)
  [[ $now == "$old" || $now == "$new" || $now == *terminating* || $now == *renamed* ]] || fail "kill $i of $form: $now"
  if [[ $now != "$old" && $now != "$new" ]]; then # met the very moment of the swap
    no_sessions_of pgcycle-reset "$admin"
    now=$(state)
    [[ $now == "$old" || $now == "$new" ]] || fail "kill $i of $form: $now"
  fi
  if [[ $now == "$new" ]]; then seen[new]=1; else seen[old]=1; fi
done
# What a reset leaves to the background, killed there.
for i in $(seq 25); do
  no_sessions_of pgcycle-reset "$admin"
  psql -X -At -d "$admin" -c "SELECT format('DROP DATABASE %I;', datname) FROM pg_database WHERE datname ~ '^pgcycle_(template|spare)_'" |
    psql -X -q -d "$admin"
  run 0 pgcycle-reset -q --dump custom.dump
  sleep "0.$(printf '%03d' $((RANDOM % 200)))"
  for pid in $(pgrep -x pgcycle-reset || true); do
    if [[ $(readlink "/proc/$pid/cwd") == "$PWD" ]]; then kill -9 "$pid" 2>/dev/null || true; fi
  done
  same "$(state)" "$new" "background killed, $i"
  psql -X -q -d "$url" -c "UPDATE a SET v = 'mine'"
  run 0 pgcycle-reset --json --dump custom.dump
  says "$out" '"from_cache":true'
  same "$(state)" "$new" "after the background was killed, $i"
done
[[ ${#seen[@]} == 2 ]] || fail "only one of the states was ever met: ${!seen[*]}"
no_sessions_of pgcycle-reset "$admin"
run 0 pgcycle-reset -q --dump custom.dump
same "$(state)" "$new"
finished "$admin"
same "$(find "$TMPDIR" . -path './.pgcycle*' -prune -o -name '*pgcycle*' -newer custom.dump -not -name pgcycle.json -print | wc -l)" 0 "files left behind"
for _ in $(seq 50); do pgrep -f -- "pgcycle-reset .*$work" >/dev/null || break; sleep 0.1; done
for program in pgcycle-reset pg_restore psql pg_dump gzip; do
  same "$(pgrep -fc -- "$program .*$work" || true)" 0 "processes left behind"
done
