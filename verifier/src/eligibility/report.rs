//! What a file of eligibility proves and what it does not, in plain sentences.

use std::fmt;

use cohortium_keys::KeyKind;
use cohortium_protocol::eligibility::{EligibilityFile, Scope};
use cohortium_protocol::field::to_hex;
use cohortium_protocol::hash::Digest;
use cohortium_protocol::query::{Plan, Role};
use serde::Serialize;

use super::{Seen, VerifiedEligibility, verify_eligibility};
use crate::anchors::Anchors;
use crate::reason::{AuditError, Reason, Step};
use crate::report::Verdict;

/// The format tag of a report.
const FORMAT: &str = "cohortium-eligibility-report/1";

/// What was found of a file of eligibility.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct EligibilityReport {
    /// Always `cohortium-eligibility-report/1`.
    pub format: &'static str,
    /// The verdict.
    pub verdict: Verdict,
    /// Why, in a sentence.
    pub reason: String,
    /// The digest of the file's bytes.
    pub file: Digest,
    /// Ledger, site, study and sponsor, as the file names them.
    pub scope: Scope,
    /// The nullifier, 64 hexadecimal digits.
    pub nullifier: String,
    /// The digest of the patient's signed agreement, as the file names it.
    pub agreement: Digest,
    /// Whether the key is a development key; nothing where the check stopped before the key was known.
    pub development_key: Option<bool>,
    /// The line of the list of nullifiers on which this one stands already, from 1.
    pub seen_on_line: Option<usize>,
    /// The step where the check stopped, if it did.
    pub stopped_at: Option<Step>,
    /// What is proved; nothing unless everything was checked and is right.
    pub proved: Vec<String>,
    /// What no proof of this kind can show.
    pub not_proved: Vec<String>,
}

/// Checks a file of eligibility and says what was found. `bytes` is the file, for its digest; `seen` the nullifiers met so far.
pub fn report_eligibility(
    file: &EligibilityFile,
    bytes: &[u8],
    anchors: &Anchors,
    seen: Option<&Seen>,
) -> EligibilityReport {
    let outcome = verify_eligibility(file, anchors);
    let seen_on_line = seen.and_then(|seen| seen.line_of(&file.nullifier));
    let (verdict, reason) = judge(&outcome, anchors, seen_on_line);
    let development_key = anchors.key(&file.verifying_key).map(|key| key.kind() == KeyKind::Development);
    EligibilityReport {
        format: FORMAT,
        verdict,
        reason,
        file: Digest::of_bytes(bytes),
        scope: file.scope.clone(),
        nullifier: to_hex(&file.nullifier),
        agreement: file.agreement,
        development_key,
        seen_on_line,
        stopped_at: outcome.as_ref().err().map(|error| error.step),
        proved: match (&outcome, verdict) {
            (Ok(verified), Verdict::Holds) => proved(file, verified),
            _ => Vec::new(),
        },
        not_proved: not_proved(file, development_key, seen.is_some()),
    }
}

fn judge(
    outcome: &Result<VerifiedEligibility, AuditError>,
    anchors: &Anchors,
    seen_on_line: Option<usize>,
) -> (Verdict, String) {
    match (outcome, seen_on_line) {
        (Err(error), _) if matches!(error.reason, Reason::LeftToLedger { .. }) => {
            (Verdict::NotCovered, error.to_string())
        }
        (Err(error), _) => (Verdict::Fails, error.to_string()),
        (Ok(_), Some(line)) => (
            Verdict::Fails,
            format!("this patient was offered to this study before: the nullifier stands on line {line} of your list"),
        ),
        (Ok(verified), None) if verified.key_kind() == KeyKind::Development && !anchors.accept_development_keys() => (
            Verdict::NotCovered,
            "all checks pass, but the key is a development key: whoever made it could forge proofs".to_owned(),
        ),
        (Ok(_), None) => (Verdict::Holds, "every check passes".to_owned()),
    }
}

/// Who the patient is, in the criteria's words.
fn criteria(plan: &Plan) -> Vec<String> {
    let required = plan.conditions.iter().filter(|condition| matches!(condition.role, Role::Consent | Role::Implied));
    let mut criteria: Vec<String> = required.map(|condition| condition.text.clone()).collect();
    if plan.conditions.iter().any(|condition| condition.role == Role::Asked) {
        criteria.push(plan.counted.clone());
    }
    criteria
}

fn proved(file: &EligibilityFile, verified: &VerifiedEligibility) -> Vec<String> {
    let Scope { site, study, sponsor, .. } = verified.scope();
    vec![
        format!(
            "In version {} of the table {} of {site} ({}) and its consent epoch {} ({}), there is a patient of whom all of this \
             holds: {}.",
            file.manifest.version(),
            file.manifest.table(),
            verified.manifest().short(),
            file.epoch.number(),
            verified.epoch().short(),
            criteria(verified.plan()).join("; ")
        ),
        format!(
            "The nullifier is that patient's for the study {study} of {sponsor} at {site}: should it come again, it is the same \
             patient, under whatever version of the table."
        ),
        format!("The proof was made for the agreement with the digest {}, and for no other.", verified.agreement()),
    ]
}

fn not_proved(file: &EligibilityFile, development_key: Option<bool>, listed: bool) -> Vec<String> {
    let mut list: Vec<String> = [
        "Who the patient is, in which row, or how many others meet the criteria: the proof says nothing of that.",
        "That the patient agreed: the file names the digest of a signed agreement, and does not show it.",
        "That one patient is one row, or keeps their tag: a patient under two tags, in one version of the table or in two, has two nullifiers.",
        "That the hospital offers everybody who meets the criteria: it may keep silent.",
        "That the table tells the truth, or that the consent record is the patients' own word.",
        "That anything of this stands on a ledger: a file of eligibility bears no evidence of one.",
        "More than about 100 bits of security, the present estimate for the curve BN254.",
    ]
    .map(str::to_owned)
    .into();
    list.push(format!("When the offer was made. The approval ends on {}.", file.approval.expires));
    if !listed {
        list.push(
            "That the patient was not offered to this study before: give the list of nullifiers with --seen.".into(),
        );
    }
    if development_key == Some(true) {
        list.push("Anything against the maker of the development key, who could forge every proof.".to_owned());
    }
    list
}

impl fmt::Display for EligibilityReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Scope { ledger, site, study, sponsor } = &self.scope;
        writeln!(f, "Eligible patient of {site}, for the study {study} of {sponsor} (ledger {ledger})")?;
        writeln!(f, "Verdict: {}: {}.", self.verdict.words(), self.reason)?;
        writeln!(f, "\nNullifier {}\nAgreement {}\nFile      {}", self.nullifier, self.agreement, self.file)?;
        for (title, list) in [("What is proved", &self.proved), ("What is not proved", &self.not_proved)] {
            if !list.is_empty() {
                writeln!(f, "\n{title}")?;
                list.iter().try_for_each(|sentence| writeln!(f, "  - {sentence}"))?;
            }
        }
        Ok(())
    }
}
