//! `commit`: a version's columns and tags, and its consents as epochs.

use cohortium_protocol::shape::Shape;
use cohortium_protocol::table::{ConsentReport, ConsentTable};
use rand::rngs::OsRng;
use serde_json::{Value, json};

use super::{memory, read, speed};
use crate::cli::{CommitArgs, Outcome, Progress, Report, Setting, about};
use crate::import::import_consents;
use crate::store::{Access, CommitOptions, Committed, CommittedEpoch, Home, StoreError, TableFolder, Version};

/// Work of a flag column; a 16-bit column costs ten times as much.
const FLAG_UNITS: u64 = 1;
const WORD_UNITS: u64 = 10;
/// CPU-seconds of a unit and row where costs were measured: 0.3 seconds for a 16-bit column of 2^20 rows.
const CPU_SECONDS_A_UNIT_AND_ROW: f64 = 32e-9;
/// Memory of the program and of one column's sums; and of each value of the table, while it is read.
const FIXED_BYTES: u64 = 14 << 20;
const BYTES_A_ROW_AND_COLUMN: u64 = 3;

pub(crate) fn run(setting: &Setting, args: &CommitArgs) -> Outcome {
    let home = setting.open(Access::Write)?;
    let tables = TableFolder::find(&home, args.table.as_deref())?;
    let version = tables.version(args.version)?;
    let options = CommitOptions {
        date: args.date.as_deref().map(read::day).transpose()?,
        today: setting.today()?,
        shape: args.shape.as_deref().map(read::shape).transpose()?,
    };
    let job = Job { setting, home, tables, version, options };
    match &args.consent {
        Some(path) => job.next_epoch(path),
        None => job.whole(),
    }
}

struct Job<'a> {
    setting: &'a Setting,
    home: Home,
    tables: TableFolder,
    version: Version,
    options: CommitOptions,
}

impl Job<'_> {
    /// Columns and tags, and the consents that came with them; what is there already is left as it is.
    fn whole(self) -> Outcome {
        let (committed, is_new) = match self.version.committed()? {
            Some(committed) => (committed, false),
            None => (self.columns()?, true),
        };
        let manifest = &committed.manifest;
        let (epoch, epoch_is_new) = match self.version.epochs()?.last() {
            Some(number) => (self.version.epoch(*number, manifest)?, false),
            None => (self.epoch(&committed)?, true),
        };
        let mut text = String::new();
        if !is_new && !epoch_is_new {
            text.push_str("This version is committed already; nothing was changed.\n");
        }
        text.push_str(&describe(&committed, &epoch));
        if let Some(asked) = self.options.date.filter(|asked| !is_new && asked.to_string() != manifest.created()) {
            let note =
                format!("note: the manifest keeps its date {}; --date {asked} changes nothing", manifest.created());
            self.setting.console.note(&note);
        }
        let json = with_new(json_of(&self.version, &committed, &epoch), is_new, epoch_is_new);
        Ok(Report::new(text, json))
    }

    fn columns(&self) -> Result<Committed, StoreError> {
        let table = self.version.table()?;
        let specs = self.version.schema().columns();
        let flags = specs.iter().filter(|spec| *spec.domain().end() <= 1).count() as u64;
        let words = (specs.len() + table.tags().len()) as u64 - flags;
        let units = FLAG_UNITS * flags + WORD_UNITS * words;
        let shape = self.options.shape.or_else(|| Shape::smallest_for(table.rows()));
        if let Some(shape) = shape {
            self.setting.console.note(&format!(
                "Committing {} columns of {} rows; this takes {} and {}",
                flags + words,
                table.rows(),
                about(speed::expected((units * shape.rows() as u64) as f64 * CPU_SECONDS_A_UNIT_AND_ROW)),
                memory::needed(memory_bytes(table.rows(), flags + words))
            ));
        }
        let mut progress = Progress::new(units);
        let mut done = Done::default();
        let committed = self.version.commit(&self.home, &table, &self.options, &mut OsRng, &mut |name, is_flag| {
            progress.at(done.before(is_flag), &format!("column {name}"));
        })?;
        progress.end();
        Ok(committed)
    }

    /// The consents that came with the table, as its first epoch.
    fn epoch(&self, committed: &Committed) -> Result<CommittedEpoch, StoreError> {
        let consents = self.version.consents()?;
        let report = self.version.consent_report()?;
        self.commit_epoch(committed, consents, &report)
    }

    /// With a bar: an epoch of many purposes takes as long as many columns.
    fn commit_epoch(
        &self,
        committed: &Committed,
        consents: ConsentTable,
        report: &ConsentReport,
    ) -> Result<CommittedEpoch, StoreError> {
        let mut progress = Progress::new(FLAG_UNITS * consents.columns().len() as u64);
        let mut done = Done::default();
        let mut step = |name: &str, is_flag| progress.at(done.before(is_flag), &format!("consent {name}"));
        let epoch = self.version.commit_epoch(
            &self.home,
            &self.tables,
            committed,
            (consents, report),
            None,
            &self.options,
            &mut OsRng,
            &mut step,
        )?;
        progress.end();
        Ok(epoch)
    }

    /// New consents over the same rows.
    fn next_epoch(self, path: &std::path::Path) -> Outcome {
        let committed = self.version.require_committed()?;
        let mapping = self.version.mapping()?;
        let tagger = self.version.tagger(&self.home)?;
        let table = self.version.table()?;
        let import = import_consents(path, mapping.delimiter(), mapping.patient(), &table, &tagger)?;
        let epoch = self.commit_epoch(&committed, import.consents, &import.report)?;
        let text = format!("{}\n{}", import.report.to_text(), describe(&committed, &epoch));
        Ok(Report::new(text, with_new(json_of(&self.version, &committed, &epoch), false, true)))
    }
}

/// Memory of committing: the table, and one column at a time.
fn memory_bytes(rows: usize, columns: u64) -> u64 {
    FIXED_BYTES + BYTES_A_ROW_AND_COLUMN * rows as u64 * columns
}

/// Units of the columns that are done.
#[derive(Default)]
struct Done {
    finished: u64,
    current: u64,
}

impl Done {
    /// Units done before a column that is about to begin.
    fn before(&mut self, is_flag: bool) -> u64 {
        self.finished += self.current;
        self.current = if is_flag { FLAG_UNITS } else { WORD_UNITS };
        self.finished
    }
}

fn describe(committed: &Committed, epoch: &CommittedEpoch) -> String {
    let (manifest, epoch) = (&committed.manifest, &epoch.epoch);
    format!(
        "Table {}, version {}: {} rows, shape {}, committed on {}.\n  manifest {}\n\
         Consent epoch {}, {} purposes, committed on {}.\n  epoch    {}\n\
         Publish both before anyone asks: cohortium-prover publish\n",
        manifest.table(),
        manifest.version(),
        manifest.declared_rows(),
        manifest.shape(),
        manifest.created(),
        manifest.digest(),
        epoch.number(),
        epoch.columns().len(),
        epoch.created(),
        epoch.digest()
    )
}

fn json_of(version: &Version, committed: &Committed, epoch: &CommittedEpoch) -> Value {
    let (manifest, epoch) = (&committed.manifest, &epoch.epoch);
    json!({
        "table": manifest.table(),
        "version": manifest.version(),
        "rows": manifest.declared_rows(),
        "shape": manifest.shape().name,
        "manifest": manifest.digest(),
        "manifest_created": manifest.created(),
        "epoch_number": epoch.number(),
        "epoch": epoch.digest(),
        "epoch_created": epoch.created(),
        "consents": epoch.columns().iter().map(|column| &column.name).collect::<Vec<_>>(),
        "schema": version.record().schema,
    })
}

fn with_new(mut json: Value, manifest: bool, epoch: bool) -> Value {
    json["manifest_is_new"] = manifest.into();
    json["epoch_is_new"] = epoch.into();
    json
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As measured: 300,000 rows of 10 columns and 8 of the tags took 27 MiB.
    #[test]
    fn memory_is_near_what_was_measured() {
        let mib = memory_bytes(300_000, 18) as f64 / f64::from(1 << 20);
        assert!((mib / 27.0 - 1.0).abs() < 0.2, "{mib} MiB");
    }
}
