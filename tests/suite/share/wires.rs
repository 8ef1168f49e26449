//! The same over every way that git itself has to a remote. A way whose parts are not installed says so and is passed over.

mod http;

use super::*;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A server that ends with the test.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// True where git has this program of its own.
fn git_has(repo: &TestRepo, program: &str) -> bool {
    let there = Path::new(&repo.git(&["--exec-path"])).join(program).exists();
    if !there {
        eprintln!("not tested: git has no {program} here");
    }
    there
}

fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

impl Server {
    /// Waits until it answers; false where it has ended, because somebody else has its port.
    fn answers(&mut self, port: u16) -> bool {
        let deadline = Instant::now() + Duration::from_secs(120);
        while self.0.try_wait().unwrap().is_none() && Instant::now() < deadline {
            if TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok() {
                // Or was it that somebody?
                return self.0.try_wait().unwrap().is_none();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }
}

/// Two clones push, fetch, join and claim over this URL; then the server refuses, and nothing is lost.
fn shares_over(us: &TestRepo, url: &str) {
    let them = us.clone_to(us.root().join("origin.git"), "them");
    for repo in [us, &them] {
        repo.git(&["remote", "set-url", "origin", url]);
        repo.agent("works", crate::claims::WORKS);
        repo.git(&["config", "chant.trust", "all"]);
    }
    them.chant(&["init"]).ok();
    let id = us.add_spec("One", &["First"]);
    us.chant(&["push"]).ok().says(&format!("pushed     {id}"));
    quiet(us.chant(&["sync"]));
    them.chant(&["fetch"]).ok().says(&format!("new        {id}"));
    us.chant(&["edit", &id, "--add-label", "ours"]).ok();
    them.chant(&["edit", &id, "--add-label", "theirs"]).ok();
    us.chant(&["push"]).ok();
    them.chant(&["push"]).ok().says(&format!("joined     {id}"));
    us.chant(&["work", "--claim", &id]).ok().says("completed");
    them.chant(&["sync"]).ok().says("completed");
    us.chant(&["sync"]).ok();
    them.chant(&["sync"]).ok();
    assert_eq!(shared(us), shared(&them));
    us.script(us.root().join("origin.git/hooks/pre-receive"), "grep -q refs/chant && { echo 'no chant here' >&2; exit 1; }; exit 0");
    us.chant(&["edit", &id, "--add-label", "late"]).ok();
    let before = shared(us);
    let said = us.chant(&["push"]).fails(128).says("origin does not take").says("no chant here").says("your specs are as they were");
    said.says("hint: where a host takes branches only: git config chant.transport branch");
    assert_eq!(shared(us), before);
    us.git(&["config", "chant.transport", "branch"]);
    us.chant(&["push"]).ok().says(&id);
}

fn with_origin() -> TestRepo {
    let us = TestRepo::with_chant();
    let bare = us.with_origin();
    us.git(&["-C", bare.to_str().unwrap(), "config", "http.receivepack", "true"]);
    us
}

#[test]
fn a_path() {
    let us = with_origin();
    let url = us.root().join("origin.git");
    shares_over(&us, url.to_str().unwrap());
}

#[test]
fn git_daemon() {
    let us = with_origin();
    if !git_has(&us, "git-daemon") {
        return;
    }
    // The port may be taken between our look and the daemon's.
    for _ in 0..5 {
        let port = free_port();
        let base = format!("--base-path={}", us.root().display());
        // The program itself, not `git daemon`, which would leave it behind when it is killed.
        let mut command = us.command(us.root(), Path::new(&us.git(&["--exec-path"])).join("git-daemon"));
        command.args(["--reuseaddr", "--export-all", "--enable=receive-pack", "--listen=127.0.0.1", &base, &format!("--port={port}")]);
        let mut server = Server(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        if server.answers(port) {
            return shares_over(&us, &format!("git://127.0.0.1:{port}/origin.git"));
        }
    }
    panic!("git daemon never answered");
}

#[test]
fn smart_http() {
    let us = with_origin();
    if !git_has(&us, "git-http-backend") || !git_has(&us, "git-remote-http") {
        return;
    }
    let server = http::serve(us.clone());
    shares_over(&us, &format!("http://127.0.0.1:{}/origin.git", server.port));
}

/// What `ssh` does with its last argument, without a network: for machines that have no server to talk to.
#[test]
fn ssh_by_a_stand_in() {
    let us = with_origin();
    us.script("stand-in-for-ssh", "for last; do :; done; exec sh -c \"$last\"");
    us.git(&["config", "--global", "core.sshCommand", "stand-in-for-ssh"]);
    us.git(&["config", "--global", "ssh.variant", "ssh"]);
    let url = format!("ssh://nobody@nowhere.invalid{}", us.root().join("origin.git").display());
    shares_over(&us, &url);
}

#[test]
fn ssh_to_a_server() {
    let us = with_origin();
    let sshd = ["/usr/sbin/sshd", "/usr/local/sbin/sshd"].into_iter().find(|path| Path::new(path).exists());
    let (Some(sshd), true) = (sshd, Command::new("ssh").arg("-V").stderr(Stdio::null()).status().is_ok_and(|status| status.success()))
    else {
        eprintln!("not tested: no sshd here");
        return;
    };
    let dir = us.root().join("ssh");
    std::fs::create_dir(&dir).unwrap();
    for key in ["host", "user"] {
        let file = dir.join(key);
        Outcome::of(us.command(&dir, "ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(file)).ok();
    }
    std::fs::copy(dir.join("user.pub"), dir.join("authorized")).unwrap();
    let port = free_port();
    let config = format!(
        "ListenAddress 127.0.0.1\nPort {port}\nHostKey {0}/host\nAuthorizedKeysFile {0}/authorized\nStrictModes no\nUsePAM no\nPidFile none\n\
         PasswordAuthentication no\nPermitRootLogin yes\nUseDNS no\n",
        dir.display()
    );
    std::fs::write(dir.join("config"), config).unwrap();
    let mut command = Command::new(sshd);
    command.args(["-D", "-e", "-f"]).arg(dir.join("config")).stdin(Stdio::null()).stdout(Stdio::null());
    let mut server = Server(command.stderr(std::fs::File::create(dir.join("log")).unwrap()).spawn().unwrap());
    // One connection for all of the test: its handshake takes half a second, and git makes some thirty.
    let ssh = format!(
        "ssh -F none -S {0}/shared -i {0}/user -o IdentitiesOnly=yes -o BatchMode=yes -o ConnectTimeout=60 -o StrictHostKeyChecking=no -o UserKnownHostsFile={0}/known",
        dir.display()
    );
    us.git(&["config", "--global", "core.sshCommand", &ssh]);
    let user = std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_else(|_| "root".to_owned());
    let url = format!("ssh://{user}@127.0.0.1:{port}{}", us.root().join("origin.git").display());
    let there = server.answers(port);
    let mut command = us.command(&dir, "sh");
    command.args(["-c", &format!("exec {ssh} -M -N -p {port} {user}@127.0.0.1")]).stdin(Stdio::null()).stdout(Stdio::null());
    let mut master = Server(command.stderr(Stdio::null()).spawn().unwrap());
    for _ in 0..1000 {
        if dir.join("shared").exists() || master.0.try_wait().unwrap().is_some() {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    if !there || us.try_git(&["ls-remote", &url]).code != 0 {
        // Some machines let nobody in, whatever the configuration says: that is not ours to test.
        eprintln!("not tested: sshd lets nobody in: {}", std::fs::read_to_string(dir.join("log")).unwrap_or_default());
        return;
    }
    shares_over(&us, &url);
}
