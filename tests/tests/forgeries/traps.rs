//! Traps that go from a query to its challenges.

use std::collections::BTreeMap;

use cohortium_circuits::clause::Relation;
use cohortium_circuits::native::{Challenges, Coins};
use cohortium_protocol::bundle::Context;
use cohortium_protocol::field::{F, digest_limbs};
use cohortium_protocol::hash::Digest;
use cohortium_protocol::policy::effective;
use cohortium_protocol::query::{LookupTable, Plan};
use cohortium_protocol::shape::Shape;

use crate::common::{Rich, rich};

const SHAPE: Shape = Shape::QUERY_12;

/// The context digest of the rich answer, were this its plan.
fn context(rich: &Rich, plan: &Plan) -> Digest {
    let bundle = &rich.bundle;
    let policy = effective(Some(&bundle.policy_floor), Some(&bundle.approval.policy)).unwrap();
    let params = policy.release_params(&rich.north.plan(&rich.query), &bundle.schema, true).unwrap();
    Context {
        request: &bundle.request,
        site: &bundle.site,
        plan,
        approval: &bundle.approval,
        policy: &policy,
        rule: &params.into(),
        noise: None,
        shape: &SHAPE,
        verifying_key: bundle.request.site(&bundle.site).unwrap().verifying_key,
        manifest: bundle.manifest.digest(),
        epoch: bundle.epoch.digest(),
    }
    .digest()
}

/// What is drawn after the aggregates, all else being equal.
fn drawn(context: &Digest) -> Challenges {
    let mut coins = Coins::new(Relation::whole(), &SHAPE);
    coins.statement(digest_limbs(context), [F::from(1u64), F::from(2u64)], F::from(3u64));
    coins.aggregates(&vec![[F::from(4u64); 4]; SHAPE.groups])
}

/// The table with one entry changed.
fn changed(table: &LookupTable, entry: usize) -> LookupTable {
    let mut outputs = table.expand(SHAPE.values());
    outputs[entry] ^= 1;
    LookupTable::from_outputs(outputs)
}

/// Trap 26: Fiat-Shamir over GKR is safe because whatever varies with the query is said before `alpha`. One entry of
/// a test's table, of the truth table `Phi` or of a grouping's bins makes another context digest, and another
/// `alpha`, `beta`, `gamma` and weights with it.
#[test]
fn trap_26_tables_bins_and_phi_are_said_before_alpha() {
    let rich = rich();
    let plan = rich.north.plan(&rich.query);
    let names: Vec<String> = plan.lookups.iter().map(|lookup| lookup.output.to_string()).collect();
    for kind in ["query:test.", "query:selection", "query:bin."] {
        assert!(names.iter().any(|name| name.starts_with(kind)), "{kind}: {names:?}");
    }
    let mut seen = BTreeMap::new();
    let mut look = |what: String, plan: &Plan| {
        let digest = context(rich, plan);
        let Challenges { alpha, beta, gamma, aggregate_weights, lookup_weights } = drawn(&digest);
        let all = [alpha, beta, gamma].into_iter().chain(aggregate_weights).chain(lookup_weights);
        for challenge in all.map(|challenge| challenge.to_string()).chain([digest.to_string()]) {
            if let Some(before) = seen.insert(challenge, what.clone()) {
                panic!("{what} and {before} share a challenge");
            }
        }
    };
    look("the plan".to_owned(), &plan);
    for (place, name) in names.iter().enumerate() {
        for entry in [0, 1, 30, 65_535] {
            let mut other = plan.clone();
            other.lookups[place].table = changed(&plan.lookups[place].table, entry);
            look(format!("{name}, entry {entry}"), &other);
        }
    }
    // And what the tables are looked up by.
    let mut other = plan.clone();
    other.lookups.swap(0, 1);
    look("two tests exchanged".to_owned(), &other);
    let mut other = plan.clone();
    other.flags.swap(0, 1);
    look("two flags exchanged".to_owned(), &other);
}
