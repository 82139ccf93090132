//! `request`: what a sponsor does, until there is a ledger: a query under an approval, with everything pinned
//! that a site could otherwise choose after seeing it.

use cohortium_keys::{KeyCache, VerifyingKey, read_verifying};
use cohortium_protocol::documents::{Approval, FILE_EXCHANGE, Noise, Nonce, Request, SitePin};
use cohortium_protocol::hash::Digest;
use cohortium_protocol::query::{Plan, compile};
use cohortium_protocol::shape::Shape;
use rand::RngCore;
use rand::rngs::OsRng;
use serde_json::json;

use super::public::{PublicFolder, pretty};
use super::read;
use crate::cli::{Failure, Outcome, Report, RequestArgs, Setting};
use crate::store::files::{self, Readers};

pub(crate) fn run(setting: &Setting, args: &RequestArgs) -> Outcome {
    let query = read::query(&args.query)?;
    let approval = read::document(&args.approval, Approval::parse)?;
    approval.covers(setting.today()?).map_err(Failure::refused)?;
    let mut pins = Vec::new();
    let mut planned: Option<(Digest, Plan)> = None;
    for path in &args.sites {
        let folder = PublicFolder::read(path)?;
        let (schema, shape) = (folder.schema()?, *folder.manifest.shape());
        // Every site's shape has a say, and one schema and plan must serve them all.
        let plan = compile(&query, &schema, &approval.consent, &shape)?;
        approval.permits(&query, &plan).map_err(Failure::refused)?;
        let site = folder.manifest.site().to_owned();
        if folder.epoch.commitment(&approval.consent.to_string()).is_none() {
            return Err(Failure::refused(format!(
                "{site:?} has no consents for {} in its epoch {}",
                approval.consent,
                folder.epoch.number()
            )));
        }
        match &planned {
            Some((first, _)) if *first != schema.digest() => {
                return Err(Failure::refused(format!(
                    "{site:?} has the schema {}, the sites before it have {first}; one request asks in one schema",
                    schema.digest()
                )));
            }
            Some(_) => {}
            None => planned = Some((schema.digest(), plan)),
        }
        pins.push(SitePin {
            site,
            manifest: folder.manifest.digest(),
            epoch: folder.epoch.digest(),
            policy_floor: folder.floor.digest(),
            shape: cohortium_protocol::commit::ShapeRef::to(&shape),
            verifying_key: verifying_key(setting, &args.key_files, &shape)?.id(),
            seeds: None,
            seed_leaf: None,
        });
    }
    let (schema, plan) = planned.ok_or_else(|| Failure::cannot_tell("a request needs a site; name one with --site"))?;
    let mut nonce = [0; 32];
    OsRng.fill_bytes(&mut nonce);
    let request = Request {
        ledger: FILE_EXCHANGE.to_owned(),
        sequence: args.number,
        query,
        approval: approval.digest(),
        schema,
        plan: plan.digest(),
        sites: pins,
        sponsor_nonce: Nonce::from_bytes(nonce),
        noise: Noise::None,
    };
    let bytes = pretty(&request);
    // Read again as the sites will: two folders of one site, for example, are refused here and not there.
    let text = String::from_utf8_lossy(&bytes);
    let request = Request::parse(&text).map_err(Failure::refused)?;
    files::write(&args.out, &bytes, Readers::Anyone)?;
    let sites: Vec<&str> = request.sites.iter().map(|pin| pin.site.as_str()).collect();
    let text = format!(
        "{}\nRequest {} to {}, number {} under approval {}.\nWritten to {}.\n",
        plan.explain(),
        request.digest(),
        sites.join(", "),
        request.sequence,
        request.approval,
        args.out.display()
    );
    let json = json!({
        "request": request.digest(),
        "plan": request.plan,
        "query": request.query.digest(),
        "approval": request.approval,
        "sites": sites,
        "out": args.out,
    });
    Ok(Report::new(text, json))
}

/// The verifying key of a shape: one of these files, or the one in the folder of keys.
pub(super) fn verifying_key(
    setting: &Setting,
    key_files: &[std::path::PathBuf],
    shape: &Shape,
) -> Result<VerifyingKey, Failure> {
    for path in key_files {
        let key = read_verifying(path)?;
        if key.shape() == shape {
            return Ok(key);
        }
    }
    let path = KeyCache::new(setting.keys_folder()?).verifying_path(shape);
    if !path.exists() {
        return Err(Failure::cannot_tell(format!(
            "there is no verifying key of shape {shape}: neither among the files of --key nor at {}; \
             cohortium-prover keys --shape {shape} makes one for trials",
            path.display()
        )));
    }
    Ok(read_verifying(&path)?)
}
