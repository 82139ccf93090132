//! Rules of form and membership, of registrations and of studies.

use cohortium_protocol::commit::{EpochDocument, ManifestDocument};
use cohortium_protocol::documents::Approval;
use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::{Statement, Transaction};
use cohortium_protocol::table::{Schema, SponsorClass};
use cohortium_tests::exchange::{BOARD, Exchange, OPERATOR, OTHER_BOARD, OTHER_SPONSOR, SPONSOR, at, attempt, key_of};
use cohortium_tests::{Hospital, usual_policy};
use cohortium_verifier::ledger::State;

use crate::rules::{Case, Try, case};
use crate::world::{key_12, world};

/// The state after one more transaction.
pub(crate) fn after(state: &State, transaction: Transaction, seconds: u64) -> State {
    let mut state = state.clone();
    attempt(&mut state, &transaction, at(seconds)).unwrap();
    state
}

/// A manifest with changes, signed by its site.
pub(crate) fn manifest(exchange: &Exchange<'_>, signer: &str, change: impl Fn(&mut ManifestDocument)) -> Transaction {
    let Hospital { manifest, schema, .. } = &exchange.north;
    let mut document = ManifestDocument::from(manifest.clone());
    change(&mut document);
    let manifest = document.try_into().unwrap();
    exchange.sign(signer, Statement::Manifest { manifest, schema: Box::new(schema.clone()) })
}

/// An epoch with changes, signed by its site.
pub(crate) fn epoch(exchange: &Exchange<'_>, signer: &str, change: impl Fn(&mut EpochDocument)) -> Transaction {
    let mut document = EpochDocument::from(exchange.north.epoch.clone());
    change(&mut document);
    exchange.sign(signer, Statement::Epoch { epoch: document.try_into().unwrap() })
}

pub(crate) fn cases() -> Vec<Case> {
    [form(), membership(), registrations(), studies()].into_iter().flatten().collect()
}

fn form() -> Vec<Case> {
    let w = world();
    let x = w.exchange;
    let here = |state, transaction| Try::new(state, at(0), transaction);
    let floor = x.floor("north", 1, &usual_policy());
    let good = || here(&w.founded, floor.clone());
    let ledger = x.charter.ledger();
    let forged = Transaction::sign(&ledger, "north", floor.statement.clone(), &key_of("south"));
    let mut format = floor.clone();
    format.format = "cohortium-transaction/2".to_owned();
    let number = x.floor("north", 0, &usual_policy());
    let root = Digest::of_bytes(b"root");
    let leaves = x.sign("north", Statement::Seeds { number: 1, leaves: 0, root });
    let silent = x.decline("south", &w.request, " ");
    let two_lines = x.hold("south", &w.request, "one\ntwo");
    let decline = || here(&w.asked, x.decline("south", &w.request, "no"));
    vec![
        case(
            "Form",
            "another member's signature",
            "the transaction of \"north\": the signature is not one by the key",
            here(&w.founded, forged),
            good(),
        ),
        case("Form", "another format", "the transaction's format is", here(&w.founded, format), good()),
        case("Form", "floor 0", "floor: the number is 0; it counts from 1", here(&w.founded, number), good()),
        case(
            "Form",
            "a tree without leaves",
            "seeds: the number of leaves is 0",
            here(&w.registered, leaves),
            here(&w.registered, x.seeds("north", 2)),
        ),
        case("Form", "no reason", "the reason \" \" is refused", here(&w.asked, silent), decline()),
        case("Form", "a reason of two lines", "is refused: one line", here(&w.asked, two_lines), decline()),
        case(
            "Ledger",
            "another ledger's",
            format!("the transaction is for the ledger \"inland/00\"; this is {ledger:?}"),
            here(&w.founded, Transaction::sign("inland/00", "north", floor.statement.clone(), &key_of("north"))),
            good(),
        ),
        case(
            "Duplicate",
            "the same statement",
            format!("this statement is on the ledger already, as transaction {} at place 0", floor.id()),
            here(&w.registered, floor.clone()),
            here(&w.registered, x.floor("north", 2, &usual_policy())),
        ),
    ]
}

fn membership() -> Vec<Case> {
    let w = world();
    let x = w.exchange;
    let here = |state, transaction| Try::new(state, at(0), transaction);
    let policy = usual_policy();
    let study = Statement::Study { approval: Box::new(w.approval.clone()) };
    let query = Statement::Query { request: Box::new(w.request.clone()) };
    let mut cases = vec![
        case(
            "UnknownMember",
            "nobody's",
            "\"west\" is not a member of this ledger",
            here(&w.founded, x.floor("west", 1, &policy)),
            here(&w.founded, x.floor("north", 1, &policy)),
        ),
        case(
            "OtherSite",
            "another site's manifest",
            "the manifest is of the site \"north\", but \"south\" signed it",
            here(&w.founded, manifest(x, "south", |_| ())),
            here(&w.founded, manifest(x, "north", |_| ())),
        ),
        case(
            "OtherSite",
            "another site's epoch",
            "the epoch is of the site \"north\", but \"south\" signed it",
            here(&w.registered, epoch(x, "south", |epoch| epoch.number = 2)),
            here(&w.registered, epoch(x, "north", |epoch| epoch.number = 2)),
        ),
    ];
    // Who may say what: each kind by somebody whose business it is not.
    for (signer, statement, state, says) in [
        (
            SPONSOR,
            study.clone(),
            &w.registered,
            "has the role sponsor; a transaction of kind study is for a board to sign",
        ),
        (
            "north",
            study.clone(),
            &w.registered,
            "has the role hospital; a transaction of kind study is for a board to sign",
        ),
        (OPERATOR, study, &w.registered, "has the role operator; a transaction of kind study is for a board to sign"),
        (BOARD, query.clone(), &w.approved, "has the role board; a transaction of kind query is for a sponsor to sign"),
        ("south", query, &w.approved, "has the role hospital; a transaction of kind query is for a sponsor to sign"),
    ] {
        let owner = if state.studies().is_empty() { BOARD } else { SPONSOR };
        let mended = here(state, x.sign(owner, statement.clone()));
        cases.push(case("Role", "not their business", says, here(state, x.sign(signer, statement)), mended));
    }
    let hospitals = [
        (x.floor("north", 2, &policy).statement, &w.registered),
        (x.seeds("north", 2).statement, &w.registered),
        (manifest(x, "north", |manifest| manifest.version = 2).statement, &w.registered),
        (epoch(x, "north", |epoch| epoch.number = 2).statement, &w.registered),
        (x.hold("north", &w.request, "why not").statement, &w.asked),
        (x.accept("north", &w.request).statement, &w.asked),
        (x.decline("north", &w.request, "no").statement, &w.asked),
        (x.release("north", &w.request, &w.proof).statement, &w.accepted),
    ];
    for (statement, state) in hospitals {
        let says =
            format!("has the role sponsor; a transaction of kind {} is for a hospital to sign", statement.kind());
        let bad = here(state, x.sign(SPONSOR, statement.clone()));
        cases.push(case("Role", "a hospital's business", says, bad, here(state, x.sign("north", statement))));
    }
    cases
}

fn registrations() -> Vec<Case> {
    let w = world();
    let x = w.exchange;
    let here = |state, transaction| Try::new(state, at(0), transaction);
    let second = || here(&w.registered, manifest(x, "north", |manifest| manifest.version = 2));
    let policy = usual_policy();
    // A schema of the same columns that says something else.
    let text = serde_json::to_string(&x.north.schema).unwrap().replacen("for tests", "for all", 1);
    let other = Schema::parse(&text).unwrap();
    assert_ne!(other.digest(), x.north.schema.digest());
    let schema = Box::new(other);
    let mismatched = x.sign("north", Statement::Manifest { manifest: x.north.manifest.clone(), schema });
    let next = after(&w.registered, second().transaction, 0);
    let keyless = Exchange::with(key_12(), |charter| charter.verifying_keys.clear());
    let keyed = || here(&w.founded, manifest(x, "north", |_| ()));
    let new = epoch(x, "north", |epoch| epoch.number = 2);
    vec![
        case(
            "Registry",
            "a manifest over another schema",
            "the manifest is over schema",
            here(&w.founded, mismatched),
            keyed(),
        ),
        case(
            "Registry",
            "an epoch over the version before",
            "the epoch's manifest digest is",
            here(&next, new.clone()),
            here(&w.registered, new),
        ),
        case(
            "Disagree",
            "a manifest of another table than its schema's",
            "the manifest's table is another, but its schema says synthetic",
            here(&w.founded, manifest(x, "north", |manifest| manifest.table = "another".to_owned())),
            keyed(),
        ),
        case(
            "Number",
            "a version that is not higher",
            "the manifest has the number 1; the active version of \"synthetic\" is 1, and a new one has a higher number",
            here(&w.registered, manifest(x, "north", |manifest| manifest.created = "2026-02-01".to_owned())),
            second(),
        ),
        case(
            "Number",
            "an epoch that is not higher",
            "the epoch has the number 1; the last epoch of \"synthetic\" is 1",
            here(&w.registered, epoch(x, "north", |epoch| epoch.created = "2026-02-01".to_owned())),
            here(&w.registered, epoch(x, "north", |epoch| epoch.number = 9)),
        ),
        case(
            "Number",
            "a floor is left out",
            "the policy floor has the number 3; the next is 2",
            here(&w.registered, x.floor("north", 3, &policy)),
            here(&w.registered, x.floor("north", 2, &policy)),
        ),
        case(
            "Number",
            "a first seed tree with number 2",
            "the seed tree has the number 2; the next is 1",
            here(&w.founded, x.seeds("north", 2)),
            here(&w.founded, x.seeds("north", 1)),
        ),
        case(
            "NoKey",
            "a charter without keys",
            "the charter names no verifying key for the shape query-12",
            here(&keyless.found(), manifest(&keyless, "north", |_| ())),
            keyed(),
        ),
        case(
            "Unknown",
            "an epoch of no table",
            "there is no table \"synthetic\" of \"north\" on this ledger",
            here(&after(&w.founded, x.consents("north"), 0), x.epoch("north")),
            here(&after(&after(&w.founded, x.consents("north"), 0), x.manifest("north"), 0), x.epoch("north")),
        ),
    ]
}

fn studies() -> Vec<Case> {
    let w = world();
    let x = w.exchange;
    let here = |state, transaction| Try::new(state, at(0), transaction);
    let good = || here(&w.registered, x.study(&w.approval));
    let with = |change: &dyn Fn(&mut Approval)| {
        let mut approval = w.approval.clone();
        change(&mut approval);
        approval
    };
    let of = |change: &dyn Fn(&mut Approval)| here(&w.registered, x.study(&with(change)));
    let suspend = |by: &str, reason: &str| {
        x.sign(by, Statement::Suspend { approval: w.approval.digest(), reason: reason.to_owned() })
    };
    let suspended = after(&w.approved, suspend(BOARD, "a complaint"), 100);
    let amendment = with(&|approval| approval.ethics_reference.push_str(", amendment 1"));
    let amended = |by: &str| x.sign(by, Statement::Study { approval: Box::new(amendment.clone()) });
    let last_day = with(&|approval| approval.expires = "2026-02-01".parse().unwrap());
    vec![
        case(
            "Study",
            "a stranger's",
            "the study's sponsor: \"Nobody\" is no sponsor of this ledger",
            of(&|a| a.sponsor = "Nobody".to_owned()),
            good(),
        ),
        case(
            "Study",
            "consents to another institution",
            "the study's institution: it counts consents given to Coast Pharma, and its sponsor is \"University of the Coast\"",
            of(&|a| a.consent = "DUO:0000042/academic@Coast Pharma".parse().unwrap()),
            of(&|a| a.consent = "DUO:0000042/academic@University of the Coast".parse().unwrap()),
        ),
        case(
            "Study",
            "a hospital as sponsor",
            "\"north\" is no sponsor",
            of(&|a| a.sponsor = "north".to_owned()),
            good(),
        ),
        case(
            "Study",
            "a sponsor of another class",
            "the study's sponsor_class: it is for a sponsor of class academic, and \"Coast Pharma\" is commercial",
            of(&|a| a.sponsor = OTHER_SPONSOR.to_owned()),
            of(&|a| {
                a.sponsor = OTHER_SPONSOR.to_owned();
                a.consent =
                    cohortium_protocol::table::ConsentColumn::new("DUO:0000042", SponsorClass::Commercial).unwrap();
            }),
        ),
        case(
            "Study",
            "a site that is no hospital",
            "the study's sites: \"west\" is no hospital of this ledger",
            of(&|a| a.sites = Some(vec!["north".to_owned(), "west".to_owned()])),
            of(&|a| a.sites = Some(vec!["north".to_owned(), "south".to_owned()])),
        ),
        case(
            "Approval",
            "past its last day",
            "clause \"expires\": the approval expired on 2026-02-01, and it is 2026-02-02",
            Try::new(&w.registered, at(86_400), x.study(&last_day)),
            Try::new(&w.registered, at(86_399), x.study(&last_day)),
        ),
        case(
            "NotYours",
            "another board suspends",
            "the approval belongs to \"Coast Ethics Board\", not to \"Inland Ethics Board\"",
            here(&w.approved, suspend(OTHER_BOARD, "why not")),
            here(&w.approved, suspend(BOARD, "why not")),
        ),
        case(
            "NotYours",
            "another board amends",
            "the study belongs to \"Coast Ethics Board\"",
            here(&w.approved, amended(OTHER_BOARD)),
            here(&w.approved, amended(BOARD)),
        ),
        case(
            "NotInForce",
            "suspended twice",
            "it was suspended at 2026-02-01T00:01:40Z: a complaint",
            here(&suspended, suspend(BOARD, "once more")),
            here(&w.approved, suspend(BOARD, "once more")),
        ),
        case(
            "Unknown",
            "no such approval",
            format!("there is no approval {} on this ledger", w.approval.digest()),
            here(&w.registered, suspend(BOARD, "why not")),
            here(&w.approved, suspend(BOARD, "why not")),
        ),
    ]
}
