//! What will leave, shown before it leaves.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

use cohortium_protocol::commit::budget::Charge;
use cohortium_protocol::documents::{Approval, Request};
use cohortium_protocol::policy::{
    Cell, GroupAggregates, GroupCells, ReleaseParams, Rule, SUM_NAMES, SumParams, release,
};
use cohortium_protocol::query::{Measure, Source};
use serde_json::{Value, json};

use super::super::memory;
use super::caps::Caps;
use super::estimate::Estimate;
use super::site::SiteDocuments;
use crate::cli::{Failure, about, table};
use crate::pipeline::{Planned, Prepared};
use crate::store::{BudgetFile, Home};

/// Said wherever the numbers of a proof under such a key are shown.
pub(crate) const DEVELOPMENT_KEY: &str =
    "DEVELOPMENT KEY: for trials only. Whoever made the key could forge such a proof; an audit says so.\n";

/// Everything that the officer should see before saying yes.
pub(crate) struct Preview<'a> {
    pub(super) home: &'a Home,
    pub(super) request: &'a Request,
    pub(super) approval: &'a Approval,
    pub(super) documents: &'a SiteDocuments,
    pub(super) planned: &'a Planned<'a>,
    /// The same with its numbers; nothing as long as nobody has accepted to answer.
    pub(super) prepared: Option<&'a Prepared<'a>>,
    pub(super) charges: &'a [Charge],
    pub(super) budget: &'a BudgetFile,
    pub(super) caps: &'a Caps,
    /// Whether the key that the request pins is a development key.
    pub(super) development_key: bool,
    pub(super) estimate: Estimate,
}

impl Preview<'_> {
    /// The columns of the table that the plan uses.
    pub(crate) fn columns(&self) -> BTreeSet<String> {
        let columns = self.planned.opened_columns().into_iter();
        columns.filter(|column| column.source == Source::Manifest).map(|column| column.name).collect()
    }

    /// How long the proof takes, roughly.
    pub(crate) fn time(&self) -> Duration {
        self.estimate.time
    }

    /// For people.
    pub(crate) fn text(&self) -> Result<String, Failure> {
        let (manifest, epoch) = (self.documents.manifest(), self.documents.epoch());
        let plan = self.planned.plan();
        let mut out = format!(
            "{}\nRequest {}, number {} under approval {}\n  study {}, {}; sponsor {} ({})\n\
             Over version {} of table {} and consent epoch {} of {}\n",
            plan.explain(),
            self.request.digest(),
            self.request.sequence,
            self.approval.digest().short(),
            self.approval.study,
            self.approval.ethics_reference,
            self.approval.sponsor,
            self.approval.consent.sponsor(),
            manifest.version(),
            manifest.table(),
            epoch.number(),
            epoch.created(),
        );
        // Writing to a String cannot fail.
        let _ = writeln!(out, "\nWHAT WILL LEAVE {:?}:", self.home.site());
        if self.development_key {
            out.push_str(DEVELOPMENT_KEY);
        }
        let _ = writeln!(out, "Policy in force: {}", self.planned.policy_words());
        if let Some(caps) = self.caps.describe() {
            let _ = writeln!(out, "{caps}");
        }
        match self.prepared {
            Some(prepared) => out.push_str(&self.numbers(prepared.cells())),
            None => {
                let groups = plan.groups();
                let asked = 1 + plan.asked.as_array().into_iter().filter(|asked| *asked).count();
                let _ = writeln!(
                    out,
                    "{groups} groups of {asked} numbers each. What they are nobody knows before the query is accepted: it is \
                     computed then, and the answer follows whatever it is."
                );
            }
        }
        let (own, tables) = self.own_commitments();
        let _ = writeln!(
            out,
            "\nWith it leave, all of it saying nothing while the budget lasts:\n\
             - the proof;\n\
             - commitments to {own} columns made for this query alone, and the value of each at one random point;\n\
             - commitments to how often each entry of its {tables} tables is used, and the value of each at another;\n\
             - the value of each column below at the first of these points:"
        );
        out.push_str(&self.openings());
        out.push_str(&self.left_out()?);
        let Estimate { memory_bytes, time } = self.estimate;
        let _ = writeln!(out, "\nThe proof takes {} and {}", about(time), memory::needed(memory_bytes));
        Ok(out)
    }

    /// The released cells, and how many are suppressed.
    fn numbers(&self, cells: &[GroupCells]) -> String {
        let mut out = self.cells(cells);
        let suppressed = cells.iter().filter(|cells| cells.count == Cell::Suppressed).count();
        if suppressed > 0 {
            let groups = cells.len();
            let _ = writeln!(out, "Suppressed: {suppressed} of {groups} groups. Totals of the others leave them out.");
        }
        out
    }

    /// The released cells with their labels.
    fn cells(&self, cells: &[GroupCells]) -> String {
        let plan = self.planned.plan();
        let asked = plan.asked.as_array();
        let axes = plan.axes.iter().map(|axis| axis.name.clone());
        let labels: Vec<String> = if plan.axes.is_empty() { vec!["group".to_owned()] } else { axes.collect() };
        let left = labels.len();
        let name = |measure: &Option<Measure>| measure.as_ref().map(|measure| measure.column.name.clone());
        let (y, z) = (name(&plan.y).unwrap_or_default(), name(&plan.z).unwrap_or_default());
        let of = [y.clone(), y.clone(), format!("{y} and {z}")];
        let sums = SUM_NAMES.into_iter().zip(of).zip(asked).filter(|(_, on)| *on);
        let sums = sums.map(|((sum, of), _)| format!("{sum} of {of}"));
        let head: Vec<String> = labels.into_iter().chain(["patients".to_owned()]).chain(sums).collect();
        let rows = cells.iter().enumerate().map(|(group, cells)| {
            let labels: Vec<String> = match plan.axes.is_empty() {
                true => vec!["all".to_owned()],
                false => plan.group_labels(group).into_iter().map(str::to_owned).collect(),
            };
            let sums = cells.sums.iter().flatten().map(Cell::to_string);
            labels.into_iter().chain([cells.count.to_string()]).chain(sums).collect()
        });
        table(left, &head, &rows.collect::<Vec<_>>())
    }

    /// Who is not counted because a value is missing or beyond what was asked. This does not leave, and yet it is as coarse
    /// as what leaves: a screen may be photographed, and an output end up in a log.
    fn left_out(&self) -> Result<String, Failure> {
        let Some(prepared) = self.prepared else { return Ok(String::new()) };
        let rule = self.planned.rule();
        // For these eyes the counts' rule alone, whatever is noised.
        let (k, b) = match rule {
            Rule::Exact(params) => (params.k, params.b),
            Rule::Noised(params) => (params.k(), params.b()),
        };
        let params = ReleaseParams { k, b, show_zero: false, sums: [SumParams::OFF; 3] };
        let left_out = prepared.left_out()?.into_iter().filter(|(_, count)| *count > 0).map(|(condition, n)| {
            let group = GroupAggregates { n, ..GroupAggregates::default() };
            let number = match release(&[group], &params).first().map(|cells| cells.count) {
                Some(Cell::Value(rounded)) => rounded.to_string(),
                _ => format!("fewer than {k}"),
            };
            format!("  not true that {condition}: {number}\n")
        });
        let lines: String = left_out.collect();
        if lines.is_empty() {
            return Ok(lines);
        }
        Ok(format!(
            "\nThis does NOT leave: consenting patients who are not counted, in the policy's coarse numbers\n{lines}"
        ))
    }

    /// How many columns are committed for this query alone, and how many lists of multiplicities: one a table.
    fn own_commitments(&self) -> (usize, usize) {
        let plan = self.planned.plan();
        let own = plan.columns().into_iter().filter(|column| column.source == Source::Query).count();
        (own, plan.lookups.len())
    }

    /// What is opened, and the budget before and after.
    fn openings(&self) -> String {
        let head = ["column", "openings left", "and after this"].map(str::to_owned);
        let rows = self.charges.iter().map(|charge| {
            let left = self.left(charge);
            vec![charge.column.clone(), left.to_string(), left.saturating_sub(charge.points).to_string()]
        });
        table(1, &head, &rows.collect::<Vec<_>>())
    }

    fn left(&self, charge: &Charge) -> u32 {
        charge.limit.saturating_sub(self.budget.spent(&charge.commitment))
    }

    /// For machines: nothing that does not leave.
    pub(crate) fn json(&self) -> Value {
        let plan = self.planned.plan();
        let cells = self.prepared.map(Prepared::cells).unwrap_or_default();
        let groups = cells
            .iter()
            .enumerate()
            .map(|(group, cells)| json!({ "labels": plan.group_labels(group), "cells": cells }));
        let opened = self.charges.iter().map(|charge| {
            let left = self.left(charge);
            json!({ "column": charge.column, "left_before": left, "left_after": left.saturating_sub(charge.points) })
        });
        let (own, tables) = self.own_commitments();
        json!({
            "site": self.home.site(),
            "development_key": self.development_key,
            "request": self.request.digest(),
            "approval": self.approval.digest(),
            "plan": plan.digest(),
            "title": plan.title,
            "table": self.documents.table_name(),
            "version": self.documents.manifest().version(),
            "epoch": self.documents.epoch().number(),
            "policy": self.planned.policy_words(),
            "grouped_by": plan.axes.iter().map(|axis| &axis.name).collect::<Vec<_>>(),
            "groups": groups.collect::<Vec<_>>(),
            "query_columns": own,
            "multiplicities": tables,
            "opened": opened.collect::<Vec<_>>(),
            "estimate": {
                "memory_bytes": self.estimate.memory_bytes,
                "seconds": self.estimate.time.as_secs_f64(),
            },
        })
    }
}
