//! From a request to a bundle that an auditor accepts.

use serde_json::{Value, json};

use super::place::Place;

const PROVE: &str = "prove request.json --home h --approval approval.json --out answer.json";

const DEVELOPMENT_KEY: &str =
    "DEVELOPMENT KEY: for trials only. Whoever made the key could forge such a proof; an audit says so.";

/// The released counts by a plain look at the files: patients over 50 who consent, by hormonal treatment, those under 8
/// suppressed, rounded to 5.
fn plain_counts(place: &Place) -> Vec<Value> {
    let (csv, consents) = (place.read("gbsg.csv"), place.read("consent.csv"));
    let header: Vec<&str> = csv.lines().next().unwrap().split(',').collect();
    let at = |name: &str| header.iter().position(|column| *column == name).unwrap();
    let (pid, age, hormon) = (at("pid"), at("age"), at("hormon"));
    let mut counts = [0u64; 2];
    for line in csv.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let consent = consents.lines().find(|line| line.starts_with(&format!("{},", cells[pid]))).unwrap();
        if consent.split(',').nth(1) == Some("1") && cells[age].parse::<u64>().unwrap() > 50 {
            counts[cells[hormon].parse::<usize>().unwrap()] += 1;
        }
    }
    let cell = |n: u64| {
        if n < 8 { json!({ "state": "suppressed" }) } else { json!({ "state": "value", "value": (n + 2) / 5 * 5 }) }
    };
    counts.map(cell).into()
}

#[test]
fn who_is_left_out_is_shown_as_coarsely_as_the_rest() {
    let place = Place::committed();
    place.run("keys --shape query-12").ok();
    place.write_approval("approval.json", "2030-12-31");
    let query = place.read("query.json").replace("[51, null]", "[0, 90]");
    let bins = r#"{ "column": "nodes", "bins": [[0, 3], [4, 30]] }"#;
    place.write("query.json", &query.replace(r#"{ "column": "hormon" }"#, bins).replace(r#""sum": "nodes""#, ""));
    place.run("request query.json --approval approval.json --site public --out request.json").ok();
    let run = place.run("prove request.json --home h --approval approval.json --dry-run").ok();
    // A handful of patients have more than 30 nodes.
    let line = run.out.lines().find(|line| line.contains("not true that nodes is in one of its groups")).unwrap();
    assert!(line.ends_with(": fewer than 8"), "{line}");
    assert!(run.out.contains("This does NOT leave"), "{}", run.out);
}

#[test]
fn a_request_is_answered_once_and_audited() {
    let place = Place::asked();
    let dry = place.run("prove request.json --home h --approval approval.json --dry-run").ok();
    for part in [
        "WHAT WILL LEAVE \"gbsg\":",
        DEVELOPMENT_KEY,
        "Policy in force: smallest cell 8, counts rounded to 5",
        "hormon  patients  sum of nodes",
        "- commitments to 3 columns made for this query alone, and the value of each at one random point;",
        "- commitments to how often each entry of its 3 tables is used, and the value of each at another;",
        "openings left  and after this",
        "DUO:0000042/academic",
        "The proof takes ",
        "This was a dry run: nothing left, nothing was charged.",
    ] {
        assert!(dry.out.contains(part), "{part} is not in {}", dry.out);
    }
    assert_eq!(place.left("age"), 496);

    let run = place.run(&format!("{PROVE} --yes --json")).ok();
    let json = run.json();
    // What is shown before it leaves.
    assert!(run.err.contains("WHAT WILL LEAVE"), "{}", run.err);
    assert_eq!((&json["ok"], &json["again"]), (&json!(true), &json!(false)));
    assert_eq!(json["development_key"], json!(true));
    let bundle: Value = serde_json::from_str(&place.read("answer.json")).unwrap();
    let counts: Vec<Value> =
        bundle["proof"]["cells"].as_array().unwrap().iter().map(|cells| cells["count"].clone()).collect();
    assert_eq!(counts, plain_counts(&place));
    let shown: Vec<&Value> = json["groups"].as_array().unwrap().iter().map(|group| &group["cells"]["count"]).collect();
    assert_eq!(shown, counts.iter().collect::<Vec<_>>());
    // What the preview counts is what is in the bundle.
    let columns = bundle["proof"]["columns"].as_array().unwrap();
    let own = columns.iter().filter(|column| column["column"]["source"] == json!("query")).count();
    assert_eq!((json["query_columns"].as_u64(), own), (Some(own as u64), 3));
    let multiplicities = bundle["proof"]["multiplicities"].as_array().unwrap().len();
    assert_eq!(json["multiplicities"].as_u64(), Some(multiplicities as u64));
    for column in ["age", "hormon", "nodes", "DUO:0000042/academic (epoch 1)"] {
        assert_eq!(place.left(column), 495, "{column}");
    }
    assert_eq!((place.left("pgr"), place.left("tag.0")), (496, 496));

    let verdict = place.run("verify answer.json --anchors anchors.json --request request.json --json").ok().json();
    assert_eq!(verdict["verdict"], json!("holds"));

    // Again: the same bytes, to another file too, and nothing is charged; nobody need confirm.
    let again = place.run("prove request.json --home h --approval approval.json --out second.json --json").ok().json();
    assert_eq!((&again["again"], &again["development_key"]), (&json!(true), &json!(true)));
    assert_eq!(place.read("second.json"), place.read("answer.json"));
    assert_eq!(place.left("age"), 495);
    let dry = place.run("prove request.json --home h --approval approval.json --dry-run").ok();
    assert!(dry.out.contains("was answered before") && dry.out.contains(DEVELOPMENT_KEY), "{}", dry.out);

    // One number changed: refused.
    let value = counts.iter().find_map(|count| count["value"].as_u64()).unwrap();
    let tampered =
        place.read("answer.json").replacen(&format!("\"value\": {value}"), &format!("\"value\": {}", value + 5), 1);
    assert_ne!(tampered, place.read("answer.json"));
    place.write("tampered.json", &tampered);
    let refused = place.run("verify tampered.json --anchors anchors.json").fails(1, "the audit's verdict is: fails");
    assert!(refused.out.contains("not valid for these numbers"), "{}", refused.out);

    // A file that is no bundle decides nothing, here as for the auditor.
    let whole = place.read("answer.json");
    for (name, text) in [
        ("half.json", &whole[..whole.len() / 2]),
        ("other.json", &whole.replace("cohortium-bundle/1", "cohortium-bundle/9")),
        ("no.json", "no bundle"),
    ] {
        place.write(name, text);
        place.run(&format!("verify {name} --anchors anchors.json")).fails(2, &format!("{name}: the bundle"));
    }
    place.run("verify answer.json --anchors no.json").fails(2, "no.json: ");
    place.run("verify answer.json --anchors anchors.json --request no.json").fails(2, "no.json: ");
    place.run("verify answer.json --anchors missing.json").fails(2, "cannot read missing.json");

    // Another request's answer.
    place.run("request query.json --approval approval.json --site public --number 2 --out request.json").ok();
    let other = "verify answer.json --anchors anchors.json --request request.json";
    place.run(other).fails(1, "the audit's verdict is: fails");

    // An old copy of the budget is put back: noticed, before anything is charged to it.
    let budget = place.read("h/budget.jsonl");
    place.write("h/budget.jsonl", "");
    place.run(&format!("{PROVE} --yes")).fails(1, "an old copy of the file was put back");
    place.write("h/budget.jsonl", &budget.replacen("\"points\":1", "\"points\":2", 1));
    place.run(&format!("{PROVE} --yes")).fails(1, "budget record 1 has been changed");
    place.run("inspect --home h").fails(1, "budget record 1 has been changed");
}
