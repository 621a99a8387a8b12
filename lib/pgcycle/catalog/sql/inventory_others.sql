-- What else users make, each with the statements that make it, a line each; kind and name are as
-- DROP and COMMENT take them. The same columns as inventory_relations.sql.
WITH ns AS (
  SELECT oid, quote_ident(nspname) AS name FROM pg_namespace
  WHERE nspname <> 'information_schema' AND nspname <> 'pgcycle' AND nspname !~ '^pg_'
),
named_operator AS (
  SELECT o.oid, format('OPERATOR(%I.%s)', n.nspname, o.oprname) AS name
  FROM pg_operator o JOIN pg_namespace n ON n.oid = o.oprnamespace
),
family AS (
  SELECT f.oid, format('%I.%I', n.nspname, f.opfname) AS name, m.amname, f.opfnamespace
  FROM pg_opfamily f JOIN pg_namespace n ON n.oid = f.opfnamespace JOIN pg_am m ON m.oid = f.opfmethod
),
-- Operators and functions of operator classes, and those that a family has by itself.
member AS (
  SELECT d.refclassid, d.refobjid, 1 AS rank, a.amopstrategy AS number,
         format('OPERATOR %s %s%s', a.amopstrategy, a.amopopr::regoperator,
                CASE WHEN a.amoppurpose = 'o' THEN ' FOR ORDER BY ' || s.name ELSE '' END) AS item
  FROM pg_amop a JOIN pg_depend d ON d.classid = 'pg_amop'::regclass AND d.objid = a.oid
  LEFT JOIN family s ON s.oid = a.amopsortfamily
  UNION ALL
  SELECT d.refclassid, d.refobjid, 2, p.amprocnum,
         format('FUNCTION %s (%s, %s) %s', p.amprocnum, format_type(p.amproclefttype, NULL),
                format_type(p.amprocrighttype, NULL), p.amproc::oid::regprocedure)
  FROM pg_amproc p JOIN pg_depend d ON d.classid = 'pg_amproc'::regclass AND d.objid = p.oid
),
made AS (
  SELECT 'collation' AS kind, format('%s.%I', ns.name, c.collname) AS name,
         'pg_collation'::regclass::oid AS classid, c.oid AS objid,
         ARRAY[format('CREATE COLLATION %s.%I (%s%s)', ns.name, c.collname,
           CASE WHEN c.collprovider = 'c'
                THEN format('LC_COLLATE = %L, LC_CTYPE = %L', c.collcollate, c.collctype)
                ELSE format('PROVIDER = %s, LOCALE = %L%s',
                            CASE c.collprovider WHEN 'i' THEN 'icu' ELSE 'builtin' END,
                            coalesce(to_jsonb(c) ->> 'colllocale', to_jsonb(c) ->> 'colliculocale', c.collcollate),
                            coalesce(', RULES = ' || quote_literal(to_jsonb(c) ->> 'collicurules'), '')) END,
           CASE WHEN c.collisdeterministic THEN '' ELSE ', DETERMINISTIC = false' END)] AS statements,
         NULL::text AS state, NULL::aclitem[] AS acl, NULL::oid AS owner
  FROM pg_collation c JOIN ns ON ns.oid = c.collnamespace
  UNION ALL
  SELECT 'operator', format('%s.%s (%s, %s)', ns.name, o.oprname,
                            CASE WHEN o.oprleft = 0 THEN 'NONE' ELSE format_type(o.oprleft, NULL) END,
                            CASE WHEN o.oprright = 0 THEN 'NONE' ELSE format_type(o.oprright, NULL) END),
         'pg_operator'::regclass, o.oid,
         ARRAY[format('CREATE OPERATOR %s.%s (FUNCTION = %s%s%s%s%s%s%s%s%s)', ns.name, o.oprname, o.oprcode,
           CASE WHEN o.oprleft <> 0 THEN ', LEFTARG = ' || format_type(o.oprleft, NULL) ELSE '' END,
           CASE WHEN o.oprright <> 0 THEN ', RIGHTARG = ' || format_type(o.oprright, NULL) ELSE '' END,
           coalesce(', COMMUTATOR = ' || c.name, ''), coalesce(', NEGATOR = ' || n.name, ''),
           CASE WHEN o.oprrest <> 0 THEN ', RESTRICT = ' || o.oprrest::text ELSE '' END,
           CASE WHEN o.oprjoin <> 0 THEN ', JOIN = ' || o.oprjoin::text ELSE '' END,
           CASE WHEN o.oprcanhash THEN ', HASHES' ELSE '' END,
           CASE WHEN o.oprcanmerge THEN ', MERGES' ELSE '' END)], NULL, NULL, NULL
  FROM pg_operator o JOIN ns ON ns.oid = o.oprnamespace
  LEFT JOIN named_operator c ON c.oid = o.oprcom LEFT JOIN named_operator n ON n.oid = o.oprnegate
  WHERE o.oprcode <> 0
  UNION ALL
  SELECT 'operator family', format('%s USING %I', f.name, f.amname), 'pg_opfamily'::regclass, f.oid,
         ARRAY[format('CREATE OPERATOR FAMILY %s USING %I', f.name, f.amname)] || ARRAY(
           SELECT format('ALTER OPERATOR FAMILY %s USING %I ADD %s', f.name, f.amname, m.item)
           FROM member m WHERE m.refclassid = 'pg_opfamily'::regclass AND m.refobjid = f.oid
           ORDER BY m.rank, m.number, m.item), NULL, NULL, NULL
  FROM family f JOIN ns ON ns.oid = f.opfnamespace
  UNION ALL
  SELECT 'operator class', format('%s.%I USING %I', ns.name, o.opcname, m.amname), 'pg_opclass'::regclass, o.oid,
         ARRAY[format('CREATE OPERATOR CLASS %s.%I%s FOR TYPE %s USING %I FAMILY %s AS %s', ns.name, o.opcname,
           CASE WHEN o.opcdefault THEN ' DEFAULT' ELSE '' END, format_type(o.opcintype, NULL), m.amname, f.name,
           concat_ws(', ', CASE WHEN o.opckeytype <> 0 THEN 'STORAGE ' || format_type(o.opckeytype, NULL) END,
             coalesce((SELECT string_agg(i.item, ', ' ORDER BY i.rank, i.number, i.item) FROM member i
                       WHERE i.refclassid = 'pg_opclass'::regclass AND i.refobjid = o.oid),
                      CASE WHEN o.opckeytype = 0 THEN 'STORAGE ' || format_type(o.opcintype, NULL) END)))],
         NULL, NULL, NULL
  FROM pg_opclass o JOIN ns ON ns.oid = o.opcnamespace JOIN pg_am m ON m.oid = o.opcmethod
  JOIN family f ON f.oid = o.opcfamily
  UNION ALL
  SELECT 'cast', format('(%s AS %s)', format_type(c.castsource, NULL), format_type(c.casttarget, NULL)),
         'pg_cast'::regclass, c.oid,
         ARRAY[format('CREATE CAST (%s AS %s) %s%s', format_type(c.castsource, NULL),
           format_type(c.casttarget, NULL),
           CASE c.castmethod WHEN 'f' THEN 'WITH FUNCTION ' || c.castfunc::regprocedure
                WHEN 'i' THEN 'WITH INOUT' ELSE 'WITHOUT FUNCTION' END,
           CASE c.castcontext WHEN 'a' THEN ' AS ASSIGNMENT' WHEN 'i' THEN ' AS IMPLICIT' ELSE '' END)],
         NULL, NULL, NULL
  FROM pg_cast c WHERE c.oid >= 16384
  UNION ALL
  SELECT 'text search parser', format('%s.%I', ns.name, p.prsname), 'pg_ts_parser'::regclass, p.oid,
         ARRAY[format('CREATE TEXT SEARCH PARSER %s.%I (START = %s, GETTOKEN = %s, END = %s, LEXTYPES = %s%s)',
           ns.name, p.prsname, p.prsstart, p.prstoken, p.prsend, p.prslextype,
           CASE WHEN p.prsheadline <> 0 THEN ', HEADLINE = ' || p.prsheadline::text ELSE '' END)], NULL, NULL, NULL
  FROM pg_ts_parser p JOIN ns ON ns.oid = p.prsnamespace
  UNION ALL
  SELECT 'text search template', format('%s.%I', ns.name, t.tmplname), 'pg_ts_template'::regclass, t.oid,
         ARRAY[format('CREATE TEXT SEARCH TEMPLATE %s.%I (%sLEXIZE = %s)', ns.name, t.tmplname,
           CASE WHEN t.tmplinit <> 0 THEN format('INIT = %s, ', t.tmplinit) ELSE '' END, t.tmpllexize)],
         NULL, NULL, NULL
  FROM pg_ts_template t JOIN ns ON ns.oid = t.tmplnamespace
  UNION ALL
  SELECT 'text search dictionary', format('%s.%I', ns.name, d.dictname), 'pg_ts_dict'::regclass, d.oid,
         ARRAY[format('CREATE TEXT SEARCH DICTIONARY %s.%I (TEMPLATE = %I.%I%s)', ns.name, d.dictname,
           tn.nspname, t.tmplname, coalesce(', ' || d.dictinitoption, ''))], NULL, NULL, NULL
  FROM pg_ts_dict d JOIN ns ON ns.oid = d.dictnamespace JOIN pg_ts_template t ON t.oid = d.dicttemplate
  JOIN pg_namespace tn ON tn.oid = t.tmplnamespace
  UNION ALL
  SELECT 'text search configuration', format('%s.%I', ns.name, c.cfgname), 'pg_ts_config'::regclass, c.oid,
         ARRAY[format('CREATE TEXT SEARCH CONFIGURATION %s.%I (PARSER = %I.%I)', ns.name, c.cfgname,
                      pn.nspname, p.prsname)] || ARRAY(
           SELECT format('ALTER TEXT SEARCH CONFIGURATION %s.%I ADD MAPPING FOR %I WITH %s', ns.name, c.cfgname,
                         t.alias, string_agg(m.mapdict::regdictionary::text, ', ' ORDER BY m.mapseqno))
           FROM pg_ts_config_map m JOIN ts_token_type(c.cfgparser) t ON t.tokid = m.maptokentype
           WHERE m.mapcfg = c.oid GROUP BY t.tokid, t.alias ORDER BY t.tokid), NULL, NULL, NULL
  FROM pg_ts_config c JOIN ns ON ns.oid = c.cfgnamespace JOIN pg_ts_parser p ON p.oid = c.cfgparser
  JOIN pg_namespace pn ON pn.oid = p.prsnamespace
  UNION ALL
  SELECT 'event trigger', quote_ident(e.evtname), 'pg_event_trigger'::regclass, e.oid,
         ARRAY[format('CREATE EVENT TRIGGER %I ON %s%s EXECUTE FUNCTION %s()', e.evtname, e.evtevent,
           ' WHEN TAG IN (' || (SELECT string_agg(quote_literal(t), ', ') FROM unnest(e.evttags) t) || ')',
           e.evtfoid::regproc)],
         CASE e.evtenabled WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' WHEN 'A' THEN 'ENABLE ALWAYS' END,
         NULL, NULL
  FROM pg_event_trigger e
  UNION ALL
  SELECT 'access method', quote_ident(m.amname), 'pg_am'::regclass, m.oid,
         ARRAY[format('CREATE ACCESS METHOD %I TYPE %s HANDLER %s', m.amname,
           CASE m.amtype WHEN 't' THEN 'TABLE' ELSE 'INDEX' END, m.amhandler)], NULL, NULL, NULL
  FROM pg_am m WHERE m.oid >= 16384
  UNION ALL
  SELECT 'language', quote_ident(l.lanname), 'pg_language'::regclass, l.oid,
         ARRAY[format('CREATE %sLANGUAGE %I HANDLER %s%s%s', CASE WHEN l.lanpltrusted THEN 'TRUSTED ' ELSE '' END,
           l.lanname, l.lanplcallfoid::regproc,
           CASE WHEN l.laninline <> 0 THEN ' INLINE ' || l.laninline::regproc ELSE '' END,
           CASE WHEN l.lanvalidator <> 0 THEN ' VALIDATOR ' || l.lanvalidator::regproc ELSE '' END)],
         NULL, coalesce(l.lanacl, acldefault('l', l.lanowner)), l.lanowner
  FROM pg_language l WHERE l.oid >= 16384
  UNION ALL
  SELECT 'conversion', format('%s.%I', ns.name, c.conname), 'pg_conversion'::regclass, c.oid,
         ARRAY[format('CREATE %sCONVERSION %s.%I FOR %L TO %L FROM %s',
           CASE WHEN c.condefault THEN 'DEFAULT ' ELSE '' END, ns.name, c.conname,
           pg_encoding_to_char(c.conforencoding), pg_encoding_to_char(c.contoencoding), c.conproc)],
         NULL, NULL, NULL
  FROM pg_conversion c JOIN ns ON ns.oid = c.connamespace
  UNION ALL
  SELECT 'transform', format('FOR %s LANGUAGE %I', format_type(t.trftype, NULL), l.lanname),
         'pg_transform'::regclass, t.oid,
         ARRAY[format('CREATE TRANSFORM FOR %s LANGUAGE %I (%s)', format_type(t.trftype, NULL), l.lanname,
           concat_ws(', ', CASE WHEN t.trffromsql <> 0
                                THEN 'FROM SQL WITH FUNCTION ' || t.trffromsql::oid::regprocedure END,
                     CASE WHEN t.trftosql <> 0
                          THEN 'TO SQL WITH FUNCTION ' || t.trftosql::oid::regprocedure END))], NULL, NULL, NULL
  FROM pg_transform t JOIN pg_language l ON l.oid = t.trflang
  UNION ALL
  SELECT 'foreign data wrapper', quote_ident(w.fdwname), 'pg_foreign_data_wrapper'::regclass, w.oid,
         ARRAY[format('CREATE FOREIGN DATA WRAPPER %I%s%s%s', w.fdwname,
           CASE WHEN w.fdwhandler <> 0 THEN ' HANDLER ' || w.fdwhandler::regproc ELSE '' END,
           CASE WHEN w.fdwvalidator <> 0 THEN ' VALIDATOR ' || w.fdwvalidator::regproc ELSE '' END,
           (SELECT ' OPTIONS (' || string_agg(format('%I %L', option_name, option_value), ', '
                                              ORDER BY option_name) || ')'
            FROM pg_options_to_table(w.fdwoptions)))], NULL, w.fdwacl, w.fdwowner
  FROM pg_foreign_data_wrapper w
  UNION ALL
  SELECT 'server', quote_ident(s.srvname), 'pg_foreign_server'::regclass, s.oid,
         ARRAY[format('CREATE SERVER %I%s%s FOREIGN DATA WRAPPER %I%s', s.srvname,
           ' TYPE ' || quote_literal(s.srvtype), ' VERSION ' || quote_literal(s.srvversion), w.fdwname,
           (SELECT ' OPTIONS (' || string_agg(format('%I %L', option_name, option_value), ', '
                                              ORDER BY option_name) || ')'
            FROM pg_options_to_table(s.srvoptions)))], NULL, s.srvacl, s.srvowner
  FROM pg_foreign_server s JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw
  UNION ALL
  SELECT 'publication', quote_ident(p.pubname), 'pg_publication'::regclass, p.oid,
         ARRAY[format('CREATE PUBLICATION %I%s WITH (publish = %L%s)', p.pubname,
           CASE WHEN p.puballtables THEN ' FOR ALL TABLES' ELSE '' END,
           concat_ws(', ', CASE WHEN p.pubinsert THEN 'insert' END, CASE WHEN p.pubupdate THEN 'update' END,
                     CASE WHEN p.pubdelete THEN 'delete' END, CASE WHEN p.pubtruncate THEN 'truncate' END),
           CASE WHEN p.pubviaroot THEN ', publish_via_partition_root = true' ELSE '' END
           || CASE to_jsonb(p) ->> 'pubgencols' WHEN 's' THEN ', publish_generated_columns = stored' ELSE '' END)],
         NULL, NULL, NULL
  FROM pg_publication p
)
SELECT kind, name, '' AS parent, classid, objid,
       jsonb_strip_nulls(jsonb_build_object(
         'definition', to_jsonb(statements),
         'enabled', state,
         'comment', obj_description(objid, classid::regclass::name),
         'grants', (SELECT jsonb_agg(g ORDER BY g) FROM (
             SELECT coalesce(nullif(a.grantee::regrole::text, '-'), 'PUBLIC') || ' ' || a.privilege_type
                    || CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS g
             FROM aclexplode(acl) a WHERE a.grantee <> owner) x)))::text AS properties
FROM made
WHERE NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = made.classid AND d.objid = made.objid
                  AND d.deptype IN ('e', 'i'))
