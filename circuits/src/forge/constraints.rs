//! The circuit refuses what the native twin refuses: every forgery, and every place, as constraints.

use std::collections::BTreeMap;

use ark_ff::AdditiveGroup;
use cohortium_protocol::field::F;
use cohortium_protocol::shape::Shape;
use cohortium_protocol::statement::QueryPublic;

use super::Forgery;
use super::everywhere::{Attempt, Scene, attempts, shapes};
use super::table::{FORGERS, Forger};
use crate::clause::{Clause, Relation};
use crate::gadget::{Label, Matrices, assignment_with, matrices_with};
use crate::messages::Messages;
use crate::testing::NOISY;

/// The circuits of shapes' relations, each built once.
#[derive(Default)]
struct Circuits {
    built: BTreeMap<(&'static str, Option<Clause>, bool), Matrices>,
}

impl Circuits {
    /// The labels of the constraints that are broken, with a clause off or none, and a lottery's `alpha` if
    /// it has one: which is a variable of its own, so that its value is no matter.
    fn broken(
        &mut self,
        shape: &Shape,
        off: Option<Clause>,
        alpha: Option<F>,
        public: &QueryPublic,
        messages: &Messages,
    ) -> Vec<Label> {
        let relation = off.map_or_else(Relation::whole, Relation::without);
        let relation = alpha.map_or(relation, |alpha| relation.with_alpha(alpha));
        let matrices =
            self.built.entry((shape.name, off, alpha.is_some())).or_insert_with(|| matrices_with(relation, shape));
        let inputs = public.encode(shape).unwrap();
        let (assignment, _) = assignment_with(relation, shape, &inputs, messages);
        let mut labels = matrices.broken_by(&assignment);
        labels.dedup();
        labels
    }

    fn broken_by(&mut self, off: Option<Clause>, forgery: &Forgery) -> Vec<Label> {
        self.broken(&forgery.shape, off, forgery.alpha, &forgery.public, &forgery.messages)
    }
}

/// The label of a clause's constraints: some share a range check, which bears the first one's name.
fn label(clause: Clause) -> Label {
    Label::Clause(match clause {
        Clause::SuppressedIsSmall => Clause::CountNotBelow,
        Clause::SuppressedIsNotZero => Clause::CountNotAbove,
        Clause::SumSuppressedIsSmall => Clause::SumNotBelow,
        clause => clause,
    })
}

#[test]
fn each_forgery_breaks_constraints_and_none_without_its_clause() {
    let mut circuits = Circuits::default();
    for Forger { clause, refused_by, forge } in FORGERS {
        let forgery = forge(Relation::without(*clause));
        assert_eq!(circuits.broken_by(Some(*clause), &forgery), [], "without {clause:?}");
        let whole = circuits.broken_by(None, &forgery);
        if clause == refused_by {
            assert_eq!(whole, [label(*clause)], "{clause:?}");
        } else {
            assert!(whole.contains(&label(*refused_by)), "{clause:?}: {whole:?}");
        }
        let played = forge(Relation::whole());
        assert_ne!(circuits.broken_by(None, &played), [], "{clause:?} played against the whole");
    }
}

#[test]
fn a_lie_can_be_dropped_nowhere() {
    for shape in shapes() {
        let scene = Scene::of(shape);
        let mut circuits = Circuits::default();
        for Attempt { guard, name, public, messages } in attempts(&scene) {
            assert_eq!(circuits.broken(&shape, Some(guard), None, &public, &messages), [], "{name}, without {guard:?}");
            assert_ne!(circuits.broken(&shape, None, None, &public, &messages), [], "{name}");
        }
    }
}

/// Each forgery against the circuit without each clause: it is satisfied if and only if the twin accepts.
#[test]
#[ignore = "slow: 4,096 assignments"]
fn circuit_and_twin_agree_on_every_forgery_without_any_clause() {
    let forgeries: Vec<Forgery> =
        FORGERS.iter().map(|forger| (forger.forge)(Relation::without(forger.clause))).collect();
    for clause in Clause::ALL {
        let mut circuits = Circuits::default();
        for (Forger { clause: forged, .. }, forgery) in FORGERS.iter().zip(&forgeries) {
            let labels = circuits.broken_by(Some(clause), forgery);
            let accepted = forgery.judged_by(Relation::without(clause)).is_ok();
            assert_eq!(labels.is_empty(), accepted, "{forged:?} without {clause:?}: {labels:?}");
        }
    }
}

/// Every variable of the circuit, changed alone, breaks a constraint: nothing dangles.
#[test]
fn every_variable_matters() {
    for shape in shapes().into_iter().chain([NOISY]) {
        let scene = Scene::of(shape);
        let (public, messages) = scene.honest_proof();
        let matrices = matrices_with(Relation::whole(), &shape);
        let inputs = public.encode(&shape).unwrap();
        let (z, first_witness) = assignment_with(Relation::whole(), &shape, &inputs, &messages);
        assert_eq!(matrices.broken_by(&z), []);
        let [a, b, c] = [0, 1, 2].map(|i| -> Vec<F> {
            matrices.rows[i].iter().map(|row| row.iter().map(|(x, j)| *x * z[*j]).sum()).collect()
        });
        // What each constraint's three sides change by when a variable grows by 1.
        let mut steps: Vec<BTreeMap<usize, [F; 3]>> = vec![BTreeMap::new(); z.len()];
        for (side, rows) in matrices.rows.iter().enumerate() {
            for (i, row) in rows.iter().enumerate() {
                for (x, j) in row {
                    steps[*j].entry(i).or_insert([F::ZERO; 3])[side] += x;
                }
            }
        }
        for (j, steps) in steps.iter().enumerate().skip(first_witness) {
            let breaks = |(i, [da, db, dc]): (&usize, &[F; 3])| (a[*i] + da) * (b[*i] + db) != c[*i] + dc;
            assert!(steps.iter().any(breaks), "{}: variable {j} of {}", shape.name, z.len());
        }
    }
}
