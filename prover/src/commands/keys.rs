//! `keys`: the keys of a shape, made if there are none yet.

use cohortium_keys::{KeyCache, KeyKind, KeyProgress, ProvingKey, read_verifying};
use cohortium_protocol::shape::Shape;
use rand::rngs::OsRng;
use serde_json::json;

use super::public::pretty;
use super::read;
use crate::cli::{Failure, KeysArgs, Outcome, Report, Setting};
use crate::faults::Stage;
use crate::store::files::{self, Readers};

pub(crate) fn run(setting: &Setting, args: &KeysArgs) -> Outcome {
    let shape = read::shape(&args.shape)?;
    let cache = KeyCache::new(setting.keys_folder()?);
    let path = cache.verifying_path(&shape);
    let key = if cache.proving_path(&shape).exists() && path.exists() {
        read_verifying(&path)?
    } else {
        proving_key(setting, shape)?.verifying().clone()
    };
    let document = key.to_document();
    if let Some(out) = &args.out {
        files::write(out, &pretty(&document), Readers::Anyone)?;
    }
    let kind = match key.kind() {
        KeyKind::Development => "development key: whoever made it can forge proofs; for trials only",
        KeyKind::Ceremony => "ceremony key",
    };
    let text = format!(
        "Shape {shape}: {kind}\n  id             {}\n  proving key    {}\n  verifying key  {}\n",
        key.id(),
        cache.proving_path(&shape).display(),
        path.display()
    );
    let json = json!({
        "shape": shape.name,
        "id": key.id(),
        "kind": key.kind(),
        "proving_key": cache.proving_path(&shape),
        "verifying_key": path,
    });
    Ok(Report::new(text, json))
}

/// The proving key of a shape, from the folder of keys; made there, with a message, if there is none.
pub(super) fn proving_key(setting: &Setting, shape: Shape) -> Result<ProvingKey, Failure> {
    let cache = KeyCache::new(setting.keys_folder()?);
    let mut progress = |progress| {
        match progress {
        KeyProgress::Making => setting.console.note(&format!(
            "No key for shape {shape} yet: making a development key, once, in about ten seconds. Whoever makes a key so \
             can forge proofs; it is for trials."
        )),
        KeyProgress::Publishing => Stage::KeysProvingWritten.pass(),
        KeyProgress::Loading => {}
    }
    };
    Ok(cache.get_or_make(shape, &mut OsRng, &mut progress)?)
}
