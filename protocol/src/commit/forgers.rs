//! A forger for each clause of an opening's verification: it breaks only that clause, so it is refused by the
//! whole and accepted with just that clause switched off.

use ark_bn254::G1Affine;
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{AdditiveGroup, Field};
use rand::{Rng, SeedableRng, rngs::StdRng};

use super::clauses::{Clauses, OpeningClause};
use super::column::SecretColumn;
use super::fold::{eq_table, inner_product};
use super::generators::{blinding_generator, generators};
use super::layout::Layout;
use super::opening::{
    FoldedColumns, OpenedColumn, OpeningError, OpeningProof, OpeningStatement, answer, challenges, pedersen,
};
use super::pedersen::ColumnCommitment;
use super::secrets::random_element;
use crate::field::F;
use crate::hash::{Digest, Hasher};
use crate::shape::{Proves, Shape};

/// 32 rows in 4 matrix rows of 8.
pub(super) const TINY: Shape = Shape {
    name: "tiny",
    proves: Proves::Query,
    row_bits: 5,
    value_bits: 3,
    slot_bits: 2,
    groups: 4,
    blinding_rows: 6,
    row_split: 2,
    value_split: 2,
    noise: None,
};

/// A claim about two honest columns, and everything a forger may bend before he proves it.
struct Claim {
    context: Digest,
    columns: Vec<SecretColumn>,
    commitments: Vec<ColumnCommitment>,
    point: Vec<F>,
    values: Vec<F>,
}

/// A sigma protocol's first message, with what its sender knows of it.
struct Mask {
    row: Vec<F>,
    scalar: F,
    commitment: G1Affine,
    value: F,
}

impl Claim {
    fn honest(columns: usize, rng: &mut StdRng) -> Self {
        let layout = Layout::column(&TINY, 20).unwrap();
        let columns: Vec<_> = (0..columns)
            .map(|_| {
                let data: Vec<u16> = (0..20).map(|_| rng.r#gen()).collect();
                SecretColumn::query_time(layout, data, rng).unwrap()
            })
            .collect();
        let commitments = columns.iter().map(SecretColumn::commit).collect();
        let point: Vec<F> = (0..5).map(|_| random_element(rng)).collect();
        let values = columns.iter().map(|column| column.evaluate(&point)).collect();
        Self { context: Hasher::new("context").finish(), columns, commitments, point, values }
    }

    fn statement(&self) -> OpeningStatement<'_> {
        let columns = self
            .commitments
            .iter()
            .zip(&self.values)
            .map(|(commitment, value)| OpenedColumn { commitment, value: *value })
            .collect();
        let grid = Layout::column(&TINY, 20).unwrap().grid();
        OpeningStatement { context: self.context, grid, point: &self.point, columns }
    }

    fn folded(&self) -> FoldedColumns {
        FoldedColumns::new(&self.columns.iter().collect::<Vec<_>>(), &self.point).unwrap()
    }

    fn low(&self) -> Vec<F> {
        eq_table(&self.point[..3])
    }

    fn mask(&self, rng: &mut StdRng) -> Mask {
        let row: Vec<F> = (0..8).map(|_| random_element(rng)).collect();
        let scalar = random_element(rng);
        let commitment = pedersen(&self.statement().grid, &row, &scalar).into_affine();
        let value = inner_product(&row, &self.low());
        Mask { row, scalar, commitment, value }
    }

    /// Answers honestly from the columns, whatever the claim says.
    fn answer(&self, mask: &Mask, clauses: Clauses) -> OpeningProof {
        let (batching, sigma) = challenges(&self.statement(), &mask.commitment, &mask.value, clauses);
        let (row, scalar) = self.folded().batch(&batching);
        OpeningProof {
            mask: mask.commitment,
            mask_value: mask.value,
            answers: mask.row.iter().zip(row.iter()).map(|(d, u)| answer(d, &sigma, u)).collect(),
            blinding_answer: answer(&mask.scalar, &sigma, &scalar),
        }
    }

    /// `sum_k xi^k y_k`.
    fn claimed(&self, batching: &F) -> F {
        self.values.iter().rev().fold(F::ZERO, |sum, value| sum * batching + value)
    }

    /// Answers with this inner product, otherwise arbitrary.
    fn answers_with(&self, wanted: F, rng: &mut StdRng) -> Vec<F> {
        let low = self.low();
        let mut answers: Vec<F> = (0..8).map(|_| random_element(rng)).collect();
        let missing = wanted - inner_product(&answers, &low);
        answers[0] += missing / low[0];
        answers
    }
}

/// Something false, with a proof that holds if the clause is off.
///
/// The match is exhaustive: a clause without a forger does not compile.
fn forge(clause: OpeningClause, rng: &mut StdRng) -> (Claim, OpeningProof) {
    let clauses = Clauses::without(clause);
    let mut claim = Claim::honest(if clause == OpeningClause::Batching { 2 } else { 1 }, rng);
    let truth = claim.values.clone();
    let proof = match clause {
        // Points beyond the matrix: committed, and never opened.
        OpeningClause::MatrixRows => {
            let mut points = claim.commitments[0].points().to_vec();
            points.extend(vec![G1Affine::generator(); 4]);
            claim.commitments[0] = ColumnCommitment::from_points(points);
            let mask = claim.mask(rng);
            let proof = claim.answer(&mask, clauses);
            return (claim, proof);
        }
        // A second encoding of an honest proof.
        OpeningClause::Answers => {
            let mask = claim.mask(rng);
            let mut proof = claim.answer(&mask, clauses);
            proof.answers.push(F::ONE);
            return (claim, proof);
        }
        // A wrong value, all else honest.
        OpeningClause::InnerProduct => {
            claim.values[0] += F::ONE;
            let mask = claim.mask(rng);
            claim.answer(&mask, clauses)
        }
        // A wrong value, with answers that know nothing of the column.
        OpeningClause::Commitment => {
            claim.values[0] += F::ONE;
            let mask = claim.mask(rng);
            let (batching, sigma) = challenges(&claim.statement(), &mask.commitment, &mask.value, clauses);
            let answers = claim.answers_with(mask.value + sigma * claim.claimed(&batching), rng);
            OpeningProof {
                mask: mask.commitment,
                mask_value: mask.value,
                answers,
                blinding_answer: random_element(rng),
            }
        }
        // A proof made for one request, shown for another.
        OpeningClause::AbsorbContext => {
            let mask = claim.mask(rng);
            let proof = claim.answer(&mask, clauses);
            claim.context = Hasher::new("another context").finish();
            return (claim, proof);
        }
        // The commitment is chosen last, to fit answers that were chosen first.
        OpeningClause::AbsorbCommitments => {
            let mut mask = claim.mask(rng);
            mask.value += F::ONE;
            let (batching, sigma) = challenges(&claim.statement(), &mask.commitment, &mask.value, clauses);
            let answers = claim.answers_with(mask.value + sigma * claim.claimed(&batching), rng);
            let blinding_answer = random_element(rng);
            let row: Vec<F> = answers.iter().zip(&mask.row).map(|(z, d)| (*z - d) / sigma).collect();
            let point = pedersen(&claim.statement().grid, &row, &((blinding_answer - mask.scalar) / sigma));
            claim.commitments[0] = ColumnCommitment::from_points(vec![point.into_affine(); 4]);
            // All matrix rows are the same, so their fold is that row, and this is its value.
            let committed = inner_product(&row, &claim.low());
            assert_ne!(committed, claim.values[0]);
            return (claim, OpeningProof { mask: mask.commitment, mask_value: mask.value, answers, blinding_answer });
        }
        // The point is chosen last: the equation is linear in its first coordinate.
        OpeningClause::AbsorbPoint => {
            claim.values[0] += F::ONE;
            let mask = claim.mask(rng);
            let proof = claim.answer(&mask, clauses);
            let (batching, sigma) = challenges(&claim.statement(), &mask.commitment, &mask.value, clauses);
            let wanted = mask.value + sigma * claim.claimed(&batching);
            let mut at = |coordinate: F| {
                claim.point[0] = coordinate;
                inner_product(&proof.answers, &claim.low())
            };
            let (zero, one) = (at(F::ZERO), at(F::ONE));
            claim.point[0] = (wanted - zero) / (one - zero);
            proof
        }
        // The value is chosen last.
        OpeningClause::AbsorbValues => {
            let mut mask = claim.mask(rng);
            mask.value += F::ONE;
            let proof = claim.answer(&mask, clauses);
            let (_, sigma) = challenges(&claim.statement(), &mask.commitment, &mask.value, clauses);
            claim.values[0] = (inner_product(&proof.answers, &claim.low()) - mask.value) / sigma;
            proof
        }
        // Two wrong values whose errors cancel.
        OpeningClause::Batching => {
            claim.values[0] += F::ONE;
            claim.values[1] -= F::ONE;
            let mask = claim.mask(rng);
            claim.answer(&mask, clauses)
        }
        // The mask's commitment is chosen last, to fit answers that know nothing of the column.
        OpeningClause::AbsorbMask => {
            claim.values[0] += F::ONE;
            let mask_value = random_element(rng);
            let (batching, sigma) = challenges(&claim.statement(), &G1Affine::zero(), &mask_value, clauses);
            let answers = claim.answers_with(mask_value + sigma * claim.claimed(&batching), rng);
            let blinding_answer = random_element(rng);
            let high = eq_table(&claim.point[3..]);
            let folded: ark_bn254::G1Projective =
                claim.commitments[0].points().iter().zip(&high).map(|(point, weight)| *point * weight).sum();
            let mask = pedersen(&claim.statement().grid, &answers, &blinding_answer) - folded * sigma;
            OpeningProof { mask: mask.into_affine(), mask_value, answers, blinding_answer }
        }
        // The mask's inner product is chosen last, and takes up the error.
        OpeningClause::AbsorbMaskValue => {
            claim.values[0] += F::ONE;
            let mask = claim.mask(rng);
            let mut proof = claim.answer(&mask, clauses);
            let (batching, sigma) = challenges(&claim.statement(), &mask.commitment, &mask.value, clauses);
            proof.mask_value = inner_product(&proof.answers, &claim.low()) - sigma * claim.claimed(&batching);
            proof
        }
    };
    let now: Vec<F> = claim.columns.iter().map(|column| column.evaluate(&claim.point)).collect();
    assert_ne!(now, claim.values, "{clause:?}: the forger claims the truth");
    assert!(claim.values != truth || clause == OpeningClause::AbsorbPoint);
    (claim, proof)
}

fn refusal(clause: OpeningClause) -> fn(&OpeningError) -> bool {
    match clause {
        OpeningClause::MatrixRows => |error| matches!(error, OpeningError::MatrixRows { column: 0, .. }),
        OpeningClause::Answers => |error| *error == OpeningError::Answers { found: 9, expected: 8 },
        OpeningClause::Commitment => |error| *error == OpeningError::Commitment,
        // A challenge other than the forger's breaks both equations; the inner product is checked first.
        _ => |error| *error == OpeningError::InnerProduct,
    }
}

#[test]
fn every_clause_is_listed_once() {
    let place = |clause| match clause {
        OpeningClause::MatrixRows => 0,
        OpeningClause::Answers => 1,
        OpeningClause::InnerProduct => 2,
        OpeningClause::Commitment => 3,
        OpeningClause::AbsorbContext => 4,
        OpeningClause::AbsorbCommitments => 5,
        OpeningClause::AbsorbPoint => 6,
        OpeningClause::AbsorbValues => 7,
        OpeningClause::Batching => 8,
        OpeningClause::AbsorbMask => 9,
        OpeningClause::AbsorbMaskValue => 10,
    };
    assert!(OpeningClause::ALL.into_iter().map(place).eq(0..OpeningClause::ALL.len()));
}

#[test]
fn every_forgery_is_refused_and_accepted_without_its_clause() {
    let mut rng = StdRng::seed_from_u64(10);
    for clause in OpeningClause::ALL {
        let (claim, proof) = forge(clause, &mut rng);
        let statement = claim.statement();
        let error = statement.verify(&proof).unwrap_err();
        assert!(refusal(clause)(&error), "{clause:?}: {error}");
        statement.verify_under(&proof, Clauses::without(clause)).unwrap_or_else(|error| panic!("{clause:?}: {error}"));
        for other in OpeningClause::ALL.into_iter().filter(|other| *other != clause) {
            assert!(statement.verify_under(&proof, Clauses::without(other)).is_err(), "{clause:?} without {other:?}");
        }
    }
}

#[test]
fn an_honest_opening_is_accepted_and_nothing_of_it_can_be_changed() {
    let mut rng = StdRng::seed_from_u64(11);
    let mut claim = Claim::honest(3, &mut rng);
    let commitments = claim.commitments.clone();
    let proof = claim.folded().prove(&claim.context, &commitments.iter().collect::<Vec<_>>(), &mut rng).unwrap();
    assert_eq!(claim.folded().values(), &claim.values[..]);
    claim.statement().verify(&proof).unwrap();

    // The statement.
    for k in 0..3 {
        claim.values[k] += F::ONE;
        claim.statement().verify(&proof).unwrap_err();
        claim.values[k] -= F::ONE;
    }
    for k in 0..5 {
        claim.point[k] += F::ONE;
        claim.statement().verify(&proof).unwrap_err();
        claim.point[k] -= F::ONE;
    }
    let context = std::mem::replace(&mut claim.context, Hasher::new("another").finish());
    claim.statement().verify(&proof).unwrap_err();
    claim.context = context;
    claim.commitments.swap(0, 1);
    claim.statement().verify(&proof).unwrap_err();
    claim.commitments.swap(0, 1);
    let (commitment, value) = (claim.commitments.pop().unwrap(), claim.values.pop().unwrap());
    claim.statement().verify(&proof).unwrap_err();
    claim.commitments.push(commitment);
    claim.values.push(value);
    claim.statement().verify(&proof).unwrap();

    // The proof.
    let refused = |change: &dyn Fn(&mut OpeningProof)| {
        let mut changed = proof.clone();
        change(&mut changed);
        claim.statement().verify(&changed).unwrap_err()
    };
    refused(&|proof| proof.mask = G1Affine::generator());
    refused(&|proof| proof.mask_value += F::ONE);
    for k in 0..8 {
        refused(&|proof| proof.answers[k] += F::ONE);
    }
    assert_eq!(refused(&|proof| proof.blinding_answer += F::ONE), OpeningError::Commitment);
    assert_eq!(refused(&|proof| proof.answers.truncate(7)), OpeningError::Answers { found: 7, expected: 8 });
}

#[test]
fn statements_that_make_no_sense_are_refused() {
    let mut rng = StdRng::seed_from_u64(12);
    let claim = Claim::honest(2, &mut rng);
    let columns: Vec<_> = claim.columns.iter().collect();
    let commitments: Vec<_> = claim.commitments.iter().collect();
    assert_eq!(FoldedColumns::new(&[], &claim.point).unwrap_err(), OpeningError::NoColumns);
    assert_eq!(
        FoldedColumns::new(&columns, &claim.point[1..]).unwrap_err(),
        OpeningError::Point { found: 4, expected: 5 }
    );
    let other = SecretColumn::query_time(Layout::multiplicity(&TINY).unwrap(), vec![0u32; 8], &mut rng).unwrap();
    assert_eq!(
        FoldedColumns::new(&[columns[0], &other], &claim.point).unwrap_err(),
        OpeningError::DifferentGrids { column: 1 }
    );
    assert_eq!(
        claim.folded().prove(&claim.context, &commitments[..1], &mut rng).unwrap_err(),
        OpeningError::Columns { found: 1, expected: 2 }
    );
    let proof = claim.folded().prove(&claim.context, &commitments, &mut rng).unwrap();
    let nothing = OpeningStatement { columns: vec![], ..claim.statement() };
    assert_eq!(nothing.verify(&proof), Err(OpeningError::NoColumns));
    let short = OpeningStatement { point: &claim.point[1..], ..claim.statement() };
    assert_eq!(short.verify(&proof), Err(OpeningError::Point { found: 4, expected: 5 }));
}

/// Computed by an independent implementation (a dozen lines of Python).
#[test]
fn the_challenges_are_pinned() {
    let points = generators(&Layout::column(&Shape::QUERY_12, 1).unwrap().grid());
    let commitments = [&points[..4], &points[4..8]].map(|points| ColumnCommitment::from_points(points.to_vec()));
    let point = [F::from(1u64), F::from(2u64), F::from(3u64), F::from(4u64), -F::ONE];
    let values = [7u64, 8].map(F::from);
    let statement = OpeningStatement {
        context: Hasher::new("context").finish(),
        grid: Layout::column(&TINY, 1).unwrap().grid(),
        point: &point,
        columns: commitments.iter().zip(values).map(|(commitment, value)| OpenedColumn { commitment, value }).collect(),
    };
    let (batching, sigma) = challenges(&statement, &blinding_generator(), &F::from(9u64), Clauses::ALL);
    let text = |x: &F| hex::encode(crate::field::to_bytes(x));
    assert_eq!(text(&batching), "0aefa5e1bab9fc013998fd13d1508b2c81b41046a5b175790915fed8cc8c29fa");
    assert_eq!(text(&sigma), "2419e187acd813002cc4e0a5a17d76b85dae5ba13d653c0f4ad3c8e5e441b23b");
}

#[test]
fn a_proof_round_trips_and_has_one_encoding() {
    let mut rng = StdRng::seed_from_u64(13);
    let claim = Claim::honest(2, &mut rng);
    let commitments: Vec<_> = claim.commitments.iter().collect();
    let proof = claim.folded().prove(&claim.context, &commitments, &mut rng).unwrap();
    let json = serde_json::to_string(&proof).unwrap();
    let read: OpeningProof = serde_json::from_str(&json).unwrap();
    assert_eq!(read, proof);
    claim.statement().verify(&read).unwrap();
    let answers = serde_json::from_str::<serde_json::Value>(&json).unwrap()["answers"].as_str().unwrap().to_owned();
    for bad in ["", "AAAA", &"/".repeat(answers.len()), &answers[..answers.len() - 4]] {
        let changed = json.replace(&answers, bad);
        let read = serde_json::from_str::<OpeningProof>(&changed);
        assert!(read.is_err() || bad.is_empty(), "{bad}");
    }
    assert!(serde_json::from_str::<OpeningProof>(&json.replacen('{', "{\"more\":0,", 1)).is_err());
}
