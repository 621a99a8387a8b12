-- A weekly timetable: who teaches whom on which weekday, at which hour.
CREATE TYPE weekday AS ENUM ('mon', 'tue', 'wed', 'thu', 'fri', 'sat');

CREATE TABLE timetable_slots (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tuition_id uuid NOT NULL REFERENCES tuitions ON DELETE CASCADE,
  teacher_id integer NOT NULL REFERENCES teachers,
  student_id integer NOT NULL REFERENCES students,
  day weekday NOT NULL,
  hour smallint NOT NULL CHECK (hour BETWEEN 7 AND 20),
  CONSTRAINT one_lesson_a_teacher UNIQUE (teacher_id, day, hour),
  CONSTRAINT one_lesson_a_student UNIQUE (student_id, day, hour)
);

COMMENT ON TABLE timetable_slots IS 'one hour of a tuition in every week';
