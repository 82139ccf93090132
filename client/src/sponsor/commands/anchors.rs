//! `anchors`: a charter and the keys that it names, in the file that audits start from.

use cohortium_keys::VerifyingKeyDocument;
use cohortium_protocol::ledger::{Charter, KeyPin};
use cohortium_verifier::{ANCHORS_FORMAT, Anchors, AnchorsDocument};
use serde_json::json;

use super::super::args::AnchorsArgs;
use super::super::{Failure, Outcome, Report, Setting};
use super::pretty;
use crate::client::LedgerClient;
use crate::files;
use crate::files::Readers;

/// The largest key's file that is read.
const MAX_KEY_BYTES: u64 = 8 << 20;

pub(crate) fn run(setting: &Setting, args: &AnchorsArgs) -> Outcome {
    let charter = setting.charter()?;
    let keys = match args.verifying_keys.as_slice() {
        [] => fetch(&setting.client()?, &charter)?,
        paths => paths
            .iter()
            .map(|path| {
                let text = files::read_text(path, MAX_KEY_BYTES)?;
                serde_json::from_str(&text)
                    .map_err(|error| Failure::cannot_tell(format!("{}: {error}", path.display())))
            })
            .collect::<Result<_, _>>()?,
    };
    let (document, anchors) = make(&charter, keys)?;
    files::write(&args.out, &pretty(&document), Readers::Anyone)?;
    let mut text = format!(
        "Anchors {} in {}, for the ledger {}.\nWhat they are worth is what the charter is worth. Compare its digest with the \
         other members: {}\n",
        anchors.digest(),
        args.out.display(),
        charter.name,
        charter.digest()
    );
    if charter.accept_development_keys {
        text.push_str("The charter accepts development keys, for trials: whoever made one can forge proofs.\n");
    }
    let json = json!({
        "anchors": anchors.digest(),
        "charter": charter.digest(),
        "ledger": document.ledger,
        "verifying_keys": document.verifying_keys.iter().map(|key| key.id).collect::<Vec<_>>(),
        "accept_development_keys": charter.accept_development_keys,
        "out": args.out,
    });
    Ok(Report::new(text, json))
}

/// The keys that the charter names, from the ledger; that they are these is checked by [`make`].
pub(super) fn fetch(client: &LedgerClient, charter: &Charter) -> Result<Vec<VerifyingKeyDocument>, Failure> {
    charter.verifying_keys.iter().map(|KeyPin { id, .. }| Ok(client.verifying_key(id)?)).collect()
}

/// Anchors of a charter and its keys: just those that it names, each of which is recomputed.
pub(super) fn make(charter: &Charter, keys: Vec<VerifyingKeyDocument>) -> Result<(AnchorsDocument, Anchors), Failure> {
    let document = AnchorsDocument {
        format: ANCHORS_FORMAT.to_owned(),
        ledger: charter.ledger(),
        accept_development_keys: charter.accept_development_keys,
        verifying_keys: keys,
        sites: Vec::new(),
        approvals: Vec::new(),
        charter: Some(charter.clone()),
    };
    // Ids are recomputed here, and have to be the charter's.
    let anchors = Anchors::check(document.clone()).map_err(Failure::refused)?;
    for KeyPin { shape, id } in &charter.verifying_keys {
        if anchors.key(id).is_none() {
            return Err(Failure::cannot_tell(format!(
                "the charter names the verifying key {id} of shape {shape}; it was not given"
            )));
        }
    }
    Ok((document, anchors))
}
