//! Policies: reading, combining, and what they give for a plan.

use proptest::prelude::*;

use super::*;
use crate::query::fixtures::{compiled, query, schema};
use crate::query::{ColumnId, Plan};

const DEMO: &str = r#"{"format": "cohortium-policy/1", "min_cell": 8, "rounding": 5, "show_zeros": false,
    "sums": "exact for named plans", "query_cap": {"per_approval": 20}}"#;

/// What every policy says that says nothing about it.
const GUARD: &str = "questions a sliver apart from earlier ones only if the board names them (counted, not proved)";

fn policy(min_cell: u32, rounding: u32, sums: Sums) -> Policy {
    Policy::new(min_cell, rounding, true, sums).unwrap()
}

/// What the policy gives for a plan of a query with these fields.
fn params(policy: &Policy, fields: &str, named: bool) -> Result<ReleaseParams, PolicyError> {
    let plan = compiled(&query(fields)).unwrap();
    effective(Some(policy), Some(policy)).unwrap().release_params(&plan, &schema(), named)
}

fn restrained(fields: &str) -> Result<[SumParams; 3], String> {
    let params = params(&policy(8, 5, Sums::Restrained), fields, true);
    params.map(|params| params.sums).map_err(|error| error.to_string())
}

#[test]
fn a_policy_reads_writes_and_keeps_its_digest() {
    let policy = Policy::parse(DEMO).unwrap();
    let again = Policy::parse(&serde_json::to_string(&policy).unwrap()).unwrap();
    assert_eq!((&again, again.digest()), (&policy, policy.digest()));
    assert_eq!(
        policy.describe(),
        format!(
            "smallest cell 8, counts rounded to 5, empty groups suppressed like small ones, sums exact for plans the \
             approval names and restrained for others, at most 20 queries per approval (counted, not proved), {GUARD}"
        )
    );
    for (from, to) in [
        ("8", "13"),
        (r#""rounding": 5"#, r#""rounding": 1"#),
        ("false", "true"),
        ("exact for named plans", "restrained"),
        ("exact for named plans", "none"),
        ("20", "21"),
        ("per_approval", "per_column"),
    ] {
        assert_ne!(Policy::parse(&DEMO.replace(from, to)).unwrap().digest(), policy.digest(), "{from}");
    }
    for (from, to, sentence) in [
        ("policy/1", "policy/2", "this version reads \"cohortium-policy/1\""),
        (r#""min_cell": 8, "#, "", "missing field `min_cell`"),
        (r#""sums": "exact for named plans", "#, "", "missing field `sums`"),
        ("exact for named plans", "exact", "expected one of `exact for named plans`, `restrained`, `none`"),
        (r#""rounding": 5"#, r#""rounding": 0"#, "the base must be from 1 (exact) to 1024"),
        (r#""rounding": 5"#, r#""rounding": 5, "delta": 1"#, "unknown field `delta`"),
        (r#""rounding": 5"#, r#""rounding": 5, "noise": "some""#, "expected one of `off`, `allowed`, `required`"),
        (r#""rounding": 5"#, r#""rounding": 5, "epsilon": {"per_day": "1"}"#, "unknown field `per_day`"),
        (r#""rounding": 5"#, r#""rounding": 5, "epsilon": {"per_study": "0"}"#, "is not from 0.000001 to 100"),
        (r#""rounding": 5"#, r#""rounding": 5, "epsilon": {"per_study": 0.1}"#, "invalid type: floating point"),
        ("8", "2000", "the smallest cell is 2000; it must be from 1 to 1024"),
    ] {
        let error = Policy::parse(&DEMO.replace(from, to)).unwrap_err().to_string();
        assert!(error.contains(sentence), "{error}");
    }
}

const NOISED: &str = r#""noise": "allowed", "epsilon": {"per_query": "0.3", "per_study": "3", "per_dataset": "10.5"}"#;

#[test]
fn noise_is_in_the_digest_if_anything_is_said_of_it() {
    let plain = Policy::parse(DEMO).unwrap();
    let with = |fields: &str| Policy::parse(&DEMO.replace(r#""rounding": 5"#, &format!(r#""rounding": 5, {fields}"#)));
    for silent in [r#""noise": "off""#, r#""epsilon": {}"#] {
        let policy = with(silent).unwrap();
        assert_eq!((&policy, policy.digest()), (&plain, plain.digest()));
    }
    let noised = with(NOISED).unwrap();
    assert_eq!(Policy::parse(&serde_json::to_string(&noised).unwrap()).unwrap(), noised);
    assert!(
        noised.describe().ends_with(
            ", noise for those who ask for it, epsilon at most 0.3 a query, epsilon at most 3 a study, epsilon at most 10.5 a \
             table (accounted by the ledger, not proved)"
        ),
        "{}",
        noised.describe()
    );
    // Computed a second time in Python, from the formats' page.
    let pinned = [NOISED, r#""noise": "required""#, r#""epsilon": {"per_study": "3"}"#];
    let pinned = pinned.map(|fields| with(fields).unwrap().digest().short());
    assert_eq!(pinned, ["ff03357f88fbe1c7", "f20d1769585ae590", "7566bfc9a93ca64a"]);
    // One limit in another's place is another policy.
    let mut digests = vec![plain.digest(), noised.digest()];
    for fields in [
        r#""noise": "allowed""#,
        r#""noise": "required""#,
        r#""epsilon": {"per_query": "3"}"#,
        r#""epsilon": {"per_study": "3"}"#,
        r#""epsilon": {"per_dataset": "3"}"#,
        r#""epsilon": {"per_dataset": "4"}"#,
        r#""noise": "allowed", "epsilon": {"per_study": "3"}"#,
    ] {
        digests.push(with(fields).unwrap().digest());
    }
    let count = digests.len();
    digests.sort();
    digests.dedup();
    assert_eq!(digests.len(), count);
}

#[test]
fn the_stricter_rule_of_noise_and_what_it_refuses() {
    let limits = |per_query: Option<&str>, per_study: Option<&str>, per_dataset: Option<&str>| {
        let limit = |text: Option<&str>| text.map(|text| text.parse().unwrap());
        EpsilonLimits { per_query: limit(per_query), per_study: limit(per_study), per_dataset: limit(per_dataset) }
    };
    let all = limits(Some("0.3"), Some("3"), Some("10"));
    let of = |rule, limits| policy(8, 5, Sums::Restrained).with_noise(rule, limits);
    let both = |floor: &Policy, approval: &Policy| effective(Some(floor), Some(approval));
    use NoiseRule::{Allowed, Off, Required};
    for (floor, approval, expected) in [
        (Off, Off, Some(Off)),
        (Off, Allowed, Some(Off)),
        (Allowed, Off, Some(Off)),
        (Allowed, Allowed, Some(Allowed)),
        (Allowed, Required, Some(Required)),
        (Required, Allowed, Some(Required)),
        (Required, Required, Some(Required)),
        (Off, Required, None),
        (Required, Off, None),
    ] {
        let found = both(&of(floor, all), &of(approval, all)).map(|policy| policy.policy().noise());
        assert_eq!(found.as_ref().ok(), expected.as_ref(), "{floor:?} with {approval:?}");
        if let Err(error) = found {
            let (off, required) = if floor == Off { ("site", "approval") } else { ("approval", "site") };
            assert_eq!(error, PolicyError::NoiseApart { off, required });
        }
    }
    let other = limits(Some("0.5"), None, Some("9"));
    let least = both(&of(Allowed, all), &of(Allowed, other)).unwrap();
    assert_eq!(least.policy().epsilon(), limits(Some("0.3"), Some("3"), Some("9")));

    let (counts, sums) = (compiled(&query("")).unwrap(), compiled(&query(r#""measures": {"sum": "nodes"}"#)).unwrap());
    let asks = |policy: &Policy, plan: &Plan, price| both(policy, policy).unwrap().noise_limits(plan, price);
    let found = asks(&of(Allowed, all), &sums, 300_000).unwrap();
    assert_eq!((Some(found.per_study), Some(found.per_dataset)), (all.per_study, all.per_dataset));
    let refused = asks(&of(Allowed, all), &counts, 300_001).unwrap_err().to_string();
    assert_eq!(
        refused,
        "the query asks for an epsilon of 0.300001 in all, and the policy allows 0.3 a query: ask for less"
    );
    assert_eq!(asks(&of(Off, all), &counts, 1), Err(PolicyError::NoNoise));
    let unset = |what| Err(PolicyError::NoEpsilonLimit { what });
    assert_eq!(asks(&of(Allowed, limits(None, None, Some("1"))), &counts, 1), unset("per_study"));
    assert_eq!(asks(&of(Required, limits(None, Some("1"), None)), &counts, 1), unset("per_dataset"));
    let no_sums = policy(8, 5, Sums::None).with_noise(Allowed, all);
    assert_eq!(asks(&no_sums, &sums, 1), Err(PolicyError::NoSums));
    asks(&no_sums, &counts, 1).unwrap();
    // Without noise: everything as before, unless it is required.
    let exact = |policy: &Policy| both(policy, policy).unwrap().release_params(&counts, &schema(), false);
    assert_eq!(exact(&of(Allowed, all)), exact(&policy(8, 5, Sums::Restrained)));
    assert_eq!(exact(&of(Required, all)), Err(PolicyError::NoiseRequired));
}

#[test]
fn trap_14_policies_whose_smallest_cell_names_a_count_are_refused() {
    let json = DEMO.replace(r#""min_cell": 8, "rounding": 5"#, r#""min_cell": 14, "rounding": 10"#);
    assert_eq!(
        Policy::parse(&json).unwrap_err().to_string(),
        "the policy is refused: the smallest cell 14 is not the lower edge of an interval of rounding to 10, so the \
         smallest released value would stand for fewer counts than the others; the next that is: 15"
    );
}

#[test]
fn no_policy_no_release() {
    let policy = policy(8, 5, Sums::None);
    assert_eq!(
        effective(None, Some(&policy)).unwrap_err().to_string(),
        "the site has no policy, and without a policy nothing is released"
    );
    let error = effective(Some(&policy), None).unwrap_err().to_string();
    assert_eq!(error, "the approval has no policy, and without a policy nothing is released");
}

#[test]
fn the_stricter_of_each_rule() {
    let both = |a: (u32, u32), b: (u32, u32)| {
        let policy = effective(Some(&policy(a.0, a.1, Sums::None)), Some(&policy(b.0, b.1, Sums::Restrained)));
        policy.map(|policy| (policy.policy().min_cell(), policy.policy().rounding()))
    };
    assert_eq!(both((8, 5), (8, 5)), Ok((8, 5)));
    assert_eq!(both((8, 5), (10, 1)), Ok((13, 5)));
    assert_eq!(both((8, 5), (5, 10)), Ok((15, 10)));
    assert_eq!(both((6, 4), (8, 5)), Ok((10, 20)));
    let error = both((512, 1023), (512, 1024)).unwrap_err().to_string();
    assert!(error.contains("rounded to 1023 (site) and to 1024 (approval): counts are rounded to 1047552"), "{error}");
    let error = both((1024, 1), (8, 5)).unwrap_err().to_string();
    assert!(error.contains("the smallest cell is 1028; it must be from 1 to 1024"), "{error}");
    let cap = |per_approval, per_column| QueryCap { per_approval, per_column };
    let floor = Policy::new(3, 1, false, Sums::Restrained).unwrap().with_query_cap(cap(Some(9), None));
    let approval = Policy::new(3, 1, true, Sums::ExactForNamedPlans).unwrap().with_query_cap(cap(Some(7), Some(2)));
    let policy = effective(Some(&floor), Some(&approval)).unwrap().policy().clone();
    assert!(!policy.says_differencing());
    assert_eq!((policy.show_zeros(), policy.sums()), (false, Sums::Restrained));
    assert_eq!(policy.query_cap(), cap(Some(7), Some(2)));
}

#[test]
fn questions_a_sliver_apart_are_the_boards_unless_a_policy_says_otherwise() {
    use Differencing::{Board, Off, Refuse};
    let silent = policy(8, 5, Sums::None);
    let saying = |differencing| silent.clone().with_differencing(Some(differencing));
    let both = |floor: &Policy, approval: &Policy| {
        let policy = effective(Some(floor), Some(approval)).unwrap();
        assert_eq!(policy, effective(Some(approval), Some(floor)).unwrap());
        policy.policy().differencing()
    };
    assert_eq!(both(&silent, &silent), Board);
    assert_eq!(both(&silent, &saying(Off)), Board);
    assert_eq!(both(&saying(Off), &saying(Off)), Off);
    assert_eq!(both(&silent, &saying(Refuse)), Refuse);
    assert_eq!(both(&saying(Board), &saying(Off)), Board);
    let mut digests = vec![silent.digest()];
    for name in ["off", "board", "refuse"] {
        let rule = format!(r#""rounding": 5, "differencing": "{name}""#);
        let read = Policy::parse(&DEMO.replace(r#""rounding": 5"#, &rule)).unwrap();
        let again = Policy::parse(&serde_json::to_string(&read).unwrap()).unwrap();
        assert_eq!((again.differencing().name(), again.digest()), (name, read.digest()));
        assert!(read.describe().ends_with("(counted, not proved)"));
        digests.push(read.digest());
    }
    digests.sort();
    digests.dedup();
    assert_eq!(digests.len(), 4);
    assert!(Policy::parse(&DEMO.replace("\"rounding\": 5", "\"rounding\": 5, \"differencing\": \"no\"")).is_err());
}

proptest! {
    #[test]
    fn trap_14_effective_policies_keep_the_edge_and_are_stricter(
        (b1, b2) in (1u32..=32, 1u32..=32), (k1, k2) in (1u32..=200, 1u32..=200), n in 0u64..400,
    ) {
        let [floor, approval] = [(k1, b1), (k2, b2)].map(|(k, b)| policy(next_smallest_cell(k, b, true), b, Sums::None));
        let (Ok(policy), Ok(other)) = (effective(Some(&floor), Some(&approval)), effective(Some(&approval), Some(&floor)))
        else {
            return Err(TestCaseError::reject("beyond the circuit"));
        };
        prop_assert_eq!(&policy, &other);
        let policy = policy.policy();
        prop_assert_eq!(next_edge(policy.min_cell(), policy.rounding()), policy.min_cell());
        let params = |policy: &Policy| ReleaseParams {
            k: policy.min_cell(),
            b: policy.rounding(),
            show_zero: policy.show_zeros(),
            sums: [SumParams::OFF; 3],
        };
        let count = |policy: &Policy| release(&[GroupAggregates { n, ..Default::default() }], &params(policy))[0].count;
        match count(policy) {
            Cell::Value(value) => {
                prop_assert!(value % u64::from(b1) == 0 && value % u64::from(b2) == 0);
                prop_assert!(matches!((count(&floor), count(&approval)), (Cell::Value(_), Cell::Value(_))));
            }
            Cell::Zero => prop_assert_eq!(n, 0),
            Cell::Suppressed => {}
            Cell::Noised(_) => prop_assert!(false, "an exact rule"),
        }
    }
}

#[test]
fn sums_by_policy() {
    let fields = r#""measures": {"sum": "nodes", "sum_of_squares": "nodes"}"#;
    let named = params(&policy(8, 5, Sums::ExactForNamedPlans), fields, true).unwrap();
    assert_eq!(named.sums, [SumParams::EXACT, SumParams::EXACT, SumParams::OFF]);
    assert_eq!(
        named.describe(),
        "smallest cell 8, counts rounded to 5, empty groups shown as 0, sum exact, sum of squares exact"
    );
    let sum = r#""measures": {"sum": "nodes"}"#;
    let unnamed = params(&policy(8, 5, Sums::ExactForNamedPlans), sum, false).unwrap();
    // nodes reach from 0 to 60: 2 * 8 * 60.
    assert_eq!(unnamed.sums, [SumParams::restrained(8, 60), SumParams::OFF, SumParams::OFF]);
    assert!(
        unnamed
            .describe()
            .ends_with("sum rounded to 960, and suppressed below 480 and above 60 a patient less 480 (in coded units)")
    );
    assert_ne!(named.digest(), unnamed.digest());
    // Named, but the site or the approval does not allow exact sums.
    assert_eq!(params(&policy(8, 5, Sums::Restrained), sum, true).unwrap(), unnamed);
    assert_eq!(params(&policy(8, 5, Sums::None), fields, true), Err(PolicyError::NoSums));
    assert_eq!(params(&policy(8, 5, Sums::None), "", true).unwrap().sums, [SumParams::OFF; 3]);
}

#[test]
fn squares_and_products_have_no_restrained_form() {
    for (fields, what) in [
        (r#""measures": {"sum": "nodes", "sum_of_squares": "nodes"}"#, "sum of squares"),
        (r#""measures": {"sum_of_squares": "nodes"}"#, "sum of squares"),
        (r#""measures": {"sum_of_products": ["nodes", "rfs"]}"#, "sum of products"),
    ] {
        let plan = compiled(&query(fields)).unwrap();
        let refused = params(&policy(8, 5, Sums::ExactForNamedPlans), fields, false).unwrap_err();
        assert_eq!(refused, PolicyError::NoRestrainedForm { what, plan: plan.digest() });
        assert_eq!(
            refused.to_string(),
            format!(
                "the {what} is released only to the digit, under an approval that names the plan: it has no restrained form. \
                 Leave it out, or have the board name the plan {} in the approval (and the site allow exact sums)",
                plan.digest()
            )
        );
        // What the sentence says would pass, passes; and named is not enough where a policy has them restrained.
        params(&policy(8, 5, Sums::ExactForNamedPlans), fields, true).unwrap();
        assert_eq!(params(&policy(8, 5, Sums::Restrained), fields, true), Err(refused));
    }
    restrained(r#""measures": {"sum": "nodes"}"#).unwrap();
}

#[test]
fn trap_13_sums_that_are_counts_in_disguise_are_refused() {
    // `s - v n` is an exact count if the measure is limited to [v, v+1].
    let narrowed = restrained(r#""measures": {"sum": "nodes", "bounds": {"nodes": [0, 1]}}"#).unwrap_err();
    assert!(narrowed.contains("nodes is narrowed to 0 to 1 of its 0 to 60; leave its bounds out"), "{narrowed}");
    let plan = compiled(&query(r#""measures": {"sum": "nodes", "bounds": {"nodes": [0, 1]}}"#)).unwrap();
    assert!(
        narrowed.contains(&format!("have the board name the plan {} in the approval", plan.digest())),
        "{narrowed}"
    );
    for (fields, sentence) in [
        (r#""where": {"column": "nodes", "between": [0, 1]}"#, "it also tests nodes"),
        (
            r#""where": {"any": [{"column": "nodes", "present": true}, {"column": "meno", "is": true}]}"#,
            "it also tests nodes",
        ),
        (r#""group_by": [{"column": "nodes", "bins": [[0, 1], [2, 50]]}]"#, "it also tests nodes"),
        // Bins over all of the domain share the measure's implied condition, and are a grouping still.
        (r#""group_by": [{"column": "nodes", "bins": [[0, 1], [2, 60]]}]"#, "it also groups by nodes"),
    ] {
        let refused = restrained(&format!(r#"{fields}, "measures": {{"sum": "nodes"}}"#)).unwrap_err();
        assert!(refused.contains(sentence), "{refused}");
    }
    // Other measurements may be tested and grouped.
    let free = r#""where": {"column": "age", "between": [50, null]}, "group_by": [{"column": "hormon"}]"#;
    restrained(&format!(r#"{free}, "measures": {{"sum": "nodes"}}"#)).unwrap();
    // All of the domain, asked for: the same test as the implied one.
    restrained(r#""where": {"column": "nodes", "between": [0, 60]}, "measures": {"sum": "nodes"}"#).unwrap();
}

/// The test schema, where `nodes` and `rfs` are quantities of 0 or 1: flags in all but their kind.
fn flags_in_disguise() -> crate::table::Schema {
    let mut json = serde_json::to_value(schema()).unwrap();
    for column in json["columns"].as_array_mut().unwrap() {
        if ["nodes", "rfs"].contains(&column["name"].as_str().unwrap()) {
            column["max"] = serde_json::json!(1);
        }
    }
    crate::table::Schema::parse(&json.to_string()).unwrap()
}

/// The sums' rules, and what is refused, of a query over [`flags_in_disguise`].
fn disguised(fields: &str, named: bool) -> Result<[SumParams; 3], PolicyError> {
    let (schema, consent) = (flags_in_disguise(), crate::query::fixtures::consent());
    let plan = crate::query::compile(&query(fields), &schema, &consent, &crate::shape::Shape::QUERY_12).unwrap();
    let policy = policy(8, 5, Sums::ExactForNamedPlans);
    effective(Some(&policy), Some(&policy)).unwrap().release_params(&plan, &schema, named).map(|params| params.sums)
}

/// What is released of a group of 100, of whom so many make up the first sum.
fn released_of_100(sums: [SumParams; 3], few: u64) -> GroupCells {
    let params = ReleaseParams { k: 8, b: 5, show_zero: true, sums };
    params.check().unwrap();
    release(&[GroupAggregates { n: 100, s: few, ss: few, p: few }], &params)[0]
}

#[test]
fn trap_13_a_product_of_two_flags_counts_those_who_have_both() {
    // Flags are no measures, so they are not multiplied.
    for measures in [r#"["meno", "hormon"]"#, r#"["nodes", "hormon"]"#, r#"["hormon", "nodes"]"#] {
        let asked = query(&format!(r#""measures": {{"sum_of_products": {measures}}}"#));
        let refused = compiled(&asked).unwrap_err().to_string();
        assert!(refused.contains("is a flag; only quantities are summed"), "{refused}");
    }
    // Quantities of 0 or 1 are flags by another name: their products are released only where the board has looked
    // at this very plan.
    let fields = r#""measures": {"sum_of_products": ["nodes", "rfs"]}"#;
    assert!(matches!(disguised(fields, false), Err(PolicyError::NoRestrainedForm { what: "sum of products", .. })));
    assert_eq!(disguised(fields, true).unwrap()[2], SumParams::EXACT);
}

#[test]
fn trap_23_a_sum_of_a_0_1_quantity_is_a_count() {
    let sums = disguised(r#""measures": {"sum": "nodes"}"#, false).unwrap();
    // As coarse as twice the smallest cell, and nothing below the smallest cell.
    assert_eq!(sums, [SumParams::restrained(8, 1), SumParams::OFF, SumParams::OFF]);
    assert_eq!(sums[0].dominance, 8);
    for few in 0..8 {
        assert_eq!(released_of_100(sums, few), released_of_100(sums, 0), "{few} of value 1");
    }
    assert_ne!(released_of_100(sums, 8), released_of_100(sums, 7));
    // Those of value 0 are `n - s`: they are told no better.
    for few in 93..100 {
        assert_eq!(released_of_100(sums, few), released_of_100(sums, 100), "{few} of value 1");
        assert_eq!(released_of_100(sums, few).sums[0], Some(Cell::Suppressed));
    }
    assert_eq!(released_of_100(sums, 92).sums[0], Some(Cell::Value(96)));
    let flag = compiled(&query(r#""measures": {"sum": "hormon"}"#)).unwrap_err().to_string();
    assert!(flag.contains("is a flag; only quantities are summed"), "{flag}");
}

#[test]
fn trap_23_measures_through_derived_columns_and_display_units() {
    let tested = r#""where": {"column": "nodes_class", "in": ["some"]}, "measures": {"sum": "nodes"}"#;
    let refused = restrained(tested).unwrap_err();
    assert!(refused.contains("it also tests nodes_class, which comes from the same measurement (nodes)"), "{refused}");
    let grouped = r#""group_by": [{"column": "nodes_class"}], "measures": {"sum": "nodes"}"#;
    assert!(restrained(grouped).unwrap_err().contains("tests nodes_class, which comes from the same measurement"));
    // er starts at 0 in display units and is coded from 2: coded sums would carry 2 n.
    let shifted = restrained(r#""measures": {"sum": "er"}"#).unwrap_err();
    assert!(shifted.contains("er starts at 0, coded 2, so that its sums would tell counts"), "{shifted}");
    assert!(restrained(r#""measures": {"sum": "age"}"#).unwrap_err().contains("age starts at 18, coded 18"));
}

#[test]
fn sources_that_are_shared_by_flags() {
    let json = serde_json::to_string(&schema()).unwrap();
    let shared = |from: &str, to: &str| crate::table::Schema::parse(&json.replacen(from, to, 1)).unwrap();
    let refused = |schema: &crate::table::Schema, fields: &str| {
        let consent = crate::query::fixtures::consent();
        let plan = crate::query::compile(&query(fields), schema, &consent, &crate::shape::Shape::QUERY_12).unwrap();
        restrained_sums(&plan, schema, 8).unwrap_err().to_string()
    };
    let flagged = shared(r#""name":"hormon","#, r#""name":"hormon","source":"nodes","#);
    for fields in [r#""where": {"column": "hormon", "is": false}"#, r#""group_by": [{"column": "hormon"}]"#] {
        let sentence = refused(&flagged, &format!(r#"{fields}, "measures": {{"sum": "nodes"}}"#));
        assert!(sentence.contains("hormon, which comes from the same measurement (nodes)"), "{sentence}");
    }
}

#[test]
fn plans_of_other_schemas_and_measures_of_other_kinds() {
    let plan = compiled(&query(r#""measures": {"sum": "nodes"}"#)).unwrap();
    let policy = effective(Some(&policy(8, 5, Sums::Restrained)), Some(&policy(8, 5, Sums::Restrained))).unwrap();
    let foreign = Plan { schema: plan.query, ..plan.clone() };
    assert_eq!(policy.release_params(&foreign, &schema(), false), Err(PolicyError::Schema));
    for (name, sentence) in [("grade", "grade is a code, not a quantity"), ("gone", "the schema has no column gone")] {
        let mut plan = plan.clone();
        plan.y.as_mut().unwrap().column = ColumnId::manifest(name);
        let error = policy.release_params(&plan, &schema(), false).unwrap_err().to_string();
        assert!(error.contains(sentence), "{error}");
    }
}
