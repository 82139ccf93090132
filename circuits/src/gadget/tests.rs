use cohortium_protocol::policy::Cell;
use cohortium_protocol::shape::{PINNED, Pin};
use cohortium_protocol::statement::QueryPublic;

use super::*;
use crate::native;
use crate::prove::{Argument, QueryWitness, prove};
use crate::testing::{NOISY, OFFER, TINY_TABLE, digest, params, public, rng, tiny_shapes, witness};

fn argument(shape: &Shape, witness: &QueryWitness) -> (QueryPublic, Messages) {
    let Argument { mut messages, challenges } = prove(
        shape,
        witness,
        &params().sums[0],
        &digest("context"),
        &digest("commitments"),
        F::from(9u64),
        &mut |_| (),
    );
    (public(shape, witness, params(), challenges, &mut messages), messages)
}

#[test]
fn both_back_ends_agree_variable_by_variable_and_arkworks_is_satisfied() {
    for shape in tiny_shapes() {
        let (public, messages) = argument(&shape, &witness(&mut rng(3), &shape, shape.max_declared_rows() - 1));
        let inputs = public.encode(&shape).unwrap();
        assert_eq!(inputs.len(), QueryPublic::count(&shape));
        let (assignment, public_variables) = assignment(&shape, &inputs, &messages);
        let mut beside = Matrices::with_values();
        synthesise(&mut beside, Relation::whole(), &shape, &inputs, &messages);
        assert_eq!(beside.inputs, public_variables);
        assert_eq!(beside.variables, assignment.len());
        for (i, (one, other)) in assignment.iter().zip(beside.values().unwrap()).enumerate() {
            assert_eq!(one, other, "variable {i} of {}", shape.name);
        }
        assert_eq!(beside.broken_by(&assignment), [], "{}", shape.name);
        let blank = matrices(&shape);
        assert_eq!(blank.digest(), beside.digest(), "the constraints do not depend on the witness");
        let cs = ark_relations::gr1cs::ConstraintSystem::<F>::new_ref();
        ark_relations::gr1cs::ConstraintSynthesizer::generate_constraints(&beside, cs.clone()).unwrap();
        cs.finalize();
        assert!(cs.is_satisfied().unwrap());
        assert_eq!(cs.num_constraints(), blank.constraints());
    }
}

#[test]
fn the_cost_is_as_predicted() {
    for shape in tiny_shapes().into_iter().chain([TINY_TABLE]) {
        assert_eq!(matrices(&shape).constraints(), cost::predict(&shape).total(), "{}", shape.name);
    }
}

/// The clauses that look at a public number, by its name; range checks that clauses share bear the first one's.
fn looked_at_by(name: &str) -> &'static [Clause] {
    let parts: Vec<&str> = name.split('.').collect();
    match parts[..] {
        // Every challenge is another then, so the first check that uses one fails.
        ["context" | "commitments", _] => &[Clause::GroupDenominator],
        ["r", _] => &[Clause::PublicRowPoint],
        ["r_t", _] => &[Clause::PublicValuePoint],
        ["rho_t", _] => &[Clause::PublicTablePoint],
        ["mu"] => &[Clause::PublicMu],
        ["occupied" | "flags" | "selection" | "y" | "z" | "group"] | ["input" | "output", _] => &[Clause::RowFinal],
        ["table", _] => &[Clause::TableDenominators],
        ["multiplicity", _] => &[Clause::TableFinal],
        ["policy", "k"] => &[Clause::ValueReachesThreshold, Clause::CountNotBelow],
        ["policy", "b"] => &[Clause::CountNotAbove],
        ["policy", "h"] => &[Clause::CountNotBelow, Clause::CountNotAbove],
        ["policy", "show_zero"] => &[Clause::ZeroShown, Clause::CountNotAbove],
        ["policy", _, "asked"] => &[Clause::SumNotAsked],
        ["policy", _, "base"] => &[Clause::SumNotAbove],
        ["policy", _, "half"] => &[Clause::SumNotBelow, Clause::SumNotAbove],
        ["policy", "s", "dominance" | "most"] => &[Clause::SumNotBelow, Clause::SumComplement],
        ["policy", _, "dominance"] => &[Clause::SumNotBelow],
        // Its sums follow it, or are withheld beside it.
        ["cell", _, "is_value"] => &[
            Clause::ValueReachesThreshold,
            Clause::CountNotBelow,
            Clause::CountNotAbove,
            Clause::SumFollowsCount,
            Clause::SumNotBelow,
        ],
        ["cell", _, "is_zero"] => &[Clause::ZeroIsZero, Clause::CountNotBelow, Clause::CountNotAbove],
        ["cell", _, "count"] => &[Clause::CountNotBelow, Clause::CountNotAbove],
        ["cell", _, _, "is_value"] => &[
            Clause::SumNotBelow,
            Clause::SumNotAbove,
            Clause::SumFollowsCount,
            Clause::SumNotAsked,
            Clause::SumComplement,
        ],
        ["cell", _, _] => &[Clause::SumNotBelow, Clause::SumNotAbove],
        ["scope", _] | ["nullifier"] => &[Clause::NullifierOpens],
        _ => panic!("{name} is new: which clause looks at it?"),
    }
}

/// Whether nothing follows from a public number in this statement: a cell's number where there is none, which the
/// encoder sets to 0; a dominance bound that withholds no sum.
fn says_nothing(name: &str, public: &QueryPublic) -> bool {
    let is_value = |cell: Cell| matches!(cell, Cell::Value(_));
    let sum = |name: &str| ["s", "ss", "p"].iter().position(|sum| *sum == name).unwrap();
    match name.split('.').collect::<Vec<_>>()[..] {
        ["cell", g, "count"] => !is_value(public.cells[g.parse::<usize>().unwrap()].count),
        ["cell", _, "is_value" | "is_zero"] => false,
        ["cell", g, name] => !public.cells[g.parse::<usize>().unwrap()].sums[sum(name)].is_some_and(is_value),
        // Every first sum beside a count is held against it, shown or not.
        ["policy", "s", "dominance" | "most"] => !public.cells.iter().any(|cells| is_value(cells.count)),
        ["policy", name, "dominance"] => {
            !public.cells.iter().any(|cells| is_value(cells.count) && cells.sums[sum(name)] == Some(Cell::Suppressed))
        }
        _ => false,
    }
}

/// Trap 5: every public number is looked at, by a clause that is known.
#[test]
fn trap_5_a_changed_public_input_breaks_the_clause_that_looks_at_it() {
    let shape = tiny_shapes()[0];
    let (public, messages) = argument(&shape, &witness(&mut rng(4), &shape, 9));
    let matrices = matrices(&shape);
    let inputs = public.encode(&shape).unwrap();
    let mut silent = 0;
    for (i, (name, _)) in public.named(&shape).iter().enumerate() {
        let mut changed = inputs.clone();
        // Beyond every window of the release.
        changed[i] += F::from(u128::MAX);
        let (assignment, _) = assignment(&shape, &changed, &messages);
        let broken = matrices.broken_by(&assignment);
        if says_nothing(name, &public) {
            assert_eq!(broken, [], "{name}");
            silent += 1;
            continue;
        }
        let known = looked_at_by(name);
        let by = |label: &Label| matches!(label, Label::Clause(clause) if known.contains(clause));
        assert!(broken.iter().any(by), "{name}: by {known:?}, found {broken:?}");
        if !["context.", "commitments."].iter().any(|digest| name.starts_with(digest)) {
            assert!(broken.iter().all(by), "{name}: by {known:?} alone, found {broken:?}");
        }
    }
    assert!(silent < public.cells.len() * 4, "{silent}: most of the cells say something");
    assert_eq!(native::verify(&Relation::whole(), &shape, &public, &messages), Ok(()));
}

/// Trap 5 in the statement about one patient: nothing public is silent there.
#[test]
fn trap_5_of_an_offer_a_changed_public_input_breaks_the_clause_that_looks_at_it() {
    let (public, messages) = argument(&OFFER, &witness(&mut rng(4), &OFFER, 9));
    let matrices = matrices(&OFFER);
    let inputs = public.encode(&OFFER).unwrap();
    for (i, (name, _)) in public.named(&OFFER).iter().enumerate() {
        let mut changed = inputs.clone();
        changed[i] += F::from(u128::MAX);
        let (assignment, _) = assignment(&OFFER, &changed, &messages);
        let broken = matrices.broken_by(&assignment);
        let known = looked_at_by(name);
        let by = |label: &Label| matches!(label, Label::Clause(clause) if known.contains(clause));
        assert!(broken.iter().any(by), "{name}: by {known:?}, found {broken:?}");
        if !["context.", "commitments."].iter().any(|digest| name.starts_with(digest)) {
            assert!(broken.iter().all(by), "{name}: by {known:?} alone, found {broken:?}");
        }
    }
    assert_eq!(native::verify(&Relation::whole(), &OFFER, &public, &messages), Ok(()));
}

/// The clauses that look at a public number of a release under noise, by its name.
fn looked_at_under_noise(name: &str) -> &'static [Clause] {
    const RELEASE: &[Clause] =
        &[Clause::NoisedThreshold, Clause::NoisedCountNotBelow, Clause::NoisedCountNotAbove, Clause::NoisedSum];
    let parts: Vec<&str> = name.split('.').collect();
    match parts[..] {
        // Every challenge and every number of the noise is another then.
        ["context", _] => &[Clause::GroupDenominator, Clause::WordSum],
        ["beacon", _] => &[Clause::WordSum],
        ["seed"] => &[Clause::SeedOpens],
        ["threshold", _] => &[Clause::DigitCompared],
        ["layout", _] => RELEASE,
        ["policy", "k"] => &[Clause::NoisedThreshold],
        ["policy", "b"] => &[Clause::NoisedCountNotAbove],
        ["policy", "h"] => &[Clause::NoisedCountNotBelow, Clause::NoisedCountNotAbove],
        ["policy", _, "asked"] => &[Clause::NoisedSum],
        ["cell", _, "is_value"] => RELEASE,
        ["cell", _, "count"] => &[Clause::NoisedCountNotBelow, Clause::NoisedCountNotAbove],
        ["cell", _, _] => &[Clause::NoisedSum],
        _ => looked_at_by(name),
    }
}

/// Trap 5 under noise. A number says nothing where nothing follows from it: the cells of groups that are suppressed, sums
/// that are not asked for, and whether a sum is asked for that is right.
#[test]
fn trap_5_under_noise_a_changed_public_input_breaks_the_clause_that_looks_at_it() {
    let shape = NOISY;
    let (public, messages) = argument(&shape, &witness(&mut rng(4), &shape, 9));
    let matrices = matrices(&shape);
    let inputs = public.encode(&shape).unwrap();
    let mut silent = Vec::new();
    for (i, (name, _)) in public.named(&shape).iter().enumerate() {
        let mut changed = inputs.clone();
        changed[i] += F::from(u128::MAX);
        let (assignment, _) = assignment(&shape, &changed, &messages);
        let broken = matrices.broken_by(&assignment);
        if broken.is_empty() {
            silent.push(name.clone());
            continue;
        }
        let known = looked_at_under_noise(name);
        let by = |label: &Label| matches!(label, Label::Clause(clause) if known.contains(clause));
        assert!(broken.iter().any(by), "{name}: by {known:?}, found {broken:?}");
        if !["context.", "commitments."].iter().any(|digest| name.starts_with(digest)) {
            assert!(broken.iter().all(by), "{name}: by {known:?} alone, found {broken:?}");
        }
    }
    let suppressed = |g: &str| public.cells[g.parse::<usize>().unwrap()].count == Cell::Suppressed;
    for name in &silent {
        let says_nothing = match name.split('.').collect::<Vec<_>>()[..] {
            ["policy", "s" | "ss", "asked"] | ["cell", _, "p"] => true,
            ["cell", g, "count" | "s" | "ss"] => suppressed(g),
            _ => false,
        };
        assert!(says_nothing, "{name} says nothing");
    }
    let shown = public.cells.iter().filter(|cells| cells.count != Cell::Suppressed).count();
    assert!(shown > 1, "{:?}", public.cells);
    assert_eq!(silent.len(), 2 + public.cells.len() + 3 * (public.cells.len() - shown), "{silent:?}");
}

/// Constraint counts and matrix digests of the standard shapes. A change here is a change of every key.
#[test]
fn the_standard_shapes_are_pinned() {
    let (mut wrong, mut wrong_ids) = (Vec::new(), Vec::new());
    for Pin { shape, id, constraints, matrices: digest } in PINNED {
        if shape.id().to_string() != id {
            wrong_ids.push((shape.name, shape.id().to_string()));
        }
        let matrices = matrices(&shape);
        let cost = cost::predict(&shape);
        assert_eq!(matrices.constraints(), cost.total());
        let found = (matrices.constraints(), matrices.digest().to_string());
        if found != (constraints, digest.to_owned()) {
            wrong.push((shape.name, found, cost));
        }
        let bits = if [Shape::TABLE_12, Shape::TABLE_16].contains(&shape) { 16 } else { 17 };
        assert!(matrices.constraints() + matrices.inputs <= 1 << bits, "{} falls under 2^{bits}", shape.name);
        assert_eq!(matrices.inputs, public_inputs(&shape) + 1);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(wrong_ids.is_empty(), "{wrong_ids:#?}");
    let shapes: Vec<Shape> = Shape::all().collect();
    assert_eq!(PINNED.map(|pin| pin.shape).to_vec(), shapes);
}
