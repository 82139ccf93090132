//! Rules of noise: what may be spent, and when nonces are opened.

use std::sync::OnceLock;

use cohortium_protocol::documents::{Approval, Nonce, Request};
use cohortium_protocol::ledger::{Statement, Transaction};
use cohortium_protocol::policy::{EpsilonLimits, NoiseRule};
use cohortium_protocol::query::Query;
use cohortium_tests::exchange::{BOARD, DAY, Exchange, OTHER_BOARD, OTHER_SPONSOR, SPONSOR, at, by_grade};
use cohortium_tests::noised::{limits, noised_policy};
use cohortium_tests::{approval, usual_policy};
use cohortium_verifier::ledger::State;

use crate::registering::{after, epoch};
use crate::rules::{Case, Try, case};
use crate::world::{ASKED, noise_exchange};

/// When both sites have decided in [`Noised::settled`].
pub(crate) const SETTLED: u64 = ASKED + 60;
/// How long sites may decide, and nonces be opened.
pub(crate) const DECIDE: u64 = 7 * DAY;

/// A ledger of which two queries with noise may be asked before the study's budget is spent.
pub(crate) struct Noised {
    pub(crate) x: &'static Exchange<'static>,
    pub(crate) approval: Approval,
    pub(crate) approved: State,
    pub(crate) request: Request,
    pub(crate) asked: State,
    /// Accepted by north, and not decided by south.
    pub(crate) accepted: State,
    /// Accepted by north and declined by south.
    pub(crate) settled: State,
}

fn budget() -> EpsilonLimits {
    limits("0.4", "0.5", "0.9")
}

pub(crate) fn noised() -> &'static Noised {
    static NOISED: OnceLock<Noised> = OnceLock::new();
    NOISED.get_or_init(|| {
        let x = noise_exchange();
        let mut state = x.registrations().into_iter().fold(x.found(), |state, said| after(&state, said, 0));
        for site in ["north", "south"] {
            state = after(&state, x.floor(site, 2, &noised_policy(budget())), 0);
        }
        let approval = x.with_nonces(&Approval { policy: noised_policy(budget()), ..x.approval() }, 4);
        let approved = after(&state, x.study(&approval), 60);
        let request = x.noised(&approved, &by_grade("Grades"), &approval, &["north", "south"], "count=0.3");
        let asked = after(&approved, x.ask(&request), ASKED);
        let accepted = after(&asked, x.accept("north", &request), ASKED + 30);
        let settled = after(&accepted, x.decline("south", &request, "too few"), SETTLED);
        Noised { x, approval, approved, request, asked, accepted, settled }
    })
}

impl Noised {
    fn ask_at(&self, state: &State, approval: &Approval, sites: &[&str], epsilon: &str, time: u64) -> Try {
        let asks = Query { study: approval.study.clone(), ..by_grade("Grades, with noise") };
        Try::new(state, at(time), self.x.ask(&self.x.noised(state, &asks, approval, sites, epsilon)))
    }

    fn ask(&self, state: &State, epsilon: &str) -> Try {
        self.ask_at(state, &self.approval, &["north", "south"], epsilon, 2 * DAY)
    }

    /// The board's approval, after a change of it, with nonces of its own.
    fn amended(&self, state: &State, change: impl Fn(&mut Approval), leaves: u32) -> (State, Approval) {
        let mut approval = Approval { nonces: None, ..self.approval.clone() };
        change(&mut approval);
        let approval = self.x.with_nonces(&approval, leaves);
        (after(state, self.x.study(&approval), ASKED), approval)
    }

    pub(crate) fn sponsor(&self) -> Transaction {
        self.x.sponsor_opens(&self.request)
    }

    pub(crate) fn board(&self) -> Transaction {
        self.x.board_opens(&self.request, &self.approval)
    }

    pub(crate) fn suspend(&self) -> Transaction {
        let approval = self.approval.digest();
        self.x.sign(BOARD, Statement::Suspend { approval, reason: "a complaint".to_owned() })
    }
}

pub(crate) fn cases() -> Vec<Case> {
    [requests(), budgets(), nonces()].into_iter().flatten().collect()
}

fn requests() -> Vec<Case> {
    let n = noised();
    let x = n.x;
    let good = || n.ask(&n.approved, "count=0.3");
    let circuitless = n.approved.clone().with_noise_shapes(|_| None);
    let (without, plain) = {
        let approval = Approval { nonces: None, ..n.approval.clone() };
        (after(&n.approved, x.study(&approval), ASKED), approval)
    };
    let (one, single) = n.amended(&n.approved, |approval| approval.ethics_reference.push_str(", 1"), 1);
    let used = after(&one, n.ask_at(&one, &single, &["south"], "count=0.1", ASKED).transaction, ASKED);
    // One leaf, and another tree after it.
    let tree = |number, leaves| {
        let root = cohortium_protocol::hash::Digest::of_bytes(b"a tree");
        x.sign("north", Statement::Seeds { number, leaves, root })
    };
    let short = after(&n.asked, tree(2, 1), ASKED);
    let first = n.ask(&short, "count=0.1");
    let taken = after(&short, first.transaction.clone(), ASKED);
    let renewed = after(&taken, tree(3, 7), ASKED);
    let leaf = |state: &State, leaf: u32| {
        let mut request =
            x.noised(state, &by_grade("Grades, with noise"), &n.approval, &["north", "south"], "count=0.1");
        request.sites[0].seed_leaf = Some(leaf);
        Try::new(state, at(2 * DAY), x.ask(&request))
    };
    let floor = |rule, limits| after(&n.approved, x.floor("north", 3, &usual_policy().with_noise(rule, limits)), ASKED);
    let (off, required) = (floor(NoiseRule::Off, budget()), floor(NoiseRule::Required, budget()));
    let exact = |state: &State| {
        let request = x.request(state, &by_grade("Grades, exactly"), &n.approval, &["north"]);
        Try::new(state, at(2 * DAY), x.ask(&request))
    };
    let unset = EpsilonLimits { per_study: None, ..budget() };
    let (limitless, no_limit) =
        n.amended(&floor(NoiseRule::Allowed, unset), |approval| approval.policy = noised_policy(unset), 4);
    let sums = cohortium_tests::exchange::question("Sums", r#""measures": {"count": true, "sum": "crp"}"#);
    let sum = |epsilon: &str| {
        let request = x.noised(&n.approved, &sums, &n.approval, &["north"], epsilon);
        Try::new(&n.approved, at(2 * DAY), x.ask(&request))
    };
    vec![
        case(
            "Noise",
            "no circuit for it",
            "north cannot answer this with noise: no circuit of this version proves noise over tables of shape query-12",
            n.ask(&circuitless, "count=0.3"),
            exact(&circuitless),
        ),
        case(
            "Noise",
            "no nonces of the board",
            "the approval commits to no nonces of the board",
            n.ask_at(&without, &plain, &["north"], "count=0.3", 2 * DAY),
            n.ask_at(&one, &single, &["north"], "count=0.3", 2 * DAY),
        ),
        case(
            "Noise",
            "no nonce for this query",
            "the approval commits to 1 nonces of the board, and this is query 2 under it",
            n.ask_at(&used, &single, &["north"], "count=0.3", 2 * DAY),
            n.ask_at(&one, &single, &["north"], "count=0.3", 2 * DAY),
        ),
        case(
            "Noise",
            "no seed left",
            "all 1 leaves of its seed tree 2 are taken; the site registers another",
            n.ask(&taken, "count=0.1"),
            n.ask(&renewed, "count=0.1"),
        ),
        case(
            "NotActive",
            "a seed leaf that was taken",
            "pins north's seed leaf 0; active is 1",
            leaf(&n.asked, 0),
            leaf(&n.asked, 1),
        ),
        case(
            "NotActive",
            "a seed leaf out of turn",
            "pins north's seed leaf 2; active is 1",
            leaf(&n.asked, 2),
            leaf(&n.asked, 1),
        ),
        case(
            "NotActive",
            "a new tree's leaf",
            "pins north's seed leaf 1; active is 0",
            leaf(&short, 1),
            leaf(&short, 0),
        ),
        case("Policy", "noise is off", "the policy releases nothing with noise", n.ask(&off, "count=0.1"), exact(&off)),
        case(
            "Policy",
            "noise is required",
            "the policy releases nothing without noise",
            exact(&required),
            n.ask(&required, "count=0.1"),
        ),
        case(
            "Policy",
            "no limit for a study",
            "neither the site nor the approval sets per_study in its epsilon",
            n.ask_at(&limitless, &no_limit, &["north"], "count=0.1", 2 * DAY),
            n.ask_at(&n.approved, &n.approval, &["north"], "count=0.1", 2 * DAY),
        ),
        case(
            "Policy",
            "too much for one query",
            "the query asks for an epsilon of 0.400001 in all, and the policy allows 0.4 a query",
            n.ask(&n.approved, "count=0.400001"),
            n.ask(&n.approved, "count=0.4"),
        ),
        case(
            "Policy",
            "too much over two aggregates",
            "the query asks for an epsilon of 0.5 in all",
            sum("count=0.3,sum=0.2"),
            sum("count=0.3,sum=0.1"),
        ),
        case(
            "Number",
            "asked again",
            "the next under this approval is 2",
            Try::new(&n.asked, at(ASKED), {
                let mut request = n.request.clone();
                request.sponsor_nonce = Nonce::from_bytes([1; 32]);
                x.ask(&request)
            }),
            good(),
        ),
    ]
}

fn budgets() -> Vec<Case> {
    let n = noised();
    let x = n.x;
    let bad = |state: &State| n.ask(state, "count=0.3");
    let says = "the epsilon budget of north's table synthetic for study S-1 does not suffice: 0.3 asked, 0.3 spent of 0.5, 0.2 left";
    let (amended, amendment) = n.amended(&n.asked, |approval| approval.ethics_reference.push_str(", 1"), 4);
    let epochs = after(&n.asked, epoch(x, "north", |epoch| epoch.number = 2), ASKED);
    let declined = ["north", "south"]
        .iter()
        .fold(n.asked.clone(), |state, site| after(&state, x.decline(site, &n.request, "no"), ASKED));
    // Another study, under the same rules.
    let other = approval("S-2", "synthetic", noised_policy(budget()), &[]);
    let other = x.with_nonces(&other, 4);
    let both = after(&n.asked, x.study(&other), ASKED);
    let second = after(&both, n.ask_at(&both, &other, &["north"], "count=0.4", ASKED).transaction, ASKED);
    let second = after(&second, n.ask_at(&second, &other, &["north"], "count=0.05", ASKED).transaction, ASKED);
    // At south alone, so that north has more left.
    let south =
        after(&n.approved, n.ask_at(&n.approved, &n.approval, &["south"], "count=0.3", ASKED).transaction, ASKED);
    let expired = ASKED + DECIDE + 1;
    let study = |state: &State, sites: &[&str], time| n.ask_at(state, &n.approval, sites, "count=0.3", time);
    vec![
        case("Epsilon", "the study's is spent", says, bad(&n.asked), n.ask(&n.asked, "count=0.2")),
        case(
            "Epsilon",
            "by a millionth",
            "0.200001 asked, 0.3 spent of 0.5, 0.2 left",
            n.ask(&n.asked, "count=0.200001"),
            n.ask(&n.asked, "count=0.2"),
        ),
        case(
            "Epsilon",
            "an amendment gives nothing back",
            says,
            n.ask_at(&amended, &amendment, &["north"], "count=0.3", 2 * DAY),
            n.ask_at(&amended, &amendment, &["north"], "count=0.2", 2 * DAY),
        ),
        case("Epsilon", "nor a new epoch", says, bad(&epochs), n.ask(&epochs, "count=0.2")),
        case(
            "Epsilon",
            "nor that nobody decided",
            says,
            study(&n.asked, &["north"], expired),
            study(&declined, &["north"], expired),
        ),
        case(
            "Epsilon",
            "nor that nonces were not opened",
            says,
            study(&n.settled, &["north"], SETTLED + DECIDE + 1),
            study(&n.settled, &["south"], SETTLED + DECIDE + 1),
        ),
        case("Epsilon", "a refusal gives back", says, bad(&n.asked), bad(&declined)),
        case(
            "Epsilon",
            "at one of two sites",
            "the epsilon budget of south's table synthetic for study S-1",
            study(&south, &["north", "south"], 2 * DAY),
            study(&south, &["north"], 2 * DAY),
        ),
        case(
            "Epsilon",
            "all of it is spent",
            "the epsilon budget of north's table synthetic in all does not suffice: 0.2 asked, 0.75 spent of 0.9, 0.15 left",
            n.ask_at(&second, &n.approval, &["north"], "count=0.2", 2 * DAY),
            n.ask_at(&second, &n.approval, &["north"], "count=0.15", 2 * DAY),
        ),
    ]
}

fn nonces() -> Vec<Case> {
    let n = noised();
    let x = n.x;
    let on = |state: &State, seconds, transaction| Try::new(state, at(seconds), transaction);
    let sponsor = || on(&n.settled, SETTLED, n.sponsor());
    let opened = after(&n.settled, n.sponsor(), SETTLED);
    let board = || on(&opened, SETTLED, n.board());
    let over = ASKED + DECIDE + 1;
    let last = SETTLED + DECIDE;
    let nobody = ["north", "south"]
        .iter()
        .fold(n.asked.clone(), |state, site| after(&state, x.decline(site, &n.request, "no"), ASKED));
    let suspended = after(&n.settled, n.suspend(), SETTLED);
    let between = after(&opened, n.suspend(), SETTLED);
    let request = n.request.digest();
    let nonce = Nonce::from_bytes([3; 32]);
    // The board's nonce for another query, with the path that belongs to it.
    let other = Request { sequence: 2, ..n.request.clone() };
    let change = |transaction: Transaction, of_path: bool| {
        let Statement::BoardNonce { nonce, path, .. } = transaction.statement else { unreachable!() };
        let Statement::BoardNonce { nonce: own, path: own_path, .. } = n.board().statement else { unreachable!() };
        let (nonce, path) = if of_path { (own, path) } else { (nonce, own_path) };
        x.sign(BOARD, Statement::BoardNonce { request, nonce, path })
    };
    let elsewhere = || x.board_opens(&other, &n.approval);
    let exact = x.request(&n.approved, &by_grade("Grades, exactly"), &n.approval, &["north"]);
    let exactly = after(&after(&n.approved, x.ask(&exact), ASKED), x.accept("north", &exact), SETTLED);
    let of_exact = x.sign(SPONSOR, Statement::SponsorNonce { request: exact.digest(), nonce });
    let early = "a site may still decide about it until 2026-02-09T00:00:00Z";
    let by = |member: &str, statement| x.sign(member, statement);
    vec![
        case("Unknown", "no such query", "there is no query", on(&n.approved, SETTLED, n.sponsor()), sponsor()),
        case("Beacon", "no noise", "the query asks for no noise", on(&exactly, SETTLED, of_exact), sponsor()),
        case("Beacon", "while a site may still decide", early, on(&n.accepted, SETTLED, n.sponsor()), sponsor()),
        case(
            "Beacon",
            "at the end of its time it still may",
            early,
            on(&n.accepted, over - 1, n.sponsor()),
            on(&n.accepted, over, n.sponsor()),
        ),
        case(
            "Beacon",
            "nobody accepted",
            "no site has accepted the query",
            on(&nobody, SETTLED, n.sponsor()),
            sponsor(),
        ),
        case("Beacon", "the board first", "the sponsor opens first", on(&n.settled, SETTLED, n.board()), board()),
        case(
            "Beacon",
            "another sponsor's nonce",
            "is not the one that the request commits to",
            on(&n.settled, SETTLED, by(SPONSOR, Statement::SponsorNonce { request, nonce })),
            sponsor(),
        ),
        case(
            "Beacon",
            "another query's nonce",
            "is not shown to be the one that the approval commits to for query 1",
            on(&opened, SETTLED, change(elsewhere(), false)),
            board(),
        ),
        case(
            "Beacon",
            "another nonce's path",
            "is not shown to be the one",
            on(&opened, SETTLED, change(elsewhere(), true)),
            board(),
        ),
        case(
            "Beacon",
            "no path",
            "is not shown to be the one",
            on(&opened, SETTLED, {
                let Statement::BoardNonce { nonce, .. } = n.board().statement else { unreachable!() };
                by(BOARD, Statement::BoardNonce { request, nonce, path: Vec::new() })
            }),
            board(),
        ),
        case(
            "Beacon",
            "opened twice",
            "has opened its nonce already",
            on(&opened, SETTLED, by(SPONSOR, Statement::SponsorNonce { request, nonce })),
            board(),
        ),
        case(
            "Duplicate",
            "the same nonce again",
            "this statement is on the ledger already",
            on(&opened, SETTLED, n.sponsor()),
            board(),
        ),
        case(
            "NotYours",
            "another sponsor",
            "the nonce of the query belongs to \"University of the Coast\"",
            on(&n.settled, SETTLED, by(OTHER_SPONSOR, Statement::SponsorNonce { request, nonce })),
            sponsor(),
        ),
        case(
            "NotYours",
            "another board",
            "the nonce of the query belongs to \"Coast Ethics Board\"",
            on(&opened, SETTLED, by(OTHER_BOARD, n.board().statement)),
            board(),
        ),
        case(
            "Role",
            "a site",
            "a transaction of kind sponsor_nonce is for a sponsor to sign",
            on(&n.settled, SETTLED, by("north", n.sponsor().statement)),
            sponsor(),
        ),
        case(
            "Late",
            "the sponsor too late",
            "University of the Coast's time to open its nonce for the request",
            on(&n.settled, last + 1, n.sponsor()),
            on(&n.settled, last, n.sponsor()),
        ),
        case(
            "Late",
            "the board too late",
            "Coast Ethics Board's time to open its nonce for the request",
            on(&opened, last + 1, n.board()),
            on(&opened, last, n.board()),
        ),
        case(
            "Late",
            "counted from the end of the time to decide",
            "time to open its nonce",
            on(&n.accepted, over + DECIDE, n.sponsor()),
            on(&n.accepted, over + DECIDE - 1, n.sponsor()),
        ),
        case(
            "NotInForce",
            "suspended before the sponsor opened",
            "the board suspended it",
            on(&suspended, SETTLED, n.sponsor()),
            sponsor(),
        ),
        case(
            "NotInForce",
            "suspended before the board opened",
            "the board suspended it",
            on(&between, SETTLED, n.board()),
            board(),
        ),
    ]
}
