//! The opening budget: how often the columns of a manifest or epoch have been opened, and may still be.
//!
//! A published value of a column hides behind its `B` blinding rows, and `B` values would use them up. So every
//! value that may leave the process is charged *before* it can, to the column's commitment, and never given back:
//! a job that fails and is run again is charged again, for nobody can know what became of the first values.
//!
//! This is the arithmetic and the form of the record; keeping the records durably is the prover's work:
//!
//! 1. [`BudgetBook::prepare`] makes the next record, or refuses; nothing is charged yet;
//! 2. the prover appends the record's line to its file and waits until it is on the disk;
//! 3. [`BudgetBook::enter`] charges it and returns [`Charged`], without which nothing should leave.
//!
//! After a crash the book is read again from the file ([`BudgetBook::enter`] for each line): what was written is
//! spent, whether or not anything left. The records are chained by digests, so that none can be changed or left
//! out in the middle; that none is missing at the end is for whoever keeps the last digest elsewhere to check.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::registry::shorten;
use crate::domain;
use crate::hash::{Digest, Hasher};
use crate::shape::Shape;

/// Openings of a registered column that are kept back: a margin between the budget and what the blinding rows bear.
pub const RESERVE: u32 = 16;

/// Points that a column of a manifest or epoch may be opened at, ever: `B - 16`.
pub fn column_limit(shape: &Shape) -> u32 {
    (shape.blinding_rows as u32).saturating_sub(RESERVE)
}

/// Why a charge is refused, or a record is not the book's next.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BudgetError {
    /// The column cannot bear it.
    #[error(
        "the opening budget of column {column:?} (of {object}) does not suffice: {asked} asked, {spent} spent of \
         {limit}, {left} left. A new version of the table, or a new consent epoch, has a budget of its own."
    )]
    Exhausted {
        /// The column's name.
        column: String,
        /// Digest of its manifest or epoch.
        object: Digest,
        /// Points spent so far.
        spent: u32,
        /// Points asked for.
        asked: u32,
        /// Points left.
        left: u32,
        /// Points in all.
        limit: u32,
    },
    /// The approval has used up its share of the column.
    #[error(
        "the share of approval {approval} in the opening budget of column {column:?} does not suffice: {asked} \
         asked, {spent} spent of {share}, {left} left"
    )]
    Share {
        /// The column's name.
        column: String,
        /// The approval.
        approval: Digest,
        /// Points spent under it so far.
        spent: u32,
        /// Points asked for.
        asked: u32,
        /// Points left under it.
        left: u32,
        /// Points an approval may spend.
        share: u32,
    },
    /// A record that charges nothing, or a charge of no points.
    #[error("a budget record charges at least one point of at least one column")]
    Nothing,
    /// One commitment with two limits.
    #[error("column {column:?} was charged against a limit of {before} points before, now of {now}")]
    OtherLimit {
        /// The column's name.
        column: String,
        /// Limit in earlier records.
        before: u32,
        /// Limit now.
        now: u32,
    },
    /// Not the next record.
    #[error("budget record {found} follows record {last}; the file is incomplete or out of order")]
    Number {
        /// Number found.
        found: u64,
        /// Number of the last record entered.
        last: u64,
    },
    /// A record that follows another record than the book's last.
    #[error("budget record {number} continues {found}, the record before it is {expected}")]
    Chain {
        /// The record's number.
        number: u64,
        /// Predecessor it names.
        found: Digest,
        /// Digest of the last record entered.
        expected: Digest,
    },
    /// A record whose digest is not that of its content.
    #[error("budget record {number} has been changed: its content has the digest {expected}, it says {found}")]
    Digest {
        /// The record's number.
        number: u64,
        /// Digest in the record.
        found: Digest,
        /// Digest of its content.
        expected: Digest,
    },
    /// A line that is no record.
    #[error("not a budget record: {reason}")]
    Json {
        /// What the parser says.
        reason: String,
    },
}

/// Points of one column to be opened.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Charge {
    /// Digest of the manifest or epoch, for people.
    pub object: Digest,
    /// The column's name in it, for people.
    pub column: String,
    /// Digest of the column's commitment: what is charged. A commitment that two documents list has one budget.
    pub commitment: Digest,
    /// Points that the commitment may be opened at in all, see [`column_limit`].
    pub limit: u32,
    /// Points charged.
    pub points: u32,
}

/// One line of the book.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BudgetRecord {
    /// Counts from 1.
    pub number: u64,
    /// Digest of the record before; of the book's beginning for the first.
    pub previous: Digest,
    /// Digest of the approval that the openings are made under.
    pub approval: Digest,
    /// Digest of what they are for: the request, or the context of another proof.
    pub purpose: Digest,
    /// What is charged.
    pub charges: Vec<Charge>,
    /// Digest of all of the above.
    pub digest: Digest,
}

impl BudgetRecord {
    /// Reads a line.
    pub fn parse(line: &str) -> Result<Self, BudgetError> {
        serde_json::from_str(line).map_err(|error| BudgetError::Json { reason: error.to_string() })
    }

    /// The record as a line of JSON, without the line's end.
    pub fn line(&self) -> Result<String, BudgetError> {
        serde_json::to_string(self).map_err(|error| BudgetError::Json { reason: error.to_string() })
    }

    fn content_digest(&self) -> Digest {
        let mut hasher = Hasher::new(domain::BUDGET_RECORD);
        hasher.u64(self.number).digest(&self.previous).digest(&self.approval).digest(&self.purpose);
        hasher.u64(self.charges.len() as u64);
        for charge in &self.charges {
            hasher
                .digest(&charge.object)
                .str(&charge.column)
                .digest(&charge.commitment)
                .u64(u64::from(charge.limit))
                .u64(u64::from(charge.points));
        }
        hasher.finish()
    }
}

/// Evidence that openings were charged.
#[derive(Debug)]
#[must_use = "openings that were charged are spent, whether or not they are used"]
pub struct Charged {
    record: BudgetRecord,
}

impl Charged {
    /// The record.
    pub fn record(&self) -> &BudgetRecord {
        &self.record
    }

    /// Points charged for a commitment.
    pub fn points(&self, commitment: &Digest) -> u32 {
        let charges = self.record.charges.iter().filter(|charge| charge.commitment == *commitment);
        charges.fold(0, |sum, charge| sum.saturating_add(charge.points))
    }
}

#[derive(Clone, Default, Debug)]
struct Account {
    limit: u32,
    spent: u32,
    under: BTreeMap<Digest, u32>,
}

/// What has been spent at a site.
#[derive(Clone, Debug)]
pub struct BudgetBook {
    share: u32,
    last_number: u64,
    last_digest: Digest,
    accounts: BTreeMap<Digest, Account>,
}

impl BudgetBook {
    /// An empty book of a site, in which one approval may spend at most `share` points of a column.
    pub fn new(site: &str, share: u32) -> Self {
        let beginning = Hasher::new(domain::BUDGET_RECORD).str("beginning").str(site).finish();
        Self { share, last_number: 0, last_digest: beginning, accounts: BTreeMap::new() }
    }

    /// Points spent of a commitment.
    pub fn spent(&self, commitment: &Digest) -> u32 {
        self.accounts.get(commitment).map_or(0, |account| account.spent)
    }

    /// Digest of the last record, or of the book's beginning: worth keeping elsewhere.
    pub fn head(&self) -> Digest {
        self.last_digest
    }

    /// The next record, if every column bears its charge and the approval's share suffices. Charges nothing.
    pub fn prepare(
        &self,
        approval: Digest,
        purpose: Digest,
        charges: Vec<Charge>,
    ) -> Result<BudgetRecord, BudgetError> {
        self.charged(approval, &charges, Some(self.share))?;
        let mut record = BudgetRecord {
            number: self.last_number + 1,
            previous: self.last_digest,
            approval,
            purpose,
            charges,
            digest: self.last_digest,
        };
        record.digest = record.content_digest();
        Ok(record)
    }

    /// Charges a record that is on the disk: one just prepared, or one read again.
    ///
    /// The share is not enforced here: it may have been larger when an old record was made.
    pub fn enter(&mut self, record: BudgetRecord) -> Result<Charged, BudgetError> {
        if record.number != self.last_number + 1 {
            return Err(BudgetError::Number { found: record.number, last: self.last_number });
        }
        if record.previous != self.last_digest {
            return Err(BudgetError::Chain {
                number: record.number,
                found: record.previous,
                expected: self.last_digest,
            });
        }
        let expected = record.content_digest();
        if record.digest != expected {
            return Err(BudgetError::Digest { number: record.number, found: record.digest, expected });
        }
        self.accounts.extend(self.charged(record.approval, &record.charges, None)?);
        self.last_number = record.number;
        self.last_digest = record.digest;
        Ok(Charged { record })
    }

    /// The accounts that the charges change, as they are afterwards. All or nothing: the book itself stays.
    fn charged(
        &self,
        approval: Digest,
        charges: &[Charge],
        share: Option<u32>,
    ) -> Result<BTreeMap<Digest, Account>, BudgetError> {
        if charges.is_empty() || charges.iter().any(|charge| charge.points == 0) {
            return Err(BudgetError::Nothing);
        }
        let mut changed: BTreeMap<Digest, Account> = BTreeMap::new();
        for charge in charges {
            // The changed account if the record charges this commitment twice, else the book's.
            let known = changed.get(&charge.commitment).or_else(|| self.accounts.get(&charge.commitment));
            let mut account = known.cloned().unwrap_or(Account { limit: charge.limit, ..Account::default() });
            if account.limit != charge.limit {
                return Err(BudgetError::OtherLimit {
                    column: shorten(&charge.column),
                    before: account.limit,
                    now: charge.limit,
                });
            }
            let left = account.limit.saturating_sub(account.spent);
            if charge.points > left {
                return Err(BudgetError::Exhausted {
                    column: shorten(&charge.column),
                    object: charge.object,
                    spent: account.spent,
                    asked: charge.points,
                    left,
                    limit: account.limit,
                });
            }
            let under = account.under.entry(approval).or_default();
            if let Some(share) = share {
                let left = share.saturating_sub(*under);
                if charge.points > left {
                    return Err(BudgetError::Share {
                        column: shorten(&charge.column),
                        approval,
                        spent: *under,
                        asked: charge.points,
                        left,
                        share,
                    });
                }
            }
            *under += charge.points;
            account.spent += charge.points;
            changed.insert(charge.commitment, account);
        }
        Ok(changed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(text: &str) -> Digest {
        Hasher::new("test").str(text).finish()
    }

    fn charge(column: &str, points: u32) -> Charge {
        let limit = column_limit(&Shape::QUERY_20);
        Charge { object: digest("manifest"), column: column.into(), commitment: digest(column), limit, points }
    }

    fn spend(book: &mut BudgetBook, approval: &str, charges: Vec<Charge>) -> Result<BudgetRecord, BudgetError> {
        let record = book.prepare(digest(approval), digest("request"), charges)?;
        Ok(book.enter(record)?.record().clone())
    }

    #[test]
    fn the_limit_is_below_the_blinding_rows() {
        assert_eq!(Shape::STANDARD.map(|shape| column_limit(&shape)), [496; 3]);
    }

    #[test]
    fn a_column_affords_its_limit_and_no_more() {
        let mut book = BudgetBook::new("Site A", 1000);
        spend(&mut book, "a", vec![charge("age", 1), charge("grade", 2)]).unwrap();
        spend(&mut book, "a", vec![charge("age", 490)]).unwrap();
        // Refused as a whole, even though the grade could bear it.
        let refused = spend(&mut book, "b", vec![charge("grade", 1), charge("age", 6)]).unwrap_err();
        assert_eq!(
            refused.to_string(),
            format!(
                "the opening budget of column \"age\" (of {}) does not suffice: 6 asked, 491 spent of 496, 5 left. A \
                 new version of the table, or a new consent epoch, has a budget of its own.",
                digest("manifest")
            )
        );
        assert_eq!((book.spent(&digest("age")), book.spent(&digest("grade"))), (491, 2));
        spend(&mut book, "b", vec![charge("age", 5)]).unwrap();
        spend(&mut book, "b", vec![charge("age", 1)]).unwrap_err();
    }

    #[test]
    fn one_record_may_charge_a_column_twice() {
        let mut book = BudgetBook::new("Site A", 1000);
        let refused = spend(&mut book, "a", vec![charge("age", 400), charge("age", 97)]).unwrap_err();
        assert!(matches!(refused, BudgetError::Exhausted { spent: 400, asked: 97, left: 96, .. }));
        let charges = vec![charge("age", 400), charge("age", 96)];
        let record = book.prepare(digest("a"), digest("request"), charges).unwrap();
        assert_eq!(book.enter(record).unwrap().points(&digest("age")), 496);
    }

    #[test]
    fn two_documents_that_list_one_commitment_share_its_budget() {
        let mut book = BudgetBook::new("Site A", 1000);
        spend(&mut book, "a", vec![charge("age", 496)]).unwrap();
        let renamed = Charge { object: digest("other manifest"), column: "years".into(), ..charge("age", 1) };
        assert!(matches!(spend(&mut book, "a", vec![renamed]), Err(BudgetError::Exhausted { .. })));
        let widened = Charge { limit: 600, ..charge("age", 1) };
        assert!(matches!(spend(&mut book, "a", vec![widened]), Err(BudgetError::OtherLimit { .. })));
    }

    #[test]
    fn an_approval_cannot_drain_a_column() {
        let mut book = BudgetBook::new("Site A", 100);
        spend(&mut book, "a", vec![charge("age", 99)]).unwrap();
        let refused = spend(&mut book, "a", vec![charge("age", 2)]).unwrap_err();
        assert!(matches!(refused, BudgetError::Share { spent: 99, asked: 2, left: 1, share: 100, .. }));
        spend(&mut book, "b", vec![charge("age", 100)]).unwrap();
    }

    #[test]
    fn trap_21_retries_and_crashes_are_charged() {
        let mut book = BudgetBook::new("Site A", 1000);
        let mut file = Vec::new();
        for _ in 0..3 {
            // The same request three times: twice something went wrong afterwards.
            let record = book.prepare(digest("a"), digest("request"), vec![charge("age", 1)]).unwrap();
            file.push(record.line().unwrap());
            drop(book.enter(record).unwrap());
        }
        assert_eq!(book.spent(&digest("age")), 3);
        // A fourth time the process dies between the file and the book.
        file.push(book.prepare(digest("a"), digest("request"), vec![charge("age", 1)]).unwrap().line().unwrap());
        let mut again = BudgetBook::new("Site A", 1);
        for line in &file {
            drop(again.enter(BudgetRecord::parse(line).unwrap()).unwrap());
        }
        assert_eq!(again.spent(&digest("age")), 4);
        assert_ne!(again.head(), book.head());
    }

    #[test]
    fn a_changed_or_missing_record_is_noticed() {
        let mut book = BudgetBook::new("Site A", 1000);
        let records: Vec<_> =
            (1..=3).map(|points| spend(&mut book, "a", vec![charge("age", points)]).unwrap()).collect();
        let reread = |records: &[BudgetRecord]| {
            let mut book = BudgetBook::new("Site A", 1000);
            records.iter().try_for_each(|record| book.enter(record.clone()).map(drop)).map(|()| book.head())
        };
        assert_eq!(reread(&records), Ok(book.head()));
        let missing = [records[0].clone(), records[2].clone()];
        assert_eq!(reread(&missing), Err(BudgetError::Number { found: 3, last: 1 }));
        let mut changed = records.clone();
        changed[1].charges[0].points = 1;
        assert!(matches!(reread(&changed), Err(BudgetError::Digest { number: 2, .. })));
        changed[1].digest = changed[1].content_digest();
        assert!(matches!(reread(&changed), Err(BudgetError::Chain { number: 3, .. })));
        let mut elsewhere = BudgetBook::new("Site B", 1000);
        assert!(matches!(elsewhere.enter(records[0].clone()), Err(BudgetError::Chain { number: 1, .. })));
        assert!(matches!(BudgetRecord::parse("{}"), Err(BudgetError::Json { .. })));
    }

    #[test]
    fn two_records_prepared_at_once_cannot_both_be_entered() {
        let mut book = BudgetBook::new("Site A", 1000);
        let [first, second] =
            [1, 2].map(|points| book.prepare(digest("a"), digest("request"), vec![charge("age", points)]).unwrap());
        drop(book.enter(first).unwrap());
        assert_eq!(book.enter(second).unwrap_err(), BudgetError::Number { found: 1, last: 1 });
        assert!(matches!(book.prepare(digest("a"), digest("r"), vec![]), Err(BudgetError::Nothing)));
        assert!(matches!(book.prepare(digest("a"), digest("r"), vec![charge("age", 0)]), Err(BudgetError::Nothing)));
    }
}
