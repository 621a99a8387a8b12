-- Default privileges: how they differ from PostgreSQL's own and, of a schema, what they add there; as
-- statements that make them, and that take them back. The same columns as inventory_relations.sql.
WITH entry AS (
  SELECT d.oid, d.defaclacl,
         format('FOR ROLE %I%s', pg_get_userbyid(d.defaclrole), ' IN SCHEMA ' || quote_ident(n.nspname)) AS scope,
         CASE d.defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' WHEN 'f' THEN 'FUNCTIONS'
              WHEN 'T' THEN 'TYPES' WHEN 'n' THEN 'SCHEMAS' ELSE 'LARGE OBJECTS' END AS objects,
         CASE WHEN n.oid IS NULL
              THEN acldefault(CASE d.defaclobjtype WHEN 'S' THEN 's' ELSE d.defaclobjtype END, d.defaclrole)
              END AS usual
  FROM pg_default_acl d LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace
  WHERE n.oid IS NULL OR (n.nspname NOT IN ('information_schema', 'pgcycle') AND n.nspname !~ '^pg_')
),
privilege AS (
  SELECT oid, grantee, privilege_type, is_grantable, true AS given FROM (
    SELECT e.oid, a.grantee, a.privilege_type, a.is_grantable FROM entry e CROSS JOIN aclexplode(e.defaclacl) a
    EXCEPT
    SELECT e.oid, a.grantee, a.privilege_type, a.is_grantable FROM entry e CROSS JOIN aclexplode(e.usual) a) more
  UNION ALL
  SELECT oid, grantee, privilege_type, is_grantable, false FROM (
    SELECT e.oid, a.grantee, a.privilege_type, a.is_grantable FROM entry e CROSS JOIN aclexplode(e.usual) a
    EXCEPT
    SELECT e.oid, a.grantee, a.privilege_type, a.is_grantable FROM entry e CROSS JOIN aclexplode(e.defaclacl) a) less
),
change AS (
  SELECT p.oid, p.given,
         format('GRANT %s ON %s TO %s%s', p.privilege_type, e.objects, r.name,
                CASE WHEN p.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END) AS give,
         format('REVOKE %s ON %s FROM %s', p.privilege_type, e.objects, r.name) AS take,
         format('ALTER DEFAULT PRIVILEGES %s ', e.scope) AS alter_them
  FROM privilege p JOIN entry e ON e.oid = p.oid
  CROSS JOIN LATERAL (SELECT CASE p.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(p.grantee)) END
                      AS name) r
)
SELECT 'default privileges' AS kind, format('%s ON %s', e.scope, e.objects) AS name, '' AS parent,
       'pg_default_acl'::regclass::oid AS classid, e.oid AS objid,
       jsonb_build_object(
         'definition', jsonb_agg(c.alter_them || CASE WHEN c.given THEN c.give ELSE c.take END ORDER BY c.given, c.give),
         'removal', jsonb_agg(c.alter_them || CASE WHEN c.given THEN c.take ELSE c.give END
                              ORDER BY c.given DESC, c.give))::text AS properties
FROM entry e JOIN change c ON c.oid = e.oid
GROUP BY e.oid, e.scope, e.objects
