//! The choices in force, and the rule by which they cover a request.

use std::collections::BTreeMap;

use super::choice::{Choice, Conditions, Decision};
use super::coverage::{Coverage, UseRequest};
use super::purpose::Purpose;
use crate::table::{Day, SponsorClass};

/// A choice in force, and what it hangs on beside its own conditions.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Standing {
    /// The choice.
    pub choice: Choice,
    /// The day on which it was made.
    pub since: Day,
    /// The office in which it was made, by its place in the history; nothing if the patient or the clerk made it.
    pub office: Option<usize>,
    /// From this day on it no longer counts, since the office of the guardian who made it is over.
    pub lapses: Option<Day>,
    /// Whether it is a guardian's consent that took the place of a refusal or a revocation, which comes back when it lapses.
    pub over_refusal: bool,
}

impl Standing {
    fn is_lapsed_on(&self, day: Day) -> bool {
        self.lapses.is_some_and(|lapses| lapses <= day)
    }

    /// Whether it says no on some day up to this one.
    pub(super) fn refuses(&self, last: Day) -> bool {
        match self.choice.decision() {
            Decision::Granted => self.over_refusal && self.is_lapsed_on(last),
            Decision::Refused | Decision::Revoked => true,
        }
    }

    /// Whether this choice, as the nearest, covers a request.
    fn covers(&self, request: &UseRequest) -> Coverage {
        if self.choice.decision() != Decision::Granted {
            return Coverage::Refused { purpose: self.choice.purpose().clone() };
        }
        let (first, last) = (request.days.first(), request.days.last());
        let Conditions { not_commercial, institutions, last_day, ethics_approval } = self.choice.conditions();
        if *not_commercial && request.sponsor == SponsorClass::Commercial {
            return Coverage::Commercial;
        }
        if let Some(names) = institutions
            && !request.institution.as_ref().is_some_and(|name| names.contains(name))
        {
            return Coverage::Institution;
        }
        if *ethics_approval && !request.ethics_approved {
            return Coverage::NoEthicsApproval;
        }
        match *last_day {
            Some(last_day) if last_day < last => return Coverage::TooLate { last_day },
            _ if self.is_lapsed_on(last) => return Coverage::Lapsed,
            _ => {}
        }
        if first < self.since { Coverage::NotYet { since: self.since } } else { Coverage::Covered }
    }
}

/// The choices in force, one a purpose.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Standings(BTreeMap<Purpose, Standing>);

impl Standings {
    /// No choices.
    pub const fn none() -> Self {
        Self(BTreeMap::new())
    }

    /// Makes a choice, in the place of the one for the same purpose.
    pub fn choose(&mut self, choice: Choice, since: Day) {
        self.enter(Standing { choice, since, office: None, lapses: None, over_refusal: false });
    }

    pub(super) fn enter(&mut self, standing: Standing) {
        self.0.insert(standing.choice.purpose().clone(), standing);
    }

    pub(super) fn all_mut(&mut self) -> impl Iterator<Item = &mut Standing> {
        self.0.values_mut()
    }

    /// Consents end; refusals and revocations stay, those too that a guardian's consent stood over.
    pub(super) fn end_consents(&mut self) {
        for standing in self.0.values_mut().filter(|standing| standing.over_refusal) {
            standing.choice = Choice::revoked(standing.choice.purpose().clone());
            (standing.lapses, standing.over_refusal) = (None, false);
        }
        self.0.retain(|_, standing| standing.choice.decision() != Decision::Granted);
    }

    /// The choice for exactly this purpose.
    pub fn get(&self, purpose: &Purpose) -> Option<&Standing> {
        self.0.get(purpose)
    }

    /// The choices, by purpose.
    pub fn iter(&self) -> impl Iterator<Item = &Standing> {
        self.0.values()
    }

    /// Whether a request is covered: the nearest choice at or above its purpose is a consent whose conditions are met on
    /// all its days, and nothing inside its purpose was refused or revoked. No wider choice helps where the nearest fails.
    pub fn covers(&self, request: &UseRequest) -> Coverage {
        let last = request.days.last();
        let inside = |standing: &&Standing| request.purpose.is_wider_than(standing.choice.purpose());
        if let Some(narrower) = self.0.values().filter(inside).find(|standing| standing.refuses(last)) {
            return Coverage::NarrowerRefused { purpose: narrower.choice.purpose().clone() };
        }
        match request.purpose.upwards().iter().find_map(|purpose| self.0.get(purpose)) {
            None => Coverage::NoChoice,
            Some(nearest) => nearest.covers(request),
        }
    }
}
