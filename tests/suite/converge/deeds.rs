//! What people and agents do in a clone.

use super::Scene;
use git_chant::git::Signature;
use git_chant::spec::{Approval, Document, EventKind, SpecId, Status};
use git_chant::store::{Change, Spec};

/// One deed on a spec of this clone, or a new spec.
pub fn something(scene: &mut Scene, at: usize) {
    let ids = scene.store(at).ids().unwrap();
    if ids.len() < 2 || scene.rng.u8(..8) == 0 {
        return add(scene, at);
    }
    let id = ids[scene.rng.usize(..ids.len())].clone();
    if scene.rng.u8(..6) == 0 {
        return archive(scene, at, &id);
    }
    let spec = scene.store(at).require(&id).unwrap();
    if scene.rng.u8(..8) == 0 {
        let line = format!("{id}: attempt {} line {}", spec.event.attempt, scene.clock);
        scene.store(at).note(spec.tip, &line).unwrap();
        return;
    }
    let mut change = deed(scene, &spec);
    change.author = Some(author(scene, at));
    let next = scene.store(at).append(&spec, &change).unwrap().unwrap();
    scene.log.push(format!("{at}: {} {id} -> {}", change.kind, next.tip.short()));
    scene.reported.push((id, next.tip));
}

/// A spec whose run is on gives its id to no other, so the runs end some time.
pub fn end_runs(scene: &mut Scene, at: usize) {
    for id in scene.store(at).ids().unwrap() {
        let spec = scene.store(at).require(&id).unwrap();
        if spec.event.status == Status::InProgress {
            let change = Change { author: Some(author(scene, at)), ..Change::new(EventKind::Fail).status(Status::Failed) };
            let next = scene.store(at).append(&spec, &change).unwrap().unwrap();
            scene.reported.push((id, next.tip));
        }
    }
}

/// A clock of the scene, so that a seed makes the same commits again.
fn author(scene: &mut Scene, at: usize) -> Signature {
    scene.clock += 1;
    Signature { name: format!("clone {at}"), email: "t@example.com".to_owned(), seconds: scene.clock, offset: 0 }
}

/// Few ids, so that two clones take the same one now and then.
fn add(scene: &mut Scene, at: usize) {
    let number = scene.rng.u8(..12);
    let id = SpecId::parse(&format!("2026-01-29-{number:03}-abc")).unwrap();
    if scene.store(at).archived().unwrap().contains_key(&id) {
        return;
    }
    let text = format!(
        "---\nstatus: pending\nlabels: [a, b]\n---\n# Spec {number} of {at}\n\nFirst.\n\nSecond.\n\n## Acceptance Criteria\n\n- [ ] one\n- [ ] two\n- [ ] three\n"
    );
    // Some come as files, which makes the same event in every clone.
    let (kind, author) = match scene.rng.u8(..4) {
        0 => (EventKind::Import, Signature { name: "i".into(), email: "i".into(), seconds: 0, offset: 0 }),
        _ => (EventKind::Create, author(scene, at)),
    };
    let mut change = Change::new(kind).document(Document::parse(text));
    change.author = Some(author);
    if let Some(spec) = scene.store(at).create(&id, change).unwrap() {
        scene.log.push(format!("{at}: {kind} {id} -> {}", spec.tip.short()));
        scene.reported.push((id, spec.tip));
    }
}

fn archive(scene: &mut Scene, at: usize, id: &SpecId) {
    let store = scene.store(at);
    let listed: Vec<_> = store.list().unwrap().0.into_iter().filter(|spec| spec.id == *id && spec.event.status.is_closed()).collect();
    let folded = store.archive(&listed).unwrap();
    scene.log.push(format!("{at}: archive {folded:?}"));
}

fn deed(scene: &mut Scene, spec: &Spec) -> Change {
    let text = String::from_utf8_lossy(spec.document.as_bytes()).into_owned();
    let word = scene.rng.u8(..5);
    let edited = |from: &str, to: &str| Change::new(EventKind::Edit).document(Document::parse(text.replacen(from, to, 1)));
    match scene.rng.u8(..14) {
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
