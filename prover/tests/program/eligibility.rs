//! One patient offered to one study.

use cohortium_circuits::nullifier::nullifier;
use cohortium_protocol::consent::Event;
use cohortium_protocol::eligibility::EligibilityFile;
use cohortium_protocol::field::to_hex;
use cohortium_protocol::table::PatientSecret;
use cohortium_verifier::{Anchors, verify_eligibility};
use serde_json::{Value, json};

use super::place::Place;

/// A study that looks for patients over 50 with hormonal treatment.
fn place() -> Place {
    let place = Place::committed();
    place.write_approval("approval.json", "2030-12-31");
    place.write(
        "criteria.json",
        r#"{ "format": "cohortium-query/1", "title": "Over 50, treated", "table": "breast-cancer", "study": "S-1",
        "purpose": "DUO:0000042", "sponsor_class": "academic",
        "where": { "all": [{ "column": "age", "between": [51, null] }, { "column": "hormon", "is": true }] } }"#,
    );
    place
}

/// Patients by the files alone: those who consent or not, and meet the criteria or not.
fn patients(place: &Place, consents: bool, meets: bool) -> Vec<String> {
    let (csv, consent) = (place.read("gbsg.csv"), place.read("consent.csv"));
    let header: Vec<&str> = csv.lines().next().unwrap().split(',').collect();
    let at = |name: &str| header.iter().position(|column| *column == name).unwrap();
    let (pid, age, hormon) = (at("pid"), at("age"), at("hormon"));
    let cells = csv.lines().skip(1).map(|line| line.split(',').collect::<Vec<_>>());
    let fits = |cells: &Vec<&str>| {
        let line = consent.lines().find(|line| line.starts_with(&format!("{},", cells[pid]))).unwrap();
        let fit = cells[age].parse::<u64>().unwrap() > 50 && cells[hormon] == "1";
        (line.split(',').nth(1) == Some("1")) == consents && fit == meets
    };
    cells.filter(fits).map(|cells| cells[pid].to_owned()).collect()
}

/// The first of them.
fn patient(place: &Place, consents: bool, meets: bool) -> String {
    patients(place, consents, meets).swap_remove(0)
}

/// Another one who could be offered.
fn patient_after(place: &Place, first: &str) -> String {
    patients(place, true, true).into_iter().find(|patient| patient != first).unwrap()
}

fn words(patient: &str) -> String {
    format!("eligibility criteria.json --home h --patient {patient} --approval approval.json --out offer.json")
}

/// The patient's agreement, from a form.
fn agree(place: &Place, patient: &str) {
    let words = format!("consent record --home h --patient {patient} --agree S-1 --until 2030-12-31 --form F-1");
    let output = place.command(&words).args(["--sponsor", "Example University"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_patient_is_offered_and_the_sponsor_learns_nothing_else() {
    let place = place();
    let before = place.left("tag.3");
    let who = patient(&place, true, true);
    place.run(&format!("{} --yes", words(&who))).fails(1, "has not agreed to be offered to the study \"S-1\"");
    agree(&place, &who);
    let run = place.run(&format!("{} --yes", words(&who))).ok();
    for part in
        ["An offer to the study S-1 of Example University", "Not who it is, and not how many", "tag.0: 1 of the"]
    {
        assert!(run.out.contains(part) || run.err.contains(part), "{part}: {}\n{}", run.out, run.err);
    }
    assert_eq!(place.left("tag.3"), before - 1);
    assert_eq!(place.left("grade"), before, "a column that the criteria do not read");

    let bytes = place.read("offer.json");
    let file = EligibilityFile::parse(bytes.as_bytes()).unwrap();
    let entered: Value = serde_json::from_str(place.read("h/consents/events.jsonl").trim()).unwrap();
    let event = Event::parse(entered["event"].to_string().as_bytes()).unwrap();
    assert_eq!((file.agreement, file.scope.ledger.as_str()), (event.leaf(), "file-exchange"));
    // The patient finds out alone, from their card.
    let card = place.run(&format!("tag --home h --patient {who} --json")).ok().json();
    let tag = PatientSecret::from_card(card["secret"].as_str().unwrap()).unwrap().tag("gbsg");
    assert_eq!(file.nullifier, nullifier(&tag, &file.scope.digest()));
    assert!(!bytes.contains(card["tag"].as_str().unwrap()) && !bytes.contains(&format!("\"{who}\"")));

    // A sponsor who knows the site's public documents accepts it.
    let words =
        "anchors --site public --approval approval.json --accept-development-keys --key key.json --out anchors.json";
    place.run("keys --shape query-12").ok();
    place.run("keys --shape eligible-12 --out key.json").ok();
    place.run(words).ok();
    let anchors = Anchors::parse(&place.read("anchors.json")).unwrap();
    let verified = verify_eligibility(&file, &anchors).unwrap();
    assert_eq!(verified.scope().study, "S-1");

    // What left stands in the record, and once more is charged once more and has the same nullifier.
    let outgoing = place.run("outgoing --home h --json").ok().json();
    assert!(outgoing.to_string().contains("\"eligibility\""), "{outgoing}");
    let again: Value = place.run(&format!("{} --yes --json", self::words(&who))).ok().json();
    assert_eq!(again["nullifier"], json!(to_hex(&file.nullifier)));
    assert_eq!(place.left("tag.3"), before - 2);
}

#[test]
fn who_may_not_be_offered_is_refused_and_nothing_is_charged() {
    let place = place();
    let before = place.left("tag.0");
    let refused = |who: &str, says: &str| drop(place.run(&format!("{} --yes", words(who))).fails(1, says));
    for (who, says) in [
        (patient(&place, false, true), "this patient does not consent to DUO:0000042/academic"),
        (patient(&place, true, false), "this patient consents but does not meet the criteria"),
    ] {
        agree(&place, &who);
        refused(&who, says);
    }
    refused("999999", "has not agreed to be offered");
    let who = patient(&place, true, true);
    agree(&place, &who);
    place.run(&format!("consent record --home h --patient {who} --leave --form F-2")).ok();
    refused(&who, "has not agreed to be offered");
    let who = patient_after(&place, &who);
    agree(&place, &who);
    place.run(&words(&who)).fails(2, "nobody is at the terminal to confirm");
    place.write_approval("approval.json", "2020-12-31");
    refused(&who, "the approval expired on 2020-12-31");
    place.write_approval("approval.json", "2030-12-31");
    place.write("criteria.json", &place.read("query.json"));
    refused(&who, "the criteria have groups");
    assert_eq!(place.left("tag.0"), before);
    assert!(!place.path("offer.json").exists());
}

/// Whatever ends it after the charge: the openings are spent, and nothing is there that was not checked.
#[test]
#[cfg(any(debug_assertions, feature = "faults"))]
fn killed_after_the_charge_it_is_charged_and_nothing_is_handed_out() {
    let place = place();
    let who = patient(&place, true, true);
    agree(&place, &who);
    let before = place.left("tag.7");
    for (attempt, stage) in (1..).zip(["prove-charged", "prove-out-half-written"]) {
        place.die(stage, &format!("{} --yes", words(&who)));
        assert_eq!(place.left("tag.7"), before - attempt, "{stage}");
        assert!(!place.path("offer.json").exists(), "{stage}");
    }
    place.run(&format!("{} --yes", words(&who))).ok();
    assert_eq!(place.left("tag.7"), before - 3);
}
