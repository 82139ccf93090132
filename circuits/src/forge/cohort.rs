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
use crate::testing::{OFFER, TINY, exact, integer};

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
    /// In the statement about one patient, where nothing is grouped and the tag is summed.
    pub(super) offer: Option<Offer>,
}

/// What an offer adds.
#[derive(Clone)]
pub(super) struct Offer {
    /// Registered: everybody's tag, as a number.
    pub(super) tag: Vec<F>,
    /// At query time: who is offered.
    pub(super) offered: Vec<F>,
}

/// `Phi` with the offer as its third bit.
const OFFERED_PHI: [u64; 8] = [0, 0, 0, 0, 0, 0, 0, 1];

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
            offer: None,
        };
        cohort.look_up_all();
        cohort
    }

    /// The same people, and an offer by these values of `OFFERED` at these rows.
    pub(super) fn offering(rows: &[(usize, F)]) -> Self {
        Self::offering_after(rows, |_| ())
    }

    /// The same with other registered columns.
    pub(super) fn offering_after(rows: &[(usize, F)], change: impl FnOnce(&mut Self)) -> Self {
        let mut tag = column("tag", (0..PEOPLE.len()).map(|_| 0));
        (0..PEOPLE.len()).for_each(|row| tag[row] = F::from(person_tag(row)));
        let mut offered = column("offered", (0..PEOPLE.len()).map(|_| 0));
        rows.iter().for_each(|(row, value)| offered[*row] = *value);
        let mut cohort = Self { offer: Some(Offer { tag, offered }), ..Self::honest() };
        change(&mut cohort);
        cohort.look_up_all();
        cohort
    }

    /// The shape that it is proved in.
    pub(super) fn shape(&self) -> Shape {
        if self.offer.is_some() { OFFER } else { TINY }
    }

    /// Fills in every lookup's output and multiplicity, in the order in which they depend on each other.
    fn look_up_all(&mut self) {
        [TEST, SELECTION, BINS].into_iter().for_each(|lookup| self.look_up(lookup));
    }

    /// The public table of a lookup.
    fn table(&self, lookup: usize) -> [u64; 8] {
        if self.offer.is_some() && lookup == SELECTION { OFFERED_PHI } else { TABLES[lookup] }
    }

    /// The input of a lookup, as the plan wires it.
    pub(super) fn input(&self, lookup: usize) -> Vec<F> {
        match lookup {
            SELECTION => (0..TINY.rows()).map(|row| self.key(row)).collect(),
            _ => self.x.clone(),
        }
    }

    fn key(&self, row: usize) -> F {
        let offered = self.offer.as_ref().map_or(F::ZERO, |offer| offer.offered[row]);
        self.consent[row] + (self.outputs[TEST][row] + offered.double()).double()
    }

    /// The group's number, as the plan wires it.
    pub(super) fn group(&self) -> Vec<F> {
        if self.offer.is_some() {
            return vec![F::ZERO; TINY.rows()];
        }
        (0..TINY.rows()).map(|row| self.outputs[BINS][row] + self.flag[row].double()).collect()
    }

    /// Fills in a lookup's output and multiplicity from its input.
    pub(super) fn look_up(&mut self, lookup: usize) {
        let input = self.input(lookup);
        self.multiplicities[lookup][..TINY.values()].fill(F::ZERO);
        for row in 0..Self::DECLARED_ROWS {
            let value = integer(input[row]) as usize;
            self.outputs[lookup][row] = F::from(self.table(lookup)[value]);
            self.multiplicities[lookup][value] += F::from(1u64);
        }
    }

    /// The tables that the argument is about.
    pub(super) fn dense(&self) -> Dense {
        let lookup = |j: usize| DenseLookup {
            input: self.input(j),
            output: self.outputs[j].clone(),
            table: self.table(j).iter().map(|entry| F::from(*entry)).collect(),
            multiplicity: self.multiplicities[j].clone(),
        };
        Dense {
            declared_rows: Self::DECLARED_ROWS,
            lookups: [TEST, SELECTION, BINS].map(lookup).to_vec(),
            selection: self.outputs[SELECTION].clone(),
            y: self.offer.as_ref().map_or(&self.x, |offer| &offer.tag).clone(),
            z: if self.offer.is_some() { vec![F::ZERO; TINY.rows()] } else { self.z.clone() },
            group: self.group(),
            flags: vec![self.consent.clone(), self.offer.as_ref().map_or(&self.flag, |offer| &offer.offered).clone()],
            chain: None,
        }
    }

    /// The aggregates of the columns as committed.
    pub(super) fn aggregates(&self) -> Vec<GroupSums> {
        self.dense().aggregates(&self.shape())
    }

    /// Stands for the context digest: over the commitments of the registered columns, whole as they are.
    pub(super) fn context(&self) -> Digest {
        let tag = self.offer.iter().map(|offer| &offer.tag);
        digest("context", [&self.x, &self.z, &self.consent, &self.flag].into_iter().chain(tag))
    }

    /// Stands for the digest of the query-time commitments.
    pub(super) fn commitments(&self) -> Digest {
        let offered = self.offer.iter().map(|offer| &offer.offered);
        digest("commitments", self.outputs.iter().chain(&self.multiplicities).chain(offered))
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

/// Somebody's tag: 128 bits.
pub(super) fn person_tag(row: usize) -> u128 {
    let mut bytes = [0; 16];
    let digest = Hasher::new("test").str("a person's tag").u64(row as u64).finish();
    bytes.copy_from_slice(&digest.as_bytes()[..16]);
    u128::from_be_bytes(bytes)
}

/// The rows of those who consent and meet the criteria, from the people alone.
pub(super) fn eligible() -> impl Iterator<Item = usize> {
    let meets = |[x, _, consent, _]: &[u64; 4]| *consent == 1 && (2..=5).contains(x);
    PEOPLE.iter().enumerate().filter(move |(_, person)| meets(person)).map(|(row, _)| row)
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

/// The cells that claimed aggregates would give.
pub(super) fn cells_of(aggregates: &[GroupSums], params: &ReleaseParams) -> Vec<GroupCells> {
    release(&exact(aggregates), params)
}

/// Everything to the digit, so that every lie about an aggregate shows; products are not asked for.
pub(super) const EXACT: ReleaseParams =
    ReleaseParams { k: 1, b: 1, show_zero: true, sums: [SumParams::EXACT, SumParams::EXACT, SumParams::OFF] };
