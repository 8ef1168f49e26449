#!/bin/sh
# git-chant hook v3
# digest: @DIGEST@
#
# Written by `git chant hooks install`, which also renews it. It decides nothing: it finds out whether there is anything to ask, without
# starting a program, and then asks git-chant. Whatever it does not understand, it asks about. A hook that was here before is
# kept beside it as <this file>.before-chant, and runs first. A shell reads a script as it goes: what is asked most often stands first.

kind=@KIND@
chant=@BINARY@
kept=$0.before-chant
newline='
'

# $1: a full ref name.
is_protected() {
    case $1 in
    @PROTECTED@) return 0 ;;
    esac
    return 1
}

# git runs this one twice for every ref that moves.
if [ $kind = reference-transaction ] && [ ! -f "$kept" ]; then
    [ "$1" = prepared ] || exit 0
    asked=
    while read -r old new ref; do
        # A new value of zeros is a deletion, or git packing refs.
        case $new in
        *[!0]*) { [ "$ref" = ORIG_HEAD ] || is_protected "$ref"; } && asked=$asked$old' '$new' '$ref$newline ;;
        esac
    done
    [ -n "$asked" ] || exit 0
fi

# Sets dir: the git directory of this worktree. Hooks start at its top, or in the git directory where there is no worktree.
find_git_dir() {
    dir=.
    if [ -n "${GIT_DIR-}" ]; then
        dir=$GIT_DIR
    elif [ -d .git ]; then
        dir=.git
    elif [ -f .git ]; then
        IFS= read -r line <.git
        dir=${line#gitdir: }
    fi
}

# Sets head: the full name of the branch that is checked out, nothing where HEAD is detached, '?' where that cannot be read here.
read_head() {
    find_git_dir
    head='?'
    [ -f "$dir/HEAD" ] && [ ! -h "$dir/HEAD" ] || return 0
    IFS= read -r line <"$dir/HEAD"
    case $line in
    'ref: refs/heads/.invalid') ;; # the reftable format keeps HEAD elsewhere
    'ref: refs/'*) head=${line#ref: } ;;
    '' | *[!0-9a-f]*) ;;
    *) head= ;;
    esac
}

is_on_protected() {
    read_head
    [ "$head" = '?' ] || is_protected "$head"
}

is_on_work_branch() {
    read_head
    case $head in
    '?' | refs/heads/chant/*) return 0 ;;
    esac
    return 1
}

# True where the hook beside this one asked about a merge before git touched anything.
was_asked_before() {
    line=
    [ -x "${0%/*}/reference-transaction" ] && { read -r line && read -r line; } <"${0%/*}/reference-transaction"
    case $line in
    '# git-chant hook v'*) return 0 ;;
    esac
    return 1
}

# Of the hooks that git gives no standard input: is there anything to ask?
has_question() {
    case $kind in
    pre-merge-commit) is_on_protected && ! was_asked_before ;;
    pre-rebase)
        if [ -n "${2-}" ]; then
            is_protected "refs/heads/$2"
        else
            is_on_protected
        fi
        ;;
    pre-commit) is_on_protected && { [ -f "$dir/MERGE_HEAD" ] || [ -f "$dir/SQUASH_MSG" ]; } ;;
    prepare-commit-msg | commit-msg) is_on_work_branch || [ -f "$dir/SQUASH_MSG" ] ;;
    esac
}

case $kind in
reference-transaction | pre-push | pre-receive) ;;
*) [ -f "$kept" ] || has_question "$@" || exit 0 ;;
esac

# git sets GITHEAD_<oid> for everything that it merges, and for nothing else.
is_merging() {
    case $newline$(set) in
    *"${newline}GITHEAD_"*) return 0 ;;
    esac
    return 1
}

# A line that leaves $ref at $new, as `git stash` and `git pack-refs` write them. The loose file is what counts where there is one.
is_unmoved() {
    [ -z "${GIT_COMMON_DIR-}" ] || return 1
    find_git_dir
    common=$dir
    if [ -f "$dir/commondir" ]; then
        IFS= read -r line <"$dir/commondir"
        case $line in
        /*) common=$line ;;
        *) common=$dir/$line ;;
        esac
    fi
    [ -f "$common/$ref" ] && IFS= read -r line <"$common/$ref" && [ "$line" = "$new" ]
}

# Sets asked: the lines of standard input that matter.
read_updates() {
    asked=
    while read -r old new ref; do
        case $new in
        *[!0]*) ;;
        *) continue ;;
        esac
        case $ref in
        ORIG_HEAD) is_on_protected && is_merging || continue ;;
        *) is_protected "$ref" && ! is_unmoved || continue ;;
        esac
        asked=$asked$old' '$new' '$ref$newline
    done
}

# Sets asked: the pushed branches that matter, of pre-push: what is pushed may be named with blanks, so a line is read from its end. A
# deletion brings nothing in.
read_pushes() {
    asked= carry=
    if [ "$(git config --type=bool --get chant.autoPush 2>/dev/null)" = true ] && find_chant; then
        # Specs go along with every push.
        carry=1
    fi
    while read -r line; do
        rest=${line% *}
        ref=${rest##* }
        rest=${rest% *}
        case ${rest##* } in
        *[!0]*) is_protected "$ref" && asked=$asked$line$newline ;;
        esac
    done
}

# Sets asked: all that is pushed, where a branch or a spec is in it. Which branches are protected is for git-chant to see: what is
# pushed here may have changed that.
read_received() {
    asked= matters=
    while read -r old new ref; do
        asked=$asked$old' '$new' '$ref$newline
        case $ref in
        refs/heads/* | refs/chant/specs/* | refs/chant/archive) matters=1 ;;
        esac
    done
    [ -n "$matters" ] || asked=
}

# Finds git-chant: where it was, else on the PATH.
find_chant() {
    [ -f "$chant" ] && [ -x "$chant" ] && return 0
    chant=$(command -v git-chant) && [ -n "$chant" ]
}

# A gate that cannot ask says no.
ask_gate() {
    find_chant && return 0
    printf '%s\n' "error: git-chant is not where it was, nor on the PATH, so its $kind hook cannot let this pass" \
        "hint: install git-chant and run 'git chant hooks install'" \
        "hint: or, to do without the gate, delete $0" >&2
    exit 1
}

# A mark that cannot be made stops nobody.
mark() {
    if ! find_chant; then
        printf '%s\n' "warning: git-chant is not where it was, nor on the PATH: this commit is not marked with its spec" \
            "hint: install git-chant and run 'git chant hooks install', or delete $0" >&2
    elif ! "$chant" hook "$kind" "$@"; then
        printf '%s\n' "warning: git-chant could not mark this commit with its spec" >&2
    fi
    exit 0
}

is_kept() { [ -f "$kept" ] && [ -x "$kept" ]; }

# Runs the hook that was here before. husky's asks for its own name, so it is read in place of being started.
run_kept() {
    line=
    { read -r line && read -r line; } 2>/dev/null <"$kept"
    case $line in
    '. "$(dirname "$0")/h"') (. "$kept") ;;
    *) "$kept" "$@" ;;
    esac
}

# Sets asked from standard input, which a hook that was here before sees first, and whole.
read_input() {
    if [ -n "${asked-}" ]; then
        "$read" <<END
${asked%"$newline"}
END
    elif is_kept; then
        # The x keeps the last newline.
        input=$(cat && echo x) && input=${input%x}
        printf '%s' "$input" 2>/dev/null | run_kept "$@" || exit
        [ "$kind" != reference-transaction ] || [ "$1" = prepared ] || exit 0
        "$read" <<END
${input%"$newline"}
END
    else
        [ "$kind" != reference-transaction ] || [ "$1" = prepared ] || exit 0
        "$read"
    fi
    [ -n "$asked$carry" ] || exit 0
}

carry=
GIT_CHANT_HOOK=3
export GIT_CHANT_HOOK

case $kind in
reference-transaction) read=read_updates ;;
pre-push) read=read_pushes ;;
pre-receive) read=read_received ;;
*) read= ;;
esac
if [ -n "$read" ]; then
    read_input "$@"
    ask_gate
    exec "$chant" hook "$kind" "$@" <<END
${asked%"$newline"}
END
fi

if is_kept; then
    run_kept "$@" || exit
fi
has_question "$@" || exit 0
case $kind in prepare-commit-msg | commit-msg) mark "$@" ;; esac
ask_gate
exec "$chant" hook "$kind" "$@"
