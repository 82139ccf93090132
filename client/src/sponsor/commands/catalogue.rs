//! `datasets` and `studies`: what the ledger has, as the service says.

use cohortium_protocol::table::{ColumnSpec, Kind, Schema};
use serde_json::json;

use super::super::args::{DatasetsArgs, StudiesArgs};
use super::super::{Failure, Outcome, Report, Setting, setting};
use super::value;
use crate::answers::QueryFilter;
use crate::client::LedgerClient;
use crate::routes::MOST_LISTED;
use crate::words::table;

pub(crate) fn datasets(setting: &Setting, args: &DatasetsArgs) -> Outcome {
    let client = setting.client()?;
    if let (Some(site), Some(table)) = (&args.site, &args.table) {
        return dataset(&client, site, table);
    }
    let all = client.datasets()?;
    let rows: Vec<Vec<String>> = all
        .iter()
        .map(|entry| {
            let epoch = entry.epoch.as_ref();
            vec![
                entry.site.clone(),
                entry.table.clone(),
                entry.vintage.clone(),
                epoch.map_or_else(|| "none: cannot be asked".to_owned(), |epoch| epoch.created.clone()),
                entry.version.to_string(),
                entry.declared_rows.to_string(),
            ]
        })
        .collect();
    let text = match rows.is_empty() {
        true => "No table is registered on this ledger yet.\n".to_owned(),
        false => format!(
            "{}\nRows are declared, and may be more than patients. One table: cohortium-sponsor datasets SITE TABLE\n",
            table(4, &["site", "table", "data of", "consents of", "version", "rows"], &rows)
        ),
    };
    Ok(Report::new(text, json!({ "datasets": all })))
}

fn dataset(client: &LedgerClient, site: &str, table: &str) -> Outcome {
    let detail = client.dataset(site, table)?;
    let entry = &detail.summary;
    let schema = &detail.schema_document;
    if schema.digest() != entry.schema {
        let found = schema.digest();
        return Err(Failure::refused(format!("the ledger gives the schema {found} for {}", entry.schema)));
    }
    let mut text = format!(
        "{} of {}, version {}, data of {}, committed {}\n",
        entry.table, entry.site, entry.version, entry.vintage, entry.created
    );
    if !entry.description.is_empty() {
        text.push_str(&format!("{}\n", entry.description));
    }
    text.push_str(&format!("{} declared rows, shape {}\n\n", entry.declared_rows, entry.shape));
    text.push_str(&columns(schema));
    let consents = match &entry.epoch {
        Some(epoch) => format!("Consents of {} (epoch {}): {}", epoch.created, epoch.number, entry.consents.join(", ")),
        None => "Consents: none registered, so the table cannot be asked".to_owned(),
    };
    let floor = match &entry.policy_floor {
        Some(floor) => format!("Policy floor: {}", floor.words),
        None => "Policy floor: none registered, so the table cannot be asked".to_owned(),
    };
    text.push_str(&format!("\n{consents}\n{floor}\n"));
    Ok(Report::new(text, value(&detail)))
}

fn columns(schema: &Schema) -> String {
    let mut text = String::new();
    for column in schema.columns() {
        let ColumnKind { kind, values } = describe(column);
        let missing = if column.may_be_missing() { ", may be missing" } else { "" };
        text.push_str(&format!("  {} ({kind}{missing}): {}\n", column.name(), values));
        if !column.description().is_empty() {
            text.push_str(&format!("      {}\n", column.description()));
        }
    }
    text
}

struct ColumnKind {
    kind: &'static str,
    values: String,
}

fn describe(column: &ColumnSpec) -> ColumnKind {
    let (low, high) = (column.decode(*column.domain().start()), column.decode(*column.domain().end()));
    let values = match column.kind() {
        Kind::Flag => "no, yes".to_owned(),
        Kind::Code { codes, .. } => {
            codes.iter().map(|entry| format!("{} = {}", entry.code, entry.label)).collect::<Vec<_>>().join(", ")
        }
        Kind::Quantity { unit, .. } => format!("{low} to {high} {unit}").trim_end().to_owned(),
        Kind::Date { .. } => format!("{low} to {high}"),
    };
    ColumnKind { kind: column.kind().name(), values }
}

pub(crate) fn studies(setting: &Setting, args: &StudiesArgs) -> Outcome {
    let client = setting.client()?;
    if let Some(study) = &args.study {
        return self::study(&client, study);
    }
    let all = client.studies()?;
    let rows: Vec<Vec<String>> = all
        .iter()
        .map(|entry| {
            let state = match &entry.reason {
                Some(reason) => format!("{}: {reason}", entry.state),
                None => entry.state.clone(),
            };
            vec![
                entry.study.clone(),
                entry.sponsor.clone(),
                entry.board.clone(),
                entry.expires.to_string(),
                entry.approval.to_string(),
                state,
            ]
        })
        .collect();
    let text = match rows.is_empty() {
        true => "No study is approved on this ledger yet.\n".to_owned(),
        false => table(6, &["study", "sponsor", "board", "until", "approval", "state"], &rows),
    };
    Ok(Report::new(text, json!({ "studies": all })))
}

fn study(client: &LedgerClient, study: &str) -> Outcome {
    let digest = setting::approval(client, study)?;
    let detail = client.study(&digest)?;
    let found = detail.document.digest();
    if found != digest {
        return Err(Failure::refused(format!("the ledger gives the approval {found} for {digest}")));
    }
    let entry = &detail.summary;
    // Worked out here from the document, not the service's words.
    let mut text = detail.document.describe();
    text.push_str(&format!("\nApproved by {}, posted {}: {}", entry.board, entry.posted, entry.state));
    text.push_str(&entry.reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}")));
    let filter = QueryFilter { study: Some(digest.to_string()), ..QueryFilter::default() };
    let queries = client.all_queries(&filter, MOST_LISTED)?;
    text.push_str(&format!("\n{} queries so far\n", queries.len()));
    for query in &queries {
        text.push_str(&format!("  {:>4}  {}  {}: {}\n", query.sequence, query.id, query.title, query.status.state));
    }
    let mut shown = value(&detail);
    shown["queries"] = value(&queries);
    Ok(Report::new(text, shown))
}
