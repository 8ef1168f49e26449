use super::*;
use crate::gate::IncomingHead;

fn commit(id: &str, message: &str) -> IncomingCommit {
    let subject = message.lines().next().unwrap_or_default().to_owned();
    IncomingCommit { id: id.to_owned(), subject, message: message.to_owned(), ..IncomingCommit::default() }
}

fn complete() -> SpecFacts {
    SpecFacts {
        id: "x".to_owned(),
        title: "X".to_owned(),
        status: Status::Completed,
        attempt: 1,
        approval: Approval::None,
        approval_required: false,
        criteria: vec![CriterionFacts {
            number: 1,
            text: "Tests pass".to_owned(),
            ticked: true,
            command: Some("cargo test".to_owned()),
            verdict: Verdict::Passed,
            on_result: Verdict::NotRun,
        }],
        finish_unsigned: false,
        approval_unsigned: false,
        overridden: None,
        intent_now: "i1".to_owned(),
        intent_at_start: Some("i1".to_owned()),
        intent_approved: None,
        intent_diff: None,
        finish_tip: Some("tip".to_owned()),
        finish_tree_code: Some("tree".to_owned()),
        tip_in_result: true,
        dependencies_in_result: vec![("dep".to_owned(), true)],
        later_commits: Vec::new(),
        merged_already: false,
        abandoned_commits: Vec::new(),
        members: Vec::new(),
    }
}

fn incoming(message: &str) -> Incoming {
    Incoming { target: "main".to_owned(), commits: vec![commit("c1", message)], ..Incoming::default() }
}

fn specs(facts: SpecFacts) -> BTreeMap<String, Option<SpecFacts>> {
    BTreeMap::from([(facts.id.clone(), Some(facts))])
}

fn reasons(facts: SpecFacts) -> Vec<String> {
    match decide(&incoming("chant(x): do it"), &specs(facts), &Settings::default()) {
        Decision::Allow { .. } => Vec::new(),
        Decision::Refuse(reasons) => reasons.iter().map(|reason| format!("{reason} | {}", reason.mend())).collect(),
    }
}

#[test]
fn messages_name_specs() {
    for (message, expected) in [
        ("Fix\n\nChant-Spec: 2026-01-28-000-k2p\n", &["2026-01-28-000-k2p"][..]),
        ("Squashed commit of the following:\n\n    Fix\n\n    Chant-Spec: a\n    chant-spec : b\n", &["a", "b"]),
        ("Fix\n\n\tChant-Spec: a, b c\n", &["a", "b", "c"]),
        ("chant(a): one", &["a"]),
        ("Revert \"chant(a.1): one\"", &["a.1"]),
        ("* chant(a): one\n* Chant(b)!: two (#7)\n* chant(a): again", &["a", "b"]),
        ("merchant(a): x, _chant(b): y", &[]),
        ("chant(a) without a colon; chant(): none; chant(b", &[]),
        ("chant(a b): no id; chant(../x): nor this; document chant(<id>): and\nChant-Spec: <id>", &[]),
        ("see Chant-Spec: a", &[]),
        ("Chant-Specs: a\nChant-Spéc: a", &[]),
        ("ünchant(a): x — chant(b): y", &["b"]),
        ("", &[]),
    ] {
        assert_eq!(implemented(&commit("c", message)), expected, "{message:?}");
    }
}

#[test]
fn planning_and_proper_reverts_implement_nothing() {
    let named = commit("c", "chant(a): add spec");
    assert_eq!(implemented(&IncomingCommit { planning_only: true, ..named.clone() }), [""; 0]);
    assert_eq!(implemented(&IncomingCommit { revert_ok: true, ..named }), [""; 0]);
}

#[test]
fn a_pass_in_a_runs_worktree_counts_where_it_is_wanted_and_never_for_the_result() {
    let in_run =
        SpecFacts { criteria: vec![CriterionFacts { verdict: Verdict::PassedInRun, ..complete().criteria.remove(0) }], ..complete() };
    let asked = |checks_in_runs, verify| {
        decide(&incoming("chant(x): y"), &specs(in_run.clone()), &Settings { verify, checks_in_runs, ..Settings::default() })
    };
    let note = "spec x was checked in the agent's worktree".to_owned();
    assert_eq!(asked(true, VerifyMode::Branch), Decision::Allow { notes: vec![note] });
    let refused = Reason::CheckNotRun { id: "x".to_owned(), number: 1, text: "Tests pass".to_owned(), in_run: true };
    assert_eq!(refused.to_string(), "spec x: criterion 1 was not checked outside of the agent's worktree: Tests pass");
    for (wants, verify) in [(false, VerifyMode::Branch), (true, VerifyMode::Merge)] {
        assert_eq!(asked(wants, verify), Decision::Refuse(vec![refused.clone()]));
    }
}

#[test]
fn a_merged_branch_names_its_spec_where_its_commits_do_something() {
    let mut coming = incoming("no trailer at all");
    coming.commits.push(IncomingCommit { planning_only: true, ..commit("c0", "chant(y): add spec") });
    coming.commits[0].parents = vec!["c0".to_owned(), "gone".to_owned()];
    coming.heads = vec![IncomingHead { commit: "c1".to_owned(), branch: Some("refs/heads/chant/x".to_owned()) }];
    assert_eq!(implemented_by(&coming), BTreeSet::from(["x".to_owned()]));
    coming.heads[0].commit = "c0".to_owned();
    assert_eq!(implemented_by(&coming), BTreeSet::new());
    let note = "nothing of spec x comes in but documents: that does not complete it".to_owned();
    assert_eq!(decide(&coming, &BTreeMap::new(), &Settings::default()), Decision::Allow { notes: vec![note] });
    assert_eq!(spec_of_branch("chant/x@20260128T1"), Some("x"));
    assert_eq!(spec_of_branch("feature/chant/x"), None);
    assert_eq!(spec_of_branch("chant/"), None);
}

/// Neither its commits nor its branch say what it is; it stands upon the commit with which a run began.
#[test]
fn work_is_known_by_where_its_run_began() {
    let start = IncomingCommit { planning_only: true, ..commit("c0", "chant(x): start\n") };
    let above = |id: &str, parent: &str| IncomingCommit { parents: vec![parent.to_owned()], ..commit(id, "Nothing to see") };
    let named = |commits: Vec<IncomingCommit>| implemented_by(&Incoming { commits, ..incoming("") }).into_iter().collect::<Vec<_>>();
    assert_eq!(named(vec![above("c2", "c1"), above("c1", "c0"), start.clone()]), ["x"]);
    // Documents alone are planning, and what is beside them is not upon them.
    let planned = IncomingCommit { planning_only: true, ..above("c1", "c0") };
    let merged = IncomingCommit { clean_merge: true, ..above("c2", "c1") };
    assert_eq!(named(vec![merged, planned, start.clone(), above("c3", "gone")]), [""; 0]);
    let other = |subject: &str| IncomingCommit { subject: subject.to_owned(), ..start.clone() };
    for subject in ["chant(x): start over", "chant(x): edit spec", "start", "chant(): start", "chant(<id>): start"] {
        assert_eq!(named(vec![above("c1", "c0"), other(subject)]), [""; 0], "{subject}");
    }
}

#[test]
fn a_complete_spec_comes_in_and_the_answer_says_what_it_rests_on() {
    assert_eq!(reasons(complete()), [""; 0]);
    let verified = decide(&incoming("chant(x): y"), &specs(complete()), &Settings::default());
    assert_eq!(verified, Decision::Allow { notes: Vec::new() });
    let mut facts = complete();
    facts.criteria[0].command = None;
    let claimed = decide(&incoming("chant(x): y"), &specs(facts), &Settings::default());
    assert_eq!(claimed, Decision::Allow { notes: vec!["spec x is claimed, not verified".to_owned()] });
}

#[test]
fn a_spec_that_this_clone_lacks_is_not_complete() {
    for known in [BTreeMap::new(), BTreeMap::from([("x".to_owned(), None)])] {
        let Decision::Refuse(reasons) = decide(&incoming("chant(x): y"), &known, &Settings::default()) else { panic!("allowed") };
        assert_eq!(reasons, [Reason::UnknownSpec { id: "x".to_owned() }]);
        assert_eq!(reasons[0].mend(), "git chant fetch");
    }
}

#[test]
fn one_thing_missing_is_one_reason() {
    type Change = fn(&mut SpecFacts);
    let cases: [(Change, &str); 16] = [
        (|x| x.status = Status::Failed, "spec x is failed, not completed | git chant resume x"),
        (|x| x.criteria[0].ticked = false, "spec x: criterion 1 is not ticked: Tests pass | git chant check x 1"),
        (|x| x.criteria[0].verdict = Verdict::NotRun, "spec x: criterion 1 was not checked on this work: Tests pass | git chant verify x"),
        (
            |x| x.criteria[0].verdict = Verdict::Failed { exit: 101 },
            "spec x: criterion 1 failed with exit code 101: Tests pass | git chant verify x",
        ),
        (
            |x| x.intent_now = "i2".to_owned(),
            "spec x: the intent changed after the work was started, and nobody approved it | git chant approve x",
        ),
        (|x| x.approval_required = true, "spec x is not approved | git chant approve x"),
        (|x| x.approval = Approval::Required, "spec x is not approved | git chant approve x"),
        (|x| x.approval = Approval::Rejected, "spec x was rejected | git chant approve x"),
        (
            |x| {
                x.approval = Approval::Approved;
                x.approval_required = true;
                x.intent_approved = Some("i0".to_owned());
            },
            "spec x: the approval lapsed, for the intent changed after it | git chant approve x",
        ),
        (
            |x| {
                x.approval = Approval::Required;
                x.intent_approved = Some("i0".to_owned());
            },
            "spec x: the approval lapsed, for the intent changed after it | git chant approve x",
        ),
        (|x| x.finish_tip = None, "spec x is completed, but no work of it was recorded | git chant finalize x"),
        (|x| x.tip_in_result = false, "spec x: its finished work tip is not in the result | git chant merge x"),
        (|x| x.dependencies_in_result[0].1 = false, "spec x depends on dep, which is not in the result | git chant merge dep"),
        (
            |x| x.abandoned_commits = vec!["0123456789abcdef".to_owned()],
            "spec x: an attempt that was given up comes in with 0123456789 | git chant merge x",
        ),
        (
            |x| x.members = vec![("x.1".to_owned(), Status::Completed), ("x.2".to_owned(), Status::Pending)],
            "spec x: its member x.2 is pending, not completed | git chant work x.2",
        ),
        (|x| x.status = Status::Cancelled, "spec x is cancelled, not completed | git chant reset x"),
    ];
    for (change, expected) in cases {
        let mut facts = complete();
        change(&mut facts);
        assert_eq!(reasons(facts), [expected]);
    }
}

#[test]
fn every_reason_is_reported_in_a_fixed_order() {
    let mut facts = complete();
    facts.status = Status::InProgress;
    facts.criteria[0].verdict = Verdict::NotRun;
    facts.criteria.push(CriterionFacts {
        number: 2,
        text: "Read".to_owned(),
        ticked: false,
        command: None,
        verdict: Verdict::NotRun,
        on_result: Verdict::NotRun,
    });
    facts.intent_now = "i2".to_owned();
    facts.approval_required = true;
    facts.dependencies_in_result[0].1 = false;
    let both = decide(&incoming("chant(x): y\n\nChant-Spec: a"), &specs(facts), &Settings::default());
    let Decision::Refuse(reasons) = both else { panic!("allowed") };
    let mends: Vec<String> = reasons.iter().map(Reason::mend).collect();
    assert_eq!(
        mends,
        [
            "git chant fetch",
            "git chant log x --follow",
            "git chant verify x",
            "git chant check x 2",
            "git chant approve x",
            "git chant approve x",
            "git chant merge dep"
        ]
    );
}

#[test]
fn a_failed_run_is_refused_for_what_a_person_can_do_about_it() {
    let mut facts = complete();
    facts.status = Status::Failed;
    facts.criteria[0].ticked = false;
    facts.criteria[0].verdict = Verdict::Failed { exit: 1 };
    facts.abandoned_commits = vec!["0123456789abcdef".to_owned()];
    assert_eq!(
        reasons(facts),
        [
            "spec x is failed, not completed | git chant resume x",
            "spec x: criterion 1 failed with exit code 1: Tests pass | git chant verify x"
        ]
    );
}

#[test]
fn work_that_went_on_after_its_finish_is_finished_again() {
    let later = SpecFacts { later_commits: vec!["0123456789abcdef".to_owned()], ..complete() };
    assert_eq!(reasons(later), ["spec x: its work went on after it was finished, with 0123456789 | git chant finalize x"]);
}

#[test]
fn a_commit_belongs_to_what_it_names_and_to_its_branch_and_a_merge_to_its_branch_alone() {
    let commit = |id: &str, parents: &[&str], message: &str| IncomingCommit {
        id: id.to_owned(),
        parents: parents.iter().map(|parent| (*parent).to_owned()).collect(),
        subject: message.to_owned(),
        message: message.to_owned(),
        ..IncomingCommit::default()
    };
    let commits =
        vec![commit("m", &["base", "b"], "chant(x): merge"), commit("b", &["a"], "fix"), commit("a", &["base"], "chant(x): begin")];
    let on = |branch: Option<&str>| {
        let heads = vec![IncomingHead { commit: "b".to_owned(), branch: branch.map(str::to_owned) }];
        belonging(&Incoming { commits: commits.clone(), heads, ..Incoming::default() }, "x").join(" ")
    };
    assert_eq!((on(None).as_str(), on(Some("chant/x")).as_str(), on(Some("chant/y")).as_str()), ("a", "b a", "a"));
}

#[test]
fn an_approval_of_the_new_intent_mends_a_changed_one() {
    let mut facts = complete();
    facts.intent_now = "i2".to_owned();
    facts.intent_approved = Some("i2".to_owned());
    assert_eq!(reasons(facts.clone()).len(), 1, "the approval was taken back since");
    facts.approval = Approval::Approved;
    assert_eq!(reasons(facts), [""; 0]);
}

#[test]
fn a_squash_takes_the_work_over_by_its_code_tree() {
    let facts = || SpecFacts { tip_in_result: false, ..complete() };
    let answer = |tree: Option<&str>, facts| {
        let coming = Incoming { result_tree_code: tree.map(str::to_owned), ..incoming("chant(x): squashed") };
        decide(&coming, &specs(facts), &Settings::default())
    };
    assert!(matches!(answer(Some("tree"), facts()), Decision::Allow { .. }));
    assert!(matches!(answer(Some("other"), facts()), Decision::Refuse(_)));
    assert!(matches!(answer(None, facts()), Decision::Refuse(_)));
    assert!(matches!(answer(None, SpecFacts { finish_tree_code: None, ..facts() }), Decision::Refuse(_)), "nothing equals nothing");
}

#[test]
fn settings_decide_about_verdicts_and_commits_without_a_spec() {
    let mut facts = complete();
    facts.criteria[0].verdict = Verdict::NotRun;
    let lenient = Settings { verify: VerifyMode::None, ..Settings::default() };
    let answer = decide(&incoming("chant(x): y"), &specs(facts), &lenient);
    assert_eq!(answer, Decision::Allow { notes: vec!["spec x is claimed, not verified".to_owned()] });

    let strict = Settings { require_spec: true, ..Settings::default() };
    let mut coming = incoming("Quick fix");
    coming.commits.push(IncomingCommit { planning_only: true, ..commit("c2", "chant(x): add spec") });
    coming.commits.push(IncomingCommit { clean_merge: true, ..commit("c3", "Merge") });
    let Decision::Refuse(reasons) = decide(&coming, &BTreeMap::new(), &strict) else { panic!("allowed") };
    assert_eq!(reasons, [Reason::NoSpec { commit: "c1".to_owned(), subject: "Quick fix".to_owned() }]);
    assert!(matches!(decide(&coming, &BTreeMap::new(), &Settings::default()), Decision::Allow { .. }));
}

#[test]
fn changed_settings_and_reverts_are_named() {
    let mut coming = incoming("Loosen the gate\u{7}");
    coming.commits[0].touches_settings = true;
    coming.commits.push(IncomingCommit { revert_ok: true, ..commit("c2", "Revert \"chant(x): y\"") });
    let Decision::Allow { notes } = decide(&coming, &BTreeMap::new(), &Settings::default()) else { panic!("refused") };
    assert_eq!(
        notes,
        ["commit c1 (Loosen the gate) changes git-chant's settings or prompts", "commit c2 (Revert \"chant(x): y\") is a revert"]
    );
}

#[test]
fn in_merge_mode_the_result_is_judged_too() {
    let settings = Settings { verify: VerifyMode::Merge, ..Settings::default() };
    let with = |on_result, tree: Option<&str>| {
        let mut facts = complete();
        facts.criteria[0].on_result = on_result;
        let incoming = Incoming { result_tree_code: tree.map(str::to_owned), ..incoming("chant(x): do it") };
        decide(&incoming, &specs(facts), &settings)
    };
    assert!(matches!(with(Verdict::NotRun, Some("tree")), Decision::Allow { .. }), "the result is the work, which was checked");
    assert!(matches!(with(Verdict::Passed, Some("other")), Decision::Allow { .. }));
    for (verdict, tree, word) in [
        (Verdict::NotRun, Some("other"), "result_not_checked"),
        (Verdict::NotRun, None, "result_not_checked"),
        (Verdict::Failed { exit: 3 }, Some("other"), "result_failed"),
    ] {
        let Decision::Refuse(reasons) = with(verdict, tree) else { panic!("{verdict:?} {tree:?}") };
        assert_eq!(reasons.iter().map(Reason::kind).collect::<Vec<_>>(), [word]);
    }
}

#[test]
fn an_override_lets_in_only_where_it_is_allowed() {
    let facts = || SpecFacts { overridden: Some("the\nhouse burns".to_owned()), status: Status::Failed, ..complete() };
    let answer =
        |allow_override| decide(&incoming("chant(x): do it"), &specs(facts()), &Settings { allow_override, ..Settings::default() });
    let Decision::Allow { notes } = answer(true) else { panic!("refused") };
    assert_eq!(notes, ["spec x is let in by an override: the house burns"]);
    assert!(matches!(answer(false), Decision::Refuse(_)));
}

#[test]
fn an_unsigned_approval_counts_for_nothing_where_signatures_are_asked_for() {
    let approved =
        SpecFacts { approval: Approval::Approved, intent_approved: Some("i1".to_owned()), approval_unsigned: true, ..complete() };
    assert_eq!(reasons(approved.clone()), [""; 0], "no approval is asked for");
    let asked = SpecFacts { approval_required: true, ..approved.clone() };
    assert_eq!(reasons(asked), ["spec x: its approval has no signature that git believes | git -c commit.gpgSign=true chant approve x"]);
    let changed = SpecFacts { intent_at_start: Some("i0".to_owned()), ..approved };
    assert_eq!(reasons(changed).len(), 1, "nor does it make another intent good");
}
