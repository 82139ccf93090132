//! Who forges which clause of the native half under noise: an honest argument over nobody, and cells that no honest site
//! writes. Each is accepted with its clause off and refused with it on; the circuit's verdict stands beside.

use cohortium_circuits::clause::Clause;
use cohortium_circuits::noise::draw;
use cohortium_circuits::seeds::commitment;
use cohortium_protocol::bundle::cells_of_shape;
use cohortium_protocol::hash::Hasher;
use cohortium_protocol::noise::NoiseLaw;
use cohortium_protocol::policy::{Cell, GroupCells, NoisedParams, release_noised};
use cohortium_protocol::shape::{NoiseLayout, NoiseShape, Proves, Shape};
use cohortium_protocol::statement::{NoiseInputs, ReleaseRule};

use super::super::Rules;
use super::super::forgers::Scene;
use super::{NoisedClause, check};

const NOISE: NoiseShape = NoiseShape { digits: 45, layouts: &[NoiseLayout { groups: 4, digits: [5, 6, 0, 0] }] };
const SHAPE: Shape = Shape {
    name: "tiny-noise",
    proves: Proves::Query,
    row_bits: 5,
    value_bits: 5,
    slot_bits: 1,
    groups: 8,
    blinding_rows: 3,
    row_split: 2,
    value_split: 2,
    noise: Some(&NOISE),
};
const GROUPS: usize = 4;
/// Thirty people, and nobody: with most seeds the first is shown and the last is not.
const SHOWN: usize = 0;
const HIDDEN: usize = 3;
const SUM: usize = 0;
const SQUARES: usize = 1;

fn params() -> NoisedParams {
    let law = |sensitivity| Some(NoiseLaw::new("2".parse().unwrap(), sensitivity).unwrap());
    NoisedParams::fit(8, 5, [law(1), law(2), None, None], GROUPS, &NOISE).unwrap()
}

fn rule() -> ReleaseRule {
    let beacon = Hasher::new("test").str("beacon").finish();
    ReleaseRule::Noised(Box::new(NoiseInputs { params: params(), seed: commitment(&[1; 32]), beacon }))
}

fn scene() -> Scene {
    let people: Vec<(u32, u32)> = (0..24).map(|i| (SHOWN as u32, 1 + i % 2)).collect();
    Scene::settled(SHAPE, &people, |exact, context, messages| {
        let rule = rule();
        let ReleaseRule::Noised(inputs) = &rule else { panic!("noised") };
        let drawn = draw(&[1; 32], &inputs.beacon, context, &inputs.params.thresholds(&NOISE), &NOISE).unwrap();
        let noise = drawn.by_group(&NOISE, inputs.params.layout(), SHAPE.groups);
        messages.noise = Some(drawn);
        let cells = release_noised(exact, &noise, &inputs.params);
        (rule, cells)
    })
}

type Cells = Vec<GroupCells>;

/// What the circuit says of it, and what it changes.
type Forgery = (Result<(), Clause>, fn(&mut Cells));

struct Forger {
    clause: NoisedClause,
    /// What the circuit says of each forgery, and what it does to the true cells.
    forge: &'static [Forgery],
}

const ACCEPTED: Result<(), Clause> = Ok(());

const fn forger(clause: NoisedClause) -> Forger {
    let forge: &[Forgery] = match clause {
        NoisedClause::NoisedGroups => {
            &[(ACCEPTED, |cells| cells.truncate(GROUPS - 1)), (ACCEPTED, |cells| cells.push(cells[HIDDEN]))]
        }
        // To the circuit a cell without noise is suppressed.
        NoisedClause::NoisedState => &[
            (Err(Clause::NoisedThreshold), |cells| {
                cells[SHOWN].count = Cell::Value(24);
            }),
            (Err(Clause::NoisedSum), |cells| cells[SHOWN].sums[SUM] = Some(Cell::Value(36))),
            (ACCEPTED, |cells| cells[HIDDEN] = GroupCells { count: Cell::Zero, sums: [Some(Cell::Zero), None, None] }),
        ],
        NoisedClause::NoisedGrid => &[(ACCEPTED, |cells| {
            let Cell::Noised(count) = &mut cells[SHOWN].count else { panic!("shown") };
            *count += if *count >= 25 { -1 } else { 1 };
        })],
        NoisedClause::NoisedLeast => &[
            (Err(Clause::NoisedCountNotAbove), |cells| cells[SHOWN].count = Cell::Noised(5)),
            (Err(Clause::NoisedCountNotAbove), |cells| cells[SHOWN].count = Cell::Noised(-10)),
        ],
        NoisedClause::NoisedAsked => &[
            (ACCEPTED, |cells| cells[SHOWN].sums[SQUARES] = Some(Cell::Noised(24))),
            (ACCEPTED, |cells| cells[HIDDEN].sums[SUM] = None),
        ],
        NoisedClause::NoisedFollows => &[(ACCEPTED, |cells| cells[HIDDEN].sums[SUM] = Some(Cell::Noised(36)))],
        NoisedClause::NoisedRange => {
            &[(Err(Clause::NoisedSum), |cells| cells[SHOWN].sums[SUM] = Some(Cell::Noised(-(1 << 54))))]
        }
    };
    Forger { clause, forge }
}

const CLAUSES: [NoisedClause; 7] = [
    NoisedClause::NoisedGroups,
    NoisedClause::NoisedState,
    NoisedClause::NoisedGrid,
    NoisedClause::NoisedLeast,
    NoisedClause::NoisedAsked,
    NoisedClause::NoisedFollows,
    NoisedClause::NoisedRange,
];

fn judged(off: Option<NoisedClause>, cells: &[GroupCells]) -> bool {
    check(Rules { off }, cells, &params()).is_ok()
}

#[test]
fn the_true_cells_are_accepted() {
    let scene = scene();
    let cells = &scene.cells()[..GROUPS];
    assert!(matches!(cells[SHOWN].count, Cell::Noised(20 | 25)), "{cells:?}");
    assert_eq!(cells[HIDDEN].count, Cell::Suppressed);
    assert!(judged(None, cells));
    let all = cells_of_shape(cells, &SHAPE, &rule());
    assert_eq!(all, scene.cells());
    assert_eq!(scene.circuit(all), Ok(()));
}

#[test]
fn each_is_refused_by_the_whole_and_accepted_without_its_clause() {
    let scene = scene();
    let honest = scene.cells()[..GROUPS].to_vec();
    for Forger { clause, forge } in CLAUSES.map(forger) {
        for (place, (circuit, forge)) in forge.iter().enumerate() {
            let mut cells = honest.clone();
            forge(&mut cells);
            assert_ne!(cells, honest, "{clause:?} {place}: the released cells are true");
            assert!(!judged(None, &cells), "{clause:?} {place} is accepted by the whole");
            assert!(judged(Some(clause), &cells), "{clause:?} {place} is refused without its clause");
            for other in CLAUSES.into_iter().filter(|other| *other != clause) {
                assert!(!judged(Some(other), &cells), "{clause:?} {place} is accepted without {other:?}");
            }
            let all = cells_of_shape(&cells, &SHAPE, &rule());
            assert_eq!(scene.circuit(all), *circuit, "{clause:?} {place}: the circuit");
        }
    }
}

/// A group that the plan does not have has no noise, and its cells are made and not read: suppressed. A site that counts as
/// many people there as are shown satisfies no verifier's public inputs; with fewer it could, and that no row is in such a
/// group is for the plan to say, whose tables give no other number.
#[test]
fn nobody_is_counted_beyond_the_plans_groups() {
    for (count, verdict) in [(7, ACCEPTED), (8, Err(Clause::NoisedThreshold)), (24, Err(Clause::NoisedThreshold))] {
        counted_beyond_the_plan(count, verdict);
    }
}

fn counted_beyond_the_plan(count: u32, verdict: Result<(), Clause>) {
    let people: Vec<(u32, u32)> = (0..count).map(|_| (GROUPS as u32 + 1, 1)).collect();
    let scene = Scene::settled(SHAPE, &people, |exact, context, messages| {
        let rule = rule();
        let ReleaseRule::Noised(inputs) = &rule else { panic!("noised") };
        let drawn = draw(&[1; 32], &inputs.beacon, context, &inputs.params.thresholds(&NOISE), &NOISE).unwrap();
        let noise = drawn.by_group(&NOISE, inputs.params.layout(), SHAPE.groups);
        messages.noise = Some(drawn);
        let cells = release_noised(exact, &noise, &inputs.params);
        (rule, cells)
    });
    assert_eq!(scene.circuit(scene.cells().to_vec()), Ok(()));
    let derived = cells_of_shape(&scene.cells()[..GROUPS], &SHAPE, &rule());
    assert_eq!(scene.circuit(derived), verdict, "{count}");
}
