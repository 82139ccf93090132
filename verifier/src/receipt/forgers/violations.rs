//! What a receipt shows against the hospital, and what is no evidence against anybody.

use cohortium_protocol::consent::{Acknowledgement, Receipt};

use super::said::{ROW, card, content, day, no_longer, revoked, signed, story, tag, yes};
use super::scene::{Plan, Scene, anchors, member};
use crate::receipt::clause::ReceiptError;
use crate::receipt::report::{ReceiptReport, Violation};
use crate::receipt::verify::{Holder, check_receipt};

fn check(scene: &Scene, receipt: &Receipt, acknowledged: &[Acknowledgement]) -> Result<ReceiptReport, ReceiptError> {
    let receipt = scene.signed(receipt.clone());
    check_receipt(&receipt, &scene.anchors(), &Holder::Card(card(ROW)), acknowledged, None)
}

fn violations(scene: &Scene, receipt: &Receipt, acknowledged: &[Acknowledgement]) -> Vec<Violation> {
    check(scene, receipt, acknowledged).unwrap().violations
}

#[test]
fn counted_against_the_patients_will() {
    // Companies count a patient who said no to them; the other flag is right.
    let scene = Scene::of(Plan { flags: [1, 1], ..Plan::default() });
    let report = check(&scene, &scene.receipt(), &[]).unwrap();
    let [Violation::CountedAgainstWill { column, .. }] = &report.violations[..] else { panic!("{report}") };
    assert_eq!(column, "DUO:0000042/commercial");
    assert!(!report.holds());
    // Who has said nothing at all has not said yes.
    let silent = Scene::of(Plan { posted: Vec::new(), flags: [1, 0], ..Plan::default() });
    assert_eq!(violations(&silent, &silent.receipt(), &[]).len(), 1);
    // A yes that is taken for a no harms nobody else, and is no violation; yet the receipt does not hold.
    let forgotten = Scene::of(Plan { flags: [0, 0], ..Plan::default() });
    let report = check(&forgotten, &forgotten.receipt(), &[]).unwrap();
    assert!(report.violations.is_empty() && !report.holds(), "{report}");
    assert!(report.to_string().contains("should be yes"), "{report}");
}

#[test]
fn a_posted_event_that_is_left_out() {
    let scene = Scene::of(Plan { posted: revoked(), ..Plan::default() });
    let mut receipt = scene.receipt();
    let last = receipt.events.pop().unwrap().event;
    let found = violations(&scene, &receipt, &[scene.acknowledge(&last, "2026-02-20", Some(3))]);
    let [Violation::Ignored { batch: 3, cutoff: 3, event }, Violation::CountedAgainstWill { .. }] = &found[..] else {
        panic!("{found:?}");
    };
    assert!(event.contains("no longer research of any kind"), "{event}");
    // Told of twice, by the slip of the day and by the one with its place: said once.
    let (slip, placed) =
        (scene.acknowledge(&last, "2026-02-28", None), scene.acknowledge(&last, "2026-02-28", Some(3)));
    assert_eq!(violations(&scene, &receipt, &[slip, placed.clone(), placed]), found);
    // Two events were left out, and the patient holds the second alone: it is evidence all the same.
    let (first, second) = (receipt.events.pop().unwrap().event, last);
    let found = violations(&scene, &receipt, &[scene.acknowledge(&second, "2026-02-20", Some(3))]);
    assert!(matches!(&found[..], [Violation::Ignored { batch: 3, .. }, ..]), "{found:?}");
    // With both there is the whole history.
    let both = [scene.acknowledge(&first, "2026-02-10", Some(2)), scene.acknowledge(&second, "2026-02-20", Some(3))];
    let found = violations(&scene, &receipt, &both);
    let [Violation::Ignored { batch: 2, .. }, Violation::Ignored { batch: 3, .. }, against] = &found[..] else {
        panic!("{found:?}");
    };
    assert!(
        matches!(against, Violation::CountedAgainstWill { because, .. } if because.contains("revoked")),
        "{against:?}"
    );
}

#[test]
fn what_is_posted_after_the_epoch_is_for_the_next_one() {
    // In a fourth batch, which this epoch does not include; taken in on the epoch's own day.
    let scene = Scene::honest();
    let event = signed(4, "2026-03-01", no_longer());
    let mut later = scene.acknowledge(&event, "2026-03-01", Some(3));
    later.posted.as_mut().unwrap().batch = 4;
    assert!(violations(&scene, &scene.receipt(), &[later]).is_empty());
    // Taken in long before: it was held back, whatever batch it came into in the end.
    let mut late = scene.acknowledge(&event, "2026-02-01", Some(3));
    late.posted.as_mut().unwrap().batch = 4;
    assert!(matches!(violations(&scene, &scene.receipt(), &[late])[..], [Violation::HeldBack { .. }]));
}

#[test]
fn held_back_from_the_day_after_two_intervals_on() {
    let scene = Scene::honest();
    let event = signed(4, "2026-02-20", no_longer());
    let held = |scene: &Scene, taken: &str| {
        let found = violations(scene, &scene.receipt(), &[scene.acknowledge(&event, taken, None)]);
        found.iter().any(|one| matches!(one, Violation::HeldBack { .. }))
    };
    // The epoch is of 1 March: an event of 26 February had to be posted on the 28th, or in the night to 1 March.
    assert!(held(&scene, "2026-02-25"));
    assert!(!held(&scene, "2026-02-26"));
    // The hospital chooses the epoch's date, and not how long the ledger lets it be queried: an epoch that may be queried
    // until 1 April was posted on 1 March or later.
    let backdated = Scene::of(Plan { created: "2026-02-01", ..Plan::default() });
    assert!(held(&backdated, "2026-02-25"));
    assert!(!held(&backdated, "2026-02-26"));
    // It is no part of what the flags should be: nobody but the hospital knew it.
    let held = violations(&scene, &scene.receipt(), &[scene.acknowledge(&event, "2026-02-20", None)]);
    let [Violation::HeldBack { taken, .. }] = &held[..] else { panic!("{held:?}") };
    assert_eq!(*taken, day("2026-02-20"));
}

#[test]
fn an_event_that_was_replaced() {
    // The patient's third event was posted; so was another third event, which the receipt shows.
    let mut posted = story();
    let other = content(ROW, 3, "2026-02-11", yes(false)).by_clerk("form 9").unwrap();
    let signed = posted[2].0.clone();
    posted.insert(2, (other, 3));
    let scene = Scene::of(Plan { posted, flags: [1, 1], ..Plan::default() });
    let mut receipt = scene.receipt();
    receipt.events.truncate(3);
    let found = violations(&scene, &receipt, &[scene.acknowledge(&signed, "2026-02-10", Some(2))]);
    assert!(
        matches!(&found[..], [Violation::Ignored { batch: 2, .. }, Violation::Replaced { number: 3 }]),
        "{found:?}"
    );
}

#[test]
fn an_acknowledgement_is_the_hospitals_own_about_this_patient_on_this_ledger() {
    let scene = Scene::of(Plan { posted: revoked(), ..Plan::default() });
    let mut receipt = scene.receipt();
    let last = receipt.events.pop().unwrap().event;
    let good = scene.acknowledge(&last, "2026-02-20", Some(3));
    let refused = |one: Acknowledgement, sentence: &str| {
        let error = check(&scene, &receipt, &[one]).unwrap_err().to_string();
        assert!(error.starts_with("the acknowledgement of event ") && error.contains(sentence), "{error}");
    };
    let ledger = scene.charter.ledger();
    refused(Acknowledgement::sign(&ledger, last.clone(), good.taken, good.posted.clone(), &member(1)), "signature");
    refused(Acknowledgement { taken: day("2026-02-19"), ..good.clone() }, "signature");
    refused(Acknowledgement { ledger: "other".to_owned(), ..good.clone() }, "it is for the ledger \"other\"");
    let others = content(ROW + 1, 4, "2026-02-20", no_longer()).by_clerk("form 9").unwrap();
    refused(scene.acknowledge(&others, "2026-02-20", None), "about another patient");
    // A place that was made up is none: what is said with it counts as not posted.
    for batch in [0, 2, 4, u32::MAX] {
        let mut moved = good.clone();
        moved.posted.as_mut().unwrap().batch = batch;
        let found = violations(&scene, &receipt, &[moved]);
        assert!(matches!(found[..], [Violation::HeldBack { .. }]), "{batch}: {found:?}");
    }
    // Without a charter there is no key to check it with.
    let anchor = crate::anchors::SiteAnchor {
        site: scene.manifest.site().to_owned(),
        manifest: scene.manifest.digest(),
        epoch: scene.epoch.digest(),
        policy_floor: cohortium_protocol::hash::Digest::of_bytes(b"floor"),
    };
    let (by_name, holder) = (anchors(None, vec![anchor]), Holder::Card(card(ROW)));
    assert!(check_receipt(&receipt, &by_name, &holder, &[], None).is_ok());
    let error = check_receipt(&receipt, &by_name, &holder, &[good], None).unwrap_err().to_string();
    assert!(error.contains("without a ledger's charter"), "{error}");
}

#[test]
fn the_holder_has_a_card_or_a_tag() {
    let scene = Scene::honest();
    let (anchors, receipt) = (scene.anchors(), scene.receipt());
    let by_tag =
        |receipt: &Receipt| check_receipt(&scene.signed(receipt.clone()), &anchors, &Holder::Tag(tag(ROW)), &[], None);
    assert!(by_tag(&receipt).unwrap().holds());
    // The key that was bound with the card is known from the card, or from the hospital.
    let without = Receipt { card: None, ..receipt.clone() };
    assert!(matches!(by_tag(&without), Err(ReceiptError::History(_))));
    assert!(check(&scene, &without, &[]).unwrap().holds());
    // What the hospital says of the card does not count where the card is there.
    let false_card = Receipt { card: Some(member(3).public()), ..receipt.clone() };
    assert!(matches!(by_tag(&false_card), Err(ReceiptError::History(_))));
    assert!(check(&scene, &false_card, &[]).unwrap().holds());
    assert_eq!(check_receipt(&receipt, &anchors, &Holder::Tag(tag(ROW + 1)), &[], None), Err(ReceiptError::Tag));
}

/// A patient who said yes, said no and said yes again leaves out the last: the epoch would seem to count them against their
/// will. And so does whoever leaves out everything.
#[test]
fn nobody_makes_evidence_by_leaving_out() {
    let scene = Scene::honest();
    for keep in 0..3 {
        let mut receipt = scene.receipt();
        receipt.events.truncate(keep);
        let framed = check_receipt(&receipt, &scene.anchors(), &Holder::Card(card(ROW)), &[], None);
        assert!(matches!(framed, Err(ReceiptError::Signature { .. })), "{keep}");
        // Had the hospital signed it so, it would be the hospital's word.
        assert_eq!(check(&scene, &receipt, &[]).unwrap().violations.is_empty(), keep == 2, "{keep}");
    }
    // Nor where there is no key to check the signature with: then nothing is said of what should be.
    let anchor = crate::anchors::SiteAnchor {
        site: scene.manifest.site().to_owned(),
        manifest: scene.manifest.digest(),
        epoch: scene.epoch.digest(),
        policy_floor: cohortium_protocol::hash::Digest::of_bytes(b"floor"),
    };
    let mut receipt = scene.receipt();
    receipt.events.clear();
    let report = check_receipt(&receipt, &anchors(None, vec![anchor]), &Holder::Card(card(ROW)), &[], None).unwrap();
    assert!(report.violations.is_empty() && !report.has_record(), "{report}");
}

#[test]
fn what_cannot_be_told_is_said() {
    let scene = Scene::honest();
    let receipt = Receipt { registered: None, ..scene.receipt() };
    assert_eq!(check(&scene, &receipt, &[]), Err(ReceiptError::NoEvidence));
    let (nobody, holder) = (anchors(None, Vec::new()), Holder::Card(card(ROW)));
    let error = check_receipt(&receipt, &nobody, &holder, &[], None).unwrap_err();
    assert!(matches!(error, ReceiptError::NoAnchor { .. }), "{error}");
    // An epoch from before there were events: nothing to compare with.
    let old = Scene::of(Plan { until: None, ..Plan::default() });
    let report = check(&old, &old.receipt(), &[]).unwrap();
    assert!(report.holds() && !report.has_record() && report.events.is_empty(), "{report}");
    assert!(report.to_string().contains("NOT COVERED"), "{report}");
    // A bundle, and a receipt that says nothing of it.
    let (bundle, _) = scene.answer(1);
    let error = check_receipt(&scene.receipt(), &scene.anchors(), &holder, &[], Some(&bundle)).unwrap_err();
    assert!(error.to_string().contains("the receipt says nothing about an answer"), "{error}");
}
