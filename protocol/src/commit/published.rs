//! Zero knowledge of everything that leaves, at once: commitments, challenges, values of columns and of
//! multiplicities, and both openings' messages, of an answer and of one before it over the same column.
//!
//! Over toy fields, whose additive group stands for the curve: hiding needs no hardness. What is left out is the
//! release, which is equal by assumption, and the Groth16 proof, whose distribution depends on the public
//! inputs alone, whatever the witness is. The statement page says why that is all.

use ark_ff::{Field, Fp64, MontBackend, MontConfig, PrimeField};
use rayon::prelude::*;

use super::fold::{eq_table, inner_product};
use super::opening::answer;

#[derive(MontConfig)]
#[modulus = "3"]
#[generator = "2"]
struct ThreeConfig;
type Three = Fp64<MontBackend<ThreeConfig, 1>>;

#[derive(MontConfig)]
#[modulus = "5"]
#[generator = "2"]
struct FiveConfig;
type Five = Fp64<MontBackend<FiveConfig, 1>>;

/// How a column is laid out: data, so many blinding rows, zeros; matrix rows of `2^(variables - split)`.
#[derive(Clone, Copy)]
struct Layout {
    variables: usize,
    split: usize,
    blinding: usize,
}

impl Layout {
    /// Random elements that committing takes: blinding rows, and a scalar each matrix row.
    fn randomness(&self) -> usize {
        self.blinding + (1 << self.split)
    }

    /// Random elements that an opening takes: a mask row and its scalar.
    fn mask(&self) -> usize {
        (1 << (self.variables - self.split)) + 1
    }
}

/// A committed column.
struct Column<T> {
    layout: Layout,
    entries: Vec<T>,
    scalars: Vec<T>,
}

fn pedersen<T: Field>(row: &[T], scalar: T) -> T {
    let generators: Vec<T> = (0..row.len() as u64).map(|i| T::from(i + 1)).collect();
    inner_product(row, &generators) + T::from(2u64) * scalar
}

impl<T: Field> Column<T> {
    fn new(layout: Layout, data: &[T], randomness: &[T]) -> Self {
        let (blinding, scalars) = randomness.split_at(layout.blinding);
        let mut entries = [data, blinding].concat();
        entries.resize(1 << layout.variables, T::ZERO);
        Self { layout, entries, scalars: scalars.to_vec() }
    }

    fn commit(&self, out: &mut Vec<T>) {
        let rows = self.entries.chunks(1 << (self.layout.variables - self.layout.split));
        out.extend(rows.zip(&self.scalars).map(|(row, scalar)| pedersen(row, *scalar)));
    }

    /// The row and the scalar folded at the point's last coordinates, and the weights of its first.
    fn fold(&self, point: &[T]) -> (Vec<T>, T, Vec<T>) {
        let (low, high) = point.split_at(self.layout.variables - self.layout.split);
        let (low, high) = (eq_table(low), eq_table(high));
        let width = low.len();
        let row = (0..width)
            .map(|j| high.iter().enumerate().map(|(i, weight)| *weight * self.entries[i * width + j]).sum())
            .collect();
        (row, inner_product(&self.scalars, &high), low)
    }
}

/// Publishes values of columns at a point, and their opening. A challenge is a function of all that has been
/// published.
fn open<T: Field>(
    columns: &[&Column<T>],
    point: &[T],
    mask: &[T],
    challenge: &mut impl FnMut(&[T]) -> T,
    out: &mut Vec<T>,
) {
    let folded: Vec<_> = columns.iter().map(|column| column.fold(point)).collect();
    let low = &folded[0].2;
    out.extend(folded.iter().map(|(row, ..)| inner_product(row, low)));
    let batching = challenge(out);
    let (mut row, mut scalar, mut weight) = (vec![T::ZERO; low.len()], T::ZERO, T::ONE);
    for (column, blinding, _) in &folded {
        row.iter_mut().zip(column).for_each(|(sum, entry)| *sum += weight * entry);
        scalar += weight * blinding;
        weight *= batching;
    }
    let (mask_row, mask_scalar) = mask.split_at(low.len());
    out.extend([pedersen(mask_row, mask_scalar[0]), inner_product(mask_row, low)]);
    let sigma = challenge(out);
    out.extend(mask_row.iter().zip(&row).map(|(d, u)| answer(d, &sigma, u)));
    out.push(answer(&mask_scalar[0], &sigma, &scalar));
}

/// A toy site's columns: registered, selection, multiplicity.
struct Toy<T> {
    column: Vec<T>,
    selection: Vec<T>,
    multiplicity: Vec<T>,
    rows: Layout,
    values: Layout,
}

impl<T: Field> Toy<T> {
    /// Patients with these values, of which those from a bound on are selected, of so many values.
    fn new(x: &[u64], from: u64, values: u64, [rows, values_layout]: [Layout; 2]) -> Self {
        let counts = (0..values).map(|v| x.iter().filter(|x| **x == v).count() as u64);
        Self {
            column: x.iter().map(|x| T::from(*x)).collect(),
            selection: x.iter().map(|x| T::from(u64::from(*x >= from))).collect(),
            multiplicity: counts.map(T::from).collect(),
            rows,
            values: values_layout,
        }
    }

    fn release(&self) -> T {
        self.selection.iter().sum()
    }

    /// Random elements of an answer, and of one before it.
    fn randomness(&self, before: bool) -> usize {
        let of_columns = 2 * self.rows.randomness() + self.values.randomness();
        of_columns + self.rows.mask() + self.values.mask() + if before { self.rows.mask() } else { 0 }
    }

    /// Everything published, at these points.
    fn publish(
        &self,
        randomness: &[T],
        before: Option<&[T]>,
        row_point: &[T],
        value_point: &[T],
        mut challenge: impl FnMut(&[T]) -> T,
    ) -> Vec<T> {
        let mut left = randomness;
        let mut take = |count: usize| {
            let (taken, rest) = left.split_at(count);
            left = rest;
            taken
        };
        let column = Column::new(self.rows, &self.column, take(self.rows.randomness()));
        let selection = Column::new(self.rows, &self.selection, take(self.rows.randomness()));
        let multiplicity = Column::new(self.values, &self.multiplicity, take(self.values.randomness()));
        let mut out = Vec::with_capacity(40);
        column.commit(&mut out);
        if let Some(point) = before {
            open(&[&column], point, take(self.rows.mask()), &mut challenge, &mut out);
        }
        selection.commit(&mut out);
        multiplicity.commit(&mut out);
        open(&[&column, &selection], row_point, take(self.rows.mask()), &mut challenge, &mut out);
        open(&[&multiplicity], value_point, take(self.values.mask()), &mut challenge, &mut out);
        out
    }
}

fn digit<T: PrimeField>(x: T) -> u64 {
    x.into_bigint().as_ref()[0]
}

/// The elements of a field that are the digits of a number.
fn digits<T: PrimeField>(index: u64, count: usize) -> Vec<T> {
    let p = T::MODULUS.as_ref()[0];
    (0..count as u32).map(|k| T::from(index / p.pow(k) % p)).collect()
}

/// Stands for SHA-256: some function.
fn mixed<T: PrimeField>(published: &[T]) -> T {
    T::from(published.iter().fold(7u64, |sum, x| ((sum * 31 + digit(*x) + 1) % 65_521) ^ (sum >> 3)))
}

/// What is published with one nonce or another, over all randomness: each as a number, sorted.
///
/// The nonce moves the points by what the argument's messages are, which depend on the data: a random oracle whose
/// input holds a uniform nonce.
fn counted(toy: &Toy<Three>, messages: u64, row_point: Three) -> Vec<u32> {
    let nonce = row_point - Three::from(messages);
    assert_eq!(nonce + Three::from(messages), row_point, "every point has its nonce");
    let random = toy.randomness(false);
    let mut out: Vec<u32> = (0..3u64.pow(random as u32))
        .into_par_iter()
        .map(|index| {
            let points = ([row_point], [Three::from(2u64), row_point]);
            let published = toy.publish(&digits(index, random), None, &points.0, &points.1, mixed);
            published.iter().fold(0u32, |number, x| 3 * number + digit(*x) as u32)
        })
        .collect();
    out.sort_unstable();
    out
}

/// One patient whose value is 0 or 1, both selected: the exact joint distribution of everything, over a field of
/// three elements, is one and the same; at each point where blinding has weight, and not where it has none.
#[test]
fn everything_that_leaves_has_one_joint_distribution() {
    let layouts = [Layout { variables: 1, split: 0, blinding: 1 }, Layout { variables: 2, split: 1, blinding: 1 }];
    let [one, other] = [0, 1].map(|x| Toy::<Three>::new(&[x], 0, 2, layouts));
    assert_eq!(one.release(), other.release());
    assert_ne!(one.multiplicity, other.multiplicity);
    for point in 0..3u64 {
        let [a, b] = [(&one, 1), (&other, 2)].map(|(toy, messages)| counted(toy, messages, Three::from(point)));
        assert_eq!(a.len(), 3usize.pow(13));
        assert_eq!(a == b, point != 0, "{point}");
    }
}

/// Rank of a matrix.
fn rank(mut rows: Vec<Vec<Five>>) -> usize {
    let mut rank = 0;
    for column in 0..rows[0].len() {
        let Some(pivot) = (rank..rows.len()).find(|i| rows[*i][column] != Five::from(0u64)) else { continue };
        rows.swap(rank, pivot);
        let (done, rest) = rows.split_at_mut(rank + 1);
        let pivot = &done[rank];
        let inverse = pivot[column].inverse().unwrap();
        for row in rest {
            let factor = row[column] * inverse;
            row.iter_mut().zip(pivot).for_each(|(x, y)| *x -= factor * y);
        }
        rank += 1;
    }
    rank
}

/// Two patients, four values, two blinding rows, an answer before this one: too much to count, but with the
/// challenges given all of it is affine in the randomness, and so the distributions are one if and only if the
/// randomness reaches the difference of what is published. A challenge is a function of what was published
/// before it, so it is enough that this holds for every challenge.
#[test]
fn randomness_reaches_every_difference_of_what_leaves() {
    let layouts = [Layout { variables: 2, split: 1, blinding: 2 }, Layout { variables: 3, split: 1, blinding: 2 }];
    let [one, other] = [[1, 3], [2, 0]].map(|x| Toy::<Five>::new(&x, 2, 4, layouts));
    assert_eq!(one.release(), other.release());
    let random = one.randomness(true);
    let zeros = vec![Five::from(0u64); random];
    let mut checked = [0, 0];
    for index in 0..5u64.pow(4) {
        let points: Vec<Five> = digits(index, 4);
        let (before, at) = points.split_at(2);
        for challenges in [[2, 3], [1, 4], [0, 2], [3, 0]] {
            let value_point = [Five::from(2u64), at[0] + at[1] + Five::from(2u64), Five::from(3u64)];
            let publish = |toy: &Toy<Five>, randomness: &[Five]| {
                let mut turn = 0;
                toy.publish(randomness, Some(before), at, &value_point, |_| {
                    turn += 1;
                    Five::from(challenges[turn % 2] + turn as u64)
                })
            };
            let origin = publish(&one, &zeros);
            let minus = |published: Vec<Five>| published.iter().zip(&origin).map(|(a, b)| *a - b).collect::<Vec<_>>();
            let mut reached: Vec<Vec<Five>> = (0..random)
                .map(|k| {
                    let mut unit = zeros.clone();
                    unit[k] = Five::from(1u64);
                    minus(publish(&one, &unit))
                })
                .collect();
            let dimension = rank(reached.clone());
            reached.push(minus(publish(&other, &zeros)));
            let hidden = rank(reached) == dimension;
            // The blinding rows' weights at both points, and the masks' weights.
            let weights = |point: &[Five]| [eq_table(point)[2], eq_table(point)[3]];
            let ([a, b], [c, d]) = (weights(before), weights(at));
            let masks = eq_table(&value_point[..]);
            let full = a * d != b * c && (masks[4], masks[5]) != (zeros[0], zeros[0]);
            assert!(hidden || !full, "{points:?}, {challenges:?}");
            checked[usize::from(full)] += usize::from(full || !hidden);
        }
    }
    // Points where blinding has full weight, all of which hide; and others, some of which do not.
    assert!(checked[1] > 1000 && checked[0] > 100, "{checked:?}");
}
