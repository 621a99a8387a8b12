#!/usr/bin/env bash
# pgcycle-seed --session: whatever is done to files, rows and definitions between two seeds, the
# database is what a seed of everything makes of it; and little is done where little has changed.
. "$(dirname "$0")/../lib.sh"

seeded
school_cycle
url=$(pgcycle-server url -q)
admin=$(pgcycle-server url -q -d postgres)
psql -X -q -d "$admin" -c "CREATE DATABASE other TEMPLATE school"
other=$(pgcycle-server url -q -d other)

coproc SESSION { exec pgcycle-seed --session 2>"$work/session.err"; }
ask() {
  echo "$1" >&"${SESSION[1]}"
  read -r -t 60 reply <&"${SESSION[0]}" || fail "no answer to $1: $(cat "$work/session.err")"
}
answers() { # answers TEXT…: the last answer has each
  local text
  for text in "$@"; do [[ $reply == *"$text"* ]] || fail "no $text in: $reply"; done
}
both() { psql -X -q -v ON_ERROR_STOP=1 -o /dev/null -d "$url" "$@" 2>"$err" && psql -X -q -v ON_ERROR_STOP=1 -o /dev/null -d "$other" "$@" 2>"$err"; }
read -r -t 60 reply <&"${SESSION[0]}" || fail "no greeting: $(cat "$work/session.err")"
answers '"schema":"pgcycle.seed-session/1"' '"ready":true' '"database":"school"'

# Nothing to do; an edited row; it goes back.
ask '{"op": "seed", "id": 7}'
answers '"id":7' '"op":"seed"' '"tables":[]'
cp -r fixtures kept_fixtures
cp -r golden kept_golden
sed -i '2s/"name": "[^"]*"/"name": "Edited"/' fixtures/public/holidays.json
ask '{"op": "seed"}'
answers '"table":"public.holidays"'
[[ $(grep -o '"table":' <<<"$reply" | wc -l) -le 2 ]] || fail "other tables were loaded: $reply"
same "$(sql "SELECT count(*) FROM holidays WHERE name = 'Edited'")" 1
# At once, and as long as before: told by its content.
for name in Edites Editet Editeu; do
  sed -i "2s/\"name\": \"Edite.\"/\"name\": \"$name\"/" fixtures/public/holidays.json
  ask '{"op": "seed"}'
  same "$(sql "SELECT count(*) FROM holidays WHERE name = '$name'")" 1 "an edit was not seen"
done
sleep 1 # until it has found where the log stands
before=$(sql "SELECT pg_current_wal_insert_lsn()")
ask '{"op": "seed"}'
answers '"tables":[]'
same "$(sql "SELECT pg_current_wal_insert_lsn()")" "$before" "an unchanged seed wrote something"

# Bad input is told, nothing changes, and the session goes on.
state=$(database_state)
sed -i '2s/"id": [0-9]*/"id": "x"/' fixtures/public/holidays.json
ask '{"op": "seed"}'
answers '"error":' 'holidays.json'
ask 'nonsense'
answers '"error":' 'not a JSON object'
ask '{"op": "reset"}'
answers 'unknown op'
same "$(database_state)" "$state"
rm -r fixtures && cp -r kept_fixtures fixtures
ask '{"op": "seed"}'
answers '"table":"public.holidays"'

both -c "CREATE FUNCTION loud() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.name := upper(NEW.name); RETURN NEW; END'"

# Any mixture of edits, writes and definitions: as a seed of everything does it.
for round in $(seq 24); do
  done_here=""
  for _ in 1 2; do
    case $((RANDOM % 13)) in
      0) what="row edited" && sed -i "2s/\"name\": \"[^\"]*\"/\"name\": \"N$RANDOM\"/" fixtures/public/holidays.json ;;
      1) what="row removed" && if (($(wc -l <fixtures/public/holidays.json) > 4)); then sed -i 2d fixtures/public/holidays.json; fi ;;
      2) what="golden record" && printf '{"public.holidays": [{"id": %d, "name": "G%d", "days": "{[2026-01-01,2026-01-02)}"}]}\n' $((900 + RANDOM % 5)) "$RANDOM" >golden/more.json ;;
      3) what="golden gone" && rm -f golden/more.json ;;
      4) what="update" && both -c "SET session_replication_role = replica" -c "UPDATE users SET full_name = 'X' WHERE id % 3 = $((RANDOM % 3))" ;;
      5) what="truncate" && both -c "SET session_replication_role = replica" -c "TRUNCATE messages" ;;
      6) what="delete" && both -c "SET session_replication_role = replica" -c "DELETE FROM payments WHERE id % 5 = $((RANDOM % 5))" ;;
      7) what="sequence" && both -c "SELECT nextval(pg_get_serial_sequence('users', 'id'))" ;;
      8) what="index" && both -c "CREATE INDEX i$round$RANDOM ON users (phone)" ;;
      9) what="column" && both -c "ALTER TABLE messages ADD COLUMN c$round int" -c "ALTER TABLE messages DROP COLUMN c$round" ;;
      10) what="another seed" && pgcycle-seed -q >/dev/null 2>&1 ;;
      11) what="trigger" && both -c "DROP TRIGGER IF EXISTS loud ON holidays" -c "CREATE TRIGGER loud BEFORE INSERT ON holidays FOR EACH ROW EXECUTE FUNCTION loud()" -c "ALTER TABLE holidays ENABLE ALWAYS TRIGGER loud" ;;
      12) what="fixtures back" && rm -r fixtures && cp -r kept_fixtures fixtures ;;
    esac
    done_here+="$what, "
  done
  ask '{"op": "seed"}'
  [[ $reply != *'"error"'* ]] || fail "round $round ($done_here): $reply"
  run 0 pgcycle-seed -q --force -d other
  same "$(database_state "$url")" "$(database_state "$other")" "round $round: $done_here"
done

# A column that the fixtures do not have is told, and is forgotten when it goes.
sql "ALTER TABLE messages ADD COLUMN late int NOT NULL DEFAULT 1"
ask '{"op": "seed"}'
answers '"error":' 'late'
sql "ALTER TABLE messages DROP COLUMN late"
ask '{"op": "seed", "force": true}'
answers '"tables_unchanged":0'
same "$(database_state "$url")" "$(database_state "$other")"

# At its end the next process knows what it did.
input=${SESSION[1]}
session=$SESSION_PID # which bash forgets as soon as it has ended
exec {input}>&-
wait "$session" || fail "the session ended with $?: $(cat "$work/session.err")"
run 0 pgcycle-seed
says "$out" "school is as seeded"
run 1 pgcycle-seed --session --explain
