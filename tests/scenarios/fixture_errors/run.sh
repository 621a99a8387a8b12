#!/usr/bin/env bash
# Fixtures that do not fit the database or are broken: the place, the hint, and the
# database and files as they were.
. "$(dirname "$0")/../lib.sh"

school_cycle
cp -r fixtures good

# A column that is gone.
psql -X -q -d "$(pgcycle-server url -q)" -c 'ALTER TABLE tuitions DROP COLUMN notes'
unchanged run 4 pgcycle-seed
says "$err" 'pgcycle-seed: error: public.tuitions has no column "notes"' \
  "at $PWD/fixtures/public/tuitions.json:2:" "hint: migrate the database, extract the fixtures again, or let --adapt fill in and drop"

# A column that is new and must not be null.
psql -X -q -d "$(pgcycle-server url -q)" -c 'ALTER TABLE tuitions ADD COLUMN notes text' \
  -c "ALTER TABLE holidays ADD COLUMN region text NOT NULL DEFAULT 'BE'"
unchanged run 4 pgcycle-seed
says "$err" 'region' "fixtures/public/holidays.json"
psql -X -q -d "$(pgcycle-server url -q)" -c "ALTER TABLE holidays DROP COLUMN region"

# Cut off in the middle of a row.
head -c 2000 good/public/users.json >fixtures/public/users.json
unchanged run 1 pgcycle-seed
says "$err" "fixtures/public/users.json" "hint:"
cp good/public/users.json fixtures/public/

# A value that the server refuses: the place of its row.
sed -i '5s/"role": "[a-z]*"/"role": "janitor"/' fixtures/public/users.json
unchanged run 3 pgcycle-seed
says "$err" 'invalid input value for enum' "fixtures/public/users.json:5"
cp good/public/users.json fixtures/public/

# A row that refers to nothing.
sed -i '3s/"teacher_id": [0-9]*/"teacher_id": 99999/' fixtures/public/tuitions.json
unchanged run 3 pgcycle-seed
says "$err" "tuitions_teacher_id_fkey" "fixtures/public/tuitions.json:3" "sqlstate: 23503"
cp good/public/tuitions.json fixtures/public/

# A table's file that is gone.
rm fixtures/public/holidays.json
unchanged run 1 pgcycle-seed
says "$err" "holidays.json"

# No fixtures at all.
unchanged run 1 pgcycle-seed --fixtures nowhere
says "$err" "error: no fixtures in $PWD/nowhere" "hint: write fixtures with pgcycle-extract"
