//! Every described route is called and works; every route that the sources serve is described, in the description and
//! on the page of the HTTP interface.

use std::collections::BTreeSet;
use std::path::PathBuf;

use cohortium_protocol::ledger::Statement;
use serde_json::{Value, json};

use crate::common::{key_12, query};
use crate::http;
use crate::place::{Place, SPONSOR};

/// The description's routes: method and path.
fn described(description: &Value) -> BTreeSet<(String, String)> {
    let mut routes = BTreeSet::new();
    for (path, item) in description["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            assert!(operation["responses"].as_object().is_some_and(|all| !all.is_empty()), "{method} {path}");
            assert!(operation["summary"].as_str().is_some_and(|summary| !summary.is_empty()), "{method} {path}");
            assert!(operation["tags"][0].is_string(), "{method} {path}");
            routes.insert((method.to_uppercase(), path.clone()));
        }
    }
    routes
}

/// The routes in the sources of the service.
fn served() -> BTreeSet<(String, String)> {
    let mut routes = BTreeSet::new();
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../server/src/http");
    for entry in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        for line in text.lines() {
            for method in ["get", "post", "put", "delete", "patch", "head", "route"] {
                if let Some(path) = line.trim().strip_prefix(&format!("#[{method}(\"")) {
                    routes.insert((method.to_uppercase(), path.trim_end_matches("\")]").to_owned()));
                }
            }
            // Routes of the other kind would go round the description.
            assert!(!line.contains(".route(") && !line.contains("web::resource"), "{line}");
        }
    }
    routes
}

/// The routes on the page of the HTTP interface: what stands in backquotes, without parameters.
fn on_the_page() -> BTreeSet<(String, String)> {
    let page = include_str!("../../../docs/src/http.md");
    let spans = page.lines().flat_map(|line| line.split('`').skip(1).step_by(2));
    let routes = spans.filter_map(|span| span.split_once(' ')).filter(|(method, _)| ["GET", "POST"].contains(method));
    routes.map(|(method, path)| (method.to_owned(), path.split('?').next().unwrap().to_owned())).collect()
}

#[test]
fn every_described_route_is_served_and_every_served_route_described() {
    let (place, approval) = Place::prepared();
    let asked = query("");
    let request = place.request(&asked, &approval, 1);
    let digest = request.digest();
    let asking = place.signed(SPONSOR, Statement::Query { request: Box::new(request.clone()) });
    let accept = place.signed("north", Statement::Accept { request: digest });
    let plan = json!({"query": asked, "approval": approval.digest(), "sites": ["north"]}).to_string();

    let mut called = BTreeSet::new();
    let mut call = |method: &str, pattern: &str, path: &str, body: Option<&[u8]>, type_: &str| {
        let answer = match body {
            None => http::get(place.address(), path),
            Some(body) => http::post(place.address(), path, body),
        };
        assert!(answer.status == 200 || answer.status == 201, "{method} {path}: {}", answer.text());
        let found = answer.header("content-type").unwrap_or_default().to_owned();
        assert!(found.starts_with(type_), "{method} {path}: {found}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        called.insert((method.to_owned(), pattern.to_owned()));
        answer
    };
    let js = "application/json";
    let (key, study) = (key_12().verifying().id(), approval.digest());
    call("POST", "/v1/plan", "/v1/plan", Some(plan.as_bytes()), js);
    call("POST", "/v1/queries", "/v1/queries", Some(&asking.canonical()), js);
    call("POST", "/v1/transactions", "/v1/transactions", Some(&accept.canonical()), js);
    let release = place.release(&place.north, &request, &approval);
    assert_eq!(place.post(&release).status, 201);
    let info = call("GET", "/v1/ledger", "/v1/ledger", None, js).json();
    let charter = call("GET", "/v1/charter", "/v1/charter", None, js);
    assert_eq!(cohortium_protocol::ledger::Charter::parse(&charter.text()).unwrap(), place.charter);
    assert_eq!(call("GET", "/v1/keys", "/v1/keys", None, js).json().as_array().unwrap().len(), 1);
    let verifying = call("GET", "/v1/keys/{id}", &format!("/v1/keys/{key}"), None, js);
    assert_eq!(cohortium_keys::VerifyingKey::parse(&verifying.text()).unwrap().id(), key);
    let note = call("GET", "/v1/checkpoint", "/v1/checkpoint", None, "text/plain").text();
    assert_eq!(info["checkpoint"], note);
    call("GET", "/v1/consistency", "/v1/consistency?from=1&to=3", None, js);
    call("GET", "/v1/blocks", "/v1/blocks?from=2&limit=2", None, js);
    call("GET", "/v1/blocks/{height}", "/v1/blocks/2", None, js);
    let found = call("GET", "/v1/transactions/{id}", &format!("/v1/transactions/{}", release.id()), None, js).json();
    assert_eq!((&found["kind"], &found["member"]), (&"release".into(), &"north".into()));
    let all = call("GET", "/v1/datasets", "/v1/datasets", None, js).json();
    assert_eq!(all["datasets"].as_array().unwrap().len(), 2);
    let one = call("GET", "/v1/datasets/{site}/{table}", "/v1/datasets/north/synthetic", None, js).json();
    assert_eq!(one["manifest"], place.north.manifest.digest().to_string());
    assert_eq!(one["schema_document"], serde_json::to_value(&place.north.schema).unwrap());
    assert_eq!(one["epoch_document"], serde_json::to_value(&place.north.epoch).unwrap());
    assert_eq!(one["consents"], json!(["DUO:0000042/academic"]));
    assert_eq!(call("GET", "/v1/studies", "/v1/studies", None, js).json()["studies"][0]["queries"], 1);
    let consents = call("GET", "/v1/sites/{site}/consents", "/v1/sites/north/consents", None, js).json();
    assert_eq!(consents["batches"][0]["number"], 1, "{consents}");
    call("GET", "/v1/studies/{approval}", &format!("/v1/studies/{study}"), None, js);
    call("GET", "/v1/queries", "/v1/queries?site=north", None, js);
    let query = format!("/v1/queries/{}", asking.id());
    call("GET", "/v1/queries/{id}", &query, None, js);
    call("GET", "/v1/queries/{id}/plan", &format!("{query}/plan"), None, "text/plain");
    call("GET", "/v1/queries/{id}/results", &format!("{query}/results"), None, js);
    call("GET", "/v1/queries/{id}/results.csv", &format!("{query}/results.csv"), None, "text/csv");
    call("GET", "/v1/queries/{id}/bundles/{site}", &format!("{query}/bundles/north"), None, js);
    call("GET", "/v1/export", "/v1/export", None, "application/x-ndjson");
    call("GET", "/v1/health", "/v1/health", None, js);
    call("GET", "/metrics", "/metrics", None, "text/plain");
    let description = call("GET", "/v1/openapi.json", "/v1/openapi.json", None, js).json();

    let described = described(&description);
    assert_eq!(called, described, "called and described");
    assert_eq!(served(), described, "in the sources and described");
    assert_eq!(on_the_page(), described, "on the page and described");
    // What the description calls a schema is there.
    let text = description.to_string();
    for (at, found) in text.match_indices("#/components/schemas/") {
        let name = text[at + found.len()..].split('"').next().unwrap();
        assert!(description["components"]["schemas"][name].is_object(), "{name}");
    }
}
