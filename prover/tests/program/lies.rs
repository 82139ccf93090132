//! The batch job and a ledger service that lies, or somebody on the way to it who answers in its place.

use serde_json::json;

use super::exchange::{Joined, RUN, names};
use super::service::Lies;

#[test]
fn what_is_listed_as_accepted_was_not() {
    let joined = Joined::new();
    let Joined { place, service, .. } = &joined;
    joined.ask(51);
    service.lie(Lies { accepted: true, ..Lies::default() });
    let left = place.left("age");
    // No rule covers it, so a person decides, whatever the list says.
    assert_eq!(names(&joined.events()), ["hold", "done"]);
    assert_eq!(names(&joined.events()), ["done"]);
    assert_eq!(["accept", "release", "hold"].map(|kind| service.count(kind)), [0, 0, 1]);
    assert_eq!(place.left("age"), left);
    assert!(!place.read("h/outgoing.jsonl").contains("\"accept\""));
    // A note of the same, made by a version that believed the list.
    let note = format!("h/asked/{}", place.files("h/asked").into_iter().next().unwrap());
    let mut believed: serde_json::Value = serde_json::from_str(&place.read(&note)).unwrap();
    believed["decision"] = json!({ "decided": "accepted", "by": "ledger" });
    place.write(&note, &believed.to_string());
    place.run(RUN).ok();
    assert_eq!(["accept", "release"].map(|kind| service.count(kind)), [0, 0]);
    // What a rule covers is accepted by that rule.
    joined.allow();
    assert_eq!(names(&joined.events()), ["rule", "accept", "proving", "release", "done"]);
    assert_eq!(["accept", "release"].map(|kind| service.count(kind)), [1, 1]);
}

#[test]
fn what_a_lost_home_accepted_is_answered() {
    let joined = Joined::new();
    let Joined { place, service, .. } = &joined;
    let (id, _) = joined.ask(51);
    place.run(&format!("accept {id} --home h --yes")).ok();
    std::fs::remove_dir_all(place.path("h/asked")).unwrap();
    assert_eq!(names(&joined.events()), ["proving", "release", "done"]);
    assert_eq!(["accept", "release"].map(|kind| service.count(kind)), [1, 1]);
    assert!(service.status(&id).starts_with("answered"));
}
