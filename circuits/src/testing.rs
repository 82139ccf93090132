//! Tiny shapes and random witnesses for this crate's tests.

use ark_ff::{AdditiveGroup, Field, UniformRand};
use cohortium_protocol::field::{F, digest_limbs};
use cohortium_protocol::hash::{Digest, Hasher};
use cohortium_protocol::noise::NoiseLaw;
use cohortium_protocol::policy::{
    GroupAggregates, GroupCells, NoisedParams, ReleaseParams, SumParams, release, release_noised,
};
use cohortium_protocol::shape::{NoiseLayout, NoiseShape, Proves, Shape};
use cohortium_protocol::statement::{
    Evaluations, NoiseInputs, OfferInputs, PublicChallenges, QueryPublic, ReleaseRule,
};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::clause::Relation;
use crate::eq;
use crate::messages::{GroupSums, Messages};
use crate::noise::draw;
use crate::nullifier::hash;
use crate::prove::{LookupWitness, QueryWitness, RowColumn};
use crate::seeds::commitment;

/// Sixteen rows, values below 8, three lookups, four groups.
pub(crate) const TINY: Shape = Shape {
    name: "tiny",
    proves: Proves::Query,
    row_bits: 4,
    value_bits: 3,
    slot_bits: 2,
    groups: 4,
    blinding_rows: 3,
    row_split: 2,
    value_split: 2,
    noise: None,
};

/// As `TINY`, with room for eight steps and a chain.
pub(crate) const TINY_TABLE: Shape =
    Shape { name: "tiny-table", proves: Proves::Table, slot_bits: 4, groups: 1, ..TINY };
/// As `TINY`, about one patient.
pub(crate) const OFFER: Shape = Shape { name: "offer", proves: Proves::Eligibility, groups: 1, ..TINY };

/// Sixty digits in two blocks.
pub(crate) const TINY_NOISE: NoiseShape = NoiseShape {
    digits: 60,
    layouts: &[
        NoiseLayout { groups: 4, digits: [15, 0, 0, 0] },
        NoiseLayout { groups: 4, digits: [5, 5, 5, 0] },
        NoiseLayout { groups: 1, digits: [15, 15, 15, 15] },
    ],
};

/// As `TINY`, with noise.
pub(crate) const NOISY: Shape = Shape { name: "noisy", noise: Some(&TINY_NOISE), ..TINY };

/// Counts from 2, rounded to 3, a sum and squares with noise in so many groups. Whatever a row adds, the noise is that of a
/// count, so that it has few digits.
pub(crate) fn noise_params(groups: usize, epsilon: &str) -> NoisedParams {
    let law = || Some(NoiseLaw::new(epsilon.parse().unwrap(), 1).unwrap());
    NoisedParams::fit(2, 3, [law(), law(), law(), None], groups, &TINY_NOISE).unwrap()
}

/// What a verifier derives of a release under noise with this seed.
pub(crate) fn noise_inputs(groups: usize, seed: F) -> NoiseInputs {
    NoiseInputs { params: noise_params(groups, "1.5"), seed, beacon: digest("beacon") }
}

/// As `TINY`, with more rows than values, more values than rows, or the same, with noise, and about one patient.
pub(crate) fn tiny_shapes() -> [Shape; 6] {
    [
        TINY,
        Shape { name: "tiny-wide", row_bits: 3, value_bits: 5, ..TINY },
        Shape { name: "tiny-even", row_bits: 4, value_bits: 4, slot_bits: 3, groups: 6, ..TINY },
        Shape { name: "tiny-tall", row_bits: 7, value_bits: 3, ..TINY },
        NOISY,
        OFFER,
    ]
}

pub(crate) fn rng(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}

pub(crate) fn digest(text: &str) -> Digest {
    Hasher::new("test").str(text).finish()
}

fn blinds(rng: &mut StdRng, shape: &Shape) -> Vec<F> {
    (0..shape.blinding_rows).map(|_| F::rand(rng)).collect()
}

pub(crate) fn column(rng: &mut StdRng, shape: &Shape, data: Vec<u32>) -> RowColumn {
    RowColumn { data, blind: blinds(rng, shape) }
}

/// A lookup of an input column in a table.
pub(crate) fn lookup(rng: &mut StdRng, shape: &Shape, input: &RowColumn, table: Vec<u16>) -> LookupWitness {
    let output = column(rng, shape, input.data.iter().map(|v| table[*v as usize].into()).collect());
    let counts = LookupWitness::count(input, shape);
    let mask = (0..8).map(|_| F::rand(rng)).collect();
    LookupWitness { input: input.clone(), output, table, counts, mask }
}

/// A random query: a test of `X` and a flag select, a flag and a bins lookup group, `Y = X` is summed, and
/// products with `Z` where the shape has room. In the shape of an offer, the first row is offered, and meets the criteria.
pub(crate) fn witness(rng: &mut StdRng, shape: &Shape, declared_rows: usize) -> QueryWitness {
    if shape.proves == Proves::Eligibility {
        return offer_witness(rng, shape, declared_rows);
    }
    let values = shape.values() as u32;
    let random = |rng: &mut StdRng, below: u32| (0..declared_rows).map(|_| rng.gen_range(0..below)).collect();
    let x = random(rng, values);
    let x = column(rng, shape, x);
    let z = random(rng, values);
    let z = column(rng, shape, z);
    let consent = random(rng, 2);
    let consent = column(rng, shape, consent);
    let flag = random(rng, 2);
    let flag = column(rng, shape, flag);
    let test_table = (0..values).map(|_| rng.gen_range(0..2)).collect();
    let test = lookup(rng, shape, &x, test_table);
    let key = RowColumn::linear([(1, &consent), (2, &test.output)]);
    let phi = (0..values).map(|v| u16::from(v == 3)).collect();
    let selection = lookup(rng, shape, &key, phi);
    let bins_table = (0..values).map(|v| u16::from(v >= values / 2)).collect();
    let bins = lookup(rng, shape, &x, bins_table);
    let group = RowColumn::linear([(1, &bins.output), (2, &flag)]);
    QueryWitness {
        declared_rows,
        selection: selection.output.clone(),
        lookups: vec![test, selection, bins],
        y: Some((&x).into()),
        z: Some(z),
        group,
        flags: vec![consent, flag],
    }
}

/// A random offer: the first row consents and meets the test, whatever the others do; tags are as wide as any.
fn offer_witness(rng: &mut StdRng, shape: &Shape, declared_rows: usize) -> QueryWitness {
    let values = shape.values() as u32;
    let below = |rng: &mut StdRng, end: u32, first: u32| {
        (0..declared_rows).map(|row| if row == 0 { first } else { rng.gen_range(0..end) }).collect()
    };
    let x = below(rng, values, 1);
    let x = column(rng, shape, x);
    let consent = below(rng, 2, 1);
    let consent = column(rng, shape, consent);
    let offered = column(rng, shape, (0..declared_rows).map(|row| u32::from(row == 0)).collect());
    let test = lookup(rng, shape, &x, (0..values).map(|v| u16::from(v % 2 == 1)).collect());
    let key = RowColumn::linear([(1, &consent), (2, &test.output), (4, &offered)]);
    let selection = lookup(rng, shape, &key, (0..values).map(|v| u16::from(v == 7)).collect());
    let tags = RowColumn { data: (0..declared_rows).map(|_| rng.r#gen()).collect(), blind: blinds(rng, shape) };
    QueryWitness {
        declared_rows,
        selection: selection.output.clone(),
        lookups: vec![test, selection],
        y: Some(tags),
        z: None,
        group: RowColumn::default(),
        flags: vec![consent, offered],
    }
}

/// Every column as a dense table.
pub(crate) fn dense(shape: &Shape, column: &RowColumn) -> Vec<F> {
    (0..shape.rows()).map(|row| column.at(row)).collect()
}

/// `Y` as a dense table, 0 where there is none.
pub(crate) fn dense_y(shape: &Shape, witness: &QueryWitness) -> Vec<F> {
    (0..shape.rows()).map(|row| witness.y.as_ref().map_or(F::ZERO, |column| column.at(row))).collect()
}

/// `m'_j` as a dense table.
pub(crate) fn dense_counts(shape: &Shape, lookup: &LookupWitness) -> Vec<F> {
    let mut out: Vec<F> = lookup.counts.iter().map(|count| F::from(*count)).collect();
    out.resize(2 * shape.values(), F::ZERO);
    out[shape.values()..][..lookup.mask.len()].copy_from_slice(&lookup.mask);
    out
}

/// What a verifier would derive, by the plain definition of every evaluation.
pub(crate) fn evaluations(shape: &Shape, witness: &QueryWitness, at: &PublicChallenges) -> Evaluations {
    let row = |column: &RowColumn| eq::evaluate(&dense(shape, column), &at.row_point);
    let optional = |column: &Option<RowColumn>| column.as_ref().map_or(F::ZERO, row);
    let occupied: Vec<F> = (0..shape.rows()).map(|row| F::from(row < witness.declared_rows)).collect();
    let slots = shape.max_lookups();
    let per_lookup = |f: &dyn Fn(&LookupWitness) -> F, unused: F| {
        (0..slots).map(|j| witness.lookups.get(j).map_or(unused, f)).collect::<Vec<F>>()
    };
    let table = |entries: &[u16]| {
        let dense: Vec<F> = entries.iter().map(|x| F::from(*x)).collect();
        eq::evaluate(&dense, &at.table_point)
    };
    let mut power = F::ONE;
    let mut flags = F::ZERO;
    for flag in &witness.flags {
        power *= at.mu;
        let value = row(flag);
        flags += power * (value.square() - value);
    }
    let zeros = vec![F::ZERO; at.value_point.len()];
    let unused = F::from(witness.declared_rows as u64) * eq::eq(&zeros, &at.value_point);
    Evaluations {
        occupied: eq::evaluate(&occupied, &at.row_point),
        flags,
        selection: row(&witness.selection),
        y: eq::evaluate(&dense_y(shape, witness), &at.row_point),
        z: optional(&witness.z),
        group: row(&witness.group),
        inputs: per_lookup(&|lookup| row(&lookup.input), F::ZERO),
        outputs: per_lookup(&|lookup| row(&lookup.output), F::ZERO),
        tables: per_lookup(&|lookup| table(&lookup.table), F::ZERO),
        multiplicities: per_lookup(&|l| eq::evaluate(&dense_counts(shape, l), &at.value_point), unused),
    }
}

/// Rounded to a base, and suppressed where that would be 0. No policy gives it; the circuit takes it of squares and
/// products.
pub(crate) const fn rounded(base: u64) -> SumParams {
    SumParams { on: true, base, dominance: base - base / 2, most: None }
}

/// A release rule under which tiny tables have cells of every kind.
pub(crate) fn params() -> ReleaseParams {
    ReleaseParams { k: 2, b: 3, show_zero: true, sums: [SumParams::EXACT, rounded(9), rounded(20)] }
}

pub(crate) fn integer(x: F) -> u64 {
    use ark_ff::PrimeField;
    x.into_bigint().0[0]
}

/// The public inputs for a witness, with the cells that the policy gives; where they are noised, the messages get the noise.
pub(crate) fn public(
    shape: &Shape,
    witness: &QueryWitness,
    params: ReleaseParams,
    challenges: PublicChallenges,
    messages: &mut Messages,
) -> QueryPublic {
    let (rule, cells) = settle(shape, params, &witness.aggregates(shape), messages);
    QueryPublic {
        context: digest("context"),
        commitments: digest("commitments"),
        evaluations: evaluations(shape, witness, &challenges),
        challenges,
        rule,
        cells,
    }
}

/// The scope of the tests' offers.
pub(crate) fn scope() -> Digest {
    digest("scope")
}

/// Aggregates as whole numbers.
pub(crate) fn exact(aggregates: &[GroupSums]) -> Vec<GroupAggregates> {
    aggregates.iter().map(|sums| sums.map(integer)).map(|[n, s, ss, p]| GroupAggregates { n, s, ss, p }).collect()
}

/// The rule and the cells of exact aggregates: by the parameters, or with noise in shapes that have it, whose witness goes
/// into the messages; or the nullifier of the sum.
pub(crate) fn settle(
    shape: &Shape,
    params: ReleaseParams,
    aggregates: &[GroupSums],
    messages: &mut Messages,
) -> (ReleaseRule, Vec<GroupCells>) {
    if shape.proves == Proves::Eligibility {
        let nullifier = hash(&Relation::whole(), aggregates[0][1], digest_limbs(&scope()));
        return (ReleaseRule::Offered(OfferInputs { scope: scope(), nullifier }), Vec::new());
    }
    let exact = &exact(aggregates);
    let Some(noise) = shape.noise else { return (params.into(), release(exact, &params)) };
    let seed = [9; 32];
    let inputs = noise_inputs(shape.groups, commitment(&seed));
    let thresholds = inputs.params.thresholds(noise);
    let drawn = draw(&seed, &inputs.beacon, &digest("context"), &thresholds, noise).unwrap();
    let cells = release_noised(exact, &drawn.by_group(noise, inputs.params.layout(), shape.groups), &inputs.params);
    messages.noise = Some(drawn);
    (ReleaseRule::Noised(Box::new(inputs)), cells)
}
