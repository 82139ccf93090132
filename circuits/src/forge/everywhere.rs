//! Not one place a clause, but every place: each round and each layer's end of both trees, at shapes where
//! the row tree is the taller, the lower and as tall; and every single message and public number changed.

use ark_ff::Field;
use cohortium_protocol::field::F;
use cohortium_protocol::shape::{Proves, Shape};
use cohortium_protocol::statement::QueryPublic;

use super::cohort::EXACT;
use super::dealer::Statement;
use super::dense::Dense;
use super::lie::{Carrier, Lie, Manner, Place};
use super::naive::{self, Played};
use super::oracle::visit;
use crate::clause::{Clause, Relation};
use crate::messages::Messages;
use crate::native::{Broken, verify};
use crate::testing::{OFFER, TINY, digest, rng, settle, tiny_shapes, witness};

/// The shapes: small enough for a proof at every place.
pub(super) fn shapes() -> [Shape; 4] {
    [
        TINY,
        OFFER,
        Shape { name: "lower", row_bits: 3, value_bits: 4, slot_bits: 1, ..TINY },
        Shape { name: "even", row_bits: 3, slot_bits: 1, ..TINY },
    ]
}

/// A statement and its argument at some shape.
pub(super) struct Scene {
    pub(super) shape: Shape,
    dense: Dense,
    statement: Statement,
}

impl Scene {
    pub(super) fn of(shape: Shape) -> Self {
        let mut witness = witness(&mut rng(1), &shape, 5);
        witness.lookups.truncate(shape.max_lookups());
        let statement = Statement { context: digest("context"), commitments: digest("commitments"), nonce: F::ONE };
        Self { dense: Dense::of(&shape, &witness), shape, statement }
    }

    /// The true aggregates.
    fn honest(&self) -> Lie {
        Lie::claiming(self.dense.aggregates(&self.shape))
    }

    /// An honest proof.
    pub(super) fn honest_proof(&self) -> (QueryPublic, Messages) {
        self.play(Relation::whole(), &self.honest())
    }

    /// One more row in the first group; of an offer, the next tag.
    fn lie(&self) -> Lie {
        let mut lie = self.honest();
        let aggregate = usize::from(self.shape.proves == Proves::Eligibility);
        lie.aggregates[0][aggregate] += F::ONE;
        lie
    }

    /// The statement and the messages of a lie.
    fn play(&self, relation: Relation, lie: &Lie) -> (QueryPublic, Messages) {
        let Played { mut messages, challenges, .. } =
            naive::prove(relation, &self.shape, &self.dense, &self.statement, lie);
        let (rule, cells) = settle(&self.shape, EXACT, &lie.aggregates, &mut messages);
        let public = QueryPublic {
            context: self.statement.context,
            commitments: self.statement.commitments,
            evaluations: self.dense.evaluations(&challenges),
            challenges,
            rule,
            cells,
        };
        (public, messages)
    }
}

/// Every place of a shape's argument where a lie with this carrier can be dropped.
fn places(shape: &Shape, carrier: Carrier) -> Vec<Place> {
    let bits = if carrier == Carrier::RowNumerator { shape.row_bits } else { shape.value_bits };
    let layers = bits + shape.slot_bits;
    let mut out = vec![Place::Roots];
    for layer in 0..layers {
        out.extend((0..layer).map(|round| Place::LayerRound(layer, round)));
        out.push(Place::LayerEnd(layer));
    }
    match carrier {
        Carrier::RowNumerator => out.extend((0..shape.row_bits).map(Place::RowRound)),
        Carrier::TableNumerator => out.extend((0..=shape.value_bits).map(Place::TableRound)),
        // The denominators' claim is compared at once, without a sumcheck.
        Carrier::TableDenominator => {}
    }
    out
}

/// The clause by which a lie is refused that is dropped at a place in a manner.
fn guard(place: Place, manner: Manner) -> Clause {
    match (place, manner) {
        (Place::Roots, Manner::Bluntly) => Clause::RootCheck,
        (Place::LayerRound(..), Manner::Bluntly) => Clause::LayerRounds,
        (Place::LayerEnd(_), Manner::Bluntly) => Clause::LayerEnd,
        (Place::RowRound(_), Manner::Bluntly) => Clause::RowRounds,
        (Place::TableRound(_), Manner::Bluntly) => Clause::TableRounds,
        (Place::Roots, _) => Clause::AbsorbRoots,
        (Place::LayerRound(..), _) => Clause::AbsorbLayerRounds,
        (Place::LayerEnd(_), _) => Clause::AbsorbChildren,
        (Place::RowRound(_), _) => Clause::AbsorbRowRounds,
        (Place::TableRound(_), _) => Clause::AbsorbTableRounds,
    }
}

/// A proof in which the lie is dropped at one place.
pub(super) struct Attempt {
    pub(super) guard: Clause,
    pub(super) name: String,
    pub(super) public: QueryPublic,
    pub(super) messages: Messages,
}

/// A lie dropped in every manner at every place.
pub(super) fn attempts(scene: &Scene) -> impl Iterator<Item = Attempt> + '_ {
    let carriers = [Carrier::RowNumerator, Carrier::TableNumerator, Carrier::TableDenominator];
    let manners = [Manner::Bluntly, Manner::KnowingChallenge, Manner::KnowingBatch];
    let shape = &scene.shape;
    carriers
        .into_iter()
        .flat_map(move |carrier| places(shape, carrier).into_iter().map(move |place| (carrier, place)))
        .flat_map(move |(carrier, place)| manners.into_iter().map(move |manner| (carrier, place, manner)))
        .filter(move |(carrier, place, manner)| *manner != Manner::KnowingBatch || is_batched(shape, *carrier, *place))
        .map(move |(carrier, place, manner)| {
            let guard = guard(place, manner);
            let lie = scene.lie().carried_by(carrier).dropped_at(place, manner);
            let (public, messages) = scene.play(Relation::without(guard), &lie);
            let name = format!("{}: {carrier:?} at {place:?}, {manner:?}", shape.name);
            Attempt { guard, name, public, messages }
        })
}

/// Whether the tree's next claims are looked at only batched, by the challenge that is drawn with the fold
/// coordinate: not after its last layer.
fn is_batched(shape: &Shape, carrier: Carrier, place: Place) -> bool {
    let bits = if carrier == Carrier::RowNumerator { shape.row_bits } else { shape.value_bits };
    matches!(place, Place::LayerEnd(layer) if layer + 1 < bits + shape.slot_bits)
}

#[test]
fn a_lie_can_be_dropped_nowhere() {
    for shape in shapes() {
        let scene = Scene::of(shape);
        for Attempt { guard, name, public, messages } in attempts(&scene) {
            let without = verify(&Relation::without(guard), &shape, &public, &messages);
            assert_eq!(without, Ok(()), "{name}, without {guard:?}");
            let whole = verify(&Relation::whole(), &shape, &public, &messages);
            let refused_by = whole.unwrap_err().0;
            if matches!(
                guard,
                Clause::RootCheck | Clause::LayerRounds | Clause::LayerEnd | Clause::RowRounds | Clause::TableRounds
            ) {
                assert_eq!(refused_by, guard, "{name}");
            }
        }
    }
}

/// No message is left that a prover could choose: each one changed, alone, is refused.
#[test]
fn every_message_matters() {
    for shape in tiny_shapes() {
        let scene = Scene::of(shape);
        let (public, messages) = scene.honest_proof();
        assert_eq!(verify(&Relation::whole(), &shape, &public, &messages), Ok(()), "{}", shape.name);
        let mut count = 0;
        visit(&mut messages.clone(), |_, _| count += 1);
        for changed in 0..count {
            let (mut forged, mut name, mut number) = (messages.clone(), None, 0);
            visit(&mut forged, |this, x| {
                if number == changed {
                    *x += F::ONE;
                    name = Some(this);
                }
                number += 1;
            });
            let name = name.unwrap();
            let absent = is_absent(&shape, &name);
            let verdict = verify(&Relation::whole(), &shape, &public, &forged);
            assert_eq!(verdict.is_ok(), absent, "{}: {name}", shape.name);
        }
    }
}

/// The children of a tree that has ended: not part of the proof.
fn is_absent(shape: &Shape, name: &str) -> bool {
    let words: Vec<&str> = name.split(' ').collect();
    match words[..] {
        ["layer", layer, "row", _] => layer.parse::<usize>().unwrap() >= shape.row_bits + shape.slot_bits,
        ["layer", layer, "table", _] => layer.parse::<usize>().unwrap() >= shape.value_bits + shape.slot_bits,
        _ => false,
    }
}

type Change = (&'static str, Box<dyn Fn(&mut QueryPublic)>, Clause);

/// Every public number but the release's, changed alone, is refused by the clause that it stands in.
#[test]
fn every_public_number_matters() {
    for shape in tiny_shapes() {
        let scene = Scene::of(shape);
        let (public, messages) = scene.honest_proof();
        // The release's numbers are tried in `release`.
        let mut changes: Vec<Change> = vec![
            ("context", Box::new(|p| p.context = digest("another")), Clause::GroupDenominator),
            ("commitments", Box::new(|p| p.commitments = digest("another")), Clause::GroupDenominator),
            ("mu", Box::new(|p| p.challenges.mu += F::ONE), Clause::PublicMu),
            ("occupied", Box::new(|p| p.evaluations.occupied += F::ONE), Clause::RowFinal),
            ("flags", Box::new(|p| p.evaluations.flags += F::ONE), Clause::RowFinal),
            ("selection", Box::new(|p| p.evaluations.selection += F::ONE), Clause::RowFinal),
            ("y", Box::new(|p| p.evaluations.y += F::ONE), Clause::RowFinal),
            ("z", Box::new(|p| p.evaluations.z += F::ONE), Clause::RowFinal),
            ("group", Box::new(|p| p.evaluations.group += F::ONE), Clause::RowFinal),
        ];
        for i in 0..shape.row_bits {
            changes.push(("r", Box::new(move |p| p.challenges.row_point[i] += F::ONE), Clause::PublicRowPoint));
        }
        for i in 0..=shape.value_bits {
            changes.push(("r_t", Box::new(move |p| p.challenges.value_point[i] += F::ONE), Clause::PublicValuePoint));
        }
        for i in 0..shape.value_bits {
            changes.push(("rho_t", Box::new(move |p| p.challenges.table_point[i] += F::ONE), Clause::PublicTablePoint));
        }
        for j in 0..shape.max_lookups() {
            changes.push(("input", Box::new(move |p| p.evaluations.inputs[j] += F::ONE), Clause::RowFinal));
            changes.push(("output", Box::new(move |p| p.evaluations.outputs[j] += F::ONE), Clause::RowFinal));
            changes.push(("table", Box::new(move |p| p.evaluations.tables[j] += F::ONE), Clause::TableDenominators));
            changes.push((
                "multiplicity",
                Box::new(move |p| p.evaluations.multiplicities[j] += F::ONE),
                Clause::TableFinal,
            ));
        }
        for (name, change, clause) in changes {
            let mut forged = public.clone();
            change(&mut forged);
            let verdict = verify(&Relation::whole(), &shape, &forged, &messages);
            assert_eq!(verdict, Err(Broken(clause)), "{}: {name}", shape.name);
        }
    }
}
