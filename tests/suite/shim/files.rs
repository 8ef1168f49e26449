//! The files: installed again, renewed, taken away, and never over what is somebody else's.

use super::*;

#[test]
fn installing_again_changes_nothing_and_other_settings_renew() {
    let scene = Scene::new();
    assert!(scene.install().iter().all(|(_, action)| *action == Action::Unchanged));
    let state = |protected: &[String]| {
        let states = install::status(&scene.hooks(), wanted(protected, &scene.binary())).expect("looked");
        states.into_iter().map(|(_, state)| state).collect::<Vec<_>>()
    };
    assert_eq!(state(&protected()), [State::Current; 7]);
    let trunk = ["trunk".to_owned()];
    assert_eq!(state(&trunk), [State::Outdated; 7]);
    let again = install::install(&scene.hooks(), wanted(&trunk, &scene.binary())).expect("installed");
    assert!(again.hooks.iter().all(|(_, action)| *action == Action::Renewed));
    fs::set_permissions(scene.hook(HookKind::PreCommit), Permissions::from_mode(0o644)).expect("changed");
    assert!(state(&trunk).contains(&State::NotExecutable));
    let again = install::install(&scene.hooks(), wanted(&trunk, &scene.binary())).expect("installed");
    assert_eq!(again.hooks.iter().filter(|(_, action)| *action == Action::Renewed).count(), 1);
    assert_eq!(mode(&scene.hook(HookKind::PreCommit)), 0o755);
    let left: Vec<_> = fs::read_dir(scene.hooks()).expect("read").filter_map(Result::ok).map(|entry| entry.file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().starts_with(".git-chant-")), "{left:?}");
}

#[test]
fn newer_settings_make_it_ask_about_every_branch_until_it_is_renewed() {
    let scene = Scene::new();
    scene.git(&["branch", "-f", "side", "topic"]);
    assert_eq!(scene.asked(), "");
    scene.git(&["config", "chant.protected", "side"]);
    scene.git(&["branch", "-f", "side", "main"]);
    let asked = scene.asked();
    assert!(asked.ends_with(" refs/heads/side\n\n"), "{asked}");
    scene.git(&["worktree", "add", "-q", "--detach", "../tree", "main"]);
    scene.git(&["-C", "../tree", "branch", "-f", "side", "topic"]);
    let asked = scene.asked();
    assert!(asked.ends_with(" refs/heads/side\n\n"), "{asked}");
    scene.git(&["update-ref", "refs/tags/side", "main"]);
    assert_eq!(scene.asked(), "");
    scene.renew();
    scene.git(&["branch", "-f", "side", "main"]);
    assert_eq!(scene.asked(), "");
    let global = scene.dir.path().join("global");
    fs::write(&global, "").expect("written");
    let moved = scene.command(&["branch", "-f", "side", "topic"]).env("GIT_CONFIG_GLOBAL", global).output().expect("git starts");
    assert!(moved.status.success() && scene.asked().ends_with(" refs/heads/side\n\n"));
    // Other branches are written only where that is asked for.
    let trunk = ["trunk".to_owned()];
    let before = fs::read(scene.hook(HookKind::PreCommit)).expect("read");
    install::refresh(&scene.hooks(), &trunk, std::time::SystemTime::now(), false).expect("renewed");
    assert_eq!(fs::read(scene.hook(HookKind::PreCommit)).expect("read"), before);
    install::refresh(&scene.hooks(), &trunk, std::time::SystemTime::now(), true).expect("renewed");
    assert_eq!(fs::read(scene.hook(HookKind::PreCommit)).expect("read"), shim::render(HookKind::PreCommit, &trunk, &scene.binary()));
}

#[test]
fn a_hook_can_be_started_while_it_is_renewed_and_the_other_way_round() {
    let scene = Scene::new();
    let hook = scene.hook(HookKind::PrePush);
    let over = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let renewing = scope.spawn(|| {
            while !over.load(std::sync::atomic::Ordering::Relaxed) {
                install::refresh(&scene.hooks(), &protected(), std::time::SystemTime::now(), false).expect("renewed");
            }
        });
        let started: Vec<_> = (0..100).map(|_| Command::new(&hook).stdin(Stdio::null()).stdout(Stdio::null()).status()).collect();
        over.store(true, std::sync::atomic::Ordering::Relaxed);
        renewing.join().expect("no panic");
        for status in started {
            status.expect("it starts");
        }
    });
}

#[test]
fn uninstalling_restores_every_hook_byte_for_byte() {
    let scene = Scene::new();
    install::uninstall(&scene.hooks()).expect("uninstalled");
    assert!(HookKind::ALL.into_iter().all(|kind| !scene.hook(kind).exists()));

    let bytes = b"#!/bin/sh\n\xff\xfe # not text\nexit 0";
    fs::write(scene.hook(HookKind::PreCommit), bytes).expect("written");
    fs::set_permissions(scene.hook(HookKind::PreCommit), Permissions::from_mode(0o640)).expect("changed");
    symlink("nowhere/at-all", scene.hook(HookKind::CommitMsg)).expect("linked");
    executable(&scene.hooks().join("shared"), "#!/bin/sh\nexit 0\n");
    symlink("shared", scene.hook(HookKind::PrepareCommitMsg)).expect("linked");
    scene.install();
    scene.install();
    scene.renew();
    scene.commit("plain", "Neither the hook without its bit nor the dangling link stops it");

    let removed = install::uninstall(&scene.hooks()).expect("uninstalled");
    assert_eq!(removed.iter().filter(|(_, removal)| *removal == Removal::Restored).count(), 3);
    assert_eq!(removed.iter().filter(|(_, removal)| *removal == Removal::Removed).count(), 4);
    assert_eq!(fs::read(scene.hook(HookKind::PreCommit)).expect("read"), bytes);
    assert_eq!(mode(&scene.hook(HookKind::PreCommit)), 0o640);
    assert_eq!(fs::read_link(scene.hook(HookKind::CommitMsg)).expect("a link"), Path::new("nowhere/at-all"));
    assert_eq!(fs::read_link(scene.hook(HookKind::PrepareCommitMsg)).expect("a link"), Path::new("shared"));
    assert!(!install::kept_path(&scene.hook(HookKind::PreCommit)).exists());
    let again = install::uninstall(&scene.hooks()).expect("uninstalled");
    assert!(again.iter().all(|(_, removal)| *removal == Removal::NotOurs));
}

#[test]
fn nothing_of_somebody_else_is_ever_overwritten() {
    let scene = Scene::new();
    let hook = scene.hook(HookKind::PreCommit);
    let before = shim::render(HookKind::CommitMsg, &protected(), &scene.binary());
    // Another hook manager wrote over ours, and an earlier hook is kept already.
    executable(&hook, "#!/bin/sh\nexit 0 # theirs\n");
    executable(&install::kept_path(&hook), "#!/bin/sh\nexit 0 # earlier\n");
    let other = ["trunk".to_owned()];
    let refused = install::install(&scene.hooks(), wanted(&other, &scene.binary())).expect_err("both are somebody's");
    assert!(refused.to_string().contains("pre-commit.before-chant"), "{refused}");
    assert_eq!(fs::read_to_string(&hook).expect("read"), "#!/bin/sh\nexit 0 # theirs\n");
    assert_eq!(fs::read(scene.hook(HookKind::CommitMsg)).expect("read"), before, "it refuses before it writes");

    // An install that was killed half way has left the same file under both names.
    fs::remove_file(install::kept_path(&hook)).expect("removed");
    fs::hard_link(&hook, install::kept_path(&hook)).expect("linked");
    scene.install();
    assert_eq!(fs::read_to_string(install::kept_path(&hook)).expect("read"), "#!/bin/sh\nexit 0 # theirs\n");

    // Lines that a person added to ours are kept.
    let mut text = fs::read(&hook).expect("read");
    text.extend_from_slice(b"echo mine\n");
    fs::write(&hook, &text).expect("written");
    let actions = scene.install();
    let edited = scene.hooks().join("pre-commit.edited");
    assert!(actions.contains(&(HookKind::PreCommit, Action::KeptEdit { path: edited.clone() })), "{actions:?}");
    assert_eq!(fs::read(edited).expect("read"), text);
}

#[test]
fn installing_at_once_from_many_threads_keeps_the_other_hook() {
    let scene = Scene::new();
    for _ in 0..20 {
        install::uninstall(&scene.hooks()).expect("uninstalled");
        executable(&scene.hook(HookKind::PreCommit), "#!/bin/sh\nexit 0 # theirs\n");
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| scene.install());
            }
        });
        let kept = install::kept_path(&scene.hook(HookKind::PreCommit));
        assert_eq!(fs::read_to_string(&kept).expect("read"), "#!/bin/sh\nexit 0 # theirs\n");
        assert!(
            install::status(&scene.hooks(), wanted(&protected(), &scene.binary()))
                .expect("looked")
                .iter()
                .all(|(_, s)| *s == State::Current)
        );
        fs::remove_file(kept).expect("removed");
    }
}

#[test]
fn a_relative_program_and_a_directory_in_the_way_are_refused() {
    let scene = Scene::new();
    assert!(install::install(&scene.hooks(), wanted(&protected(), Path::new("git-chant"))).is_err());
    fs::remove_file(scene.hook(HookKind::CommitMsg)).expect("removed");
    fs::create_dir(scene.hook(HookKind::CommitMsg)).expect("made");
    let refused = install::install(&scene.hooks(), wanted(&protected(), &scene.binary())).expect_err("a directory");
    assert!(refused.to_string().contains("is a directory"), "{refused}");
}
