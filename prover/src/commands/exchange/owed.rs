//! Accepted queries: proved, the most urgent first, and posted until the ledger has the answer.

use cohortium_client::{OpenNonces, QuerySummary};
use cohortium_protocol::bundle::Bundle;
use cohortium_protocol::documents::{Approval, Request};
use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::{Statement, StatementContent, Timestamp};
use cohortium_verifier::ledger::SiteStatus;
use serde_json::{Value, json};

use super::super::prove::answer::{Basis, Step, answer};
use super::link::{About, is_final, is_unreachable, standing};
use super::pass::Pass;
use crate::cli::Failure;
use crate::faults::Stage;
use crate::store::{By, Decided, Note, Standing};

/// How often a proof of one request is begun. Every attempt is charged to the opening budget, and something that fails so
/// often will not go away by itself.
const MAX_ATTEMPTS: usize = 8;

/// With what an accepted query is answered, and until when.
struct Beacon {
    nonces: Option<OpenNonces>,
    deadline: Timestamp,
}

impl Pass<'_> {
    /// Answers whatever the site owes, the most urgent first. What fails does not keep the others from their answers.
    pub(super) fn answer_owed(&mut self) -> Result<(), Failure> {
        let mut owed = Vec::new();
        for mut note in self.home.notes()?.into_iter().filter(Note::is_owed) {
            if note.acknowledged.is_none()
                && let Err(failure) = self.post_decision(&mut note)
            {
                self.failed(&mut note, failure, json!({}))?;
                continue;
            }
            if let Some(Standing { time, .. }) = note.acknowledged.filter(|_| note.is_owed()) {
                owed.push((time.plus(self.link.trusted.charter().answer_seconds), note));
            }
        }
        owed.sort_by_key(|(deadline, note)| (*deadline, note.request));
        for (deadline, mut note) in owed {
            if let Err(failure) = self.answer_one(&mut note, deadline) {
                self.failed(&mut note, failure, json!({ "until": deadline }))?;
            }
        }
        Ok(())
    }

    /// Notes why an accepted query is not answered; or passes on that the ledger is out of reach.
    fn failed(&mut self, note: &mut Note, failure: Failure, more: Value) -> Result<(), Failure> {
        if is_unreachable(&failure) {
            return Err(failure);
        }
        note.because = Some(failure.sentence.clone());
        self.home.keep_note(note)?;
        self.tally.failed += 1;
        self.event("failed", Some(note), &format!("accepted, and not answered: {}", failure.sentence), more);
        Ok(())
    }

    /// Looks whether a query that is listed as accepted, and that this home did not decide, was accepted by a home that was
    /// lost: then the site's own signature stands on the ledger. The list's word makes no acceptance. Gives false if the
    /// site has not decided.
    pub(super) fn adopt(&mut self, summary: &QuerySummary) -> Result<bool, Failure> {
        let verified = match self.link.standing(&self.home, &StatementContent::Accept(summary.request)) {
            Ok(Some(verified)) => verified,
            Ok(None) => return Ok(false),
            Err(failure) => return self.not_believed(summary, failure).map(|()| true),
        };
        let mut note = match self.known(summary) {
            Ok((note, ..)) => note,
            Err(failure) => return self.not_believed(summary, failure).map(|()| true),
        };
        note.decision = Some(Decided::Accepted { by: By::Ledger });
        note.acknowledged = Some(standing(&verified));
        self.home.keep_note(&note)?;
        Ok(true)
    }

    fn answer_one(&mut self, note: &mut Note, deadline: Timestamp) -> Result<(), Failure> {
        let bytes = match self.home.released(&note.request)? {
            Some(bytes) => bytes,
            None => match self.make(note, deadline)? {
                Some(bytes) => bytes,
                None => return Ok(()),
            },
        };
        let bundle = Bundle::parse(&bytes).map_err(|error| {
            Failure::refused(format!("the kept release of {} cannot be read: {error}", note.request))
        })?;
        self.post_release(note, bundle)
    }

    /// Proves and keeps the answer; or closes the note, if nothing may come of it.
    fn make(&mut self, note: &mut Note, deadline: Timestamp) -> Result<Option<Vec<u8>>, Failure> {
        let request = note.request;
        if let Some(record) = self.outgoing.release(&request) {
            let number = record.number;
            return Err(Failure::refused(format!(
                "a release for this request left the site (record {number} of what left), and it is not kept here: another one \
                 is never made"
            )));
        }
        // Asked about by itself: what is answered is not listed as open.
        let query = self.link.client().query(&note.query)?.summary;
        let status = query.sites.get(self.home.site()).map(|one| &one.state);
        if query.request != request {
            return Err(Failure::refused(format!(
                "asked what became of the request {request}, the ledger speaks of {}",
                query.request
            )));
        }
        if matches!(status, Some(SiteStatus::Answered { .. })) {
            return self.answered_elsewhere(note).map(|()| None);
        }
        self.check_acceptance(&request)?;
        let (document, approval) = self.verified(&request, &note.query)?;
        let Some(Beacon { nonces, deadline }) = self.beacon(note, (&document, &approval), deadline)? else {
            return Ok(None);
        };
        // By the ledger's own signature: neither this machine's clock nor an unsigned time makes a site withhold.
        if self.link.trusted.checkpoint().is_some_and(|checkpoint| checkpoint.time > deadline) {
            let why = format!("WITHHELD: it was accepted, and its time ended at {deadline}; this is shown for ever");
            self.tally.failed += 1;
            return self.close(note, &why).map(|()| None);
        }
        let attempts = self.budget.attempts(&request);
        if attempts >= MAX_ATTEMPTS {
            return Err(Failure::refused(format!(
                "a proof was begun {attempts} times and never finished; every attempt is charged, so no more are made"
            )));
        }
        let charter = self.link.trusted.charter().clone();
        self.event("proving", Some(note), "accepted; proving", json!({ "until": deadline }));
        let basis = Basis::Accepted { charter: &charter, nonces: nonces.as_ref() };
        let made = answer(self.setting, &self.home, (&document, &approval), basis, &mut self.budget, &mut |_| {
            Ok(Step::Release)
        })?;
        Ok(made.map(|made| made.bytes))
    }

    /// What the noise of an accepted query is drawn from, and until when it is answered. Nothing while the nonces are not
    /// open, or once it is too late for them: then the note is closed, and the query is void.
    fn beacon(
        &mut self,
        note: &mut Note,
        documents: (&Request, &Approval),
        deadline: Timestamp,
    ) -> Result<Option<Beacon>, Failure> {
        if documents.0.noise.laplace().is_none() {
            return Ok(Some(Beacon { nonces: None, deadline }));
        }
        let verified = self.link.trusted.verified_nonces(&note.query, documents);
        let charter = self.link.trusted.charter().clone();
        // The query was posted before it was accepted; sites decide, the sponsor opens, the board opens, in so much time each.
        let accepted = note.acknowledged.map_or(deadline, |standing| standing.time);
        let last = (0..3).fold(accepted, |time, _| time.plus(charter.acceptance_seconds));
        if let Some(nonces) = self.link.checked(&self.home, verified)? {
            // A checkpoint is as new as it was fetched: the board's nonce did not come later than it could.
            let deadline = deadline.max(nonces.by.min(last).plus(charter.answer_seconds));
            return Ok(Some(Beacon { nonces: Some(nonces), deadline }));
        }
        if self.link.trusted.checkpoint().is_some_and(|checkpoint| checkpoint.time > last) {
            let why = "VOID: as far as the ledger showed this site, the nonces of its noise were not opened in time; its price stays spent";
            return self.close(note, why).map(|()| None);
        }
        let waiting = "accepted; its noise is drawn once sponsor and board have opened their nonces";
        if note.because.as_deref() != Some(waiting) {
            note.because = Some(waiting.to_owned());
            self.home.keep_note(note)?;
            self.event("awaiting_beacon", Some(note), waiting, json!({}));
        }
        Ok(None)
    }

    /// Overwrites the seed of an answer that stands on the ledger: its noise is nobody's to take off any more.
    fn erase_seed(&self, request: &Request) -> Result<(), Failure> {
        let pin = request.noise.laplace().and(request.site(self.home.site()).ok());
        let Some((leaf, pinned)) = pin.and_then(|pin| Some((pin.seed_leaf?, pin.seeds?))) else { return Ok(()) };
        // A home that was lost may have answered from another tree, whose leaves have the same numbers.
        if self.home.seeds()?.is_some_and(|seeds| seeds.root == pinned) {
            self.home.erase_seed(leaf)?;
        }
        Ok(())
    }

    /// Closes the note about a query that a home that was lost has answered: the site's own release has to be shown to stand
    /// on the ledger. The list's word ends nothing; but nothing is made either while it says so, for a site answers once.
    fn answered_elsewhere(&mut self, note: &mut Note) -> Result<(), Failure> {
        let request = note.request;
        let refuse = |found: &str| {
            Failure::refused(format!(
                "the ledger lists the request {request} as answered by this site, whose home knows of no answer, and {found}"
            ))
        };
        let bytes = self.link.client().bundle(&note.query, self.home.site())?;
        let bundle = Bundle::parse(&bytes).map_err(|error| refuse(&format!("gives no bundle of it: {error}")))?;
        let content = StatementContent::Release { request, cells: bundle.proof.cells_digest() };
        match self.link.standing(&self.home, &content)? {
            Some(verified) => {
                // The bundle's own word for what it answers erases nothing: what stands on the ledger names the request only.
                if bundle.request.digest() != request {
                    return Err(refuse(&format!("gives the bundle of the request {}", bundle.request.digest())));
                }
                self.erase_seed(&bundle.request)?;
                note.released = Some(standing(&verified));
                self.close(note, "answered by a home that was lost")
            }
            None => Err(refuse("does not show this site's release")),
        }
    }

    /// Nothing is computed before the site's acceptance stands on the ledger: it is final, and everybody can see it.
    fn check_acceptance(&mut self, request: &Digest) -> Result<(), Failure> {
        match self.link.standing(&self.home, &StatementContent::Accept(*request))? {
            Some(_) => Ok(()),
            None => Err(Failure::refused(format!(
                "the ledger does not have this site's acceptance of the request {request}: nothing is computed without it"
            ))),
        }
    }

    fn close(&mut self, note: &mut Note, why: &str) -> Result<(), Failure> {
        note.closed = Some(why.to_owned());
        self.home.keep_note(note)?;
        self.event("closed", Some(note), why, json!({}));
        Ok(())
    }

    fn post_release(&mut self, note: &mut Note, bundle: Bundle) -> Result<(), Failure> {
        let request = note.request;
        let cells = Some(bundle.proof.cells.len() as u64);
        let asked = bundle.request;
        let statement = Statement::Release { request, proof: Box::new(bundle.proof) };
        let about = About { request: Some(request), cells, recorded: Stage::RunReleaseRecorded };
        let posted = match self.link.post(self.setting, &self.home, &mut self.outgoing, statement, about)? {
            Ok(posted) => posted,
            Err(error) => {
                // The cells have left, whether they stand or not. Who posts the kept release again needs no seed.
                if is_final(&error) {
                    self.erase_seed(&asked)?;
                }
                return self.refused(note, error);
            }
        };
        Stage::RunReleasePosted.pass();
        // Before the note: a process that dies in between posts the kept answer again, and needs no seed for that.
        self.erase_seed(&asked)?;
        note.released = Some(posted.standing);
        note.because = None;
        self.home.keep_note(note)?;
        self.tally.released += 1;
        let more = json!({
            "index": posted.standing.index,
            "by": posted.standing.time,
            "already": posted.already,
            "transaction": posted.id,
            "budget_head": self.budget.head(),
            "outgoing_head": self.outgoing.head(),
        });
        self.event("release", Some(note), &format!("answered, transaction {}", posted.standing.index), more);
        Ok(())
    }
}
