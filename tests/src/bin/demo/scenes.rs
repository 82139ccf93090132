//! What does not go through: a question out of scope, a hospital that declines, a history that was altered.

use std::time::Duration;

use serde_json::{Value, json};

use crate::exchange::{Exchange, anchors, home, wait};
use crate::failure::Failure;
use crate::plain::Site;
use crate::print;
use crate::programs::Programs;
use crate::questions::QUESTIONS;
use crate::setup::{example, made, read, read_json, request_file, write, write_json};

/// The copy of the ledger's home that a dishonest operator keeps.
const OLDER: &str = "tampered/ledger";
/// How long the service may take to find its log altered.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the scenes showed, for the report.
pub(crate) struct Scenes {
    pub(crate) out_of_scope: Value,
    pub(crate) declined: Value,
    pub(crate) noised: Value,
    pub(crate) consent: Value,
    pub(crate) study_audit: Value,
    pub(crate) altered: Value,
}

/// A question beyond the approval is refused, with the clause that it violates.
pub(crate) fn out_of_scope(programs: &mut Programs, exchange: &Exchange) -> Result<Value, Failure> {
    print::heading("A question out of scope");
    print::say("The sponsor asks the same study about commercial use. The approval is for academic sponsors.");
    let query = example("scenes/out-of-scope.json");
    let key = made("sponsor/key.json");
    let words = ["cohortium-sponsor", "ask", &query, "--approval", &exchange.study, "--site", "rotterdam"];
    let run = programs.run(&[&words[..], &["--key", &key]].concat())?.expect(1)?;
    print::quote(&run.stderr);
    if !run.stderr.contains("sponsor_class") {
        return Err(Failure::unexpected("the refusal", run.stderr));
    }

    print::say(
        "That was the sponsor's own program. A sponsor who signs such a question all the same is refused by the ledger, by \
         the same clause:",
    );
    let mut request = read_json(&request_file(&QUESTIONS[0]))?;
    request["query"]["sponsor_class"] = "commercial".into();
    request["sequence"] = (QUESTIONS.len() + 1).into();
    let (path, signed) = (made("tampered/request.json"), made("tampered/query.json"));
    write_json(&path, &request)?;
    programs.done(&["cohortium-sponsor", "sign", &path, "--key", &key, "--out", &signed])?;
    let refused = programs.run(&["cohortium-sponsor", "post", &signed])?.expect(1)?;
    print::quote(&refused.stderr);
    if !refused.stderr.contains("clause \"sponsor_class\"") {
        return Err(Failure::unexpected("the ledger's refusal", refused.stderr));
    }
    Ok(json!({
        "query": query, "exit_status": run.status, "refusal": run.stderr.trim(),
        "ledger": { "exit_status": refused.status, "refusal": refused.stderr.trim() },
    }))
}

/// Copies the ledger's home as it is, but for the index, which can be made again.
fn keep_a_copy() -> Result<(), Failure> {
    for name in ["charter.json", "operator.key", "log/blocks.log", "log/tip"] {
        let (from, to) = (made(&format!("ledger/{name}")), made(&format!("{OLDER}/{name}")));
        if let Some(folder) = std::path::Path::new(&to).parent() {
            std::fs::create_dir_all(folder).map_err(Failure::file("make", folder))?;
        }
        std::fs::copy(&from, &to).map_err(Failure::file("copy", from.as_ref()))?;
    }
    Ok(())
}

/// A question that one hospital's rules do not cover waits for a person, who declines; the other answers.
pub(crate) fn declined(programs: &mut Programs, exchange: &Exchange) -> Result<Value, Failure> {
    print::heading("A hospital that declines");
    print::say(
        "This question uses the menopausal status, which the rules of both hospitals leave to a person. Their jobs say so on the ledger. \
         Rotterdam's officer declines, with a reason; GBSG's accepts, and its answer stands all the same.",
    );
    // For a later scene.
    keep_a_copy()?;
    let (query, key) = (example("scenes/menopause.json"), made("sponsor/key.json"));
    let words = ["cohortium-sponsor", "ask", &query, "--approval", &exchange.study, "--site", "rotterdam"];
    let asked: Value = programs.done(&[&words[..], &["--site", "gbsg", "--key", &key, "--json"]].concat())?.json()?;
    let id = asked["id"].as_str().ok_or_else(|| Failure::unexpected("the question", "it has no id"))?.to_owned();
    for site in Site::ALL {
        print::quote(&programs.done(&["cohortium-prover", "run", "--once", "--home", &home(site)])?.stdout);
    }
    print::quote(&programs.done(&["cohortium-sponsor", "follow", &id])?.stdout);
    let because = "menopausal status is not part of this collaboration";
    let rotterdam = home(Site::Rotterdam);
    programs.done(&["cohortium-prover", "decline", &id, "--because", because, "--home", &rotterdam])?;
    let gbsg = home(Site::Gbsg);
    programs.done(&["cohortium-prover", "accept", &id, "--home", &gbsg, "--yes"])?;
    programs.done(&["cohortium-prover", "run", "--once", "--home", &gbsg])?;
    let run = programs.done(&["cohortium-sponsor", "follow", &id])?;
    print::quote(&run.stdout);
    if !run.stdout.contains(because) || !run.stdout.contains("answered by 1 of 2 sites") {
        return Err(Failure::unexpected("what the sponsor is shown", run.stdout));
    }
    Ok(json!({ "query": query, "id": id, "declined_by": "rotterdam", "because": because }))
}

/// Every release under the study, verified again from an export of the ledger.
pub(crate) fn study_audit(programs: &mut Programs, exchange: &Exchange) -> Result<Value, Failure> {
    print::heading("The whole study, audited");
    print::say(
        "The board takes an export of the ledger and checks all of it again, offline: every signature, every rule, every \
         proof. It is shown every question under the study, whether answered or not, and that none is missing.",
    );
    let (export, report) = (made("board/ledger.ndjson"), made("reports/study.txt"));
    programs.done(&["cohortium-sponsor", "export", "--out", &export])?;
    let anchors = anchors();
    let words = ["cohortium-verifier", "audit", "--study", &exchange.study, "--from-export", &export];
    let run = programs.done(&[&words[..], &["--anchors", &anchors, "--report", &report, "--json"]].concat())?;
    print::quote(&read(&report)?);
    run.json()
}

/// Somebody alters the ledger's history: the auditor finds it, and so does the service itself.
pub(crate) fn altered(programs: &mut Programs, exchange: &mut Exchange) -> Result<Value, Failure> {
    print::heading("A server whose log was altered");
    let (export, altered) = (made("board/ledger.ndjson"), made("tampered/raised.ndjson"));
    let text = read(&export)?;
    let count = "\"count\":{\"state\":\"value\",\"value\":";
    let at =
        text.find(count).ok_or_else(|| Failure::unexpected("the export", "it holds no released count"))? + count.len();
    let end = at + text[at..].find('}').unwrap_or(0);
    let before: u64 = text[at..end].parse().map_err(|error| Failure::unexpected("a released count", error))?;
    write(&altered, &format!("{}{}{}", &text[..at], before + 5, &text[end..]))?;
    print::say(&format!("The operator raises one released count of the history from {before} to {}.", before + 5));
    let (anchors, report) = (anchors(), made("reports/altered.txt"));
    let words = ["cohortium-verifier", "audit", "--study", &exchange.study, "--from-export", &altered];
    let run = programs.run(&[&words[..], &["--anchors", &anchors, "--report", &report]].concat())?.expect(1)?;
    print::quote(if run.stderr.trim().is_empty() { &run.stdout } else { &run.stderr });

    print::say(
        "The operator has kept an older copy of the log, from before the last question, and now serves that: a history that is \
         sound in itself, every signature its own. But the board has the newest checkpoint that it saw, and the operator's \
         signature on it is not to be had back:",
    );
    let (kept, cut) = (made("board/checkpoint.txt"), made("tampered/ledger.ndjson"));
    let last = text.trim_end().lines().last().unwrap_or_default();
    let block: Value = serde_json::from_str(last).map_err(|error| Failure::unexpected("the last block", error))?;
    write(&kept, block["checkpoint"].as_str().unwrap_or_default())?;
    exchange.server.stop()?;
    let listen = exchange.url.trim_start_matches("http://").to_owned();
    let older = made(OLDER);
    exchange.server = programs.start(&["cohortium-server", "serve", "--home", &older, "--listen", &listen])?;
    wait(&listen)?;
    programs.done(&["cohortium-sponsor", "export", "--out", &cut])?;
    let words = ["cohortium-verifier", "audit", "--study", &exchange.study, "--from-export", &cut];
    let split = programs.run(&[&words[..], &["--anchors", &anchors, "--checkpoint", &kept]].concat())?.expect(1)?;
    print::excerpt(&split.stdout, "WHAT WAS FOUND", "QUERIES");
    print::say("The hospitals' jobs remember the newest checkpoint too, and answer nothing there:");
    let gbsg = home(Site::Gbsg);
    let job = programs.run(&["cohortium-prover", "run", "--once", "--home", &gbsg])?.expect(1)?;
    print::quote(&job.stderr);

    print::say("And one bit of the service's own log is turned over, while it is stopped: it refuses to start.");
    exchange.server.stop()?;
    let log = made("ledger/log/blocks.log");
    let mut bytes = std::fs::read(&log).map_err(Failure::file("read", log.as_ref()))?;
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&log, bytes).map_err(Failure::file("write", log.as_ref()))?;
    exchange.server = programs.start(&["cohortium-server", "serve", "--home", &made("ledger"), "--listen", &listen])?;
    let refused = match exchange.server.ended(PATIENCE)? {
        Some((status, said)) if status != 0 => (status, said),
        _ => return Err(Failure::unexpected("the service", "it takes an altered log for its own")),
    };
    print::quote(&refused.1);
    Ok(json!({
        "count": { "before": before, "after": before + 5 },
        "audit": { "exit_status": run.status, "report": report },
        "rolled_back": { "exit_status": split.status, "hospital": { "exit_status": job.status, "refusal": job.stderr.trim() } },
        "server": { "exit_status": refused.0, "refusal": refused.1.trim() },
    }))
}
