//! Bundles from the ledger: each part of their evidence is needed, and is checked by name.

use cohortium_protocol::bundle::Bundle;
use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::{
    Checkpoint, Inclusion, LedgerEvidence, MerkleTree, PublicKey, Signature, Transaction, leaf_hash,
};
use cohortium_protocol::policy::Cell;
use cohortium_protocol::table::SponsorClass;
use cohortium_tests::exchange::{BOARD, OPERATOR, OTHER_BOARD, SPONSOR, at, key_of};
use cohortium_verifier::ledger::check_evidence;
use cohortium_verifier::{Anchors, AuditError, Known, Step, Verdict, audit, verify_release};

use crate::world::{exchange, story};

fn anchors() -> Anchors {
    Anchors::check(exchange().anchors_document()).unwrap()
}

fn verdict(bundle: &Bundle) -> Result<(), AuditError> {
    // What a reader of the file gets.
    let read = Bundle::parse(&serde_json::to_vec(bundle).unwrap()).unwrap();
    verify_release(&read, &anchors()).map(|_| ())
}

fn refused(bundle: &Bundle) -> String {
    let error = verdict(bundle).unwrap_err();
    assert_eq!(error.step, Step::Ledger, "{error}");
    error.to_string()
}

/// The evidence's transactions, by what they are called.
type Part = (&'static str, fn(&mut LedgerEvidence) -> &mut Inclusion);

const PARTS: [Part; 7] = [
    ("table version", |evidence| &mut evidence.manifest),
    ("consent epoch", |evidence| &mut evidence.epoch),
    ("policy floor", |evidence| &mut evidence.floor),
    ("approval", |evidence| &mut evidence.study),
    ("query", |evidence| &mut evidence.query),
    ("acceptance", |evidence| &mut evidence.accept),
    ("release", |evidence| &mut evidence.release),
];

#[test]
fn a_bundle_from_the_ledger_holds() {
    for (site, place) in [("north", 0), ("south", 3)] {
        let bundle = story().bundle(site, place);
        let bytes = serde_json::to_vec(&bundle).unwrap();
        let release = verify_release(&bundle, &anchors()).unwrap();
        let facts = release.ledger().unwrap();
        assert_eq!((facts.board.as_str(), facts.sponsor.as_str()), (BOARD, SPONSOR));
        assert_eq!(facts.query, story().chain.state.query(&bundle.request.digest()).unwrap().id);
        assert_eq!(facts.checkpoint.size, story().chain.state.tree().len());
        let report = audit(&bundle, &bytes, &anchors(), &Known::default());
        assert_eq!(report.verdict, Verdict::Holds, "{report}");
        assert_eq!(report.ledger.as_ref().unwrap().root, story().chain.state.tree().root());
    }
}

#[test]
fn without_evidence_nothing_of_a_ledger_holds() {
    let mut bundle = story().bundle("north", 0);
    bundle.ledger = None;
    let says = "the ledger's evidence: your anchors name a ledger, and the bundle has no evidence that it stands there";
    assert_eq!(refused(&bundle), says);
}

#[test]
fn every_transaction_is_shown_to_be_there() {
    type Change = fn(&mut Inclusion);
    let changes: [(&str, Change, &str); 8] = [
        ("a hash of the path", |i| i.path[1] = Digest::of_bytes(b"x"), "is not shown to be on the ledger"),
        ("the path's order", |i| i.path.swap(0, 1), "is not shown to be on the ledger"),
        ("a shorter path", |i| i.path.truncate(i.path.len() - 1), "is not shown to be on the ledger"),
        ("a longer path", |i| i.path.push(Digest::of_bytes(b"x")), "is not shown to be on the ledger"),
        ("no path", |i| i.path.clear(), "is not shown to be on the ledger"),
        ("its place", |i| i.index ^= 1, "is not shown to be on the ledger"),
        ("a place beyond", |i| i.index = u64::MAX, "is not shown to be on the ledger"),
        ("its signature", |i| i.signature = Signature::from_bytes([7; 64]), "is not one of these documents"),
    ];
    let bundle = story().bundle("north", 0);
    for (part, of) in PARTS {
        for (what, change, says) in changes {
            let mut altered = bundle.clone();
            change(of(altered.ledger.as_mut().unwrap()));
            let text = refused(&altered);
            assert!(text.contains(says) && text.contains(part), "{part}, {what}: {text}");
        }
        // Signed by nobody, by somebody whose business it is not, by another of the same role.
        for (member, says) in [
            ("Nobody", "whom the charter does not name"),
            (OPERATOR, "it is for"),
            (OTHER_BOARD, if part == "approval" { "is not one of these documents" } else { "it is for" }),
            ("south", "it is for"),
        ] {
            let mut altered = bundle.clone();
            of(altered.ledger.as_mut().unwrap()).member = member.to_owned();
            let text = refused(&altered);
            assert!(text.contains(says) && text.contains(part), "{part}, {member}: {text}");
        }
    }
    // Another of the bundle's own transactions in its place.
    for (part, of) in PARTS {
        for (other, from) in PARTS {
            let mut altered = bundle.clone();
            let evidence = altered.ledger.as_mut().unwrap();
            *of(evidence) = from(evidence).clone();
            if part != other {
                assert!(refused(&altered).contains(part), "{part} by {other}");
            }
        }
    }
    let mut numbered = bundle.clone();
    numbered.ledger.as_mut().unwrap().floor_number = 2;
    assert!(refused(&numbered).contains("under the policy floor is not one of these documents"));
}

#[test]
fn documents_that_were_not_signed_are_refused() {
    type Change = fn(&mut Bundle);
    let changes: [(&str, Change); 5] = [
        ("approval", |b| b.approval.expires = "2040-01-01".parse().unwrap()),
        ("query", |b| b.request.sequence = 2),
        ("policy floor", |b| {
            b.policy_floor = b
                .policy_floor
                .clone()
                .with_query_cap(cohortium_protocol::policy::QueryCap { per_approval: Some(9), per_column: None })
        }),
        ("release", |b| b.proof.cells[0].count = Cell::Suppressed),
        ("release", |b| b.proof.groth16 = b.proof.groth16.chars().rev().collect()),
    ];
    for (part, change) in changes {
        let mut bundle = story().bundle("north", 0);
        change(&mut bundle);
        // The release's own signature is of cells, not of the proof: the proof is in the tree.
        let text = refused(&bundle);
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn the_checkpoint_is_the_operators_and_of_this_ledger() {
    let bundle = story().bundle("north", 0);
    let ledger = exchange().charter.ledger();
    let state = &story().chain.state;
    let last = story().chain.blocks.last().unwrap().statement(&ledger);
    let with = |checkpoint: String| {
        let mut bundle = bundle.clone();
        bundle.ledger.as_mut().unwrap().checkpoint = checkpoint;
        bundle
    };
    let by = |signer: &str, checkpoint: &Checkpoint| with(checkpoint.sign(&key_of(signer)).unwrap());
    verdict(&by(OPERATOR, &last)).unwrap();
    assert!(refused(&by("north", &last)).contains("is not signed by the operator's key"));
    let elsewhere = Checkpoint { origin: "inland/00".to_owned(), ..last.clone() };
    assert!(refused(&by(OPERATOR, &elsewhere)).contains("the checkpoint is of the ledger \"inland/00\""));
    assert!(refused(&with(String::new())).contains("is not a signed note"));
    let fewer = Checkpoint { size: 3, root: state.tree().root_at(3).unwrap(), ..last.clone() };
    assert!(refused(&by(OPERATOR, &fewer)).contains("is not shown to be on the ledger"));
    let other = Checkpoint { root: Digest::of_bytes(b"x"), ..last };
    assert!(refused(&by(OPERATOR, &other)).contains("is not shown to be on the ledger"));
    assert_ne!(key_of(OPERATOR).public(), PublicKey::from_bytes(key_of("north").public().to_bytes()).unwrap());
}

/// The evidence as an operator could make it who took the transactions in an order of its own.
fn reordered(order: &[usize; 7]) -> Bundle {
    let mut bundle = story().bundle("north", 0);
    let evidence = bundle.ledger.as_mut().unwrap();
    let transactions: Vec<Transaction> =
        PARTS.iter().map(|(_, of)| story().chain.transaction(of(evidence).index).unwrap().clone()).collect();
    let mut tree = MerkleTree::new();
    for part in order {
        tree.push(leaf_hash(transactions[*part].leaf().as_bytes()));
    }
    for (index, part) in order.iter().enumerate() {
        let inclusion = PARTS[*part].1(evidence);
        (inclusion.index, inclusion.path) = (index as u64, tree.inclusion(index as u64, 7).unwrap());
    }
    let checkpoint = Checkpoint {
        origin: exchange().charter.ledger(),
        size: 7,
        root: tree.root(),
        height: 1,
        block: Digest::of_bytes(b"block"),
        time: at(0),
    };
    evidence.checkpoint = checkpoint.sign(&key_of(OPERATOR)).unwrap();
    bundle
}

#[test]
fn what_comes_first_came_first() {
    verdict(&reordered(&[0, 1, 2, 3, 4, 5, 6])).unwrap();
    verdict(&reordered(&[3, 2, 0, 1, 4, 5, 6])).unwrap();
    for (order, says) in [
        ([1, 0, 2, 3, 4, 5, 6], "the consent epoch stands before the table version on the ledger"),
        ([0, 2, 3, 4, 1, 5, 6], "the query stands before the consent epoch on the ledger"),
        ([0, 1, 3, 4, 2, 5, 6], "the query stands before the policy floor on the ledger"),
        ([0, 1, 2, 4, 3, 5, 6], "the query stands before the approval on the ledger"),
        ([0, 1, 2, 3, 5, 4, 6], "the acceptance stands before the query on the ledger"),
        ([0, 1, 2, 3, 4, 6, 5], "the release stands before the acceptance on the ledger"),
    ] {
        assert!(refused(&reordered(&order)).ends_with(says), "{says}: {}", refused(&reordered(&order)));
    }
}

/// An operator that let a sponsor ask whom its own charter puts into another class: every signature is right.
#[test]
fn an_approval_that_the_charter_does_not_bear_is_refused() {
    let checked = |class: SponsorClass| {
        let mut charter = exchange().charter.clone();
        charter.members.iter_mut().filter(|member| member.name == SPONSOR).for_each(|m| m.class = Some(class));
        let (ledger, mut bundle) = (charter.ledger(), story().bundle("north", 0));
        let evidence = bundle.ledger.as_mut().unwrap();
        let mut tree = MerkleTree::new();
        for (_, of) in PARTS {
            let said = story().chain.transaction(of(evidence).index).unwrap().clone();
            let again = Transaction::sign(&ledger, &said.member, said.statement, &key_of(&said.member));
            of(evidence).index = tree.push(leaf_hash(again.leaf().as_bytes()));
            of(evidence).signature = again.signature;
        }
        for (_, of) in PARTS {
            of(evidence).path = tree.inclusion(of(evidence).index, 7).unwrap();
        }
        let (root, block) = (tree.root(), Digest::of_bytes(b"block"));
        let checkpoint = Checkpoint { origin: ledger, size: 7, root, height: 1, block, time: at(0) };
        evidence.checkpoint = checkpoint.sign(&key_of(OPERATOR)).unwrap();
        check_evidence(&bundle, &charter)
    };
    checked(SponsorClass::Academic).unwrap();
    let refused = checked(SponsorClass::Commercial).unwrap_err().to_string();
    let says =
        "the charter does not bear this approval: the study's sponsor_class: it is for a sponsor of class academic";
    assert!(refused.starts_with(says), "{refused}");
}

#[test]
fn what_a_bundle_is_made_from_outlives_the_state_it_is_taken_out_of() {
    let (story, state) = (story(), story().chain.state.clone());
    let (request, size) = (story.requests[0].digest(), state.tree().len());
    let checkpoint = &story.chain.blocks.last().unwrap().checkpoint;
    let parts = state.evidence_parts("north", &request, checkpoint, size).unwrap();
    let documents = state.bundle_parts("north", &request).unwrap();
    assert!(state.evidence_parts("south", &request, checkpoint, size).is_err(), "south declined");
    drop(state);
    let release = parts.release();
    assert_eq!(story.chain.transaction(release).unwrap().statement.kind(), "release");
    let mut bundle = documents.bundle(story.proofs[0].clone());
    let mut signed = |index: u64| -> Result<_, u64> {
        let transaction = story.chain.transaction(index).ok_or(index)?;
        Ok((transaction.member.clone(), transaction.signature))
    };
    bundle.ledger = Some(parts.clone().evidence(&mut signed).unwrap());
    let json = |bundle: &Bundle| serde_json::to_value(bundle).unwrap();
    assert_eq!(json(&bundle), json(&story.bundle("north", 0)));
    verdict(&bundle).unwrap();
    // What cannot be read is an error of whoever reads.
    let mut unread = |index| if index == release { Err("unread") } else { signed(index).map_err(|_| "no such") };
    assert_eq!(parts.evidence(&mut unread), Err("unread"));
}
