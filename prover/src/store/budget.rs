//! The opening budget on the disk: one record a line, chained, only ever appended to.
//!
//! A charge counts once its line is on the disk, and nothing leaves before. A process that dies while it
//! writes a line leaves half of one; then nothing had left, and the next writer cuts it off. A line that is
//! whole but for its end is taken as charged.

use std::collections::BTreeMap;
use std::path::Path;

use cohortium_protocol::commit::budget::{BudgetBook, BudgetRecord, Charge, Charged};
use cohortium_protocol::domain;
use cohortium_protocol::hash::{Digest, Hasher};

use super::append::AppendFile;
use super::{Access, Home, StoreError};
use crate::faults::Stage;

const BUDGET_FILE: &str = "budget.jsonl";

/// What is kept of a record.
struct Entered {
    digest: Digest,
    /// What it was charged for.
    purpose: Digest,
    /// The names of the columns that were charged.
    columns: Vec<String>,
}

/// The book, as read from its file.
pub(crate) struct BudgetFile {
    file: AppendFile,
    book: BudgetBook,
    /// All records, by number from 1.
    records: Vec<Entered>,
    /// Points of one column that one approval may spend.
    share: u32,
    access: Access,
}

impl BudgetFile {
    /// Reads the book of a home; every record is checked against the one before.
    pub(crate) fn open(home: &Home) -> Result<Self, StoreError> {
        let book = BudgetBook::new(home.site(), home.approval_share());
        let path = home.root().join(BUDGET_FILE);
        let (file, records) = AppendFile::open(path, |line| Ok(BudgetRecord::parse(line)?))?;
        let mut budget = Self { file, book, records: Vec::new(), share: home.approval_share(), access: home.access() };
        for record in records {
            // Spent long ago; the evidence was for the process that charged it.
            drop(budget.enter(record)?);
        }
        Ok(budget)
    }

    fn enter(&mut self, record: BudgetRecord) -> Result<Charged, StoreError> {
        let columns = record.charges.iter().map(|charge| charge.column.clone()).collect();
        let entered = Entered { digest: record.digest, purpose: record.purpose, columns };
        let charged = self.book.enter(record)?;
        self.records.push(entered);
        Ok(charged)
    }

    /// Points spent of a commitment.
    pub(crate) fn spent(&self, commitment: &Digest) -> u32 {
        self.book.spent(commitment)
    }

    /// How many records there are.
    pub(crate) fn records(&self) -> usize {
        self.records.len()
    }

    /// Digest of the last record: worth keeping elsewhere.
    pub(crate) fn head(&self) -> Digest {
        self.book.head()
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        self.file.path()
    }

    /// Whether a record is in the book.
    pub(crate) fn has(&self, number: u64, digest: &Digest) -> bool {
        self.record(number).is_some_and(|record| record.digest == *digest)
    }

    /// How many records were charged for a request.
    pub(crate) fn attempts(&self, purpose: &Digest) -> usize {
        self.records.iter().filter(|record| record.purpose == *purpose).count()
    }

    /// Whether any record has this digest.
    pub(crate) fn has_any(&self, digest: &Digest) -> bool {
        self.records.iter().any(|record| record.digest == *digest)
    }

    /// The names of the columns that a record charged; none if there is no such record.
    pub(crate) fn columns(&self, number: u64) -> &[String] {
        self.record(number).map_or(&[], |record| &record.columns)
    }

    fn record(&self, number: u64) -> Option<&Entered> {
        let index = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
        index.and_then(|index| self.records.get(index))
    }

    /// Refuses charges that the columns or the approval's share do not bear. Charges nothing.
    pub(crate) fn check(&self, approval: Digest, purpose: Digest, charges: Vec<Charge>) -> Result<(), StoreError> {
        self.book.prepare(approval, purpose, charges).map(drop).map_err(StoreError::from)
    }

    /// Charges: when this returns, the record is on the disk.
    pub(crate) fn charge(
        &mut self,
        approval: Digest,
        purpose: Digest,
        charges: Vec<Charge>,
    ) -> Result<Charged, StoreError> {
        debug_assert_eq!(self.access, Access::Write, "charging needs the home's lock");
        let record = self.book.prepare(approval, purpose, charges)?;
        self.file.append(&record.line()?, Stage::ProveChargeHalfWritten)?;
        self.enter(record)
    }

    /// Charges all that is left of these commitments, one point of each given: for a book that may lack charges. It takes
    /// several records, for one approval may spend no more than its share.
    pub(crate) fn exhaust(&mut self, purpose: Digest, columns: &[Charge]) -> Result<(), StoreError> {
        let unique: BTreeMap<Digest, &Charge> = columns.iter().map(|column| (column.commitment, column)).collect();
        for round in 0.. {
            let left = unique.values().filter_map(|column| {
                let left = column.limit.saturating_sub(self.spent(&column.commitment));
                let points = left.min(self.share);
                (points > 0).then(|| Charge { points, ..(*column).clone() })
            });
            let charges: Vec<Charge> = left.collect();
            if charges.is_empty() {
                break;
            }
            // No approval has this digest.
            let nobody = Hasher::new(domain::UNKNOWN_CHARGES).digest(&purpose).u64(round).finish();
            drop(self.charge(nobody, purpose, charges)?);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use cohortium_protocol::commit::budget::BudgetError;
    use rand::rngs::OsRng;

    use super::super::{Init, files};
    use super::*;

    fn digest(text: &str) -> Digest {
        Hasher::new("test").str(text).finish()
    }

    fn charge(points: u32) -> Vec<Charge> {
        let (object, commitment) = (digest("manifest"), digest("age"));
        vec![Charge { object, column: "age".into(), commitment, limit: 496, points }]
    }

    fn home(folder: &Path) -> Home {
        Home::init(folder, &Init { site: "Site A", approval_share: 100, floor: None }, &mut OsRng).unwrap()
    }

    fn spend(home: &Home, points: u32) -> Result<u32, StoreError> {
        let mut file = BudgetFile::open(home)?;
        drop(file.charge(digest("approval"), digest("request"), charge(points))?);
        Ok(file.spent(&digest("age")))
    }

    #[test]
    fn charges_outlive_the_process() {
        let folder = tempfile::tempdir().unwrap();
        let home = home(folder.path());
        assert_eq!((spend(&home, 3).unwrap(), spend(&home, 4).unwrap()), (3, 7));
        let file = BudgetFile::open(&home).unwrap();
        assert_eq!((file.records(), file.spent(&digest("age"))), (2, 7));
        assert!(file.has(2, &file.head()) && !file.has(1, &file.head()) && !file.has(0, &file.head()));
        assert!(matches!(spend(&home, 94), Err(StoreError::Budget(BudgetError::Share { left: 93, .. }))));
    }

    #[test]
    fn trap_21_half_a_record_is_cut_off_and_a_whole_one_counts() {
        let folder = tempfile::tempdir().unwrap();
        let home = home(folder.path());
        spend(&home, 1).unwrap();
        spend(&home, 2).unwrap();
        let path = folder.path().join(BUDGET_FILE);
        let whole = files::read_text(&path).unwrap();
        let first = whole.lines().next().unwrap().len() + 1;
        // Killed anywhere within the second line: at its last byte it is whole, before that it never was.
        for (end, spent) in [(first, 1), (first + 1, 1), (whole.len() - 2, 1), (whole.len() - 1, 3), (whole.len(), 3)] {
            std::fs::write(&path, &whole[..end]).unwrap();
            assert_eq!(BudgetFile::open(&home).unwrap().spent(&digest("age")), spent, "cut at {end}");
            assert_eq!(spend(&home, 5).unwrap(), spent + 5, "cut at {end}");
            assert_eq!(BudgetFile::open(&home).unwrap().spent(&digest("age")), spent + 5, "cut at {end}");
        }
    }

    #[test]
    fn what_is_left_of_a_commitment_can_be_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let home = home(folder.path());
        spend(&home, 3).unwrap();
        let mut file = BudgetFile::open(&home).unwrap();
        let columns =
            [charge(1), charge(1), vec![Charge { commitment: digest("nodes"), ..charge(1)[0].clone() }]].concat();
        file.exhaust(digest("restored"), &columns).unwrap();
        assert_eq!((file.spent(&digest("age")), file.spent(&digest("nodes"))), (496, 496));
        // 496 in shares of 100; and nothing more is charged the second time.
        assert_eq!(file.records(), 1 + 5);
        file.exhaust(digest("restored"), &columns).unwrap();
        assert_eq!(file.records(), 1 + 5);
        assert!(matches!(spend(&home, 1), Err(StoreError::Budget(BudgetError::Exhausted { left: 0, .. }))));
    }

    #[test]
    fn a_changed_or_missing_line_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let home = home(folder.path());
        for points in [1, 2, 3] {
            spend(&home, points).unwrap();
        }
        let path = folder.path().join(BUDGET_FILE);
        let whole = files::read_text(&path).unwrap();
        let lines: Vec<&str> = whole.lines().collect();
        for (changed, expected) in [
            (whole.replacen("\"points\":2", "\"points\":1", 1), "budget record 2 has been changed"),
            (format!("{}\n{}\n", lines[0], lines[2]), "budget record 3 follows record 1"),
            (format!("{}\nnonsense\n{}\n", lines[0], lines[1]), "not a budget record"),
        ] {
            std::fs::write(&path, changed).unwrap();
            let refused = BudgetFile::open(&home).err().unwrap().to_string();
            assert!(refused.contains(expected), "{refused}");
        }
    }
}
