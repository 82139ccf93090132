//! A patient's own word and the clerk's: into the next epoch, and whether an answer counted it.

use cohortium_protocol::bundle::Bundle;
use cohortium_protocol::consent::{Acknowledgement, Choice, Conditions, Content, Event, What};
use cohortium_protocol::policy::Cell;
use cohortium_verifier::receipt::ReceiptError;
use serde_json::json;

use super::super::exchange::Joined;
use super::super::place::QUERY;
use super::{Patient, patient, patients, today};

/// The counts that were released.
fn counts(bundle: &Bundle) -> u64 {
    let count = |cell: Cell| if let Cell::Value(count) = cell { count } else { 0 };
    bundle.proof.cells.iter().map(|cells| count(cells.count)).sum()
}

fn kept(joined: &Joined, request: &cohortium_protocol::hash::Digest) -> Bundle {
    Bundle::parse(joined.place.read(&format!("h/releases/{request}/bundle.json")).as_bytes()).unwrap()
}

#[test]
fn a_registration_takes_in_the_consent_file_and_gives_receipts_that_hold() {
    let joined = Joined::new();
    let Joined { place, service, .. } = &joined;
    // A leaf for every one of 686 rows.
    assert_eq!(service.batches(), [1024]);
    let status = place.run("consent status --home h --json").ok().json();
    let all = patients(place, "consent.csv");
    let yes = all.iter().filter(|one| one.academic).count();
    assert_eq!((&status["patients"], &status["waiting"], &status["left"]), (&json!(yes), &json!(0), &json!(0)));
    for (academic, commercial) in [(true, true), (true, false), (false, true), (false, false)] {
        let one = patient(&joined, |one| (one.academic, one.commercial) == (academic, commercial));
        // A consent to companies alone is none.
        assert_eq!(one.flags(&joined, &[]), [academic, academic && commercial]);
    }
    // It is about one patient: for anybody else's card it is nothing.
    let (one, other) = (&all[0], &all[1]);
    assert_eq!(other.check(&joined, &one.receipt(place, ""), &[], None), Err(ReceiptError::Tag));
    place.run("consent receipt --home h --patient 999999 --out r.json").fails(1, "no patient of this identifier");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(place.path("receipt.json")).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn a_patients_own_word_is_in_the_next_epoch() {
    let joined = Joined::new();
    let Joined { place, service, .. } = &joined;
    let one = patient(&joined, |one| one.academic && one.commercial);
    // The clerk's event is the first.
    let key = one.bind(place, 2);
    let revocation = one.revoke(place, 3);
    let refused = |event: &Event, id: &str, code, sentence: &str| {
        place.write("event.json", std::str::from_utf8(&event.canonical()).unwrap());
        place.run(&format!("consent add event.json --home h --patient {id}")).fails(code, sentence);
    };
    refused(&revocation, &one.id, 1, "the consent event number 3 is refused");
    let other = patient(&joined, |other| other.id != one.id);
    refused(&key, &other.id, 1, "about another patient than the one who hands it in");
    place.write("event.json", "{}");
    place
        .run(&format!("consent add event.json --home h --patient {}", one.id))
        .fails(1, "event.json: the consent event");
    place.write("event.json", &" ".repeat(70_000));
    place.run(&format!("consent add event.json --home h --patient {}", one.id)).fails(1, "has 70000 bytes; at most");

    one.hand_in(place, &key);
    let slip = one.hand_in(place, &revocation);
    refused(&revocation, &one.id, 1, "the consent event number 3 is refused");
    assert_eq!((slip.posted.as_ref(), slip.taken), (None, today()));
    // Until it is posted, and an epoch includes it, it is as it was: and that is no violation yet.
    assert_eq!(one.flags(&joined, std::slice::from_ref(&slip)), [true, true]);
    let posted = place.run("consent post --home h --json").ok().json();
    assert_eq!((&posted["batches"], &posted["waiting"]), (&json!(2), &json!(0)));
    assert_eq!(one.flags(&joined, std::slice::from_ref(&slip)), [true, true]);
    let epoch = place.run("consent epoch --home h --json").ok().json();
    assert_eq!((&epoch["epoch_number"], &epoch["cutoff"]), (&json!(3), &json!(2)));
    assert_eq!(one.flags(&joined, std::slice::from_ref(&slip)), [false, false]);
    assert_eq!((service.batches(), service.count("epoch")), (vec![1024, 64], 2));
    // Once it is posted, the acknowledgement says where.
    place.run(&format!("consent acknowledge --home h --patient {} --number 3 --out slip.json", one.id)).ok();
    let placed = Acknowledgement::parse(place.read("slip.json").as_bytes()).unwrap();
    assert_eq!((placed.posted.unwrap().batch, placed.taken), (2, slip.taken));
    place
        .run(&format!("consent acknowledge --home h --patient {} --number 4 --out slip.json", one.id))
        .fails(1, "the patient has no event number 4");
    // One batch in an interval, whatever waits; all at once are another kind of batch.
    let clerk = format!("consent record --home h --patient {} --revoke DUO:0000042 --form 2026/118", other.id);
    place.run(&clerk).ok();
    let again = place.run("consent post --home h").ok();
    assert!(again.out.contains("This interval's batch was posted; 1 events wait for the next"), "{}", again.out);
    place.run("consent post --home h --all").ok();
    assert_eq!(service.batches(), [1024, 64, 1024]);
}

#[test]
fn conditions_of_a_signed_choice_are_the_patients_own() {
    let joined = Joined::new();
    let place = &joined.place;
    let one = patient(&joined, |one| !one.academic);
    let grant = |number, conditions| {
        let what = What::Choice(Choice::granted("DUO:0000042".parse().unwrap(), conditions).unwrap());
        one.sign(place, number, what, Content::by_patient)
    };
    one.hand_in(place, &one.bind(place, 1));
    one.hand_in(place, &grant(2, Conditions { not_commercial: true, ..Conditions::default() }));
    place.run("consent post --home h").ok();
    place.run("consent epoch --home h").ok();
    assert_eq!(one.flags(&joined, &[]), [true, false]);
}

#[test]
fn what_the_clerk_enters_from_paper() {
    let joined = Joined::new();
    let place = &joined.place;
    let silent = patient(&joined, |one| !one.academic);
    let record = |words: &str| place.run(&format!("consent record --home h --patient {} {words}", silent.id));
    record("--grant DUO:0000042 --until 2020-01-01 --form 2026/118").ok();
    record("--grant DUO:0000006 --not-commercial --form 2026/119 --acknowledge slip.json").ok();
    assert_eq!(Acknowledgement::parse(place.read("slip.json").as_bytes()).unwrap().event.number(), 2);
    place.run("consent record --home h --patient 999999 --leave --form 1").fails(1, "no patient of this identifier");
    record("--form 2026/120").fails(2, "required");
    for words in [
        "--revoke DUO:0000042 --not-commercial",
        "--refuse DUO:0000042 --until 2030-01-01",
        "--leave --ethics-approval",
    ] {
        record(&format!("{words} --form 1")).fails(2, "only a consent has conditions");
    }
    // Over, and a narrower one is not asked for: no.
    place.run("consent post --home h").ok();
    place.run("consent epoch --home h --column DUO:0000006/academic --column DUO:0000006/commercial").ok();
    let flags = |one: &Patient| {
        let receipt = one.receipt(place, "");
        let report = one.check(&joined, &receipt, &[], None).unwrap();
        assert!(report.holds(), "{report}");
        report.flags.iter().map(|flag| (flag.column.clone(), flag.consents)).collect::<Vec<_>>()
    };
    let shown = flags(&silent);
    let expected = [
        ("DUO:0000042/academic", false),
        ("DUO:0000042/commercial", false),
        ("DUO:0000006/academic", true),
        ("DUO:0000006/commercial", false),
    ];
    let mut sorted = expected.map(|(name, flag)| (name.to_owned(), flag)).to_vec();
    sorted.sort();
    let mut found = shown;
    found.sort();
    assert_eq!(found, sorted);
    // Who has left has chosen nothing any more, and chooses no more until a key is bound.
    record("--leave --form 2026/121").ok();
    record("--grant DUO:0000042 --form 2026/122").fails(1, "the consent event number 4 is refused");
    let status = place.run("consent status --home h --json").ok().json();
    assert_eq!((&status["left"], &status["waiting"]), (&json!(1), &json!(1)));
    place.run("consent post --home h --all").ok();
    place.run("consent epoch --home h").ok();
    assert!(flags(&silent).iter().all(|(_, consents)| !consents));
}

#[test]
fn an_epoch_lasts_no_longer_than_the_charter_allows() {
    let joined = Joined::new();
    let place = &joined.place;
    place.run("consent epoch --home h --until 2020-01-01").fails(1, "can be queried from");
    place.run("consent epoch --home h --until 2079-01-01").fails(1, "can be queried from");
    assert_eq!(joined.service.count("epoch"), 1);
    let until = today();
    let epoch = place.run(&format!("consent epoch --home h --until {until} --json")).ok().json();
    assert_eq!(epoch["until"], json!(until));
}

#[test]
fn whether_a_patient_was_counted() {
    let joined = Joined::allowing();
    let place = &joined.place;
    let ((_, first), (_, second)) = (joined.ask(51), joined.ask(61));
    joined.events();
    joined.events();
    let (bundle, other) = (kept(&joined, &first), kept(&joined, &second));
    let told = |one: &Patient| {
        let receipt = one.receipt(place, &format!("--answer {first}"));
        let refused = one.check(&joined, &receipt, &[], Some(&other)).unwrap_err().to_string();
        assert!(refused.contains("the receipt is about another answer"), "{refused}");
        let report = one.check(&joined, &receipt, &[], Some(&bundle)).unwrap();
        assert!(report.holds());
        let counted = report.counted.clone().unwrap();
        assert_eq!((counted.request, counted.title.as_str()), (first, "Over 50, by hormonal treatment"));
        counted.counted
    };
    assert!(told(&patient(&joined, |one| one.academic && one.age > 50)));
    assert!(!told(&patient(&joined, |one| one.academic && one.age <= 50)));
    assert!(!told(&patient(&joined, |one| !one.academic && one.age > 50)));
    let one = patient(&joined, |one| one.academic && one.age > 50);
    let receipt = one.receipt(place, "");
    let error = one.check(&joined, &receipt, &[], Some(&bundle)).unwrap_err().to_string();
    assert!(error.contains("the receipt says nothing about an answer"), "{error}");
    let none = "0".repeat(64);
    let words = format!("consent receipt --home h --patient {} --out r.json --answer {none}", one.id);
    place.run(&words).fails(1, "this site has not answered the request");

    // Half of the patients say no, and the same question counts so many fewer; of the first answer all stays as it was.
    let mut csv = "pid,DUO:0000042/academic,DUO:0000042/commercial\n".to_owned();
    for (place, one) in patients(place, "consent.csv").iter().enumerate() {
        csv.push_str(&format!("{},{},0\n", one.id, u8::from(one.academic && place % 2 == 0)));
    }
    place.write("half.csv", &csv);
    place.run("consent import --home h --csv half.csv").ok();
    place.run("consent post --home h --all").ok();
    place.run("consent epoch --home h").ok();
    let again = joined.service.ask(&QUERY.replace("Over 50", "Over 50 again"), &joined.approval).1;
    joined.events();
    let all = patients(place, "half.csv");
    let expected = all.iter().filter(|one| one.academic && one.age > 50).count() as u64;
    let (now, before) = (counts(&kept(&joined, &again)), counts(&bundle));
    assert!(now.abs_diff(expected) <= 5 && now + 50 < before, "{now}, {expected}, {before}");
    assert!(told(&patient(&joined, |one| one.academic && one.age > 50)));
}
