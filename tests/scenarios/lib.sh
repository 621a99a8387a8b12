# What every scenario shares; sourced, never run. A scenario drives the installed
# programs as a user would and compares output, files and exit status.
#
# Set by ctest: PGCYCLE_BIN (the installed programs), PGCYCLE_SOURCE (the clone).
# shellcheck shell=bash
set -euo pipefail

: "${PGCYCLE_BIN:?is set by ctest}" "${PGCYCLE_SOURCE:?is set by ctest}"
export PATH=$PGCYCLE_BIN:$PATH
unset PGCYCLE_DB_URL PGDATABASE PGHOST PGPORT PGUSER PGSERVICE NO_COLOR
# A cache of its own would cost every scenario an initdb; this one is shared.
export LC_ALL=C.UTF-8

scenario=$(basename "$(dirname "$0")")
work=$(mktemp -d "/tmp/pgcycle-$scenario.XXXXXX")
chmod 755 "$work"
out=$work/stdout
err=$work/stderr

clean_up() {
  local status=$? project
  for project in "$work"/*/.pgcycle; do
    if [[ -d $project ]]; then (cd "$(dirname "$project")" && pgcycle-server stop -q) >/dev/null 2>&1 || true; fi
  done
  for project in "$work"/*/pid; do
    if [[ -s $project ]]; then kill -KILL "$(cat "$project")" 2>/dev/null || true; fi
  done
  for project in "$work"/*.server; do
    [[ -e $project ]] && server_gone "$(basename "$project" .server)"
  done
  for project in "$work"/*/data "$work"/*; do
    if mountpoint -q "$project"; then umount "$project"; fi
  done
  if [[ $status != 0 && -n ${PGCYCLE_KEEP:-} ]]; then
    echo "kept: $work" >&2
  else
    rm -rf "$work"
  fi
  exit $status
}
trap clean_up EXIT

fail() {
  echo "FAILED: $*" >&2
  if [[ -s $err ]]; then sed 's/^/  stderr: /' "$err" >&2; fi
  if [[ -s $out ]]; then head -n 20 "$out" | sed 's/^/  stdout: /' >&2; fi
  exit 1
}

# run STATUS COMMAND…: runs it, keeps its output in $out and $err, checks its status.
run() {
  local wanted=$1 got=0
  shift
  "$@" >"$out" 2>"$err" </dev/null || got=$?
  [[ $got == "$wanted" ]] || fail "$* ended with $got, not $wanted"
}

# says FILE TEXT…: every text is in the file, literally.
says() {
  local file=$1 text
  shift
  for text in "$@"; do
    grep -qF -- "$text" "$file" || fail "$(basename "$file") does not say: $text"
  done
}

# lacks FILE TEXT…: none of the texts is in the file.
lacks() {
  local file=$1 text
  shift
  for text in "$@"; do
    ! grep -qF -- "$text" "$file" || fail "$(basename "$file") says: $text"
  done
}

# An empty project with an embedded server: project NAME [DATABASE].
project() {
  mkdir -p "$work/$1"
  printf '{"database": {"name": "%s", "server": "embedded"}}\n' "${2:-$1}" >"$work/$1/pgcycle.json"
  cd "$work/$1"
}

# A copy of the sample project, without its fixtures.
school() {
  mkdir -p "$work/${1:-school}"
  cd "$work/${1:-school}"
  cp -r "$PGCYCLE_SOURCE"/{pgcycle.json,school.env,dumps,migrations,golden} .
}

# Its database as the dump has it, migrated to the version that the project's rules are for.
newest_school() {
  run 0 pgcycle-reset -q
  run 0 pgcycle-migrate up -q
}

# The sample project after reset, migrate, extract and seed.
school_cycle() {
  school "$@"
  newest_school
  run 0 pgcycle-extract -q
  run 0 pgcycle-seed -q
}

# A server of its own beside pgcycle's: external_server NAME [SETTING…]; sets $port, and $admin to a
# URL of its superuser. It listens on localhost and in $work/NAME. server_gone NAME kills it at once.
as_server_user() {
  if [[ $(id -u) == 0 ]]; then setpriv --reuid=postgres --regid=postgres --clear-groups "$@"; else "$@"; fi
}
external_server() {
  local directory=$work/$1 bin try setting settings=()
  bin=$(dirname "$(find /usr/lib/postgresql/*/bin -name postgres | sort -V | tail -n 1)")
  cd "$work"
  mkdir -p "$directory"
  [[ $(id -u) != 0 ]] || chown postgres "$directory"
  port=$((20000 + (RANDOM % 20000)))
  for setting in "${@:2}"; do settings+=(-c "$setting"); done
  [[ -e $directory/data/PG_VERSION ]] || as_server_user "$bin/initdb" -D "$directory/data" -U postgres --auth=trust --encoding=UTF8 \
    --no-locale --no-sync --waldir="$directory/wal" >/dev/null
  as_server_user "$bin/postgres" -D "$directory/data" -p $port -k "$directory" -c fsync=off -h localhost \
    "${settings[@]}" >"$directory.log" 2>&1 &
  touch "$directory.server"
  admin="postgresql://postgres@localhost:$port/postgres"
  for try in $(seq 100); do
    psql -X -q -d "$admin" -c 'SELECT' >/dev/null 2>&1 && return
    sleep 0.1
  done
  fail "the external server does not answer after $try tries: $(tail -n 3 "$directory.log")"
}
# A pooler in front of it that hands out four sessions by transaction; sets $pool, its port.
pooler() {
  local bouncer
  bouncer=$(command -v pgbouncer || ls /usr/sbin/pgbouncer 2>/dev/null) || skip "pgbouncer is not installed"
  external_server pooled
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
  for _ in $(seq 50); do
    if psql -X -q -d "postgresql://postgres@localhost:$pool/postgres" -c 'SELECT' >/dev/null 2>&1; then return; fi
    sleep 0.1
  done
  fail "the pooler does not answer: $(tail -n 3 "$work/bouncer.log")"
}
# nothing_left URL: the pooler's sessions are as the server made them.
nothing_left() {
  local i sessions=()
  for i in 1 2 3 4; do
    psql -X -At -d "$1" -c "WITH held AS MATERIALIZED (SELECT pg_sleep(0.4)) SELECT 'prepared ' || name FROM pg_prepared_statements UNION ALL SELECT format('%s is %s', name, setting) FROM held, pg_settings WHERE source = 'session' UNION ALL SELECT 'a lock' FROM pg_locks WHERE locktype = 'advisory'" >"$work/left.$i" &
    sessions+=($!)
  done
  wait "${sessions[@]}"
  for i in 1 2 3 4; do same "$(grep -v -e '^application_name ' -e '^client_encoding ' "$work/left.$i")" "" "left in a session"; done
}
server_gone() {
  local postmaster
  postmaster=$(head -n 1 "$work/$1/data/postmaster.pid" 2>/dev/null) || return 0
  kill -QUIT "$postmaster" 2>/dev/null || true
  while kill -0 "$postmaster" 2>/dev/null; do sleep 0.02; done
}

# Random numbers that can be had again.
seeded() {
  local seed=${PGCYCLE_TEST_SEED:-$RANDOM}
  echo "seed: $seed (set PGCYCLE_TEST_SEED to run it again)"
  RANDOM=$seed
}

# timed COMMAND…: it must succeed; sets $took to its milliseconds.
timed() {
  local start
  start=$(date +%s%N)
  run 0 "$@"
  # shellcheck disable=SC2034
  took=$((($(date +%s%N) - start) / 1000000))
}

# killed_within MS COMMAND…: SIGKILL to it and its children at some instant of so many milliseconds,
# and a bit after. Sets $ended to its exit status; 137 is that of a killed one.
# shellcheck disable=SC2034
killed_within() {
  local ms=$(((RANDOM * 32768 + RANDOM) % ($1 * 12 / 10 + 1))) pid
  shift
  setsid "$@" >"$out" 2>"$err" </dev/null &
  pid=$!
  sleep "$((ms / 1000)).$(printf '%03d' $((ms % 1000)))"
  kill -9 -- "-$pid" 2>/dev/null || true
  ended=0
  wait $pid 2>/dev/null || ended=$?
}

# two_at_once COMMAND…: both must succeed; their output is in $work/one and $work/two.
two_at_once() {
  local one two
  "$@" >"$work/one" 2>&1 &
  one=$!
  "$@" >"$work/two" 2>&1 &
  two=$!
  wait $one || fail "the first of two: $(cat "$work/one")"
  wait $two || fail "the second of two: $(cat "$work/two")"
}

# no_sessions_of PROGRAM URL: waits until the server has let go of the sessions of killed runs.
no_sessions_of() {
  local try
  for try in $(seq 100); do
    [[ $(psql -X -At -d "$2" -c "SELECT count(*) FROM pg_stat_activity WHERE application_name = '$1'") == 0 ]] && return
    sleep 0.05
  done
  fail "sessions of killed runs of $1 stay after $try tries"
}

sql() {
  psql -X -q -At -v ON_ERROR_STOP=1 -d "$(pgcycle-server url -q)" -c "$1"
}

# Everything that pg_dump sees of a database, as one hash; rows in any order, since
# neither a restore nor an update promises one.
database_state() {
  pg_dump -d "${1:-$(pgcycle-server url -q)}" "${@:2}" | grep -vE '^\\(un)?restrict ' | sort |
    sha256sum | cut -c1-64
}

# Every file below the directories with its content, as one hash.
files_state() {
  find "$@" -name .pgcycle -prune -o -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum | cut -c1-64
}

same() {
  [[ $1 == "$2" ]] || fail "${3:-not the same}: $1 and $2"
}

same_files() {
  diff -r "$1" "$2" >"$work/diff" || fail "$1 and $2 differ: $(head -n 5 "$work/diff" | cut -c1-400)"
}

# unchanged COMMAND…: the database and the project's files are as before it.
unchanged() {
  local database files
  database=$(database_state)
  files=$(files_state .)
  "$@"
  same "$(database_state)" "$database" "the database changed"
  same "$(files_state .)" "$files" "files changed"
  finished "$(pgcycle-server url -q -d postgres)"
}

# finished DATABASE_URL: waits until no reset has anything to drop any more.
finished() {
  local left try
  for try in $(seq 100); do
    left=$(psql -X -At -d "$1" -c "SELECT count(*) FROM pg_database WHERE datname ~ '^pgcycle_(new|old|build|clone)_'")
    [[ $left == 0 ]] && return
    sleep 0.1
  done
  fail "$left databases left behind after $try tries"
}

skip() {
  echo "skipped: $*"
  exit 77
}
