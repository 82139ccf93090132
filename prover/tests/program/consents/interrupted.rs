//! Homes that forget, that are older than the ledger, that die half-way; and the batch job that goes on by itself.

use cohortium_protocol::consent::Acknowledgement;
use cohortium_protocol::ledger::ConsentRules;
#[cfg(any(debug_assertions, feature = "faults"))]
use cohortium_prover::faults::Stage;
use cohortium_verifier::receipt::Violation;
use serde_json::Value;

#[cfg(any(debug_assertions, feature = "faults"))]
use super::super::exchange::RUN;
use super::super::exchange::{Joined, names};
use super::super::place::Place;
use super::{now, patient};

#[test]
fn a_hospital_that_forgets_a_revocation_is_caught_by_the_acknowledgement() {
    let joined = Joined::new();
    let place = &joined.place;
    let one = patient(&joined, |one| one.academic);
    one.hand_in(place, &one.bind(place, 2));
    one.hand_in(place, &one.revoke(place, 3));
    place.run("consent post --home h").ok();
    place.run(&format!("consent acknowledge --home h --patient {} --number 3 --out slip.json", one.id)).ok();
    let slip = Acknowledgement::parse(place.read("slip.json").as_bytes()).unwrap();

    // The event's line alone: the program does not know what it posted.
    let (events, batch) = ("h/consents/events.jsonl", "h/consents/batches/batch-2/batch.json");
    let lines = place.read(events);
    let kept: Vec<&str> = lines.lines().take(lines.lines().count() - 1).collect();
    place.write(events, &format!("{}\n", kept.join("\n")));
    for words in ["status --home h", "epoch --home h"] {
        place.run(&format!("consent {words}")).fails(1, "batch-2 is damaged: an event number 3 is in it");
    }
    // And its place: now nothing tells but the slip, and the leaf on the ledger.
    let mut document: Value = serde_json::from_str(&place.read(batch)).unwrap();
    document["events"].as_array_mut().unwrap().retain(|place| place["number"] != 3);
    place.write(batch, &document.to_string());
    place.run("consent epoch --home h").ok();
    let receipt = one.receipt(place, "");
    assert_eq!(receipt.events.len(), 2);
    assert!(one.check(&joined, &receipt, &[], None).unwrap().holds());
    let report = one.check(&joined, &receipt, &[slip], None).unwrap();
    let [Violation::Ignored { batch: 2, cutoff: 2, .. }, Violation::CountedAgainstWill { .. }, ..] =
        &report.violations[..]
    else {
        panic!("{report}");
    };
}

#[test]
fn an_older_home_posts_nothing() {
    let joined = Joined::new();
    let Joined { place, service, .. } = &joined;
    place.run("backup --home h --out b").ok();
    let one = patient(&joined, |one| one.academic);
    place.run(&format!("consent record --home h --patient {} --revoke DUO:0000042 --form 2026/118", one.id)).ok();
    place.run("consent post --home h").ok();
    place.run("restore b --home h2").ok();
    for words in ["post --home h2", "post --home h2 --all", "epoch --home h2"] {
        place.run(&format!("consent {words}")).fails(
            1,
            "the ledger has 2 batches of this site's consent events, and this home knows of 1: it is an older copy",
        );
    }
    assert_eq!((service.batches().len(), service.count("epoch")), (2, 1));
    // With the newest backup it goes on.
    place.run("backup --home h --out c").ok();
    place.run("restore c --home h3").ok();
    place.run("consent epoch --home h3").ok();
    assert_eq!(service.count("epoch"), 2);
}

#[test]
#[cfg(any(debug_assertions, feature = "faults"))]
fn killed_between_writing_and_posting_a_batch() {
    let joined = Joined::unregistered();
    let Joined { place, service, .. } = &joined;
    let register = "ledger register --home h";
    for _ in ["manifest", "floor", "seeds"] {
        place.die(Stage::RegisterPosted.name(), register);
    }
    place.die(Stage::RegisterRecorded.name(), register);
    assert_eq!((service.count("seeds"), service.count("consents")), (1, 0));
    let files = ["batch.json", "leaves.bin"].map(|name| place.path(&format!("h/consents/batches/batch-1/{name}")));
    let bytes = || files.clone().map(|file| std::fs::read(file).unwrap());
    let written = bytes();
    place.die(Stage::RegisterPosted.name(), register);
    assert_eq!((service.count("consents"), service.count("epoch")), (1, 0));
    assert_eq!(bytes(), written);
    // The epoch is made, and in the record of what left; not posted.
    place.die(Stage::RegisterRecorded.name(), register);
    assert_eq!(service.count("epoch"), 0);
    place.run(register).ok();
    assert_eq!((service.batches().len(), service.count("epoch")), (1, 1));
    assert!(!place.path("h/tables/breast-cancer/version-1/epochs/epoch-3").exists());
    assert_eq!(patient(&joined, |one| one.academic && !one.commercial).flags(&joined, &[]), [true, false]);
}

/// Intervals of so many seconds, as short as a test can wait for.
const INTERVAL: u64 = 20;

/// Waits until an interval has just begun.
fn next_interval() {
    let interval = || now() / INTERVAL;
    let begun = interval();
    while interval() == begun {
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
}

#[test]
fn in_each_interval_the_batch_job_posts_one_batch_and_one_epoch() {
    let place = Place::committed();
    let rules = ConsentRules { batch_seconds: INTERVAL, ..ConsentRules::USUAL };
    let joined = Joined::join_under(place, Some(rules));
    let Joined { place, service, .. } = &joined;
    next_interval();
    place.run("ledger register --home h").ok();
    let one = patient(&joined, |one| one.academic);
    place.run(&format!("consent record --home h --patient {} --leave --form 2026/118", one.id)).ok();
    let before = service.batches();
    assert_eq!(before, [1024]);
    next_interval();
    let events = joined.events();
    assert_eq!(names(&events), ["consents", "consents", "done"], "{events:?}");
    assert_eq!((service.batches(), service.count("epoch")), (vec![1024, 64], 2));
    assert_eq!(one.flags(&joined, &[]), [false, false]);

    // A job that dies between the two: the next one posts the epoch, and no second batch.
    #[cfg(any(debug_assertions, feature = "faults"))]
    {
        next_interval();
        place.die(Stage::RegisterPosted.name(), RUN);
        assert_eq!((service.batches().len(), service.count("epoch")), (3, 2));
        place.die(Stage::RegisterRecorded.name(), RUN);
        assert_eq!((service.batches().len(), service.count("epoch")), (3, 2));
        joined.events();
        assert_eq!(service.count("epoch"), 3);
    }
}
