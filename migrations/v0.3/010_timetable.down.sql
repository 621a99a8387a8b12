DROP TABLE timetable_slots;
DROP TYPE weekday;
