# What the benchmarks share: a release build, an empty home, a clock. Sourced by the scripts beside it; needs bash 5, git, awk.
# shellcheck shell=bash
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
(cd "$here" && cargo build --release --quiet)
chant=${CARGO_TARGET_DIR:-$here/target}/release/git-chant
PATH=$(dirname "$chant"):$PATH

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
export HOME=$stage/home GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=$stage/gitconfig LC_ALL=C TZ=UTC
mkdir "$HOME"
git config --global user.name Bench
git config --global user.email bench@example.com
git config --global init.defaultBranch main
git config --global gc.auto 0

# once COMMAND…: how many microseconds it takes; with CLOCK=cpu, of the processor, which others on a busy machine do not lengthen as much.
# What it says goes nowhere.
once() {
    if [ "${CLOCK-}" = cpu ]; then
        local TIMEFORMAT='%U %S'
        { time "$@" >/dev/null 2>/dev/null; } 2>&1 | awk '{ printf "%d\n", ($1 + $2) * 1000000 }'
        return
    fi
    local from=${EPOCHREALTIME/./}
    "$@" >/dev/null
    echo $((${EPOCHREALTIME/./} - from))
}

# median NUMBER…
median() { printf '%s\n' "$@" | sort -n | awk '{ all[NR] = $1 } END { print all[int((NR + 1) / 2)] }'; }

ms() { awk -v us="$1" 'BEGIN { printf "%.1f ms", us / 1000 }'; }

# compare NAME OURS THEIRS: runs two functions in turn, so that a busy machine slows both, and prints medians and their ratio.
compare() {
    local name=$1 ours=$2 theirs=$3 a=() b=()
    for _ in $(seq "${RUNS:-15}"); do
        a+=("$(once "$ours")")
        b+=("$(once "$theirs")")
    done
    local first second
    first=$(median "${a[@]}") second=$(median "${b[@]}")
    printf '%-34s %10s  against %10s  = %s x\n' "$name" "$(ms "$first")" "$(ms "$second")" \
        "$(awk -v a="$first" -v b="$second" 'BEGIN { printf "%.2f", a / b }')"
}

# peak COMMAND…: the most memory that it, or a program it started, ever held, in MB. Nothing where GNU time is not there.
peak() {
    local time=/usr/bin/time
    [ -x "$time" ] || return 0
    "$time" -o "$stage/peak" -f %M "$@" >/dev/null
    awk '{ printf "%.1f", $1 / 1024 }' "$stage/peak"
}
