//! A small ledger service for tests: real HTTP over a loopback socket, over the auditor's own state machine. It can be
//! made to lie, to break off and to be slow, one answer at a time.

#![allow(dead_code, unreachable_pub)] // every test program takes what it needs

mod answers;

use std::collections::BTreeMap;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::io::Write;
use std::net::TcpListener;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use cohortium_keys::VerifyingKey;
use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::{Block, Charter, Checkpoint, MemberKey, Timestamp, Transaction};
use cohortium_verifier::ledger::{Founding, Refusal, State, Verification};

/// When the first block is made: what it is on the tests' days.
const BEGUN: u64 = 1_795_561_648;
/// The longest body that is taken.
const MAX_BODY: usize = 16 << 20;

/// An answer as it goes over the wire.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Sends nothing at all, and ends the connection.
    pub broken: bool,
    /// Says that the body is so long, and goes on sending until the reader has had enough.
    pub endless: bool,
    /// Waits before it answers.
    pub delay: Duration,
}

impl Answer {
    pub fn new(status: u16, kind: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("Content-Type".to_owned(), kind.to_owned())];
        Self { status, headers, body: body.into(), broken: false, endless: false, delay: Duration::ZERO }
    }

    pub fn json(status: u16, value: &serde_json::Value) -> Self {
        Self::new(status, "application/json", value.to_string())
    }

    pub fn problem(status: u16, rule: &str, detail: &str) -> Self {
        let body = serde_json::json!({
            "type": format!("urn:cohortium:rule:{rule}"), "title": rule, "status": status, "detail": detail, "rule": rule,
        });
        Self::new(status, "application/problem+json", body.to_string())
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn value(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The same with its JSON changed.
    pub fn edit(mut self, change: impl FnOnce(&mut serde_json::Value)) -> Self {
        let mut value = self.value();
        change(&mut value);
        self.body = value.to_string().into_bytes();
        self
    }
}

/// Changes the answer to a path; told the path and the right answer.
pub type Bend = Box<dyn FnMut(&str, Answer) -> Answer + Send>;

/// What the service holds.
pub struct Inner {
    pub state: State,
    pub keys: Vec<VerifyingKey>,
    operator: MemberKey,
    pub blocks: Vec<Block>,
    pub notes: BTreeMap<u64, String>,
    /// Each with its block's height and time.
    pub transactions: Vec<(Transaction, u64, Timestamp)>,
    pub now: Timestamp,
    pub bend: Option<Bend>,
    /// Every request so far: method and path.
    pub log: Vec<String>,
}

impl Inner {
    /// Admits a transaction into a block of its own.
    pub fn admit(&mut self, transaction: Transaction) -> Result<u64, Refusal> {
        self.now = self.now.plus(1);
        let check = self.state.prepare(&transaction, self.now)?;
        let verification = match check {
            None => Verification::NotNeeded,
            Some(check) => Verification::Verified(Box::new(check.run()?)),
        };
        let mut block = self.state.open_block(self.now);
        let admitted = block.admit(transaction.clone(), &verification)?;
        let block = block.seal(&self.operator).unwrap().unwrap();
        self.notes.insert(block.size, block.checkpoint.clone());
        self.transactions.push((transaction, block.height, block.time));
        self.blocks.push(block);
        Ok(admitted.index)
    }

    /// The newest checkpoint.
    pub fn note(&self) -> String {
        self.notes.last_key_value().map(|(_, note)| note.clone()).unwrap()
    }

    pub fn founding(&self) -> Founding {
        Founding::new(self.state.charter().clone(), &self.keys)
    }
}

/// A running service; dropped, it ends.
pub struct Service {
    pub url: String,
    inner: Arc<Mutex<Inner>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Service {
    /// Founds a ledger and serves it.
    pub fn start(charter: Charter, keys: Vec<VerifyingKey>, operator: MemberKey) -> Self {
        let founding = Checkpoint {
            origin: charter.ledger(),
            size: 0,
            root: cohortium_protocol::ledger::empty_root(),
            height: 0,
            block: charter.digest(),
            time: Timestamp::default(),
        };
        let notes = BTreeMap::from([(0, founding.sign(&operator).unwrap())]);
        let copies = keys.iter().map(|key| VerifyingKey::from_document(&key.to_document()).unwrap()).collect();
        let inner = Inner {
            state: State::found(charter, keys).unwrap(),
            keys: copies,
            operator,
            blocks: Vec::new(),
            notes,
            transactions: Vec::new(),
            now: Timestamp::from_unix(BEGUN),
            bend: None,
            log: Vec::new(),
        };
        let inner = Arc::new(Mutex::new(inner));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let stop = Arc::new(AtomicBool::new(false));
        let (shared, stopping) = (inner.clone(), stop.clone());
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopping.load(Ordering::SeqCst) {
                    return;
                }
                if let Ok(stream) = stream {
                    // A client that breaks off is its own affair.
                    let _ = serve(stream, &shared);
                }
            }
        });
        Self { url, inner, stop, thread: Some(thread) }
    }

    pub fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }

    /// Admits a transaction, as if somebody had posted it.
    pub fn admit(&self, transaction: Transaction) -> Digest {
        let id = transaction.id();
        self.lock().admit(transaction).unwrap();
        id
    }

    /// Changes answers from now on.
    pub fn bend(&self, bend: impl FnMut(&str, Answer) -> Answer + Send + 'static) {
        self.lock().bend = Some(Box::new(bend));
    }

    /// Tells the truth again.
    pub fn straighten(&self) {
        self.lock().bend = None;
    }

    /// Requests so far whose line begins so.
    pub fn asked(&self, begin: &str) -> usize {
        self.lock().log.iter().filter(|line| line.starts_with(begin)).count()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.url.trim_start_matches("http://"));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve(stream: TcpStream, shared: &Mutex<Inner>) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.set_write_timeout(Some(Duration::from_secs(5)))?;
    let mut reader = BufReader::new(stream.try_clone()?.take(MAX_BODY as u64));
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace();
    let (method, path) = (words.next().unwrap_or_default().to_owned(), words.next().unwrap_or_default().to_owned());
    let mut length = 0;
    loop {
        let mut header = String::new();
        if reader.read_line(&mut header)? == 0 || header.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = header.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    if method.is_empty() {
        return Ok(());
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let answer = {
        let mut inner = shared.lock().unwrap();
        inner.log.push(format!("{method} {path}"));
        let right = answers::answer(&mut inner, &method, &path, &body);
        match inner.bend.take() {
            None => right,
            Some(mut bend) => {
                let bent = bend(&path, right);
                inner.bend = Some(bend);
                bent
            }
        }
    };
    write(stream, &answer)
}

fn write(mut stream: TcpStream, answer: &Answer) -> std::io::Result<()> {
    std::thread::sleep(answer.delay);
    if answer.broken {
        return Ok(());
    }
    let mut head = format!("HTTP/1.1 {} Status\r\nConnection: close\r\n", answer.status);
    for (name, value) in &answer.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if !answer.endless {
        head.push_str(&format!("Content-Length: {}\r\n", answer.body.len()));
    }
    stream.write_all(head.as_bytes())?;
    stream.write_all(b"\r\n")?;
    stream.write_all(&answer.body)?;
    if answer.endless {
        // Until the reader hangs up.
        loop {
            stream.write_all(&[b' '; 4096])?;
        }
    }
    stream.flush()
}
