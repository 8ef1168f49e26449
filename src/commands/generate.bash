
# git's own completion calls this for `git chant <TAB>`; it has set words, cword, cur and prev.
_git_chant() {
    local at=${__git_cmd_idx:-1}
    local verb=${words[at + 1]-}
    case "$cword,$verb,$cur" in
    "$((at + 1)),"*) ;;
    *,init,* | *,add,* | *,list,* | *,gate,* | *,demo,* | *,-*) ;;
    *)
        COMPREPLY=($(compgen -W "$(git for-each-ref --format='%(refname:lstrip=3)' refs/chant/specs 2>/dev/null)" -- "$cur"))
        [ ${#COMPREPLY[@]} -eq 0 ] || return 0
        ;;
    esac
    local -a COMP_WORDS=(git-chant "${words[@]:at+1}")
    local COMP_CWORD=$((cword - at))
    __git_chant_clap git-chant "$cur" "$prev"
}
