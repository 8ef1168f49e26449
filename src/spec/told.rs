//! An event in words, where nobody gave it any: what `git log` shows a person above the trailers.

use super::event::{EventKind, one_line};
use super::{Document, FrontMatter};

/// Longer lines are cut.
const WIDTH: usize = 100;
/// More changes than these are counted.
const MOST: usize = 8;

/// What an event did, a line each; empty where its first line says it all.
pub fn told(kind: EventKind, old: Option<&Document>, new: &Document, extra: &[(String, String)]) -> String {
    let value = |key: &str| extra.iter().find(|(name, _)| name == key).map_or("", |(_, value)| value.as_str());
    let short = |key: &str| value(key).chars().take(10).collect::<String>();
    match kind {
        EventKind::Start => {
            let claim =
                if value("Claim").is_empty() { String::new() } else { format!("\nClaimed at {} from {}.", value("Claim"), value("Host")) };
            format!("The agent {} works on it, for {}.{claim}", value("Agent"), value("Target"))
        }
        EventKind::Finish => format!("The work ends at {}.", short("Tip")),
        EventKind::Merge if value("Marked").is_empty() => format!("The work came into {} with {}.", value("Target"), short("Merged")),
        EventKind::Merge => format!("Somebody said that the work came into {} with {}.", value("Target"), short("Merged")),
        EventKind::Claim => "Whoever claimed it is alive.".to_owned(),
        EventKind::Edit => old.map(|old| changes(old, new)).unwrap_or_default(),
        _ => String::new(),
    }
}

/// What changed from one document to the next.
fn changes(old: &Document, new: &Document) -> String {
    let mut list = Vec::new();
    if old.title() != new.title() {
        list.push(format!("title: {} (it was: {})", new.title(), old.title()));
    }
    if let (Ok(before), Ok(after)) = (old.front(), new.front()) {
        list.extend(fields(&before, &after));
    }
    let (before, after) = (old.criteria(), new.criteria());
    let same = |one: &super::Criterion, two: &super::Criterion| one.text == two.text && one.command == two.command;
    for criterion in &after {
        match before.iter().find(|was| same(was, criterion)) {
            None => list.push(format!("asked for: {}", criterion.text)),
            Some(was) if was.ticked != criterion.ticked => {
                list.push(format!("{}: {}", if criterion.ticked { "ticked" } else { "unticked" }, criterion.text));
            }
            Some(_) => {}
        }
    }
    let gone = before.iter().filter(|was| !after.iter().any(|criterion| same(was, criterion)));
    list.extend(gone.map(|was| format!("no longer asked for: {}", was.text)));
    if list.is_empty() && old.body() != new.body() {
        list.push("the text".to_owned());
    }
    if list.len() > MOST {
        let more = list.len() - MOST;
        list.truncate(MOST);
        list.push(format!("and {more} more"));
    }
    list.iter().map(|line| one_line(line).chars().take(WIDTH).collect::<String>()).collect::<Vec<_>>().join("\n")
}

fn fields(old: &FrontMatter, new: &FrontMatter) -> Vec<String> {
    let list = |items: &[String]| if items.is_empty() { "none".to_owned() } else { items.join(", ") };
    let number = |value: Option<i64>| value.map_or_else(|| "none".to_owned(), |value| value.to_string());
    let rows = [
        ("type", old.spec_type.clone(), new.spec_type.clone()),
        ("labels", list(&old.labels), list(&new.labels)),
        ("depends on", list(&old.depends_on), list(&new.depends_on)),
        ("informed by", list(&old.informed_by), list(&new.informed_by)),
        ("target files", list(&old.target_files), list(&new.target_files)),
        ("members", list(&old.members), list(&new.members)),
        ("prompt", old.prompt.clone().unwrap_or_default(), new.prompt.clone().unwrap_or_default()),
        ("priority", number(old.priority), number(new.priority)),
        ("approval required", old.approval_required.to_string(), new.approval_required.to_string()),
    ];
    rows.into_iter().filter(|(_, old, new)| old != new).map(|(name, _, new)| format!("{name}: {new}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_says_what_it_changed() {
        let old = "---\nlabels: [a]\n---\n# One\n\nText.\n\n## Acceptance Criteria\n\n- [ ] first\n- [ ] second\n";
        let told = |new: &str| told(EventKind::Edit, Some(&Document::parse(old)), &Document::parse(new), &[]);
        assert_eq!(told(old), "");
        assert_eq!(told(&old.replace("# One", "# Two")), "title: Two (it was: One)");
        assert_eq!(told(&old.replace("[a]", "[a, b]\npriority: 3")), "labels: a, b\npriority: 3");
        assert_eq!(told(&old.replace("labels: [a]\n", "")), "labels: none");
        assert_eq!(told(&old.replace("[ ] first", "[x] first")), "ticked: first");
        assert_eq!(told(&old.replace("second", "third")), "asked for: third\nno longer asked for: second");
        assert_eq!(told(&old.replace("Text.", "Other text.")), "the text");
        let many: String = (0..20).map(|number| format!("- [ ] new {number} {}\n", "x".repeat(200))).collect();
        let many = told(&format!("{old}{many}"));
        assert!(many.ends_with("and 12 more") && many.lines().all(|line| line.chars().count() <= WIDTH), "{many}");
        assert_eq!(
            super::told(EventKind::Edit, Some(&Document::parse("---\na: [\n---\n")), &Document::parse("# \u{7}x"), &[]).lines().count(),
            1
        );
    }

    #[test]
    fn runs_say_who_and_where() {
        let extra = |list: &[(&str, &str)]| list.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect::<Vec<_>>();
        let told = |kind, list: &[(&str, &str)]| told(kind, None, &Document::parse("# One\n"), &extra(list));
        let start = [("Agent", "robin"), ("Target", "main")];
        assert_eq!(told(EventKind::Start, &start), "The agent robin works on it, for main.");
        let claimed = [start[0], start[1], ("Claim", "origin"), ("Host", "box")];
        assert_eq!(told(EventKind::Start, &claimed).lines().nth(1), Some("Claimed at origin from box."));
        assert_eq!(told(EventKind::Finish, &[("Tip", "0123456789abcdef")]), "The work ends at 0123456789.");
        assert!(told(EventKind::Merge, &[("Target", "main"), ("Merged", "01")]).starts_with("The work came into main"));
    }
}
