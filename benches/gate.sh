#!/usr/bin/env bash
# What the gate costs: idle hooks against empty ones, --light against none, a decision as the repository grows, a large push: benches/gate.sh
#
# The goals: at most 1.15 times empty hooks; --light at most 1.1 times none for all but commits and merges; a branch of 10 commits is judged
# in under 30 ms, however many specs and commits there are; a push of 1,000 commits in under a second. What is compared with hooks moves
# branches that are not protected, but for on_main. On a disk, a fetch of 1,000 refs takes four times as long one time as another, with no
# hook at all: TMPDIR=/dev/shm benches/gate.sh measures the hooks.
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# history NAME COUNT [BASE]: a branch of so many commits, each with a file of its own.
history() {
    awk -v name="$1" -v count="$2" -v base="${3-}" 'BEGIN {
        for (i = 1; i <= count; i++) {
            printf "commit refs/heads/%s\nmark :%d\ncommitter B <b@x> %d +0000\ndata <<E\nWork %d\nE\n", name, i, 1700000000 + i, i
            if (i == 1 && base != "") printf "from %s\n", base
            printf "M 100644 inline f/%s-%d\ndata <<E\n%d\nE\n\n", name, i % 100, i
        }
    }' | git fast-import --quiet --force
}

# repository DIR HOOKS: one on a topic, with our hooks, empty ones in their place (empty), or none.
repository() {
    git init -q "$1"
    cd "$1"
    history main 30
    git reset -q --hard
    git-chant init --no-hooks >/dev/null
    case $2 in
    none) ;;
    empty)
        git-chant hooks install >/dev/null
        for hook in .git/hooks/{reference-transaction,pre-*,prepare-*,commit-msg}; do
            case $hook in *.sample) ;; *) printf '#!/bin/sh\nexit 0\n' >"$hook" ;; esac
        done
        ;;
    light) git-chant hooks install --light >/dev/null ;;
    full) git-chant hooks install >/dev/null ;;
    esac
    git switch -q -c topic main~5
    history side 20 "$(git rev-parse main~10)"
    git branch -q onto main~3
    git switch -q -c many side
}

rebase() { git reset -q --hard side && git rebase -q onto; }
stash() { for _ in 1 2 3 4 5; do echo x >>f/main-1 && git stash -q && git stash pop -q && git checkout -q f/main-1; done; }
# On a protected branch there is something to ask, each time.
on_main() { git switch -q main && commit && git switch -q many; }
commit() { for _ in $(seq 10); do git commit -q --allow-empty -m x; done; }
merge() { for _ in 1 2 3; do git reset -q --hard main~12 && git merge -q --no-edit side; done; }
fetch() { git for-each-ref --format='delete %(refname)' refs/remotes/r | git -c core.hooksPath=/dev/null update-ref --stdin; git fetch -q ../refs 'refs/heads/*:refs/remotes/r/*'; }
in_repo() { (cd "$stage/$1" && "$2"); }

parts=" ${PARTS:-hooks gate push} "
git init -q "$stage/refs"
(cd "$stage/refs" && history main 2 && for i in $(seq 1000); do echo "create refs/heads/b$i $(git rev-parse main)"; done | git update-ref --stdin)
for kind in full empty light none; do (repository "$stage/$kind" $kind); done
for what in commit on_main merge stash rebase fetch; do
    [[ $parts = *" hooks "* ]] || break
    ours() { in_repo full $what; }
    theirs() { in_repo empty $what; }
    RUNS=${RUNS_HOOKS:-5} compare "$what, against empty hooks" ours theirs
    ours() { in_repo light $what; }
    theirs() { in_repo none $what; }
    RUNS=${RUNS_HOOKS:-5} compare "$what, --light against no hooks" ours theirs
done

# The same branch of ten commits in a repository that grows.
for size in ${SIZES:-100 1000 10000}; do
    [[ $parts = *" gate "* ]] || break
    git init -q "$stage/size$size"
    cd "$stage/size$size"
    history main $((size * 5))
    git reset -q --hard
    git-chant init --no-hooks --silent >/dev/null
    id=$(git-chant add --porcelain 'Do it' --criterion 'It is good')
    git switch -q -c "chant/$id"
    for i in $(seq 10); do echo "$i" >"work$i" && git add "work$i" && git commit -q -m "chant($id): part $i"; done
    git-chant check "$id" 1 >/dev/null && git-chant finalize "$id" >/dev/null
    git switch -q main
    tip=$(git rev-parse "refs/chant/specs/$id")
    for i in $(seq "$size"); do echo "create refs/chant/specs/2020-01-01-$i-abc $tip"; done | git update-ref --stdin
    git pack-refs --all
    gate() { git-chant gate "chant/$id" --target main 2>/dev/null; }
    gate >/dev/null || { echo "the gate says no" >&2; exit 1; }
    times=()
    for _ in $(seq "${RUNS:-15}"); do times+=("$(once gate)"); done
    printf '%-34s %10s\n' "gate: $size specs, $((size * 5)) commits" "$(ms "$(median "${times[@]}")")"
done

[[ $parts = *" push "* ]] || exit 0
git init -q --bare "$stage/server.git"
(cd "$stage/server.git" && git-chant hooks install --server >/dev/null)
cd "$stage/none"
git push -q "$stage/server.git" main:main
history large 1000 "$(git rev-parse main)"
push() { git push -q "$stage/server.git" large:main; }
back() { git -C "$stage/server.git" update-ref refs/heads/main "$(git rev-parse main)"; }
ours() { push && back; }
theirs() { git -C "$stage/server.git" config core.hooksPath /dev/null && push && back && git -C "$stage/server.git" config --unset core.hooksPath; }
RUNS=${RUNS_PUSH:-5} compare "push of 1,000 commits, pre-receive" ours theirs
