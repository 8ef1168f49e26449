//! Taking over many spec files at once: one pack, one ref transaction, the same commits in every clone.

use super::{SPEC_REFS, Store};
use crate::git::{Oid, RefChange, RefUpdate};
use crate::spec::{Approval, Document, Event, EventKind, SpecId, Status};
use anyhow::{Context as _, Result, ensure};
use std::io::{BufWriter, Write};
use std::process::{ChildStdin, Stdio};

/// Who imports: nobody in particular, so that two clones that import the same file make the same commit.
pub const IMPORTER: (&str, &str) = ("git-chant", "git-chant@localhost");

/// A file to import.
#[derive(Clone, Debug)]
pub struct ImportFile {
    /// The id that its name gives.
    pub id: SpecId,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// The status that a document without history begins with. A run that some other clone is said to be in the middle of is not ours.
pub fn imported_status(document: &Document) -> Status {
    let said = document.front().ok().and_then(|front| front.status().ok().flatten());
    match said.unwrap_or(Status::Pending) {
        Status::InProgress => Status::Pending,
        status => status,
    }
}

impl Store<'_> {
    /// Makes the first event of each file whose id is free; returns the ids that were taken over.
    ///
    /// A stream into `git fast-import` under a ref of our own, then one `update-ref` transaction that creates every spec ref: were
    /// we killed between the two, nothing is visible yet.
    pub fn import(&self, files: &[ImportFile]) -> Result<Vec<SpecId>> {
        if files.is_empty() {
            return Ok(Vec::new());
        }
        let marks = tempfile::NamedTempFile::new_in(self.repo.common_dir()).context("could not make a temporary file")?;
        let scratch = format!("refs/chant-import/{}", super::specs::nonce());
        let command = self.repo.git().command(["fast-import", "--quiet", "--date-format=raw", "--force"]);
        let mut option = std::ffi::OsString::from("--export-marks=");
        option.push(marks.path());
        let mut process = command.arg(option).into_process();
        let mut child = process.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().context("could not start git fast-import")?;
        let pipe = child.stdin.take().context("git fast-import has a standard input")?;
        let written = self.stream(BufWriter::new(pipe), &scratch, files);
        let status = child.wait().context("could not wait for git fast-import")?;
        ensure!(status.success(), "git fast-import failed ({status})");
        written?;
        let tips = read_marks(&std::fs::read_to_string(marks.path())?);
        let done = self.create_refs(files, &tips);
        let last = self.repo.reference(&scratch)?;
        if let RefUpdate::Lost = self.repo.update_refs(&[RefChange::new(scratch, last, None)], "chant: import")? {
            anyhow::bail!("a ref that only this import knows has moved");
        }
        self.repo.pack_many(files.len(), &["refs/chant/specs"])?;
        done
    }

    fn create_refs(&self, files: &[ImportFile], tips: &[Option<Oid>]) -> Result<Vec<SpecId>> {
        loop {
            let taken: std::collections::HashSet<SpecId> = self.ids()?.into_iter().collect();
            let new: Vec<_> = files.iter().enumerate().filter(|(_, file)| !taken.contains(&file.id)).collect();
            let mut changes = Vec::new();
            for (index, file) in &new {
                let tip = tips.get(index * 2 + 2).copied().flatten().context("git fast-import lost a mark")?;
                changes.push(RefChange::new(format!("{SPEC_REFS}{}", file.id), None, Some(tip)));
            }
            if self.repo.update_refs(&changes, "chant: import")? == RefUpdate::Done {
                return Ok(new.into_iter().map(|(_, file)| file.id.clone()).collect());
            }
        }
    }

    /// Mark `2n + 1` is the blob of the n-th file, `2n + 2` its commit.
    fn stream(&self, mut pipe: BufWriter<ChildStdin>, scratch: &str, files: &[ImportFile]) -> Result<()> {
        let (name, email) = IMPORTER;
        for (index, file) in files.iter().enumerate() {
            let (blob_mark, commit_mark) = (index * 2 + 1, index * 2 + 2);
            let message = self.import_event(&Document::parse(file.bytes.clone()))?.message();
            write!(pipe, "blob\nmark :{blob_mark}\ndata {}\n", file.bytes.len())?;
            pipe.write_all(&file.bytes)?;
            write!(pipe, "\nreset {scratch}\ncommit {scratch}\nmark :{commit_mark}\n")?;
            write!(pipe, "author {name} <{email}> 0 +0000\ncommitter {name} <{email}> 0 +0000\ndata {}\n{message}", message.len())?;
            write!(pipe, "\nM 100644 :{blob_mark} spec.md\n\n")?;
        }
        pipe.flush().context("git fast-import stopped reading")
    }

    /// The event of an import: everything in it follows from the bytes.
    fn import_event(&self, document: &Document) -> Result<Event> {
        let front = document.front().unwrap_or_default();
        let status = imported_status(document);
        Ok(Event {
            kind: EventKind::Import,
            title: document.title(),
            text: String::new(),
            status,
            attempt: 0,
            blob: self.repo.hash_blob(document.as_bytes())?.to_string(),
            spec_type: front.spec_type,
            labels: front.labels,
            depends_on: front.depends_on,
            approval: if front.approval_required { Approval::Required } else { Approval::None },
            nonce: None,
            extra: Vec::new(),
        })
    }
}

/// Lines of `:<mark> <name>`, as a table by mark.
fn read_marks(text: &str) -> Vec<Option<Oid>> {
    let mut table = Vec::new();
    for line in text.lines() {
        let Some((mark, id)) = line.strip_prefix(':').and_then(|rest| rest.split_once(' ')) else { continue };
        let Ok(mark) = mark.parse::<usize>() else { continue };
        if table.len() <= mark {
            table.resize(mark + 1, None);
        }
        table[mark] = Oid::from_hex(id);
    }
    table
}
