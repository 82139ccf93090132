//! Who forges which clause, and the tests of all forgers.

use super::cohort::Cohort;
use super::lie::{Carrier, Manner, Place};
use super::{Forgery, layers, leaves, noise, offer, release, roots, transcript};
use crate::clause::{Clause, Relation};
use crate::native::Broken;

/// The dishonest prover of a clause.
pub(crate) struct Forger {
    /// The clause without which the forgery is accepted.
    pub(crate) clause: Clause,
    /// The clause that the whole relation refuses it by.
    ///
    /// It is another one where the clause is no equation of its own: where a message does not enter the
    /// transcript, or a challenge is another's, all later challenges differ, and the first check that uses
    /// one of them fails.
    pub(crate) refused_by: Clause,
    /// Forges, playing against a relation.
    pub(crate) forge: fn(Relation) -> Forgery,
}

/// `CLAUSE: forger, refused by CLAUSE;` for every clause. The match is exhaustive: a clause without a forger
/// does not compile.
macro_rules! forgers {
    ($($clause:ident: $forge:path, refused by $refused_by:ident;)* $(@ $other:ident;)*) => {
        /// Every forger.
        pub(crate) const FORGERS: &[Forger] = &[$(forger(Clause::$clause)),*];

        /// The forger of a clause.
        pub(crate) const fn forger(clause: Clause) -> Forger {
            match clause {
                $(Clause::$clause => Forger {
                    clause: Clause::$clause,
                    refused_by: Clause::$refused_by,
                    forge: $forge,
                },)*
                $(Clause::$other => panic!("a clause of another statement"),)*
            }
        }
    };
}

forgers! {
    // (a) transcript
    AbsorbContext: transcript::absorb_context, refused by GroupDenominator;
    AbsorbCommitments: transcript::absorb_commitments, refused by GroupDenominator;
    AbsorbAggregates: transcript::absorb_aggregates, refused by GroupDenominator;
    AbsorbRoots: transcript::absorb_roots, refused by LayerEnd;
    AbsorbLayerRounds: transcript::absorb_layer_rounds, refused by LayerEnd;
    AbsorbChildren: transcript::absorb_children, refused by LayerRounds;
    AbsorbRowRounds: transcript::absorb_row_rounds, refused by PublicRowPoint;
    AbsorbTableRounds: transcript::absorb_table_rounds, refused by PublicValuePoint;
    IndependentWeights: transcript::independent_weights, refused by RowFinal;
    IndependentAggregates: transcript::independent_aggregates, refused by RootCheck;
    OutputBound: transcript::output_bound, refused by RowFinal;
    PublicRowPoint: transcript::public_row_point, refused by PublicRowPoint;
    PublicValuePoint: transcript::public_value_point, refused by PublicValuePoint;
    PublicTablePoint: transcript::public_table_point, refused by PublicTablePoint;
    PublicMu: transcript::public_mu, refused by PublicMu;
    // (b) layers
    LayerRounds: layers::layer_rounds, refused by LayerRounds;
    LayerEnd: layers::layer_end, refused by LayerEnd;
    // (c) roots
    RootCheck: roots::root_check, refused by RootCheck;
    RowDenominator: roots::row_denominator, refused by RowDenominator;
    TableDenominator: roots::table_denominator, refused by TableDenominator;
    GroupDenominator: roots::group_denominator, refused by GroupDenominator;
    // (d) leaves
    RowRounds: leaves::row_rounds, refused by RowRounds;
    RowFinal: leaves::row_final, refused by RowFinal;
    // A term of the row sumcheck's last claim, not an equation of its own.
    FlagsChecked: leaves::flags_checked, refused by RowFinal;
    TableDenominators: leaves::table_denominators, refused by TableDenominators;
    TableRounds: leaves::table_rounds, refused by TableRounds;
    TableFinal: leaves::table_final, refused by TableFinal;
    // (e) release
    ZeroIsZero: release::zero_is_zero, refused by ZeroIsZero;
    ZeroShown: release::zero_shown, refused by ZeroShown;
    ValueReachesThreshold: release::value_reaches_threshold, refused by ValueReachesThreshold;
    CountNotBelow: release::count_not_below, refused by CountNotBelow;
    CountNotAbove: release::count_not_above, refused by CountNotAbove;
    SuppressedIsSmall: release::suppressed_is_small, refused by SuppressedIsSmall;
    SuppressedIsNotZero: release::suppressed_is_not_zero, refused by SuppressedIsNotZero;
    SumFollowsCount: release::sum_follows_count, refused by SumFollowsCount;
    SumNotBelow: release::sum_not_below, refused by SumNotBelow;
    SumNotAbove: release::sum_not_above, refused by SumNotAbove;
    SumSuppressedIsSmall: release::sum_suppressed_is_small, refused by SumSuppressedIsSmall;
    SumNotAsked: release::sum_not_asked, refused by SumNotAsked;
    SumComplement: release::sum_complement, refused by SumComplement;
    SumHiddenSide: release::sum_hidden_side, refused by SumHiddenSide;
    // (f) release under noise; what enters the key is seen in the numbers alone.
    SeedOpens: noise::seed_opens, refused by SeedOpens;
    KeyBindsSeed: noise::key_binds_seed, refused by WordSum;
    KeyBindsBeacon: noise::key_binds_beacon, refused by WordSum;
    KeyBindsContext: noise::key_binds_context, refused by WordSum;
    BlockNumbered: noise::block_numbered, refused by WordSum;
    WordSum: noise::word_sum, refused by WordSum;
    WordLow: noise::word_low, refused by WordLow;
    WordMiddle: noise::word_middle, refused by WordMiddle;
    WordHigh: noise::word_high, refused by WordHigh;
    SignBoolean: noise::sign_boolean, refused by SignBoolean;
    WordTop: noise::word_top, refused by WordTop;
    WordCanonical: noise::word_canonical, refused by WordCanonical;
    DigitBoolean: noise::digit_boolean, refused by DigitBoolean;
    DigitCompared: noise::digit_compared, refused by DigitCompared;
    SignUsed: noise::sign_used, refused by SignUsed;
    NoisedThreshold: noise::noised_threshold, refused by NoisedThreshold;
    NoisedCountNotBelow: noise::noised_count_not_below, refused by NoisedCountNotBelow;
    NoisedCountNotAbove: noise::noised_count_not_above, refused by NoisedCountNotAbove;
    NoisedSum: noise::noised_sum, refused by NoisedSum;
    // (g) offer; what enters the nullifier is seen in the nullifier alone.
    OneSelected: offer::one_selected, refused by OneSelected;
    NullifierOpens: offer::nullifier_opens, refused by NullifierOpens;
    NullifierBindsTag: offer::nullifier_binds_tag, refused by NullifierOpens;
    NullifierBindsScope: offer::nullifier_binds_scope, refused by NullifierOpens;
    // of statements about a table: `chain`
    @ EndDenominator;
    @ ChainCounted;
}

#[test]
fn every_clause_has_a_forger() {
    // FORGERS is exhaustive by its match, so ALL is if it is the same list.
    let mut clauses: Vec<Clause> = FORGERS.iter().map(|forger| forger.clause).collect();
    clauses.extend([Clause::EndDenominator, Clause::ChainCounted]);
    let in_order = |clauses: &[Clause]| {
        let mut places: Vec<usize> = clauses.iter().map(|clause| *clause as usize).collect();
        places.sort_unstable();
        places
    };
    assert_eq!(in_order(&clauses), in_order(&Clause::ALL));
}

#[test]
fn the_cohorts_true_answer_is_accepted() {
    for honest in [super::honest(), noise::honest(), offer::honest()] {
        assert!(!honest.is_false() && honest.is_derived());
        assert_eq!(honest.judged_by(Relation::whole()), Ok(()));
    }
}

#[test]
fn each_is_refused_by_the_whole_and_accepted_without_its_clause() {
    let mut wrong = Vec::new();
    for Forger { clause, refused_by, forge } in FORGERS {
        let forgery = forge(Relation::without(*clause));
        assert!(forgery.is_false(), "{clause:?}: the released cells are true");
        assert!(forgery.is_derived(), "{clause:?}: a verifier would derive other public inputs");
        let without = forgery.judged_by(Relation::without(*clause));
        let whole = forgery.judged_by(Relation::whole());
        if without != Ok(()) || whole != Err(Broken(*refused_by)) {
            wrong.push((clause, without, whole));
        }
    }
    assert!(wrong.is_empty(), "(clause, without it, whole): {wrong:#?}");
}

/// Whoever plays against the whole relation gets nowhere by the same means: challenges that were known
/// are guesses now, and the lie goes on to the end.
#[test]
fn each_is_refused_when_it_plays_against_the_whole() {
    for Forger { clause, refused_by, forge } in FORGERS {
        let forgery = forge(Relation::whole());
        assert!(forgery.is_false() && forgery.is_derived(), "{clause:?}");
        let refused_by = match clause {
            Clause::AbsorbAggregates => Clause::RootCheck,
            Clause::AbsorbRoots | Clause::AbsorbLayerRounds | Clause::AbsorbChildren | Clause::AbsorbRowRounds => {
                Clause::RowFinal
            }
            Clause::AbsorbTableRounds => Clause::TableFinal,
            _ => *refused_by,
        };
        assert_eq!(forgery.judged_by(Relation::whole()), Err(Broken(refused_by)), "{clause:?}");
    }
}

/// No other clause is to blame.
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
    // Flags are a term of the row sumcheck's last claim, so there is no checking them without it; and what enters the key of
    // the noise is in the numbers, whose readings add up to them, as what enters the nullifier is in the nullifier.
    let parts = [Clause::KeyBindsSeed, Clause::KeyBindsBeacon, Clause::KeyBindsContext, Clause::BlockNumbered];
    let mut expected = vec![(Clause::FlagsChecked, Clause::RowFinal)];
    expected.extend(parts.map(|clause| (clause, Clause::WordSum)));
    let parts = [Clause::NullifierBindsTag, Clause::NullifierBindsScope];
    expected.extend(parts.map(|clause| (clause, Clause::NullifierOpens)));
    assert_eq!(accepted, expected);
}

/// Trap 1: `lambda`, or a layer's batching challenge, known before the last child values. At the first layer, and at
/// the last one, whose batching challenge is the leaves' `lambda`.
#[test]
fn trap_1_a_batching_challenge_known_beforehand() {
    let without = Relation::without(Clause::AbsorbChildren);
    for layer in [0, Cohort::SHAPE.layers() - 1] {
        let lie = |relation| {
            transcript::dropped(relation, Carrier::RowNumerator, Place::LayerEnd(layer), Manner::KnowingBatch)
        };
        let forgery = lie(without);
        assert!(forgery.is_false() && forgery.is_derived());
        assert_eq!(forgery.judged_by(without), Ok(()), "layer {layer}: any root passes");
        assert!(forgery.judged_by(Relation::whole()).is_err(), "layer {layer}");
        assert!(lie(Relation::whole()).judged_by(Relation::whole()).is_err(), "layer {layer}: a guess");
    }
}

/// Trap 2: two lookups with one weight. A pair that is false in the test's lookup is in the bins' table, whose
/// multiplicity has it once more.
#[test]
fn trap_2_two_lookups_share_a_weight() {
    let without = Relation::without(Clause::IndependentWeights);
    let forgery = transcript::independent_weights(without);
    assert!(forgery.is_false() && forgery.is_derived());
    let honest = Cohort::honest();
    let same = (0..3).filter(|lookup| forgery.cohort.multiplicities[*lookup] == honest.multiplicities[*lookup]);
    assert_eq!(same.count(), 0, "the test's, the bins', and the selection's that follows");
    assert_eq!(forgery.judged_by(without), Ok(()));
    assert_eq!(forgery.judged_by(Relation::whole()), Err(Broken(Clause::RowFinal)));
}
