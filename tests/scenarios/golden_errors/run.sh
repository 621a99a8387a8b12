#!/usr/bin/env bash
# Golden records that refer to nothing or contradict one another: both places, a hint, and
# the database and files as they were.
. "$(dirname "$0")/../lib.sh"

school_cycle

golden() { cat >golden/wrong.json; }

golden <<'JSON'
{"public.tuitions": [
  {"$as": "physics", "teacher_id": {"$ref": "alise"}, "student_id": {"$ref": "bob"}, "subject_code": "PHY",
   "status": "active", "weekly_hours": 1, "rate": "1.00", "started_on": "2026-01-01", "period": "empty"}
]}
JSON
unchanged run 1 pgcycle-seed
says "$err" 'pgcycle-seed: error: $ref to "alise", but no record has that name' \
  "at $PWD/golden/wrong.json:2:" 'hint: did you mean "alice"?'

golden <<'JSON'
{"public.users": [{"$match": {"email": "nobody@nowhere.test"}, "active": false}]}
JSON
unchanged run 1 pgcycle-seed
says "$err" '$match matches no row of the fixtures' "golden/wrong.json:1:"

golden <<'JSON'
{"public.users": [{"id": 5, "activ": false}]}
JSON
unchanged run 1 pgcycle-seed
says "$err" 'public.users has no column "activ"' 'did you mean "active"?' "golden/wrong.json:1:"

golden <<'JSON'
{"public.userz": [{"id": 5}]}
JSON
unchanged run 1 pgcycle-seed
says "$err" 'userz' 'public.users' "golden/wrong.json:1:"

# Two records that give one row different values, in two files.
golden <<'JSON'
{"public.departments": [{"$match": {"name": "Music & Arts"}, "budget": "1.00"}]}
JSON
unchanged run 1 pgcycle-seed
says "$err" 'two records give "budget" of one row different values' "golden/wrong.json:1:" "golden/demo.json:"

# A key that a fixture's row has already.
golden <<'JSON'
{"public.users": [{"$factory": "teacher", "email": "alice@example.test"},
                  {"$factory": "student", "email": "alice@example.test"}]}
JSON
unchanged run 1 pgcycle-seed
says "$err" "two rows of public.users have the same email" "golden/wrong.json:2:" "golden/wrong.json:1:"

# A foreign key that leads nowhere, told by the server, placed by us.
golden <<'JSON'
{"public.homework": [
  {"tuition_id": "00000000-0000-5000-8000-000000000000", "title": "x", "due_on": "2026-01-01"}]}
JSON
unchanged run 3 pgcycle-seed
says "$err" "homework_tuition_id_fkey" "golden/wrong.json:2:" "sqlstate: 23503"

rm golden/wrong.json
run 0 pgcycle-seed -q
