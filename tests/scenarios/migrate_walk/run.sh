#!/usr/bin/env bash
# Random migrations and random commands over them: after each, what is applied is what a model of the
# documented rules says, and the schema is that of any other way to the same steps.
. "$(dirname "$0")/../lib.sh"

seeded
project walk
run 0 pgcycle-server start -q
for walk in $(seq "${PGCYCLE_TEST_WALKS:-3}"); do
  psql -X -q -d "$(pgcycle-server url -q -d postgres)" -c "CREATE DATABASE walk$walk"
  python3 "$PGCYCLE_SOURCE/tests/scenarios/migrate_walk/walk.py" "$RANDOM" "walk$walk" || fail "walk $walk"
done
