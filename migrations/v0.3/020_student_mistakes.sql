-- Wrong answers by subject and question, taken over from the attempts so far.
CREATE TABLE student_mistakes (
  student_id integer NOT NULL REFERENCES students,
  subject_code text NOT NULL REFERENCES subjects,
  question integer NOT NULL,
  times integer NOT NULL CHECK (times > 0),
  last_answer text,
  last_attempt_at timestamptz NOT NULL,
  PRIMARY KEY (student_id, subject_code, question)
);

INSERT INTO student_mistakes
SELECT student_id, subject_code, question, count(*),
       (array_agg(answer ORDER BY attempted_at DESC, id DESC))[1], max(attempted_at)
FROM attempts
WHERE NOT correct
GROUP BY student_id, subject_code, question;
