#!/bin/sh
# One writer after the other: what was set is there.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
db=$dir/db

sh store.sh "$db" set email old@example.com
sh store.sh "$db" set phone 555-1234
sh store.sh "$db" set email new@example.com

[ "$(sh store.sh "$db" get email)" = new@example.com ]
[ "$(sh store.sh "$db" get phone)" = 555-1234 ]
[ "$(wc -l <"$db")" -eq 2 ]
echo "ok: set and get"
