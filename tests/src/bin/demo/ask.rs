//! One question: asked of both hospitals, answered with proofs, audited, compared.

use serde_json::Value;

use crate::audit::Audit;
use crate::cells::{Cell, Group, PooledCell};
use crate::exchange::home;
use crate::failure::Failure;
use crate::plain::{self, Site, Tally};
use crate::print;
use crate::questions::{Question, Sums};
use crate::setup::{Stage, example, made, query_file, read, request_file};

/// A hospital's answer.
pub(crate) struct SiteAnswer {
    pub(crate) site: Site,
    /// The bundle's file.
    pub(crate) bundle: String,
    pub(crate) bundle_bytes: u64,
    pub(crate) audit: Audit,
    /// Where the audit's report in words is.
    pub(crate) report: String,
    /// The numbers that the auditor read out of the bundle.
    pub(crate) released: Vec<Group>,
    /// The exact numbers, computed plainly; public data only.
    pub(crate) exact: Vec<Tally>,
    pub(crate) prove_seconds: f64,
    pub(crate) audit_seconds: f64,
}

/// A question with all answers.
pub(crate) struct Answer {
    pub(crate) question: &'static Question,
    /// The plan in plain language.
    pub(crate) plan: String,
    pub(crate) sites: Vec<SiteAnswer>,
}

impl Answer {
    /// Whether an audit said that a proof is under a development key.
    pub(crate) fn development_key(&self) -> bool {
        self.sites.iter().any(|site| site.audit.development_key)
    }

    /// One group's cells of one kind at all sites, added up.
    pub(crate) fn pooled(&self, group: usize, cell: usize) -> PooledCell {
        let cells = |site: &SiteAnswer| site.released.get(group)?.cells().nth(cell).map(|(_, cell)| cell);
        PooledCell::of(self.sites.iter().filter_map(|site| Some((site.site.name(), cells(site)?))))
    }
}

/// Asks the question with this number, from 1.
pub(crate) fn ask(stage: &mut Stage, number: usize, of: usize, question: &'static Question) -> Result<Answer, Failure> {
    print::heading(&format!("Question {number} of {of}: {}", question.text));
    if !question.note.is_empty() {
        print::say(question.note);
    }
    let (query, schema, approval) = (query_file(question), example("schema.json"), made("board/approval.json"));
    let words = ["cohortium-prover", "plan", &query, "--schema", &schema, "--approval", &approval];
    let plan = stage.programs.done(&words)?.stdout;
    print::quote(&plan);

    let (key, study) = (made("sponsor/key.json"), stage.exchange.study.clone());
    let words = ["cohortium-sponsor", "ask", &query, "--approval", &study, "--site", "rotterdam", "--site", "gbsg"];
    let request = request_file(question);
    let words = [&words[..], &["--key", &key, "--out", &request, "--json"]].concat();
    let asked: Value = stage.programs.done(&words)?.json()?;
    let id = asked["id"].as_str().ok_or_else(|| Failure::unexpected("the question", "it has no id"))?.to_owned();

    let mut sites = Vec::new();
    for place in 0..stage.patients.len() {
        // The first answer is shown in full, as hospital and board see it; the others' texts are in files.
        sites.push(answer(stage, place, question, &id, number == 1 && place == 0)?);
    }
    let results = stage.programs.done(&["cohortium-sponsor", "results", &id])?.stdout;
    if number == 1 {
        print::caption("What the sponsor is shown, once its own program has verified every proof:");
        print::quote(&results);
    }
    let answer = Answer { question, plan, sites };
    show(&answer);
    Ok(answer)
}

/// One hospital's answer, audited and compared.
fn answer(
    stage: &mut Stage,
    place: usize,
    question: &Question,
    id: &str,
    in_full: bool,
) -> Result<SiteAnswer, Failure> {
    let Stage { programs, patients, .. } = stage;
    let (site, patients) = &patients[place];
    let name = format!("{}.{}", question.file, site.name());
    let (home, bundle, report) =
        (home(*site), made(&format!("bundles/{name}.json")), made(&format!("reports/{name}.txt")));
    let proven = programs.done(&["cohortium-prover", "run", "--once", "--home", &home])?;
    if in_full {
        print::caption("What the hospital's job says; the same goes into its own record of what left:");
        print::quote(&proven.stdout);
    }
    programs.done(&["cohortium-sponsor", "bundle", id, site.name(), "--out", &bundle])?;
    let bundle_bytes = std::fs::metadata(&bundle).map_err(Failure::file("read", bundle.as_ref()))?.len();
    print::line(&format!("Answered in {:.1} seconds; the bundle has {} kB.", proven.seconds, bundle_bytes / 1000));
    let (audit, run) = Audit::run(programs, &bundle, &report, 0)?;
    let key = if audit.development_key { " (DEVELOPMENT KEY)" } else { "" };
    print::line(&format!("Audit: {}{key}, exit status {}, {:.2} seconds.", audit.verdict, run.status, run.seconds));
    if in_full {
        print::caption(&format!("What the board reads, from {report}:"));
        print::excerpt(&read(&report)?, "GUARANTEES", "ANCHORS USED");
    }
    let (released, exact) = (audit.released(), plain::tally(question, patients));
    compare(question, *site, &released, &plain::released(question, &exact))?;
    let (prove_seconds, audit_seconds) = (proven.seconds, run.seconds);
    let site = *site;
    Ok(SiteAnswer { site, bundle, bundle_bytes, audit, report, released, exact, prove_seconds, audit_seconds })
}

/// To the digit, labels included, or the demo fails.
fn compare(question: &Question, site: Site, proven: &[Group], plain: &[Group]) -> Result<(), Failure> {
    if proven == plain {
        return Ok(());
    }
    let place = proven.iter().zip(plain).position(|(proven, plain)| proven != plain);
    let place = place.filter(|_| proven.len() == plain.len());
    let words = |groups: &[Group]| match place.and_then(|place| groups.get(place)) {
        Some(Group { labels, count, sums }) => {
            let cells: Vec<String> = [*count].iter().chain(sums.iter().flatten()).map(Cell::to_string).collect();
            format!("{}: {}", labels.join(", "), cells.join(", "))
        }
        None => format!("{} groups", groups.len()),
    };
    let (proven, plain) = (words(proven), words(plain));
    Err(Failure::Differs { question: question.text.to_owned(), site: site.name().to_owned(), proven, plain })
}

/// Both hospitals' numbers and their sum, beside the same computed plainly.
fn show(answer: &Answer) {
    let Answer { question, sites, .. } = answer;
    let plain: Vec<Vec<Group>> = sites.iter().map(|site| plain::released(question, &site.exact)).collect();
    let short = |cell: Cell| cell.shown().map_or("s".to_owned(), |value| value.to_string());
    let sum = |pooled: &PooledCell| match pooled {
        PooledCell::Value { value } => value.to_string(),
        PooledCell::Suppressed { suppressed_at, .. } if suppressed_at.len() == sites.len() => "s (both)".to_owned(),
        PooledCell::Suppressed { suppressed_at, .. } => format!("s ({})", suppressed_at.join(", ")),
    };
    let mut rows = Vec::new();
    let (mut cells, mut suppressed) = (0, 0);
    for group in 0..sites.first().map_or(0, |site| site.released.len()) {
        for (kind, (name, _)) in sites[0].released[group].cells().enumerate() {
            let at =
                |groups: &[Group]| groups.get(group).and_then(|group| group.cells().nth(kind)).map(|(_, cell)| cell);
            let proven: Vec<Cell> = sites.iter().filter_map(|site| at(&site.released)).collect();
            let plainly: Vec<Cell> = plain.iter().filter_map(|groups| at(groups)).collect();
            let names = sites.iter().map(|site| site.site.name());
            let mut row = sites[0].released[group].labels.clone();
            if question.sums != Sums::None {
                row.push(if name == "count" { "patients".to_owned() } else { format!("{name} of nodes") });
            }
            row.extend(proven.iter().map(|cell| short(*cell)));
            row.push(sum(&answer.pooled(group, kind)));
            row.push("|".to_owned());
            row.extend(plainly.iter().map(|cell| short(*cell)));
            row.push(sum(&PooledCell::of(names.zip(plainly.iter().copied()))));
            rows.push(row);
            cells += proven.len();
            suppressed += proven.iter().filter(|cell| **cell == Cell::Suppressed).count();
        }
    }
    let mut head: Vec<&str> = question.axes.iter().map(|axis| axis.title).collect();
    if question.sums != Sums::None {
        head.push("");
    }
    let labels = head.len();
    head.extend(["rotterdam", "gbsg", "sum", "|", "rotterdam", "gbsg", "sum"]);
    print::caption("Released with proofs (left), and computed plainly from the files under the same policy (right):");
    print::table(labels, &head, &rows);
    let legend = match suppressed {
        0 => String::new(),
        n => format!(
            " s: suppressed ({n} of {cells}); a sum without one of its parts is no sum, and says whose part it lacks."
        ),
    };
    print::say(&format!(
        "All {cells} released cells and their sums are equal to the plain computation, to the digit.{legend}"
    ));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::questions::QUESTIONS;

    #[test]
    fn a_difference_of_one_cell_is_named() {
        let question = &QUESTIONS[0];
        let tallies = [Tally { n: 20, ..Tally::default() }, Tally { n: 9, ..Tally::default() }];
        let plain = plain::released(question, &tallies);
        compare(question, Site::Gbsg, &plain, &plain).unwrap();
        let mut proven = plain.clone();
        proven[1].count = Cell::Value(15);
        let sentence = compare(question, Site::Gbsg, &proven, &plain).unwrap_err().to_string();
        assert!(sentence.ends_with("at gbsg: proven are yes: 15; the plain computation gives yes: 10"), "{sentence}");
        proven.pop();
        compare(question, Site::Gbsg, &proven, &plain).unwrap_err();
    }
}
