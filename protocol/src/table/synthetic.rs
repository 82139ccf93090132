//! Made-up patients and made-up consents, for tests, benchmarks and demonstrations: never for results.
//!
//! Everything follows from a seed by SHA-256, so that it is the same everywhere and for ever.

use super::MISSING;
use super::consent::{ConsentColumn, ConsentTable, ConsentTableError};
use super::data::{TAG_LIMBS, Table, TableError};
use super::schema::{Schema, SchemaError};
use crate::domain;
use crate::hash::{Digest, Hasher};

/// One in this many synthetic patients refuses a purpose.
pub const REFUSING_ONE_IN: u64 = 6;

/// Why a synthetic table could not be made: no rows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SyntheticError {
    /// A schema that is not allowed.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// A table that is not allowed.
    #[error(transparent)]
    Table(#[from] TableError),
}

/// Whether a synthetic patient consents: about one in six refuses, by seed, site, identifier and column.
///
/// Invented for demonstrations, where real identifiers come without real consents; say so in print.
pub fn synthetic_consent(seed: u64, site: &str, identifier: &str, column: &ConsentColumn) -> bool {
    let mut hasher = Hasher::new(domain::SYNTHETIC);
    hasher.str("consent").u64(seed).str(site).str(identifier).str(&column.to_string());
    consents(&hasher.finish())
}

/// A consent file (CSV) with [`synthetic_consent`] for every patient of a site.
pub fn synthetic_consent_file<'a>(
    seed: u64,
    site: &str,
    patient: &str,
    identifiers: impl IntoIterator<Item = &'a str>,
    columns: &[ConsentColumn],
) -> String {
    let names: Vec<String> = columns.iter().map(ConsentColumn::to_string).collect();
    let mut out = format!("{patient},{}\n", names.join(","));
    for identifier in identifiers {
        out.push_str(identifier);
        for column in columns {
            out.push_str(if synthetic_consent(seed, site, identifier, column) { ",1" } else { ",0" });
        }
        out.push('\n');
    }
    out
}

/// Consents for every row of a table, by the row's tag.
pub fn synthetic_consents(
    table: &Table,
    seed: u64,
    columns: &[ConsentColumn],
) -> Result<ConsentTable, ConsentTableError> {
    let flags = |column: &ConsentColumn| {
        let flag = |row: usize| {
            let mut hasher = Hasher::new(domain::SYNTHETIC);
            hasher.str("consent by tag").u64(seed).str(&column.to_string());
            for limb in table.tags() {
                hasher.u64(u64::from(limb[row]));
            }
            u16::from(consents(&hasher.finish()))
        };
        (0..table.rows()).map(flag).collect()
    };
    ConsentTable::new(columns.iter().map(|column| (column.clone(), flags(column))).collect())
}

/// Five in six of all 64-bit numbers, up to one in 2^64.
fn consents(digest: &Digest) -> bool {
    word(digest, 0) >= u64::MAX / REFUSING_ONE_IN
}

/// The digest's `place`th 64-bit word.
fn word(digest: &Digest, place: usize) -> u64 {
    digest.as_bytes()[8 * place..8 * place + 8].iter().fold(0, |word, byte| word << 8 | u64::from(*byte))
}

/// The digest's `place`th 16-bit word, scaled to `0..below`: a little biased, and the same everywhere.
fn scaled(digest: &Digest, place: usize, below: u64) -> u16 {
    let [high, low] = [digest.as_bytes()[2 * place], digest.as_bytes()[2 * place + 1]];
    ((u64::from(u16::from_be_bytes([high, low])) * below) >> 16) as u16
}

/// The schema of [`synthetic_table`]: age, sex, smoker, grade (sometimes missing), icd, weight (sometimes
/// missing), crp, followup_days, entered.
pub fn synthetic_schema() -> Result<Schema, SchemaError> {
    Schema::parse(include_str!("synthetic.json"))
}

/// A table of made-up patients in the [`synthetic_schema`]: the same rows for the same seed. The rows are in
/// the order in which they were made: nothing here is secret.
pub fn synthetic_table(rows: usize, seed: u64) -> Result<(Schema, Table), SyntheticError> {
    let schema = synthetic_schema()?;
    let mut columns: Vec<Vec<u16>> = schema.columns().iter().map(|_| Vec::with_capacity(rows)).collect();
    let mut tags: [Vec<u16>; TAG_LIMBS] = std::array::from_fn(|_| Vec::with_capacity(rows));
    for row in 0..rows as u64 {
        let digest = |what: &str| Hasher::new(domain::SYNTHETIC).str(what).u64(seed).u64(row).finish();
        let (values, tag) = (digest("row"), digest("tag"));
        for (column, value) in columns.iter_mut().zip(synthetic_row(&values)) {
            column.push(value);
        }
        for (limb, values) in tags.iter_mut().enumerate() {
            values.push(u16::from_be_bytes([tag.as_bytes()[2 * limb], tag.as_bytes()[2 * limb + 1]]));
        }
    }
    let table = Table::new(&schema, columns, tags)?;
    Ok((schema, table))
}

/// One row from 16 random 16-bit words, in schema order. Plausible, no more.
fn synthetic_row(digest: &Digest) -> [u16; 9] {
    let uniform = |place: usize, below: u64| scaled(digest, place, below);
    // The sum of two dice is less flat than one: ages around 60.
    let age = 20 + uniform(0, 41) + uniform(1, 41);
    let grade = if uniform(4, 20) == 0 { MISSING } else { 1 + uniform(5, 3) };
    let icd = 1 + uniform(6, 8);
    let weight = if uniform(7, 50) == 0 { MISSING } else { 450 + uniform(8, 500) + uniform(9, 300) };
    // Mostly low, seldom high.
    let crp = uniform(10, u64::from(uniform(11, 501)) + 1);
    // From 2000-01-01 to 2024-12-31, in days since 1900.
    let entered = 36_524 + uniform(13, 9_132);
    [age, uniform(2, 2), u16::from(uniform(3, 4) == 0), grade, icd, weight, crp, uniform(12, 7_301), entered]
}
