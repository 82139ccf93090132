//! The exchange as it is run: every member's own program, as processes, over loopback; the service killed in between.

use std::time::{Duration, Instant};

use crate::town::{AGES, GRADES, LONG, SITES, STUDY, Town, count};

const BECAUSE: &str = "the registry is being cleaned until March";

#[test]
fn from_keys_to_the_audit_of_a_study_with_the_service_killed_in_between() {
    let (mut town, served) = Town::open(LONG, LONG);
    town.allow("north");

    // Out of the study's scope: refused. In it: the south waits for a person, who declines.
    let words = ["cohortium-sponsor", "ask", "out-of-scope.json", "--approval", STUDY, "--site", "north"];
    assert!(town.run(1, &words).contains("sponsor_class"));
    let first = town.ask(GRADES, &SITES);
    assert_eq!(count(&town.job("south"), "hold"), 1);
    town.ok(&["cohortium-prover", "decline", &first, "--because", BECAUSE, "--home", "south"]);
    town.job("south");
    assert_eq!(town.state(&first, "south"), "declined");

    // The north accepts by its rules. Then the service is killed, and starts again while the job proves.
    let mut job = town.job_begun("north");
    let begun = Instant::now();
    while town.state(&first, "north") == "submitted" {
        assert!(begun.elapsed() < Duration::from_secs(120) && job.try_wait().unwrap().is_none(), "nothing is accepted");
        std::thread::sleep(Duration::from_millis(20));
    }
    drop(served);
    let served = town.serve();
    assert_eq!(town.state(&first, "north"), "accepted", "what was acknowledged is there, and no release yet");
    let note = town.get("/v1/checkpoint").text();
    town.write("checkpoint.txt", &note);
    // The job goes on by itself; and if it found nobody for too long, the next one does.
    let output = job.wait_with_output().unwrap();
    if !output.status.success() {
        eprintln!("the job gave up: {}", String::from_utf8_lossy(&output.stderr));
        town.job("north");
    }
    assert_eq!(town.state(&first, "north"), "answered");
    assert_eq!(count(&town.job("north"), "release"), 0, "it answers once");

    // A second question: by rule, and by a person.
    let second = town.ask(AGES, &SITES);
    assert_eq!((count(&town.job("north"), "release"), count(&town.job("south"), "hold")), (1, 1));
    town.accept(0, "south", &second);
    assert_eq!(count(&town.job("south"), "release"), 1);

    let followed = town.json(&["cohortium-sponsor", "follow", &first, "--wait", "--every", "1"]);
    assert_eq!(followed["status"]["words"], "answered by 1 of 2 sites");
    let shown = town.json(&["cohortium-sponsor", "results", &first, "--csv", "first.csv"]);
    let verdicts: Vec<_> = shown["verdicts"].as_array().unwrap().iter().map(|site| &site["verdict"]).collect();
    assert_eq!(verdicts, ["holds"], "{shown:#}");
    assert!(shown["results"].to_string().contains(BECAUSE) && town.read("first.csv").contains("north"));
    let shown = town.json(&["cohortium-sponsor", "results", &second]);
    assert_eq!(shown["verdicts"].as_array().unwrap().len(), 2, "{shown:#}");

    // The board audits one answer, and then the study; it holds a checkpoint from before.
    town.ok(&["cohortium-sponsor", "anchors", "--verifying-key", "query-12.key", "--out", "anchors.json"]);
    town.ok(&["cohortium-sponsor", "bundle", &second, "south", "--out", "answer.json"]);
    let audit = town.json(&["cohortium-verifier", "audit", "answer.json", "--anchors", "anchors.json"]);
    assert_eq!(audit["verdict"], "holds", "{audit:#}");
    let answer = town.read("answer.json");
    let altered = answer.replacen(r#""state":"value","value":"#, r#""state":"value","value":5"#, 1);
    assert_ne!(answer, altered);
    town.write("altered.json", &altered);
    town.run(1, &["cohortium-verifier", "audit", "altered.json", "--anchors", "anchors.json"]);

    town.ok(&["cohortium-sponsor", "export", "--out", "ledger.ndjson"]);
    let study = |exit, export: &str, checkpoint: &str| {
        let words = ["cohortium-verifier", "audit", "--study", STUDY, "--from-export", export];
        town.run(exit, &[&words[..], &["--checkpoint", checkpoint, "--anchors", "anchors.json"]].concat())
    };
    let report = study(0, "ledger.ndjson", "checkpoint.txt");
    assert!(report.contains(BECAUSE) && SITES.iter().all(|site| report.contains(site)), "{report}");
    // An export that ends before a checkpoint that the board has is not the whole.
    town.write("last.txt", &town.get("/v1/checkpoint").text());
    study(0, "ledger.ndjson", "last.txt");
    let export = town.read("ledger.ndjson");
    let last = export.trim_end().rfind('\n').unwrap();
    town.write("short.ndjson", &export[..=last]);
    study(1, "short.ndjson", "last.txt");

    drop(served);
    town.check();
}
