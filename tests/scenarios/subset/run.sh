#!/usr/bin/env bash
# A part of the school that holds together: from the command line and from pgcycle.json.
. "$(dirname "$0")/../lib.sh"

school
newest_school
rows() { python3 -c 'import json, sys; print(next(t["rows"] for t in json.load(open(sys.argv[1] + "/manifest.json"))["tables"] if t["table"] == sys.argv[2]))' "$1" "$2"; }

# Parents always, children of the roots; the same on every run.
run 0 pgcycle-extract -q --root 'public.students order by user_id limit 5' --fixtures small
students=$(rows small public.students) # five, and their brothers and sisters
[[ $students -ge 5 && $students -lt 40 ]] || fail "students: $students"
[[ $(rows small public.users) -lt 200 && $(rows small public.users) -ge 5 ]] || fail "users: $(rows small public.users)"
run 0 pgcycle-extract -q -j1 --root 'public.students order by user_id limit 5' --fixtures again
same_files small again

# It seeds, with every foreign key proven, and then is all that there is.
run 0 pgcycle-seed -q --fixtures small --golden "$work/no_golden"
same "$(sql "SELECT count(*) FROM students")" "$students"
run 0 pgcycle-extract -q --no-anonymize --fixtures whole
for table in students users tuitions invoices; do same "$(rows whole "public.$table")" "$(rows small "public.$table")" "$table"; done
newest_school

# Which edge pulled each row in.
run 0 pgcycle-extract -v --root 'public.students where user_id = (SELECT min(user_id) FROM public.students)' --debug=explain --fixtures why
says "$err" ": root public.students where user_id" "referenced by"

# A sample.
run 0 pgcycle-extract -q --sample 10% --fixtures sample
run 0 pgcycle-extract -q --sample 10 --fixtures sample2
same_files sample sample2
whole=$(sql "SELECT count(*) FROM audit.events" 2>/dev/null || echo 0)
[[ $whole == 0 || $(rows sample audit.events) -lt $((whole / 2)) ]] || fail "no sample of audit.events"
run 1 pgcycle-extract --sample 0
run 1 pgcycle-extract --sample many
run 1 pgcycle-extract --sample 1% --root students

# In the config; the command line stands in place of it.
sed -i 's/"fixtures": {"dir": "fixtures"},/"fixtures": {"dir": "fixtures"}, "extract": {"roots": ["public.holidays order by id limit 3"], "maxRows": 5000},/' pgcycle.json
run 0 pgcycle-extract -q
same "$(rows fixtures public.holidays)" 3
same "$(rows fixtures public.students)" 0
run 0 pgcycle-extract -q --root 'public.holidays order by id limit 2'
same "$(rows fixtures public.holidays)" 2

# Too much is an error before it is taken, which names the edge; the fixtures stay.
files=$(files_state fixtures)
sed -i 's/"maxRows": 5000/"maxRows": 40/' pgcycle.json
run 4 pgcycle-extract --root public.students
says "$err" "extract.maxRows (40)" "hint:"
same "$(files_state fixtures)" "$files"

# What is wrong with a root is said; nothing can be written through one.
run 1 pgcycle-extract --root 'public.studens where true'
says "$err" "students"
run 1 pgcycle-extract --root 'public.students; DROP TABLE students'
run 3 pgcycle-extract --root 'public.students where no_such_column'
says "$err" "no_such_column"
