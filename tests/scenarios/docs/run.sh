#!/usr/bin/env bash
# The page of each program ends with its --help, word for word. PGCYCLE_UPDATE_DOCS=1 writes it anew.
. "$(dirname "$0")/../lib.sh"

cd "$work"
for program in reset extract seed migrate server; do
  page=$PGCYCLE_SOURCE/docs/pgcycle-$program.md
  {
    sed '/^## Options$/,$d' "$page" | sed -e :a -e '/^\n*$/{$d;N;ba' -e '}'
    printf '\n## Options\n\n```\n'
    pgcycle-$program --help | sed -e 's/[[:space:]]*$//' | cat -s | sed -e :a -e '/^\n*$/{$d;N;ba' -e '}'
    printf '```\n'
  } >page
  if [[ -n ${PGCYCLE_UPDATE_DOCS:-} ]]; then cp page "$page"; fi
  diff "$page" page >"$out" || fail "docs/pgcycle-$program.md is not current"
done

# What documents point to is there.
cd "$PGCYCLE_SOURCE"
for page in README.md ARCHITECTURE.md CHANGELOG.md docs/*.md dumps/school/README.md; do
  grep -oE '\]\([^)#]+\)' "$page" | tr -d '])(' | grep -v '^https\?:' >"$out" || true
  while read -r link; do
    [[ -e $(dirname "$page")/$link ]] || fail "$page points to $link, which is not there"
  done <"$out"
done
