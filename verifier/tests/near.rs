//! The guard against differencing, over the ledger of the vectors.

#![allow(clippy::unwrap_used)] // a test stops where it fails

use cohortium_protocol::commit::{EpochDocument, EventRecord};
use cohortium_protocol::documents::{Approval, Noise, Nonce, Request, SitePin};
use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::{Batch, MemberKey, Statement, Timestamp, Transaction, events_root};
use cohortium_protocol::policy::Differencing;
use cohortium_protocol::query::{Query, compile};
use cohortium_protocol::shape::Shape;
use cohortium_verifier::ledger::{Admitted, Founding, Plans, Refusal, State, Verification, parse_block};

const EXPORT: &str = include_str!("../../tests/vectors/ledger/export.ndjson");
const BOARD: &str = "Coast Ethics Board";
const SPONSOR: &str = "University of the Coast";
const TABLE: &str = "synthetic";
const DAY: u64 = 86_400;

/// The question that the vectors' ledger was asked, again and again.
const GRADES: &str = r#""group_by": [{"column": "grade", "missing": "own bin"}]"#;
/// One condition more.
const WOMEN: &str =
    r#""where": {"column": "sex", "is": true}, "group_by": [{"column": "grade", "missing": "own bin"}]"#;
/// Two measurements away from both.
const MEN_AND_WOMEN_BY_AGE: &str =
    r#""group_by": [{"column": "sex"}, {"column": "age", "bins": [[18, 49], [50, null]]}]"#;

/// A state, and the approval under which is asked.
#[derive(Clone)]
struct Ledger {
    state: State,
    approval: Approval,
    time: Timestamp,
}

impl Ledger {
    /// The vectors' ledger after its last block.
    fn new() -> Self {
        let mut lines = EXPORT.lines();
        let mut state = Founding::parse(lines.next().unwrap().as_bytes()).unwrap().found().unwrap();
        for (height, line) in (1..).zip(lines) {
            let block = parse_block(height, line.as_bytes()).unwrap();
            let mut open = state.open_block(block.time);
            for transaction in block.transactions {
                open.admit(transaction, &Verification::OwnLog).unwrap();
            }
            open.seal(&key_of("Exchange Office")).unwrap().unwrap();
        }
        let newest = state.studies().values().find(|study| study.amended.is_none()).unwrap();
        let approval = newest.approval.document.as_ref().clone();
        let time = state.time().plus(60);
        Self { state, approval, time }
    }

    fn post(&mut self, member: &str, statement: Statement) -> Result<Admitted, Refusal> {
        let transaction = Transaction::sign(self.state.ledger(), member, statement, &key_of(member));
        self.state.admit(&transaction, self.time, &Verification::NotNeeded)
    }

    /// The same with an approval that differs.
    fn amended(mut self, change: impl FnOnce(&mut Approval)) -> Self {
        change(&mut self.approval);
        self.post(BOARD, Statement::Study { approval: Box::new(self.approval.clone()) }).unwrap();
        self
    }

    /// The same with another rule in a site's floor.
    fn floored(mut self, site: &str, rule: Differencing) -> Self {
        let floor = self.state.sites()[site].floor.clone().unwrap().document;
        let policy = floor.policy.clone().with_differencing(Some(rule));
        self.post(site, Statement::Floor { number: floor.number + 1, policy }).unwrap();
        self
    }

    /// A site's consents go on: a batch of dummies, and an epoch of the same flags that includes it.
    fn renew(&mut self, site: &str) {
        let registered = &self.state.sites()[site];
        let batch =
            Batch { number: registered.consents.len() as u32 + 1, leaves: 64, root: Digest::of_bytes(b"dummies") };
        let batches: Vec<Batch> = registered.consents.iter().map(|posted| posted.batch).chain([batch]).collect();
        let before = registered.tables[TABLE].epoch.as_ref().unwrap().document.as_ref().clone();
        let mut document = EpochDocument::from(before);
        document.number += 1;
        let (cutoff, events) = (batch.number, events_root(&batches));
        document.record = Some(EventRecord { cutoff, events, until: self.time.day() });
        let Batch { number, leaves, root } = batch;
        self.post(site, Statement::Consents { number, leaves, root }).unwrap();
        self.post(site, Statement::Epoch { epoch: document.try_into().unwrap() }).unwrap();
    }

    fn request(&self, fields: &str, sites: &[&str]) -> Request {
        let query = Query::parse(&format!(
            r#"{{"format": "cohortium-query/1", "title": "a question", "table": "{TABLE}", "study": "S-1",
            "purpose": "DUO:0000042", "sponsor_class": "academic", {fields}}}"#
        ));
        let query = query.unwrap();
        let schema = &self.state.sites()[sites[0]].tables[TABLE].schema;
        let plan = compile(&query, schema, &self.approval.consent, &Shape::QUERY_12).unwrap();
        // What the vectors' last request pinned, where nothing else is active now.
        let known: Vec<&SitePin> =
            self.state.queries().values().flat_map(|question| &question.request.document.sites).collect();
        let pin = |name: &&str| {
            let (site, pin) = (&self.state.sites()[*name], known.iter().find(|pin| pin.site == *name).unwrap());
            SitePin {
                epoch: site.tables[TABLE].epoch.as_ref().unwrap().document.digest(),
                policy_floor: site.floor.as_ref().unwrap().document.policy.digest(),
                ..(*pin).clone()
            }
        };
        Request {
            ledger: self.state.ledger().to_owned(),
            sequence: self.state.studies()[&self.approval.digest()].queries.len() as u64 + 1,
            approval: self.approval.digest(),
            schema: schema.digest(),
            plan: plan.digest(),
            query,
            sites: sites.iter().map(pin).collect(),
            sponsor_nonce: Nonce::from_bytes([9; 32]),
            noise: Noise::None,
        }
    }

    /// Asks; what a dry run says is what the rules say, and who is refused changes nothing.
    fn ask(&mut self, fields: &str, sites: &[&str]) -> Result<Request, Refusal> {
        let request = self.request(fields, sites);
        let names: Vec<String> = sites.iter().map(|site| (*site).to_owned()).collect();
        let part = self.state.dry_run(&self.approval.digest(), &names, TABLE).unwrap();
        let dry = part.check(&request, self.time, &mut Plans::new());
        let before = self.state.digest();
        let posted = self.post(SPONSOR, Statement::Query { request: Box::new(request.clone()) });
        assert_eq!(dry, posted.as_ref().map(drop).map_err(Refusal::clone));
        assert_eq!(posted.is_err(), self.state.digest() == before);
        posted.map(|_| request)
    }

    fn refused(&mut self, fields: &str, sites: &[&str]) -> String {
        let refusal = self.ask(fields, sites).unwrap_err();
        assert_eq!((refusal.rule(), refusal.http_status()), ("differencing", 422), "{refusal}");
        refusal.to_string()
    }
}

fn key_of(name: &str) -> MemberKey {
    MemberKey::from_bytes(Digest::of_bytes(name.as_bytes()).as_bytes())
}

/// The name of the first query to a site that it did not decline.
fn first_at(state: &State, site: &str) -> Digest {
    let asked = state.queries().values().filter(|question| {
        let decision = question.sites.get(site).map(|asked| asked.decision.as_ref());
        decision.is_some_and(|decision| {
            !matches!(decision, Some((cohortium_verifier::ledger::Decision::Declined { .. }, ..)))
        })
    });
    asked.min_by_key(|question| question.request.index).unwrap().id
}

#[test]
fn a_question_a_sliver_apart_is_the_boards_to_allow() {
    let ledger = Ledger::new();
    let says = ledger.clone().refused(WOMEN, &["north"]);
    let plan = ledger.request(WOMEN, &["north"]).plan;
    let earlier = first_at(&ledger.state, "north");
    assert_eq!(
        says,
        format!(
            "north was asked the query {earlier} before, and this question differs from it in what it reads of sex only: \
             two answers so near each other could tell about few patients; it passes if the board names the plan {plan} in \
             the approval's near_plans"
        )
    );
    // What a site declined is no earlier question of that site.
    let at_south = ledger.clone().refused(WOMEN, &["south", "north"]);
    assert!(at_south.starts_with(&format!("south was asked the query {} before", first_at(&ledger.state, "south"))));
    assert_ne!(first_at(&ledger.state, "south"), earlier);
    ledger.amended(|approval| approval.near_plans = vec![plan]).ask(WOMEN, &["north", "south"]).unwrap();
}

#[test]
fn repeats_and_questions_further_away_pass() {
    let mut ledger = Ledger::new();
    ledger.ask(GRADES, &["north"]).unwrap();
    ledger.ask(MEN_AND_WOMEN_BY_AGE, &["north"]).unwrap();
}

#[test]
fn the_stricter_of_floor_and_approval() {
    use Differencing::{Board, Off, Refuse};
    let plan = Ledger::new().request(WOMEN, &["north"]).plan;
    let with = |floor: Option<Differencing>, approval: Option<Differencing>| {
        let ledger = Ledger::new().amended(|document| {
            document.ethics_reference.push_str(", again");
            document.near_plans = vec![plan];
            document.policy = document.policy.clone().with_differencing(approval);
        });
        match floor {
            Some(rule) => ledger.floored("north", rule),
            None => ledger,
        }
    };
    let says = with(Some(Refuse), None).refused(WOMEN, &["north"]);
    assert!(says.ends_with("; nothing passes here but a question that differs in more"), "{says}");
    with(Some(Off), Some(Refuse)).refused(WOMEN, &["north"]);
    with(Some(Board), Some(Off)).ask(WOMEN, &["north"]).unwrap();
    let unnamed = |mut ledger: Ledger| {
        ledger = ledger.amended(|document| document.near_plans.clear());
        ledger.ask(WOMEN, &["north"]).map(drop)
    };
    assert_eq!(unnamed(with(Some(Off), Some(Off))), Ok(()));
    for (floor, approval) in [(Some(Off), None), (None, Some(Off)), (Some(Board), Some(Board)), (None, None)] {
        assert_eq!(unnamed(with(floor, approval)).unwrap_err().rule(), "differencing");
    }
}

#[test]
fn what_is_undecided_or_expired_counts_and_what_is_declined_does_not() {
    let mut ledger = Ledger::new();
    let asked = ledger.ask(MEN_AND_WOMEN_BY_AGE, &["north"]).unwrap();
    let by_sex = r#""group_by": [{"column": "sex"}]"#;
    // "All by sex" differs from it in age; and from "all by grade" in two measurements.
    let says = ledger.clone().refused(by_sex, &["north"]);
    assert!(says.contains("in what it reads of age only"), "{says}");
    assert!(says.contains(&ledger.state.query(&asked.digest()).unwrap().id.to_string()));
    ledger.post("north", Statement::Decline { request: asked.digest(), reason: "no".to_owned() }).unwrap();
    let open = ledger.ask(by_sex, &["north"]).unwrap();
    // An undecided one counts, and one that expired.
    ledger.time = ledger.time.plus(30 * DAY);
    for site in ["north", "south"] {
        ledger.renew(site);
    }
    let says = ledger.refused(MEN_AND_WOMEN_BY_AGE, &["north"]);
    assert!(says.contains(&ledger.state.query(&open.digest()).unwrap().id.to_string()));
    // Other sites were not asked.
    ledger.ask(MEN_AND_WOMEN_BY_AGE, &["south"]).unwrap();
}
