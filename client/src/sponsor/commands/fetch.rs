//! `bundle` and `export`: bytes as the ledger has them, for the auditor.

use cohortium_protocol::bundle::Bundle;
use cohortium_protocol::hash::Digest;
use serde_json::json;

use super::super::args::{BundleArgs, ExportArgs};
use super::super::{Failure, Outcome, Report, Setting, setting};
use crate::files;
use crate::files::{NewFile, Readers};
use crate::retry::RetryPolicy;
use crate::words::bytes;

pub(crate) fn bundle(setting: &Setting, args: &BundleArgs) -> Outcome {
    let id = setting::digest("a query's id", &args.id)?;
    let client = setting.client()?;
    let body = RetryPolicy::default().run(|| client.bundle(&id, &args.site))?;
    let bundle = Bundle::parse(&body)
        .map_err(|error| Failure::refused(format!("what the ledger gives is no bundle: {error}")))?;
    if bundle.site != args.site {
        let (asked, found) = (&args.site, &bundle.site);
        return Err(Failure::refused(format!("asked for the bundle of {asked:?}, the ledger gives that of {found:?}")));
    }
    files::write(&args.out, &body, Readers::Anyone)?;
    let digest = Digest::of_bytes(&body);
    let text = format!(
        "The bundle of {} is in {} ({}, SHA-256 {digest}).\nIt was not verified: cohortium-verifier audit {} --anchors FILE\n",
        bundle.site,
        args.out.display(),
        bytes(body.len() as u64),
        args.out.display()
    );
    Ok(Report::new(text, json!({ "site": bundle.site, "out": args.out, "bytes": body.len(), "sha256": digest })))
}

pub(crate) fn export(setting: &Setting, args: &ExportArgs) -> Outcome {
    let client = setting.client()?;
    let mut file = NewFile::begin(&args.out, Readers::Anyone)?;
    let length = client.export(&mut file, args.limit)?;
    file.keep()?;
    let text = format!(
        "The ledger is in {} ({}). It was not verified: cohortium-verifier audit --study ID --from-export {} does that.\n",
        args.out.display(),
        bytes(length),
        args.out.display()
    );
    Ok(Report::new(text, json!({ "out": args.out, "bytes": length })))
}
