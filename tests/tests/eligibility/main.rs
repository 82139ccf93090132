//! Offers from end to end: a hospital's patient is proved eligible, and everything else is refused by name.

#![allow(clippy::unwrap_used)] // a test stops where it fails

#[path = "../common/mod.rs"]
mod common;
mod rules;
#[allow(dead_code, unreachable_pub)] // the rules of bundles are not looked at
#[path = "../tampering/rules.rs"]
mod tampering_rules;
#[path = "../tampering/walk.rs"]
mod walk;

use std::sync::OnceLock;

use cohortium_circuits::nullifier::nullifier;
use cohortium_keys::ProvingKey;
use cohortium_protocol::documents::{Approval, FILE_EXCHANGE};
use cohortium_protocol::eligibility::EligibilityFile;
use cohortium_protocol::hash::{Digest, Hasher};
use cohortium_protocol::query::{ColumnId, Inputs, Query};
use cohortium_protocol::shape::Shape;
use cohortium_protocol::table::{TAG_LIMBS, Tag};
use cohortium_prover::pipeline::{OfferAsked, PipelineError, PlannedOffer, plan_offer, prepare_offer};
use cohortium_tests::{Hospital, anchors_document, approval, consent_column, key, seeded, usual_policy};
use cohortium_verifier::{
    Anchors, AnchorsDocument, AuditError, Reason, Seen, Step, Verdict, report_eligibility, verify_eligibility,
};
use common::{STUDY, query};
use serde_json::{Value, json};
use tampering_rules::{begins, pattern};
use walk::{Change, Walk};

/// The development key of the smallest shape of offers, loaded once.
fn key_12() -> &'static ProvingKey {
    static KEY: OnceLock<ProvingKey> = OnceLock::new();
    KEY.get_or_init(|| key(Shape::ELIGIBLE_12))
}

fn agreement(text: &str) -> Digest {
    Hasher::new("test").str(text).finish()
}

/// A hospital, a study's criteria, and who allows them.
struct Clinic {
    hospital: Hospital,
    query: Query,
    approval: Approval,
}

const CRITERIA: &str = r#""where": {"all": [
        {"any": [{"column": "age", "between": [40, 75]}, {"not": {"column": "smoker", "is": true}}]},
        {"column": "weight", "present": true}]},
    "measures": {"count": true}"#;

fn clinic() -> &'static Clinic {
    static CLINIC: OnceLock<Clinic> = OnceLock::new();
    CLINIC.get_or_init(|| {
        let hospital = Hospital::synthetic("north", 300, 21, usual_policy());
        let columns = hospital.schema.columns().iter().map(|column| column.name().to_owned()).collect();
        let approval =
            Approval { columns: Some(columns), ..approval(STUDY, hospital.schema.table(), usual_policy(), &[]) };
        Clinic { hospital, query: query(CRITERIA), approval }
    })
}

impl Clinic {
    fn asked<'a>(&'a self, approval: &'a Approval, text: &str) -> OfferAsked<'a> {
        OfferAsked { ledger: FILE_EXCHANGE, query: &self.query, approval, agreement: agreement(text) }
    }

    fn plan(&self) -> PlannedOffer<'_> {
        plan_offer(self.asked(&self.approval, "agreed"), self.hospital.site().documents()).unwrap()
    }

    /// The rows that consent, and those that the query counts, by the plain query's own columns.
    fn rows(&self) -> (Vec<usize>, Vec<usize>) {
        let Hospital { schema, table, consents, .. } = &self.hospital;
        let inputs = Inputs::new(schema, table, consents).unwrap();
        let counted = self.hospital.plan(&self.query).query_columns(&inputs).unwrap();
        let ones = |values: &[u16]| (0..values.len()).filter(|row| values[*row] == 1).collect();
        let consenting = inputs.column(&ColumnId::epoch(consent_column().to_string())).unwrap();
        (ones(consenting), ones(counted.column(&ColumnId::selection()).unwrap()))
    }

    fn tag(&self, row: usize) -> Tag {
        let tags = self.hospital.table.tags();
        let limbs: [u16; TAG_LIMBS] = std::array::from_fn(|limb| tags[limb][row]);
        Tag::from_limbs(limbs)
    }

    fn anchors_of(&self, approval: &Approval) -> AnchorsDocument {
        anchors_document(&[&self.hospital], &[key_12()], &[approval])
    }

    fn anchors(&self) -> Anchors {
        Anchors::check(self.anchors_of(&self.approval)).unwrap()
    }

    fn offer(&self, approval: &Approval, row: usize, text: &str, seed: u64) -> Result<EligibilityFile, PipelineError> {
        let site = self.hospital.site();
        let planned = plan_offer(self.asked(approval, text), site.documents())?;
        let anchors = Anchors::check(self.anchors_of(approval)).unwrap();
        prepare_offer(planned, &site, &self.tag(row))?.prove(key_12(), &anchors, &mut seeded(seed), &mut |_, _| ())
    }
}

/// The offer of the first eligible row, made once.
fn offered() -> &'static EligibilityFile {
    static OFFER: OnceLock<EligibilityFile> = OnceLock::new();
    OFFER.get_or_init(|| {
        let clinic = clinic();
        clinic.offer(&clinic.approval, clinic.rows().1[0], "agreed", 5).unwrap()
    })
}

fn judged(file: &EligibilityFile, anchors: &Anchors) -> Result<(), AuditError> {
    verify_eligibility(file, anchors).map(drop)
}

#[test]
fn an_offer_reads_as_it_was_written_and_holds() {
    let (clinic, file) = (clinic(), offered());
    let bytes = serde_json::to_vec(file).unwrap();
    let read = EligibilityFile::parse(&bytes).unwrap();
    assert!(read == *file);
    let verified = verify_eligibility(&read, &clinic.anchors()).unwrap();
    // Whoever holds the tag finds out alone.
    let tag = clinic.tag(clinic.rows().1[0]);
    assert_eq!(verified.nullifier(), nullifier(&tag, &file.scope.digest()));
    assert_eq!((verified.agreement(), verified.file()), (agreement("agreed"), read.digest()));
    assert_eq!(verified.plan().digest(), clinic.plan().plan().digest());
    let opened = file.proof.columns.iter().filter(|opened| opened.column.is_tag()).count();
    assert_eq!(opened, 8, "the tags are opened at one random point, and charged");
    assert_eq!(clinic.plan().opened_columns().iter().filter(|column| column.is_tag()).count(), 8);
}

#[test]
fn one_patient_has_one_nullifier_in_a_study_and_another_in_another() {
    let (clinic, first) = (clinic(), offered());
    let eligible = clinic.rows().1;
    let again = clinic.offer(&clinic.approval, eligible[0], "agreed again", 6).unwrap();
    assert_eq!(again.nullifier, first.nullifier);
    assert_ne!(again.digest(), first.digest());
    let other = clinic.offer(&clinic.approval, eligible[1], "agreed", 7).unwrap();
    assert_ne!(other.nullifier, first.nullifier);
    let elsewhere = Approval { sponsor: "Another sponsor".into(), ..clinic.approval.clone() };
    let offer = clinic.offer(&elsewhere, eligible[0], "agreed", 8).unwrap();
    assert_ne!(offer.nullifier, first.nullifier);
    // And the list of those met so far knows the first.
    let mut seen = Seen::default();
    let report = |file: &EligibilityFile, seen: &Seen| report_eligibility(file, b"", &clinic.anchors(), Some(seen));
    assert_eq!(report(first, &seen).verdict, Verdict::Holds);
    seen.add(&first.nullifier);
    let refused = report(&again, &seen);
    assert_eq!((refused.verdict, refused.seen_on_line), (Verdict::Fails, Some(1)));
    assert!(refused.reason.contains("was offered to this study before"), "{}", refused.reason);
    assert_eq!(report(&other, &seen).verdict, Verdict::Holds);
}

#[test]
fn who_does_not_match_is_not_offered_and_the_data_officer_is_told_why() {
    let clinic = clinic();
    let (consenting, eligible) = clinic.rows();
    let refused = |row| clinic.offer(&clinic.approval, row, "agreed", 9).err().unwrap();
    let without = (0..clinic.hospital.table.rows()).find(|row| !consenting.contains(row)).unwrap();
    assert!(matches!(refused(without), PipelineError::NoConsent { .. }));
    let unfit = consenting.iter().find(|row| !eligible.contains(row)).unwrap();
    assert!(matches!(refused(*unfit), PipelineError::NotEligible));
    let site = clinic.hospital.site();
    let nobody = prepare_offer(clinic.plan(), &site, &Tag::from_limbs([7; 8])).err().unwrap();
    assert!(matches!(nobody, PipelineError::NotInTable));
}

#[test]
fn criteria_that_do_more_than_count_are_refused() {
    let clinic = clinic();
    for (fields, says) in [
        (r#""group_by": [{"column": "sex"}]"#, "the criteria have groups"),
        (r#""measures": {"sum": "age"}"#, "the criteria have sums"),
    ] {
        let query = query(fields);
        let asked = OfferAsked { query: &query, ..clinic.asked(&clinic.approval, "agreed") };
        let refused = plan_offer(asked, clinic.hospital.site().documents()).err().unwrap().to_string();
        assert!(refused.contains(says), "{refused}");
    }
}

/// A file put together of an honest one's parts and others.
#[test]
fn parts_of_another_offer_are_refused() {
    let (clinic, first) = (clinic(), offered());
    let other = clinic.offer(&clinic.approval, clinic.rows().1[1], "agreed", 10).unwrap();
    let anchors = clinic.anchors();
    let refused = |change: &dyn Fn(&mut EligibilityFile)| -> (Step, String) {
        let mut file = first.clone();
        change(&mut file);
        let error = judged(&file, &anchors).unwrap_err();
        (error.step, error.to_string())
    };
    // Another eligible patient's nullifier, and another one's proof.
    assert_eq!(refused(&|file| file.nullifier = other.nullifier).0, Step::Proof);
    assert_eq!(refused(&|file| file.proof.clone_from(&other.proof)).0, Step::Proof);
    assert_eq!(refused(&|file| file.proof.groth16.clone_from(&other.proof.groth16)).0, Step::Proof);
    assert_eq!(refused(&|file| file.agreement = agreement("of somebody else")).0, Step::Openings);
    // A key of another shape, and one that nobody has accepted.
    let query_key = key(Shape::QUERY_12);
    let (step, text) = refused(&|file| file.verifying_key = query_key.verifying().id());
    assert_eq!(step, Step::Anchors, "{text}");
    let mut document = clinic.anchors_of(&clinic.approval);
    document.verifying_keys.push(query_key.verifying().to_document());
    let mut file = first.clone();
    file.verifying_key = query_key.verifying().id();
    let error = judged(&file, &Anchors::check(document).unwrap()).unwrap_err();
    assert_eq!(error.step, Step::Registration);
    assert!(error.to_string().starts_with("the verifying key's shape says"), "{error}");
}

#[test]
fn verdicts_that_could_not_be_told() {
    let (clinic, file) = (clinic(), offered());
    let mut document = clinic.anchors_of(&clinic.approval);
    document.accept_development_keys = false;
    let report = report_eligibility(file, b"", &Anchors::check(document).unwrap(), None);
    assert_eq!((report.verdict, report.development_key), (Verdict::NotCovered, Some(true)));
    assert!(report.proved.is_empty());
    assert!(!matches!(judged(file, &clinic.anchors()), Err(AuditError { reason: Reason::LeftToLedger { .. }, .. })));
}

/// What became of a changed file.
enum Outcome {
    Unread(String),
    Same,
    Refused(Step, String),
    Accepted,
}

fn outcome(bytes: &[u8], good: &EligibilityFile, anchors: &Anchors) -> Outcome {
    match EligibilityFile::parse(bytes) {
        Err(error) => Outcome::Unread(error.to_string()),
        Ok(file) if file == *good => Outcome::Same,
        Ok(file) => match verify_eligibility(&file, anchors) {
            Err(error) => Outcome::Refused(error.step, error.to_string()),
            Ok(_) => Outcome::Accepted,
        },
    }
}

/// What is wrong with what became of a change, if anything is.
fn judge(change: &Change, whole: &Value, good: &EligibilityFile, anchors: &Anchors) -> Option<String> {
    let Change { path, what, .. } = change;
    let told = |problem: String| Some(format!("{path}, {what}: {problem}"));
    match outcome(&change.apply(whole), good, anchors) {
        Outcome::Accepted => told("ACCEPTED".to_owned()),
        Outcome::Same if rules::SAME.contains(&(&pattern(path), what)) => None,
        Outcome::Same => told("reads as before".to_owned()),
        Outcome::Unread(text) if rules::names(&text, path) => None,
        Outcome::Unread(text) => told(text),
        Outcome::Refused(step, text) => {
            let rule = rules::RULES.iter().find(|(rule, _)| begins(path, rule));
            let fits = |(at, words): &(Step, &str)| *at == step && text.contains(words);
            if rule.is_some_and(|(_, reasons)| reasons.iter().any(fits)) {
                None
            } else {
                told(format!("{step:?}: {text}"))
            }
        }
    }
}

#[test]
fn every_field_that_is_changed_is_refused_by_name() {
    let (good, anchors) = (offered(), clinic().anchors());
    let whole = serde_json::to_value(good).unwrap();
    let changes = Walk::over(&whole);
    assert!(changes.len() > 2000, "{}", changes.len());
    let halves = changes.split_at(changes.len() / 2);
    let judge = |half: &[Change]| half.iter().filter_map(|change| judge(change, &whole, good, &anchors)).collect();
    let (mut wrong, rest): (Vec<String>, Vec<String>) = std::thread::scope(|scope| {
        let second = scope.spawn(|| judge(halves.1));
        (judge(halves.0), second.join().unwrap())
    });
    wrong.extend(rest);
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), changes.len(), wrong.join("\n"));
}

#[test]
fn files_that_are_no_offer() {
    let good = serde_json::to_string(offered()).unwrap();
    for (what, file, says) in [
        ("half of it", good[..good.len() / 2].to_owned(), "EOF while parsing"),
        ("a byte more", format!("{good}x"), "trailing characters"),
        ("a later format", good.replacen("eligibility/1", "eligibility/2", 1), "this version reads"),
        ("a field more", good.replacen("{", "{\"row\":3,", 1), "unknown field `row`"),
    ] {
        let error = EligibilityFile::parse(file.as_bytes()).map(drop).unwrap_err().to_string();
        assert!(error.contains(says), "{what}: {error}");
    }
    assert!(EligibilityFile::parse(json!([1]).to_string().as_bytes()).is_err());
}

/// Writes the vector that the verifier's program is tried with. Run by hand, when the format changes on purpose:
/// `COHORTIUM_WRITE_VECTORS=1 cargo test -p cohortium-tests --test eligibility -- --ignored the_vector`
#[test]
#[ignore = "writes a vector, if asked to"]
fn the_vector() {
    let (file, clinic) = (offered(), clinic());
    assert_eq!(judged(file, &clinic.anchors()), Ok(()));
    if std::env::var("COHORTIUM_WRITE_VECTORS").is_ok_and(|value| value == "1") {
        let write = |name: &str, content: String| {
            let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors").join(name);
            std::fs::write(path, content + "\n").unwrap();
        };
        write("good-eligible-12.json", serde_json::to_string(file).unwrap());
        write("good-eligible-12.anchors.json", serde_json::to_string(&clinic.anchors_of(&clinic.approval)).unwrap());
    }
}
