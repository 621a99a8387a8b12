-- Every type that a user's column could be of, with what its JSON form needs.
SELECT t.oid,
       n.nspname,
       t.typname,
       t.typtype,
       t.typcategory,
       t.typbasetype,
       CASE WHEN t.typcategory = 'A' AND t.typelem <> 0 AND t.typlen = -1 THEN t.typelem
            WHEN r.rngsubtype IS NOT NULL THEN r.rngsubtype
            ELSE 0 END AS element,
       t.typcategory = 'A' AND t.typelem <> 0 AND t.typlen = -1 AND t.typtype = 'b' AS is_array,
       COALESCE(e.typdelim, ',') AS delimiter,
       ARRAY(SELECT l.enumlabel::text FROM pg_enum l
             WHERE l.enumtypid = t.oid ORDER BY l.enumsortorder) AS labels,
       ARRAY(SELECT a.attname::text FROM pg_attribute a
             WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0
               AND NOT a.attisdropped ORDER BY a.attnum) AS field_names,
       ARRAY(SELECT a.atttypid::text FROM pg_attribute a
             WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0
               AND NOT a.attisdropped ORDER BY a.attnum) AS field_types
FROM pg_type t
JOIN pg_namespace n ON n.oid = t.typnamespace
LEFT JOIN pg_range r ON r.rngtypid = t.oid
LEFT JOIN pg_type e ON e.oid = t.typelem
WHERE (t.typtype <> 'p' OR t.typcategory = 'A')
  AND NOT (n.nspname IN ('pg_catalog', 'information_schema', 'pg_toast') AND t.typtype = 'c')
  AND NOT (n.nspname IN ('pg_catalog', 'information_schema') AND COALESCE(e.typtype, '') = 'c')
