#!/usr/bin/env bash
# Dumps and migrations that name roles which the server lacks: made on the project's own server,
# asked for on any other.
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
