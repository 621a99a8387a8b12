-- check timetable_is_there: rows = 1
SELECT FROM pg_class WHERE oid = 'timetable_slots'::regclass;
