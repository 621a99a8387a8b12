#!/usr/bin/env bash
# A server in a container, with a real Docker engine and an image made on the spot.
. "$(dirname "$0")/../lib.sh"

command -v docker >/dev/null || skip "docker is not installed"
if ! docker info >/dev/null 2>&1; then
  if [[ $(id -u) != 0 ]] || ! command -v dockerd >/dev/null; then
    skip "no Docker engine runs, and none may be started here"
  fi
  # An engine of the scenario's own, which it ends.
  dockerd --data-root "$work/docker" --exec-root "$work/docker-exec" --pidfile "$work/docker.pid" \
    >"$work/dockerd.log" 2>&1 &
  engine=$!
  end_engine() {
    kill "$engine" 2>/dev/null || true
    wait "$engine" 2>/dev/null || true
  }
  trap 'status=$?; end_engine; (exit $status); clean_up' EXIT
  for _ in $(seq 100); do docker info >/dev/null 2>&1 && break; sleep 0.2; done
  docker info >/dev/null 2>&1 || skip "the Docker engine does not start here: $(tail -n 1 "$work/dockerd.log")"
fi

image=pgcycle-test:$$
"$(dirname "$0")/image.sh" "$image"
export PGCYCLE_IMAGE=$image
school
cp "$PGCYCLE_SOURCE/docker-compose.yml" .
sed -i 's/"database": {[^}]*}/"database": {"name": "school_test", "server": "docker"}/' pgcycle.json
says pgcycle.json '"docker"'
remove() {
  (cd "$work/school" && pgcycle-server stop -q) >/dev/null 2>&1 || true
  docker rmi -f "$image" >/dev/null 2>&1 || true
}
trap 'status=$?; remove; [[ -z ${engine:-} ]] || end_engine; (exit $status); clean_up' EXIT

run 0 pgcycle-server status
says "$out" "not running"
echo "started beside no other container"
run 0 pgcycle-server start
says "$out" "postgresql://postgres@127.0.0.1:"
run 0 pgcycle-server status --json
says "$out" '"running":true' '"container":'
run 0 pgcycle-reset --json
says "$out" '"tables":25' '"rows":27118' '"from_cache":false'
wanted=$(database_state)
run 0 pgcycle-reset --json
says "$out" '"from_cache":true'
run 0 pgcycle-migrate up -q
run 0 pgcycle-extract -q
run 0 pgcycle-seed -q
run 0 pgcycle-reset --clones 2
same "$(grep -c '127.0.0.1' "$out")" 2

# With the container's own client programs, where this host has none.
pg_dump -Fd -d "$(pgcycle-server url -q -d school_test_1)" -f directory.dump
pg_dump -Fp -d "$(pgcycle-server url -q -d school_test_1)" -f plain.dump
url=$(pgcycle-server url -q)
mkdir clientless
for program in bash env docker docker-compose gzip; do
  if path=$(command -v $program); then ln -s "$path" clientless/; fi
done
without_clients() {
  # PostgreSQL's own directories are looked up too, so they are hidden.
  unshare -m bash -c 'mount -t tmpfs none /usr/lib/postgresql && PATH=$1:$2 && shift 2 && "$@"' - \
    "$PGCYCLE_BIN" "$PWD/clientless" "$@"
}
if unshare -m bash -c 'mount -t tmpfs none /usr/lib/postgresql' 2>/dev/null; then
  for dump in dumps/prod_backup.dump directory.dump plain.dump; do
    psql -X -q -d "$url" -c 'DROP TABLE IF EXISTS payments CASCADE' 2>/dev/null
    run 0 without_clients pgcycle-reset --no-cache --dump "$dump"
    same "$(database_state "$url")" "$wanted" "$dump"
  done
  head -c 300000 dumps/prod_backup.dump >cut.dump
  run 3 without_clients pgcycle-reset --dump cut.dump
  same "$(database_state "$url")" "$wanted"
  psql -X -q -d "$url" -c 'SELECT pg_sleep(60)' >/dev/null 2>&1 &
  sleep 0.5
  run 0 without_clients pgcycle-reset -d school_copy --template school_test
  same "$(database_state "$(pgcycle-server url -q -d school_copy)")" "$wanted" "a live copy"
fi

# Production in the same server is refused there too.
sed -i "s|\"production\": {[^}]*},||; s|\"dump\": {|\"production\": {\"url\": \"${url/127.0.0.1/localhost}\"}, \"dump\": {|" pgcycle.json
run 5 pgcycle-reset
says "$err" "production"

run 0 pgcycle-server stop
says "$out" "stopped"
run 0 pgcycle-server status
says "$out" "not running"
same "$(docker ps -aq --filter "ancestor=$image" | wc -l)" 0 "containers left behind"
mv docker-compose.yml hidden.yml
run 1 pgcycle-server start
says "$err" "no docker-compose.yml in $PWD"
