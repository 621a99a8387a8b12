-- Messages get the thread that they belong to: the first message of their chain.
ALTER TABLE messages ADD COLUMN thread_id bigint;

WITH RECURSIVE threads (id, thread_id) AS (
  SELECT id, id FROM messages WHERE reply_to IS NULL
  UNION ALL
  SELECT m.id, t.thread_id FROM messages m JOIN threads t ON m.reply_to = t.id
)
UPDATE messages m SET thread_id = t.thread_id FROM threads t WHERE t.id = m.id;

ALTER TABLE messages ALTER thread_id SET NOT NULL;
ALTER TABLE messages ADD CONSTRAINT messages_thread_id_fkey
  FOREIGN KEY (thread_id) REFERENCES messages DEFERRABLE INITIALLY DEFERRED;
