//! `follow`: what has become of a query, site by site, and how long there is to go.

use std::time::Duration;
use std::time::Instant;

use cohortium_protocol::ledger::Timestamp;
use cohortium_verifier::ledger::{QueryStatus, SiteStatus};

use super::super::args::FollowArgs;
use super::super::{Outcome, Report, Setting, setting};
use super::open::{Opened, open};
use super::value;
use crate::answers::{Nonces, QueryDetail, QuerySummary};
use crate::retry::RetryPolicy;
use crate::words::left;

pub(crate) fn run(setting: &Setting, args: &FollowArgs) -> Outcome {
    let id = setting::digest("a query's id", &args.id)?;
    let client = setting.client()?;
    let begun = Instant::now();
    let mut shown = String::new();
    let mut opening = Opening::default();
    loop {
        // A watcher that runs for days outlives a restart of the service.
        let policy = if args.wait { RetryPolicy::default() } else { RetryPolicy::ONCE };
        let QueryDetail { summary, nonces, .. } = policy.run(|| client.query(&id))?;
        if let (true, Some(Nonces { settled: true, sponsor: None, .. })) = (args.wait, nonces) {
            opening.try_own(setting, &summary);
        }
        let open = summary.sites.values().any(|site| is_open(&site.state));
        let text = describe(&summary, setting.now());
        if !args.wait || !open {
            let answered = matches!(summary.status.state, QueryStatus::Answered { .. });
            let exit = if args.wait && !answered { 1 } else { 0 };
            return Ok(Report::new(text, value(&summary)).exiting(exit));
        }
        // The time left changes all the while; that alone is not worth another screen.
        let state = states(&summary);
        if state != shown {
            setting.console.show(&text);
            shown = state;
        }
        let every = Duration::from_secs(args.every);
        let pause = match args.at_most.map(Duration::from_secs) {
            None => every,
            Some(most) if begun.elapsed() >= most => {
                return Ok(Report::new("Not decided in this time.\n", value(&summary)).exiting(2));
            }
            Some(most) => every.min(most.saturating_sub(begun.elapsed())),
        };
        std::thread::sleep(pause);
    }
}

/// The opening of this sponsor's own nonce.
#[derive(Default)]
struct Opening {
    /// Nothing is left to do, or to be done from here.
    done: bool,
    /// What was said last.
    said: String,
}

impl Opening {
    /// Opens this sponsor's nonce, if its key is here. Says so, or why it could not be, and then tries again the next time:
    /// a query is void for ever if it is not opened.
    fn try_own(&mut self, setting: &Setting, summary: &QuerySummary) {
        // Without an acceptance there is nothing to answer, and nothing is opened.
        let accepted = summary.sites.values().any(|site| matches!(site.state, SiteStatus::AwaitingBeacon { .. }));
        if self.done || !accepted {
            return;
        }
        let own = || setting.charter().and_then(|charter| setting.member(&charter));
        let (done, said) = match own() {
            Err(_) => (
                true,
                format!(
                    "every site has decided; open your nonce: cohortium-sponsor open {} (or give your key with --key)",
                    summary.id
                ),
            ),
            Ok((name, key)) => match open(setting, &summary.id, (&name, &key)) {
                Ok(Opened { posted, .. }) => {
                    (true, format!("every site has decided; your nonce is open since {}", posted.time))
                }
                Err(failure) => (false, format!("your nonce is not open yet: {}; trying again", failure.sentence)),
            },
        };
        if said != self.said {
            setting.console.note(&said);
        }
        (self.done, self.said) = (done, said);
    }
}

/// Whether something can still happen at a site.
fn is_open(status: &SiteStatus) -> bool {
    use SiteStatus::{Accepted, AwaitingApproval, AwaitingBeacon, Submitted};
    matches!(status, Submitted { .. } | AwaitingApproval { .. } | Accepted { .. } | AwaitingBeacon { .. })
}

fn states(summary: &QuerySummary) -> String {
    summary.sites.values().map(|site| site.state.to_string() + "\n").collect()
}

fn describe(summary: &QuerySummary, now: Timestamp) -> String {
    let mut text = format!(
        "Query {}\n{:?}, number {} under {}, posted {}\nState: {}\n",
        summary.id, summary.title, summary.sequence, summary.study, summary.posted, summary.status.state
    );
    for (site, worded) in &summary.sites {
        let status = &worded.state;
        let time = match status {
            SiteStatus::Submitted { until }
            | SiteStatus::AwaitingApproval { until, .. }
            | SiteStatus::Accepted { until }
            | SiteStatus::AwaitingBeacon { until } => {
                format!(" ({} left)", left(now, *until))
            }
            _ => String::new(),
        };
        text.push_str(&format!("  {site}: {status}{time}\n"));
    }
    if let QueryStatus::Answered { .. } = summary.status.state {
        text.push_str(&format!("The answers: cohortium-sponsor results {}\n", summary.id));
    }
    text
}
