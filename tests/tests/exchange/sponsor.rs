//! The client and the sponsor's program against the service itself.

use std::process::Command;

use cohortium_client::{LedgerClient, PlanQuestion, QueryFilter, RetryPolicy, TrustedLedger};
use cohortium_protocol::ledger::Statement;
use cohortium_protocol::results::{QueryResults, SiteAnswer};
use serde_json::Value;

use crate::common::{STUDY, query};
use crate::place::{Place, SPONSOR, member_key};
use crate::programs::program;

/// Runs the program as the sponsor; the JSON that it prints.
fn run(place: &Place, exit: i32, arguments: &[&str]) -> Value {
    let output = Command::new(program("cohortium-sponsor"))
        .args(arguments)
        .arg("--json")
        .current_dir(place.folder.path())
        .env("COHORTIUM_LEDGER", format!("http://{}", place.address()))
        .env("COHORTIUM_CHARTER", "charter.json")
        .env("COHORTIUM_MEMBER_KEY", "sponsor.key")
        .output()
        .unwrap();
    let (out, error) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8_lossy(&output.stderr).into_owned());
    assert_eq!(output.status.code(), Some(exit), "{arguments:?}: {out}{error}");
    serde_json::from_str(&out).unwrap()
}

#[test]
fn every_route_of_the_client_is_the_services() {
    let (place, approval) = Place::prepared();
    let client = LedgerClient::new(&format!("http://{}", place.address())).unwrap();
    let mut ledger = TrustedLedger::new(client.clone(), client.charter().unwrap()).unwrap();
    assert_eq!(ledger.charter(), &place.charter);
    assert_eq!(ledger.refresh().unwrap().size, 9);
    assert_eq!(client.ledger().unwrap().size, 9);
    let keys = client.keys().unwrap();
    assert_eq!(client.verifying_key(&keys[0].id).unwrap(), keys[0]);
    let datasets = client.datasets().unwrap();
    assert_eq!(datasets.iter().map(|entry| entry.site.as_str()).collect::<Vec<_>>(), ["north", "south"]);
    let detail = client.dataset("north", "synthetic").unwrap();
    assert_eq!((&detail.summary, &detail.manifest_document), (&datasets[0], &place.north.manifest));
    assert_eq!(
        (detail.epoch_document, detail.policy_document),
        (Some(place.north.epoch.clone()), Some(place.north.floor.clone()))
    );
    assert_eq!(client.studies().unwrap()[0].approval, approval.digest());
    let (found, _) = ledger.verified_study(&approval.digest()).unwrap();
    assert_eq!(found, approval);

    let asked = query(r#""group_by": [{"column": "sex"}]"#);
    let sites = vec!["north".to_owned(), "south".to_owned()];
    let question = PlanQuestion { query: asked.clone(), approval: approval.digest(), sites, epsilon: None };
    let plan = client.plan(&question).unwrap();
    assert!(plan.allowed && plan.sequence == Some(1) && plan.sites.len() == 2, "{plan:?}");
    let request = place.request(&asked, &approval, 1);
    assert_eq!(plan.sites[0].pins.as_ref(), Some(&request.sites[0]));
    let transaction = place.signed(SPONSOR, Statement::Query { request: Box::new(request.clone()) });
    let posted = client.post_with_retries(&transaction, &RetryPolicy::default()).unwrap();
    assert_eq!((posted.id, posted.index, posted.already), (transaction.id(), 9, false));
    assert!(client.post(&transaction).unwrap().already);
    for id in [posted.id, request.digest()] {
        assert_eq!(ledger.verified_query(&id).unwrap().0, request);
    }
    assert_eq!(ledger.refresh().unwrap().size, 10);
    assert!(client.query_plan(&posted.id).unwrap().contains("Who is counted"));
    let filter =
        QueryFilter { sponsor: Some(SPONSOR.to_owned()), site: Some("north".to_owned()), ..Default::default() };
    let listed = client.all_queries(&QueryFilter { limit: Some(1), ..filter }, 100).unwrap();
    assert_eq!((listed.len(), listed[0].id), (1, posted.id));
    let under = QueryFilter { study: Some(approval.digest().to_string()), ..Default::default() };
    assert_eq!(client.all_queries(&under, 100).unwrap(), listed);
    assert!(client.results(&posted.id).unwrap()["pooled"].is_null());
    assert!(client.results_csv(&posted.id).unwrap().contains("not answered"));
    assert_eq!(client.bundle(&posted.id, "north").unwrap_err().problem().unwrap().status, 404);
    let mut export = Vec::new();
    assert_eq!(client.export(&mut export, 1 << 30).unwrap(), export.len() as u64);
    assert_eq!(export, place.get("/v1/export").body);
}

#[test]
fn a_sponsor_asks_and_reads_what_it_verified() {
    let (place, approval) = Place::prepared();
    let write = |name: &str, text: String| std::fs::write(place.folder.path().join(name), text).unwrap();
    write("charter.json", serde_json::to_string(&place.charter).unwrap());
    write("query.json", serde_json::to_string(&query(r#""group_by": [{"column": "sex"}]"#)).unwrap());
    cohortium_client::key_file::write(&place.folder.path().join("sponsor.key"), SPONSOR, &member_key(SPONSOR)).unwrap();

    let plan = run(&place, 0, &["plan", "query.json", "--study", STUDY, "--site", "north", "--site", "south"]);
    assert_eq!(plan["answer"]["allowed"], true);
    run(&place, 1, &["plan", "query.json", "--study", STUDY, "--site", "west"]);
    let asked = run(&place, 0, &["ask", "query.json", "--approval", STUDY, "--site", "north", "--site", "south"]);
    let id = asked["id"].as_str().unwrap();
    assert_eq!(run(&place, 0, &["follow", id])["status"]["state"], "submitted");
    run(&place, 2, &["results", id]);

    let request = place.ledger.read(|chain| {
        let question = chain.state().query(&id.parse().unwrap()).unwrap();
        question.request.document.as_ref().clone()
    });
    let request = request.unwrap();
    place.say("north", Statement::Accept { request: request.digest() });
    place.say("north", place.release(&place.north, &request, &approval).statement);
    place.say("south", Statement::Decline { request: request.digest(), reason: "no capacity".to_owned() });
    assert_eq!(run(&place, 0, &["follow", id, "--wait"])["status"]["words"], "answered by 1 of 2 sites");
    let shown = run(&place, 0, &["results", id, "--csv", "results.csv"]);
    assert_eq!(shown["verdicts"][0]["verdict"], "holds", "{shown:#}");
    // What was worked out from verified bundles is what the service says, to the letter.
    let here = QueryResults::parse(&shown["results"].to_string()).unwrap();
    let there = QueryResults::parse(&place.get(&format!("/v1/queries/{id}/results")).text()).unwrap();
    assert_eq!(here, there);
    assert!(matches!(&here.sites()[1].answer, SiteAnswer::Declined { because } if because == "no capacity"));
    let csv = std::fs::read_to_string(place.folder.path().join("results.csv")).unwrap();
    assert_eq!(csv, place.get(&format!("/v1/queries/{id}/results.csv")).text());
    run(&place, 0, &["bundle", id, "north", "--out", "answer.json"]);
    run(&place, 0, &["anchors", "--out", "anchors.json"]);
    run(&place, 0, &["export", "--out", "ledger.ndjson"]);
}
