//! The ledger against a model: random statements by everybody, and a much simpler account of what should become of them.
//!
//! The model knows nothing of documents, digests or trees: only who said what when. It names the rule that each statement
//! is refused by, or that it is admitted; and what everybody would be told about every query.
//!
//! 64 histories; `PROPTEST_CASES=40000` makes it 10,000.

mod real;

use std::collections::{BTreeMap, BTreeSet};

use cohortium_protocol::bundle::QueryProof;
use cohortium_protocol::documents::{Approval, Request};
use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::{Block, Statement, Transaction};
use cohortium_protocol::query::Query;
use cohortium_tests::exchange::{BOARD, DAY, Exchange, OPERATOR, OTHER_BOARD, at, by_grade, key_of, question};
use cohortium_tests::noised::{limits, noised_policy};
use cohortium_verifier::ledger::{SiteStatus, State, Trust, Verification};
use proptest::prelude::*;

use real::{Ledger, asked, word};

use crate::said::{NEWEST, Said, course};
use crate::world::{key_12, noise_key_12, other_numbers, story};

/// Answers that one approval may ask of one site, and queries that it may have there to be decided about, in the charter
/// of these tests.
const SHARE: u32 = 2;
/// The day after which the last variant of the approval is of no use any more.
const SHORT: u64 = 20;
/// The last day on which the sites' consent epochs may be queried; they post no others.
const EPOCHS: u64 = 31;
const SITES: [&str; 2] = ["north", "south"];
const BOARDS: [&str; 2] = [BOARD, OTHER_BOARD];
pub(crate) const VARIANTS: usize = 3;
/// What a query asks for of epsilon, in tenths: nothing, or noise.
pub(crate) const EPSILON: [u64; 3] = [0, 2, 3];
/// What the study may spend at a site, in tenths. All variants are of one study.
const BUDGET: u64 = 4;
/// Nonces of the board under each variant.
const NONCES: u32 = 3;
/// The variant of the approval that names both questions' plans as near ones.
const NAMING: usize = 1;

/// The place of a query among so many.
fn place(query: usize, of: usize) -> usize {
    if query == NEWEST { of.saturating_sub(1) } else { query % of.max(1) }
}

/// What became of an approval.
#[derive(Clone, Copy, Default)]
struct StudyModel {
    /// Whose it is, if it was posted.
    board: Option<usize>,
    suspended: bool,
    amended: bool,
    queries: u64,
    /// Answers accepted by each site.
    accepted: [u32; 2],
}

/// What became of one site's part of a query.
#[derive(Clone, Copy, Default)]
struct Part {
    held: Option<usize>,
    /// When, and whether it accepted.
    decided: Option<(u64, bool)>,
    released: Option<u64>,
}

struct QueryModel {
    variant: usize,
    near: bool,
    posted: u64,
    parts: BTreeMap<usize, Part>,
    /// In tenths; 0 without noise.
    epsilon: u64,
    /// When sponsor and board opened their nonces.
    opened: [Option<u64>; 2],
    /// Whether the approval was suspended before both were open.
    stopped: bool,
}

impl QueryModel {
    /// Since when nobody may decide any more.
    fn settled(&self, now: u64) -> Option<u64> {
        let decided = self.parts.values().map(|part| part.decided.map(|(at, _)| at));
        let end = self.posted + 7 * DAY;
        decided.collect::<Option<Vec<_>>>().and_then(|all| all.into_iter().max()).or((now > end).then_some(end))
    }

    /// Until when the next nonce has to be open, once anything may be opened: the board has its time from the sponsor's on.
    fn open_until(&self, now: u64) -> Option<u64> {
        self.settled(now).map(|settled| self.opened[0].unwrap_or(settled) + 7 * DAY)
    }

    /// Whether its nonces will never be open.
    fn is_void(&self, now: u64) -> bool {
        self.opened[1].is_none() && (self.stopped || self.open_until(now).is_some_and(|until| now > until))
    }
}

#[derive(Default)]
struct Model {
    /// Seconds since the beginning.
    now: u64,
    studies: [StudyModel; VARIANTS],
    queries: Vec<QueryModel>,
    /// Spent at each site, in tenths of epsilon.
    spent: [u64; 2],
    /// What is on the ledger, by id.
    said: BTreeSet<Digest>,
}

type Verdict = Result<(), &'static str>;

impl Model {
    fn in_force(&self, variant: usize) -> Verdict {
        match self.studies[variant] {
            StudyModel { board: None, .. } => Err("unknown"),
            StudyModel { suspended: true, .. } | StudyModel { amended: true, .. } => Err("in-force"),
            _ => Ok(()),
        }
    }

    fn still_covers(&self, variant: usize) -> Verdict {
        if variant == VARIANTS - 1 && self.now / DAY > SHORT { Err("approval") } else { Ok(()) }
    }

    fn study(&mut self, board: usize, variant: usize) -> Verdict {
        self.still_covers(variant)?;
        if let Some(current) = self.studies.iter_mut().find(|study| study.board.is_some() && !study.amended) {
            if current.board != Some(board) {
                return Err("owner");
            }
            current.amended = true;
        }
        self.studies[variant].board = Some(board);
        Ok(())
    }

    fn suspend(&mut self, board: usize, variant: usize) -> Verdict {
        let study = &mut self.studies[variant];
        match study.board {
            None => Err("unknown"),
            Some(owner) if owner != board => Err("owner"),
            Some(_) if study.suspended => Err("in-force"),
            Some(_) => {
                study.suspended = true;
                let open =
                    self.queries.iter_mut().filter(|query| query.variant == variant && query.opened[1].is_none());
                open.for_each(|query| query.stopped = true);
                Ok(())
            }
        }
    }

    fn ask(&mut self, variant: usize, near: bool, sites: &[usize], ahead: u64, epsilon: u64) -> Verdict {
        self.in_force(variant)?;
        self.still_covers(variant)?;
        if ahead > 0 {
            return Err("number");
        }
        for site in sites {
            if self.waiting(variant, *site) >= SHARE as usize {
                return Err("waiting");
            }
            if self.now / DAY > EPOCHS {
                return Err("epoch-age");
            }
            // Noise is what differencing is answered with.
            if epsilon == 0 && variant != NAMING && self.asked(*site, !near) && !self.asked(*site, near) {
                return Err("differencing");
            }
            if epsilon > 0 && self.studies[variant].queries >= u64::from(NONCES) {
                return Err("noise");
            }
            if epsilon > 0 && self.spent[*site] + epsilon > BUDGET {
                return Err("epsilon-budget");
            }
        }
        let study = &mut self.studies[variant];
        if sites.iter().any(|site| study.accepted[*site] >= SHARE) {
            return Err("opening-budget");
        }
        study.queries += 1;
        let parts = sites.iter().map(|site| (*site, Part::default())).collect();
        sites.iter().for_each(|site| self.spent[*site] += epsilon);
        self.queries.push(QueryModel {
            variant,
            near,
            posted: self.now,
            parts,
            epsilon,
            opened: [None; 2],
            stopped: false,
        });
        Ok(())
    }

    /// The sponsor's nonce, or a board's.
    fn open(&mut self, board: Option<usize>, query: usize) -> Verdict {
        let (now, query) = (self.now, &mut self.queries[query]);
        if query.epsilon == 0 {
            return Err("beacon");
        }
        if board.is_some() && self.studies[query.variant].board != board {
            return Err("owner");
        }
        if query.stopped {
            return Err("in-force");
        }
        let accepted = query.parts.values().any(|part| part.decided.is_some_and(|(_, accepted)| accepted));
        match query.open_until(now) {
            None => Err("beacon"),
            Some(_) if !accepted => Err("beacon"),
            Some(until) if now > until => Err("deadline"),
            Some(_) if board.is_some() && query.opened[0].is_none() => Err("beacon"),
            Some(_) => {
                query.opened[usize::from(board.is_some())] = Some(now);
                Ok(())
            }
        }
    }

    fn decline(&mut self, site: usize, query: usize) -> Verdict {
        let now = self.now;
        self.undecided(site, query)?.decided = Some((now, false));
        self.spent[site] -= self.queries[query].epsilon;
        Ok(())
    }

    /// Whether a site was asked the one question or the other without noise, under whichever approval, and has not declined.
    fn asked(&self, site: usize, near: bool) -> bool {
        let exactly = self.queries.iter().filter(|query| query.near == near && query.epsilon == 0);
        let asked = exactly.filter_map(|query| query.parts.get(&site));
        asked.into_iter().any(|part| part.decided.is_none_or(|(_, accepted)| accepted))
    }

    /// Queries under an approval that a site has still to decide about.
    fn waiting(&self, variant: usize, site: usize) -> usize {
        let open = |query: &&QueryModel| query.variant == variant && self.now <= query.posted + 7 * DAY;
        let open = self.queries.iter().filter(open);
        open.filter(|query| query.parts.get(&site).is_some_and(|part| part.decided.is_none())).count()
    }

    fn undecided(&mut self, site: usize, query: usize) -> Result<&mut Part, &'static str> {
        let QueryModel { posted, parts, .. } = &mut self.queries[query];
        match parts.get_mut(&site) {
            None => Err("request"),
            Some(Part { decided: Some(_), .. }) => Err("decided"),
            Some(_) if self.now > *posted + 7 * DAY => Err("deadline"),
            Some(part) => Ok(part),
        }
    }

    fn accept(&mut self, site: usize, query: usize) -> Verdict {
        let (now, variant) = (self.now, self.queries[query].variant);
        self.undecided(site, query)?;
        self.in_force(variant)?;
        self.still_covers(variant)?;
        if self.studies[variant].accepted[site] >= SHARE {
            return Err("opening-budget");
        }
        self.studies[variant].accepted[site] += 1;
        self.undecided(site, query)?.decided = Some((now, true));
        Ok(())
    }

    fn release(&mut self, site: usize, query: usize) -> Verdict {
        let now = self.now;
        let QueryModel { parts, epsilon, opened, .. } = &self.queries[query];
        match parts.get(&site) {
            None => Err("request"),
            Some(Part { released: Some(_), .. }) => Err("answered"),
            Some(Part { decided: Some((at, true)), .. }) if *epsilon > 0 => match opened[1] {
                None => Err("beacon"),
                Some(board) if now > board.max(*at) + 14 * DAY => Err("deadline"),
                Some(_) => self.released(site, query),
            },
            Some(Part { decided: Some((at, true)), .. }) if now > *at + 14 * DAY => Err("deadline"),
            Some(Part { decided: Some((_, true)), .. }) => self.released(site, query),
            Some(_) => Err("acceptance"),
        }
    }

    fn released(&mut self, site: usize, query: usize) -> Verdict {
        let now = self.now;
        self.queries[query].parts.entry(site).and_modify(|part| part.released = Some(now));
        Ok(())
    }

    /// What everybody is told about a site's part of a query, by a word.
    fn word(&self, query: usize, site: usize) -> Option<&'static str> {
        let of = &self.queries[query];
        let QueryModel { posted, parts, epsilon, opened, .. } = of;
        Some(match parts.get(&site)? {
            Part { released: Some(_), .. } => "answered",
            Part { decided: Some((_, false)), .. } => "declined",
            Part { decided: Some((_, true)), .. } if *epsilon > 0 && opened[1].is_none() => {
                if of.is_void(self.now) {
                    "void"
                } else {
                    "waits"
                }
            }
            Part { decided: Some((at, true)), .. } if self.now > opened[1].unwrap_or(0).max(*at) + 14 * DAY => {
                "withheld"
            }
            Part { decided: Some((_, true)), .. } => "accepted",
            Part { decided: None, .. } if self.now > posted + 7 * DAY => "expired",
            Part { held: Some(_), .. } => "awaiting",
            Part { .. } => "submitted",
        })
    }
}

fn history(all: &[Said]) {
    let exchange = Exchange::with_noise(key_12(), noise_key_12(), |charter| charter.opening_share = SHARE);
    let (mut ledger, mut model) = (Ledger::new(&exchange), Model::default());
    for said in all {
        if let Said::Nothing(hours) = said {
            model.now += hours * 3600;
            continue;
        }
        let Some(transaction) = ledger.transaction(said) else { continue };
        let place = |query: &usize| place(*query, model.queries.len());
        let expected = if model.said.contains(&transaction.id()) {
            Err("duplicate")
        } else {
            match said {
                Said::Nothing(_) => Ok(()),
                Said::Again(_) => Err("duplicate"),
                Said::Study { board, variant } => model.study(*board, *variant),
                Said::Suspend { board, variant } => model.suspend(*board, *variant),
                Said::Ask { variant, near, sites, ahead, epsilon } => {
                    model.ask(*variant, *near, &asked(*sites), *ahead, EPSILON[*epsilon])
                }
                Said::SponsorNonce { query } => {
                    let query = place(query);
                    model.open(None, query)
                }
                Said::BoardNonce { board, query } => {
                    let query = place(query);
                    model.open(Some(*board), query)
                }
                Said::Hold { site, query, reason } => {
                    let query = place(query);
                    model.undecided(*site, query).map(|part| part.held = Some(*reason))
                }
                Said::Accept { site, query } => {
                    let query = place(query);
                    model.accept(*site, query)
                }
                Said::Decline { site, query } => {
                    let query = place(query);
                    model.decline(*site, query)
                }
                Said::Release { site, query, .. } => {
                    let query = place(query);
                    model.release(*site, query)
                }
            }
        };
        let outcome = ledger.post(&transaction, model.now);
        assert_eq!(outcome, expected, "{said:?}");
        if outcome.is_ok() {
            model.said.insert(transaction.id());
        }
        for (site, tenths) in SITES.iter().zip(model.spent) {
            let account = ledger.state.epsilon(site, "synthetic");
            let found = account.map_or((0, 0), |account| (account.spent, account.by("S-1")));
            assert_eq!(found, (tenths * 100_000, tenths * 100_000), "{said:?}: at {site}");
        }
        for (query, request) in ledger.requests.iter().enumerate() {
            let question = ledger.state.query(&request.digest()).unwrap();
            for (place, site) in SITES.iter().enumerate() {
                let status = question.site_status(site, &exchange.charter, at(model.now));
                assert_eq!(status.as_ref().map(word), model.word(query, place), "{said:?}: query {query} at {site}");
            }
        }
    }
    // Whoever takes the blocks over comes to the same.
    let mut again = ledger.registered.clone();
    for block in &ledger.blocks {
        again.add_block(block, Trust::OwnLog).unwrap();
        again.check_digest(block).unwrap();
    }
    assert_eq!(again.digest(), ledger.state.digest());
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: ProptestConfig::default().cases / 4,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_ledger_does_what_the_model_says(all in prop::collection::vec(course(), 1..40), approved in 0..4usize) {
        let first = (approved > 0).then_some(Said::Study { board: 0, variant: 0 });
        let all: Vec<Said> = first.into_iter().chain(all.into_iter().flatten()).collect();
        history(&all);
    }
}
