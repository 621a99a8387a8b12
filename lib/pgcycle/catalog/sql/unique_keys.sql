-- Primary keys, unique constraints and unique indexes; the primary key first.
SELECT i.indrelid,
       c.relname,
       CASE WHEN 0 = ANY (i.indkey::smallint[]) THEN '{}'::text[]
            ELSE ARRAY(SELECT a.attname::text
                       FROM unnest(i.indkey::smallint[]) WITH ORDINALITY k(attnum, position)
                       JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
                       WHERE k.position <= i.indnkeyatts
                       ORDER BY k.position)
       END AS columns,
       pg_get_indexdef(i.indexrelid) AS definition,
       i.indisprimary,
       i.indpred IS NOT NULL AS partial,
       COALESCE(k.condeferrable, false) AS deferrable,
       -- A key's own columns, and those of its expressions and condition.
       ARRAY(SELECT a.attname::text FROM pg_attribute a
             WHERE a.attrelid = i.indrelid AND a.attnum > 0
               AND (a.attnum = ANY (i.indkey::smallint[])
                    OR EXISTS (SELECT FROM pg_depend d
                               WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid
                                 AND d.refclassid = 'pg_class'::regclass
                                 AND d.refobjid = i.indrelid AND d.refobjsubid = a.attnum))
             ORDER BY a.attnum) AS depends_on
FROM pg_index i
JOIN pg_class c ON c.oid = i.indexrelid
JOIN pg_class t ON t.oid = i.indrelid
JOIN pg_namespace n ON n.oid = t.relnamespace
LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x')
                         AND k.conrelid = i.indrelid
WHERE i.indisunique AND i.indisvalid
  AND t.relkind IN ('r', 'p') AND NOT t.relispartition
  AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
ORDER BY i.indrelid, NOT i.indisprimary, c.relname COLLATE "C"
