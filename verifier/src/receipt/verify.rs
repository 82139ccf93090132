//! Checking a receipt.

use cohortium_protocol::bundle::Bundle;
use cohortium_protocol::commit::{CommittedColumn, OpenedColumn, OpeningError, OpeningStatement};
use cohortium_protocol::consent::{Acknowledgement, Counted, Receipt};
use cohortium_protocol::field::F;
use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::{Checkpoint, PublicKey};
use cohortium_protocol::query::{ColumnId, Source};
use cohortium_protocol::table::{ConsentColumn, PatientSecret, TAG_LIMBS, Tag};

use super::clause::{ReceiptClause, ReceiptError};
use super::events::{Whose, batches, compared, history};
use super::report::{CountedIn, Held, ReceiptReport};
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
    check_with(&rules, receipt, anchors, holder, acknowledged, bundle)
}

pub(super) fn check_with(
    rules: &Rules<ReceiptClause>,
    receipt: &Receipt,
    anchors: &Anchors,
    holder: &Holder,
    acknowledged: &[Acknowledgement],
    bundle: Option<&Bundle>,
) -> Result<ReceiptReport, ReceiptError> {
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
    if rules.has(ReceiptClause::Signed) {
        signed(receipt, anchors)?;
    }
    batches(rules, receipt)?;
    let mut violations = Vec::new();
    let whose = Whose { tag, card: holder.card(manifest.site()).or(receipt.card) };
    let history = history(rules, receipt, whose, acknowledged, anchors, &mut violations)?;
    let flags = compared(rules, receipt, flags, history.as_ref(), &mut violations)?;
    let counted = counted(rules, receipt, bundle)?;
    let events = receipt.events.iter().map(|one| Held { event: one.event.words(), batch: Some(one.posted.batch) });
    Ok(ReceiptReport {
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
    })
}

/// The hospital signed the receipt, where there is a record of events: a list of events that anybody may shorten would accuse
/// a hospital that did what it should.
fn signed(receipt: &Receipt, anchors: &Anchors) -> Result<(), ReceiptError> {
    let (Some(charter), Some(_)) = (anchors.charter(), receipt.epoch.record()) else { return Ok(()) };
    let site = receipt.manifest.site();
    let refuse = |reason: String| Err(ReceiptError::Signature { site: site.to_owned(), reason });
    let Some(member) = charter.member(site) else { return refuse("the charter names no such member".to_owned()) };
    match receipt.check_signature(&charter.ledger(), &member.key) {
        None => refuse("it bears no signature".to_owned()),
        Some(Err(error)) => refuse(error.to_string()),
        Some(Ok(())) => Ok(()),
    }
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
    if rules.has(ReceiptClause::Selection) {
        let shown = check_opening(receipt, context, &[(&committed.commitment, *value)], opening);
        shown.map_err(|source| ReceiptError::Opening { what: "the selection", source })?;
    }
    let (no, yes) = (F::from(0u64), F::from(1u64));
    if *value != no && *value != yes && rules.has(ReceiptClause::Selected) {
        return refuse("the selection is neither 0 nor 1");
    }
    let (request, title) = (*request, bundle.request.query.title.clone());
    Ok(Some(CountedIn { request, title, counted: *value == yes }))
}
