//! The rules of consent: batches of events at fixed intervals, and epochs that include every one of them.

use cohortium_protocol::commit::{ConsentEpoch, EventRecord};
use cohortium_protocol::ledger::{Batch, ConsentRules, Member, Timestamp, events_root};
use cohortium_protocol::table::Day;

use super::refusal::Refusal;
use super::state::{PostedBatch, State};

/// The interval that a moment is in.
const fn interval(time: Timestamp, rules: &ConsentRules) -> u64 {
    time.unix() / rules.batch_seconds
}

impl State {
    /// A batch of the interval's size stands alone in its interval. A larger one takes in many events at once and may come
    /// at any time: that it was posted tells that there was an import, and nothing about anybody.
    pub(super) fn consents(
        &mut self,
        member: &Member,
        batch: Batch,
        index: u64,
        time: Timestamp,
    ) -> Result<(), Refusal> {
        let rules = self.charter.consent_rules();
        let posted = self.sites.get(&member.name).map_or(&[][..], |site| &site.consents);
        let next = posted.len() as u64 + 1;
        if u64::from(batch.number) != next {
            let rule = format!("the next is {next}");
            return Err(Refusal::Number { what: "batch of consent events", found: u64::from(batch.number), rule });
        }
        if batch.leaves < rules.batch_leaves {
            return Err(Refusal::BatchSize { found: batch.leaves, least: rules.batch_leaves });
        }
        let now = interval(time, &rules);
        let of_interval = |posted: &&PostedBatch| posted.batch.leaves == rules.batch_leaves;
        if batch.leaves == rules.batch_leaves
            && let Some(last) = posted.iter().rev().find(of_interval)
            && interval(last.time, &rules) >= now
        {
            let next = Timestamp::from_unix((now + 1).saturating_mul(rules.batch_seconds));
            return Err(Refusal::BatchInterval { site: member.name.clone(), last: last.time, next });
        }
        let site = self.sites.entry(member.name.clone()).or_default();
        site.consents.push(PostedBatch { batch, index, time });
        Ok(())
    }
}

/// Whether an epoch includes every event that the site has posted, the last of them lately, and ends in time.
pub(super) fn check_record(
    epoch: &ConsentEpoch,
    posted: &[PostedBatch],
    rules: &ConsentRules,
    time: Timestamp,
) -> Result<(), Refusal> {
    let EventRecord { cutoff, events, until } = epoch.record().ok_or(Refusal::NoRecord)?;
    let batches = posted.len() as u64;
    if u64::from(*cutoff) != batches {
        return Err(Refusal::Cutoff { found: *cutoff, batches });
    }
    let root = events_root(posted.iter().map(|posted| &posted.batch));
    if *events != root {
        return Err(Refusal::Events { cutoff: *cutoff, found: *events, required: root });
    }
    // A site that posts nothing any more would let revocations wait outside of every epoch.
    let oldest = time.unix().saturating_sub(2 * rules.batch_seconds);
    match posted.last() {
        Some(last) if last.time.unix() >= oldest => {}
        last => {
            let last = last.map(|last| last.time);
            return Err(Refusal::StaleEvents { last, seconds: 2 * rules.batch_seconds });
        }
    }
    let last = latest(time.day(), rules.epoch_days);
    if *until < time.day() || *until > last {
        return Err(Refusal::Until { found: *until, today: time.day(), last });
    }
    Ok(())
}

/// The last day on which an epoch that is posted on a day may be queried.
pub fn latest(day: Day, days: u32) -> Day {
    let days = u32::from(day.days()).saturating_add(days);
    u16::try_from(days).ok().and_then(Day::from_days).unwrap_or(Day::LAST)
}

/// Refuses a query over an epoch past its last day.
pub(super) fn check_age(site: &str, epoch: &ConsentEpoch, time: Timestamp) -> Result<(), Refusal> {
    let until = epoch.record().ok_or(Refusal::NoRecord)?.until;
    if time.day() <= until {
        return Ok(());
    }
    Err(Refusal::EpochEnded { site: site.to_owned(), until, today: time.day() })
}
