//! Which answers could have counted the patient: from the ledger and the receipt alone.

use cohortium_protocol::commit::ConsentEpoch;
use cohortium_protocol::consent::{Days, History, Receipt, UseRequest};
use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::Timestamp;
use cohortium_protocol::table::ConsentColumn;
use serde::Serialize;

use super::report::ReceiptReport;
use super::verify::Holder;
use crate::ledger::{Asked, Question, State};

/// An answer over the patient's table, and whether it could have counted them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct CouldHave {
    /// The query.
    pub query: Digest,
    /// Its title.
    pub title: String,
    /// The study.
    pub study: String,
    /// Who asked.
    pub sponsor: String,
    /// When it was answered.
    pub answered: Timestamp,
    /// The table version.
    pub version: u32,
    /// The epoch's number.
    pub epoch: u32,
    /// The consent that it asked for.
    pub consent: String,
    /// Whether the patient was consenting: yes, no, or unknown from this receipt.
    pub consenting: Option<bool>,
    /// How that is known.
    pub because: &'static str,
}

/// The answers of the receipt's site over its table, in the order in which they were given.
///
/// Of the receipt's own epoch the opened flags tell. Of earlier ones the patient's events up to that epoch's cut-off tell what
/// the flags should have been, and not what they were; of later ones nothing does. Whether the patient *was* counted depends on what was asked, and takes an opening.
pub fn could_have_counted(
    state: &State,
    receipt: &Receipt,
    holder: &Holder,
    report: &ReceiptReport,
) -> Result<Vec<CouldHave>, String> {
    let (site, table) = (receipt.manifest.site(), receipt.manifest.table());
    let posted: &[_] = state.sites().get(site).map_or(&[], |site| &site.consents);
    let listed = posted.iter().map(|posted| &posted.batch).take(receipt.batches.len());
    if !listed.eq(receipt.batches.iter()) {
        return Err(format!("the export has other batches of consent events of {site:?} than the receipt"));
    }
    let mut answers = Vec::new();
    for question in state.queries().values() {
        let Some(asked) = question.sites.get(site) else { continue };
        let Some(released) = &asked.release else { continue };
        if asked.manifest.document.table() != table {
            continue;
        }
        answers.push((released.index, answer(receipt, holder, report, question, asked, released.time)));
    }
    answers.sort_by_key(|(index, _)| *index);
    Ok(answers.into_iter().map(|(_, answer)| answer).collect())
}

fn answer(
    receipt: &Receipt,
    holder: &Holder,
    report: &ReceiptReport,
    question: &Question,
    asked: &Asked,
    answered: Timestamp,
) -> CouldHave {
    let column = &question.request.document.query.consent;
    let (consenting, because) = consenting(receipt, holder, report, &asked.epoch.document, column);
    CouldHave {
        query: question.id,
        title: question.request.document.query.title.clone(),
        study: question.request.document.query.study.clone(),
        sponsor: question.sponsor.clone(),
        answered,
        version: asked.manifest.document.version(),
        epoch: asked.epoch.document.number(),
        consent: column.to_string(),
        consenting,
        because,
    }
}

fn consenting(
    receipt: &Receipt,
    holder: &Holder,
    report: &ReceiptReport,
    epoch: &ConsentEpoch,
    column: &ConsentColumn,
) -> (Option<bool>, &'static str) {
    let name = column.to_string();
    if epoch.digest() == receipt.epoch.digest() {
        let flag = report.flags.iter().find(|flag| flag.column == name);
        return (Some(flag.is_some_and(|flag| flag.consents)), "as the receipt shows");
    }
    let unknown = (None, "this receipt does not tell: ask for one of that epoch");
    let Some(record) = epoch.record().filter(|record| record.cutoff as usize <= receipt.batches.len()) else {
        return unknown;
    };
    let Some(days) = epoch.created().parse().ok().and_then(|first| Days::new(first, record.until).ok()) else {
        return unknown;
    };
    let site = receipt.manifest.site();
    let card = match holder {
        Holder::Card(secret) => Some(secret.signing_key(site).public()),
        Holder::Tag(_) => receipt.card,
    };
    let included = receipt.events.iter().filter(|one| one.posted.batch <= record.cutoff);
    let events = included.map(|one| (one.event.clone(), None));
    match (History::of(site, holder.tag(site), card, events), UseRequest::of_column(column, true, days)) {
        // What the hospital made of the events in that epoch, only that epoch's receipt shows.
        (Ok(history), Some(request)) => match history.covers(&request).is_covered() {
            true => (None, "your events said yes by then; ask for a receipt of that epoch"),
            false => (None, "your events said no by then: ask for a receipt of that epoch, to see that it was heeded"),
        },
        (Ok(_), None) => (Some(false), "no choice is ever about this purpose"),
        (Err(_), _) => unknown,
    }
}
