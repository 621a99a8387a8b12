#!/usr/bin/env python3
"""A random walk over seeds of the school: walk.py SEED, in the folder of its project."""

import json
import os
import pathlib
import random
import re
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from walking import dump_of, query, run, url  # noqa: E402

SEEDS = 25
chance = random.Random(int(sys.argv[1]))

SCHOOL, REFERENCE, ADMIN = url("school"), url("reference"), url("postgres")
FIXTURES = {path: path.read_text() for path in pathlib.Path("fixtures").rglob("*.json") if path.name != "manifest.json"}
TEXT = re.compile(r'("(?:full_name|name|title|body|notes?|comment|subject)": ")')

ROWS = [
    "UPDATE users SET full_name = 'X' WHERE id % 5 = 3",
    "UPDATE tuitions SET status = status",
    "BEGIN; UPDATE users SET phone = '1'; ROLLBACK",
    "DELETE FROM payments WHERE id % 7 = 0",
    "DELETE FROM guardians",
    "TRUNCATE messages",
    "TRUNCATE users CASCADE",
    "INSERT INTO departments (id, name, head_teacher_id, budget) VALUES (777, 'New', 31, 1)",
    "SELECT nextval(pg_get_serial_sequence('users', 'id'))",
    "SELECT setval(pg_get_serial_sequence('payments', 'id'), 1)",
    "CREATE SEQUENCE IF NOT EXISTS elsewhere; SELECT nextval('elsewhere')",
    "CREATE TEMP TABLE x (a int)",
]
# Rows stay as they are, but not where they are, or not their log.
STORAGE = ["VACUUM FULL users", "VACUUM users", "CLUSTER users USING users_pkey", "REINDEX TABLE users", "CHECKPOINT",
           "SELECT pg_switch_wal()", "ANALYZE", "ALTER TABLE payments SET UNLOGGED", "ALTER TABLE payments SET LOGGED"]
SCHEMA = [
    "CREATE INDEX IF NOT EXISTS more ON users (full_name)",
    "DROP INDEX IF EXISTS more",
    "ALTER TABLE users ADD COLUMN IF NOT EXISTS extra int",
    "ALTER TABLE users DROP COLUMN IF EXISTS extra",
    "ALTER TABLE payments ADD COLUMN IF NOT EXISTS five int DEFAULT 5",
    "ALTER TABLE payments DROP COLUMN IF EXISTS five",
    "ALTER TABLE payments DISABLE TRIGGER ALL",
    "ALTER TABLE payments ENABLE TRIGGER ALL",
    "CREATE TABLE IF NOT EXISTS mine (id int, by bigint REFERENCES users ON DELETE CASCADE); INSERT INTO mine VALUES (1)",
    "DROP TABLE IF EXISTS mine",
    "CREATE OR REPLACE FUNCTION loud() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.full_name := "
    "upper(NEW.full_name); RETURN NEW; END $$; CREATE OR REPLACE TRIGGER loud BEFORE INSERT ON users FOR EACH ROW "
    "EXECUTE FUNCTION loud()",
    "DROP TRIGGER IF EXISTS loud ON users",
]
SCENARIOS = [[], [], [], ["--scenario", "demo"], ["--scenario", "base"]]
WAYS = {(): 8, ("--fire-triggers",): 2, ("--no-single-transaction",): 1, ("--dry-run",): 1, ("killed",): 3,
        ("--clones", "1"): 1}


def edit_database():
    kind = chance.choices([ROWS, STORAGE, SCHEMA], [4, 2, 2])[0]
    statement = chance.choice(kind)
    alone = statement.startswith(("VACUUM", "CLUSTER", "REINDEX", "CHECKPOINT", "BEGIN"))
    # Some meet what an earlier one has done, and fail.
    query(SCHOOL, statement if alone else f"SET session_replication_role = replica; {statement}", may_fail=True)
    return statement


def edit_fixture():
    path = chance.choice(list(FIXTURES))
    lines = path.read_text().split("\n")
    texts = [i for i, line in enumerate(lines) if TEXT.search(line)]
    what = chance.random()
    if what < 0.3 or not texts:
        path.write_text(FIXTURES[path])
        return f"({path} as it was)"
    if what < 0.4:
        os.utime(path)
        return f"({path} touched)"
    line = chance.choice(texts)
    lines[line] = TEXT.sub(r"\g<1>" + chance.choice("abc"), lines[line], count=1)
    path.write_text("\n".join(lines))
    return f"({path}:{line + 1} edited)"


def edit_golden():
    path = pathlib.Path("golden/more.json")
    if path.exists() and chance.random() < 0.4:
        path.unlink()
        return f"({path} gone)"
    path.write_text(json.dumps({"public.departments": [{
        "id": 9000 + chance.randint(0, 2), "name": chance.choice("AB"), "budget": chance.randint(1, 3),
        "head_teacher_id": 31}]}))
    return f"({path.read_text()})"


def kill(command):
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(chance.random() * 0.15)
    process.kill()
    process.wait()


def seed(way, options):
    command = ["pgcycle-seed", "--adapt", *options]
    if way == ("killed",):
        kill(command)
        return run(*command)
    if way == ("--dry-run",):
        run(*command, *way)
        return run(*command)
    return run(*command, *way)


def load_reference(options):
    for _ in range(100):
        if query(ADMIN, "SELECT count(*) FROM pg_stat_activity WHERE datname = 'school'") == "0":
            break
        time.sleep(0.02)
    query(ADMIN, "DROP DATABASE IF EXISTS reference")
    query(ADMIN, "CREATE DATABASE reference TEMPLATE school")
    return run("pgcycle-seed", "-d", "reference", "--force", "--adapt", *options)


said = []
for _ in range(SEEDS):
    for _ in range(chance.randint(0, 3)):
        said.append(chance.choices([edit_database, edit_fixture, edit_golden], [6, 3, 1])[0]())
    options = chance.choice(SCENARIOS)
    way = chance.choices(list(WAYS), list(WAYS.values()))[0]
    said.append(" ".join(["seed", *options, *way]))
    ours = seed(way, options)
    if way == ("--fire-triggers",):
        continue  # what triggers make of the rows is for the next seed to undo
    wanted = load_reference(options)
    told = "\n".join(said[-15:]) + f"\n{ours.stdout}{ours.stderr}"
    assert ours.returncode == wanted.returncode, f"status {ours.returncode}, not {wanted.returncode}\n{told}\n{wanted.stderr}"
    if ours.returncode == 0:
        one, other = dump_of(SCHOOL, "--inserts"), dump_of(REFERENCE, "--inserts")
        assert one == other, f"{told}\n{sorted(set(one) ^ set(other))[:6]}"
