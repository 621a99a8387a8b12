-- Tables and schemas of publications, from PostgreSQL 15 on. The same columns as
-- inventory_relations.sql.
SELECT 'published table' AS kind, format('%I %I.%I', p.pubname, n.nspname, c.relname) AS name, '' AS parent,
       'pg_publication_rel'::regclass::oid AS classid, r.oid AS objid,
       jsonb_build_object(
         'definition', format('ALTER PUBLICATION %I ADD TABLE ONLY %I.%I%s%s', p.pubname, n.nspname, c.relname,
           (SELECT ' (' || string_agg(quote_ident(a.attname), ', ' ORDER BY u.position) || ')'
            FROM unnest(r.prattrs) WITH ORDINALITY u(number, position)
            JOIN pg_attribute a ON a.attrelid = r.prrelid AND a.attnum = u.number),
           ' WHERE (' || pg_get_expr(r.prqual, r.prrelid) || ')'),
         'removal', format('ALTER PUBLICATION %I DROP TABLE ONLY %I.%I', p.pubname, n.nspname, c.relname))::text
         AS properties
FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid
JOIN pg_class c ON c.oid = r.prrelid JOIN pg_namespace n ON n.oid = c.relnamespace
UNION ALL
SELECT 'published schema', format('%I %I', p.pubname, n.nspname), '', 'pg_publication_namespace'::regclass, s.oid,
       jsonb_build_object(
         'definition', format('ALTER PUBLICATION %I ADD TABLES IN SCHEMA %I', p.pubname, n.nspname),
         'removal', format('ALTER PUBLICATION %I DROP TABLES IN SCHEMA %I', p.pubname, n.nspname))::text
FROM pg_publication_namespace s JOIN pg_publication p ON p.oid = s.pnpubid
JOIN pg_namespace n ON n.oid = s.pnnspid
