#!/usr/bin/env bash
# Every form of dump restores to the same database: custom, directory, tar and plain SQL, plain or
# compressed, from a file of any name or through a pipe; damaged ones change nothing.
. "$(dirname "$0")/../lib.sh"

school
run 0 pgcycle-reset -q
wanted=$(database_state)
url=$(pgcycle-server url -q)
pg_dump -Fd -d "$url" -f directory.dump
pg_dump -Ft -d "$url" -f tar.dump
pg_dump -Fp -d "$url" -f plain.dump
pg_dump -Fp --create --clean --if-exists -d "$url" -f created.dump
pg_dump -Fp --inserts -t holidays -t '"Sonderfälle"' -d "$url" -f inserts.dump
for program in gzip xz zstd lz4; do
  command -v $program >/dev/null || continue
  $program -c <plain.dump >"plain-$program.dump"
  $program -c <dumps/prod_backup.dump >"custom-$program.dump"
done
$(command -v gzip) -c <tar.dump >tar-gzip.dump

[[ $(find . -maxdepth 1 -name '*.dump' | wc -l) -ge 10 ]] || fail "too few forms"
for dump in ./*.dump; do
  [[ $dump == ./inserts.dump ]] && continue
  sql "DROP TABLE payments CASCADE" >/dev/null
  run 0 pgcycle-reset -q --no-cache --dump "$dump"
  same "$(database_state)" "$wanted" "$dump"
done
run 0 pgcycle-reset -q -d only_two --dump inserts.dump
same "$(psql -X -At -d "$(pgcycle-server url -q -d only_two)" -c 'SELECT count(*) FROM "Sonderfälle"')" 8

# Through a pipe.
for dump in dumps/prod_backup.dump plain-gzip.dump; do
  sql "DROP TABLE payments CASCADE" >/dev/null
  pgcycle-reset -q --dump - <$dump >"$out" 2>"$err" || fail "through a pipe: $dump"
  same "$(database_state)" "$wanted" "through a pipe: $dump"
done

# Damaged, cut short, dangerous.
refused() {
  local status=$1
  shift
  unchanged run "$status" pgcycle-reset --dump "$@"
  says "$err" "pgcycle-reset: error:" "hint:"
}
head -c 100000 plain.dump >cut.dump
refused 3 cut.dump
says "$err" "cut short" "at $PWD/cut.dump:"
head -c 60000 plain-gzip.dump >cut.dump
refused 3 cut.dump
head -c 60000 custom-xz.dump >cut.dump
refused 3 cut.dump
sed 's/^SELECT pg_catalog.set_config/\\! touch owned\n&/' plain.dump >evil.dump
refused 1 evil.dump
says "$err" 'psql command \!' "at $PWD/evil.dump:"
[[ ! -e owned ]] || fail "the dump ran a program"
sed 's/^CREATE TABLE public.holidays (/CREATE TABLE public.holidays (nonsense nonsense,/' plain.dump >wrong.dump
refused 3 wrong.dump
says "$err" 'type "nonsense" does not exist'
gzip -c <pgcycle.json >other.dump
refused 1 other.dump
says "$err" "is not a dump"
pgcycle-reset --dump - </dev/null >"$out" 2>"$err" && fail "nothing is no dump"
says "$err" "the file is empty"
[[ -z $(find "${TMPDIR:-/var/tmp}" -maxdepth 1 -name 'pgcycle-??????' -newer pgcycle.json) ]] || fail "files left behind"
