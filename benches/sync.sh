#!/usr/bin/env bash
# What sharing costs beside git alone: benches/sync.sh [SPECS [NEW]]
#
# The goals, with 10,000 specs: `sync` with nothing new at most 1.3 times a plain no-op `git fetch` of the same refs; the first fetch at most
# 1.5 times `git fetch` of those refs alone; 1,000 new specs are one push; folding 1,000 diverged specs takes seconds.
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
specs=${1:-10000} new=${2:-1000}

git init -q --bare "$stage/hub.git"
# make DIR FROM TO: imports spec files with these numbers, in a repository that shares with the hub.
make() {
    local n
    mkdir -p "$1/.chant/specs"
    for n in $(seq "$2" "$3"); do
        printf -- '---\ntype: code\nstatus: pending\nlabels: [bench]\n---\n\n# Spec number %s\n\nSome words.\n\n## Acceptance Criteria\n\n- [ ] It is done\n' "$n" \
            >"$1/.chant/specs/$(printf '2026-01-%02d-%03d-%03d' $((n / 1000 + 1)) $((n % 1000)) $((n % 997))).md"
    done
}
git init -q "$stage/one"
cd "$stage/one"
git commit -q --allow-empty -m one
git remote add origin "$stage/hub.git"
git push -q -u origin main 2>/dev/null
make "$stage/one" 1 "$specs"
git-chant init >/dev/null 2>&1
git-chant push >/dev/null
git --git-dir="$stage/hub.git" gc -q

# The first fetch, each time into a clone that has none.
number=0
fresh() {
    number=$((number + 1))
    git clone -q "$stage/hub.git" "$stage/fresh$number" 2>/dev/null
    cd "$stage/fresh$number"
}
first=() alone=()
for _ in $(seq "${RUNS:-3}"); do
    fresh
    first+=("$(once git-chant fetch)")
    fresh
    alone+=("$(once git fetch -q origin '+refs/chant/*:refs/chant-remotes/origin/*')")
done
a=$(median "${first[@]}") b=$(median "${alone[@]}")
printf '%-34s %10s  against %10s  = %s x\n' "first fetch of $specs" "$(ms "$a")" "$(ms "$b")" "$(awk -v a="$a" -v b="$b" 'BEGIN { printf "%.2f", a / b }')"

# Nothing new, in a clone that has everything, packed as git leaves it.
cd "$stage/fresh1"
git-chant fetch >/dev/null 2>&1
git gc -q
ours() { git-chant sync; }
theirs() { git fetch -q origin '+refs/chant/*:refs/chant-remotes/origin/*'; }
RUNS=${RUNS:-11} compare "sync with nothing new, $specs" ours theirs

# New specs: one push, as the hub's own log of pushes says.
cat >"$stage/hub.git/hooks/post-receive" <<HOOK
#!/bin/sh
wc -l >>"$stage/pushes"
HOOK
chmod +x "$stage/hub.git/hooks/post-receive"
cd "$stage/one"
make "$stage/one" $((specs + 1)) $((specs + new))
git-chant init >/dev/null 2>&1
: >"$stage/pushes"
took=$(once git-chant push)
printf '%-34s %10s  in %s push of %s refs\n' "push of $new new specs" "$(ms "$took")" "$(wc -l <"$stage/pushes")" "$(tr -d ' ' <"$stage/pushes" | head -1)"

# Both sides change the same specs: an edit upon each, with a word of its own.
diverge() {
    git for-each-ref --count="$new" --format='%(refname)%1f%(objectname)%1f%(contents)%1e' refs/chant/specs |
        awk -v nonce="$1" 'BEGIN { RS = "\036"; FS = "\037" } NF == 3 {
            sub(/^\n/, "", $1)
            sub(/\nChant-Event: [^\n]*/, "\nChant-Event: edit", $3)
            sub(/\nChant-Attempt: [^\n]*/, "&\nChant-Nonce: " nonce, $3)
            printf "commit %s\ncommitter Bench <bench@example.com> 1768000000 +0000\ndata %d\n%s\nfrom %s\n\n", $1, length($3), $3, $2
        }' | git fast-import --quiet
}
git-chant sync >/dev/null 2>&1
cd "$stage/fresh1"
git-chant sync >/dev/null 2>&1
diverge aa
cd "$stage/one"
diverge bb
git-chant push >/dev/null
cd "$stage/fresh1"
git fetch -q origin '+refs/chant/*:refs/chant-remotes/origin/*'
took=$(once git-chant fetch)
printf '%-34s %10s  (%s joins)\n' "folding $new diverged specs" "$(ms "$took")" "$(git for-each-ref --format='%(contents:subject)' refs/chant/specs | grep -c '^join' || true)"
