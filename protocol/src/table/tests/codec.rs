use proptest::prelude::*;

use super::super::synthetic::{synthetic_consents, synthetic_schema, synthetic_table};
use super::super::{CodecError, ConsentTable, Table};
use crate::domain;
use crate::hash::Hasher;

/// The bytes with their checksum made to fit again: what a forger, not a damaged disk, would leave.
fn reseal(format: &'static str, body: &[u8]) -> Vec<u8> {
    let mut bytes = body.to_vec();
    bytes.extend_from_slice(Hasher::new(format).bytes(body).finish().as_bytes());
    bytes
}

fn consents(table: &Table) -> ConsentTable {
    let columns = ["DUO:0000042/academic", "DUO:0000042/commercial"].map(|text| text.parse().unwrap());
    synthetic_consents(table, 1, &columns).unwrap()
}

#[test]
fn round_trips() {
    let (schema, table) = synthetic_table(37, 1).unwrap();
    let bytes = table.to_bytes();
    assert_eq!(Table::from_bytes(&bytes, &schema).unwrap(), table);
    let consents = consents(&table);
    assert_eq!(ConsentTable::from_bytes(&consents.to_bytes()).unwrap(), consents);
}

#[test]
fn every_damaged_byte_is_found() {
    let (schema, table) = synthetic_table(3, 1).unwrap();
    let bytes = table.to_bytes();
    for place in 0..bytes.len() {
        let mut damaged = bytes.to_vec();
        damaged[place] ^= 1;
        assert!(Table::from_bytes(&damaged, &schema).is_err(), "byte {place}");
        assert!(Table::from_bytes(&bytes[..place], &schema).is_err(), "cut at {place}");
    }
    let message = Table::from_bytes(&bytes[..40], &schema).unwrap_err().to_string();
    assert_eq!(message, "the stored table is damaged: its checksum does not fit its 40 bytes");
}

#[test]
fn well_sealed_nonsense_is_refused() {
    let (schema, table) = synthetic_table(3, 1).unwrap();
    let bytes = table.to_bytes();
    let body = &bytes[..bytes.len() - 32];
    let read = |body: &[u8]| Table::from_bytes(&reseal(domain::TABLE, body), &schema).unwrap_err();

    let trailing = [body, &[0]].concat();
    assert_eq!(read(&trailing), CodecError::Trailing { bytes: 1 });
    assert!(matches!(read(&body[..body.len() - 1]), CodecError::Truncated { .. }));
    let message = read(&body[..body.len() - 1]).to_string();
    assert_eq!(message, format!("the stored table ends at byte {}, where 6 more bytes should follow", body.len() - 1));

    // format: 8 + 17 bytes, schema: 8 + 32, rows: 8 + 8, columns: 8 + 8
    let (rows_at, columns_at) = (8 + 17 + 40 + 8, 8 + 17 + 40 + 16 + 8);
    let mut more_rows = body.to_vec();
    more_rows[rows_at + 7] = 4;
    assert_eq!(read(&more_rows), CodecError::ItemLength { item: "column", found: 6, expected: 8 });
    let mut huge = body.to_vec();
    huge[rows_at..rows_at + 8].fill(0xff);
    assert!(matches!(read(&huge), CodecError::ItemLength { item: "column", .. }));
    let mut many = body.to_vec();
    many[columns_at..columns_at + 8].fill(0xff);
    assert_eq!(read(&many), CodecError::TooManyColumns { found: u64::MAX });
    // A value outside the schema: the sex flag of the first row.
    let mut value = body.to_vec();
    let sex = columns_at + 8 + (8 + 6) + 8;
    value[sex] = 0xff;
    assert_eq!(read(&value).to_string(), "column \"sex\" has a value that the schema does not allow");
    let mut format = body.to_vec();
    format[24] = b'2';
    assert_eq!(
        read(&format).to_string(),
        "the stored table's format is \"cohortium/table/2\"; this version reads \"cohortium/table/1\""
    );
}

#[test]
fn other_files_are_called_so() {
    let (schema, table) = synthetic_table(3, 1).unwrap();
    let message = Table::from_bytes(&consents(&table).to_bytes(), &schema).unwrap_err().to_string();
    assert!(message.contains("format is \"cohortium/consent-table/1\""), "{message}");
    assert!(ConsentTable::from_bytes(&table.to_bytes()).is_err());
    assert!(matches!(Table::from_bytes(b"", &schema), Err(CodecError::Checksum { found: 0 })));

    let other = super::schema();
    let message = Table::from_bytes(&table.to_bytes(), &other).unwrap_err().to_string();
    assert_eq!(message, format!("the stored table has schema {}, expected {}", schema.digest(), other.digest()));
}

#[test]
fn tables_are_checked() {
    let schema = synthetic_schema().unwrap();
    let (_, table) = synthetic_table(3, 1).unwrap();
    let refused =
        |columns: Vec<Vec<u16>>, tags: [Vec<u16>; 8]| Table::new(&schema, columns, tags).unwrap_err().to_string();
    let (columns, tags) = (|| table.columns().to_vec(), || table.tags().clone());
    assert_eq!(refused(columns()[1..].to_vec(), tags()), "the table has 8 columns, its schema has 9");
    assert_eq!(refused(vec![vec![]; 9], Default::default()), "the table has no rows");
    let mut short = columns();
    short[4].pop();
    assert_eq!(refused(short, tags()), "column \"icd\" has 2 rows, the first column has 3");
    let mut short = tags();
    short[7].pop();
    assert_eq!(refused(columns(), short), "column \"tag.7\" has 2 rows, the first column has 3");
    let mut wrong = columns();
    wrong[4][1] = 9;
    assert_eq!(refused(wrong, tags()), "column \"icd\" has a value that the schema does not allow");
}

proptest! {
    #[test]
    fn outside_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), sealed in any::<bool>()) {
        let schema = synthetic_schema().unwrap();
        let named = |name: &str| [&(name.len() as u64).to_be_bytes(), name.as_bytes(), &bytes].concat();
        let (table, consents) = if sealed {
            (reseal(domain::TABLE, &named(domain::TABLE)), reseal(domain::CONSENT_TABLE, &named(domain::CONSENT_TABLE)))
        } else {
            (bytes.clone(), bytes.clone())
        };
        prop_assert!(Table::from_bytes(&table, &schema).is_err());
        prop_assert!(ConsentTable::from_bytes(&consents).is_err());
    }

    #[test]
    fn tables_round_trip(rows in 1usize..60, seed in any::<u64>()) {
        let (schema, table) = synthetic_table(rows, seed).unwrap();
        prop_assert_eq!(Table::from_bytes(&table.to_bytes(), &schema).unwrap(), table);
    }
}
