#!/usr/bin/env bash
# Random edits of database, schema, fixtures and golden records, and seeds by random options: after
# each, the database is what a seed that loads everything makes of it.
. "$(dirname "$0")/../lib.sh"

seeded
school_cycle
python3 "$PGCYCLE_SOURCE/tests/scenarios/seed_walk/walk.py" "$RANDOM" || fail "the walk"
