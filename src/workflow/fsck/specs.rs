//! Specs, their events, and refs that are none of ours.

use super::Check;
use crate::context::Context;
use crate::git::Oid;
use crate::git::remote::STAGES;
use crate::output::safe;
use crate::spec::event::one_line;
use crate::spec::shell::word;
use crate::spec::{EventKind, SpecId, Status};
use crate::store::sync::{run_ref, seen_ref};
use crate::store::{Change, SPEC_REFS, Spec};
use anyhow::Result;

impl Check<'_> {
    /// Whether git has everything that our refs need. A clone that fetches blobs when they are asked for has what it needs.
    pub(super) fn objects(&mut self) -> Result<()> {
        let args = ["rev-list", "--objects", "--quiet", "--missing=allow-promisor", "--glob=refs/chant/*", "--glob=refs/chant-kept/*"];
        let output = self.ctx.repo.git().command(args).run_raw()?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let said = said.lines().next().unwrap_or("git could not say which").trim_start_matches("fatal: ").trim_start_matches("error: ");
            self.wrong("refs/chant", format!("objects are missing: {}", safe(said)), "git fsck --connectivity-only");
        }
        Ok(())
    }

    pub(super) fn specs(&mut self) -> Result<()> {
        for (name, tip) in self.ctx.repo.references(SPEC_REFS)? {
            let Some(id) = name.strip_prefix(SPEC_REFS).and_then(|id| SpecId::parse(id).ok()) else { continue };
            match self.ctx.store().load_at(&id, tip) {
                Ok(spec) => {
                    self.trailers(&spec)?;
                    self.events(&spec);
                }
                Err(error) => {
                    let command = self.seen_whole(&id)?.map(|seen| format!("git update-ref {name} {seen}"));
                    self.wrong(&name, format!("it holds no spec: {error:#}"), command.unwrap_or_else(|| format!("git log -p --cc {name}")));
                }
            }
        }
        Ok(())
    }

    /// Where what a remote had of a spec is one.
    fn seen_whole(&self, id: &SpecId) -> Result<Option<String>> {
        for name in self.ctx.repo.remotes().iter().map(|remote| seen_ref(remote, id)) {
            if let Some(tip) = self.ctx.repo.reference(&name)?
                && self.ctx.store().load_at(id, tip).is_ok()
            {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }

    /// What the tip says for listings, against its document.
    fn trailers(&mut self, spec: &Spec) -> Result<()> {
        let blob = self.ctx.repo.entry_at(spec.tip, b"spec.md")?.map(|(blob, _)| blob.to_string()).unwrap_or_default();
        let front = match spec.document.front() {
            Ok(front) => front,
            Err(error) => {
                let command = format!("git chant edit {}", spec.id);
                self.wrong(spec.id.as_str(), format!("its front matter cannot be read: {error}"), command);
                return Ok(());
            }
        };
        let event = &spec.event;
        // A file that was taken over with a run on has none on here.
        let said = front.status().ok().flatten().filter(|said| *said != Status::InProgress || event.status.is_closed());
        let clean = |list: &[String]| list.iter().map(|text| one_line(text)).collect::<Vec<_>>();
        let wrong = [
            ("Chant-Blob", event.blob != blob),
            ("Chant-Status", said.is_some_and(|said| said != event.status)),
            ("Chant-Type", event.spec_type != one_line(&front.spec_type)),
            ("Chant-Label", clean(&event.labels) != clean(&front.labels)),
            ("Chant-Depends-On", clean(&event.depends_on) != clean(&front.depends_on)),
            ("title", event.title != one_line(&spec.document.title())),
        ];
        let names: Vec<&str> = wrong.iter().filter(|(_, wrong)| *wrong).map(|(name, _)| *name).collect();
        if !names.is_empty() {
            let id = spec.id.clone();
            // An event never changes; the next one says it right.
            let text = format!("its last event says another {} than its document", names.join(", "));
            self.stale(spec.id.as_str(), text, |ctx| anew(ctx, &id));
        }
        Ok(())
    }

    /// Every event of a spec is one, and no attempt goes back.
    fn events(&mut self, spec: &Spec) {
        let store = self.ctx.store();
        let command = format!("git log -p --cc {}", spec.id.ref_name());
        let history = match store.history(spec.tip) {
            Ok(history) => history,
            Err(error) => return self.wrong(spec.id.as_str(), format!("its events cannot be read: {error:#}"), command),
        };
        let known: std::collections::HashMap<Oid, u32> = history.iter().map(|recorded| (recorded.id, recorded.event.attempt)).collect();
        for recorded in &history {
            for parent in &recorded.parents {
                match known.get(parent) {
                    None => self.wrong(spec.id.as_str(), format!("{}, on which it builds, is no event", parent.short()), command.clone()),
                    Some(attempt) if *attempt > recorded.event.attempt => {
                        let text = format!("event {} goes back to an earlier attempt", recorded.id.short());
                        self.wrong(spec.id.as_str(), text, command.clone());
                    }
                    Some(_) => {}
                }
            }
            if store.document_at(recorded.id).is_err() {
                self.wrong(spec.id.as_str(), format!("event {} has no document", recorded.id.short()), command.clone());
            }
        }
    }

    /// Refs below `refs/chant` that nothing of ours would make.
    pub(super) fn names(&mut self) -> Result<()> {
        for name in self.ctx.store().state()?.foreign {
            let name = format!("refs/chant/{name}");
            self.wrong(safe(&name), "nothing of ours has such a name", format!("git update-ref -d {}", word(&name)));
        }
        let left = self.ctx.repo.references(STAGES)?.len();
        if left > 0 {
            let text = format!("{left} refs are left of a push that was killed, or one is under way");
            self.stale(STAGES.trim_end_matches('/'), text, |ctx| ctx.repo.sweep_stages());
        }
        Ok(())
    }

    /// Runs, and what is kept of them.
    pub(super) fn runs(&mut self) -> Result<()> {
        for (name, tip) in self.ctx.store().state()?.runs {
            let full = run_ref(&name);
            let whole = ["prompt.md", "transcript", "result"]
                .iter()
                .all(|file| self.ctx.repo.entry_at(tip, file.as_bytes()).is_ok_and(|file| file.is_some()));
            let run = name.rsplit('/').next().unwrap_or_default();
            let said = self.ctx.repo.message(tip).map(|message| String::from_utf8_lossy(&message).into_owned()).unwrap_or_default();
            if !whole || !said.lines().any(|line| line == format!("Chant-Run: {run}")) {
                self.wrong(&full, "it holds no run", format!("git show {full}"));
            }
        }
        for (name, tip) in self.ctx.repo.references("refs/chant-kept/")? {
            if !self.ctx.repo.has_object(tip) {
                self.wrong(&name, "what it keeps is gone", "git fsck --connectivity-only");
            }
        }
        Ok(())
    }
}

fn anew(ctx: &Context, id: &SpecId) -> Result<bool> {
    let change = |spec: &Spec| {
        let mut document = spec.document.clone();
        if document.front().is_ok_and(|front| front.status.is_some()) {
            document.set("status", spec.event.status.as_str().into());
        }
        Change::new(EventKind::Edit).document(document).text("What listings read is written anew.")
    };
    ctx.store().amend(id, |spec| Ok(Some(change(spec)))).map(|done| done.is_some())
}
