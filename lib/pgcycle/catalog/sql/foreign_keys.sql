-- Foreign keys as they were declared: not the copies that partitions carry. One that a partition
-- has by itself, or that refers to one, is its partitioned table's; what it is declared on stands
-- beside that, with the rows on both sides as FROM names them, and the operators that compare.
SELECT k.conname,
       coalesce(pg_partition_root(k.conrelid), k.conrelid)::oid AS table_oid,
       ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY u(attnum, position)
             JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.attnum
             ORDER BY u.position) AS columns,
       coalesce(pg_partition_root(k.confrelid), k.confrelid)::oid AS referenced_oid,
       ARRAY(SELECT a.attname::text FROM unnest(k.confkey) WITH ORDINALITY u(attnum, position)
             JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.attnum
             ORDER BY u.position) AS referenced_columns,
       k.condeferrable,
       k.confmatchtype = 'f' AS match_full,
       k.convalidated,
       k.conrelid AS relation_oid,
       format('%I.%I', cn.nspname, c.relname) AS relation,
       CASE WHEN c.relkind = 'p' THEN '' ELSE 'ONLY ' END
         || format('%I.%I', cn.nspname, c.relname) AS rows,
       CASE WHEN r.relkind = 'p' THEN '' ELSE 'ONLY ' END
         || format('%I.%I', rn.nspname, r.relname) AS referenced_rows,
       ARRAY(SELECT format('OPERATOR(%I.%s)', n.nspname, o.oprname)
             FROM unnest(k.conpfeqop) WITH ORDINALITY u(operator, position)
             JOIN pg_operator o ON o.oid = u.operator JOIN pg_namespace n ON n.oid = o.oprnamespace
             ORDER BY u.position) AS operators
FROM pg_constraint k
JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace cn ON cn.oid = c.relnamespace
JOIN pg_class r ON r.oid = k.confrelid JOIN pg_namespace rn ON rn.oid = r.relnamespace
WHERE k.contype = 'f' AND k.conparentid = 0
ORDER BY k.conname COLLATE "C", k.conrelid
