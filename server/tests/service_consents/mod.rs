//! A site's batches of consent events, page by page.

use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::Statement;
use cohortium_protocol::ledger::Transaction;
use serde_json::Value;
use serde_json::json;

use crate::service_common::http;
use crate::service_common::*;

#[test]
fn batches_come_in_pages_in_the_order_of_their_numbers() {
    let place = Place::new(2, unlimited());
    let address = place.address();
    let path = |site: &str, query: &str| format!("/v1/sites/{}/consents{query}", site.replace(' ', "%20"));
    let get = |query: &str| http::get(address, &path(&hospital(0), query));
    get("").problem(404, "not-found");
    let post = |number, leaves| {
        let root = Digest::of_bytes(format!("batch {number}").as_bytes());
        let statement = Statement::Consents { number, leaves, root };
        let transaction = Transaction::sign(place.ledger.id(), &hospital(0), statement, &key(&hospital(0)));
        (http::post(address, "/v1/transactions", &transaction.canonical()), root)
    };
    let mut roots = Vec::new();
    // One of the interval's size, and larger ones, which may come at any time.
    for (number, leaves) in [(1, 128), (2, 64), (3, 128), (4, 256), (5, 128)] {
        let (answer, root) = post(number, leaves);
        assert_eq!(answer.status, 201, "{}", answer.text());
        roots.push(root);
    }
    post(6, 64).0.problem(422, "batch-interval");
    post(7, 128).0.problem(409, "number");

    let all = get("").json();
    let batches = all["batches"].as_array().unwrap();
    assert_eq!(batches.len(), 5);
    assert!(all.get("next").is_none(), "{all}");
    for (place, batch) in batches.iter().enumerate() {
        assert_eq!((&batch["number"], &batch["index"]), (&json!(place + 1), &json!(place)));
        assert_eq!(batch["root"], json!(roots[place]));
    }
    assert_eq!(
        batches.iter().map(|batch| batch["leaves"].as_u64().unwrap()).collect::<Vec<_>>(),
        [128, 64, 128, 256, 128]
    );
    let (mut seen, mut after) = (Vec::new(), String::new());
    for expected in [2, 2, 1] {
        let page = get(&format!("?limit=2{after}")).json();
        assert_eq!(page["batches"].as_array().unwrap().len(), expected);
        seen.extend(page["batches"].as_array().unwrap().iter().map(|batch| batch["number"].as_u64().unwrap()));
        after = page.get("next").map_or_else(String::new, |next| format!("&after={next}"));
    }
    assert_eq!((seen, after), (vec![1, 2, 3, 4, 5], String::new()));
    for beyond in [5, 6, u32::MAX] {
        let page = get(&format!("?after={beyond}")).json();
        assert_eq!((&page["batches"], page.get("next")), (&json!([]), None::<&Value>), "{beyond}");
    }
    http::get(address, &path(&hospital(1), "")).problem(404, "not-found");
    http::get(address, &path("nobody", "")).problem(404, "not-found");
    for bad in ["?after=x", "?after=-1", "?after=4294967296", "?more=1"] {
        get(bad).problem(400, "malformed");
    }
}
