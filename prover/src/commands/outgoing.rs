//! `outgoing`: the record of everything that left.

use serde_json::json;

use crate::cli::{Failure, Outcome, OutgoingArgs, Report, Setting, table};
use crate::store::{Access, BudgetFile, Home, OutgoingFile, RELEASE};

pub(crate) fn run(setting: &Setting, args: &OutgoingArgs) -> Outcome {
    let home = setting.open(Access::Read)?;
    let outgoing = OutgoingFile::open(&home)?;
    if let Some(head) = &args.head {
        outgoing.check_head(head).map_err(Failure::refused)?;
    }
    if args.check || args.head.is_some() {
        check(&home, &outgoing)?;
    }
    let (records, head) = (outgoing.records(), outgoing.head());
    let end = format!(
        "{} records in {}, each continuing the one before; the last is {head}.\nNote it elsewhere: whoever cuts records off \
         at the end is noticed by it alone.\n",
        records.len(),
        outgoing.path().display()
    );
    let json = json!({ "records": records, "head": head, "checked": args.check || args.head.is_some() });
    if args.check {
        return Ok(Report::new(end, json));
    }
    let names = ["number", "time", "what", "bytes", "SHA-256", "request"].map(str::to_owned);
    let rows = records.iter().map(|record| {
        let what = &record.what;
        vec![
            record.number.to_string(),
            record.time.to_string(),
            match what.cells {
                Some(cells) => format!("{}, {cells} groups", what.kind),
                None => what.kind.clone(),
            },
            what.length.to_string(),
            what.bytes.short(),
            what.request.map_or_else(|| "-".to_owned(), |request| request.short()),
        ]
    });
    Ok(Report::new(format!("{}{end}", table(3, &names, &rows.collect::<Vec<_>>())), json))
}

/// Releases, budget and record against each other: an old copy of one of them shows.
fn check(home: &Home, outgoing: &OutgoingFile) -> Result<(), Failure> {
    home.check_budget(&BudgetFile::open(home)?)?;
    for record in outgoing.records().iter().filter(|record| record.what.kind == RELEASE) {
        let Some(request) = record.what.request else { continue };
        // A home made of an older backup lacks what left since; the record of that home lacks it too.
        if home.released(&request)?.is_none() {
            return Err(Failure::refused(format!(
                "record {} is about the release for the request {request}, which is not kept here: it was deleted, or an older \
                 copy of the releases was put back",
                record.number
            )));
        }
    }
    Ok(())
}
