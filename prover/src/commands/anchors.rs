//! `anchors`: what a board does: the digests of sites, keys and approvals that it believes.

use cohortium_keys::read_verifying;
use cohortium_protocol::documents::{Approval, FILE_EXCHANGE};
use cohortium_verifier::{ANCHORS_FORMAT, Anchors, AnchorsDocument, SiteAnchor};
use serde_json::json;

use super::public::{PublicFolder, pretty};
use super::read;
use super::request::verifying_key;
use crate::cli::{AnchorsArgs, Failure, Outcome, Report, Setting};
use crate::store::files::{self, Readers};

pub(crate) fn run(setting: &Setting, args: &AnchorsArgs) -> Outcome {
    let mut keys = Vec::new();
    let mut sites = Vec::new();
    let mut text = "Written from these files. Compare the digests with what you know from elsewhere:\n".to_owned();
    for path in &args.sites {
        let folder = PublicFolder::read(path)?;
        let key = verifying_key(setting, &args.key_files, folder.manifest.shape())?.to_document();
        if !keys.contains(&key) {
            text.push_str(&format!("  verifying key {} of shape {}\n", key.id, key.shape));
            keys.push(key);
        }
        let anchor = SiteAnchor {
            site: folder.manifest.site().to_owned(),
            manifest: folder.manifest.digest(),
            epoch: folder.epoch.digest(),
            policy_floor: folder.floor.digest(),
        };
        text.push_str(&format!(
            "  {}: manifest     {}\n  {}: epoch        {}\n  {}: policy floor {}\n",
            anchor.site, anchor.manifest, anchor.site, anchor.epoch, anchor.site, anchor.policy_floor
        ));
        sites.push(anchor);
    }
    // Keys of other statements, of which no site's table is the shape.
    for path in &args.key_files {
        let key = read_verifying(path)?.to_document();
        if !keys.contains(&key) {
            text.push_str(&format!("  verifying key {} of shape {}\n", key.id, key.shape));
            keys.push(key);
        }
    }
    let mut approvals = Vec::new();
    for path in &args.approvals {
        let approval = read::document(path, Approval::parse)?;
        text.push_str(&format!("  approval {} of study {}\n", approval.digest(), approval.study));
        approvals.push(approval.digest());
    }
    let document = AnchorsDocument {
        format: ANCHORS_FORMAT.to_owned(),
        ledger: FILE_EXCHANGE.to_owned(),
        accept_development_keys: args.accept_development_keys,
        verifying_keys: keys,
        sites,
        approvals,
        charter: None,
    };
    let anchors = Anchors::check(document.clone()).map_err(Failure::refused)?;
    files::write(&args.out, &pretty(&document), Readers::Anyone)?;
    text.push_str(&format!("Anchors {} in {}.\n", anchors.digest(), args.out.display()));
    let json = json!({
        "anchors": anchors.digest(),
        "out": args.out,
        "sites": document.sites,
        "verifying_keys": document.verifying_keys.iter().map(|key| key.id).collect::<Vec<_>>(),
        "approvals": document.approvals,
    });
    Ok(Report::new(text, json))
}
