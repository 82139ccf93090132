//! Whole ledgers verified from exports, and the report of a study.

#![allow(clippy::unwrap_used)] // a test stops where it fails

use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::{Block, Checkpoint, MemberKey, Statement, Timestamp, Transaction};
use cohortium_protocol::policy::Cell;
use cohortium_verifier::ledger::{
    ChainError, Founding, Replay, Replayed, SiteStatus, State, StudyError, StudyReport, Trust, Verification,
    audit_study, begin_replay, charter_of, parse_block,
};
use cohortium_verifier::{Anchors, AnchorsDocument, Verdict};

const EXPORT: &str = include_str!("../../tests/vectors/ledger/export.ndjson");
const ANCHORS: &str = include_str!("../../tests/vectors/ledger/anchors.json");
const CHECKPOINT: &str = include_str!("../../tests/vectors/ledger/checkpoint.txt");
const EARLIER: &str = include_str!("../../tests/vectors/ledger/earlier-checkpoint.txt");

/// The vectors' members sign with keys that follow from their names.
fn key_of(name: &str) -> MemberKey {
    MemberKey::from_bytes(Digest::of_bytes(name.as_bytes()).as_bytes())
}

fn anchors() -> Anchors {
    Anchors::parse(ANCHORS).unwrap()
}

fn founding() -> Founding {
    Founding::parse(EXPORT.lines().next().unwrap().as_bytes()).unwrap()
}

fn blocks() -> Vec<Block> {
    (1..).zip(EXPORT.lines().skip(1)).map(|(height, line)| parse_block(height, line.as_bytes()).unwrap()).collect()
}

fn replay(blocks: &[Block]) -> Result<Replayed, ChainError> {
    let anchors = anchors();
    let mut replay = begin_replay(&founding(), charter_of(&anchors).unwrap())?;
    for block in blocks {
        replay.add(block)?;
    }
    replay.finish()
}

fn report(blocks: &[Block], known: Option<&Checkpoint>) -> StudyReport {
    audit_study(&replay(blocks).unwrap(), "S-1", &anchors(), known).unwrap()
}

fn checkpoint(note: &str) -> Checkpoint {
    let anchors = anchors();
    let charter = anchors.charter().unwrap();
    Checkpoint::verify(note, &charter.ledger(), &charter.operator().unwrap().key).unwrap()
}

/// The ledger as an operator could make it who changed transactions and did not look at proofs.
fn remade(change: impl Fn(&mut Transaction)) -> Vec<Block> {
    let mut state = founding().found().unwrap();
    let mut remade = Vec::new();
    for block in blocks() {
        let mut open = state.open_block(block.time);
        for mut transaction in block.transactions {
            change(&mut transaction);
            let Transaction { ledger, member, statement, .. } = transaction;
            let again = Transaction::sign(&ledger, &member, statement, &key_of(&member));
            open.admit(again, &Verification::OwnLog).unwrap();
        }
        remade.push(open.seal(&key_of("Exchange Office")).unwrap().unwrap());
    }
    remade
}

/// One more patient-five in the first number of a release.
fn falsify(transaction: &mut Transaction, site: &str) {
    if let Statement::Release { proof, .. } = &mut transaction.statement
        && transaction.member == site
    {
        let counts = proof.cells.iter_mut().filter_map(|cells| match &mut cells.count {
            Cell::Value(count) => Some(count),
            _ => None,
        });
        *counts.min().unwrap() += 5;
    }
}

#[test]
fn a_replay_comes_to_the_blocks_own_states() {
    let blocks = blocks();
    let replayed = replay(&blocks).unwrap();
    let mut one_by_one = founding().found().unwrap();
    for block in &blocks {
        one_by_one.add_block(block, Trust::Nothing).unwrap();
    }
    assert_eq!(replayed.state().digest(), one_by_one.digest());
    assert_eq!((replayed.releases(), replayed.checkpoints().len()), (2, 12));
    assert_eq!(replayed.checkpoints()[11], checkpoint(CHECKPOINT));
    // The same by whoever makes the blocks again: signatures are deterministic.
    assert!(remade(|_| ()) == blocks);
}

#[test]
fn a_false_release_is_found_and_named() {
    let refused = |blocks: &[Block]| replay(blocks).err().unwrap().to_string();
    let says = |height, site| {
        format!(
            "block {height}, transaction 1 (release of \"{site}\"): the release does not pass the audit: the proof is not"
        )
    };
    let first = remade(|transaction| falsify(transaction, "north"));
    assert!(refused(&first).starts_with(&says(5, "north")), "{}", refused(&first));
    let last = remade(|transaction| falsify(transaction, "south"));
    assert!(refused(&last).starts_with(&says(12, "south")), "{}", refused(&last));
    let both = remade(|transaction| {
        falsify(transaction, "north");
        falsify(transaction, "south");
    });
    assert!(refused(&both).starts_with(&says(5, "north")), "{}", refused(&both));
    // A block that is wrong at once does not hide a false proof before it.
    let mut then = first.clone();
    then[8].height = 77;
    assert!(refused(&then).starts_with(&says(5, "north")), "{}", refused(&then));
    let mut honest = blocks();
    honest[8].height = 77;
    assert_eq!(refused(&honest), "block 9: its height is 77, it should be 9");
    // An opening that is wrong is no matter of the last equation, and is named as well.
    let opening = remade(|transaction| {
        if let Statement::Release { proof, .. } = &mut transaction.statement {
            let value = proof.columns[1].value;
            proof.columns[0].value = value;
        }
    });
    assert!(
        refused(&opening).contains("block 5, transaction 1") && refused(&opening).contains("the opening of columns")
    );
    // Every single audit says the same.
    let mut state = founding().found().unwrap();
    let single = first.iter().find_map(|block| state.add_block(block, Trust::Nothing).err()).unwrap();
    assert_eq!(single.to_string(), refused(&first));
}

#[test]
fn a_study_with_all_that_became_of_it() {
    let known = checkpoint(EARLIER);
    let report = report(&blocks(), Some(&known));
    assert_eq!(report.verdict, Verdict::Holds, "{report}");
    let states: Vec<_> =
        report.approvals.iter().map(|approval| (approval.state, approval.queries, approval.complete)).collect();
    assert_eq!(states, [("amended", 3, true), ("in force", 1, true)]);
    let queries: Vec<_> =
        report.queries.iter().map(|query| (query.sequence, query.title.as_str(), query.words.as_str())).collect();
    assert_eq!(
        queries,
        [
            (1, "Grades", "answered by 1 of 2 sites"),
            (2, "Grades again", "withheld after acceptance"),
            (3, "Grades at south", "expired"),
            (1, "Grades once more", "answered by 1 of 1 site"),
        ]
    );
    let one = |test: fn(&SiteStatus) -> bool| {
        let parts: Vec<_> = report.parts(test).map(|(query, site)| (query.title.clone(), site.site.clone())).collect();
        assert_eq!(parts.len(), 1, "{parts:?}");
        (parts[0].0.clone(), parts[0].1.clone())
    };
    let pair = |title: &str, site: &str| (title.to_owned(), site.to_owned());
    assert_eq!(
        one(|status| matches!(status, SiteStatus::WithheldAfterAcceptance { .. })),
        pair("Grades again", "north")
    );
    assert_eq!(one(|status| matches!(status, SiteStatus::Declined { .. })), pair("Grades", "south"));
    assert_eq!(one(|status| matches!(status, SiteStatus::Expired { .. })), pair("Grades at south", "south"));
    // The numbers are those of the releases.
    let released: Vec<_> = blocks()
        .into_iter()
        .flat_map(|block| block.transactions)
        .filter_map(|transaction| match transaction.statement {
            Statement::Release { proof, .. } => Some(proof.cells),
            _ => None,
        })
        .collect();
    let shown: Vec<Vec<_>> = report
        .queries
        .iter()
        .flat_map(|query| &query.sites)
        .filter(|site| site.policy.is_some())
        .map(|site| site.groups.iter().map(|group| group.cells).collect())
        .collect();
    assert_eq!(shown, released);
    assert_eq!(report.queries[0].grouped_by, ["grade"]);
    assert_eq!(report.queries[0].sites[0].groups[0].labels.len(), 1);
    // In words, too; and by the digest of any of its approvals.
    let text = report.to_string();
    for says in [
        "AUDIT OF THE STUDY S-1",
        "EVERY QUERY UNDER THE STUDY: 4",
        "WITHHELD AFTER ACCEPTANCE: accepted, perhaps computed, never answered",
        "DECLINED\n  query 1 (Grades), south: declined at 2026-02-02T00:05:00Z: too few patients to be of use",
        "NOT DECIDED IN TIME\n  query 3 (Grades at south), south: did not decide by 2026-02-11T00:00:00Z",
        "Verdict: holds",
    ] {
        assert!(text.contains(says), "{says}: {text}");
    }
    assert!(text.lines().all(|line| line.chars().count() <= 120), "{text}");
    let by_digest = report.approvals[0].approval.to_string();
    let again = audit_study(&replay(&blocks()).unwrap(), &by_digest, &anchors(), Some(&known)).unwrap();
    assert_eq!(again, report);
}

#[test]
fn what_is_not_to_be_told_is_said() {
    let replayed = replay(&blocks()).unwrap();
    let unknown = audit_study(&replayed, "S-2", &anchors(), None).unwrap_err();
    assert_eq!(
        unknown.to_string(),
        "there is no approval of a study \"S-2\" on this ledger, up to 23 transactions; it has S-1"
    );
    let mut document: AnchorsDocument = serde_json::from_str(ANCHORS).unwrap();
    document.accept_development_keys = false;
    let strict = Anchors::check(document.clone()).unwrap();
    let report = audit_study(&replayed, "S-1", &strict, None).unwrap();
    assert_eq!(report.verdict, Verdict::NotCovered);
    assert!(report.reasons.iter().any(|reason| reason.contains("rest on a development key")), "{report}");
    // Where no number rests on the key, it does not matter.
    let before = report_of(&blocks()[..4], &strict);
    assert_eq!(before.verdict, Verdict::Holds, "{before}");
    document.charter = None;
    assert_eq!(charter_of(&Anchors::check(document).unwrap()).unwrap_err(), StudyError::NoCharter);
    let mut elsewhere = founding();
    elsewhere.charter.opening_share += 1;
    let other = begin_replay(&elsewhere, strict.charter().unwrap()).err().unwrap();
    assert!(other.to_string().starts_with("block 0: its ledger is coast-trial/"), "{other}");
    let failed = StudyReport::failed("S-1", &strict, &other);
    assert!(failed.verdict == Verdict::Fails && failed.queries.is_empty() && failed.up_to.is_none());
    assert!(failed.to_string().contains("Verdict: fails") && !failed.to_string().contains("EVERY QUERY"));
}

fn report_of(blocks: &[Block], anchors: &Anchors) -> StudyReport {
    audit_study(&replay(blocks).unwrap(), "S-1", anchors, None).unwrap()
}

#[test]
fn a_ledger_shown_differently_is_a_split_view() {
    let blocks = blocks();
    for known in [checkpoint(CHECKPOINT), checkpoint(EARLIER)] {
        let report = report(&blocks, Some(&known));
        assert_eq!(report.verdict, Verdict::Holds, "{report}");
        assert!(!report.not_proved.iter().any(|line| line.contains("the same ledger")));
    }
    // Without one, that is not shown.
    let alone = report_of(&blocks, &anchors());
    assert!(alone.verdict == Verdict::Holds && alone.not_proved.iter().any(|line| line.contains("the same ledger")));
    // The end left out: nothing but a checkpoint shows it.
    let cut = report_of(&blocks[..10], &anchors());
    assert_eq!((cut.verdict, cut.up_to.unwrap().height), (Verdict::Holds, 10));
    let shown = report(&blocks[..10], Some(&checkpoint(CHECKPOINT)));
    assert_eq!(shown.verdict, Verdict::Fails);
    assert!(
        shown.reasons.iter().any(|reason| reason.starts_with("A split view, or an export that leaves out the end"))
    );
    // Two ledgers by one operator: each holds, and the other's checkpoint is not in it.
    let other = remade(|transaction| {
        if let Statement::Decline { reason, .. } = &mut transaction.statement {
            *reason = "no reason".to_owned();
        }
    });
    assert_eq!(report_of(&other, &anchors()).verdict, Verdict::Holds);
    for known in [checkpoint(CHECKPOINT), checkpoint(EARLIER)] {
        let split = report(&other, Some(&known));
        assert_eq!(split.verdict, Verdict::Fails, "{split}");
        assert!(split.reasons.iter().any(|reason| reason.starts_with("A split view: at height")), "{split}");
    }
    let same_until_there = checkpoint(&other[2].checkpoint);
    assert_eq!(report(&blocks, Some(&same_until_there)).verdict, Verdict::Holds);
}

#[test]
fn on_a_quiet_ledger_a_missed_deadline_is_shown_all_the_same() {
    let all = blocks();
    let accepts =
        |block: &Block| block.transactions.iter().any(|one| matches!(one.statement, Statement::Accept { .. }));
    let first = all.iter().position(accepts).unwrap();
    let cut = report(&all[..=first], None);
    let owed: Vec<_> = cut.parts(|status| matches!(status, SiteStatus::Accepted { .. })).collect();
    let [(query, site)] = owed[..] else { panic!("{} answers are owed", owed.len()) };
    let SiteStatus::Accepted { until } = site.status else { panic!("{}", site.words) };
    let (id, name) = (query.query, site.site.clone());
    // Until the deadline nothing is overdue, not even said.
    for moment in [at_of(&cut), until] {
        let same = cut.clone().as_of(moment);
        assert!(same.overdue.is_empty() && !same.to_string().contains("OVERDUE"));
    }
    let late = cut.clone().as_of(until.plus(1));
    assert_eq!(late.verdict, cut.verdict);
    let [overdue] = &late.overdue[..] else { panic!("{:?}", late.overdue) };
    assert_eq!((overdue.query, &overdue.site, overdue.until), (id, &name, until));
    let text = late.to_string();
    assert!(text.contains(&format!("OVERDUE at {}", until.plus(1))), "{text}");
    assert!(text.contains(&format!("{name}: had to answer by {until}")), "{text}");
}

fn at_of(report: &StudyReport) -> Timestamp {
    report.up_to.as_ref().unwrap().time
}

#[test]
fn every_line_of_an_export_counts() {
    let blocks = blocks();
    for place in 0..blocks.len() - 1 {
        let mut without = blocks.clone();
        without.remove(place);
        assert!(matches!(replay(&without).err().unwrap(), ChainError::Head { what: "height", .. }));
        let mut swapped = blocks.clone();
        swapped.swap(place, place + 1);
        assert!(replay(&swapped).is_err());
    }
    let mut state: State = founding().found().unwrap();
    assert!(state.add_block(&blocks[1], Trust::OwnLog).is_err());
    assert_eq!(Replay::new(state).height(), 0);
}

/// What a replay saves: everything but the last equation on all cores, then one equation for all.
#[test]
#[ignore = "a measurement"]
fn many_at_once_cost_less_than_one_by_one() {
    use std::time::Instant;

    use cohortium_protocol::bundle::Bundle;
    use cohortium_verifier::{PendingRelease, check_release, verify_release};
    use rayon::prelude::*;

    const MANY: usize = 1000;
    let bundle = Bundle::parse(include_bytes!("../../tests/vectors/ledger/answer.json")).unwrap();
    let anchors = anchors();
    let start = Instant::now();
    assert!((0..MANY).all(|_| verify_release(&bundle, &anchors).is_ok()));
    let singles = start.elapsed();
    let start = Instant::now();
    let pending: Vec<PendingRelease> =
        (0..MANY).into_par_iter().map(|_| check_release(&bundle, &anchors).ok().unwrap()).collect();
    let begun = start.elapsed();
    assert!(PendingRelease::finish_all(pending).iter().all(Result::is_ok));
    let all = start.elapsed();
    println!(
        "{MANY} releases: one by one {singles:.2?}; at once {all:.2?}, of which the equations {:.2?}",
        all - begun
    );
    assert!(all < singles);
}
