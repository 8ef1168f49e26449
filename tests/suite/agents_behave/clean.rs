//! What nobody expects after a run: processes, locks, worktrees, branches, half made things.

use crate::common::TestRepo;
use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};

/// What was there before an agent ran.
pub struct Before {
    branches: BTreeSet<String>,
    trees: BTreeSet<String>,
}

fn lines(repo: &TestRepo, args: &[&str]) -> BTreeSet<String> {
    repo.git(args).lines().map(str::to_owned).collect()
}

fn branches(repo: &TestRepo) -> BTreeSet<String> {
    lines(repo, &["for-each-ref", "--format=%(refname:short)", "refs/heads"])
}

fn trees(repo: &TestRepo) -> BTreeSet<String> {
    let all = lines(repo, &["worktree", "list", "--porcelain"]);
    all.iter().filter_map(|line| line.strip_prefix("worktree ")).map(str::to_owned).collect()
}

impl Before {
    pub fn of(repo: &TestRepo) -> Self {
        Self { branches: branches(repo), trees: trees(repo) }
    }

    /// Nothing runs, nothing is locked or half made, and of worktrees and branches there are only the specs' own beside what was there, and
    /// the branches that the agent itself made.
    #[track_caller]
    pub fn assert_clean(&self, repo: &TestRepo, made_by_agent: &[&str]) {
        let alive = living(repo);
        assert!(alive.is_empty(), "still running:\n{}", alive.join("\n"));
        repo.assert_no_locks();
        let listed = repo.git(&["worktree", "list", "--porcelain"]);
        assert!(!listed.lines().any(|line| line.starts_with("locked")), "a worktree is locked:\n{listed}");
        let runs = repo.common_dir().join("chant/runs");
        let left: Vec<_> = fs::read_dir(runs).into_iter().flatten().flatten().map(|entry| entry.file_name()).collect();
        assert!(left.is_empty(), "a run is left: {left:?}");
        let specs: Vec<String> = lines(repo, &["for-each-ref", "--format=%(refname:lstrip=3)", "refs/chant/specs"]).into_iter().collect();
        let of_a_spec = |name: &str| specs.iter().any(|id| name == id || name.starts_with(&format!("{id}@")));
        for branch in branches(repo).difference(&self.branches) {
            let ours = branch.strip_prefix("chant/").is_some_and(of_a_spec);
            assert!(ours || made_by_agent.contains(&branch.as_str()), "nobody expects the branch {branch}");
        }
        let dir = repo.path().join(".chant/worktrees");
        for tree in trees(repo).difference(&self.trees) {
            let name = tree.strip_prefix(&format!("{}/", dir.display()));
            assert!(name.is_some_and(|name| name == ".verify" || of_a_spec(name)), "nobody expects the worktree {tree}");
        }
        // What lies there is registered: nothing is half removed.
        for entry in fs::read_dir(&dir).into_iter().flatten().flatten() {
            assert!(listed.contains(&format!("worktree {}\n", entry.path().display())), "no worktree any more: {}", entry.path().display());
        }
    }
}

/// The processes that have this scenario's home in their environment, or lie in its directory: whatever else an agent shook off.
fn living(repo: &TestRepo) -> Vec<String> {
    let home = format!("HOME={}", repo.root().join("home").display());
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let proc = entry.path();
            let marked = fs::read(proc.join("environ")).is_ok_and(|text| text.split(|&byte| byte == 0).any(|one| one == home.as_bytes()));
            let inside = fs::read_link(proc.join("cwd")).is_ok_and(|dir| dir.starts_with(repo.root()));
            if marked || inside {
                let line = fs::read(proc.join("cmdline")).unwrap_or_default();
                found.push(format!("{} {}", proc.display(), String::from_utf8_lossy(&line).replace('\0', " ")));
            }
        }
        // One that was killed may need a moment to be gone.
        if found.is_empty() || Instant::now() > deadline {
            return found;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}
