"""What walks over a project share: programs, and queries of its databases."""

import subprocess


def run(*command):
    return subprocess.run(command, capture_output=True, text=True)


def url(database):
    return run("pgcycle-server", "url", "-q", "-d", database).stdout.strip()


def query(of, sql, may_fail=False):
    done = run("psql", "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", "-d", of, "-c", sql)
    assert may_fail or done.returncode == 0, f"{sql}\n{done.stderr}"
    return done.stdout.strip()


def dump_of(database, *options):
    """The lines of its dump, without those that differ by each run."""
    dump = run("pg_dump", *options, "-N", "pgcycle", "-d", database).stdout
    return sorted(line for line in dump.split("\n") if not line.startswith(("\\restrict", "\\unrestrict")))
