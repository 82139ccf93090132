//! From a file of consent flags to consent events: what the clerk entered from paper.
//!
//! A flag is a choice about its purpose. What no choice can say, such as a consent to companies alone, is no consent.

use std::collections::BTreeMap;

use cohortium_protocol::consent::{
    By, Choice, Conditions, Content, Decision, Event, EventError, History, Purpose, Salt, Standings, What,
};
use cohortium_protocol::table::{ConsentColumn, ConsentTable, Day, SponsorClass, Table, Tag};
use rand::{CryptoRng, RngCore};

use crate::cli::Failure;
use crate::store::Register;

/// What a consent file comes to.
#[derive(Default)]
pub(super) struct Intake {
    /// The events.
    pub(super) events: Vec<Event>,
    /// Rows with a consent that no choice can say: counted, never named.
    pub(super) inexpressible: usize,
    /// Rows with a consent whose patient has said no by themselves, or has left: no file takes that back, and they are
    /// counted, never named.
    pub(super) refused: usize,
    /// Columns of purposes that no choice is about.
    pub(super) unknown: Vec<ConsentColumn>,
}

impl Intake {
    /// What a file says and does not come to an event, a sentence a line.
    pub(super) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.inexpressible > 0 {
            notes.push(format!(
                "{} rows consent to companies and not to universities: no choice says that, and they count as no",
                self.inexpressible
            ));
        }
        if self.refused > 0 {
            notes.push(format!(
                "{} rows consent where the patient has said no since, or has left: that stays until they say otherwise",
                self.refused
            ));
        }
        if !self.unknown.is_empty() {
            let unknown: Vec<String> = self.unknown.iter().map(ToString::to_string).collect();
            notes.push(format!("no choice is about {}: in these columns everybody counts as no", unknown.join(", ")));
        }
        notes
    }
}

/// Both kinds of sponsor's columns of one purpose.
#[derive(Clone, Copy, Default)]
struct Classes<'a> {
    academic: Option<&'a [u16]>,
    commercial: Option<&'a [u16]>,
}

/// The events that bring what is known of every row to what a file says.
pub(super) fn events_of(
    (site, register): (&str, &Register),
    (table, consents): (&Table, &ConsentTable),
    (form, today): (&str, Day),
    rng: &mut (impl RngCore + CryptoRng),
) -> Result<Intake, Failure> {
    let mut intake = Intake::default();
    let mut purposes: BTreeMap<Purpose, Classes<'_>> = BTreeMap::new();
    for (column, flags) in consents.columns() {
        match (Purpose::of(column), column.institution()) {
            (Some(purpose), None) => {
                let classes = purposes.entry(purpose).or_default();
                match column.sponsor() {
                    SponsorClass::Academic => classes.academic = Some(flags),
                    SponsorClass::Commercial => classes.commercial = Some(flags),
                }
            }
            _ => intake.unknown.push(column.clone()),
        }
    }
    for row in 0..table.rows() {
        let tag = Tag::from_limbs(std::array::from_fn(|limb| table.tags()[limb][row]));
        let history = register.history(&tag);
        let none = Standings::none();
        let standing = history.map_or(&none, History::choices);
        let mut number = history.map_or(1, History::next_number);
        let date = history.map_or(today, |history| not_before(history, today));
        let (mut inexpressible, mut refused) = (false, false);
        for choice in choices(&purposes, row, standing, &mut inexpressible) {
            if history.is_some_and(|history| history.has_left() || is_own_no(history, &choice)) {
                refused |= choice.decision() == Decision::Granted;
                continue;
            }
            let content = Content::new(site, tag, number, date, What::Choice(choice), Salt::draw(rng));
            let event = content.and_then(|content| content.by_clerk(form));
            intake.events.push(event.map_err(|error: EventError| Failure::refused(error))?);
            number += 1;
        }
        intake.inexpressible += usize::from(inexpressible);
        intake.refused += usize::from(refused);
    }
    Ok(intake)
}

/// The day of a new event: today, or the last event's, where the patient's day began before the hospital's.
pub(super) fn not_before(history: &History, today: Day) -> Day {
    history.events().last().map_or(today, |last| today.max(last.date()))
}

/// How the form is called that the choices of a consent file refer to.
pub(super) const CONSENT_FILE: &str = "consent file";

/// Whether a choice would take back a no that the patient, or who decides for them, has signed, or that was entered by itself
/// from a form. A file is as old as nobody knows; a form that is newer is entered by itself.
pub(super) fn is_own_no(history: &History, choice: &Choice) -> bool {
    let about = |event: &&Event| matches!(event.what(), What::Choice(said) if said.purpose() == choice.purpose());
    let last = history.events().iter().rev().find(about);
    choice.decision() == Decision::Granted
        && last.is_some_and(|event| match event.what() {
            What::Choice(said) => said.decision() != Decision::Granted && !is_of_file(event),
            _ => false,
        })
}

/// Whether a choice was entered from this form before.
pub(super) fn has_entered(history: &History, choice: &Choice, form: &str) -> bool {
    let what = What::Choice(choice.clone());
    let is_it = |event: &Event| *event.what() == what && matches!(event.by(), By::Clerk { form: of } if of == form);
    history.events().iter().any(is_it)
}

fn is_of_file(event: &Event) -> bool {
    matches!(event.by(), By::Clerk { form } if form.starts_with(CONSENT_FILE))
}

/// The choices that a row's flags stand for and that are not in force yet, the widest purpose first.
fn choices(
    purposes: &BTreeMap<Purpose, Classes<'_>>,
    row: usize,
    standing: &Standings,
    inexpressible: &mut bool,
) -> Vec<Choice> {
    let says = |flags: Option<&[u16]>| flags.is_some_and(|flags| flags.get(row) == Some(&1));
    let mut wanted = Vec::new();
    // The order of purposes is from the widest on.
    for (purpose, classes) in purposes {
        let (academic, commercial) = (says(classes.academic), says(classes.commercial));
        *inexpressible |= commercial && !academic;
        let granted = academic.then(|| {
            let conditions = Conditions { not_commercial: !commercial, ..Conditions::default() };
            Choice::granted(purpose.clone(), conditions).ok()
        });
        let wider_granted = wanted
            .iter()
            .any(|choice: &Choice| choice.decision() == Decision::Granted && choice.purpose().is_wider_than(purpose));
        let before = standing.get(purpose).map(|standing| &standing.choice);
        let choice = match granted.flatten() {
            Some(choice) => choice,
            // A no takes back a yes, and stands out from a wider yes; elsewhere nothing said is no already.
            None if before.is_some_and(|choice| choice.decision() == Decision::Granted) => {
                Choice::revoked(purpose.clone())
            }
            None if wider_granted => Choice::refused(purpose.clone()),
            None => continue,
        };
        wanted.push(choice);
    }
    let in_force = |choice: &Choice| {
        let before = standing.get(choice.purpose()).map(|standing| &standing.choice);
        let both_no =
            |before: &Choice| before.decision() != Decision::Granted && choice.decision() != Decision::Granted;
        before.is_some_and(|before| before == choice || both_no(before))
    };
    wanted.into_iter().filter(|choice| !in_force(choice)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn purposes<'a>(flags: &'a [(&str, [u16; 2])]) -> BTreeMap<Purpose, Classes<'a>> {
        let mut all: BTreeMap<Purpose, Classes<'a>> = BTreeMap::new();
        for (purpose, [academic, commercial]) in flags {
            let classes = Classes {
                academic: Some(std::slice::from_ref(academic)),
                commercial: Some(std::slice::from_ref(commercial)),
            };
            all.insert(purpose.parse().unwrap(), classes);
        }
        all
    }

    fn words(flags: &[(&str, [u16; 2])], standing: &Standings) -> (Vec<String>, bool) {
        let mut inexpressible = false;
        let choices = choices(&purposes(flags), 0, standing, &mut inexpressible);
        (choices.iter().map(Choice::words).collect(), inexpressible)
    }

    #[test]
    fn flags_are_choices() {
        let none = Standings::none();
        let general = |flags| words(&[("DUO:0000042", flags)], &none);
        assert_eq!(general([1, 1]), (vec!["yes to research of any kind".to_owned()], false));
        assert_eq!(general([1, 0]), (vec!["yes to research of any kind, not by companies".to_owned()], false));
        assert_eq!(general([0, 0]), (Vec::new(), false));
        // Companies alone: no choice says that, so it is none.
        assert_eq!(general([0, 1]), (Vec::new(), true));
        // A narrower no beside a wider yes has to be said, or the yes would cover it.
        let both = words(&[("DUO:0000042", [1, 1]), ("DUO:0000006", [0, 0])], &none).0;
        assert_eq!(both.len(), 2);
        assert!(both[1].starts_with("no to research about health"), "{both:?}");
    }

    #[test]
    fn what_is_in_force_is_not_said_again_and_a_yes_is_taken_back() {
        let mut standing = Standings::none();
        let yes = Choice::granted("DUO:0000042".parse().unwrap(), Conditions::default()).unwrap();
        standing.choose(yes, "2026-01-01".parse().unwrap());
        let general = |flags, standing: &Standings| words(&[("DUO:0000042", flags)], standing).0;
        assert!(general([1, 1], &standing).is_empty());
        assert_eq!(general([0, 0], &standing), ["no longer research of any kind"]);
        assert_eq!(general([1, 0], &standing), ["yes to research of any kind, not by companies"]);
        standing.choose(Choice::revoked("DUO:0000042".parse().unwrap()), "2026-01-02".parse().unwrap());
        assert!(general([0, 0], &standing).is_empty());
        assert_eq!(general([1, 1], &standing).len(), 1);
    }

    #[test]
    fn a_file_does_not_take_back_what_a_patient_said() {
        use cohortium_protocol::table::PatientSecret;

        let (site, card) = ("north", PatientSecret::from_card(&"07".repeat(32)).unwrap());
        let (tag, key) = (card.tag(site), card.signing_key(site));
        let mut history = History::new(site, tag, Some(key.public()));
        let mut say = |what, sign: &dyn Fn(Content) -> Event| {
            let salt = Salt::draw(&mut rand::rngs::OsRng);
            let content = Content::new(site, tag, history.next_number(), "2026-03-01".parse().unwrap(), what, salt);
            history.push(sign(content.unwrap()), None).unwrap();
            history.clone()
        };
        let purpose = || "DUO:0000042".parse::<Purpose>().unwrap();
        let yes = Choice::granted(purpose(), Conditions::default()).unwrap();
        let no = || What::Choice(Choice::revoked(purpose()));
        let clerk = |content: Content| content.by_clerk(&format!("{CONSENT_FILE} consents.csv")).unwrap();
        let by_itself = |content: Content| content.by_clerk("form 1").unwrap();
        say(What::Key { key: key.public() }, &|content| content.by_card(&key));
        // What came from a file follows the file; a form that was entered by itself does not.
        assert!(!is_own_no(&say(no(), &clerk), &yes));
        assert!(is_own_no(&say(no(), &|content| content.by_patient(&key)), &yes));
        assert!(is_own_no(&say(no(), &by_itself), &yes));
        assert!(!is_own_no(&say(no(), &clerk), &Choice::refused(purpose())));
        let other = Choice::granted("DUO:0000006".parse().unwrap(), Conditions::default()).unwrap();
        assert!(!is_own_no(&say(no(), &|content| content.by_patient(&key)), &other));
        // A form that was entered by itself is later than the signature.
        assert!(!is_own_no(&say(What::Choice(yes.clone()), &by_itself), &yes));
    }
    /// A resource that is read again brings nothing back; a new day is not before the last event's.
    #[test]
    fn a_form_is_entered_once_and_days_go_on() {
        let day = |text: &str| text.parse::<Day>().unwrap();
        let card = cohortium_protocol::table::PatientSecret::from_card(&"08".repeat(32)).unwrap();
        let mut history = History::new("north", card.tag("north"), None);
        let yes = Choice::granted("DUO:0000042".parse().unwrap(), Conditions::default()).unwrap();
        let no = Choice::revoked("DUO:0000042".parse().unwrap());
        for (choice, form) in [(&yes, "consent-1"), (&no, "2026/7")] {
            let what = What::Choice(choice.clone());
            let salt = Salt::draw(&mut rand::rngs::OsRng);
            let tag = card.tag("north");
            let content = Content::new("north", tag, history.next_number(), day("2026-03-02"), what, salt).unwrap();
            history.push(content.by_clerk(form).unwrap(), None).unwrap();
        }
        assert!(has_entered(&history, &yes, "consent-1"));
        assert!(!has_entered(&history, &yes, "consent-2") && !has_entered(&history, &no, "consent-1"));
        assert_eq!(not_before(&history, day("2026-03-01")), day("2026-03-02"));
        assert_eq!(not_before(&history, day("2026-03-05")), day("2026-03-05"));
    }
}
