//! What lies at will would do, and what fits a release and a proof besides.

use super::*;

/// The other way round of two forgers above.
#[test]
fn digits_are_not_set_and_groups_not_shown_at_will() {
    let set = |relation| compared(relation, F::ZERO);
    let shown = |relation| {
        for number in 0..=u8::MAX {
            let scene = Scene::of(relation, number).unwrap();
            let params = &scene.inputs.params;
            let noise = scene.honest.by_group(NOISE, params.layout(), NOISY.groups);
            let mut cells = scene.cells(&scene.honest);
            // A noised count of 1, as it would be shown if it were.
            let group = (0..NOISY.groups).find(|group| truth()[*group].n as i64 + noise[*group][0] == 1);
            let Some(group) = group else { continue };
            let exact = truth()[group];
            let value = |exact: u64, noise: i64| Some(Cell::Noised(exact as i64 + noise));
            let sums = [value(exact.s, noise[group][1]), value(exact.ss, noise[group][2]), None];
            cells[group] = GroupCells { count: Cell::Noised(0), sums };
            let witness = scene.honest.clone();
            return scene.publish(witness, cells);
        }
        panic!("no seed is so unlucky")
    };
    type Forge<'a> = (Clause, &'a dyn Fn(Relation) -> Forgery);
    let cases: [Forge<'_>; 2] = [(Clause::DigitCompared, &set), (Clause::NoisedThreshold, &shown)];
    for (clause, forge) in cases {
        let forgery = forge(Relation::without(clause));
        assert!(forgery.is_false() && forgery.is_derived(), "{clause:?}");
        assert_eq!(forgery.judged_by(Relation::without(clause)), Ok(()), "{clause:?}");
        assert_eq!(forgery.judged_by(Relation::whole()), Err(Broken(clause)));
    }
}

/// Whoever has registered a seed and waited for the beacon has one release: of all counts and sums that a verifier lets
/// through, the noise's own are accepted and no others.
#[test]
fn exactly_one_release_fits() {
    for number in 0..20 {
        let scene = Scene::of(Relation::whole(), number).unwrap();
        let (witness, cells) = (scene.honest.clone(), scene.cells(&scene.honest));
        let Forgery { mut public, messages, .. } = scene.publish(witness, cells.clone());
        let mut accepts = |cells: Vec<GroupCells>| {
            public.cells = cells;
            verify(&Relation::whole(), &NOISY, &public, &messages).is_ok()
        };
        assert!(accepts(cells.clone()));
        for group in 0..NOISY.groups {
            let honest = cells[group];
            for count in (-4..12).map(|i| Cell::Noised(3 * i)).chain([Cell::Suppressed]) {
                let mut other = cells.clone();
                other[group].count = count;
                // A suppressed group's sums are not the circuit's: `NoisedFollows` is the verifier's.
                let same = count == honest.count;
                assert_eq!(accepts(other), same, "seed {number}, group {group}: {count}");
            }
            for sum in 0..2 {
                let Some(Cell::Noised(value)) = honest.sums[sum] else { continue };
                for by in [-(1 << 40), -7, -1, 0, 1, 5, 1 << 40] {
                    let mut other = cells.clone();
                    other[group].sums[sum] = Some(Cell::Noised(value + by));
                    assert_eq!(accepts(other), by == 0, "seed {number}, group {group}, sum {sum}: {by}");
                }
            }
        }
    }
}

/// What is derived by a verifier is not the hospital's to choose: with another seed, beacon, context, threshold or layout in
/// the public inputs its proof does not hold.
#[test]
fn proofs_are_for_the_registered_seed_the_beacon_and_the_thresholds() {
    type Change<'a> = &'a dyn Fn(&mut QueryPublic, &mut NoiseInputs);
    let judge_of = |Forgery { public, messages, .. }: &Forgery, change: Change<'_>| {
        let mut public = public.clone();
        let ReleaseRule::Noised(mut inputs) = public.rule.clone() else { panic!("noised") };
        change(&mut public, &mut inputs);
        public.rule = ReleaseRule::Noised(inputs);
        verify(&Relation::whole(), &NOISY, &public, messages).map_err(|Broken(clause)| clause)
    };
    let honest = honest();
    let judge = |change: Change<'_>| judge_of(&honest, change);
    assert_eq!(judge(&|_, _| ()), Ok(()));
    assert_eq!(judge(&|_, inputs| inputs.seed += F::ONE), Err(Clause::SeedOpens));
    assert_eq!(judge(&|_, inputs| inputs.beacon = digest("another beacon")), Err(Clause::WordSum));
    // The argument's challenges differ first.
    assert_eq!(judge(&|public, _| public.context = digest("another")), Err(Clause::GroupDenominator));
    // A smaller epsilon has larger thresholds: some word is between the two.
    let smaller = |_: &mut QueryPublic, inputs: &mut NoiseInputs| {
        inputs.params = noise_params(NOISY.groups, "1.4");
    };
    let between = (0..=u8::MAX).find_map(|number| {
        let scene = Scene::of(Relation::whole(), number)?;
        let drawn = |epsilon| {
            let thresholds = noise_params(NOISY.groups, epsilon).thresholds(NOISE);
            let [beacon, context] = [&scene.inputs.beacon, &scene.cohort.context()];
            draw_with(&Relation::whole(), halves(registered(number)), beacon, context, &thresholds, NOISE)
                .unwrap()
                .digits
                .clone()
        };
        (drawn("1.5") != drawn("1.4")).then(|| {
            let cells = scene.cells(&scene.honest);
            let witness = scene.honest.clone();
            scene.publish(witness, cells)
        })
    });
    assert_eq!(judge_of(&between.unwrap(), &smaller), Err(Clause::DigitCompared));
}

/// That one layout is on, and which, is the verifier's to say: with two on, every digit counts in both, and another noise is
/// accepted than either's.
#[test]
fn that_one_layout_is_on_is_for_the_verifier_to_say() {
    let Forgery { public, messages, .. } = honest();
    let matrices = crate::gadget::matrices(&NOISY);
    let inputs = public.encode(&NOISY).unwrap();
    let names: Vec<String> = public.named(&NOISY).into_iter().map(|(name, _)| name).collect();
    let at = |name: &str| names.iter().position(|other| other == name).unwrap();
    let on: Vec<F> = (0..NOISE.layouts.len()).map(|place| inputs[at(&format!("layout.{place}"))]).collect();
    assert_eq!(on, [F::ZERO, F::ONE, F::ZERO], "as derived");
    let (honest, _) = crate::gadget::assignment(&NOISY, &inputs, &messages);
    assert_eq!(matrices.broken_by(&honest), []);
    let mut both = inputs.clone();
    both[at("layout.0")] = F::ONE;
    // The counts' noise is that of both layouts then.
    let witness = messages.noise.as_ref().unwrap();
    for (group, exact) in truth().iter().enumerate() {
        let eta = |layout, j| witness.eta(NOISE, layout, group, j);
        let noised = F::from(exact.n) + eta(0, 0) + eta(1, 0);
        let whole = |x: F| {
            if x.into_bigint() <= F::MODULUS_MINUS_ONE_DIV_TWO {
                x.into_bigint().0[0] as i64
            } else {
                -((-x).into_bigint().0[0] as i64)
            }
        };
        let shown = whole(noised) >= 2;
        let set = |both: &mut Vec<F>, name: &str, x: F| {
            both[at(&format!("cell.{group}.{name}"))] = if shown { x } else { F::ZERO }
        };
        set(&mut both, "is_value", F::ONE);
        set(&mut both, "count", noised);
        set(&mut both, "s", F::from(exact.s) + eta(1, 1));
        set(&mut both, "ss", F::from(exact.ss) + eta(1, 2));
    }
    assert_ne!(both, inputs);
    let (assignment, _) = crate::gadget::assignment(&NOISY, &both, &messages);
    assert_eq!(matrices.broken_by(&assignment), []);
}
