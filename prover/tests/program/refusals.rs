//! What `prove` and its neighbours refuse, before anything is charged or computed.

use std::fs;

use serde_json::Value;
use serde_json::json;

use super::place::{IMPORT, Place};

const PROVE: &str = "prove request.json --home h --approval approval.json --out answer.json --yes";

#[track_caller]
fn refused(place: &Place, words: &str, code: i32, sentence: &str) {
    place.run(words).fails(code, sentence);
    assert_eq!(place.left("age"), 496, "nothing is charged for a refusal");
    assert!(!place.path("answer.json").exists() && place.files("h/releases").is_empty());
}

#[test]
fn usage_and_files() {
    let place = Place::new();
    place.run("inspect").fails(2, "which site's folder? Name it with --home DIR");
    assert_eq!(place.run("inspect --home nowhere").fails(2, "nowhere holds no site").code, Some(2));
    place.run("prove").fails(2, "Usage: cohortium-prover prove");
    place.run("frobnicate").fails(2, "unrecognized subcommand");
    place
        .run("init --home h --site gbsg --preset lax")
        .fails(2, "there is no policy preset \"lax\"; there are strict, datashield");
    place.run("init --home h --site gbsg --share 0").fails(1, "share of the opening budget is 0");
    place.run("init --home h --site a\u{1b}b").fails(1, "is not a site's name: 1 to 120 printable characters");
    place.run("init --home . --site gbsg").fails(1, "which is no part of a site; a site needs a folder of its own");
    place.run("plan missing.json --schema schema.json").fails(2, "cannot read missing.json");
    place.run("plan schema.json --schema schema.json").fails(1, "schema.json: ");
    let json = place.run("inspect --json").fails(2, "which site's folder?").json();
    assert_eq!((json["ok"].as_bool(), json["exit"].as_u64()), (Some(false), Some(2)));
    assert!(json["error"].as_str().unwrap().starts_with("which site's folder?"));
    // A home can be named in the environment.
    place.run("init --home h --site gbsg").ok();
    let run = place.run_with("inspect", &[("COHORTIUM_HOME", "h")]).ok();
    assert!(run.out.contains("the site has no policy, and without a policy nothing is released"), "{}", run.out);
    place.run("policy --home h").fails(1, "the site has no policy");
    place.run("policy --home h --preset opensafely").ok();
    place.run(&format!("{IMPORT} --patient-secrets missing.csv")).fails(2, "missing.csv: cannot be read");
    fs::write(place.path("mapping-gbsg.json"), "{}").unwrap();
    place.run(IMPORT).fails(1, "mapping-gbsg.json: ");
}

/// Every way in which a query can ask too much, through the program itself: refused with the part, what was found and
/// what would fit.
#[test]
fn queries_that_ask_too_much() {
    let place = Place::new();
    let base: Value = serde_json::from_str(&place.read("query.json")).unwrap();
    let with = |name: &str, value: Value| {
        let mut query = base.clone();
        query[name] = value;
        query
    };
    let without = |name: &str| {
        let mut query = base.clone();
        query.as_object_mut().unwrap().remove(name);
        query
    };
    let age = |between: Value| with("where", json!({ "column": "age", "between": between }));
    let tests = |count: u32| -> Vec<Value> {
        (0..count).map(|first| json!({ "column": "rfs_days", "between": [first, 1000] })).collect()
    };
    // Fifteen tests, consent and no measure: as many conditions as fit, and one lookup more, for the selection.
    let mut lookups = with("where", json!({ "any": tests(15) }));
    lookups.as_object_mut().unwrap().remove("measures");
    let mut fits = lookups.clone();
    fits["where"]["any"] = json!(tests(14));
    let decades = json!({ "column": "age", "bins": { "from": 20, "width": 10, "count": 10 } });
    let cells = json!([decades, { "column": "grade" }, { "column": "size_class" }]);
    for (what, query, sentence) in [
        (
            "an unknown column",
            with("where", json!({ "column": "agee", "between": [51, null] })),
            "where: the schema has no column \"agee\"; near it: \"age\"",
        ),
        (
            "an unknown measure",
            with("measures", json!({ "sum": "node" })),
            "measures: the schema has no column \"node\"; near it: \"nodes\"",
        ),
        (
            "inverted bounds",
            age(json!([70, 50])),
            "where.between: the range [70, 50] ends before it starts; write the lower end first",
        ),
        (
            "bounds beyond the domain",
            age(json!([51, 121])),
            "where.between: 121 lies outside column \"age\", which is defined from 0 years to 120 years",
        ),
        (
            "overlapping bins",
            with("group_by", json!([{ "column": "age", "bins": [[20, 50], [50, 80]] }])),
            "group_by[0].bins: bins 1 and 2 both hold 50; after bin 1 the next value is 51",
        ),
        (
            "no purpose",
            without("purpose"),
            "the query states no purpose, and without one nobody's consent can count: add \"purpose\"",
        ),
        ("no kind of sponsor", without("sponsor_class"), "the query does not say what kind of sponsor asks"),
        (
            "consent waived",
            with("consent", json!(false)),
            "has a field \"consent\": a selection cannot ignore, waive or test consent; it is always required",
        ),
        (
            "consent negated",
            with("where", json!({ "not": { "column": "DUO:0000042/academic", "is": true } })),
            "where.not names the consent column \"DUO:0000042/academic\": a selection cannot ignore or test consent",
        ),
        (
            "too many lookups",
            lookups,
            "the query needs at least 16 lookups (15 tests, the selection, 0 for bins); the shape query-12 holds 15: use fewer tests",
        ),
        (
            "too many conditions",
            with("where", json!({ "any": tests(15) })),
            "the query has at least 17 conditions (consent, 1 implied by groups and measures, 15 asked for); 16 fit",
        ),
        (
            "too many cells",
            with("group_by", cells),
            "the query has 90 groups (age 10 times grade 3 times size_class 3); the shape query-12 holds 64",
        ),
        (
            "too many groupings",
            with("group_by", json!(["meno", "hormon", "grade", "rfs_event"].map(|name| json!({ "column": name })))),
            "the query groups by 4 columns; it may group by 3",
        ),
    ] {
        place.write("asked.json", &query.to_string());
        let run = place.run("plan asked.json --schema schema.json").fails(1, sentence);
        assert!(run.out.is_empty(), "{what}: {}", run.out);
        let json = place.run("plan asked.json --schema schema.json --json").fails(1, sentence).json();
        assert!(json["error"].as_str().unwrap().contains(sentence), "{what}: {json}");
    }
    // One test fewer fits.
    place.write("asked.json", &fits.to_string());
    place.run("plan asked.json --schema schema.json").ok();

    // Trap 14: with these two numbers the lowest released value, 10, would name a count. Wherever a policy comes from.
    let policy = json!({ "format": "cohortium-policy/1", "min_cell": 14, "rounding": 10, "show_zeros": false,
        "sums": "restrained" });
    place.write("floor.json", &policy.to_string());
    place.write_approval("approval.json", "2030-12-31");
    let plan = "plan query.json --schema schema.json --approval approval.json";
    let sentence =
        "the smallest cell 14 is not the lower edge of an interval of rounding to 10, so the smallest released value";
    place.run(&format!("{plan} --floor floor.json")).fails(1, sentence);
    place.run("init --home h --site gbsg --policy floor.json").fails(1, sentence);
    place.run("init --home h --site gbsg").ok();
    place.run("policy --home h --set floor.json").fails(1, sentence);
    let mut approval: Value = serde_json::from_str(&place.read("approval.json")).unwrap();
    approval["policy"] = policy;
    place.write("approval.json", &approval.to_string());
    place.run(plan).fails(1, sentence);
}

#[test]
fn requests_that_do_not_fit() {
    let place = Place::asked();
    refused(
        &place,
        "prove request.json --home h --approval approval.json --out answer.json",
        2,
        "nobody is at the terminal to confirm",
    );
    refused(&place, &PROVE.replace("answer.json", "no/folder/answer.json"), 2, "there is no folder no/folder");
    refused(&place, &PROVE.replace("answer.json", "public"), 2, "is a folder; name a file");
    refused(&place, &format!("{PROVE} --keys elsewhere"), 2, "its proving key is not at elsewhere");

    // Another site, another key, another approval.
    let request = place.read("request.json");
    place.write("request.json", &request.replace("\"site\": \"gbsg\"", "\"site\": \"rotterdam\""));
    refused(&place, PROVE, 1, "the request does not ask the site \"gbsg\"; it asks rotterdam");
    let json: serde_json::Value = serde_json::from_str(&request).unwrap();
    let key = json["sites"][0]["verifying_key"].as_str().unwrap();
    place.write("request.json", &request.replace(key, &"0".repeat(64)));
    refused(&place, PROVE, 1, "the request names the verifying key 0000");
    place.write("request.json", &request.replace("file-exchange", "another ledger"));
    refused(&place, PROVE, 1, "the request is of ledger \"another ledger\"");
    place.write("request.json", &request);
    place.write_approval("late.json", "2020-12-31");
    refused(&place, &PROVE.replace("approval.json", "late.json"), 1, "the approval expired on 2020-12-31");
    place.run("request query.json --approval late.json --site public --out r.json").fails(1, "the approval expired");
    place.write_approval("other.json", "2031-12-31");
    refused(&place, &PROVE.replace("approval.json", "other.json"), 1, "the request pins the approval");
    // Asked by whoever made the request, and permitted by nobody.
    let elsewhere = place.read("approval.json").replacen("\"columns\"", "\"sites\": [\"rotterdam\"], \"columns\"", 1);
    place.write("elsewhere.json", &elsewhere);
    place.run("request query.json --approval elsewhere.json --site public --out request.json").ok();
    let sentence = "clause \"sites\": the site \"gbsg\" is not among those allowed: rotterdam";
    refused(&place, &PROVE.replace("approval.json", "elsewhere.json"), 1, sentence);
    place.write("request.json", &request);

    // Two provers at one home: the second does not wait.
    let lock = fs::File::open(place.path("h/lock")).unwrap();
    lock.lock().unwrap();
    refused(&place, PROVE, 2, "another cohortium-prover is at work in h");
    drop(lock);

    // The floor was changed, then taken away, after the request was made.
    let floor = place.read("h/policy.json");
    place.run("policy --home h --preset mii").ok();
    refused(&place, PROVE, 1, "the request pins the policy floor");
    fs::remove_file(place.path("h/policy.json")).unwrap();
    refused(&place, PROVE, 1, "the site has no policy, and without a policy nothing is released");
    place.write("h/policy.json", &floor);

    // Consents were withdrawn since; then the whole table was replaced.
    place.write_consents("february.csv", 2);
    place.run("commit --home h --epoch --consent february.csv --date 2026-02-28").ok();
    refused(&place, PROVE, 1, "active is consent epoch 2 of table breast-cancer, since 2026-02-28");
    place.run(IMPORT).ok();
    refused(&place, PROVE, 1, "active is consent epoch 2 of table breast-cancer");
    place.run("commit --home h --date 2026-03-31").ok();
    place.run(PROVE).fails(1, "active is version 2 of table breast-cancer, since 2026-03-31");
}

#[test]
fn requests_are_built_from_folders_that_fit() {
    let place = Place::committed();
    place.run("keys --shape query-12 --out key.json").ok();
    place.write_approval("approval.json", "2030-12-31");
    let request = "request query.json --approval approval.json --out request.json --site public";
    place.run(&format!("{request} --keys nowhere")).fails(2, "there is no verifying key of shape query-12");
    place.run(&format!("{request} --keys nowhere --key key.json")).ok();
    place.run(&format!("{request} --site public")).fails(1, "the request names the site \"gbsg\" twice");
    place
        .run("anchors --site public --site public --out anchors.json")
        .fails(1, "the anchors name the site \"gbsg\" twice");
    place.write("commercial.json", &place.read("approval.json").replace("academic", "commercial"));
    place
        .run("request query.json --approval commercial.json --site public --out request.json")
        .fails(1, "DUO:0000042/academic");
    let manifest = place.read("public/manifest.json");
    place.write("public/manifest.json", &manifest.replace("2026-01-31", "2026-01-30"));
    place.run(request).fails(1, "public: the epoch's manifest digest is ");
    place.write("public/manifest.json", &manifest.replace("cohortium-manifest/1", "cohortium-manifest/9"));
    place.run(request).fails(1, "public/manifest.json: ");
    fs::remove_file(place.path("public/manifest.json")).unwrap();
    place.run(request).fails(2, "cannot read public/manifest.json");
}

#[test]
#[cfg(any(debug_assertions, feature = "faults"))]
fn an_approvals_share_of_the_budget_is_kept() {
    let place = Place::new();
    place.run("init --home h --site gbsg --preset opensafely --share 1").ok();
    place.run(IMPORT).ok();
    place.run("commit --home h").ok();
    place.run("publish --home h --out public").ok();
    place.run("keys --shape query-12").ok();
    place.write_approval("approval.json", "2030-12-31");
    place.run("request query.json --approval approval.json --site public --out request.json").ok();
    // Charged, and then it dies: charged all the same.
    place.die("prove-charged", PROVE);
    let run = place.run(PROVE).fails(1, "does not suffice: 1 asked, 1 spent of 1, 0 left");
    assert!(run.err.contains("the share of approval"), "{}", run.err);
    assert_eq!(place.left("age"), 495);
}

/// Neither a proof nor an auditor can see how many queries were answered; the hospital that answers them can.
#[test]
fn query_caps_are_counted_from_what_was_released() {
    let place = Place::committed();
    place.run("keys --shape query-12").ok();
    place.write_approval("approval.json", "2030-12-31");
    let capped =
        |cap: &str| place.read("approval.json").replace("named plans\" }", &format!("named plans\", {cap} }}"));
    // The board allows two queries, the hospital's floor one about each column; the stricter of each rule holds.
    place.write("capped.json", &capped(r#""query_cap": { "per_approval": 2, "per_column": 7 }"#));
    place.write(
        "floor.json",
        r#"{ "format": "cohortium-policy/1", "min_cell": 8, "rounding": 5, "show_zeros": false,
        "sums": "exact for named plans", "query_cap": { "per_approval": 5, "per_column": 1 } }"#,
    );
    place.run("policy --home h --set floor.json").ok();
    place.run("publish --home h --out public").ok();
    let ask = |number: u32, query: &str, approval: &str| {
        place.write("asked.json", query);
        let out = format!("request-{number}.json");
        place
            .run(&format!("request asked.json --approval {approval} --site public --number {number} --out {out}"))
            .ok();
        format!("prove {out} --home h --approval {approval} --out answer-{number}.json --yes")
    };
    let query = |where_: &str, by: &str| {
        format!(
            r#"{{ "format": "cohortium-query/1", "title": "T", "table": "breast-cancer", "study": "S-1",
            "purpose": "DUO:0000042", "sponsor_class": "academic", "where": {where_}, "group_by": [{{ "column": "{by}" }}] }}"#
        )
    };
    let over_50 = r#"{ "column": "age", "between": [51, null] }"#;
    let few_nodes = r#"{ "column": "nodes", "between": [0, 3] }"#;

    let first = ask(1, &query(over_50, "hormon"), "capped.json");
    let run = place.run(&first).ok();
    let counted = "Counted by this site: query 1 of 2 of this study; of 1 about each column: age 1, hormon 1";
    assert!(run.out.contains(counted), "{}", run.out);
    assert_eq!((place.left("age"), place.left("grade")), (495, 496));

    // One of its columns was asked about before; no other column is charged, and a dry run says so, too.
    let again = ask(2, &query(over_50, "grade"), "capped.json");
    let sentence = "this site has answered 1 about \"age\" of study \"S-1\"; leave the column out";
    place.run(&again).fails(1, sentence);
    place.run(&again.replace("--yes", "--dry-run")).fails(1, sentence);
    assert_eq!((place.left("age"), place.left("grade")), (495, 496));
    assert!(!place.path("answer-2.json").exists());
    // Only requests that were answered count: this one is the second. The first one's bytes are still handed out.
    place.run(&ask(3, &query(few_nodes, "meno"), "capped.json")).ok();
    assert!(place.run(&first).ok().out.contains("was answered before"));

    let third = ask(4, &query(r#"{ "column": "er", "between": [10, null] }"#, "grade"), "capped.json");
    let sentence =
        "allows 2 queries under one approval with those that it amends, and this site has answered 2 of study \"S-1\"";
    place.run(&third).fails(1, sentence);
    assert_eq!((place.left("er"), place.left("grade")), (496, 496));
    assert_eq!(place.files("h/releases").len(), 6);
    // An amendment begins nothing anew; another study counts for itself.
    place.write("amended.json", &place.read("capped.json").replace("EC-1", "EC-2"));
    place.run(&ask(5, &query(over_50, "grade"), "amended.json").replace("--yes", "--dry-run")).fails(1, sentence);
    place.write("other.json", &place.read("capped.json").replace("S-1", "S-2"));
    let of_other = |query: String| query.replace("S-1", "S-2");
    place.run(&ask(6, &of_other(query(over_50, "grade")), "other.json").replace("--yes", "--dry-run")).ok();

    // What was answered is compared with, whoever asks; until the board has said that it may be.
    let over_51 = of_other(query(r#"{ "column": "age", "between": [52, null] }"#, "hormon"));
    let near = ask(7, &over_51, "other.json").replace("--yes", "--dry-run");
    let run = place.run(&near).fails(1, "and this question differs from it in what it reads of age only");
    let named = run.err.split_once("if the board names the plan ").unwrap().1;
    let plans = format!("\"near_plans\": [\"{}\"], \"exact_plans\"", &named[..64]);
    place.write("near.json", &place.read("other.json").replace("\"exact_plans\"", &plans));
    place.run(&ask(8, &over_51, "near.json").replace("--yes", "--dry-run")).ok();
    // The same question again is no other one.
    place.run(&ask(9, &of_other(query(over_50, "hormon")), "other.json").replace("--yes", "--dry-run")).ok();

    // A floor that wants more sites in every query, or fewer groups, than a request has.
    for (field, sentence) in [
        (
            r#""min_sites": { "sites": 2, "when": "always" }"#,
            "the query asks 1 sites, and the policy allows queries to 2 sites",
        ),
        (r#""max_levels": 1"#, "the grouping by hormon has 2 groups, and the policy allows 1 along one grouping"),
    ] {
        place.write(
            "limited.json",
            &place.read("floor.json").replace("\"query_cap\"", &format!("{field}, \"query_cap\"")),
        );
        place.run("policy --home h --set limited.json").ok();
        place.run("publish --home h --out public").ok();
        let limited = ask(10, &of_other(query(few_nodes, "hormon")), "other.json");
        place.run(&limited).fails(1, sentence);
    }
}
