//! Pure: may these commits come into that branch? `(incoming, specs, settings) -> Allow | every reason why not`.
//!
//! Whoever asks (a hook, `git chant gate`, `git chant merge`) collects the facts; nothing here reads a repository, and object names are
//! hexadecimal strings that are only compared. Asking takes two steps: [`implemented_by`] says which specs the commits implement, the
//! caller collects [`SpecFacts`] for those, and [`decide`] judges.

mod decide;
mod reason;
mod settings;

pub use decide::{belonging, decide, implemented, implemented_by, spec_of_branch, start_subject};
pub use reason::Reason;
pub use settings::{RequireApproval, Settings, VerifyMode};

use crate::spec::{Approval, Status};

/// What would come into a branch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Incoming {
    /// The branch that would move, `main` or `refs/heads/main`.
    pub target: String,
    /// The code tree that the branch would have afterwards, where it is known already.
    pub result_tree_code: Option<String>,
    /// It cannot be known, for a person has to resolve a conflict first.
    pub conflicts: bool,
    /// The commits that the branch does not have yet, newest first or in any other fixed order.
    pub commits: Vec<IncomingCommit>,
    /// What is being merged, for the branch names that commits cannot know.
    pub heads: Vec<IncomingHead>,
}

/// The tip of something that is being merged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IncomingHead {
    /// Its commit.
    pub commit: String,
    /// The branch it was merged as (`chant/<id>`, `refs/heads/chant/<id>`), where that is known.
    pub branch: Option<String>,
}

/// One commit that would come in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IncomingCommit {
    /// The commit.
    pub id: String,
    /// Its parents.
    pub parents: Vec<String>,
    /// The first line of its message.
    pub subject: String,
    /// The whole message.
    pub message: String,
    /// It touches nothing outside `.chant/specs` and `.chant/archive`.
    pub planning_only: bool,
    /// It touches `.chant/config.md` or `.chant/prompts`.
    pub touches_settings: bool,
    /// It says that it reverts a commit, and its tree is that of undoing it.
    pub revert_ok: bool,
    /// It is a merge that changed nothing beside what its parents bring.
    pub clean_merge: bool,
}

/// What is known of a spec that incoming commits implement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpecFacts {
    /// The spec's id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Its stored status.
    pub status: Status,
    /// Its attempt.
    pub attempt: u32,
    /// Where it stands with its approvers, from events.
    pub approval: Approval,
    /// The document or the settings ask for an approval.
    pub approval_required: bool,
    /// Signatures are asked for, and the approval has none that git believes.
    pub approval_unsigned: bool,
    /// Signatures are asked for, and the newest finish has none that git believes.
    pub finish_unsigned: bool,
    /// Why a person let this work in, in spite of it.
    pub overridden: Option<String>,
    /// The acceptance criteria, in the document's order.
    pub criteria: Vec<CriterionFacts>,
    /// The id of the intent that the document has now.
    pub intent_now: String,
    /// The intent that the last attempt was started with; `None` where none was.
    pub intent_at_start: Option<String>,
    /// The intent that was last approved.
    pub intent_approved: Option<String>,
    /// How the intent differs from the one that `start` or `approve` bound, for people.
    pub intent_diff: Option<String>,
    /// The work tip that `finish` recorded.
    pub finish_tip: Option<String>,
    /// The code tree of that tip.
    pub finish_tree_code: Option<String>,
    /// The result contains that tip, or its work is known to have been taken over (same combined patch).
    pub tip_in_result: bool,
    /// What it depends on, and whether the result contains the work of that.
    pub dependencies_in_result: Vec<(String, bool)>,
    /// Incoming commits of the spec that came after its finish: no verdict is about them. Newest first.
    pub later_commits: Vec<String>,
    /// The target has the spec's work already.
    pub merged_already: bool,
    /// Incoming commits that belong to an attempt which was given up.
    pub abandoned_commits: Vec<String>,
    /// The members of a group, and their status.
    pub members: Vec<(String, Status)>,
}

/// One acceptance criterion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CriterionFacts {
    /// Its number, from 1, as `git chant check` takes it.
    pub number: usize,
    /// What it says.
    pub text: String,
    /// Its box is ticked.
    pub ticked: bool,
    /// Its command, where it is executable.
    pub command: Option<String>,
    /// What running that command on the work tip's code tree gave.
    pub verdict: Verdict,
    /// What running it on the result's code tree gave.
    pub on_result: Verdict,
}

/// What running a criterion's command gave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verdict {
    /// It exited 0.
    Passed,
    /// It did in the worktree of the run alone, among what the agent left there.
    PassedInRun,
    /// It exited otherwise; 128 and the signal's number where it was killed.
    Failed {
        /// The exit status.
        exit: i32,
    },
    /// It was not run on this code tree.
    #[default]
    NotRun,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Decision {
    /// They may come in; the notes say what that rests on.
    Allow {
        /// Sentences for people.
        notes: Vec<String>,
    },
    /// They may not, and this is all that stands in the way.
    Refuse(Vec<Reason>),
}
