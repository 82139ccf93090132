//! The audit report: what was found, guarantee by guarantee.

mod words;

use cohortium_keys::KeyKind;
use cohortium_protocol::bundle::Bundle;
use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::Timestamp;
use cohortium_protocol::policy::{Cell, GroupCells};
use cohortium_protocol::query::{Plan, compile};
use cohortium_protocol::table::Day;
use serde::Serialize;

use crate::anchors::Anchors;
use crate::reason::{AuditError, Reason, Step};
use crate::verify::{VerifiedRelease, verify_release};

use words::{anchors_used, capitalised, holds, not_proved};

/// The format tag of a report.
const FORMAT: &str = "cohortium-report/1";

/// What was found.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Everything that can be checked was checked, and is right.
    Holds,
    /// Nothing was found wrong, but something needed for a verdict is missing.
    #[serde(rename = "not covered")]
    NotCovered,
    /// Something is wrong.
    Fails,
}

impl Verdict {
    /// In words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::NotCovered => "not covered",
            Self::Fails => "fails",
        }
    }

    /// The exit status of an audit with this verdict: 0 yes, 1 no, 2 could not tell.
    pub const fn exit_status(self) -> u8 {
        match self {
            Self::Holds => 0,
            Self::Fails => 1,
            Self::NotCovered => 2,
        }
    }
}

/// One guarantee's verdict.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Guarantee {
    /// `G1` to `G7`.
    pub id: &'static str,
    /// Its name.
    pub name: &'static str,
    /// The question it answers.
    pub question: &'static str,
    /// The answer.
    pub verdict: Verdict,
    /// Why, in a sentence.
    pub reason: String,
}

/// An anchor that the verdict rests on.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct AnchorUsed {
    /// What it is.
    pub what: String,
    /// Its digest.
    pub digest: Digest,
    /// The digest's first 16 digits, to compare at a glance.
    pub fingerprint: String,
}

/// A released group with its labels.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct GroupReport {
    /// The labels, one a grouping column.
    pub labels: Vec<String>,
    /// The cells.
    pub cells: GroupCells,
}

/// Where an answer stands on a ledger.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct OnLedger {
    /// The ledger's id.
    pub ledger: String,
    /// The query transaction's id.
    pub query: Digest,
    /// The board that signed the approval.
    pub board: String,
    /// The sponsor that signed the query.
    pub sponsor: String,
    /// Transactions under the checkpoint.
    pub size: u64,
    /// The checkpoint's root.
    pub root: Digest,
    /// The checkpoint's time: the answer stood there by then.
    pub time: Timestamp,
}

/// What an audit found.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Report {
    /// Always `cohortium-report/1`.
    pub format: &'static str,
    /// The worst verdict of the guarantees that this version can cover.
    pub verdict: Verdict,
    /// The digest of the bundle file's bytes.
    pub bundle: Digest,
    /// The digest of the request that was answered.
    pub request: Digest,
    /// Its running number under the approval.
    pub sequence: u64,
    /// The site that answered.
    pub site: String,
    /// The table asked about, its version and the consent epoch.
    pub table: String,
    /// The table version's number.
    pub version: u32,
    /// The consent epoch's number.
    pub epoch: u32,
    /// The approval: study and the board's reference.
    pub approval: String,
    /// Whether the key is a development key.
    pub development_key: bool,
    /// The query and its plan in plain language.
    pub question: Vec<String>,
    /// The effective policy in plain language; nothing where the audit stopped before it was known.
    pub policy: Option<String>,
    /// The step where the audit stopped, if it did.
    pub stopped_at: Option<Step>,
    /// The guarantees.
    pub guarantees: Vec<Guarantee>,
    /// What no proof of this kind can show.
    pub not_proved: Vec<String>,
    /// The anchors used.
    pub anchors: Vec<AnchorUsed>,
    /// Where the answer stands on the ledger; nothing where files are exchanged, or where that was not shown.
    pub ledger: Option<OnLedger>,
    /// The labels of the grouping columns.
    pub grouped_by: Vec<String>,
    /// The released cells; only where every check passed.
    pub groups: Vec<GroupReport>,
}

/// One guarantee: what it rests on.
struct Basis {
    id: &'static str,
    name: &'static str,
    question: &'static str,
    steps: &'static [Step],
    /// Whether it rests on the verifying key too.
    key: bool,
}

const BASES: [Basis; 5] = [
    Basis {
        id: "G1",
        name: "binding",
        question: "Is this an answer about the table and the consent record that you know of?",
        steps: &[Step::Ledger, Step::Anchors, Step::Registration, Step::Commitments, Step::Openings, Step::Proof],
        key: true,
    },
    Basis {
        id: "G2",
        name: "completeness",
        question: "Was every consenting row that matches counted, exactly once?",
        steps: &[Step::Ledger, Step::Registration, Step::Plan, Step::Commitments, Step::Openings, Step::Proof],
        key: true,
    },
    Basis {
        id: "G3",
        name: "correctness",
        question: "Are these the query's numbers under the policy, to the digit?",
        steps: &[Step::Plan, Step::Policy, Step::Release, Step::Commitments, Step::Openings, Step::Proof],
        key: true,
    },
    Basis {
        id: "G4",
        name: "consent",
        question: "Was nobody counted without recorded consent to this purpose and kind of sponsor?",
        steps: &[Step::Ledger, Step::Registration, Step::Plan, Step::Commitments, Step::Openings, Step::Proof],
        key: true,
    },
    Basis {
        id: "G5",
        name: "disclosure",
        question: "Do the released numbers obey the stricter of the hospital's and the board's policy?",
        steps: &[Step::Plan, Step::Policy, Step::Release, Step::Proof],
        key: true,
    },
];

/// What the auditor knows of the request from elsewhere than the bundle.
#[derive(Clone, Copy, Default, Debug)]
pub struct Known {
    /// The digest of the request as it was put to the sites.
    pub request: Option<Digest>,
    /// The day on which it was asked.
    pub asked_on: Option<Day>,
}

/// Audits a bundle. `bytes` is the file, for its digest.
pub fn audit(bundle: &Bundle, bytes: &[u8], anchors: &Anchors, known: &Known) -> Report {
    let outcome = verify_release(bundle, anchors);
    let request = bundle.request.digest();
    let key = bundle.request.site(&bundle.site).ok().and_then(|pin| anchors.key(&pin.verifying_key));
    let development = key.is_none_or(|key| key.kind() == KeyKind::Development);
    let trusted = !development || anchors.accept_development_keys();
    let other = known
        .request
        .filter(|known| *known != request)
        .map(|known| format!("the bundle answers the request {request}, the one you gave is {known}"));
    let late = known.asked_on.and_then(|day| bundle.approval.covers(day).err()).map(|error| error.to_string());
    let unbound = other.or(late);

    let stopped_early = matches!(&outcome, Err(error) if error.step <= Step::Anchors);
    let mut guarantees: Vec<Guarantee> =
        BASES.iter().map(|basis| judge(basis, &outcome, development, trusted, unbound.as_deref())).collect();
    guarantees.push(noise(bundle, &outcome, development, trusted));
    guarantees.push(Guarantee {
        id: "G7",
        name: "auditability",
        question: "Could all this be checked from the bundle and the anchors alone, offline?",
        verdict: if stopped_early { Verdict::NotCovered } else { Verdict::Holds },
        reason: if stopped_early {
            "Your anchors do not have what this bundle needs; see the reasons above."
        } else {
            "Every part needed was in the bundle or the anchors; anybody with both gets the same verdict."
        }
        .to_owned(),
    });
    // Where no noise was asked for, that there is none is no shortcoming.
    let noised = bundle.request.noise.laplace().is_some();
    let verdict =
        guarantees.iter().filter(|g| noised || g.id != "G6").map(|g| g.verdict).max().unwrap_or(Verdict::Fails);
    let plan = plan_of(bundle, &outcome);
    let (stopped_at, policy) = match &outcome {
        Ok(release) => (None, Some(release.policy().to_owned())),
        Err(error) => (Some(error.step), None),
    };
    Report {
        format: FORMAT,
        verdict,
        bundle: Digest::of_bytes(bytes),
        request,
        sequence: bundle.request.sequence,
        site: bundle.site.clone(),
        table: bundle.manifest.table().to_owned(),
        version: bundle.manifest.version(),
        epoch: bundle.epoch.number(),
        approval: format!("{}, {}", bundle.approval.study, bundle.approval.ethics_reference),
        development_key: development,
        question: plan.as_ref().map(|plan| plan.explain().lines().map(str::to_owned).collect()).unwrap_or_default(),
        policy,
        stopped_at,
        guarantees,
        not_proved: not_proved(bundle, development, known, outcome.as_ref().ok().and_then(VerifiedRelease::ledger)),
        anchors: anchors_used(bundle, anchors),
        ledger: outcome.as_ref().ok().and_then(|release| release.ledger()).map(|facts| OnLedger {
            ledger: facts.ledger.clone(),
            query: facts.query,
            board: facts.board.clone(),
            sponsor: facts.sponsor.clone(),
            size: facts.checkpoint.size,
            root: facts.checkpoint.root,
            time: facts.checkpoint.time,
        }),
        grouped_by: plan.as_ref().map(|p| p.axes.iter().map(|axis| axis.name.clone()).collect()).unwrap_or_default(),
        groups: outcome.as_ref().map(groups).unwrap_or_default(),
    }
}

const NOISE: Basis = Basis {
    id: "G6",
    name: "noise",
    question: "Was random noise added that nobody could choose?",
    steps: &[Step::Ledger, Step::Policy, Step::Noise, Step::Release, Step::Proof],
    key: true,
};

/// Whether the noise is what it was promised to be. That nothing was opened before this site had accepted is for the ledger to
/// show.
fn noise(
    bundle: &Bundle,
    outcome: &Result<VerifiedRelease, AuditError>,
    development: bool,
    trusted: bool,
) -> Guarantee {
    let without = |verdict, reason: &str| Guarantee {
        id: NOISE.id,
        name: NOISE.name,
        question: NOISE.question,
        verdict,
        reason: reason.to_owned(),
    };
    if bundle.request.noise.laplace().is_none() {
        return without(Verdict::NotCovered, "The request asks for no noise, and there is none.");
    }
    match outcome {
        Ok(release) if release.ledger().is_none() => without(
            Verdict::NotCovered,
            "The noise is of a seed and of nonces that were committed to, but your anchors name no charter: that the nonces \
             were opened only after the site had accepted is not shown.",
        ),
        _ => judge(&NOISE, outcome, development, trusted, None),
    }
}

fn judge(
    basis: &Basis,
    outcome: &Result<VerifiedRelease, AuditError>,
    development: bool,
    trusted: bool,
    unbound: Option<&str>,
) -> Guarantee {
    let (verdict, reason) = match outcome {
        Err(error) if basis.steps.contains(&error.step) => (Verdict::Fails, capitalised(&error.reason.to_string())),
        Err(error) => {
            (Verdict::NotCovered, format!("The audit stopped before this could be decided: {}", error.reason))
        }
        Ok(_) if basis.id == "G1" && unbound.is_some() => (Verdict::Fails, capitalised(unbound.unwrap_or_default())),
        Ok(_) if basis.key && !trusted => (
            Verdict::NotCovered,
            "All checks pass, but the key is a development key: whoever made it could forge proofs.".to_owned(),
        ),
        Ok(release) => (Verdict::Holds, holds(basis.id, release, development)),
    };
    Guarantee { id: basis.id, name: basis.name, question: basis.question, verdict, reason }
}

/// The plan for the report's words; recompiled where the check stopped after schema and query were found to be
/// the registered ones. Nothing that is not registered is compiled or shown.
fn plan_of(bundle: &Bundle, outcome: &Result<VerifiedRelease, AuditError>) -> Option<Plan> {
    match outcome {
        Ok(release) => Some(release.plan().clone()),
        Err(error) if error.step < Step::Plan => None,
        // It would take as long to fail again.
        Err(error) if matches!(error.reason, Reason::Compile(_)) => None,
        Err(_) => {
            let shape = bundle.manifest.shape();
            compile(&bundle.request.query, &bundle.schema, &bundle.approval.consent, shape).ok()
        }
    }
}

fn groups(release: &VerifiedRelease) -> Vec<GroupReport> {
    let labels = |group: usize| release.plan().group_labels(group).into_iter().map(str::to_owned).collect();
    release
        .cells()
        .iter()
        .enumerate()
        .map(|(group, cells)| GroupReport { labels: labels(group), cells: *cells })
        .collect()
}

impl Report {
    /// How many groups are suppressed: what totals leave out.
    pub fn suppressed(&self) -> usize {
        self.groups.iter().filter(|group| group.cells.count == Cell::Suppressed).count()
    }
}

#[cfg(test)]
mod tests {
    use cohortium_protocol::query::CompileError;

    use super::*;

    #[test]
    fn what_did_not_compile_is_not_compiled_again() {
        let bundle = include_str!("../../tests/vectors/good-query-12.json");
        let bundle = Bundle::parse(bundle.as_bytes()).unwrap();
        let stopped = |reason: Reason| plan_of(&bundle, &Err(reason.at(Step::Plan)));
        // This query compiles; a plan would show that it was tried.
        assert!(stopped(Reason::FalseProof).is_some());
        assert_eq!(stopped(Reason::Compile(Box::new(CompileError::NothingSelected))), None);
    }
}
