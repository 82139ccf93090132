//! The real ledger beside the model, and what it says in the model's words.

use super::*;

pub(super) fn word(status: &SiteStatus) -> &'static str {
    match status {
        SiteStatus::Submitted { .. } => "submitted",
        SiteStatus::AwaitingApproval { .. } => "awaiting",
        SiteStatus::Accepted { .. } => "accepted",
        SiteStatus::AwaitingBeacon { .. } => "waits",
        SiteStatus::Void { .. } => "void",
        SiteStatus::Answered { .. } => "answered",
        SiteStatus::Declined { .. } => "declined",
        SiteStatus::WithheldAfterAcceptance { .. } => "withheld",
        SiteStatus::Expired { .. } => "expired",
    }
}

/// The ledger itself, with a block for every transaction.
pub(super) struct Ledger<'a> {
    pub(super) exchange: &'a Exchange<'a>,
    pub(super) registered: State,
    pub(super) state: State,
    pub(super) blocks: Vec<Block>,
    pub(super) said: Vec<Transaction>,
    pub(super) requests: Vec<Request>,
    pub(super) proofs: [QueryProof; 2],
    /// Both questions' plans.
    pub(super) plans: [Digest; 2],
}

impl<'a> Ledger<'a> {
    pub(super) fn new(exchange: &'a Exchange<'a>) -> Self {
        let mut registered = exchange.found();
        let mut block = registered.open_block(at(0));
        let floors = SITES.map(|site| exchange.floor(site, 2, &noised_policy(limits("1", "0.4", "10"))));
        for transaction in exchange.registrations().into_iter().chain(floors) {
            block.admit(transaction, &Verification::NotNeeded).unwrap();
        }
        block.seal(&key_of(OPERATOR)).unwrap().unwrap();
        let (proof, state) = (story().proofs[0].clone(), registered.clone());
        let proofs = [other_numbers(&proof), proof];
        let plans = [false, true].map(|near| exchange.request(&state, &asks(near), &exchange.approval(), &SITES).plan);
        let (blocks, said, requests) = (Vec::new(), Vec::new(), Vec::new());
        Self { exchange, registered, state, blocks, said, requests, proofs, plans }
    }

    pub(super) fn approval(&self, variant: usize) -> Approval {
        let ethics_reference = format!("EC 2026/117, amendment {variant}");
        let policy = noised_policy(limits("1", "3", "3"));
        let mut approval = Approval { ethics_reference, policy, ..self.exchange.approval() };
        if variant == NAMING {
            approval.near_plans = self.plans.into();
        }
        if variant == VARIANTS - 1 {
            approval.expires = at(SHORT * DAY).day();
        }
        self.exchange.with_nonces(&approval, NONCES)
    }

    /// The statement with the member that makes it; nothing if it is about a query, and there is none.
    pub(super) fn transaction(&self, said: &Said) -> Option<Transaction> {
        let request = |query: usize| self.requests.get(place(query, self.requests.len())).cloned();
        let exchange = self.exchange;
        Some(match said {
            Said::Nothing(_) => return None,
            Said::Study { board, variant } => {
                exchange.sign(BOARDS[*board], Statement::Study { approval: Box::new(self.approval(*variant)) })
            }
            Said::Suspend { board, variant } => {
                let approval = self.approval(*variant).digest();
                exchange.sign(BOARDS[*board], Statement::Suspend { approval, reason: "a complaint".to_owned() })
            }
            Said::Ask { variant, near, sites, ahead, epsilon } => {
                let sites: Vec<&str> = asked(*sites).into_iter().map(|site| SITES[site]).collect();
                let (asks, approval) = (asks(*near), self.approval(*variant));
                let mut request = match EPSILON[*epsilon] {
                    0 => exchange.request(&self.state, &asks, &approval, &sites),
                    tenths => exchange.noised(&self.state, &asks, &approval, &sites, &format!("count=0.{tenths}")),
                };
                request.sequence += ahead;
                exchange.ask(&request)
            }
            Said::Hold { site, query, reason } => {
                exchange.hold(SITES[*site], &request(*query)?, ["a person decides", "the person is away"][*reason])
            }
            Said::Accept { site, query } => exchange.accept(SITES[*site], &request(*query)?),
            Said::Decline { site, query } => exchange.decline(SITES[*site], &request(*query)?, "too few patients"),
            Said::Release { site, query, other } => {
                exchange.release(SITES[*site], &request(*query)?, &self.proofs[usize::from(*other)])
            }
            Said::SponsorNonce { query } => exchange.sponsor_opens(&request(*query)?),
            Said::BoardNonce { board, query } => {
                let request = request(*query)?;
                let approval = &self.state.studies()[&request.approval].approval.document;
                exchange.sign(BOARDS[*board], exchange.board_opens(&request, approval).statement)
            }
            Said::Again(place) => self.said.get(place % self.said.len().max(1))?.clone(),
        })
    }

    /// Posts it in a block of its own; the rule that refuses it.
    pub(super) fn post(&mut self, transaction: &Transaction, seconds: u64) -> Verdict {
        let before = self.state.clone();
        // Proofs are not what this is about, and the auditor's function has its own tests.
        let verification = match transaction.statement {
            Statement::Release { .. } => Verification::OwnLog,
            _ => Verification::NotNeeded,
        };
        let mut block = self.state.open_block(at(seconds));
        let outcome = block.admit(transaction.clone(), &verification).map_err(|refusal| refusal.rule());
        let block = block.seal(&key_of(OPERATOR)).unwrap();
        match (&outcome, block) {
            (Ok(_), Some(block)) => {
                assert_ne!(self.state.digest(), before.digest(), "admitted, and nothing has changed");
                self.blocks.push(block);
                self.said.push(transaction.clone());
                if let Statement::Query { request } = &transaction.statement {
                    self.requests.push(request.as_ref().clone());
                }
            }
            (Err(_), None) => assert_eq!(self.state.digest(), before.digest(), "refused, and something has changed"),
            (outcome, block) => panic!("{outcome:?} makes the block {block:?}"),
        }
        outcome.map(drop)
    }
}

/// The usual question, or one condition more.
pub(super) fn asks(near: bool) -> Query {
    match near {
        false => by_grade("Grades"),
        true => question(
            "Grades of women",
            r#""where": {"column": "sex", "is": true}, "group_by": [{"column": "grade", "missing": "own bin"}],
            "measures": {"count": true}"#,
        ),
    }
}

/// The sites of a question: a bit each.
pub(super) fn asked(sites: usize) -> Vec<usize> {
    (0..2).filter(|site| sites >> site & 1 == 1).collect()
}
