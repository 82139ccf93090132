//! `consent`: patients' choices, from the clerk's desk to the ledger.

use std::collections::BTreeSet;
use std::path::Path;

use cohortium_protocol::consent::fhir::{self, PatientFrom};
use cohortium_protocol::consent::{
    Acknowledgement, Agreement, Choice, Conditions, Content, Event, EventError, History, MAX_EVENT_BYTES, Salt, What,
};
use cohortium_protocol::ledger::PublicKey;
use cohortium_protocol::table::{Day, Tag};
use rand::rngs::OsRng;
use serde_json::json;
use zeroize::Zeroizing;

use super::super::tag::identifier;
use super::consents::Consents;
use super::intake::{CONSENT_FILE, events_of, has_entered, is_own_no, not_before};
use super::link::Link;
use super::receipts;
use crate::cli::{
    AcknowledgeArgs, AddArgs, ChoiceArgs, ConsentArgs, ConsentCommand, ConsentImportArgs, EpochArgs, Failure, Outcome,
    PostArgs, RecordArgs, Report, Setting,
};
use crate::import::import_consents;
use crate::store::files::{self, Readers};
use crate::store::{Access, Home, OutgoingFile, Register, StoreError, TableFolder, Version};

pub(crate) fn consent(setting: &Setting, args: &ConsentArgs) -> Outcome {
    match &args.command {
        ConsentCommand::Import(args) => import(setting, args),
        ConsentCommand::Record(args) => record(setting, args),
        ConsentCommand::Add(args) => add(setting, args),
        ConsentCommand::Post(args) => post(setting, args),
        ConsentCommand::Epoch(args) => epoch(setting, args),
        ConsentCommand::Receipt(args) => receipts::receipt(setting, args),
        ConsentCommand::Acknowledge(args) => acknowledge_again(setting, args),
        ConsentCommand::Status => status(setting),
    }
}

/// The active version of a table.
pub(super) fn active_version(home: &Home, table: Option<&str>) -> Result<(TableFolder, Version), Failure> {
    let tables = TableFolder::find(home, table)?;
    let (version, ..) = tables.active()?;
    Ok((tables, version))
}

fn import(setting: &Setting, args: &ConsentImportArgs) -> Outcome {
    let home = setting.open_patiently()?;
    let (_, version) = active_version(&home, args.table.as_deref())?;
    match (&args.csv, &args.fhir) {
        (Some(path), _) => import_csv(setting, &home, &version, path),
        (None, Some(path)) => {
            let from = match args.patient_from.as_deref() {
                Some("reference") => PatientFrom::Reference,
                _ => PatientFrom::Identifier,
            };
            import_fhir(setting, (&home, &version), path, from, args.report.as_deref())
        }
        (None, None) => Err(Failure::cannot_tell("no file was named")),
    }
}

fn import_csv(setting: &Setting, home: &Home, version: &Version, path: &Path) -> Outcome {
    let today = setting.today()?;
    let mut register = Register::open(home)?;
    let (mapping, table) = (version.mapping()?, version.table()?);
    let tagger = version.tagger(home)?;
    let import = import_consents(path, mapping.delimiter(), mapping.patient(), &table, &tagger)?;
    let form = format!("{CONSENT_FILE} {}", file_name(path));
    let intake = events_of((home.site(), &register), (&table, &import.consents), (&form, today), &mut OsRng)?;
    let (entered, notes) = (intake.events.len(), intake.notes());
    register.take(intake.events, today, &|_| None)?;
    let mut text = import.report.to_text();
    text.push_str(&format!("\nEntered {entered} consent events; {} wait for a batch.\n", register.waiting()));
    notes.iter().for_each(|note| text.push_str(&format!("Note: {note}.\n")));
    let unknown: Vec<String> = intake.unknown.iter().map(ToString::to_string).collect();
    let json = json!({
        "entered": entered, "waiting": register.waiting(), "inexpressible": intake.inexpressible,
        "refused": intake.refused, "unknown": unknown,
    });
    Ok(Report::new(text, json))
}

/// Enters the choices of FHIR resources: of patients who are in the table, and only what is not in force yet.
fn import_fhir(
    setting: &Setting,
    (home, version): (&Home, &Version),
    path: &Path,
    from: PatientFrom,
    report: Option<&Path>,
) -> Outcome {
    let unreadable = |error: std::io::Error| Failure::cannot_tell(format!("{}: {error}", path.display()));
    let length = std::fs::metadata(path).map_err(unreadable)?.len();
    if length > fhir::MAX_FHIR_BYTES as u64 {
        let found = usize::try_from(length).unwrap_or(usize::MAX);
        return Err(Failure::refused(fhir::FhirError::Size { found }));
    }
    let text = Zeroizing::new(std::fs::read_to_string(path).map_err(unreadable)?);
    let imported =
        fhir::import(&text, from).map_err(|error| Failure::refused(format!("{}: {error}", path.display())))?;
    let today = setting.today()?;
    let mut register = Register::open(home)?;
    let tagger = version.tagger(home)?;
    let table = version.table()?;
    let rows: BTreeSet<Tag> =
        (0..table.rows()).map(|row| Tag::from_limbs(std::array::from_fn(|limb| table.tags()[limb][row]))).collect();
    let (mut events, mut unknown, mut in_force, mut refused) = (Vec::new(), 0, 0, 0);
    for (patient, choices) in &imported.choices {
        let tag = tagger.tag(patient);
        if !rows.contains(&tag) {
            unknown += 1;
            continue;
        }
        let history = register.history(&tag);
        let mut number = history.map_or(1, History::next_number);
        let date = history.map_or(today, |history| not_before(history, today));
        for one in choices {
            // As with a file in CSV: what the patient signed stays until they say otherwise.
            if history.is_some_and(|history| history.has_left() || is_own_no(history, &one.choice)) {
                refused += 1;
                continue;
            }
            let standing = history.and_then(|history| history.choices().get(one.choice.purpose()));
            // Or a resource that is read again would bring back what was said before something else.
            let entered = history.is_some_and(|history| has_entered(history, &one.choice, &one.form));
            if entered || standing.is_some_and(|standing| standing.choice == one.choice) {
                in_force += 1;
                continue;
            }
            let what = What::Choice(one.choice.clone());
            let content = Content::new(home.site(), tag, number, date, what, Salt::draw(&mut OsRng));
            let event = content.and_then(|content| content.by_clerk(&one.form));
            events.push(event.map_err(|error: EventError| Failure::refused(error))?);
            number += 1;
        }
    }
    let entered = events.len();
    register.take(events, today, &|_| None)?;
    if let Some(report) = report {
        files::write(report, imported.report.to_text().as_bytes(), Readers::Owner)?;
    }
    let counted = &imported.report;
    let unmapped = counted.count(fhir::Outcome::Unmapped);
    let text = format!(
        "{} Consent resources: {} choices of {} patients. {unmapped} could not be mapped and are no consent; {} findings in all{}.\n\
         Entered {entered} consent events; {in_force} choices were in force already, {refused} would take back a no that the patient \
         signed or are of somebody who has left, {unknown} patients are not in the table; {} events wait for a batch.\n",
        counted.resources,
        counted.choices,
        counted.patients,
        counted.findings.len(),
        report
            .map_or_else(|| " (--report FILE writes them down)".to_owned(), |path| format!(", in {}", path.display())),
        register.waiting()
    );
    let json = json!({
        "resources": counted.resources, "choices": counted.choices, "patients": counted.patients, "unmapped": unmapped,
        "unmapped_of_nobody": counted.unmapped_of_nobody, "entered": entered, "in_force": in_force, "refused": refused,
        "unknown_patients": unknown, "waiting": register.waiting(),
    });
    Ok(Report::new(text, json))
}

fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(String::new, |name| name.to_string_lossy().chars().take(100).collect())
}

impl ChoiceArgs {
    /// What the arguments say.
    fn what(&self) -> Result<What, Failure> {
        let conditions = Conditions {
            not_commercial: self.not_commercial,
            institutions: (!self.institution.is_empty()).then(|| self.institution.clone()),
            // An agreement's day is its own.
            last_day: self.until.filter(|_| self.agree.is_none()),
            ethics_approval: self.ethics_approval,
        };
        // A condition that was dropped would make a part of a choice the whole.
        if self.grant.is_none() && !conditions.is_empty() {
            return Err(Failure::cannot_tell(
                "only a consent has conditions: a no, and leaving, are for the whole purpose",
            ));
        }
        if let (Some(study), Some(sponsor), Some(until)) = (&self.agree, &self.sponsor, self.until) {
            let agreement = Agreement::new(study, sponsor.clone(), until).map_err(Failure::refused)?;
            return Ok(What::Agreement(agreement));
        }
        if self.leave {
            return Ok(What::Leaving {});
        }
        let choice = match (&self.grant, &self.refuse, &self.revoke) {
            (Some(purpose), ..) => Choice::granted(purpose.clone(), conditions).map_err(Failure::refused)?,
            (_, Some(purpose), _) => Choice::refused(purpose.clone()),
            (_, _, Some(purpose)) => Choice::revoked(purpose.clone()),
            (None, None, None) => return Err(Failure::cannot_tell("say what the patient chooses")),
        };
        Ok(What::Choice(choice))
    }
}

fn record(setting: &Setting, args: &RecordArgs) -> Outcome {
    let home = setting.open_patiently()?;
    let (_, version) = active_version(&home, args.table.as_deref())?;
    let patient = identifier(&args.patient)?;
    let tagger = version.tagger(&home)?;
    let tag = tagger.tag(&patient);
    require_row(&version, &tag)?;
    let mut register = Register::open(&home)?;
    let today = setting.today()?;
    let history = register.history(&tag);
    let number = history.map_or(1, History::next_number);
    let date = history.map_or(today, |history| not_before(history, today));
    let content = Content::new(home.site(), tag, number, date, args.choice.what()?, Salt::draw(&mut OsRng));
    let event = content
        .and_then(|content| content.by_clerk(&args.form))
        .map_err(|error: EventError| Failure::refused(error))?;
    let key = tagger.secret(&patient).signing_key(home.site()).public();
    take(&home, &mut register, event, today, Some(key), args.acknowledge.as_deref())
}

/// Refuses a patient who is not in the table: a choice of theirs would have no effect, and nobody would notice.
fn require_row(version: &Version, tag: &Tag) -> Result<usize, Failure> {
    let table = version.table()?;
    let limbs = tag.limbs();
    let is_row = |row: &usize| table.tags().iter().zip(limbs).all(|(column, limb)| column[*row] == limb);
    (0..table.rows()).find(is_row).ok_or_else(|| {
        let record = version.record();
        Failure::refused(format!(
            "no patient of this identifier is in version {} of table {}",
            record.version, record.table
        ))
    })
}

/// Enters an event, and acknowledges it.
fn take(
    home: &Home,
    register: &mut Register,
    event: Event,
    today: Day,
    card: Option<PublicKey>,
    out: Option<&Path>,
) -> Outcome {
    let (words, number) = (event.words(), event.number());
    register.take(vec![event.clone()], today, &|_| card)?;
    let mut text = format!("Entered event {words}\n{} wait for a batch.\n", register.waiting());
    if let Some(out) = out {
        acknowledge(home, register, event, today, out)?;
        text.push_str(&format!("The acknowledgement for the patient is in {}.\n", out.display()));
    }
    Ok(Report::new(text, json!({ "number": number, "waiting": register.waiting(), "acknowledgement": out })))
}

/// Writes an acknowledgement.
fn acknowledge(home: &Home, register: &Register, event: Event, taken: Day, out: &Path) -> Result<(), Failure> {
    let joined = home.joined()?.ok_or(StoreError::NotJoined)?;
    let key = home.member_key()?.ok_or(StoreError::NoKey)?;
    let posted = register.place(&event)?;
    let signed = Acknowledgement::sign(&joined.charter.ledger(), event, taken, posted, &key);
    let mut bytes = serde_json::to_vec_pretty(&signed).map_err(Failure::cannot_tell)?;
    bytes.push(b'\n');
    Ok(files::write(out, &bytes, Readers::Owner)?)
}

fn add(setting: &Setting, args: &AddArgs) -> Outcome {
    let home = setting.open_patiently()?;
    let length = std::fs::metadata(&args.event).map(|metadata| metadata.len());
    let unreadable = |error: std::io::Error| Failure::cannot_tell(format!("{}: {error}", args.event.display()));
    let length = length.map_err(unreadable)?;
    if length > MAX_EVENT_BYTES as u64 {
        return Err(Failure::refused(EventError::Size { found: usize::try_from(length).unwrap_or(usize::MAX) }));
    }
    let bytes = std::fs::read(&args.event).map_err(unreadable)?;
    let event = Event::parse(&bytes).map_err(|error| Failure::refused(format!("{}: {error}", args.event.display())))?;
    let (_, version) = active_version(&home, args.table.as_deref())?;
    let patient = identifier(&args.patient)?;
    let tagger = version.tagger(&home)?;
    let tag = tagger.tag(&patient);
    require_row(&version, &tag)?;
    if *event.tag() != tag {
        return Err(Failure::refused("the event is about another patient than the one who hands it in"));
    }
    let key = tagger.secret(&patient).signing_key(home.site()).public();
    let mut register = Register::open(&home)?;
    take(&home, &mut register, event, setting.today()?, Some(key), args.acknowledge.as_deref())
}

/// What the commands that post have in common.
fn on_ledger(
    setting: &Setting,
    act: impl FnOnce(&Home, &mut Consents<'_>) -> Result<serde_json::Value, Failure>,
) -> Outcome {
    let home = setting.open_patiently()?;
    let mut link = Link::open(&home)?;
    link.refresh(&home)?;
    let mut outgoing = OutgoingFile::open(&home)?;
    let (mut json, text) = {
        let mut consents = Consents::open(setting, &home, &mut link, &mut outgoing)?;
        let json = act(&home, &mut consents)?;
        (json, std::mem::take(&mut consents.text))
    };
    json["outgoing_head"] = json!(outgoing.head());
    let text = format!("{text}The record of what left ends with {}; note it elsewhere.\n", outgoing.head());
    Ok(Report::new(text, json))
}

fn post(setting: &Setting, args: &PostArgs) -> Outcome {
    on_ledger(setting, |home, consents| {
        if args.all {
            let rows = TableFolder::all(home)?
                .iter()
                .map(|tables| Ok(tables.active()?.1.manifest.declared_rows()))
                .collect::<Result<Vec<usize>, StoreError>>()?;
            consents.post_intake(rows.into_iter().max().unwrap_or(1))?;
        } else if !consents.post_of_interval()? {
            let waiting = consents.register.waiting();
            let text = format!(
                "This interval's batch was posted; {waiting} events wait for the next. With --all they go at once.\n"
            );
            consents.text.push_str(&text);
        }
        Ok(json!({ "batches": consents.register.batches().len(), "waiting": consents.register.waiting() }))
    })
}

fn epoch(setting: &Setting, args: &EpochArgs) -> Outcome {
    on_ledger(setting, |home, consents| {
        let tables = TableFolder::find(home, args.table.as_deref())?;
        let (version, committed, number) = tables.active()?;
        consents.record_of(&version.epoch_document(number, &committed.manifest)?)?;
        let epoch = consents.epoch(&tables, &args.column, args.until)?;
        let record = epoch.record();
        Ok(json!({
            "table": epoch.table(),
            "epoch_number": epoch.number(),
            "epoch": epoch.digest(),
            "cutoff": record.map(|record| record.cutoff),
            "until": record.map(|record| record.until),
            "waiting": consents.register.waiting(),
        }))
    })
}

fn acknowledge_again(setting: &Setting, args: &AcknowledgeArgs) -> Outcome {
    let home = setting.open_patiently()?;
    let (_, version) = active_version(&home, args.table.as_deref())?;
    let patient = identifier(&args.patient)?;
    let tag = version.tagger(&home)?.tag(&patient);
    let register = Register::open(&home)?;
    let place = (args.number as usize).checked_sub(1);
    let event = place.and_then(|place| register.history(&tag)?.events().get(place)).cloned();
    let event = event.ok_or_else(|| Failure::refused(format!("the patient has no event number {}", args.number)))?;
    let posted = register.place(&event)?.map(|posted| posted.batch);
    let taken =
        register.entered(&event).ok_or_else(|| Failure::cannot_tell("the day of the event's entry is not known"))?;
    let out = &args.out;
    acknowledge(&home, &register, event, taken, out)?;
    let state = posted.map_or_else(|| "not posted yet".to_owned(), |batch| format!("posted in batch {batch}"));
    let text = format!("The acknowledgement of event {}, {state}, is in {}.\n", args.number, out.display());
    Ok(Report::new(text, json!({ "number": args.number, "batch": posted, "acknowledgement": out })))
}

fn status(setting: &Setting) -> Outcome {
    let home = setting.open(Access::Read)?;
    let register = Register::open(&home)?;
    let (patients, left) = (register.tags().count(), register.left().len());
    let (batches, waiting) = (register.batches().len(), register.waiting());
    let text = format!(
        "{patients} patients have a consent event, {left} have left; {batches} batches were made, {waiting} events wait.\n"
    );
    let json = json!({ "patients": patients, "left": left, "batches": batches, "waiting": waiting });
    Ok(Report::new(text, json))
}
