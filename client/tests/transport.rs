//! What can go wrong on the way: nobody there, too much, too late, elsewhere; and posting the same again.

#![allow(clippy::unwrap_used)] // a test stops where it fails

mod service;

use std::net::TcpListener;
use std::time::Duration;
use std::time::Instant;

use cohortium_client::{ClientError, LedgerClient, RetryPolicy, Settings};
use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::{Charter, MemberKey, Statement, Transaction};
use service::{Answer, Service};

fn key(byte: u8) -> MemberKey {
    MemberKey::from_bytes(&[byte; 32])
}

fn charter() -> Charter {
    Charter::parse(&format!(
        r#"{{"format": "cohortium-charter/1", "name": "trial", "founded": "2026-11-24", "members": [
            {{"name": "St. Mary's / Ä", "role": "hospital", "key": "{}"}},
            {{"name": "Operator", "role": "operator", "key": "{}"}}],
            "verifying_keys": [], "acceptance_seconds": 100, "answer_seconds": 100, "opening_share": 9}}"#,
        key(1).public(),
        key(5).public()
    ))
    .unwrap()
}

fn start() -> Service {
    Service::start(charter(), Vec::new(), key(5))
}

fn client(service: &Service) -> LedgerClient {
    LedgerClient::new(&service.url).unwrap()
}

fn seeds(number: u32) -> Transaction {
    let statement = Statement::Seeds { number, leaves: 8, root: Digest::of_bytes(b"root") };
    Transaction::sign(&charter().ledger(), "St. Mary's / Ä", statement, &key(1))
}

fn quick(attempts: u32) -> RetryPolicy {
    let milliseconds = Duration::from_millis;
    RetryPolicy { attempts, first: milliseconds(5), longest: milliseconds(20), total: Duration::from_secs(20) }
}

#[test]
fn the_routes_that_need_no_tables() {
    let service = start();
    let client = client(&service);
    assert_eq!(client.charter().unwrap().digest(), charter().digest());
    let info = client.ledger().unwrap();
    assert_eq!((info.ledger, info.height, info.size), (charter().ledger(), 0, 0));
    assert_eq!(client.checkpoint().unwrap(), info.checkpoint);
    assert!(client.keys().unwrap().is_empty() && client.datasets().unwrap().is_empty());
    assert!(client.studies().unwrap().is_empty() && client.queries(&Default::default()).unwrap().queries.is_empty());
    let posted = client.post(&seeds(1)).unwrap();
    assert_eq!((posted.index, posted.height, posted.already), (0, 1, false));
    assert_eq!(client.transaction(&posted.id).unwrap().transaction, seeds(1));
    assert_eq!(client.consistency(0, 1).unwrap().path, []);
    let mut export = Vec::new();
    let length = client.export(&mut export, 1 << 20).unwrap();
    assert_eq!((length as usize, export.iter().filter(|byte| **byte == b'\n').count()), (export.len(), 2));
    // A name with a space, a slash and more is one part of a path.
    let refused = client.dataset("St. Mary's / Ä", "breast-cancer").unwrap_err();
    assert_eq!(refused.problem().unwrap().status, 404);
    assert_eq!(service.asked("GET /v1/datasets/St.%20Mary%27s%20%2F%20%C3%84/breast-cancer"), 1);
}

#[test]
fn refusals_name_the_rule() {
    let service = start();
    let mut transaction = seeds(2);
    let refused = client(&service).post(&transaction).unwrap_err();
    assert_eq!((refused.rule(), refused.problem().unwrap().status), (Some("number"), 409));
    assert!(refused.to_string().starts_with("the ledger refuses: the seed tree has the number 2"), "{refused}");
    transaction.member = "Nobody".to_owned();
    let refused = client(&service).post(&transaction).unwrap_err();
    assert_eq!(refused.rule(), Some("member"));
    assert!(!refused.is_retryable());
}

#[test]
fn posting_again_after_a_lost_answer_finds_the_statement() {
    let service = start();
    let mut lost = 2;
    // Admitted, and the answer never arrives.
    service.bend(move |path, answer| match path {
        "/v1/transactions" if lost > 0 => {
            lost -= 1;
            Answer { broken: true, ..answer }
        }
        _ => answer,
    });
    let posted = client(&service).post_with_retries(&seeds(1), &quick(5)).unwrap();
    assert!(posted.already, "the first attempt had succeeded");
    assert_eq!(service.asked("POST /v1/transactions"), 3);
    assert_eq!(service.lock().state.tree().len(), 1, "and it stands there once");
}

#[test]
fn retries_are_bounded_and_heed_the_service() {
    let service = start();
    service.bend(|_, _| Answer::problem(503, "busy", "too many transactions are waiting").header("Retry-After", "1"));
    let begun = Instant::now();
    let refused = client(&service).post_with_retries(&seeds(1), &quick(3)).unwrap_err();
    assert_eq!((refused.rule(), service.asked("POST")), (Some("busy"), 3));
    assert_eq!(refused.retry_after(), Some(Duration::from_secs(1)));
    assert!(begun.elapsed() >= Duration::from_secs(2), "the service asked for a second each time");
    // Longer than there is time for: not waited for at all.
    service.bend(|_, _| Answer::problem(429, "rate", "too many requests").header("Retry-After", "3600"));
    let refused = client(&service).post_with_retries(&seeds(1), &quick(3)).unwrap_err();
    assert_eq!((refused.rule(), service.asked("POST")), (Some("rate"), 4));
    // What no patience changes is not tried again.
    service.straighten();
    client(&service).post_with_retries(&seeds(9), &quick(3)).unwrap_err();
    assert_eq!(service.asked("POST"), 5);
}

#[test]
fn an_acknowledgement_of_something_else_is_none() {
    let service = start();
    service.bend(|path, answer| match path {
        "/v1/transactions" => answer.edit(|body| body["id"] = serde_json::json!(Digest::of_bytes(b"x"))),
        _ => answer,
    });
    let refused = client(&service).post(&seeds(1)).unwrap_err();
    assert!(refused.to_string().contains("it acknowledges the transaction"), "{refused}");
}

#[test]
fn more_than_is_read_is_not_read() {
    let service = start();
    service.bend(|path, answer| match path {
        "/v1/checkpoint" => Answer::new(200, "text/plain", vec![b'x'; (64 << 10) + 1]),
        "/v1/keys" => Answer { endless: true, ..Answer::new(200, "application/json", "[") },
        "/v1/studies" => Answer { endless: true, ..Answer::new(500, "text/plain", "oh") },
        "/v1/export" => Answer { endless: true, ..Answer::new(200, "application/x-ndjson", "{") },
        _ => answer,
    });
    let client = client(&service);
    let refused = client.checkpoint().unwrap_err();
    assert_eq!(refused, ClientError::TooLarge { path: "/v1/checkpoint".to_owned(), limit: 64 << 10 });
    assert!(refused.to_string().contains("longer than 65536 bytes"), "{refused}");
    assert!(matches!(client.keys(), Err(ClientError::TooLarge { .. })));
    // An endless refusal is a refusal.
    assert_eq!(client.studies().unwrap_err().rule(), Some("http-500"));
    let mut export = Vec::new();
    let refused = client.export(&mut export, 100_000).unwrap_err();
    assert!(matches!(refused, ClientError::TooLarge { limit: 100_000, .. }) && export.len() <= 100_000, "{refused}");
}

#[test]
fn elsewhere_is_not_gone_to() {
    let (service, other) = (start(), start());
    let to = format!("{}/v1/checkpoint", other.url);
    service.bend(move |_, _| Answer::new(307, "text/plain", "").header("Location", &to));
    let refused = client(&service).checkpoint().unwrap_err();
    assert!(matches!(refused, ClientError::Redirected { .. }) && !refused.is_retryable());
    assert!(refused.to_string().contains(&format!("sends to \"{}/v1/checkpoint\"", other.url)), "{refused}");
    client(&service).post(&seeds(1)).unwrap_err();
    assert_eq!((other.asked("GET"), other.asked("POST")), (0, 0));
}

#[test]
fn nobody_there_and_nobody_in_time() {
    // A port that was free a moment ago.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let client = LedgerClient::new(&format!("http://127.0.0.1:{port}")).unwrap();
    let refused = client.checkpoint().unwrap_err();
    assert!(refused.is_retryable(), "{refused}");
    assert!(refused.to_string().starts_with(&format!("the ledger at http://127.0.0.1:{port} cannot be reached: ")));

    let service = start();
    let settings = Settings { answer: Duration::from_millis(100), ..Settings::default() };
    service.bend(|_, answer| Answer { delay: Duration::from_millis(800), ..answer });
    let slow = LedgerClient::with_settings(&service.url, &settings).unwrap();
    assert!(slow.checkpoint().unwrap_err().is_retryable());
    let settings =
        Settings { whole: Duration::from_millis(200), piece: Duration::from_millis(200), ..Settings::default() };
    service.bend(|_, answer| Answer { broken: true, ..answer });
    assert!(LedgerClient::with_settings(&service.url, &settings).unwrap().checkpoint().unwrap_err().is_retryable());
}

#[test]
fn what_is_no_answer_is_called_so() {
    let service = start();
    service.bend(|path, answer| match path {
        "/v1/ledger" => Answer::new(200, "text/html", "<html>Welcome</html>"),
        "/v1/charter" => Answer::new(200, "application/json", "{}"),
        "/v1/checkpoint" => Answer::new(200, "text/plain", vec![0xff, 0xfe]),
        _ => answer,
    });
    let client = client(&service);
    for refused in [client.ledger().unwrap_err(), client.charter().unwrap_err(), client.checkpoint().unwrap_err()] {
        assert!(matches!(refused, ClientError::Unexpected { .. }) && !refused.is_retryable(), "{refused}");
    }
    // Something that speaks no HTTP at all.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let thread = std::thread::spawn(move || {
        use std::io::Read;
        use std::io::Write;
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 1024]);
        stream.write_all(b"SSH-2.0-OpenSSH_9.9\r\n\r\n").unwrap();
    });
    let refused = LedgerClient::new(&url).unwrap().checkpoint().unwrap_err();
    thread.join().unwrap();
    assert!(matches!(refused, ClientError::Unexpected { .. } | ClientError::Unreachable { .. }), "{refused}");
}

#[test]
fn who_speaks_no_tls_does_not_show_to_be_the_ledger() {
    let service = start();
    let client = LedgerClient::new(&service.url.replace("http://", "https://")).unwrap();
    let refused = client.checkpoint().unwrap_err();
    // A service that hangs up is out of reach; one that answers in plain text is not believed.
    assert!(matches!(refused, ClientError::Insecure { .. } | ClientError::Unreachable { .. }), "{refused}");
}

#[test]
fn certificates_have_to_be_some() {
    for bad in ["", "no certificate", "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n"] {
        let settings = Settings { certificates: Some(bad.as_bytes().to_vec()), ..Settings::default() };
        let refused = LedgerClient::with_settings("https://ledger.example.org", &settings).unwrap_err();
        assert!(matches!(refused, ClientError::Certificates { .. }), "{bad}: {refused}");
    }
}
