//! The ledger of the tests at each stage of its story.

use std::sync::OnceLock;

use ark_bn254::Bn254;
use ark_groth16::Groth16;
use ark_serialize::CanonicalDeserialize;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cohortium_keys::{Proof, ProvingKey};
use cohortium_protocol::bundle::QueryProof;
use cohortium_protocol::documents::{Approval, Request};
use cohortium_protocol::policy::Cell;
use cohortium_protocol::shape::Shape;
use cohortium_tests::exchange::{DAY, Exchange, Story, at, attempt, by_grade};
use cohortium_tests::key;
use cohortium_verifier::ledger::State;
use rand::rngs::OsRng;

/// The development key of the smallest shape, loaded once.
pub(crate) fn key_12() -> &'static ProvingKey {
    static KEY: OnceLock<ProvingKey> = OnceLock::new();
    KEY.get_or_init(|| key(Shape::QUERY_12))
}

/// The development key of the smallest shape with noise, loaded once.
pub(crate) fn noise_key_12() -> &'static ProvingKey {
    static KEY: OnceLock<ProvingKey> = OnceLock::new();
    KEY.get_or_init(|| key(Shape::NOISE_12))
}

/// The usual members, with a key for noise.
pub(crate) fn noise_exchange() -> &'static Exchange<'static> {
    static EXCHANGE: OnceLock<Exchange<'static>> = OnceLock::new();
    EXCHANGE.get_or_init(|| Exchange::with_noise(key_12(), noise_key_12(), |_| ()))
}

/// The usual members.
pub(crate) fn exchange() -> &'static Exchange<'static> {
    static EXCHANGE: OnceLock<Exchange<'static>> = OnceLock::new();
    EXCHANGE.get_or_init(|| Exchange::new(key_12()))
}

/// The story, told once.
pub(crate) fn story() -> &'static Story<'static> {
    static STORY: OnceLock<Story<'static>> = OnceLock::new();
    STORY.get_or_init(|| Story::tell(exchange()))
}

/// States on the way: nothing; both hospitals registered; the study approved; asked; accepted by north; answered.
pub(crate) struct World {
    pub(crate) exchange: &'static Exchange<'static>,
    pub(crate) founded: State,
    pub(crate) registered: State,
    pub(crate) approved: State,
    pub(crate) asked: State,
    pub(crate) accepted: State,
    pub(crate) answered: State,
    pub(crate) approval: Approval,
    pub(crate) request: Request,
    pub(crate) proof: QueryProof,
}

/// When the query of [`World`] was posted, and accepted.
pub(crate) const ASKED: u64 = DAY;
pub(crate) const ACCEPTED: u64 = DAY + 60;

pub(crate) fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let (exchange, story) = (exchange(), story());
        let founded = exchange.found();
        let mut registered = founded.clone();
        for transaction in exchange.registrations() {
            attempt(&mut registered, &transaction, at(0)).unwrap();
        }
        let approval = exchange.approval();
        let after = |state: &State, transaction, seconds| {
            let mut state = state.clone();
            attempt(&mut state, &transaction, at(seconds)).unwrap();
            state
        };
        let approved = after(&registered, exchange.study(&approval), 60);
        let request = exchange.request(&approved, &by_grade("Grades"), &approval, &["north", "south"]);
        assert_eq!(request, story.requests[0]);
        let asked = after(&approved, exchange.ask(&request), ASKED);
        let accepted = after(&asked, exchange.accept("north", &request), ACCEPTED);
        let proof = story.proofs[0].clone();
        let answered = after(&accepted, exchange.release("north", &request, &proof), ACCEPTED + 60);
        World { exchange, founded, registered, approved, asked, accepted, answered, approval, request, proof }
    })
}

/// Other numbers under the same proof.
pub(crate) fn other_numbers(proof: &QueryProof) -> QueryProof {
    let mut proof = proof.clone();
    let count = proof.cells.iter_mut().find_map(|cells| match &mut cells.count {
        Cell::Value(count) => Some(count),
        _ => None,
    });
    *count.unwrap() += 5;
    proof
}

/// The same numbers under another valid proof, made without the witness: anybody can.
pub(crate) fn rerandomised(proof: &QueryProof) -> QueryProof {
    let key = STANDARD.decode(key_12().verifying().to_document().key).unwrap();
    let key = ark_groth16::VerifyingKey::<Bn254>::deserialize_uncompressed(&key[..]).unwrap();
    let old = Proof::decode(&STANDARD.decode(&proof.groth16).unwrap()).unwrap();
    let new = Proof::new(Groth16::<Bn254>::rerandomize_proof(&key, old.inner(), &mut OsRng));
    assert_ne!(new, old);
    QueryProof { groth16: new.to_base64(), ..proof.clone() }
}
