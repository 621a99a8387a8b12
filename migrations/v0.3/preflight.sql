-- What must hold before v0.3 begins.

-- check tuitions: > 0
SELECT count(*) FROM tuitions;

-- check tuitions_without_a_key_of_their_own: = 0
SELECT count(*) - count(DISTINCT (teacher_id, student_id, subject_code, started_on)) FROM tuitions;

-- check orphaned_logs: = 0
SELECT count(*) FROM tuition_logs l LEFT JOIN tuitions t ON t.id = l.tuition_id WHERE t.id IS NULL;

-- check events_of_unknown_tuitions: = 0
SELECT count(*) FROM audit.events e
WHERE entity_type = 'tuition' AND NOT EXISTS (SELECT FROM tuitions t WHERE t.id::text = e.entity_id);

-- check foreign_password_schemes: = 0
SELECT count(*) FROM users WHERE password_hash !~ '^md5:[0-9a-f]{8}:[0-9a-f]{32}$';

-- check timetable_already_there: rows = 0
SELECT FROM pg_class WHERE relname = 'timetable_slots';
