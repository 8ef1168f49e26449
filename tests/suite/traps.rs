//! How tools of this kind fail, each way a test by name. What another file tests already is named here and not written again:
//!
//! | how they fail                                                | where it is shown not to happen                              |
//! |--------------------------------------------------------------|--------------------------------------------------------------|
//! | an agent that does nothing completes the spec                | `agents_behave::ends::one_that_does_nothing_and_exits_0_…`   |
//! | merging one spec deletes the others' files                   | `agents_behave::rewrites::one_that_deletes_the_specs_…`      |
//! | an edit that is committed while a run is on is reverted      | `hand_edits::an_edit_of_the_intent_on_main_while_a_run_…`    |
//! | status goes to the wrong branch, or to none                  | `untouched::detached`, `hand_edits::an_old_branch_is_no_…`   |
//! | joins keep what a person took back                           | `join::approvals`, `join::outcomes`, `join::lists_keep_…`    |
//! | kill -9 leaves a spec that nothing recovers                  | `kills`                                                      |
//! | a commit takes along what was staged                         | `untouched`                                                  |
//! | an approval outlives a rewrite of the spec                   | `merges::reasons::an_approval_lapsed`                        |
//! | escapes of an agent reach the terminal                       | `agents_behave::ends::escapes_and_bytes_…`                   |
//! | front matter is lost or rewritten                            | `documents`, `hand_edits::unreadable_front_matter_…`         |
//! | a fast-forward skips the gate                                | `merges`, `shim::a_fast_forward_is_asked_about_…`            |
//! | a hook that lost its program does nothing                    | `merges::hooks::without_its_binary_the_gate_is_closed`       |

mod lost;
mod stuck;
mod wrong;

use super::common::{CHANT, Outcome, TestRepo};
use std::process::{Child, Stdio};

/// Makes a file named for its spec and ticks every box.
const WORKER: &str = r#"set -e
echo work >"made-$CHANT_SPEC_ID"
git add . && git commit -q -m 'Make it'
sed 's/^- \[ \]/- [x]/' "$CHANT_SPEC_FILE" >ticked.tmp && cat ticked.tmp >"$CHANT_SPEC_FILE" && rm ticked.tmp"#;

/// A repository with this agent and one spec with one box that no command decides.
fn repository(agent: &str) -> (TestRepo, String) {
    let repo = TestRepo::with_chant();
    repo.commit_all("Use git-chant");
    repo.agent("worker", agent);
    let id = repo.add_spec("Make it", &["It is made"]);
    (repo, id)
}

fn status(repo: &TestRepo, id: &str) -> String {
    repo.show(id)["status"].as_str().unwrap().to_owned()
}

/// Starts `git chant ARGS`, to be waited for.
fn start(repo: &TestRepo, args: &[&str]) -> Child {
    repo.command(repo.path(), CHANT).args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Waits for all of them; exit codes and what they said.
fn ends(children: Vec<Child>) -> Vec<Outcome> {
    let end = |child: Child| {
        let output = child.wait_with_output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Outcome { code: output.status.code().unwrap_or(-1), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    };
    children.into_iter().map(end).collect()
}
