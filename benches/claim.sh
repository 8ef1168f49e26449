#!/usr/bin/env bash
# What a claim costs, as a multiple of a bare `git push` of one ref to the same repository: benches/claim.sh
#
# `reset` and `start` under a claim are both one push; what is measured is `git chant work --claim` with an agent that fails at once, less
# the same without a claim: the worktree and the agent are paid for either way.
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

git init -q --bare "$stage/hub.git"
git init -q "$stage/repo"
cd "$stage/repo"
git commit -q --allow-empty -m one
git remote add origin "$stage/hub.git"
git push -q -u origin main 2>/dev/null
git-chant init >/dev/null
git config chant.agent none
git config chant.agent.none.command 'exit 1'
git config chant.maxAttempts 100000
id=$(git-chant add --porcelain "One" --criterion First)
git-chant push >/dev/null

count=0
push() {
    count=$((count + 1))
    git push -q origin "$(git commit-tree -m "$count" "HEAD^{tree}"):refs/bench/$count" 2>/dev/null
}
# Nothing of the time between two runs is counted: back to a spec that nobody has.
back() { git-chant reset "$id" >/dev/null 2>&1 && git-chant push >/dev/null 2>&1; }
work() { git-chant work "$@" "$id" >/dev/null 2>&1 || true; }

with=() without=() bare=()
for _ in $(seq "${RUNS:-15}"); do
    with+=("$(once work --claim)")
    back
    without+=("$(once work)")
    back
    bare+=("$(once push)")
done
with=$(median "${with[@]}") without=$(median "${without[@]}") bare=$(median "${bare[@]}")
# A run under a claim is three pushes' worth at most: the start, a look whether it is still ours, the end.
awk -v w="$with" -v o="$without" -v b="$bare" 'BEGIN {
    printf "a bare push of one ref             %8.1f ms\n", b / 1000
    printf "a run without a claim              %8.1f ms\n", o / 1000
    printf "a run under a claim                %8.1f ms\n", w / 1000
    printf "what the claim adds, start to end  %8.1f ms = %.2f pushes\n", (w - o) / 1000, (w - o) / b
}'

# And as clones meet it: all of them want the same specs at once.
clones=${CLONES:-20} specs=${SPECS:-5}
for n in $(seq "$specs"); do git-chant add "Race $n" --criterion First >/dev/null; done
git-chant cancel "$id" >/dev/null 2>&1 || true
git-chant push >/dev/null
for n in $(seq "$clones"); do
    git clone -q "$stage/hub.git" "$stage/clone$n" 2>/dev/null
    (cd "$stage/clone$n" && git-chant init >/dev/null 2>&1 &&
        git config chant.agent none && git config chant.agent.none.command 'exit 1' && git config chant.trust all)
done
race() {
    local n
    for n in $(seq "$clones"); do
        (cd "$stage/clone$n" && while git-chant work --next --claim 2>/dev/null | grep -q '^Working'; do echo x; done >"$stage/won$n") &
    done
    wait
}
took=$(once race)
starts=0
for ref in $(git --git-dir="$stage/hub.git" for-each-ref --format='%(refname)' refs/chant/specs); do
    starts=$((starts + $(git --git-dir="$stage/hub.git" log --format=%s "$ref" --grep='^Chant-Event: start' --since=2000-01-01 | grep -c '^start: Race' || true)))
done
printf '%s clones for %s specs               %s, %s starts\n' "$clones" "$specs" "$(ms "$took")" "$starts"
