//! What git hands to a hook, with types, and what that asks of the gate.

use super::HookKind;
use crate::failure::Failure;
use anyhow::Result;
use bstr::{BStr, BString, ByteSlice as _};
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;

/// One call of a hook by git.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Invocation {
    /// A message was written to this file, and a commit will be made with it.
    CommitMsg {
        /// The file that holds the message.
        file: PathBuf,
    },
    /// A message is about to be shown to a person.
    PrepareCommitMsg {
        /// The file that holds the message.
        file: PathBuf,
        /// Where the message comes from; `None` for one that a person will write.
        source: Option<MessageSource>,
    },
    /// A merge went well, and is about to be committed; the index holds the result.
    PreMergeCommit,
    /// A commit is about to be made; `MERGE_HEAD` or `SQUASH_MSG` may be there.
    PreCommit,
    /// A branch is about to be rebased.
    PreRebase {
        /// What it is put upon; `None` with `--root`.
        upstream: Option<String>,
        /// The branch; `None` for the one that is checked out.
        branch: Option<String>,
    },
    /// Refs of a remote are about to move; the server has not been asked yet.
    PrePush {
        /// The remote's name, or its URL where it has no name.
        remote: String,
        /// What moves there.
        pushes: Vec<Push>,
    },
    /// Refs of this repository are about to be moved by a push. Its objects are in quarantine.
    PreReceive {
        /// What moves.
        updates: Vec<RefUpdate>,
    },
    /// Refs are about to move, or have moved.
    ReferenceTransaction {
        /// How far the transaction is.
        state: State,
        /// What it moves.
        updates: Vec<RefUpdate>,
    },
}

/// Where a message comes from, the second argument of `prepare-commit-msg`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MessageSource {
    /// `-m` or `-F`.
    Message,
    /// A template.
    Template,
    /// A merge.
    Merge,
    /// `SQUASH_MSG`.
    Squash,
    /// Another commit (`-c`, `-C`, `--amend`), with its name.
    Commit(String),
    /// Something that a later git may say.
    Other(String),
}

/// How far a reference transaction is. Only `Prepared` can still be refused with every ref locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Every ref is locked, and none has moved.
    Prepared,
    /// Done.
    Committed,
    /// Given up.
    Aborted,
    /// `preparing` (git 2.54), and what a later git may say.
    Other,
}

/// One line of a reference transaction. Its first column is not kept: git writes zeros there for many refs that exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefUpdate {
    /// The ref's full name.
    pub name: BString,
    /// What it becomes.
    pub new: NewValue,
}

/// One line of `pre-push`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Push {
    /// The remote ref's full name.
    pub reference: BString,
    /// What it becomes; never a deletion's zeros.
    pub new: String,
    /// What the remote says that it is; `None` where it does not exist there.
    pub old: Option<String>,
}

/// What a ref becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NewValue {
    /// Zeros: it is deleted, or its loose file is pruned by `git pack-refs`, or it is only checked.
    None,
    /// It points at this object.
    Object(String),
    /// It becomes a symbolic ref to this one.
    Symbolic(BString),
}

/// Something that git is merging, from a variable `GITHEAD_<oid>=<name>`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MergedHead {
    /// The commit.
    pub oid: String,
    /// What the person called it: `chant/x`, `origin/topic`, an object name (as `git pull` does).
    pub name: String,
}

/// One thing to ask the gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// May these be merged into the branch that is checked out, which is protected? Nothing is touched yet: refusing now is clean.
    MergeHeads {
        /// What is being merged, by object name.
        heads: Vec<MergedHead>,
    },
    /// May this protected branch move from where it is now (not from what git says) to this value?
    Update {
        /// The branch's full name.
        reference: BString,
        /// Where it would point; never [`NewValue::None`].
        new: NewValue,
    },
}

impl Invocation {
    /// Reads git's arguments and standard input (which `reference-transaction`, `pre-push` and `pre-receive` have).
    pub fn parse(kind: HookKind, args: &[OsString], stdin: &[u8]) -> Result<Self> {
        let wrong =
            || Failure::new(format!("could not read the arguments of the {kind} hook")).hint("git runs this command; people do not");
        Ok(match (kind, args) {
            (HookKind::CommitMsg, [file]) => Self::CommitMsg { file: file.into() },
            (HookKind::PrepareCommitMsg, [file, rest @ ..]) => {
                Self::PrepareCommitMsg { file: file.into(), source: rest.first().map(|word| message_source(word, rest.get(1))) }
            }
            (HookKind::PreMergeCommit, []) => Self::PreMergeCommit,
            (HookKind::PreCommit, []) => Self::PreCommit,
            (HookKind::PreRebase, [upstream, rest @ ..]) => Self::PreRebase {
                upstream: Some(text(upstream)).filter(|upstream| !upstream.is_empty()),
                branch: rest.first().map(text).filter(|branch| !branch.is_empty()),
            },
            (HookKind::PrePush, [remote, _url]) => Self::PrePush { remote: text(remote), pushes: pushes(stdin)? },
            (HookKind::PreReceive, []) => Self::PreReceive { updates: ref_updates(stdin)? },
            (HookKind::ReferenceTransaction, [state]) => {
                let state = match state.as_bytes() {
                    b"prepared" => State::Prepared,
                    b"committed" => State::Committed,
                    b"aborted" => State::Aborted,
                    _ => State::Other,
                };
                Self::ReferenceTransaction { state, updates: ref_updates(stdin)? }
            }
            _ => return Err(wrong().into()),
        })
    }
}

fn text(word: &OsString) -> String {
    word.to_string_lossy().into_owned()
}

/// Reads the lines `<local ref> <local oid> <remote ref> <remote oid>` of `pre-push`, from their ends: what is pushed may be named by an
/// expression that holds blanks.
fn pushes(stdin: &[u8]) -> Result<Vec<Push>> {
    let lines = stdin.lines().filter(|line| !line.is_empty());
    let pushes = lines.map(|line| {
        let wrong = || Failure::new(format!("could not read what is pushed: '{}'", line.to_str_lossy().escape_debug()));
        let mut columns = line.rsplitn(4, |byte| *byte == b' ');
        let (Some(old), Some(name), Some(new)) = (columns.next(), columns.next(), columns.next()) else { return Err(wrong().into()) };
        let (Some(old), Some(new)) = (value(old), value(new)) else { return Err(wrong().into()) };
        let old = if let NewValue::Object(old) = old { Some(old) } else { None };
        Ok(if let NewValue::Object(new) = new { Some(Push { reference: name.into(), new, old }) } else { None })
    });
    pushes.filter_map(Result::transpose).collect()
}

fn message_source(word: &OsString, commit: Option<&OsString>) -> MessageSource {
    match word.as_bytes() {
        b"message" => MessageSource::Message,
        b"template" => MessageSource::Template,
        b"merge" => MessageSource::Merge,
        b"squash" => MessageSource::Squash,
        b"commit" => MessageSource::Commit(commit.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()),
        _ => MessageSource::Other(word.to_string_lossy().into_owned()),
    }
}

/// Reads the lines `<old> <new> <ref>` of a reference transaction. A line that is none is an error: a gate does not guess.
pub fn ref_updates(stdin: &[u8]) -> Result<Vec<RefUpdate>> {
    stdin.lines().filter(|line| !line.is_empty()).map(|line| ref_update(line.as_bstr())).collect()
}

fn ref_update(line: &BStr) -> Result<RefUpdate> {
    let wrong = || Failure::new(format!("could not read the ref update: '{}'", line.to_str_lossy().escape_debug()));
    let mut columns = line.splitn(3, |byte| *byte == b' ');
    let (Some(old), Some(new), Some(name)) = (columns.next(), columns.next(), columns.next()) else { return Err(wrong().into()) };
    let (Some(_), Some(new)) = (value(old), value(new)) else { return Err(wrong().into()) };
    if name.is_empty() {
        return Err(wrong().into());
    }
    Ok(RefUpdate { name: name.into(), new })
}

fn value(column: &[u8]) -> Option<NewValue> {
    if let Some(target) = column.strip_prefix(b"ref:") {
        return (!target.is_empty()).then(|| NewValue::Symbolic(target.into()));
    }
    let oid = object_name(column)?;
    Some(if oid.bytes().all(|byte| byte == b'0') { NewValue::None } else { NewValue::Object(oid) })
}

/// A whole object name: 40 characters for SHA-1, 64 for SHA-256.
fn object_name(bytes: &[u8]) -> Option<String> {
    let whole = matches!(bytes.len(), 40 | 64) && bytes.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    whole.then(|| bytes.iter().copied().map(char::from).collect())
}

/// What git is merging, from the environment; sorted, so that the order of variables does not matter.
pub fn merged_heads(environment: impl IntoIterator<Item = (OsString, OsString)>) -> Vec<MergedHead> {
    let head = |(key, name): (OsString, OsString)| {
        let oid = object_name(key.as_bytes().strip_prefix(b"GITHEAD_")?)?;
        Some(MergedHead { oid, name: BString::from(name.into_vec()).to_string() })
    };
    let mut heads: Vec<MergedHead> = environment.into_iter().filter_map(head).collect();
    heads.sort();
    heads
}

/// What a reference transaction asks. `head` is the branch that is checked out (`git symbolic-ref HEAD`), `protects` tells protected
/// branches by their full name.
///
/// 1. `git merge` and `git pull` first move `ORIG_HEAD`, alone, before they touch index or worktree, with `GITHEAD_*` set.
/// 2. The protected branch itself is the backstop for all else. New values of zeros are skipped: `git gc` writes such lines for refs that
///    stay. Whether the branch would move at all is for the caller to see, who knows where it is.
pub fn questions(
    state: State,
    updates: &[RefUpdate],
    heads: &[MergedHead],
    head: Option<&str>,
    protects: impl Fn(&str) -> bool,
) -> Vec<Question> {
    let mut questions = Vec::new();
    if state != State::Prepared {
        return questions;
    }
    let moves = |update: &&RefUpdate| update.new != NewValue::None;
    if !heads.is_empty() && head.is_some_and(&protects) && updates.iter().filter(moves).any(|update| update.name == "ORIG_HEAD") {
        questions.push(Question::MergeHeads { heads: heads.to_vec() });
    }
    for update in updates.iter().filter(moves) {
        if update.name.starts_with(b"refs/heads/") && protects(&update.name.to_str_lossy()) {
            questions.push(Question::Update { reference: update.name.clone(), new: update.new.clone() });
        }
    }
    questions
}

#[cfg(test)]
mod tests {
    use super::*;

    const ZERO: &str = "0000000000000000000000000000000000000000";
    const ONE: &str = "1111111111111111111111111111111111111111";

    fn protects(name: &str) -> bool {
        name == "refs/heads/main"
    }

    fn ask(stdin: &str, heads: &[MergedHead], head: Option<&str>) -> Vec<Question> {
        questions(State::Prepared, &ref_updates(stdin.as_bytes()).expect("lines"), heads, head, protects)
    }

    fn merged() -> Vec<MergedHead> {
        merged_heads([(format!("GITHEAD_{ONE}").into(), "chant/x".into()), ("GITHEAD_".into(), "x".into()), ("PATH".into(), "/".into())])
    }

    #[test]
    fn a_merge_is_asked_about_only_into_a_protected_branch() {
        let line = format!("{ZERO} {ONE} ORIG_HEAD\n");
        let question = Question::MergeHeads { heads: vec![MergedHead { oid: ONE.to_owned(), name: "chant/x".to_owned() }] };
        assert_eq!(ask(&line, &merged(), Some("refs/heads/main")), [question]);
        assert_eq!(ask(&line, &merged(), Some("refs/heads/topic")), []);
        assert_eq!(ask(&line, &merged(), None), []);
        assert_eq!(ask(&line, &[], Some("refs/heads/main")), [], "git reset");
    }

    #[test]
    fn the_backstop_believes_neither_the_old_column_nor_zeros() {
        let update = |new| vec![Question::Update { reference: "refs/heads/main".into(), new }];
        let commit = format!("{ZERO} {ONE} HEAD\n{ZERO} {ONE} refs/heads/main\n");
        assert_eq!(ask(&commit, &[], None), update(NewValue::Object(ONE.to_owned())));
        let symbolic = format!("{ZERO} ref:refs/heads/zz refs/heads/main\n{ZERO} {ZERO} HEAD\n");
        assert_eq!(ask(&symbolic, &[], None), update(NewValue::Symbolic("refs/heads/zz".into())));
        assert_eq!(ask(&format!("{ONE} {ZERO} refs/heads/main\n"), &[], None), [], "pack-refs prunes");
        assert_eq!(ask(&format!("{ZERO} {ONE} refs/heads/topic\n{ZERO} {ONE} refs/tags/main\n"), &[], None), []);
        assert_eq!(ask("ref:refs/heads/a ref:refs/heads/main HEAD\n", &[], None), [], "git switch");
    }

    #[test]
    fn only_the_prepared_state_asks() {
        let updates = ref_updates(format!("{ZERO} {ONE} refs/heads/main\n").as_bytes()).expect("lines");
        for state in [State::Committed, State::Aborted, State::Other] {
            assert_eq!(questions(state, &updates, &[], None, protects), []);
        }
    }

    #[test]
    fn sha256_and_odd_bytes_in_names_are_read() {
        let long = "a".repeat(64);
        let mut line = format!("{} {long} refs/heads/", "0".repeat(64)).into_bytes();
        line.extend_from_slice(b"caf\xe9\n");
        let updates = ref_updates(&line).expect("lines");
        assert_eq!(updates, [RefUpdate { name: BString::from(&b"refs/heads/caf\xe9"[..]), new: NewValue::Object(long) }]);
    }

    #[test]
    fn a_line_that_is_none_is_an_error() {
        for line in ["x", "a b c", &format!("{ZERO} {ONE}"), &format!("{ZERO} {ONE} "), &format!("{ZERO} {}  r", &ONE[1..]), "ref: ref: x"]
        {
            assert!(ref_updates(line.as_bytes()).is_err(), "{line}");
        }
    }

    #[test]
    fn what_is_pushed_is_read_from_the_end_of_the_line() {
        let lines = format!(
            "HEAD^{{/a b}} {ONE} refs/heads/main {ZERO}\n(delete) {ZERO} refs/heads/old {ONE}\nrefs/heads/x {ONE} refs/heads/x {ONE}\n"
        );
        let read = pushes(lines.as_bytes()).expect("lines");
        assert_eq!(read.len(), 2);
        assert_eq!(read[0], Push { reference: "refs/heads/main".into(), new: ONE.to_owned(), old: None });
        assert_eq!(read[1].old.as_deref(), Some(ONE));
        assert!(pushes(b"a b c d\n").is_err() && pushes(b"x\n").is_err());
    }

    #[test]
    fn arguments_are_counted() {
        let args = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
        let parse = |kind, words: &[&str]| Invocation::parse(kind, &args(words), b"");
        assert_eq!(
            parse(HookKind::PrepareCommitMsg, &["M", "squash"]).expect("read"),
            Invocation::PrepareCommitMsg { file: "M".into(), source: Some(MessageSource::Squash) }
        );
        assert_eq!(
            parse(HookKind::PrepareCommitMsg, &["M", "commit", "HEAD"]).expect("read"),
            Invocation::PrepareCommitMsg { file: "M".into(), source: Some(MessageSource::Commit("HEAD".to_owned())) }
        );
        assert_eq!(parse(HookKind::CommitMsg, &["M"]).expect("read"), Invocation::CommitMsg { file: "M".into() });
        assert_eq!(
            parse(HookKind::ReferenceTransaction, &["preparing"]).expect("read"),
            Invocation::ReferenceTransaction { state: State::Other, updates: Vec::new() }
        );
        for (kind, words) in [(HookKind::CommitMsg, &[][..]), (HookKind::PreCommit, &["x"]), (HookKind::ReferenceTransaction, &[])] {
            assert!(parse(kind, words).is_err());
        }
    }
}
