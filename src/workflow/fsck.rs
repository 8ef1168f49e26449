//! Every ref, trailer, note, archive entry and file of git-chant against the spec refs, which alone are believed; views are rebuilt.

mod specs;
mod views;

use crate::context::Context;
use anyhow::Result;

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it is about: a spec's id, a ref, a path.
    pub about: String,
    /// What is wrong with it, a sentence.
    pub text: String,
    /// The command that mends it, or that shows more.
    pub command: String,
    /// True where it was mended just now.
    pub mended: bool,
}

/// The check of one repository.
struct Check<'a> {
    ctx: &'a Context,
    repair: bool,
    findings: Vec<Finding>,
}

impl Check<'_> {
    /// What nothing of ours can mend.
    fn wrong(&mut self, about: impl Into<String>, text: impl Into<String>, command: impl Into<String>) {
        self.findings.push(Finding { about: about.into(), text: text.into(), command: command.into(), mended: false });
    }

    /// A view that is not what it was made from. It is mended where that was asked for.
    fn stale(&mut self, about: impl Into<String>, text: impl Into<String>, mend: impl FnOnce(&Context) -> Result<bool>) {
        let (about, mut text) = (about.into(), text.into());
        let mended = match self.repair.then(|| mend(self.ctx)) {
            Some(Ok(mended)) => mended,
            Some(Err(error)) => {
                text = format!("{text}; it could not be rebuilt: {error:#}");
                false
            }
            None => false,
        };
        self.findings.push(Finding { about, text, command: "git chant fsck --repair".to_owned(), mended });
    }
}

/// Looks at everything. What cannot even be looked at is a finding too.
pub fn fsck(ctx: &Context, repair: bool) -> Result<Vec<Finding>> {
    let mut check = Check { ctx, repair, findings: Vec::new() };
    check.objects()?;
    check.specs()?;
    check.names()?;
    check.runs()?;
    check.archive();
    check.notes()?;
    check.view()?;
    check.files()?;
    Ok(check.findings)
}
