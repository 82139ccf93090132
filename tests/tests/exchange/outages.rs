//! A service that is killed, and many who use it at one time: by the members' own programs.

use std::collections::BTreeMap;
use std::time::Duration;

use cohortium_client::{LedgerClient, RetryPolicy};
use cohortium_protocol::ledger::{Charter, Statement, Transaction};
use cohortium_tests::usual_policy;
use serde_json::Value;

use crate::town::{AGES, GRADES, LONG, SITES, Town, WEST, count, events, until, west_key};

#[test]
fn a_watching_job_outlives_a_service_that_is_killed_and_answers_once() {
    let (mut town, served) = Town::open(LONG, LONG);
    town.allow("north");
    let watching = town.watch("north");
    let first = town.ask(GRADES, &["north"]);
    until("the acceptance", || town.state(&first, "north") != "submitted");
    // While it proves.
    drop(served);
    let served = town.serve();
    until("the first answer", || watching.count("release") == 1);
    // While it has nothing to do, and for longer.
    drop(served);
    let waited = watching.count("waiting");
    until("an outage that is noticed", || watching.count("waiting") > waited + 1);
    let served = town.serve();
    let second = town.ask(AGES, &["north"]);
    until("the second answer", || watching.count("release") == 2);
    drop(watching);
    assert!([&first, &second].iter().all(|id| town.state(id, "north") == "answered"));
    assert_eq!((town.kind("accept"), town.kind("release")), (2, 2));
    assert_eq!(town.job("north").len(), 1, "nothing is left to do");
    drop(served);
    town.check();
}

#[test]
fn two_hospitals_answer_while_a_third_client_posts() {
    let (town, served) = Town::open(LONG, LONG);
    SITES.iter().for_each(|site| town.allow(site));
    let asked = [town.ask(GRADES, &["north"]), town.ask(AGES, &["south"])];
    let ledger = Charter::parse(&town.read("charter.json")).unwrap().ledger();
    let client = LedgerClient::new(&town.url()).unwrap();
    let mut jobs = SITES.map(|site| town.job_begun(site));
    let mut number = 0;
    while number < 20 || jobs.iter_mut().any(|job| job.try_wait().unwrap().is_none()) {
        number += 1;
        let statement = Statement::Floor { number, policy: usual_policy() };
        let transaction = Transaction::sign(&ledger, WEST, statement, &west_key());
        assert!(!client.post_with_retries(&transaction, &RetryPolicy::default()).unwrap().already);
        std::thread::sleep(Duration::from_millis(50));
    }
    for (site, (job, id)) in SITES.iter().zip(jobs.into_iter().zip(&asked)) {
        let output = job.wait_with_output().unwrap();
        assert!(output.status.success(), "{site}: {}", String::from_utf8_lossy(&output.stderr));
        let events = events(&output.stdout);
        assert_eq!((count(&events, "accept"), count(&events, "release")), (1, 1), "{site}: {events:?}");
        assert_eq!(town.state(id, site), "answered");
    }
    // Two of them are the other hospitals'.
    assert_eq!(town.kind("floor"), number as usize + 2);
    assert_eq!(town.audit()["releases"], 2);
    drop(served);
    town.check();
}

/// What a job was told to stand on the ledger, by its place there.
fn acknowledged(site: &str, events: &[Value], all: &mut BTreeMap<u64, (String, String, String)>) {
    for event in events.iter().filter(|event| event["event"] == "accept" || event["event"] == "release") {
        let text = |name: &str| event[name].as_str().unwrap().to_owned();
        let said = (site.to_owned(), text("event"), text("request"));
        let before = all.insert(event["index"].as_u64().unwrap(), said.clone());
        assert!(before.is_none_or(|before| before == said), "two things at one place: {event}");
    }
}

#[test]
fn nothing_acknowledged_is_lost_when_the_service_is_killed() {
    let (mut town, mut served) = Town::open(LONG, LONG);
    SITES.iter().for_each(|site| town.allow(site));
    let mut all = BTreeMap::new();
    for round in 1..=3 {
        let id = town.ask(if round == 2 { AGES } else { GRADES }, &SITES);
        let before = town.size();
        let jobs = SITES.map(|site| town.job_begun(site));
        // After the first acceptance, the second, and the first answer.
        until("what is posted", || town.size() >= before + round);
        drop(served);
        served = town.serve();
        for (site, job) in SITES.iter().zip(jobs) {
            // It may have given up; then the next one goes on.
            acknowledged(site, &events(&job.wait_with_output().unwrap().stdout), &mut all);
            acknowledged(site, &town.job(site), &mut all);
            assert_eq!(town.state(&id, site), "answered");
        }
    }
    let said = town.said();
    for (index, (site, kind, request)) in &all {
        let (member, statement) = &said[*index as usize];
        assert_eq!((member, &statement[kind]["request"]), (site, &Value::from(request.as_str())), "{index}: {kind}");
    }
    assert_eq!((town.kind("accept"), town.kind("release"), all.len()), (6, 6, 12));
    assert_eq!(town.audit()["releases"], 6);
    drop(served);
    town.check();
}
