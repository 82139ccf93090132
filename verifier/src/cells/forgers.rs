//! Who forges which clause of the native half: an honest argument, and cells that no honest site writes.
//!
//! Every forger is accepted here with its clause off and refused with it on. Whether the clause is all that
//! stands in the way is asked of the circuit's relation, whole: where it accepts the forged cells, the clause is
//! needed; where it refuses them too, the clause is a second wall, and the table says by which clause.

use std::sync::OnceLock;

use cohortium_circuits::clause::{Clause, Relation};
use cohortium_circuits::eq::evaluate;
use cohortium_circuits::gadget::{Matrices, assignment, matrices};
use cohortium_circuits::messages::Messages;
use cohortium_circuits::native::{Broken, verify};
use cohortium_circuits::prove::{Argument, QueryWitness, RowColumn, prove};
use cohortium_protocol::bundle::cells_of_shape;
use cohortium_protocol::field::F;
use cohortium_protocol::hash::{Digest, Hasher};
use cohortium_protocol::mle;
use cohortium_protocol::policy::{Cell, GroupAggregates, GroupCells, ReleaseParams, SumParams, release};
use cohortium_protocol::shape::{Proves, Shape};
use cohortium_protocol::statement::{Evaluations, PublicChallenges, QueryPublic, ReleaseRule};

use super::{ReleaseClause, Rules, check};

/// Next to nothing, but room for groups that the plan does not have.
const SHAPE: Shape = Shape {
    name: "tiny",
    proves: Proves::Query,
    row_bits: 5,
    value_bits: 5,
    slot_bits: 1,
    groups: 8,
    blinding_rows: 3,
    row_split: 2,
    value_split: 2,
    noise: None,
};
/// Counts from 3, rounded to 5; zeros shown; the sum in steps of 42 and at least 21 from its ends, the squares to the
/// digit, no products.
const PARAMS: ReleaseParams = ReleaseParams {
    k: 3,
    b: 5,
    show_zero: true,
    sums: [SumParams::restrained(3, 7), SumParams::EXACT, SumParams::OFF],
};
const SUM: usize = 0;
const SQUARES: usize = 1;
const PRODUCTS: usize = 2;

/// The plan's groups: twelve people with sum 30 and squares 78, two, nine with sum 4, nobody.
const GROUPS: usize = 4;
const OF_TWELVE: usize = 0;
const OF_TWO: usize = 1;
const OF_NINE: usize = 2;
const OF_NOBODY: usize = 3;
/// A group that the shape has and the plan has not.
const BEYOND: u32 = 5;

/// The people: group and value.
fn people() -> Vec<(u32, u32)> {
    let twelve = (0..12).map(|i| (OF_TWELVE as u32, 2 + i % 2));
    let two = (0..2).map(|_| (OF_TWO as u32, 7));
    let nine = (0..9).map(|i| (OF_NINE as u32, u32::from(i < 4)));
    twelve.chain(two).chain(nine).collect()
}

/// A proof of an answer about some people, and the answer.
pub(super) struct Scene {
    shape: Shape,
    public: QueryPublic,
    argument: Argument,
    matrices: OnceLock<Matrices>,
}

impl Scene {
    fn of(people: &[(u32, u32)]) -> Self {
        Self::settled(SHAPE, people, |exact, _, _| (PARAMS.into(), release(exact, &PARAMS)))
    }

    /// A proof in a shape, whose rule and cells are settled by exact aggregates, context and messages.
    pub(super) fn settled(
        shape: Shape,
        people: &[(u32, u32)],
        settle: impl FnOnce(&[GroupAggregates], &Digest, &mut Messages) -> (ReleaseRule, Vec<GroupCells>),
    ) -> Self {
        let mut drawn = 0u64;
        let mut column = |data: Vec<u32>| {
            let blind = (0..shape.blinding_rows).map(|_| {
                drawn += 1;
                F::from(1_000_003 * drawn * drawn + 17)
            });
            RowColumn { data, blind: blind.collect() }
        };
        let selection = column(vec![1; people.len()]);
        let y = column(people.iter().map(|(_, value)| *value).collect());
        let group = column(people.iter().map(|(group, _)| *group).collect());
        let witness = QueryWitness {
            declared_rows: people.len(),
            lookups: Vec::new(),
            selection: selection.clone(),
            y: Some((&y).into()),
            z: None,
            group: group.clone(),
            flags: vec![selection.clone()],
        };
        let [context, commitments] = ["context", "commitments"].map(|what| Hasher::new("test").str(what).finish());
        let mut argument =
            prove(&shape, &witness, &PARAMS.sums[SUM], &context, &commitments, F::from(5u64), &mut |_| ());
        let at = argument.challenges.clone();
        let value = |column: &RowColumn| {
            let dense: Vec<F> = (0..shape.rows()).map(|row| column.at(row)).collect();
            evaluate(&dense, &at.row_point)
        };
        let flag = value(&selection);
        let zero = F::from(0u64);
        let PublicChallenges { row_point, value_point, mu, .. } = &at;
        let unused = F::from(people.len() as u64) * mle::eq(&vec![zero; value_point.len()], value_point);
        let evaluations = Evaluations {
            occupied: mle::prefix(row_point, people.len()),
            flags: *mu * (flag * flag - flag),
            selection: flag,
            y: value(&y),
            z: zero,
            group: value(&group),
            inputs: vec![zero; shape.max_lookups()],
            outputs: vec![zero; shape.max_lookups()],
            tables: vec![zero; shape.max_lookups()],
            multiplicities: vec![unused; shape.max_lookups()],
        };
        let mut exact = vec![GroupAggregates::default(); shape.groups];
        for (group, value) in people {
            let (sums, value) = (&mut exact[*group as usize], u64::from(*value));
            sums.n += 1;
            sums.s += value;
            sums.ss += value * value;
        }
        let (rule, cells) = settle(&exact, &context, &mut argument.messages);
        let public = QueryPublic { context, commitments, challenges: at, evaluations, rule, cells };
        Self { shape, public, argument, matrices: OnceLock::new() }
    }

    /// The cells of every group of the shape, as the policy gives them.
    pub(super) fn cells(&self) -> &[GroupCells] {
        &self.public.cells
    }

    /// The plan's cells as the policy gives them.
    fn released(&self) -> Vec<GroupCells> {
        self.public.cells[..GROUPS].to_vec()
    }

    /// The circuit's verdict on cells of all groups: its native twin's, and its constraints', which agree.
    pub(super) fn circuit(&self, cells: Vec<GroupCells>) -> Result<(), Clause> {
        let Self { shape, argument, .. } = self;
        let public = QueryPublic { cells, ..self.public.clone() };
        let verdict = verify(&Relation::whole(), shape, &public, &argument.messages);
        let (z, _) = assignment(shape, &public.encode(shape).unwrap(), &argument.messages);
        let circuit = self.matrices.get_or_init(|| matrices(shape));
        assert_eq!(circuit.broken_by(&z).is_empty(), verdict.is_ok(), "{verdict:?}");
        verdict.map_err(|Broken(clause)| clause)
    }
}

type Cells = Vec<GroupCells>;

/// The forgers of a clause.
struct Forger {
    clause: ReleaseClause,
    /// What the circuit says of each forgery.
    circuit: Result<(), Clause>,
    /// What each does to the true cells.
    forge: &'static [fn(&mut Cells)],
}

const ACCEPTED: Result<(), Clause> = Ok(());

const fn also_by(clause: Clause) -> Result<(), Clause> {
    Err(clause)
}

/// `CLAUSE: what the circuit says, forgers;` for every clause. The match is exhaustive: a clause without a
/// forger does not compile.
macro_rules! forgers {
    ($($clause:ident: $circuit:expr, [$($forge:expr),+];)*) => {
        const CLAUSES: &[ReleaseClause] = &[$(ReleaseClause::$clause),*];

        fn forger(clause: ReleaseClause) -> Forger {
            match clause {
                $(ReleaseClause::$clause => {
                    Forger { clause: ReleaseClause::$clause, circuit: $circuit, forge: &[$($forge),+] }
                })*
            }
        }
    };
}

forgers! {
    // The derivation of public inputs counts groups once more: a second wall of this half's own.
    GroupCount: ACCEPTED, [
        |cells| cells.truncate(GROUPS - 1),
        |cells| cells.push(cells[OF_NOBODY])
    ];
    // The exact count, in a state that the rounding does not look at.
    CountExact: also_by(Clause::SuppressedIsSmall), [
        |cells| {
            cells[OF_TWELVE].count = Cell::Noised(12);
            cells[OF_TWELVE].sums = [Some(Cell::Suppressed), Some(Cell::Suppressed), None];
        }
    ];
    // The exact count, and the ends of the circuit's window.
    CountGrid: ACCEPTED, [
        |cells| cells[OF_TWELVE].count = Cell::Value(12),
        |cells| cells[OF_TWELVE].count = Cell::Value(14),
        |cells| cells[OF_NINE].count = Cell::Value(7)
    ];
    CountRange: also_by(Clause::CountNotBelow), [|cells| cells[OF_TWELVE].count = Cell::Value(30)];
    // The squares of a group that is not shown look alike to the circuit, there or not.
    SumAsked: ACCEPTED, [
        |cells| cells[OF_TWO].sums[SQUARES] = None,
        |cells| cells[OF_NOBODY].sums[SUM] = None,
        |cells| cells[OF_NINE].sums[SUM] = None
    ];
    SumNotAsked: ACCEPTED, [
        |cells| cells[OF_TWELVE].sums[PRODUCTS] = Some(Cell::Suppressed),
        |cells| cells[OF_NOBODY].sums[PRODUCTS] = Some(Cell::Zero)
    ];
    // The exact sum, likewise; to the circuit it is not shown.
    SumExact: also_by(Clause::SumSuppressedIsSmall), [
        |cells| cells[OF_TWELVE].sums[SUM] = Some(Cell::Noised(30)),
        |cells| cells[OF_TWELVE].sums[SQUARES] = Some(Cell::Noised(78))
    ];
    SumFollowsCount: also_by(Clause::SumFollowsCount), [
        |cells| cells[OF_TWO].sums[SQUARES] = Some(Cell::Value(98)),
        |cells| cells[OF_NOBODY].sums[SUM] = Some(Cell::Value(42))
    ];
    // The exact sum, and the ends of the circuit's window.
    SumGrid: ACCEPTED, [
        |cells| cells[OF_TWELVE].sums[SUM] = Some(Cell::Value(30)),
        |cells| cells[OF_TWELVE].sums[SUM] = Some(Cell::Value(51)),
        |cells| cells[OF_NINE].sums[SUM] = Some(Cell::Value(25))
    ];
    SumDominance: ACCEPTED, [|cells| cells[OF_NINE].sums[SUM] = Some(Cell::Value(0))];
    SumRange: also_by(Clause::SumNotBelow), [|cells| cells[OF_TWELVE].sums[SQUARES] = Some(Cell::Value(1 << 53))];
    // More than 12 rows of at most 7 could be shown with.
    SumComplement: also_by(Clause::SumNotBelow), [|cells| cells[OF_TWELVE].sums[SUM] = Some(Cell::Value(126))];
    // A small group whose sums are said to be nothing; a sum below its bound likewise; an empty group's hidden.
    SumState: ACCEPTED, [
        |cells| cells[OF_TWO].sums[SQUARES] = Some(Cell::Zero),
        |cells| cells[OF_NINE].sums[SUM] = Some(Cell::Zero),
        |cells| cells[OF_NOBODY].sums[SUM] = Some(Cell::Suppressed)
    ];
}

fn judged(rules: Rules<ReleaseClause>, cells: &[GroupCells]) -> bool {
    check(rules, cells, GROUPS, &PARAMS, people().len()).is_ok()
}

fn without(clause: ReleaseClause) -> Rules<ReleaseClause> {
    Rules { off: Some(clause) }
}

#[test]
fn the_true_cells_are_accepted() {
    let scene = Scene::of(&people());
    let cells = scene.released();
    let shown = |group: usize| (cells[group].count, cells[group].sums);
    assert_eq!(shown(OF_TWELVE), (Cell::Value(10), [Some(Cell::Value(42)), Some(Cell::Value(78)), None]));
    assert_eq!(shown(OF_TWO), (Cell::Suppressed, [Some(Cell::Suppressed), Some(Cell::Suppressed), None]));
    assert_eq!(shown(OF_NINE), (Cell::Value(10), [Some(Cell::Suppressed), Some(Cell::Value(4)), None]));
    assert_eq!(shown(OF_NOBODY), (Cell::Zero, [Some(Cell::Zero), Some(Cell::Zero), None]));
    assert!(judged(Rules::default(), &cells));
    let all = cells_of_shape(&cells, &SHAPE, &PARAMS.into());
    assert_eq!(all, scene.public.cells);
    assert_eq!(scene.circuit(all), Ok(()));
}

#[test]
fn each_is_refused_by_the_whole_and_accepted_without_its_clause() {
    let scene = Scene::of(&people());
    for Forger { clause, circuit, forge } in CLAUSES.iter().map(|clause| forger(*clause)) {
        for (place, forge) in forge.iter().enumerate() {
            let mut cells = scene.released();
            forge(&mut cells);
            assert_ne!(cells, scene.released(), "{clause:?} {place}: the released cells are true");
            assert!(!judged(Rules::default(), &cells), "{clause:?} {place} is accepted by the whole");
            assert!(judged(without(clause), &cells), "{clause:?} {place} is refused without its clause");
            for other in CLAUSES.iter().filter(|other| **other != clause) {
                assert!(!judged(without(*other), &cells), "{clause:?} {place} is accepted without {other:?}");
            }
            let all = cells_of_shape(&cells, &SHAPE, &PARAMS.into());
            assert_eq!(scene.circuit(all), circuit, "{clause:?} {place}: the circuit");
        }
    }
}

/// The clauses without which a false release would pass: no other wall is behind them.
#[test]
fn what_the_circuit_accepts_is_known() {
    let needed: Vec<ReleaseClause> =
        CLAUSES.iter().filter(|clause| forger(**clause).circuit.is_ok()).copied().collect();
    let expected = [
        ReleaseClause::GroupCount,
        ReleaseClause::CountGrid,
        ReleaseClause::SumAsked,
        ReleaseClause::SumNotAsked,
        ReleaseClause::SumGrid,
        ReleaseClause::SumDominance,
        ReleaseClause::SumState,
    ];
    assert_eq!(needed, expected);
}

/// Cells of groups that the plan does not have are no clause: they are not read but made. A site that counts
/// people there satisfies the circuit with cells of its own, and not with those that a verifier derives.
#[test]
fn nobody_is_counted_beyond_the_plans_groups() {
    let mut people = people();
    people.iter_mut().filter(|(group, _)| *group == OF_NINE as u32).for_each(|(group, _)| *group = BEYOND);
    let scene = Scene::of(&people);
    assert_eq!(scene.circuit(scene.public.cells.clone()), Ok(()));
    let derived = cells_of_shape(&scene.released(), &SHAPE, &PARAMS.into());
    assert_ne!(derived, scene.public.cells);
    assert!(judged(Rules::default(), &scene.released()), "the plan's own cells look as they may");
    assert_eq!(scene.circuit(derived), Err(Clause::ZeroIsZero));
}
