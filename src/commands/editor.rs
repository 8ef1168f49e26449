//! A person's editor on a document.

use crate::context::Context;
use crate::failure::Failure;
use crate::spec::Document;
use anyhow::{Context as _, Error, Result};
use std::path::Path;
use std::process::Command;
use tempfile::TempPath;

/// Opens git's editor on a document, and hands what a person made of it to `take`. The file is this editing's own, and stays in the git
/// directory where the text was not taken; `again` are the words of the verb that takes it up.
pub fn in_editor<T>(ctx: &Context, again: &str, document: &Document, take: impl FnOnce(Document) -> Result<T>) -> Result<T> {
    let dir = ctx.repo.common_dir().join("chant");
    std::fs::create_dir_all(&dir).with_context(|| format!("could not make {}", dir.display()))?;
    let file = tempfile::Builder::new().prefix("edit-").suffix(".md").tempfile_in(&dir);
    let file = file.with_context(|| format!("could not make a file in {}", dir.display()))?.into_temp_path();
    std::fs::write(&file, document.as_bytes()).with_context(|| format!("could not write {}", file.display()))?;
    let (taken, text) = match edit(ctx, &file) {
        Ok(text) => (take(Document::parse(text.clone())), Some(text)),
        Err(error) => (Err(error), std::fs::read(&file).ok()),
    };
    let written = text.is_some_and(|text| text != document.as_bytes());
    taken.map_err(|error| if written { kept(error, file, again) } else { error })
}

/// The text is all that there is of an hour's work, maybe.
fn kept(error: Error, file: TempPath, again: &str) -> Error {
    match file.keep() {
        Ok(path) => {
            let path = path.display();
            let hints = error.downcast_ref::<Failure>().map(|failure| failure.hints().to_vec()).unwrap_or_default();
            let failure = Failure::new(format!("the text was not recorded: {error:#}")).hint(format!("it is in {path}"));
            let again = format!("mend it there, then: GIT_EDITOR=\"cp '{path}'\" git chant {again}");
            hints.into_iter().fold(failure.hint(again), Failure::hint).into()
        }
        Err(kept) => error.context(kept),
    }
}

/// As git does it: the editor is a shell word list, the file its last argument.
fn edit(ctx: &Context, file: &Path) -> Result<Vec<u8>> {
    let editor = ctx.repo.git().command(["var", "GIT_EDITOR"]).line()?;
    let status = Command::new("sh").args(["-c", &format!("{editor} \"$@\""), &editor]).arg(file).status();
    let status = status.with_context(|| format!("could not start the editor '{editor}'"))?;
    if !status.success() {
        let failure = Failure::new(format!("the editor '{editor}' ended with {status}; nothing was changed"));
        return Err(failure.hint("choose another: git config core.editor EDITOR").into());
    }
    std::fs::read(file).with_context(|| format!("could not read {}", file.display()))
}
