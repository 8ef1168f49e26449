//! A small web server that hands every request to `git http-backend`, as a real one does by CGI.

use crate::common::TestRepo;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

/// A server that ends with the test: as long as it is there, so is the scenario's directory.
pub struct Http {
    pub port: u16,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// Serves the scenario's directory.
pub fn serve(repo: TestRepo) -> Http {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let over = Arc::new(AtomicBool::new(false));
    let is_over = Arc::clone(&over);
    let thread = std::thread::spawn(move || {
        std::thread::scope(|scope| {
            for stream in listener.incoming().take_while(|_| !is_over.load(Ordering::SeqCst)) {
                // A client that goes away in the middle is its own affair.
                scope.spawn(|| drop(answer(&repo, stream.unwrap())));
            }
        });
    });
    Http { port, over, thread: Some(thread) }
}

impl Drop for Http {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        // It looks when somebody comes.
        drop(TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)));
        drop(self.thread.take().map(JoinHandle::join));
    }
}

struct Request {
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value)
    }
}

fn answer(repo: &TestRepo, mut stream: TcpStream) -> std::io::Result<()> {
    let request = read(&mut stream)?;
    let mut command = repo.command(repo.root(), "git");
    command.arg("http-backend").stdin(Stdio::piped()).stdout(Stdio::piped());
    command.env("GIT_PROJECT_ROOT", repo.root()).env("GIT_HTTP_EXPORT_ALL", "1").env("REMOTE_ADDR", "127.0.0.1");
    command.env("REQUEST_METHOD", &request.method).env("PATH_INFO", &request.path).env("QUERY_STRING", &request.query);
    command.env("CONTENT_TYPE", request.header("content-type")).env("CONTENT_LENGTH", request.body.len().to_string());
    command.env("HTTP_CONTENT_ENCODING", request.header("content-encoding")).env("GIT_PROTOCOL", request.header("git-protocol"));
    let mut child = command.spawn()?;
    let mut stdin = child.stdin.take().unwrap();
    let body = request.body;
    let feeder = std::thread::spawn(move || drop(stdin.write_all(&body)));
    let mut said = Vec::new();
    child.stdout.take().unwrap().read_to_end(&mut said)?;
    child.wait()?;
    feeder.join().unwrap();
    let end = said.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap_or(said.len());
    let head = String::from_utf8_lossy(&said[..end]).into_owned();
    let status = head.lines().find_map(|line| line.strip_prefix("Status: ")).unwrap_or("200 OK");
    let others: String = head.lines().filter(|line| !line.starts_with("Status: ")).map(|line| format!("{line}\r\n")).collect();
    write!(stream, "HTTP/1.1 {status}\r\n{others}Connection: close\r\n\r\n")?;
    stream.write_all(said.get(end + 4..).unwrap_or_default())
}

fn read(stream: &mut TcpStream) -> std::io::Result<Request> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (path, query) = target.split_once('?').map_or((target.as_str(), ""), |parts| parts);
    let mut request = Request { method, path: path.to_owned(), query: query.to_owned(), headers: Vec::new(), body: Vec::new() };
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        request.headers.push((name.to_owned(), value.trim().to_owned()));
    }
    if request.header("expect").eq_ignore_ascii_case("100-continue") {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    if request.header("transfer-encoding").eq_ignore_ascii_case("chunked") {
        loop {
            line.clear();
            reader.read_line(&mut line)?;
            let size = u64::from_str_radix(line.trim(), 16).unwrap_or(0);
            reader.by_ref().take(size).read_to_end(&mut request.body)?;
            line.clear();
            reader.read_line(&mut line)?;
            if size == 0 {
                break;
            }
        }
    } else {
        let size = request.header("content-length").parse().unwrap_or(0);
        reader.take(size).read_to_end(&mut request.body)?;
    }
    Ok(request)
}
