//! `consent receipt`: a patient's tag and flags at one row, and nothing else.

use std::collections::BTreeMap;

use cohortium_client::TransactionAnswer;
use cohortium_protocol::bundle::{Bundle, ColumnAtPoint};
use cohortium_protocol::commit::{ColumnCommitment, FoldedColumns, OpeningProof, SecretColumn};
use cohortium_protocol::consent::{Counted, PostedEvent, RECEIPT_FORMAT, Receipt};
use cohortium_protocol::field::F;
use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::{Inclusion, RegistrationEvidence, StatementContent, transaction_id};
use cohortium_protocol::query::ColumnId;
use cohortium_protocol::table::{Day, TAG_LIMBS, Tag, Tagger};
use rand::rngs::OsRng;
use serde_json::json;

use super::super::tag::identifier;
use super::link::Link;
use super::patients::active_version;
use crate::cli::{Failure, Outcome, ReceiptArgs, Report, Setting};
use crate::pipeline::{PipelineError, RegisteredSecret};
use crate::store::files::{self, Readers};
use crate::store::{Committed, CommittedEpoch, Home, Register, StoreError, TableFolder, Version};

/// How often the ledger is asked for two paths to one checkpoint.
const TRIES: usize = 10;

/// The table version and epoch that a receipt is over.
struct Over {
    version: Version,
    committed: Committed,
    epoch: CommittedEpoch,
    /// The answer that is asked about.
    bundle: Option<Bundle>,
}

pub(super) fn receipt(setting: &Setting, args: &ReceiptArgs) -> Outcome {
    let home = setting.open_patiently()?;
    let over = match &args.answer {
        None => active(&home, args.table.as_deref(), args.epoch)?,
        Some(request) => answered(&home, request)?,
    };
    let patient = identifier(&args.patient)?;
    let tagger = over.version.tagger(&home)?;
    let tag = tagger.tag(&patient);
    let table = over.version.table()?;
    let limbs = tag.limbs();
    let is_row = |row: &usize| table.tags().iter().zip(limbs).all(|(column, limb)| column[*row] == limb);
    let row = (0..table.rows()).find(is_row).ok_or_else(|| {
        let (name, number) = (&over.version.record().table, over.version.record().version);
        Failure::refused(format!("no patient of this identifier is in version {number} of table {name}"))
    })?;

    let (manifest, epoch) = (&over.committed.manifest, &over.epoch.epoch);
    let mut columns = over.committed.openable(&home, &over.version, &table, &|name| name.starts_with("tag."))?;
    columns.truncate(TAG_LIMBS);
    let mut ids: Vec<ColumnId> = (0..TAG_LIMBS).map(ColumnId::tag).collect();
    for flags in over.epoch.openable(&home, &|_| true)? {
        ids.push(ColumnId::epoch(&flags.name));
        columns.push(flags);
    }
    let point = Receipt::point(row as u64, manifest.layout().grid().variables());
    let context = Receipt::context(manifest, epoch, row as u64);
    let (values, opening) =
        open(&columns.iter().map(|one| (&one.secret, &one.commitment)).collect::<Vec<_>>(), &point, &context)?;
    let opened = ids.into_iter().zip(columns).zip(values).map(|((column, held), value)| {
        let RegisteredSecret { commitment, .. } = held;
        ColumnAtPoint { column, commitment, value }
    });
    let (batches, events) = events(&home, &over, &tag)?;
    let counted =
        over.bundle.as_ref().map(|bundle| counted(&home, bundle, (manifest.digest(), epoch.digest()), row as u64));
    let receipt = Receipt {
        format: RECEIPT_FORMAT.to_owned(),
        manifest: manifest.clone(),
        epoch: epoch.clone(),
        row: row as u64,
        columns: opened.collect(),
        opening,
        card: Some(card(&tagger, &patient)),
        batches,
        events,
        registered: evidence(&home, &over)?,
        counted: counted.transpose()?,
        signed: None,
    };
    let receipt = signed(&home, receipt, setting.today()?)?;
    let mut bytes = serde_json::to_vec(&receipt).map_err(Failure::cannot_tell)?;
    bytes.push(b'\n');
    files::write(&args.out, &bytes, Readers::Owner)?;
    let text = format!(
        "The receipt is in {}, {} bytes: version {} of table {}, consent epoch {}.\n\
         It proves to anybody who has it that the patient is in the table, and what they chose. Give it to the patient alone; it is \
         checked with cohortium-verifier receipt.\n",
        args.out.display(),
        bytes.len(),
        manifest.version(),
        manifest.table(),
        epoch.number()
    );
    let json = json!({
        "receipt": args.out, "bytes": bytes.len(), "version": manifest.version(), "table": manifest.table(),
        "epoch_number": epoch.number(), "events": receipt.events.len(), "batches": receipt.batches.len(),
    });
    Ok(Report::new(text, json))
}

/// Signed for the ledger, where there is one to sign for.
fn signed(home: &Home, receipt: Receipt, today: Day) -> Result<Receipt, Failure> {
    if receipt.epoch.record().is_none() {
        return Ok(receipt);
    }
    let joined = home.joined()?.ok_or(StoreError::NotJoined)?;
    let key = home.member_key()?.ok_or(StoreError::NoKey)?;
    Ok(receipt.sign(&joined.charter.ledger(), today, &key))
}

fn card(tagger: &Tagger, patient: &str) -> cohortium_protocol::ledger::PublicKey {
    tagger.secret(patient).signing_key(tagger.site()).public()
}

/// The active version, and its active epoch or an earlier one.
fn active(home: &Home, table: Option<&str>, epoch: Option<u32>) -> Result<Over, Failure> {
    let (tables, _) = active_version(home, table)?;
    let (version, committed, active) = tables.active()?;
    let number = epoch.unwrap_or(active);
    let epoch = version.epoch(number, &committed.manifest)?;
    Ok(Over { version, committed, epoch, bundle: None })
}

/// The version and epoch of an answer that left.
fn answered(home: &Home, request: &Digest) -> Result<Over, Failure> {
    let bytes = home.released(request)?;
    let bytes = bytes.ok_or_else(|| Failure::refused(format!("this site has not answered the request {request}")))?;
    let bundle = Bundle::parse(&bytes).map_err(Failure::cannot_tell)?;
    let tables = TableFolder::find(home, Some(bundle.manifest.table()))?;
    let version = tables.version(Some(bundle.manifest.version()))?;
    let committed = version.require_committed()?;
    let epoch = version.epoch(bundle.epoch.number(), &committed.manifest)?;
    if committed.manifest.digest() != bundle.manifest.digest() || epoch.epoch.digest() != bundle.epoch.digest() {
        return Err(Failure::cannot_tell(
            "the answer is over a table version or an epoch that this home does not have",
        ));
    }
    Ok(Over { version, committed, epoch, bundle: Some(bundle) })
}

/// Opens columns at a row.
fn open(
    columns: &[(&SecretColumn, &ColumnCommitment)],
    point: &[F],
    context: &Digest,
) -> Result<(Vec<F>, OpeningProof), Failure> {
    let secrets: Vec<&SecretColumn> = columns.iter().map(|(secret, _)| *secret).collect();
    let commitments: Vec<&ColumnCommitment> = columns.iter().map(|(_, commitment)| *commitment).collect();
    let folded = FoldedColumns::new(&secrets, point).map_err(PipelineError::from)?;
    let proof = folded.prove(context, &commitments, &mut OsRng).map_err(PipelineError::from)?;
    Ok((folded.values().to_vec(), proof))
}

/// The batches up to the epoch's cut-off, and the patient's events in them.
fn events(
    home: &Home,
    over: &Over,
    tag: &Tag,
) -> Result<(Vec<cohortium_protocol::ledger::Batch>, Vec<PostedEvent>), Failure> {
    let Some(record) = over.epoch.epoch.record() else { return Ok((Vec::new(), Vec::new())) };
    let register = Register::open(home)?;
    let mut batches = register.batches();
    batches.truncate(record.cutoff as usize);
    let history = register.posted_history(tag, record.cutoff)?;
    let mut events = Vec::new();
    for event in history.iter().flat_map(|history| history.events()) {
        if let Some(posted) = register.place(event)? {
            events.push(PostedEvent { event: event.clone(), posted });
        }
    }
    Ok((batches, events))
}

/// That table version and epoch stand on the ledger, under one checkpoint.
fn evidence(home: &Home, over: &Over) -> Result<Option<RegistrationEvidence>, Failure> {
    if over.epoch.epoch.record().is_none() {
        return Ok(None);
    }
    let mut link = Link::open(home)?;
    link.refresh(home)?;
    let (manifest, epoch) = (&over.committed.manifest, &over.epoch.epoch);
    let contents = [
        StatementContent::Manifest { manifest: manifest.digest(), schema: manifest.schema() },
        StatementContent::Epoch(epoch.digest()),
    ];
    let ids = contents.map(|content| transaction_id(link.trusted.ledger(), home.site(), &content.digest()));
    for _ in 0..TRIES {
        let mut found: BTreeMap<String, Vec<Inclusion>> = BTreeMap::new();
        for id in &ids {
            let answer = link.client().transaction(id)?;
            let verified = link.trusted.verified_transaction(id);
            link.checked(home, verified)?;
            let TransactionAnswer { index, transaction, inclusion, .. } = answer;
            let shown =
                Inclusion { member: transaction.member, signature: transaction.signature, index, path: inclusion.path };
            found.entry(inclusion.checkpoint).or_default().push(shown);
        }
        // A block may come in between; then both are asked for again.
        if let Some((checkpoint, both)) = found.into_iter().find(|(_, both)| both.len() == 2) {
            let mut both = both.into_iter();
            if let (Some(manifest), Some(epoch)) = (both.next(), both.next()) {
                return Ok(Some(RegistrationEvidence { checkpoint, manifest, epoch }));
            }
        }
    }
    Err(Failure::cannot_tell(
        "the ledger grows too fast to show two of its transactions under one checkpoint; try again",
    ))
}

/// The selection of an answer at the patient's row.
fn counted(home: &Home, bundle: &Bundle, (manifest, epoch): (Digest, Digest), row: u64) -> Result<Counted, Failure> {
    let request = bundle.request.digest();
    let secret = home.kept_selection(&request, bundle.manifest.layout())?;
    let selection = ColumnId::selection();
    let committed = bundle.proof.columns.iter().find(|column| column.column == selection);
    let committed = committed.ok_or_else(|| Failure::cannot_tell("the answer commits to no selection"))?;
    let proof = bundle.proof.digest();
    let context = Receipt::counted_context((&manifest, &epoch), row, &request, &proof);
    let point = Receipt::point(row, bundle.manifest.layout().grid().variables());
    let (values, opening) = open(&[(&secret, &committed.commitment)], &point, &context)?;
    Ok(Counted { request, proof, value: values.first().copied().unwrap_or_default(), opening })
}
