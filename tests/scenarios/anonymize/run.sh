#!/usr/bin/env bash
# Personal data is found, gets rules, is masked, and is proven to be nowhere; nothing that is said
# on the way holds a value.
. "$(dirname "$0")/../lib.sh"

project clinic
cat >pgcycle.json <<'J'
// Ours.
{
  "database": {"name": "clinic", "server": "embedded"},  // a comment that stays
  "anonymize": {
    "rules": {
      "public.patients.id": "keep"  // before the rules that scan adds
    }
  }
}
J
psql -X -q -d "$(pgcycle-server url -q -d postgres)" -c 'CREATE DATABASE clinic'
sql "
CREATE TABLE patients (id int PRIMARY KEY, full_name text NOT NULL, email text, contact text, ip inet, born date, status text,
  remarks text, extra jsonb, UNIQUE (full_name, born));
CREATE UNIQUE INDEX ON patients (lower(email));
CREATE TABLE visits (id int PRIMARY KEY, patient int REFERENCES patients, place text, file bytea);
INSERT INTO patients SELECT i, 'Zyxname' || i % 90 || ' Qvwsurname' || i, 'Zyxmail' || i || '@hiddenhost.pt', '+351 9' || (10000000 + i * 7919),
  ('84.17.3.' || i % 250)::inet, date '1950-01-01' + i, (ARRAY['new', 'old'])[1 + i % 2], 'Met Zyxname' || i || ' and the family about the leg, by phone',
  jsonb_build_object('tutor', jsonb_build_object('mail', 'zyxtutor' || i || '@hiddenhost.pt'), 'level', i % 3, 'tags', jsonb_build_array('a'))
  FROM generate_series(1, 600) i;
INSERT INTO visits SELECT i, i, 'ward ' || i % 5, NULL FROM generate_series(1, 600) i;"

silent() {  # nothing that was said shows a planted value
  if grep -niE 'zyx(name|mail|tutor|.planted)|qvw(surname|quintela)|hiddenhost|84\.17\.3\.' "$out" "$err" "$@"; then fail "a value is shown"; fi
}

# No rules, no key, no run; every column is listed before the first row.
run 1 pgcycle-extract
says "$err" "there is no key"
run 0 pgcycle-extract init
[[ $(stat -c %a .pgcycle/key) == 600 ]] || fail "the key can be read by others"
run 4 pgcycle-extract
says "$err" '"public.patients.full_name": "person_name"' '"public.patients.extra"' '"public.visits.place"'
silent

# What scan finds; its rules are added without touching the rest, and they work.
run 0 pgcycle-extract scan
says "$out" "public.patients.email" "public.patients.extra \$.tutor.mail" "high"
silent
run 0 pgcycle-extract scan --json
python3 - "$out" <<'P'
import json, sys
findings = {(f["column"], f["place"]): f for f in json.load(open(sys.argv[1]))["findings"]}
def of(column, place=""): return findings["public." + column, place]
assert of("patients.email")["kind"] == "email" and of("patients.email")["confidence"] == "high"
assert of("patients.contact")["rule"] == "phone", of("patients.contact")
assert of("patients.extra", "$.tutor.mail")["rule"] == "email"
assert of("patients.born")["kind"] == "date" and of("patients.ip")["rule"] == "ip"
assert of("patients.status")["rule"] == "keep" and of("patients.remarks")["rule"] == "scrub"
P
# What one row of many holds, a sample need not show.
sql "CREATE TABLE visits_old (id int PRIMARY KEY, extra jsonb);
INSERT INTO visits_old SELECT i, CASE WHEN i = 77777 THEN jsonb_build_object('mail', 'zyxmail@hiddenhost.pt') ELSE '{\"level\": 1}' END
  FROM generate_series(1, 100000) i;
ANALYZE visits_old"
run 0 pgcycle-extract scan
if grep -q 'visits_old.extra \$.mail' "$out"; then fail "the sample holds that row: choose another"; fi
run 0 pgcycle-extract scan --all-rows
says "$out" 'public.visits_old.extra $.mail' "email"
silent
sql "DROP TABLE visits_old"
before=$(cat pgcycle.json)
run 0 pgcycle-extract scan --write --dry-run
same "$(cat pgcycle.json)" "$before"
run 0 pgcycle-extract scan --write
silent pgcycle.json
says pgcycle.json "// Ours." "// a comment that stays" "// before the rules that scan adds" '"public.patients.email": "email"'
run 0 pgcycle-extract scan
says "$out" "every column that could hold personal data has a rule"
run 0 pgcycle-extract --report report.html -v
silent report.html
# In a browser, where there is one: the page shows its rows without the network.
for browser in chromium chromium-browser google-chrome; do
  command -v $browser >/dev/null || continue
  timeout 60 $browser --headless --no-sandbox --disable-gpu --user-data-dir="$work/browser" --enable-logging=stderr \
    --host-resolver-rules='MAP * ~NOTFOUND' --dump-dom "file://$PWD/report.html" >dom.html 2>browser.log ||
    fail "$browser does not show the report: $(tail -n 3 browser.log)"
  if grep -E 'CONSOLE|net::ERR' browser.log; then fail "the page has errors"; fi
  [[ $(grep -o '<tr' dom.html | wc -l) -gt 5 ]] || fail "the page has no rows"
  says dom.html "public.patients.email"
  break
done
run 0 pgcycle-extract --report report.json
says report.json '"column": "public.patients.email", "class": "masked", "rule": "email"' '"leaks": 0' '"proven": true'
if grep -rniE 'zyx(name|mail|tutor|.planted)|qvw(surname|quintela)|hiddenhost|84\.17\.3\.' fixtures; then fail "an original is in the fixtures"; fi
python3 - <<'P'
import json
rows = json.load(open("fixtures/public/patients.json"))["rows"]
assert len({row["email"].lower() for row in rows}) == 600
assert len({(row["full_name"], row["born"]) for row in rows}) == 600
assert all(row["extra"]["tutor"]["mail"].endswith("@example.test") for row in rows)
P

# Every hiding place stops the run, and the fixtures stay as they were.
cp -r fixtures good
sql "UPDATE patients SET full_name = 'Amalia Qvwquintela', email = 'zyx.planted@hiddenhost.pt' WHERE id = 7"
cp -r fixtures kept
i=0
for value in "'Qvwquintela'" "'ward of QVWQUINTELA'" "encode('to Qvwquintela!!', 'base64')" "'?q=%51vwquintela'" "'x7F-zyx.planted@hiddenhost.pt'"; do
  i=$((i + 1))
  sql "UPDATE visits SET place = 'ward 1'; UPDATE visits SET place = $value WHERE id = $i"
  run 4 pgcycle-extract
  says "$err" "would be published" "public.visits.place, id = $i" "nothing was written"
  silent
  same_files kept fixtures
done
sql "UPDATE visits SET place = 'ward 1'"
# A key that is kept may be the leak itself: the row is told by its number.
sql "CREATE TABLE wards (name text PRIMARY KEY); INSERT INTO wards VALUES ('a'), ('of Qvwquintela')"
sed -i 's/"public.visits.file"/"public.wards.name": "keep", "public.visits.file"/' pgcycle.json
run 4 pgcycle-extract
says "$err" "public.wards.name, row 2"
silent
sql "DROP TABLE wards"
sed -i 's/"public.wards.name": "keep", //' pgcycle.json
sed -i 's/"public.visits.file": "bytes"/"public.visits.file": "keep"/' pgcycle.json
sql "UPDATE visits SET file = convert_to('scan of Qvwquintela', 'UTF8') WHERE id = 9"
run 4 pgcycle-extract
says "$err" "public.visits.file, id = 9"
silent
run 4 pgcycle-extract --dry-run
sql "UPDATE visits SET file = NULL"
run 0 pgcycle-extract -q

# --no-anonymize is loud, marks the manifest, and CI refuses it.
run 0 pgcycle-extract --no-anonymize --fixtures raw
says "$err" "never commit"
says raw/manifest.json '"anonymized": false'
run 4 pgcycle-extract --check --fixtures raw
run 0 pgcycle-extract --check

# What is wrong with rules is said with its place.
bad() {  # bad RULES STATUS TEXT…
  printf '{"database": {"name": "clinic", "server": "embedded"},\n "anonymize": {"rules": {\n%s}}}\n' "$1" >bad.json
  run "$2" pgcycle-extract --config bad.json --fixtures nowhere
  says "$err" "${@:3}"
  silent
  [[ ! -e nowhere ]] || fail "a bad rule wrote fixtures"
}
bad '"public.patients.emial": "email"' 1 "no column matches" "bad.json:3:" "public.patients.email"
bad '"public.patients.email": "emial"' 1 'unknown generator "emial"' "bad.json:3:" 'did you mean "email"'
bad '"public.patients.email": "scrub"' 1 "unique" "patients_lower_idx"
bad '"public.patients.full_name": "null"' 1 "NOT NULL"
rules=$(python3 - <<'P'
import json, re
text = re.sub(r"//[^\n]*", "", open("pgcycle.json").read())
rules = json.loads(text)["anonymize"]["rules"]
rules["public.patients.extra"]["json"]["$.tutr.mail"] = "email"
print(json.dumps(rules)[1:-1])
P
)
bad "$rules" 1 'the path $.tutr.mail meets no value' "bad.json:3:"

# Generators that read the row: SQL on the server, templates, addresses with the row's own name.
sed -i -e 's/"public.visits.place": "[a-z_]*"/"public.visits.place": {"generator": "sql", "expression": "upper(place) || patient % 3"}/' \
  -e 's/"public.patients.email": "email"/"public.patients.email": {"generator": "email", "name": "full_name"}/' \
  -e 's/"public.patients.status": "keep"/"public.patients.status": {"generator": "template", "value": "was {first_name}"}/' pgcycle.json
run 0 pgcycle-extract -q
silent
python3 - <<'P'
import json
visits = json.load(open("fixtures/public/visits.json"))["rows"]
assert all(row["place"] == "WARD 1%d" % (row["patient"] % 3) for row in visits), visits[0]
for row in json.load(open("fixtures/public/patients.json"))["rows"]:
    assert row["email"].startswith(".".join(row["full_name"].lower().split()[:2]) + "."), row
    assert row["status"].startswith("was "), row
P
pg_dump -Fc -d "$(pgcycle-server url -q)" -f clinic.dump
run 1 pgcycle-reset --anonymize --dump clinic.dump
says "$err" "public.visits.place" "SQL expression"

sed -i 's/"anonymize": {/"anonymize": { "key": "abc",/' pgcycle.json
run 1 pgcycle-extract
says "$err" "64 hex digits"
