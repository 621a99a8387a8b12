-- What must hold once v0.3 is there, and whenever `pgcycle-migrate verify` asks.

-- check tuition_ids_are_version_5: = 0
SELECT count(*) FROM tuitions WHERE substr(id::text, 15, 1) <> '5';

-- check orphaned_logs: = 0
SELECT count(*) FROM tuition_logs l LEFT JOIN tuitions t ON t.id = l.tuition_id WHERE t.id IS NULL;

-- check tuitions_without_logs: = 0
SELECT count(*) FROM tuitions t WHERE NOT EXISTS (SELECT FROM tuition_logs l WHERE l.tuition_id = t.id);

-- check orphaned_links: = 0
SELECT count(*) FROM meeting_links m LEFT JOIN tuitions t ON t.id = m.tuition_id WHERE t.id IS NULL;

-- check running_tuitions_without_a_link: = 0
SELECT count(*) FROM tuitions t
WHERE status IN ('active', 'trial') AND NOT EXISTS (SELECT FROM meeting_links m WHERE m.tuition_id = t.id);

-- check events_of_unknown_tuitions: = 0
SELECT count(*) FROM audit.events e
WHERE entity_type = 'tuition' AND NOT EXISTS (SELECT FROM tuitions t WHERE t.id::text = e.entity_id);

-- check notifications_of_unknown_tuitions: = 0
SELECT count(*) FROM notifications n
WHERE payload ? 'tuition_id'
  AND NOT EXISTS (SELECT FROM tuitions t WHERE t.id::text = n.payload ->> 'tuition_id');

-- check rekey_wrote_no_events: = 0
SELECT count(*) FROM audit.events WHERE action IN ('INSERT', 'UPDATE');

-- check timetable: > 0
SELECT count(*) FROM timetable_slots;

-- check hours_a_week: ~ 2 +- 0.5
SELECT avg(n) FROM (SELECT count(*) AS n FROM timetable_slots GROUP BY tuition_id) s;

-- check double_booked_teachers: rows = 0
SELECT teacher_id, day, hour FROM timetable_slots GROUP BY 1, 2, 3 HAVING count(*) > 1;

-- check slots_of_other_people: = 0
SELECT count(*) FROM timetable_slots s JOIN tuitions t ON t.id = s.tuition_id
WHERE (s.teacher_id, s.student_id) <> (t.teacher_id, t.student_id);

-- check fast_password_hashes: = 0
SELECT count(*) FROM users WHERE password_scheme = 'md5' OR password_hash !~ '^scrypt:1024:8:1:';

-- check new_tables: rows = 2
SELECT table_name FROM information_schema.tables
WHERE table_schema = 'public' AND table_name IN ('timetable_slots', 'student_mistakes');

-- check messages_in_no_thread: = 0
SELECT count(*) FROM messages m WHERE NOT EXISTS
  (SELECT FROM messages f WHERE f.id = m.thread_id AND f.reply_to IS NULL);

-- check mistakes_latency: p95 < 500 ms over 20 runs
SELECT * FROM attempts WHERE student_id = 700 AND NOT correct;
