//! Patients: a count before and after revocations, a receipt that a patient checks alone, and a hospital that ignores a
//! revocation.

use serde_json::{Value, json};

use crate::exchange::{Exchange, anchors, home};
use crate::failure::Failure;
use crate::plain::Site;
use crate::print;
use crate::programs::Programs;
use crate::setup::{example, made, read, write};

/// How many patients change their mind, beside the one who is looked at.
const REVOKING: usize = 60;

/// The scene is at this hospital.
const SITE: Site = Site::Gbsg;

/// The question.
pub(crate) fn question() -> String {
    example("scenes/consenting.json")
}

/// What the scene showed, for the report.
pub(crate) fn scene(programs: &mut Programs, exchange: &Exchange) -> Result<Value, Failure> {
    print::heading("Patients: consent, receipts, and a hospital that ignores a revocation");
    print::say(
        "How many patients consent is a question like any other. The sponsor asks it at gbsg, patients revoke, and it is asked again. That \
         the same question is asked over two epochs tells how many revoked: the ledger's guard would refuse it, so the board has named its \
         plan.",
    );
    let home = home(SITE);
    let prover = "cohortium-prover";
    let before = counted(programs, exchange)?;

    let patient = patient(before.request.as_str(), programs, &home)?;
    print::caption("One patient looks at their receipt, alone and offline, with the card that only they hold:");
    let (card, receipt, anchors) = (made("patient/card"), made("patient/receipt.json"), anchors());
    let check = ["cohortium-verifier", "receipt", &receipt, "--anchors", &anchors, "--card", &card];
    print::excerpt(&programs.done(&check)?.stdout, "RECEIPT", "This file proves");
    let (answer, was) = (made("patient/answer.json"), made("patient/was-counted.json"));
    programs.done(&["cohortium-sponsor", "bundle", &before.id, SITE.name(), "--out", &answer])?;
    let words = [prover, "consent", "receipt", "--home", &home, "--patient", &patient];
    programs.done(&[&words[..], &["--answer", &before.request, "--out", &was]].concat())?;
    let asked = ["cohortium-verifier", "receipt", &was, "--anchors", &anchors, "--card", &card, "--answer", &answer];
    print::excerpt(&programs.done(&asked)?.stdout, "WERE YOU COUNTED?", "HOLDS");

    print::say(&format!(
        "The patient takes the consent back, signed with the card, and so do {REVOKING} others on paper. The hospital posts the salted hashes \
         of all this in a batch: the ledger shows that there was an import, and nothing about anybody. Then it computes a new consent epoch."
    ));
    let events = [made("patient/key.json"), made("patient/revocation.json")];
    let acknowledged = made("patient/acknowledgement.json");
    for (number, (event, what)) in (2..).zip(events.iter().zip([&["--key"][..], &["--revoke", "DUO:0000042"]])) {
        let number = number.to_string();
        let words = ["cohortium-verifier", "choose", "--card", &card, "--site", SITE.name(), "--number", &number];
        print::quote(&programs.done(&[&words[..], what, &["--out", event]].concat())?.stdout);
        programs.done(&[prover, "consent", "add", event, "--home", &home, "--patient", &patient])?;
    }
    let changed = revoking(&patient)?;
    let imported = programs.done(&[prover, "consent", "import", "--home", &home, "--csv", &changed])?;
    print::lines_with(&imported.stdout, &["Entered"]);
    print::quote(&programs.done(&[prover, "consent", "post", "--all", "--home", &home])?.stdout);
    let words = [prover, "consent", "acknowledge", "--home", &home, "--patient", &patient, "--number", "3"];
    programs.done(&[&words[..], &["--out", &acknowledged]].concat())?;

    let caught = ignored(programs, &patient, &acknowledged)?;

    print::caption("The honest epoch, and the patient's new receipt:");
    print::quote(&programs.done(&[prover, "consent", "epoch", "--home", &home])?.stdout);
    let words = [prover, "consent", "receipt", "--home", &home, "--patient", &patient, "--out", &receipt];
    programs.done(&words)?;
    let held = programs.done(&[&check[..], &["--acknowledged", &acknowledged]].concat())?;
    print::excerpt(&held.stdout, "YOUR CHOICES", "This file proves");
    let after = counted(programs, exchange)?;
    print::say(&format!("Before, {} patients consented; after the revocations, {}.", before.count, after.count));
    if after.count + 50 > before.count {
        return Err(Failure::unexpected("the count after the revocations", after.count));
    }
    Ok(json!({
        "site": SITE.name(), "before": before.count, "after": after.count, "revoked": REVOKING + 1,
        "receipt": { "exit_status": held.status }, "ignored": caught,
    }))
}

/// A count and where it is from.
struct Counted {
    id: String,
    request: String,
    count: u64,
}

/// Asks how many consent.
fn counted(programs: &mut Programs, exchange: &Exchange) -> Result<Counted, Failure> {
    let (query, key) = (question(), made("sponsor/key.json"));
    let words = ["cohortium-sponsor", "ask", &query, "--approval", &exchange.study, "--site", SITE.name()];
    let asked: Value = programs.done(&[&words[..], &["--key", &key, "--json"]].concat())?.json()?;
    let text = |name: &str| asked[name].as_str().map(str::to_owned);
    let missing = || Failure::unexpected("the question", &asked);
    let (id, request) = (text("id").ok_or_else(missing)?, text("request").ok_or_else(missing)?);
    programs.done(&["cohortium-prover", "run", "--once", "--home", &home(SITE)])?;
    let results: Value = programs.done(&["cohortium-sponsor", "results", &id, "--json"])?.json()?;
    let count = &results["results"]["sites"][0]["answer"]["groups"][0]["count"]["value"];
    let count = count.as_u64().ok_or_else(|| Failure::unexpected("the count", &results))?;
    Ok(Counted { id, request, count })
}

/// The first patient who consents, with card and receipt.
fn patient(_request: &str, programs: &mut Programs, home: &str) -> Result<String, Failure> {
    let consents = read(&made(&format!("{}/consent.csv", SITE.name())))?;
    let yes = |line: &&str| line.split(',').nth(1) == Some("1");
    let line = consents.lines().skip(1).find(yes);
    let patient = line.and_then(|line| line.split(',').next()).map(str::to_owned);
    let patient = patient.ok_or_else(|| Failure::unexpected("the consents", "nobody consents"))?;
    let card: Value =
        programs.done(&["cohortium-prover", "tag", "--home", home, "--patient", &patient, "--json"])?.json()?;
    let folder = made("patient");
    std::fs::create_dir_all(&folder).map_err(Failure::file("make", folder.as_ref()))?;
    write(&made("patient/card"), card["secret"].as_str().unwrap_or_default())?;
    let receipt = made("patient/receipt.json");
    let words = ["cohortium-prover", "consent", "receipt", "--home", home, "--patient", &patient, "--out", &receipt];
    programs.done(&words)?;
    Ok(patient)
}

/// The consent file with revocations; the patient's own stays as it is, for they revoke themselves.
fn revoking(patient: &str) -> Result<String, Failure> {
    let consents = read(&made(&format!("{}/consent.csv", SITE.name())))?;
    let mut left = REVOKING;
    let mut lines = Vec::new();
    for line in consents.lines() {
        let cells: Vec<&str> = line.split(',').collect();
        let revokes = cells[0] == patient || (left > 0 && cells.get(1) == Some(&"1"));
        if !revokes {
            lines.push(line.to_owned());
            continue;
        }
        left -= usize::from(cells[0] != patient);
        lines.push(std::iter::once(cells[0]).chain(cells[1..].iter().map(|_| "0")).collect::<Vec<_>>().join(","));
    }
    let path = made(&format!("{}/consent-changed.csv", SITE.name()));
    write(&path, &(lines.join("\n") + "\n"))?;
    Ok(path)
}

/// The hospital forgets the revocation, and posts an epoch as if there were none: the patient shows it.
fn ignored(programs: &mut Programs, patient: &str, acknowledged: &str) -> Result<Value, Failure> {
    print::say(
        "But first somebody at the hospital would rather keep this patient, and deletes the revocation from the hospital's files: from the \
         list of events, and from the list of what is in the batch. The program then computes an epoch as if it had never been. The ledger \
         admits it: nobody can tell from outside. The patient can.",
    );
    let home = home(SITE);
    let (list, batch) =
        (format!("{home}/consents/events.jsonl"), format!("{home}/consents/batches/batch-2/batch.json"));
    let (events, places) = (read(&list)?, read(&batch)?);
    let mut document: Value = serde_json::from_str(&places).map_err(|error| Failure::unexpected("the batch", error))?;
    let tag = events
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .find(|line| line["event"]["number"] == 3)
        .map(|line| line["event"]["tag"].clone())
        .ok_or_else(|| Failure::unexpected("the events", "there is no third one"))?;
    let is_it = |tag_of: &Value, number: &Value| *tag_of == tag && *number == 3;
    let kept = events.lines().filter(|line| {
        serde_json::from_str::<Value>(line).is_ok_and(|line| !is_it(&line["event"]["tag"], &line["event"]["number"]))
    });
    let forgotten: Vec<&str> = kept.collect();
    if let Some(places) = document["events"].as_array_mut() {
        places.retain(|place| !is_it(&place["tag"], &place["number"]));
    }
    write(&list, &(forgotten.join("\n") + "\n"))?;
    write(&batch, &document.to_string())?;
    let prover = "cohortium-prover";
    programs.done(&[prover, "consent", "epoch", "--home", &home])?;
    let (receipt, evidence) = (made("patient/ignored.json"), made("board/violation.json"));
    let words = [prover, "consent", "receipt", "--home", &home, "--patient", patient, "--out", &receipt];
    programs.done(&words)?;
    let (anchors, card) = (anchors(), made("patient/card"));
    let check = ["cohortium-verifier", "receipt", &receipt, "--anchors", &anchors, "--card", &card];
    let more = ["--acknowledged", acknowledged, "--evidence", &evidence];
    let caught = programs.run(&[&check[..], &more].concat())?.expect(1)?;
    print::excerpt(&caught.stdout, "YOUR CHOICES", "This file proves");
    print::say("The board checks the evidence for itself, without the card:");
    let board = programs.run(&["cohortium-verifier", "receipt", &evidence, "--anchors", &anchors])?.expect(1)?;
    print::excerpt(&board.stdout, "VIOLATIONS", "This file proves");
    if !board.stdout.contains("IGNORED") {
        return Err(Failure::unexpected("the evidence", board.stdout));
    }
    // The honest files again.
    write(&list, &events)?;
    write(&batch, &places)?;
    Ok(json!({ "exit_status": caught.status, "board": board.status, "evidence": evidence }))
}
