ALTER TABLE messages DROP COLUMN thread_id;
