#!/usr/bin/env bash
# Dumps and migrations of servers that have more than this one: roles, which are made on the project's
# own server and asked for on any other; extensions, tablespaces, subscriptions and the passwords of
# other servers, which a test database does without.
. "$(dirname "$0")/../lib.sh"

external_server source
psql -X -q -d "$admin" -c "CREATE ROLE \"App Owner\" LOGIN" -c "CREATE ROLE reader" -c "CREATE ROLE writer" \
  -c "CREATE DATABASE shop OWNER \"App Owner\""
shop="postgresql://postgres@localhost:$port/shop"
psql -X -q -v ON_ERROR_STOP=1 -d "$shop" -c "GRANT CREATE ON SCHEMA public TO \"App Owner\"; SET ROLE \"App Owner\";
  CREATE TABLE orders (id int PRIMARY KEY, note text); INSERT INTO orders VALUES (1, 'GRANT ALL ON x TO nobody;');
  ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
  CREATE POLICY read ON orders FOR SELECT TO reader, writer USING (id > 0 OR note = 'x TO somebody');
  GRANT SELECT (id), INSERT ON orders TO reader WITH GRANT OPTION;
  ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO writer"
pg_dump -Fc -d "$shop" -f "$work/shop.dump"
pg_dump -Fd -d "$shop" -f "$work/shop.dir"
pg_dump -Ft -d "$shop" -f "$work/shop.tar"
pg_dump -d "$shop" -f "$work/shop.sql"
gzip -k "$work/shop.sql" "$work/shop.dump"

roles() { sql "SELECT string_agg(rolname || CASE WHEN rolcanlogin THEN ' logs in' ELSE '' END, ',' ORDER BY rolname) FROM pg_roles WHERE rolname !~ '^(pg_|postgres)'"; }
forget_roles() {
  pgcycle-server psql -d postgres -- -q -c "DROP DATABASE IF EXISTS shop_test WITH (FORCE)" \
    -c "DROP ROLE IF EXISTS reader, writer, \"App Owner\"" >/dev/null 2>&1
}
project app
printf '{"database": {"name": "shop_test", "server": "embedded"}, "guard": {"allow": ["localhost/m_test"]}, "anonymize": {"rules": {"public.orders.note": "scrub"}, "key": "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"}}\n' >pgcycle.json

# A policy needs its roles; owners and grants stay out unless asked for.
for dump in shop.dump shop.dir shop.tar shop.sql shop.sql.gz shop.dump.gz; do
  forget_roles
  run 0 pgcycle-reset --no-cache --dump "$work/$dump"
  says "$err" "made on pgcycle's own server, unable to log in" "reader, writer"
  same "$(roles)" "reader,writer"
  same "$(sql "SELECT polroles::regrole[] FROM pg_policy")" "{reader,writer}"
  same "$(sql "SELECT relacl IS NULL FROM pg_class WHERE relname = 'orders'")" t
  run 0 pgcycle-reset --no-cache --dump "$work/$dump" --with-owners
  says "$err" '"App Owner"'
  same "$(roles)" "App Owner,reader,writer"
  same "$(sql "SELECT relowner::regrole, has_table_privilege('reader', 'orders', 'INSERT') FROM pg_class WHERE relname = 'orders'")" '"App Owner"|t'
  # They are there now.
  run 0 pgcycle-reset --no-cache --dump "$work/$dump" --with-owners
  lacks "$err" "made on"
done
forget_roles
run 0 pgcycle-reset --no-cache --anonymize --dump "$work/shop.dump"
same "$(roles)" "reader,writer"

# Comparisons see the grants of a dump, and whoever it is that they are for.
forget_roles
for dump in shop.dump shop.sql; do
  run 0 pgcycle-migrate diff "$work/$dump" "$shop"
  says "$out" "no difference"
done
mkdir m
cat >m/000001_orders.up.sql <<'SQL'
CREATE TABLE orders (id int PRIMARY KEY, note text);
GRANT SELECT ON orders TO reader;
SQL
cat >m/000002_more.up.sql <<'SQL'
GRANT UPDATE ON orders TO writer, "Nobody Yet";
SQL
forget_roles
run 0 pgcycle-migrate diff m@1 m
says "$err" "since a migration names it: reader" "since a migration names it: writer" 'names it: "Nobody Yet"'
says "$out" "grants:" "UPDATE"
run 0 pgcycle-migrate diff m@1 m --sql
says "$out" "GRANT UPDATE ON TABLE public.orders TO \"Nobody Yet\""
# What comes behind a dump finds its roles.
forget_roles
mkdir next
echo 'GRANT DELETE ON orders TO writer;' >next/000003_delete.up.sql
run 0 pgcycle-migrate rehearse --migrations next --from-dump "$work/shop.dump"

# Tablespaces, subscriptions and user mappings.
other="postgresql://postgres@localhost:$port/other"
mkdir "$work/space"
[[ $(id -u) != 0 ]] || chown postgres "$work/space"
psql -X -q -d "$admin" -c "CREATE TABLESPACE fast LOCATION '$work/space'" -c "CREATE DATABASE other"
psql -X -q -v ON_ERROR_STOP=1 -d "$other" -f - 2>/dev/null <<'SQL'
CREATE TABLE a (id int PRIMARY KEY USING INDEX TABLESPACE fast, note text) TABLESPACE fast;
CREATE MATERIALIZED VIEW m TABLESPACE fast AS SELECT * FROM a;
INSERT INTO a VALUES (1, E'CREATE EXTENSION IF NOT EXISTS pg_nope WITH SCHEMA x;\nSET default_tablespace = y;');
CREATE SUBSCRIPTION s CONNECTION 'host=nowhere' PUBLICATION p WITH (connect = false);
COMMENT ON SUBSCRIPTION s IS 'x';
CREATE EXTENSION pg_trgm;
COMMENT ON EXTENSION pg_trgm IS 'x';
CREATE EXTENSION postgres_fdw;
CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'nowhere');
CREATE USER MAPPING FOR writer SERVER far OPTIONS (user 'u', password 'secret');
CREATE USER MAPPING FOR PUBLIC SERVER far OPTIONS (user 'u', password 'secret');
CREATE FOREIGN TABLE there (i int) SERVER far;
SQL
dump_all() { # FILE: in each form
  pg_dump -Fc -d "$other" -f "$work/$1.dump"
  pg_dump -Fd -d "$other" -f "$work/$1.dir"
  pg_dump -Ft -d "$other" -f "$work/$1.tar"
  pg_dump -d "$other" -f "$work/$1.sql"
}
dump_all other
for form in dump dir tar sql; do
  forget_roles
  run 0 pgcycle-reset --no-cache --dump "$work/other.$form" --with-owners
  says "$err" "user mappings in the dump are left out (2)"
  same "$(sql "SELECT (SELECT count(*) FROM a), (SELECT count(*) FROM pg_user_mapping), (SELECT count(*) FROM pg_subscription)")" "1|0|0"
  same "$(sql "SELECT count(*) FROM pg_class WHERE reltablespace <> 0 AND oid > 16384")" 0
done
run 0 pgcycle-migrate diff "$work/other.dump" "$other"
says "$out" "no difference"

# Extensions that the server lacks: another name of the same length makes one.
psql -X -q -d "$other" -c "CREATE TABLE last (i int)"
dump_all trgm
sed -i 's/pg_trgm/pg_nope/g' "$work"/trgm.dump "$work"/trgm.dir/toc.dat "$work"/trgm.tar "$work"/trgm.sql
for form in dump dir tar sql; do
  run 0 pgcycle-reset --no-cache --dump "$work/trgm.$form"
  says "$err" "the server does not have the extension pg_nope: it is left out"
  same "$(sql "SELECT (SELECT count(*) FROM a), (SELECT count(*) FROM last), (SELECT string_agg(extname, ',' ORDER BY 1) FROM pg_extension)")" "1|0|plpgsql,postgres_fdw"
done
# With what its own tables hold.
sed -e '/^CREATE TABLE public.last/,/^);/d' -e '/^-- PostgreSQL database dump complete/i COPY nope.jobs (id) FROM stdin;\n1\n\\.\nSELECT pg_catalog.setval('"'nope.jobs_id_seq'"', 1, true);' \
  -e '/^COPY public.last/,/^\\\./d' "$work/trgm.sql" >"$work/jobs.sql"
grep -q '^COPY nope.jobs' "$work/jobs.sql" || fail "no rows of the extension in the dump"
run 0 pgcycle-reset --no-cache --dump "$work/jobs.sql"
same "$(sql "SELECT count(*) FROM a")" 1
# Where something needs it, that is told before anything is done.
psql -X -q -d "$other" -c "CREATE INDEX needs_it ON a USING gin (note gin_trgm_ops)"
dump_all needed
sed -i 's/pg_trgm/pg_nope/g' "$work"/needed.dump "$work"/needed.dir/toc.dat
for form in dump dir; do
  run 1 pgcycle-reset --no-cache --dump "$work/needed.$form"
  says "$err" "the server does not have what $work/needed.$form needs: pg_nope" "INDEX needs_it needs pg_nope"
done

# Encoding and locale, as far as the server has them.
latin="postgresql://postgres@localhost:$port/latin"
psql -X -q -d "$admin" -c "CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'" -c "GRANT ALL ON DATABASE latin TO reader" \
  -c "CREATE DATABASE ascii TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'"
PGCLIENTENCODING=UTF8 psql -X -q -v ON_ERROR_STOP=1 -d "$latin" -c "CREATE TABLE orders (id int PRIMARY KEY, town text, note text DEFAULT 'süß');
  INSERT INTO orders VALUES (1, 'Zürich', 'Ärger und Mühe'), (2, 'Ærø', E'\\\\\t\n')"
for form in c d t p; do pg_dump "-F$form" -C -d "$latin" -f "$work/latin.$form"; done
iconv -f ISO-8859-1 -t UTF-8 "$work/latin.p" | sed "s/ENCODING = 'LATIN1'/ENCODING = 'UTF8'/; s/LOCALE = 'C'/LOCALE = 'xx_XX.UTF-8'/; s/^SET client_encoding.*/SET client_encoding = 'UTF8';/" >"$work/nowhere.sql"
grep -q "xx_XX" "$work/nowhere.sql" || fail "no locale in the dump"
encoding() { sql "SELECT pg_encoding_to_char(encoding) FROM pg_database WHERE datname = current_database()"; }
rows() { PGCLIENTENCODING=UTF8 sql "SELECT town, note FROM orders ORDER BY id"; }
sed -i 's/"public.orders.note"/"public.orders.town": "keep", "public.orders.note"/' pgcycle.json
for form in c d t p; do
  run 0 pgcycle-reset --no-cache --dump "$work/latin.$form" --with-owners
  same "$(encoding)" LATIN1
  same "$(rows)" "$(printf 'Zürich|Ärger und Mühe\nÆrø|\\\t\n')"
  # Masks make text of any language, and read it as what it is.
  run 0 pgcycle-reset --no-cache --anonymize --dump "$work/latin.$form"
  same "$(encoding)" UTF8
  same "$(sql "SELECT string_agg(town, ',' ORDER BY id), count(*) FILTER (WHERE note ~ '^[[:alpha:]]{5} [[:alpha:]]{3} [[:alpha:]]{4}$' AND note <> 'Ärger und Mühe') FROM orders")" "Zürich,Ærø|1"
  same "$(sql "SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef")" "'süß'::text"
  rm -rf fixtures
  run 0 pgcycle-extract --from-dump "$work/latin.$form"
  says fixtures/public/orders.json '"town": "Zürich"' '"town": "Ærø"'
done
# All programs work on such a database.
run 0 pgcycle-reset -q --dump "$work/latin.c"
rm -rf fixtures
run 0 pgcycle-extract
run 0 pgcycle-seed --force
mkdir latin
printf "CREATE TABLE größe (a text DEFAULT 'ü');\n" >latin/000001_size.up.sql
printf "DROP TABLE größe;\n" >latin/000001_size.down.sql
run 0 pgcycle-migrate --migrations latin rehearse
run 0 pgcycle-migrate --migrations latin up
run 0 pgcycle-migrate diff "$work/latin.p" shop_test --sql
says "$out" "CREATE TABLE public.\"größe\"" "'ü'"
run 0 pgcycle-migrate lock
run 0 pgcycle-migrate backup
same "$(encoding)" LATIN1
# Of another script, the names that are made up may not be in the database's encoding.
psql -X -q -d "$admin" -c "CREATE DATABASE japanese TEMPLATE template0 ENCODING 'EUC_JP' LOCALE 'C'"
japanese="postgresql://postgres@localhost:$port/japanese"
PGCLIENTENCODING=UTF8 psql -X -q -d "$japanese" -c "CREATE TABLE orders (id int PRIMARY KEY, town text, note text); INSERT INTO orders VALUES (1, '№①', '山田太郎')"
sed 's/"scrub"/"person_name"/' pgcycle.json >names.json
run 1 pgcycle-extract --config names.json -d "$japanese"
says "$err" "public.orders" "the database's encoding lacks a character"
pg_dump -Fc -d "$japanese" -f "$work/japanese.dump"
run 0 pgcycle-extract --config names.json --from-dump "$work/japanese.dump"
says fixtures/public/orders.json '"town": "№①"'
run 0 pgcycle-reset --dump "$work/nowhere.sql"
says "$err" "the server does not have the locale xx_XX.UTF-8 (UTF8) of the dump's database: text sorts"
same "$(encoding)" UTF8
# Bytes that mean nothing are kept as they are, and never become a fixture.
ascii="postgresql://postgres@localhost:$port/ascii"
psql -X -q -d "$ascii" -c "CREATE TABLE orders (id int PRIMARY KEY, town text, note text); INSERT INTO orders VALUES (1, E'Z\\xfcrich', 'a'), (2, 'Zürich', 'b')"
pg_dump -Fc -d "$ascii" -f "$work/ascii.dump"
run 0 pgcycle-reset --dump "$work/ascii.dump"
same "$(encoding)" SQL_ASCII
same "$(sql "SELECT string_agg(encode(town::bytea, 'hex'), ',' ORDER BY id) FROM orders")" "5afc72696368,5ac3bc72696368"
rm -rf fixtures
run 1 pgcycle-extract
says "$err" "the database holds text that is not UTF-8" "invalid byte sequence" '"public"."orders"'
# Nor where PostgreSQL let them into a database of another encoding.
sql "CREATE DATABASE taken"
pg_restore --no-owner -f - "$work/ascii.dump" | pgcycle-server psql -d taken -- -q >/dev/null
run 1 pgcycle-extract -d taken
says "$err" "the database holds text that is not UTF-8" "row 1, column 2 of COPY" '"public"."orders"'
[[ ! -e fixtures ]] || fail "a fixture that is no JSON"
run 1 pgcycle-reset --no-cache --anonymize --dump "$work/ascii.dump"
says "$err" "$work/ascii.dump:" "the dump holds text that is not UTF-8" "SET client_encoding"
same "$(encoding)" SQL_ASCII "what was there before"

# Elsewhere roles are a user's to make, and nothing is made.
external_server other
cd "$work/app"
run 3 pgcycle-reset --no-cache --dump "$work/shop.dump" -d "postgresql://postgres@localhost:$port/shop_test"
says "$err" 'role "reader" does not exist' "CREATE ROLE"
same "$(psql -X -A -t -d "$admin" -c "SELECT count(*) FROM pg_roles WHERE rolname IN ('reader', 'writer')")" 0
psql -X -q -d "$admin" -c "CREATE DATABASE m_test"
run 3 pgcycle-migrate --migrations m up -d "postgresql://postgres@localhost:$port/m_test"
says "$err" 'role "reader" does not exist'
same "$(psql -X -A -t -d "$admin" -c "SELECT count(*) FROM pg_roles WHERE rolname = 'reader'")" 0
