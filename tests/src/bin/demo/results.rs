//! What follows from the answers: means, life tables, pictures, and what becomes of a tampered bundle.

use serde_json::{Value, json};

use crate::ask::{Answer, SiteAnswer};
use crate::audit::Audit;
use crate::cells::{Cell, Group};
use crate::derived::Spread;
use crate::failure::Failure;
use crate::lifetable::{Count, INTERVALS, LifeTable, Share};
use crate::questions::Sums;
use crate::setup::{Stage, made, read_json, write, write_json};
use crate::{pictures, print, tamper};

/// What is worked out from an answer's released numbers, for the report.
pub(crate) fn derive(answer: &Answer) -> Result<Value, Failure> {
    match (answer.question.file, answer.question.sums) {
        (_, Sums::Exact) => Ok(spreads(answer)),
        (_, Sums::Restrained { base, most_nodes }) => Ok(restrained(base, most_nodes)),
        ("age-by-decade", _) => ages(answer),
        ("recurrence-free-survival", _) => survival(answer),
        _ => Ok(Value::Null),
    }
}

/// Means and standard deviations of nodes.
fn spreads(answer: &Answer) -> Value {
    let (mut rows, mut list) = (Vec::new(), Vec::new());
    for group in 0..answer.sites.first().map_or(0, |site| site.released.len()) {
        let label = answer.sites[0].released[group].labels.join(", ");
        let mut add = |place: &str, cells: [Option<u64>; 3], sites: u64| {
            let [Some(n), Some(sum), Some(sum_of_squares)] = cells else { return };
            let spread = Spread::new(n, sum, sum_of_squares, sites);
            let Spread { mean, mean_low, mean_high, standard_deviation, .. } = spread;
            let range = format!("{mean_low:.2} to {mean_high:.2}");
            let (mean, deviation) = (format!("{mean:.2}"), format!("{standard_deviation:.2}"));
            rows.push(vec![label.clone(), place.to_owned(), n.to_string(), mean, range, deviation]);
            list.push(json!({ "group": label, "site": place, "spread": spread }));
        };
        for site in &answer.sites {
            let mut cells = site.released[group].cells().map(|(_, cell)| cell.shown());
            add(site.site.name(), std::array::from_fn(|_| cells.next().flatten()), 1);
        }
        add("pooled", std::array::from_fn(|kind| answer.pooled(group, kind).shown()), answer.sites.len() as u64);
    }
    print::caption("Positive nodes a patient, worked out after release from the released numbers alone:");
    print::table(2, &["size (mm)", "site", "n, rounded", "mean", "mean can be", "SD"], &rows);
    print::say(
        "The sums are exact, but n is the released count, rounded to 5: the mean and the standard deviation (with n - 1) are \
         taken with it, and \"mean can be\" is what the rounding leaves open.",
    );
    Value::from(list)
}

/// Why the sums of the last question look as they do.
fn restrained(base: u64, most_nodes: u64) -> Value {
    let why = format!(
        "No board has named this plan, so its sums are restrained: released as multiples of {base} only, and suppressed within {} \
         of 0 and of the most that the group could have, where few patients would differ from all others. {base} is twice the smallest group (8) times the most nodes that the schema allows one \
         patient ({most_nodes}). The reason: an exact sum can be a count in disguise, however small; of a measure that is 0 or 1 it \
         is one. In steps twice as large as all that 8 patients could contribute, a sum says little about any few of them.",
        base / 2
    );
    print::say(&why);
    json!({ "base": base, "suppressed_within": base / 2, "why": why })
}

fn ages(answer: &Answer) -> Result<Value, Failure> {
    let [first, second] = answer.sites.as_slice() else { return Ok(Value::Null) };
    let sites = [(first.site.title(), &first.released[..]), (second.site.title(), &second.released[..])];
    let path = made("age-by-decade.svg");
    write(&path, &pictures::ages(sites, answer.development_key()))?;
    print::line(&format!("\nPicture: {path}"));
    Ok(json!({ "picture": path }))
}

/// Life tables, pooled and by site, with their pictures.
fn survival(answer: &Answer) -> Result<Value, Failure> {
    let mut list = Vec::new();
    let pooled: Vec<&SiteAnswer> = answer.sites.iter().collect();
    let single = answer.sites.iter().map(|site| (site.site.name(), site.site.title(), vec![site]));
    let places = std::iter::once(("pooled", "Rotterdam tumour bank and GBSG-2 trial, counts added up", pooled));
    for (name, title, sites) in places.chain(single) {
        let groups: Vec<&[Group]> = sites.iter().map(|site| &site.released[..]).collect();
        let tables = [false, true].map(|treated| LifeTable::new(&groups, treated));
        for (table, treated) in tables.iter().zip([false, true]) {
            let count = |event: bool, interval: usize| -> u64 {
                let place = interval + INTERVALS * (usize::from(event) + 2 * usize::from(treated));
                sites.iter().map(|site| site.exact[place].n).sum()
            };
            let counts = |event| (0..INTERVALS).map(|interval| count(event, interval)).collect::<Vec<_>>();
            if !table.holds(&LifeTable::exact(&counts(true), &counts(false)).rows) {
                return Err(Failure::OutsideBand { place: title });
            }
        }
        let suppressed = |groups: &&[Group]| groups.iter().filter(|group| group.count == Cell::Suppressed).count();
        let hidden = (groups.iter().map(suppressed).sum(), groups.iter().map(|groups| groups.len()).sum());
        let path = made(&format!("recurrence-free-survival-{name}.svg"));
        write(&path, &pictures::survival(title, &tables, hidden, answer.development_key()))?;
        if name == "pooled" {
            show(&tables);
        }
        print::line(&format!("Picture: {path}"));
        let [without, with] = tables;
        list.push(json!({
            "place": name, "picture": path, "suppressed_groups": hidden.0, "groups": hidden.1,
            "without_hormonal_treatment": without.rows, "with_hormonal_treatment": with.rows,
        }));
    }
    print::say(
        "The files being public, the demo can check more than a reader could: all six exact life tables lie within the bands \
         that were drawn.",
    );
    Ok(Value::from(list))
}

fn show(tables: &[LifeTable; 2]) {
    let range = |Count { low, high, .. }| if low == high { low.to_string() } else { format!("{low} to {high}") };
    let percent = |share: f64| format!("{:.1}", 100.0 * share);
    let cells = |table: &LifeTable, year: usize| {
        let Share { low, middle, high, .. } = table.rows[year].survival;
        [range(table.rows[year].at_risk), percent(middle), format!("{} to {}", percent(low), percent(high))]
    };
    let row = |year: usize| {
        [vec![year.to_string()], cells(&tables[0], year).into(), vec!["|".into()], cells(&tables[1], year).into()]
    };
    let rows: Vec<Vec<String>> = (0..INTERVALS).map(|year| row(year).concat()).collect();
    print::caption(
        "Alive without recurrence, both sites together, without hormonal treatment (left) and with (right):",
    );
    print::table(1, &["years", "at risk", "%", "can be", "|", "at risk", "%", "can be"], &rows);
    print::say(
        "Life tables from released counts: patients censored within a year count as at risk for half of it (actuarial convention). \
         A released count may be off by 2, a suppressed one is 1 to 7 and enters the middle column as 4; \"can be\" holds every \
         curve that is possible given both, and says nothing about chance. Treatment was not, or not only, given by \
         lot: the curves describe patients, they do not compare treatments.",
    );
}

/// Changes a good bundle in two ways, and has each audited.
pub(crate) fn tamper(stage: &mut Stage, answer: &Answer) -> Result<Value, Failure> {
    print::heading("Tampering");
    let original = &answer.sites[0].bundle;
    print::say(&format!("Somebody between hospital and board changes {original}, twice."));
    let mut list = Vec::new();
    type Change = fn(&mut Value) -> Result<String, Failure>;
    for (name, change) in [("count", tamper::raise_a_count as Change), ("proof", tamper::flip_a_proof_bit)] {
        let mut bundle = read_json(original)?;
        let what = change(&mut bundle)?;
        let path = made(&format!("tampered/{name}.json"));
        write_json(&path, &bundle)?;
        print::say(&format!("{path}: {what}."));
        let report = made(&format!("reports/tampered-{name}.txt"));
        let (audit, run) = Audit::run(&mut stage.programs, &path, &report, 1)?;
        print::line(&format!("Audit: {}, exit status {}; in words: {report}", audit.verdict, run.status));
        let failed: Vec<String> = audit.with_verdict("fails").map(|g| format!("{} {}", g.id, g.name)).collect();
        let reason = audit.with_verdict("fails").next().map(|g| g.reason.clone()).unwrap_or_default();
        print::quote(&format!("{} fail: {reason}", failed.join(", ")));
        list.push(
            json!({ "change": what, "bundle": path, "exit_status": run.status, "failed": failed, "reason": reason }),
        );
    }
    Ok(Value::from(list))
}
