//! Reading and appending events: the one place where a spec ref moves forward.

use super::SPEC_REFS;
use crate::failure::Failure;
use crate::git::{CommitDraft, Oid, RefChange, RefUpdate, Repository, Signature};
use crate::spec::told::told;
use crate::spec::{Approval, Document, Event, EventKind, Facts, SpecId, Status, intent, settings};
use anyhow::{Context as _, Result};

/// The specs of one repository.
#[derive(Clone, Copy)]
pub struct Store<'r> {
    /// The repository they live in.
    pub repo: &'r Repository,
}

/// A spec as its tip has it, with its document.
#[derive(Clone, Debug)]
pub struct Spec {
    /// Its id.
    pub id: SpecId,
    /// The commit of its last event.
    pub tip: Oid,
    /// Its last event.
    pub event: Event,
    /// Its document.
    pub document: Document,
}

/// A spec as a listing knows it: one commit read, no tree, no blob.
#[derive(Clone, Debug)]
pub struct Listed {
    /// Its id.
    pub id: SpecId,
    /// The commit of its last event.
    pub tip: Oid,
    /// Its last event.
    pub event: Event,
}

impl Listed {
    /// True where it has one of these labels, or none is asked for.
    pub fn has_one_of(&self, labels: &[String]) -> bool {
        labels.is_empty() || labels.iter().any(|label| self.event.labels.contains(label))
    }
}

/// What an event changes. `None` keeps what was.
#[derive(Clone, Debug)]
pub struct Change {
    /// What happened.
    pub kind: EventKind,
    /// Prose for people.
    pub text: String,
    /// The new document; its `status:` field is written by [`Store::append`].
    pub document: Option<Document>,
    /// The new status.
    pub status: Option<Status>,
    /// Raises the attempt by one.
    pub new_attempt: bool,
    /// What people said about it; otherwise it follows from the document.
    pub approval: Option<Approval>,
    /// Trailers of this kind of event, without `Chant-`.
    pub extra: Vec<(String, String)>,
    /// Files that the work rested on, as entries `inputs/<path>` of the event's tree; later events keep them.
    pub inputs: Vec<(String, Oid)>,
    /// Who did it; `None` is the user, now. Given, the event has no nonce, so that every clone makes the same commit.
    pub author: Option<Signature>,
}

impl Change {
    /// An event of this kind that changes nothing else yet.
    pub fn new(kind: EventKind) -> Self {
        Self {
            kind,
            text: String::new(),
            document: None,
            status: None,
            new_attempt: false,
            approval: None,
            extra: Vec::new(),
            inputs: Vec::new(),
            author: None,
        }
    }

    /// Adds a trailer `Chant-<key>`.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl ToString) -> Self {
        self.extra.push((key.to_owned(), value.to_string()));
        self
    }

    /// Sets the status after the event.
    #[must_use]
    pub fn status(mut self, status: Status) -> Self {
        self.status = Some(status);
        self
    }

    /// Sets the prose.
    #[must_use]
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.text = text.into();
        self
    }

    /// Sets the document.
    #[must_use]
    pub fn document(mut self, document: Document) -> Self {
        self.document = Some(document);
        self
    }
}

impl<'r> Store<'r> {
    /// The specs of a repository.
    pub fn new(repo: &'r Repository) -> Self {
        Self { repo }
    }

    /// Every live spec, by id: one ref and one commit each. Refs that hold no event are skipped and named in the second list.
    pub fn list(&self) -> Result<(Vec<Listed>, Vec<String>)> {
        let (mut list, mut foreign) = (Vec::new(), Vec::new());
        let refs = self.repo.references(SPEC_REFS)?;
        let tips: Vec<Oid> = refs.iter().map(|(_, tip)| *tip).collect();
        let events = self.repo.read_messages(&tips, |message| Event::parse(message).ok());
        for ((name, tip), event) in refs.into_iter().zip(events) {
            let id = name.strip_prefix(SPEC_REFS).and_then(|id| SpecId::parse(id).ok());
            match (id, event) {
                (Some(id), Some(event)) => list.push(Listed { id, tip, event }),
                _ => foreign.push(name),
            }
        }
        Ok((list, foreign))
    }

    /// The ids of every live spec, without reading a commit.
    pub fn ids(&self) -> Result<Vec<SpecId>> {
        let refs = self.repo.references(SPEC_REFS)?;
        Ok(refs.iter().filter_map(|(name, _)| SpecId::parse(name.strip_prefix(SPEC_REFS)?).ok()).collect())
    }

    /// A live spec, or `None` where there is no such ref.
    pub fn load(&self, id: &SpecId) -> Result<Option<Spec>> {
        match self.repo.reference(&id.ref_name())? {
            Some(tip) => Ok(Some(self.load_at(id, tip)?)),
            None => Ok(None),
        }
    }

    /// A spec that must be there.
    pub fn require(&self, id: &SpecId) -> Result<Spec> {
        self.load(id)?.ok_or_else(|| Failure::new(format!("there is no live spec {id}")).hint("git chant list").into())
    }

    /// A spec as it was at one of its events.
    pub fn load_at(&self, id: &SpecId, tip: Oid) -> Result<Spec> {
        let message = self.repo.message(tip)?;
        let event = Event::parse(&message).with_context(|| format!("{} holds a commit that is no event", id.ref_name()))?;
        Ok(Spec { id: id.clone(), tip, event, document: self.document_at(tip)? })
    }

    /// The document at one event.
    pub fn document_at(&self, event: Oid) -> Result<Document> {
        let (blob, _) = self.repo.entry_at(event, b"spec.md")?.with_context(|| format!("the event {event} has no spec.md"))?;
        Ok(Document::parse(self.repo.blob(blob)?))
    }

    /// Makes the first event of a spec. `None`: the id is taken.
    pub fn create(&self, id: &SpecId, change: Change) -> Result<Option<Spec>> {
        self.publish(&self.draft(id, &change)?, None, &[])
    }

    /// Writes the first event of a spec without making its ref.
    pub fn draft(&self, id: &SpecId, change: &Change) -> Result<Spec> {
        let document = change.document.clone().context("a new spec has a document")?;
        self.write_event(id, None, change, document)
    }

    /// Appends an event to the version that was read, and moves the ref. `None`: somebody else did meanwhile; read and decide again.
    pub fn append(&self, spec: &Spec, change: &Change) -> Result<Option<Spec>> {
        self.append_with(spec, change, &[])
    }

    /// As [`Store::append`], moving other refs in the same transaction: all or none.
    pub fn append_with(&self, spec: &Spec, change: &Change, others: &[RefChange]) -> Result<Option<Spec>> {
        let next = self.prepare(spec, change)?;
        self.publish(&next, Some(spec.tip), others)
    }

    /// Writes an event on this version without moving any ref.
    pub fn prepare(&self, spec: &Spec, change: &Change) -> Result<Spec> {
        let document = change.document.clone().unwrap_or_else(|| spec.document.clone());
        self.write_event(&spec.id, Some(spec), change, document)
    }

    /// Decides and appends until it takes. `decide` returns `None` where there is nothing to do any more.
    pub fn amend(&self, id: &SpecId, mut decide: impl FnMut(&Spec) -> Result<Option<Change>>) -> Result<Option<Spec>> {
        loop {
            let spec = self.require(id)?;
            let Some(change) = decide(&spec)? else { return Ok(None) };
            if let Some(next) = self.append(&spec, &change)? {
                return Ok(Some(next));
            }
        }
    }

    /// Moves a spec's ref from `old` to `next`, with other refs in the same transaction.
    pub fn publish(&self, next: &Spec, old: Option<Oid>, others: &[RefChange]) -> Result<Option<Spec>> {
        self.refuse_in_a_mirror(next)?;
        let mut changes = vec![RefChange::new(next.id.ref_name(), old, Some(next.tip))];
        changes.extend_from_slice(others);
        match self.repo.update_refs(&changes, &format!("chant: {}", next.event.kind))? {
            RefUpdate::Done => Ok(Some(next.clone())),
            RefUpdate::Lost => Ok(None),
        }
    }

    /// What a person or a run begins has to last. What a run ends with is recorded all the same.
    fn refuse_in_a_mirror(&self, next: &Spec) -> Result<()> {
        let ends = [EventKind::Verify, EventKind::Finish, EventKind::Fail, EventKind::Claim, EventKind::Pause];
        let Some((remote, refspec)) = self.repo.overwritten_by(&next.id.ref_name()).filter(|_| !ends.contains(&next.event.kind)) else {
            return Ok(());
        };
        let failure = Failure::new(format!("what is written here would be gone after the next git fetch {remote}: it fetches {refspec}"));
        Err(match self.repo.config_bool(&format!("remote.{remote}.mirror"), false) {
            true => failure.hint("git clone it, and work in the clone"),
            false => failure.hint(format!("git config --unset-all --fixed-value remote.{remote}.fetch '{refspec}'")),
        }
        .into())
    }

    fn write_event(&self, id: &SpecId, before: Option<&Spec>, change: &Change, mut document: Document) -> Result<Spec> {
        let was = before.map_or(Status::Pending, |spec| spec.event.status);
        let status = change.status.unwrap_or(was);
        if before.is_some() && status != was {
            document.set("status", status.as_str().into());
        }
        let blob = self.repo.write_blob(document.as_bytes())?;
        let front = document.front().unwrap_or_default();
        let event = Event {
            kind: change.kind,
            title: document.title(),
            text: if change.text.is_empty() {
                told(change.kind, before.map(|spec| &spec.document), &document, &change.extra)
            } else {
                change.text.clone()
            },
            status,
            // Another clone may have written any number.
            attempt: before.map_or(0, |spec| spec.event.attempt).saturating_add(u32::from(change.new_attempt)),
            blob: blob.to_string(),
            spec_type: front.spec_type.clone(),
            labels: front.labels.clone(),
            depends_on: front.depends_on.clone(),
            approval: change.approval.unwrap_or_else(|| approval_after(before, &document, front.approval_required)),
            nonce: change.author.is_none().then(nonce),
            extra: change.extra.clone(),
        };
        let kept = before.map(|spec| self.repo.commit(spec.tip)).transpose()?.map(|commit| commit.tree);
        let mut entries = vec![(b"spec.md".to_vec(), Some(blob))];
        entries.extend(change.inputs.iter().map(|(path, input)| (format!("inputs/{path}").into_bytes(), Some(*input))));
        let tree = self.repo.edit_tree(kept, &entries)?;
        let author = change.author.clone().map_or_else(|| self.repo.author(), Ok)?;
        let committer = change.author.clone().map_or_else(|| self.repo.committer(), Ok)?;
        let parents = before.map(|spec| spec.tip).into_iter().collect();
        let draft = CommitDraft { tree, parents, message: event.message(), author, committer };
        let signs = change.author.is_none() && self.signs(change)?;
        let tip = match signs.then(|| self.repo.write_signed_commit(&draft)) {
            // A verdict without a signature is still one where nobody asks for it; whoever made it says so.
            Some(Err(_)) if change.kind == EventKind::Verify => self.repo.write_commit(&draft)?,
            Some(signed) => signed?,
            None => self.repo.write_commit(&draft)?,
        };
        Ok(Spec { id: id.clone(), tip, event, document })
    }
}

impl Store<'_> {
    /// What binds a person is signed where that person's commits are; what work rests on, where that is asked for.
    fn signs(&self, change: &Change) -> Result<bool> {
        if matches!(change.kind, EventKind::Approve | EventKind::Override) && self.repo.config_bool("commit.gpgSign", false) {
            return Ok(true);
        }
        Ok(Facts::rest_on(change.kind, &change.extra) && self.requires_signed()?)
    }

    /// True where this clone, or what the team shares, asks for signatures.
    pub fn requires_signed(&self) -> Result<bool> {
        if crate::settings::strict(self.repo, "chant.requireSigned", true) {
            return Ok(true);
        }
        let Some(head) = self.repo.head()?.commit else { return Ok(false) };
        let file = self.repo.entry_at(head, b".chant/config.md")?;
        Ok(file.map(|(blob, _)| self.repo.blob(blob)).transpose()?.is_some_and(|text| settings::read(&text).require_signed))
    }

    /// Signs something that nobody keeps: whether it can be done is better known before the work than after it.
    pub fn try_signing(&self) -> Result<()> {
        let (author, committer) = (self.repo.author()?, self.repo.committer()?);
        let message = "chant: a trial of the signature\n".to_owned();
        self.repo.write_signed_commit(&CommitDraft {
            tree: self.repo.edit_tree(None, &[])?,
            parents: Vec::new(),
            message,
            author,
            committer,
        })?;
        Ok(())
    }
}

/// Where a spec stands with its approvers after an edit: approval and rejection bind to an intent, and lapse with it.
fn approval_after(before: Option<&Spec>, document: &Document, required: bool) -> Approval {
    let asked = if required { Approval::Required } else { Approval::None };
    let Some(before) = before else { return asked };
    let same_intent = || intent::id(&before.document) == intent::id(document);
    match before.event.approval {
        Approval::None => asked,
        Approval::Required if required => Approval::Required,
        // A lapsed approval keeps asking, although the front matter never did.
        Approval::Required => {
            let was_required = before.document.front().is_ok_and(|front| front.approval_required);
            if was_required { Approval::None } else { Approval::Required }
        }
        given if same_intent() => given,
        _ => Approval::Required,
    }
}

/// A word that makes an event its own commit even where everything else is equal.
pub fn nonce() -> String {
    format!("{:016x}", fastrand::u64(..))
}
