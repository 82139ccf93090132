//! Results as a person reads them: a table a site, and one for the sites together.

use cohortium_protocol::results::{
    Derived, Estimate, Group, PooledCell, QueryResults, SiteAnswer, SiteCell, SiteResults,
};

use crate::words::table;

/// A cell's text.
trait Shown {
    fn text(&self) -> String;
}

fn with_range<N: PartialEq + std::fmt::Display>(shown: &str, low: N, high: N) -> String {
    if low == high { shown.to_owned() } else { format!("{shown} ({low} to {high})") }
}

impl Shown for SiteCell {
    fn text(&self) -> String {
        match self {
            Self::Value { shown, low, high, .. } | Self::Noised { shown, low, high, .. } => {
                with_range(shown, *low, *high)
            }
            Self::Zero { shown } | Self::Suppressed { shown, .. } => shown.clone(),
        }
    }
}

impl Shown for PooledCell {
    fn text(&self) -> String {
        match self {
            Self::Value { shown, low, high, .. } => with_range(shown, *low, *high),
            Self::Zero { shown } | Self::Partial { shown, .. } | Self::Suppressed { shown, .. } => shown.clone(),
        }
    }
}

/// The results whole.
pub(super) fn results(results: &QueryResults) -> String {
    let question = results.question();
    let mut text = format!("{}\nStudy {}; counted: {}\n", question.title, question.study, question.counted);
    let axes: Vec<&str> = question.group_by.iter().map(|axis| axis.column.as_str()).collect();
    for SiteResults { site, answer } in results.sites() {
        match answer {
            SiteAnswer::Answered { policy, groups, .. } => {
                text.push_str(&format!(
                    "\n{site}, under the policy: {}\n{}",
                    policy.words,
                    groups_table(&axes, groups)
                ));
            }
            answer => text.push_str(&format!("\n{site}: {}\n", answer.words())),
        }
    }
    if let Some(pooled) = results.pooled().filter(|pooled| pooled.sites.len() > 1) {
        text.push_str(&format!("\n{} together\n{}", pooled.sites.join(", "), groups_table(&axes, &pooled.groups)));
    }
    text.push('\n');
    text.push_str("Ranges in brackets are what the rounding leaves open; after \"~\", what the noise leaves with the chance stated below.\n");
    for note in results.notes() {
        text.push_str(&format!("{note}\n"));
    }
    text
}

fn groups_table<C: Shown>(axes: &[&str], groups: &[Group<C>]) -> String {
    let sums: Vec<&str> = groups.first().into_iter().flat_map(Group::cells).map(|(name, _)| name).collect();
    let any = |of: fn(&Derived) -> bool| groups.iter().any(|group| of(&group.derived));
    let (share, mean, sd) = (
        any(|derived| derived.proportion.is_some()),
        any(|derived| derived.mean.is_some()),
        any(|derived| derived.sd.is_some()),
    );
    let mut head: Vec<&str> = if axes.is_empty() { vec!["group"] } else { axes.to_vec() };
    let left = head.len();
    head.extend(sums);
    let statistics = [(share, "share (95 % Wilson)"), (mean, "mean"), (sd, "SD")];
    head.extend(statistics.iter().filter(|(there, _)| *there).map(|(_, name)| *name));
    let rows: Vec<Vec<String>> = groups
        .iter()
        .map(|group| {
            let mut row = if axes.is_empty() { vec!["all".to_owned()] } else { group.labels.clone() };
            row.extend(group.cells().map(|(_, cell)| cell.text()));
            let Derived { proportion, mean: group_mean, sd: group_sd, .. } = &group.derived;
            if share {
                let percent = |x: f64| format!("{:.1}", 100.0 * x);
                row.push(proportion.as_ref().map_or_else(none, |p| {
                    let of = if p.of_released { " of those shown" } else { "" };
                    let (value, low, high) = (p.value.value(), p.wilson_low.value(), p.wilson_high.value());
                    format!("{} % ({} to {}){of}", percent(value), percent(low), percent(high))
                }));
            }
            if mean {
                row.push(group_mean.as_ref().map_or_else(none, estimate));
            }
            if sd {
                row.push(group_sd.as_ref().map_or_else(none, estimate));
            }
            row
        })
        .collect();
    table(left, &head, &rows)
}

fn none() -> String {
    "-".to_owned()
}

/// Six digits are plenty for the eye; the files have ten.
fn digits(x: f64) -> String {
    let text = format!("{x:.5e}");
    text.parse::<f64>().unwrap_or(x).to_string()
}

fn estimate(estimate: &Estimate) -> String {
    let (low, high) = (digits(estimate.low.value()), digits(estimate.high.value()));
    let value = estimate.value.map_or_else(none, |value| digits(value.value()));
    if low == high { value } else { format!("{value} ({low} to {high})") }
}
