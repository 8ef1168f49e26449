#!/usr/bin/env bash
# Importing and listing many specs, against git itself listing the same refs: benches/list.sh [SPECS]
#
# The goal: `git chant list` takes no longer than `git for-each-ref --format='%(refname) %(contents)' refs/chant/specs` in the same
# run, and less than 60 MB, with 10,000 specs. An import takes seconds.
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
specs=${1:-10000}

# One in three waits for the one before it, and every spec is about as long as people write them.
write_specs() {
    mkdir -p .chant/specs
    awk -v specs="$1" 'BEGIN {
        for (i = 0; i < specs; i++) {
            id = sprintf("2026-%02d-%02d-%03d-%03x", 1 + i / 840 % 12, 1 + i / 30 % 28, i % 30, i % 4096)
            if (i >= 10080) id = id "." int(i / 10080)
            file = ".chant/specs/" id ".md"
            printf "---\ntype: %s\nstatus: pending\nlabels: [area-%d]\n", i % 5 ? "code" : "research", i % 20 > file
            if (i % 3 == 2) printf "depends_on:\n  - %s\n", before > file
            printf "---\n\n# Make part %d of the system do what was asked for\n\n## Problem\n\n", i > file
            for (line = 0; line < 8; line++) printf "A line of prose that says what is wrong with part %d, and why it matters.\n", i > file
            printf "\n## Acceptance Criteria\n\n- [ ] Part %d works `$ true`\n- [ ] It is documented\n", i > file
            close(file)
            before = id
        }
    }'
}

ours() { git-chant list --porcelain; }
ours_count() { git-chant list --ready --count; }
theirs() { git for-each-ref --format='%(refname) %(contents)' refs/chant/specs; }

# Every ref in a file of its own, as after a day of work on each.
loosen() {
    local refs
    refs=$(git for-each-ref --format='%(objectname) %(refname)' refs/chant/specs)
    awk '{ print "delete " $2 }' <<<"$refs" | git -c core.hooksPath=/dev/null update-ref --stdin
    awk '{ print "create " $2 " " $1 }' <<<"$refs" | git -c core.hooksPath=/dev/null update-ref --stdin
}

git init -q "$stage/repo"
cd "$stage/repo"
write_specs "$specs"
git add -A
git commit -q -m specs

printf '%-34s %10s\n' "import of $specs specs (init)" "$(ms "$(once git-chant init)")"
[ "$(git-chant list --count)" = "$specs" ] || { echo "error: not every spec was imported" >&2; exit 1; }
compare "list, refs packed" ours theirs
compare "list --ready --count, refs packed" ours_count theirs
loosen
compare "list, refs loose" ours theirs
git pack-refs --all
printf '%-34s %10s\n' "list, memory" "$(peak git-chant list --porcelain) MB"
