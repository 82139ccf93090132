//! Traps 4 and 22: nothing about wiring, tables, policy, shape or key is taken from the bundle.

#![allow(clippy::unwrap_used)] // a test stops where it fails

use cohortium_protocol::bundle::Bundle;
use cohortium_verifier::{Anchors, AuditError, Step, verify_release};

const GOOD: &str = include_str!("../../tests/vectors/good-query-12.json");
const ANCHORS: &str = include_str!("../../tests/vectors/good-query-12.anchors.json");

fn refused(change: impl Fn(&mut Bundle)) -> AuditError {
    let mut bundle = Bundle::parse(GOOD.as_bytes()).unwrap();
    change(&mut bundle);
    verify_release(&bundle, &Anchors::parse(ANCHORS).unwrap()).unwrap_err()
}

#[test]
fn trap_4_columns_stand_where_the_plan_needs_them() {
    let swapped = refused(|bundle| bundle.proof.columns.swap(0, 1));
    assert_eq!(swapped.step, Step::Commitments);
    assert!(swapped.to_string().contains("at this place the plan needs"), "{swapped}");
    let renamed = refused(|bundle| {
        let (left, right) = (bundle.proof.columns[0].column.clone(), bundle.proof.columns[1].column.clone());
        bundle.proof.columns[0].column = right;
        bundle.proof.columns[1].column = left;
    });
    assert_eq!(renamed.step, Step::Commitments, "{renamed}");
    let missing = refused(|bundle| drop(bundle.proof.columns.pop()));
    assert!(missing.to_string().contains("the bundle opens nothing"), "{missing}");
    let twice = refused(|bundle| {
        let last = bundle.proof.columns.last().unwrap().clone();
        bundle.proof.columns.push(last);
    });
    assert!(twice.to_string().contains("the plan needs nothing"), "{twice}");
}

#[test]
fn trap_22_floor_shape_and_key_are_the_anchors() {
    let floor =
        refused(|bundle| bundle.policy_floor = bundle.approval.policy.clone().with_query_cap(Default::default()));
    // The same policy is no change; so the floor of the vector differs from its approval's, or nothing was refused.
    assert_eq!(floor.step, Step::Registration, "{floor}");
    let key = refused(|bundle| bundle.request.sites[0].verifying_key = bundle.request.plan);
    assert_eq!(key.step, Step::Anchors, "{key}");
    let shape = refused(|bundle| bundle.request.sites[0].shape.name = "query-16".to_owned());
    assert_eq!(shape.step, Step::Registration, "{shape}");
}

/// The cost of an evaluation is exponential in a point's length, so lengths are looked at first.
#[test]
fn points_of_other_lengths_are_refused_before_anything_is_evaluated() {
    for extra in [1, 20, 60, 200] {
        for which in 0..3 {
            let error = refused(|bundle| {
                let at = &mut bundle.proof.challenges;
                let list =
                    [&mut at.row_point, &mut at.value_point, &mut at.table_point].into_iter().nth(which).unwrap();
                list.extend(vec![at.mu; extra]);
            });
            assert!(error.to_string().contains("coordinates"), "{error}");
        }
    }
    let short = refused(|bundle| bundle.proof.challenges.row_point.truncate(11));
    assert!(short.to_string().contains("the point r has 11 coordinates"), "{short}");
}
