//! Zero knowledge, counted jointly: over a field of three elements, the exact distribution of *everything* that one proof
//! publishes beside its release, for two tables that differ and whose releases are equal.
//!
//! Published are the commitments to all columns and multiplicities, the public challenges, the values of the columns at one
//! of them and of the multiplicities at another, and both openings' messages, whose own challenges are functions of all that
//! was published before. (Groth16's three points are not in here: they are uniform but for the equation that the verifier
//! checks, whatever the witness.) The group is the additive group of the field, where discrete logarithms are known:
//! hiding needs no hardness, so it can be counted there.
//!
//! One patient whose value is 0 or 1, a lookup of it, and the question how many patients there are: the release is 1 for both
//! tables; the column, the lookup's output and the multiplicities differ. That is as small as a proof gets, and has thirteen
//! random elements: 3^13 proofs a table and point.

use ark_ff::{AdditiveGroup, Field, Fp64, MontBackend, MontConfig, PrimeField};
use rayon::iter::{IntoParallelIterator, ParallelIterator};
use rayon::slice::ParallelSliceMut;

use super::fold::{eq_table, inner_product};
use super::opening::answer;

#[derive(MontConfig)]
#[modulus = "3"]
#[generator = "2"]
struct ThreeConfig;
type Three = Fp64<MontBackend<ThreeConfig, 1>>;

/// Elements drawn for one proof.
const RANDOM: usize = 13;

/// One choice of all of them: `index` in base three.
fn draw(index: u32) -> [Three; RANDOM] {
    std::array::from_fn(|k| Three::from(index / 3u32.pow(k as u32) % 3))
}

/// What was published so far, as one number; and the challenges that a hash of it gives.
#[derive(Default)]
struct Published {
    key: u32,
    state: u32,
}

impl Published {
    fn say(&mut self, element: Three) {
        let digit = element.into_bigint().0[0] as u32;
        self.key = 3 * self.key + digit;
        self.state = (self.state * 31 + digit + 7) % 1009;
    }

    /// A function of everything before, as a hash is.
    fn challenge(&mut self) -> Three {
        self.state = (self.state * 37 + 5) % 1009;
        Three::from(self.state % 3)
    }
}

/// A committed matrix: rows of two entries, each with its blinding scalar.
struct Matrix {
    rows: Vec<([Three; 2], Three)>,
}

impl Matrix {
    fn commit(&self, out: &mut Published) {
        self.rows.iter().for_each(|(row, scalar)| out.say(pedersen(row, *scalar)));
    }

    /// The row and the scalar that weights of the rows give.
    fn fold(&self, weights: &[Three]) -> ([Three; 2], Three) {
        let sum = |pick: &dyn Fn(&([Three; 2], Three)) -> Three| {
            self.rows.iter().zip(weights).map(|(row, weight)| pick(row) * weight).sum::<Three>()
        };
        ([sum(&|row| row.0[0]), sum(&|row| row.0[1])], sum(&|row| row.1))
    }
}

fn pedersen(row: &[Three], scalar: Three) -> Three {
    inner_product(row, &[Three::from(1u64), Three::from(2u64)]) + Three::from(2u64) * scalar
}

/// A batched opening of folded matrices, as `OpeningProof` has it: mask, mask's value, answers. `mask` is two entries and a scalar.
fn open(folded: &[([Three; 2], Three)], low: &[Three], mask: &[Three], out: &mut Published) {
    let batching = out.challenge();
    out.say(pedersen(&mask[..2], mask[2]));
    out.say(inner_product(&mask[..2], low));
    let sigma = out.challenge();
    let mut weight = Three::ONE;
    let mut secret = [Three::ZERO; 3];
    for ([first, second], scalar) in folded {
        secret.iter_mut().zip([first, second, scalar]).for_each(|(sum, part)| *sum += weight * part);
        weight *= batching;
    }
    mask.iter().zip(&secret).for_each(|(mask, secret)| out.say(answer(mask, &sigma, secret)));
}

/// How a proof is made; all but the first are ways to make it wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Making {
    Right,
    /// Without a mask in the second opening.
    Unmasked,
    /// One mask for both openings.
    OneMask,
    /// One block of blinding rows for both columns: trap 25.
    OneBlindingRow,
    /// The multiplicities' half `b = 1` left empty.
    NoHalf,
}

/// Everything that is published of a table whose one patient has the value `x`, with column point `r` (one coordinate) and value
/// point `r_t` (a value bit, then `b`).
fn publish(x: usize, r: &[Three], r_t: &[Three], random: &[Three; RANDOM], making: Making) -> u32 {
    let mut out = Published::default();
    let one = Three::ONE;
    let (value, test) = ([Three::ZERO, one][x], [one, Three::ZERO][x]);
    let second_blinding = if making == Making::OneBlindingRow { random[0] } else { random[2] };
    // The column and the lookup's output: a data row and a blinding row, in one matrix row each.
    let columns = [
        Matrix { rows: vec![([value, random[0]], random[1])] },
        Matrix { rows: vec![([test, second_blinding], random[3])] },
    ];
    // How often 0 and 1 occur; below, the half `b = 1`: one random entry, and a zero.
    let half = if making == Making::NoHalf { Three::ZERO } else { random[4] };
    let multiplicities = Matrix { rows: vec![([one - value, value], random[5]), ([half, Three::ZERO], random[6])] };
    columns.iter().for_each(|column| column.commit(&mut out));
    multiplicities.commit(&mut out);
    // The points are part of the published list; they are fixed here, and the lists compared point by point.
    let low = eq_table(r);
    let folded: Vec<_> = columns.iter().map(|column| column.fold(&[one])).collect();
    folded.iter().for_each(|(row, _)| out.say(inner_product(row, &low)));
    let (low_t, high_t) = (eq_table(&r_t[..1]), eq_table(&r_t[1..]));
    let folded_t = [multiplicities.fold(&high_t)];
    out.say(inner_product(&folded_t[0].0, &low_t));
    open(&folded, &low, &random[7..10], &mut out);
    let second_mask = match making {
        Making::OneMask => &random[7..10],
        Making::Unmasked => &[Three::ZERO; 3],
        _ => &random[10..13],
    };
    open(&folded_t, &low_t, second_mask, &mut out);
    out.key
}

/// All published lists, each as often as it occurs, sorted: two are equal if and only if the distributions are.
fn distribution(x: usize, r: &[Three], r_t: &[Three], making: Making) -> Vec<u32> {
    let mut lists: Vec<u32> =
        (0..3u32.pow(RANDOM as u32)).into_par_iter().map(|index| publish(x, r, r_t, &draw(index), making)).collect();
    lists.par_sort_unstable();
    lists
}

fn hides(r: u64, r_t: [u64; 2], making: Making) -> bool {
    let (r, r_t) = ([Three::from(r)], r_t.map(Three::from));
    distribution(0, &r, &r_t, making) == distribution(1, &r, &r_t, making)
}

/// At points where blinding rows and masks have weight, the two tables give the same distribution, of everything together.
#[test]
fn everything_published_has_one_joint_distribution() {
    // `r = 2` is no row, and weighs data and blinding alike; so does `r_t`, in both coordinates.
    assert!(hides(2, [2, 2], Making::Right));
    // At a blinding row, and at values in the random half.
    assert!(hides(1, [0, 1], Making::Right));
}

/// And where they have none, not; nor if any of the independent elements is left out or used twice. So the count above would see it.
#[test]
fn the_count_sees_what_gives_a_table_away() {
    assert!(!hides(0, [2, 2], Making::Right), "the datum itself is opened");
    assert!(!hides(2, [1, 0], Making::Right), "a count itself is opened");
    for making in [Making::Unmasked, Making::OneMask, Making::OneBlindingRow] {
        assert!(!hides(2, [2, 2], making), "{making:?}");
    }
    // Where the first count and the random half have weight. (At `v = 2` all counts weigh alike, and their sum is the release.)
    assert!(hides(2, [0, 2], Making::Right));
    assert!(!hides(2, [0, 2], Making::NoHalf));
}
