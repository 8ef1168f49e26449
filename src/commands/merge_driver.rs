use crate::failure::Outcome;
use crate::git::{self, Repository};
use crate::output::{Output, safe};
use crate::spec::join::{Side, Version, join};
use crate::spec::{Approval, Document, SpecId, Status, intent};
use crate::store::Store;
use crate::workflow::files;
use anyhow::{Context as _, Result};
use std::path::{Path, PathBuf};

/// Arguments of the merge driver, as `merge.chant.driver` hands them over: `%O %A %B %P`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The common version
    base: PathBuf,
    /// Our version; the result is written here
    ours: PathBuf,
    /// Their version
    theirs: PathBuf,
    /// Its path in the repository; clones that were set up long ago do not say it
    path: Option<PathBuf>,
}

pub fn run(args: Args) -> Result<Outcome> {
    let read = |path: &Path| std::fs::read(path).map(Document::parse).with_context(|| format!("could not read {}", path.display()));
    let (base, ours, theirs) = (read(&args.base)?, read(&args.ours)?, read(&args.theirs)?);
    let base = (!base.as_bytes().is_empty()).then_some(base);
    // Outside of a repository, or where an event cannot be read, the bytes alone decide.
    if let Some(Ok(Some(joined))) = args.path.as_deref().map(|path| as_events(path, base.as_ref(), &ours, &theirs)) {
        files::replace(&args.ours, joined.as_bytes())?;
        return Ok(Outcome::Yes);
    }
    let base = base.as_ref().map(version);
    // No event stands behind a file, so both sides weigh the same, and their bytes decide what is left.
    let (tip_a, tip_b) = (intent::id(&ours), intent::id(&theirs));
    let joined = join(base.as_ref(), &side(&ours, &tip_a), &side(&theirs, &tip_b));
    if let (Some(path), false) = (&args.path, joined.collided.is_empty()) {
        // The rule that decides it is that of two clones, so that both sides of a merge make the same file.
        let (keys, path) = (joined.collided.join(" and "), path.display());
        let out = Output::new(None);
        out.warning(safe(&format!("{path}: both sides changed {keys}, and one value was taken; look at it before you go on")));
    }
    if joined.conflicts.is_empty() {
        files::replace(&args.ours, joined.document.as_bytes())?;
        return Ok(Outcome::Yes);
    }
    // No event would remember the text that is not taken, and nobody could be told: it is for a person to decide.
    let sides = [&ours, &theirs].map(|side| if base.is_some() { joined.document.replace_body(side.body()) } else { side.clone() });
    let base = base.map(|base| joined.document.replace_body(base.document.body()));
    let (text, is_whole) = git::merge_file(sides.each_ref().map(Document::as_bytes), base.as_ref().map_or(b"", Document::as_bytes))?;
    files::replace(&args.ours, &text)?;
    Ok(if is_whole { Outcome::Yes } else { Outcome::No })
}

/// What the two become as versions of their spec, so that the file says what the spec does.
fn as_events(path: &Path, base: Option<&Document>, ours: &Document, theirs: &Document) -> Result<Option<Document>> {
    let id = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| SpecId::parse(stem).ok());
    let repo = Repository::discover()?;
    let blob = |document: &Document| repo.hash_blob(document.as_bytes());
    let (Some(id), base) = (id, base.map(blob).transpose()?) else { return Ok(None) };
    Store::new(&repo).join_blobs(&id, base, blob(ours)?, blob(theirs)?)
}

fn version(document: &Document) -> Version<'_> {
    let status = document.front().ok().and_then(|front| front.status().ok().flatten()).unwrap_or(Status::Pending);
    Version { document, status, attempt: 0, approval: Approval::None }
}

fn side<'a>(document: &'a Document, tip: &'a str) -> Side<'a> {
    let version = version(document);
    let stopped_by_person = (version.status == Status::Cancelled).then_some(Status::Cancelled);
    Side { version, tip, events: 1, stopped_by_person, rejected_or_lapsed: None }
}
