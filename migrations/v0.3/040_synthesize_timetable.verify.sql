-- check every_hour_has_a_place: = 0
SELECT (SELECT sum(weekly_hours) FROM tuitions WHERE status IN ('active', 'trial'))
     - (SELECT count(*) FROM timetable_slots);
