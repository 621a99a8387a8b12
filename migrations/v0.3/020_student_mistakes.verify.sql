-- check mistakes_are_those_of_the_attempts: = 0
SELECT (SELECT count(*) FROM attempts WHERE NOT correct) - (SELECT sum(times) FROM student_mistakes);
