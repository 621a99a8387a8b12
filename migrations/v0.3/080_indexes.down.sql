-- pgcycle: no-transaction
DROP INDEX CONCURRENTLY IF EXISTS messages_thread;
DROP INDEX CONCURRENTLY IF EXISTS attempts_student;
