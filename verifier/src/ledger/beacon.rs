//! The rules of the beacon: when the nonces of a question with noise are opened, and what becomes of it if they are not.
//!
//! A question is *settled* when every named site has accepted, declined or missed its time. From then on the sponsor has the
//! time for acceptances to open, and from its opening on the board has it again, so that neither can leave the other none. A
//! nonce that does not come makes the question void, in public and for good. PROTOCOL, section 7.

use cohortium_protocol::bundle::NoiseOnLedger;
use cohortium_protocol::documents::Nonce;
use cohortium_protocol::hash::{Digest, Hasher};
use cohortium_protocol::ledger::{Charter, Member, Statement, Timestamp};
use cohortium_protocol::noise::{beacon, check_board_nonce, check_sponsor_nonce};

use super::refusal::Refusal;
use super::state::{Asked, Decision, Question, State};

/// An opened nonce.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Opened {
    /// The nonce.
    pub nonce: Nonce,
    /// The place of its transaction.
    pub index: u64,
    /// The time of its block.
    pub time: Timestamp,
}

/// What has become of the nonces of a question with noise.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Openings {
    /// The sponsor's.
    pub sponsor: Option<Opened>,
    /// The board's: with it the beacon is whole.
    pub board: Option<Opened>,
    /// The path from the board's nonce to the root in the approval.
    pub board_path: Vec<Digest>,
    /// Since when nothing is opened any more because the approval was suspended, and why.
    pub stopped: Option<(Timestamp, String)>,
}

/// Who opens a nonce.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Whose<'a> {
    Sponsor,
    /// With the path of its leaf.
    Board(&'a [Digest]),
}

impl Question {
    /// Whether it asks for noise.
    pub fn is_noised(&self) -> bool {
        self.openings.is_some()
    }

    /// The beacon, once both nonces are open.
    pub fn beacon(&self) -> Option<Digest> {
        let Openings { sponsor: Some(sponsor), board: Some(board), .. } = self.openings.as_ref()? else { return None };
        Some(beacon(&self.request.document.digest(), &sponsor.nonce, &board.nonce))
    }

    /// What a bundle repeats of a site's noise, once both nonces are open.
    pub(super) fn noise_of(&self, asked: &Asked) -> Option<NoiseOnLedger> {
        let Openings { sponsor: Some(sponsor), board: Some(board), board_path, .. } = self.openings.as_ref()? else {
            return None;
        };
        Some(NoiseOnLedger {
            seeds: asked.seeds.as_ref()?.document.leaves,
            sponsor_nonce: sponsor.nonce,
            board_nonce: board.nonce,
            board_path: board_path.clone(),
        })
    }

    fn decide_until(&self, charter: &Charter) -> Timestamp {
        self.request.time.plus(charter.acceptance_seconds)
    }

    /// Since when no named site may decide any more: the last decision if all have decided, else the end of their time once
    /// it is over.
    pub fn settled(&self, charter: &Charter, now: Timestamp) -> Option<Timestamp> {
        let decided = self.sites.values().map(|asked| asked.decision.as_ref().map(|(_, time, _)| *time));
        let last = decided.collect::<Option<Vec<_>>>().and_then(|times| times.into_iter().max());
        let until = self.decide_until(charter);
        last.or((now > until).then_some(until))
    }

    /// Until when the nonce that is next has to be open, as far as it is known: before the question is settled, the latest that
    /// the sponsor's may be.
    pub fn open_until(&self, charter: &Charter, now: Timestamp) -> Timestamp {
        let sponsor = self.openings.as_ref().and_then(|openings| openings.sponsor.as_ref());
        let from = sponsor.map(|opened| opened.time).or_else(|| self.settled(charter, now));
        from.unwrap_or_else(|| self.decide_until(charter)).plus(charter.acceptance_seconds)
    }

    /// From when on a site that accepted has its time to answer: with noise, from the beacon at the earliest, and nothing
    /// before that.
    pub fn answers_from(&self, accepted: Timestamp) -> Option<Timestamp> {
        match &self.openings {
            None => Some(accepted),
            Some(openings) => openings.board.as_ref().map(|board| accepted.max(board.time)),
        }
    }

    /// Whether some site will answer, if the beacon becomes whole.
    fn is_accepted(&self) -> bool {
        self.sites.values().any(|asked| matches!(asked.decision, Some((Decision::Accepted, ..))))
    }

    /// Since when it is void, and why: some site accepted, and its beacon never becomes whole.
    pub fn void(&self, charter: &Charter, now: Timestamp) -> Option<(Timestamp, String)> {
        let openings = self.openings.as_ref()?;
        if openings.board.is_some() || !self.is_accepted() {
            return None;
        }
        // What was void by then stays void for what it was.
        let moment = openings.stopped.as_ref().map_or(now, |(since, _)| *since);
        let until = self.settled(charter, moment).map(|_| self.open_until(charter, moment));
        if let Some(until) = until.filter(|until| moment > *until) {
            let whose = if openings.sponsor.is_some() { "board" } else { "sponsor" };
            return Some((until, format!("no nonce of the {whose} stood on the ledger in time")));
        }
        let (since, why) = openings.stopped.as_ref()?;
        Some((*since, format!("the board suspended the approval before the nonces were open: {why}")))
    }
}

impl State {
    /// Opens a nonce of a question with noise.
    pub(super) fn open_nonce(
        &mut self,
        member: &Member,
        request: &Digest,
        (nonce, whose): (&Nonce, Whose<'_>),
        (index, time): (u64, Timestamp),
    ) -> Result<(), Refusal> {
        self.check_nonce(member, request, (nonce, whose), time)?;
        if let Some(openings) = self.queries.get_mut(request).and_then(|question| question.openings.as_mut()) {
            let opened = Some(Opened { nonce: *nonce, index, time });
            match whose {
                Whose::Sponsor => openings.sponsor = opened,
                Whose::Board(path) => {
                    openings.board = opened;
                    openings.board_path = path.to_vec();
                }
            }
        }
        Ok(())
    }

    /// Whether a member's statement that opens a nonce would be admitted at a moment, never before the last block's.
    pub fn would_open(&self, member: &str, statement: &Statement, time: Timestamp) -> Result<(), Refusal> {
        let unknown = || Refusal::UnknownMember { member: member.to_owned() };
        let member = self.charter.member(member).ok_or_else(unknown)?;
        let time = time.max(self.time());
        match statement {
            Statement::SponsorNonce { request, nonce } => {
                self.check_nonce(member, request, (nonce, Whose::Sponsor), time)
            }
            Statement::BoardNonce { request, nonce, path } => {
                self.check_nonce(member, request, (nonce, Whose::Board(path)), time)
            }
            other => Err(Refusal::Unknown { what: "nonce", name: format!("in a statement {}", other.kind()) }),
        }
    }

    fn check_nonce(
        &self,
        member: &Member,
        request: &Digest,
        (nonce, whose): (&Nonce, Whose<'_>),
        time: Timestamp,
    ) -> Result<(), Refusal> {
        let unknown = || Refusal::Unknown { what: "query", name: request.to_string() };
        let question = self.queries.get(request).ok_or_else(unknown)?;
        let refuse = |reason: String| Err(Refusal::Beacon { request: *request, reason });
        let Some(openings) = &question.openings else {
            return refuse("the query asks for no noise, so it has no nonces".to_owned());
        };
        let document = &question.request.document;
        let study = self.studies.get(&document.approval).ok_or_else(unknown)?;
        let owner = if whose == Whose::Sponsor { &question.sponsor } else { &study.board };
        if *owner != member.name {
            let (owner, member) = (owner.clone(), member.name.clone());
            return Err(Refusal::NotYours { what: "nonce of the query", owner, member });
        }
        let own = if whose == Whose::Sponsor { &openings.sponsor } else { &openings.board };
        if own.is_some() {
            return refuse(format!("{:?} has opened its nonce already", member.name));
        }
        if let Some((since, why)) = &openings.stopped {
            let reason = format!("the board suspended it at {since}: {why}");
            return Err(Refusal::NotInForce { approval: document.approval, reason });
        }
        if question.settled(&self.charter, time).is_none() {
            let until = question.decide_until(&self.charter);
            return refuse(format!(
                "a site may still decide about it until {until}; nonces are opened when every site has decided, or its time is \
                 over"
            ));
        }
        if !question.is_accepted() {
            return refuse(
                "no site has accepted the query, so nothing will be answered, and no nonce is opened".to_owned(),
            );
        }
        let deadline = question.open_until(&self.charter, time);
        if time > deadline {
            let (site, request) = (member.name.clone(), *request);
            return Err(Refusal::Late { site, what: "open its nonce for", request, deadline, now: time });
        }
        let checked = match whose {
            Whose::Sponsor => check_sponsor_nonce(document, nonce),
            Whose::Board(_) if openings.sponsor.is_none() => {
                return refuse("the sponsor opens first, and has not yet".to_owned());
            }
            Whose::Board(path) => {
                check_board_nonce(&self.ledger, &study.approval.document, document.sequence, nonce, path)
            }
        };
        checked.map_err(|error| Refusal::Beacon { request: *request, reason: error.to_string() })
    }

    /// From a suspension on no nonce is opened: what is not whole by then is void.
    pub(super) fn stop_nonces(&mut self, approval: &Digest, time: Timestamp, reason: &str) {
        let Some(study) = self.studies.get(approval) else { return };
        for query in &study.queries {
            let openings = self.queries.get_mut(query).and_then(|question| question.openings.as_mut());
            if let Some(openings) = openings.filter(|openings| openings.board.is_none()) {
                openings.stopped = Some((time, reason.to_owned()));
            }
        }
    }

    /// Appends what has become of nonces, if any question asks for noise: a ledger without noise keeps the digests that it
    /// had.
    pub(super) fn absorb_openings(&self, hasher: &mut Hasher) {
        let noised = self.queries.iter().filter_map(|(digest, question)| Some((digest, question.openings.as_ref()?)));
        let noised: Vec<(&Digest, &Openings)> = noised.collect();
        if noised.is_empty() {
            return;
        }
        hasher.str("noise").u64(noised.len() as u64);
        for (digest, Openings { sponsor, board, stopped, .. }) in noised {
            hasher.digest(digest);
            for opened in [sponsor, board] {
                // Until when a site may answer follows from the board's.
                hasher.u64(opened.as_ref().map_or(0, |opened| opened.index + 1));
                hasher.u64(opened.as_ref().map_or(0, |opened| opened.time.unix()));
            }
            hasher.u64(stopped.as_ref().map_or(0, |(time, _)| time.unix()));
        }
    }
}
