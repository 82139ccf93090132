//! Everything under one study, from a ledger that was verified whole.

use cohortium_keys::KeyKind;
use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::{Charter, Checkpoint, Timestamp};
use serde::Serialize;

use super::chain::{ChainError, Founding};
use super::refusal::Refusal;
use super::replay::{Replay, Replayed};
use super::spent::EpsilonReport;
use super::state::{Question, State, Study};
use super::status::{QueryStatus, SiteStatus};
use crate::anchors::Anchors;
use crate::report::{GroupReport, Verdict};

/// The format of a study's report.
pub const STUDY_REPORT_FORMAT: &str = "cohortium-study-report/1";

/// Why a study could not be audited: no verdict.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum StudyError {
    /// Nothing to check an export against.
    #[error("your anchors hold no charter, so they name no ledger that an export could be of")]
    NoCharter,
    /// No such study.
    #[error("there is no approval of a study {study:?} on this ledger, up to {size} transactions; it has {known}")]
    Unknown {
        /// What was asked for.
        study: String,
        /// Transactions on the ledger.
        size: u64,
        /// The studies that there are.
        known: String,
    },
    /// A query of an admitted ledger that does not compile again. A verified one does.
    #[error(transparent)]
    Query(#[from] Refusal),
}

/// Up to where the ledger was seen.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct UpTo {
    /// Transactions.
    pub size: u64,
    /// The RFC 6962 root over them.
    pub root: Digest,
    /// Blocks.
    pub height: u64,
    /// The last block's digest.
    pub block: Digest,
    /// Its time.
    pub time: Timestamp,
}

/// An approval of the study.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ApprovalReport {
    /// Its digest.
    pub approval: Digest,
    /// The board's reference.
    pub ethics_reference: String,
    /// The board that signed it.
    pub board: String,
    /// Who may ask.
    pub sponsor: String,
    /// When it was posted.
    pub posted: Timestamp,
    /// `in force`, `suspended`, `amended` or `expired`.
    pub state: &'static str,
    /// Since when and why, where it is not in force.
    pub reason: Option<String>,
    /// Queries under it.
    pub queries: u64,
    /// Whether these are numbered from 1 without a gap.
    pub complete: bool,
    /// The approval in plain words.
    pub words: Vec<String>,
}

/// One site's part of a query.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct SiteReport {
    /// The site.
    pub site: String,
    /// What became of it.
    pub status: SiteStatus,
    /// The same in words.
    pub words: String,
    /// The policy that its numbers obey.
    pub policy: Option<String>,
    /// The released numbers: their proof was verified again.
    pub groups: Vec<GroupReport>,
}

/// A query under the study.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct QueryReport {
    /// The approval it was asked under.
    pub approval: Digest,
    /// Its number under it.
    pub sequence: u64,
    /// The query transaction's id.
    pub query: Digest,
    /// The request's digest.
    pub request: Digest,
    /// Its title.
    pub title: String,
    /// Who asked.
    pub sponsor: String,
    /// When.
    pub posted: Timestamp,
    /// What became of it.
    pub status: QueryStatus,
    /// The same in words.
    pub words: String,
    /// The query and its plan in plain language.
    pub question: Vec<String>,
    /// The labels of the grouping columns.
    pub grouped_by: Vec<String>,
    /// The sites asked.
    pub sites: Vec<SiteReport>,
}

/// An answer, or nonces, that were owed when the export ended, and whose deadline has passed since.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct OverdueReport {
    /// The query transaction's id.
    pub query: Digest,
    /// Its number under its approval.
    pub sequence: u64,
    /// Its title.
    pub title: String,
    /// The site that accepted it.
    pub site: String,
    /// Until when it had to answer, or sponsor and board had to open.
    pub until: Timestamp,
}

/// What an audit of a whole study found.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct StudyReport {
    /// Always [`STUDY_REPORT_FORMAT`].
    pub format: &'static str,
    /// Whether everything on the ledger is right, and the list complete.
    pub verdict: Verdict,
    /// Why, in sentences.
    pub reasons: Vec<String>,
    /// The ledger's id.
    pub ledger: String,
    /// The study.
    pub study: String,
    /// Up to where the ledger was seen; nothing where it does not hold.
    pub up_to: Option<UpTo>,
    /// The checkpoint from elsewhere that it was compared with.
    pub compared_with: Option<UpTo>,
    /// Whether proofs are under a development key.
    pub development_key: bool,
    /// Releases of the whole ledger that were verified.
    pub releases: u64,
    /// The study's approvals, in their order.
    pub approvals: Vec<ApprovalReport>,
    /// The queries under them, in their order.
    pub queries: Vec<QueryReport>,
    /// The moment at which deadlines were looked at, if it is after the last block.
    pub as_of: Option<Timestamp>,
    /// Answers that were owed at the last block, and overdue at that moment.
    pub overdue: Vec<OverdueReport>,
    /// Nonces that were owed at the last block, and overdue at that moment: by site that waits for them.
    pub unopened: Vec<OverdueReport>,
    /// What the study has spent of privacy, by site and table; empty if it asked for no noise.
    pub epsilon: Vec<EpsilonReport>,
    /// What this cannot show.
    pub not_proved: Vec<String>,
    /// The digest of the anchors that the verdict rests on.
    pub anchors: Digest,
}

impl From<&Checkpoint> for UpTo {
    fn from(checkpoint: &Checkpoint) -> Self {
        let Checkpoint { size, root, height, block, time, .. } = *checkpoint;
        Self { size, root, height, block, time }
    }
}

/// The charter that an export is checked against.
pub fn charter_of(anchors: &Anchors) -> Result<&Charter, StudyError> {
    anchors.charter().ok_or(StudyError::NoCharter)
}

/// Begins to verify an export of a charter's ledger.
pub fn begin_replay(founding: &Founding, charter: &Charter) -> Result<Replay, ChainError> {
    let (found, required) = (founding.charter.ledger(), charter.ledger());
    if found != required {
        return Err(ChainError::Head { height: 0, what: "ledger", found, required });
    }
    founding.found().map(Replay::new)
}

/// What became of a study's approval, and why, at a moment.
fn approval_state(study: &Study, now: Timestamp) -> (&'static str, Option<String>) {
    let approval = &study.approval.document;
    match (&study.suspended, study.amended) {
        (Some((since, why)), _) => ("suspended", Some(format!("suspended at {since}: {why}"))),
        (None, Some(by)) => ("amended", Some(format!("the approval {by} took its place"))),
        (None, None) => match approval.covers(now.day()) {
            Ok(()) => ("in force", None),
            Err(_) => ("expired", Some(format!("its last day was {}", approval.expires))),
        },
    }
}

/// Reports everything under a study, by its name or an approval's digest, from a ledger that was verified.
pub fn audit_study(
    replayed: &Replayed,
    study: &str,
    anchors: &Anchors,
    known: Option<&Checkpoint>,
) -> Result<StudyReport, StudyError> {
    let Replayed { state, releases, .. } = replayed;
    let end = UpTo {
        size: state.tree().len(),
        root: state.tree().root(),
        height: state.height(),
        block: state.tip(),
        time: state.time(),
    };
    let name = study.parse::<Digest>().ok().and_then(|digest| state.studies().get(&digest));
    let name = name.map_or(study, |study| study.approval.document.study.as_str());
    let mut studies: Vec<(&Digest, &Study)> =
        state.studies().iter().filter(|(_, study)| study.approval.document.study == name).collect();
    studies.sort_by_key(|(_, study)| study.approval.index);
    if studies.is_empty() {
        let mut names: Vec<&str> =
            state.studies().values().map(|study| study.approval.document.study.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        return Err(StudyError::Unknown { study: name.to_owned(), size: end.size, known });
    }
    let (mut approvals, mut queries) = (Vec::new(), Vec::new());
    for (digest, study) in studies {
        let approval = &study.approval.document;
        let mut complete = true;
        for (place, request) in study.queries.iter().enumerate() {
            let question = state.query(request);
            complete &= question.is_some_and(|question| question.request.document.sequence == place as u64 + 1);
            if let Some(question) = question {
                queries.push(query_report(state, question)?);
            }
        }
        let (in_force, reason) = approval_state(study, end.time);
        approvals.push(ApprovalReport {
            approval: *digest,
            ethics_reference: approval.ethics_reference.clone(),
            board: study.board.clone(),
            sponsor: approval.sponsor.clone(),
            posted: study.approval.time,
            state: in_force,
            reason,
            queries: study.queries.len() as u64,
            complete,
            words: approval.describe().lines().map(str::to_owned).collect(),
        });
    }
    let mut report = StudyReport {
        up_to: Some(end),
        compared_with: known.map(UpTo::from),
        development_key: state.keys().iter().any(|key| key.kind() == KeyKind::Development),
        releases: *releases,
        approvals,
        queries,
        epsilon: state.epsilon_report(name)?,
        ..StudyReport::empty(state.ledger().to_owned(), name, anchors)
    };
    report.judge(anchors.accept_development_keys(), known.map(|known| replayed.contains(known)));
    Ok(report)
}

fn query_report(state: &State, question: &Question) -> Result<QueryReport, StudyError> {
    let request = &question.request.document;
    let (charter, now) = (state.charter(), state.time());
    let first = &request.sites[0].site;
    let plan = state.plan(question, first)?;
    let labels = |group: usize| plan.group_labels(group).into_iter().map(str::to_owned).collect();
    let sites = question.sites.iter().map(|(site, asked)| {
        let status = asked.status(question, charter, now);
        let cells = asked.release.iter().flat_map(|release| &release.cells).enumerate();
        SiteReport {
            site: site.clone(),
            words: status.to_string(),
            status,
            policy: asked.release.as_ref().map(|release| release.policy.words.clone()),
            groups: cells.map(|(group, cells)| GroupReport { labels: labels(group), cells: *cells }).collect(),
        }
    });
    let sites = sites.collect();
    let status = question.status(charter, now);
    Ok(QueryReport {
        approval: request.approval,
        sequence: request.sequence,
        query: question.id,
        request: request.digest(),
        title: request.query.title.clone(),
        sponsor: question.sponsor.clone(),
        posted: question.request.time,
        status,
        words: status.to_string(),
        question: plan.explain().lines().map(str::to_owned).collect(),
        grouped_by: plan.axes.iter().map(|axis| axis.name.clone()).collect(),
        sites,
    })
}

impl StudyReport {
    fn empty(ledger: String, study: &str, anchors: &Anchors) -> Self {
        Self {
            format: STUDY_REPORT_FORMAT,
            verdict: Verdict::Fails,
            reasons: Vec::new(),
            ledger,
            study: study.to_owned(),
            up_to: None,
            compared_with: None,
            development_key: false,
            releases: 0,
            approvals: Vec::new(),
            queries: Vec::new(),
            as_of: None,
            overdue: Vec::new(),
            unopened: Vec::new(),
            epsilon: Vec::new(),
            not_proved: Vec::new(),
            anchors: anchors.digest(),
        }
    }

    /// The report of an export that does not hold. Nothing of it is shown.
    pub fn failed(study: &str, anchors: &Anchors, error: &ChainError) -> Self {
        let ledger = anchors.charter().map(Charter::ledger).unwrap_or_default();
        let reason = format!("The export is not this ledger as its rules make it: {error}.");
        Self { reasons: vec![reason], ..Self::empty(ledger, study, anchors) }
    }

    fn judge(&mut self, accept_development: bool, compared: Option<Result<(), String>>) {
        let mut verdict = Verdict::Holds;
        let size = self.up_to.as_ref().map_or(0, |end| end.size);
        let mut reasons = vec![format!(
            "Every block, signature and rule of the ledger was checked, and the proofs of all {} releases on it were \
             verified again.",
            self.releases
        )];
        if self.approvals.iter().all(|approval| approval.complete) {
            reasons.push(format!(
                "The list is complete up to this checkpoint of {size} transactions: under each approval the queries are \
                 numbered from 1 without a gap."
            ));
        } else {
            verdict = Verdict::Fails;
            reasons.push(
                "The list has gaps: the queries under an approval are not numbered from 1 without a gap.".to_owned(),
            );
        }
        match compared {
            Some(Ok(())) => reasons.push("The checkpoint that you hold from elsewhere is one of this ledger's.".to_owned()),
            Some(Err(split)) => {
                verdict = Verdict::Fails;
                reasons.push(split);
            }
            None => self.not_proved.push(
                "That others are shown the same ledger: compare the checkpoint with one that somebody else was given, with \
                 --checkpoint."
                    .to_owned(),
            ),
        }
        let answered = self.queries.iter().flat_map(|query| &query.sites).any(|site| site.policy.is_some());
        if answered && self.development_key && !accept_development && verdict == Verdict::Holds {
            verdict = Verdict::NotCovered;
            reasons.push("The proofs rest on a development key: whoever made it could forge them.".to_owned());
        }
        (self.verdict, self.reasons) = (verdict, reasons);
        if self.epsilon.iter().any(|spent| spent.exact > 0) {
            self.not_proved.push(
                "Privacy by what was spent of epsilon, where a site also answered without noise: it says nothing of those answers."
                    .to_owned(),
            );
        }
        self.not_proved.extend(
            [
                "What was asked or answered after this checkpoint.",
                "What was answered elsewhere than on the ledger.",
                "That the tables tell the truth, that one patient is one row, and that consents are the patients' own word: as for \
                 a single answer.",
                "That these answers cannot be compared with one another: suppression and rounding protect one answer at a time.",
            ]
            .map(str::to_owned),
        );
    }

    /// Looks at the deadlines again at a later moment than the last block's time: on a quiet ledger no block comes that
    /// would show that one has passed.
    pub fn as_of(mut self, now: Timestamp) -> Self {
        if self.up_to.as_ref().is_none_or(|end| now <= end.time) {
            return self;
        }
        self.as_of = Some(now);
        let late = |until: fn(&SiteStatus) -> Option<Timestamp>| {
            let parts = self.parts(|_| true);
            let late = parts
                .filter_map(|(query, site)| Some((query, site, until(&site.status).filter(|until| *until < now)?)));
            late.map(|(query, site, until)| OverdueReport {
                query: query.query,
                sequence: query.sequence,
                title: query.title.clone(),
                site: site.site.clone(),
                until,
            })
            .collect()
        };
        let overdue = late(|status| match status {
            SiteStatus::Accepted { until } => Some(*until),
            _ => None,
        });
        let unopened = late(|status| match status {
            SiteStatus::AwaitingBeacon { until } => Some(*until),
            _ => None,
        });
        Self { overdue, unopened, ..self }
    }

    /// The parts of sites with a status, each with its query.
    pub fn parts(&self, test: fn(&SiteStatus) -> bool) -> impl Iterator<Item = (&QueryReport, &SiteReport)> {
        let all = self.queries.iter().flat_map(|query| query.sites.iter().map(move |site| (query, site)));
        all.filter(move |(_, site)| test(&site.status))
    }
}
