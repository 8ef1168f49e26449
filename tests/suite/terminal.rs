//! What a person sees at a terminal while agents run: a real one (`script` makes it), and what is on its screen.

use super::common::{CHANT, TestRepo};
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const ROWS: u16 = 12;
const COLUMNS: u16 = 60;

/// Says things that a terminal must not obey, and more than fits; then uses a tool until it may end.
const AGENT: &str = r#"
echo '{"type":"system","subtype":"init","session_id":"s","model":"m"}'
usage='"usage":{"input_tokens":12600,"output_tokens":950}'
words='\u001b[2J\u0007日本語のとても長い文章がここに続きますそしてさらに続きます'
echo '{"type":"assistant","message":{"id":"1","content":[{"type":"text","text":"'"$words"'"}],'"$usage"'}}'
until test -e "$HOME/tool" || ! test -d "$HOME"; do sleep 0.02; done
echo '{"type":"assistant","message":{"id":"2","content":[{"type":"tool_use","name":"Bash","input":{"command":"make '"$CHANT_SPEC_ID"'"}}]}}'
until test -e "$HOME/end" || ! test -d "$HOME"; do sleep 0.02; done
echo made >"$CHANT_SPEC_ID.txt"
echo '{"type":"result","subtype":"success","is_error":false,"result":"done","usage":{"input_tokens":12600,"output_tokens":950}}'
"#;

/// `git chant ARGS` at a terminal.
struct Terminal {
    child: Child,
    screen: Arc<Mutex<vt100::Parser>>,
}

impl Terminal {
    /// `None`, said, where there is no `script`.
    fn run(repo: &TestRepo, args: &str) -> Option<Self> {
        let line =
            format!("trap : INT; stty rows {ROWS} cols {COLUMNS}; '{CHANT}' {args}; echo \"exit $?\"; stty -a | grep -ow -e '-*icanon'");
        let mut command = repo.command(repo.path(), "script");
        command.args(["-qec", &line, "/dev/null"]).env("TERM", "xterm").env("SHELL", "/bin/sh");
        let Ok(mut child) = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn() else {
            eprintln!("skipped: there is no program `script`, which makes a terminal");
            return None;
        };
        let screen = Arc::new(Mutex::new(vt100::Parser::new(ROWS, COLUMNS, 500)));
        let (mut out, there) = (child.stdout.take().unwrap(), Arc::clone(&screen));
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = out.read(&mut bytes) {
                there.lock().unwrap().process(&bytes[..count]);
            }
        });
        Some(Self { child, screen })
    }

    fn lines(&self) -> Vec<String> {
        let screen = self.screen.lock().unwrap();
        screen.screen().rows(0, COLUMNS).map(|line| line.trim_end().to_owned()).filter(|line| !line.is_empty()).collect()
    }

    /// Waits until the screen is as it should be.
    #[track_caller]
    fn shows(&self, what: &str, is_so: impl Fn(&[String]) -> bool) -> Vec<String> {
        let deadline = Instant::now() + Duration::from_secs(120);
        loop {
            let lines = self.lines();
            if is_so(&lines) {
                return lines;
            }
            assert!(Instant::now() < deadline, "{what} never came:\n{}", lines.join("\n"));
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Presses a key.
    fn press(&mut self, key: u8) {
        self.child.stdin.as_mut().unwrap().write_all(&[key]).unwrap();
    }

    /// Everything that stays, also what went out of sight.
    fn rest(mut self) -> String {
        let lines = self.shows("the end", |lines| lines.iter().any(|line| line.ends_with("icanon")));
        drop(self.child.stdin.take());
        assert!(self.child.wait().unwrap().success());
        let mut text = String::new();
        let mut screen = self.screen.lock().unwrap();
        screen.screen_mut().set_scrollback(ROWS.into());
        for line in screen.screen().rows(0, COLUMNS).chain(lines) {
            writeln!(text, "{}", line.trim_end()).unwrap();
        }
        text
    }
}

fn repository() -> (TestRepo, [String; 2]) {
    let repo = TestRepo::with_chant();
    repo.agent("robin", AGENT);
    repo.git(&["config", "chant.agent.robin.format", "claude"]);
    repo.git(&["config", "chant.stagger", "0"]);
    let ids = ["One", "Two"].map(|title| repo.add_spec(title, &[]));
    (repo, ids)
}

fn moves(lines: &[String], with: &str) -> bool {
    lines.iter().any(|line| line.starts_with(|c: char| ('\u{2800}'..='\u{28ff}').contains(&c)) && line.contains(with))
}

#[test]
fn each_running_spec_has_one_line_that_moves_and_nothing_of_it_stays() {
    let (repo, ids) = repository();
    let Some(terminal) = Terminal::run(&repo, "work --all --parallel 2") else { return };
    let both = |lines: &[String], with: &str| {
        let of = |id: &String| lines.iter().filter(|line| line.contains(&format!(" {id} ")) && line.contains(with)).cloned().collect();
        ids.iter().all(|id| moves(&of(id) as &Vec<String>, ""))
    };
    let said = terminal.shows("what it said", |lines| both(lines, "12.6k in, 950 out  [2J日本語の"));
    // The time since it began, behind the spec.
    let timed = |line: &String| {
        line.split(' ').nth(2).is_some_and(|time| time.starts_with(|c: char| c.is_ascii_digit()) && time.ends_with(['s', 'm']))
    };
    assert_eq!(said.iter().filter(|line| line.contains("12.6k in") && timed(line)).count(), 2, "{said:#?}");
    assert_eq!(said.iter().filter(|line| moves(&[(*line).clone()], "")).count(), 2, "{said:#?}");
    assert!(said.iter().any(|line| line.starts_with(&format!("[{}] Working {}: One", ids[0], ids[0]))), "nothing was cleared: {said:#?}");
    repo.write("../home/tool", "");
    terminal.shows("the tool", |lines| both(lines, "12.6k in, 950 out  $ make 2"));
    repo.write("../home/end", "");
    let rest = terminal.rest();
    assert!(rest.contains("2 of 2 specs done:") && rest.contains("exit 0\n"), "{rest}");
    assert!(!rest.contains("12.6k in, 950 out  $") && !rest.contains(|c: char| ('\u{2800}'..='\u{28ff}').contains(&c)), "{rest}");
}

#[test]
fn ctrl_c_leaves_a_terminal_as_it_was() {
    let (repo, ids) = repository();
    let Some(mut terminal) = Terminal::run(&repo, &format!("work {}", ids[0])) else { return };
    terminal.shows("the line", |lines| moves(lines, &format!("{} ", ids[0])) && moves(lines, "12.6k in"));
    terminal.press(3);
    let rest = terminal.rest();
    assert!(rest.contains(&format!("✗ {} failed: interrupted", ids[0])) && rest.contains("exit 1\n"), "{rest}");
    assert!(!rest.contains("-icanon") && !rest.contains("12.6k in, 950 out  "), "{rest}");
}

#[test]
fn where_the_answer_goes_elsewhere_it_has_every_line() {
    let (repo, ids) = repository();
    repo.write("../home/tool", "");
    repo.write("../home/end", "");
    let Some(terminal) = Terminal::run(&repo, &format!("work {} >../said", ids[0])) else { return };
    terminal.rest();
    let said = std::fs::read_to_string(repo.root().join("said")).unwrap();
    assert!(said.contains(&format!("\n$ make {}\n", ids[0])) && said.contains("completed"), "{said}");
}

#[test]
fn a_terminal_that_goes_away_ends_the_agents_and_their_runs() {
    let (repo, ids) = repository();
    let Some(mut terminal) = Terminal::run(&repo, "work --all --parallel 2") else { return };
    terminal.shows("two lines", |lines| ids.iter().all(|id| moves(lines, id)));
    terminal.child.kill().unwrap();
    terminal.child.wait().unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    // A panic would leave them in progress, with nobody working.
    while ids.iter().any(|id| repo.show(id)["status"] != "failed") {
        assert!(Instant::now() < deadline, "{}", repo.chant(&["list"]));
    }
    repo.chant(&["show", &ids[0]]).ok().says("interrupted");
}
