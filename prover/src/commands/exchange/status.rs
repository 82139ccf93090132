//! `status`: how the site stands with its ledger.

use std::fmt::Write as _;

use cohortium_client::{QueryFilter, QuerySummary};
use cohortium_protocol::commit::budget::column_limit;
use cohortium_verifier::ledger::SiteStatus;
use serde_json::{Value, json};

use super::link::{Link, is_not_found};
use super::run::MOST_QUERIES;
use crate::cli::{Failure, Outcome, Report, Setting, table};
use crate::store::{Access, BudgetFile, Home, OutgoingFile, TableFolder};

pub(crate) fn status(setting: &Setting) -> Outcome {
    let home = setting.open(Access::Read)?;
    let budget = BudgetFile::open(&home)?;
    home.check_budget(&budget)?;
    let outgoing = OutgoingFile::open(&home)?;
    let mut text = format!("Site {:?}\n", home.site());
    let mut json = json!({
        "site": home.site(),
        "paused": home.paused()?,
        "restored": home.restored()?,
        "budget": { "records": budget.records(), "head": budget.head() },
        "outgoing": { "records": outgoing.records().len(), "head": outgoing.head() },
    });
    // Writing to a String cannot fail.
    if let Some(paused) = home.paused()? {
        let _ = writeln!(text, "PAUSED since {}: {}", paused.since, paused.because);
    }
    if let Some(restored) = home.restored()? {
        let _ = writeln!(
            text,
            "RESTORED at {} from a backup of {}: the first proof needs --budget-head or --budget-head-lost",
            restored.at, restored.made
        );
    }
    match Link::open(&home) {
        Ok(link) => ledger(&home, link, &mut text, &mut json)?,
        Err(failure) => {
            let _ = writeln!(text, "No ledger: {}", failure.sentence);
            json["ledger"] = json!({ "joined": false, "why": failure.sentence });
        }
    }
    text.push_str(&budget_left(&home, &budget, &mut json)?);
    let _ = writeln!(text, "Budget: {} records, the last {}", budget.records(), budget.head());
    let _ = writeln!(text, "What left: {} records, the last {}", outgoing.records().len(), outgoing.head());
    Ok(Report::new(text, json))
}

fn ledger(home: &Home, mut link: Link, text: &mut String, json: &mut Value) -> Result<(), Failure> {
    let _ = writeln!(text, "Ledger {} at {}", link.trusted.ledger(), link.url());
    json["ledger"] = json!({ "joined": true, "ledger": link.trusted.ledger(), "url": link.url() });
    let reached = link.trusted.refresh().map(|checkpoint| (checkpoint.size, checkpoint.height, checkpoint.time));
    let (size, height, time) = match reached {
        Ok(reached) => reached,
        // What is false is no mere silence.
        Err(error) if error.is_false() => return Err(error.into()),
        Err(error) => {
            let _ = writeln!(text, "  NOT REACHED, so only what is here is shown: {error}");
            json["ledger"]["not_reached"] = error.to_string().into();
            let notes: Vec<Value> = home
                .notes()?
                .iter()
                .filter(|note| note.released.is_none())
                .map(|note| {
                    let _ = writeln!(text, "  {} {:?}, {}: {}", note.query, note.title, note.sponsor, note.words());
                    json!({ "query": note.query, "title": note.title, "here": note.words() })
                })
                .collect();
            json["queries"] = notes.into();
            return Ok(());
        }
    };
    let _ = writeln!(text, "  {size} transactions, block {height} of {time}");
    json["ledger"]["size"] = size.into();
    registered(home, &link, text, json)?;
    let site = || Some(home.site().to_owned());
    let open = QueryFilter { open_for: site(), ..QueryFilter::default() };
    let withheld = Some("withheld_after_acceptance".to_owned());
    let withheld = QueryFilter { site: site(), state: withheld, ..QueryFilter::default() };
    let mut queries = link.client().all_queries(&open, MOST_QUERIES)?;
    // Withheld by this site: of those that another withheld, this one's part is listed already, or finished.
    let is_own = |query: &QuerySummary| {
        let own = query.sites.get(home.site()).map(|status| &status.state);
        matches!(own, Some(SiteStatus::WithheldAfterAcceptance { .. }))
    };
    queries.extend(link.client().all_queries(&withheld, MOST_QUERIES)?.into_iter().filter(is_own));
    let (ended, mut shown) = (link.ended()?, Vec::new());
    for query in &queries {
        shown.extend(one_query(home, query, ended.get(&query.approval), text)?);
    }
    if shown.is_empty() {
        let _ = writeln!(text, "No open queries.");
    }
    json["queries"] = shown.into();
    Ok(())
}

/// A query that is not finished: what the ledger says, and what was noted here; and why nobody can accept it, if its
/// study's approval is not in force any more.
fn one_query(
    home: &Home,
    query: &QuerySummary,
    ended: Option<&String>,
    text: &mut String,
) -> Result<Option<Value>, Failure> {
    let Some(status) = query.sites.get(home.site()) else { return Ok(None) };
    let open = SiteStatus::Answered { at: query.posted };
    let finished = std::mem::discriminant(&open) == std::mem::discriminant(&status.state)
        || matches!(status.state, SiteStatus::Declined { .. } | SiteStatus::Expired { .. });
    if finished {
        return Ok(None);
    }
    let note = home.note(&query.request)?;
    let here = note.as_ref().map(|note| note.words());
    let _ = writeln!(
        text,
        "  {} {:?}, study {}, {}\n    ledger: {}\n    here: {}",
        query.id,
        query.title,
        query.study,
        query.sponsor,
        status.words,
        here.as_deref().unwrap_or("not looked at yet")
    );
    // What was accepted before is answered all the same.
    let undecided = matches!(status.state, SiteStatus::Submitted { .. } | SiteStatus::AwaitingApproval { .. });
    let ended = ended.filter(|_| undecided);
    if let Some(why) = ended {
        let _ = writeln!(text, "    NOT ACCEPTED: the study's approval is not in force: {why}");
    }
    Ok(Some(json!({
        "query": query.id, "request": query.request, "title": query.title, "study": query.study,
        "sponsor": query.sponsor, "ledger": status, "here": here, "not_in_force": ended,
    })))
}

/// What is active on the ledger, against what is active here.
fn registered(home: &Home, link: &Link, text: &mut String, json: &mut Value) -> Result<(), Failure> {
    let floor = home.floor()?.map(|floor| floor.digest());
    let seeds = home.seeds()?.map(|seeds| seeds.root);
    let mut tables = Vec::new();
    for folder in TableFolder::all(home)? {
        let Ok((version, committed, number)) = folder.active() else { continue };
        let epoch = version.epoch(number, &committed.manifest)?.epoch.digest();
        let active = match link.client().dataset(home.site(), folder.name()) {
            Ok(active) => Some(active.summary),
            Err(error) if is_not_found(&error) => None,
            Err(error) => return Err(error.into()),
        };
        let manifest = committed.manifest.digest();
        let same = active.as_ref().map(|active| {
            [
                ("table version", active.manifest == manifest),
                ("consent epoch", active.epoch.as_ref().map(|epoch| epoch.digest) == Some(epoch)),
                ("policy floor", active.policy_floor.as_ref().map(|floor| floor.digest) == floor),
                ("seed tree", active.seeds == seeds),
            ]
        });
        let behind: Vec<&str> = match &same {
            None => vec!["everything"],
            Some(same) => same.iter().filter(|(_, same)| !same).map(|(what, _)| *what).collect(),
        };
        let word = match behind.is_empty() {
            true => "registered as it is here".to_owned(),
            false => format!("NOT ON THE LEDGER: {}; cohortium-prover ledger register", behind.join(", ")),
        };
        let _ = writeln!(text, "Table {}, version {}: {word}", folder.name(), committed.manifest.version());
        tables.push(json!({ "table": folder.name(), "manifest": manifest, "epoch": epoch, "behind": behind }));
    }
    json["tables"] = tables.into();
    Ok(())
}

/// The least that is left of each table's and epoch's columns.
fn budget_left(home: &Home, budget: &BudgetFile, json: &mut Value) -> Result<String, Failure> {
    let head = ["table", "of", "least left", "of column"].map(str::to_owned);
    let (mut rows, mut list) = (Vec::new(), Vec::new());
    for folder in TableFolder::all(home)? {
        let Ok((version, committed, number)) = folder.active() else { continue };
        let manifest = &committed.manifest;
        let epoch = version.epoch(number, manifest)?.epoch;
        let limit = column_limit(manifest.shape());
        let of = [
            (format!("version {}", manifest.version()), manifest.columns()),
            (format!("epoch {number}"), epoch.columns()),
        ];
        for (of, columns) in of {
            let left = |commitment| limit.saturating_sub(budget.spent(commitment));
            let Some(least) = columns.iter().min_by_key(|column| left(&column.commitment)) else { continue };
            let count = left(&least.commitment);
            list.push(json!({ "table": folder.name(), "of": of, "least_left": count, "column": least.name }));
            rows.push(vec![folder.name().to_owned(), of, count.to_string(), least.name.clone()]);
        }
    }
    json["budget"]["left"] = list.into();
    if rows.is_empty() {
        return Ok(String::new());
    }
    Ok(format!("Openings left, of the column with the fewest:\n{}", table(2, &head, &rows)))
}
