# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_git_chant_global_optspecs
    string join \n h/help V/version
end

function __fish_git_chant_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_git_chant_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_git_chant_using_subcommand
    set -l cmd (__fish_git_chant_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c git-chant -n "__fish_git_chant_needs_command" -s h -l help -d 'Print help'
complete -c git-chant -n "__fish_git_chant_needs_command" -s V -l version -d 'Print version'
complete -c git-chant -n "__fish_git_chant_needs_command" -f -a "init" -d 'Set up this repository, or this clone of one'
complete -c git-chant -n "__fish_git_chant_needs_command" -f -a "add" -d 'Write a new spec'
complete -c git-chant -n "__fish_git_chant_needs_command" -f -a "list" -d 'List specs'
complete -c git-chant -n "__fish_git_chant_needs_command" -f -a "show" -d 'Show one spec'
complete -c git-chant -n "__fish_git_chant_needs_command" -f -a "edit" -d 'Change a spec, in an editor or by options'
complete -c git-chant -n "__fish_git_chant_needs_command" -f -a "check" -d 'Tick acceptance criteria'
complete -c git-chant -n "__fish_git_chant_needs_command" -f -a "uncheck" -d 'Untick acceptance criteria'
complete -c git-chant -n "__fish_git_chant_needs_command" -f -a "work" -d 'Run agents on specs in linked worktrees'
complete -c git-chant -n "__fish_git_chant_needs_command" -f -a "prep" -d 'Print the prompt that an agent would get'
complete -c git-chant -n "__fish_git_chant_needs_command" -f -a "verify" -d 'Run executable criteria and record the verdicts'
complete -c git-chant -n "__fish_git_chant_needs_command" -f -a "approve" -d 'Approve what a spec asks for'
complete -c git-chant -n "__fish_git_chant_needs_command" -f -a "reject" -d 'Reject a spec, or the work done for it, with a reason'
complete -c git-chant -n "__fish_git_chant_needs_command" -f -a "reset" -d 'Take a spec back to the start; its earlier work is kept on a branch'
complete -c git-chant -n "__fish_git_chant_needs_command" -f -a "agents" -d 'List the agents that are there, and what is missing'
complete -c git-chant -n "__fish_git_chant_needs_command" -f -a "resume" -d 'Go on with a run that failed or died, from its work'
complete -c git-chant -n "__fish_git_chant_needs_command" -f -a "takeover" -d 'Stop a spec\'s agent and go on by hand in its worktree'
complete -c git-chant -n "__fish_git_chant_needs_command" -f -a "worktree" -d 'List, find and remove the worktrees of runs'
complete -c git-chant -n "__fish_git_chant_needs_command" -f -a "cleanup" -d 'Remove the worktrees of finished runs'
complete -c git-chant -n "__fish_git_chant_needs_command" -f -a "split" -d 'Split a spec into members that are worked on their own'
complete -c git-chant -n "__fish_git_chant_needs_command" -f -a "cancel" -d 'Give a spec up'
complete -c git-chant -n "__fish_git_chant_needs_command" -f -a "pause" -d 'Put a spec aside: stop its run, if one is on, and keep the work'
complete -c git-chant -n "__fish_git_chant_needs_command" -f -a "finalize" -d 'Complete a spec whose work was done by hand'
complete -c git-chant -n "__fish_git_chant_needs_command" -f -a "merge" -d 'Merge finished work into its target'
complete -c git-chant -n "__fish_git_chant_needs_command" -f -a "gate" -d 'Ask whether a commit may come into a protected branch'
complete -c git-chant -n "__fish_git_chant_needs_command" -f -a "hooks" -d 'Install, take away or explain the hooks that keep unfinished work out'
complete -c git-chant -n "__fish_git_chant_needs_command" -f -a "doctor" -d 'Say what is installed, configured, protected and trusted, and what is wrong'
complete -c git-chant -n "__fish_git_chant_needs_command" -f -a "fsck" -d 'Check every ref, note, archive entry and file against the specs, and with --repair rebuild what can be derived from them'
complete -c git-chant -n "__fish_git_chant_needs_command" -f -a "archive" -d 'Fold specs into the archive'
complete -c git-chant -n "__fish_git_chant_needs_command" -f -a "fetch" -d 'Bring specs from a remote, and fold them in'
complete -c git-chant -n "__fish_git_chant_needs_command" -f -a "push" -d 'Share specs with a remote'
complete -c git-chant -n "__fish_git_chant_needs_command" -f -a "sync" -d 'Fetch specs from a remote, join them, and push'
complete -c git-chant -n "__fish_git_chant_needs_command" -f -a "log" -d 'Show what the agent said and did in a run'
complete -c git-chant -n "__fish_git_chant_needs_command" -f -a "history" -d 'Show a spec\'s events'
complete -c git-chant -n "__fish_git_chant_needs_command" -f -a "demo" -d 'Make a small sample repository and work in it'
complete -c git-chant -n "__fish_git_chant_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c git-chant -n "__fish_git_chant_using_subcommand init" -l agent -d 'The agent to work with (sets `chant.agent`)' -r
complete -c git-chant -n "__fish_git_chant_using_subcommand init" -l silent -d 'Keep `.chant/` out of every commit: specs live in refs alone'
complete -c git-chant -n "__fish_git_chant_using_subcommand init" -l no-hooks -d 'Install no hooks'
complete -c git-chant -n "__fish_git_chant_using_subcommand init" -s h -l help -d 'Print help'
complete -c git-chant -n "__fish_git_chant_using_subcommand add" -l type -d 'What kind of work it is (code, task, research, documentation, …)' -r
complete -c git-chant -n "__fish_git_chant_using_subcommand add" -l label -d 'A label; may be given more than once' -r
complete -c git-chant -n "__fish_git_chant_using_subcommand add" -l depends-on -d 'A spec that must be completed first; may be given more than once' -r
complete -c git-chant -n "__fish_git_chant_using_subcommand add" -l informed-by -d 'A file or spec that the agent shall read; may be given more than once' -r
complete -c git-chant -n "__fish_git_chant_using_subcommand add" -l target-file -d 'A file that the work shall write; may be given more than once' -r
complete -c git-chant -n "__fish_git_chant_using_subcommand add" -l criterion -d 'An acceptance criterion; ends in `$ command` in backticks to be checked by running it' -r
complete -c git-chant -n "__fish_git_chant_using_subcommand add" -l prompt -d 'The prompt to work with' -r
complete -c git-chant -n "__fish_git_chant_using_subcommand add" -l body-file -d 'Take the body from a file, or from standard input with `-`' -r
complete -c git-chant -n "__fish_git_chant_using_subcommand add" -l needs-approval -d 'Do not let it start or be merged before a person approves it'
complete -c git-chant -n "__fish_git_chant_using_subcommand add" -l edit -d 'Open an editor on it'
complete -c git-chant -n "__fish_git_chant_using_subcommand add" -l porcelain -d 'Print the id alone'
complete -c git-chant -n "__fish_git_chant_using_subcommand add" -s h -l help -d 'Print help'
complete -c git-chant -n "__fish_git_chant_using_subcommand list" -l status -d 'Only specs of this status (ready, blocked, `in_progress`, completed, failed, …); may be given more than once' -r
complete -c git-chant -n "__fish_git_chant_using_subcommand list" -l type -d 'Only specs of this type' -r
complete -c git-chant -n "__fish_git_chant_using_subcommand list" -l label -d 'Only specs with this label; given more than once, with all of them' -r
complete -c git-chant -n "__fish_git_chant_using_subcommand list" -l ready -d 'Only specs that can be started now'
complete -c git-chant -n "__fish_git_chant_using_subcommand list" -l json -d 'Print JSON'
complete -c git-chant -n "__fish_git_chant_using_subcommand list" -l porcelain -d 'Print `id TAB status TAB type TAB title`, one line a spec'
complete -c git-chant -n "__fish_git_chant_using_subcommand list" -l count -d 'Print only how many there are'
complete -c git-chant -n "__fish_git_chant_using_subcommand list" -s h -l help -d 'Print help'
complete -c git-chant -n "__fish_git_chant_using_subcommand show" -l json -d 'Print JSON'
complete -c git-chant -n "__fish_git_chant_using_subcommand show" -l body -d 'Print the document, byte for byte'
complete -c git-chant -n "__fish_git_chant_using_subcommand show" -s h -l help -d 'Print help'
complete -c git-chant -n "__fish_git_chant_using_subcommand edit" -l status -d 'Ask for another status: pending, paused, cancelled or completed' -r
complete -c git-chant -n "__fish_git_chant_using_subcommand edit" -l title -d 'Set the title' -r
complete -c git-chant -n "__fish_git_chant_using_subcommand edit" -l type -d 'Set the type' -r
complete -c git-chant -n "__fish_git_chant_using_subcommand edit" -l prompt -d 'Set the prompt to work with' -r
complete -c git-chant -n "__fish_git_chant_using_subcommand edit" -l add-label -d 'Add a label' -r
complete -c git-chant -n "__fish_git_chant_using_subcommand edit" -l remove-label -d 'Remove a label' -r
complete -c git-chant -n "__fish_git_chant_using_subcommand edit" -l depends-on -d 'Add a dependency' -r
complete -c git-chant -n "__fish_git_chant_using_subcommand edit" -l no-depends-on -d 'Remove a dependency' -r
complete -c git-chant -n "__fish_git_chant_using_subcommand edit" -s h -l help -d 'Print help'
complete -c git-chant -n "__fish_git_chant_using_subcommand check" -s h -l help -d 'Print help'
complete -c git-chant -n "__fish_git_chant_using_subcommand uncheck" -s h -l help -d 'Print help'
complete -c git-chant -n "__fish_git_chant_using_subcommand work" -l label -d 'Every spec with this label that is ready, or becomes so meanwhile; may be given more than once' -r
complete -c git-chant -n "__fish_git_chant_using_subcommand work" -l parallel -d 'Several at once: this many, else `chant.jobs`, else 4' -r
complete -c git-chant -n "__fish_git_chant_using_subcommand work" -l max -d 'Start this many specs at most' -r
complete -c git-chant -n "__fish_git_chant_using_subcommand work" -l agent -d 'The agent: one that `git chant agents` lists, `script` or `manual`' -r
complete -c git-chant -n "__fish_git_chant_using_subcommand work" -l prompt -d 'The prompt, in place of the spec\'s own' -r
complete -c git-chant -n "__fish_git_chant_using_subcommand work" -l model -d 'The model that the agent is to use' -r
complete -c git-chant -n "__fish_git_chant_using_subcommand work" -l timeout -d 'End the agent after this time (90s, 15m, 2h)' -r
complete -c git-chant -n "__fish_git_chant_using_subcommand work" -l target -d 'The branch that the work is meant for' -r
complete -c git-chant -n "__fish_git_chant_using_subcommand work" -l claim -d 'Let no other clone start it: the remote takes the start before the agent runs (default: `chant.claim`)' -r
complete -c git-chant -n "__fish_git_chant_using_subcommand work" -l next -d 'Work the first ready spec: the largest `priority:` in the front matter (none is 0), then the oldest'
complete -c git-chant -n "__fish_git_chant_using_subcommand work" -l loop -d 'Go on with the next one, and wait for more, until Ctrl-C'
complete -c git-chant -n "__fish_git_chant_using_subcommand work" -l all -d 'Every spec that is ready, or becomes so meanwhile'
complete -c git-chant -n "__fish_git_chant_using_subcommand work" -l chain -d 'One after another, and nothing more after one that is not done'
complete -c git-chant -n "__fish_git_chant_using_subcommand work" -l force -d 'Start although dependencies are open or its attempts are used up'
complete -c git-chant -n "__fish_git_chant_using_subcommand work" -l trust -d 'Run commands that came from another clone'
complete -c git-chant -n "__fish_git_chant_using_subcommand work" -l no-claim -d 'Ask no remote, whatever `chant.claim` says'
complete -c git-chant -n "__fish_git_chant_using_subcommand work" -l json -d 'Print what happens as JSON, one event a line'
complete -c git-chant -n "__fish_git_chant_using_subcommand work" -l merge -d 'Merge the work into its target when it is done'
complete -c git-chant -n "__fish_git_chant_using_subcommand work" -l dry-run -d 'Print what would be done, and do nothing'
complete -c git-chant -n "__fish_git_chant_using_subcommand work" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c git-chant -n "__fish_git_chant_using_subcommand prep" -l prompt -d 'The prompt, in place of the spec\'s own' -r
complete -c git-chant -n "__fish_git_chant_using_subcommand prep" -s h -l help -d 'Print help'
complete -c git-chant -n "__fish_git_chant_using_subcommand verify" -l on -d 'Check at this commit: a merge made by hand, say' -r
complete -c git-chant -n "__fish_git_chant_using_subcommand verify" -l target -d 'The specs whose work HEAD would bring into this branch, as the gate sees them' -r
complete -c git-chant -n "__fish_git_chant_using_subcommand verify" -l all -d 'Every spec that has work'
complete -c git-chant -n "__fish_git_chant_using_subcommand verify" -l trust -d 'Run commands that came from another clone'
complete -c git-chant -n "__fish_git_chant_using_subcommand verify" -l fresh -d 'Run every command, also where a pass is recorded'
complete -c git-chant -n "__fish_git_chant_using_subcommand verify" -l json -d 'Print JSON'
complete -c git-chant -n "__fish_git_chant_using_subcommand verify" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c git-chant -n "__fish_git_chant_using_subcommand approve" -l by -d 'On whose behalf; the event\'s author is who types' -r
complete -c git-chant -n "__fish_git_chant_using_subcommand approve" -s m -l message -d 'A word to go with it' -r
complete -c git-chant -n "__fish_git_chant_using_subcommand approve" -s h -l help -d 'Print help'
complete -c git-chant -n "__fish_git_chant_using_subcommand reject" -s m -l reason -d 'Why; it is recorded with the event' -r
complete -c git-chant -n "__fish_git_chant_using_subcommand reject" -s h -l help -d 'Print help'
complete -c git-chant -n "__fish_git_chant_using_subcommand reset" -s m -l reason -d 'Why' -r
complete -c git-chant -n "__fish_git_chant_using_subcommand reset" -l stale -d 'Take the spec from another clone whose claim this one has seen unmoved for `chant.claimTimeout` (30m)' -r
complete -c git-chant -n "__fish_git_chant_using_subcommand reset" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c git-chant -n "__fish_git_chant_using_subcommand agents" -l json -d 'Print JSON'
complete -c git-chant -n "__fish_git_chant_using_subcommand agents" -s h -l help -d 'Print help'
complete -c git-chant -n "__fish_git_chant_using_subcommand resume" -l parallel -d 'Several at once: this many, else `chant.jobs`, else 4' -r
complete -c git-chant -n "__fish_git_chant_using_subcommand resume" -l agent -d 'The agent: one that `git chant agents` lists, `script` or `manual`' -r
complete -c git-chant -n "__fish_git_chant_using_subcommand resume" -l prompt -d 'The prompt, in place of the spec\'s own' -r
complete -c git-chant -n "__fish_git_chant_using_subcommand resume" -l model -d 'The model that the agent is to use' -r
complete -c git-chant -n "__fish_git_chant_using_subcommand resume" -l timeout -d 'End the agent after this time (90s, 15m, 2h)' -r
complete -c git-chant -n "__fish_git_chant_using_subcommand resume" -l target -d 'The branch that the work is meant for' -r
complete -c git-chant -n "__fish_git_chant_using_subcommand resume" -l claim -d 'Let no other clone start it: the remote takes the start before the agent runs (default: `chant.claim`)' -r
complete -c git-chant -n "__fish_git_chant_using_subcommand resume" -l all -d 'Every spec whose run failed or died here, and that has attempts left; one that has just failed is left alone for a while'
complete -c git-chant -n "__fish_git_chant_using_subcommand resume" -l new-session -d 'Begin a new session of the agent\'s client, in place of going on with its last one'
complete -c git-chant -n "__fish_git_chant_using_subcommand resume" -l merge -d 'Merge the work into its target when it is done'
complete -c git-chant -n "__fish_git_chant_using_subcommand resume" -l force -d 'Start although dependencies are open or its attempts are used up'
complete -c git-chant -n "__fish_git_chant_using_subcommand resume" -l trust -d 'Run commands that came from another clone'
complete -c git-chant -n "__fish_git_chant_using_subcommand resume" -l no-claim -d 'Ask no remote, whatever `chant.claim` says'
complete -c git-chant -n "__fish_git_chant_using_subcommand resume" -l json -d 'Print what happens as JSON, one event a line'
complete -c git-chant -n "__fish_git_chant_using_subcommand resume" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c git-chant -n "__fish_git_chant_using_subcommand takeover" -s h -l help -d 'Print help'
complete -c git-chant -n "__fish_git_chant_using_subcommand worktree; and not __fish_seen_subcommand_from list path remove help" -s h -l help -d 'Print help'
complete -c git-chant -n "__fish_git_chant_using_subcommand worktree; and not __fish_seen_subcommand_from list path remove help" -f -a "list" -d 'List the worktrees of runs'
complete -c git-chant -n "__fish_git_chant_using_subcommand worktree; and not __fish_seen_subcommand_from list path remove help" -f -a "path" -d 'Print where the worktree of a spec is'
complete -c git-chant -n "__fish_git_chant_using_subcommand worktree; and not __fish_seen_subcommand_from list path remove help" -f -a "remove" -d 'Remove the worktree of a spec, if nothing is lost by it; its branch stays'
complete -c git-chant -n "__fish_git_chant_using_subcommand worktree; and not __fish_seen_subcommand_from list path remove help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c git-chant -n "__fish_git_chant_using_subcommand worktree; and __fish_seen_subcommand_from list" -l json -d 'Print JSON'
complete -c git-chant -n "__fish_git_chant_using_subcommand worktree; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c git-chant -n "__fish_git_chant_using_subcommand worktree; and __fish_seen_subcommand_from path" -s h -l help -d 'Print help'
complete -c git-chant -n "__fish_git_chant_using_subcommand worktree; and __fish_seen_subcommand_from remove" -s h -l help -d 'Print help'
complete -c git-chant -n "__fish_git_chant_using_subcommand worktree; and __fish_seen_subcommand_from help" -f -a "list" -d 'List the worktrees of runs'
complete -c git-chant -n "__fish_git_chant_using_subcommand worktree; and __fish_seen_subcommand_from help" -f -a "path" -d 'Print where the worktree of a spec is'
complete -c git-chant -n "__fish_git_chant_using_subcommand worktree; and __fish_seen_subcommand_from help" -f -a "remove" -d 'Remove the worktree of a spec, if nothing is lost by it; its branch stays'
complete -c git-chant -n "__fish_git_chant_using_subcommand worktree; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c git-chant -n "__fish_git_chant_using_subcommand cleanup" -l dry-run -d 'Print what would be removed, and remove nothing'
complete -c git-chant -n "__fish_git_chant_using_subcommand cleanup" -s h -l help -d 'Print help'
complete -c git-chant -n "__fish_git_chant_using_subcommand split" -l agent -d 'The agent that proposes members' -r
complete -c git-chant -n "__fish_git_chant_using_subcommand split" -l model -d 'The model that the agent is to use' -r
complete -c git-chant -n "__fish_git_chant_using_subcommand split" -l sections -d 'Ask no agent: every `##` section becomes a member, else every item of a numbered list'
complete -c git-chant -n "__fish_git_chant_using_subcommand split" -l dry-run -d 'Print the members, and make none'
complete -c git-chant -n "__fish_git_chant_using_subcommand split" -s h -l help -d 'Print help'
complete -c git-chant -n "__fish_git_chant_using_subcommand cancel" -s m -l reason -d 'Why' -r
complete -c git-chant -n "__fish_git_chant_using_subcommand cancel" -s h -l help -d 'Print help'
complete -c git-chant -n "__fish_git_chant_using_subcommand pause" -s m -l reason -d 'Why' -r
complete -c git-chant -n "__fish_git_chant_using_subcommand pause" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c git-chant -n "__fish_git_chant_using_subcommand finalize" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c git-chant -n "__fish_git_chant_using_subcommand merge" -l mark -d 'Declare that a commit of the target holds the spec\'s work, where git cannot see that' -r
complete -c git-chant -n "__fish_git_chant_using_subcommand merge" -l target -d 'The branch to merge into; else the one checked out' -r
complete -c git-chant -n "__fish_git_chant_using_subcommand merge" -l agent -d 'The agent for `--auto`' -r
complete -c git-chant -n "__fish_git_chant_using_subcommand merge" -l all -d 'Every completed spec whose work is not merged yet'
complete -c git-chant -n "__fish_git_chant_using_subcommand merge" -l auto -d 'Let an agent settle conflicts: the target is brought into the work in its own worktree, and everything is checked again'
complete -c git-chant -n "__fish_git_chant_using_subcommand merge" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c git-chant -n "__fish_git_chant_using_subcommand gate" -l target -d 'The protected branch; else the one checked out' -r
complete -c git-chant -n "__fish_git_chant_using_subcommand gate" -l format -d 'Print what another machine reads' -r -f -a "github\t'Annotations of GitHub Actions, which others read too'"
complete -c git-chant -n "__fish_git_chant_using_subcommand gate" -l json -d 'Print JSON'
complete -c git-chant -n "__fish_git_chant_using_subcommand gate" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c git-chant -n "__fish_git_chant_using_subcommand hooks" -l full -d 'Install every local hook again, after --light'
complete -c git-chant -n "__fish_git_chant_using_subcommand hooks" -l light -d 'Leave out what runs for every ref that moves: a fast-forward is then seen by pre-push and by the server alone'
complete -c git-chant -n "__fish_git_chant_using_subcommand hooks" -l server -d 'Install pre-receive, which judges what is pushed to this repository'
complete -c git-chant -n "__fish_git_chant_using_subcommand hooks" -l everywhere -d 'Install where core.hooksPath serves every repository of yours'
complete -c git-chant -n "__fish_git_chant_using_subcommand hooks" -l no-pre-push -d 'Leave out the hook that guards a remote\'s protected branches'
complete -c git-chant -n "__fish_git_chant_using_subcommand hooks" -l no-pre-rebase -d 'Leave out the hook that refuses a rebase before it begins'
complete -c git-chant -n "__fish_git_chant_using_subcommand hooks" -l no-prepare-commit-msg -d 'Leave out the hook that writes trailers into squashes and merges'
complete -c git-chant -n "__fish_git_chant_using_subcommand hooks" -l no-commit-msg -d 'Leave out the hook that marks the commits of a run'
complete -c git-chant -n "__fish_git_chant_using_subcommand hooks" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c git-chant -n "__fish_git_chant_using_subcommand doctor" -l json -d 'Print JSON'
complete -c git-chant -n "__fish_git_chant_using_subcommand doctor" -s h -l help -d 'Print help'
complete -c git-chant -n "__fish_git_chant_using_subcommand fsck" -l repair -d 'Rebuild what can be rebuilt: everything but the events of specs'
complete -c git-chant -n "__fish_git_chant_using_subcommand fsck" -l json -d 'Print JSON'
complete -c git-chant -n "__fish_git_chant_using_subcommand fsck" -s h -l help -d 'Print help'
complete -c git-chant -n "__fish_git_chant_using_subcommand archive" -l label -d 'Every completed or cancelled spec with this label' -r
complete -c git-chant -n "__fish_git_chant_using_subcommand archive" -s h -l help -d 'Print help'
complete -c git-chant -n "__fish_git_chant_using_subcommand fetch" -s h -l help -d 'Print help'
complete -c git-chant -n "__fish_git_chant_using_subcommand push" -l runs -d 'Push runs too: prompts, transcripts and results, which may hold secrets'
complete -c git-chant -n "__fish_git_chant_using_subcommand push" -l branches -d 'Push the branches of specs too'
complete -c git-chant -n "__fish_git_chant_using_subcommand push" -s n -l dry-run -d 'Say what would be pushed, and push nothing'
complete -c git-chant -n "__fish_git_chant_using_subcommand push" -s h -l help -d 'Print help'
complete -c git-chant -n "__fish_git_chant_using_subcommand sync" -s h -l help -d 'Print help'
complete -c git-chant -n "__fish_git_chant_using_subcommand log" -l run -d 'Which run, counted from 1; the last one unless given' -r
complete -c git-chant -n "__fish_git_chant_using_subcommand log" -s f -l follow -d 'Go on printing until the run ends'
complete -c git-chant -n "__fish_git_chant_using_subcommand log" -l raw -d 'Print the agent\'s output byte for byte'
complete -c git-chant -n "__fish_git_chant_using_subcommand log" -s h -l help -d 'Print help'
complete -c git-chant -n "__fish_git_chant_using_subcommand history" -l json -d 'Print JSON'
complete -c git-chant -n "__fish_git_chant_using_subcommand history" -s h -l help -d 'Print help'
complete -c git-chant -n "__fish_git_chant_using_subcommand demo" -s h -l help -d 'Print help'
complete -c git-chant -n "__fish_git_chant_using_subcommand help; and not __fish_seen_subcommand_from init add list show edit check uncheck work prep verify approve reject reset agents resume takeover worktree cleanup split cancel pause finalize merge gate hooks doctor fsck archive fetch push sync log history demo help" -f -a "init" -d 'Set up this repository, or this clone of one'
complete -c git-chant -n "__fish_git_chant_using_subcommand help; and not __fish_seen_subcommand_from init add list show edit check uncheck work prep verify approve reject reset agents resume takeover worktree cleanup split cancel pause finalize merge gate hooks doctor fsck archive fetch push sync log history demo help" -f -a "add" -d 'Write a new spec'
complete -c git-chant -n "__fish_git_chant_using_subcommand help; and not __fish_seen_subcommand_from init add list show edit check uncheck work prep verify approve reject reset agents resume takeover worktree cleanup split cancel pause finalize merge gate hooks doctor fsck archive fetch push sync log history demo help" -f -a "list" -d 'List specs'
complete -c git-chant -n "__fish_git_chant_using_subcommand help; and not __fish_seen_subcommand_from init add list show edit check uncheck work prep verify approve reject reset agents resume takeover worktree cleanup split cancel pause finalize merge gate hooks doctor fsck archive fetch push sync log history demo help" -f -a "show" -d 'Show one spec'
complete -c git-chant -n "__fish_git_chant_using_subcommand help; and not __fish_seen_subcommand_from init add list show edit check uncheck work prep verify approve reject reset agents resume takeover worktree cleanup split cancel pause finalize merge gate hooks doctor fsck archive fetch push sync log history demo help" -f -a "edit" -d 'Change a spec, in an editor or by options'
complete -c git-chant -n "__fish_git_chant_using_subcommand help; and not __fish_seen_subcommand_from init add list show edit check uncheck work prep verify approve reject reset agents resume takeover worktree cleanup split cancel pause finalize merge gate hooks doctor fsck archive fetch push sync log history demo help" -f -a "check" -d 'Tick acceptance criteria'
complete -c git-chant -n "__fish_git_chant_using_subcommand help; and not __fish_seen_subcommand_from init add list show edit check uncheck work prep verify approve reject reset agents resume takeover worktree cleanup split cancel pause finalize merge gate hooks doctor fsck archive fetch push sync log history demo help" -f -a "uncheck" -d 'Untick acceptance criteria'
complete -c git-chant -n "__fish_git_chant_using_subcommand help; and not __fish_seen_subcommand_from init add list show edit check uncheck work prep verify approve reject reset agents resume takeover worktree cleanup split cancel pause finalize merge gate hooks doctor fsck archive fetch push sync log history demo help" -f -a "work" -d 'Run agents on specs in linked worktrees'
complete -c git-chant -n "__fish_git_chant_using_subcommand help; and not __fish_seen_subcommand_from init add list show edit check uncheck work prep verify approve reject reset agents resume takeover worktree cleanup split cancel pause finalize merge gate hooks doctor fsck archive fetch push sync log history demo help" -f -a "prep" -d 'Print the prompt that an agent would get'
complete -c git-chant -n "__fish_git_chant_using_subcommand help; and not __fish_seen_subcommand_from init add list show edit check uncheck work prep verify approve reject reset agents resume takeover worktree cleanup split cancel pause finalize merge gate hooks doctor fsck archive fetch push sync log history demo help" -f -a "verify" -d 'Run executable criteria and record the verdicts'
complete -c git-chant -n "__fish_git_chant_using_subcommand help; and not __fish_seen_subcommand_from init add list show edit check uncheck work prep verify approve reject reset agents resume takeover worktree cleanup split cancel pause finalize merge gate hooks doctor fsck archive fetch push sync log history demo help" -f -a "approve" -d 'Approve what a spec asks for'
complete -c git-chant -n "__fish_git_chant_using_subcommand help; and not __fish_seen_subcommand_from init add list show edit check uncheck work prep verify approve reject reset agents resume takeover worktree cleanup split cancel pause finalize merge gate hooks doctor fsck archive fetch push sync log history demo help" -f -a "reject" -d 'Reject a spec, or the work done for it, with a reason'
complete -c git-chant -n "__fish_git_chant_using_subcommand help; and not __fish_seen_subcommand_from init add list show edit check uncheck work prep verify approve reject reset agents resume takeover worktree cleanup split cancel pause finalize merge gate hooks doctor fsck archive fetch push sync log history demo help" -f -a "reset" -d 'Take a spec back to the start; its earlier work is kept on a branch'
complete -c git-chant -n "__fish_git_chant_using_subcommand help; and not __fish_seen_subcommand_from init add list show edit check uncheck work prep verify approve reject reset agents resume takeover worktree cleanup split cancel pause finalize merge gate hooks doctor fsck archive fetch push sync log history demo help" -f -a "agents" -d 'List the agents that are there, and what is missing'
complete -c git-chant -n "__fish_git_chant_using_subcommand help; and not __fish_seen_subcommand_from init add list show edit check uncheck work prep verify approve reject reset agents resume takeover worktree cleanup split cancel pause finalize merge gate hooks doctor fsck archive fetch push sync log history demo help" -f -a "resume" -d 'Go on with a run that failed or died, from its work'
complete -c git-chant -n "__fish_git_chant_using_subcommand help; and not __fish_seen_subcommand_from init add list show edit check uncheck work prep verify approve reject reset agents resume takeover worktree cleanup split cancel pause finalize merge gate hooks doctor fsck archive fetch push sync log history demo help" -f -a "takeover" -d 'Stop a spec\'s agent and go on by hand in its worktree'
complete -c git-chant -n "__fish_git_chant_using_subcommand help; and not __fish_seen_subcommand_from init add list show edit check uncheck work prep verify approve reject reset agents resume takeover worktree cleanup split cancel pause finalize merge gate hooks doctor fsck archive fetch push sync log history demo help" -f -a "worktree" -d 'List, find and remove the worktrees of runs'
complete -c git-chant -n "__fish_git_chant_using_subcommand help; and not __fish_seen_subcommand_from init add list show edit check uncheck work prep verify approve reject reset agents resume takeover worktree cleanup split cancel pause finalize merge gate hooks doctor fsck archive fetch push sync log history demo help" -f -a "cleanup" -d 'Remove the worktrees of finished runs'
complete -c git-chant -n "__fish_git_chant_using_subcommand help; and not __fish_seen_subcommand_from init add list show edit check uncheck work prep verify approve reject reset agents resume takeover worktree cleanup split cancel pause finalize merge gate hooks doctor fsck archive fetch push sync log history demo help" -f -a "split" -d 'Split a spec into members that are worked on their own'
complete -c git-chant -n "__fish_git_chant_using_subcommand help; and not __fish_seen_subcommand_from init add list show edit check uncheck work prep verify approve reject reset agents resume takeover worktree cleanup split cancel pause finalize merge gate hooks doctor fsck archive fetch push sync log history demo help" -f -a "cancel" -d 'Give a spec up'
complete -c git-chant -n "__fish_git_chant_using_subcommand help; and not __fish_seen_subcommand_from init add list show edit check uncheck work prep verify approve reject reset agents resume takeover worktree cleanup split cancel pause finalize merge gate hooks doctor fsck archive fetch push sync log history demo help" -f -a "pause" -d 'Put a spec aside: stop its run, if one is on, and keep the work'
complete -c git-chant -n "__fish_git_chant_using_subcommand help; and not __fish_seen_subcommand_from init add list show edit check uncheck work prep verify approve reject reset agents resume takeover worktree cleanup split cancel pause finalize merge gate hooks doctor fsck archive fetch push sync log history demo help" -f -a "finalize" -d 'Complete a spec whose work was done by hand'
complete -c git-chant -n "__fish_git_chant_using_subcommand help; and not __fish_seen_subcommand_from init add list show edit check uncheck work prep verify approve reject reset agents resume takeover worktree cleanup split cancel pause finalize merge gate hooks doctor fsck archive fetch push sync log history demo help" -f -a "merge" -d 'Merge finished work into its target'
complete -c git-chant -n "__fish_git_chant_using_subcommand help; and not __fish_seen_subcommand_from init add list show edit check uncheck work prep verify approve reject reset agents resume takeover worktree cleanup split cancel pause finalize merge gate hooks doctor fsck archive fetch push sync log history demo help" -f -a "gate" -d 'Ask whether a commit may come into a protected branch'
complete -c git-chant -n "__fish_git_chant_using_subcommand help; and not __fish_seen_subcommand_from init add list show edit check uncheck work prep verify approve reject reset agents resume takeover worktree cleanup split cancel pause finalize merge gate hooks doctor fsck archive fetch push sync log history demo help" -f -a "hooks" -d 'Install, take away or explain the hooks that keep unfinished work out'
complete -c git-chant -n "__fish_git_chant_using_subcommand help; and not __fish_seen_subcommand_from init add list show edit check uncheck work prep verify approve reject reset agents resume takeover worktree cleanup split cancel pause finalize merge gate hooks doctor fsck archive fetch push sync log history demo help" -f -a "doctor" -d 'Say what is installed, configured, protected and trusted, and what is wrong'
complete -c git-chant -n "__fish_git_chant_using_subcommand help; and not __fish_seen_subcommand_from init add list show edit check uncheck work prep verify approve reject reset agents resume takeover worktree cleanup split cancel pause finalize merge gate hooks doctor fsck archive fetch push sync log history demo help" -f -a "fsck" -d 'Check every ref, note, archive entry and file against the specs, and with --repair rebuild what can be derived from them'
complete -c git-chant -n "__fish_git_chant_using_subcommand help; and not __fish_seen_subcommand_from init add list show edit check uncheck work prep verify approve reject reset agents resume takeover worktree cleanup split cancel pause finalize merge gate hooks doctor fsck archive fetch push sync log history demo help" -f -a "archive" -d 'Fold specs into the archive'
complete -c git-chant -n "__fish_git_chant_using_subcommand help; and not __fish_seen_subcommand_from init add list show edit check uncheck work prep verify approve reject reset agents resume takeover worktree cleanup split cancel pause finalize merge gate hooks doctor fsck archive fetch push sync log history demo help" -f -a "fetch" -d 'Bring specs from a remote, and fold them in'
complete -c git-chant -n "__fish_git_chant_using_subcommand help; and not __fish_seen_subcommand_from init add list show edit check uncheck work prep verify approve reject reset agents resume takeover worktree cleanup split cancel pause finalize merge gate hooks doctor fsck archive fetch push sync log history demo help" -f -a "push" -d 'Share specs with a remote'
complete -c git-chant -n "__fish_git_chant_using_subcommand help; and not __fish_seen_subcommand_from init add list show edit check uncheck work prep verify approve reject reset agents resume takeover worktree cleanup split cancel pause finalize merge gate hooks doctor fsck archive fetch push sync log history demo help" -f -a "sync" -d 'Fetch specs from a remote, join them, and push'
complete -c git-chant -n "__fish_git_chant_using_subcommand help; and not __fish_seen_subcommand_from init add list show edit check uncheck work prep verify approve reject reset agents resume takeover worktree cleanup split cancel pause finalize merge gate hooks doctor fsck archive fetch push sync log history demo help" -f -a "log" -d 'Show what the agent said and did in a run'
complete -c git-chant -n "__fish_git_chant_using_subcommand help; and not __fish_seen_subcommand_from init add list show edit check uncheck work prep verify approve reject reset agents resume takeover worktree cleanup split cancel pause finalize merge gate hooks doctor fsck archive fetch push sync log history demo help" -f -a "history" -d 'Show a spec\'s events'
complete -c git-chant -n "__fish_git_chant_using_subcommand help; and not __fish_seen_subcommand_from init add list show edit check uncheck work prep verify approve reject reset agents resume takeover worktree cleanup split cancel pause finalize merge gate hooks doctor fsck archive fetch push sync log history demo help" -f -a "demo" -d 'Make a small sample repository and work in it'
complete -c git-chant -n "__fish_git_chant_using_subcommand help; and not __fish_seen_subcommand_from init add list show edit check uncheck work prep verify approve reject reset agents resume takeover worktree cleanup split cancel pause finalize merge gate hooks doctor fsck archive fetch push sync log history demo help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c git-chant -n "__fish_git_chant_using_subcommand help; and __fish_seen_subcommand_from worktree" -f -a "list" -d 'List the worktrees of runs'
complete -c git-chant -n "__fish_git_chant_using_subcommand help; and __fish_seen_subcommand_from worktree" -f -a "path" -d 'Print where the worktree of a spec is'
complete -c git-chant -n "__fish_git_chant_using_subcommand help; and __fish_seen_subcommand_from worktree" -f -a "remove" -d 'Remove the worktree of a spec, if nothing is lost by it; its branch stays'
