use cohortium_protocol::shape::{PINNED, Pin};

use super::*;
use crate::native;
use crate::prove::{Argument, QueryWitness, prove};
use crate::testing::{digest, params, public, rng, tiny_shapes, witness};

fn argument(shape: &Shape, witness: &QueryWitness) -> (QueryPublic, Messages) {
    let Argument { messages, challenges } =
        prove(shape, witness, &digest("context"), &digest("commitments"), F::from(9u64), &mut |_| ());
    (public(shape, witness, params(), challenges), messages)
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
    for shape in tiny_shapes() {
        assert_eq!(matrices(&shape).constraints(), cost::predict(&shape).total(), "{}", shape.name);
    }
}

#[test]
fn trap_5_a_changed_public_input_breaks_a_named_clause() {
    let shape = tiny_shapes()[0];
    let (public, messages) = argument(&shape, &witness(&mut rng(4), &shape, 9));
    let matrices = matrices(&shape);
    let inputs = public.encode(&shape).unwrap();
    for (i, (name, _)) in public.named().iter().enumerate() {
        let mut changed = inputs.clone();
        changed[i] += F::from(1u64);
        let (assignment, _) = assignment(&shape, &changed, &messages);
        let harmless = ["policy.", "cell."].iter().any(|prefix| name.starts_with(prefix));
        assert!(harmless || !matrices.broken_by(&assignment).is_empty(), "{name} can be changed");
    }
    assert_eq!(native::verify(&Relation::whole(), &shape, &public, &messages), Ok(()));
}

/// Constraint counts and matrix digests of the standard shapes. A change here is a change of every key.
#[test]
fn the_standard_shapes_are_pinned() {
    for Pin { shape, id, constraints, matrices: digest } in PINNED {
        assert_eq!(shape.id().to_string(), id, "{}", shape.name);
        let matrices = matrices(&shape);
        let cost = cost::predict(&shape);
        assert_eq!(matrices.constraints(), cost.total());
        let found = (matrices.constraints(), matrices.digest().to_string());
        assert_eq!(found, (constraints, digest.to_owned()), "{}: {cost:?}", shape.name);
        assert!(matrices.constraints() + matrices.inputs <= 1 << 17, "{} falls under 2^17", shape.name);
    }
    assert_eq!(PINNED.map(|pin| pin.shape), Shape::STANDARD);
}
