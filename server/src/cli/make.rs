//! Making what a ledger begins with: keys, a charter, a home.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use cohortium_keys::VerifyingKey;
use cohortium_protocol::ledger::Charter;
use cohortium_protocol::ledger::ConsentRules;
use cohortium_protocol::ledger::KeyPin;
use cohortium_protocol::ledger::MemberKey;
use cohortium_protocol::text::is_line;
use rand::rngs::OsRng;
use serde_json::json;

use super::args::CharterArgs;
use super::args::FoundArgs;
use super::args::FoundingArgs;
use super::args::KeyArgs;
use super::console::Failure;
use super::console::Outcome;
use super::console::Report;
use crate::node;
use crate::node::Home;
use crate::node::read_charter;
use crate::node::read_key;
use crate::node::system_clock;
use crate::node::write_new;
use crate::node::write_secret;

/// No verifying key's file is longer.
const MAX_VERIFYING_KEY_BYTES: u64 = 1 << 20;

pub(super) fn key(args: &KeyArgs) -> Outcome {
    let KeyArgs { name, out } = args;
    if !is_line(name, 120) {
        return Err(Failure::refused("a member's name is one line of 1 to 120 printable characters"));
    }
    let key = MemberKey::draw(&mut OsRng);
    write_secret(out, key.to_file(name).as_bytes())?;
    let public = key.public();
    let text = format!(
        "{name}'s key is in {}; nobody else may have it.\nThe public key, for the charter: {public}",
        out.display()
    );
    Ok(Report::new(text, json!({ "name": name, "key": public, "file": out })))
}

fn verifying_keys(paths: &[PathBuf]) -> Result<Vec<VerifyingKey>, Failure> {
    paths.iter().map(|path| verifying_key(path)).collect()
}

fn verifying_key(path: &Path) -> Result<VerifyingKey, Failure> {
    let unreadable = |error: std::io::Error| Failure::cannot_tell(format!("cannot read {}: {error}", path.display()));
    let length = fs::metadata(path).map_err(unreadable)?.len();
    if length > MAX_VERIFYING_KEY_BYTES {
        let sentence = format!(
            "{} has {length} bytes; no verifying key's file has more than {MAX_VERIFYING_KEY_BYTES}",
            path.display()
        );
        return Err(Failure::refused(sentence));
    }
    let text = fs::read_to_string(path).map_err(unreadable)?;
    VerifyingKey::parse(&text).map_err(|error| Failure::refused(format!("{}: {error}", path.display())))
}

pub(super) fn charter(args: &CharterArgs) -> Outcome {
    let keys = verifying_keys(&args.verifying_keys)?;
    let pins = keys.iter().map(|key| KeyPin { shape: key.shape().name.to_owned(), id: key.id() });
    let charter = Charter {
        name: args.name.clone(),
        founded: args.founded.unwrap_or_else(|| (system_clock())().day()),
        members: args.members.clone(),
        verifying_keys: pins.collect(),
        accept_development_keys: args.accept_development_keys,
        acceptance_seconds: args.acceptance_seconds,
        answer_seconds: args.answer_seconds,
        opening_share: args.opening_share,
        consents: Some(ConsentRules {
            batch_seconds: args.batch_seconds,
            batch_leaves: args.batch_leaves,
            epoch_days: args.epoch_days,
        }),
    };
    let text = serde_json::to_string_pretty(&charter).map_err(Failure::cannot_tell)? + "\n";
    // By the reader that everybody will read it with.
    let charter = Charter::parse(&text).map_err(Failure::refused)?;
    write_new(&args.out, text.as_bytes())?;
    let (digest, ledger, members) = (charter.digest(), charter.ledger(), charter.members.len());
    let out = &args.out;
    let words = format!(
        "The charter of {members} members is in {}.\nIts digest: {digest}\nThe ledger's id: {ledger}\nGive the file to every \
         member, and have each compare the digest by another way.",
        out.display()
    );
    Ok(Report::new(words, json!({ "file": out, "charter": digest, "ledger": ledger, "members": members })))
}

pub(super) fn found(args: &FoundArgs) -> Outcome {
    let home = found_home(&args.home, &args.founding)?;
    let ledger = home.charter().ledger();
    let text = format!(
        "The ledger {ledger} is founded in {}.\nServe it: cohortium-server serve --home {}",
        home.folder().display(),
        home.folder().display()
    );
    Ok(Report::new(text, json!({ "home": home.folder(), "ledger": ledger, "charter": home.charter().digest() })))
}

/// Makes a home.
pub(super) fn found_home(folder: &Path, founding: &FoundingArgs) -> Result<Home, Failure> {
    let charter = read_charter(&founding.charter)?;
    let (member, key) = read_key(&founding.key)?;
    let keys = verifying_keys(&founding.verifying_keys)?;
    Ok(node::found(folder, &charter, &member, &key, &keys)?)
}
