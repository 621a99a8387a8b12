#!/usr/bin/env bash
# A test runner's session: clones at once, put back as they were, gone at the end; errors are
# answers, not the end.
. "$(dirname "$0")/../lib.sh"

school
run 0 pgcycle-reset -q
cat >runner.py <<'PY'
import json, subprocess, sys

session = subprocess.Popen(["pgcycle-reset", "--session", *sys.argv[1:]], stdin=subprocess.PIPE,
                           stdout=subprocess.PIPE, text=True, bufsize=1)

def ask(line):
    session.stdin.write((line if isinstance(line, str) else json.dumps(line)) + "\n")
    return json.loads(session.stdout.readline())

def sql(url, statement):
    return subprocess.run(["psql", "-X", "-q", "-At", "-d", url, "-c", statement], check=True,
                          stdout=subprocess.PIPE, text=True).stdout.strip()

def state(url):
    dump = subprocess.run(["pg_dump", "-d", url], check=True, stdout=subprocess.PIPE, text=True).stdout
    return sorted(line for line in dump.splitlines() if "restrict " not in line)

def expect(got, **wanted):
    for name, value in wanted.items():
        assert got.get(name) == value, (name, value, got)

hello = json.loads(session.stdout.readline())
expect(hello, schema="pgcycle.reset-session/1", ready=True, in_place=True)
one = ask({"op": "acquire", "id": 1})
two = ask({"op": "acquire", "id": "b"})
expect(one, op="acquire", id=1)
expect(two, id="b")
assert one["database"] != two["database"]
before = state(one["url"])
assert state(two["url"]) == before

reset = {"op": "reset", "database": one["database"]}
expect(ask(reset), way="untouched", database=one["database"])
sql(one["url"], "DELETE FROM payments")
assert state(one["url"]) != before
expect(ask(reset), way="tables", tables=["public.payments"])
assert state(one["url"]) == before
sql(one["url"], "DROP TABLE payments CASCADE")
answer = ask(reset)
expect(answer, way="reclone")
assert answer["reason"].startswith("DDL"), answer
assert state(one["url"]) == before
assert state(two["url"]) == before

for bad, text in [("nonsense", "not a JSON object"), ("[1]", "not a JSON object"),
                  ({"op": "dance"}, "unknown op"), ({"op": "reset"}, "names no database"),
                  ({"op": "release", "database": "postgres"}, "no acquired database")]:
    answer = ask(bad)
    assert text in answer["error"]["message"] and answer["error"]["hint"], answer
expect(ask({"op": "release", "database": two["database"]}), op="release")
assert "error" in ask({"op": "reset", "database": two["database"]})
expect(ask(reset), way="untouched")
session.stdin.close()
sys.exit(session.wait())
PY
run 0 python3 runner.py
same "$(sql "SELECT count(*) FROM pg_database WHERE datname ~ '^pgcycle_clone_'")" 0 "clones left behind"
run 0 python3 runner.py --clones 1 --lease 60s
same "$(sql "SELECT count(*) FROM pg_database WHERE datname ~ '^pgcycle_clone_'")" 0 "clones left behind"

# Of another database: as it was when the session began, whatever is done to it meanwhile.
run 0 python3 runner.py --template "$(pgcycle-server url --json | python3 -c 'import json,sys; print(json.load(sys.stdin)["url"].split("?")[0].split("/")[-1])')"
same "$(sql "SELECT count(*) FROM pg_database WHERE datname ~ '^pgcycle_clone_'")" 0 "clones left behind"
run 1 pgcycle-reset --session --no-cache
says "$err" "exclude each other"
run 1 pgcycle-reset --template school --dump dumps/prod_backup.dump

# SIGTERM ends it in order.
mkfifo requests
pgcycle-reset --session <requests >"$out" 2>"$err" &
session=$!
exec 7>requests
echo '{"op": "acquire"}' >&7
for _ in $(seq 100); do [[ $(wc -l <"$out") == 2 ]] && break; sleep 0.1; done
kill -TERM $session
status=0
wait $session || status=$?
same $status 130 "exit status"
exec 7>&-
same "$(sql "SELECT count(*) FROM pg_database WHERE datname ~ '^pgcycle_clone_'")" 0 "clones left behind"
