-- Sequences, and every column that owns one or names one in its default.
WITH uses AS (
  -- OWNED BY ('a') and identity ('i')
  SELECT d.objid AS seqid, d.refobjid AS relid, d.refobjsubid AS attnum
  FROM pg_depend d
  WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
    AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0
  UNION
  -- nextval('…') in a default
  SELECT d.refobjid, def.adrelid, def.adnum
  FROM pg_depend d
  JOIN pg_attrdef def ON d.classid = 'pg_attrdef'::regclass AND d.objid = def.oid
  WHERE d.refclassid = 'pg_class'::regclass
)
SELECT n.nspname,
       c.relname,
       s.seqstart,
       s.seqincrement,
       s.seqmin,
       s.seqmax,
       ARRAY(SELECT u.relid::text FROM uses u WHERE u.seqid = c.oid ORDER BY u.relid, u.attnum) AS tables,
       ARRAY(SELECT a.attname::text FROM uses u
             JOIN pg_attribute a ON a.attrelid = u.relid AND a.attnum = u.attnum
             WHERE u.seqid = c.oid ORDER BY u.relid, u.attnum) AS columns
FROM pg_sequence s
JOIN pg_class c ON c.oid = s.seqrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname <> 'information_schema' AND n.nspname <> 'pgcycle' AND n.nspname !~ '^pg_'
  AND c.relpersistence <> 't'
  AND NOT EXISTS (SELECT FROM pg_depend d
                  WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"
