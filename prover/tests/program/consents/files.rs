//! Consent files that change: what of them becomes an event.

use serde_json::json;

use super::super::exchange::{Joined, names};
use super::super::place::IMPORT;
use super::{Patient, patient, patients};

#[test]
fn of_a_changed_file_only_what_changed_becomes_an_event() {
    let joined = Joined::new();
    let Joined { place, service, .. } = &joined;
    place.write_consents("february.csv", 2);
    let state = |one: &Patient| (one.academic, one.academic && one.commercial);
    let (before, after) = (patients(place, "consent.csv"), patients(place, "february.csv"));
    let changed = before.iter().zip(&after).filter(|(before, after)| state(before) != state(after)).count();
    assert!(changed > 50 && changed < 400, "{changed}");
    let import = "consent import --home h --csv february.csv --json";
    let json = place.run(import).ok().json();
    assert_eq!((&json["entered"], &json["waiting"]), (&json!(changed), &json!(changed)));
    let alone = after.iter().filter(|one| !one.academic && one.commercial).count();
    assert_eq!(json["inexpressible"], json!(alone));
    assert_eq!(place.run(import).ok().json()["entered"], json!(0));
    place
        .run("consent import --home h --fhir february.csv --patient-from identifier")
        .fails(1, "february.csv: line 1 cannot be read as JSON");
    place.run("consent import --home h --csv none.csv").fails(2, "none.csv");

    // Revocations first: a batch of the interval has room for 64.
    let revoked = |(before, after): &(&Patient, &Patient)| before.academic && !after.academic;
    let no = before.iter().zip(&after).filter(revoked).count();
    assert!(no > 64, "{no}");
    place.run("consent post --home h").ok();
    place.run("consent epoch --home h").ok();
    let counted = |before: &Patient, after: &Patient| {
        let flag = after.receipt(place, "").columns[8].value;
        (before.academic, after.academic, flag == cohortium_protocol::field::F::from(1u64))
    };
    let pairs = before.iter().zip(&after);
    // Whoever newly consents waits.
    let (old, new) = pairs.clone().find(|(before, after)| !before.academic && after.academic).unwrap();
    assert_eq!(counted(old, new), (false, true, false));
    place.run("consent post --home h --all").ok();
    place.run("consent epoch --home h").ok();
    assert_eq!(counted(old, new), (false, true, true));
    let (old, new) = pairs.clone().find(revoked).unwrap();
    assert_eq!(counted(old, new), (true, false, false));
    assert_eq!(service.batches(), [1024, 64, 1024]);
    assert_eq!(place.run("consent status --home h --json").ok().json()["waiting"], json!(0));
}

/// A consent file that was committed and never registered is not what the ledger knows; an epoch of what it knows would take
/// its place.
#[test]
fn consents_of_a_file_are_registered_before_an_epoch_follows_them() {
    let joined = Joined::new();
    let Joined { place, service, .. } = &joined;
    place.write_consents("february.csv", 2);
    place.run("commit --home h --epoch --consent february.csv").ok();
    place.run("consent epoch --home h").fails(1, "epoch 3 of table breast-cancer was made from a consent file");
    assert_eq!(names(&joined.events()), ["done"]);
    assert_eq!(service.count("epoch"), 1);
    place.run("ledger register --home h").ok();
    assert_eq!((service.batches(), service.count("epoch")), (vec![1024, 1024], 2));
    let february = patients(place, "february.csv");
    let one = february.iter().find(|one| !one.academic).unwrap();
    assert_eq!(one.flags(&joined, &[]), [false, false]);
}

/// A file is as old as nobody knows: what a patient has signed since stays.
#[test]
fn a_file_takes_back_no_signed_no_and_brings_nobody_back() {
    let joined = Joined::new();
    let place = &joined.place;
    let signs = patient(&joined, |one| one.academic);
    let leaves = patient(&joined, |one| one.academic && one.id != signs.id);
    signs.hand_in(place, &signs.bind(place, 2));
    signs.hand_in(place, &signs.revoke(place, 3));
    place.run(&format!("consent record --home h --patient {} --leave --form 2026/118", leaves.id)).ok();
    let again = place.run("consent import --home h --csv consent.csv --json").ok().json();
    assert_eq!((&again["entered"], &again["refused"], &again["waiting"]), (&json!(0), &json!(2), &json!(3)));
    // With a new table version, and the same old file.
    place.run(IMPORT).ok();
    place.run("commit --home h").ok();
    let registered = place.run("ledger register --home h").ok();
    assert!(
        registered.err.contains("2 rows consent where the patient has said no since, or has left"),
        "{}",
        registered.err
    );
    for one in [&signs, &leaves] {
        assert_eq!(one.flags(&joined, &[]), [false, false]);
    }
    // A form that is newer is entered by itself.
    place.run(&format!("consent record --home h --patient {} --grant DUO:0000042 --form 2026/119", signs.id)).ok();
    place.run("consent post --home h --all").ok();
    place.run("consent epoch --home h").ok();
    assert_eq!(signs.flags(&joined, &[]), [true, true]);
}
