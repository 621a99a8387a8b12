#!/usr/bin/env bash
# A restored dump is kept and cloned: the same database each time, whatever was done to the last
# one; another dump is another template; the cache keeps to its limits.
. "$(dirname "$0")/../lib.sh"

school
run 0 pgcycle-reset --json
says "$out" '"from_cache":false'
fresh=$(database_state)

run 0 pgcycle-reset --json
says "$out" '"from_cache":true' '"rows":27118'
same "$(database_state)" "$fresh" "the clone is another database"

# What is done to a clone does not reach the template.
sql "DELETE FROM payments; CREATE TABLE mine (id int)" >/dev/null
run 0 pgcycle-reset -q
same "$(database_state)" "$fresh"

# The next clone is made ahead of time, and is as the template whatever came between.
spare() { sql "SELECT oid FROM pg_database WHERE datname LIKE 'pgcycle_spare_%'"; }
# When the background of every earlier reset has ended: what one makes, another may replace.
spare_made() {
  local now before='' try
  for try in $(seq 100); do
    now=$(spare)
    if [[ -n $now && $now == "$before" && $(sql "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pgcycle-reset'") == 0 ]]; then
      return
    fi
    before=$now
    sleep 0.2
  done
  fail "no spare was made after $try tries"
}
spare_made
made=$(spare)
# What a reset analysed in haste, the background analysed in full: there and for the next ones.
finest() { sql "SELECT max(cardinality(histogram_bounds::text::text[])) FROM pg_stats WHERE tablename = 'page_views'"; }
same "$(finest)" 101 "statistics of the first reset"
sql "DELETE FROM payments" >/dev/null
run 0 pgcycle-reset -q
same "$(sql "SELECT oid FROM pg_database WHERE datname = current_database()")" "$made" "the spare was not taken"
same "$(database_state)" "$fresh"
same "$(finest)" 101 "statistics of a clone"
spare_made

# By content, not by name; --no-cache restores the dump itself.
cp dumps/prod_backup.dump elsewhere.dump
run 0 pgcycle-reset --json --dump elsewhere.dump
says "$out" '"from_cache":true'
run 0 pgcycle-reset --json --no-cache
says "$out" '"from_cache":false'
same "$(database_state)" "$fresh"
run 0 pgcycle-reset cache key
key=$(cat "$out")
run 0 pgcycle-reset cache ls
says "$out" "pgcycle_template_$key"

# A dump of the same name with another content.
pg_dump -Fc -d "$(pgcycle-server url -q)" -f elsewhere.dump -T page_views
run 0 pgcycle-reset --json --dump elsewhere.dump
says "$out" '"from_cache":false' '"tables":24'

# Six resets of six databases at once, from an empty cache.
sed -i 's/"dump": {/"cache": {"maxCount": 1}, "dump": {/' pgcycle.json
run 0 pgcycle-reset cache prune
says "$out" "1 dropped"
for i in 1 2 3 4 5 6; do pgcycle-reset -q -d "school_$i" >"out.$i" 2>"err.$i" & done
wait
for i in 1 2 3 4 5 6; do
  same "$(database_state "$(pgcycle-server url -q -d "school_$i")")" "$fresh" "school_$i: $(cat "err.$i")"
done
finished "$(pgcycle-server url -q -d postgres)"
same "$(sql "SELECT count(*) FROM pg_database WHERE datname LIKE 'pgcycle_template_%'")" 1 "templates"

# A dump that cannot be restored leaves no template.
head -c 300000 dumps/prod_backup.dump >cut.dump
unchanged run 3 pgcycle-reset --dump cut.dump

run 1 pgcycle-reset cache frobnicate
says "$err" "frobnicate"
