//! `import`: a table and its consents, whole or nothing.

use std::fs;
use std::path::{Path, PathBuf};

use cohortium_protocol::table::{ImportError, ImportOptions, QualityReport, RejectedRows, Tagger};
use rand::Rng;
use rand::rngs::OsRng;
use serde_json::{Value, json};

use super::read;
use crate::cli::{Failure, ImportArgs, Outcome, Report, Setting};
use crate::import::{
    FileError, FileProblem, import_consents, import_table, read_mapping, read_patient_secrets, read_schema,
};
use crate::store::files::{self, Readers};
use crate::store::{Access, Home, NewVersion, TableFolder};

/// How many rows of nobody are added, unless told: enough that the table's public size leaves open what a group that is
/// suppressed has, however the others are shown.
const DUMMIES: std::ops::RangeInclusive<usize> = 64..=191;
/// Where the report of a refused import is put.
const REFUSED_REPORT: &str = "refused-import.json";

pub(crate) fn run(setting: &Setting, args: &ImportArgs) -> Outcome {
    let today = setting.today()?;
    let vintage = args.vintage.unwrap_or(today);
    if vintage > today {
        return Err(Failure::refused(format!("--vintage is {vintage}; nothing is extracted after today, {today}")));
    }
    let home = setting.open(Access::Write)?;
    let schema = read_schema(&args.schema)?;
    let mapping = read_mapping(&args.mapping, &schema)?;
    let mut tagger = Tagger::new(home.patient_key()?, home.site(), schema.table());
    let brought = match &args.patient_secrets {
        Some(path) => read_patient_secrets(path, mapping.delimiter())?,
        None => Vec::new(),
    };
    for (patient, secret) in &brought {
        tagger.bring(patient, secret.clone());
    }
    let rejected = if args.leave_out_rejected { RejectedRows::LeaveOut } else { RejectedRows::Refuse };
    let dummy_rows = args.dummies.unwrap_or_else(|| OsRng.gen_range(DUMMIES));
    let options = ImportOptions { rejected, dummy_rows };
    let import = import_table(&args.csv, &schema, &mapping, &tagger, options, &mut OsRng)
        .map_err(|error| refuse(setting, &home, args, error))?;
    let consents = import_consents(&args.consent, mapping.delimiter(), mapping.patient(), &import.table, &tagger)?;

    let new = NewVersion {
        schema_text: &read::text(&args.schema)?,
        schema: &schema,
        mapping_text: &read::text(&args.mapping)?,
        table: &import.table,
        quality: &import.report,
        consents: &consents.consents,
        consent_report: &consents.report,
        brought: &brought,
        imported: today,
        vintage,
        files: file_names(args),
    };
    let tables = TableFolder::create(&home, schema.table())?;
    let version = tables.add(&new)?;
    let report_file = write_report(args, &import.report)?;
    // What an earlier refusal left is about a file that is in now, or was given up.
    let _ = fs::remove_file(home.root().join(REFUSED_REPORT));

    let record = version.record();
    let text = format!(
        "{}\n{}\nThis is version {} of table {}, {} rows in a secret order, data of {}. Commit it with: cohortium-prover commit\n",
        import.report.to_text(),
        consents.report.to_text(),
        record.version,
        record.table,
        record.rows,
        record.vintage
    );
    let json = json!({
        "table": record.table,
        "version": record.version,
        "rows": record.rows,
        "vintage": record.vintage,
        "schema": record.schema,
        "quality": counts(&import.report),
        "consents": consents.report.columns.iter().map(|column| column.column.to_string()).collect::<Vec<_>>(),
        "consent_rows_without_entry": consents.report.rows_without_entry,
        "consent_unknown_patients": consents.report.unknown_patients.len(),
        "report": report_file.unwrap_or_else(|| version.path().join("quality.json")),
    });
    Ok(Report::new(text, json))
}

fn file_names(args: &ImportArgs) -> Vec<String> {
    let files =
        [Some(&args.schema), Some(&args.mapping), Some(&args.csv), Some(&args.consent), args.patient_secrets.as_ref()];
    let name = |path: &PathBuf| path.file_name().map(|name| name.to_string_lossy().into_owned());
    files.into_iter().flatten().filter_map(name).collect()
}

/// The numbers of a report, without any patient's value.
fn counts(report: &QualityReport) -> Value {
    json!({
        "rows_read": report.rows_read,
        "rows_accepted": report.rows_accepted,
        "rows_rejected": report.rows_rejected,
        "dummy_rows": report.dummy_rows,
        "unused": report.unused,
    })
}

fn write_report(args: &ImportArgs, report: &QualityReport) -> Result<Option<PathBuf>, Failure> {
    if let Some(path) = &args.report {
        write_json(path, report)?;
    }
    Ok(args.report.clone())
}

fn write_json(path: &Path, report: &QualityReport) -> Result<(), Failure> {
    let bytes = zeroize::Zeroizing::new(serde_json::to_vec_pretty(report).unwrap_or_default());
    Ok(files::write(path, &bytes, Readers::Owner)?)
}

/// Shows and keeps the report of a refused import; the refusal itself repeats no patient's value.
fn refuse(setting: &Setting, home: &Home, args: &ImportArgs, error: FileError) -> Failure {
    let report = match &error.problem {
        FileProblem::Import(ImportError::Rejected { report } | ImportError::AllRejected { report }) => report,
        _ => return error.into(),
    };
    setting.console.show(&report.to_text());
    let path = args.report.clone().unwrap_or_else(|| home.root().join(REFUSED_REPORT));
    if let Err(failure) = write_json(&path, report) {
        return failure;
    }
    let details = json!({ "quality": counts(report), "report": path });
    Failure::refused(format!("{error} ({})", path.display())).with(details)
}
