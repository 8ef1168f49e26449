#!/bin/sh
# Issue 42: two writers at the same time, and one update is gone.
#
# Worker A sets the email, worker B the phone. B begins when A has read and not
# yet written, so they overlap every time, not in 2% of the runs.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export dir
db=$dir/db
mkfifo "$dir/a-has-read" "$dir/a-may-go-on" "$dir/b-came-to-a-stop"

# A says that it has read, and waits until it may go on.
cat >"$dir/a" <<'END'
if [ "$1" = write ]; then exit; fi
if mkdir "$dir/a-told" 2>/dev/null; then echo >"$dir/a-has-read"; read -r _ <"$dir/a-may-go-on"; fi
END

# B says, once, that it has to wait or has ended.
cat >"$dir/b" <<'END'
case $1 in wait | end) ;; *) exit ;; esac
if mkdir "$dir/b-told" 2>/dev/null; then echo >"$dir/b-came-to-a-stop"; fi
END

{ STORE_TRACE=$dir/a sh store.sh "$db" set email new@example.com || :; sh "$dir/a" end; } &
read -r _ <"$dir/a-has-read"
{ STORE_TRACE=$dir/b sh store.sh "$db" set phone 555-1234 || :; sh "$dir/b" end; } &
read -r _ <"$dir/b-came-to-a-stop"
echo >"$dir/a-may-go-on"
wait

for update in email=new@example.com phone=555-1234; do
	if [ "$(sh store.sh "$db" get "${update%%=*}")" != "${update#*=}" ]; then
		echo "LOST: $update"
		exit 1
	fi
done
echo "ok: both updates are there"
