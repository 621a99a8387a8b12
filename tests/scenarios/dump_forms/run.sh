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

# A dump that is unpacked leaves no file, not even when the program is killed; errors name the dump
# that the user gave.
export TMPDIR=$work/spool
mkdir "$TMPDIR"
for delay in 0.05 0.1 0.2 0.3 0.5; do
  setsid pgcycle-reset --no-cache --dump plain-gzip.dump >"$out" 2>"$err" </dev/null &
  sleep $delay
  [[ -z $(ls "$TMPDIR") ]] || fail "the dump lies in $TMPDIR"
  kill -9 -- -$! 2>/dev/null || true
  wait $! 2>/dev/null || true
done
[[ -z $(ls "$TMPDIR") ]] || fail "files left behind"
gzip -c <wrong.dump >wrong-gzip.dump
run 3 pgcycle-reset --dump wrong-gzip.dump
says "$err" "cannot restore $PWD/wrong-gzip.dump" "psql:$PWD/wrong-gzip.dump:"
ln -s plain-gzip.dump link.dump
run 0 pgcycle-reset -q --no-cache --dump link.dump
same "$(database_state)" "$wanted" "through a symbolic link"

# From some megabytes on, pg_restore gets the rows of an archive through pipes: in order, all of
# them or none, and a damaged one is named.
sql "CREATE TABLE large AS SELECT i, md5(i::text) AS word, CASE WHEN i % 3 = 0 THEN md5(i::text || 'x') END AS more
  FROM generate_series(1, 260000) i" >/dev/null
pg_dump -Fc -d "$url" -f large.dump
pg_dump -Fd -d "$url" -f large.directory
[[ $(stat -c %s large.dump) -gt 5000000 ]] || fail "a large dump is small"
wanted=$(database_state)
ordered="SELECT md5(string_agg(l::text, ' ' ORDER BY ctid)) FROM large l"
order=$(sql "$ordered")
for dump in large.dump large.directory; do
  sql "DELETE FROM large WHERE i % 2 = 0; DROP TABLE payments CASCADE" >/dev/null
  run 0 pgcycle-reset -q --no-cache --dump $dump
  same "$(database_state)" "$wanted" "$dump"
  same "$(sql "$ordered")" "$order" "the rows' order in $dump"
done
python3 - <<'PY'
import pathlib, shutil
dump = bytearray(pathlib.Path("large.dump").read_bytes())
dump[-2000000] ^= 16
pathlib.Path("damaged.dump").write_bytes(dump)
shutil.copytree("large.directory", "damaged.directory")
rows = max(pathlib.Path("damaged.directory").glob("*.gz"), key=lambda path: path.stat().st_size)
rows.write_bytes(rows.read_bytes()[:-1000])
PY
for dump in damaged.dump damaged.directory; do
  refused 3 $dump
  says "$err" "cannot restore $PWD/$dump" "compressed data" "the dump is damaged or cut short; fetch it again"
done
[[ -z $(ls "$TMPDIR") ]] || fail "pipes left behind"

# Whoever reads from pipes that a kill has left without a writer goes as well.
for delay in 0.05 0.1 0.15 0.2 0.3 0.5; do
  pgcycle-reset --no-cache --dump large.directory >"$out" 2>"$err" </dev/null &
  sleep $delay
  kill -9 $! 2>/dev/null || true
  wait $! 2>/dev/null || true
  for try in $(seq 100); do
    pgrep -f "pg_restore .*$TMPDIR" >/dev/null || break
    [[ $try -lt 100 ]] || fail "pg_restore waits for a writer, killed after $delay s"
    sleep 0.1
  done
done
run 0 pgcycle-reset -q --no-cache --dump large.directory
same "$(database_state)" "$wanted" "after kills"
