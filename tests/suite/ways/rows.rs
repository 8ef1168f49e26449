//! The rows. `$B` is the branch, `$ID` its spec; every way begins on `main`, which has neither branch.

/// What a refusal leaves in the worktree.
#[derive(Clone, Copy)]
pub enum Left {
    /// Nothing: index, files and branch are as they were.
    Clean,
    /// What git had done by then; this command takes it back, and the refusal says so.
    Restore(&'static str),
    /// What a person staged, for they go on with it; this command takes it away.
    Staged(&'static str),
}

pub struct Row {
    /// As the page names it.
    pub name: &'static str,
    /// Which hook decides.
    pub hook: &'static str,
    pub way: &'static str,
    pub left: Left,
    /// The way for complete work where it is not the same.
    pub allowed: Option<&'static str>,
    /// It is the server's branch that would move.
    pub server: bool,
    /// The minor version of the git 2 that first tells hooks about it.
    pub since: u32,
    /// It brings nothing in, and is not refused.
    pub free: bool,
}

const fn row(name: &'static str, hook: &'static str, way: &'static str, left: Left) -> Row {
    Row { name, hook, way, left, allowed: None, server: false, since: 0, free: false }
}

const fn server(name: &'static str, way: &'static str) -> Row {
    Row { server: true, ..row(name, "pre-receive", way, Left::Clean) }
}

const fn free(name: &'static str, way: &'static str) -> Row {
    Row { allowed: Some(way), free: true, ..row(name, "none", way, Left::Clean) }
}

const RT: &str = "reference-transaction";
const COMMIT: &str = "pre-commit";
const CLEAN: Left = Left::Clean;
const RESET: Left = Left::Restore("git reset --merge");
const STAGED: Left = Left::Staged("git reset --merge");
const ABORT: Left = Left::Restore("git merge --abort");

pub const ROWS: &[Row] = &[
    row("merge", RT, "git commit -q --allow-empty -m On; git merge --no-edit $B", CLEAN),
    row("merge --no-ff", RT, "git merge --no-ff --no-edit $B", CLEAN),
    row("merge (fast-forward)", RT, "git merge $B", CLEAN),
    row("merge --ff-only", RT, "git merge --ff-only $B", CLEAN),
    row("merge --no-verify", RT, "git merge --no-verify --no-ff --no-edit $B", CLEAN),
    row("merge (octopus)", RT, "git merge --no-edit $B other", CLEAN),
    row("merge --squash, commit", RT, "git merge --squash $B; git commit -q --no-edit", CLEAN),
    // As where the spec was changed after the first step, or the first step was made where no hook saw it.
    row(
        "merge --squash, commit (second step)",
        RT,
        "git -c core.hooksPath=/dev/null merge -q --squash $B; git commit -q --no-edit",
        STAGED,
    ),
    Row {
        allowed: Some(
            "echo mine >work-$ID; git add .; git commit -q -m On; ! git merge $B >/dev/null; \
             echo 'both: attempt 1' >work-$ID; git add .; git commit -q --no-edit; git merge-base --is-ancestor $B main",
        ),
        ..row("merge, conflict, commit", RT, "echo mine >work-$ID; git add .; git commit -q -m On; git merge $B", CLEAN)
    },
    Row {
        allowed: Some(
            "echo mine >work-$ID; git add .; git commit -q -m On; ! git merge $B >/dev/null; \
             echo 'both: attempt 1' >work-$ID; git add .; git -c core.editor=true merge --continue; git merge-base --is-ancestor $B main",
        ),
        ..row("merge --continue", RT, "echo mine >work-$ID; git add .; git commit -q -m On; git merge $B", CLEAN)
    },
    // As where the spec was changed while somebody resolved the conflict.
    row(
        "merge, conflict, commit (second step)",
        COMMIT,
        "echo mine >work-$ID; git add .; git commit -q -m On; ! git -c core.hooksPath=/dev/null merge -q $B >/dev/null; \
         echo 'both: attempt 1' >work-$ID; git add .; git commit -q --no-edit",
        ABORT,
    ),
    row(
        "merge --continue (second step)",
        COMMIT,
        "echo mine >work-$ID; git add .; git commit -q -m On; ! git -c core.hooksPath=/dev/null merge -q $B >/dev/null; \
         echo 'both: attempt 1' >work-$ID; git add .; git -c core.editor=true merge --continue",
        ABORT,
    ),
    row("pull", RT, "git commit -q --allow-empty -m On; git pull -q --no-rebase --no-edit . $B", CLEAN),
    row("pull --ff-only", RT, "git pull -q --ff-only . $B", CLEAN),
    row("pull --rebase", "pre-rebase", "git commit -q --allow-empty -m On; git pull -q --rebase . $B", CLEAN),
    row("pull --rebase (fast-forward)", RT, "git pull -q --rebase . $B", CLEAN),
    row("rebase", "pre-rebase", "git commit -q --allow-empty -m On; git rebase -q $B", CLEAN),
    row("rebase --no-verify", RT, "git commit -q --allow-empty -m On; git rebase -q --no-verify $B", Left::Restore("git rebase --abort")),
    row(
        "rebase, merge --ff-only",
        RT,
        "git commit -q --allow-empty -m On; git switch -q -C tmp $B; git rebase -q main; git switch -q main; git merge --ff-only tmp",
        CLEAN,
    ),
    row("cherry-pick", RT, "git cherry-pick $(git log -1 --format=%H $B -- work-$ID)", Left::Restore("git cherry-pick --abort")),
    row("am", RT, "git format-patch -q --stdout main..$B | git am -q", Left::Restore("git am --abort")),
    Row {
        allowed: Some(
            "git merge -q $B; git revert --no-edit $(git log -1 --format=%H -- work-$ID); test ! -e work-$ID; \
             git revert --no-edit HEAD; test -e work-$ID",
        ),
        ..row(
            "revert",
            RT,
            "echo x >f; git add f; git commit -q -m On; git revert --no-commit HEAD; echo sly >work-$ID; git add .; \
             git commit -q -m \"Revert \\\"chant($ID): take it away\\\"\" -m \"This reverts commit $(git rev-parse HEAD).\"",
            Left::Restore("git revert --abort"),
        )
    },
    Row {
        allowed: Some("echo x >f; git add f; git commit -q -m 'On'"),
        ..row("commit", RT, "echo x >f; git add f; git commit -q -m \"chant($ID): more\"", STAGED)
    },
    Row {
        allowed: Some("echo x >f; git add f; git commit -q --no-verify -m 'On'"),
        ..row("commit --no-verify", RT, "echo x >f; git add f; git commit -q --no-verify -m \"chant($ID): more\"", STAGED)
    },
    Row {
        allowed: Some("echo x >f; git add f; git commit -q --amend -m 'On'"),
        ..row("commit --amend", RT, "echo x >f; git add f; git commit -q --amend -m \"chant($ID): more\"", STAGED)
    },
    row("branch -f", RT, "git switch -q --detach; git branch -f main $B", CLEAN),
    row("update-ref", RT, "git update-ref refs/heads/main $B", CLEAN),
    row("reset --hard", RT, "git reset -q --hard $B", RESET),
    row("checkout -B", RT, "git switch -q --detach; git checkout -q -B main $B", RESET),
    row("worktree add -B", RT, "git switch -q --detach; git worktree add -q -B main ../added $B", CLEAN),
    free("branch -D", "git switch -q --detach; git branch -q -D main"),
    row("fetch . $B:main", RT, "git switch -q --detach; git fetch -q . $B:main", CLEAN),
    row("push . $B:main", "pre-push", "git switch -q --detach; git push -q . $B:main", CLEAN),
    row("push", "pre-push", "git push -q origin $B:main 'refs/chant/*:refs/chant/*'; git merge -q --ff-only $B", CLEAN),
    // To one that is not protected it is refused whatever that holds.
    Row {
        since: 46,
        ..row(
            "symbolic-ref",
            RT,
            "git config --add chant.protected main; git config --add chant.protected $B; git switch -q --detach; \
             git symbolic-ref refs/heads/main refs/heads/$B",
            CLEAN,
        )
    },
    server("push to a server", "git push -q --no-verify origin $B:main 'refs/chant/*:refs/chant/*'"),
    server("push of several refs", "git push -q --no-verify origin other:topic $B:main 'refs/chant/*:refs/chant/*'"),
    server("push --force", "git push -q --no-verify --force origin $B:main 'refs/chant/*:refs/chant/*'"),
    server(
        "first push to an empty server",
        "git -C ../origin.git for-each-ref --format='delete %(refname)' | git -C ../origin.git update-ref --stdin; \
         git push -q --no-verify origin $B:main 'refs/chant/*:refs/chant/*'",
    ),
    free("push of a deletion", "git -C ../origin.git symbolic-ref HEAD refs/heads/none; git push -q origin :main"),
    server(
        "first push of a branch",
        "git -C ../origin.git symbolic-ref HEAD refs/heads/none; git push -q --no-verify origin :main; \
         git push -q --no-verify origin $B:main 'refs/chant/*:refs/chant/*'",
    ),
];
