//! `card` and `choose`: a patient's secret, and what is signed with it.

use std::fs::OpenOptions;
use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use cohortium_protocol::consent::{Agreement, Choice, Conditions, Content, Salt, What};
use cohortium_protocol::ledger::Timestamp;
use cohortium_protocol::table::PatientSecret;
use cohortium_protocol::text::shown;
use rand::rngs::OsRng;

use super::Outcome;
use super::patient_args::{CardArgs, ChooseArgs};
use super::receipt::card;
use crate::file;

pub(super) fn new_card(args: &CardArgs) -> Outcome {
    if let (Some(path), Some(site)) = (&args.show, &args.site) {
        let secret = card(path)?;
        println!("At {}, from this card:", shown(site));
        println!("  tag         {}", secret.tag(site).to_hex());
        println!("  public key  {}", secret.signing_key(site).public());
        return Ok(0);
    }
    let out = args.out.as_ref().ok_or("say where the card goes: --out FILE")?;
    let show = |error: std::io::Error| format!("--out {}: {error}", out.display());
    let secret = PatientSecret::random(&mut OsRng);
    let mut options = OpenOptions::new();
    // Never over another card.
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(out).map_err(show)?;
    let text = secret.to_card();
    file.write_all(text.as_bytes())
        .and_then(|()| file.write_all(b"\n"))
        .and_then(|()| file.sync_all())
        .map_err(show)?;
    println!(
        "Your card is in {}. Whoever has it can sign in your name, and find your row in a receipt.",
        out.display()
    );
    Ok(0)
}

pub(super) fn choose(args: &ChooseArgs) -> Outcome {
    file::check_place("--out", &args.out, [&args.card]).map_err(|error| error.to_string())?;
    let secret = card(&args.card)?;
    let key = secret.signing_key(&args.site);
    let date = args.date.unwrap_or_else(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        Timestamp::from_unix(since.map_or(0, |since| since.as_secs())).day()
    });
    let what = if args.key { What::Key { key: key.public() } } else { what(args)? };
    let content = Content::new(&args.site, secret.tag(&args.site), args.number, date, what, Salt::draw(&mut OsRng));
    let content = content.map_err(|error| error.to_string())?;
    let event = if args.key { content.by_card(&key) } else { content.by_patient(&key) };
    let mut bytes = event.canonical().to_vec();
    bytes.push(b'\n');
    file::write_private("--out", &args.out, &bytes).map_err(|error| error.to_string())?;
    println!("Signed event {}", event.words());
    println!("It is in {}. Hand it to {}, and keep the acknowledgement.", args.out.display(), shown(&args.site));
    Ok(0)
}

fn what(args: &ChooseArgs) -> Result<What, String> {
    let show = |error: &dyn std::fmt::Display| error.to_string();
    let until = args.until.filter(|_| args.agree.is_none());
    let conditions = Conditions {
        not_commercial: args.not_commercial,
        institutions: (!args.institution.is_empty()).then(|| args.institution.clone()),
        last_day: until,
        ethics_approval: args.ethics_approval,
    };
    // A condition that was dropped would make a part of a choice the whole.
    if args.grant.is_none() && !conditions.is_empty() {
        return Err("only a consent has conditions: a no, and leaving, are for the whole purpose".to_owned());
    }
    if args.leave {
        return Ok(What::Leaving {});
    }
    if let (Some(study), Some(sponsor), Some(until)) = (&args.agree, &args.sponsor, args.until) {
        return Ok(What::Agreement(Agreement::new(study, sponsor.clone(), until).map_err(|error| show(&error))?));
    }
    let choice = match (&args.grant, &args.refuse, &args.revoke) {
        (Some(purpose), ..) => Choice::granted(purpose.clone(), conditions).map_err(|error| show(&error))?,
        (_, Some(purpose), _) => Choice::refused(purpose.clone()),
        (_, _, Some(purpose)) => Choice::revoked(purpose.clone()),
        (None, None, None) => return Err("say what you choose".to_owned()),
    };
    Ok(What::Choice(choice))
}
