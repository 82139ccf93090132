//! The service over loopback: admission, concurrent posting, and everything that is refused before any rule.

#![allow(clippy::unwrap_used)] // a test stops where it fails

mod service_busy;
mod service_common;
#[cfg(target_os = "linux")] // other systems have one loopback address, and no limit to how long a peer reads nothing
mod service_connections;
mod service_consents;

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use cohortium_protocol::ledger::Checkpoint;
use cohortium_protocol::ledger::MAX_TRANSACTION_BYTES;
use cohortium_protocol::ledger::Statement;
use cohortium_protocol::ledger::Transaction;
use cohortium_protocol::ledger::verify_consistency;
use cohortium_protocol::ledger::verify_inclusion;
use cohortium_server::http::Config;
use cohortium_server::metrics::Metrics;
use cohortium_server::node::Settings;
use cohortium_server::store::Index;
use cohortium_server::store::MemoryIndex;
use cohortium_verifier::ledger::Founding;
use cohortium_verifier::ledger::Trust;
use cohortium_verifier::ledger::parse_block;

use service_common::http;
use service_common::http::Connection;
use service_common::*;

#[test]
fn a_transaction_is_admitted_once_and_stands_where_it_is_said_to() {
    let place = Place::new(2, unlimited());
    let address = place.address();
    let first = floor(place.ledger.id(), &hospital(0), 1);
    let posted = http::post(address, "/v1/transactions", &first.canonical());
    assert_eq!(posted.status, 201, "{}", posted.text());
    let posted = posted.json();
    assert_eq!((&posted["index"], &posted["height"], posted.get("already")), (&0.into(), &1.into(), None));
    let again = http::post(address, "/v1/transactions", &first.canonical());
    assert_eq!((again.status, &again.json()["already"]), (200, &true.into()));
    assert_eq!(again.json()["index"], 0);
    for number in 2..=7 {
        let posted = http::post(address, "/v1/transactions", &place.floor(&hospital(0), number));
        assert_eq!(posted.status, 201, "{}", posted.text());
    }

    // By the formats' own readers, and by nothing that the service says of itself.
    let charter = charter(2);
    let operator = charter.operator().unwrap().key;
    let found = http::get(address, &format!("/v1/transactions/{}", first.id())).json();
    let transaction: Transaction = serde_json::from_value(found["transaction"].clone()).unwrap();
    assert_eq!(transaction, first);
    let inclusion = &found["inclusion"];
    let note = inclusion["checkpoint"].as_str().unwrap();
    let checkpoint = Checkpoint::verify(note, &charter.ledger(), &operator).unwrap();
    assert_eq!((checkpoint.size, checkpoint.height), (7, 7));
    let path: Vec<_> = serde_json::from_value(inclusion["path"].clone()).unwrap();
    let leaf = cohortium_protocol::ledger::leaf_hash(first.leaf().as_bytes());
    verify_inclusion(leaf, 0, checkpoint.size, &path, checkpoint.root).unwrap();
    let export = http::get(address, "/v1/export").text();
    let mut lines = export.lines();
    let mut state = Founding::parse(lines.next().unwrap().as_bytes()).unwrap().found().unwrap();
    let mut roots = Vec::new();
    for (number, line) in lines.enumerate() {
        let block = parse_block(number as u64 + 1, line.as_bytes()).unwrap();
        state.add_block(&block, Trust::Nothing).unwrap();
        let served = http::get(address, &format!("/v1/blocks/{}", block.height));
        assert_eq!(served.text(), line);
        roots.push(block.root);
    }
    assert_eq!((state.height(), state.tree().root()), (7, checkpoint.root));
    let consistency = http::get(address, "/v1/consistency?from=3&to=7").json();
    let path: Vec<_> = serde_json::from_value(consistency["path"].clone()).unwrap();
    verify_consistency(3, 7, roots[2], roots[6], &path).unwrap();

    let page = http::get(address, "/v1/blocks?from=3&limit=2").json();
    let heights: Vec<_> = page["blocks"].as_array().unwrap().iter().map(|block| block["height"].as_u64()).collect();
    assert_eq!((heights, &page["next"]), (vec![Some(3), Some(4)], &5.into()));
    assert_eq!(http::get(address, "/v1/blocks?from=8").json(), serde_json::json!({"blocks": [], "next": null}));
    let last = http::get(address, "/v1/blocks?from=7").json();
    assert_eq!((last["blocks"].as_array().unwrap().len(), &last["next"]), (1, &serde_json::Value::Null));
}

#[test]
fn what_the_rules_refuse_is_a_problem_that_names_the_rule() {
    let place = Place::new(2, unlimited());
    let address = place.address();
    let post = |transaction: &Transaction| http::post(address, "/v1/transactions", &transaction.canonical());
    let ledger = place.ledger.id().to_owned();
    let statement = |number| Statement::Floor { number, policy: policy(1) };
    let foreign = Transaction::sign("other", &hospital(0), statement(1), &key(&hospital(0)));
    assert!(post(&foreign).problem(422, "ledger").contains("is for the ledger \"other\""));
    let nobody = Transaction::sign(&ledger, "nobody", statement(1), &key("nobody"));
    post(&nobody).problem(403, "member");
    let board = Transaction::sign(&ledger, "The board", statement(1), &key("The board"));
    assert!(post(&board).problem(403, "role").contains("is for a hospital to sign"));
    let forged = Transaction::sign(&ledger, &hospital(0), statement(1), &key(&hospital(1)));
    post(&forged).problem(400, "form");
    let late = Transaction::sign(&ledger, &hospital(0), statement(2), &key(&hospital(0)));
    post(&late).problem(409, "number");
    let request = cohortium_protocol::hash::Digest::of_bytes(b"no request");
    let accept = Transaction::sign(&ledger, &hospital(0), Statement::Accept { request }, &key(&hospital(0)));
    post(&accept).problem(404, "unknown");
    let queries = http::post(address, "/v1/queries", &place.floor(&hospital(0), 1));
    assert!(queries.problem(400, "malformed").contains("this is a floor transaction"));
    assert_eq!(http::get(address, "/v1/ledger").json()["size"], 0, "a refusal changes nothing");
    let metrics = http::get(address, "/metrics").text();
    assert!(metrics.contains("cohortium_refused_total{kind=\"floor\",rule=\"number\"} 1"), "{metrics}");
}

#[test]
fn what_is_no_transaction_never_comes_to_the_rules() {
    let place = Place::new(1, unlimited());
    let address = place.address();
    let post = |body: &[u8]| http::post(address, "/v1/transactions", body);
    for bad in [&b""[..], b"{", b"\xff\xfe", b"[1,2", b"{\"format\": \"cohortium-transaction/1\"", &[b'['; 100_000]] {
        post(bad).problem(400, "malformed");
    }
    let good = place.floor(&hospital(0), 1);
    let text = String::from_utf8(good.clone()).unwrap();
    for (from, to) in [
        ("cohortium-transaction/1", "cohortium-transaction/2"),
        ("\"number\":1", "\"number\":0"),
        ("\"number\":1", "\"number\":1,\"more\":1"),
        ("\"floor\"", "\"flood\""),
        ("\"member\":\"hospital 0\"", "\"member\":\"hospital 0\\n\""),
    ] {
        let altered = text.replacen(from, to, 1);
        assert_ne!(altered, text, "{from}");
        post(altered.as_bytes()).problem(400, "form");
    }
    post(b"{}").problem(400, "form");
    let mut connection = Connection::open(address).unwrap();
    let other = connection.send("POST", "/v1/transactions", "text/plain", &good).unwrap();
    assert!(other.problem(415, "media-type").contains("text/plain"));

    // Too large, declared and undeclared.
    let mut connection = Connection::open(address).unwrap();
    let length = MAX_TRANSACTION_BYTES + 1;
    let head = format!(
        "POST /v1/transactions HTTP/1.1\r\nHost: l\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    );
    connection.raw(head.as_bytes()).unwrap();
    assert!(connection.answer().unwrap().problem(413, "too-large").contains(&MAX_TRANSACTION_BYTES.to_string()));
    let mut connection = Connection::open(address).unwrap();
    let head = "POST /v1/transactions HTTP/1.1\r\nHost: l\r\nContent-Type: application/json\r\n";
    connection.raw(format!("{head}Transfer-Encoding: chunked\r\n\r\n").as_bytes()).unwrap();
    let chunk = [b"100000\r\n".to_vec(), vec![b' '; 1 << 20], b"\r\n".to_vec()].concat();
    // It may be refused before all of it is sent; the answer is there all the same.
    for _ in 0..9 {
        if connection.raw(&chunk).is_err() {
            break;
        }
    }
    connection.answer().unwrap().problem(413, "too-large");
    assert_eq!(http::get(address, "/v1/ledger").json()["size"], 0);
    assert_eq!(post(&good).status, 201, "and the service is well");
}

#[test]
fn every_error_is_a_problem() {
    let place = Place::new(1, unlimited());
    let address = place.address();
    let none = "00".repeat(32);
    for (path, status, rule) in [
        ("/", 404, "not-found"),
        ("/v1", 404, "not-found"),
        ("/v1/none", 404, "not-found"),
        ("/docs/none.js", 404, "not-found"),
        ("/v1/keys/zz", 400, "malformed"),
        (&format!("/v1/keys/{none}"), 404, "not-found"),
        (&format!("/v1/transactions/{none}"), 404, "not-found"),
        (&format!("/v1/transactions/{}", none.replace('0', "F")), 400, "malformed"),
        (&format!("/v1/queries/{none}"), 404, "not-found"),
        (&format!("/v1/queries/{none}/plan"), 404, "not-found"),
        (&format!("/v1/queries/{none}/results"), 404, "not-found"),
        (&format!("/v1/queries/{none}/results.csv"), 404, "not-found"),
        (&format!("/v1/queries/{none}/bundles/north"), 404, "unknown"),
        (&format!("/v1/studies/{none}"), 404, "not-found"),
        ("/v1/datasets/north/none", 404, "not-found"),
        ("/v1/blocks/0", 404, "not-found"),
        ("/v1/blocks/1", 404, "not-found"),
        ("/v1/blocks/x", 400, "malformed"),
        ("/v1/blocks/-1", 400, "malformed"),
        ("/v1/blocks?from=x", 400, "malformed"),
        ("/v1/blocks?more=1", 400, "malformed"),
        ("/v1/queries?state=none", 400, "malformed"),
        ("/v1/queries?after=zz", 400, "malformed"),
        (&format!("/v1/queries?after={none}"), 404, "not-found"),
        ("/v1/consistency", 400, "malformed"),
        ("/v1/consistency?from=1&to=0", 400, "malformed"),
        ("/v1/consistency?from=0&to=5", 400, "malformed"),
    ] {
        let answer = http::get(address, path);
        assert_eq!(answer.status, status, "{path}: {}", answer.text());
        answer.problem(status, rule);
    }
    let mut connection = Connection::open(address).unwrap();
    let answer = connection.send("DELETE", "/v1/ledger", "application/json", b"").unwrap();
    assert_eq!(answer.header("allow"), Some("GET"));
    assert!(answer.problem(405, "method").contains("DELETE"));
    let answer = connection.get("/v1/transactions").unwrap();
    assert_eq!(answer.header("allow"), Some("POST"));
    answer.problem(405, "method");
    let answer = connection.send("PUT", "/v1/queries", "application/json", b"").unwrap();
    assert_eq!(answer.header("allow"), Some("GET, POST"));
    answer.problem(405, "method");
    for (body, status, rule) in
        [(&b"{"[..], 400, "malformed"), (b"{\"query\": 1}", 400, "malformed"), (b"{\"more\": 1}", 400, "malformed")]
    {
        http::post(address, "/v1/plan", body).problem(status, rule);
    }
    let large = vec![b' '; (1 << 20) + 1];
    http::post(address, "/v1/plan", &large).problem(413, "too-large");
    // What the rules of HTTP refuse before there is a request: no problem, but no harm either.
    let mut connection = Connection::open(address).unwrap();
    connection.raw(b"this is not HTTP\r\n\r\n").unwrap();
    assert_eq!(connection.answer().unwrap().status, 400);
    assert_eq!(http::get(address, "/v1/health").status, 200);
}

#[test]
fn slow_requests_are_ended() {
    let patience = Duration::from_millis(300);
    // The server's clock for heads goes by half seconds.
    let head_patience = Duration::from_secs(2);
    let config = Config { body_patience: patience, head_patience, ..unlimited() };
    let place = Place::new(1, config);
    let mut body = Connection::open(place.address()).unwrap();
    let head =
        "POST /v1/transactions HTTP/1.1\r\nHost: l\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{";
    body.raw(head.as_bytes()).unwrap();
    assert!(body.answer().unwrap().problem(408, "timeout").contains("the body was not complete"));
    let mut head = Connection::open(place.address()).unwrap();
    head.raw(b"GET /v1/health HT").unwrap();
    let begun = std::time::Instant::now();
    // The server's own answer, or the end of the connection: in any case not for ever.
    let answer = head.answer();
    assert!(answer.is_err() || answer.is_ok_and(|answer| answer.status == 408));
    assert!(begun.elapsed() < Duration::from_secs(30));
    assert_eq!(http::get(place.address(), "/v1/health").status, 200);
}

#[test]
fn rates_are_kept_apart() {
    let one = NonZeroU32::MIN;
    let mut config = unlimited();
    (config.rates.writes, config.rates.plans) = (one, one);
    let place = Place::new(1, config);
    let mut connection = Connection::open(place.address()).unwrap();
    let refused = (0..20).find_map(|_| {
        let answer = connection.post("/v1/transactions", b"{}").unwrap();
        (answer.status != 400).then_some(answer)
    });
    let refused = refused.expect("twenty at once are too many");
    let seconds: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=2).contains(&seconds), "{seconds}");
    assert!(refused.problem(429, "rate").contains("more than 1 transactions a second"));
    // Dry runs and reading have rates of their own.
    let mut connection = Connection::open(place.address()).unwrap();
    connection.post("/v1/plan", b"{}").unwrap().problem(400, "malformed");
    for _ in 0..50 {
        assert_eq!(connection.get("/v1/health").unwrap().status, 200);
    }
    let metrics = connection.get("/metrics").unwrap().text();
    assert!(metrics.contains("route=\"/v1/transactions\",status=\"429\""), "{metrics}");
}

#[test]
fn of_two_that_post_one_statement_at_once_one_is_told_already() {
    const MEMBERS: usize = 8;
    let place = Place::new(MEMBERS, unlimited());
    let address = place.address();
    for number in 1..=10 {
        let answers: Vec<(usize, http::Answer)> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..MEMBERS * 2)
                .map(|thread| {
                    let body = place.floor(&hospital(thread / 2), number);
                    scope.spawn(move || (thread / 2, http::post(address, "/v1/transactions", &body)))
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let mut indices = BTreeSet::new();
        for member in 0..MEMBERS {
            let of: Vec<_> = answers.iter().filter(|(of, _)| *of == member).map(|(_, answer)| answer).collect();
            let mut statuses: Vec<_> = of.iter().map(|answer| answer.status).collect();
            statuses.sort_unstable();
            assert_eq!(statuses, [200, 201], "{} {}", of[0].text(), of[1].text());
            assert_eq!(of[0].json()["index"], of[1].json()["index"]);
            let already = of.iter().filter(|answer| answer.json()["already"] == true).count();
            assert_eq!(already, 1);
            indices.insert(of[0].json()["index"].as_u64().unwrap());
        }
        assert_eq!(indices.len(), MEMBERS, "no two have one place");
    }
    let info = http::get(address, "/v1/ledger").json();
    assert_eq!(info["size"], MEMBERS * 10);
    assert!(info["height"].as_u64().unwrap() <= (MEMBERS * 10) as u64, "a block holds what came together");
}

#[test]
fn a_stopped_service_has_finished_what_it_took() {
    let place = Place::new(1, unlimited());
    let (home, address) = (place.home(), place.address());
    let posted = http::post(address, "/v1/transactions", &place.floor(&hospital(0), 1));
    assert_eq!(posted.status, 201);
    let Place { folder, ledger, running } = place;
    running.stop().unwrap();
    // Handed in, and not waited for.
    let waiting: Vec<_> =
        (2..=40).map(|number| ledger.submit(floor(ledger.id(), &hospital(0), number), 500).unwrap()).collect();
    ledger.close();
    assert!(ledger.submit(floor(ledger.id(), &hospital(0), 41), 500).is_err(), "closed");
    for answer in waiting {
        assert!(answer.wait().unwrap().is_ok());
    }
    drop(ledger);
    let metrics = cohortium_server::metrics::Metrics::new().unwrap();
    let settings = cohortium_server::node::Settings::new(metrics);
    let home = cohortium_server::node::Home::open(&home).unwrap();
    let (ledger, opened) = cohortium_server::node::Ledger::open(home, settings).unwrap();
    assert_eq!(ledger.health().snapshot.size, 40);
    assert_eq!(opened.index, cohortium_server::store::IndexState::Current);
    drop(folder);
}

#[test]
fn a_service_runs_on_an_index_in_memory() {
    let index = Arc::new(MemoryIndex::new());
    let mut settings = Settings::new(Metrics::new().unwrap());
    settings.index = Some(index.clone());
    let place = Place::set(&std::env::temp_dir(), 1, unlimited(), settings);
    let address = place.address();
    for number in 1..=3 {
        assert_eq!(http::post(address, "/v1/transactions", &place.floor(&hospital(0), number)).status, 201);
    }
    assert_eq!(http::get(address, "/v1/blocks?from=1").json()["blocks"].as_array().unwrap().len(), 3);
    let id = floor(place.ledger.id(), &hospital(0), 2).id();
    assert_eq!(http::get(address, &format!("/v1/transactions/{id}")).json()["height"], 2);
    // What is lost of it is put again from the log.
    index.clear().unwrap();
    let begun = std::time::Instant::now();
    while http::get(address, &format!("/v1/transactions/{id}")).status != 200 {
        assert!(begun.elapsed() < Duration::from_secs(30));
    }
    assert_eq!(index.tip().unwrap().map(|tip| tip.height), Some(3));
    assert!(!place.home().join("index").exists(), "nothing is kept in the home");
}

#[test]
fn what_is_described_is_described_once_and_served_offline() {
    let place = Place::new(1, unlimited());
    let address = place.address();
    let description = http::get(address, "/v1/openapi.json").json();
    assert_eq!(description["openapi"].as_str().map(|version| &version[..2]), Some("3."));
    let page = http::get(address, "/docs/");
    assert_eq!(page.status, 200);
    let text = page.text();
    // Everything that the page loads comes from here.
    for place in text.match_indices("src=\"").chain(text.match_indices("href=\"")).map(|(at, found)| at + found.len()) {
        assert!(!text[place..].starts_with("http") && !text[place..].starts_with("//"), "{}", &text[place..place + 60]);
    }
    assert_eq!(http::get(address, "/docs/swagger-ui-bundle.js").status, 200);
    assert!(http::get(address, "/docs/swagger-initializer.js").text().contains("/v1/openapi.json"));
}
