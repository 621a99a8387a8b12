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
    [[ -d $project ]] && (cd "$(dirname "$project")" && pgcycle-server stop -q) >/dev/null 2>&1
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

# The sample project after reset, migrate, extract and seed.
school_cycle() {
  school "$@"
  run 0 pgcycle-reset -q
  run 0 pgcycle-migrate up -q
  run 0 pgcycle-extract -q
  run 0 pgcycle-seed -q
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
  find "$@" -type f ! -path '*/.pgcycle/*' -print0 | sort -z | xargs -0 sha256sum | sha256sum | cut -c1-64
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
  same "$(sql "SELECT count(*) FROM pg_database WHERE datname ~ '^pgcycle_(new|old|build)_'")" 0 "databases left behind"
}

skip() {
  echo "skipped: $*"
  exit 77
}
