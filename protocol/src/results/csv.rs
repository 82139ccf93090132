//! Results as comma-separated values: one row a site, group and number, and one for each site's policy.
//!
//! Written by hand, so that the verifier, which links this crate, links no reader of CSV.

use super::cells::{PooledCell, SiteCell};
use super::derived::{Derived, Estimate, Proportion, Statistic};
use super::group::Group;
use super::{QueryResults, SiteAnswer};

/// The columns before the groups' labels.
const BEFORE: [&str; 3] = ["query", "scope", "site"];
/// The columns after them.
const AFTER: [&str; 14] = [
    "missing_in",
    "number",
    "of",
    "unit",
    "state",
    "shown",
    "value",
    "rounding_low",
    "rounding_high",
    "wilson_low",
    "wilson_high",
    "total",
    "left_out",
    "note",
];

/// What a spreadsheet may take for the beginning of a formula, and the apostrophe that takes this away.
const FORMULA: [char; 12] =
    ['=', '+', '-', '@', '\t', '\r', '\n', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}', '\''];

/// A text from outside: with an apostrophe before it if a spreadsheet might take it for a formula. One that begins with an
/// apostrophe gets another, so that taking one off always gives the text back.
fn text(text: &str) -> String {
    match text.starts_with(FORMULA) {
        true => format!("'{text}"),
        false => text.to_owned(),
    }
}

/// A field, in quotes where it needs them.
fn field(text: &str) -> String {
    match text.contains(['"', ',', '\r', '\n']) || text.starts_with(' ') || text.ends_with(' ') {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.to_owned(),
    }
}

/// A row's last columns.
#[derive(Default)]
struct Entry {
    number: String,
    of: String,
    unit: String,
    state: &'static str,
    shown: String,
    value: String,
    rounding: [String; 2],
    wilson: [String; 2],
    total: String,
    left_out: String,
    note: String,
}

impl Entry {
    fn fields(self) -> [String; 13] {
        let Self { number, of, unit, state, shown, value, rounding, wilson, total, left_out, note } = self;
        let ([low, high], [wilson_low, wilson_high]) = (rounding, wilson);
        let state = state.to_owned();
        [number, of, unit, state, shown, value, low, high, wilson_low, wilson_high, total, left_out, note]
    }
}

/// A cell of a site or of all, as a row.
trait Row {
    fn entry(&self) -> Entry;
}

fn known<N: ToString>(state: &'static str, shown: &str, value: N, ends: [N; 2]) -> Entry {
    let rounding = ends.map(|number| number.to_string());
    Entry { state, shown: shown.to_owned(), value: value.to_string(), rounding, ..Entry::default() }
}

impl Row for SiteCell {
    fn entry(&self) -> Entry {
        match self {
            Self::Value { shown, value, low, high } => known("value", shown, *value, [*low, *high]),
            Self::Noised { shown, value, low, high } => {
                let known =
                    Entry { value: value.to_string(), rounding: [low, high].map(u64::to_string), ..Entry::default() };
                Entry { state: "noised", shown: shown.clone(), note: "with noise in it".into(), ..known }
            }
            Self::Zero { shown } => known("zero", shown, 0, [0; 2]),
            Self::Suppressed { shown, because } => Entry {
                state: "suppressed",
                shown: shown.clone(),
                note: because.words().to_owned(),
                ..Entry::default()
            },
        }
    }
}

impl Row for PooledCell {
    fn entry(&self) -> Entry {
        match self {
            Self::Value { shown, value, low, high } => known("value", shown, *value, [*low, *high]),
            Self::Zero { shown } => known("zero", shown, 0, [0; 2]),
            Self::Partial { shown, value, low, high, left_out } => {
                Entry { left_out: names(left_out), ..known("partial", shown, *value, [*low, *high]) }
            }
            Self::Suppressed { shown, left_out } => {
                let (shown, left_out) = (shown.clone(), names(left_out));
                Entry { state: "suppressed", shown, left_out, ..Entry::default() }
            }
        }
    }
}

fn names(sites: &[String]) -> String {
    text(&sites.join("; "))
}

fn estimate(statistic: Statistic, estimate: &Estimate, left_out: &str) -> Entry {
    let Estimate { value, low, high } = estimate;
    let note = if value.is_none() { "the count is rounded: the released numbers as they are allow none" } else { "" };
    let value = value.map(|value| value.to_string()).unwrap_or_default();
    Entry {
        number: statistic.name().to_owned(),
        state: "derived",
        shown: if value.is_empty() { format!("{low} to {high}") } else { value.clone() },
        value,
        rounding: [low.to_string(), high.to_string()],
        left_out: left_out.to_owned(),
        note: note.to_owned(),
        ..Entry::default()
    }
}

fn proportion(share: &Proportion) -> Entry {
    let note = match share.suppressed_groups {
        0 => String::new(),
        groups => format!("of released groups only; {groups} are left out"),
    };
    Entry {
        number: Statistic::Proportion.name().to_owned(),
        state: "derived",
        shown: share.value.to_string(),
        value: share.value.to_string(),
        rounding: [share.low, share.high].map(|end| end.to_string()),
        wilson: [share.wilson_low, share.wilson_high].map(|end| end.to_string()),
        total: share.total.to_string(),
        note,
        ..Entry::default()
    }
}

fn derived(derived: &Derived, left_out: &str) -> Vec<Entry> {
    let measured = [
        (Statistic::SumInUnits, &derived.sum_in_units),
        (Statistic::Mean, &derived.mean),
        (Statistic::Sd, &derived.sd),
    ];
    let measured = measured.into_iter().filter_map(|(name, found)| Some(estimate(name, found.as_ref()?, left_out)));
    let share = derived.proportion.as_ref().map(proportion);
    let absent = derived.not_derived.iter().map(|absent| Entry {
        number: absent.statistic.name().to_owned(),
        state: "not derived",
        shown: "not derived".into(),
        note: absent.because.clone(),
        ..Entry::default()
    });
    measured.chain(share).chain(absent).collect()
}

impl QueryResults {
    /// The results as CSV by RFC 4180: a header, then a row for each site (and the pooled groups), group and number, lines
    /// ended by CR LF.
    ///
    /// Texts from outside (names, labels, units, reasons) that a spreadsheet might take for a formula have an apostrophe
    /// before them. Numbers never have: a mean may be negative.
    pub fn to_csv(&self) -> String {
        let axes: Vec<String> = self.question().group_by.iter().map(|axis| format!("group_{}", axis.column)).collect();
        let header = BEFORE.into_iter().chain(axes.iter().map(String::as_str)).chain(AFTER);
        let mut csv = String::new();
        line(&mut csv, header.map(str::to_owned));
        let no_labels = || axes.iter().map(|_| String::new()).chain([String::new()]);
        for site in self.sites() {
            let before = ["site".to_owned(), text(&site.site)];
            match &site.answer {
                SiteAnswer::Answered { policy, groups, .. } => {
                    let shown = policy.words.clone();
                    let entry = Entry { number: "policy".into(), state: "policy", shown, ..Entry::default() };
                    self.row(&mut csv, &before, no_labels(), entry);
                    self.groups(&mut csv, &before, groups);
                }
                answer => {
                    let note = match answer {
                        SiteAnswer::Declined { because } => text(because),
                        answer => answer.words(),
                    };
                    let shown = answer.state().to_owned();
                    let entry = Entry { state: "not answered", shown, note, ..Entry::default() };
                    self.row(&mut csv, &before, no_labels(), entry);
                }
            }
        }
        let before = ["pooled".to_owned(), String::new()];
        if let Some(pooled) = self.pooled() {
            self.groups(&mut csv, &before, &pooled.groups);
        } else if let Some(note) = self.too_few() {
            let entry = Entry { state: "not pooled", shown: "not pooled".into(), note, ..Entry::default() };
            self.row(&mut csv, &before, no_labels(), entry);
        }
        csv
    }

    fn groups<C: Row>(&self, csv: &mut String, before: &[String; 2], groups: &[Group<C>]) {
        let measure = self.question().measure.as_ref();
        let [first, second] = [measure, self.question().second_factor.as_ref()]
            .map(|measure| measure.map(|measure| measure.column.clone()).unwrap_or_default());
        let unit = measure.and_then(|measure| measure.unit.as_deref()).map(text).unwrap_or_default();
        for group in groups {
            let mut entries = Vec::new();
            for (name, cell) in group.cells() {
                let of = match name {
                    "count" => String::new(),
                    "sum_of_products" => format!("{first} * {second}"),
                    _ => first.clone(),
                };
                let unit = if name == "count" { "" } else { "coded" };
                entries.push(Entry { number: name.into(), of, unit: unit.into(), ..cell.entry() });
            }
            // Where there are means, count and sum leave out the same sites.
            let left_out = group.count.entry().left_out;
            for entry in derived(&group.derived, &left_out) {
                let of_measure = entry.number != Statistic::Proportion.name();
                let (of, unit) = if of_measure { (first.clone(), unit.clone()) } else { Default::default() };
                entries.push(Entry { of, unit, ..entry });
            }
            for entry in entries {
                let labels = group.labels.iter().map(|label| text(label)).chain([group.missing_in.join("; ")]);
                self.row(csv, before, labels, entry);
            }
        }
    }

    fn row(&self, csv: &mut String, before: &[String; 2], labels: impl Iterator<Item = String>, entry: Entry) {
        let before = [self.query().to_string()].into_iter().chain(before.iter().cloned());
        line(csv, before.chain(labels).chain(entry.fields()));
    }
}

fn line(csv: &mut String, fields: impl Iterator<Item = String>) {
    let fields: Vec<String> = fields.map(|text| field(&text)).collect();
    csv.push_str(&fields.join(","));
    csv.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_formulas() {
        for (plain, written) in [
            ("a", "a"),
            ("a,b", "\"a,b\""),
            ("say \"x\"", "\"say \"\"x\"\"\""),
            ("=1+1", "'=1+1"),
            ("=A1,\"x\"", "\"'=A1,\"\"x\"\"\""),
            ("-5 to 10", "'-5 to 10"),
            ("@x", "'@x"),
            ("+x", "'+x"),
            ("\u{ff1d}x", "'\u{ff1d}x"),
            ("'x", "''x"),
            ("<8", "<8"),
            (" x", "\" x\""),
            ("a\nb", "\"a\nb\""),
        ] {
            assert_eq!(field(&text(plain)), written, "{plain}");
        }
    }
}
