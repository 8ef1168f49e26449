#!/usr/bin/env bash
# What git-chant adds to an agent's own time, in a repository of 10,000 files: benches/work.sh
#
# The goal: under 150 ms a spec, most of it `git worktree add` and `remove`.
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

files=${FILES:-10000} specs=${SPECS:-15}

git init -q "$stage/repo"
cd "$stage/repo"
for ((number = 0; number < files; number++)); do
    dir=d$((number / 100))
    [ $((number % 100)) -ne 0 ] || mkdir "$dir"
    echo "file $number" >"$dir/f$number"
done
git add . && git commit -q -m files
git-chant init >/dev/null 2>&1
git config chant.agent quick
git config chant.agent.quick.command 'echo done >done-$CHANT_SPEC_ID'

ids=()
for ((number = 0; number < specs; number++)); do ids+=("$(git-chant add --porcelain "Spec $number")"); done

agent() { (cd "$stage/agent" && sh -c 'echo done >done'); }
tree() { git worktree add -q --detach "$stage/tree" && git worktree remove "$stage/tree"; }
work() { git-chant work "$1" 2>/dev/null; }

mkdir "$stage/agent"
ours=() trees=() agents=()
for id in "${ids[@]}"; do
    ours+=("$(once work "$id")")
    trees+=("$(once tree)")
    agents+=("$(once agent)")
done
whole=$(median "${ours[@]}") tree=$(median "${trees[@]}") agent=$(median "${agents[@]}")
awk -v whole="$whole" -v tree="$tree" -v agent="$agent" -v files="$files" 'BEGIN {
    own = whole - agent
    printf "one spec in %d files: %.1f ms, of which git worktree add and remove %.1f ms (%.0f %%), the rest %.1f ms\n",
        files, own / 1000, tree / 1000, 100 * tree / own, (own - tree) / 1000 }'

# Eight at once, from start to end.
for ((number = 0; number < specs; number++)); do git-chant add --porcelain "More $number" >/dev/null; done
git config chant.stagger 0
all() { git-chant work --all --parallel 8 2>/dev/null; }
printf 'each of %d specs, 8 at once: %s\n' "$specs" "$(ms $(($(once all) / specs)))"
