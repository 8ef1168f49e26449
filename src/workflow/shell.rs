//! A line for the shell that a person wrote, in a setting or a criterion: run in a worktree, with an end to its time and its output.

use crate::agent::process::{Ended, Task, run as run_process};
use crate::agent::settings::MUCH_OUTPUT;
use crate::output::safe;
use anyhow::{Context as _, Result};
use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How many of the last bytes of what it printed are looked at, and of their lines.
const BYTES: u64 = 8192;
const LINES: usize = 8;

/// A line that has ended, and what it printed.
pub(super) struct Ran {
    pub(super) ended: Ended,
    log: tempfile::NamedTempFile,
}

/// Runs it to its end.
pub(super) fn run(line: &str, dir: &Path, env: Vec<(OsString, OsString)>, timeout: Option<Duration>) -> Result<Ran> {
    let log = tempfile::NamedTempFile::new().context("could not make a temporary file")?;
    let task = Task {
        program: "sh".into(),
        args: vec!["-c".into(), line.into()],
        cwd: dir.to_owned(),
        env,
        prompt_file: PathBuf::from("/dev/null"),
        log: OpenOptions::new().read(true).append(true).open(log.path()).context("could not open a temporary file")?,
        group_file: None,
        timeout,
        idle: None,
        max_output: Some(MUCH_OUTPUT),
        grace: Duration::from_secs(2),
        interactive: false,
    };
    Ok(Ran { ended: run_process(task, &mut |_| {})?, log })
}

impl Ran {
    /// The end of what it printed, below the words about a failure.
    pub(super) fn last_lines(&self) -> String {
        // Merely words: what cannot be read is left out.
        let text = safe(&String::from_utf8_lossy(&end_of(self.log.path()).unwrap_or_default()));
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(LINES)..].iter().map(|line| format!("\n    {line}")).collect()
    }
}

fn end_of(log: &Path) -> std::io::Result<Vec<u8>> {
    let mut file = File::open(log)?;
    file.seek(SeekFrom::Start(file.metadata()?.len().saturating_sub(BYTES)))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}
