//! From registration to an audited bundle, and what is refused on the way.

use std::sync::atomic::Ordering;

use cohortium_protocol::bundle::Bundle;
use cohortium_protocol::documents::Approval;
use cohortium_protocol::ledger::{Statement, Transaction};
use cohortium_protocol::results::QueryResults;
use cohortium_verifier::ledger::{Founding, Plans, Trust, check_evidence, parse_block};
use serde_json::json;

use crate::common::query;
use crate::http;
use crate::place::{BOARD, PATIENCE, Place, SPONSOR};

#[test]
fn a_query_is_asked_answered_by_one_and_declined_by_the_other() {
    let (place, approval) = Place::prepared();
    let asked = query(r#""group_by": [{"column": "sex"}]"#);

    // The dry run gives what a request has to pin, and changes nothing.
    let question = json!({"query": asked, "approval": approval.digest(), "sites": ["north", "south"]});
    let dry = http::post(place.address(), "/v1/plan", question.to_string().as_bytes()).json();
    assert_eq!((&dry["allowed"], &dry["sequence"]), (&true.into(), &1.into()), "{dry}");
    let request = place.request(&asked, &approval, 1);
    for (site, pin) in request.sites.iter().enumerate() {
        assert_eq!(dry["sites"][site]["pins"], serde_json::to_value(pin).unwrap());
        assert!(dry["sites"][site]["policy"].as_str().unwrap().contains("smallest cell 8"), "{dry}");
    }
    assert_eq!(dry["plan"], request.plan.to_string());
    assert_eq!(dry["schema"], request.schema.to_string());
    assert!(dry["explain"].as_str().unwrap().contains("Who is counted"));
    let nowhere = json!({"query": asked, "approval": approval.digest(), "sites": ["north", "west"]});
    let nowhere = http::post(place.address(), "/v1/plan", nowhere.to_string().as_bytes()).json();
    assert_eq!((&nowhere["allowed"], &nowhere["rule"]), (&false.into(), &"unknown".into()));
    assert_eq!((&nowhere["sites"][0]["allowed"], &nowhere["sites"][1]["allowed"]), (&true.into(), &false.into()));
    // Both sites have one schema and one shape: one compilation serves all rules of both, the state not being held.
    let names = ["north".to_owned(), "south".to_owned()];
    let part = place.ledger.read(|chain| chain.state().dry_run(&approval.digest(), &names, &asked.table));
    let (part, mut plans) = (part.unwrap().unwrap(), Plans::new());
    for _ in 0..2 {
        part.check(&request, place.ledger.now(), &mut plans).unwrap();
    }
    assert_eq!(plans.compiled(), 1);

    let transaction = place.signed(SPONSOR, Statement::Query { request: Box::new(request.clone()) });
    let posted = http::post(place.address(), "/v1/queries", &transaction.canonical());
    assert_eq!(posted.status, 201, "{}", posted.text());
    let again = http::post(place.address(), "/v1/queries", &transaction.canonical());
    assert_eq!((again.status, &again.json()["already"]), (200, &true.into()));
    let id = transaction.id();
    let show = || place.get(&format!("/v1/queries/{id}")).json();
    let shown = show();
    assert_eq!(shown["status"], json!({"state": "submitted", "words": "submitted"}));
    assert_eq!(shown["request"], request.digest().to_string());
    assert_eq!(shown["sites"]["north"]["state"], "submitted");
    assert_eq!(place.get(&format!("/v1/queries/{}", request.digest())).json(), shown, "by the request as well");
    assert!(place.get(&format!("/v1/queries/{id}/plan")).text().contains("Who is counted"));
    let second = place.request(&asked, &approval, 3);
    let second = place.signed(SPONSOR, Statement::Query { request: Box::new(second) });
    assert!(place.post(&second).problem(409, "number").contains("the next under this approval is 2"));

    // An answer before the acceptance is refused, without its proof being looked at.
    let release = place.release(&place.north, &request, &approval);
    place.post(&release).problem(422, "acceptance");
    assert!(!place.get("/metrics").text().contains("cohortium_proofs_verified_total{"));
    let digest = request.digest();
    place.say("south", Statement::Hold { request: digest, reason: "the data officer is away".to_owned() });
    assert_eq!(show()["status"]["state"], "awaiting_approval");
    // The results say the same of each site as the query does.
    let undecided = place.get(&format!("/v1/queries/{id}/results")).json();
    for (site, state) in [(0, "submitted"), (1, "awaiting_approval")] {
        let (part, shown) = (&undecided["sites"][site], show());
        let name = part["site"].as_str().unwrap();
        assert_eq!(
            (&part["answer"]["state"], &shown["sites"][name]["state"]),
            (&state.into(), &state.into()),
            "{name}"
        );
    }
    place.say("north", Statement::Accept { request: digest });
    assert_eq!(show()["status"]["state"], "approved");
    let no = Statement::Decline { request: digest, reason: "too few patients".to_owned() };
    place.say("south", no.clone());
    let yes = place.signed("south", Statement::Accept { request: digest });
    place.post(&yes).problem(409, "decided");

    // Altered numbers do not pass; the honest answer does, once.
    let mut altered = release.clone();
    if let Statement::Release { proof, .. } = &mut altered.statement {
        proof.cells.swap(0, 1);
    }
    let altered = place.signed("north", altered.statement);
    place.post(&altered).problem(422, "audit");
    place.say("north", release.statement.clone());
    let again = place.post(&release);
    assert_eq!((again.status, &again.json()["already"]), (200, &true.into()));
    // Another proof of the same answer is the same statement.
    let another = place.release(&place.north, &request, &approval);
    assert!(another != release && another.id() == release.id());
    assert_eq!(place.post(&another).status, 200);
    let metrics = place.get("/metrics").text();
    assert!(metrics.contains("cohortium_proofs_verified_total{outcome=\"holds\"} 1"), "{metrics}");
    assert!(metrics.contains("cohortium_proofs_verified_total{outcome=\"refused\"} 1"), "{metrics}");

    let shown = show();
    assert_eq!(shown["status"], json!({"state": "answered", "sites": 1, "of": 2, "words": "answered by 1 of 2 sites"}));
    assert!(shown["sites"]["south"]["words"].as_str().unwrap().ends_with("too few patients"));
    let results = place.get(&format!("/v1/queries/{id}/results")).text();
    let results = QueryResults::parse(&results).unwrap();
    assert_eq!((results.answered(), results.sites().len(), results.query()), (1, 2, id));
    let csv = place.get(&format!("/v1/queries/{id}/results.csv"));
    assert_eq!((csv.header("content-type"), csv.text()), (Some("text/csv; charset=utf-8"), results.to_csv()));

    // The bundle stands for itself under the charter.
    let bundle = place.get(&format!("/v1/queries/{id}/bundles/north"));
    let bundle = Bundle::parse(&bundle.body).unwrap();
    let facts = check_evidence(&bundle, &place.charter).unwrap();
    assert_eq!((facts.query, facts.board.as_str(), facts.sponsor.as_str()), (id, BOARD, SPONSOR));
    http::get(place.address(), &format!("/v1/queries/{id}/bundles/south")).problem(404, "unknown");
    replay(&place);

    let study = place.get(&format!("/v1/studies/{}", approval.digest())).json();
    assert_eq!((&study["state"], &study["queries"]), (&"in force".into(), &1.into()));
    place.say(BOARD, Statement::Suspend { approval: approval.digest(), reason: "an inquiry".to_owned() });
    let study = place.get(&format!("/v1/studies/{}", approval.digest())).json();
    assert_eq!(study["state"], "suspended");
    let dry = http::post(place.address(), "/v1/plan", question.to_string().as_bytes()).json();
    assert_eq!((&dry["allowed"], &dry["rule"]), (&false.into(), &"in-force".into()));
}

/// An auditor's replay of the export, with every proof.
fn replay(place: &Place) {
    let export = place.get("/v1/export").text();
    let mut lines = export.lines();
    let founding = Founding::parse(lines.next().unwrap().as_bytes()).unwrap();
    assert_eq!(founding.charter, place.charter);
    let mut state = founding.found().unwrap();
    for (height, line) in (1..).zip(lines) {
        state.add_block(&parse_block(height, line.as_bytes()).unwrap(), Trust::Nothing).unwrap();
    }
    let info = place.get("/v1/ledger").json();
    assert_eq!((&info["height"], &info["block"]), (&state.height().into(), &state.tip().to_string().into()));
}

#[test]
fn deadlines_are_told_by_the_blocks_time_and_a_silent_site_stays_on_record() {
    let (place, approval) = Place::prepared();
    let request = place.request(&query(""), &approval, 1);
    let asked = place.say(SPONSOR, Statement::Query { request: Box::new(request.clone()) });
    place.say("north", Statement::Accept { request: request.digest() });
    let state = |site: &str| {
        place.get(&format!("/v1/queries/{}", asked.id())).json()["sites"][site]["state"].as_str().unwrap().to_owned()
    };
    place.ahead.store(PATIENCE, Ordering::SeqCst);
    assert_eq!((state("north").as_str(), state("south").as_str()), ("accepted", "submitted"), "the last second counts");
    place.ahead.store(PATIENCE + 1, Ordering::SeqCst);
    assert_eq!((state("north").as_str(), state("south").as_str()), ("withheld_after_acceptance", "expired"));
    let late = place.signed("south", Statement::Accept { request: request.digest() });
    place.post(&late).problem(422, "deadline");
    let release = place.release(&place.north, &request, &approval);
    assert!(place.post(&release).problem(422, "deadline").contains("time to answer"));
    let listed = place.get("/v1/queries?state=withheld_after_acceptance").json();
    assert_eq!(listed["queries"].as_array().unwrap().len(), 1);
    // A clock that is set back does not bring time back.
    place.say("south", Statement::Floor { number: 2, policy: place.south.floor.clone() });
    place.ahead.store(0, Ordering::SeqCst);
    assert_eq!(state("south"), "expired");
    place.post(&late).problem(422, "deadline");
    replay(&place);
}

#[test]
fn one_release_posted_by_many_at_once_is_there_once() {
    let (place, approval) = Place::prepared();
    let request = place.request(&query(""), &approval, 1);
    place.say(SPONSOR, Statement::Query { request: Box::new(request.clone()) });
    place.say("north", Statement::Accept { request: request.digest() });
    let release: Transaction = place.release(&place.north, &request, &approval);
    let mut statuses: Vec<u16> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..6).map(|_| scope.spawn(|| place.post(&release).status)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 200, 200, 200, 201]);
    replay(&place);
}

#[test]
fn queries_are_listed_page_by_page_and_by_what_is_asked_for() {
    let (place, approval) = Place::prepared();
    let mut ids = Vec::new();
    for sequence in 1..=5 {
        let request = place.request(&query(""), &approval, sequence);
        ids.push(place.say(SPONSOR, Statement::Query { request: Box::new(request) }).id().to_string());
    }
    let list = |filter: &str| place.get(&format!("/v1/queries{filter}")).json();
    let found = |answer: &serde_json::Value| -> Vec<String> {
        answer["queries"].as_array().unwrap().iter().map(|query| query["id"].as_str().unwrap().to_owned()).collect()
    };
    let all = list("");
    assert_eq!((found(&all), &all["next"]), (ids.clone(), &serde_json::Value::Null));
    let first = list("?limit=2");
    assert_eq!((found(&first), first["next"].as_str()), (ids[..2].to_vec(), Some(ids[1].as_str())));
    let second = list(&format!("?limit=3&after={}", ids[1]));
    assert_eq!((found(&second), &second["next"]), (ids[2..].to_vec(), &serde_json::Value::Null));
    for (filter, count) in [
        ("?study=S-1".to_owned(), 5),
        (format!("?study={}", approval.digest()), 5),
        ("?study=S-2".to_owned(), 0),
        ("?sponsor=University%20of%20the%20Coast&site=south".to_owned(), 5),
        ("?sponsor=nobody".to_owned(), 0),
        ("?site=west".to_owned(), 0),
        ("?state=submitted".to_owned(), 5),
        ("?state=answered".to_owned(), 0),
    ] {
        assert_eq!(found(&list(&filter)).len(), count, "{filter}");
    }
}

#[test]
fn what_a_site_has_left_to_do_is_listed_and_what_it_withheld_is_found_for_ever() {
    let (place, approval) = Place::prepared();
    let ask = |sequence| {
        let request = place.request(&query(""), &approval, sequence);
        place.say(SPONSOR, Statement::Query { request: Box::new(request.clone()) });
        request
    };
    let requests: Vec<_> = (1..=4).map(ask).collect();
    let digests: Vec<_> = requests.iter().map(|request| request.digest()).collect();
    let list = |filter: &str| -> Vec<usize> {
        let answer = place.get(&format!("/v1/queries?{filter}")).json();
        let queries = answer["queries"].as_array().unwrap().iter();
        queries.map(|query| query["sequence"].as_u64().unwrap() as usize).collect()
    };
    let reason = || "not now".to_owned();
    assert_eq!((list("open_for=north"), list("open_for=nobody")), (vec![1, 2, 3, 4], vec![]));
    place.say("north", Statement::Accept { request: digests[0] });
    place.say("south", Statement::Accept { request: digests[0] });
    place.say("north", Statement::Decline { request: digests[1], reason: reason() });
    place.say("north", Statement::Hold { request: digests[2], reason: reason() });
    assert_eq!((list("open_for=north"), list("open_for=south")), (vec![1, 3, 4], vec![1, 2, 3, 4]));
    place.say("north", place.release(&place.north, &requests[0], &approval).statement);
    assert_eq!((list("open_for=north"), list("open_for=south")), (vec![3, 4], vec![1, 2, 3, 4]));
    assert_eq!(list("open_for=north&state=awaiting_approval"), [3]);
    assert_eq!(list("open_for=south&limit=1&state=answered"), [1]);
    assert!(list("state=withheld_after_acceptance").is_empty());

    place.ahead.store(PATIENCE + 1, Ordering::SeqCst);
    assert!(list("open_for=north").is_empty() && list("open_for=south").is_empty());
    // One site answered, so the query is answered; the other withheld, and that is found all the same.
    assert_eq!((list("state=answered"), list("state=withheld_after_acceptance")), (vec![1], vec![1]));
    let client = cohortium_client::LedgerClient::new(&format!("http://{}", place.address())).unwrap();
    let filter = cohortium_client::QueryFilter { open_for: Some("north".to_owned()), ..Default::default() };
    assert!(client.all_queries(&filter, 100).unwrap().is_empty());
    place.ahead.store(0, Ordering::SeqCst);
    assert_eq!(client.all_queries(&filter, 100).unwrap().len(), 2);
}

#[test]
fn tables_and_studies_are_listed_page_by_page() {
    let (place, approval) = Place::prepared();
    let client = cohortium_client::LedgerClient::new(&format!("http://{}", place.address())).unwrap();
    let texts = |answer: &serde_json::Value, list: &str, name: &str| -> Vec<String> {
        answer[list].as_array().unwrap().iter().map(|one| one[name].as_str().unwrap().to_owned()).collect()
    };
    let tables = |filter: &str| place.get(&format!("/v1/datasets?{filter}")).json();
    let first = tables("limit=1");
    assert_eq!(
        (texts(&first, "datasets", "site"), &first["next"]),
        (vec!["north".to_owned()], &"north/synthetic".into())
    );
    let second = tables("limit=1&after=north/synthetic");
    assert_eq!((texts(&second, "datasets", "site"), &second["next"]), (vec!["south".to_owned()], &().into()));
    assert!(texts(&tables("after=south/synthetic"), "datasets", "site").is_empty());
    http::get(place.address(), "/v1/datasets?after=north").problem(400, "malformed");

    // More studies than a page has unless asked for otherwise.
    let mut digests = vec![approval.digest().to_string()];
    for number in 1..=104 {
        let other = Approval { study: format!("S-1-{number}"), ..approval.clone() };
        place.say(BOARD, Statement::Study { approval: Box::new(other.clone()) });
        digests.push(other.digest().to_string());
    }
    let studies = |filter: &str| place.get(&format!("/v1/studies{filter}")).json();
    let first = studies("");
    assert_eq!(
        (texts(&first, "studies", "approval"), &first["next"]),
        (digests[..100].to_vec(), &digests[99].as_str().into())
    );
    let second = studies(&format!("?limit=3&after={}", digests[99]));
    assert_eq!(
        (texts(&second, "studies", "approval"), &second["next"]),
        (digests[100..103].to_vec(), &digests[102].as_str().into())
    );
    let last = studies(&format!("?after={}", digests[102]));
    assert_eq!((texts(&last, "studies", "approval"), &last["next"]), (digests[103..].to_vec(), &().into()));
    http::get(place.address(), &format!("/v1/studies?after={}", "00".repeat(32))).problem(404, "not-found");
    let found = client.studies().unwrap().into_iter().map(|study| study.approval.to_string());
    assert_eq!(found.collect::<Vec<_>>(), digests);
}
