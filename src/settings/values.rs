//! What a value of a setting may be, and how it is read. Pure.

use super::table::Kind;
use std::time::Duration;

/// `90`, `90s`, `15m`, `2h`: a number of seconds, minutes or hours.
pub fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = number_and_unit(text);
    let factor = match unit {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor).map(Duration::from_secs)
}

/// A number of bytes, with git's `k`, `m` and `g`.
pub fn size(text: &str) -> Option<u64> {
    let (number, unit) = number_and_unit(text);
    let factor: u64 = match unit.to_ascii_lowercase().as_str() {
        "" => 1,
        "k" => 1 << 10,
        "m" => 1 << 20,
        "g" => 1 << 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

fn number_and_unit(text: &str) -> (&str, &str) {
    let text = text.trim();
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

/// US dollars.
pub fn money(text: &str) -> Option<f64> {
    text.trim().trim_start_matches('$').parse().ok().filter(|cost: &f64| cost.is_finite() && *cost > 0.0)
}

/// A number from 1.
pub fn number(text: &str) -> Option<u32> {
    text.trim().parse().ok().filter(|number| *number > 0)
}

/// git's own words for yes and no.
pub fn switch(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" => Some(true),
        "false" | "no" | "off" | "" => Some(false),
        number => number.parse::<i64>().ok().map(|number| number != 0),
    }
}

/// `NAME=value`.
pub fn variable(text: &str) -> Option<(String, String)> {
    let plain = |name: &str| {
        !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit()) && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    let (name, value) = text.split_once('=').filter(|(name, value)| plain(name) && !value.contains('\0'))?;
    Some((name.to_owned(), value.to_owned()))
}

/// True for what takes a limit away.
pub fn is_none(text: &str) -> bool {
    matches!(text.trim(), "none" | "0")
}

/// A span of time as most people write it: `30 days`, `2.weeks.ago`, `never`.
pub fn is_plain_span(text: &str) -> bool {
    let words: Vec<&str> = text.split([' ', '.']).collect();
    let unit = |word: &str| ["day", "week", "month", "year", "hour", "minute"].contains(&word.strip_suffix('s').unwrap_or(word));
    match words[..] {
        ["never"] => true,
        [number, word] | [number, word, "ago"] => number.parse::<u16>().is_ok() && unit(word),
        _ => false,
    }
}

/// What a value is not, in words that follow "which is"; `None` for a valid one.
pub fn fault(kind: Kind, text: &str) -> Option<String> {
    let (is_good, expected) = match kind {
        Kind::Words(words) => (words.contains(&text.trim()), format!("none of: {}", words.join(", "))),
        Kind::Switch => (switch(text).is_some(), "neither true nor false".to_owned()),
        Kind::Number => (number(text).is_some(), "no number from 1".to_owned()),
        Kind::Time => (duration(text).is_some(), "no duration: 90s, 15m or 2h".to_owned()),
        Kind::TimeLimit => (is_none(text) || duration(text).is_some(), "no duration: 90s, 15m, 2h, or none".to_owned()),
        Kind::SizeLimit => (is_none(text) || size(text).is_some(), "no size: 500k, 100m, 1g, or none".to_owned()),
        Kind::CostLimit => (is_none(text) || money(text).is_some(), "no amount of US dollars: 2.50, or none".to_owned()),
        Kind::Variable => (variable(text).is_some(), "no NAME=value".to_owned()),
        // Words of a person's own, or of the repository.
        Kind::Text | Kind::Span | Kind::Remote | Kind::SwitchOrRemote => (true, String::new()),
    };
    (!is_good).then_some(expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_sizes_and_amounts() {
        for (text, seconds) in [("90", Some(90)), ("90s", Some(90)), (" 15m ", Some(900)), ("2h", Some(7200)), ("0", Some(0))] {
            assert_eq!(duration(text), seconds.map(Duration::from_secs), "{text}");
        }
        for text in ["", "soon", "1.5h", "-1", "2d", "1h30m", "99999999999999999999h"] {
            assert_eq!(duration(text), None, "{text}");
        }
        assert_eq!((size("2k"), size("1G"), size("lots"), size("1kb")), (Some(2048), Some(1 << 30), None, None));
        assert_eq!((money("$2.50"), money("-1"), money("nan"), money("0")), (Some(2.5), None, None, None));
        assert_eq!((number("4"), number("0"), number("-1"), number("four")), (Some(4), None, None, None));
        let switches = ["true", "YES", "on", "1", "no", "Off", "", "0", "ture", "enabled"].map(switch);
        assert_eq!(
            switches,
            [Some(true), Some(true), Some(true), Some(true), Some(false), Some(false), Some(false), Some(false), None, None]
        );
        assert_eq!(variable("A=b=c"), Some(("A".to_owned(), "b=c".to_owned())));
        assert_eq!((variable("A"), variable("1A=b"), variable("A B=c")), (None, None, None));
    }
}
