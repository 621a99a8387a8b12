#!/usr/bin/env bash
# The histories of other tools: taken over once the schema is what the files make, not before.
. "$(dirname "$0")/../lib.sh"

project adopt
mkdir m versions
printf 'CREATE TABLE a (id int PRIMARY KEY);\n' >m/000001_a.up.sql
printf 'DROP TABLE a;\n' >m/000001_a.down.sql
printf 'CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a);\n' >m/000002_b.up.sql
printf 'DROP TABLE b;\n' >m/000002_b.down.sql
printf 'CREATE TABLE c (id int PRIMARY KEY);\n' >m/000003_c.up.sql
printf 'DROP TABLE c;\n' >m/000003_c.down.sql
run 0 pgcycle-server start -q
admin=$(pgcycle-server url -q -d postgres)
tables='CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a);'

# adopts NAME HISTORY: a database with the first two, and the tool's own table.
adopts() {
  psql -X -q -d "$admin" -c "DROP DATABASE IF EXISTS adopt" -c "CREATE DATABASE adopt"
  sql "$tables"
  sql "$2"
  run 0 pgcycle-migrate --migrations m adopt
  says "$out" "of $1: 2 versions stamped"
  run 0 pgcycle-migrate --migrations m up
  says "$out" "1 steps run"
  run 0 pgcycle-migrate --migrations m down --to 0
  same "$(sql "SELECT to_regclass('a') IS NULL AND to_regclass('c') IS NULL")" t
}
adopts golang-migrate "CREATE TABLE schema_migrations (version bigint PRIMARY KEY, dirty boolean NOT NULL); INSERT INTO schema_migrations VALUES (2, false)"
adopts dbmate "CREATE TABLE schema_migrations (version varchar(128) PRIMARY KEY); INSERT INTO schema_migrations VALUES ('000001'), ('000002')"
adopts goose "CREATE TABLE goose_db_version (id serial PRIMARY KEY, version_id bigint NOT NULL, is_applied boolean NOT NULL, tstamp timestamp DEFAULT now());
  INSERT INTO goose_db_version (version_id, is_applied) VALUES (0, true), (1, true), (2, true), (3, true), (3, false)"
adopts Flyway "CREATE TABLE flyway_schema_history (installed_rank int PRIMARY KEY, version varchar(50), description varchar(200), type varchar(20), script varchar(1000), checksum int, installed_by varchar(100), installed_on timestamp DEFAULT now(), execution_time int, success boolean);
  INSERT INTO flyway_schema_history VALUES (1, '1', 'a', 'SQL', 'V1__a.sql', 1, 'x', now(), 1, true), (2, '2', 'b', 'SQL', 'V2__b.sql', 1, 'x', now(), 1, true)"
adopts diesel "CREATE TABLE __diesel_schema_migrations (version varchar(50) PRIMARY KEY, run_on timestamp DEFAULT now()); INSERT INTO __diesel_schema_migrations VALUES ('000001'), ('000002')"
adopts sqlx "CREATE TABLE _sqlx_migrations (version bigint PRIMARY KEY, description text, installed_on timestamptz DEFAULT now(), success boolean, checksum bytea, execution_time bigint); INSERT INTO _sqlx_migrations VALUES (1, 'a', now(), true, '', 1), (2, 'b', now(), true, '', 1)"
adopts Prisma "CREATE TABLE _prisma_migrations (id varchar(36) PRIMARY KEY, checksum varchar(64), finished_at timestamptz, migration_name varchar(255), logs text, rolled_back_at timestamptz, started_at timestamptz DEFAULT now(), applied_steps_count int); INSERT INTO _prisma_migrations VALUES ('x', '', now(), '000001_a', '', NULL, now(), 1), ('y', '', now(), '000002_b', '', NULL, now(), 1)"
# Once more stamps nothing, and what was applied since stays.
run 0 pgcycle-migrate --migrations m up
run 0 pgcycle-migrate --migrations m down --to 2
run 0 pgcycle-migrate --migrations m adopt
says "$out" "of Prisma: 0 versions stamped"
sqitch_tables() {
  echo "CREATE TABLE $1.releases (version real PRIMARY KEY); CREATE TABLE $1.projects (project text PRIMARY KEY);
    CREATE TABLE $1.changes (change_id text PRIMARY KEY, change text, project text REFERENCES $1.projects, committed_at timestamptz DEFAULT now(), planner_email text);
    CREATE TABLE $1.tags (tag_id text PRIMARY KEY, change_id text REFERENCES $1.changes);
    CREATE TABLE $1.dependencies (change_id text REFERENCES $1.changes); CREATE TABLE $1.events (event text);
    COMMENT ON TABLE $1.events IS 'deploys'; INSERT INTO $1.projects VALUES ('x');
    INSERT INTO $1.changes VALUES ('1', 'a', 'x', now(), ''), ('2', 'b', 'x', now() + '1 s', '')"
}
adopts sqitch "CREATE SCHEMA sqitch; $(sqitch_tables sqitch)"
adopts sqitch "CREATE SCHEMA registry; $(sqitch_tables registry)"
adopts sqitch "$(sqitch_tables public)"

# Not what the files make: nothing is stamped.
psql -X -q -d "$admin" -c "DROP DATABASE adopt" -c "CREATE DATABASE adopt"
sql "$tables ALTER TABLE a ADD COLUMN extra text;"
sql "CREATE TABLE schema_migrations (version varchar(128) PRIMARY KEY); INSERT INTO schema_migrations VALUES ('000001'), ('000002')"
run 4 pgcycle-migrate --migrations m adopt
says "$err" "nothing is stamped" "added column public.a.extra"
same "$(sql "SELECT to_regclass('pgcycle.migration_step') IS NULL")" t
sql "ALTER TABLE a DROP COLUMN extra; INSERT INTO schema_migrations VALUES ('000009')"
run 1 pgcycle-migrate --migrations m adopt
says "$err" "says that 000009 is applied, which has no file here"

# A migration of another tool's that did not end well.
failed() {
  psql -X -q -d "$admin" -c "DROP DATABASE adopt" -c "CREATE DATABASE adopt"
  sql "$tables"
  sql "$1"
  run 4 pgcycle-migrate --migrations m adopt
  says "$err" "$2 did not end well" "hint: mend it with"
}
failed "CREATE TABLE schema_migrations (version bigint PRIMARY KEY, dirty boolean NOT NULL); INSERT INTO schema_migrations VALUES (2, true)" "schema_migrations says that 2"
failed "CREATE TABLE _sqlx_migrations (version bigint PRIMARY KEY, success boolean, checksum bytea); INSERT INTO _sqlx_migrations VALUES (1, true, ''), (2, false, '')" "_sqlx_migrations says that 2"
failed "CREATE TABLE _prisma_migrations (finished_at timestamptz, migration_name varchar(255), rolled_back_at timestamptz); INSERT INTO _prisma_migrations VALUES (now(), '000001_a', NULL), (NULL, '000002_b', now()), (NULL, '000002_b', NULL)" "_prisma_migrations says that 000002_b"

# Flyway: versions by dots, repeatable files, what was undone, baselines.
mkdir flyway
printf 'CREATE TABLE a (id int PRIMARY KEY);\n' >flyway/V1.0__a.sql
printf 'CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a);\n' >flyway/V1_1__b.sql
printf 'CREATE TABLE c (id int PRIMARY KEY);\n' >flyway/V2__c.sql
printf 'DROP TABLE c;\n' >flyway/U2__c.sql
printf 'CREATE OR REPLACE VIEW v AS SELECT id FROM a;\n' >flyway/R__v.sql
printf 'CREATE OR REPLACE VIEW later AS SELECT id FROM c;\n' >flyway/R__w.sql
flyway() {
  psql -X -q -d "$admin" -c "DROP DATABASE adopt" -c "CREATE DATABASE adopt"
  sql "$tables CREATE VIEW v AS SELECT id FROM a"
  sql "CREATE TABLE flyway_schema_history (installed_rank int PRIMARY KEY, version varchar(50), type varchar(20), script varchar(1000), success boolean);
    CREATE INDEX flyway_schema_history_s_idx ON flyway_schema_history (success); INSERT INTO flyway_schema_history VALUES $1"
}
adopts_three() {
  run 0 pgcycle-migrate --migrations flyway adopt
  says "$out" "of Flyway: 3 versions stamped"
}
flyway "(0, NULL, 'SCHEMA', 'x', true), (1, '1.0', 'SQL', 'V1.0__a.sql', true), (2, '1.1', 'SQL', 'sub/V1_1__b.sql', true), (3, '2', 'SQL', 'V2__c.sql', true), (4, NULL, 'SQL', 'sub/R__v.sql', true), (5, '2', 'UNDO_SQL', 'U2__c.sql', true), (6, NULL, 'SQL', 'R__v.sql', true)"
adopts_three
run 0 pgcycle-migrate --migrations flyway up
says "$out" "2 steps run"
same "$(sql "SELECT count(*) FROM later")" 0
flyway "(1, '1.1', 'BASELINE', '<< Flyway Baseline >>', true), (2, NULL, 'SQL', 'R__v.sql', true)"
adopts_three
flyway "(1, '1.5', 'BASELINE', '<< Flyway Baseline >>', true), (2, NULL, 'SQL', 'R__v.sql', true)"
adopts_three
flyway "(1, '1.0', 'SQL', 'V1.0__a.sql', true), (2, '1.1', 'SQL', 'V1_1__b.sql', false)"
run 4 pgcycle-migrate --migrations flyway adopt
says "$err" "V1_1__b.sql did not end well"
flyway "(1, '1.0', 'SQL', 'V1.0__a.sql', true), (2, '2', 'SQL', 'V2__c.sql', true)"
run 4 pgcycle-migrate --migrations flyway adopt
says "$err" "V2__c is applied, but V1_1__b below it is not"

# sqitch's own project, with a change that was reworked.
mkdir -p sqitch/deploy sqitch/revert
printf '%%project=x\n\na 2026-01-01T00:00:00Z x <x@y.z>\n@v1 2026-01-01T00:00:00Z x <x@y.z>\nb [a] 2026-01-01T00:00:00Z x <x@y.z>\na [a@v1] 2026-01-01T00:00:00Z x <x@y.z>\nc 2026-01-01T00:00:00Z x <x@y.z>\n' >sqitch/sqitch.plan
printf 'BEGIN;\nCREATE TABLE a (id int PRIMARY KEY);\nCOMMIT;\n' >sqitch/deploy/a@v1.sql
printf 'BEGIN;\nCREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a);\nCOMMIT;\n' >sqitch/deploy/b.sql
printf 'BEGIN;\nALTER TABLE a ADD extra text;\nCOMMIT;\n' >sqitch/deploy/a.sql
printf 'BEGIN;\nALTER TABLE a DROP extra;\nCOMMIT;\n' >sqitch/revert/a.sql
printf 'BEGIN;\nCREATE TABLE c (id int PRIMARY KEY);\nCOMMIT;\n' >sqitch/deploy/c.sql
psql -X -q -d "$admin" -c "DROP DATABASE adopt" -c "CREATE DATABASE adopt"
sql "$tables ALTER TABLE a ADD extra text; CREATE SCHEMA sqitch; $(sqitch_tables sqitch), ('3', 'a', 'x', now() + '2 s', '')"
run 0 pgcycle-migrate --migrations sqitch adopt
says "$out" "of sqitch: 3 versions stamped"
run 0 pgcycle-migrate --migrations sqitch status
says "$out" "a@v1"
run 0 pgcycle-migrate --migrations sqitch up
says "$out" "1 steps run"
run 0 pgcycle-migrate --migrations sqitch up
says "$out" "0 steps run"

# alembic: its revisions are not ours, so the version is given, and its table kept in step.
psql -X -q -d "$admin" -c "DROP DATABASE adopt" -c "CREATE DATABASE adopt"
mkdir -p alembic/v1 alembic/v2
printf '%s\n' "$tables" >alembic/v1/010_ab.sql
printf '{"alembic": "1a2b"}\n' >alembic/v1/version.json
printf '{"alembic": "3c4d"}\n' >alembic/v2/version.json
printf 'CREATE TABLE c (id int);\n' >alembic/v2/010_c.sql
printf 'DROP TABLE c;\n' >alembic/v2/010_c.down.sql
sql "$tables CREATE TABLE alembic_version (version_num varchar(32) NOT NULL PRIMARY KEY); INSERT INTO alembic_version VALUES ('1a2b')"
run 1 pgcycle-migrate --migrations alembic adopt
says "$err" "1a2b" "--to VERSION"
run 4 pgcycle-migrate --migrations alembic adopt --to v2
run 0 pgcycle-migrate --migrations alembic adopt --to v1
run 0 pgcycle-migrate --migrations alembic up
same "$(sql "SELECT version_num FROM alembic_version")" 3c4d
run 0 pgcycle-migrate --migrations alembic down
same "$(sql "SELECT version_num FROM alembic_version")" 1a2b
psql -X -q -d "$admin" -c "DROP DATABASE adopt" -c "CREATE DATABASE adopt"
run 1 pgcycle-migrate --migrations m adopt
says "$err" "no migration tool has left a history here"
