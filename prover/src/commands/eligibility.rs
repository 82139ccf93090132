//! `eligibility`: offers one patient to one study, without saying whom.
//!
//! The order is that of `prove`: everything that can refuse does so first, then the officer sees what will leave, then the opening
//! budget is charged, durably; only then is anything computed that could leave, and it is verified before it is written.

use std::fmt::Write as _;

use cohortium_keys::{KeyKind, ProvingKey};
use cohortium_protocol::commit::budget::Charge;
use cohortium_protocol::documents::{Approval, FILE_EXCHANGE};
use cohortium_protocol::eligibility::EligibilityFile;
use cohortium_protocol::field::to_hex;
use cohortium_protocol::hash::Digest;
use cohortium_protocol::policy::PolicyError;
use cohortium_protocol::query::{Query, Source};
use cohortium_protocol::table::{Day, Institution, Tag};
use cohortium_verifier::{ANCHORS_FORMAT, Anchors, AnchorsDocument, SiteAnchor};
use rand::rngs::OsRng;
use serde_json::json;

use super::prove::site::SiteDocuments;
use super::prove::{check_out, settle};
use super::public::pretty;
use super::tag::identifier;
use super::{keys, read};
use crate::cli::{EligibilityArgs, Failure, Outcome, Progress, Report, Setting};
use crate::faults::Stage;
use crate::pipeline::{OfferAsked, PlannedOffer, PreparedOffer, plan_offer, prepare_offer};
use crate::store::files::{self, Readers};
use crate::store::{Access, BudgetFile, ELIGIBILITY, Home, Leaving, OutgoingFile, Register};

/// Parts of the work, for the progress bar.
const PARTS: u64 = 1000;

pub(crate) fn run(setting: &Setting, args: &EligibilityArgs) -> Outcome {
    let home = setting.open(Access::Write)?;
    let query = read::document(&args.query, Query::parse)?;
    let approval = read::document(&args.approval, Approval::parse)?;
    check_out(&args.out)?;
    approval.covers(setting.today()?).map_err(Failure::refused)?;
    let patient = identifier(&args.patient)?;
    let floor = home.floor()?.ok_or(PolicyError::Absent { whose: "the site" }).map_err(Failure::refused)?;
    let mut budget = BudgetFile::open(&home)?;
    settle(setting, &home, &mut budget, args.claim.claim())?;
    home.check_budget(&budget)?;

    let ledger = home.joined()?.map_or_else(|| FILE_EXCHANGE.to_owned(), |joined| joined.charter.ledger());
    let documents = SiteDocuments::latest(&home, &query.table)?;
    let tag = documents.tagger(&home)?.tag(&patient);
    let agreement = agreement(&home, &approval, &tag, setting.today()?)?;
    let asked = OfferAsked { ledger: &ledger, query: &query, approval: &approval, agreement };
    let planned = plan_offer(asked, documents.documents(&floor))?;
    let charges = charges(&planned, &documents)?;
    let data = documents.load()?;
    let columns = data.openable_columns(&home, &planned.opened_columns())?;
    let site = data.site(&columns, &floor);
    let prepared = prepare_offer(planned, &site, &tag)?;

    let key = keys::proving_key(setting, *prepared.planned().shape())?;
    let purpose = prepared.planned().context(key.verifying().id());
    budget.check(approval.digest(), purpose, charges.clone())?;
    let text = preview(&prepared, agreement, &charges, &budget, &key);
    confirm(setting, args, &text)?;

    let anchors = own_anchors(&prepared, &approval, data.documents(), floor.digest(), &key)?;
    let charged = budget.charge(approval.digest(), purpose, charges)?;
    let number = charged.record().number;
    // Said now: should this process die, the note is made all the same.
    setting.console.note(&format!("Budget record {number} has the digest {}; note it elsewhere.", budget.head()));
    Stage::ProveCharged.pass();
    let bytes = pretty(&prove(&prepared, &key, &anchors)?);

    let what = Leaving {
        kind: ELIGIBILITY.into(),
        statement: None,
        request: None,
        bytes: Digest::of_bytes(&bytes),
        length: bytes.len() as u64,
        cells: None,
        ledger: None,
    };
    OutgoingFile::open(&home)?.record(what, setting.now())?;
    files::write_at(&args.out, &bytes, Readers::Anyone, Some(Stage::ProveOutHalfWritten))?;

    let nullifier = to_hex(&prepared.nullifier());
    let json = json!({
        "site": home.site(),
        "study": approval.study,
        "sponsor": approval.sponsor,
        "nullifier": nullifier,
        "agreement": agreement,
        "verifying_key": key.verifying().id(),
        "development_key": key.verifying().kind() == KeyKind::Development,
        "out": args.out,
        "bytes": bytes.len(),
        "budget_record": number,
        "budget_head": budget.head(),
    });
    let text = format!(
        "\nOffered in {} ({} bytes): proved and verified. The nullifier is {nullifier}.\n",
        args.out.display(),
        bytes.len()
    );
    Ok(Report::new(text, json))
}

/// The patient's agreement to be offered, by its salted hash: whoever has none cannot be offered.
fn agreement(home: &Home, approval: &Approval, tag: &Tag, today: Day) -> Result<Digest, Failure> {
    let sponsor: Institution = approval.sponsor.parse().map_err(Failure::refused)?;
    let found = Register::open(home)?.agreement(tag, &approval.study, &sponsor, today);
    found.ok_or_else(|| {
        Failure::refused(format!(
            "the patient has not agreed to be offered to the study {:?} of {:?}, or no longer does; an agreement is entered with \
             consent add, or consent record --agree",
            approval.study, approval.sponsor
        ))
    })
}

/// One point of every registered column that the plan uses, tags included.
fn charges(planned: &PlannedOffer<'_>, documents: &SiteDocuments) -> Result<Vec<Charge>, Failure> {
    let charge = |column: cohortium_protocol::query::ColumnId| match column.source {
        Source::Epoch => documents.epoch().charge(&column.name, 1),
        _ => documents.manifest().charge(&column.name, 1),
    };
    planned.opened_columns().into_iter().map(charge).collect::<Result<_, _>>().map_err(Failure::refused)
}

/// What the officer should see before saying yes. Not the patient: the screen may be seen.
fn preview(
    prepared: &PreparedOffer<'_>,
    agreement: Digest,
    charges: &[Charge],
    budget: &BudgetFile,
    key: &ProvingKey,
) -> String {
    let scope = prepared.planned().scope();
    let mut out = format!(
        "An offer to the study {} of {}, under the ledger {}\n\nThe sponsor will learn that {} has a patient who\n",
        scope.study, scope.sponsor, scope.ledger, scope.site
    );
    let plan = prepared.planned().plan();
    // Writing to a String cannot fail.
    for condition in &plan.conditions[..plan.conditions.len().saturating_sub(1)] {
        let _ = writeln!(out, "  - {}: {}", condition.role.name(), condition.text);
    }
    let _ = writeln!(out, "  which come together as: {}", plan.counted);
    let _ = writeln!(out, "and the nullifier {}, by which the patient is known", to_hex(&prepared.nullifier()));
    let _ = writeln!(out, "again in this study and in no other. Not who it is, and not how many others there are.");
    let _ = writeln!(out, "\nThe agreement is {agreement}.\n\nOpening budget");
    for charge in charges {
        let left = charge.limit.saturating_sub(budget.spent(&charge.commitment));
        let _ = writeln!(out, "  {}: {} of the {left} that are left", charge.column, charge.points);
    }
    if key.verifying().kind() == KeyKind::Development {
        out.push_str("\nDEVELOPMENT KEY: for trials only. Whoever made the key could forge such a proof.\n");
    }
    out
}

fn confirm(setting: &Setting, args: &EligibilityArgs, text: &str) -> Result<(), Failure> {
    setting.console.preview(text);
    if args.yes {
        return Ok(());
    }
    if !setting.console.has_person() {
        return Err(Failure::cannot_tell("nobody is at the terminal to confirm; look at it, then use --yes"));
    }
    if !setting.console.confirm("\nDid the patient agree, and shall this leave the hospital?") {
        return Err(Failure::refused("you did not confirm; nothing left, nothing was charged"));
    }
    Ok(())
}

/// The anchors of a sponsor who believes what this site believes.
fn own_anchors(
    prepared: &PreparedOffer<'_>,
    approval: &Approval,
    documents: &SiteDocuments,
    policy_floor: Digest,
    key: &ProvingKey,
) -> Result<Anchors, Failure> {
    let (manifest, epoch) = (documents.manifest(), documents.epoch());
    let site = SiteAnchor {
        site: manifest.site().to_owned(),
        manifest: manifest.digest(),
        epoch: epoch.digest(),
        policy_floor,
    };
    Anchors::check(AnchorsDocument {
        format: ANCHORS_FORMAT.to_owned(),
        ledger: prepared.planned().scope().ledger.clone(),
        accept_development_keys: true,
        verifying_keys: vec![key.verifying().to_document()],
        sites: vec![site],
        approvals: vec![approval.digest()],
        charter: None,
    })
    .map_err(Failure::refused)
}

fn prove(prepared: &PreparedOffer<'_>, key: &ProvingKey, anchors: &Anchors) -> Result<EligibilityFile, Failure> {
    let mut bar = Progress::new(PARTS);
    let file = prepared.prove(key, anchors, &mut OsRng, &mut |doing, done| {
        bar.at((done * PARTS as f64) as u64, doing);
    })?;
    let took = bar.end();
    eprintln!("Proved and verified in {:.1} seconds.", took.as_secs_f64());
    Ok(file)
}
