#!/bin/sh
# Stands in for a coding agent: says what one might say and writes what one
# might write. git-chant starts it in the worktree of the run, with the prompt
# on standard input.
set -eu
here=$(git rev-parse --git-common-dir)/chant-demo

say() {
	printf 'agent: %s\n' "$*"
}

# Puts one of the prepared files into the worktree.
put() {
	mkdir -p "$(dirname "$2")"
	cp "$here/$1" "$2"
}

# Ticks every box, as agents do, whether it is true or not.
tick_all() {
	sed 's/^- \[ \]/- [x]/' "$CHANT_SPEC_FILE" >"$CHANT_SPEC_FILE.new"
	mv "$CHANT_SPEC_FILE.new" "$CHANT_SPEC_FILE"
}

case $CHANT_SPEC_ID in
001-comprehension)
	say "one of two concurrent updates is lost, and nobody is told; noted"
	put comprehension.md .chant/research/issue-42-comprehension.md
	did="write down what issue 42 says"
	;;
002-reproduction)
	say "my test has worker B write between A's read and A's write:"
	put issue-42.sh tests/regression/issue-42.sh
	sh tests/regression/issue-42.sh || :
	did="add a test that loses an update every time"
	;;
003-root-cause)
	say "store.sh:25-27 reads, then writes, and lets others in between"
	say "renaming the file would not help; a lock would"
	put root-cause.md .chant/research/issue-42-root-cause.md
	did="find why updates are lost"
	;;
004-fix)
	if [ "$CHANT_ATTEMPT" -eq 1 ]; then
		say "I write a new file and rename it: atomic, so nothing is lost"
		say "done, and every box is ticked"
		put store-renames.sh store.sh
		did="write atomically"
	else
		say "a rename is not enough: worker A still writes from an old copy"
		say "I lock before the read and unlock after the write"
		put store-locks.sh store.sh
		did="lock from the read to the write"
	fi
	;;
*)
	say "I am a script, and know nothing but the four specs of the demo"
	exit 1
	;;
esac
tick_all
git add --all
git commit --quiet -m "chant($CHANT_SPEC_ID): $did"
