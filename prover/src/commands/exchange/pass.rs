//! One look at the ledger: what the batch job and a person's decision share.

use std::collections::BTreeMap;

use cohortium_client::{ClientError, QuerySummary};
use cohortium_protocol::documents::{Approval, Request};
use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::{Statement, StatementContent};
use serde_json::{Value, json};

use super::super::prove::epsilon::Accepted;
use super::super::prove::settle;
use super::consents::Consents;
use super::link::{About, Link, is_final, standing};
use crate::cli::{Failure, Setting};
use crate::faults::Stage;
use crate::store::{BudgetFile, By, Claim, Decided, Home, Note, NotedNoise, OutgoingFile, TableFolder};

/// What a pass came to.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Tally {
    /// Queries accepted.
    pub(super) accepted: u32,
    /// Queries that now wait for a person.
    pub(super) held: u32,
    /// Releases posted.
    pub(super) released: u32,
    /// Things that did not go as they should.
    pub(super) failed: u32,
}

/// A home, opened for writing, and its ledger.
pub(super) struct Pass<'a> {
    pub(super) setting: &'a Setting,
    pub(super) home: Home,
    pub(super) link: Link,
    pub(super) outgoing: OutgoingFile,
    pub(super) budget: BudgetFile,
    pub(super) tally: Tally,
    /// Why approvals are not in force, once it was asked.
    ended: Option<BTreeMap<Digest, String>>,
}

impl<'a> Pass<'a> {
    /// Opens the home, settles a restored budget unless nothing is going to be charged, and fetches the newest checkpoint.
    pub(super) fn begin(setting: &'a Setting, claim: Option<Claim>) -> Result<Self, Failure> {
        let home = setting.open_patiently()?;
        let mut budget = BudgetFile::open(&home)?;
        if let Some(claim) = claim {
            settle(setting, &home, &mut budget, claim)?;
        }
        home.check_budget(&budget)?;
        let outgoing = OutgoingFile::open(&home)?;
        let mut link = Link::open(&home)?;
        link.refresh(&home)?;
        Ok(Self { setting, home, link, outgoing, budget, tally: Tally::default(), ended: None })
    }

    /// Says what happened: a sentence, or a line of JSON.
    pub(super) fn event(&self, event: &str, note: Option<&Note>, sentence: &str, mut more: Value) {
        let mut text = sentence.to_owned();
        more["event"] = event.into();
        more["time"] = json!(self.setting.now());
        if let Some(note) = note {
            text = format!("{} {:?}: {sentence}", note.query.short(), note.title);
            more["query"] = json!(note.query);
            more["request"] = json!(note.request);
        }
        more["text"] = sentence.into();
        self.setting.console.event(&text, more);
    }

    /// A query and its approval: on the ledger, signed by sponsor and board, by the pinned charter.
    pub(super) fn verified(&mut self, request: &Digest, query: &Digest) -> Result<(Request, Approval), Failure> {
        let verified = self.link.trusted.verified_query(query);
        let (document, transaction) = self.link.checked(&self.home, verified)?;
        let found = transaction.transaction.id();
        if found != *query {
            return Err(Failure::refused(format!("asked for the query {query}, the ledger gives {found}")));
        }
        if document.digest() != *request {
            return Err(Failure::refused(format!(
                "asked for the request {request}, the ledger gives {}",
                document.digest()
            )));
        }
        let verified = self.link.trusted.verified_study(&document.approval);
        let (approval, study) = self.link.checked(&self.home, verified)?;
        let sponsor = &transaction.transaction.member;
        if approval.sponsor != *sponsor {
            return Err(Failure::refused(format!(
                "the query is signed by {sponsor:?}, and the approval is for {:?}",
                approval.sponsor
            )));
        }
        if study.index >= transaction.index {
            return Err(Failure::refused("the approval stands after the query on the ledger"));
        }
        Ok((document, approval))
    }

    /// A query that the service speaks of, as sponsor and board signed it, and the note about it, or a new one. Refused if
    /// the service says anything else of it than the signed documents do.
    pub(super) fn known(&mut self, summary: &QuerySummary) -> Result<(Note, Request, Approval), Failure> {
        let QuerySummary { id, request, .. } = summary;
        let (document, approval) = self.verified(request, id)?;
        let said = [
            ("approval", summary.approval.to_string(), document.approval.to_string()),
            ("study", summary.study.clone(), approval.study.clone()),
            ("sponsor", summary.sponsor.clone(), approval.sponsor.clone()),
            ("title", summary.title.clone(), document.query.title.clone()),
        ];
        if let Some((what, said, signed)) = said.into_iter().find(|(_, said, signed)| said != signed) {
            return Err(Failure::refused(format!(
                "the ledger says of the query {id} that its {what} is {said:?}; what was signed has {signed:?}"
            )));
        }
        let (study, sponsor) = (approval.study.clone(), approval.sponsor.clone());
        let mut new = Note::new((*request, *id, document.approval), study, sponsor, document.query.title.clone());
        new.noise = document.noise.laplace().map(|laplace| {
            let (table, price) = (document.query.table.clone(), laplace.epsilon.price());
            let pin = document.site(self.home.site()).ok();
            NotedNoise { table, price, seed: pin.and_then(|pin| Some((pin.seeds?, pin.seed_leaf?))) }
        });
        let mut note = self.home.note(request)?.unwrap_or_else(|| new.clone());
        if !note.is_about_the_same(&new) {
            return Err(Failure::refused(format!(
                "the site's note about the request {request} is not about what was signed: look at asked/{request}.json"
            )));
        }
        note.noise = new.noise;
        Ok((note, document, approval))
    }

    /// Why the ledger says that an approval is not in force any more, if it does: suspended, amended or expired. Its word
    /// alone makes the site accept nothing; a study that it keeps silent about is for the ledger's rules to refuse.
    pub(super) fn not_in_force(&mut self, approval: &Digest) -> Result<Option<String>, Failure> {
        if self.ended.is_none() {
            self.ended = Some(self.link.ended()?);
        }
        Ok(self.ended.as_ref().and_then(|ended| ended.get(approval)).cloned())
    }

    /// Answers that the site owes: in all, and by approval.
    pub(super) fn owed(&self) -> Result<(u32, BTreeMap<Digest, u32>), Failure> {
        let (mut all, mut under) = (0, BTreeMap::new());
        for note in self.home.notes()?.iter().filter(|note| note.is_owed()) {
            all += 1;
            *under.entry(note.approval).or_insert(0) += 1;
        }
        Ok((all, under))
    }

    /// What the site accepted of epsilon at the table of a request, by its notes about others: answered, owed, or void.
    pub(super) fn accepted_epsilon(&self, request: &Request, study: &str) -> Result<Accepted, Failure> {
        let (digest, mut accepted) = (request.digest(), Accepted::default());
        for note in self.home.notes()? {
            if let (Some(Decided::Accepted { .. }), Some(NotedNoise { table, price, .. })) =
                (&note.decision, &note.noise)
                && *table == request.query.table
                && note.request != digest
            {
                accepted.add(*price, note.study == study);
            }
        }
        Ok(accepted)
    }

    /// Posts a decision that is noted. The same decision again is acknowledged with the place where it stands.
    pub(super) fn post_decision(&mut self, note: &mut Note) -> Result<(), Failure> {
        let request = note.request;
        let statement = match &note.decision {
            None => return Ok(()),
            // It stands on the ledger or it is none: to sign it now would be a decision that nobody made.
            Some(Decided::Accepted { by: By::Ledger }) => {
                match self.link.standing(&self.home, &StatementContent::Accept(request))? {
                    Some(verified) => note.acknowledged = Some(standing(&verified)),
                    None => note.decision = None,
                }
                return Ok(self.home.keep_note(note)?);
            }
            Some(Decided::Accepted { .. }) => Statement::Accept { request },
            Some(Decided::Declined { reason }) => Statement::Decline { request, reason: reason.clone() },
        };
        let (kind, accepts) = (statement.kind(), matches!(statement, Statement::Accept { .. }));
        let about = About { request: Some(request), cells: None, recorded: Stage::RunAcceptRecorded };
        let posted = match self.link.post(self.setting, &self.home, &mut self.outgoing, statement, about)? {
            Ok(posted) => posted,
            Err(error) => return self.refused(note, error),
        };
        Stage::RunAcceptPosted.pass();
        note.acknowledged = Some(posted.standing);
        self.home.keep_note(note)?;
        let sentence = if accepts { "accepted, on the ledger" } else { "declined, on the ledger" };
        if accepts && !posted.already {
            self.tally.accepted += 1;
        }
        let more = json!({ "index": posted.standing.index, "by": posted.standing.time, "already": posted.already });
        self.event(kind, Some(note), sentence, more);
        Ok(())
    }

    /// A post that failed: for good if the ledger refused, else the pass ends and the next one goes on.
    pub(super) fn refused(&mut self, note: &mut Note, error: ClientError) -> Result<(), Failure> {
        if !is_final(&error) {
            return Err(error.into());
        }
        note.closed = Some(error.to_string());
        self.home.keep_note(note)?;
        self.tally.failed += 1;
        self.event("refused", Some(note), &error.to_string(), json!({ "rule": error.rule() }));
        Ok(())
    }

    /// Once in an interval: the batch of consent events, whether there are some or not; and an epoch of every table that
    /// includes all batches, where there is none yet. Last, so that what was asked before is decided about as it was pinned.
    pub(super) fn consents_of_interval(&mut self) -> Result<(), Failure> {
        let Self { setting, home, link, outgoing, .. } = self;
        let mut consents = Consents::open(setting, home, link, outgoing)?;
        let posted = consents.is_due() && consents.post_of_interval()?;
        if consents.register.batches().is_empty() {
            return Ok(());
        }
        for tables in TableFolder::all(home)? {
            match consents.keep_up(&tables) {
                Ok(()) => {}
                // A table that is not on the ledger has no epoch there: said once in an interval.
                Err(failure) if failure.exit == 1 && posted => {
                    let sentence = format!("no new consent epoch of table {}: {}", tables.name(), failure.sentence);
                    consents.text.push_str(&sentence);
                    consents.text.push('\n');
                }
                Err(failure) if failure.exit == 1 => {}
                Err(failure) => return Err(failure),
            }
        }
        let text = std::mem::take(&mut consents.text);
        for line in text.lines() {
            self.event("consents", None, line, json!({}));
        }
        Ok(())
    }
}
