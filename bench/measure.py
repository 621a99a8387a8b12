"""What every benchmark shares: timing two sides in turn, medians, lines and bars.

One line a metric: `bench NAME: METRIC VALUE UNIT (bar BAR) ok|short`. With --check the
process ends with 1 if any metric is short.
"""

import glob
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

# Databases live in memory where there is a tmpfs: disks differ too much.
BASE = "/dev/shm" if os.path.isdir("/dev/shm") else None
# The newest installed server's programs, the same that pgcycle-server takes.
BIN = os.path.dirname(max(glob.glob("/usr/lib/postgresql/*/bin/postgres"),
                          key=lambda path: int(path.split("/")[4])))


class Bench:
    def __init__(self, name):
        self.name = name
        self.short = False

    def says(self, text):
        print(f"bench {self.name}: {text}", flush=True)

    def metric(self, metric, value, unit, bar=None):
        """A value that must not exceed its bar; without a bar it is only told."""
        if bar is None:
            self.says(f"{metric} {value:.3g} {unit}")
            return
        ok = value <= bar
        self.short = self.short or not ok
        self.says(f"{metric} {value:.3g} {unit} (bar {bar:g}) {'ok' if ok else 'short'}")

    def end(self):
        sys.exit(1 if self.short and "--check" in sys.argv else 0)


def milliseconds(action):
    start = time.perf_counter()
    action()
    return (time.perf_counter() - start) * 1000


def in_turn(rounds, **sides):
    """Runs the sides in turn; medians in milliseconds by name. A side returns its own
    milliseconds, so that it can prepare and clean up unmeasured."""
    times = {name: [] for name in sides}
    for _ in range(rounds):
        for name, side in sides.items():
            times[name].append(side())
    return {name: statistics.median(values) for name, values in times.items()}


def run(*command, **options):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, **options).stdout


def peak_mib(*command, cwd):
    """The most memory that the command held, in MiB."""
    told = subprocess.run(["/usr/bin/env", "python3", "-c",
                           "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL);"
                           "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)", *command],
                          check=True, stdout=subprocess.PIPE, text=True, cwd=cwd).stdout
    return int(told) / 1024


class Session:
    """A program's `--session`: JSON Lines over its pipes."""

    def __init__(self, *command, cwd):
        self.process = subprocess.Popen(command, cwd=cwd, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True, bufsize=1)
        self.process.stdout.readline()

    def ask(self, **request):
        """The answer and its milliseconds, from the line written to the line read."""
        line = json.dumps(request) + "\n"
        answer = {}

        def exchange():
            self.process.stdin.write(line)
            self.process.stdin.flush()
            answer.update(json.loads(self.process.stdout.readline()))

        return answer, milliseconds(exchange)

    def close(self):
        self.process.stdin.close()
        assert self.process.wait() == 0


class Project:
    """A project with an embedded server of its own, in memory where there is room."""

    def __init__(self, config):
        self.path = tempfile.mkdtemp(prefix="pgcycle-bench-", dir=BASE)
        os.chmod(self.path, 0o755)
        self.write_config(config)
        self.admin = run("pgcycle-server", "url", "-q", "-d", "postgres", cwd=self.path).strip()

    def url(self, database):
        return run("pgcycle-server", "url", "-q", "-d", database, cwd=self.path).strip()

    def make(self, name, content):
        run(f"{BIN}/psql", "-X", "-q", "-d", self.admin, "-c", f"CREATE DATABASE {name}")
        run(f"{BIN}/psql", "-X", "-q", "-d", self.url(name), "-c", content, "-c", "VACUUM ANALYZE")

    def write_config(self, config):
        with open(f"{self.path}/pgcycle.json", "w") as file:
            json.dump(config, file)

    def close(self):
        run("pgcycle-server", "stop", "-q", cwd=self.path)
        shutil.rmtree(self.path)
