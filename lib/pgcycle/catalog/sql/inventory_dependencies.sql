-- Which object needs which, by catalogue and oid; a view's rule stands for the view, a column's
-- default for its table, a table's row type for the table, an array for its element's type, a
-- constraint's index for the constraint, a domain's constraint for the domain. A sequence does not
-- need the column that owns it, which needs the sequence. The column's number where only a column
-- is needed.
SELECT DISTINCT a.classid, a.objid, b.classid AS refclassid, b.objid AS refobjid,
       CASE WHEN d.refclassid = 'pg_class'::regclass THEN d.refobjsubid ELSE 0 END AS refcolumn
FROM pg_depend d
LEFT JOIN pg_constraint v ON d.classid = 'pg_constraint'::regclass AND v.oid = d.objid
LEFT JOIN pg_rewrite w ON d.classid = 'pg_rewrite'::regclass AND w.oid = d.objid AND w.rulename = '_RETURN'
LEFT JOIN pg_attrdef f ON d.classid = 'pg_attrdef'::regclass AND f.oid = d.objid
CROSS JOIN LATERAL (
  SELECT CASE WHEN w.oid IS NOT NULL OR f.oid IS NOT NULL THEN 'pg_class'::regclass::oid
              WHEN v.contypid <> 0 THEN 'pg_type'::regclass::oid
              ELSE d.classid END AS classid,
         coalesce(w.ev_class, f.adrelid, nullif(v.contypid, 0), d.objid) AS objid
) a
LEFT JOIN pg_type t ON d.refclassid = 'pg_type'::regclass AND t.oid = d.refobjid
LEFT JOIN pg_type e ON e.oid = t.typelem AND t.typcategory = 'A'
LEFT JOIN pg_class c ON c.oid = coalesce(e.typrelid, t.typrelid) AND c.relkind <> 'c'
LEFT JOIN pg_constraint k ON d.refclassid = 'pg_class'::regclass AND k.conindid = d.refobjid
  AND k.contype IN ('p', 'u', 'x')
CROSS JOIN LATERAL (
  SELECT CASE WHEN k.oid IS NOT NULL THEN 'pg_constraint'::regclass::oid
              WHEN c.oid IS NOT NULL THEN 'pg_class'::regclass::oid ELSE d.refclassid END AS classid,
         coalesce(k.oid, c.oid, e.oid, d.refobjid) AS objid
) b
WHERE d.deptype IN ('n', 'a') AND d.refobjid >= 16384 AND d.objid >= 16384
  AND (a.classid, a.objid) <> (b.classid, b.objid)
  AND NOT (d.classid = 'pg_class'::regclass AND d.deptype = 'a' AND d.refclassid = 'pg_class'::regclass
           AND EXISTS (SELECT FROM pg_sequence s WHERE s.seqrelid = d.objid))
