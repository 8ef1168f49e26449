#!/usr/bin/env bash
# What every use costs before it does anything: start-up, and hooks that have nothing to say: benches/start.sh
#
# The goal: `git-chant --version` starts in under 5 ms, and a hook with nothing to say costs what an empty one costs.
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

version() { git-chant --version; }
nothing() { /bin/true; }

# Ref updates of which the gate has nothing to say: on a branch that is not protected.
move() { for _ in $(seq 10); do git update-ref refs/heads/other "$one" && git update-ref refs/heads/other "$two"; done; }
commit() { for _ in $(seq 5); do git commit -q --allow-empty -m x; done; }
ours_move() { move; }
# Not by changing the settings: they would be newer than our hooks, which then ask.
empty() { GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=core.hooksPath GIT_CONFIG_VALUE_0=.git/empty "$1"; }
empty_move() { empty move; }
ours_commit() { commit; }
empty_commit() { empty commit; }

git init -q "$stage/repo"
cd "$stage/repo"
git commit -q --allow-empty -m one
git commit -q --allow-empty -m two
one=$(git rev-parse HEAD~1) two=$(git rev-parse HEAD)
git switch -q -c topic
git-chant init >/dev/null
mkdir .git/empty
for hook in .git/hooks/*; do
    case $hook in *.sample) continue ;; esac
    printf '#!/bin/sh\nexit 0\n' >".git/empty/${hook##*/}"
    chmod +x ".git/empty/${hook##*/}"
done

RUNS=101 compare "--version, against /bin/true" version nothing
RUNS=31 compare "20 ref updates, against empty" ours_move empty_move
RUNS=31 compare "5 commits, against empty" ours_commit empty_commit
