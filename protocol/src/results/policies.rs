//! Results and the policies of their sites: what does not fit, and where nothing is pooled.

use super::tests::{OFF, by_grade, counts, digest, json, params, rows, under};
use super::*;
use crate::policy::{Cell, Limits, MinSites, Policy, SitesWhen, SumParams, Sums};
use crate::query::fixtures::{compiled, query, schema};

#[test]
fn policies_that_do_not_give_their_numbers_are_refused() {
    let three = counts(&[Cell::Value(10); 3]);
    let policy = |k, b, zeros, sums| Policy::new(k, b, zeros, sums).unwrap();
    let asked = compiled(&query(r#""group_by": [{"column": "grade"}], "measures": {"sum": "nodes"}"#)).unwrap();
    let one_sum = |sum| [sum, SumParams::OFF, SumParams::OFF];
    for (policy, params) in [
        (policy(13, 5, true, Sums::None), params(8, 5, true, OFF)),
        (policy(8, 1, true, Sums::None), params(8, 5, true, OFF)),
        (policy(8, 5, false, Sums::None), params(8, 5, true, OFF)),
        (policy(8, 5, true, Sums::None), params(8, 5, true, one_sum(SumParams::restrained(8, 60)))),
        (policy(8, 5, true, Sums::Restrained), params(8, 5, true, one_sum(SumParams::EXACT))),
    ] {
        let plan = if params.sums == OFF {
            compiled(&query(r#""group_by": [{"column": "grade"}]"#)).unwrap()
        } else {
            asked.clone()
        };
        let mut results = QueryResults::new(&plan, &schema(), digest("q"), "S-1").unwrap();
        let refused = results.add_answered("a", digest("r"), ReleasePolicy::new(policy, params), &three);
        assert_eq!(refused, Err(ResultsError::Policy { site: "a".into() }));
    }
}

#[test]
fn nothing_is_pooled_below_the_least_number_of_sites_of_a_policy_and_the_results_say_so() {
    let rule = params(8, 5, true, OFF);
    let three = counts(&[Cell::Value(10); 3]);
    let wanting = |sites, when| {
        let limits = Limits { min_sites: Some(MinSites { sites, when }), ..Limits::default() };
        ReleasePolicy::new(under(&rule).effective.with_limits(limits).unwrap(), rule)
    };
    let mut results = by_grade();
    results.add_answered("a", digest("a"), under(&rule), &three).unwrap();
    assert!(results.pooled().is_some());
    results.add_answered("b", digest("b"), wanting(3, SitesWhen::Pooled), &three).unwrap();
    results.add_state("d", SiteAnswer::Expired {}).unwrap();
    let note = "Nothing is pooled: the policy of b wants 3 sites or more for that, and 2 sites have answered.";
    assert_eq!((results.pooled(), results.notes().last().unwrap().as_str(), results.answered()), (None, note, 2));
    let last = rows(&results).pop().unwrap();
    assert_eq!((last["scope"].as_str(), last["state"].as_str(), last["note"].as_str()), ("pooled", "not pooled", note));
    let read = QueryResults::parse(&results.to_json().unwrap()).unwrap();
    assert_eq!(read, results);
    // Whoever leaves the note out, or the rule, is found out.
    let mut value = json(&results);
    value["notes"].as_array_mut().unwrap().pop();
    assert!(matches!(QueryResults::parse(&value.to_string()), Err(ResultsError::DoesNotFollow { .. })));
    results.add_answered("c", digest("c"), under(&rule), &three).unwrap();
    let pooled = results.pooled().unwrap();
    assert_eq!((pooled.sites.len(), results.notes().len()), (3, 5));
    assert_eq!(pooled.groups[0].count, PooledCell::Value { shown: "30".into(), value: 30, low: 24, high: 36 });
    // What holds of every query holds of what is added up.
    results.add_answered("e", digest("e"), wanting(5, SitesWhen::Always), &three).unwrap();
    assert!(results.pooled().is_none() && results.notes()[5].contains("the policy of e wants 5 sites"));
}
