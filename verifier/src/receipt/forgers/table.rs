//! The statement page's table of forgeries. Each is refused by the whole check, and accepted, without a word against the
//! hospital, with only its clause off.

use cohortium_protocol::bundle::Bundle;
use cohortium_protocol::consent::{Acknowledgement, PostedEvent, Receipt};
use cohortium_protocol::field::F;
use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::StatementContent;

use super::said::{ROW, card, content, day, no_longer, revoked, signed, story, tag, yes};
use super::scene::{Held, Plan, ROWS, Scene, anchors, manifest_content, member, registered_on};
use crate::anchors::{Anchors, SiteAnchor};
use crate::receipt::clause::{ReceiptClause, ReceiptError};
use crate::receipt::report::ReceiptReport;
use crate::receipt::verify::{Holder, check_with};
use crate::rules::Rules;

/// A receipt that lies, and what the patient has beside it.
pub(super) struct Forgery {
    pub(super) anchors: Anchors,
    pub(super) receipt: Receipt,
    pub(super) acknowledged: Vec<Acknowledgement>,
    pub(super) bundle: Option<Bundle>,
}

impl Forgery {
    fn new(scene: &Scene, receipt: Receipt) -> Self {
        let receipt = scene.signed(receipt);
        Self { anchors: scene.anchors(), receipt, acknowledged: Vec::new(), bundle: None }
    }

    fn judged(&self, off: Option<ReceiptClause>) -> Result<ReceiptReport, ReceiptError> {
        let Self { anchors, receipt, acknowledged, bundle } = self;
        check_with(&Rules { off }, receipt, anchors, &Holder::Card(card(ROW)), acknowledged, bundle.as_ref())
    }
}

/// What refuses: an error's beginning, or a violation's.
type Refused = &'static str;

/// A clause, what is forged, what is said of it, and by whom it is forged.
type Row = (ReceiptClause, &'static str, Refused, fn() -> Forgery);

const TABLE: [Row; 30] = [
    (ReceiptClause::Registered, "an epoch that the ledger does not have", "consent epoch", unknown_epoch),
    (
        ReceiptClause::Registered,
        "an epoch before its manifest",
        "the consent epoch stands before the table version",
        epoch_first,
    ),
    (ReceiptClause::Registered, "another epoch than the anchors name", "the receipt's consent epoch is", unnamed_epoch),
    (ReceiptClause::OfManifest, "an epoch of another table version", "the epoch's manifest digest is", foreign_epoch),
    (ReceiptClause::Row, "a blinding row that bears the tag", "the receipt is about row 24", blinding_row),
    (ReceiptClause::Columns, "a flag that is not shown", "the receipt opens nothing as column 9", hidden_flag),
    (ReceiptClause::Columns, "flags in another order", "the receipt opens", swapped_flags),
    (
        ReceiptClause::Points,
        "points of a column made up for the patient",
        "the commitment given for column",
        made_up_points,
    ),
    (ReceiptClause::Opening, "a changed flag", "the receipt's opening of tag and flags", changed_flag),
    (ReceiptClause::Opening, "another row's values", "the receipt's opening of tag and flags", row_of_another),
    (ReceiptClause::Opening, "the opening of another epoch", "the receipt's opening of tag and flags", other_epoch),
    (ReceiptClause::Tag, "the receipt of another patient", "the row bears another tag", somebody_else),
    (ReceiptClause::Flags, "a flag of 2", "the flag DUO:0000042/academic is neither", flag_of_two),
    (ReceiptClause::Signed, "an event that the holder leaves out", "the receipt is not signed by", holder_leaves_out),
    (ReceiptClause::Signed, "a receipt that somebody else signs", "the receipt is not signed by", signed_by_another),
    (ReceiptClause::Signed, "a receipt without a signature", "the receipt is not signed by", unsigned),
    (ReceiptClause::Batches, "a list without the last batch", "the batches of consent events", without_last_batch),
    (ReceiptClause::Batches, "a batch with another root", "the batches of consent events", another_batch),
    (ReceiptClause::Posted, "an event that nobody posted", "event 3: it is not shown to be in batch 2", never_posted),
    (ReceiptClause::Posted, "an event of another batch", "event 3: it is not shown to be in batch 3", leaf_of_another),
    (ReceiptClause::History, "an event left out in the middle", "the consent event number 4 is refused", gap),
    (ReceiptClause::History, "an event of another tag", "the consent event number 4 is refused", event_of_another),
    (ReceiptClause::History, "somebody else's signature", "the consent event number 3 is refused", others_signature),
    (ReceiptClause::Expected, "revoked, and counted", "DUO:0000042/academic is YES in this epoch", against_will),
    (ReceiptClause::Expected, "an epoch that ends before it begins", "the epoch is of 2026-05-01", no_day),
    (ReceiptClause::Acknowledged, "a posted revocation left out", "IGNORED: event 4", ignored),
    (ReceiptClause::Acknowledged, "a revocation never posted", "HELD BACK", held_back),
    (ReceiptClause::Counted, "the selection of another answer", "whether you were counted", another_answer),
    (ReceiptClause::Selection, "the selection at another row", "the receipt's opening of the selection", another_row),
    (ReceiptClause::Selected, "a selection of 2", "whether you were counted: the selection is neither", selected_twice),
];

fn unknown_epoch() -> Forgery {
    let (registered, shown) = (Scene::honest(), Scene::of(Plan { created: "2026-03-02", ..Plan::default() }));
    let receipt = Receipt { registered: Some(registered.registered), ..shown.receipt() };
    Forgery::new(&shown, receipt)
}

fn epoch_first() -> Forgery {
    let scene = Scene::honest();
    let statements = [StatementContent::Epoch(scene.epoch.digest()), manifest_content(&scene.manifest)];
    let mut receipt = scene.receipt();
    receipt.registered = Some(registered_on(&scene.charter, &statements));
    Forgery::new(&scene, receipt)
}

fn unnamed_epoch() -> Forgery {
    let (named, shown) = (Scene::honest(), Scene::of(Plan { created: "2026-03-02", ..Plan::default() }));
    let anchor = SiteAnchor {
        site: named.manifest.site().to_owned(),
        manifest: named.manifest.digest(),
        epoch: named.epoch.digest(),
        policy_floor: Digest::of_bytes(b"floor"),
    };
    Forgery { anchors: anchors(None, vec![anchor]), ..Forgery::new(&shown, shown.receipt()) }
}

fn foreign_epoch() -> Forgery {
    let scene = Scene::of(Plan { foreign: true, ..Plan::default() });
    Forgery::new(&scene, scene.receipt())
}

/// Trap 7.
fn blinding_row() -> Forgery {
    let scene = Scene::of(Plan { behind: true, ..Plan::default() });
    let Receipt { card, events, .. } = scene.receipt();
    Forgery::new(&scene, Receipt { card, events, ..scene.receipt_at(ROWS as u64) })
}

fn hidden_flag() -> Forgery {
    let scene = Scene::of(Plan { flags: [1, 1], ..Plan::default() });
    let shown: Vec<&Held> = scene.columns.iter().take(9).collect();
    Forgery::new(&scene, scene.receipt_of(ROW, &shown))
}

fn swapped_flags() -> Forgery {
    let scene = Scene::honest();
    let mut shown: Vec<&Held> = scene.columns.iter().collect();
    shown.swap(8, 9);
    Forgery::new(&scene, scene.receipt_of(ROW, &shown))
}

fn made_up_points() -> Forgery {
    // Committed is that companies count the patient; shown are columns in which they do not.
    let (committed, shown) = (Scene::of(Plan { flags: [1, 1], ..Plan::default() }), Scene::honest());
    let columns: Vec<&Held> = committed.columns.iter().take(8).chain(&shown.columns[8..]).collect();
    Forgery::new(&committed, committed.receipt_of(ROW, &columns))
}

fn changed_flag() -> Forgery {
    let scene = Scene::of(Plan { flags: [1, 1], ..Plan::default() });
    let mut receipt = scene.receipt();
    receipt.columns[9].value = F::from(0u64);
    Forgery::new(&scene, receipt)
}

fn row_of_another() -> Forgery {
    // Another row's opening, and the values that the patient expects.
    let scene = Scene::honest();
    let (right, mut receipt) = (scene.receipt(), scene.receipt());
    receipt.opening = scene.receipt_at(ROW + 1).opening;
    receipt.columns = right.columns;
    Forgery::new(&scene, receipt)
}

fn other_epoch() -> Forgery {
    let (scene, earlier) = (Scene::honest(), Scene::of(Plan { created: "2026-02-28", ..Plan::default() }));
    let mut receipt = scene.receipt();
    receipt.opening = earlier.receipt().opening;
    Forgery::new(&scene, receipt)
}

fn somebody_else() -> Forgery {
    let scene = Scene::honest();
    // Nobody knows anything of row 9, and nothing is said there.
    let receipt = Receipt { card: None, ..scene.receipt_at(9) };
    assert!(receipt.events.is_empty() && receipt.columns[8].value == F::from(0u64));
    Forgery::new(&scene, receipt)
}

fn flag_of_two() -> Forgery {
    let scene = Scene::of(Plan { flags: [2, 0], ..Plan::default() });
    Forgery::new(&scene, scene.receipt())
}

/// Counted on, since the batch with the revocation is not listed.
fn without_last_batch() -> Forgery {
    let scene = Scene::of(Plan { posted: revoked(), ..Plan::default() });
    let mut receipt = scene.receipt();
    receipt.batches.pop();
    receipt.events.pop();
    Forgery::new(&scene, receipt)
}

/// The same, with another batch in its place.
fn another_batch() -> Forgery {
    let scene = Scene::of(Plan { posted: revoked(), ..Plan::default() });
    let mut receipt = scene.receipt();
    receipt.events.pop();
    receipt.batches[2].root = Digest::of_bytes(b"dummies");
    Forgery::new(&scene, receipt)
}

/// Companies count the patient, by a consent that was made up for the receipt.
fn never_posted() -> Forgery {
    let posted: Vec<_> = [story()[0].clone(), (signed(2, "2026-02-01", yes(true)), 1)].into();
    let scene = Scene::of(Plan { posted, flags: [1, 1], ..Plan::default() });
    let event = content(ROW, 3, "2026-02-10", yes(false)).by_clerk("form 9").unwrap();
    let mut receipt = scene.receipt();
    receipt.events.push(PostedEvent { posted: scene.place(&event, 2), event });
    Forgery::new(&scene, receipt)
}

fn leaf_of_another() -> Forgery {
    let scene = Scene::honest();
    let mut receipt = scene.receipt();
    receipt.events[2].posted = scene.place(&receipt.events[2].event, 3);
    Forgery::new(&scene, receipt)
}

/// The revocation is hidden, and what came after it is not.
fn gap() -> Forgery {
    let mut posted: Vec<_> = story().into_iter().take(2).collect();
    posted.push((signed(3, "2026-02-10", no_longer()), 2));
    posted.push((content(ROW, 4, "2026-02-20", yes(true)).by_clerk("form 9").unwrap(), 3));
    let scene = Scene::of(Plan { posted, ..Plan::default() });
    let mut receipt = scene.receipt();
    receipt.events.remove(2);
    Forgery::new(&scene, receipt)
}

fn event_of_another() -> Forgery {
    let mut posted = story();
    posted.push((content(ROW + 1, 4, "2026-02-20", yes(true)).by_clerk("form 9").unwrap(), 3));
    let scene = Scene::of(Plan { posted: posted.clone(), ..Plan::default() });
    let mut receipt = scene.receipt();
    let (event, batch) = posted.remove(3);
    assert!(*event.tag() != tag(ROW));
    receipt.events.push(PostedEvent { posted: scene.place(&event, batch), event });
    Forgery::new(&scene, receipt)
}

fn others_signature() -> Forgery {
    let mut posted = story();
    posted[2].0 = content(ROW, 3, "2026-02-10", yes(true)).by_patient(&card(ROW + 1).signing_key("Hospital North"));
    let scene = Scene::of(Plan { posted, ..Plan::default() });
    Forgery::new(&scene, scene.receipt())
}

fn against_will() -> Forgery {
    let scene = Scene::of(Plan { posted: revoked(), ..Plan::default() });
    Forgery::new(&scene, scene.receipt())
}

fn no_day() -> Forgery {
    let scene = Scene::of(Plan { posted: revoked(), created: "2026-05-01", ..Plan::default() });
    Forgery::new(&scene, scene.receipt())
}

/// Whoever has a receipt would make it say that the hospital does not count somebody who said yes.
fn holder_leaves_out() -> Forgery {
    let scene = Scene::honest();
    let mut forgery = Forgery::new(&scene, scene.receipt());
    forgery.receipt.events.pop();
    forgery
}

fn signed_by_another() -> Forgery {
    let scene = Scene::honest();
    let receipt = scene.receipt().sign(&scene.charter.ledger(), day("2026-03-05"), &member(1));
    Forgery { receipt, ..Forgery::new(&scene, scene.receipt()) }
}

fn unsigned() -> Forgery {
    let scene = Scene::honest();
    let receipt = Receipt { signed: None, ..scene.receipt() };
    Forgery { receipt, ..Forgery::new(&scene, scene.receipt()) }
}

fn ignored() -> Forgery {
    let scene = Scene::of(Plan { posted: revoked(), ..Plan::default() });
    let mut receipt = scene.receipt();
    let left_out = receipt.events.pop().unwrap().event;
    let acknowledged = vec![scene.acknowledge(&left_out, "2026-02-20", Some(3))];
    Forgery { acknowledged, ..Forgery::new(&scene, receipt) }
}

fn held_back() -> Forgery {
    let scene = Scene::honest();
    let event = signed(4, "2026-02-20", no_longer());
    let acknowledged = vec![scene.acknowledge(&event, "2026-02-20", None)];
    Forgery { acknowledged, ..Forgery::new(&scene, scene.receipt()) }
}

/// Whether the patient was counted, for an answer with `selected` at the row where it is opened.
fn asked(selected: u16, row: u64, other: bool) -> Forgery {
    let scene = Scene::honest();
    let (bundle, held) = scene.answer(selected);
    let of = (bundle.request.digest(), bundle.proof.digest());
    let other_answer = (Digest::of_bytes(b"another request"), Digest::of_bytes(b"another proof"));
    let mut receipt = scene.receipt();
    receipt.counted = Some(scene.counted(row, &held, if other { other_answer } else { of }));
    Forgery { bundle: Some(bundle), ..Forgery::new(&scene, receipt) }
}

fn another_answer() -> Forgery {
    asked(1, ROW, true)
}

/// The patient was counted, and is shown a row that was not.
fn another_row() -> Forgery {
    asked(1, ROW + 1, false)
}

fn selected_twice() -> Forgery {
    asked(2, ROW, false)
}

/// The report, unless it is an error or says something against the hospital: then that.
fn accepted(judged: Result<ReceiptReport, ReceiptError>) -> Result<ReceiptReport, Vec<String>> {
    match judged {
        Ok(report) if report.violations.is_empty() => Ok(report),
        Ok(report) => Err(report.violations.iter().map(crate::receipt::Violation::words).collect()),
        Err(error) => Err(vec![error.to_string()]),
    }
}

#[test]
fn what_is_as_it_should_be_holds() {
    let scene = Scene::honest();
    let mut honest = Forgery::new(&scene, scene.receipt());
    honest.acknowledged = story().iter().map(|(event, _)| scene.acknowledge(event, "2026-02-20", None)).collect();
    let report = accepted(honest.judged(None)).unwrap();
    assert!(report.holds() && report.has_record(), "{report}");
    for (selected, row) in [(1, ROW), (0, ROW)] {
        let report = accepted(asked(selected, row, false).judged(None)).unwrap();
        assert_eq!(report.counted.unwrap().counted, selected == 1);
    }
}

#[test]
fn each_forgery_is_refused_by_its_clause_alone() {
    let mut wrong = Vec::new();
    for (clause, what, refused, forge) in TABLE {
        let forgery = forge();
        match accepted(forgery.judged(None)) {
            Err(said) if said.iter().any(|one| one.contains(refused)) => {}
            Err(said) => wrong.push(format!("{what} is refused with {said:?}, and not with {refused:?}")),
            Ok(_) => wrong.push(format!("{what} is accepted")),
        }
        if let Err(said) = accepted(forgery.judged(Some(clause))) {
            wrong.push(format!("{what} is refused without {clause:?} too: {said:?}"));
        }
        // No other clause would do: with any of them off it is refused all the same.
        for other in ReceiptClause::ALL.into_iter().filter(|other| *other != clause) {
            if accepted(forgery.judged(Some(other))).is_ok() {
                wrong.push(format!("{what} is accepted without {other:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_clause_has_a_forger() {
    for clause in ReceiptClause::ALL {
        assert!(TABLE.iter().any(|(forged, ..)| *forged == clause), "nobody forges {clause:?}");
    }
}
