//! `ledger`: the site's key as a member, joining a ledger.

use cohortium_client::{LedgerClient, TrustedLedger};
use cohortium_protocol::ledger::{Charter, MemberKey, Role};
use rand::rngs::OsRng;
use serde_json::json;

use super::super::read;
use super::register::register;
use crate::cli::{Failure, JoinArgs, LedgerArgs, LedgerCommand, Outcome, Report, Setting};
use crate::store::{Access, Home, Joined, StoreError};

pub(crate) fn ledger(setting: &Setting, args: &LedgerArgs) -> Outcome {
    match &args.command {
        LedgerCommand::Key => key(setting),
        LedgerCommand::Join(args) => join(setting, args),
        LedgerCommand::Register(args) => register(setting, args),
    }
}

/// Makes the key once, and shows its public half.
fn key(setting: &Setting) -> Outcome {
    let home = setting.open(Access::Write)?;
    let (key, is_new) = match home.member_key()? {
        Some(key) => (key, false),
        None => {
            let key = MemberKey::draw(&mut OsRng);
            home.set_member_key(&key).map_err(StoreError::from)?;
            (key, true)
        }
    };
    let word = if is_new { "Made a key" } else { "There is a key already" };
    let text = format!(
        "{word}; the charter's line for this site:\n  \
         {{ \"name\": {:?}, \"role\": \"hospital\", \"key\": \"{}\" }}\n\
         The secret half is {}: whoever has it can sign for this site.\n",
        home.site(),
        key.public(),
        home.member_key_path().display()
    );
    let json = json!({ "site": home.site(), "key": key.public(), "is_new": is_new, "path": home.member_key_path() });
    Ok(Report::new(text, json))
}

/// Refuses a charter in which this site is not a hospital with this key.
pub(super) fn check_member(home: &Home, charter: &Charter, key: &MemberKey) -> Result<(), Failure> {
    let site = home.site();
    let refuse = |found: String| {
        Failure::refused(format!(
            "the charter {} {found}; it should have {site:?} as a hospital with the key {}",
            charter.digest(),
            key.public()
        ))
    };
    match charter.member(site) {
        None => Err(refuse(format!("has no member {site:?}"))),
        Some(member) if member.role != Role::Hospital => {
            Err(refuse(format!("has {site:?} as a {}", member.role.name())))
        }
        Some(member) if member.key != key.public() => Err(refuse(format!("has {site:?} with the key {}", member.key))),
        Some(_) => Ok(()),
    }
}

/// Pins a charter, and looks whether the service is of that ledger.
fn join(setting: &Setting, args: &JoinArgs) -> Outcome {
    let home = setting.open(Access::Write)?;
    let charter = read::document(&args.charter, Charter::parse)?;
    let key = home.member_key()?.ok_or(StoreError::NoKey)?;
    check_member(&home, &charter, &key)?;
    let mut trusted = TrustedLedger::new(LedgerClient::new(&args.url)?, charter.clone())?;
    let mut joined = Joined::new(args.url.clone(), charter);
    if let Some(before) = home.joined()? {
        if before.charter.digest() != joined.charter.digest() {
            return Err(Failure::refused(format!(
                "the site belongs to the ledger {} already; a home belongs to one ledger. The file is of {}",
                before.charter.ledger(),
                joined.charter.ledger()
            )));
        }
        // Another address of the same ledger: what was seen there holds here.
        joined.checkpoint = before.checkpoint;
    }
    let reached = match (trusted.refresh(), joined.checkpoint.is_some()) {
        (Ok(checkpoint), false) => {
            let size = checkpoint.size;
            joined.checkpoint = trusted.seen().map(|seen| seen.checkpoint);
            Ok(size)
        }
        (Ok(checkpoint), true) => Ok(checkpoint.size),
        (Err(error), _) if error.is_false() => return Err(error.into()),
        // A service that is not up yet is no reason not to pin its charter.
        (Err(error), _) => Err(error.to_string()),
    };
    home.set_joined(&joined)?;
    let charter = &joined.charter;
    let word = match &reached {
        Ok(size) => format!("Its service shows {size} transactions under the operator's signature."),
        Err(why) => format!("Its service was not reached: {why}"),
    };
    let text = format!(
        "Joined the ledger {}.\n  charter   {}\n  members   {}\n  operator  {}\n{word}\n\
         Compare the charter's digest with the other members', by another way than this service.\n",
        charter.name,
        charter.digest(),
        charter.members.len(),
        charter.operator().map_or("none", |operator| operator.name.as_str())
    );
    let json = json!({
        "ledger": charter.ledger(),
        "charter": charter.digest(),
        "url": joined.url,
        "size": reached.as_ref().ok(),
        "not_reached": reached.as_ref().err(),
    });
    Ok(Report::new(text, json))
}
