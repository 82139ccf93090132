//! `prove`: from a request to a release.
//!
//! The order is the point. Everything that can refuse does so first. Then the officer sees what will leave. Then the
//! opening budget is charged, durably; only then is anything computed that could leave. The release is verified, then kept, then
//! handed out: from the moment it is kept, the same request gets the same bytes, and nothing else.

mod caps;
mod estimate;
mod preview;
mod site;

use std::path::Path;

use cohortium_keys::read_verifying;
use cohortium_keys::{KeyCache, KeyKind, ProvingKey};
use cohortium_protocol::bundle::Bundle;
use cohortium_protocol::commit::budget::Charge;
use cohortium_protocol::documents::{Approval, FILE_EXCHANGE, Request};
use cohortium_protocol::hash::Digest;
use cohortium_protocol::policy::PolicyError;
use cohortium_protocol::query::Source;
use cohortium_verifier::{ANCHORS_FORMAT, Anchors, AnchorsDocument, SiteAnchor};
use rand::rngs::OsRng;
use serde_json::json;

use self::caps::Caps;
use self::estimate::Estimate;
use self::preview::Preview;
use self::site::SiteData;
use super::public::pretty;
use super::{keys, read};
use crate::cli::{Failure, Outcome, Progress, ProveArgs, Report, Setting};
use crate::faults::Stage;
use crate::pipeline::{PipelineError, Prepared, prepare};
use crate::store::files::{self, Readers};
use crate::store::{Access, BudgetFile, Home, ReleaseRecord};

/// Parts of the work, for the progress bar.
const PARTS: u64 = 1000;
/// From here on the pipeline checks the finished bundle.
const SELF_CHECK: f64 = 0.97;

pub(crate) fn run(setting: &Setting, args: &ProveArgs) -> Outcome {
    let home = setting.open(if args.dry_run { Access::Read } else { Access::Write })?;
    let request = read::document(&args.request, Request::parse)?;
    if let Some(out) = &args.out {
        check_out(out)?;
    }
    if let Some(bundle) = home.released(&request.digest())? {
        return again(setting, &home, &request, args, &bundle);
    }
    let approval = read::document(&args.approval, Approval::parse)?;
    if request.ledger != FILE_EXCHANGE {
        let sentence =
            format!("the request is of ledger {:?}; this version answers those of {FILE_EXCHANGE:?}", request.ledger);
        return Err(Failure::refused(sentence));
    }
    approval.covers(setting.today()?).map_err(Failure::refused)?;

    let floor = home.floor()?.ok_or(PolicyError::Absent { whose: "the site" })?;
    let data = SiteData::find(&home, &request)?;
    let columns = data.openable(&home, &request, &approval)?;
    let site = data.site(&columns, &floor);
    let prepared = prepare(&request, &approval, &site)?;
    let mut budget = BudgetFile::open(&home)?;
    home.check_budget(&budget)?;
    let charges = charges(&prepared, &data)?;
    budget.check(approval.digest(), request.digest(), charges.clone())?;
    let caps = Caps::count(&home, &budget, &prepared, approval.digest())?;
    caps.check()?;
    let development_key = check_key(setting, &prepared, &request, home.site())? == KeyKind::Development;

    let preview = Preview {
        home: &home,
        request: &request,
        approval: &approval,
        data: &data,
        prepared: &prepared,
        charges: &charges,
        budget: &budget,
        caps: &caps,
        development_key,
        estimate: Estimate::of(&prepared),
    };
    let mut json = preview.json();
    if args.dry_run {
        json["dry_run"] = true.into();
        let text = format!("{}\nThis was a dry run: nothing left, nothing was charged.\n", preview.text()?);
        return Ok(Report::new(text, json));
    }
    let out =
        args.out.as_deref().ok_or_else(|| Failure::cannot_tell("where should the bundle go? Name it with --out"))?;
    setting.console.preview(&preview.text()?);
    if !args.yes {
        if !setting.console.has_person() {
            return Err(Failure::cannot_tell("nobody is at the terminal to confirm; look at it, then use --yes"));
        }
        if !setting.console.confirm("\nShall this leave the hospital?") {
            return Err(Failure::refused("you did not confirm; nothing left, nothing was charged"));
        }
    }
    let key = keys::proving_key(setting, *prepared.shape())?;
    let anchors = own_anchors(&request, &approval, &data, &floor.digest(), &key)?;

    let charged = budget.charge(approval.digest(), request.digest(), charges.clone())?;
    Stage::ProveCharged.pass();
    let bundle = prove(&prepared, &key, &anchors)?;
    Stage::ProveVerified.pass();

    let bytes = pretty(&bundle);
    let record = ReleaseRecord::new(
        request.digest(),
        approval.digest(),
        request.query.title.clone(),
        (data.table_name().to_owned(), data.manifest().version(), data.epoch().number()),
        setting.today()?,
        (charged.record().number, charged.record().digest),
    );
    home.keep_release(&record, &bytes)?;
    Stage::ProveKept.pass();
    hand_out(out, &bytes)?;

    json["out"] = json!(out);
    json["again"] = false.into();
    json["bundle_bytes"] = bytes.len().into();
    json["budget_head"] = json!(budget.head());
    let text = format!(
        "\nReleased to {} ({} bytes): proved, verified, and kept under {}.\n\
         Budget record {} has the digest {}; note it elsewhere.\n",
        out.display(),
        bytes.len(),
        request.digest(),
        record.budget_record,
        budget.head()
    );
    Ok(Report::new(text, json))
}

/// The bytes that were released for this request before.
fn again(setting: &Setting, home: &Home, request: &Request, args: &ProveArgs, bundle: &[u8]) -> Outcome {
    let digest = request.digest();
    let development_key = was_development_key(setting, request, home.site());
    let mut json = json!({ "site": home.site(), "request": digest, "again": true, "development_key": development_key });
    let mut text =
        format!("Request {digest} was answered before; the answer stays the same, and nothing is charged.\n");
    if development_key {
        text.push_str(preview::DEVELOPMENT_KEY);
    }
    if let Some(out) = args.out.as_deref().filter(|_| !args.dry_run) {
        hand_out(out, bundle)?;
        text.push_str(&format!("The same bytes are in {}.\n", out.display()));
        json["out"] = json!(out);
        json["bundle_bytes"] = bundle.len().into();
    }
    Ok(Report::new(text, json))
}

/// Refuses a place for the bundle where it could not be put, before anything is charged.
fn check_out(out: &Path) -> Result<(), Failure> {
    let folder = files::folder_of(out);
    if out.is_dir() || out.file_name().is_none() {
        return Err(Failure::cannot_tell(format!("--out {} is a folder; name a file", out.display())));
    }
    if !folder.is_dir() {
        return Err(Failure::cannot_tell(format!("--out {}: there is no folder {}", out.display(), folder.display())));
    }
    Ok(())
}

fn hand_out(out: &Path, bytes: &[u8]) -> Result<(), Failure> {
    Ok(files::write_at(out, bytes, Readers::Anyone, Some(Stage::ProveOutHalfWritten))?)
}

/// One point of every registered column that the plan uses.
fn charges(prepared: &Prepared<'_>, data: &SiteData) -> Result<Vec<Charge>, Failure> {
    let charge = |column: cohortium_protocol::query::ColumnId| match column.source {
        Source::Epoch => data.epoch().charge(&column.name, 1),
        _ => data.manifest().charge(&column.name, 1),
    };
    let charges: Result<Vec<Charge>, _> = prepared.opened_columns().into_iter().map(charge).collect();
    charges.map_err(Failure::refused)
}

/// Refuses a key other than the pinned one before anything is charged. A new key would never be the pinned one,
/// so none is made here.
fn check_key(setting: &Setting, prepared: &Prepared<'_>, request: &Request, site: &str) -> Result<KeyKind, Failure> {
    let required = request.site(site).map_err(PipelineError::from)?.verifying_key;
    let cache = KeyCache::new(setting.keys_folder()?);
    let path = cache.proving_path(prepared.shape());
    if !path.exists() {
        return Err(Failure::cannot_tell(format!(
            "the request names the verifying key {required} of shape {}, and its proving key is not at {}; name the \
             folder of keys with --keys",
            prepared.shape(),
            path.display()
        )));
    }
    let key = read_verifying(&cache.verifying_path(prepared.shape()))?;
    let found = key.id();
    if found == required { Ok(key.kind()) } else { Err(PipelineError::Key { required, found }.into()) }
}

/// Whether the key of an earlier answer was a development key. A key that is no longer at hand is taken for one.
fn was_development_key(setting: &Setting, request: &Request, site: &str) -> bool {
    let key = || {
        let pin = request.site(site).ok()?;
        let cache = KeyCache::new(setting.keys_folder().ok()?);
        let key = read_verifying(&cache.verifying_path(&pin.standard_shape().ok()?)).ok()?;
        (key.id() == pin.verifying_key).then_some(key)
    };
    key().is_none_or(|key| key.kind() == KeyKind::Development)
}

/// The anchors of an auditor who believes what this site believes.
fn own_anchors(
    request: &Request,
    approval: &Approval,
    data: &SiteData,
    policy_floor: &Digest,
    key: &ProvingKey,
) -> Result<Anchors, Failure> {
    let site = SiteAnchor {
        site: data.manifest().site().to_owned(),
        manifest: data.manifest().digest(),
        epoch: data.epoch().digest(),
        policy_floor: *policy_floor,
    };
    Anchors::check(AnchorsDocument {
        format: ANCHORS_FORMAT.to_owned(),
        ledger: request.ledger.clone(),
        accept_development_keys: true,
        verifying_keys: vec![key.verifying().to_document()],
        sites: vec![site],
        approvals: vec![approval.digest()],
        charter: None,
    })
    .map_err(Failure::refused)
}

fn prove(prepared: &Prepared<'_>, key: &ProvingKey, anchors: &Anchors) -> Result<Bundle, Failure> {
    let mut bar = Progress::new(PARTS);
    let mut step = |doing: &str, done: f64| {
        if (SELF_CHECK..1.0).contains(&done) {
            Stage::ProveMade.pass();
        }
        bar.at((done * PARTS as f64) as u64, doing);
    };
    let bundle = prepared.prove(key, anchors, &mut OsRng, &mut step)?;
    let took = bar.end();
    eprintln!("Proved and verified in {:.1} seconds.", took.as_secs_f64());
    Ok(bundle)
}

impl From<PipelineError> for Failure {
    fn from(error: PipelineError) -> Self {
        Self::refused(error)
    }
}
