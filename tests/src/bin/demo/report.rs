//! `target/demo/report.json`, and the last lines.

use serde_json::{Map, Value, json};

use crate::ask::{Answer, SiteAnswer};
use crate::cells::{Group, MIN_CELL, ROUNDING};
use crate::failure::Failure;
use crate::plain;
use crate::print;
use crate::scenes::Scenes;
use crate::setup::{CONSENT_SEED, Stage, made, query_file, write_json};

/// One group's cells by name.
fn group(group: &Group) -> Value {
    let cells: Map<String, Value> = group.cells().map(|(name, cell)| (key(name), json!(cell))).collect();
    json!({ "labels": group.labels, "cells": cells })
}

fn key(name: &str) -> String {
    name.replace(' ', "_")
}

fn site(answer: &Answer, site: &SiteAnswer) -> Value {
    let plainly = plain::released(answer.question, &site.exact);
    let guarantees: Vec<Value> =
        site.audit.guarantees.iter().map(|g| json!({ "id": g.id, "name": g.name, "verdict": g.verdict })).collect();
    json!({
        "bundle": site.bundle,
        "bundle_digest": site.audit.bundle,
        "bundle_bytes": site.bundle_bytes,
        "policy": site.audit.policy,
        "audit": {
            "verdict": site.audit.verdict,
            "exit_status": 0,
            "development_key": site.audit.development_key,
            "guarantees": guarantees,
            "report": site.report,
        },
        "released": site.released.iter().map(group).collect::<Vec<_>>(),
        "plain": plainly.iter().map(group).collect::<Vec<_>>(),
        "equal": site.released == plainly,
        "seconds": { "prove": site.prove_seconds, "audit": site.audit_seconds },
    })
}

fn query(answer: &Answer, derived: Value) -> Value {
    let first = &answer.sites[0];
    let pooled = |(place, group): (usize, &Group)| {
        let cell = |(kind, (name, _)): (usize, (&str, _))| (key(name), json!(answer.pooled(place, kind)));
        json!({ "labels": group.labels, "cells": group.cells().enumerate().map(cell).collect::<Map<_, _>>() })
    };
    let verified = answer.sites.iter().all(|site| site.audit.verdict == "holds");
    let sites: Map<String, Value> =
        answer.sites.iter().map(|answered| (answered.site.name().to_owned(), site(answer, answered))).collect();
    json!({
        "question": answer.question.text,
        "query": query_file(answer.question),
        "plan": answer.plan,
        "grouped_by": answer.question.axes.iter().map(|axis| axis.title).collect::<Vec<_>>(),
        "sites": sites,
        "pooled": { "released": first.released.iter().enumerate().map(pooled).collect::<Vec<_>>() },
        "derived": derived,
        "verified": verified,
    })
}

/// Writes the report.
pub(crate) fn write(
    stage: &Stage,
    answers: &[Answer],
    derived: Vec<Value>,
    tampering: Value,
    scenes: Scenes,
    seconds: f64,
) -> Result<(), Failure> {
    let refusing = stage.patients.iter().map(|(site, patients)| {
        let refusing = patients.iter().filter(|patient| !patient.consents).count();
        (site.name().to_owned(), json!({ "patients": patients.len(), "refusing": refusing }))
    });
    let report = json!({
        "format": "cohortium-demo-report/1",
        "data": "Rotterdam tumour bank and GBSG-2: data sets rotterdam and gbsg of the R package survival; Royston and Altman, \
                 BMC Medical Research Methodology 13:33 (2013)",
        "consents": {
            "synthetic": true, "seed": CONSENT_SEED, "column": "DUO:0000042/academic",
            "sites": refusing.collect::<Map<_, _>>(),
        },
        "keys": "development keys: whoever made them could forge",
        "policy": { "smallest_group": MIN_CELL, "rounding": ROUNDING, "empty_groups": "shown as 0" },
        "queries": answers.iter().zip(derived).map(|(answer, derived)| query(answer, derived)).collect::<Vec<_>>(),
        "tampering": tampering,
        "out_of_scope": scenes.out_of_scope,
        "declined": scenes.declined,
        "noised": scenes.noised,
        "consent": scenes.consent,
        "study_audit": scenes.study_audit,
        "altered": scenes.altered,
        "seconds": seconds,
    });
    write_json(&made("report.json"), &report)
}

/// What was done, in a few lines.
pub(crate) fn end(answers: &[Answer], seconds: f64) {
    let sites: Vec<&SiteAnswer> = answers.iter().flat_map(|answer| &answer.sites).collect();
    let cells: usize =
        sites.iter().map(|site| site.released.iter().map(|group| group.cells().count()).sum::<usize>()).sum();
    let mean = |of: fn(&SiteAnswer) -> f64| sites.iter().map(|site| of(site)).sum::<f64>() / sites.len() as f64;
    print::heading("Done");
    print::say(&format!(
        "{} answers, each proven in {:.1} seconds and audited in {:.2} on average; {cells} released cells, all equal to the plain \
         computation; 2 forged bundles and an altered ledger, all refused. {seconds:.0} seconds in all.",
        sites.len(),
        mean(|site| site.prove_seconds),
        mean(|site| site.audit_seconds),
    ));
    print::say(
        "Not proven: that the tables tell the truth. And the keys are development keys; the software is unaudited.",
    );
    print::line("\n  target/demo/report.json   all numbers");
    print::line("  target/demo/*.svg         the pictures; any browser shows them");
    print::line("  target/demo/reports/      what the board would file");
    print::line("  target/demo/bundles/      the answers");
    print::line("  target/demo/log/          what each command printed");
}
