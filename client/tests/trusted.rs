//! A service that lies: every lie is refused, by name.

#![allow(clippy::unwrap_used)] // a test stops where it fails

mod service;

use std::time::Duration;

use cohortium_client::{LedgerClient, Seen, Settings, TrustError, TrustedLedger};
use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::{Charter, Checkpoint, MemberKey, Statement, Transaction};
use service::{Answer, Service};

fn key(byte: u8) -> MemberKey {
    MemberKey::from_bytes(&[byte; 32])
}

fn charter() -> Charter {
    let member = |name: &str, role: &str, more: &str, byte: u8| {
        format!(r#"{{"name": "{name}", "role": "{role}", {more} "key": "{}"}}"#, key(byte).public())
    };
    let members = [
        member("north", "hospital", "", 1),
        member("south", "hospital", "", 2),
        member("Board", "board", "", 3),
        member("Sponsor", "sponsor", "\"class\": \"academic\",", 4),
        member("Operator", "operator", "", 5),
    ];
    Charter::parse(&format!(
        r#"{{"format": "cohortium-charter/1", "name": "trial", "founded": "2026-11-24", "members": [{}],
            "verifying_keys": [], "acceptance_seconds": 100, "answer_seconds": 100, "opening_share": 9}}"#,
        members.join(",")
    ))
    .unwrap()
}

fn start() -> Service {
    Service::start(charter(), Vec::new(), key(5))
}

/// Some statement: a hospital's seed tree.
fn seeds(site: &str, number: u32, content: &[u8]) -> Transaction {
    let statement = Statement::Seeds { number, leaves: 8, root: Digest::of_bytes(content) };
    let byte = if site == "north" { 1 } else { 2 };
    Transaction::sign(&charter().ledger(), site, statement, &key(byte))
}

/// Posts so many statements; their ids.
fn grow(service: &Service, from: u32, to: u32, content: &[u8]) -> Vec<Digest> {
    (from..=to).map(|number| service.admit(seeds("north", number, content))).collect()
}

fn trusted(service: &Service) -> TrustedLedger {
    TrustedLedger::new(LedgerClient::new(&service.url).unwrap(), charter()).unwrap()
}

/// Goes on at another service from what was seen at this one.
fn moved(from: &TrustedLedger, to: &Service) -> TrustedLedger {
    let seen = Seen::parse(from.seen().unwrap().to_json().as_bytes()).unwrap();
    TrustedLedger::resume(LedgerClient::new(&to.url).unwrap(), charter(), &seen).unwrap()
}

#[test]
fn an_honest_ledger_is_followed_from_the_founding_on() {
    let service = start();
    let mut ledger = trusted(&service);
    assert_eq!(ledger.refresh().unwrap().size, 0);
    let ids = grow(&service, 1, 7, b"a");
    for (place, id) in ids.iter().enumerate() {
        let verified = ledger.verified_transaction(id).unwrap();
        assert_eq!((verified.index, verified.transaction.id()), (place as u64, *id));
        assert_eq!(ledger.refresh().unwrap().size, 7);
    }
    for size in 8..=12 {
        grow(&service, size, size, b"a");
        assert_eq!(ledger.refresh().unwrap().size, u64::from(size));
    }
    // Kept, and gone on with.
    assert_eq!(moved(&ledger, &service).refresh().unwrap().size, 12);
}

#[test]
fn another_operators_signature_is_refused() {
    let service = start();
    grow(&service, 1, 3, b"a");
    service.bend(|path, answer| {
        if path != "/v1/checkpoint" {
            return answer;
        }
        let note = String::from_utf8(answer.body).unwrap();
        let honest = Checkpoint::verify(&note, &charter().ledger(), &key(5).public()).unwrap();
        Answer::new(200, "text/plain", honest.sign(&key(6)).unwrap())
    });
    let refused = trusted(&service).refresh().unwrap_err();
    assert!(matches!(refused, TrustError::Checkpoint(_)) && refused.is_false());
    assert!(refused.to_string().contains("not signed by the operator's key"), "{refused}");

    // A ledger of other members has another id, whatever its operator signs.
    let mut other = charter();
    other.opening_share = 10;
    let elsewhere = Service::start(other, Vec::new(), key(5));
    let refused = trusted(&elsewhere).refresh().unwrap_err().to_string();
    assert!(refused.contains("is of the ledger \"trial/"), "{refused}");
}

#[test]
fn a_forked_history_is_a_split_view() {
    let (one, other) = (start(), start());
    grow(&one, 1, 3, b"a");
    grow(&other, 1, 2, b"a");
    let mut ledger = trusted(&one);
    ledger.refresh().unwrap();

    let refused = moved(&ledger, &other).refresh().unwrap_err();
    assert_eq!(refused, TrustError::Shrunk { old: 3, new: 2 });
    assert!(refused.to_string().contains("never shrinks"), "{refused}");

    grow(&other, 3, 3, b"b");
    let refused = moved(&ledger, &other).refresh().unwrap_err();
    let TrustError::SplitView { old: 3, new: 3, notes, .. } = &refused else { panic!("{refused}") };
    assert!(refused.to_string().starts_with("split view: "), "{refused}");
    // Both notes are the operator's: who has them can show it.
    for note in notes.iter() {
        Checkpoint::verify(note, &charter().ledger(), &key(5).public()).unwrap();
    }

    let later = grow(&other, 4, 9, b"b");
    let refused = moved(&ledger, &other).refresh().unwrap_err();
    assert!(matches!(refused, TrustError::SplitView { old: 3, new: 9, .. }), "{refused}");
    // Not by way of a transaction either.
    let refused = moved(&ledger, &other).verified_transaction(&later[0]).unwrap_err();
    assert!(matches!(refused, TrustError::SplitView { old: 3, new: 9, .. }), "{refused}");
    // What was seen is still what was seen.
    assert_eq!(ledger.checkpoint().unwrap().size, 3);
}

#[test]
fn a_consistency_path_that_is_none_is_refused() {
    let service = start();
    grow(&service, 1, 3, b"a");
    let mut ledger = trusted(&service);
    ledger.refresh().unwrap();
    grow(&service, 4, 8, b"a");
    for change in ["cut", "grown", "flipped"] {
        service.bend(move |path, answer| {
            if !path.starts_with("/v1/consistency") {
                return answer;
            }
            answer.edit(|value| {
                let path = value["path"].as_array_mut().unwrap();
                match change {
                    "cut" => drop(path.pop()),
                    "grown" => path.push(serde_json::json!(Digest::of_bytes(b"x"))),
                    _ => path[0] = serde_json::json!(Digest::of_bytes(b"x")),
                }
            })
        });
        let refused = ledger.refresh().unwrap_err();
        assert!(matches!(refused, TrustError::SplitView { old: 3, new: 8, .. }), "{change}: {refused}");
    }
    service.straighten();
    assert_eq!(ledger.refresh().unwrap().size, 8);
}

#[test]
fn an_old_copy_beside_a_new_checkpoint_is_still_of_this_history() {
    let service = start();
    let ids = grow(&service, 1, 3, b"a");
    let client = LedgerClient::new(&service.url).unwrap();
    let old = client.transaction(&ids[1]).unwrap();
    grow(&service, 4, 6, b"a");
    let mut ledger = trusted(&service);
    ledger.refresh().unwrap();
    let body = serde_json::to_value(&old).unwrap();
    service
        .bend(move |path, answer| if path.starts_with("/v1/transactions") { Answer::json(200, &body) } else { answer });
    assert_eq!(ledger.verified_transaction(&ids[1]).unwrap().checkpoint.size, 3);
    assert_eq!(ledger.checkpoint().unwrap().size, 6, "what was seen never goes back");
}

#[test]
fn transactions_are_believed_for_their_signature_and_place_alone() {
    let service = start();
    let ids = grow(&service, 1, 4, b"a");
    let south = seeds("south", 1, b"s");
    let id = service.admit(south.clone());
    let ledger_id = charter().ledger();
    let replace = |transaction: &Transaction| {
        let value = serde_json::to_value(transaction).unwrap();
        move |answer: Answer| answer.edit(|body| body["transaction"] = value)
    };
    let signed = |member: &str, byte: u8, statement: Statement| {
        let mut transaction = Transaction::sign(&ledger_id, member, statement, &key(byte));
        transaction.member = member.to_owned();
        transaction
    };
    let statement = || south.statement.clone();
    // Everything about them is right but one thing; asked for is what they are.
    let forged: Vec<(&str, Transaction)> = vec![
        ("is not one by the key", signed("south", 1, statement())),
        ("whom your charter does not name", signed("east", 2, statement())),
        ("it is for a hospital to sign", signed("Sponsor", 4, statement())),
        ("is for the ledger \"other/1\"", Transaction::sign("other/1", "south", statement(), &key(2))),
    ];
    for (words, transaction) in forged {
        let (asked, change) = (transaction.id(), replace(&transaction));
        let mut change = Some(change);
        let right = LedgerClient::new(&service.url).unwrap().transaction(&id).unwrap();
        let right = serde_json::to_value(&right).unwrap();
        service.bend(move |path, answer| match path.starts_with("/v1/transactions") {
            true => change.take().unwrap()(Answer::json(200, &right)),
            false => answer,
        });
        let refused = trusted(&service).verified_transaction(&asked).unwrap_err();
        assert!(refused.is_false() && refused.to_string().contains(words), "{words}: {refused}");
        service.straighten();
    }
    // Another transaction than was asked for.
    let change = replace(&south);
    let mut change = Some(change);
    service.bend(move |path, answer| match path.starts_with("/v1/transactions") {
        true => change.take().unwrap()(answer),
        false => answer,
    });
    let refused = trusted(&service).verified_transaction(&ids[0]).unwrap_err();
    assert!(matches!(refused, TrustError::OtherTransaction { .. }), "{refused}");
}

#[test]
fn another_leafs_place_is_refused() {
    let service = start();
    let ids = grow(&service, 1, 5, b"a");
    let client = LedgerClient::new(&service.url).unwrap();
    let other = serde_json::to_value(client.transaction(&ids[3]).unwrap()).unwrap();
    let changes: [fn(&mut serde_json::Value, &serde_json::Value); 5] = [
        |body, other| body["index"] = other["index"].clone(),
        |body, other| body["inclusion"]["path"] = other["inclusion"]["path"].clone(),
        |body, other| {
            body["index"] = other["index"].clone();
            body["inclusion"]["path"] = other["inclusion"]["path"].clone();
        },
        |body, _| body["index"] = 5.into(),
        |body, _| body["inclusion"]["path"] = serde_json::json!([]),
    ];
    for (place, change) in changes.into_iter().enumerate() {
        let other = other.clone();
        service.bend(move |path, answer| match path.starts_with("/v1/transactions") {
            true => answer.edit(|body| change(body, &other)),
            false => answer,
        });
        let refused = trusted(&service).verified_transaction(&ids[1]).unwrap_err();
        assert!(matches!(refused, TrustError::Inclusion { .. }), "{place}: {refused}");
    }
    // Size and root beside the note count for nothing, right or wrong.
    service.bend(|path, answer| match path.starts_with("/v1/transactions") {
        true => answer.edit(|body| {
            body["inclusion"]["size"] = 1.into();
            body["inclusion"]["root"] = serde_json::json!(Digest::of_bytes(b"x"));
        }),
        false => answer,
    });
    trusted(&service).verified_transaction(&ids[1]).unwrap();
}

#[test]
fn what_was_kept_has_to_be_this_ledgers() {
    let service = start();
    grow(&service, 1, 2, b"a");
    let mut ledger = trusted(&service);
    ledger.refresh().unwrap();
    let kept = ledger.seen().unwrap();
    let client = || LedgerClient::new(&service.url).unwrap();
    for (from, to) in [("\n2\n", "\n3\n"), ("trial/", "other/"), ("\u{2014}", "-")] {
        let seen = Seen { checkpoint: kept.checkpoint.replace(from, to), ..kept.clone() };
        let refused = TrustedLedger::resume(client(), charter(), &seen).unwrap_err();
        assert!(matches!(refused, TrustError::Seen { .. }) && !refused.is_false(), "{from}: {refused}");
    }
    for bad in ["", "{}", r#"{"format": "cohortium-seen/2", "checkpoint": ""}"#] {
        assert!(matches!(Seen::parse(bad.as_bytes()), Err(TrustError::Seen { .. })), "{bad}");
    }
}

#[test]
fn a_contradiction_in_a_signed_note_is_named() {
    let service = start();
    let honest = {
        let inner = service.lock();
        Checkpoint::verify(&inner.note(), &charter().ledger(), &key(5).public()).unwrap()
    };
    let root = Digest::of_bytes(b"x");
    let notes = [
        Checkpoint { root, ..honest.clone() },
        Checkpoint { height: 1, ..honest.clone() },
        Checkpoint { block: root, ..honest.clone() },
        Checkpoint { size: 1, ..honest },
    ];
    for note in notes {
        let text = note.sign(&key(5)).unwrap();
        service.bend(move |_, _| Answer::new(200, "text/plain", text.clone()));
        let refused = trusted(&service).refresh().unwrap_err();
        assert!(matches!(refused, TrustError::Contradiction { .. }), "{refused}");
    }
}

#[test]
fn silence_is_no_lie() {
    let service = start();
    service.bend(|_, answer| Answer { delay: Duration::from_millis(900), ..answer });
    let settings = Settings { answer: Duration::from_millis(100), ..Settings::default() };
    let client = LedgerClient::with_settings(&service.url, &settings).unwrap();
    let refused = TrustedLedger::new(client, charter()).unwrap().refresh().unwrap_err();
    assert!(refused.is_retryable() && !refused.is_false(), "{refused}");
}
