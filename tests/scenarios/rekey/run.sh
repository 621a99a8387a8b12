#!/usr/bin/env bash
# A rekey keeps every log, link and soft reference, and proves it.
. "$(dirname "$0")/../lib.sh"

school
run 0 pgcycle-reset -q

links() {
  sql "SELECT 'logs', md5(string_agg(k || n, ',' ORDER BY k)) FROM (SELECT t.teacher_id || '/' || t.student_id || '/' || t.subject_code || t.started_on AS k, count(l.lesson) || '/' || sum(l.lesson) AS n FROM tuitions t LEFT JOIN tuition_logs l ON l.tuition_id = t.id GROUP BY t.id) x
  UNION ALL SELECT 'links', md5(string_agg(k || u, ',' ORDER BY k, u)) FROM (SELECT t.teacher_id || '/' || t.student_id || '/' || t.subject_code || t.started_on AS k, m.url AS u FROM tuitions t JOIN meeting_links m ON m.tuition_id = t.id) x
  UNION ALL SELECT 'corrections', md5(string_agg(k || c, ',' ORDER BY c)) FROM (SELECT t.teacher_id || '/' || t.student_id AS k, c.id AS c FROM tuitions t JOIN log_corrections c ON c.tuition_id = t.id) x
  UNION ALL SELECT 'events', md5(string_agg(k || e, ',' ORDER BY e)) FROM (SELECT t.teacher_id || '/' || t.student_id AS k, e.id AS e FROM tuitions t JOIN audit.events e ON e.entity_type = 'tuition' AND e.entity_id = t.id::text) x
  UNION ALL SELECT 'notifications', md5(string_agg(k || n, ',' ORDER BY n)) FROM (SELECT t.teacher_id || '/' || t.student_id AS k, n.id AS n FROM tuitions t JOIN notifications n ON n.payload ->> 'tuition_id' = t.id::text) x
  ORDER BY 1"
}
before=$(links)
same "$(wc -l <<<"$before")" 5
old_ids=$(sql "SELECT md5(string_agg(id::text, ',' ORDER BY id)) FROM tuitions")
run 0 pgcycle-migrate up -q
same "$(links)" "$before" "links were lost"
[[ $(sql "SELECT md5(string_agg(id::text, ',' ORDER BY id)) FROM tuitions") != "$old_ids" ]] || fail "no id changed"

# The ids are RFC 4122 version 5 of what a tuition is, as Python computes them.
sql "SELECT id || ' ' || teacher_id || ' ' || student_id || ' ' || subject_code || ' ' || started_on FROM tuitions" |
  python3 -c '
import sys, uuid
space = uuid.UUID("0f8d2c61-5a0e-4c39-9c57-2f3a6f0d8b11")
rows = [line.split() for line in sys.stdin]
assert len(rows) == 700
for given, *columns in rows:
    assert given == str(uuid.uuid5(space, "\x1f".join(columns))), given
' || fail "the ids are not UUIDv5 of their columns"

# Two rows that would get one key stop it, and nothing is changed.
run 0 pgcycle-reset -q
sed -i 's/"teacher_id", "student_id", "subject_code", "started_on"/"subject_code"/' migrations/v0.3/030_tuition_ids.rekey.json
run 3 pgcycle-migrate up -q
says "$err" "two rows of public.tuitions would get one key" "they agree in subject_code" "hint:"
same "$(links)" "$before"

# A soft reference that is not declared is found by the version's own checks.
run 0 pgcycle-reset -q
cp "$PGCYCLE_SOURCE/migrations/v0.3/030_tuition_ids.rekey.json" migrations/v0.3/
sed -i '/notifications/d; s/"entity_type = .tuition."},/"entity_type = '"'tuition'"'"}/' migrations/v0.3/030_tuition_ids.rekey.json
run 4 pgcycle-migrate up -q
says "$err" "notifications_of_unknown_tuitions"
