//! Ten people, a query about them, and its true answer.
//!
//! The query: of those with active consent whose `x` is from 2 to 5, count, sum `x`, its squares, and `x z`,
//! by whether `x` is at least 4 and by a flag. It needs three lookups, all that [`TINY`] has.

use ark_ff::AdditiveGroup;
use cohortium_protocol::field::{F, to_bytes};
use cohortium_protocol::hash::{Digest, Hasher};
use cohortium_protocol::policy::{GroupAggregates, GroupCells, ReleaseParams, SumParams, release};
use cohortium_protocol::shape::Shape;

use super::dealer::Statement;
use super::dense::{Dense, DenseLookup};
use crate::messages::GroupSums;
use crate::testing::{TINY, integer};

/// The people: `x, z, consent, flag`.
const PEOPLE: [[u64; 4]; 10] = [
    [3, 5, 1, 0],
    [3, 2, 1, 0],
    [4, 1, 1, 1],
    [5, 7, 1, 0],
    [6, 4, 1, 0],
    [0, 3, 0, 1],
    [2, 6, 0, 0],
    [5, 0, 1, 1],
    [3, 4, 1, 0],
    [0, 1, 1, 0],
];

/// Somebody with consent, `x = 6`: outside the test, in the upper bin.
pub(super) const OUTSIDER: usize = 4;
/// Two people with `x = 0`: outside the test, in the lower bin. The second has consent.
pub(super) const TWINS: [usize; 2] = [5, 9];
/// A value that nobody has, in any lookup; every table but the bins' is 0 there.
pub(super) const UNUSED_VALUE: usize = 7;

/// The public tables of the three lookups, in order: the test, the selection, the bins.
pub(super) const TABLES: [[u64; 8]; 3] = [[0, 0, 1, 1, 1, 1, 0, 0], [0, 0, 0, 1, 0, 0, 0, 0], [0, 0, 0, 0, 1, 1, 1, 1]];
/// The lookups' numbers.
pub(super) const TEST: usize = 0;
pub(super) const SELECTION: usize = 1;
pub(super) const BINS: usize = 2;

/// The committed columns and multiplicities, whoever committed them. Every column of its own is committed
/// once; what is derived from it is wired, as a verifier would wire it.
#[derive(Clone)]
pub(super) struct Cohort {
    /// Registered: in the manifest, and in the epoch the consent.
    pub(super) x: Vec<F>,
    pub(super) z: Vec<F>,
    pub(super) consent: Vec<F>,
    pub(super) flag: Vec<F>,
    /// At query time: the lookups' outputs and multiplicities.
    pub(super) outputs: [Vec<F>; 3],
    pub(super) multiplicities: [Vec<F>; 3],
}

/// Field elements that stand for randomness: blinding rows and masks.
fn random(label: &str, count: usize) -> Vec<F> {
    let element = |i: usize| {
        let digest = Hasher::new("test").str(label).u64(i as u64).finish();
        <F as ark_ff::PrimeField>::from_be_bytes_mod_order(digest.as_bytes())
    };
    (0..count).map(element).collect()
}

fn column(label: &str, data: impl Iterator<Item = u64>) -> Vec<F> {
    let mut out: Vec<F> = data.map(F::from).collect();
    out.extend(random(label, TINY.blinding_rows));
    out.resize(TINY.rows(), F::ZERO);
    out
}

impl Cohort {
    pub(super) const SHAPE: Shape = TINY;
    pub(super) const DECLARED_ROWS: usize = PEOPLE.len();

    /// What an honest hospital commits.
    pub(super) fn honest() -> Self {
        let registered = |i: usize, name: &str| column(name, PEOPLE.iter().map(|person| person[i]));
        let mut cohort = Self {
            x: registered(0, "x"),
            z: registered(1, "z"),
            consent: registered(2, "consent"),
            flag: registered(3, "flag"),
            outputs: ["test", "selection", "bins"].map(|name| column(name, [0; PEOPLE.len()].into_iter())),
            multiplicities: ["test", "selection", "bins"].map(|name| {
                let mut out = vec![F::ZERO; TINY.values()];
                out.extend(random(name, 8));
                out
            }),
        };
        for lookup in [TEST, SELECTION, BINS] {
            cohort.look_up(lookup);
        }
        cohort
    }

    /// The input of a lookup, as the plan wires it.
    pub(super) fn input(&self, lookup: usize) -> Vec<F> {
        match lookup {
            SELECTION => (0..TINY.rows()).map(|row| self.consent[row] + self.outputs[TEST][row].double()).collect(),
            _ => self.x.clone(),
        }
    }

    /// The group's number, as the plan wires it.
    pub(super) fn group(&self) -> Vec<F> {
        (0..TINY.rows()).map(|row| self.outputs[BINS][row] + self.flag[row].double()).collect()
    }

    /// Fills in a lookup's output and multiplicity from its input.
    pub(super) fn look_up(&mut self, lookup: usize) {
        let input = self.input(lookup);
        self.multiplicities[lookup][..TINY.values()].fill(F::ZERO);
        for row in 0..Self::DECLARED_ROWS {
            let value = integer(input[row]) as usize;
            self.outputs[lookup][row] = F::from(TABLES[lookup][value]);
            self.multiplicities[lookup][value] += F::from(1u64);
        }
    }

    /// The tables that the argument is about.
    pub(super) fn dense(&self) -> Dense {
        let lookup = |j: usize| DenseLookup {
            input: self.input(j),
            output: self.outputs[j].clone(),
            table: TABLES[j].iter().map(|entry| F::from(*entry)).collect(),
            multiplicity: self.multiplicities[j].clone(),
        };
        Dense {
            declared_rows: Self::DECLARED_ROWS,
            lookups: [TEST, SELECTION, BINS].map(lookup).to_vec(),
            selection: self.outputs[SELECTION].clone(),
            y: self.x.clone(),
            z: self.z.clone(),
            group: self.group(),
            flags: vec![self.consent.clone(), self.flag.clone()],
            chain: None,
        }
    }

    /// The aggregates of the columns as committed.
    pub(super) fn aggregates(&self) -> Vec<GroupSums> {
        self.dense().aggregates(&TINY)
    }

    /// Stands for the context digest: over the commitments of the registered columns, whole as they are.
    pub(super) fn context(&self) -> Digest {
        digest("context", [&self.x, &self.z, &self.consent, &self.flag])
    }

    /// Stands for the digest of the query-time commitments.
    pub(super) fn commitments(&self) -> Digest {
        digest("commitments", self.outputs.iter().chain(&self.multiplicities))
    }

    /// What the transcript starts from.
    pub(super) fn statement(&self) -> Statement {
        Statement { context: self.context(), commitments: self.commitments(), nonce: F::from(0xC0_FFEE_u64) }
    }
}

fn digest<'a>(name: &str, columns: impl IntoIterator<Item = &'a Vec<F>>) -> Digest {
    let mut hasher = Hasher::new("test");
    hasher.str(name);
    for x in columns.into_iter().flatten() {
        hasher.bytes(&to_bytes(x));
    }
    hasher.finish()
}

/// The query's true aggregates, from the people alone.
pub(super) fn truth() -> Vec<GroupAggregates> {
    let mut groups = vec![GroupAggregates::default(); TINY.groups];
    for [x, z, consent, flag] in PEOPLE {
        if consent == 1 && (2..=5).contains(&x) {
            let sums = &mut groups[usize::from(x >= 4) + 2 * flag as usize];
            sums.n += 1;
            sums.s += x;
            sums.ss += x * x;
            sums.p += x * z;
        }
    }
    groups
}

/// The query's true answer under a release rule.
pub(super) fn true_cells(params: &ReleaseParams) -> Vec<GroupCells> {
    release(&truth(), params)
}

/// Claimed aggregates as whole numbers.
pub(super) fn exact(aggregates: &[GroupSums]) -> Vec<GroupAggregates> {
    aggregates.iter().map(|sums| sums.map(integer)).map(|[n, s, ss, p]| GroupAggregates { n, s, ss, p }).collect()
}

/// The cells that claimed aggregates would give.
pub(super) fn cells_of(aggregates: &[GroupSums], params: &ReleaseParams) -> Vec<GroupCells> {
    release(&exact(aggregates), params)
}

/// Everything to the digit, so that every lie about an aggregate shows; products are not asked for.
pub(super) const EXACT: ReleaseParams =
    ReleaseParams { k: 1, b: 1, show_zero: true, sums: [SumParams::EXACT, SumParams::EXACT, SumParams::OFF] };
