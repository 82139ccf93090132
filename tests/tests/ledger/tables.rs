//! Proofs about tables on the ledger: true, about what is active, once, and charged.

use std::sync::OnceLock;

use cohortium_keys::ProvingKey;
use cohortium_protocol::ledger::{Charter, KeyPin, Statement, Transaction};
use cohortium_protocol::shape::Shape;
use cohortium_protocol::table_proof::{TableProof, TableSubject};
use cohortium_prover::pipeline::TableJob;
use cohortium_tests::exchange::{Exchange, at};
use cohortium_tests::key;
use cohortium_verifier::ledger::State;
use rand::rngs::OsRng;

use crate::registering::{after, epoch, manifest};
use crate::rules::{Case, Try, case};
use crate::world::key_12;

/// The development key of proofs about the smallest tables, loaded once.
fn table_key() -> &'static ProvingKey {
    static KEY: OnceLock<ProvingKey> = OnceLock::new();
    KEY.get_or_init(|| key(Shape::TABLE_12))
}

/// A ledger whose charter has a key for proofs about tables.
fn exchange() -> &'static Exchange<'static> {
    static EXCHANGE: OnceLock<Exchange<'static>> = OnceLock::new();
    EXCHANGE.get_or_init(|| {
        let pin = KeyPin { shape: Shape::TABLE_12.name.to_owned(), id: table_key().verifying().id() };
        Exchange::with(key_12(), |charter: &mut Charter| charter.verifying_keys.push(pin)).with_table_key(table_key())
    })
}

/// North's proofs about its tags, and about its epoch's flags.
pub(crate) fn proofs() -> &'static [TableProof; 2] {
    static PROOFS: OnceLock<[TableProof; 2]> = OnceLock::new();
    PROOFS.get_or_init(|| {
        let (x, north) = (exchange(), &exchange().north);
        let ledger = x.charter.ledger();
        let made = |subject, held| {
            TableJob::new(subject, &ledger, held).unwrap().prove(table_key(), &mut OsRng, &mut |_, _| ()).unwrap()
        };
        let unique = TableSubject::Unique(&north.manifest);
        let flags = TableSubject::flags(&north.manifest, &north.epoch).unwrap();
        [made(unique, &north.manifest_columns), made(flags, &north.epoch_columns)]
    })
}

fn proved(proof: &TableProof) -> Transaction {
    exchange().sign("north", Statement::TableProof { proof: Box::new(proof.clone()) })
}

fn registered() -> State {
    let x = exchange();
    x.registrations().into_iter().fold(x.found(), |state, transaction| after(&state, transaction, 0))
}

pub(crate) fn cases() -> Vec<Case> {
    let x = exchange();
    let [unique, flags] = proofs();
    let state = registered();
    let here = |state: &State, proof: &TableProof| Try::new(state, at(60), proved(proof));
    let mut other = unique.clone();
    other.columns.swap(0, 1);
    let both = after(&after(&state, proved(unique), 60), proved(flags), 60);
    let newer = after(&state, epoch(x, "north", |epoch| epoch.number = 2), 60);
    let version = after(&state, manifest(x, "north", |manifest| manifest.version = 2), 60);
    let unproved = after(&state, manifest(x, "north", |manifest| manifest.version = 2), 60);
    let keyless = crate::world::world();
    vec![
        case(
            "TableProof",
            "changed",
            "the proof about the table does not pass",
            here(&state, &other),
            here(&state, unique),
        ),
        case("TableProof", "about the epoch before", "the proof's epoch is", here(&newer, flags), here(&state, flags)),
        case(
            "TableProof",
            "about the version before",
            "the proof's manifest is",
            here(&version, unique),
            here(&state, unique),
        ),
        case("Unknown", "no epoch yet", "there is no consent epoch", here(&unproved, flags), here(&state, flags)),
        case(
            "Duplicate",
            "another proof of the same",
            "this statement is on the ledger already",
            here(&both, &other),
            here(&state, unique),
        ),
        case(
            "NoKey",
            "a charter without a key for it",
            "the charter names no verifying key for the shape table-12",
            Try::new(&keyless.registered, at(60), keyless.exchange.sign("north", proved(unique).statement)),
            here(&state, unique),
        ),
    ]
}

#[test]
fn proofs_are_charged_and_shown() {
    let [unique, flags] = proofs();
    let before = registered();
    let state = after(&after(&before, proved(unique), 60), proved(flags), 120);
    let dataset = &state.sites()["north"].tables["synthetic"];
    assert_eq!((dataset.unique, dataset.flags), (Some(at(60)), Some(at(120))));
    let north = &exchange().north;
    let approval = exchange().approval().digest();
    for column in north.manifest.columns() {
        let spent = u32::from(column.name.starts_with("tag."));
        assert_eq!(state.spent(&column.commitment, &approval), (spent, 0), "{}", column.name);
    }
    for column in north.epoch.columns() {
        assert_eq!(state.spent(&column.commitment, &approval), (1, 0), "{}", column.name);
    }
    // A new epoch has flags of its own to prove, a new version tags.
    let newer = after(&state, epoch(exchange(), "north", |epoch| epoch.number = 2), 180);
    let dataset = &newer.sites()["north"].tables["synthetic"];
    assert_eq!((dataset.unique, dataset.flags), (Some(at(60)), None));
    assert_ne!(state.digest(), before.digest());
}
