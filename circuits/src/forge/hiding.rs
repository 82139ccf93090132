//! Zero knowledge, counted: over a field of five elements, the exact joint distribution of everything that
//! a proof publishes beside its release, for tables that differ and whose releases are equal.
//!
//! What is published is a value of each column at a point, and of each multiplicity at another: linear
//! functions of data and of uniform blinding rows. (Groth16 hides the messages, Pedersen commitments their
//! contents, sigma protocols the openings; `protocol::commit` has the tests of its own parts, the rank of
//! the blinding weights at full size among them.) The points are the transcript's, whose nonce makes them
//! independent of the data; so the distributions are compared point by point.

use ark_ff::{AdditiveGroup, Field, Fp64, MontBackend, MontConfig, PrimeField};

use super::dense::{extend, weights};

#[derive(MontConfig)]
#[modulus = "5"]
#[generator = "2"]
struct FiveConfig;
type Five = Fp64<MontBackend<FiveConfig, 1>>;

/// Every point of so many coordinates.
fn points(len: usize) -> Vec<Vec<Five>> {
    (0..5u64.pow(len as u32)).map(|index| digits(index, len)).collect()
}

fn digits(index: u64, len: usize) -> Vec<Five> {
    (0..len).map(|k| Five::from(index / 5u64.pow(k as u32) % 5)).collect()
}

/// How often each list of published values occurs, over all choices of so many random elements.
fn distribution(random: usize, published: impl Fn(&[Five]) -> Vec<Five>) -> Vec<u32> {
    let mut counts = Vec::new();
    for randomness in points(random) {
        let values = published(&randomness);
        counts.resize(5usize.pow(values.len() as u32), 0);
        let index = values.iter().rev().fold(0, |index, x| 5 * index + x.into_bigint().0[0] as usize);
        counts[index] += 1;
    }
    counts
}

/// Rows of a toy table: two of data, two of blinding.
const DATA: usize = 2;
const BLIND: usize = 2;

/// The values of a column at points.
fn open(data: &[Five], blind: &[Five], at: &[&[Five]]) -> Vec<Five> {
    let column = [data, blind].concat();
    at.iter().map(|point| extend(&column, &weights(point))).collect()
}

fn rank(mut rows: Vec<Vec<Five>>) -> usize {
    let mut rank = 0;
    for column in 0..rows[0].len() {
        let Some(pivot) = (rank..rows.len()).find(|i| rows[*i][column] != Five::ZERO) else { continue };
        rows.swap(rank, pivot);
        let scale = rows[rank][column].inverse().unwrap();
        for i in rank + 1..rows.len() {
            let factor = rows[i][column] * scale;
            for j in column..rows[i].len() {
                let step = factor * rows[rank][j];
                rows[i][j] -= step;
            }
        }
        rank += 1;
    }
    rank
}

/// The weights of rows from `first` on, one line a point.
fn weights_of(at: &[&[Five]], rows: std::ops::Range<usize>) -> Vec<Vec<Five>> {
    at.iter().map(|point| weights(point)[rows.clone()].to_vec()).collect()
}

/// One column, at any two points: all 25 tables have one distribution if and only if the blinding rows' weights
/// span what the data's do; and so they do wherever their rank is full.
#[test]
fn values_hide_the_data_where_blinding_weights_have_full_rank_and_need_it() {
    let (mut full, mut leaking) = (0, 0);
    for first in points(2) {
        for second in points(2) {
            let at = [&first[..], &second[..]];
            let of = |data: &[Five]| distribution(BLIND, |blind| open(data, blind, &at));
            let reference = of(&[Five::ZERO; DATA]);
            let hides = points(DATA).iter().all(|data| of(data) == reference);
            let blinding = rank(weights_of(&at, DATA..DATA + BLIND));
            let all = rank(weights_of(&at, 0..DATA + BLIND));
            assert_eq!(hides, blinding == all, "{first:?}, {second:?}");
            if blinding == at.len() {
                // Uniform, even.
                assert!(reference.iter().all(|count| *count == reference[0]));
                full += 1;
            }
            leaking += usize::from(!hides);
        }
    }
    // Of 625 pairs; the other 20 are one point taken twice, which hides though the rank is less.
    assert_eq!((full, leaking), (320, 285));
    // A data row's own corner shows the datum.
    let corner = [Five::ONE, Five::ZERO];
    assert_ne!(
        distribution(BLIND, |blind| open(&digits(0, DATA), blind, &[&corner])),
        distribution(BLIND, |blind| open(&digits(5, DATA), blind, &[&corner]))
    );
}

/// More values than blinding rows: the budget.
#[test]
fn three_values_of_two_blinding_rows_leak() {
    let generic = [[2, 3], [3, 4], [4, 2]].map(|point| point.map(|x: u64| Five::from(x)));
    let at: Vec<&[Five]> = generic.iter().map(|point| &point[..]).collect();
    let of = |data: u64, at: &[&[Five]]| distribution(BLIND, |blind| open(&digits(data, DATA), blind, at));
    assert_eq!(of(0, &at[..2]), of(7, &at[..2]));
    assert_ne!(of(0, &at), of(7, &at));
}

/// A table of two patients, and what a query makes of it: how many have a value of at least 2.
struct Toy {
    x: [u64; DATA],
}

impl Toy {
    fn elements(values: impl IntoIterator<Item = u64>) -> Vec<Five> {
        values.into_iter().map(Five::from).collect()
    }

    fn column(&self) -> Vec<Five> {
        Self::elements(self.x)
    }

    /// The test's output, which is the selection.
    fn selection(&self) -> Vec<Five> {
        Self::elements(self.x.map(|x| u64::from(x >= 2)))
    }

    /// How often each of the four values occurs.
    fn multiplicity(&self) -> Vec<Five> {
        Self::elements((0..4).map(|v| self.x.iter().filter(|x| **x == v).count() as u64))
    }

    fn release(&self) -> usize {
        self.x.iter().filter(|x| **x >= 2).count()
    }

    /// The exact joint distribution of everything published by this query and one before it: the column at
    /// both points, the selection and the multiplicity at this query's.
    fn distribution(&self, before: &[Five], r: &[Five], r_t: &[Five]) -> Vec<u32> {
        let (x, selection, counts) = (self.column(), self.selection(), self.multiplicity());
        let (before, r, r_t) = (weights(before), weights(r), weights(r_t));
        distribution(2 * BLIND + MASK, |random| {
            let x = [&x[..], &random[..2]].concat();
            let selection = [&selection[..], &random[2..4]].concat();
            // The half b = 1: the mask, then zeros.
            let counts = [&counts[..], &random[4..], &[Five::ZERO; 4 - MASK]].concat();
            vec![extend(&x, &before), extend(&x, &r), extend(&selection, &r), extend(&counts, &r_t)]
        })
    }
}

/// Random entries of a multiplicity's masking half.
const MASK: usize = 2;

/// Whether blinding covers the difference of two data at some points: `W_data d` is in the span of `W_blind`.
fn covers(at: &[&[Five]], difference: &[Five], blinding: std::ops::Range<usize>) -> bool {
    let lines = weights_of(at, blinding.clone());
    let with: Vec<Vec<Five>> = lines
        .iter()
        .zip(weights_of(at, 0..difference.len()))
        .map(|(line, data)| {
            let gap = data.iter().zip(difference).map(|(w, d)| *w * d).sum();
            line.iter().copied().chain([gap]).collect()
        })
        .collect();
    rank(with) == rank(lines)
}

#[test]
fn everything_published_has_one_joint_distribution() {
    let (one, other) = (Toy { x: [1, 3] }, Toy { x: [2, 0] });
    assert_eq!(one.release(), other.release());
    let difference =
        |f: fn(&Toy) -> Vec<Five>| -> Vec<Five> { f(&one).into_iter().zip(f(&other)).map(|(a, b)| a - b).collect() };
    let (x, selection, counts) = (difference(Toy::column), difference(Toy::selection), difference(Toy::multiplicity));
    let blinding = DATA..DATA + BLIND;
    let (mut full, mut leaking) = (0, 0);
    let value_points = [[2, 3, 4], [1, 0, 3], [2, 2, 0], [3, 1, 2]].map(Toy::elements);
    for before in [[3, 4], [2, 3], [0, 0]].map(Toy::elements) {
        for r in points(2) {
            for r_t in &value_points {
                let hidden = covers(&[&before, &r], &x, blinding.clone())
                    && covers(&[&r], &selection, blinding.clone())
                    && covers(&[r_t], &counts, 4..4 + MASK);
                let same = one.distribution(&before, &r, r_t) == other.distribution(&before, &r, r_t);
                assert_eq!(same, hidden, "{before:?}, {r:?}, {r_t:?}");
                let full_rank = rank(weights_of(&[&before, &r], blinding.clone())) == 2
                    && rank(weights_of(&[r_t], 4..4 + MASK)) == 1;
                assert!(same || !full_rank, "{before:?}, {r:?}, {r_t:?}");
                full += usize::from(full_rank);
                leaking += usize::from(!same);
            }
        }
    }
    // Of 300; the rest hide these two tables, though not any two.
    assert_eq!((full, leaking), (64, 198));
}

/// Trap 25: two columns with one block of blinding rows. Each value is uniform, their difference is not.
#[test]
fn trap_25_shared_blinding_rows_leak() {
    let point = [Five::from(2u64), Five::from(3u64)];
    let both = |toy: &Toy, shared: bool| {
        distribution(2 * BLIND, |random| {
            let (first, second) = random.split_at(BLIND);
            let second = if shared { first } else { second };
            [open(&toy.column(), first, &[&point]), open(&toy.selection(), second, &[&point])].concat()
        })
    };
    let (one, other) = (Toy { x: [1, 3] }, Toy { x: [2, 0] });
    assert_eq!(both(&one, false), both(&other, false));
    assert_ne!(both(&one, true), both(&other, true));
}
