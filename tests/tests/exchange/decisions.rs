//! What becomes of a query that is decided late, or not at all, or by a home that is lost: by every member's own program.

use crate::town::{AGES, GRADES, LONG, STUDY, Town, count, until};

/// So long, in seconds, as something that has to be in time takes at most.
const SHORT: u64 = 10;

#[test]
fn accepted_by_a_person_and_not_answered_in_time_is_shown_as_withheld() {
    let (town, served) = Town::open(LONG, 3);
    let id = town.ask(GRADES, &["south"]);
    assert_eq!(count(&town.job("south"), "hold"), 1);
    town.accept(0, "south", &id);
    until("the deadline", || town.state(&id, "south") == "withheld_after_acceptance");
    let shown = town.get(&format!("/v1/queries/{id}")).json();
    assert_eq!(shown["status"]["state"], "withheld_after_acceptance", "{shown:#}");
    // An audit goes by the time of the last block.
    let next = town.ask(AGES, &["south"]);
    let report = town.audit();
    assert_eq!(Town::audited(&report, &id, "south"), "withheld_after_acceptance");
    assert_eq!(Town::audited(&report, &next, "south"), "submitted");
    assert!(town.read("report.txt").contains("WITHHELD AFTER ACCEPTANCE"), "{}", town.read("report.txt"));
    // The job says so, and answers no more.
    let out = town.run(1, &["cohortium-prover", "run", "--once", "--home", "south"]);
    assert!(out.contains("WITHHELD: it was accepted"), "{out}");
    assert_eq!((town.kind("accept"), town.kind("release")), (1, 0));
    drop(served);
    town.check();
}

#[test]
fn suspended_between_the_question_and_the_decision() {
    let (town, served) = Town::open(LONG, LONG);
    let (first, second) = (town.ask(GRADES, &["south"]), town.ask(AGES, &["north", "south"]));
    town.accept(0, "south", &first);
    let study = town.get("/v1/studies").json()["studies"][0]["approval"].as_str().unwrap().to_owned();
    town.sign_and_post(&["suspend", &study, "--because", "the consent form was wrong"]);
    // Rules that would have accepted it accept nothing; nor can a person.
    for site in ["north", "south"] {
        town.allow(site);
        let events = town.job(site);
        assert_eq!((count(&events, "not_in_force"), count(&events, "accept"), count(&events, "hold")), (1, 0, 0));
        assert_eq!(count(&events, "release"), usize::from(site == "south"), "{events:?}");
        assert!(town.accept(1, site, &second).contains("nobody can accept: suspended at"));
        assert_eq!(town.state(&second, site), "submitted");
        let status = town.ok(&["cohortium-prover", "status", "--home", site]);
        assert!(status.contains("the study's approval is not in force: suspended at"), "{status}");
    }
    assert_eq!(town.state(&first, "south"), "answered");
    let refused = town.run(1, &["cohortium-sponsor", "ask", AGES, "--approval", &study, "--site", "north"]);
    assert!(refused.contains("the board suspended it at"), "{refused}");
    let report = town.audit();
    assert_eq!((&report["approvals"][0]["state"], report["releases"].as_u64()), (&"suspended".into(), Some(1)));
    assert_eq!((town.kind("accept"), town.kind("release")), (1, 1));
    drop(served);
    town.check();
}

#[test]
fn held_and_never_decided_expires() {
    let (town, served) = Town::open(SHORT, LONG);
    let id = town.ask(GRADES, &["south"]);
    assert_eq!(count(&town.job("south"), "hold"), 1);
    assert_eq!(town.state(&id, "south"), "awaiting_approval");
    until("the deadline", || town.state(&id, "south") == "expired");
    let refused = town.accept(1, "south", &id);
    assert!(refused.contains("south's time to accept or decline the request"), "{refused}");
    assert_eq!(town.job("south").len(), 1, "nothing is left to do");
    assert!(town.ok(&["cohortium-prover", "status", "--home", "south"]).contains("No open queries."));
    town.ask(AGES, &["north"]);
    let report = town.audit();
    assert_eq!(Town::audited(&report, &id, "south"), "expired");
    let followed = town.json(&["cohortium-sponsor", "follow", &id]);
    assert_eq!((&followed["status"]["state"], town.kind("accept")), (&"expired".into(), 0));
    drop(served);
    town.check();
}

#[test]
fn a_home_that_is_lost_and_restored_gives_the_owed_answer_once() {
    let (town, served) = Town::open(LONG, LONG);
    let id = town.ask(GRADES, &["south"]);
    let backup = town.json(&["cohortium-prover", "backup", "--home", "south", "--out", "south.backup"]);
    let head = backup["budget"]["digest"].as_str().unwrap();
    // Accepted after the backup: of that only the ledger knows.
    town.accept(0, "south", &id);
    std::fs::remove_dir_all(town.path().join("south")).unwrap();
    town.ok(&["cohortium-prover", "restore", "south.backup", "--home", "south"]);
    let run = ["cohortium-prover", "run", "--once", "--json", "--home", "south"];
    let status = town.ok(&["cohortium-prover", "status", "--home", "south"]);
    assert!(status.contains("RESTORED at") && status.contains("PAUSED since"), "{status}");
    let output = town.command(&run).output().unwrap();
    assert!(!output.status.success() && town.kind("release") == 0, "it answers before its budget is settled");
    let out = town.ok(&[&run[..], &["--budget-head", head]].concat());
    assert_eq!(count(&crate::town::events(out.as_bytes()), "release"), 1, "{out}");
    assert_eq!(town.state(&id, "south"), "answered");
    assert_eq!(count(&town.job("south"), "release"), 0);
    town.ok(&["cohortium-prover", "resume", "--home", "south"]);
    let next = town.ask(AGES, &["south"]);
    town.allow("south");
    assert_eq!(count(&town.job("south"), "release"), 1);
    assert_eq!(town.state(&next, "south"), "answered");
    assert_eq!((town.kind("accept"), town.kind("release")), (2, 2));
    assert_eq!(town.audit()["study"], STUDY);
    drop(served);
    town.check();
}
