-- Statement shapes that splitters get wrong; psql and pgcycle-migrate must make the same of them.
\set ON_ERROR_STOP on
-- 1 plain, several on a line
CREATE TABLE a (id int PRIMARY KEY, t text); INSERT INTO a VALUES (1, 'one'); INSERT INTO a VALUES (2, 'two;');
-- 2 quotes doubled, semicolons and comment marks inside
INSERT INTO a VALUES (3, 'it''s; -- no comment'), (4, '/* nor this */');
-- 3 escapes
INSERT INTO a VALUES (5, E'tab\there; \'quoted\' \\ back');
-- 4 continuation lines of strings
INSERT INTO a VALUES (6, 'one '
  'and two;');
-- 5 an escape string that goes on
INSERT INTO a VALUES (7, E'one\''
  '; two\\');
-- 6 unicode escapes
INSERT INTO a VALUES (8, U&'d\0061t\+000061;'), (9, U&'d!0061t!+000061' UESCAPE '!');
-- 7 dollar quotes, nested tags
INSERT INTO a VALUES (10, $$plain; $1 'quote$$), (11, $x$ inner $$;$$ $y$;$y$ $x$);
-- 8 quoted identifiers with everything in them
CREATE TABLE "odd;name -- ""x""" ("select" int, "a""b;" text);
INSERT INTO "odd;name -- ""x""" VALUES (1, ';');
-- 9 nested comments
/* outer ; /* inner ; */ still ; */ INSERT INTO a VALUES (12, 'after /* comment');
-- 10 a comment without a newline behind an operator
SELECT 1 --;
  + 2 /* ; */ ;
-- 11 functions in dollar quotes
CREATE FUNCTION f1(i int) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
  IF i > 0 THEN RETURN i; END IF; -- ; here
  RETURN 'x;'::text = ';' ;
EXCEPTION WHEN others THEN RETURN -1;
END $$;
-- 12 BEGIN ATOMIC
CREATE FUNCTION f2(i int) RETURNS int LANGUAGE sql BEGIN ATOMIC
  SELECT 1; SELECT CASE WHEN i > 0 THEN (SELECT 2) ELSE CASE i WHEN 0 THEN 1 END END;
END;
-- 13 OR REPLACE PROCEDURE with BEGIN ATOMIC
CREATE OR REPLACE PROCEDURE p1(i int) BEGIN ATOMIC INSERT INTO a VALUES (i, 'p;'); INSERT INTO a VALUES (i + 1, 'q'); END;
CALL p1(100);
-- 14 a function with single quotes
CREATE FUNCTION f3() RETURNS text LANGUAGE sql AS 'SELECT ''a;b''::text;';
-- 15 RETURN form
CREATE FUNCTION f4(x int) RETURNS int LANGUAGE sql RETURN x + 1;
-- 16 rules with several actions
CREATE TABLE log (what text);
CREATE RULE r1 AS ON DELETE TO a DO ALSO (INSERT INTO log VALUES ('gone;'); INSERT INTO log VALUES ('twice'));
DELETE FROM a WHERE id = 12;
-- 17 DO blocks
DO $do$ DECLARE i int; BEGIN FOR i IN 1..3 LOOP INSERT INTO log VALUES ('do ' || i || ';'); END LOOP; END $do$;
-- 18 COPY from stdin
COPY a (id, t) FROM stdin;
20	tab\tin
21	semi;colon
22	\N
23	\\.
\.
-- 19 COPY as CSV, with a line that looks like SQL
COPY a FROM STDIN WITH (FORMAT csv, HEADER);
id,t
30,"DROP TABLE a;"
31,"two
lines;"
\.
-- 20 COPY with a condition that says from
COPY a FROM STDIN WHERE t <> 'from';
32	from
33	kept
\.
-- 21 \copy
\copy a (id, t) FROM 'more/rows.csv' WITH (FORMAT csv)
-- 22 \i and \ir
\i more/one.sql
\ir more/one_more.sql
-- 23 variables
\set name 'it''s'
\set number 40
\set tbl a
INSERT INTO a VALUES (:number, :'name');
INSERT INTO :"tbl" VALUES (:number + 1, ':number stays');
SELECT ':name', '::int', 1::int, (ARRAY[1,2,3])[1:2];
-- 24 a variable that is not set stays
SELECT '12:30'::time, 'a' AS "x:y";
-- 25 variables that make SQL
\set clause 'WHERE id = 40'
UPDATE a SET t = t || '!' :clause;
-- 26 \if
\if :{?name}
INSERT INTO log VALUES ('name is set');
\else
INSERT INTO log VALUES ('it is not'); SELECT 1/0;
\endif
\if off
SELECT 'never; ' FROM nowhere;
\elif yes
INSERT INTO log VALUES ('elif');
\else
SELECT 1/0;
\endif
-- 27 \gexec
SELECT format('CREATE TABLE gen_%s (id int)', i) FROM generate_series(1, 3) i \gexec
SELECT 'INSERT INTO log VALUES (''g1;'')', NULL, 'INSERT INTO log VALUES (''g2'')'
\gexec
-- 28 \echo
\echo nothing :number 'to see'
-- 29 \unset
\unset number
SELECT ':number';
-- 30 enum, domain, composite
CREATE TYPE mood AS ENUM ('sad;', 'ok'); CREATE DOMAIN posint AS int CHECK (VALUE > 0); CREATE TYPE pair AS (x int, y text);
-- 31 triggers
CREATE FUNCTION trg() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.t := coalesce(NEW.t, ';'); RETURN NEW; END; $$;
CREATE TRIGGER t1 BEFORE INSERT ON a FOR EACH ROW WHEN (NEW.id > 0) EXECUTE FUNCTION trg();
INSERT INTO a VALUES (50, NULL);
-- 32 operators with odd characters
CREATE FUNCTION eqx(int, int) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT $1 = $2';
CREATE OPERATOR ==# (LEFTARG = int, RIGHTARG = int, FUNCTION = eqx);
SELECT 1 ==# 1, 2 OPERATOR(public.==#) 2, '{"a": 1}'::jsonb ->> 'a', '{"a;": 1}'::jsonb ? 'a;';
-- 33 views, materialised views, WITH
CREATE VIEW v AS WITH x AS (SELECT * FROM a) SELECT * FROM x WHERE t <> ';';
CREATE MATERIALIZED VIEW mv AS SELECT count(*) AS n FROM v WITH DATA;
-- 34 partitions
CREATE TABLE part (id int, at date) PARTITION BY RANGE (at);
CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
-- 35 comments, grants, policies
COMMENT ON TABLE a IS 'a; table''s comment'; ALTER TABLE a ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON a USING (t <> ';');
-- 36 generated and identity columns
CREATE TABLE g (id int GENERATED ALWAYS AS IDENTITY, x int, y int GENERATED ALWAYS AS (x * 2) STORED); INSERT INTO g (x) VALUES (21);
-- 37 ON CONFLICT, RETURNING, upsert of a constraint
INSERT INTO a VALUES (1, 'again;') ON CONFLICT (id) DO NOTHING RETURNING *;
-- 38 a CTE that writes
WITH gone AS (DELETE FROM gen_1 RETURNING id) INSERT INTO log SELECT 'gone ' || count(*) FROM gone;
-- 39 prepared statements, cursors
PREPARE q (int) AS INSERT INTO log VALUES ('prepared;' || $1); EXECUTE q (1); DEALLOCATE q;
-- 40 savepoints
SAVEPOINT s; INSERT INTO log VALUES ('undone'); ROLLBACK TO SAVEPOINT s; RELEASE SAVEPOINT s;
-- 41 standard_conforming_strings off
SET LOCAL escape_string_warning = off;
SET standard_conforming_strings = off;
INSERT INTO log VALUES ('it\'s; old');
SET standard_conforming_strings TO on;
INSERT INTO log VALUES ('a\'), ('b;');
-- 42 bit strings, hex, national
INSERT INTO log VALUES (B'101'::text), (X'1F'::text), (N'n;');
-- 43 aggregates with ORDER BY and FILTER, window functions
SELECT string_agg(t, ';' ORDER BY id) FILTER (WHERE t <> ''), max(count(*)) OVER () FROM (SELECT id, t FROM a) x;
-- 44 JSON paths, with a dollar sign
SELECT jsonb_path_query('{"a": [1]}', '$.a[*] ? (@ > 0)');
-- 45 identifiers with dollar signs and umlauts
CREATE TABLE größe$1 (ü$x int); INSERT INTO größe$1 VALUES (1);
-- 46 a statement with many lines and no end but the file's
INSERT INTO log
VALUES
  ('the end;')
