//! The batch job against a ledger: registering, accepting, answering, waiting for people; and a ledger that is not believed.

use std::process::Stdio;
use std::time::{SystemTime, UNIX_EPOCH};

use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::{ConsentRules, Timestamp};
use serde_json::{Value, json};

use super::place::{Place, QUERY};
use super::service::{BUSY, Service};

pub(crate) const RUN: &str = "run --home h --once --json";
const ALLOW: &str = r#"{ "format": "cohortium-rules/1", "allow": [{ "name": "our study", "study": "S-1" }] }"#;

/// The floor of a site whose story asks questions a sliver apart: who is over an age, by ages.
const FLOOR: &str = r#"{ "format": "cohortium-policy/1", "min_cell": 8, "rounding": 5, "show_zeros": false, "sums": "restrained",
    "differencing": "off" }"#;

/// A committed site that has joined a ledger and registered there, and an approved study.
pub(crate) struct Joined {
    pub(crate) place: Place,
    pub(crate) service: Service,
    pub(crate) approval: Digest,
}

impl Joined {
    /// Joined and not registered.
    pub(crate) fn unregistered() -> Self {
        Self::join(Place::committed())
    }

    /// The same with a home of one's own.
    pub(crate) fn join(place: Place) -> Self {
        Self::join_under(place, None)
    }

    /// The same under a charter with rules of consents.
    pub(crate) fn join_under(place: Place, consents: Option<ConsentRules>) -> Self {
        place.run("keys --shape query-12").ok();
        let key = place.run("ledger key --home h --json").ok().json()["key"].as_str().unwrap().to_owned();
        let service = Service::start(&key, consents);
        place.write("charter.json", &serde_json::to_string(&service.charter).unwrap());
        place.run(&format!("ledger join --home h --url {} --charter charter.json", service.url)).ok();
        place.write("floor.json", FLOOR);
        place.run("policy --home h --set floor.json").ok();
        place.write_approval("approval.json", "2030-12-31");
        let approval = service.approve(&place.read("approval.json"));
        Self { place, service, approval }
    }

    pub(crate) fn new() -> Self {
        let joined = Self::unregistered();
        joined.place.run("ledger register --home h").ok();
        joined
    }

    /// The same, with a rule that accepts the study's queries.
    pub(crate) fn allowing() -> Self {
        let joined = Self::new();
        joined.allow();
        joined
    }

    pub(crate) fn allow(&self) {
        self.place.write("rules.json", ALLOW);
        self.place.run("rules --home h --set rules.json").ok();
    }

    /// Asks over an age of one's own: no two queries are the same.
    pub(crate) fn ask(&self, age: u32) -> (Digest, Digest) {
        self.service.ask(&QUERY.replace("51", &age.to_string()), &self.approval)
    }

    /// The events of a run.
    #[track_caller]
    pub(crate) fn events(&self) -> Vec<Value> {
        let run = self.place.run(RUN).ok();
        run.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

pub(crate) fn names(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["event"].as_str().unwrap()).collect()
}

#[test]
fn registered_once_and_answered_by_rule() {
    let joined = Joined::new();
    let Joined { place, service, .. } = &joined;
    let count = |kind| service.count(kind);
    assert_eq!(["manifest", "floor", "seeds", "consents", "epoch"].map(count), [1; 5]);
    let again = place.run("ledger register --home h --json").ok().json();
    assert_eq!(again["posted"], json!([]));
    joined.allow();
    assert_eq!(names(&joined.events()), ["done"]);

    let (id, request) = joined.ask(51);
    let events = joined.events();
    assert_eq!(names(&events), ["rule", "accept", "proving", "release", "done"]);
    assert_eq!((&events[0]["rule"], &events[0]["query"]), (&json!("our study"), &json!(id)));
    assert!(service.status(&id).starts_with("answered at"), "{}", service.status(&id));
    assert_eq!([count("accept"), count("release"), count("hold")], [1, 1, 0]);
    assert_eq!(place.left("age"), 495);
    // Nothing is left to do.
    assert_eq!(names(&joined.events()), ["done"]);
    assert_eq!(place.left("age"), 495);

    // What left is on record: four documents, the batch of consent events, the acceptance, the release.
    let outgoing = place.run("outgoing --home h --json").ok().json();
    assert_eq!(outgoing["records"].as_array().unwrap().len(), 7);
    let release = &outgoing["records"][6]["what"];
    assert_eq!((&release["kind"], &release["request"]), (&json!("release"), &json!(request)));
    assert_eq!(release["ledger"], json!(service.charter.ledger()));
    let head = events[4]["outgoing_head"].as_str().unwrap();
    assert_eq!(outgoing["head"], json!(head));
    place.run(&format!("outgoing --home h --check --head {head}")).ok();
    let cut: Vec<String> = place.read("h/outgoing.jsonl").lines().take(6).map(|line| format!("{line}\n")).collect();
    place.write("h/outgoing.jsonl", &cut.concat());
    place.run(&format!("outgoing --home h --head {head}")).fails(1, "were cut off at its end");

    let status = place.run("status --home h --json").ok().json();
    assert_eq!((&status["queries"], &status["tables"][0]["behind"]), (&json!([]), &json!([])));
    service.set_trouble(Some(500));
    let status = place.run("status --home h").ok();
    assert!(status.out.contains("NOT REACHED"), "{}", status.out);
}

#[test]
fn what_no_rule_covers_waits_for_a_person() {
    let joined = Joined::new();
    let Joined { place, service, .. } = &joined;
    let ((first, _), (second, _)) = (joined.ask(51), joined.ask(61));
    assert_eq!(names(&joined.events()), ["hold", "hold", "done"]);
    // Said once, and in public nothing about the site's rules.
    assert_eq!(names(&joined.events()), ["done"]);
    assert_eq!(service.count("hold"), 2);
    let public = service.status(&first);
    assert!(public.contains("no standing rule of this site covers the query; a person decides"), "{public}");
    let status = place.run("status --home h").ok();
    assert!(status.out.contains("waits for a person: there are no allow rules"), "{}", status.out);

    place.run(&format!("accept {first} --home h")).fails(2, "nobody is at the terminal");
    place.run(&format!("accept {first} --home h --yes")).ok();
    place.run(&format!("accept {first} --home h --yes")).fails(1, "is decided, which is final: accepted by a person");
    let decline = format!("decline {second} --home h --because not-now");
    place.run(&decline).ok();
    place.run(&decline).fails(1, "is decided, which is final");
    assert_eq!(names(&joined.events()), ["proving", "release", "done"]);
    assert!(service.status(&first).starts_with("answered"));
    assert!(service.status(&second).ends_with("not-now"), "{}", service.status(&second));
    assert_eq!([service.count("accept"), service.count("decline"), service.count("release")], [1, 1, 1]);

    // While paused nothing is accepted; afterwards the rule holds.
    joined.allow();
    place.run("pause --home h --because holidays").ok();
    let (third, _) = joined.ask(71);
    assert_eq!(names(&joined.events()), ["paused", "done"]);
    assert!(service.status(&third).starts_with("not decided yet"));
    place.run("resume --home h").ok();
    assert_eq!(names(&joined.events()), ["rule", "accept", "proving", "release", "done"]);
}

/// Trap 10: whoever saw the answer before accepting could withhold those that they dislike.
#[test]
fn who_decides_does_not_know_the_answer() {
    let joined = Joined::new();
    let Joined { place, service, .. } = &joined;
    let (id, _) = joined.ask(51);
    // Neither the rules nor a person need a patient's data to decide.
    let folder = "h/tables/breast-cancer/version-1";
    let data = [
        format!("{folder}/table.bin"),
        format!("{folder}/consents.bin"),
        format!("{folder}/epochs/epoch-1/consents.bin"),
        format!("{folder}/epochs/epoch-2/consents.bin"),
    ];
    let away = |from: &str, to: &str| {
        for file in &data {
            std::fs::rename(place.path(&format!("{file}{from}")), place.path(&format!("{file}{to}"))).unwrap();
        }
    };
    away("", ".away");
    assert_eq!(names(&joined.events()), ["hold", "done"]);
    let accepted = place.run(&format!("accept {id} --home h --yes")).ok();
    let shown = format!("{}{}", accepted.out, accepted.err);
    assert!(shown.contains("What they are nobody knows before the query is accepted"), "{shown}");
    assert!(!shown.contains("patients  "), "{shown}");
    assert_eq!(service.count("accept"), 1);
    // The answer does.
    away(".away", "");
    assert_eq!(names(&joined.events()), ["proving", "release", "done"]);
    assert!(service.status(&id).starts_with("answered"));
}

#[test]
fn under_a_suspended_study_nothing_is_accepted_and_what_was_is_answered() {
    let joined = Joined::new();
    let Joined { place, service, .. } = &joined;
    let ((first, _), (second, _)) = (joined.ask(51), joined.ask(61));
    place.run(&format!("accept {first} --home h --yes")).ok();
    service.suspend(&joined.approval, "the consent form was wrong");
    joined.allow();
    let events = joined.events();
    assert_eq!(names(&events), ["not_in_force", "proving", "release", "done"]);
    assert_eq!(events[0]["query"], json!(second));
    let text = events[0]["text"].as_str().unwrap();
    assert!(text.ends_with("the consent form was wrong"), "{text}");
    let status = place.run("status --home h").ok();
    assert!(status.out.contains("NOT ACCEPTED: the study's approval is not in force: suspended at"), "{}", status.out);
    // Nothing of it is posted, and it is no failure of the site's.
    assert_eq!(["accept", "hold", "decline", "release"].map(|kind| service.count(kind)), [1, 0, 0, 1]);
    place.run(&format!("accept {second} --home h --yes")).fails(1, "not in force, and nobody can accept: suspended at");
    place.run(&format!("decline {second} --home h --because suspended")).ok();
    assert_eq!(names(&joined.events()), ["done"]);
}

#[test]
fn after_the_last_day_nothing_is_accepted_and_what_was_is_answered() {
    let joined = Joined::new();
    let Joined { place, service, .. } = &joined;
    // Ten minutes before the end of the approval's last day, which the hospital's own clock has not passed either.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let last = (now + 7200) / 86_400;
    service.move_clock((last + 1) * 86_400 - 600 - now);
    place.write_approval("short.json", &Timestamp::from_unix(last * 86_400).day().to_string());
    let approval = service.approve(&place.read("short.json"));
    let [first, second] = ["51", "61"].map(|age| service.ask(&QUERY.replace("51", age), &approval).0);
    place.run(&format!("accept {first} --home h --yes")).ok();
    service.move_clock(1200);
    joined.allow();
    let events = joined.events();
    assert_eq!(names(&events), ["not_in_force", "proving", "release", "done"]);
    assert_eq!(events[0]["query"], json!(second));
    let text = events[0]["text"].as_str().unwrap();
    assert!(text.contains("not accepted: the study's approval is not in force: its last day was "), "{text}");
    assert!(service.status(&first).starts_with("answered"), "{}", service.status(&first));
    assert_eq!(["accept", "hold", "decline", "release"].map(|kind| service.count(kind)), [1, 0, 0, 1]);
    let status = place.run("status --home h").ok();
    assert!(status.out.contains("NOT ACCEPTED: the study's approval is not in force: its last day"), "{}", status.out);
    place.run(&format!("accept {second} --home h --yes")).fails(1, "nobody can accept: its last day was");
    assert_eq!(names(&joined.events()), ["not_in_force", "done"]);
}

#[test]
fn accepted_is_answered_from_what_was_pinned() {
    let joined = Joined::new();
    let Joined { place, service, .. } = &joined;
    let ((first, _), (second, _)) = (joined.ask(51), joined.ask(61));
    place.run(&format!("accept {first} --home h --yes")).ok();
    // New consents and another floor, before the answer.
    place.write_consents("february.csv", 2);
    place.run("commit --home h --epoch --consent february.csv").ok();
    place.run("policy --home h --preset hdr-uk").ok();
    let events = joined.events();
    assert_eq!(names(&events), ["hold", "proving", "release", "done"]);
    assert!(service.status(&first).starts_with("answered"));
    // The other is over what is active no longer: a person cannot accept it either.
    let because = events[0]["because"].as_str().unwrap();
    assert!(because.contains("request pins the consent epoch") || because.contains("policy floor"), "{because}");
    assert!(!events[0]["public"].as_str().unwrap().contains("pins"));
    place.run(&format!("accept {second} --home h --yes")).fails(1, "nobody can accept");
    let status = place.run("status --home h --json").ok().json();
    assert_eq!(status["tables"][0]["behind"], json!(["consent epoch", "policy floor"]));
    let posted = place.run("ledger register --home h --json").ok().json();
    assert_eq!(posted["posted"].as_array().unwrap().len(), 2, "{posted}");
    assert_eq!((service.count("floor"), service.count("epoch")), (2, 2));
}

#[test]
fn too_late_is_said() {
    let joined = Joined::allowing();
    let Joined { place, service, .. } = &joined;
    let (id, _) = joined.ask(51);
    service.move_clock(86_401);
    assert_eq!(names(&joined.events()), ["done"]);
    assert!(service.status(&id).starts_with("did not decide by"));
    let (id, _) = joined.ask(61);
    place.run(&format!("accept {id} --home h --yes")).ok();
    service.move_clock(3601);
    place.run(RUN).fails(1, "1 did not go as they should");
    assert!(service.status(&id).starts_with("WITHHELD AFTER ACCEPTANCE"));
    assert_eq!(service.count("release"), 0);
}

#[test]
fn a_ledger_that_is_not_believed() {
    let joined = Joined::allowing();
    let Joined { place, service, .. } = &joined;
    joined.ask(51);
    // A home has one ledger, in which it is a hospital with its key.
    let charter = place.read("charter.json");
    let join = format!("ledger join --home h --url {} --charter other.json", service.url);
    place.write("other.json", &charter.replace("\"trial\"", "\"other\""));
    place.run(&join).fails(1, "belongs to the ledger trial/");
    place.write("other.json", &charter.replace("\"gbsg\"", "\"gbsh\""));
    place.run(&join).fails(1, "has no member \"gbsg\"");
    place.write("other.json", &charter.replace("\"academic\"", "\"commercial\""));
    place.run(&join).fails(1, "belongs to the ledger trial/");

    service.set_trouble(Some(500));
    place.run(RUN).fails(2, "rule internal");
    service.set_trouble(None);
    // An operator that goes back to the beginning.
    service.forget();
    place.run(RUN).fails(1, "never shrinks");
    assert_eq!(place.left("age"), 496);
}

#[test]
fn two_batch_jobs_do_not_overlap() {
    let joined = Joined::new();
    let watch = || {
        let mut command = joined.place.command("run --home h --watch --every 1 --json");
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    };
    let mut watching = watch();
    let mut refused = joined.place.run(RUN);
    for _ in 0..100 {
        if refused.code == Some(2) && refused.err.contains("another cohortium-prover run is at work") {
            break;
        }
        // It may have been the one that came second.
        if watching.try_wait().unwrap().is_some() {
            watching = watch();
        }
        std::thread::sleep(std::time::Duration::from_millis(200));
        refused = joined.place.run(RUN);
    }
    refused.fails(2, "another cohortium-prover run is at work");
    // Between its looks a person may decide.
    let (id, _) = joined.ask(51);
    joined.place.run(&format!("decline {id} --home h --because no")).ok();
    watching.kill().unwrap();
    watching.wait().unwrap();
    joined.place.run(RUN).ok();
}

#[test]
fn a_watching_job_outlives_an_outage() {
    let joined = Joined::allowing();
    let Joined { place, service, .. } = &joined;
    let out = std::fs::File::create(place.path("watch.jsonl")).unwrap();
    let mut watching =
        place.command("run --home h --watch --every 1 --json").stdout(out).stderr(Stdio::null()).spawn().unwrap();
    // Written line by line; the last may be half there.
    let count = |event: &str| {
        let lines = place.read("watch.jsonl");
        let events = lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        events.filter(|one| one["event"] == event).count()
    };
    let wait = |what: &str, done: &dyn Fn() -> bool| {
        let begun = std::time::Instant::now();
        while !done() {
            assert!(begun.elapsed().as_secs() < 240, "waited for {what}: {}", place.read("watch.jsonl"));
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    };
    service.set_trouble(Some(500));
    wait("an outage", &|| count("waiting") > 1);
    let (id, _) = joined.ask(51);
    service.set_trouble(None);
    wait("the release", &|| count("release") == 1);
    // A service with too much to do, and looks at the ledger after it: nothing is done twice.
    service.set_trouble(Some(BUSY));
    let waited = count("waiting");
    wait("a busy service", &|| count("waiting") > waited);
    service.set_trouble(None);
    let (second, _) = joined.ask(61);
    wait("the second release", &|| count("release") == 2);
    watching.kill().unwrap();
    watching.wait().unwrap();
    assert_eq!(["accept", "release"].map(|kind| service.count(kind)), [2, 2]);
    assert!([id, second].iter().all(|id| service.status(id).starts_with("answered")));
    assert_eq!(names(&joined.events()), ["done"]);
}

#[test]
fn rules_are_shown_and_checked() {
    let place = Place::new();
    place.run("init --home h --site gbsg --preset opensafely").ok();
    assert!(place.run("rules --home h").ok().out.contains("every query waits for a person"));
    place.write("rules.json", r#"{ "format": "cohortium-rules/1", "allow": [{ "name": "all" }] }"#);
    place.run("rules --home h --set rules.json").fails(1, "would allow everything");
    place.write("rules.json", ALLOW);
    let shown = place.run("rules --home h --set rules.json").ok();
    assert!(shown.out.contains("our study: study S-1 (accepted so far: 0)"), "{}", shown.out);
    place.run("run --home h --once").fails(2, "belongs to no ledger yet");
    place.run("ledger join --home h --url http://127.0.0.1:9 --charter rules.json").fails(1, "charter");
}
