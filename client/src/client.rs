//! The connection: addresses, limits, and how answers are read.

use std::io::Read;
use std::io::Write;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use ureq::Agent;
use ureq::http::Response;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

use crate::address::Address;
use crate::error::{ClientError, Problem};

/// The most that is read of a refusal.
const MAX_PROBLEM_BYTES: u64 = 64 << 10;

/// How long things may take, and whom to trust.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Until a connection stands.
    pub connect: Duration,
    /// Until an answer begins: a release is verified before it is acknowledged.
    pub answer: Duration,
    /// Between two pieces of an answer.
    pub piece: Duration,
    /// For an answer as a whole; an export has no such limit.
    pub whole: Duration,
    /// Certificates in PEM to trust instead of the public authorities: for a ledger inside a hospitals' network.
    pub certificates: Option<Vec<u8>>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            answer: Duration::from_secs(60),
            piece: Duration::from_secs(30),
            whole: Duration::from_secs(300),
            certificates: None,
        }
    }
}

/// A ledger service by its address. What its methods return is what the service says: for whatever somebody acts on,
/// go through [`TrustedLedger`](crate::TrustedLedger) or the auditor.
#[derive(Clone, Debug)]
pub struct LedgerClient {
    address: Address,
    agent: Agent,
}

/// The body of an answer that is a success.
type Answer = Response<ureq::Body>;

impl LedgerClient {
    /// A client of the service at an address, as `https://ledger.example.org`. Connects to nothing yet.
    pub fn new(url: &str) -> Result<Self, ClientError> {
        Self::with_settings(url, &Settings::default())
    }

    /// The same with settings of one's own.
    pub fn with_settings(url: &str, settings: &Settings) -> Result<Self, ClientError> {
        let address = Address::parse(url)?;
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            // An answer that sends elsewhere is refused by us, with the place named.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("cohortium-client/", env!("CARGO_PKG_VERSION")))
            .timeout_resolve(Some(settings.connect))
            .timeout_connect(Some(settings.connect))
            .timeout_send_body(Some(settings.whole))
            .timeout_recv_response(Some(settings.answer))
            .timeout_recv_body(Some(settings.whole))
            .timeout_per_read(Some(settings.piece));
        if address.is_loopback() {
            config = config.proxy(None);
        }
        if let Some(pem) = &settings.certificates {
            let roots = RootCerts::from(certificates(pem)?);
            config = config.tls_config(TlsConfig::builder().root_certs(roots).build());
        }
        Ok(Self { address, agent: Agent::new_with_config(config.build()) })
    }

    /// The service's address.
    pub fn address(&self) -> &str {
        self.address.as_str()
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.address.as_str())
    }

    /// Gets a document of at most `limit` bytes.
    pub(crate) fn get_bytes(&self, path: &str, limit: u64) -> Result<Vec<u8>, ClientError> {
        let answer = self.agent.get(self.url(path)).call().map_err(|error| self.failed(path, limit, error))?;
        self.body(path, self.success(path, answer)?, limit)
    }

    /// Gets a text.
    pub(crate) fn get_text(&self, path: &str, limit: u64) -> Result<String, ClientError> {
        String::from_utf8(self.get_bytes(path, limit)?).map_err(|_| unexpected(path, "it is not UTF-8 text"))
    }

    /// Gets JSON.
    pub(crate) fn get<T: DeserializeOwned>(&self, path: &str, limit: u64) -> Result<T, ClientError> {
        parse(path, &self.get_bytes(path, limit)?)
    }

    /// Posts JSON, gets JSON.
    pub(crate) fn post_json<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
        limit: u64,
    ) -> Result<T, ClientError> {
        let body = serde_json::to_vec(body).map_err(|error| unexpected(path, &error.to_string()))?;
        let call = self.agent.post(self.url(path)).content_type("application/json").send(&body[..]);
        let answer = call.map_err(|error| self.failed(path, limit, error))?;
        parse(path, &self.body(path, self.success(path, answer)?, limit)?)
    }

    /// Copies an answer to a writer as it comes; how many bytes it had.
    pub(crate) fn copy(&self, path: &str, limit: u64, to: &mut dyn Write) -> Result<u64, ClientError> {
        let request = self.agent.get(self.url(path)).config().timeout_recv_body(None).build();
        let answer = request.call().map_err(|error| self.failed(path, limit, error))?;
        let mut reader = self.success(path, answer)?.into_body().into_with_config().limit(limit).reader();
        let mut piece = vec![0; 1 << 16];
        let mut total = 0;
        loop {
            // Each side's errors by themselves: only one of them is worth another attempt.
            let read = match reader.read(&mut piece) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(self.failed(path, limit, ureq::Error::from(error))),
            };
            to.write_all(&piece[..read]).map_err(|error| ClientError::Write { reason: error.to_string() })?;
            total += read as u64;
        }
        to.flush().map_err(|error| ClientError::Write { reason: error.to_string() })?;
        Ok(total)
    }

    /// Refuses an answer that is no success.
    fn success(&self, path: &str, mut answer: Answer) -> Result<Answer, ClientError> {
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let header = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok());
        if status.is_redirection() {
            let to = header("location").unwrap_or_default().chars().take(200).collect();
            return Err(ClientError::Redirected { address: self.address().to_owned(), to });
        }
        // Whoever stands on the way, as a proxy, answers in another type: that names no rule of a ledger.
        let kind = header("content-type").unwrap_or_default().split(';').next().unwrap_or_default();
        let is_problem = kind.trim().eq_ignore_ascii_case("application/problem+json");
        // Seconds only: a date would be by the service's clock.
        let retry_after = header("retry-after").and_then(|value| value.parse().ok()).map(Duration::from_secs);
        let body = answer.body_mut().with_config().limit(MAX_PROBLEM_BYTES).read_to_vec();
        match body {
            // What is beyond the limit, or broke off, is no reason to hide that it refused.
            Ok(body) if is_problem => {
                Err(ClientError::Refused(Box::new(Problem::read(status.as_u16(), retry_after, &body))))
            }
            Ok(_) | Err(ureq::Error::BodyExceedsLimit(_)) => {
                Err(ClientError::Refused(Box::new(Problem::read(status.as_u16(), retry_after, &[]))))
            }
            Err(error) => Err(self.failed(path, MAX_PROBLEM_BYTES, error)),
        }
    }

    fn body(&self, path: &str, mut answer: Answer, limit: u64) -> Result<Vec<u8>, ClientError> {
        answer.body_mut().with_config().limit(limit).read_to_vec().map_err(|error| self.failed(path, limit, error))
    }

    /// A failure below HTTP, or of its form.
    fn failed(&self, path: &str, limit: u64, error: ureq::Error) -> ClientError {
        match error {
            ureq::Error::BodyExceedsLimit(_) => ClientError::TooLarge { path: path.to_owned(), limit },
            // Reading as one goes hides the same in an error of the stream.
            ureq::Error::Io(error) if hides_limit(&error) => ClientError::TooLarge { path: path.to_owned(), limit },
            error @ (ureq::Error::Protocol(_) | ureq::Error::Http(_) | ureq::Error::LargeResponseHeader(..)) => {
                unexpected(path, &error.to_string())
            }
            // Patience mends no certificate. What goes wrong in a handshake comes as bad data of the stream.
            ureq::Error::Io(error)
                if error.kind() == std::io::ErrorKind::InvalidData && self.address().starts_with("https:") =>
            {
                ClientError::Insecure { address: self.address().to_owned(), reason: error.to_string() }
            }
            error @ (ureq::Error::Tls(_) | ureq::Error::Rustls(_) | ureq::Error::Pem(_)) => {
                ClientError::Insecure { address: self.address().to_owned(), reason: error.to_string() }
            }
            error => ClientError::Unreachable { address: self.address().to_owned(), reason: error.to_string() },
        }
    }
}

fn hides_limit(error: &std::io::Error) -> bool {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<ureq::Error>());
    matches!(inner, Some(ureq::Error::BodyExceedsLimit(_)))
}

pub(crate) fn unexpected(path: &str, reason: &str) -> ClientError {
    ClientError::Unexpected { path: path.to_owned(), reason: reason.chars().take(500).collect() }
}

pub(crate) fn parse<T: DeserializeOwned>(path: &str, body: &[u8]) -> Result<T, ClientError> {
    serde_json::from_slice(body).map_err(|error| unexpected(path, &error.to_string()))
}

fn certificates(pem: &[u8]) -> Result<Vec<Certificate<'static>>, ClientError> {
    let wrong = |reason: String| ClientError::Certificates { reason };
    let mut found = Vec::new();
    for item in parse_pem(pem) {
        if let PemItem::Certificate(certificate) = item.map_err(|error| wrong(error.to_string()))? {
            found.push(certificate);
        }
    }
    if found.is_empty() { Err(wrong("there is no certificate in PEM".to_owned())) } else { Ok(found) }
}
