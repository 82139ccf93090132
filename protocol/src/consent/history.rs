//! A tag's history: its events in the order of their numbers, each checked, and the state they come to.

use std::fmt;

use super::agreement::{Agreed, Agreement};
use super::choice::{Choice, Decision};
use super::coverage::{Coverage, Days, UseRequest};
use super::event::{By, Event, What};
use super::rules::{Broken, Office, OfficeKind};
use super::standing::{Standing, Standings};
use crate::ledger::PublicKey;
use crate::table::{ConsentColumn, Day, Institution, Tag};

/// Days between the date of a representative's event and the day on which it is posted, at most: later, nobody can tell
/// whether it was made in office.
pub const MAX_DAYS_TO_POST: u16 = 31;
/// Days by which a date may be after the day of posting: the patient's day may have begun before the ledger's.
const MAX_DAYS_AHEAD: u16 = 1;

/// Why an event does not go on from a history.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum HistoryError {
    /// It breaks a rule.
    #[error("the consent event number {number} is refused: {broken}")]
    Broken {
        /// The event's number.
        number: u32,
        /// The rule.
        broken: Box<Broken>,
    },
    /// Two events of one number, both right where they stand: one of them was hidden from somebody.
    #[error("there are two different consent events number {number}; both are kept as evidence")]
    Conflict {
        /// The number.
        number: u32,
        /// The one in the history.
        first: Box<Event>,
        /// The other one.
        second: Box<Event>,
    },
}

/// A tag's events and the state they come to. Secret: it says what a patient chose.
#[derive(Clone, PartialEq, Eq)]
pub struct History {
    site: String,
    tag: Tag,
    card: Option<PublicKey>,
    events: Vec<Event>,
    state: State,
}

#[derive(Clone, PartialEq, Eq, Default)]
struct State {
    key: Option<PublicKey>,
    had_key: bool,
    offices: Vec<Office>,
    choices: Standings,
    agreements: Vec<Agreed>,
    left: bool,
    date: Option<Day>,
}

impl History {
    /// A history without events, of a tag at a site. `card` is the key that follows from the tag's card
    /// ([`PatientSecret::signing_key`](crate::table::PatientSecret::signing_key)), where it is known: the hospital and the
    /// patient know it. Where it is not, no key can be bound with the card.
    pub fn new(site: &str, tag: Tag, card: Option<PublicKey>) -> Self {
        Self { site: site.to_owned(), tag, card, events: Vec::new(), state: State::default() }
    }

    /// A history from a tag's events, in any order, each with the day on which it was posted, where that is known. Refuses
    /// the first that breaks a rule.
    pub fn of(
        site: &str,
        tag: Tag,
        card: Option<PublicKey>,
        events: impl IntoIterator<Item = (Event, Option<Day>)>,
    ) -> Result<Self, HistoryError> {
        let mut events: Vec<_> = events.into_iter().collect();
        events.sort_by_key(|(event, _)| event.number());
        let mut history = Self::new(site, tag, card);
        for (event, posted) in events {
            history.push(event, posted)?;
        }
        Ok(history)
    }

    /// Adds the next event. `posted` is the day on which it is posted, where that is known; whoever takes events in knows
    /// it, and an event that is dated far ahead would keep all others out. Where it is refused, nothing has changed.
    pub fn push(&mut self, event: Event, posted: Option<Day>) -> Result<(), HistoryError> {
        let number = event.number();
        if let Some(first) = self.events.get(number as usize - 1) {
            return Err(self.twice(first, event, posted));
        }
        let office = self.check(&event, posted).map_err(|broken| HistoryError::Broken { number, broken })?;
        self.state.enter(&event, office);
        self.events.push(event);
        Ok(())
    }

    /// What is said of a second event of one number: evidence only if it keeps the rules where it stands, or anybody could
    /// make some.
    fn twice(&self, first: &Event, second: Event, posted: Option<Day>) -> HistoryError {
        let number = second.number();
        let broken = |broken| HistoryError::Broken { number, broken };
        if first.digest() == second.digest() {
            return broken(Box::new(Broken::Repeated));
        }
        let mut before = Self::new(&self.site, self.tag, self.card);
        for event in &self.events[..number as usize - 1] {
            // They were checked when they came.
            let office = before.office_of(event);
            before.state.enter(event, office);
            before.events.push(event.clone());
        }
        match before.check(&second, posted) {
            Err(rule) => broken(rule),
            Ok(_) => HistoryError::Conflict { number, first: Box::new(first.clone()), second: Box::new(second) },
        }
    }

    /// The office, by its place, in which an event is said, if it is a representative's.
    fn office_of(&self, event: &Event) -> Option<usize> {
        let By::Representative { key, .. } = event.by() else { return None };
        self.state.offices.iter().position(|office| office.key == *key && office.is_held_on(event.date()))
    }

    /// Checks the next event; returns the office in which it is said.
    fn check(&self, event: &Event, posted: Option<Day>) -> Result<Option<usize>, Box<Broken>> {
        let (state, date) = (&self.state, event.date());
        if event.site() != self.site {
            return Err(Broken::Site { found: event.site().to_owned(), expected: self.site.clone() }.into());
        }
        if *event.tag() != self.tag {
            return Err(Broken::Tag.into());
        }
        if event.number() != self.next_number() {
            return Err(Broken::Number { next: self.next_number() }.into());
        }
        if let Some(before) = state.date.filter(|before| date < *before) {
            return Err(Broken::Backdated { found: date, before }.into());
        }
        if let Some(posted) = posted.filter(|posted| date.days() > posted.days().saturating_add(MAX_DAYS_AHEAD)) {
            return Err(Broken::Postdated { found: date, posted }.into());
        }
        let by_clerk = matches!(event.by(), By::Clerk { .. });
        if state.left && !(by_clerk && matches!(event.what(), What::Key { .. })) {
            return Err(Broken::Left.into());
        }
        let office = self.check_by(event, posted)?;
        state.check_what(event.what(), date)?;
        Ok(office)
    }

    /// Whether whoever says it may say it.
    fn check_by(&self, event: &Event, posted: Option<Day>) -> Result<Option<usize>, Box<Broken>> {
        let (state, date) = (&self.state, event.date());
        let signature = |key: &PublicKey| event.check_signature(key).map_err(|error| Broken::Signature(error).into());
        match event.by() {
            By::Clerk { .. } => Ok(None),
            By::Patient { .. } => signature(&state.key.ok_or(Broken::NoKey)?).map(|()| None),
            By::Card { .. } => {
                let What::Key { key } = event.what() else {
                    return Err(Broken::Card { found: event.what().kind() }.into());
                };
                if state.had_key {
                    return Err(Broken::CardAgain.into());
                }
                if self.card != Some(*key) {
                    return Err(Broken::CardKey { found: Box::new(*key) }.into());
                }
                signature(key).map(|()| None)
            }
            By::Representative { key, .. } => {
                let in_office = self.office_of(event);
                let place = in_office.ok_or_else(|| Broken::NotInOffice { key: Box::new(*key), date })?;
                signature(key)?;
                let late = |posted: &Day| posted.days().saturating_sub(date.days()) > MAX_DAYS_TO_POST;
                if let Some(posted) = posted.filter(late) {
                    return Err(Broken::Late { found: date, posted }.into());
                }
                let may = match event.what() {
                    What::Choice(_) | What::Agreement(_) | What::Leaving {} => true,
                    What::EndOfOffice { key: whose } => whose == key,
                    What::Key { .. } | What::Representative { .. } => false,
                };
                if !may {
                    let (kind, found) = (state.offices[place].kind, event.what().kind());
                    return Err(Broken::PatientsOwn { kind, found }.into());
                }
                Ok(Some(place))
            }
        }
    }

    /// The number of the next event.
    pub fn next_number(&self) -> u32 {
        u32::try_from(self.events.len()).unwrap_or(u32::MAX).saturating_add(1)
    }

    /// The events, in the order of their numbers.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// The choices in force.
    pub fn choices(&self) -> &Standings {
        &self.state.choices
    }

    /// The patient's key.
    pub fn key(&self) -> Option<&PublicKey> {
        self.state.key.as_ref()
    }

    /// All offices that there were, in the order in which they began.
    pub fn offices(&self) -> &[Office] {
        &self.state.offices
    }

    /// Whether the patient has left and has not come back.
    pub fn has_left(&self) -> bool {
        self.state.left
    }

    /// The agreements that count on all of these days.
    pub fn agreements(&self, days: Days) -> impl Iterator<Item = &Agreement> {
        self.state.agreements.iter().filter(move |agreed| agreed.counts(days)).map(|agreed| &agreed.agreement)
    }

    /// Whether the patient may be offered to a study of a sponsor on all of these days.
    pub fn agrees(&self, study: &str, sponsor: &Institution, days: Days) -> bool {
        self.agreements(days).any(|agreement| agreement.is_for(study, sponsor))
    }

    /// Whether a request is covered, or why not.
    pub fn covers(&self, request: &UseRequest) -> Coverage {
        if self.state.left { Coverage::Left } else { self.state.choices.covers(request) }
    }

    /// The flag of each consent column, in their order, for use on these days. `ethics_approved`: whether an ethics board
    /// has approved whatever is asked, as it has of every query on a ledger.
    pub fn flags(&self, columns: &[ConsentColumn], days: Days, ethics_approved: bool) -> Vec<bool> {
        let flag = |column| {
            let request = UseRequest::of_column(column, ethics_approved, days);
            request.is_some_and(|request| self.covers(&request).is_covered())
        };
        columns.iter().map(flag).collect()
    }
}

impl State {
    fn holds_office(&self, key: &PublicKey, date: Day) -> bool {
        self.offices.iter().any(|office| office.key == *key && office.is_held_on(date))
    }

    fn check_what(&self, what: &What, date: Day) -> Result<(), Box<Broken>> {
        let in_use = |key: &PublicKey, whose| Err(Broken::KeyInUse { key: Box::new(*key), whose }.into());
        match what {
            What::Key { key } | What::Representative { key, .. } if self.holds_office(key, date) => {
                in_use(key, "a representative's in office")
            }
            What::Representative { key, .. } if self.key == Some(*key) => in_use(key, "the patient's"),
            What::Representative { last_day: Some(last_day), .. } if *last_day < date => {
                Err(Broken::OfficeOver { last_day: *last_day, date }.into())
            }
            What::EndOfOffice { key } if !self.holds_office(key, date) => {
                Err(Broken::NoOffice { key: Box::new(*key) }.into())
            }
            _ => Ok(()),
        }
    }

    /// From when on what is said in an office lapses, as far as is known: from the day after a guardian's last.
    fn lapses(&self, office: Option<usize>) -> Option<Day> {
        let office = self.offices.get(office?).filter(|office| office.kind == OfficeKind::Guardian)?;
        Day::from_days(office.last_day?.days().saturating_add(1))
    }

    fn enter(&mut self, event: &Event, office: Option<usize>) {
        let date = event.date();
        self.date = Some(date);
        match event.what() {
            What::Choice(choice) => self.choose(choice, date, office),
            What::Key { key } => {
                (self.key, self.had_key, self.left) = (Some(*key), true, false);
            }
            What::Representative { key, kind, last_day } => {
                let (key, kind, last_day) = (*key, *kind, *last_day);
                self.offices.push(Office { key, kind, since: date, last_day, ended: None });
            }
            What::EndOfOffice { key } => {
                let held = |office: &Office| office.key == *key && office.is_held_on(date);
                if let Some(place) = self.offices.iter().position(held) {
                    self.end_office(place, date);
                }
            }
            What::Agreement(agreement) => {
                let same = |before: &Agreed| before.agreement.is_for(agreement.study(), agreement.sponsor());
                self.agreements.retain(|before| !same(before));
                let (agreement, lapses) = (agreement.clone(), self.lapses(office));
                self.agreements.push(Agreed { agreement, since: date, office, lapses });
            }
            What::Leaving {} => {
                self.choices.end_consents();
                self.agreements.clear();
                self.offices
                    .iter_mut()
                    .filter(|office| office.ended.is_none())
                    .for_each(|office| office.ended = Some(date));
                (self.key, self.left) = (None, true);
            }
        }
    }

    fn choose(&mut self, choice: &Choice, since: Day, office: Option<usize>) {
        let is_guardians = office.is_some_and(|place| self.offices[place].kind == OfficeKind::Guardian);
        let before = self.choices.get(choice.purpose());
        let over_refusal = is_guardians
            && choice.decision() == Decision::Granted
            && before.is_some_and(|before| before.choice.decision() != Decision::Granted || before.over_refusal);
        // Refusals and revocations never lapse.
        let lapses = if choice.decision() == Decision::Granted { self.lapses(office) } else { None };
        self.choices.enter(Standing { choice: choice.clone(), since, office, lapses, over_refusal });
    }

    /// What a guardian consented to lapses on the day on which the office is ended.
    fn end_office(&mut self, place: usize, date: Day) {
        self.offices[place].ended = Some(date);
        if self.offices[place].kind != OfficeKind::Guardian {
            return;
        }
        let earlier = |lapses: Option<Day>| Some(lapses.map_or(date, |before| before.min(date)));
        for standing in self.choices.all_mut().filter(|standing| standing.office == Some(place)) {
            if standing.choice.decision() == Decision::Granted {
                standing.lapses = earlier(standing.lapses);
            }
        }
        for agreed in self.agreements.iter_mut().filter(|agreed| agreed.office == Some(place)) {
            agreed.lapses = earlier(agreed.lapses);
        }
    }
}

impl fmt::Debug for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("History(secret)")
    }
}
