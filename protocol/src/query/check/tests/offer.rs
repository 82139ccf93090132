//! Offers: plans of one patient, and every other form of one.

use super::*;
use crate::query::OfferError;

/// The shape of an offer, large enough for the plan here.
fn offer_shape() -> Shape {
    Shape::ELIGIBLE_12
}

/// A count of those with `hormon` or grade 3, offered.
fn offered() -> Plan {
    counting().offer(&offer_shape()).unwrap()
}

/// The same, not offered yet.
fn counting() -> Plan {
    let conditions = vec![
        condition(consent(), Role::Consent, "consent"),
        condition(ColumnId::manifest("hormon"), Role::Asked, "hormon"),
        condition(ColumnId::test(0), Role::Asked, "grade is 3"),
    ];
    let phi = LookupTable::from_outputs((0..8u16).map(|key| u16::from(key & 1 == 1 && key & 6 != 0)));
    let mut plan = plan();
    plan.lookups = vec![
        test(0, "grade", LookupTable::indicator(&[(3, 3)])),
        Lookup { input: Linear::default(), output: ColumnId::selection(), table: phi },
    ];
    (plan.conditions, plan.axes, plan.y, plan.z, plan.asked) = (conditions, Vec::new(), None, None, Asked::default());
    plan.flags = vec![consent(), ColumnId::manifest("hormon")];
    plan.lookups[1].input = plan.selection_key();
    plan
}

#[test]
fn an_offer_selects_whom_the_query_selects_and_who_is_offered() {
    let (query, offer) = (counting(), offered());
    query.check(&Shape::QUERY_12).unwrap();
    let [before, after] = [&query, &offer].map(|plan| plan.phi().unwrap().expand(16));
    for key in 0..16 {
        assert_eq!(after[key], if key < 8 { 0 } else { before[key - 8] }, "key {key}");
    }
    assert!(offer.is_offer() && !query.is_offer());
    let tags = |plan: &Plan| plan.columns().iter().filter(|column| column.is_tag()).count();
    assert_eq!((tags(&query), tags(&offer)), (0, 8));
    assert!(offer.columns().contains(&ColumnId::offered()));
    assert_ne!(query.digest(), offer.digest());
}

#[test]
fn offers_are_refused_in_every_other_form() {
    type Change = fn(&mut Plan);
    let refusals: [(Change, &str); 7] = [
        (
            |plan| plan.conditions[3].role = Role::Asked,
            "the condition of the offer is the column of the offered patient",
        ),
        (
            |plan| plan.conditions[1].role = Role::Offered,
            "the condition of the offer is the column of the offered patient",
        ),
        (|plan| drop(plan.flags.pop()), "query:offered is used in the selection but is neither"),
        (|plan| plan.conditions.swap(2, 3), "the last condition is the offer's"),
        (
            // Phi that does not look at the offer.
            |plan| plan.lookups[1].table = LookupTable::from_outputs((0..16u16).map(|key| u16::from(key & 7 == 7))),
            "this is the patient who is offered",
        ),
        (
            // Phi that does not look at consent.
            |plan| plan.lookups[1].table = LookupTable::from_outputs((0..16u16).map(|key| u16::from(key & 8 == 8))),
            "consent",
        ),
        (
            |plan| {
                plan.axes = vec![Axis {
                    column: ColumnId::manifest("hormon"),
                    name: "hormon".into(),
                    unit: None,
                    groups: vec![group("all")],
                }];
            },
            "nothing is grouped or summed",
        ),
    ];
    for (change, says) in refusals {
        let mut plan = offered();
        change(&mut plan);
        let refused = plan.check(&offer_shape()).unwrap_err().to_string();
        assert!(refused.contains(says), "{refused}");
    }
    // Neither statement takes the other's plans.
    let refused = offered().check(&Shape::QUERY_12).unwrap_err();
    assert!(matches!(refused, PlanError::Offer { .. }));
    assert_eq!(refused.to_string(), "in shape query-12, nobody is offered");
    let refused = counting().check(&offer_shape()).unwrap_err().to_string();
    assert_eq!(refused, "in shape eligible-12, the last condition is the offer's, and no other is");
    assert!(offered().offer(&offer_shape()).is_err(), "twice");
}

#[test]
fn only_counts_of_few_conditions_can_be_offered() {
    let refused = plan().offer(&offer_shape()).unwrap_err();
    assert_eq!(refused, OfferError::CountsOnly { found: "have groups" });
    let mut summing = plan();
    summing.axes.clear();
    assert_eq!(summing.offer(&offer_shape()).unwrap_err(), OfferError::CountsOnly { found: "have sums" });
    let mut many = counting();
    for i in 0..13 {
        let column = ColumnId::manifest(format!("flag{i}"));
        many.conditions.push(condition(column.clone(), Role::Asked, "a flag"));
        many.flags.push(column);
    }
    many.lookups[1].input = many.selection_key();
    many.check(&Shape::QUERY_12).unwrap();
    let refused = many.clone().offer(&offer_shape()).unwrap_err();
    assert_eq!(refused, OfferError::TooManyConditions { found: 16, limit: 15 });
    many.conditions.pop();
    many.flags.pop();
    many.lookups[1].input = many.selection_key();
    assert!(many.offer(&offer_shape()).is_ok(), "fifteen and the offer");
}
