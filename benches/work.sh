#!/usr/bin/env bash
# What git-chant adds to an agent's own time, in a repository of 10,000 files: benches/work.sh
#
# The goal: under 150 ms a spec where eight agents at once work forty. One spec alone takes longer, most of it `git worktree add` and
# `remove`, which stand beside it with what git alone takes to commit what an agent left; many hand their worktrees on. The agent takes a
# second, as any does: what was written in the same second as the index git hashes again, whoever asks. Of several at once counts what comes
# on top of the agents' own time, as many after one another as there are places: forty by eight are five.
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

files=${FILES:-10000} specs=${SPECS:-15}

# repository NAME: made, with a shared file that has a place for each of forty specs, and gone to.
repository() {
    local number dir
    git init -q "$stage/$1"
    cd "$stage/$1"
    for ((number = 0; number < files; number++)); do
        dir=d$((number / 100))
        [ $((number % 100)) -ne 0 ] || mkdir "$dir"
        echo "file $number" >"$dir/f$number"
    done
    for ((number = 0; number < 40; number++)); do printf '# %s\n\n\n\n' "$(scene_id "$number")"; done >shared
    git add . && git commit -q -m files
    # As git packs every repository sooner or later: reading ten thousand loose objects takes longer than writing the files.
    git repack -a -d -q
    git-chant init >/dev/null 2>&1
    git config chant.agent quick
}
scene_id() { printf '2026-01-29-%03d-abc' "$1"; }

repository repo
git config chant.agent.quick.command 'sleep 1.1; echo done >done-$CHANT_SPEC_ID'

ids=()
for ((number = 0; number < specs; number++)); do ids+=("$(git-chant add --porcelain "Spec $number")"); done

agent() { (cd "$stage/agent" && sh -c 'sleep 1.1; echo done >done'); }
add() { git worktree add -q --detach "$stage/tree"; }
commit() { git -C "$stage/tree" add --all && git -C "$stage/tree" -c core.hooksPath=/dev/null commit -q -m done; }
remove() { git worktree remove "$stage/tree"; }
work() { git-chant work "$1" 2>/dev/null; }

mkdir "$stage/agent"
ours=() trees=() commits=() agents=()
for id in "${ids[@]}"; do
    ours+=("$(once work "$id")")
    made=$(once add)
    agents+=("$(once agent)")
    echo done >"$stage/tree/done"
    commits+=("$(once commit)")
    trees+=("$((made + $(once remove)))")
done
whole=$(median "${ours[@]}") tree=$(median "${trees[@]}") commit=$(median "${commits[@]}") agent=$(median "${agents[@]}")
awk -v whole="$whole" -v tree="$tree" -v commit="$commit" -v agent="$agent" -v files="$files" 'BEGIN {
    own = whole - agent
    printf "one spec in %d files: %.1f ms, of which git worktree add and remove %.1f ms (%.0f %%), git add and commit %.1f ms (%.0f %%), the rest %.1f ms\n",
        files, own / 1000, tree / 1000, 100 * tree / own, commit / 1000, 100 * commit / own, (own - tree - commit) / 1000 }'

# Many in one command: what each adds to its agent's time, one after the other; and from start to end with agents that take none.
many() { for ((number = 0; number < $1; number++)); do git-chant add --porcelain "More $number" >/dev/null; done; }
all() { git-chant work --all "$@" 2>/dev/null; }
git config chant.stagger 0
many "$specs"
printf 'each of %d specs in a row: %s more than its agent\n' "$specs" "$(ms $(($(once all) / specs - agent)))"
for jobs in 8 4 2; do
    many 40
    printf 'each of 40 specs, %d at once: %s more than their agents\n' "$jobs" "$(ms $((($(once all --parallel "$jobs") - 40 / jobs * agent) / 40)))"
done
git config chant.agent.quick.command 'echo done >done-$CHANT_SPEC_ID'
many 40
printf 'each of 40 specs, 8 at once, agents that take no time: %s\n' "$(ms $(($(once all --parallel 8) / 40)))"

# The scene of the goal: forty specs, each needs the eighth before it, and all write at their own place in one file; then the same, and each
# is merged into the branch that is checked out, by git's own merge with its hooks.
all_done() { git-chant work --all --parallel 8 "$@" 2>/dev/null; }
scene() {
    local number depends
    repository "$1"
    git config chant.stagger 0
    git config chant.agent.quick.command 'sleep 1.1; sed -i "s/^# $CHANT_SPEC_ID\$/&\nby $CHANT_SPEC_ID/" shared'
    mkdir -p .chant/specs
    for ((number = 0; number < 40; number++)); do
        depends=
        ((number < 8)) || depends="depends_on: [$(scene_id $((number - 8)))]"$'\n'
        printf -- '---\ntype: code\n%s---\n# Write %s\n' "$depends" "$number" >".chant/specs/$(scene_id "$number").md"
    done
    git-chant list >/dev/null 2>&1
}
scene kept
printf 'each of 40 that build upon each other, 8 at once: %s more than their agents\n' "$(ms $((($(once all_done) - 5 * agent) / 40)))"
scene merged
whole=$(once all_done --merge)
[ "$(grep -c '^by ' shared)" = 40 ] || { echo 'not all were merged' >&2 && exit 1; }
printf 'the same, each merged into a checked out main: %s more than their agents\n' "$(ms $(((whole - 5 * agent) / 40)))"
