//! A dry run over HTTP: budgets and costs, with noise and without.

use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::Statement;
use serde_json::{Value, json};

use crate::common::query;
use crate::http;
use crate::place::{Place, SPONSOR};

#[test]
fn a_dry_run_tells_budgets_and_cost_and_admits_no_noise_without_a_key_for_it() {
    let (place, approval) = Place::prepared();
    place.say("north", Statement::Seeds { number: 1, leaves: 256, root: Digest::of_bytes(b"a tree") });
    let asked = query(r#""group_by": [{"column": "sex"}], "measures": {"sum": "crp"}"#);
    let ask = |epsilon: Option<Value>| {
        let mut question = json!({"query": asked, "approval": approval.digest(), "sites": ["north"]});
        if let Some(epsilon) = epsilon {
            question["epsilon"] = epsilon;
        }
        http::post(place.address(), "/v1/plan", question.to_string().as_bytes())
    };
    let exact = ask(None).json();
    assert_eq!(exact["allowed"], true, "{exact}");
    let site = &exact["sites"][0];
    assert!(site["pins"]["seed_leaf"].is_null());
    let budgets = site["budgets"].as_array().unwrap();
    let of = |what: &str| budgets.iter().find(|budget| budget["what"] == what).cloned().unwrap();
    let openings = of("openings of column \"sex\" in all");
    assert_eq!(
        (&openings["unit"], &openings["spent"], &openings["asked"]),
        (&json!("openings"), &json!("0"), &json!("1"))
    );
    assert_eq!((&openings["left_after"], &openings["limit"]), (&json!("495"), &json!("496")));
    of("openings of column \"crp\" under this approval");
    assert!(budgets.iter().all(|budget| budget["unit"] != "epsilon"), "the policy sets no limits: {site}");
    assert!(site["estimate"]["seconds"].as_u64().unwrap() >= 3, "{site}");
    assert!(site["estimate"]["memory_bytes"].as_u64().unwrap() > 380 << 20, "{site}");

    let noised = ask(Some(json!({"count": "0.1", "sum": "0.2"}))).json();
    assert_eq!((&noised["allowed"], &noised["rule"]), (&false.into(), &"key".into()), "{noised}");
    let reason = noised["reason"].as_str().unwrap();
    assert!(reason.contains("the charter names no verifying key for the shape noise-12"), "{noised}");
    let lacking = ask(Some(json!({"count": "0.1"}))).json();
    assert_eq!(lacking["allowed"], false, "{lacking}");
    ask(Some(json!({"sum": "0.1"}))).problem(400, "malformed");
    ask(Some(json!({"count": 0.1}))).problem(400, "malformed");
    // Nothing was recorded.
    let queries = place.get(&format!("/v1/queries?sponsor={}", SPONSOR.replace(' ', "%20"))).json();
    assert!(queries["queries"].as_array().unwrap().is_empty(), "{queries}");
}
