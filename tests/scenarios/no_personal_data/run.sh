#!/usr/bin/env bash
# Nothing that identifies a person of the dump is in the anonymised fixtures.
. "$(dirname "$0")/../lib.sh"

school
run 0 pgcycle-reset -q
run 0 pgcycle-migrate up -q
run 0 pgcycle-extract -q

# Whatever the dump holds of people, from columns, json, composites and free text.
sql "
SELECT email FROM users UNION SELECT phone FROM users UNION SELECT full_name FROM users WHERE full_name ~ '.{6}'
UNION SELECT (address).street FROM users UNION SELECT password_hash FROM users
UNION SELECT preferences ->> 'recovery_email' FROM users UNION SELECT preferences ->> 'nickname' FROM users
UNION SELECT host(last_login_ip) FROM users WHERE last_login_ip <> '0.0.0.0'
UNION SELECT iban FROM teachers UNION SELECT jsonb_path_query(qualifications, '\$[*].awarded_to') #>> '{}' FROM teachers WHERE qualifications::text ~ 'PhD'
UNION SELECT (preferred_contact).phone FROM guardians UNION SELECT student_number FROM students
UNION SELECT (unnest(emergency_contacts)).phone FROM students
UNION SELECT url FROM meeting_links UNION SELECT dial_in FROM meeting_links
UNION SELECT payer_iban FROM payments UNION SELECT bank_response #>> '{debtor,iban}' FROM payments
UNION SELECT (billing_address).street FROM invoices
UNION SELECT jsonb_path_query(changes, '\$.email[*]') #>> '{}' FROM audit.events
UNION SELECT settings #>> '{head,phone}' FROM schools
UNION SELECT (regexp_matches(body, '[+][0-9]+ [0-9 ]+[0-9]', 'g'))[1] FROM messages
UNION SELECT (regexp_matches(body, 'DE[0-9]{20}', 'g'))[1] FROM messages
UNION SELECT (regexp_matches(bio, '[0-9a-f]{32}@private.example', 'g'))[1] FROM teachers
" | grep -E '.{5,}' | grep -vE '^[A-Z][a-z]{0,9}$' | sort -u >originals
[[ $(wc -l <originals) -gt 7000 ]] || fail "only $(wc -l <originals) originals were found"

if grep -rFo -f originals fixtures >leaks; then
  fail "$(wc -l <leaks) original values are in the fixtures: $(head -n 5 leaks)"
fi

# The same key gives the same fixtures; another key other pseudonyms everywhere.
cp -r fixtures first
PGCYCLE_ANONYMIZE_KEY=$(printf '%064d' 7) run 0 pgcycle-extract -q
if diff -q first/public/users.json fixtures/public/users.json >/dev/null; then fail "the key does not matter"; fi
run 0 pgcycle-extract -q
same_files first fixtures

# A new column that could hold personal data stops the next extraction.
psql -X -q -d "$(pgcycle-server url -q)" -c "ALTER TABLE users ADD COLUMN passport text DEFAULT 'X1234567'"
unchanged run 4 pgcycle-extract
says "$err" "1 column could hold personal data and has no rule" '"public.users.passport": "national_id"'
same_files first fixtures
