-- Tables of publications, before PostgreSQL 15. The same columns as inventory_relations.sql.
SELECT 'published table' AS kind, format('%I %I.%I', p.pubname, n.nspname, c.relname) AS name, '' AS parent,
       'pg_publication_rel'::regclass::oid AS classid, r.oid AS objid,
       jsonb_build_object(
         'definition', format('ALTER PUBLICATION %I ADD TABLE ONLY %I.%I', p.pubname, n.nspname, c.relname),
         'removal', format('ALTER PUBLICATION %I DROP TABLE ONLY %I.%I', p.pubname, n.nspname, c.relname))::text
         AS properties
FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid
JOIN pg_class c ON c.oid = r.prrelid JOIN pg_namespace n ON n.oid = c.relnamespace
