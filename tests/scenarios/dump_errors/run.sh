#!/usr/bin/env bash
# A dump that is missing, is none or is cut off: a clear error, the right status, and
# database and files as they were.
. "$(dirname "$0")/../lib.sh"

refused_as_cut() {
  local got=0
  pgcycle-reset --dump "$1" >"$out" 2>"$err" </dev/null || got=$?
  [[ $got == 3 ]] || fail "a dump cut at byte $at: status $got"
  says "$err" "pgcycle-reset: error: cannot restore" "at $PWD/$1" "detail: pg_restore: error:" \
    "hint: the dump is damaged or cut short"
}

school
run 0 pgcycle-reset -q

unchanged run 1 pgcycle-reset --dump gone.dump
says "$err" "pgcycle-reset: error: no such dump: $PWD/gone.dump" "hint: name a dump with --dump FILE"

head -c 5000 /dev/zero >noise.dump
unchanged run 1 pgcycle-reset --dump noise.dump
says "$err" "error: $PWD/noise.dump is not a dump" "hint: make one with pg_dump -Fc"

: >empty.dump
unchanged run 1 pgcycle-reset --dump empty.dump
says "$err" "empty.dump is not a dump" "detail: the file is empty"

# In the header, the table of contents, the data, and one byte short.
size=$(stat -c %s dumps/prod_backup.dump)
for at in 6 40 3000 $((size / 4)) $((size / 2)) $((size - 1000)) $((size - 1)); do
  head -c "$at" dumps/prod_backup.dump >cut.dump
  unchanged refused_as_cut cut.dump
done

# Nothing is asked of a database that was never there.
project fresh
run 1 pgcycle-reset
says "$err" "error: no dump given" "hint: use --dump FILE"
