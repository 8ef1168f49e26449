#!/bin/sh
# A key-value store in one file, with a line `key=value` for each key.
#
#   sh store.sh FILE set KEY VALUE
#   sh store.sh FILE get KEY
#
# STORE_TRACE names a script that is told of each step, for tests.
set -eu
file=$1 verb=$2 key=$3

trace() {
	if [ -n "${STORE_TRACE:-}" ]; then sh "$STORE_TRACE" "$1"; fi
}

# Every line but that of this key.
others() {
	if [ -f "$file" ]; then grep -v "^$key=" "$file" || :; fi
}

# One writer at a time, from before it reads until after it has written.
lock() {
	until mkdir "$file.lock" 2>/dev/null; do
		trace wait
		sleep 0.05 2>/dev/null || sleep 1
	done
	trap 'rmdir "$file.lock"' EXIT
	trap 'exit 1' HUP INT TERM
}

case $verb in
get)
	sed -n "s/^$key=//p" "$file"
	;;
set)
	lock
	# Written beside the file and renamed: a reader never sees half of it.
	rest=$(others)
	trace read
	printf '%s\n' ${rest:+"$rest"} "$key=$4" >"$file.new.$$"
	mv "$file.new.$$" "$file"
	trace write
	;;
*)
	echo "store.sh: unknown verb: $verb" >&2
	exit 2
	;;
esac
