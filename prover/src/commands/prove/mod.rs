//! `prove`: from a request to a release.
//!
//! The order is the point. Everything that can refuse does so first. Then the officer sees what will leave. Then the
//! opening budget is charged, durably; only then is anything computed that could leave. The release is verified, then kept, then
//! handed out: from the moment it is kept, the same request gets the same bytes, and nothing else.
//!
//! The command answers requests of the file exchange. What it shares with the batch job, which answers those of a
//! ledger, is in [`answer`](mod@answer).

pub(crate) mod answer;
mod caps;
pub(crate) mod epsilon;
mod estimate;
mod kept;
pub(crate) mod preview;
pub(crate) mod site;

use std::path::Path;

use cohortium_keys::{KeyCache, KeyKind, read_verifying};
use cohortium_protocol::documents::{Approval, FILE_EXCHANGE, Request};
use cohortium_protocol::hash::Digest;
use serde_json::{Value, json};

use self::answer::{Basis, Step, answer};
use super::read;
use crate::cli::{Failure, Outcome, ProveArgs, Report, Setting};
use crate::faults::Stage;
use crate::pipeline::PipelineError;
use crate::store::files::{self, Readers};
use crate::store::{Access, BUNDLE, BudgetFile, Claim, Home, Leaving, OutgoingFile, Settled};

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
        let sentence = format!(
            "the request is of ledger {:?}; this command answers those of {FILE_EXCHANGE:?}, and cohortium-prover run \
             those of a ledger",
            request.ledger
        );
        return Err(Failure::refused(sentence));
    }
    let mut budget = BudgetFile::open(&home)?;
    if !args.dry_run {
        settle(setting, &home, &mut budget, args.claim.claim())?;
    }
    let basis = Basis::Files { today: setting.today()? };
    let (mut text, mut json) = (String::new(), Value::Null);
    let answered = answer(setting, &home, (&request, &approval), basis, &mut budget, &mut |preview| {
        (text, json) = (preview.text()?, preview.json());
        if args.dry_run {
            return Ok(Step::Stop);
        }
        setting.console.preview(&text);
        if !args.yes {
            if !setting.console.has_person() {
                return Err(Failure::cannot_tell("nobody is at the terminal to confirm; look at it, then use --yes"));
            }
            if !setting.console.confirm("\nShall this leave the hospital?") {
                return Err(Failure::refused("you did not confirm; nothing left, nothing was charged"));
            }
        }
        Ok(Step::Release)
    })?;
    let (Some(answered), Some(out)) = (answered, args.out.as_deref()) else {
        json["dry_run"] = true.into();
        let text = format!("{text}\nThis was a dry run: nothing left, nothing was charged.\n");
        return Ok(Report::new(text, json));
    };
    hand_out(setting, &home, &request.digest(), out, &answered.bytes)?;

    json["out"] = json!(out);
    json["again"] = false.into();
    json["bundle_bytes"] = answered.bytes.len().into();
    json["budget_head"] = json!(budget.head());
    let text = format!(
        "\nReleased to {} ({} bytes): proved, verified, and kept under {}.\n\
         Budget record {} has the digest {}; note it elsewhere.\n",
        out.display(),
        answered.bytes.len(),
        request.digest(),
        answered.budget_record,
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
        hand_out(setting, home, &digest, out, bundle)?;
        text.push_str(&format!("The same bytes are in {}.\n", out.display()));
        json["out"] = json!(out);
        json["bundle_bytes"] = bundle.len().into();
    }
    Ok(Report::new(text, json))
}

/// Refuses a place for the bundle where it could not be put, before anything is charged.
pub(super) fn check_out(out: &Path) -> Result<(), Failure> {
    let folder = files::folder_of(out);
    if out.is_dir() || out.file_name().is_none() {
        return Err(Failure::cannot_tell(format!("--out {} is a folder; name a file", out.display())));
    }
    if !folder.is_dir() {
        return Err(Failure::cannot_tell(format!("--out {}: there is no folder {}", out.display(), folder.display())));
    }
    Ok(())
}

/// Puts the bundle where it was asked for, once it stands in the record of what left.
fn hand_out(setting: &Setting, home: &Home, request: &Digest, out: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let what = Leaving {
        kind: BUNDLE.into(),
        statement: None,
        request: Some(*request),
        bytes: Digest::of_bytes(bytes),
        length: bytes.len() as u64,
        cells: None,
        ledger: None,
    };
    OutgoingFile::open(home)?.record(what, setting.now())?;
    Ok(files::write_at(out, bytes, Readers::Anyone, Some(Stage::ProveOutHalfWritten))?)
}

/// Settles the budget of a restored home, with a word about it.
pub(crate) fn settle(
    setting: &Setting,
    home: &Home,
    budget: &mut BudgetFile,
    claim: Claim,
) -> Result<Settled, Failure> {
    let settled = home.settle(budget, claim)?;
    match settled {
        Settled::Nothing => {}
        Settled::Complete => setting.console.note("The restored budget is complete: its last record is the one you noted."),
        Settled::GivenUp(columns) => setting.console.note(&format!(
            "WARNING: nobody knows how often columns were opened after the backup, so all that was left of {columns} columns is \
             given up: no table version and no consent epoch of this home can be asked any more. Import and commit anew, and \
             register that."
        )),
    }
    Ok(settled)
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

impl From<PipelineError> for Failure {
    fn from(error: PipelineError) -> Self {
        Self::refused(error)
    }
}
