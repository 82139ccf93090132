use super::*;

fn params(k: u32, b: u32, show_zero: bool) -> ReleaseParams {
    ReleaseParams { k, b, show_zero, sums: [SumParams::restrained(k, 3), SumParams::EXACT, SumParams::OFF] }
}

fn counts(params: &ReleaseParams, counts: &[u64]) -> Vec<Cell> {
    let groups: Vec<_> = counts.iter().map(|&n| GroupAggregates { n, ..Default::default() }).collect();
    release(&groups, params).iter().map(|cells| cells.count).collect()
}

#[test]
fn counts_by_the_rule() {
    use Cell::{Suppressed, Value, Zero};
    let shown = params(8, 5, true);
    shown.check().unwrap();
    assert_eq!(
        counts(&shown, &[0, 1, 7, 8, 12, 13, 17, 18]),
        [Zero, Suppressed, Suppressed, Value(10), Value(10), Value(15), Value(15), Value(20)]
    );
    assert_eq!(counts(&params(8, 5, false), &[0, 8]), [Suppressed, Value(10)]);
    assert_eq!(counts(&params(1, 1, true), &[0, 1, 2]), [Zero, Value(1), Value(2)]);
    assert_eq!(counts(&params(5, 10, true), &[4, 5, 14, 15]), [Suppressed, Value(10), Value(10), Value(20)]);
}

#[test]
fn sums_share_the_fate_of_their_count() {
    use Cell::{Suppressed, Value, Zero};
    let group = |n, s, ss| GroupAggregates { n, s, ss, p: 9 };
    // Between 24 and 3 n - 24, in steps of 48.
    let groups = [
        group(0, 0, 0),
        group(7, 10, 700),
        group(16, 23, 49),
        group(16, 24, 49),
        group(16, 25, 49),
        group(30, 66, 50),
        group(30, 67, 50),
    ];
    let cells = release(&groups, &params(8, 5, true));
    let sums: Vec<_> = cells.iter().map(|cells| cells.sums).collect();
    assert_eq!(
        sums,
        [
            [Some(Zero), Some(Zero), None],
            [Some(Suppressed), Some(Suppressed), None],
            [Some(Suppressed), Some(Value(49)), None],
            [Some(Value(48)), Some(Value(49)), None],
            [Some(Suppressed), Some(Value(49)), None],
            [Some(Value(48)), Some(Value(50)), None],
            [Some(Suppressed), Some(Value(50)), None],
        ]
    );
}

#[test]
fn a_restrained_sum_never_rounds_to_nothing() {
    for (k, most) in (1..9).flat_map(|k| (1..9).map(move |most| (k, most))) {
        let rule = SumParams::restrained(k, most);
        assert_eq!(round(rule.dominance, rule.base), rule.base);
        assert_eq!(round(rule.dominance - 1, rule.base), 0);
    }
}

#[test]
fn trap_14_the_smallest_cell_is_a_lower_edge() {
    let error = params(14, 10, true).check().unwrap_err();
    assert_eq!(error, ParamsError::Edge { k: 14, b: 10, next: 15 });
    assert!(error.to_string().contains("the next that is: 15"), "{error}");
    for (k, b, next) in [(8, 5, 8), (10, 10, 15), (11, 1, 11), (7, 5, 8), (1, 2, 1), (2, 2, 3), (3, 3, 5)] {
        assert_eq!(next_edge(k, b), next, "k {k}, b {b}");
    }
    // By definition: one less than an edge rounds to another value than the edge itself.
    for b in 1..30u32 {
        for k in 1..100u32 {
            let lower_edge = round(u64::from(k), b.into()) != round(u64::from(k) - 1, b.into());
            assert_eq!(next_edge(k, b) == k, lower_edge, "k {k}, b {b}");
        }
    }
}

#[test]
fn what_is_suppressed_is_never_one_count() {
    let names = |k, b, show_zero| params(k, b, show_zero).check().unwrap_err();
    assert_eq!(names(2, 1, true), ParamsError::Names { k: 2, names: 1, next: 3 });
    assert_eq!(names(2, 3, true), ParamsError::Names { k: 2, names: 1, next: 5 });
    assert_eq!(names(1, 1, false), ParamsError::Names { k: 1, names: 0, next: 2 });
    assert_eq!(names(1, 2, false), ParamsError::Names { k: 1, names: 0, next: 3 });
    let sentence = names(2, 1, true).to_string();
    assert!(sentence.contains("and empty groups shown as 0, a suppressed group has exactly 1; the next"), "{sentence}");
    let sentence = names(1, 1, false).to_string();
    assert!(sentence.contains("and empty groups suppressed too, a suppressed group has exactly 0"), "{sentence}");
    // By definition, over all small rules that are edges.
    for show_zero in [true, false] {
        for (b, k) in (1..12).flat_map(|b| (1..40).map(move |k| (b, k))).filter(|(b, k)| next_edge(*k, *b) == *k) {
            let rule = params(k, b, show_zero);
            let suppressed = counts(&rule, &(0..50).collect::<Vec<u64>>());
            let alone = suppressed.iter().filter(|cell| **cell == Cell::Suppressed).count() == 1;
            assert_eq!(rule.check().is_err(), alone, "{rule:?}");
            let next = next_smallest_cell(k, b, show_zero);
            assert!(params(next, b, show_zero).check().is_ok());
            assert!((k..next).all(|below| params(below, b, show_zero).check().is_err()));
        }
    }
}

#[test]
fn limits_of_the_circuit() {
    let refused = |change: fn(&mut ReleaseParams)| {
        let mut params = params(1, 1, true);
        change(&mut params);
        params.check().unwrap_err().to_string()
    };
    assert!(refused(|p| p.k = 0).contains("from 1 to 1024"));
    assert!(refused(|p| p.k = 1025).contains("the smallest cell is 1025"));
    assert!(refused(|p| p.b = 1025).contains("from 1 (exact) to 1024"));
    assert!(refused(|p| p.sums[0] = SumParams::restrained(1, 1 << 16)).contains("it must be from 1 to 65535"));
    assert!(refused(|p| p.sums[0] = SumParams::restrained(1, 0)).contains("adds at most 0"));
    assert!(
        refused(|p| p.sums[0] = SumParams::restrained(2, 5)).contains("rounded to 20 and suppressed below 10; with")
    );
    assert!(refused(|p| p.sums[0].dominance = 0).contains("at most 3 a row it must be 6 and 3"));
    assert!(refused(|p| p.sums[0].most = None).contains("without a bound on each row it must be exact"));
    assert!(refused(|p| p.sums[1].base = 2).contains("the sum of squares is rounded to 2"));
    assert!(refused(|p| p.sums[2] = SumParams::restrained(1, 9)).contains("the sum of products is restrained"));
    // The largest numbers that pass stay within the circuit's.
    let largest = SumParams::restrained(MAX_COUNT_RULE, MAX_CODE);
    assert!(largest.base < 1 << SUM_BASE_BITS[0]);
}

#[test]
fn cells_in_json_and_secrets_in_debug() {
    let cells = GroupCells { count: Cell::Value(10), sums: [Some(Cell::Suppressed), Some(Cell::Zero), None] };
    let text = serde_json::to_string(&cells).unwrap();
    assert_eq!(text, r#"{"count":{"state":"value","value":10},"sums":[{"state":"suppressed"},{"state":"zero"},null]}"#);
    assert_eq!(serde_json::from_str::<GroupCells>(&text).unwrap(), cells);
    assert_eq!(format!("{:?}", GroupAggregates { n: 77, s: 77, ss: 77, p: 77 }), "GroupAggregates(secret)");
}
