//! `inspect`: what the site has. For the hospital's own screen: some of it is secret.

use std::fmt::Write as _;

use cohortium_protocol::commit::budget::column_limit;
use cohortium_protocol::commit::{RegisteredColumn, manifest::tag_column};
use cohortium_protocol::policy::PolicyError;
use cohortium_protocol::shape::Shape;
use cohortium_protocol::table::{ColumnSpec, Kind, MISSING, TAG_LIMBS};
use serde_json::{Value, json};

use crate::cli::{InspectArgs, Outcome, Report, Setting, bytes, table};
use crate::store::files::disk_use;
use crate::store::{Access, BudgetFile, StoreError, TableFolder, Version};

const NOTICE: &str = "For the hospital's own screen: this tells about patients and about what is left of the budget.";

pub(crate) fn run(setting: &Setting, args: &InspectArgs) -> Outcome {
    let home = setting.open(Access::Read)?;
    let tables = match &args.table {
        Some(name) => vec![TableFolder::find(&home, Some(name))?],
        None => TableFolder::all(&home)?,
    };
    let budget = BudgetFile::open(&home)?;
    home.check_budget(&budget)?;
    let releases = home.releases()?;
    let floor = home.floor()?;
    let policy = match &floor {
        Some(floor) => floor.describe(),
        None => PolicyError::Absent { whose: "the site" }.to_string(),
    };
    let mut text = format!(
        "{NOTICE}\n\nSite {:?} in {}, {} on the disk\nPolicy floor: {policy}\nReleases: {}\n\
         Opening budget: {} records, the last {}\n",
        home.site(),
        home.root().display(),
        bytes(disk_use(home.root())?),
        releases.len(),
        budget.records(),
        budget.head()
    );
    let mut json = json!({
        "notice": NOTICE,
        "site": home.site(),
        "home": home.root(),
        "disk_bytes": disk_use(home.root())?,
        "policy": floor,
        "releases": releases,
        "budget": { "records": budget.records(), "head": budget.head(), "approval_share": home.approval_share() },
        "tables": [],
    });
    if tables.is_empty() {
        let _ = writeln!(text, "\nNo table yet. Bring one in with: cohortium-prover import");
    }
    let mut list = Vec::new();
    for folder in tables {
        let mut versions = Vec::new();
        for number in folder.versions()? {
            let version = folder.version(Some(number))?;
            versions.push(show_version(&version, &budget, &mut text)?);
        }
        list.push(json!({ "table": folder.name(), "disk_bytes": disk_use(folder.path())?, "versions": versions }));
    }
    json["tables"] = list.into();
    Ok(Report::new(text, json))
}

fn show_version(version: &Version, budget: &BudgetFile, text: &mut String) -> Result<Value, StoreError> {
    let record = version.record();
    let quality = version.quality()?;
    let committed = version.committed()?;
    let data = version.table()?;
    // Writing to a String cannot fail.
    let _ = writeln!(
        text,
        "\nTable {}, version {}, imported {}: {} rows ({} of nobody), {} on the disk",
        record.table,
        record.version,
        record.imported,
        record.rows,
        record.dummy_rows,
        bytes(disk_use(version.path())?)
    );
    let _ = writeln!(
        text,
        "  Quality: {} rows read, {} accepted, {} rejected; the whole report is {}",
        quality.rows_read,
        quality.rows_accepted,
        quality.rows_rejected,
        version.path().join("quality.json").display()
    );
    let left = |columns: &[RegisteredColumn], shape: &Shape, name: &str| {
        let column = columns.iter().find(|column| column.name == name)?;
        Some(column_limit(shape).saturating_sub(budget.spent(&column.commitment)))
    };
    let manifest = committed.as_ref().map(|committed| &committed.manifest);
    let mut rows = Vec::new();
    let mut columns = Vec::new();
    let mut show = |name: &str, kind: &str, domain: String, missing: Option<usize>, left: Option<u32>| {
        let number = |number: Option<usize>| number.map_or_else(|| "-".to_owned(), |number| number.to_string());
        let left_text = number(left.map(|left| left as usize));
        rows.push(vec![name.to_owned(), kind.to_owned(), domain.clone(), number(missing), left_text]);
        columns.push(json!({ "name": name, "kind": kind, "domain": domain, "missing": missing, "budget_left": left }));
    };
    for (spec, values) in version.schema().columns().iter().zip(data.columns()) {
        let missing = spec.may_be_missing().then(|| values.iter().filter(|value| **value == MISSING).count());
        let left = manifest.and_then(|manifest| left(manifest.columns(), manifest.shape(), spec.name()));
        show(spec.name(), spec.kind().name(), domain_of(spec), missing, left);
    }
    for name in (0..TAG_LIMBS).map(tag_column) {
        let left = manifest.and_then(|manifest| left(manifest.columns(), manifest.shape(), &name));
        show(&name, "tag", "0 to 65535".to_owned(), None, left);
    }
    let mut epochs = Vec::new();
    if let Some(manifest) = manifest {
        let _ = writeln!(
            text,
            "  Data of {}, committed on {}, shape {}: manifest {}",
            manifest.vintage(),
            manifest.created(),
            manifest.shape(),
            manifest.digest()
        );
        for number in version.epochs()? {
            let epoch = version.epoch(number, manifest)?.epoch;
            let _ = writeln!(text, "  Consent epoch {number} of {}: {}", epoch.created(), epoch.digest());
            let consents = epoch.columns().iter().map(|column| {
                let left = left(epoch.columns(), epoch.shape(), &column.name);
                show(&format!("{} (epoch {number})", column.name), "flag", "no, yes".to_owned(), None, left);
                json!({ "name": column.name, "budget_left": left })
            });
            let consents: Vec<Value> = consents.collect();
            epochs.push(json!({
                "number": number, "created": epoch.created(), "digest": epoch.digest(), "columns": consents,
            }));
        }
    } else {
        let _ = writeln!(text, "  Not committed; commit it with: cohortium-prover commit");
    }
    let head = ["column", "kind", "domain", "missing", "openings left"].map(str::to_owned);
    text.push_str(&table(3, &head, &rows));
    Ok(json!({
        "version": record.version,
        "imported": record.imported,
        "rows": record.rows,
        "dummy_rows": record.dummy_rows,
        "schema": record.schema,
        "quality": {
            "rows_read": quality.rows_read,
            "rows_accepted": quality.rows_accepted,
            "rows_rejected": quality.rows_rejected,
        },
        "columns": columns,
        "committed": manifest.map(|manifest| json!({
            "manifest": manifest.digest(), "created": manifest.created(), "vintage": manifest.vintage(), "shape": manifest.shape().name,
        })),
        "epochs": epochs,
        "disk_bytes": disk_use(version.path())?,
    }))
}

/// A column's domain in its own units.
fn domain_of(spec: &ColumnSpec) -> String {
    let ends = spec.domain();
    match spec.kind() {
        Kind::Flag => "no, yes".to_owned(),
        Kind::Code { codes, .. } => format!("{} codes", codes.len()),
        _ => {
            let unit = spec.unit().map(|unit| format!(" {unit}")).unwrap_or_default();
            format!("{} to {}{unit}", spec.decode(*ends.start()), spec.decode(*ends.end()))
        }
    }
}
