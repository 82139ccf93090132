//! The batch job and a ledger service that lies, or somebody on the way to it who answers in its place.

use cohortium_protocol::hash::Digest;
use serde_json::json;

use super::exchange::{Joined, RUN, names};
use super::service::{Lies, SPONSOR};

#[test]
fn what_is_listed_as_accepted_was_not() {
    let joined = Joined::new();
    let Joined { place, service, .. } = &joined;
    joined.ask(51);
    service.lie(Lies { accepted: true, ..Lies::default() });
    let left = place.left("age");
    // No rule covers it, so a person decides, whatever the list says.
    assert_eq!(names(&joined.events()), ["hold", "done"]);
    assert_eq!(names(&joined.events()), ["done"]);
    assert_eq!(["accept", "release", "hold"].map(|kind| service.count(kind)), [0, 0, 1]);
    assert_eq!(place.left("age"), left);
    assert!(!place.read("h/outgoing.jsonl").contains("\"accept\""));
    // A note of the same, made by a version that believed the list.
    let note = format!("h/asked/{}", place.files("h/asked").into_iter().next().unwrap());
    let mut believed: serde_json::Value = serde_json::from_str(&place.read(&note)).unwrap();
    believed["decision"] = json!({ "decided": "accepted", "by": "ledger" });
    place.write(&note, &believed.to_string());
    place.run(RUN).ok();
    assert_eq!(["accept", "release"].map(|kind| service.count(kind)), [0, 0]);
    // What a rule covers is accepted by that rule.
    joined.allow();
    assert_eq!(names(&joined.events()), ["rule", "accept", "proving", "release", "done"]);
    assert_eq!(["accept", "release"].map(|kind| service.count(kind)), [1, 1]);
}

#[test]
fn what_a_lost_home_accepted_is_answered() {
    let joined = Joined::new();
    let Joined { place, service, .. } = &joined;
    let (id, _) = joined.ask(51);
    place.run(&format!("accept {id} --home h --yes")).ok();
    std::fs::remove_dir_all(place.path("h/asked")).unwrap();
    assert_eq!(names(&joined.events()), ["proving", "release", "done"]);
    assert_eq!(["accept", "release"].map(|kind| service.count(kind)), [1, 1]);
    assert!(service.status(&id).starts_with("answered"));
}

#[test]
fn a_person_decides_about_what_they_named() {
    let joined = Joined::new();
    let Joined { place, service, .. } = &joined;
    let ((first, first_request), (second, second_request)) = (joined.ask(51), joined.ask(61));
    let before = place.read("h/outgoing.jsonl");
    for (named, given) in [(first, second), (first_request, second), (first, second_request)] {
        service.lie(Lies { swapped: Some((named, given)), ..Lies::default() });
        let sentence = format!("asked for the query {named}, the ledger gives the query {second} with the request");
        place.run(&format!("accept {named} --home h --yes")).fails(1, &sentence);
        place.run(&format!("decline {named} --home h --because no")).fails(1, &sentence);
    }
    // What is said of it beside the signed documents has to be so as well: a person reads it.
    service.lie(Lies { title: Some("Another".to_owned()), ..Lies::default() });
    for words in [format!("accept {first} --home h --yes"), format!("decline {first} --home h --because no")] {
        place.run(&words).fails(1, "that its title is \"Another\"; what was signed has \"Over 50");
    }
    assert_eq!(["accept", "decline"].map(|kind| service.count(kind)), [0, 0]);
    assert_eq!((place.read("h/outgoing.jsonl"), place.path("h/asked").exists()), (before, false));
    // By either of its names, when the service says what is so.
    service.lie(Lies::default());
    place.run(&format!("accept {first_request} --home h --yes")).ok();
    place.run(&format!("decline {second} --home h --because no")).ok();
    assert!(service.status(&first).starts_with("accepted") && service.status(&second).starts_with("declined"));
}

#[test]
fn a_query_that_is_listed_as_another_is_left_alone() {
    let joined = Joined::allowing();
    let Joined { place, service, .. } = &joined;
    joined.ask(51);
    service.lie(Lies { title: Some("Another".to_owned()), ..Lies::default() });
    let run = place.run(RUN).fails(1, "1 did not go as they should");
    assert!(run.out.contains("not_believed") && run.out.contains("that its title is"), "{}", run.out);
    assert_eq!(["accept", "hold", "release"].map(|kind| service.count(kind)), [0; 3]);
    assert!(!place.path("h/asked").exists());
}

#[test]
fn a_proxys_no_is_not_the_ledgers() {
    let joined = Joined::allowing();
    let Joined { place, service, .. } = &joined;
    let (id, _) = joined.ask(51);
    for status in [403, 404, 413] {
        service.lie(Lies { proxy: Some(status), ..Lies::default() });
        place.run(RUN).fails(2, &format!("HTTP status {status}"));
    }
    service.lie(Lies::default());
    place.run(&format!("accept {id} --home h --yes")).fails(1, "is decided, which is final: accepted by the rule");
    assert_eq!(names(&joined.events()), ["accept", "proving", "release", "done"]);
    // The same between acceptance and release: proved once, posted later.
    let (other, _) = joined.ask(61);
    place.run("pause --home h --because person").ok();
    place.run(&format!("accept {other} --home h --yes")).ok();
    let left = place.left("age");
    service.lie(Lies { proxy: Some(413), ..Lies::default() });
    for _ in 0..2 {
        place.run(RUN).fails(2, "HTTP status 413");
        assert_eq!(place.left("age"), left - 1);
    }
    service.lie(Lies::default());
    assert_eq!(names(&joined.events()), ["paused", "release", "done"]);
    assert_eq!(["accept", "release"].map(|kind| service.count(kind)), [2, 2]);
}

#[test]
fn what_was_acknowledged_and_is_not_there_is_posted_again() {
    let joined = Joined::new();
    let Joined { place, service, .. } = &joined;
    let (id, _) = joined.ask(51);
    service.lie(Lies { forgetful: true, ..Lies::default() });
    place.run(&format!("accept {id} --home h --yes")).fails(2, "the ledger acknowledged the accept");
    place.run(RUN).fails(2, "the ledger acknowledged the accept");
    service.lie(Lies::default());
    place.run("pause --home h --because person").ok();
    let (other, _) = joined.ask(61);
    place.run(&format!("accept {other} --home h --yes")).ok();
    assert_eq!(service.count("accept"), 1);
    service.lie(Lies { forgetful: true, ..Lies::default() });
    place.run(RUN).fails(2, "the ledger acknowledged the accept");
    service.lie(Lies::default());
    assert_eq!(names(&joined.events()).iter().filter(|name| **name == "release").count(), 2);

    let (third, _) = joined.ask(71);
    place.run(&format!("accept {third} --home h --yes")).ok();
    service.lie(Lies { forgetful: true, ..Lies::default() });
    place.run(RUN).fails(2, "the ledger acknowledged the release");
    let left = place.left("age");
    assert_eq!(service.count("release"), 2);
    service.lie(Lies::default());
    assert_eq!(names(&joined.events()), ["paused", "release", "done"]);
    assert_eq!((service.count("release"), place.left("age")), (3, left));
    assert!(service.status(&third).starts_with("answered"));
}

#[test]
fn an_unsigned_time_makes_nobody_late() {
    let joined = Joined::allowing();
    let Joined { place, service, .. } = &joined;
    joined.ask(51);
    service.lie(Lies { long_ago: true, ..Lies::default() });
    assert_eq!(names(&joined.events()), ["rule", "accept", "proving", "release", "done"]);

    // A signed one does, before anything is charged.
    let (id, _) = joined.ask(61);
    place.run(&format!("accept {id} --home h --yes")).ok();
    place.run("pause --home h --because holidays").ok();
    service.move_clock(3601);
    joined.ask(71);
    let left = place.left("age");
    let run = place.run(RUN).fails(1, "1 did not go as they should");
    assert!(run.out.contains("WITHHELD: it was accepted, and its time ended at"), "{}", run.out);
    assert_eq!((place.left("age"), service.count("release")), (left, 1));
    assert_eq!(names(&joined.events()), ["paused", "done"]);
}

#[test]
fn a_study_that_no_board_signed() {
    let joined = Joined::allowing();
    let Joined { place, service, .. } = &joined;
    joined.ask(51);
    let before = place.read("h/outgoing.jsonl");
    for (board, sentence) in [
        (("Board", 9), "the transaction is not believed: "),
        (
            ("Example University", SPONSOR),
            "is a study signed by \\\"Example University\\\", a sponsor; it is for a board to sign",
        ),
        (("Somebody", 9), "whom your charter does not name"),
    ] {
        service.lie(Lies { board: Some(board), ..Lies::default() });
        let run = place.run(RUN).fails(1, "1 did not go as they should");
        assert!(run.out.contains("not_believed") && run.out.contains(sentence), "{sentence}: {}", run.out);
    }
    assert_eq!(["accept", "decline", "hold", "release"].map(|kind| service.count(kind)), [0; 4]);
    assert_eq!(place.read("h/outgoing.jsonl"), before);
    service.lie(Lies::default());
    assert_eq!(names(&joined.events()), ["rule", "accept", "proving", "release", "done"]);
}

#[test]
fn numbers_follow_what_is_shown_to_stand() {
    let joined = Joined::new();
    let Joined { place, service, .. } = &joined;
    let register = "ledger register --home h";
    place.run("policy --home h --preset hdr-uk").ok();
    let before = place.read("h/outgoing.jsonl");
    // A number so high that no further floor could follow it.
    service.lie(Lies { floor_number: Some(u32::MAX - 1), ..Lies::default() });
    place.run(register).fails(1, "as number 4294967294, and does not show it");
    assert_eq!((place.read("h/outgoing.jsonl"), service.count("floor")), (before, 1));
    service.lie(Lies::default());
    place.run(register).ok();
    assert_eq!(service.count("floor"), 2);

    // A home that was lost registered a tree; the new home's follows it. One that is only spoken of is not followed.
    std::fs::remove_file(place.path("h/seeds.json")).unwrap();
    let before = place.read("h/outgoing.jsonl");
    service.lie(Lies { seeds: Some(Digest::of_bytes(b"no tree")), ..Lies::default() });
    place.run(register).fails(1, "and does not show it");
    assert_eq!(place.read("h/outgoing.jsonl"), before);
    service.lie(Lies::default());
    place.run(register).ok();
    assert_eq!(
        (service.count("seeds"), place.read("h/outgoing.jsonl").lines().count()),
        (2, before.lines().count() + 1)
    );
}

#[test]
fn what_is_listed_as_answered_was_not() {
    let joined = Joined::new();
    let Joined { place, service, .. } = &joined;
    let (id, _) = joined.ask(51);
    place.run(&format!("accept {id} --home h --yes")).ok();
    // A copy of the whole home, of before the answer.
    let copied = std::process::Command::new("cp").arg("-a").arg(place.path("h")).arg(place.path("h2")).status();
    assert!(copied.unwrap().success());
    let left = place.left("age");
    service.lie(Lies { answered: true, ..Lies::default() });
    // Neither made while the ledger says so, nor given up.
    place.run(RUN).fails(1, "1 did not go as they should");
    assert_eq!((place.left("age"), service.count("release")), (left, 0));
    service.lie(Lies::default());
    assert_eq!(names(&joined.events()), ["proving", "release", "done"]);
    // What a lost home did answer is found with its own signature.
    let run = place.run("run --home h2 --once --json").ok();
    assert!(run.out.contains("answered by a home that was lost"), "{}", run.out);
    assert_eq!(service.count("release"), 1);
}
