#include "pgcycle/migrate/lint_rules.hpp"

#include <algorithm>

namespace pgcycle::migrate {

namespace {

constexpr bool kError = true;
constexpr bool kWarning = false;

}  // namespace

const std::vector<LintRule>& lint_rules() {
  static const std::vector<LintRule> kRules{
      // --- what is lost ---
      {"drop-table", kError, "The rows are gone, and programs that still read the table fail.",
       "Rename it out of the way first, deploy, and drop it in a later version.",
       "DROP TABLE orders;", "DROP TABLE IF EXISTS pg_temp.scratch;"},
      {"drop-column", kError,
       "The values are gone, and programs that still name the column fail, also those that cached "
       "its place in prepared statements.",
       "Stop using it, deploy, and drop it in a later version.",
       "ALTER TABLE orders DROP COLUMN note;",
       "ALTER TABLE orders ALTER COLUMN note DROP DEFAULT;"},
      {"drop-schema", kError, "Everything in it is gone.",
       "Drop its objects by name, when they are unused.", "DROP SCHEMA old CASCADE;",
       "CREATE SCHEMA fresh;"},
      {"drop-database", kError, "A migration must never drop a database.",
       "Do it by hand, elsewhere.", "DROP DATABASE shop;", "SELECT 1;"},
      {"drop-type", kError, "Columns and functions of the type go or stop the migration.",
       "Move columns to another type first.", "DROP TYPE mood;", "CREATE TYPE mood AS ENUM ('a');"},
      {"drop-function", kWarning, "Programs and triggers that call it fail.",
       "Leave the old one until nobody calls it.", "DROP FUNCTION total(int);",
       "CREATE OR REPLACE FUNCTION total(i int) RETURNS int LANGUAGE sql AS 'SELECT i';"},
      {"drop-view", kWarning, "Programs that read it fail; its grants and options are gone.",
       "Use CREATE OR REPLACE VIEW, or give back grants and options behind it.", "DROP VIEW sums;",
       "CREATE VIEW sums AS SELECT 1 AS n;"},
      {"drop-cascade", kError, "CASCADE drops what you did not name, whatever it is by then.",
       "Drop each object by name; `pgcycle-migrate up` lists what depends on it.",
       "DROP VIEW sums CASCADE;", "DROP VIEW IF EXISTS sums;"},
      {"drop-extension", kError, "All that uses the extension's types and functions goes.",
       "Remove its uses first, in a version of their own.", "DROP EXTENSION citext;",
       "CREATE EXTENSION IF NOT EXISTS citext;"},
      {"drop-constraint", kWarning, "Data that the constraint kept out comes in.",
       "Add the new constraint first, then drop the old one.",
       "ALTER TABLE orders DROP CONSTRAINT orders_pkey;",
       "ALTER TABLE orders ADD CONSTRAINT positive CHECK (amount > 0) NOT VALID;"},
      {"truncate", kError, "All rows are gone, under a lock that stops everybody.",
       "Delete in batches what is really to go.", "TRUNCATE orders;",
       "DELETE FROM orders WHERE id < 100;"},
      {"delete-all", kError,
       "Every row is deleted in one statement, and its locks are held to the end.",
       "Say which rows, in batches (a backfill step).", "DELETE FROM orders;",
       "DELETE FROM orders WHERE id < 100;"},
      {"update-all", kError,
       "Every row is written again at once: locks on all of them, bloat, replicas behind.",
       "Use a backfill step, which goes in batches.", "UPDATE orders SET note = '';",
       "UPDATE orders SET note = '' WHERE id < 100;"},
      // --- names ---
      {"rename-table", kError, "Programs that run know only the old name.",
       "Make a view under the other name until all are deployed.",
       "ALTER TABLE orders RENAME TO sales;", "CREATE VIEW sales AS SELECT * FROM orders;"},
      {"rename-column", kError, "Programs that run know only the old name.",
       "Add the new column, keep both in step, drop the old one later.",
       "ALTER TABLE orders RENAME COLUMN note TO remark;",
       "ALTER TABLE orders ADD COLUMN remark text;"},
      {"rename-object", kWarning, "Whoever uses the old name fails.",
       "Make a second one, and drop the old one later.", "ALTER TYPE mood RENAME TO feeling;",
       "ALTER INDEX a RENAME TO b;"},
      {"change-schema", kError, "Whoever uses the old qualified name fails.",
       "Make a view in the old place.", "ALTER TABLE orders SET SCHEMA archive;",
       "CREATE VIEW archive_orders AS SELECT 1 AS n;"},
      // --- rewrites ---
      {"change-type", kError,
       "Every row and index is written again under a lock that stops all readers. Changes that "
       "only "
       "widen a varchar, or make it text, are not found; with a rehearsal, neither is any other "
       "that "
       "did not rewrite.",
       "Add a column of the new type, fill it in batches, switch, drop the old one.",
       "ALTER TABLE orders ALTER COLUMN amount TYPE bigint;",
       "CREATE TABLE known (a varchar(10)); ALTER TABLE known ALTER COLUMN a TYPE varchar(20);"},
      {"volatile-default", kError,
       "A default that differs for each row is written into all of them under a lock that stops "
       "all "
       "readers.",
       "Add the column without it, set the default, fill old rows in batches.",
       "ALTER TABLE orders ADD COLUMN token uuid DEFAULT gen_random_uuid();",
       "ALTER TABLE orders ADD COLUMN at timestamptz DEFAULT now();"},
      {"add-serial", kError,
       "A serial or identity column numbers every row under a lock that stops all "
       "readers.",
       "Add a plain column, fill it in batches, then attach a sequence.",
       "ALTER TABLE orders ADD COLUMN n bigserial;", "ALTER TABLE orders ADD COLUMN n bigint;"},
      {"add-generated", kError,
       "A stored generated column is computed for every row under a lock that "
       "stops all readers.",
       "Fill a plain column in batches, kept by a trigger; or compute it in a view.",
       "ALTER TABLE orders ADD COLUMN d int GENERATED ALWAYS AS (1) STORED;",
       "ALTER TABLE orders ADD COLUMN d int;"},
      {"set-unlogged", kError,
       "The whole table is written again under a lock that stops all readers.",
       "Copy it to a table made so.", "ALTER TABLE orders SET UNLOGGED;",
       "CREATE TABLE fresh (id bigint PRIMARY KEY);"},
      {"set-tablespace", kError, "The whole table is copied under a lock that stops all readers.",
       "Move it with a tool that copies aside.", "ALTER TABLE orders SET TABLESPACE fast;",
       "ALTER TABLE orders SET (fillfactor = 90);"},
      {"vacuum-full", kError,
       "VACUUM FULL and CLUSTER write the table again under a lock that stops all "
       "readers.",
       "Use plain VACUUM, or a tool that works aside.", "VACUUM FULL orders;", "VACUUM orders;"},
      // --- scans under a lock ---
      {"set-not-null", kError, "The whole table is read under a lock that stops all readers.",
       "Add CHECK (x IS NOT NULL) NOT VALID, validate it, then SET NOT NULL, then drop the check.",
       "ALTER TABLE orders ALTER COLUMN note SET NOT NULL;",
       "ALTER TABLE orders ADD CONSTRAINT there CHECK (note IS NOT NULL) NOT VALID;"},
      {"add-not-null-column", kError,
       "It fails where the table has rows: they have no value for it.",
       "Give it a default, or add it without NOT NULL and fill it.",
       "ALTER TABLE orders ADD COLUMN owner int NOT NULL;",
       "ALTER TABLE orders ADD COLUMN owner int NOT NULL DEFAULT 0;"},
      {"add-check", kError, "Every row is read under a lock that stops all readers and writers.",
       "Add it NOT VALID, and VALIDATE it in a transaction of its own.",
       "ALTER TABLE orders ADD CONSTRAINT positive CHECK (amount > 0);",
       "ALTER TABLE orders ADD CONSTRAINT positive CHECK (amount > 0) NOT VALID;"},
      {"add-foreign-key", kError,
       "Both tables are locked against writing while every row is looked up.",
       "Add it NOT VALID, and VALIDATE it in a transaction of its own.",
       "CREATE INDEX CONCURRENTLY i ON orders (person);\n"
       "ALTER TABLE orders ADD CONSTRAINT who FOREIGN KEY (person) REFERENCES people;",
       "CREATE INDEX CONCURRENTLY i ON orders (person);\n"
       "ALTER TABLE orders ADD CONSTRAINT who FOREIGN KEY (person) REFERENCES people NOT VALID;"},
      {"foreign-key-index", kWarning,
       "Without an index on the referencing columns each delete or key update of a referenced row "
       "reads "
       "the whole table.",
       "Make the index, before the foreign key.",
       "ALTER TABLE orders ADD CONSTRAINT who FOREIGN KEY (person) REFERENCES people NOT VALID;",
       "CREATE INDEX CONCURRENTLY i ON orders (person);\n"
       "ALTER TABLE orders ADD CONSTRAINT who FOREIGN KEY (person) REFERENCES people NOT VALID;"},
      {"validate-together", kError,
       "In one transaction with NOT VALID the lock of the first is held for the scan of the "
       "second.",
       "Put VALIDATE CONSTRAINT into a step of its own.",
       "ALTER TABLE orders ADD CONSTRAINT positive CHECK (amount > 0) NOT VALID;\n"
       "ALTER TABLE orders VALIDATE CONSTRAINT positive;",
       "ALTER TABLE orders VALIDATE CONSTRAINT positive;"},
      {"add-unique", kError, "The index is built under a lock that stops all readers and writers.",
       "CREATE UNIQUE INDEX CONCURRENTLY, then ADD CONSTRAINT … USING INDEX.",
       "ALTER TABLE orders ADD CONSTRAINT once UNIQUE (number);",
       "ALTER TABLE orders ADD CONSTRAINT once UNIQUE USING INDEX orders_number;"},
      {"add-exclusion", kError,
       "Its index is built under a lock that stops all readers and writers; there "
       "is no way around.",
       "Add it to a new table, or in a window when nobody works.",
       "ALTER TABLE orders ADD CONSTRAINT apart EXCLUDE USING gist (span WITH &&);",
       "CREATE TABLE bookings (id int PRIMARY KEY, span int4range, EXCLUDE USING gist (span WITH "
       "&&));"},
      {"create-index", kError, "Writers wait until the index is built.",
       "Use CREATE INDEX CONCURRENTLY.", "CREATE INDEX orders_note ON orders (note);",
       "CREATE INDEX CONCURRENTLY orders_note ON orders (note);"},
      {"drop-index", kError, "Readers and writers wait behind the lock.",
       "Use DROP INDEX CONCURRENTLY.", "DROP INDEX orders_note;",
       "DROP INDEX CONCURRENTLY orders_note;"},
      {"reindex", kError, "Writers wait until the index is built, and readers that would use it.",
       "Use REINDEX … CONCURRENTLY.", "REINDEX TABLE orders;",
       "REINDEX TABLE CONCURRENTLY orders;"},
      {"unnamed-index", kWarning,
       "The name is made up at each run; a way back or a later step cannot know "
       "it.",
       "Name the index.", "CREATE INDEX CONCURRENTLY ON orders (note);",
       "CREATE INDEX CONCURRENTLY orders_note ON orders (note);"},
      {"refresh-view", kError, "Readers of the materialised view wait until it is filled.",
       "Use REFRESH MATERIALIZED VIEW CONCURRENTLY.", "REFRESH MATERIALIZED VIEW totals;",
       "REFRESH MATERIALIZED VIEW CONCURRENTLY totals;"},
      {"attach-partition", kWarning,
       "The partition is read whole under a lock, unless a valid CHECK "
       "proves its rows.",
       "Add a matching CHECK NOT VALID, validate it, then attach.",
       "ALTER TABLE log ATTACH PARTITION log_1 FOR VALUES FROM (1) TO (2);",
       "CREATE TABLE log_2 PARTITION OF log FOR VALUES FROM (2) TO (3);"},
      {"detach-partition", kError, "Readers of the whole table wait behind the lock.",
       "Use DETACH PARTITION … CONCURRENTLY.", "ALTER TABLE log DETACH PARTITION log_1;",
       "ALTER TABLE log DETACH PARTITION log_1 CONCURRENTLY;"},
      // --- locks held for long ---
      {"long-lock", kError,
       "A lock that stops readers is held to the end of the transaction, while rows are written.",
       "Put the change of the table and that of the rows into two steps.",
       "ALTER TABLE orders ADD COLUMN total int;\nUPDATE orders SET total = 1 WHERE id < 9;",
       "ALTER TABLE orders ADD COLUMN total int;"},
      {"many-locks", kWarning,
       "Tables locked one after the other in a transaction meet other sessions in another order, "
       "and "
       "deadlock.",
       "A step for each table.",
       "ALTER TABLE orders ADD COLUMN a int;\nALTER TABLE people ADD COLUMN b int;",
       "ALTER TABLE orders ADD COLUMN a int;\nALTER TABLE orders ADD COLUMN b int;"},
      {"lock-table", kError, "Everybody else waits.",
       "Let statements take the locks that they need.", "LOCK TABLE orders;", "SELECT 1;"},
      // --- types ---
      {"enum-add-and-use", kError, "A new value cannot be used in the transaction that added it.",
       "Add it in a step of its own.",
       "ALTER TYPE mood ADD VALUE 'great';\nUPDATE people SET feels = 'great' WHERE id = 1;",
       "ALTER TYPE mood ADD VALUE 'great';"},
      {"enum-rename-value", kError, "Programs that run know only the old value.",
       "Add the new value, move the rows, stop using the old one.",
       "ALTER TYPE mood RENAME VALUE 'ok' TO 'fine';", "ALTER TYPE mood ADD VALUE 'fine';"},
      {"timestamp-without-zone", kWarning, "What instant it means depends on who reads it.",
       "Use timestamptz.", "CREATE TABLE x (id int PRIMARY KEY, at timestamp);",
       "CREATE TABLE x (id int PRIMARY KEY, at timestamptz);"},
      {"char-type", kWarning, "char(n) pads with blanks, which comparisons then ignore.",
       "Use text.", "CREATE TABLE x (id int PRIMARY KEY, code char(3));",
       "CREATE TABLE x (id int PRIMARY KEY, code text);"},
      {"money-type", kWarning, "Its meaning depends on the server's locale.", "Use numeric.",
       "CREATE TABLE x (id int PRIMARY KEY, price money);",
       "CREATE TABLE x (id int PRIMARY KEY, price numeric(12,2));"},
      {"json-type", kWarning, "json keeps text: it has no equality and few indexes.", "Use jsonb.",
       "CREATE TABLE x (id int PRIMARY KEY, data json);",
       "CREATE TABLE x (id int PRIMARY KEY, data jsonb);"},
      {"serial-type", kWarning, "The sequence has rights and an owner of its own.",
       "Use GENERATED BY DEFAULT AS IDENTITY.", "CREATE TABLE x (id serial PRIMARY KEY);",
       "CREATE TABLE x (id int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY);"},
      {"no-primary-key", kWarning,
       "Rows cannot be told apart: replication, backfills and fixtures need a key.",
       "Give the table a primary key.", "CREATE TABLE x (name text);",
       "CREATE TABLE x (name text PRIMARY KEY);"},
      {"unlogged-table", kWarning, "A crash empties it, and replicas do not have it.",
       "Make a plain table.", "CREATE UNLOGGED TABLE x (id int PRIMARY KEY);",
       "CREATE TABLE x (id int PRIMARY KEY);"},
      // --- rights ---
      {"row-security-off", kError, "Everybody who may read the table then reads all of it.",
       "Write a policy that lets through what is meant.",
       "ALTER TABLE people DISABLE ROW LEVEL SECURITY;",
       "ALTER TABLE people ENABLE ROW LEVEL SECURITY;"},
      {"drop-policy", kWarning, "Rows become visible, or vanish, for some roles.",
       "Make the new policy first, in the same transaction.", "DROP POLICY mine ON people;",
       "CREATE POLICY mine ON people USING (true);"},
      {"security-definer", kError,
       "A function that runs with its owner's rights and the caller's search_path runs what the "
       "caller puts "
       "in its way.",
       "Add SET search_path = '' (or a safe list) to the function.",
       "CREATE FUNCTION f() RETURNS int SECURITY DEFINER LANGUAGE sql AS 'SELECT 1';",
       "CREATE FUNCTION f() RETURNS int SECURITY DEFINER SET search_path = '' LANGUAGE sql AS "
       "'SELECT 1';"},
      {"view-loses-options", kError,
       "CREATE OR REPLACE VIEW sets the options anew: security_barrier or security_invoker is "
       "lost.",
       "Repeat WITH (…) in the replacement.",
       "CREATE VIEW v WITH (security_barrier) AS SELECT 1 AS n;\nCREATE OR REPLACE VIEW v AS "
       "SELECT 1 AS n;",
       "CREATE VIEW v WITH (security_barrier) AS SELECT 1 AS n;\n"
       "CREATE OR REPLACE VIEW v WITH (security_barrier) AS SELECT 1 AS n;"},
      {"view-loses-grants", kError, "A view that is dropped and made again has no grants.",
       "GRANT again behind it, or use CREATE OR REPLACE VIEW.",
       "DROP VIEW IF EXISTS v;\nCREATE VIEW v AS SELECT 1 AS n;",
       "DROP VIEW IF EXISTS v;\nCREATE VIEW v AS SELECT 1 AS n;\nGRANT SELECT ON v TO reader;"},
      {"grant-to-public", kWarning, "Every role, also of later programs, has the right.",
       "Grant it to the roles that need it.", "GRANT SELECT ON people TO PUBLIC;",
       "GRANT SELECT ON people TO reader;"},
      {"disable-trigger", kError, "What the trigger keeps is not kept, for all sessions.",
       "SET LOCAL session_replication_role, or a condition in the trigger.",
       "ALTER TABLE people DISABLE TRIGGER ALL;", "ALTER TABLE people ENABLE TRIGGER ALL;"},
      {"replication-role", kWarning,
       "Triggers and foreign keys do not run: nothing proves the rows.",
       "Leave them on, or check afterwards.", "SET LOCAL session_replication_role = replica;",
       "SET LOCAL lock_timeout = '1s';"},
      {"create-rule", kWarning, "Rules rewrite queries and evaluate expressions twice.",
       "Use a trigger.", "CREATE RULE r AS ON INSERT TO people DO ALSO NOTHING;",
       "CREATE TRIGGER t BEFORE INSERT ON people FOR EACH ROW EXECUTE FUNCTION f();"},
      {"alter-system", kError, "It changes the whole server, past the migration's transaction.",
       "Set it in the server's configuration.", "ALTER SYSTEM SET work_mem = '1GB';",
       "SET LOCAL work_mem = '1GB';"},
  };
  return kRules;
}

const LintRule* find_lint_rule(std::string_view name) {
  const auto& rules = lint_rules();
  const auto found = std::find_if(rules.begin(), rules.end(),
                                  [name](const LintRule& rule) { return rule.name == name; });
  return found == rules.end() ? nullptr : &*found;
}

}  // namespace pgcycle::migrate
