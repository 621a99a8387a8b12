-- pgcycle: no-transaction
CREATE INDEX CONCURRENTLY messages_thread ON messages (thread_id, sent_at);
CREATE INDEX CONCURRENTLY attempts_student ON attempts (student_id, subject_code) WHERE NOT correct;
