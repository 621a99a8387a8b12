#!/usr/bin/env python3
"""A random walk over migrations: walk.py SEED DATABASE, in the folder of a project.

Each step leaves a row in `log` (a backfill: its own column of `filled`), so that the database itself
tells which steps are applied. The model below says which should be.
"""

import json
import pathlib
import random
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from walking import dump_of, query, run, url  # noqa: E402

COMMANDS = 45
COLUMNS = 60  # for backfills
ROWS = 30

DATABASE = sys.argv[2]
FOLDER = pathlib.Path(DATABASE)
chance = random.Random(int(sys.argv[1]))


URL = url(DATABASE)


def put(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


class Step:
    SUFFIX = {"sql": "sql", "concurrent": "sql", "script": "sh", "backfill": "backfill.json"}

    def __init__(self, version, number, kind):
        self.version, self.kind = version, kind
        self.number = number
        self.name = f"{number:03}_{kind}"
        self.id = f"{version.name}/{self.name}"
        self.object = f"{version.name}_{number}"
        self.column = f"c{Step.columns}"
        Step.columns += kind == "backfill"
        self.goes_back = chance.random() < 0.85
        self.fails = False
        self.write()

    columns = 0

    @property
    def file(self):
        return FOLDER / self.version.name / f"{self.name}.{self.SUFFIX[self.kind]}"

    def write(self, more=""):
        fault = "SELECT 1/0;\n" if self.fails else ""
        logs = f"INSERT INTO log VALUES ('{self.id}');\n"
        forgets = f"DELETE FROM log WHERE step = '{self.id}';\n"
        if self.kind == "sql":
            up = f"CREATE TABLE t_{self.object} (id int PRIMARY KEY, x text);\n{fault}{logs}"
            down = f"DROP TABLE t_{self.object};\n{forgets}"
        elif self.kind == "concurrent":
            up = (f"CREATE INDEX CONCURRENTLY i_{self.object} ON filled (id);\nREINDEX TABLE CONCURRENTLY filled;\n"
                  f"{fault}{logs}")
            down = f"DROP INDEX CONCURRENTLY i_{self.object};\n{forgets}"
        elif self.kind == "script":
            up = ("#!/bin/sh\n" + ("exit 3\n" if self.fails else "") + 'psql -X -q -d "$PGCYCLE_DB_URL" -c "BEGIN; '
                  + f'{forgets.strip()} {logs.strip()} COMMIT"\n')
            down = forgets
        else:
            value = "1 / 0" if self.fails else "id * 2"
            up = json.dumps({"table": "filled", "set": {self.column: value}, "batch": 7})
            down = f"UPDATE filled SET {self.column} = NULL;\n"
        put(self.file, up + more)
        if self.kind == "script":
            self.file.chmod(0o755)
        if self.goes_back:
            put(self.file.parent / f"{self.name}.down.sql", down)


class Version:
    def __init__(self, number):
        self.name = f"v{number}"
        self.together = chance.random() < 0.2
        if self.together:
            put(FOLDER / self.name / "version.json", '{"transaction": "version"}')
        for name in ("preflight.sql", "checks.sql"):
            if chance.random() < 0.25:
                put(FOLDER / self.name / name, f"-- check rows: = {ROWS}\nSELECT count(*) FROM filled;\n")
        self.steps = []
        for i in range(chance.randint(1, 4)):
            self.add(10 * (i + 1))

    def add(self, number):
        kind = "sql" if self.together else chance.choice(["sql", "sql", "concurrent", "script", "backfill"])
        step = Step(self, number, kind)
        self.steps.append(step)
        self.steps.sort(key=lambda other: other.number)
        return step


class Model:
    """What docs/migrations.md says of order, late steps, scripts that are skipped, and the way back."""

    def __init__(self):
        self.versions, self.done, self.recorded, self.half = [], set(), set(), set()

    def steps(self):
        return [step for version in self.versions for step in version.steps]

    def is_late(self, sql_only):
        def may_wait(step):
            return step.kind == "script" and step.version not in self.recorded

        for version in self.versions:
            missing = [i for i, s in enumerate(version.steps) if s not in self.done and not may_wait(s)]
            if missing and any(s in self.done for s in version.steps[missing[0]:]):
                return True
        begun = [v for v in self.versions if v in self.recorded or any(s in self.done for s in v.steps)]
        for version in self.versions[:self.versions.index(begun[-1])] if begun else []:
            skipped = all(s in self.done or may_wait(s) for s in version.steps) and (
                sql_only or any(s in self.done for s in version.steps))
            if version not in self.recorded and not skipped:
                return True
        return False

    def up(self, to=None, sql_only=False, out_of_order=False):
        """The exit status, and the change."""
        if not out_of_order and self.is_late(sql_only):
            return 4
        for version in self.versions:
            pending = [step for step in version.steps if step not in self.done]
            skipped = [step for step in pending if sql_only and step.kind == "script"]
            if version.together and any(step.fails for step in pending):
                return 3
            for step in pending:
                if step in skipped:
                    continue
                if step.fails:
                    if step.kind != "sql":
                        self.half.add(step)
                    return 3
                self.done.add(step)
                self.half.discard(step)
            if not skipped:
                self.recorded.add(version)
            if version is to:
                break
        return 0

    def down(self, count=None, above=None):
        order = [step for step in reversed(self.steps()) if step in self.done]
        if count is None and above is None:
            taken = [step for step in order if step.version is order[0].version]
        elif above is None:
            taken = order[:count]
        else:
            taken = [step for step in order if self.versions.index(step.version) >= above]
        if not all(step.goes_back for step in taken):
            return 4
        for step in taken:
            self.done.remove(step)
            self.recorded.discard(step.version)
        return 0

    def copy(self):
        other = Model()
        other.versions, other.done = self.versions, set(self.done)
        other.recorded, other.half = set(self.recorded), set(self.half)
        return other


class Walk:
    def __init__(self):
        query(URL, "CREATE TABLE log (step text); CREATE TABLE filled (id int PRIMARY KEY, "
              + ", ".join(f"c{i} int" for i in range(COLUMNS))
              + f"); INSERT INTO filled SELECT i FROM generate_series(1, {ROWS}) i")
        self.model = Model()
        self.schemas = {}  # by the steps that are applied
        self.seconds = 0.5  # of an up
        self.said = []

    def migrate(self, *command):
        return run("pgcycle-migrate", "-d", DATABASE, "--migrations", str(FOLDER), *command)

    def expect(self, wanted, *command):
        self.said.append(" ".join(command))
        result = self.migrate(*command)
        told = f"{self.said}\n{result.stdout}{result.stderr}"
        assert result.returncode == wanted, f"status {result.returncode}, not {wanted}\n{told}"
        self.compare(told)

    def compare(self, told):
        model = self.model
        logged = sorted(query(URL, "SELECT step FROM log").split())
        applied = sorted(step.id for step in model.done if step.kind != "backfill")
        assert logged == applied, f"{logged}, not {applied}\n{told}"
        for step in model.steps():
            if step.kind == "backfill" and step not in model.half:
                filled = query(URL, f"SELECT count({step.column}) FROM filled")
                assert filled == (str(ROWS) if step in model.done else "0"), f"{step.id}: {filled} rows\n{told}"
        assert query(URL, "SELECT count(*) FROM pg_index WHERE NOT indisvalid") == "0", told
        assert query(URL, "SELECT count(*) FROM pg_database WHERE datname ~ '^pgcycle_clone_'") == "0", told
        if not model.half:
            schema = dump_of(URL, "-s")
            known = self.schemas.setdefault(frozenset(step.id for step in model.done), schema)
            assert schema == known, f"not the schema of another way there\n{told}"

    # --- what may happen ---

    def new_version(self):
        if len(self.model.versions) < 9:
            self.model.versions.append(Version(len(self.model.versions) + 1))

    def late_step(self):
        if self.model.versions and not self.model.half:
            version = chance.choice(self.model.versions)
            number = 10 * chance.randint(0, 3) + 5
            if all(step.number != number for step in version.steps):
                self.said.append(f"({version.add(number).id} came in)")

    def fault(self):
        pending = [s for s in self.model.steps() if s not in self.model.done]
        if pending and not any(step.fails for step in pending):
            step = chance.choice(pending)
            step.fails = True
            step.write()
            self.said.append(f"({step.id} fails)")

    def mend(self):
        for step in self.model.steps():
            if step.fails:
                step.fails = False
                step.write()
                self.said.append(f"({step.id} mended)")

    def up(self):
        begin = time.monotonic()
        self.expect(self.model.up(), "up")
        self.seconds = max(0.05, time.monotonic() - begin)

    def up_to(self):
        if self.model.versions:
            version = chance.choice(self.model.versions)
            self.expect(self.model.up(to=version), "up", "--to", version.name)

    def up_sql_only(self):
        self.expect(self.model.up(sql_only=True), "up", "--sql-only")

    def up_out_of_order(self):
        self.expect(self.model.up(out_of_order=True), "up", "--out-of-order")

    def killed(self):
        command = ["pgcycle-migrate", "-d", DATABASE, "--migrations", str(FOLDER), "up"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(chance.random() * self.seconds)
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.said.append("(killed)")
        self.up()

    def changed(self):
        applied = [s for s in self.model.steps() if s in self.model.done and s.kind == "sql"]
        if applied:
            step = chance.choice(applied)
            step.write("-- more\n")
            self.expect(4, "up")
            self.expect(4, "down")
            if chance.random() < 0.5:
                step.write()
            else:
                self.expect(self.model.up(), "up", "--accept-changed", f"{step.version.name} {step.name}")

    def down(self):
        if self.model.done and not self.model.half:
            self.expect(self.model.down(), "down")

    def down_steps(self):
        if self.model.done and not self.model.half:
            count = chance.randint(1, 4)
            self.expect(self.model.down(count=count), "down", "--steps", str(count))

    def down_to(self):
        if self.model.done and not self.model.half:
            above = chance.randint(0, len(self.model.versions))
            name = self.model.versions[above - 1].name if above > 0 else "0"
            self.expect(self.model.down(above=above), "down", "--to", name)

    def rehearse(self):
        self.expect(self.model.copy().up(), "rehearse")

    def rehearse_sql_only(self):
        self.expect(self.model.copy().up(sql_only=True), "rehearse", "--sql-only")

    def verify(self):
        self.expect(0, "verify")

    def status(self):
        self.said.append("status")
        report = json.loads(self.migrate("status", "--json").stdout)
        for version, told in zip(self.model.versions, report["versions"]):
            assert told["applied"] == (version in self.model.recorded), f"{version.name}: {self.said}"
            for step, line in zip(version.steps, told["steps"]):
                wanted = "done" if step in self.model.done else "interrupted" if step in self.model.half else "pending"
                assert line["state"] == wanted, f"{step.id}: {line['state']}, not {wanted}: {self.said}"

    def go(self):
        self.new_version()
        ways = {self.up: 6, self.up_to: 3, self.up_sql_only: 2, self.up_out_of_order: 2, self.killed: 4,
                self.changed: 1, self.down: 3, self.down_steps: 3, self.down_to: 2, self.rehearse: 3,
                self.rehearse_sql_only: 1, self.verify: 1, self.status: 3, self.new_version: 5, self.late_step: 1,
                self.fault: 2, self.mend: 4}
        for way in chance.choices(list(ways), list(ways.values()), k=COMMANDS):
            way()


Walk().go()
