//! What `prove` and its neighbours refuse, before anything is charged or computed.

use std::fs;

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
        .fails(2, "there is no policy preset \"lax\"; there are datashield");
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
