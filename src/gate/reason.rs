//! Why the gate says no: a closed list, each with the one command that would mend it.

use crate::spec::Status;
use crate::spec::event::one_line;
use crate::spec::shell::word;
use std::fmt;

/// One thing that stands in the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// This clone does not have the spec.
    UnknownSpec {
        /// The spec that commits name.
        id: String,
    },
    /// The server does not have the spec, and it did not come in the same push.
    NotPushed {
        /// The spec that commits name.
        id: String,
    },
    /// A push would take away events of a spec that the server has.
    EventsLost {
        /// The spec, or `archive`.
        id: String,
    },
    /// Signatures are asked for, and nobody that git believes says that the work is finished.
    FinishUnsigned {
        /// The spec.
        id: String,
    },
    /// The spec's work is not done.
    NotCompleted {
        /// The spec.
        id: String,
        /// Its status.
        status: Status,
    },
    /// Commits of an attempt that was given up come in.
    AbandonedWork {
        /// The spec.
        id: String,
        /// Its status, which says whether there is other work to merge.
        status: Status,
        /// The commits.
        commits: Vec<String>,
    },
    /// Commits of the spec come in that its finish does not know.
    LaterWork {
        /// The spec.
        id: String,
        /// The commits.
        commits: Vec<String>,
        /// The target has its work already.
        merged: bool,
    },
    /// A box is not ticked.
    Unticked {
        /// The spec.
        id: String,
        /// The criterion's number, from 1.
        number: usize,
        /// What it says.
        text: String,
    },
    /// A criterion's command failed.
    CheckFailed {
        /// The spec.
        id: String,
        /// The criterion's number, from 1.
        number: usize,
        /// What it says.
        text: String,
        /// The command's exit status.
        exit: i32,
    },
    /// A criterion's command was not run on the work that comes in.
    CheckNotRun {
        /// The spec.
        id: String,
        /// The criterion's number, from 1.
        number: usize,
        /// What it says.
        text: String,
        /// It passed in the worktree of the run, which is not enough here.
        in_run: bool,
    },
    /// A criterion's command failed on what the merge makes.
    ResultFailed {
        /// The spec.
        id: String,
        /// The criterion's number, from 1.
        number: usize,
        /// What it says.
        text: String,
        /// The command's exit status.
        exit: i32,
    },
    /// A criterion's command was not run on what the merge makes.
    ResultNotChecked {
        /// The spec.
        id: String,
        /// The criterion's number, from 1.
        number: usize,
        /// What it says.
        text: String,
    },
    /// What the merge makes is for a person to say first.
    ResultConflicts {
        /// The spec.
        id: String,
        /// The branch that it would come into.
        target: String,
    },
    /// Signatures are asked for, and the approval has none that git believes.
    ApprovalUnsigned {
        /// The spec.
        id: String,
    },
    /// The intent is neither the one that the work was started with nor an approved one.
    IntentChanged {
        /// The spec.
        id: String,
        /// How it differs, for people.
        diff: Option<String>,
    },
    /// An approval is asked for, and there is none.
    ApprovalMissing {
        /// The spec.
        id: String,
    },
    /// The approval was given for another intent.
    ApprovalLapsed {
        /// The spec.
        id: String,
    },
    /// A person refused the spec.
    Rejected {
        /// The spec.
        id: String,
    },
    /// It is completed, and no work tip was recorded.
    NoWorkTip {
        /// The spec.
        id: String,
    },
    /// The result lacks the work as it was finished.
    WorkMissing {
        /// The spec.
        id: String,
        /// Its work tip.
        tip: String,
    },
    /// The result lacks the work of a dependency.
    DependencyMissing {
        /// The spec.
        id: String,
        /// What it depends on.
        dependency: String,
    },
    /// A member of the group is not completed.
    MemberOpen {
        /// The spec.
        id: String,
        /// The member.
        member: String,
        /// The member's status.
        status: Status,
    },
    /// A commit belongs to no spec, where every commit must.
    NoSpec {
        /// The commit.
        commit: String,
        /// Its subject.
        subject: String,
    },
}

impl Reason {
    /// The spec that it is about, if it is about one.
    pub fn spec(&self) -> Option<&str> {
        match self {
            Self::UnknownSpec { id }
            | Self::NotPushed { id }
            | Self::EventsLost { id }
            | Self::NotCompleted { id, .. }
            | Self::AbandonedWork { id, .. }
            | Self::LaterWork { id, .. }
            | Self::Unticked { id, .. }
            | Self::CheckFailed { id, .. }
            | Self::CheckNotRun { id, .. }
            | Self::ResultFailed { id, .. }
            | Self::ResultNotChecked { id, .. }
            | Self::ResultConflicts { id, .. }
            | Self::ApprovalUnsigned { id }
            | Self::FinishUnsigned { id }
            | Self::IntentChanged { id, .. }
            | Self::ApprovalMissing { id }
            | Self::ApprovalLapsed { id }
            | Self::Rejected { id }
            | Self::NoWorkTip { id }
            | Self::WorkMissing { id, .. }
            | Self::DependencyMissing { id, .. }
            | Self::MemberOpen { id, .. } => Some(id),
            Self::NoSpec { .. } => None,
        }
    }

    /// A word for machines, which stays.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::UnknownSpec { .. } => "unknown_spec",
            Self::NotPushed { .. } => "not_pushed",
            Self::EventsLost { .. } => "events_lost",
            Self::NotCompleted { .. } => "not_completed",
            Self::AbandonedWork { .. } => "abandoned_work",
            Self::LaterWork { .. } => "later_work",
            Self::Unticked { .. } => "unticked",
            Self::CheckFailed { .. } => "check_failed",
            Self::CheckNotRun { .. } => "check_not_run",
            Self::ResultFailed { .. } => "result_failed",
            Self::ResultNotChecked { .. } => "result_not_checked",
            Self::ResultConflicts { .. } => "result_conflicts",
            Self::ApprovalUnsigned { .. } => "approval_unsigned",
            Self::FinishUnsigned { .. } => "finish_unsigned",
            Self::IntentChanged { .. } => "intent_changed",
            Self::ApprovalMissing { .. } => "approval_missing",
            Self::ApprovalLapsed { .. } => "approval_lapsed",
            Self::Rejected { .. } => "rejected",
            Self::NoWorkTip { .. } => "no_work_tip",
            Self::WorkMissing { .. } => "work_missing",
            Self::DependencyMissing { .. } => "dependency_missing",
            Self::MemberOpen { .. } => "member_open",
            Self::NoSpec { .. } => "no_spec",
        }
    }

    /// The one command to type.
    pub fn mend(&self) -> String {
        match self {
            Self::UnknownSpec { .. } => "git chant fetch".to_owned(),
            Self::NotPushed { .. } | Self::EventsLost { .. } => "git chant push".to_owned(),
            Self::AbandonedWork { id, status: Status::Completed, .. }
            | Self::WorkMissing { id, .. }
            | Self::ResultNotChecked { id, .. }
            | Self::DependencyMissing { dependency: id, .. } => format!("git chant merge {}", word(id)),
            Self::NotCompleted { id, status } | Self::MemberOpen { member: id, status, .. } | Self::AbandonedWork { id, status, .. } => {
                mend_status(id, *status)
            }
            Self::Unticked { id, number, .. } => format!("git chant check {} {number}", word(id)),
            Self::ResultFailed { id, .. } => format!("git chant reset {}", word(id)),
            Self::ResultConflicts { id, target, .. } => {
                format!("git switch {} && git merge {}", word(&format!("chant/{id}")), word(target))
            }
            Self::FinishUnsigned { id } => format!("git -c chant.requireSigned=true chant finalize {}", word(id)),
            Self::ApprovalUnsigned { id } => format!("git -c commit.gpgSign=true chant approve {}", word(id)),
            Self::CheckFailed { id, .. } | Self::CheckNotRun { id, .. } => format!("git chant verify {}", word(id)),
            Self::IntentChanged { id, .. } | Self::ApprovalMissing { id } | Self::ApprovalLapsed { id } | Self::Rejected { id } => {
                format!("git chant approve {}", word(id))
            }
            Self::LaterWork { id, commits, merged: true } => {
                let newest = commits.first().map_or("HEAD", |commit| abbreviated(commit));
                format!("git branch {} {newest} && git chant finalize {}", word(&format!("chant/{id}")), word(id))
            }
            Self::NoWorkTip { id } | Self::LaterWork { id, .. } => format!("git chant finalize {}", word(id)),
            Self::NoSpec { .. } => "git commit --trailer Chant-Spec=ID".to_owned(),
        }
    }

    /// More for people than the sentence holds, possibly several lines.
    pub fn detail(&self) -> Option<&str> {
        match self {
            Self::IntentChanged { diff, .. } => diff.as_deref(),
            Self::ResultConflicts { .. } => {
                Some("resolve the conflict there and commit it; then finish the work again: git chant finalize")
            }
            Self::LaterWork { merged: true, .. } => Some("that checks what is new; then: git chant merge"),
            _ => None,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownSpec { id } => write!(f, "spec {id} is not known in this clone"),
            Self::NotPushed { id } => write!(f, "spec {id} is not known here, and was not pushed along"),
            Self::EventsLost { id } => write!(f, "spec {id}: this push would take away events that are known here"),
            Self::NotCompleted { id, status } => write!(f, "spec {id} is {status}, not completed"),
            Self::AbandonedWork { id, commits, .. } => {
                let names: Vec<_> = commits.iter().map(|commit| abbreviated(commit)).collect();
                write!(f, "spec {id}: an attempt that was given up comes in with {}", names.join(", "))
            }
            Self::LaterWork { id, commits, merged } => {
                let names: Vec<_> = commits.iter().map(|commit| abbreviated(commit)).collect();
                let what = if *merged { "its work is merged already, and went on" } else { "its work went on after it was finished" };
                write!(f, "spec {id}: {what}, with {}", names.join(", "))
            }
            Self::Unticked { id, number, text } => write!(f, "spec {id}: criterion {number} is not ticked: {}", one_line(text)),
            Self::CheckFailed { id, number, text, exit } => {
                write!(f, "spec {id}: criterion {number} failed with exit code {exit}: {}", one_line(text))
            }
            Self::CheckNotRun { id, number, text, in_run } => {
                let where_not = if *in_run { "outside of the agent's worktree" } else { "on this work" };
                write!(f, "spec {id}: criterion {number} was not checked {where_not}: {}", one_line(text))
            }
            Self::ResultFailed { id, number, text, exit } => {
                write!(f, "spec {id}: criterion {number} failed with exit code {exit} on the result of the merge: {}", one_line(text))
            }
            Self::ResultNotChecked { id, number, text } => {
                write!(f, "spec {id}: criterion {number} was not checked on the result of the merge: {}", one_line(text))
            }
            Self::ResultConflicts { id, target, .. } => {
                write!(f, "spec {id} conflicts with {target}, so its criteria cannot be checked on the result of the merge")
            }
            Self::FinishUnsigned { id } => write!(f, "spec {id}: its finish has no signature that git believes"),
            Self::ApprovalUnsigned { id } => write!(f, "spec {id}: its approval has no signature that git believes"),
            Self::IntentChanged { id, .. } => write!(f, "spec {id}: the intent changed after the work was started, and nobody approved it"),
            Self::ApprovalMissing { id } => write!(f, "spec {id} is not approved"),
            Self::ApprovalLapsed { id } => write!(f, "spec {id}: the approval lapsed, for the intent changed after it"),
            Self::Rejected { id } => write!(f, "spec {id} was rejected"),
            Self::NoWorkTip { id } => write!(f, "spec {id} is completed, but no work of it was recorded"),
            Self::WorkMissing { id, tip } => write!(f, "spec {id}: its finished work {} is not in the result", abbreviated(tip)),
            Self::DependencyMissing { id, dependency } => write!(f, "spec {id} depends on {dependency}, which is not in the result"),
            Self::MemberOpen { id, member, status } => write!(f, "spec {id}: its member {member} is {status}, not completed"),
            Self::NoSpec { commit, subject } => write!(f, "commit {} belongs to no spec: {}", abbreviated(commit), one_line(subject)),
        }
    }
}

/// What takes a spec of this status on towards completion.
fn mend_status(id: &str, status: Status) -> String {
    let verb = match status {
        Status::Pending => "work",
        Status::InProgress => return format!("git chant log {} --follow", word(id)),
        Status::Failed => "resume",
        Status::NeedsAttention => "approve",
        Status::Paused | Status::Cancelled => "reset",
        Status::Completed => "finalize",
    };
    format!("git chant {verb} {}", word(id))
}

/// The first characters of an object name.
pub(super) fn abbreviated(commit: &str) -> &str {
    commit.get(..10).unwrap_or(commit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_sentence_on_one_line_with_one_command() {
        let reason = Reason::Unticked { id: "x-001".to_owned(), number: 2, text: "Tests\npass\u{1b}[2J".to_owned() };
        assert_eq!(reason.to_string(), "spec x-001: criterion 2 is not ticked: Tests pass [2J");
        assert_eq!(reason.mend(), "git chant check x-001 2");
        assert_eq!(reason.spec(), Some("x-001"));
        let reason = Reason::ResultConflicts { id: "x-001".to_owned(), target: "release/1".to_owned() };
        assert_eq!(reason.mend(), "git switch chant/x-001 && git merge release/1");
    }

    #[test]
    fn every_status_has_a_way_on() {
        for (status, command) in [
            (Status::Pending, "git chant work a"),
            (Status::InProgress, "git chant log a --follow"),
            (Status::Paused, "git chant reset a"),
            (Status::Failed, "git chant resume a"),
            (Status::NeedsAttention, "git chant approve a"),
            (Status::Cancelled, "git chant reset a"),
        ] {
            assert_eq!(Reason::NotCompleted { id: "a".to_owned(), status }.mend(), command);
        }
    }

    #[test]
    fn ids_reach_the_shell_as_one_word() {
        assert_eq!(Reason::ApprovalMissing { id: "a$b".to_owned() }.mend(), "git chant approve 'a$b'");
        assert_eq!(Reason::ApprovalMissing { id: "it's".to_owned() }.mend(), r"git chant approve 'it'\''s'");
    }
}
