//! Programs that tests write and start, beside many other tests in one process.

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Once};

/// Writes a program, or a new text for one. A child does that: a file that we have open for writing is open in whatever another test's
/// thread forks meanwhile, until its exec, and as long as that is so the program cannot be started ("Text file busy").
#[track_caller]
pub fn write(path: &Path, text: impl AsRef<[u8]>) {
    let mut sh = Command::new("sh");
    sh.args(["-c", "printf %s \"$2\" >\"$1\"", "sh"]).arg(path).arg(OsStr::from_bytes(text.as_ref()));
    assert!(sh.stdin(Stdio::null()).status().unwrap().success(), "could not write {}", path.display());
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Copies a program.
#[track_caller]
pub fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-p").arg(from).arg(to).status().unwrap().success(), "could not copy {}", from.display());
}

/// Puts copies in the place of the programs in a directory that this process itself has written there.
#[track_caller]
pub fn settle(dir: &Path) {
    let settled = dir.join("settled");
    fs::create_dir(&settled).unwrap();
    let files = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file() && !path.is_symlink());
    let files: Vec<_> = files.collect();
    assert!(Command::new("cp").arg("-p").args(&files).arg(&settled).status().unwrap().success(), "could not copy {}", dir.display());
    for file in files {
        fs::rename(settled.join(file.file_name().unwrap()), file).unwrap();
    }
    fs::remove_dir(settled).unwrap();
}

/// A background job of a script, or what `nohup` starts, ignores signals, and so would all that we start: a test that sends one would wait
/// for ever. What we handle ourselves begins anew in every child.
pub fn hear_signals() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        let mask = mask.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok()).unwrap_or(0);
        for signal in [SIGINT, SIGTERM, SIGHUP, SIGQUIT].into_iter().filter(|signal| mask >> (signal - 1) & 1 == 1) {
            signal_hook::flag::register(signal, Arc::default()).unwrap();
        }
    });
}
