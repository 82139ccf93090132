//! The questions of the demo: which query files, and the same by hand for the plain computation.

use crate::plain::Patient;

/// What is asked beside the count, and in which form the policy releases it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Sums {
    /// Only counts.
    None,
    /// Sum and sum of squares of nodes, to the digit: the approval names the plan.
    Exact,
    /// The sum of nodes, as a multiple of `base`: the approval does not name the plan.
    Restrained { base: u64, most_nodes: u64 },
}

/// One grouping.
pub(crate) struct Axis {
    /// Its name in tables.
    pub(crate) title: &'static str,
    /// The groups' labels.
    pub(crate) labels: fn() -> Vec<String>,
    /// The group of a patient.
    pub(crate) group: fn(&Patient) -> Option<usize>,
}

/// One question.
pub(crate) struct Question {
    /// The query is `queries/FILE.json`.
    pub(crate) file: &'static str,
    /// In words.
    pub(crate) text: &'static str,
    /// What else is to be said about it before the numbers.
    pub(crate) note: &'static str,
    /// Who is counted, of those who consent.
    pub(crate) counted: fn(&Patient) -> bool,
    /// By what they are grouped.
    pub(crate) axes: &'static [Axis],
    /// What is summed.
    pub(crate) sums: Sums,
}

/// As the schema has it: no patient can have more positive nodes.
const MOST_NODES: u64 = 60;

const TREATMENT: Axis = Axis {
    title: "hormonal treatment",
    labels: || words(&["no", "yes"]),
    group: |patient| Some(usize::from(patient.hormonal_treatment)),
};

/// How many years of survival are told apart; later ones are one group.
pub(crate) const YEARS: u64 = 10;

/// All questions, in the demo's order.
pub(crate) const QUESTIONS: [Question; 5] = [
    Question {
        file: "grade-3-by-treatment",
        text: "How many patients over 50 with a grade 3 tumour had hormonal treatment, and how many had not?",
        note: "",
        counted: |patient| patient.age > 50 && patient.grade == 3,
        axes: &[TREATMENT],
        sums: Sums::None,
    },
    Question {
        file: "nodes-by-size",
        text: "How many lymph nodes are positive, on average and with which spread, by size of the tumour?",
        note: "The approval names this plan, so that its sums are exact.",
        counted: |_| true,
        axes: &[Axis {
            title: "size (mm)",
            labels: || words(&["<=20", "20-50", ">50"]),
            group: |patient| Some(patient.size_class),
        }],
        sums: Sums::Exact,
    },
    Question {
        file: "age-by-decade",
        text: "How old are the patients?",
        note: "",
        counted: |_| true,
        axes: &[Axis {
            title: "age (years)",
            labels: || (2..9).map(|decade| span(10 * decade, 10 * decade + 9)).chain([at_least(90)]).collect(),
            group: |patient| patient.age.checked_sub(20).map(|above| (above / 10).min(7) as usize),
        }],
        sums: Sums::None,
    },
    Question {
        file: "recurrence-free-survival",
        text: "How long do patients live without recurrence, with hormonal treatment and without?",
        note: "Years of 365.25 days to ten years and one group beyond, by event (recurrence or death: yes; \
               last seen without: no) and treatment: 44 groups.",
        counted: |_| true,
        axes: &[
            Axis {
                title: "days",
                labels: || {
                    // Year y begins on day ceil(365.25 y) and ends on the day before the next one begins.
                    let first = |year: u64| (year * 1461).div_ceil(4);
                    let years = (0..YEARS).map(|year| span(first(year), first(year + 1) - 1));
                    years.chain([at_least(first(YEARS))]).collect()
                },
                group: |patient| Some((patient.days * 4 / 1461).min(YEARS) as usize),
            },
            Axis {
                title: "event",
                labels: || words(&["no", "yes"]),
                group: |patient| Some(usize::from(patient.event)),
            },
            TREATMENT,
        ],
        sums: Sums::None,
    },
    Question {
        file: "nodes-by-grade",
        text: "How many lymph nodes are positive, by grade of the tumour?",
        note: "The approval does not name this plan, so that its sums are restrained.",
        counted: |_| true,
        axes: &[Axis {
            title: "grade",
            labels: || words(&["1", "2", "3"]),
            group: |patient| patient.grade.checked_sub(1).map(|place| place as usize).filter(|place| *place < 3),
        }],
        sums: Sums::Restrained { base: 2 * crate::cells::MIN_CELL * MOST_NODES, most_nodes: MOST_NODES },
    },
];

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn span(first: u64, last: u64) -> String {
    format!("{first} to {last}")
}

fn at_least(first: u64) -> String {
    format!("at least {first}")
}
