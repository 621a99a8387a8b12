-- Types, domains, functions, procedures and aggregates.
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
         'check comments', (SELECT jsonb_object_agg(quote_ident(k.conname), quote_literal(obj_description(k.oid)))
                            FROM pg_constraint k WHERE k.contypid = t.oid
                              AND obj_description(k.oid, 'pg_constraint') IS NOT NULL),
         'attributes', CASE WHEN t.typtype = 'c' THEN (
             SELECT jsonb_agg(quote_ident(a.attname) || ' ' || format_type(a.atttypid, a.atttypmod)
                              ORDER BY a.attnum)
             FROM pg_attribute a WHERE a.attrelid = t.typrelid AND a.attnum > 0
               AND NOT a.attisdropped) END,
         'definition', CASE WHEN t.typtype = 'b' THEN concat_ws(', ',
               'INPUT = ' || t.typinput::text, 'OUTPUT = ' || t.typoutput::text,
               CASE WHEN t.typreceive <> 0 THEN 'RECEIVE = ' || t.typreceive::text END,
               CASE WHEN t.typsend <> 0 THEN 'SEND = ' || t.typsend::text END,
               CASE WHEN t.typmodin <> 0 THEN 'TYPMOD_IN = ' || t.typmodin::text END,
               CASE WHEN t.typmodout <> 0 THEN 'TYPMOD_OUT = ' || t.typmodout::text END,
               CASE WHEN t.typanalyze <> 0 THEN 'ANALYZE = ' || t.typanalyze::text END,
               'SUBSCRIPT = ' || nullif(to_jsonb(t) ->> 'typsubscript', '-'),
               'INTERNALLENGTH = ' || CASE WHEN t.typlen < 0 THEN 'VARIABLE' ELSE t.typlen::text END,
               CASE WHEN t.typbyval THEN 'PASSEDBYVALUE' END,
               'ALIGNMENT = ' || CASE t.typalign WHEN 'c' THEN 'char' WHEN 's' THEN 'int2' WHEN 'd' THEN 'double'
                                 ELSE 'int4' END,
               'STORAGE = ' || CASE t.typstorage WHEN 'e' THEN 'external' WHEN 'x' THEN 'extended'
                               WHEN 'm' THEN 'main' ELSE 'plain' END,
               'CATEGORY = ' || quote_literal(t.typcategory::text), CASE WHEN t.typispreferred THEN 'PREFERRED = true' END,
               'DEFAULT = ' || quote_literal(t.typdefault),
               CASE WHEN t.typelem <> 0 THEN 'ELEMENT = ' || format_type(t.typelem, NULL) END,
               'DELIMITER = ' || quote_literal(t.typdelim::text),
               CASE WHEN t.typcollation <> 0 THEN 'COLLATABLE = true' END)
             ELSE (SELECT concat_ws(', ', 'SUBTYPE = ' || format_type(r.rngsubtype, NULL),
                      CASE WHEN NOT o.opcdefault
                           THEN format('SUBTYPE_OPCLASS = %I.%I', n.nspname, o.opcname) END,
                      (SELECT format('COLLATION = %I.%I', cn.nspname, l.collname) FROM pg_collation l
                       JOIN pg_namespace cn ON cn.oid = l.collnamespace JOIN pg_type s ON s.oid = r.rngsubtype
                       WHERE l.oid = r.rngcollation AND r.rngcollation <> s.typcollation),
                      CASE WHEN r.rngcanonical <> 0 THEN 'CANONICAL = ' || r.rngcanonical::text END,
                      CASE WHEN r.rngsubdiff <> 0 THEN 'SUBTYPE_DIFF = ' || r.rngsubdiff::text END,
                      'MULTIRANGE_TYPE_NAME = '
                        || format_type((to_jsonb(r) ->> 'rngmultitypid')::oid, NULL))
             FROM pg_range r JOIN pg_opclass o ON o.oid = r.rngsubopc
             JOIN pg_namespace n ON n.oid = o.opcnamespace WHERE r.rngtypid = t.oid) END,
         'comment', obj_description(t.oid, 'pg_type'),
         'grants', (SELECT jsonb_agg(g ORDER BY g) FROM (
             SELECT coalesce(nullif(a.grantee::regrole::text, '-'), 'PUBLIC') || ' ' || a.privilege_type
                    || CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS g
             FROM aclexplode(coalesce(t.typacl, acldefault('T', t.typowner))) a
             WHERE a.grantee <> t.typowner) x)))::text AS properties
FROM pg_type t JOIN ns ON ns.oid = t.typnamespace
LEFT JOIN pg_class c ON c.oid = t.typrelid
WHERE t.typtype IN ('e', 'd', 'c', 'r', 'b') AND (t.typtype <> 'c' OR c.relkind = 'c')
  AND NOT (t.typtype = 'b' AND t.typcategory = 'A') AND t.typisdefined
  AND NOT EXISTS (SELECT FROM member m WHERE m.classid = 'pg_type'::regclass AND m.objid = t.oid)
UNION ALL
SELECT CASE p.prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'function' END,
       format('%s.%I(%s)', ns.name, p.proname,
              CASE WHEN p.prokind = 'a' AND p.pronargs = 0 THEN '*'
                   ELSE pg_get_function_identity_arguments(p.oid) END), '',
       'pg_proc'::regclass::oid, p.oid,
       jsonb_strip_nulls(jsonb_build_object(
         'definition', CASE WHEN p.prokind <> 'a' THEN pg_get_functiondef(p.oid)
             ELSE (SELECT concat_ws(', ', 'SFUNC = ' || a.aggtransfn::text,
                      'STYPE = ' || format_type(a.aggtranstype, NULL),
                      CASE WHEN a.aggtransspace <> 0 THEN 'SSPACE = ' || a.aggtransspace END,
                      CASE WHEN a.aggfinalfn <> 0 THEN 'FINALFUNC = ' || a.aggfinalfn::text END,
                      CASE WHEN a.aggfinalextra THEN 'FINALFUNC_EXTRA' END,
                      CASE WHEN a.aggfinalfn <> 0 THEN 'FINALFUNC_MODIFY = ' || m.final END,
                      CASE WHEN a.aggcombinefn <> 0 THEN 'COMBINEFUNC = ' || a.aggcombinefn::text END,
                      CASE WHEN a.aggserialfn <> 0 THEN 'SERIALFUNC = ' || a.aggserialfn::text END,
                      CASE WHEN a.aggdeserialfn <> 0 THEN 'DESERIALFUNC = ' || a.aggdeserialfn::text END,
                      'INITCOND = ' || quote_literal(a.agginitval),
                      CASE WHEN a.aggmtransfn <> 0 THEN concat_ws(', ', 'MSFUNC = ' || a.aggmtransfn::text,
                        'MINVFUNC = ' || a.aggminvtransfn::text,
                        'MSTYPE = ' || format_type(a.aggmtranstype, NULL),
                        CASE WHEN a.aggmtransspace <> 0 THEN 'MSSPACE = ' || a.aggmtransspace END,
                        CASE WHEN a.aggmfinalfn <> 0 THEN 'MFINALFUNC = ' || a.aggmfinalfn::text END,
                        CASE WHEN a.aggmfinalextra THEN 'MFINALFUNC_EXTRA' END,
                        CASE WHEN a.aggmfinalfn <> 0 THEN 'MFINALFUNC_MODIFY = ' || m.moving_final END,
                        'MINITCOND = ' || quote_literal(a.aggminitval)) END,
                      (SELECT format('SORTOP = OPERATOR(%I.%s)', n.nspname, o.oprname) FROM pg_operator o
                       JOIN pg_namespace n ON n.oid = o.oprnamespace WHERE o.oid = a.aggsortop),
                      CASE p.proparallel WHEN 's' THEN 'PARALLEL = SAFE' WHEN 'r' THEN 'PARALLEL = RESTRICTED' END,
                      CASE WHEN a.aggkind = 'h' THEN 'HYPOTHETICAL' END)
                   FROM pg_aggregate a
                   CROSS JOIN LATERAL (SELECT
                     CASE a.aggfinalmodify WHEN 'r' THEN 'READ_ONLY' WHEN 's' THEN 'SHAREABLE'
                          ELSE 'READ_WRITE' END AS final,
                     CASE a.aggmfinalmodify WHEN 'r' THEN 'READ_ONLY' WHEN 's' THEN 'SHAREABLE'
                          ELSE 'READ_WRITE' END AS moving_final) m
                   WHERE a.aggfnoid = p.oid) END,
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
