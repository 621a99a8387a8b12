DROP TABLE student_mistakes;
