//! The consent events of a receipt: that all are there, what they come to, and what the flags should be.

use cohortium_protocol::consent::{Acknowledgement, Days, Event, History, HistoryError, Receipt, UseRequest};
use cohortium_protocol::ledger::{Charter, PublicKey, events_root};
use cohortium_protocol::table::{ConsentColumn, Day, Tag};

use super::clause::{ReceiptClause, ReceiptError};
use super::report::{FlagLine, Violation};
use crate::anchors::Anchors;
use crate::rules::Rules;

/// Whose events they have to be.
#[derive(Clone, Copy)]
pub(super) struct Whose {
    /// The tag.
    pub(super) tag: Tag,
    /// The key that follows from the card, where it is known.
    pub(super) card: Option<PublicKey>,
}

/// The batches are all that the epoch includes.
pub(super) fn batches(rules: &Rules<ReceiptClause>, receipt: &Receipt) -> Result<(), ReceiptError> {
    let found = receipt.batches.len();
    let same = match receipt.epoch.record() {
        None => found == 0,
        Some(record) => {
            let numbered = (1..).zip(&receipt.batches).all(|(number, batch)| batch.number == number);
            numbered && record.cutoff as usize == found && events_root(&receipt.batches) == record.events
        }
    };
    if same || !rules.has(ReceiptClause::Batches) { Ok(()) } else { Err(ReceiptError::Batches { found }) }
}

/// The patient's history up to the cut-off: the receipt's events, and acknowledged ones that it leaves out. Nothing without a
/// record of events, or without a charter: then nobody can tell whether the events are all that the hospital has.
pub(super) fn history(
    rules: &Rules<ReceiptClause>,
    receipt: &Receipt,
    whose: Whose,
    acknowledged: &[Acknowledgement],
    anchors: &Anchors,
    violations: &mut Vec<Violation>,
) -> Result<Option<History>, ReceiptError> {
    if receipt.epoch.record().is_none() {
        return Ok(None);
    }
    for one in receipt.events.iter().filter(|_| rules.has(ReceiptClause::Posted)) {
        let number = one.event.number();
        one.posted.check(&one.event, &receipt.batches).map_err(|source| ReceiptError::Posted { number, source })?;
    }
    let Whose { tag, card } = whose;
    if anchors.charter().is_none() {
        acknowledged.iter().try_for_each(|one| missing(receipt, tag, one, anchors).map(drop))?;
        return Ok(None);
    }
    let of = |events: &[Event]| {
        let events = events.iter().map(|event| (event.clone(), None));
        History::of(receipt.manifest.site(), tag, card, events)
    };
    let mut events: Vec<Event> = receipt.events.iter().map(|one| one.event.clone()).collect();
    let shown = match of(&events) {
        Ok(shown) => shown,
        Err(error) if rules.has(ReceiptClause::History) => return Err(error.into()),
        Err(_) => return Ok(None),
    };
    let shown_events = events.len();
    if rules.has(ReceiptClause::Acknowledged) {
        for one in acknowledged {
            let Some(violation) = missing(receipt, tag, one, anchors)? else { continue };
            // What is not posted is no part of what the epoch had to include.
            if matches!(violation, Violation::Ignored { .. }) && !events.contains(&one.event) {
                events.push(one.event.clone());
            }
            if !violations.contains(&violation) {
                violations.push(violation);
            }
        }
    }
    if events.len() == shown_events {
        return Ok(Some(shown));
    }
    match of(&events) {
        Ok(whole) => Ok(Some(whole)),
        Err(error) => {
            if let HistoryError::Conflict { number, .. } = error {
                violations.push(Violation::Replaced { number });
            }
            // As the hospital has it: more cannot be told, where others that it left out are not at hand.
            Ok(Some(shown))
        }
    }
}

/// Whether an acknowledged event is missing in a receipt where it has to be.
fn missing(
    receipt: &Receipt,
    tag: Tag,
    one: &Acknowledgement,
    anchors: &Anchors,
) -> Result<Option<Violation>, ReceiptError> {
    let (event, number) = (&one.event, one.event.number());
    let refuse = |reason: String| Err(ReceiptError::Acknowledgement { number, reason });
    if event.site() != receipt.manifest.site() || *event.tag() != tag {
        return refuse("it is about another patient, or of another hospital".to_owned());
    }
    let Some(charter) = anchors.charter() else {
        return refuse("without a ledger's charter nobody can tell the hospital's signature".to_owned());
    };
    if one.ledger != charter.ledger() {
        return refuse(format!("it is for the ledger {:?}", one.ledger));
    }
    let site = charter.member(event.site());
    let Some(site) = site else { return refuse(format!("the charter names no {:?}", event.site())) };
    one.check(&site.key).map_err(|error| ReceiptError::signature(number, &error))?;
    if receipt.events.iter().any(|there| there.event == *event) {
        return Ok(None);
    }
    let cutoff = receipt.batches.len() as u32;
    // A place that is none is as good as no place: the hospital does not sign it, and a false one must not save it.
    if let Some(posted) = one.posted.as_ref().filter(|posted| posted.check(event, &receipt.batches).is_ok()) {
        return Ok(Some(Violation::Ignored { event: event.words(), batch: posted.batch, cutoff }));
    }
    // Two intervals to post it in, and a day for the day's end.
    let days = 1 + (2 * charter.consent_rules().batch_seconds).div_ceil(86_400);
    let due = u64::from(one.taken.days()) + days;
    let late = posted_from(receipt, charter).is_some_and(|day| u64::from(day.days()) > due);
    Ok(late.then(|| Violation::HeldBack { event: event.words(), taken: one.taken }))
}

/// The earliest day on which the epoch can have been posted: its date, which the hospital chose; and whatever that is, the
/// ledger takes no epoch that may be queried for longer than the charter's days.
fn posted_from(receipt: &Receipt, charter: &Charter) -> Option<Day> {
    let created: Day = receipt.epoch.created().parse().ok()?;
    let days = u16::try_from(charter.consent_rules().epoch_days).unwrap_or(u16::MAX);
    let least = receipt.epoch.record().map_or(0, |record| record.until.days().saturating_sub(days));
    Some(created.max(Day::from_days(least).unwrap_or(created)))
}

/// The flags beside what the events say they should be.
pub(super) fn compared(
    rules: &Rules<ReceiptClause>,
    receipt: &Receipt,
    flags: Vec<(ConsentColumn, bool)>,
    history: Option<&History>,
    violations: &mut Vec<Violation>,
) -> Result<Vec<FlagLine>, ReceiptError> {
    let mut days = None;
    if let Some(record) = receipt.epoch.record() {
        let first = receipt.epoch.created().parse().ok();
        days = first.and_then(|first| Days::new(first, record.until).ok());
        // Or whoever dates an epoch after its end is held to nothing.
        if days.is_none() && rules.has(ReceiptClause::Expected) {
            let (created, until) = (receipt.epoch.created().to_owned(), record.until);
            return Err(ReceiptError::Days { created, until });
        }
    }
    let mut lines = Vec::with_capacity(flags.len());
    for (column, consents) in flags {
        let said = history.zip(days).map(|(history, days)| match UseRequest::of_column(&column, true, days) {
            Some(request) => {
                let coverage = history.covers(&request);
                (coverage.is_covered(), coverage.words())
            }
            None => (false, "no choice is ever about this purpose".to_owned()),
        });
        let (expected, because) = match said {
            Some((expected, because)) => (Some(expected), because),
            None => (None, "no record of events to compare with".to_owned()),
        };
        if consents && expected == Some(false) && rules.has(ReceiptClause::Expected) {
            let (column, because) = (column.to_string(), because.clone());
            violations.push(Violation::CountedAgainstWill { column, because });
        }
        lines.push(FlagLine { column: column.to_string(), consents, expected, because });
    }
    Ok(lines)
}
