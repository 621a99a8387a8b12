-- Populated materialised views, each after those that it reads, however
-- deep below plain views these lie.
WITH RECURSIVE reads AS (
  SELECT DISTINCT r.ev_class AS view, d.refobjid AS relation
  FROM pg_rewrite r
  JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
                  AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> r.ev_class
), depth AS (
  SELECT c.oid AS view, c.oid AS relation, 0 AS level FROM pg_class c WHERE c.relkind = 'm'
  UNION
  SELECT d.view, r.relation, d.level + (k.relkind = 'm')::int
  FROM depth d JOIN reads r ON r.view = d.relation
  JOIN pg_class k ON k.oid = r.relation AND k.relkind IN ('m', 'v')
)
SELECT n.nspname, c.relname
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN depth d ON d.view = c.oid
WHERE c.relkind = 'm' AND c.relispopulated
  AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
GROUP BY n.nspname, c.relname
ORDER BY max(d.level), n.nspname COLLATE "C", c.relname COLLATE "C"
