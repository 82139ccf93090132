//! What holds of every history.

use proptest::prelude::*;
use proptest::sample::select;

use super::*;

const PURPOSES: [&str; 4] = [GENERAL, HEALTH, DISEASE, OTHER_DISEASE];

#[derive(Clone, Debug)]
enum Step {
    Choice { purpose: &'static str, decision: Decision, conditions: Conditions },
    Name { byte: u8, kind: OfficeKind, last: u16 },
    End { byte: u8 },
    Agree { last: u16 },
    Bind { byte: u8 },
    Leave,
}

#[derive(Clone, Copy, Debug)]
enum Who {
    Patient(u8),
    Representative(u8),
    Clerk,
}

fn conditions() -> impl Strategy<Value = Conditions> {
    (any::<bool>(), 0u8..4, proptest::option::of(0u16..400), any::<bool>()).prop_map(
        |(not_commercial, institutions, last, ethics_approval)| Conditions {
            not_commercial: not_commercial && ethics_approval,
            institutions: match institutions {
                0 => Some(vec![institution("U")]),
                1 => Some(vec![institution("U"), institution("V")]),
                _ => None,
            },
            last_day: last.map(on),
            ethics_approval,
        },
    )
}

/// Some day from 2026-01-01 on.
fn on(offset: u16) -> Day {
    Day::from_days(day("2026-01-01").days() + offset).unwrap()
}

fn step() -> impl Strategy<Value = Step> {
    let kind = select(vec![OfficeKind::Guardian, OfficeKind::Proxy]);
    let decision = select(vec![Decision::Granted, Decision::Granted, Decision::Refused, Decision::Revoked]);
    prop_oneof![
        8 => (select(PURPOSES.to_vec()), decision, conditions())
            .prop_map(|(purpose, decision, conditions)| Step::Choice { purpose, decision, conditions }),
        3 => (1u8..4, kind, 0u16..400).prop_map(|(byte, kind, last)| Step::Name { byte, kind, last }),
        1 => (1u8..4).prop_map(|byte| Step::End { byte }),
        1 => (0u16..400).prop_map(|last| Step::Agree { last }),
        1 => (7u8..10).prop_map(|byte| Step::Bind { byte }),
        1 => Just(Step::Leave),
    ]
}

fn who() -> impl Strategy<Value = Who> {
    prop_oneof![
        2 => (7u8..10).prop_map(Who::Patient),
        3 => (1u8..4).prop_map(Who::Representative),
        3 => Just(Who::Clerk),
    ]
}

fn steps() -> impl Strategy<Value = Vec<(Step, Who, u16)>> {
    proptest::collection::vec((step(), who(), 0u16..30), 1..14)
}

fn what(step: &Step) -> What {
    match step {
        Step::Choice { purpose: text, decision, conditions } => {
            let conditions = if *decision == Decision::Granted { conditions.clone() } else { Conditions::default() };
            What::Choice(Choice::new(purpose(text), *decision, conditions).unwrap())
        }
        Step::Name { byte, kind, last } => {
            What::Representative { key: public(*byte), kind: *kind, last_day: Some(on(*last)) }
        }
        Step::End { byte } => What::EndOfOffice { key: public(*byte) },
        Step::Agree { last } => What::Agreement(Agreement::new("S-1", institution("U"), on(*last)).unwrap()),
        Step::Bind { byte } => What::Key { key: public(*byte) },
        Step::Leave => What::Leaving {},
    }
}

/// Tries the steps one after the other, skipping those that are refused; hands each state before and after on.
fn walk(steps: &[(Step, Who, u16)], mut each: impl FnMut(&History, &History, &Event)) -> History {
    let mut history = Told::new().clerk("2026-01-01", What::Key { key: public(7) }).0;
    let mut offset = 0;
    for (step, who, later) in steps {
        let content = content(history.next_number(), &on(offset + later).to_string(), what(step));
        let event = match who {
            Who::Patient(byte) => content.by_patient(&key(*byte)),
            Who::Representative(byte) => content.by_representative(&key(*byte)),
            Who::Clerk => content.by_clerk("form 1").unwrap(),
        };
        let before = history.clone();
        if history.push(event.clone(), None).is_ok() {
            offset += later;
            each(&before, &history, &event);
        } else {
            assert_eq!(before, history, "a refusal changes nothing");
        }
    }
    history
}

/// Requests of every purpose, class and institution, over several ranges of days.
fn requests() -> Vec<UseRequest> {
    let mut all = Vec::new();
    for text in PURPOSES {
        for sponsor in [SponsorClass::Academic, SponsorClass::Commercial] {
            for name in [None, Some("U"), Some("V")] {
                for (first, last) in [(0, 0), (90, 120), (150, 390), (500, 500)] {
                    for ethics_approved in [false, true] {
                        all.push(UseRequest {
                            purpose: purpose(text),
                            sponsor,
                            institution: name.map(institution),
                            ethics_approved,
                            days: Days::new(on(first), on(last)).unwrap(),
                        });
                    }
                }
            }
        }
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// The invariant: an event turns a request that was not covered into one that is only if it is a consent to a purpose
    /// that includes the request's or is included in it. Naming, ending offices, keys, agreements, refusals, revocations
    /// and leaving never do.
    #[test]
    fn only_a_consent_makes_a_request_covered(steps in steps()) {
        let requests = requests();
        walk(&steps, |before, after, event| {
            for request in &requests {
                if before.covers(request).is_covered() || !after.covers(request).is_covered() {
                    continue;
                }
                let What::Choice(choice) = event.what() else { panic!("{} granted something", event.what().kind()) };
                let (chosen, asked) = (choice.purpose(), &request.purpose);
                assert_eq!(choice.decision(), Decision::Granted);
                assert!(chosen.includes(asked) || asked.includes(chosen), "{chosen} {asked}");
            }
        });
    }

    /// A refusal or a revocation bites at once, whoever says it: no request for its purpose, for a wider one, or for a
    /// narrower one without a choice of its own is covered, on any day.
    #[test]
    fn refusals_and_revocations_bite(steps in steps()) {
        let requests = requests();
        walk(&steps, |_, after, event| {
            let What::Choice(choice) = event.what() else { return };
            if choice.decision() == Decision::Granted {
                return;
            }
            let no = choice.purpose();
            for request in &requests {
                let nearest = request.purpose.upwards().into_iter().find(|purpose| after.choices().get(purpose).is_some());
                if request.purpose.includes(no) || nearest.as_ref() == Some(no) {
                    assert!(!after.covers(request).is_covered(), "{no}: {request:?}");
                }
            }
        });
    }

    /// What is covered on a range of days is covered on every range inside it.
    #[test]
    fn longer_is_never_easier(steps in steps(), first in 0u16..300, length in 0u16..300, from in 0u16..300, to in 0u16..300) {
        let history = walk(&steps, |_, _, _| ());
        let (from, to) = (from % (length + 1), to % (length + 1));
        let (from, to) = (first + from.min(to), first + from.max(to));
        for request in requests() {
            let over = |first, last| UseRequest { days: Days::new(on(first), on(last)).unwrap(), ..request.clone() };
            prop_assert!(!history.covers(&over(first, first + length)).is_covered() || history.covers(&over(from, to)).is_covered());
        }
    }

    /// Choices about different purposes come to the same in any order.
    #[test]
    fn the_order_of_different_purposes_does_not_matter(
        decisions in proptest::collection::vec((0u8..3, conditions()), 4),
        order in Just([0usize, 1, 2, 3]).prop_shuffle(),
    ) {
        let tell = |order: &[usize]| {
            order.iter().fold(Told::new(), |told, place| {
                let (decision, conditions) = &decisions[*place];
                let decision = [Decision::Granted, Decision::Refused, Decision::Revoked][usize::from(*decision)];
                told.clerk("2026-01-01", what(&Step::Choice { purpose: PURPOSES[*place], decision, conditions: conditions.clone() }))
            })
        };
        let (one, other) = (tell(&[0, 1, 2, 3]), tell(&order));
        prop_assert_eq!(one.0.choices(), other.0.choices());
    }
}
