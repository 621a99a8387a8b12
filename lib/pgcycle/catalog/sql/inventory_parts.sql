-- What belongs to tables and views: constraints, indexes, triggers, policies, rules, statistics.
-- The same columns as inventory_relations.sql.
WITH rel AS (
  SELECT c.oid, c.relkind, c.relispartition, quote_ident(n.nspname) AS schema,
         quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS name
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname <> 'information_schema' AND n.nspname <> 'pgcycle' AND n.nspname !~ '^pg_'
    AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relpersistence <> 't'
    AND NOT EXISTS (SELECT FROM pg_depend d
                    WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
)
SELECT 'constraint' AS kind, rel.name || ' ' || quote_ident(k.conname) AS name, rel.name AS parent,
       'pg_constraint'::regclass::oid AS classid, k.oid AS objid,
       jsonb_strip_nulls(jsonb_build_object(
         'constraint', quote_ident(k.conname),
         'type', CASE k.contype WHEN 'p' THEN 'primary key' WHEN 'u' THEN 'unique'
                 WHEN 'f' THEN 'foreign key' WHEN 'c' THEN 'check' WHEN 'x' THEN 'exclusion' END,
         'definition', pg_get_constraintdef(k.oid),
         'inherited', CASE WHEN k.coninhcount > 0 AND NOT k.conislocal THEN true END,
         'inherited too', CASE WHEN k.coninhcount > 0 AND k.conislocal THEN true END,
         'clustered', CASE WHEN i.indisclustered THEN true END,
         'index comment', CASE WHEN i.indexrelid IS NOT NULL THEN obj_description(k.conindid, 'pg_class') END,
         'comment', obj_description(k.oid, 'pg_constraint')))::text AS properties
FROM pg_constraint k JOIN rel ON rel.oid = k.conrelid
LEFT JOIN pg_index i ON i.indexrelid = k.conindid AND k.contype IN ('p', 'u', 'x')
WHERE k.contype IN ('p', 'u', 'f', 'c', 'x') AND k.conparentid = 0
UNION ALL
SELECT 'index', rel.schema || '.' || quote_ident(c.relname), rel.name, 'pg_class'::regclass::oid, c.oid,
       jsonb_strip_nulls(jsonb_build_object(
         'definition', CASE c.relkind WHEN 'I' THEN replace(pg_get_indexdef(c.oid), ' ON ONLY ', ' ON ')
                       ELSE pg_get_indexdef(c.oid) END,
         'invalid', CASE WHEN NOT i.indisvalid THEN true END,
         'clustered', CASE WHEN i.indisclustered THEN true END,
         'comment', obj_description(c.oid, 'pg_class')))::text
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN rel ON rel.oid = i.indrelid
WHERE NOT c.relispartition
  AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = c.oid AND k.contype IN ('p', 'u', 'x'))
UNION ALL
SELECT 'trigger', rel.name || ' ' || quote_ident(t.tgname), rel.name, 'pg_trigger'::regclass::oid, t.oid,
       jsonb_strip_nulls(jsonb_build_object(
         'trigger', quote_ident(t.tgname),
         'definition', pg_get_triggerdef(t.oid),
         'enabled', CASE t.tgenabled WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA'
                    WHEN 'A' THEN 'ENABLE ALWAYS' END,
         'comment', obj_description(t.oid, 'pg_trigger')))::text
FROM pg_trigger t JOIN rel ON rel.oid = t.tgrelid
WHERE NOT t.tgisinternal AND coalesce((to_jsonb(t) ->> 'tgparentid')::bigint, 0) = 0
UNION ALL
SELECT 'policy', rel.name || ' ' || quote_ident(p.polname), rel.name, 'pg_policy'::regclass::oid, p.oid,
       jsonb_strip_nulls(jsonb_build_object(
         'policy', quote_ident(p.polname),
         'permissive', CASE WHEN NOT p.polpermissive THEN 'RESTRICTIVE' END,
         'command', CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE'
                    WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
         'roles', (SELECT string_agg(CASE r WHEN 0 THEN 'PUBLIC' ELSE r::regrole::text END, ', ' ORDER BY r)
                   FROM unnest(p.polroles) r),
         'using', pg_get_expr(p.polqual, p.polrelid),
         'check', pg_get_expr(p.polwithcheck, p.polrelid),
         'comment', obj_description(p.oid, 'pg_policy')))::text
FROM pg_policy p JOIN rel ON rel.oid = p.polrelid
UNION ALL
SELECT 'rule', rel.name || ' ' || quote_ident(r.rulename), rel.name, 'pg_rewrite'::regclass::oid, r.oid,
       jsonb_strip_nulls(jsonb_build_object(
         'rule', quote_ident(r.rulename),
         'definition', pg_get_ruledef(r.oid),
         'enabled', CASE r.ev_enabled WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA'
                    WHEN 'A' THEN 'ENABLE ALWAYS' END,
         'comment', obj_description(r.oid, 'pg_rewrite')))::text
FROM pg_rewrite r JOIN rel ON rel.oid = r.ev_class WHERE r.rulename <> '_RETURN'
UNION ALL
SELECT 'statistics', format('%I.%I', n.nspname, s.stxname), rel.name,
       'pg_statistic_ext'::regclass::oid, s.oid,
       jsonb_strip_nulls(jsonb_build_object(
         'definition', pg_get_statisticsobjdef(s.oid),
         'comment', obj_description(s.oid, 'pg_statistic_ext')))::text
FROM pg_statistic_ext s JOIN rel ON rel.oid = s.stxrelid JOIN pg_namespace n ON n.oid = s.stxnamespace
