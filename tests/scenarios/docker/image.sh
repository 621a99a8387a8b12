#!/usr/bin/env bash
# Makes a Docker image of this machine's own PostgreSQL, laid out as the official one is where it
# matters: image.sh NAME. Nothing is downloaded.
set -euo pipefail

name=$1
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

bin=$(dirname "$(find /usr/lib/postgresql/*/bin -name postgres | sort -V | tail -n 1)")
major=$(basename "$(dirname "$bin")")
programs=("$bin"/{postgres,initdb,pg_ctl,pg_isready,psql,pg_dump,pg_restore}
  /bin/sh /bin/rm /bin/mkdir /bin/chown /bin/chmod /usr/bin/setpriv /bin/locale /bin/cat)
libraries() {
  find "$bin/../lib" -name '*.so' -print0 | xargs -0 ldd "${programs[@]}" 2>/dev/null |
    grep -oE '/[^ :)]+\.so[^ :)]*' | sort -u
}
mapfile -t files < <(libraries)
copy() { cp --parents -rL "$@" "$root" 2>/dev/null || true; }
copy "${programs[@]}" "${files[@]}" "$bin/../lib" "/usr/share/postgresql/$major" /usr/share/zoneinfo \
  /usr/lib/locale/C.utf8 /etc/ld.so.cache /etc/nsswitch.conf /etc/timezone
# Merged directories are links here; a container needs the names too.
for directory in bin lib lib64 sbin; do
  if [[ -L /$directory ]]; then
    mkdir -p "$root/usr/$directory"
    if [[ -d $root/$directory ]]; then cp -rn "$root/$directory/." "$root/usr/$directory" && rm -r "${root:?}/$directory"; fi
    ln -s "usr/$directory" "$root/$directory"
  fi
done
mkdir -p "$root"/{tmp,proc,dev,run/postgresql,var/run,var/lib/postgresql,usr/local/bin}
chmod 1777 "$root/tmp" "$root/run/postgresql"
ln -s ../../run/postgresql "$root/var/run/postgresql"
printf 'root:x:0:0::/root:/bin/sh\npostgres:x:999:999::/var/lib/postgresql:/bin/sh\n' >"$root/etc/passwd"
printf 'root:x:0:\npostgres:x:999:\n' >"$root/etc/group"
cat >"$root/usr/local/bin/docker-entrypoint.sh" <<'SH'
#!/bin/sh
set -e
mkdir -p "$PGDATA"
chown postgres "$PGDATA"
chmod 700 "$PGDATA"
as_postgres() { setpriv --reuid=postgres --regid=postgres --clear-groups "$@"; }
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  as_postgres initdb -D "$PGDATA" --username="${POSTGRES_USER:-postgres}" --auth-local=trust ${POSTGRES_INITDB_ARGS:-}
  echo "host all all all ${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}" >>"$PGDATA/pg_hba.conf"
fi
exec setpriv --reuid=postgres --regid=postgres --clear-groups "$@" -D "$PGDATA" -clisten_addresses='*'
SH
chmod 755 "$root/usr/local/bin/docker-entrypoint.sh"
tar -C "$root" -c . | docker import --change 'ENTRYPOINT ["docker-entrypoint.sh"]' \
  --change 'CMD ["postgres"]' --change "ENV PATH=$bin:/usr/local/bin:/usr/bin:/bin" \
  --change 'ENV PGDATA=/var/lib/postgresql/data' --change 'ENV LANG=C.UTF-8' - "$name" >/dev/null
