//! The same answers computed plainly, from the hospitals' files themselves.
//!
//! What the demo holds its proven answers against. Written anew on purpose: nothing in here is shared with
//! Cohortium's tables, queries, plans or policies.

use std::collections::HashMap;

use crate::cells::{Cell, Group, MIN_CELL, ROUNDING};
use crate::questions::{Question, Sums};

/// The consents that the questions need.
const CONSENT: &str = "DUO:0000042/academic";

/// The two hospitals.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Site {
    Rotterdam,
    Gbsg,
}

impl Site {
    pub(crate) const ALL: [Self; 2] = [Self::Rotterdam, Self::Gbsg];

    /// Its name in documents.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Rotterdam => "rotterdam",
            Self::Gbsg => "gbsg",
        }
    }

    /// Its name for people.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Rotterdam => "Rotterdam tumour bank",
            Self::Gbsg => "GBSG-2 trial",
        }
    }
}

/// What the questions ask about a patient.
#[derive(Clone, Debug)]
pub(crate) struct Patient {
    pub(crate) consents: bool,
    pub(crate) age: u64,
    /// 0, 1, 2: up to 20 mm, above 20 up to 50, above 50.
    pub(crate) size_class: usize,
    pub(crate) grade: u64,
    pub(crate) nodes: u64,
    pub(crate) hormonal_treatment: bool,
    /// Recurrence or death; otherwise censored.
    pub(crate) event: bool,
    pub(crate) days: u64,
}

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PlainError {
    #[error("plain computation: the {site} file has no column {column:?}")]
    NoColumn { site: &'static str, column: String },
    #[error("plain computation: patient {patient} of {site}: {column} is {value:?}")]
    Value { site: &'static str, patient: String, column: String, value: String },
}

/// A CSV file without quotation marks, as these are.
struct Csv<'a> {
    site: &'static str,
    header: Vec<&'a str>,
    lines: Vec<Vec<&'a str>>,
}

impl<'a> Csv<'a> {
    fn read(site: Site, text: &'a str) -> Self {
        let mut lines = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
        Self { site: site.name(), header: lines.next().unwrap_or_default(), lines: lines.collect() }
    }

    fn text(&self, line: &[&'a str], column: &str) -> Result<&'a str, PlainError> {
        let place = self.header.iter().position(|name| *name == column);
        let found = place.and_then(|place| line.get(place).copied());
        found.ok_or_else(|| PlainError::NoColumn { site: self.site, column: column.to_owned() })
    }

    fn refuse(&self, line: &[&str], column: &str, value: &str) -> PlainError {
        let patient = line.first().copied().unwrap_or_default().to_owned();
        PlainError::Value { site: self.site, patient, column: column.to_owned(), value: value.to_owned() }
    }

    fn number(&self, line: &[&'a str], column: &str) -> Result<u64, PlainError> {
        let text = self.text(line, column)?;
        text.parse().map_err(|_| self.refuse(line, column, text))
    }

    fn flag(&self, line: &[&'a str], column: &str) -> Result<bool, PlainError> {
        match self.text(line, column)? {
            "0" => Ok(false),
            "1" => Ok(true),
            other => Err(self.refuse(line, column, other)),
        }
    }
}

/// Reads a hospital's two files and harmonises its patients.
pub(crate) fn read_patients(site: Site, patients: &str, consents: &str) -> Result<Vec<Patient>, PlainError> {
    let (table, list) = (Csv::read(site, patients), Csv::read(site, consents));
    let mut consenting = HashMap::new();
    for line in &list.lines {
        consenting.insert(list.text(line, "pid")?, list.flag(line, CONSENT)?);
    }
    let patient = |line: &Vec<&str>| {
        let (event, days, size_class) = match site {
            Site::Rotterdam => {
                let (recurred, died) = (table.flag(line, "recur")?, table.flag(line, "death")?);
                let days = if recurred { table.number(line, "rtime")? } else { table.number(line, "dtime")? };
                let size_class = match table.text(line, "size")? {
                    "<=20" => 0,
                    "20-50" => 1,
                    ">50" => 2,
                    other => return Err(table.refuse(line, "size", other)),
                };
                (recurred || died, days, size_class)
            }
            Site::Gbsg => {
                let size_class = match table.number(line, "size")? {
                    0..=20 => 0,
                    21..=50 => 1,
                    _ => 2,
                };
                (table.flag(line, "status")?, table.number(line, "rfstime")?, size_class)
            }
        };
        Ok(Patient {
            consents: consenting.get(table.text(line, "pid")?).copied().unwrap_or(false),
            age: table.number(line, "age")?,
            size_class,
            grade: table.number(line, "grade")?,
            nodes: table.number(line, "nodes")?,
            hormonal_treatment: table.flag(line, "hormon")?,
            event,
            days,
        })
    };
    table.lines.iter().map(patient).collect()
}

/// The exact numbers of one group. They never leave a hospital; the demo has them because its files are public.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) n: u64,
    pub(crate) sum: u64,
    pub(crate) sum_of_squares: u64,
}

/// Counts the patients of each group; the first grouping changes fastest.
pub(crate) fn tally(question: &Question, patients: &[Patient]) -> Vec<Tally> {
    let sizes: Vec<usize> = question.axes.iter().map(|axis| (axis.labels)().len()).collect();
    let mut tallies = vec![Tally::default(); sizes.iter().product()];
    'patients: for patient in patients.iter().filter(|patient| patient.consents && (question.counted)(patient)) {
        let (mut group, mut stride) = (0, 1);
        for (axis, size) in question.axes.iter().zip(&sizes) {
            let Some(place) = (axis.group)(patient) else { continue 'patients };
            group += stride * place;
            stride *= size;
        }
        let tally = &mut tallies[group];
        tally.n += 1;
        tally.sum += patient.nodes;
        tally.sum_of_squares += patient.nodes * patient.nodes;
    }
    tallies
}

/// The labels of a group.
pub(crate) fn labels(question: &Question, group: usize) -> Vec<String> {
    let mut rest = group;
    let label = |axis: &crate::questions::Axis| {
        let mut labels = (axis.labels)();
        let place = rest % labels.len();
        rest /= labels.len();
        labels.swap_remove(place)
    };
    question.axes.iter().map(label).collect()
}

/// The numbers of each group under the demo's policy: at least 8 patients or none, counts rounded to 5.
pub(crate) fn released(question: &Question, tallies: &[Tally]) -> Vec<Group> {
    let nearest = |value: u64, base: u64| Cell::Value((value + base / 2) / base * base);
    let group = |(place, tally): (usize, &Tally)| {
        let count = match tally.n {
            0 => Cell::Zero,
            n if n < MIN_CELL => Cell::Suppressed,
            n => nearest(n, ROUNDING),
        };
        let sum = |sum: u64| match (count, question.sums) {
            (Cell::Value(_), Sums::Restrained { base, most_nodes })
                if sum < base / 2 || most_nodes * tally.n < sum + base / 2 =>
            {
                Cell::Suppressed
            }
            (Cell::Value(_), Sums::Restrained { base, .. }) => nearest(sum, base),
            (Cell::Value(_), _) => Cell::Value(sum),
            (state, _) => state,
        };
        let sums = match question.sums {
            Sums::None => [None; 3],
            Sums::Exact => [Some(sum(tally.sum)), Some(sum(tally.sum_of_squares)), None],
            Sums::Restrained { .. } => [Some(sum(tally.sum)), None, None],
        };
        Group { labels: labels(question, place), count, sums }
    };
    tallies.iter().enumerate().map(group).collect()
}
