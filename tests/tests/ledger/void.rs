//! What is shown of a query with noise: until the beacon is whole, after it, and where it never becomes whole.

use cohortium_protocol::domain;
use cohortium_protocol::hash::{Digest, Hasher};
use cohortium_protocol::ledger::Statement;
use cohortium_protocol::noise::beacon;
use cohortium_tests::exchange::{DAY, at};
use cohortium_verifier::ledger::{QueryStatus, Refusal, SiteStatus, State};

use crate::noise::{DECIDE, SETTLED, noised};
use crate::registering::after;
use crate::world::{ASKED, world};

/// How long there is to answer.
const ANSWER: u64 = 14 * DAY;

fn shown(state: &State, seconds: u64) -> (SiteStatus, QueryStatus) {
    let (n, now) = (noised(), at(seconds));
    let question = state.query(&n.request.digest()).unwrap();
    (question.site_status("north", state.charter(), now).unwrap(), question.status(state.charter(), now))
}

fn void(state: &State, seconds: u64) -> (u64, String) {
    let (SiteStatus::Void { since, reason }, QueryStatus::Void) = shown(state, seconds) else {
        panic!("{:?}", shown(state, seconds))
    };
    (since.unix() - at(0).unix(), reason)
}

#[test]
fn what_is_shown_until_the_beacon_is_whole_and_after() {
    let n = noised();
    let waits = |state: &State, seconds| match shown(state, seconds) {
        (SiteStatus::AwaitingBeacon { until }, QueryStatus::Approved) => until.unix() - at(0).unix(),
        other => panic!("{other:?}"),
    };
    // Before the query is settled, as late as it may become.
    assert_eq!(waits(&n.accepted, ASKED + 30), ASKED + 2 * DECIDE);
    assert_eq!(waits(&n.settled, SETTLED), SETTLED + DECIDE);
    let question = n.settled.query(&n.request.digest()).unwrap();
    assert!(question.is_open_for("north", n.settled.charter(), at(SETTLED)) && question.beacon().is_none());
    let last = SETTLED + DECIDE;
    let sponsor = after(&n.settled, n.sponsor(), last);
    // However late the sponsor opens, the board has its time.
    let last = last + DECIDE;
    assert_eq!(waits(&sponsor, last), last);
    let whole = after(&sponsor, n.board(), last);
    // From the beacon on the site has its time.
    assert_eq!(shown(&whole, last), (SiteStatus::Accepted { until: at(last + ANSWER) }, QueryStatus::Approved));
    let (status, all) = shown(&whole, last + ANSWER + 1);
    assert_eq!(
        (status, all),
        (SiteStatus::WithheldAfterAcceptance { since: at(last + ANSWER) }, QueryStatus::WithheldAfterAcceptance)
    );
    // The beacon is of both nonces and this request.
    let (Statement::SponsorNonce { nonce, .. }, Statement::BoardNonce { nonce: board, .. }) =
        (n.sponsor().statement, n.board().statement)
    else {
        unreachable!()
    };
    let found = whole.query(&n.request.digest()).unwrap().beacon();
    assert_eq!(found, Some(beacon(&n.request.digest(), &nonce, &board)));
}

#[test]
fn a_nonce_that_is_not_opened_makes_the_query_void_for_ever() {
    let n = noised();
    let last = SETTLED + DECIDE;
    let sponsor = after(&n.settled, n.sponsor(), SETTLED);
    let end = ASKED + DECIDE;
    for later in [1, 3650 * DAY] {
        assert_eq!(
            void(&n.settled, last + later),
            (last, "no nonce of the sponsor stood on the ledger in time".to_owned())
        );
        assert_eq!(
            void(&sponsor, last + later),
            (last, "no nonce of the board stood on the ledger in time".to_owned())
        );
        // South never decided.
        assert_eq!(void(&n.accepted, end + DECIDE + later).0, end + DECIDE);
    }
    let suspended = after(&sponsor, n.suspend(), SETTLED + 5);
    let why = "the board suspended the approval before the nonces were open: a complaint".to_owned();
    assert_eq!(void(&suspended, SETTLED + 5), (SETTLED + 5, why));
    // A suspension that comes too late changes nothing about it.
    for (opened, whose) in [(&n.settled, "sponsor"), (&sponsor, "board")] {
        let later = after(opened, n.suspend(), last + 1);
        let why = format!("no nonce of the {whose} stood on the ledger in time");
        assert_eq!(void(&later, last + 9), (last, why));
    }
    let question = suspended.query(&n.request.digest()).unwrap();
    assert!(!question.is_open_for("north", suspended.charter(), at(SETTLED + 5)));
    // Once both are open, what was accepted is answered all the same.
    let whole = after(&after(&sponsor, n.board(), SETTLED), n.suspend(), SETTLED);
    assert_eq!(shown(&whole, SETTLED).0, SiteStatus::Accepted { until: at(SETTLED + ANSWER) });
    // Nobody is waited for where nobody accepted.
    let nobody = n.asked.clone();
    assert_eq!(shown(&nobody, end + DECIDE + 1).1, QueryStatus::Expired);
    let statuses = [shown(&n.settled, SETTLED).0, shown(&n.settled, last + 1).0];
    for status in statuses {
        let text = serde_json::to_string(&status).unwrap();
        assert_eq!(serde_json::from_str::<SiteStatus>(&text).unwrap(), status);
    }
    let words = shown(&n.settled, last + 1).0.to_string();
    assert_eq!(
        words,
        "VOID since 2026-02-09T00:01:00Z: no nonce of the sponsor stood on the ledger in time; nothing will be answered"
    );
}

#[test]
fn a_release_waits_for_both_nonces_and_has_noise() {
    let (n, w) = (noised(), world());
    let release = n.x.release("north", &n.request, &w.proof);
    let refused = |state: &State, seconds| state.prepare(&release, at(seconds)).err().unwrap();
    let sponsor = after(&n.settled, n.sponsor(), SETTLED);
    for state in [&n.settled, &sponsor] {
        let refusal = refused(state, SETTLED);
        assert_eq!(refusal.rule(), "beacon");
        assert!(
            refusal.to_string().ends_with("it is answered when both nonces are open, and they are not"),
            "{refusal}"
        );
    }
    // The time to answer is counted from the board's nonce.
    let last = SETTLED + DECIDE;
    let whole = after(&after(&n.settled, n.sponsor(), last), n.board(), last);
    assert_eq!(refused(&whole, last + ANSWER + 1).rule(), "deadline");
    let check = whole.prepare(&release, at(last + ANSWER)).unwrap().unwrap();
    let Err(Refusal::Audit(error)) = check.run() else { panic!("verified without noise") };
    assert!(error.to_string().contains("the request asks for noise, and the proof has none"), "{error}");
}

#[test]
fn accounts_and_nonces_are_part_of_the_state() {
    let n = noised();
    let account = n.asked.epsilon("north", "synthetic").unwrap();
    assert_eq!((account.spent, account.by("S-1"), account.by("S-2")), (300_000, 300_000, 0));
    assert!(n.approved.epsilon("north", "synthetic").is_none());
    let back = n.settled.epsilon("south", "synthetic").unwrap();
    assert_eq!((back.spent, back.by("S-1")), (0, 0), "declined");
    // The same tree of transactions, and other shapes: nothing of that is in the digest.
    let shapeless = n.asked.clone().with_noise_shapes(|_| None);
    assert_eq!(shapeless.digest(), n.asked.digest());
}

/// The digest as it was before there was noise, from what can be read of a state on which nothing is asked yet.
fn before_noise(state: &State) -> Digest {
    let mut hasher = Hasher::new(domain::STATE);
    let optional = |hasher: &mut Hasher, digest: Option<Digest>| {
        hasher.u64(u64::from(digest.is_some()));
        if let Some(digest) = digest {
            hasher.digest(&digest);
        }
    };
    hasher.str(state.ledger()).u64(state.tree().len()).digest(&state.tree().root()).u64(state.sites().len() as u64);
    for (name, site) in state.sites() {
        hasher.str(name).u64(site.asked).u64(site.tables.len() as u64);
        for (table, dataset) in &site.tables {
            let (manifest, epoch) = (&dataset.manifest.document, dataset.epoch.as_ref().map(|epoch| &epoch.document));
            hasher.str(table).digest(&manifest.digest()).u64(u64::from(dataset.last_epoch));
            optional(&mut hasher, epoch.map(|epoch| epoch.digest()));
        }
        optional(&mut hasher, site.floor.as_ref().map(|floor| floor.document.policy.digest()));
        hasher.u64(site.floor.as_ref().map_or(0, |floor| u64::from(floor.document.number)));
        optional(&mut hasher, site.seeds.as_ref().map(|seeds| seeds.document.root));
        hasher.u64(site.seeds.as_ref().map_or(0, |seeds| u64::from(seeds.document.number)));
        // Batches of consent events came later than noise.
        if let Some(last) = site.consents.last() {
            hasher.str("consents").u64(u64::from(last.batch.number)).u64(last.time.unix());
            optional(&mut hasher, site.events_root(last.batch.number));
        }
    }
    hasher.u64(state.studies().len() as u64);
    for (digest, study) in state.studies() {
        hasher.digest(digest).str(&study.board).u64(u64::from(study.suspended.is_some()));
        optional(&mut hasher, study.amended);
        hasher.u64(0);
    }
    // No queries, and nothing opened.
    hasher.u64(0).u64(0);
    hasher.finish()
}

#[test]
fn a_ledger_on_which_nothing_was_asked_has_the_digest_that_it_had_before_there_was_noise() {
    let (n, w) = (noised(), world());
    for state in [&w.founded, &w.registered, &w.approved, &n.approved] {
        assert_eq!(state.digest(), before_noise(state));
    }
    assert_ne!(n.asked.digest(), before_noise(&n.asked));
}
