//! Patients' choices, from the clerk's desk to the receipt that a patient checks alone.

use cohortium_protocol::bundle::Bundle;
use cohortium_protocol::consent::{Acknowledgement, Choice, Conditions, Content, Event, Receipt, Salt, What};
use cohortium_protocol::ledger::{ConsentRules, MemberKey, Timestamp};
use cohortium_protocol::policy::Cell;
use cohortium_protocol::table::{Day, PatientSecret};
use cohortium_prover::faults::Stage;
use cohortium_verifier::receipt::{Holder, ReceiptError, ReceiptReport, Violation, check_receipt};
use cohortium_verifier::{ANCHORS_FORMAT, Anchors, AnchorsDocument};
use rand::rngs::OsRng;
use serde_json::{Value, json};

use super::exchange::{Joined, RUN, names};
use super::place::{Place, QUERY};

const SITE: &str = "gbsg";

fn today() -> Day {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    Timestamp::from_unix(now).day()
}

/// A patient of the example, with what the consent file says.
#[derive(Clone)]
struct Patient {
    id: String,
    age: u32,
    academic: bool,
    commercial: bool,
}

/// The patients, as a consent file has them.
fn patients(place: &Place, file: &str) -> Vec<Patient> {
    let (csv, consents) = (place.read("gbsg.csv"), place.read(file));
    let rows = csv.lines().zip(consents.lines()).skip(1).map(|(row, consent)| {
        let (row, consent): (Vec<&str>, Vec<&str>) = (row.split(',').collect(), consent.split(',').collect());
        assert_eq!(row[0], consent[0]);
        let age = row[1].parse().unwrap();
        Patient { id: row[0].to_owned(), age, academic: consent[1] == "1", commercial: consent[2] == "1" }
    });
    rows.collect()
}

/// The first patient of whom this is so.
fn patient(joined: &Joined, is: impl Fn(&Patient) -> bool) -> Patient {
    patients(&joined.place, "consent.csv").into_iter().find(is).unwrap()
}

impl Patient {
    fn card(&self, place: &Place) -> PatientSecret {
        let json = place.run(&format!("tag --home h --patient {} --json", self.id)).ok().json();
        PatientSecret::from_card(json["secret"].as_str().unwrap()).unwrap()
    }

    /// Signs an event with the card's key.
    fn sign(&self, place: &Place, number: u32, what: What, sign: fn(Content, &MemberKey) -> Event) -> Event {
        let card = self.card(place);
        let content = Content::new(SITE, card.tag(SITE), number, today(), what, Salt::draw(&mut OsRng)).unwrap();
        sign(content, &card.signing_key(SITE))
    }

    /// Binds the card's key.
    fn bind(&self, place: &Place, number: u32) -> Event {
        let key = self.card(place).signing_key(SITE).public();
        self.sign(place, number, What::Key { key }, Content::by_card)
    }

    fn revoke(&self, place: &Place, number: u32) -> Event {
        let what = What::Choice(Choice::revoked("DUO:0000042".parse().unwrap()));
        self.sign(place, number, what, Content::by_patient)
    }

    /// Hands an event in, and gets the acknowledgement.
    fn hand_in(&self, place: &Place, event: &Event) -> Acknowledgement {
        place.write("event.json", std::str::from_utf8(&event.canonical()).unwrap());
        place.run(&format!("consent add event.json --home h --patient {} --acknowledge slip.json", self.id)).ok();
        Acknowledgement::parse(place.read("slip.json").as_bytes()).unwrap()
    }

    /// The receipt that the hospital gives.
    #[track_caller]
    fn receipt(&self, place: &Place, more: &str) -> Receipt {
        place.run(&format!("consent receipt --home h --patient {} --out receipt.json {more}", self.id)).ok();
        Receipt::parse(place.read("receipt.json").as_bytes()).unwrap()
    }

    fn check(
        &self,
        joined: &Joined,
        receipt: &Receipt,
        acknowledged: &[Acknowledgement],
        bundle: Option<&Bundle>,
    ) -> Result<ReceiptReport, ReceiptError> {
        let charter = joined.service.charter.clone();
        let anchors = AnchorsDocument {
            format: ANCHORS_FORMAT.to_owned(),
            ledger: charter.ledger(),
            accept_development_keys: true,
            verifying_keys: Vec::new(),
            sites: Vec::new(),
            approvals: Vec::new(),
            charter: Some(charter),
        };
        let holder = Holder::Card(self.card(&joined.place));
        check_receipt(receipt, &Anchors::check(anchors).unwrap(), &holder, acknowledged, bundle)
    }

    /// The flags of a receipt that holds: for universities, for companies.
    #[track_caller]
    fn flags(&self, joined: &Joined, acknowledged: &[Acknowledgement]) -> [bool; 2] {
        let receipt = self.receipt(&joined.place, "");
        let report = self.check(joined, &receipt, acknowledged, None).unwrap();
        assert!(report.holds() && report.has_record(), "{report}");
        assert_eq!(report.flags.len(), 2);
        [report.flags[0].consents, report.flags[1].consents]
    }
}

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
    assert_eq!(one.flags(&joined, &[slip.clone()]), [true, true]);
    let posted = place.run("consent post --home h --json").ok().json();
    assert_eq!((&posted["batches"], &posted["waiting"]), (&json!(2), &json!(0)));
    assert_eq!(one.flags(&joined, &[slip.clone()]), [true, true]);
    let epoch = place.run("consent epoch --home h --json").ok().json();
    assert_eq!((&epoch["epoch_number"], &epoch["cutoff"]), (&json!(3), &json!(2)));
    assert_eq!(one.flags(&joined, &[slip.clone()]), [false, false]);
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
    place.run("consent import --home h --fhir february.csv").fails(1, "FHIR resources are not taken in yet");
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
    let interval = || today_seconds() / INTERVAL;
    let now = interval();
    while interval() == now {
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
}

fn today_seconds() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
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

/// What is not said of a choice is no condition.
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
