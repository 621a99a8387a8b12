-- Types, domains, functions, procedures and aggregates, and what else users make, by identity.
-- The same columns as inventory_relations.sql.
WITH ns AS (
  SELECT oid, quote_ident(nspname) AS name FROM pg_namespace
  WHERE nspname <> 'information_schema' AND nspname <> 'pgcycle' AND nspname !~ '^pg_'
),
member AS (SELECT classid, objid FROM pg_depend WHERE deptype = 'e')
SELECT CASE t.typtype WHEN 'e' THEN 'enum' WHEN 'd' THEN 'domain' WHEN 'c' THEN 'composite type'
                      WHEN 'r' THEN 'range type' ELSE 'base type' END AS kind,
       ns.name || '.' || quote_ident(t.typname) AS name, '' AS parent,
       'pg_type'::regclass::oid AS classid, t.oid AS objid,
       jsonb_strip_nulls(jsonb_build_object(
         'labels', (SELECT jsonb_agg(e.enumlabel ORDER BY e.enumsortorder) FROM pg_enum e
                    WHERE e.enumtypid = t.oid),
         'base', CASE WHEN t.typtype = 'd' THEN format_type(t.typbasetype, t.typtypmod) END,
         'collation', CASE WHEN t.typtype = 'd' THEN (
             SELECT format('%I.%I', n.nspname, o.collname) FROM pg_collation o
             JOIN pg_namespace n ON n.oid = o.collnamespace JOIN pg_type b ON b.oid = t.typbasetype
             WHERE o.oid = t.typcollation AND t.typcollation <> b.typcollation) END,
         'default', CASE WHEN t.typtype = 'd' THEN t.typdefault END,
         'not null', CASE WHEN t.typtype = 'd' AND t.typnotnull THEN true END,
         'checks', (SELECT jsonb_object_agg(quote_ident(k.conname), pg_get_constraintdef(k.oid))
                    FROM pg_constraint k WHERE k.contypid = t.oid AND k.contype = 'c'),
         'attributes', CASE WHEN t.typtype = 'c' THEN (
             SELECT jsonb_agg(quote_ident(a.attname) || ' ' || format_type(a.atttypid, a.atttypmod)
                              ORDER BY a.attnum)
             FROM pg_attribute a WHERE a.attrelid = t.typrelid AND a.attnum > 0
               AND NOT a.attisdropped) END,
         'subtype', (SELECT format_type(r.rngsubtype, NULL) FROM pg_range r WHERE r.rngtypid = t.oid),
         'comment', obj_description(t.oid, 'pg_type'),
         'grants', (SELECT jsonb_agg(g ORDER BY g) FROM (
             SELECT coalesce(nullif(a.grantee::regrole::text, '-'), 'PUBLIC') || ' ' || a.privilege_type
                    || CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS g
             FROM aclexplode(coalesce(t.typacl, acldefault('T', t.typowner))) a
             WHERE a.grantee <> t.typowner) x)))::text AS properties
FROM pg_type t JOIN ns ON ns.oid = t.typnamespace
LEFT JOIN pg_class c ON c.oid = t.typrelid
WHERE t.typtype IN ('e', 'd', 'c', 'r', 'b') AND (t.typtype <> 'c' OR c.relkind = 'c')
  AND NOT (t.typtype = 'b' AND t.typelem <> 0)
  AND NOT EXISTS (SELECT FROM member m WHERE m.classid = 'pg_type'::regclass AND m.objid = t.oid)
UNION ALL
SELECT CASE p.prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'function' END,
       format('%s.%I(%s)', ns.name, p.proname, pg_get_function_identity_arguments(p.oid)), '',
       'pg_proc'::regclass::oid, p.oid,
       jsonb_strip_nulls(jsonb_build_object(
         'definition', CASE WHEN p.prokind <> 'a' THEN pg_get_functiondef(p.oid)
             ELSE (SELECT format('SFUNC = %s, STYPE = %s%s%s', a.aggtransfn, format_type(a.aggtranstype, NULL),
                          CASE WHEN a.aggfinalfn <> 0 THEN ', FINALFUNC = ' || a.aggfinalfn::text ELSE '' END,
                          CASE WHEN a.agginitval IS NOT NULL THEN ', INITCOND = ' || quote_literal(a.agginitval)
                               ELSE '' END)
                   FROM pg_aggregate a WHERE a.aggfnoid = p.oid) END,
         'result', pg_get_function_result(p.oid),
         'arguments', pg_get_function_arguments(p.oid),
         'comment', obj_description(p.oid, 'pg_proc'),
         'grants', (SELECT jsonb_agg(g ORDER BY g) FROM (
             SELECT coalesce(nullif(a.grantee::regrole::text, '-'), 'PUBLIC') || ' ' || a.privilege_type
                    || CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS g
             FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
             WHERE a.grantee <> p.proowner) x)))::text
FROM pg_proc p JOIN ns ON ns.oid = p.pronamespace
WHERE NOT EXISTS (SELECT FROM member m WHERE m.classid = 'pg_proc'::regclass AND m.objid = p.oid)
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid
                  AND d.deptype = 'i')
UNION ALL
SELECT i.type, i.identity, '', o.classid, o.objid, '{}'
FROM (
  SELECT 'pg_collation'::regclass::oid AS classid, oid AS objid FROM pg_collation
    WHERE collnamespace IN (SELECT oid FROM ns)
  UNION ALL SELECT 'pg_operator'::regclass::oid, oid FROM pg_operator WHERE oprnamespace IN (SELECT oid FROM ns)
  UNION ALL SELECT 'pg_opclass'::regclass::oid, oid FROM pg_opclass WHERE opcnamespace IN (SELECT oid FROM ns)
  UNION ALL SELECT 'pg_ts_config'::regclass::oid, oid FROM pg_ts_config WHERE cfgnamespace IN (SELECT oid FROM ns)
  UNION ALL SELECT 'pg_ts_dict'::regclass::oid, oid FROM pg_ts_dict WHERE dictnamespace IN (SELECT oid FROM ns)
  UNION ALL SELECT 'pg_cast'::regclass::oid, oid FROM pg_cast WHERE oid >= 16384
  UNION ALL SELECT 'pg_event_trigger'::regclass::oid, oid FROM pg_event_trigger
  UNION ALL SELECT 'pg_publication'::regclass::oid, oid FROM pg_publication
  UNION ALL SELECT 'pg_foreign_server'::regclass::oid, oid FROM pg_foreign_server
) o, LATERAL pg_identify_object(o.classid, o.objid, 0) i
WHERE NOT EXISTS (SELECT FROM member m WHERE m.classid = o.classid AND m.objid = o.objid)
