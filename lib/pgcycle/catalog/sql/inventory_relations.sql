-- Schemas, extensions, tables and foreign tables, their columns, sequences, views: one row an
-- object, as (kind, name as SQL, parent's name, classid, objid, properties).
WITH ns AS (
  SELECT oid, nspname, nspowner, nspacl, quote_ident(nspname) AS name FROM pg_namespace
  WHERE nspname <> 'information_schema' AND nspname <> 'pgcycle' AND nspname !~ '^pg_'
),
rel AS (
  SELECT c.*, ns.name || '.' || quote_ident(c.relname) AS name
  FROM pg_class c JOIN ns ON ns.oid = c.relnamespace
  WHERE c.relpersistence <> 't'
    AND NOT EXISTS (SELECT FROM pg_depend d
                    WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
)
SELECT 'schema' AS kind, name, '' AS parent, 'pg_namespace'::regclass::oid AS classid, oid AS objid,
       jsonb_strip_nulls(jsonb_build_object(
         'comment', obj_description(oid, 'pg_namespace'),
         'grants', (SELECT jsonb_agg(g ORDER BY g) FROM (
             SELECT coalesce(nullif(a.grantee::regrole::text, '-'), 'PUBLIC') || ' ' || a.privilege_type
                    || CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS g
             FROM aclexplode(ns.nspacl) a WHERE a.grantee <> ns.nspowner) x)))::text AS properties
FROM ns WHERE NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_namespace'::regclass
                          AND d.objid = ns.oid AND d.deptype = 'e')
UNION ALL
SELECT 'extension', quote_ident(e.extname), '', 'pg_extension'::regclass::oid, e.oid,
       jsonb_build_object('schema', quote_ident(n.nspname), 'version', e.extversion)::text
FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname <> 'plpgsql'
UNION ALL
SELECT CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view'
                      WHEN 'f' THEN 'foreign table' WHEN 'S' THEN 'sequence' ELSE 'table' END,
       c.name, '', 'pg_class'::regclass::oid, c.oid,
       jsonb_strip_nulls(jsonb_build_object(
         'partition key', CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END,
         'partition of', CASE WHEN c.relispartition THEN (
             SELECT format('%I.%I', pn.nspname, p.relname) FROM pg_inherits i
             JOIN pg_class p ON p.oid = i.inhparent JOIN pg_namespace pn ON pn.oid = p.relnamespace
             WHERE i.inhrelid = c.oid) END,
         'partition bound', CASE WHEN c.relispartition THEN pg_get_expr(c.relpartbound, c.oid) END,
         'inherits', CASE WHEN NOT c.relispartition THEN (
             SELECT jsonb_agg(format('%I.%I', pn.nspname, p.relname) ORDER BY i.inhseqno)
             FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhparent
             JOIN pg_namespace pn ON pn.oid = p.relnamespace WHERE i.inhrelid = c.oid) END,
         'persistence', CASE WHEN c.relpersistence = 'u' THEN 'unlogged' END,
         'of type', CASE WHEN c.reloftype <> 0 THEN format_type(c.reloftype, NULL) END,
         'access method', (SELECT quote_ident(m.amname) FROM pg_am m WHERE m.oid = c.relam AND c.relkind <> 'f'
                           AND m.amname <> current_setting('default_table_access_method')),
         'options', (SELECT jsonb_agg(o) FROM (
             SELECT o FROM unnest(c.reloptions) o
             UNION ALL SELECT 'toast.' || o FROM unnest((SELECT t.reloptions FROM pg_class t
                                                         WHERE t.oid = c.reltoastrelid)) o) x),
         'server', CASE WHEN c.relkind = 'f' THEN (
             SELECT quote_ident(s.srvname) FROM pg_foreign_table t JOIN pg_foreign_server s ON s.oid = t.ftserver
             WHERE t.ftrelid = c.oid) END,
         'foreign options', CASE WHEN c.relkind = 'f' THEN (
             SELECT jsonb_agg(format('%I %L', option_name, option_value) ORDER BY option_name)
             FROM pg_foreign_table t, pg_options_to_table(t.ftoptions) WHERE t.ftrelid = c.oid) END,
         'row security', CASE WHEN c.relrowsecurity THEN 'enabled' END,
         'forced row security', CASE WHEN c.relforcerowsecurity THEN 'enabled' END,
         'replica identity', CASE CASE WHEN c.relkind <> 'f' THEN c.relreplident END WHEN 'f' THEN 'FULL' WHEN 'n' THEN 'NOTHING'
             WHEN 'i' THEN 'USING INDEX ' || (SELECT quote_ident(ic.relname) FROM pg_index i
               JOIN pg_class ic ON ic.oid = i.indexrelid WHERE i.indrelid = c.oid AND i.indisreplident)
             END,
         'definition', CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END,
         'columns', CASE WHEN c.relkind IN ('v', 'm') THEN (
             SELECT jsonb_agg(quote_ident(a.attname) || ' ' || format_type(a.atttypid, a.atttypmod)
                              ORDER BY a.attnum)
             FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0) END,
         -- Each in one line: column, and its comment as a literal.
         'column comments', CASE WHEN c.relkind IN ('v', 'm') THEN (
             SELECT jsonb_agg(quote_ident(a.attname) || ' E''' || replace(replace(replace(
                                d.description, '\', '\\'), '''', ''''''), E'\n', '\n')
                              || '''' ORDER BY a.attnum)
             FROM pg_attribute a JOIN pg_description d ON d.classoid = 'pg_class'::regclass
               AND d.objoid = c.oid AND d.objsubid = a.attnum
             WHERE a.attrelid = c.oid AND a.attnum > 0) END,
         'comment', obj_description(c.oid, 'pg_class'),
         'grants', (SELECT jsonb_agg(g ORDER BY g) FROM (
             SELECT coalesce(nullif(a.grantee::regrole::text, '-'), 'PUBLIC') || ' ' || a.privilege_type
                    || CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS g
             FROM aclexplode(c.relacl) a WHERE a.grantee <> c.relowner) x)))::text
FROM rel c WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
UNION ALL
SELECT 'sequence', c.name, '', 'pg_class'::regclass::oid, c.oid,
       jsonb_strip_nulls(jsonb_build_object(
         'type', format_type(s.seqtypid, NULL), 'start', s.seqstart, 'increment', s.seqincrement,
         'minimum', s.seqmin, 'maximum', s.seqmax, 'cache', s.seqcache,
         'cycle', CASE WHEN s.seqcycle THEN true END,
         'persistence', CASE WHEN c.relpersistence = 'u' THEN 'unlogged' END,
         'identity of', CASE WHEN d.deptype = 'i' THEN o.name END,
         'owned by', CASE WHEN d.deptype = 'a' THEN o.name END,
         'comment', obj_description(c.oid, 'pg_class'),
         'grants', (SELECT jsonb_agg(g ORDER BY g) FROM (
             SELECT coalesce(nullif(a.grantee::regrole::text, '-'), 'PUBLIC') || ' ' || a.privilege_type
                    || CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS g
             FROM aclexplode(c.relacl) a WHERE a.grantee <> c.relowner) x)))::text
FROM rel c JOIN pg_sequence s ON s.seqrelid = c.oid
LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.objsubid = 0
  AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')
LEFT JOIN LATERAL (
  SELECT t.name || '.' || quote_ident(a.attname) AS name
  FROM rel t JOIN pg_attribute a ON a.attrelid = t.oid
  WHERE t.oid = d.refobjid AND a.attnum = d.refobjsubid) o ON true
UNION ALL
SELECT 'column', c.name || '.' || quote_ident(a.attname), c.name, 'pg_class'::regclass::oid, c.oid,
       jsonb_strip_nulls(jsonb_build_object(
         'number', a.attnum,
         'type', format_type(a.atttypid, a.atttypmod),
         'not null', CASE WHEN a.attnotnull THEN true END,
         'default', CASE WHEN a.attgenerated = '' THEN pg_get_expr(d.adbin, d.adrelid) END,
         'generated', CASE WHEN a.attgenerated <> '' THEN pg_get_expr(d.adbin, d.adrelid) END,
         'generation', CASE a.attgenerated WHEN 's' THEN 'STORED' WHEN 'v' THEN 'VIRTUAL' END,
         'identity', CASE a.attidentity WHEN 'a' THEN 'ALWAYS' WHEN 'd' THEN 'BY DEFAULT' END,
         'collation', (SELECT format('%I.%I', n.nspname, o.collname) FROM pg_collation o
                       JOIN pg_namespace n ON n.oid = o.collnamespace
                       JOIN pg_type t ON t.oid = a.atttypid
                       WHERE o.oid = a.attcollation AND a.attcollation <> t.typcollation),
         'statistics', CASE WHEN a.attstattarget > 0 THEN a.attstattarget END,
         'storage', CASE WHEN y.oid IS NOT NULL AND a.attstorage <> y.typstorage THEN
                      CASE a.attstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL' WHEN 'm' THEN 'MAIN'
                           ELSE 'EXTENDED' END END,
         'compression', CASE WHEN a.attlen = -1 THEN
                          CASE to_jsonb(a) ->> 'attcompression' WHEN 'p' THEN 'pglz' WHEN 'l' THEN 'lz4' END END,
         'options', (SELECT jsonb_agg(o ORDER BY o) FROM unnest(a.attoptions) o),
         'foreign options', (SELECT jsonb_agg(format('%I %L', option_name, option_value) ORDER BY option_name)
                             FROM pg_options_to_table(a.attfdwoptions)),
         'inherited', CASE WHEN a.attinhcount > 0 AND NOT a.attislocal THEN true END,
         'comment', col_description(c.oid, a.attnum),
         'grants', (SELECT jsonb_agg(g ORDER BY g) FROM (
             SELECT coalesce(nullif(x.grantee::regrole::text, '-'), 'PUBLIC') || ' ' || x.privilege_type
                    || CASE WHEN x.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS g
             FROM aclexplode(a.attacl) x WHERE x.grantee <> c.relowner) x)))::text
FROM rel c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
LEFT JOIN pg_type y ON y.oid = a.atttypid
WHERE c.relkind IN ('r', 'p', 'f')
