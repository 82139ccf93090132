use super::super::synthetic::*;
use super::super::{ConsentColumn, MISSING};

fn column() -> ConsentColumn {
    "DUO:0000042/academic".parse().unwrap()
}

#[test]
fn about_one_in_six_refuses() {
    let refusals = |seed, site: &str| {
        (0..6000).filter(|i: &u32| !synthetic_consent(seed, site, &i.to_string(), &column())).count()
    };
    // 1,000 expected; five standard deviations are 144.
    for count in [refusals(1, "north"), refusals(2, "north"), refusals(1, "south")] {
        assert!((856..=1144).contains(&count), "{count}");
    }
    // Equal identifiers at two sites are other people.
    let differ = |i: &u32| {
        synthetic_consent(1, "north", &i.to_string(), &column())
            != synthetic_consent(1, "south", &i.to_string(), &column())
    };
    assert!((0..6000).filter(differ).count() > 1000);
}

#[test]
fn pinned() {
    let refusing = |i: &u32| !synthetic_consent(7, "north", &i.to_string(), &column());
    assert_eq!((1..=30).filter(refusing).collect::<Vec<_>>(), PINNED_REFUSING);
    let file = synthetic_consent_file(7, "north", "pid", ["12", "18"], &[column()]);
    assert_eq!(file, "pid,DUO:0000042/academic\n12,1\n18,0\n");
    let (schema, table) = synthetic_table(2, 7).unwrap();
    assert_eq!(schema.digest().to_string(), PINNED_SCHEMA);
    let rows: Vec<Vec<u16>> = (0..2).map(|row| table.columns().iter().map(|column| column[row]).collect()).collect();
    assert_eq!(rows, PINNED_ROWS);
    assert_eq!(table.tags()[0], PINNED_TAGS);
}

/// Computed outside, in another language.
const PINNED_REFUSING: [u32; 3] = [18, 22, 23];
const PINNED_SCHEMA: &str = "670dafcf22cf6651c7dd6422ad9d8522847120de8d3eca4b460b30a569987c96";
const PINNED_ROWS: [[u16; 9]; 2] = [[59, 1, 0, 3, 2, 611, 207, 3321, 37972], [34, 1, 0, 2, 2, 1083, 19, 4080, 39607]];
const PINNED_TAGS: [u16; 2] = [4433, 5398];

#[test]
fn tables_are_plausible_and_longer_ones_begin_the_same() {
    let (schema, table) = synthetic_table(4000, 1).unwrap();
    let (_, shorter) = synthetic_table(100, 1).unwrap();
    assert_eq!(table.columns()[5][..100], shorter.columns()[5]);
    let share = |name: &str, wanted: &dyn Fn(u16) -> bool| {
        let column = &table.columns()[schema.index_of(name).unwrap()];
        column.iter().filter(|value| wanted(**value)).count() as f64 / 4000.0
    };
    assert!((0.45..0.55).contains(&share("sex", &|x| x == 1)));
    assert!((0.21..0.29).contains(&share("smoker", &|x| x == 1)));
    assert!((0.03..0.07).contains(&share("grade", &|x| x == MISSING)));
    assert!((0.27..0.37).contains(&share("grade", &|x| x == 3)));
    assert!((0.10..0.15).contains(&share("icd", &|x| x == 8)));
    assert!((0.01..0.03).contains(&share("weight", &|x| x == MISSING)));
    assert!((0.45..0.55).contains(&share("age", &|x| x >= 60)));
    let consents = synthetic_consents(&table, 1, &[column()]).unwrap();
    let yes = consents.column(&column()).unwrap().iter().filter(|flag| **flag == 1).count();
    assert!((3200..3460).contains(&yes), "{yes}");
}
