-- EXCLUDE constraints of tables, with the columns that they compare.
SELECT k.conrelid, k.conname,
       ARRAY(SELECT DISTINCT a.attname::text FROM pg_attribute a
             WHERE a.attrelid = k.conrelid AND a.attnum > 0
               AND (a.attnum = ANY (k.conkey)
                    OR EXISTS (SELECT FROM pg_depend d
                               WHERE d.classid = 'pg_class'::regclass AND d.objid = k.conindid
                                 AND d.refclassid = 'pg_class'::regclass
                                 AND d.refobjid = k.conrelid AND d.refobjsubid = a.attnum)))
FROM pg_constraint k
JOIN pg_class t ON t.oid = k.conrelid
JOIN pg_namespace n ON n.oid = t.relnamespace
WHERE k.contype = 'x' AND NOT t.relispartition
  AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
ORDER BY k.conrelid, k.conname COLLATE "C"
