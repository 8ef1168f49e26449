//! Finished work whose commits are in another clone only.

use super::*;

#[test]
fn finished_work_that_is_not_here_is_named_with_its_way_here() {
    let (us, them) = two_clones();
    them.agent("worker", crate::merges::WORKER);
    let id = them.add_spec("One", &["It is good `$ true`"]);
    them.chant(&["work", &id]).ok();
    them.chant(&["sync"]).ok();
    us.chant(&["sync"]).ok();
    let branch = format!("chant/{id}");
    let (tip, before) = (them.git(&["rev-parse", &branch]), shared(&us));
    let words = format!("the work of {id} ({}) is not in this clone\n", &tip[..10]);
    let way = format!("hint: where it was worked: git chant push --branches\nhint: then here: git fetch origin {branch}:{branch}\n");
    for args in [&["merge", &id][..], &["merge", "--all"], &["verify", &id, "--trust"], &["archive", &id]] {
        us.chant(args).fails(128).says(&format!("fatal: {words}{way}"));
    }
    us.chant(&["verify", "--trust"]).fails(1).says(&format!("warning: {words}{way}"));
    us.chant(&["show", &id]).ok().says(&format!("work tip:    {} (not in this clone)", &tip[..10]));
    assert_eq!(shared(&us), before, "something was recorded");
    // A person says that it is here, in a squash say.
    let copy = us.copy();
    copy.chant(&["merge", "--mark", &id, "HEAD"]).ok();
    copy.chant(&["merge", &id]).ok().says("merged already");
    copy.chant(&["archive", &id]).ok();
    // The way that was named leads there.
    them.chant(&["push", "--branches"]).ok();
    us.git(&["fetch", "--quiet", "origin", &format!("{branch}:{branch}")]);
    us.chant(&["approve", &id]).ok();
    us.chant(&["merge", &id]).ok().says("Merged.");
}
