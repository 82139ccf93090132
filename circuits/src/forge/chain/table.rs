//! Who forges which clause of the statement `table`, and the tests of all forgers.

use ark_bn254::{Bn254, Fr};
use ark_groth16::prepare_verifying_key;
use cohortium_keys::OddCoset;
use cohortium_protocol::field::F;

use super::town::{Kind, Town};
use super::{Forgery, forgers as by, honest};
use crate::clause::{Clause, Relation};
use crate::gadget::{Label, Matrices, assignment_with, matrices_with};
use crate::native::Broken;
use crate::testing::rng;

/// The dishonest prover of a clause; `refused_by` as in the table of the statement `query`.
struct Forger {
    clause: Clause,
    refused_by: Clause,
    forge: fn(Relation) -> Forgery,
}

macro_rules! forgers {
    ($($clause:ident: $forge:path, refused by $refused_by:ident;)* $(@ $other:ident)*) => {
        /// Every forger.
        const FORGERS: &[Forger] = &[$(Forger {
            clause: Clause::$clause,
            refused_by: Clause::$refused_by,
            forge: $forge,
        }),*];

        /// Whether the statement `table` has a clause. Exhaustive: one without a forger does not compile.
        const fn is_of_tables(clause: Clause) -> bool {
            match clause {
                $(Clause::$clause => true,)*
                $(Clause::$other => false,)*
            }
        }
    };
}

forgers! {
    AbsorbContext: by::absorb_context, refused by EndDenominator;
    AbsorbCommitments: by::absorb_commitments, refused by EndDenominator;
    AbsorbAggregates: by::absorb_ends, refused by EndDenominator;
    AbsorbRoots: by::absorb_roots, refused by LayerEnd;
    AbsorbLayerRounds: by::absorb_layer_rounds, refused by LayerEnd;
    AbsorbChildren: by::absorb_children, refused by LayerRounds;
    AbsorbRowRounds: by::absorb_row_rounds, refused by PublicRowPoint;
    AbsorbTableRounds: by::absorb_table_rounds, refused by PublicValuePoint;
    PublicRowPoint: by::public_row_point, refused by PublicRowPoint;
    PublicValuePoint: by::public_value_point, refused by PublicValuePoint;
    PublicMu: by::public_mu, refused by PublicMu;
    LayerRounds: by::layer_rounds, refused by LayerRounds;
    LayerEnd: by::layer_end, refused by LayerEnd;
    RootCheck: by::root_check, refused by RootCheck;
    RowDenominator: by::row_denominator, refused by RowDenominator;
    TableDenominator: by::table_denominator, refused by TableDenominator;
    RowRounds: by::row_rounds, refused by RowRounds;
    RowFinal: by::row_final, refused by RowFinal;
    FlagsChecked: by::flags_checked, refused by RowFinal;
    TableDenominators: by::table_denominators, refused by TableDenominators;
    TableRounds: by::table_rounds, refused by TableRounds;
    TableFinal: by::table_final, refused by TableFinal;
    EndDenominator: by::end_denominator, refused by EndDenominator;
    ChainCounted: by::chain_counted, refused by RootCheck;
    // No weights, no outputs, no public tables, no groups; no release, no offer.
    @ IndependentWeights @ IndependentAggregates @ OutputBound @ PublicTablePoint @ GroupDenominator
    @ ZeroIsZero @ ZeroShown @ ValueReachesThreshold @ CountNotBelow @ CountNotAbove @ SuppressedIsSmall
    @ SuppressedIsNotZero @ SumFollowsCount @ SumNotBelow @ SumNotAbove @ SumSuppressedIsSmall @ SumNotAsked
    @ SumComplement @ SumHiddenSide @ SeedOpens @ KeyBindsSeed @ KeyBindsBeacon @ KeyBindsContext @ BlockNumbered
    @ WordSum @ WordLow @ WordMiddle @ WordHigh @ SignBoolean @ WordTop @ WordCanonical @ DigitBoolean
    @ DigitCompared @ SignUsed @ NoisedThreshold @ NoisedCountNotBelow @ NoisedCountNotAbove @ NoisedSum
    @ OneSelected @ NullifierOpens @ NullifierBindsTag @ NullifierBindsScope
}

#[test]
fn the_truth_is_accepted() {
    for kind in [Kind::Unique, Kind::Flags] {
        let honest = honest(kind);
        assert!(honest.town.is_true() && honest.is_derived());
        assert_eq!(honest.judged_by(Relation::whole()), Ok(()), "{kind:?}");
    }
}

/// The clauses that are not the statement's are in no constraint of its circuit, and the others are: as equations, or as what
/// enters a permutation or a sum.
#[test]
fn the_statement_has_just_the_clauses_that_are_forged() {
    let labels = matrices_with(Relation::whole(), &Town::SHAPE).labels;
    for clause in Clause::ALL {
        let without = matrices_with(Relation::without(clause), &Town::SHAPE);
        let changes = without.digest() != matrices_with(Relation::whole(), &Town::SHAPE).digest();
        assert_eq!(changes, is_of_tables(clause), "{clause:?}");
        assert!(is_of_tables(clause) || !labels.contains(&Label::Clause(clause)), "{clause:?}");
    }
}

#[test]
fn each_is_refused_by_the_whole_and_accepted_without_its_clause() {
    let mut wrong = Vec::new();
    for Forger { clause, refused_by, forge } in FORGERS {
        let forgery = forge(Relation::without(*clause));
        assert!(!forgery.town.is_true(), "{clause:?}: what is said is true");
        assert!(forgery.is_derived(), "{clause:?}: a verifier would derive other public inputs");
        let without = forgery.judged_by(Relation::without(*clause));
        let whole = forgery.judged_by(Relation::whole());
        if without != Ok(()) || whole != Err(Broken(*refused_by)) {
            wrong.push((clause, without, whole));
        }
        let played = forge(Relation::whole());
        assert!(played.judged_by(Relation::whole()).is_err(), "{clause:?} played against the whole");
    }
    assert!(wrong.is_empty(), "(clause, without it, whole): {wrong:#?}");
}

/// No other clause is to blame, but that flags and the chain are terms of the row sumcheck's last claim, and the chain's
/// forger has no better roots than the sums.
#[test]
fn each_is_refused_without_any_other_clause() {
    let mut accepted = Vec::new();
    for Forger { clause, forge, .. } in FORGERS {
        let forgery = forge(Relation::without(*clause));
        for other in Clause::ALL.into_iter().filter(|other| other != clause) {
            if forgery.judged_by(Relation::without(other)).is_ok() {
                accepted.push((*clause, other));
            }
        }
    }
    assert_eq!(accepted, [(Clause::FlagsChecked, Clause::RowFinal)]);
}

fn broken(relation: Relation, forgery: &Forgery) -> (Matrices, Vec<F>, usize, Vec<Label>) {
    let relation = forgery.rigged(relation);
    let matrices = matrices_with(relation, &Town::SHAPE);
    let inputs = forgery.public.encode(&Town::SHAPE).unwrap();
    let (assignment, public) = assignment_with(relation, &Town::SHAPE, &inputs, &forgery.messages);
    let mut labels = matrices.broken_by(&assignment);
    labels.dedup();
    (matrices, assignment, public, labels)
}

#[test]
fn each_breaks_constraints_and_none_without_its_clause() {
    for kind in [Kind::Unique, Kind::Flags] {
        assert_eq!(broken(Relation::whole(), &honest(kind)).3, [], "{kind:?}");
    }
    for Forger { clause, refused_by, forge } in FORGERS {
        let forgery = forge(Relation::without(*clause));
        assert_eq!(broken(Relation::without(*clause), &forgery).3, [], "without {clause:?}");
        let whole = broken(Relation::whole(), &forgery).3;
        assert!(whole.contains(&Label::Clause(*refused_by)), "{clause:?}: {whole:?}");
    }
}

/// Every variable of the circuit, changed alone, breaks a constraint.
#[test]
fn every_variable_matters() {
    let (matrices, assignment, public, labels) = broken(Relation::whole(), &honest(Kind::Unique));
    assert_eq!(labels, []);
    // A variable that stands in no constraint would be missing from every row.
    let mut seen = vec![false; assignment.len()];
    matrices.rows.iter().flatten().flatten().for_each(|(_, j)| seen[*j] = true);
    assert!(seen[public..].iter().all(|seen| *seen));
    let step = (assignment.len() - public).div_ceil(200);
    for j in (public..assignment.len()).step_by(step) {
        let mut changed = assignment.clone();
        changed[j] += F::from(1u64);
        assert!(!matrices.broken_by(&changed).is_empty(), "variable {j}");
    }
}

/// Trap 5: every public number is looked at, by a clause that is known.
#[test]
fn every_public_number_matters() {
    for kind in [Kind::Unique, Kind::Flags] {
        let honest = honest(kind);
        let matrices = matrices_with(Relation::whole(), &Town::SHAPE);
        let inputs = honest.public.encode(&Town::SHAPE).unwrap();
        for (i, (name, _)) in honest.public.named().iter().enumerate() {
            let mut changed = inputs.clone();
            changed[i] += F::from(u128::MAX);
            let (assignment, _) = assignment_with(Relation::whole(), &Town::SHAPE, &changed, &honest.messages);
            let broken = matrices.broken_by(&assignment);
            let by = match name.split('.').next().unwrap() {
                "context" | "commitments" => Clause::EndDenominator,
                "r" => Clause::PublicRowPoint,
                "r_t" => Clause::PublicValuePoint,
                "mu" => Clause::PublicMu,
                "occupied" | "flags" | "sources" | "targets" | "input" => Clause::RowFinal,
                "multiplicity" => Clause::TableFinal,
                _ => panic!("{name} is new: which clause looks at it?"),
            };
            assert!(broken.contains(&Label::Clause(by)), "{name}: by {by:?}, found {broken:?}");
        }
    }
}

/// Through Groth16: the whole relation's key refuses what the key without the clause takes.
#[test]
fn through_groth16() {
    type Groth16 = ark_groth16::Groth16<Bn254, OddCoset>;
    let accepts = |relation: Relation, forgery: &Forgery| {
        let (matrices, assignment, inputs, _) = broken(relation, forgery);
        let key = Groth16::generate_random_parameters_with_reduction(&matrices, &mut rng(1)).unwrap();
        let proof = Groth16::create_proof_with_reduction_and_matrices(
            &key,
            Fr::from(2u64),
            Fr::from(3u64),
            &matrices.rows,
            inputs,
            matrices.constraints(),
            &assignment,
        )
        .unwrap();
        let public = forgery.public.encode(&Town::SHAPE).unwrap();
        Groth16::verify_proof(&prepare_verifying_key(&key.vk), &proof, &public).unwrap()
    };
    assert!(accepts(Relation::whole(), &honest(Kind::Unique)) && accepts(Relation::whole(), &honest(Kind::Flags)));
    for (clause, forge) in [
        (Clause::ChainCounted, by::chain_counted as fn(Relation) -> Forgery),
        (Clause::FlagsChecked, by::flags_checked),
    ] {
        let forgery = forge(Relation::without(clause));
        assert!(accepts(Relation::without(clause), &forgery), "without {clause:?}");
        assert!(!accepts(Relation::whole(), &forgery), "{clause:?}");
    }
}
