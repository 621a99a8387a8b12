#!/usr/bin/env bash
# The same files through psql and through pgcycle-migrate: one schema, one set of rows.
. "$(dirname "$0")/../lib.sh"

here=$PGCYCLE_SOURCE/tests/scenarios/migrate_torture
project torture
mkdir -p m/v1 by_psql/more
cp "$here/shapes.sql" by_psql/shapes.sql
printf '60,"csv;"\n61,two\n' >by_psql/more/rows.csv
printf "INSERT INTO log VALUES ('included;');\n\\\\ir one_more.sql\n" >by_psql/more/one.sql
printf "INSERT INTO log VALUES ('included too')" >by_psql/more/one_more.sql
# More shapes by file: line ends, a byte order mark, no statement at all.
sed 's/$/\r/' >by_psql/crlf.sql <<'SQL'
CREATE TABLE crlf (t text);
INSERT INTO crlf VALUES ('one'), ('two');
COPY crlf FROM stdin;
three
four
\.
CREATE FUNCTION crlf() RETURNS int LANGUAGE sql AS $$
  SELECT 1;
$$;
SQL
printf '\xef\xbb\xbfCREATE TABLE bom (t text);' >by_psql/bom.sql
printf -- '-- nothing;\n/* at all */\n;;\n' >by_psql/empty.sql
cp -r by_psql/. m/v1/
number=10
for file in bom crlf empty shapes; do
  mv m/v1/$file.sql m/v1/0${number}_$file.sql
  number=$((number + 10))
done
# What pg_dump writes is SQL too.
school
run 0 pgcycle-reset -q
pg_dump -d "$(pgcycle-server url -q)" >"$work/torture/by_psql/dump.sql"
cd "$work/torture"
mkdir -p one/v2
cp by_psql/dump.sql one/v2/010_dump.sql

run 0 pgcycle-server start -q
for name in torture torture2 psql psql2; do
  psql -X -q -d "$(pgcycle-server url -q -d postgres)" -c "CREATE DATABASE $name"
done
# Files in the order of their names, each in a transaction, as migrate runs them.
run 0 pgcycle-migrate -d torture --migrations m up
says "$err" "nothing 40 to see"
(cd by_psql && for file in bom crlf empty shapes; do
  psql -X -q -1 -v ON_ERROR_STOP=1 -d "$(pgcycle-server url -q -d psql)" -f $file.sql >/dev/null || exit 1
done) || fail "psql"
run 0 pgcycle-migrate -d torture2 --migrations one up
psql -X -q -v ON_ERROR_STOP=1 -d "$(pgcycle-server url -q -d psql2)" -f by_psql/dump.sql >/dev/null

dump() { pg_dump -d "$(pgcycle-server url -q -d "$1")" --exclude-schema=pgcycle | grep -vE '^\\(un)?restrict '; }
for pair in "torture psql" "torture2 psql2"; do
  read -r ours theirs <<<"$pair"
  dump "$ours" | sort >"$work/ours"
  dump "$theirs" | sort >"$work/theirs"
  diff "$work/ours" "$work/theirs" >"$work/diff" || fail "$ours is not $theirs: $(head -n 20 "$work/diff")"
  [[ $(wc -l <"$work/ours") -gt 100 ]] || fail "there is little in $ours"
done

# Refused by name, with the place.
mkdir -p bad/v1
for command in '\connect x' '\! ls' '\gset' '\watch' '\g out' 'SELECT 1 \crosstabview'; do
  printf 'SELECT 1;\n%s\n' "$command" >bad/v1/010_bad.sql
  run 1 pgcycle-migrate -d torture --migrations bad status
  says "$err" "010_bad.sql:2:" "is not supported"
done

# An error inside a body names the body's line.
printf 'SELECT 1;\nDO $$\nBEGIN\n  PERFORM 1;\n  RAISE EXCEPTION %s;\nEND $$;\n' "'deep inside'" >bad/v1/010_bad.sql
run 3 pgcycle-migrate -d psql2 --migrations bad up
says "$err" "deep inside" "010_bad.sql:5:3"
