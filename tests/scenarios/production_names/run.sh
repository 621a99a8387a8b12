#!/usr/bin/env bash
# Every way to name production is refused, whatever guard.allow says: host alias, IP address,
# socket, tunnelled port, service file, password file, another user, PG* variables.
. "$(dirname "$0")/../lib.sh"

external_server live
direct=$port
psql -X -q -d "$admin" -c "CREATE DATABASE shop" -c "CREATE ROLE app LOGIN" -c "CREATE ROLE other LOGIN SUPERUSER" \
  -c "CREATE DATABASE shop_test OWNER app"
psql -X -q -d "${admin/%postgres/shop}" -c "CREATE TABLE orders AS SELECT generate_series(1, 10) AS id"

# A tunnel: another port that leads to the same server.
tunnel=$((direct + 1))
python3 - "$tunnel" "$direct" <<'PY' &
import socket, sys, threading
def pump(a, b):
    try:
        while data := a.recv(65536):
            b.sendall(data)
    except OSError:
        pass
    b.close()
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    near, _ = listener.accept()
    far = socket.create_connection(("localhost", int(sys.argv[2])))
    threading.Thread(target=pump, args=(near, far), daemon=True).start()
    threading.Thread(target=pump, args=(far, near), daemon=True).start()
PY
tunnel_process=$!
trap 'status=$?; kill $tunnel_process 2>/dev/null; (exit $status); clean_up' EXIT
for _ in $(seq 100); do
  psql -X -q -d "host=127.0.0.1 port=$tunnel user=postgres dbname=shop" -c 'SELECT' >/dev/null 2>&1 && break
  sleep 0.1
done

mkdir here
cd here
cp -r "$PGCYCLE_SOURCE"/{dumps,golden,migrations,fixtures} .
export PGSERVICEFILE=$PWD/services PGPASSFILE=$PWD/passwords
printf '[live]\nhost=localhost\nport=%s\nuser=app\ndbname=shop\n' "$direct" >services
printf '*:*:*:*:secret\n' >passwords
chmod 600 passwords

# Names of the one database, for the target and for production.url in turn.
names=(
  "postgresql://postgres@localhost:$direct/shop"
  "postgresql://postgres@127.0.0.1:$direct/shop"
  "host=localhost hostaddr=127.0.0.1 port=$direct user=postgres dbname=shop"
  "postgresql://postgres@127.0.0.1:$tunnel/shop"
  "postgresql:///shop?host=$work/live&port=$direct&user=postgres"
  "service=live user=postgres"
  "host=nowhere.invalid,localhost port=$direct,$direct user=postgres dbname=shop connect_timeout=2"
  "host=localhost port=$direct user=other dbname=shop application_name=psql"
)
production=("postgresql://app@localhost:$direct/shop" "service=live" "host=$work/live port=$direct user=app dbname=shop"
  "postgresql://other@127.0.0.1:$tunnel/shop")
content() { psql -X -At -d "${admin/%postgres/shop}" -c "SELECT oid, (SELECT count(*) FROM orders) FROM pg_database WHERE datname = 'shop'"; }
before=$(content)
configured() {
  local allow='"*/shop"' host
  for host in localhost 127.0.0.1 "$work/live" "localhost:$direct" "127.0.0.1:$direct" "127.0.0.1:$tunnel" "$work/live:$direct" \
    nowhere.invalid,localhost "nowhere.invalid,localhost:$direct,$direct" ""; do allow+=", \"$host/shop\""; done
  printf '{"production": {"url": "%s"}, "dump": {"file": "dumps/prod_backup.dump"}, "guard": {"allow": [%s]}}\n' "$1" "$allow" >pgcycle.json
}
for url in "${production[@]}"; do
  configured "$url"
  for name in "${names[@]}"; do
    run 5 pgcycle-reset -d "$name" --yes
    says "$err" "refused" "production"
    same "$(content)" "$before" "$name, of $url"
  done
done
configured "service=live"
for name in "${names[0]}" "${names[3]}" "${names[5]}"; do
  run 5 pgcycle-seed -d "$name" --yes
  run 5 pgcycle-migrate -d "$name" up --yes
  run 5 pgcycle-reset -d "$name" --template shop_test --yes
  same "$(content)" "$before"
done
PGHOST=localhost PGPORT=$direct PGUSER=postgres run 5 pgcycle-reset -d shop --yes
says "$err" "production"
PGSERVICE=live run 5 pgcycle-reset -d shop --yes
# Without a target it is the project's own server, whatever these variables say.
for variable in PGSERVICE=live PGHOSTADDR=127.0.0.1 PGPORT="$direct"; do
  run 0 env "$variable" PGDATABASE=shop PGUSER=postgres pgcycle-reset -q --no-cache
  run 0 env "$variable" PGDATABASE=shop pgcycle-server url
  says "$out" "here%2F.pgcycle%2Fcluster"
done
same "$(psql -X -At -d "$(pgcycle-server url -q)" -c 'SELECT count(*) FROM users')" 1180
same "$(content)" "$before"
# A service's own settings do not lead a plain dump past the database aside.
printf '[test]\nhost=localhost\nport=%s\nuser=postgres\ndbname=shop_test\n' "$direct" >>services
pg_dump -Fp -d "$(pgcycle-server url -q)" -f plain.dump
psql -X -q -d "${admin/%postgres/shop_test}" -c "CREATE TABLE users (id int)"
sed -i 's|"\*/shop"|"localhost/shop_test"|' pgcycle.json
run 0 pgcycle-reset -q --no-cache -d service=test --dump plain.dump
same "$(psql -X -At -d "${admin/%postgres/shop_test}" -c 'SELECT count(*) FROM users')" 1180
same "$(content)" "$before"

# Another database of that server is not production; it needs a proof of its own.
run 0 pgcycle-reset -q -d "postgresql://postgres@localhost:$direct/shop_test"
run 5 pgcycle-reset -q -d "postgresql://postgres@localhost:$direct/postgres"
same "$(content)" "$before"
# A clone of production's name is somebody's: pgcycle did not make it.
psql -X -q -d "$admin" -c "CREATE DATABASE shop_1"
run 5 pgcycle-reset -d "postgresql://postgres@localhost:$direct/shop" --clones 1
