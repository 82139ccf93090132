//! Tests that commitments and openings give nothing away.

use std::collections::BTreeMap;

use ark_bn254::G1Affine;
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{AdditiveGroup, Field, Fp64, MontBackend, MontConfig, PrimeField};
use rand::{Rng, SeedableRng, rngs::StdRng};

use super::clauses::Clauses;
use super::column::SecretColumn;
use super::fold::{eq_table, inner_product};
use super::forgers::TINY;
use super::layout::Layout;
use super::opening::{FoldedColumns, OpenedColumn, OpeningProof, OpeningStatement, answer, challenges, pedersen};
use super::secrets::random_element;
use crate::field::F;
use crate::hash::Hasher;
use crate::shape::Shape;

#[derive(MontConfig)]
#[modulus = "5"]
#[generator = "2"]
struct FiveConfig;
type Five = Fp64<MontBackend<FiveConfig, 1>>;

/// Everything published about one column of four rows: data, data, blinding, zero; two matrix rows.
///
/// The group is the additive group of the five elements, where the "discrete logarithms" are known: hiding needs
/// no hardness, so it can be counted there.
fn published(data: [u64; 2], point: [Five; 2], sigma: Five, randomness: [Five; 6]) -> Vec<u64> {
    let [blinding_row, scalar_0, scalar_1, mask_0, mask_1, mask_scalar] = randomness;
    let (generators, h) = ([Five::from(2u64), Five::from(3u64)], Five::from(4u64));
    let rows = [[Five::from(data[0]), Five::from(data[1])], [blinding_row, Five::ZERO]];
    let scalars = [scalar_0, scalar_1];
    let commitments: Vec<Five> =
        rows.iter().zip(scalars).map(|(row, scalar)| inner_product(row, &generators) + h * scalar).collect();

    let (low, high) = (eq_table(&point[..1]), eq_table(&point[1..]));
    let folded: Vec<Five> = (0..2).map(|j| high[0] * rows[0][j] + high[1] * rows[1][j]).collect();
    let value = inner_product(&folded, &low);
    let mask_row = [mask_0, mask_1];
    let mask = inner_product(&mask_row, &generators) + h * mask_scalar;
    let mask_value = inner_product(&mask_row, &low);
    let answers: Vec<Five> = mask_row.iter().zip(&folded).map(|(d, u)| answer(d, &sigma, u)).collect();
    let blinding_answer = answer(&mask_scalar, &sigma, &inner_product(&scalars, &high));

    let mut all = commitments;
    all.extend([value, mask, mask_value, blinding_answer]);
    all.extend(answers);
    all.into_iter().map(|x| x.into_bigint().0[0]).collect()
}

fn distribution(data: [u64; 2], point: [Five; 2], sigma: Five) -> BTreeMap<Vec<u64>, u32> {
    let mut counts = BTreeMap::new();
    for index in 0..5u64.pow(6) {
        let randomness = std::array::from_fn(|k| Five::from(index / 5u64.pow(k as u32) % 5));
        *counts.entry(published(data, point, sigma, randomness)).or_default() += 1;
    }
    counts
}

/// Over a field of five elements, counted exactly: two tables give the same joint distribution of everything
/// published, at every challenge and every point where the blinding row has weight; and not at a point where it
/// has none, which is why a table has many blinding rows and a budget.
#[test]
fn everything_published_has_one_distribution() {
    let five = |x: u64| Five::from(x);
    for point in [[2, 3], [0, 1], [4, 2]] {
        for sigma in 0..5 {
            let point = point.map(five);
            assert_eq!(distribution([0, 1], point, five(sigma)), distribution([3, 2], point, five(sigma)));
        }
    }
    let no_weight = [five(2), five(0)];
    assert_ne!(distribution([0, 1], no_weight, five(1)), distribution([3, 2], no_weight, five(1)));
}

/// A receipt opens a column at one row, where no blinding row has weight: two tables that agree on this row and on no other
/// give the same joint distribution of everything published, so it says nothing about anybody else.
#[test]
fn a_receipt_says_one_row_and_nothing_else() {
    let rows = [[0, 0], [1, 0]].map(|row| row.map(|x: u64| Five::from(x)));
    for sigma in 0..5 {
        let sigma = Five::from(sigma);
        for other in 0..5 {
            assert_eq!(distribution([3, other], rows[0], sigma), distribution([3, 1], rows[0], sigma));
            assert_eq!(distribution([other, 4], rows[1], sigma), distribution([2, 4], rows[1], sigma));
            assert_eq!(distribution([other, 1], rows[0], sigma) == distribution([3, 1], rows[0], sigma), other == 3);
        }
    }
}

/// A simulator that knows the commitments and the values but no column produces transcripts that satisfy both
/// equations: whoever could learn something from a transcript could have learned it without.
#[test]
fn a_transcript_can_be_made_from_the_claim_alone() {
    let mut rng = StdRng::seed_from_u64(20);
    let layout = Layout::column(&TINY, 20).unwrap();
    let columns: Vec<_> = (0..3)
        .map(|_| {
            SecretColumn::query_time(layout, (0..20).map(|_| rng.r#gen()).collect::<Vec<u16>>(), &mut rng).unwrap()
        })
        .collect();
    let commitments: Vec<_> = columns.iter().map(SecretColumn::commit).collect();
    let point: Vec<F> = (0..5).map(|_| random_element(&mut rng)).collect();
    let statement = OpeningStatement {
        context: Hasher::new("context").finish(),
        grid: layout.grid(),
        point: &point,
        // The values need not even be true: the simulator does not know.
        columns: commitments.iter().map(|commitment| OpenedColumn { commitment, value: F::from(7u64) }).collect(),
    };

    let (batching, sigma) = (random_element(&mut rng), random_element(&mut rng));
    let answers: Vec<F> = (0..8).map(|_| random_element(&mut rng)).collect();
    let blinding_answer = random_element(&mut rng);
    let (low, high) = (eq_table(&point[..3]), eq_table(&point[3..]));
    let claimed = F::from(7u64) * (F::ONE + batching + batching.square());
    let mask_value = inner_product(&answers, &low) - sigma * claimed;
    let mut mask = pedersen(&layout.grid(), &answers, &blinding_answer);
    let mut weight = sigma;
    for commitment in &commitments {
        for (point, row) in commitment.points().iter().zip(&high) {
            mask -= *point * (weight * row);
        }
        weight *= batching;
    }
    let proof = OpeningProof { mask: mask.into_affine(), mask_value, answers, blinding_answer };
    statement.check_equations(&proof, (batching, sigma), Clauses::ALL).unwrap();
    // But nobody chooses the challenges.
    statement.verify(&proof).unwrap_err();
}

/// Why a mask must never serve twice: two answers give the folded column. A prover that is run again draws anew, and
/// one whose generator is in the same state again, as in a machine resumed twice from one snapshot, draws another mask
/// for another statement.
#[test]
fn trap_20_a_mask_used_twice_gives_the_column_away() {
    let mut rng = StdRng::seed_from_u64(21);
    let layout = Layout::column(&TINY, 20).unwrap();
    let column = SecretColumn::query_time(layout, (0..20u16).collect::<Vec<_>>(), &mut rng).unwrap();
    let commitment = column.commit();
    let point: Vec<F> = (0..5).map(|_| random_element(&mut rng)).collect();
    let folded = FoldedColumns::new(&[&column], &point).unwrap();
    let contexts = ["first run", "second run"].map(|run| Hasher::new("test").str(run).finish());
    let statement = |context| OpeningStatement {
        context,
        grid: layout.grid(),
        point: &point,
        columns: vec![OpenedColumn { commitment: &commitment, value: folded.values()[0] }],
    };
    let answers = |proof: &OpeningProof, context| {
        let statement = statement(context);
        statement.verify(proof).unwrap();
        (proof.answers.clone(), challenges(&statement, &proof.mask, &proof.mask_value, Clauses::ALL).1)
    };
    let extracted = |[(z, chi), (z_again, chi_again)]: [(Vec<F>, F); 2]| -> Vec<F> {
        z.iter().zip(&z_again).map(|(a, b)| (*a - b) / (chi - chi_again)).collect()
    };
    let secret = folded.batch(&F::ONE).0.to_vec();

    // A mask that was saved with the job.
    let mask = folded.draw_mask(&statement(contexts[0]), &mut rng);
    let runs = contexts.map(|context| answers(&folded.answer(&statement(context), &mask), context));
    assert_eq!(extracted(runs), secret);

    // A generator in the same state.
    let again = |context| folded.prove(&context, &[&commitment], &mut StdRng::seed_from_u64(22)).unwrap();
    let proofs = contexts.map(again);
    assert_ne!(proofs[0].mask, proofs[1].mask);
    assert_ne!(proofs[0].mask_value, proofs[1].mask_value);
    let runs = [0, 1].map(|run| answers(&proofs[run], contexts[run]));
    assert_ne!(extracted(runs), secret);
    // The same statement has the same challenge: it says nothing twice.
    assert_eq!(again(contexts[0]), proofs[0]);

    let fresh = contexts.map(|context| folded.prove(&context, &[&commitment], &mut rng).unwrap());
    assert_ne!(fresh[0].mask, fresh[1].mask);
    assert_ne!(fresh[0].mask_value, fresh[1].mask_value);
}

/// Whatever decides an opening's challenge decides its mask: context, commitments, point and values; and the blinding
/// scalars, which whoever knows the generator's state does not.
#[test]
fn trap_20_another_statement_has_another_mask_from_the_same_generator() {
    let mut rng = StdRng::seed_from_u64(26);
    let layout = Layout::column(&TINY, 20).unwrap();
    let [a, b] = [(); 2].map(|()| SecretColumn::query_time(layout, vec![3u16; 20], &mut rng).unwrap());
    let (commit_a, commit_b) = (a.commit(), b.commit());
    let points: [Vec<F>; 2] = [(); 2].map(|()| (0..5).map(|_| random_element(&mut rng)).collect());
    let context = Hasher::new("test").finish();
    let mask = |columns: &[&SecretColumn], point: &[F], context, commitments: &[_]| {
        let folded = FoldedColumns::new(columns, point).unwrap();
        folded.prove(&context, commitments, &mut StdRng::seed_from_u64(27)).unwrap().mask
    };
    let masks = [
        mask(&[&a], &points[0], context, &[&commit_a]),
        mask(&[&a], &points[0], Hasher::new("other").finish(), &[&commit_a]),
        mask(&[&a], &points[1], context, &[&commit_a]),
        mask(&[&b], &points[0], context, &[&commit_b]),
        // Only the secrets differ, or only the commitments.
        mask(&[&b], &points[0], context, &[&commit_a]),
        mask(&[&a], &points[0], context, &[&commit_b]),
        mask(&[&a, &b], &points[0], context, &[&commit_a, &commit_b]),
        mask(&[&b, &a], &points[0], context, &[&commit_b, &commit_a]),
    ];
    let distinct: std::collections::BTreeSet<Vec<u8>> =
        masks.iter().map(|mask| super::point::encode_point(mask).to_vec()).collect();
    assert_eq!(distinct.len(), masks.len());
}

/// A generator that repeats itself does not blind two contents alike, or the difference of their commitments would be
/// that of their rows.
#[test]
fn a_generator_in_the_same_state_blinds_another_content_otherwise() {
    let layout = Layout::column(&TINY, 20).unwrap();
    let column = |flag: u16| {
        let mut flags = vec![1u16; 20];
        flags[13] = flag;
        SecretColumn::query_time(layout, flags, &mut StdRng::seed_from_u64(28)).unwrap()
    };
    let (one, zero) = (column(1), column(0));
    assert!(one.blinding_rows().iter().zip(zero.blinding_rows()).all(|(a, b)| a != b));
    assert!(one.commit().points().iter().zip(zero.commit().points()).all(|(a, b)| a != b));
}

/// The weights of the blinding rows in `limit` published values are linearly independent: the values are jointly
/// uniform whatever the data are. At full size, at as many points as the budget allows.
#[test]
fn published_values_up_to_the_budget_are_jointly_uniform() {
    let mut rng = StdRng::seed_from_u64(23);
    let declared = [3584, 40_009, 1_000_003];
    for (shape, declared) in Shape::STANDARD.into_iter().zip(declared) {
        let budget = super::budget::column_limit(&shape) as usize;
        let weights: Vec<Vec<F>> = (0..budget)
            .map(|_| {
                let point: Vec<F> = (0..shape.row_bits).map(|_| random_element(&mut rng)).collect();
                blinding_weights(&point, declared, shape.blinding_rows)
            })
            .collect();
        assert_eq!(rank(weights), budget, "{shape}");
    }
}

/// A multiplicity is opened at one point: one of its eight random entries with weight is enough.
#[test]
fn a_multiplicity_opened_once_is_uniform() {
    let mut rng = StdRng::seed_from_u64(24);
    for shape in Shape::STANDARD {
        let layout = Layout::multiplicity(&shape).unwrap();
        let weights: Vec<Vec<F>> = (0..layout.blinding_rows())
            .map(|_| {
                let point: Vec<F> = (0..shape.value_bits + 1).map(|_| random_element(&mut rng)).collect();
                blinding_weights(&point, layout.data_rows(), layout.blinding_rows())
            })
            .collect();
        assert_eq!(rank(weights), 8, "{shape}");
    }
}

fn blinding_weights(point: &[F], first: usize, count: usize) -> Vec<F> {
    (first..first + count)
        .map(|row| point.iter().enumerate().map(|(bit, r)| if row >> bit & 1 == 1 { *r } else { F::ONE - r }).product())
        .collect()
}

fn rank(mut matrix: Vec<Vec<F>>) -> usize {
    let mut rank = 0;
    for column in 0..matrix[0].len() {
        let Some(pivot) = (rank..matrix.len()).find(|row| matrix[*row][column] != F::ZERO) else { continue };
        matrix.swap(rank, pivot);
        let (done, rest) = matrix.split_at_mut(rank + 1);
        let pivot = &done[rank];
        let inverse = pivot[column].inverse().unwrap();
        for row in rest {
            let factor = row[column] * inverse;
            row[column..].iter_mut().zip(&pivot[column..]).for_each(|(entry, above)| *entry -= factor * above);
        }
        rank += 1;
        if rank == matrix.len() {
            break;
        }
    }
    rank
}

#[test]
fn debug_output_shows_no_secret() {
    let mut rng = StdRng::seed_from_u64(25);
    let layout = Layout::column(&TINY, 2).unwrap();
    let column = SecretColumn::query_time(layout, vec![54_321u16, 12_345], &mut rng).unwrap();
    let folded = FoldedColumns::new(&[&column], &[F::ONE; 5]).unwrap();
    let master = super::secrets::MasterSecret::from_bytes([77; 32]);
    let text = format!("{column:?} {:?} {folded:?} {master:?} {:?}", column.data(), column.blinds);
    assert!(!text.contains("54321") && !text.contains("12345") && !text.contains("77"), "{text}");
    assert!(column.commit().points().iter().all(|point| *point != G1Affine::zero()));
}
