use super::lock::names;
use super::*;
use crate::git::{Git, Oid};
use std::fs::File;

fn git(dir: &Path, args: &[&str]) -> String {
    let who = ["-c", "user.name=Ann", "-c", "user.email=a@x"];
    Git::at(dir).command(who).args(args).env("GIT_CONFIG_GLOBAL", "/dev/null").line().expect("git")
}

/// A repository with two commits.
fn repository() -> (tempfile::TempDir, Oid, Oid) {
    let dir = tempfile::tempdir().expect("a directory");
    git(dir.path(), &["init", "-q", "-b", "main"]);
    let commit = |message: &str| {
        git(dir.path(), &["commit", "-q", "--allow-empty", "-m", message]);
        git(dir.path(), &["rev-parse", "HEAD"]).parse().expect("a name")
    };
    let (one, two) = (commit("one"), commit("two"));
    (dir, one, two)
}

fn new(id: Oid) -> Vec<RefChange> {
    (0..MANY).map(|number| RefChange::new(format!("refs/chant/specs/{number:03}"), None, Some(id))).collect()
}

fn files(dir: &Path) -> usize {
    count_files(&dir.join(".git/refs/chant"))
}

#[test]
fn many_new_refs_are_made_without_a_file_each_and_nothing_else_changes() {
    let (dir, one, two) = repository();
    let dir = dir.path();
    git(dir, &["tag", "-m", "a tag", "v1"]);
    git(dir, &["update-ref", "refs/zzz", "HEAD"]);
    git(dir, &["pack-refs", "--all"]);
    let before = git(dir, &["show-ref", "-d"]);
    let repo = Repository::open(dir).expect("opened");
    assert_eq!(repo.references("refs/chant/specs/").expect("listed"), []);
    assert_eq!(repo.update_refs(&new(one), "test").expect("made"), RefUpdate::Done);
    assert_eq!(
        (files(dir), dir.join(".git/packed-refs.lock").exists(), dir.join(".git/chant/packed-refs.new").exists()),
        (0, false, false)
    );
    assert_eq!(repo.reference("refs/chant/specs/017").expect("read"), Some(one));
    let listed = git(dir, &["for-each-ref", "--format=%(objectname)", "refs/chant/specs"]);
    assert_eq!(listed.lines().filter(|line| **line == one.to_string()).count(), MANY);
    let after: Vec<_> = git(dir, &["show-ref", "-d"]).lines().filter(|line| !line.contains("chant")).map(str::to_owned).collect();
    assert_eq!(after.join("\n"), before);
    // What is there is not made anew.
    assert_eq!(repo.update_refs(&new(two), "test").expect("an answer"), RefUpdate::Lost);
    assert_eq!(repo.reference("refs/chant/specs/017").expect("read"), Some(one));
    git(dir, &["fsck"]);
}

#[test]
fn what_is_unusual_is_left_to_git() {
    let (dir, one, _) = repository();
    let dir = dir.path();
    let packed = || Repository::open(dir).expect("opened").create_packed(&new(one)).expect("an answer");
    // Another process is making one of them, or a directory stands there, or a file where the directory goes.
    let path = dir.join(".git/refs/chant/specs");
    fs::create_dir_all(&path).expect("made");
    for name in ["017", "017.lock"] {
        fs::write(path.join(name), "").expect("written");
        assert_eq!(packed(), None, "{name}");
        fs::remove_file(path.join(name)).expect("removed");
    }
    git(dir, &["update-ref", "refs/chant/specs/017/x", "HEAD"]);
    assert_eq!(packed(), None, "a directory");
    git(dir, &["pack-refs", "--all"]);
    assert_eq!(packed(), None, "a directory in packed-refs");
    git(dir, &["update-ref", "-d", "refs/chant/specs/017/x"]);
    drop(fs::remove_dir_all(dir.join(".git/refs/chant")));
    git(dir, &["update-ref", "refs/chant/specs", "HEAD"]);
    assert_eq!(packed(), None, "a ref where the directory goes");
    git(dir, &["update-ref", "-d", "refs/chant/specs"]);
    for (key, value) in [("core.logAllRefUpdates", "always"), ("core.sharedRepository", "group")] {
        git(dir, &["config", key, value]);
        assert_eq!(packed(), None, "{key}");
        git(dir, &["config", "--unset", key]);
    }
    let tree: Oid = git(dir, &["rev-parse", "HEAD^{tree}"]).parse().expect("a name");
    let mut changes = new(one);
    changes[3].new = Some(tree);
    assert_eq!(Repository::open(dir).expect("opened").create_packed(&changes).expect("an answer"), None, "no commit");
    assert_eq!(packed(), Some(RefUpdate::Done));
}

/// Mends until our file is gone: a child that another test's thread has forked holds the lock that nobody has any more until its exec.
fn mend_until_gone(common: &Path) {
    let (ours, _) = names(common);
    let deadline = Instant::now() + Duration::from_secs(60);
    while ours.exists() {
        assert!(Instant::now() < deadline, "it stays");
        mend(common);
    }
}

#[test]
fn a_lock_of_one_that_was_killed_is_taken_away_and_nobody_elses() {
    let (dir, one, _) = repository();
    let common = dir.path().join(".git");
    let (ours, lock) = names(&common);
    fs::create_dir_all(common.join("chant")).expect("made");
    fs::write(&ours, "half").expect("written");
    fs::hard_link(&ours, &lock).expect("linked");
    // While it lives it is left alone.
    let alive = File::create(common.join("chant/packing")).expect("made");
    alive.lock().expect("locked");
    mend(&common);
    assert!(lock.exists());
    drop(alive);
    mend_until_gone(&common);
    assert!(!lock.exists());
    // Killed after it had let go: what is left is packed-refs' second name.
    git(dir.path(), &["pack-refs", "--all"]);
    fs::hard_link(common.join("packed-refs"), &ours).expect("linked");
    fs::write(&lock, "").expect("another process has the lock");
    mend_until_gone(&common);
    assert!(lock.exists());
    let repo = Repository::open(dir.path()).expect("opened");
    assert_eq!(repo.create_packed(&new(one)).expect("an answer"), None);
    assert!(lock.exists() && !ours.exists());
}

#[test]
fn beside_others_every_ref_that_somebody_made_is_what_they_made() {
    let (dir, one, two) = repository();
    let path = dir.path();
    for _ in 0..4 {
        let names: Vec<String> = new(one).into_iter().map(|change| change.name).step_by(40).collect();
        let over = &std::sync::atomic::AtomicBool::new(false);
        let (ours, theirs) = std::thread::scope(|scope| {
            let packer = scope.spawn(move || {
                while !over.load(std::sync::atomic::Ordering::Relaxed) {
                    drop(Git::at(path).command(["pack-refs", "--all"]).run_raw());
                }
            });
            let creator = scope.spawn(|| {
                let make = |name: &&String| {
                    Git::at(path).command(["update-ref", name.as_str(), &two.to_string(), &"0".repeat(40)]).succeeds().expect("git")
                };
                names.iter().filter(make).cloned().collect::<Vec<_>>()
            });
            let ours = Repository::open(path).expect("opened").update_refs(&new(one), "test").expect("an answer");
            let theirs = creator.join().expect("no panic");
            over.store(true, std::sync::atomic::Ordering::Relaxed);
            packer.join().expect("no panic");
            (ours, theirs)
        });
        assert!(ours == RefUpdate::Lost || theirs.is_empty(), "{theirs:?} were made by both");
        let repo = Repository::open(path).expect("opened");
        for name in &theirs {
            assert_eq!(repo.reference(name).expect("read"), Some(two), "{name}");
        }
        let rest = repo.references("refs/chant/specs/").expect("listed");
        assert!(ours == RefUpdate::Lost || rest.iter().all(|(_, id)| *id == one));
        let delete: Vec<_> = rest.into_iter().map(|(name, id)| RefChange::new(name, Some(id), None)).collect();
        assert_eq!(repo.update_refs(&delete, "test").expect("deleted"), RefUpdate::Done);
    }
}

#[test]
fn lines_stay_as_they_are_and_new_ones_go_between() {
    let refs: Vec<_> = ["refs/chant/b", "refs/chant/d", "refs/chant-x/c"].into_iter().map(|name| (name, "1".repeat(40))).collect();
    let dirs = refs.iter().flat_map(|(name, _)| parents(name)).collect();
    let news = News { refs: refs.into_iter().collect(), dirs };
    let header = "# pack-refs with: peeled fully-peeled sorted \n";
    let (a, c) = ("2".repeat(40), "3".repeat(40));
    let text = |list: &[String]| [header.to_owned(), list.concat()].concat().into_bytes();
    let (first, second) = (format!("{a} refs/chant/a\n^{c}\n"), format!("{c} refs/chant/c\n"));
    let ours = |name: &str| format!("{} {name}\n", "1".repeat(40));
    let merged = text(&[ours("refs/chant-x/c"), first.clone(), ours("refs/chant/b"), second.clone(), ours("refs/chant/d")]);
    assert_eq!(merge(&text(&[first.clone(), second.clone()]), &news), Merged::Text(merged));
    assert_eq!(merge(&text(&[format!("{a} refs/chant/b\n")]), &news), Merged::Taken);
    for odd in [
        text(&[second, first]),
        text(&[format!("{a} refs/chant/b/x\n")]),
        text(&[format!("{a} refs/chant\n")]),
        text(&[format!("{a} refs/chant/a")]),
        format!("{a} refs/chant/a\n").into_bytes(),
        b"# pack-refs with: peeled \n".to_vec(),
    ] {
        assert_eq!(merge(&odd, &news), Merged::Unusual, "{:?}", String::from_utf8_lossy(&odd));
    }
}
