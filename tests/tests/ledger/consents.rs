//! Rules of consent: batches of events, and the epochs that include them.

use cohortium_protocol::commit::EventRecord;
use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::{Batch, ConsentRules, Statement, Transaction, events_root};
use cohortium_tests::exchange::{DAY, Exchange, at, by_grade};
use cohortium_tests::first_batch;
use cohortium_verifier::ledger::{State, latest};

use crate::registering::{after, epoch};
use crate::rules::{Case, Try, case};
use crate::world::world;

/// North's batch of this number, with so many leaves.
fn batch(number: u32, leaves: u32) -> Batch {
    Batch { number, leaves, root: Digest::of_bytes(format!("batch {number}").as_bytes()) }
}

fn posted(exchange: &Exchange<'_>, Batch { number, leaves, root }: Batch) -> Transaction {
    exchange.sign("north", Statement::Consents { number, leaves, root })
}

/// North's second epoch, with a record that differs from the first's.
fn recorded(exchange: &Exchange<'_>, change: impl Fn(&mut EventRecord)) -> Transaction {
    epoch(exchange, "north", |epoch| {
        epoch.number = 2;
        epoch.record.iter_mut().for_each(&change);
    })
}

pub(crate) fn cases() -> Vec<Case> {
    [batches(), epochs(), ages()].into_iter().flatten().collect()
}

fn batches() -> Vec<Case> {
    let w = world();
    let x = w.exchange;
    let leaves = ConsentRules::USUAL.batch_leaves;
    let of = |seconds, batch| Try::new(&w.registered, at(seconds), posted(x, batch));
    let next = || of(DAY, batch(2, leaves));
    // What an interval's batch is measured by is the last one of its size, not an import in between.
    let imported = after(&w.registered, posted(x, batch(2, 2 * leaves)), DAY);
    let second = after(&imported, posted(x, batch(3, leaves)), DAY + 1);
    let third = |seconds| Try::new(&second, at(seconds), posted(x, batch(4, leaves)));
    vec![
        case("Form", "batch 0", "consents: the number is 0", of(DAY, batch(0, leaves)), next()),
        case("Form", "no whole tree", "has 96 leaves: a power of two", of(DAY, batch(2, 96)), next()),
        case("Form", "too large", "has 2097152 leaves", of(DAY, batch(2, 1 << 21)), of(DAY, batch(2, 1 << 20))),
        case(
            "Number",
            "a batch is left out",
            "the batch of consent events has the number 3; the next is 2",
            of(DAY, batch(3, leaves)),
            next(),
        ),
        case(
            "BatchSize",
            "fewer leaves than all others",
            "has 32 leaves; in this ledger every batch has 64, and an import more",
            of(DAY, batch(2, leaves / 2)),
            next(),
        ),
        case(
            "BatchInterval",
            "the second of a day",
            "north posted its batch of consent events of this interval at 2026-02-01T00:00:00Z; the next interval begins \
             at 2026-02-02T00:00:00Z",
            of(DAY - 1, batch(2, leaves)),
            next(),
        ),
        case(
            "BatchInterval",
            "the second of a day, but for an import",
            "of this interval at 2026-02-02T00:00:01Z",
            third(2 * DAY - 1),
            third(2 * DAY),
        ),
        case(
            "BatchInterval",
            "a second one, where an import may come at any time",
            "the next interval begins",
            of(1, batch(2, leaves)),
            of(1, batch(2, 2 * leaves)),
        ),
    ]
}

fn epochs() -> Vec<Case> {
    let w = world();
    let x = w.exchange;
    let leaves = ConsentRules::USUAL.batch_leaves;
    let here = |transaction| Try::new(&w.registered, at(0), transaction);
    let second = || recorded(x, |_| ());
    let unsaid = epoch(x, "north", |epoch| {
        epoch.number = 2;
        epoch.record = None;
    });
    let more = after(&w.registered, posted(x, batch(2, leaves)), DAY);
    let both = events_root([&first_batch("north"), &batch(2, leaves)]);
    let swapped = events_root([&batch(2, leaves), &first_batch("north")]);
    let on_more = |cutoff, events| {
        Try::new(&more, at(DAY), recorded(x, |record| *record = EventRecord { cutoff, events, ..*record }))
    };
    let until = |day: &str| recorded(x, |record| record.until = day.parse().unwrap());
    vec![
        case("NoRecord", "no word of events", "does not say which consent events", here(unsaid), here(second())),
        case(
            "Cutoff",
            "the last batch is left out",
            "includes the site's batches of consent events up to 1; the ledger has 2",
            on_more(1, events_root([&first_batch("north")])),
            on_more(2, both),
        ),
        case(
            "Cutoff",
            "a batch that is not posted yet",
            "up to 3; the ledger has 2",
            on_more(3, both),
            on_more(2, both),
        ),
        case("Events", "batches in another order", "up to batch 2 is", on_more(2, swapped), on_more(2, both)),
        case(
            "Events",
            "another site's batches",
            format!("the ledger's is {both}"),
            on_more(2, events_root([&first_batch("south"), &batch(2, leaves)])),
            on_more(2, both),
        ),
        case(
            "StaleEvents",
            "nothing posted for two days",
            "the site's last batch of consent events is of 2026-02-01T00:00:00Z; before an epoch there has to be one of the \
             last 2 days",
            Try::new(&w.registered, at(2 * DAY + 1), second()),
            Try::new(&w.registered, at(2 * DAY), second()),
        ),
        case(
            "StaleEvents",
            "nothing posted at all",
            "has not been posted",
            Try::new(
                &after(&w.founded, x.manifest("north"), 0),
                at(0),
                recorded(x, |record| {
                    (record.cutoff, record.events) = (0, events_root([]));
                }),
            ),
            Try::new(&registered_without_epoch(), at(0), second()),
        ),
        case(
            "Until",
            "a day too long",
            "may be queried until 2026-03-05; today is 2026-02-01, and 2026-03-04 is the last day allowed",
            here(until("2026-03-05")),
            here(until("2026-03-04")),
        ),
        case(
            "Until",
            "over already",
            "until 2026-01-31; today is",
            here(until("2026-01-31")),
            here(until("2026-02-01")),
        ),
    ]
}

fn registered_without_epoch() -> State {
    let w = world();
    after(&after(&w.founded, w.exchange.manifest("north"), 0), w.exchange.consents("north"), 0)
}

fn ages() -> Vec<Case> {
    let w = world();
    let x = w.exchange;
    let request = x.request(&w.approved, &by_grade("Grades"), &w.approval, &["north", "south"]);
    let ask = |seconds| Try::new(&w.approved, at(seconds), x.ask(&request));
    vec![case(
        "EpochEnded",
        "the day after its last",
        "north's consent epoch could be queried until 2026-03-04, and today is 2026-03-05; the site has to post a new one",
        ask(32 * DAY),
        ask(32 * DAY - 1),
    )]
}

#[test]
fn the_last_day_is_a_day() {
    let day = |text: &str| text.parse().unwrap();
    assert_eq!(latest(day("2026-02-01"), 31), day("2026-03-04"));
    assert_eq!(latest(day("2026-02-01"), u32::MAX), cohortium_protocol::table::Day::LAST);
}
