//! What people and agents do in a clone.

use super::Story;
use git_chant::git::{Repository, Signature};
use git_chant::spec::{Approval, Document, EventKind, SpecId, Status};
use git_chant::store::runs::RunRecord;
use git_chant::store::{Change, Spec, Store};

/// One deed on a spec of this clone, or a new spec. It may be killed, and is reported only when it is done.
pub fn something(repo: &Repository, tale: &mut Story, at: usize) {
    let store = Store::new(repo);
    let ids = store.ids().unwrap();
    if ids.len() < 2 || tale.rng.u8(..8) == 0 {
        return add(&store, tale, at);
    }
    let id = ids[tale.rng.usize(..ids.len())].clone();
    if tale.rng.u8(..6) == 0 {
        return archive(&store, tale, at, &id);
    }
    let spec = store.require(&id).unwrap();
    match tale.rng.u8(..16) {
        0 | 1 => {
            let line = format!("{id}: attempt {} line {}", spec.event.attempt, tale.clock);
            tale.log(format!("{at}: note {id} {:?}", store.note(spec.tip, &line)));
        }
        2 => {
            let run = format!("run{}", tale.clock);
            let (prompt, result) = (b"do it".to_vec(), "done".to_owned());
            let record = RunRecord { id: &id, run: &run, prompt, transcript: b"did it", format: "text", result, tip: None };
            tale.log(format!("{at}: run {id} {:?}", store.record_run(&record)));
        }
        _ => {
            let mut change = deed(tale, &spec);
            change.author = Some(tale.author(at));
            report(tale, at, &id, change.kind, store.append(&spec, &change));
        }
    }
}

fn report(tale: &mut Story, at: usize, id: &SpecId, kind: EventKind, done: anyhow::Result<Option<Spec>>) {
    match done {
        Ok(Some(spec)) => {
            tale.log(format!("{at}: {kind} {id} -> {}", spec.tip.short()));
            tale.reported.push((id.clone(), spec.tip));
        }
        Ok(None) => tale.log(format!("{at}: {kind} {id} lost a race")),
        Err(error) => tale.log(format!("{at}: {kind} {id} {error:#}")),
    }
}

/// A spec whose run is on gives its id to no other, so the runs end some time.
pub fn end_runs(repo: &Repository, tale: &mut Story, at: usize) {
    let store = Store::new(repo);
    for id in store.ids().unwrap() {
        let spec = store.require(&id).unwrap();
        if spec.event.status == Status::InProgress {
            let change = Change { author: Some(tale.author(at)), ..Change::new(EventKind::Fail).status(Status::Failed) };
            report(tale, at, &id, change.kind, store.append(&spec, &change));
        }
    }
}

/// Few ids, so that two clones take the same one now and then.
fn add(store: &Store<'_>, tale: &mut Story, at: usize) {
    let number = tale.rng.u8(..12);
    let id = SpecId::parse(&format!("2026-01-29-{number:03}-abc")).unwrap();
    if store.archived().unwrap().contains_key(&id) {
        return;
    }
    let text = format!(
        "---\nstatus: pending\nlabels: [a, b]\n---\n# Spec {number} of {at}\n\nFirst.\n\nSecond.\n\n## Acceptance Criteria\n\n- [ ] one\n- [ ] two\n- [ ] three\n"
    );
    // Some come as files, which makes the same event in every clone.
    let (kind, author) = match tale.rng.u8(..4) {
        0 => (EventKind::Import, Signature { name: "i".into(), email: "i".into(), seconds: 0, offset: 0 }),
        _ => (EventKind::Create, tale.author(at)),
    };
    let mut change = Change::new(kind).document(Document::parse(text));
    change.author = Some(author);
    report(tale, at, &id, kind, store.create(&id, change));
}

fn archive(store: &Store<'_>, tale: &mut Story, at: usize, id: &SpecId) {
    let listed: Vec<_> = store.list().unwrap().0.into_iter().filter(|spec| spec.id == *id && spec.event.status.is_closed()).collect();
    tale.log(format!("{at}: archive {id} {:?}", store.archive(&listed)));
}

fn deed(tale: &mut Story, spec: &Spec) -> Change {
    let text = String::from_utf8_lossy(spec.document.as_bytes()).into_owned();
    let word = tale.rng.u8(..5);
    let edited = |from: &str, to: &str| Change::new(EventKind::Edit).document(Document::parse(text.replacen(from, to, 1)));
    match tale.rng.u8(..14) {
        0 => edited("labels: [", &format!("labels: [l{word}, ")),
        1 => edited(", b]", "]"),
        2 => edited("# Spec", &format!("# Spec w{word}")),
        3 => edited("First.", &format!("First {word}.")),
        4 => edited("Second.", &format!("Second {word}.")),
        5 | 6 => edited("- [ ]", "- [x]"),
        7 => Change { approval: Some(Approval::Approved), ..Change::new(EventKind::Approve).with("Intent", "i").with("By", "Ann") },
        8 => Change { approval: Some(Approval::Rejected), ..Change::new(EventKind::Reject) },
        9 => Change::new(EventKind::Cancel).status(Status::Cancelled),
        10 => Change { new_attempt: true, ..Change::new(EventKind::Reset).status(Status::Pending) },
        _ => match spec.event.status {
            Status::InProgress if word == 0 => Change::new(EventKind::Fail).status(Status::Failed),
            Status::InProgress => Change::new(EventKind::Finish).status(Status::Completed),
            _ => Change { new_attempt: true, ..Change::new(EventKind::Start).status(Status::InProgress) },
        },
    }
}
