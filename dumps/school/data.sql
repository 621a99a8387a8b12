-- Fills the school with invented people, the same on every run: no clock, no
-- random numbers, every choice is a hash of what it is for. Runs on the empty
-- schema.sql, with triggers at rest (session_replication_role = replica).
--
-- Sizes: 1,180 users, of them 60 teachers, 500 guardians and 600 students;
-- 700 tuitions with 6,000 lessons; 23,000 rows in all. Today is 2026-06-30.

SET client_min_messages = warning;
SET TimeZone = 'UTC';
SET session_replication_role = replica;

CREATE SCHEMA generator;
SET search_path = public, generator;

-- A number in [0, n), a pure function of its label.
CREATE FUNCTION generator.roll(label text, n integer) RETURNS integer LANGUAGE sql IMMUTABLE AS
  $$ SELECT ((('x' || substr(md5(label), 1, 15))::bit(60)::bigint) % n)::integer $$;
CREATE FUNCTION generator.pick(label text, choices text[]) RETURNS text LANGUAGE sql IMMUTABLE AS
  $$ SELECT choices[generator.roll(label, array_length(choices, 1)) + 1] $$;
CREATE FUNCTION generator.digits(label text, n integer) RETURNS text LANGUAGE sql IMMUTABLE AS
  $$ SELECT string_agg(generator.roll(label || '#' || i, 10)::text, '' ORDER BY i)
     FROM generate_series(1, n) i $$;
-- Two check digits by ISO 13616.
CREATE FUNCTION generator.iban(label text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  WITH account AS (SELECT '50010517' || generator.digits(label, 10) AS bban)
  SELECT 'DE' || lpad((98 - (bban || '131400')::numeric % 97)::text, 2, '0') || bban FROM account
$$;
CREATE FUNCTION generator.phone(label text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT generator.pick(label, ARRAY['+49 30 ', '+49 89 ', '+351 91 ', '+44 20 ', '+86 138 ', '+20 10 '])
         || generator.digits(label, 3) || ' ' || generator.digits(label || 'b', 5)
$$;

CREATE TABLE generator.names (script text, first text[], last text[]);
INSERT INTO generator.names VALUES
  ('latin',
   ARRAY['Ana','Bruno','Carla','David','Elif','Frank','Greta','Hugo','Inês','Jonas','Klara','Luís',
         'Marta','Nils','Otto','Petra','Rita','Søren','Tomás','Uwe','Vera','Wiebke','Zoë','Anke',
         'Björn','Chloé','Duarte','Eduard','Fátima','Gonçalo','Heike','Igor','Jürgen','Karin'],
   ARRAY['Duarte','Müller','Schneider','Fischer','Weber','Oliveira','Ferreira','Santos','Costa',
         'Becker','Hoffmann','Schäfer','Koch','Bauer','Richter','Klein','Wolf','Schröder',
         'O''Brien','Sørensen','García-López','van der Meer','Yılmaz','Nowak','Kovács','Novák']),
  ('han', ARRAY['伟','芳','娜','敏','静','丽','强','磊','军','洋'],
   ARRAY['王','李','张','刘','陈','杨','赵','黄','周','吴']),
  ('arabic', ARRAY['محمد','فاطمة','أحمد','مريم','علي','زينب','يوسف','نور'],
   ARRAY['حسن','إبراهيم','محمود','صالح','منصور','خليل']),
  ('cyrillic', ARRAY['Иван','Мария','Сергей','Ольга','Дмитрий','Елена','Николай','Татьяна'],
   ARRAY['Иванов','Петрова','Сидоров','Кузнецова','Смирнов','Попова']);

CREATE FUNCTION generator.first_name(label text) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT generator.pick(label || 'first', first) FROM generator.names
  WHERE script = CASE WHEN generator.roll(label || 'script', 12) < 9 THEN 'latin'
                      ELSE generator.pick(label, ARRAY['han', 'arabic', 'cyrillic']) END
$$;
CREATE FUNCTION generator.last_name(label text, family text) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT generator.pick(family || 'last', last) FROM generator.names
  WHERE script = CASE WHEN generator.roll(label || 'script', 12) < 9 THEN 'latin'
                      ELSE generator.pick(label, ARRAY['han', 'arabic', 'cyrillic']) END
$$;
CREATE FUNCTION generator.address(label text) RETURNS postal_address LANGUAGE sql IMMUTABLE AS $$
  SELECT (generator.pick(label, ARRAY['Lindenallee','Goethestraße','Rua da Saudade','Bergmannstr.',
                                      'Schillerplatz','Am Alten Markt','Avenida Central','Kirchweg'])
            || ' ' || (1 + generator.roll(label || 'no', 180)),
          generator.pick(label || 'town', ARRAY['Berlin','München','Lisboa','Köln','Porto','Hamburg']),
          generator.digits(label || 'code', 5),
          generator.pick(label || 'land', ARRAY['DE', 'DE', 'PT']))::postal_address
$$;

-- People ---------------------------------------------------------------------

INSERT INTO schools (id, name, address, location, logo, founded_on, settings)
SELECT i, 'Tutoring School ' || (ARRAY['Nord', 'Süd', '"West"'])[i],
       generator.address('school' || i), point(52.5 + i * 0.125, 13.25 - i),
       decode(md5('logo' || i) || '00ff0a5c' || md5('more' || i), 'hex'),
       date '1998-09-01' + i * 400,
       jsonb_build_object('currency', 'EUR', 'vat', 19.0, 'head', jsonb_build_object(
         'name', generator.first_name('head' || i) || ' ' || generator.last_name('head' || i, 'h' || i),
         'phone', generator.phone('head' || i)))
FROM generate_series(1, 3) i;

CREATE TABLE generator.people AS
SELECT id, role, label, generator.first_name(label) AS first, generator.last_name(label, family) AS last
FROM (
  SELECT i AS id, 'person' || i AS label,
         CASE WHEN i <= 20 THEN 'admin' WHEN i <= 80 THEN 'teacher'
              WHEN i <= 580 THEN 'guardian' ELSE 'student' END::user_role AS role,
         -- A student's family is that of the guardian.
         'family' || CASE WHEN i <= 580 THEN i ELSE 81 + (i - 581) % 500 END AS family
  FROM generate_series(1, 1180) i) p;

INSERT INTO users (id, school_id, role, email, full_name, phone, password_hash, address, preferences,
                   last_login_ip, last_login_at, active, created_at, updated_at)
OVERRIDING SYSTEM VALUE
SELECT id, 1 + generator.roll(label || 'school', 3), role,
       CASE WHEN first ~ '^[A-Za-z]+$' THEN lower(first) ELSE 'mail' END || '.' || id || '@' ||
         generator.pick(label || 'host', ARRAY['mailbox.example','posteo.example','web.example','uni.example']),
       first || ' ' || last,
       CASE WHEN generator.roll(label || 'has phone', 10) > 0 THEN generator.phone(label) END,
       'md5:' || substr(md5(label || 'salt'), 1, 8) || ':' ||
         md5(substr(md5(label || 'salt'), 1, 8) || 'secret' || id),
       CASE WHEN role <> 'student' THEN generator.address(label) END,
       jsonb_strip_nulls(jsonb_build_object(
         'language', generator.pick(label || 'lang', ARRAY['de', 'en', 'pt']),
         'newsletter', generator.roll(label || 'news', 2) = 1,
         'recovery_email', CASE WHEN id % 7 = 0 THEN 'spare' || id || '@recovery.example' END,
         'nickname', CASE WHEN id % 5 = 0 THEN first || generator.digits(label, 2) END)),
       CASE WHEN id % 11 = 0 THEN ('2001:db8:' || to_hex(id) || '::' || to_hex(id * 3))::inet
            ELSE ('84.' || generator.roll(label, 200) || '.' || id % 250 || '.' ||
                  1 + generator.roll(label || 'ip', 250))::inet END,
       timestamptz '2026-06-30 08:00Z' - generator.roll(label || 'seen', 500000) * interval '1 minute',
       id % 23 <> 0, timestamptz '2024-01-08 09:00Z' + id * interval '7 hours 13 seconds',
       CASE WHEN id % 3 = 0 THEN timestamptz '2026-02-01 12:00:00.123456Z' + id * interval '3 minutes' END
FROM generator.people;

INSERT INTO departments (id, name, head_teacher_id, budget)
SELECT i, (ARRAY['Languages', 'Mathematics', 'Sciences', 'Music & Arts', 'Geschichte'])[i], 20 + i * 11,
       i * 10500.50
FROM generate_series(1, 5) i;

INSERT INTO teachers
SELECT id, 1 + id % 5, CASE WHEN id > 30 AND id % 4 <> 0 THEN 21 + id % 10 END, generator.iban(label),
       first || ' ' || last || ' has taught since ' || 1990 + id % 30 || '. Ask ' || first ||
         ' at ' || generator.phone(label || 'bio') || ' or ' || lower(md5(label)) || '@private.example.',
       CASE id % 3 WHEN 0 THEN ARRAY['MAT', 'PHY'] WHEN 1 THEN ARRAY['DEU', 'ENG', 'POR']
                   ELSE ARRAY['BIO', 'CHE', 'MUS'] END,
       CASE WHEN id = 44 THEN 'NaN' ELSE 18 + id * 0.25 END,
       CASE WHEN id % 6 <> 0 THEN jsonb_build_array(
         jsonb_build_object('degree', 'M.Ed.', 'year', 1995 + id % 25,
                            'awarded_to', first || ' ' || last),
         jsonb_build_object('degree', 'PhD', 'thesis', null, 'awarded_to', last)) END,
       int4multirange(int4range(8, 12), int4range(13 + id % 3, 20))
FROM generator.people WHERE role = 'teacher';

INSERT INTO guardians
SELECT id, generator.pick(label || 'job', ARRAY['nurse','carpenter','lawyer','baker','engineer',NULL]),
       CASE WHEN id % 4 <> 0 THEN
         (CASE WHEN id % 8 = 1 THEN NULL ELSE first || ' "' || left(first, 2) || '" ' || last END,
          'self', generator.phone(label))::contact END,
       CASE WHEN id % 9 <> 0 THEN generator.digits(label || 'card', 4) END
FROM generator.people WHERE role = 'guardian';

INSERT INTO students (user_id, student_number, birth_date, grade, elder_sibling_id, emergency_contacts,
                      medical_notes, interests)
SELECT p.id, 'S-' || lpad(generator.roll(p.label, 900000)::text, 6, '0') || '-' || p.id % 10,
       date '2008-01-01' + generator.roll(p.label || 'born', 3000),
       CASE WHEN p.id % 17 <> 0 THEN 1 + generator.roll(p.label || 'grade', 13) END,
       CASE WHEN p.id > 1080 THEN p.id - 500 END,
       CASE WHEN p.id % 6 = 0 THEN '{}'::contact[] ELSE ARRAY[
         (g.first || ' ' || g.last, 'mother', generator.phone(g.label))::contact,
         (generator.first_name(p.label || 'gran') || ' ' || g.last, 'grand, mother', NULL)::contact] END,
       CASE WHEN p.id % 10 = 0 THEN p.first || ' is allergic to ' ||
         generator.pick(p.label, ARRAY['nuts', 'penicillin', 'bee stings']) || '; call Dr. ' ||
         generator.last_name('doctor' || p.id, 'd' || p.id) || ', ' || generator.phone('doctor' || p.id) END,
       generator.pick(p.label || 'a', ARRAY['football', 'chess', 'painting', 'robotics', 'singing'])
         || ' and ' || generator.pick(p.label || 'b', ARRAY['reading', 'running', 'cooking', 'swimming'])
FROM generator.people p
JOIN generator.people g ON g.id = 81 + (p.id - 581) % 500
WHERE p.role = 'student';

INSERT INTO student_guardians
SELECT user_id, 81 + (user_id - 581) % 500, 'mother' FROM students
UNION ALL
SELECT user_id, 81 + (user_id - 581 + 37) % 500, 'godfather' FROM students WHERE user_id % 3 = 0;

-- Lessons ----------------------------------------------------------------------

INSERT INTO subjects VALUES
  ('LAN', 'Languages', NULL, NULL, NULL),
  ('SCI', 'Sciences', NULL, '{}', '{}'),
  ('MAT', 'Mathematics', 'SCI', ARRAY['fractions', 'geometry, plane', 'a "proof"', 'NULL', NULL], '{{1,90},{2,75},{3,60}}'),
  ('PHY', 'Physics', 'SCI', ARRAY['optics', 'heat'], '{{1,92},{2,81}}'),
  ('BIO', 'Biology', 'SCI', ARRAY['cells'], '[0:1][1:2]={{1,95},{2,80}}'),
  ('CHE', 'Chemistry', 'SCI', ARRAY[''], NULL),
  ('DEU', 'German', 'LAN', ARRAY['Grammatik', 'Straße & Größe'], '{{1,NULL}}'),
  ('ENG', 'English', 'LAN', ARRAY['essay', E'back\\slash', E'line\nbreak'], NULL),
  ('POR', 'Portuguese', 'LAN', '{}', NULL),
  ('MUS', 'Music', NULL, ARRAY['♪', '🎻'], NULL);

CREATE TABLE generator.pairs AS
SELECT i, 'tuition' || i AS label, 21 + generator.roll('teacher of' || i, 60) AS teacher_id,
       581 + (i * 7) % 600 AS student_id, 1 + i % 3 AS choice
FROM generate_series(1, 700) i;

INSERT INTO tuitions
SELECT md5(label || ' id')::uuid, teacher_id, student_id, t.subject_codes[1 + i % array_length(t.subject_codes, 1)],
       CASE WHEN i % 29 = 0 THEN 'trial' WHEN i % 5 = 0 THEN 'ended' WHEN i % 13 = 0 THEN 'paused'
            ELSE 'active' END::tuition_status,
       1 + i % 3, t.hourly_rate_now, started_on,
       daterange(started_on, CASE WHEN i % 5 = 0 THEN started_on + 200 END, '[)'),
       CASE WHEN i % 8 = 0 THEN 'Agreed with ' || u.full_name || ' (' || u.email || '), rings at the door' END
FROM (SELECT p.*, date '2025-01-06' + generator.roll(label || 'start', 480) AS started_on FROM generator.pairs p) p
JOIN (SELECT user_id, subject_codes, CASE WHEN hourly_rate = 'NaN' THEN 30 ELSE hourly_rate END AS hourly_rate_now
      FROM teachers) t ON t.user_id = teacher_id
JOIN users u ON u.id = student_id;

INSERT INTO tuition_logs
SELECT t.id, n, (t.started_on + n * 7)::timestamp AT TIME ZONE 'UTC' + (8 + n % 10) * interval '1 hour',
       CASE WHEN n % 9 = 0 THEN interval '1 mon -1 day +00:30:00.25' ELSE n % 3 * interval '15 minutes' + interval '45 minutes' END,
       generator.pick(p.label || n, ARRAY['revision', 'new chapter', 'test', NULL, 'homework review']),
       CASE WHEN n % 6 = 0 THEN split_part(s.full_name, ' ', 1) || ' was late again; told ' || g.full_name ||
              ' by phone ' || COALESCE(g.phone, '(none)') END,
       (n % 16)::bit(4), CASE WHEN n % 20 = 0 THEN 'NaN' ELSE generator.roll(p.label || n || 'u', 1000) / 997.0 END,
       CASE WHEN n = 3 THEN ('{"device":  "tablet-' || p.i % 40 || '", "ok" :true,  "errors": [ ]}')::json END
FROM generator.pairs p
JOIN tuitions t ON t.id = md5(p.label || ' id')::uuid
JOIN users s ON s.id = t.student_id
JOIN users g ON g.id = 81 + (t.student_id - 581) % 500
CROSS JOIN generate_series(1, 4 + p.i % 10) n;

INSERT INTO log_corrections (id, tuition_id, lesson, corrected_by, reason, new_duration)
OVERRIDING SYSTEM VALUE
SELECT row_number() OVER (ORDER BY p.i), md5(p.label || ' id')::uuid, 1 + p.i % 4, p.teacher_id,
       'typed wrong by ' || u.full_name, CASE WHEN p.i % 2 = 0 THEN interval '90 minutes' END
FROM generator.pairs p JOIN users u ON u.id = p.teacher_id WHERE p.i % 5 = 0;

INSERT INTO meeting_links (id, tuition_id, url, host_email, dial_in, valid)
SELECT row_number() OVER (ORDER BY p.i), t.id,
       'https://meet.example/j/' || generator.digits(p.label, 10) || '?pwd=' || substr(md5(p.label || 'pwd'), 1, 12),
       u.email, u.phone, tstzrange(t.started_on::timestamp AT TIME ZONE 'UTC', NULL)
FROM generator.pairs p
JOIN tuitions t ON t.id = md5(p.label || ' id')::uuid
JOIN users u ON u.id = t.teacher_id
WHERE t.status IN ('active', 'trial');

INSERT INTO homework (id, tuition_id, title, instructions, due_on, attachments)
SELECT p.i * 2 + k, md5(p.label || ' id')::uuid, 'Sheet ' || p.i || chr(64 + k),
       CASE WHEN k = 1 THEN 'Hand in to ' || u.full_name || ' by mail: ' || u.email END,
       date '2026-03-01' + p.i % 100,
       CASE WHEN p.i % 3 = 0 THEN jsonb_build_array(jsonb_build_object(
         'file', lower(split_part(u.full_name, ' ', 1)) || '_' || p.i || '.pdf', 'bytes', p.i * 1024)) END
FROM generator.pairs p JOIN users u ON u.id = p.teacher_id CROSS JOIN generate_series(1, 2) k;

INSERT INTO homework_submissions
SELECT h.id, a, t.student_id, timestamp '2026-03-02 17:30:00.5' + h.id * interval '11 minutes',
       CASE WHEN h.id % 4 = 0 THEN decode(md5(h.id::text) || md5(a::text), 'hex')
            WHEN h.id % 4 = 1 THEN '' END,
       CASE WHEN h.id % 50 = 0 THEN 'NaN' WHEN h.id % 51 = 0 THEN 1.50 ELSE (h.id % 100)::numeric / 8 END,
       CASE WHEN h.id % 5 = 0 THEN 'Well done, ' || u.full_name || '!' END
FROM homework h JOIN tuitions t ON t.id = h.tuition_id JOIN users u ON u.id = t.student_id
CROSS JOIN generate_series(1, 2) a
WHERE h.id % 3 <> 0 AND (a = 1 OR h.id % 7 = 0);

INSERT INTO attempts
SELECT i, 581 + generator.roll('attempt' || i, 600),
       generator.pick('about' || i, ARRAY['MAT', 'PHY', 'BIO', 'ENG', 'DEU']), i % 120,
       CASE WHEN i % 10 <> 0 THEN generator.digits('answer' || i, 2) END,
       CASE WHEN i % 10 <> 0 THEN generator.roll('right' || i, 3) > 0 END,
       CASE i WHEN 7 THEN 'Infinity' WHEN 8 THEN '-0' WHEN 9 THEN 1e-300
              ELSE 1 + generator.roll('seconds' || i, 90000) / 1000.0::float8 END,
       timestamptz '2026-01-10 15:00Z' + i * interval '53 minutes 7.001 seconds'
FROM generate_series(1, 3600) i;

INSERT INTO "room/booking %" ("Id", "Room No.", during, "Booked By") OVERRIDING SYSTEM VALUE
SELECT i, 100 + i % 12, tstzrange(timestamptz '2026-05-04 08:00Z' + i / 12 * interval '2 hours',
       timestamptz '2026-05-04 10:00Z' + i / 12 * interval '2 hours'),
       CASE WHEN i % 9 <> 0 THEN 1 + i % 80 END
FROM generate_series(1, 240) i;

INSERT INTO holidays (id, name, days) VALUES
  (1, 'Christmas', '{[2025-12-22,2026-01-05)}'),
  (2, 'Bridge days', '{[2026-05-15,2026-05-16),[2026-06-05,2026-06-06)}'),
  (3, 'None', '{}');

-- Money --------------------------------------------------------------------------

INSERT INTO invoices (id, guardian_id, status, issued_on, total, lines, billing_address, document)
SELECT 1000 + i * 2, u.id, (enum_range(NULL::invoice_status))[1 + generator.roll('invoice' || i, 4)],
       date '2025-02-01' + i % 500, 60 + i % 300 * 1.25,
       jsonb_build_array(jsonb_build_object('text', 'Lessons for ' || s.full_name, 'hours', 1 + i % 12,
                                            'price', 20.50), jsonb_build_object('text', 'Material', 'price', 4)),
       u.address,
       CASE WHEN i % 4 = 0 THEN xmlelement(name invoice, xmlattributes(1000 + i * 2 AS no),
            xmlelement(name customer, u.full_name), xmlelement(name total, 60 + i % 300 * 1.25)) END
FROM generate_series(1, 1200) i
JOIN users u ON u.id = 81 + i % 500
JOIN users s ON s.id = 581 + i % 500;

INSERT INTO credit_notes
SELECT 1001 + i * 2, 1000 + i * 2 * 15, (12.5 + i)::numeric::money,
       CASE WHEN i % 2 = 0 THEN 'Complaint of ' || u.full_name END
FROM generate_series(1, 80) i JOIN invoices v ON v.id = 1000 + i * 2 * 15 JOIN users u ON u.id = v.guardian_id;

INSERT INTO payments (id, invoice_id, amount, payer_name, payer_iban, reference, paid_at, bank_response)
OVERRIDING SYSTEM VALUE
SELECT row_number() OVER (ORDER BY v.id), v.id, v.total, u.full_name, generator.iban('payer' || u.id),
       v.number || ' ' || split_part(u.full_name, ' ', 2), v.issued_on + interval '9 days 10:11:12',
       CASE WHEN v.id % 3 = 0 THEN jsonb_build_object('status', 'ok', 'debtor', jsonb_build_object(
         'name', u.full_name, 'iban', generator.iban('payer' || u.id)), 'fee', 0.10) END
FROM invoices v JOIN users u ON u.id = v.guardian_id WHERE v.status = 'paid' OR v.id % 4 = 0;

-- Talk ------------------------------------------------------------------------------

INSERT INTO messages (id, sender_id, recipient_id, reply_to, body, sent_at) OVERRIDING SYSTEM VALUE
SELECT i, a.id, b.id, CASE WHEN i % 4 = 0 THEN i - 3 END,
       CASE i % 5
         WHEN 0 THEN 'Dear ' || b.full_name || E',\n\nwe cannot come on Monday. Call me: ' || COALESCE(a.phone, a.email)
           || E'\n\n' || a.full_name
         WHEN 1 THEN 'The new number of ' || b.full_name || ' is ' || generator.phone('new' || i) || '.'
         WHEN 2 THEN 'Please send the invoice to ' || a.email || E'\tthanks, ' || split_part(a.full_name, ' ', 1)
         WHEN 3 THEN 'IBAN ' || generator.iban('message' || i) || ', account of ' || a.full_name
         ELSE 'We moved to ' || (generator.address('moved' || i)).street || ', ' ||
           (generator.address('moved' || i)).city || '.' END,
       timestamptz '2026-01-02 07:00Z' + i * interval '2 hours 3 minutes'
FROM generate_series(1, 1500) i
JOIN users a ON a.id = 1 + generator.roll('from' || i, 580)
JOIN users b ON b.id = 1 + generator.roll('to' || i, 580);

INSERT INTO notifications (id, user_id, kind, payload, created_at, read_at)
SELECT row_number() OVER (ORDER BY t.id), t.student_id, 'lesson moved',
       jsonb_build_object('tuition_id', t.id, 'text', 'Hello ' || u.full_name || ', your lesson moved',
                          'to', to_char(t.started_on + 30, 'YYYY-MM-DD')),
       t.started_on::timestamp AT TIME ZONE 'UTC' + interval '20 days',
       CASE WHEN t.student_id % 2 = 0 THEN t.started_on::timestamp AT TIME ZONE 'UTC' + interval '21 days' END
FROM tuitions t JOIN users u ON u.id = t.student_id
UNION ALL
SELECT 10000 + u.id, u.id, 'welcome', jsonb_build_object('text', 'Welcome, ' || u.full_name || '!'),
       u.created_at, NULL
FROM users u WHERE u.id % 4 = 0;

INSERT INTO page_views
SELECT timestamptz '2026-06-29 00:00Z' + i / 2 * interval '1 second',
       generator.pick('page' || i / 2, ARRAY['/', '/login', '/timetable', '/invoices', '/suche?q=Größe%20"x"']),
       CASE WHEN i % 6 <> 0 THEN ('84.17.' || i / 2 % 200 || '.0/24')::inet END,
       generator.pick('agent' || i / 2, ARRAY['Mozilla/5.0 (X11; Linux x86_64)', 'curl/7.88', NULL]),
       CASE WHEN i % 100 = 0 THEN 'NaN' ELSE generator.roll('load' || i / 2, 3000) / 1000.0::float8 END
FROM generate_series(1, 1600) i;

INSERT INTO "Sonderfälle" VALUES
  ('', 'the empty key', '{}', '{}', '{}', 'null', 'null', '', '00:00+00', '08:00:2b:01:02:03', '(1,1),(0,0)'),
  ('backslash', E'a\\b \\N \\. \\', '{"\\",",","\"",NULL,"NULL","null"," "}', '{NaN,Infinity,-Infinity,0,-0.000}',
   '{NaN,Infinity,-Infinity,-0,5e-324,1.7976931348623157e308,0.1}', '{"a": 1,  "a" : 2.50}', '{"$json": 1, "a": null}',
   B'101', '23:59:59.999999+14', NULL, NULL),
  ('control', E'\x01\x02\x1f\x7f tab\tnewline\ncarriage\rend', ARRAY[E'\t', E'\n', ''], '{1.50,1.5,100}',
   '{1e15,1e16,123456789012345680}', '"\u0041\ud83d\ude00"', '"$"', B'0', '12:00:00-03:30', NULL, NULL),
  ('emoji', '👩🏽‍🏫 naïve ﷽ 𝔘𝔫𝔦', '{👍}', '{0.00000000000000000001}', '{}', '[1, 2 ]', '[{"$ref": "alice"}]', B'1111', NULL, NULL, NULL),
  ('html', '<script>alert("x")</script> & '' -- ; DROP TABLE users', NULL, NULL, NULL, '1.0', '1.0', NULL, NULL, NULL, NULL),
  ('large', repeat('Zeile ohne Ende, ', 500), NULL,
   '{123456789012345678901234567890.123456789012345678901234567890}', NULL, '{}', '{"deep": [[[[{"x": []}]]]]}', NULL, NULL, NULL, NULL),
  ('null', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
  ('Ω separators', E'a\u2028b\u2029c\u0085d\u00a0e\ufeff', '[2:3]={x,y}', '[0:0]={1}', '[-1:0]={1,2}',
   '12345678901234567890123', '{"n": 12345678901234567890123, "e": 1E400}', NULL, NULL, NULL, NULL);

INSERT INTO audit.events (id, occurred_at, actor_id, action, entity_type, entity_id, changes, client)
OVERRIDING SYSTEM VALUE
SELECT i, timestamptz '2024-12-20 06:00Z' + i * interval '3 hours 7 minutes',
       CASE WHEN i % 10 <> 0 THEN u.id END,
       (ARRAY['created', 'changed', 'signed in', 'exported'])[1 + i % 4],
       CASE WHEN i % 3 = 0 THEN 'tuition' ELSE 'user' END,
       CASE WHEN i % 3 = 0 THEN md5('tuition' || 1 + i % 700 || ' id')::uuid::text ELSE u.id::text END,
       CASE WHEN i % 4 = 1 AND i % 3 <> 0 THEN jsonb_build_object('email', jsonb_build_array(
              'old' || u.id || '@before.example', u.email), 'full_name', jsonb_build_array(NULL, u.full_name)) END,
       u.last_login_ip
FROM generate_series(1, 4200) i JOIN users u ON u.id = 1 + generator.roll('event' || i, 1180);

-- Sequences where a live database would have them -------------------------------------

SELECT setval(pg_get_serial_sequence(t, c), m) FROM (VALUES
  ('schools', 'id', (SELECT max(id) FROM schools)::bigint),
  ('users', 'id', (SELECT max(id) FROM users)),
  ('departments', 'id', (SELECT max(id) FROM departments)),
  ('log_corrections', 'id', (SELECT max(id) FROM log_corrections)),
  ('meeting_links', 'id', (SELECT max(id) FROM meeting_links)),
  ('homework', 'id', (SELECT max(id) FROM homework)),
  ('attempts', 'id', (SELECT max(id) FROM attempts)),
  ('"room/booking %"', 'Id', (SELECT max("Id") FROM "room/booking %")),
  ('holidays', 'id', (SELECT max(id) FROM holidays)),
  ('payments', 'id', (SELECT max(id) FROM payments)),
  ('messages', 'id', (SELECT max(id) FROM messages)),
  ('notifications', 'id', (SELECT max(id) FROM notifications)),
  ('audit.events', 'id', (SELECT max(id) FROM audit.events))) AS s (t, c, m);
SELECT setval('document_number', GREATEST((SELECT max(id) FROM invoices), (SELECT max(id) FROM credit_notes)));

DROP SCHEMA generator CASCADE;
RESET search_path;
SET session_replication_role = origin;
REFRESH MATERIALIZED VIEW guardian_balances;
