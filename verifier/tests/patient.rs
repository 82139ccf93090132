//! The patient's side of the program: a card, what is signed with it, and receipts that are none.

#![allow(clippy::unwrap_used)] // a test stops where it fails

use std::path::PathBuf;
use std::process::Command;

use cohortium_protocol::consent::{Choice, Conditions, Event, History, UseRequest};
use cohortium_protocol::table::{Institution, PatientSecret};
use tempfile::TempDir;

const SITE: &str = "Hospital North";
const ANCHORS: &str = include_str!("../../tests/vectors/good-query-12.anchors.json");

struct Desk(TempDir);

impl Desk {
    /// With a card.
    fn new() -> Self {
        let desk = Self(TempDir::new().unwrap());
        desk.put("anchors.json", ANCHORS);
        desk.run(0, &["card", "--out", "card"]);
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn put(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// What it printed, and on the standard error.
    #[track_caller]
    fn run(&self, status: i32, words: &[&str]) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cohortium-verifier"));
        let output = command.args(words).current_dir(&self.0).env_clear().output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(status), "{words:?}: {out}{err}");
        assert!(!err.contains("panicked"), "{err}");
        out + &err
    }

    fn choose(&self, status: i32, number: &str, more: &[&str]) -> String {
        let words = ["choose", "--card", "card", "--site", SITE, "--number", number, "--out", "event.json"];
        self.run(status, &[&words[..], more].concat())
    }

    /// The event that was signed last.
    fn event(&self) -> Event {
        Event::parse(self.read("event.json").as_bytes()).unwrap()
    }

    fn card(&self) -> PatientSecret {
        PatientSecret::from_card(self.read("card").trim()).unwrap()
    }
}

#[test]
fn a_card_is_made_once_and_tells_its_tag() {
    let desk = Desk::new();
    let card = desk.read("card");
    assert!(card.len() == 65 && card.ends_with('\n'), "{}", card.len());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(desk.path("card")).unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert!(desk.run(2, &["card", "--out", "card"]).contains("--out card: "));
    assert_eq!(desk.read("card"), card);
    let shown = desk.run(0, &["card", "--show", "card", "--site", SITE]);
    let (tag, key) = (desk.card().tag(SITE), desk.card().signing_key(SITE).public());
    assert!(shown.contains(&tag.to_hex()) && shown.contains(&key.to_string()), "{shown}");
    assert!(!shown.contains(card.trim()), "{shown}");
    desk.put("no-card", "07");
    let refused = desk.run(2, &["card", "--show", "no-card", "--site", SITE]);
    assert!(refused.contains("no-card") && refused.contains("found 2 characters"), "{refused}");
}

#[test]
fn what_is_signed_is_a_history() {
    let desk = Desk::new();
    let card = desk.card();
    let mut history = History::new(SITE, card.tag(SITE), Some(card.signing_key(SITE).public()));
    for (number, more) in [
        ("1", &["--key", "--date", "2026-03-01"][..]),
        ("2", &["--grant", "DUO:0000042", "--not-commercial", "--date", "2026-03-02"]),
        ("3", &["--refuse", "DUO:0000006", "--date", "2026-03-02"]),
        ("4", &["--agree", "EC-1", "--sponsor", "University", "--until", "2027-01-01", "--date", "2026-03-03"]),
    ] {
        let told = desk.choose(0, number, more);
        assert!(told.contains("Signed event") && told.contains("keep the acknowledgement"), "{told}");
        history.push(desk.event(), None).unwrap();
    }
    let days = cohortium_protocol::consent::Days::new("2026-03-04".parse().unwrap(), "2026-04-01".parse().unwrap());
    let days = days.unwrap();
    let covers = |column: &str| history.covers(&UseRequest::of_column(&column.parse().unwrap(), true, days).unwrap());
    assert!(!covers("DUO:0000042/academic").is_covered(), "health inside it was refused");
    assert!(!covers("DUO:0000006/academic").is_covered());
    let choice = history.choices().get(&"DUO:0000042".parse().unwrap()).unwrap().choice.clone();
    let conditions = Conditions { not_commercial: true, ..Conditions::default() };
    assert_eq!(choice, Choice::granted("DUO:0000042".parse().unwrap(), conditions).unwrap());
    assert!(history.agrees("EC-1", &"University".parse::<Institution>().unwrap(), days));
    desk.choose(0, "5", &["--leave", "--date", "2026-03-04"]);
    history.push(desk.event(), None).unwrap();
    assert!(history.has_left());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(desk.path("event.json")).unwrap().permissions().mode() & 0o777, 0o600);
    }
    // Today, unless a day is named; and a fresh salt each time.
    desk.choose(0, "1", &["--key"]);
    let first = desk.event();
    desk.choose(0, "1", &["--key"]);
    assert!(first.leaf() != desk.event().leaf());
}

#[test]
fn what_nobody_can_mean_is_not_signed() {
    let desk = Desk::new();
    for more in [
        &["--refuse", "DUO:0000042", "--until", "2027-01-01"][..],
        &["--revoke", "DUO:0000042", "--not-commercial"],
        &["--leave", "--ethics-approval"],
        &["--refuse", "DUO:0000042", "--institution", "University"],
    ] {
        let refused = desk.choose(2, "1", more);
        assert!(refused.contains("only a consent has conditions"), "{refused}");
    }
    for more in [&["--grant", "DUO:0000042", "--leave"][..], &[], &["--grant", "research"], &["--agree", "EC-1"]] {
        desk.choose(2, "1", more);
    }
    desk.choose(2, "0", &["--leave"]);
    assert!(!desk.path("event.json").exists());
    let card = desk.read("card");
    let over = ["choose", "--card", "card", "--site", SITE, "--number", "1", "--leave", "--out", "card"];
    desk.run(2, &over);
    assert_eq!(desk.read("card"), card);
}

#[test]
fn what_is_no_receipt_is_said_to_be_none() {
    let desk = Desk::new();
    let check = |file: &str, more: &[&str]| {
        desk.run(2, &[&["receipt", file, "--anchors", "anchors.json", "--card", "card"], more].concat())
    };
    assert!(check("none.json", &[]).contains("none.json"));
    for (text, sentence) in [
        ("", "EOF"),
        ("{}", "missing field `format`"),
        (r#"{"format": "cohortium-receipt/2"}"#, "this version reads \"cohortium-receipt/1\""),
        (r#"{"format": "cohortium-receipt/1"}"#, "missing field"),
        (r#"{"format": "cohortium-violation/1"}"#, "missing field"),
    ] {
        desk.put("receipt.json", text);
        let told = check("receipt.json", &[]);
        assert!(told.contains("receipt.json: ") && told.contains(sentence), "{text}: {told}");
    }
    desk.put("slip.json", "{}");
    assert!(check("receipt.json", &["--acknowledged", "slip.json"]).contains("slip.json: "));
    // Evidence is never written over what it is made of.
    for place in ["receipt.json", "card", "anchors.json", "slip.json"] {
        let told = check("receipt.json", &["--acknowledged", "slip.json", "--evidence", place]);
        assert!(told.contains("--evidence"), "{told}");
    }
    assert_eq!(desk.read("slip.json"), "{}");
    let both = check("receipt.json", &["--tag", &"0".repeat(32)]);
    assert!(both.contains("--tag"), "{both}");
    let tagged = ["receipt", "receipt.json", "--anchors", "anchors.json", "--tag", "XYZ"];
    assert!(desk.run(2, &tagged).contains("--tag: a tag is 32"));
}
