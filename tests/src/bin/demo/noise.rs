//! A question with noise, beside its exact twin: who opens what, what it costs, and what is left.

use serde_json::{Value, json};

use crate::ask::Answer;
use crate::exchange::{Exchange, anchors, charter, home};
use crate::failure::Failure;
use crate::plain::Site;
use crate::print;
use crate::programs::Programs;
use crate::setup::{made, query_file};

/// What each count spends.
const EPSILON: &str = "count=0.2";

/// Asks a question of the demo again, with noise, and shows both answers.
pub(crate) fn noised(programs: &mut Programs, exchange: &Exchange, twin: &Answer) -> Result<Value, Failure> {
    print::heading(&format!("The same with noise: {}", twin.question.text));
    print::say(
        "Rounding and suppression protect one answer at a time. Noise protects however many are combined, for a price: each question \
         spends some epsilon of the study's and of the table's budget, and the ledger keeps the account. Nobody can choose the noise: it \
         comes from a seed that the hospital registered before the question, and from two nonces, the sponsor's and the board's, that both \
         were committed to. They are opened once every hospital has decided; the proof shows that just this noise was added.",
    );
    let (query, key, study) = (query_file(twin.question), made("sponsor/key.json"), exchange.study.clone());
    let sites = ["--site", "rotterdam", "--site", "gbsg"];
    let plan = ["cohortium-sponsor", "plan", &query, "--study", &study, "--epsilon", EPSILON];
    let before = programs.done(&[&plan[..], &sites].concat())?.stdout;
    print::caption("What it would spend, before anything is asked:");
    print::lines_with(&before, &["psilon", "admitted"]);
    let ask = ["cohortium-sponsor", "ask", &query, "--approval", &study, "--epsilon", EPSILON, "--key", &key, "--json"];
    let asked: Value = programs.done(&[&ask[..], &sites].concat())?.json()?;
    let id = asked["id"].as_str().ok_or_else(|| Failure::unexpected("the question", "it has no id"))?.to_owned();
    let run = |programs: &mut Programs| {
        for site in Site::ALL {
            let said = programs.done(&["cohortium-prover", "run", "--once", "--home", &home(site)])?;
            print::quote(&said.stdout);
        }
        Ok::<(), Failure>(())
    };
    print::caption("Both hospitals accept, before anybody can know the noise:");
    run(programs)?;

    print::caption("The sponsor opens its nonce; then the board, which verifies the whole ledger first:");
    print::quote(&programs.done(&["cohortium-sponsor", "open", &id, "--key", &key])?.stdout);
    let (export, signed, board) = (made("board/with-noise.ndjson"), made("board/nonce.json"), made("board/key.json"));
    programs.done(&["cohortium-sponsor", "export", "--out", &export])?;
    let charter = charter();
    let open = ["cohortium-verifier", "open", &id, "--from-export", &export, "--key", &board, "--charter", &charter];
    print::quote(&programs.done(&[&open[..], &["--out", &signed]].concat())?.stdout);
    programs.done(&["cohortium-sponsor", "post", &signed])?;
    print::caption("Now the hospitals can answer:");
    run(programs)?;

    let results: Value = programs.done(&["cohortium-sponsor", "results", &id, "--json"])?.json()?;
    let (rows, shown) = compare(twin, &results)?;
    print::caption(
        "Released exactly up to rounding (left), and with noise, with what the noise leaves at 95 % (right):",
    );
    print::table(1, &["", "rotterdam", "gbsg", "|", "rotterdam", "gbsg"], &rows);
    let verdicts = audited(programs, &id)?;
    let after = programs.done(&[&plan[..], &sites].concat())?.stdout;
    print::caption("What is left for the next question:");
    print::lines_with(&after, &["psilon"]);
    Ok(json!({
        "query": query, "id": id, "epsilon": EPSILON, "groups": shown, "noise": verdicts,
        "policy": results["results"]["sites"][0]["answer"]["policy"],
    }))
}

/// Both answers group by group.
fn compare(twin: &Answer, results: &Value) -> Result<(Vec<Vec<String>>, Vec<Value>), Failure> {
    let sites = results["results"]["sites"].as_array().cloned().unwrap_or_default();
    let group = |site: Site, group: usize| {
        let found = sites.iter().find(|found| found["site"] == site.name());
        found.map(|found| found["answer"]["groups"][group].clone()).unwrap_or_default()
    };
    let (mut rows, mut shown) = (Vec::new(), Vec::new());
    for place in 0..twin.sites.first().map_or(0, |site| site.released.len()) {
        let labels = twin.sites[0].released[place].labels.join(", ");
        let mut row = vec![labels.clone()];
        row.extend(twin.sites.iter().map(|site| site.released[place].count.to_string()));
        row.push("|".to_owned());
        let mut cells = Vec::new();
        for site in Site::ALL {
            let count = &group(site, place)["count"];
            let text = match count["state"].as_str() {
                Some("noised") => {
                    format!("{} ({} to {})", count["shown"].as_str().unwrap_or(""), count["low"], count["high"])
                }
                Some("suppressed") => "suppressed".to_owned(),
                _ => return Err(Failure::unexpected("a noised answer", count)),
            };
            cells.push(json!({ "site": site.name(), "count": count }));
            row.push(text);
        }
        shown.push(json!({ "labels": labels, "cells": cells }));
        rows.push(row);
    }
    Ok((rows, shown))
}

/// What the board's audit says of the noise of both answers.
fn audited(programs: &mut Programs, id: &str) -> Result<Vec<Value>, Failure> {
    let mut verdicts = Vec::new();
    for site in Site::ALL {
        let (bundle, report) = (
            made(&format!("bundles/with-noise.{}.json", site.name())),
            made(&format!("reports/with-noise.{}.txt", site.name())),
        );
        programs.done(&["cohortium-sponsor", "bundle", id, site.name(), "--out", &bundle])?;
        let anchors = anchors();
        let words = ["cohortium-verifier", "audit", &bundle, "--anchors", &anchors, "--json", "--report", &report];
        let audit: Value = programs.done(&words)?.json()?;
        let guarantees = audit["guarantees"].as_array().cloned().unwrap_or_default();
        let noise = guarantees.into_iter().find(|guarantee| guarantee["id"] == "G6").unwrap_or_default();
        if noise["verdict"] != "holds" {
            return Err(Failure::unexpected("the audit of the noise", noise));
        }
        if site == Site::Rotterdam {
            print::caption("What the board's audit says of the noise:");
            print::say(noise["reason"].as_str().unwrap_or_default());
        }
        verdicts.push(json!({ "site": site.name(), "verdict": noise["verdict"], "reason": noise["reason"] }));
    }
    Ok(verdicts)
}
