-- Sequences, and every column that owns one or names one in its default.
WITH uses AS (
  SELECT u.seqid, array_agg(u.relid::text ORDER BY u.relid, u.attnum) AS tables,
         array_agg(a.attname::text ORDER BY u.relid, u.attnum) AS columns
  FROM (
    -- OWNED BY ('a') and identity ('i')
    SELECT d.objid AS seqid, d.refobjid AS relid, d.refobjsubid AS attnum
    FROM pg_depend d
    WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
      AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0
    UNION
    -- nextval('...') in a default
    SELECT d.refobjid, def.adrelid, def.adnum
    FROM pg_depend d
    JOIN pg_attrdef def ON d.classid = 'pg_attrdef'::regclass AND d.objid = def.oid
    WHERE d.refclassid = 'pg_class'::regclass
  ) u
  JOIN pg_attribute a ON a.attrelid = u.relid AND a.attnum = u.attnum
  GROUP BY u.seqid
)
SELECT n.nspname,
       c.relname,
       s.seqstart,
       s.seqincrement,
       s.seqmin,
       s.seqmax,
       pg_has_role(c.relowner, 'USAGE') AS may_alter,
       COALESCE(u.tables, '{}') AS tables,
       COALESCE(u.columns, '{}') AS columns,
       c.oid,
       c.relpersistence = 'u' AS unlogged
FROM pg_sequence s
JOIN pg_class c ON c.oid = s.seqrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN uses u ON u.seqid = c.oid
WHERE n.nspname <> 'information_schema' AND n.nspname <> 'pgcycle' AND n.nspname !~ '^pg_'
  AND c.relpersistence <> 't'
  AND NOT EXISTS (SELECT FROM pg_depend d
                  WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"
