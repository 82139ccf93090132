//! Checking a receipt.

use cohortium_protocol::bundle::Bundle;
use cohortium_protocol::commit::{CommittedColumn, OpenedColumn, OpeningError, OpeningStatement};
use cohortium_protocol::consent::{Acknowledgement, Counted, Days, Event, History, HistoryError, Receipt, UseRequest};
use cohortium_protocol::field::F;
use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::{Checkpoint, PublicKey, events_root};
use cohortium_protocol::query::{ColumnId, Source};
use cohortium_protocol::table::{ConsentColumn, Day, PatientSecret, TAG_LIMBS, Tag};
use serde::Serialize;

use super::clause::{ReceiptClause, ReceiptError};
use crate::anchors::Anchors;
use crate::ledger::check_registration;
use crate::rules::Rules;

/// What the patient, or whoever checks for them, has of their own.
pub enum Holder {
    /// The patient's card.
    Card(PatientSecret),
    /// The patient's tag, where the card is not at hand.
    Tag(Tag),
}

impl Holder {
    /// The holder's tag at a site.
    pub fn tag(&self, site: &str) -> Tag {
        match self {
            Self::Card(secret) => secret.tag(site),
            Self::Tag(tag) => *tag,
        }
    }

    fn card(&self, site: &str) -> Option<PublicKey> {
        match self {
            Self::Card(secret) => Some(secret.signing_key(site).public()),
            Self::Tag(_) => None,
        }
    }
}

/// One consent flag: what it is, and what the events say it should be.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct FlagLine {
    /// The purpose and kind of sponsor.
    pub column: String,
    /// What the epoch says.
    pub consents: bool,
    /// What the patient's events say; nothing where there is no record of events.
    pub expected: Option<bool>,
    /// Why.
    pub because: String,
}

/// A word that a hospital did not keep.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Violation {
    /// The epoch says yes where the patient said no, or nothing.
    CountedAgainstWill {
        /// The column.
        column: String,
        /// Why it should be no.
        because: String,
    },
    /// An event stands on the ledger before the epoch, and the hospital's receipt leaves it out.
    Ignored {
        /// The event in words.
        event: String,
        /// The batch in which it stands.
        batch: u32,
        /// The last batch that the epoch includes.
        cutoff: u32,
    },
    /// An event was taken in long before the epoch, and was not posted.
    HeldBack {
        /// The event in words.
        event: String,
        /// When it was taken in.
        taken: Day,
    },
    /// Two different events of one number stand on the ledger.
    Replaced {
        /// The number.
        number: u32,
    },
}

/// What the patient said and what is known of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Held {
    /// The event in words.
    pub event: String,
    /// The batch in which it stands, once it does.
    pub batch: Option<u32>,
}

/// Whether the patient was counted in an answer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct CountedIn {
    /// The request.
    pub request: Digest,
    /// The question's title.
    pub title: String,
    /// Whether.
    pub counted: bool,
}

/// What a receipt shows.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ReceiptReport {
    /// The site.
    pub site: String,
    /// The table.
    pub table: String,
    /// The table version.
    pub version: u32,
    /// The epoch's number.
    pub epoch: u32,
    /// When the epoch was made.
    pub created: String,
    /// Until when queries may pin it; nothing without a ledger.
    pub until: Option<Day>,
    /// The checkpoint of the ledger: how many transactions, and when; nothing without a ledger.
    pub checkpoint: Option<String>,
    /// The row.
    pub row: u64,
    /// The flags.
    pub flags: Vec<FlagLine>,
    /// The events.
    pub events: Vec<Held>,
    /// What the hospital did not keep.
    pub violations: Vec<Violation>,
    /// Whether the patient was counted, where it was asked.
    pub counted: Option<CountedIn>,
}

impl ReceiptReport {
    /// Whether the epoch is what the patient's events say: neither a violation nor a yes that was taken for a no.
    pub fn holds(&self) -> bool {
        let as_expected = |flag: &FlagLine| flag.expected.is_none_or(|expected| expected == flag.consents);
        self.violations.is_empty() && self.flags.iter().all(as_expected)
    }

    /// Whether there is a record of events to compare with.
    pub fn has_record(&self) -> bool {
        self.flags.iter().all(|flag| flag.expected.is_some())
    }
}

/// A receipt's parts that were checked, for what else is asked of it.
pub(super) struct Checked {
    pub(super) report: ReceiptReport,
}

/// Checks a receipt against what the patient holds and the anchors say.
///
/// # Errors
/// The first clause that does not hold. A violation is no error: it is what a receipt that holds shows.
pub fn check_receipt(
    receipt: &Receipt,
    anchors: &Anchors,
    holder: &Holder,
    acknowledged: &[Acknowledgement],
    bundle: Option<&Bundle>,
) -> Result<ReceiptReport, ReceiptError> {
    let rules = Rules::default();
    check_with(&rules, receipt, anchors, holder, acknowledged, bundle).map(|checked| checked.report)
}

pub(super) fn check_with(
    rules: &Rules<ReceiptClause>,
    receipt: &Receipt,
    anchors: &Anchors,
    holder: &Holder,
    acknowledged: &[Acknowledgement],
    bundle: Option<&Bundle>,
) -> Result<Checked, ReceiptError> {
    let Receipt { manifest, epoch, row, .. } = receipt;
    let checkpoint = if rules.has(ReceiptClause::Registered) { registered(receipt, anchors)? } else { None };
    if rules.has(ReceiptClause::OfManifest) {
        epoch.check_manifest(manifest)?;
    }
    let last = (manifest.declared_rows() as u64).saturating_sub(1);
    if *row > last && rules.has(ReceiptClause::Row) {
        return Err(ReceiptError::Row { found: *row, last });
    }
    opened(rules, receipt)?;
    let tag = holder.tag(manifest.site());
    if rules.has(ReceiptClause::Tag) && !is_tag(receipt, &tag) {
        return Err(ReceiptError::Tag);
    }
    let flags = flags(rules, receipt)?;
    batches(rules, receipt)?;
    let mut violations = Vec::new();
    let history = history(rules, receipt, (holder, tag), acknowledged, anchors, &mut violations)?;
    let flags = compared(rules, receipt, flags, history.as_ref(), &mut violations);
    let counted = counted(rules, receipt, bundle)?;
    let events = receipt.events.iter().map(|one| Held { event: one.event.words(), batch: Some(one.posted.batch) });
    let report = ReceiptReport {
        site: manifest.site().to_owned(),
        table: manifest.table().to_owned(),
        version: manifest.version(),
        epoch: epoch.number(),
        created: epoch.created().to_owned(),
        until: epoch.record().map(|record| record.until),
        checkpoint: checkpoint.map(|seen| format!("{} transactions at {}", seen.size, seen.time)),
        row: *row,
        flags,
        events: events.collect(),
        violations,
        counted,
    };
    Ok(Checked { report })
}

/// Table version and epoch are on the ledger, or named by the anchors.
fn registered(receipt: &Receipt, anchors: &Anchors) -> Result<Option<Checkpoint>, ReceiptError> {
    let Receipt { manifest, epoch, .. } = receipt;
    if let Some(charter) = anchors.charter() {
        let evidence = receipt.registered.as_ref().ok_or(ReceiptError::NoEvidence)?;
        return Ok(Some(check_registration((manifest, epoch), evidence, charter)?));
    }
    let site = manifest.site();
    let anchor = anchors.site(site).ok_or_else(|| ReceiptError::NoAnchor { site: site.to_owned() })?;
    for (what, found, required) in
        [("table version", manifest.digest(), anchor.manifest), ("consent epoch", epoch.digest(), anchor.epoch)]
    {
        if found != required {
            return Err(ReceiptError::Registered { what, found, required });
        }
    }
    Ok(None)
}

/// The columns that a receipt opens, in order.
fn required_columns(receipt: &Receipt) -> Vec<ColumnId> {
    let tags = (0..TAG_LIMBS).map(ColumnId::tag);
    tags.chain(receipt.epoch.columns().iter().map(|column| ColumnId::epoch(&column.name))).collect()
}

/// The opened values are those of the registered commitments at the row.
fn opened(rules: &Rules<ReceiptClause>, receipt: &Receipt) -> Result<(), ReceiptError> {
    let Receipt { manifest, epoch, row, columns, opening, .. } = receipt;
    let required = required_columns(receipt);
    if rules.has(ReceiptClause::Columns) {
        for place in 0..columns.len().max(required.len()) {
            let name = |column: Option<&ColumnId>| column.map_or_else(|| "nothing".to_owned(), ToString::to_string);
            let (found, should) = (columns.get(place).map(|opened| &opened.column), required.get(place));
            if found != should {
                return Err(ReceiptError::Columns { place, found: name(found), required: name(should) });
            }
        }
    }
    for opened in columns {
        let given = CommittedColumn { name: opened.column.name.clone(), points: opened.commitment.clone() };
        if rules.has(ReceiptClause::Points) {
            match opened.column.source {
                Source::Epoch => epoch.check_points(&given)?,
                Source::Manifest | Source::Query => manifest.check_points(&given)?,
            }
        }
    }
    let context = Receipt::context(manifest, epoch, *row);
    let columns = columns.iter().map(|opened| (&opened.commitment, opened.value)).collect::<Vec<_>>();
    if rules.has(ReceiptClause::Opening) {
        let shown = check_opening(receipt, context, &columns, opening);
        shown.map_err(|source| ReceiptError::Opening { what: "tag and flags", source })?;
    }
    Ok(())
}

fn check_opening(
    receipt: &Receipt,
    context: Digest,
    columns: &[(&cohortium_protocol::commit::ColumnCommitment, F)],
    opening: &cohortium_protocol::commit::OpeningProof,
) -> Result<(), OpeningError> {
    let grid = receipt.manifest.layout().grid();
    let point = Receipt::point(receipt.row, grid.variables());
    let columns = columns.iter().map(|(commitment, value)| OpenedColumn { commitment, value: *value }).collect();
    OpeningStatement { context, grid, point: &point, columns }.verify(opening)
}

fn is_tag(receipt: &Receipt, tag: &Tag) -> bool {
    let limbs = tag.limbs().map(F::from);
    receipt.columns.iter().take(TAG_LIMBS).map(|opened| opened.value).eq(limbs)
}

/// The flags by column; each is 0 or 1.
fn flags(rules: &Rules<ReceiptClause>, receipt: &Receipt) -> Result<Vec<(ConsentColumn, bool)>, ReceiptError> {
    let mut flags = Vec::new();
    for opened in receipt.columns.iter().skip(TAG_LIMBS) {
        let name = &opened.column.name;
        let column: ConsentColumn = name.parse().map_err(cohortium_protocol::commit::RegistryError::from)?;
        let (no, yes) = (F::from(0u64), F::from(1u64));
        if opened.value != no && opened.value != yes && rules.has(ReceiptClause::Flags) {
            return Err(ReceiptError::Flag { column: name.clone() });
        }
        flags.push((column, opened.value != no));
    }
    Ok(flags)
}

/// The batches are all that the epoch includes.
fn batches(rules: &Rules<ReceiptClause>, receipt: &Receipt) -> Result<(), ReceiptError> {
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

/// The patient's history up to the cut-off: the receipt's events, and acknowledged ones that it leaves out.
fn history(
    rules: &Rules<ReceiptClause>,
    receipt: &Receipt,
    (holder, tag): (&Holder, Tag),
    acknowledged: &[Acknowledgement],
    anchors: &Anchors,
    violations: &mut Vec<Violation>,
) -> Result<Option<History>, ReceiptError> {
    let Some(record) = receipt.epoch.record() else { return Ok(None) };
    for one in &receipt.events {
        if rules.has(ReceiptClause::Posted) {
            let number = one.event.number();
            one.posted.check(&one.event, &receipt.batches).map_err(|source| ReceiptError::Posted { number, source })?;
        }
    }
    let mut events: Vec<Event> = receipt.events.iter().map(|one| one.event.clone()).collect();
    if rules.has(ReceiptClause::Acknowledged) {
        for one in acknowledged {
            let missing = missing(receipt, (tag, one), anchors)?;
            if let (Some(violation), posted) = (missing, one.posted.is_some()) {
                violations.push(violation);
                // What is not posted is no part of what the epoch had to include.
                if posted {
                    events.push(one.event.clone());
                }
            }
        }
    }
    let site = receipt.manifest.site();
    let card = holder.card(site).or(receipt.card);
    let history = History::of(site, tag, card, events.into_iter().map(|event| (event, None)));
    match history {
        Ok(history) => Ok(Some(history)),
        Err(HistoryError::Conflict { number, .. }) => {
            violations.push(Violation::Replaced { number });
            // As the hospital has it: that alone is compared with the flags.
            let events = receipt.events.iter().map(|one| (one.event.clone(), None));
            Ok(Some(History::of(site, tag, card, events)?))
        }
        Err(error) if rules.has(ReceiptClause::History) => Err(error.into()),
        Err(_) => Ok(None),
    }
    .inspect(|_| debug_assert_eq!(record.cutoff as usize, receipt.batches.len()))
}

/// Whether an acknowledged event is missing in a receipt where it has to be.
fn missing(
    receipt: &Receipt,
    (tag, one): (Tag, &Acknowledgement),
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
    match &one.posted {
        Some(posted) if posted.batch <= cutoff => {
            posted.check(event, &receipt.batches).map_err(|source| ReceiptError::Posted { number, source })?;
            Ok(Some(Violation::Ignored { event: event.words(), batch: posted.batch, cutoff }))
        }
        // Posted after the epoch: the next one has to have it.
        Some(_) => Ok(None),
        None => {
            // Two intervals to post it in, and a day for the day's end.
            let days = 1 + (2 * charter.consent_rules().batch_seconds).div_ceil(86_400);
            let due = u64::from(one.taken.days()) + days;
            let created: Option<Day> = receipt.epoch.created().parse().ok();
            let late = created.is_some_and(|created| u64::from(created.days()) > due);
            Ok(late.then(|| Violation::HeldBack { event: event.words(), taken: one.taken }))
        }
    }
}

/// The flags beside what the events say they should be.
fn compared(
    rules: &Rules<ReceiptClause>,
    receipt: &Receipt,
    flags: Vec<(ConsentColumn, bool)>,
    history: Option<&History>,
    violations: &mut Vec<Violation>,
) -> Vec<FlagLine> {
    let days = receipt.epoch.record().and_then(|record| {
        let first = receipt.epoch.created().parse().ok()?;
        Days::new(first, record.until).ok()
    });
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
            None => (None, "there is no record of events".to_owned()),
        };
        if consents && expected == Some(false) && rules.has(ReceiptClause::Expected) {
            let (column, because) = (column.to_string(), because.clone());
            violations.push(Violation::CountedAgainstWill { column, because });
        }
        lines.push(FlagLine { column: column.to_string(), consents, expected, because });
    }
    lines
}

/// Whether the patient was counted in the answer of a bundle.
fn counted(
    rules: &Rules<ReceiptClause>,
    receipt: &Receipt,
    bundle: Option<&Bundle>,
) -> Result<Option<CountedIn>, ReceiptError> {
    let Some(bundle) = bundle else { return Ok(None) };
    let refuse = |reason: &str| Err(ReceiptError::Counted { reason: reason.to_owned() });
    let Some(Counted { request, proof, value, opening }) = &receipt.counted else {
        return refuse("the receipt says nothing about an answer");
    };
    let (manifest, epoch) = (receipt.manifest.digest(), receipt.epoch.digest());
    let of_answer = *request == bundle.request.digest() && *proof == bundle.proof.digest();
    let of_epoch = bundle.manifest.digest() == manifest && bundle.epoch.digest() == epoch;
    if !(of_answer && of_epoch) && rules.has(ReceiptClause::Counted) {
        return refuse(
            "the receipt is about another answer, or about another table version or epoch than the answer's",
        );
    }
    let selection = ColumnId::selection();
    let Some(committed) = bundle.proof.columns.iter().find(|column| column.column == selection) else {
        return refuse("the answer commits to no selection");
    };
    let context = Receipt::counted_context((&manifest, &epoch), receipt.row, request, proof);
    let shown = check_opening(receipt, context, &[(&committed.commitment, *value)], opening);
    shown.map_err(|source| ReceiptError::Opening { what: "the selection", source })?;
    let (no, yes) = (F::from(0u64), F::from(1u64));
    if *value != no && *value != yes {
        return refuse("the selection is neither 0 nor 1");
    }
    let (request, title) = (*request, bundle.request.query.title.clone());
    Ok(Some(CountedIn { request, title, counted: *value == yes }))
}
