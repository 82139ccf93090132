//! The way of a site up to the first request.

use std::fs;

use serde_json::json;

use super::place::{IMPORT, Place};

#[test]
fn every_command_has_help_with_an_example() {
    let place = Place::new();
    let help = place.run("--help").ok().out;
    for command in [
        "init",
        "policy",
        "import",
        "inspect",
        "commit",
        "publish",
        "plan",
        "keys",
        "request",
        "prove",
        "eligibility",
        "verify",
        "anchors",
        "tag",
        "unique",
    ] {
        assert!(help.contains(&format!("  {command} ")), "{command} is not in the help");
        let help = place.run(&format!("{command} --help")).ok().out;
        assert!(help.contains("Example") && help.contains(&format!("cohortium-prover {command}")), "{help}");
        assert!(help.contains("--json"), "{help}");
    }
    assert!(help.contains("Exit codes: 0 done; 1 refused, or a check failed; 2 could not tell"));
}

#[test]
fn init_makes_a_private_site_once() {
    let place = Place::new();
    let run = place.run("init --home h --site gbsg --preset opensafely").ok();
    assert!(run.out.contains("Policy floor: smallest cell 8, counts rounded to 5"), "{}", run.out);
    // The floor is kept under its digest too, for queries that pin it.
    let mut files = place.files("h");
    files.retain(|name| !name.starts_with("floors/"));
    assert_eq!(files, ["lock", "master.secret", "policy.json", "site.json"].map(str::to_owned).into());
    let before = place.read("h/master.secret");
    assert!(!run.out.contains(before.lines().nth(1).unwrap()));
    place.run("init --home h --site other").fails(1, "holds the site \"gbsg\" already; a site is never overwritten");
    assert_eq!(place.read("h/master.secret"), before);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |name: &str| fs::metadata(place.path(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("h"), mode("h/master.secret")), (0o700, 0o600));
        fs::set_permissions(place.path("h/master.secret"), fs::Permissions::from_mode(0o644)).unwrap();
        place.run(IMPORT).fails(1, "can be read by others (its mode is 644); only its owner may");
    }
}

#[test]
fn an_import_is_a_new_version_each_time() {
    let place = Place::new();
    place.run("init --home h --site gbsg").ok();
    let run = place.run(IMPORT).ok();
    assert!(run.out.contains("686 rows read, 686 accepted, 0 rejected"), "{}", run.out);
    assert!(run.out.contains("This is version 1 of table breast-cancer, 686 rows in a secret order"), "{}", run.out);
    let json = place.run(&format!("{} --json", IMPORT.replace("--dummies 0", "--dummies 14"))).ok().json();
    assert_eq!((&json["ok"], &json["version"], &json["rows"]), (&json!(true), &json!(2), &json!(700)));
    assert_eq!(json["consents"], json!(["DUO:0000042/academic", "DUO:0000042/commercial"]));
    // The same rows in another order: nothing of the file's order is in either.
    let bytes = |version: u32| fs::read(place.path(&format!("h/tables/breast-cancer/version-{version}/table.bin")));
    let third = place.run(IMPORT).ok();
    assert!(third.out.contains("version 3"));
    assert_ne!(bytes(1).unwrap(), bytes(3).unwrap());
    // A version that was removed keeps its number.
    fs::remove_dir_all(place.path("h/tables/breast-cancer/version-3")).unwrap();
    assert!(place.run(IMPORT).ok().out.contains("This is version 4"));
}

#[test]
fn a_wrong_row_stops_the_import_and_is_reported() {
    let place = Place::new();
    place.run("init --home h --site gbsg").ok();
    let csv = place.read("gbsg.csv");
    let mut lines: Vec<String> = csv.lines().map(str::to_owned).collect();
    let age = lines[0].split(',').position(|name| name == "age").unwrap();
    let mut cells: Vec<&str> = lines[4].split(',').collect();
    cells[age] = "421";
    lines[4] = cells.join(",");
    place.write("gbsg.csv", &(lines.join("\n") + "\n"));

    let run = place.run(IMPORT).fails(1, "gbsg.csv: nothing was imported: 1 of 686 rows were rejected (line 5)");
    assert!(run.out.contains("line 5, column age, value \"421\": "), "{}", run.out);
    // The value is on the officer's screen and in the officer's file, not in the error.
    assert!(!run.err.contains("421"), "{}", run.err);
    assert!(place.read("h/refused-import.json").contains("\"421\""));
    assert!(!place.path("h/tables").exists());
    let json = place.run(&format!("{IMPORT} --json --report why.json")).fails(1, "nothing was imported");
    assert_eq!(json.json()["quality"]["rows_rejected"], json!(1));
    assert_eq!(json.json()["exit"], json!(1));
    assert!(!json.out.contains("421") && place.read("why.json").contains("421"));

    let run = place.run(&format!("{IMPORT} --leave-out-rejected")).ok();
    assert!(run.out.contains("imported WITHOUT the rejected rows"), "{}", run.out);
    assert!(run.out.contains("version 1 of table breast-cancer, 685 rows"), "{}", run.out);
    assert!(!place.path("h/refused-import.json").exists());
}

#[test]
fn commitments_are_made_once_and_epochs_follow() {
    let place = Place::new();
    place.run("init --home h --site gbsg --preset opensafely").ok();
    place.run("commit --home h").fails(2, "the site has no table yet");
    place.run(IMPORT).ok();
    place
        .run("commit --home h --epoch --consent consent.csv")
        .fails(1, "version 1 of table \"breast-cancer\" is not committed");
    place.run("publish --home h --out public").fails(1, "is not committed");
    place.run("commit --home h --date 2026-02-30").fails(2, "is not a date");
    place
        .run("commit --home h --shape query-13")
        .fails(2, "there is no shape \"query-13\"; there are query-12, query-16");
    place.run("commit --home h --version 7").fails(2, "has no version 7; it has 1");

    let run = place.run("commit --home h --date 2026-01-31 --json").ok();
    // Ten columns of the schema and eight of the tags; what it takes is said before.
    assert!(run.err.contains("Committing 18 columns of 686 rows; this takes "), "{}", run.err);
    assert!(run.err.contains(" of memory"), "{}", run.err);
    let first = run.json();
    assert_eq!((&first["manifest_is_new"], &first["epoch_is_new"]), (&json!(true), &json!(true)));
    assert_eq!((&first["rows"], &first["shape"], &first["epoch_number"]), (&json!(686), &json!("query-12"), &json!(1)));
    assert_eq!(first["manifest_created"], json!("2026-01-31"));
    let again = place.run("commit --home h").ok();
    assert!(again.out.contains("This version is committed already; nothing was changed."), "{}", again.out);
    assert!(again.out.contains(first["manifest"].as_str().unwrap()));

    // One patient revokes: every commitment of the epoch changes, the manifest stays.
    let consents = place.read("consent.csv");
    let line = consents.lines().find(|line| line.ends_with(",1,1")).unwrap();
    let revoked = format!("{},0,1", line.split(',').next().unwrap());
    place.write("february.csv", &consents.replace(&format!("\n{line}\n"), &format!("\n{revoked}\n")));
    let second = place.run("commit --home h --epoch --consent february.csv --date 2026-02-28 --json").ok().json();
    assert_eq!((&second["epoch_number"], &second["manifest"]), (&json!(2), &first["manifest"]));
    let points = |epoch: u32| {
        let name = format!("h/tables/breast-cancer/version-1/epochs/epoch-{epoch}/points.json");
        let json: serde_json::Value = serde_json::from_str(&place.read(&name)).unwrap();
        json["columns"].as_array().unwrap().iter().map(|column| column["points"].to_string()).collect::<Vec<_>>()
    };
    assert_eq!(points(1).len(), 2);
    assert!(points(1).iter().zip(points(2)).all(|(a, b)| *a != b));
    // A file about other people is no epoch.
    place.write("others.csv", "pid,DUO:0000042/academic\n999999,1\n");
    place.run("commit --home h --epoch --consent others.csv").fails(1, "is it the file of another site?");
    // Epochs of a new version go on counting.
    place.run(IMPORT).ok();
    let third = place.run("commit --home h --json").ok().json();
    assert_eq!((&third["version"], &third["epoch_number"]), (&json!(2), &json!(3)));

    let screen = place.run("inspect --home h").ok().out;
    for part in [
        "For the hospital's own screen",
        "Policy floor: smallest cell 8",
        "Table breast-cancer, version 1",
        "Consent epoch 2 of 2026-02-28",
        "0 to 120 years",
        "496",
        "on the disk",
    ] {
        assert!(screen.contains(part), "{part} is not in {screen}");
    }
}

#[test]
fn a_plan_is_explained_without_data() {
    let place = Place::new();
    let run = place.run("plan query.json --schema schema.json").ok();
    assert!(run.out.contains("age is at least 51 years") && run.out.contains("hormon: no; yes"), "{}", run.out);
    let json = place.run("plan query.json --schema schema.json --json").ok().json();
    assert!(run.out.contains(json["digest"].as_str().unwrap()));
    place.write_approval("approval.json", "2030-12-31");
    place.run("policy --list").ok();
    place.write(
        "floor.json",
        r#"{ "format": "cohortium-policy/1", "min_cell": 11, "rounding": 1, "show_zeros": false,
        "sums": "restrained" }"#,
    );
    let run = place.run("plan query.json --schema schema.json --approval approval.json --floor floor.json").ok();
    assert!(run.out.contains("Policy in force: smallest cell 13, counts rounded to 5"), "{}", run.out);

    place.write("wrong.json", &place.read("query.json").replace("hormon", "hormone"));
    place.run("plan wrong.json --schema schema.json").fails(1, "hormone");
    place.write("wrong.json", &place.read("query.json").replace("S-1", "S-2"));
    place
        .run("plan wrong.json --schema schema.json --approval approval.json")
        .fails(1, "clause \"study\": the approval is for study \"S-1\", the query belongs to \"S-2\"");
}

#[test]
fn a_card_gives_the_tag_that_is_in_the_table() {
    let place = Place::committed();
    let patient = place.read("consent.csv").lines().nth(1).unwrap().split(',').next().unwrap().to_owned();
    let json = place.run(&format!("tag --home h --patient {patient} --json")).ok().json();
    assert_eq!(json["in_table"], json!(true));
    let secret = cohortium_protocol::table::PatientSecret::from_card(json["secret"].as_str().unwrap()).unwrap();
    assert_eq!(secret.tag("gbsg").to_hex(), json["tag"].as_str().unwrap());
    let nobody = place.run("tag --home h --patient 999999").ok();
    assert!(nobody.out.contains("No patient of this identifier is in version 1"), "{}", nobody.out);
    // A secret that a patient brought makes the tag.
    place.write("secrets.csv", &format!("patient,secret\n{patient},{}\n", "ab".repeat(32)));
    place.run(&format!("{IMPORT} --patient-secrets secrets.csv")).ok();
    let json = place.run(&format!("tag --home h --patient {patient} --json")).ok().json();
    assert_eq!((&json["secret"], &json["in_table"]), (&json!("ab".repeat(32)), &json!(true)));
}

/// The proofs about a table are made once, charged once, and handed out as often as anyone likes.
#[test]
fn what_is_proved_of_a_table_is_kept() {
    let place = Place::new();
    place.run("init --home h --site gbsg").ok();
    place.run(IMPORT).ok();
    place.run("unique --home h").fails(1, "is not committed");
    place.run("commit --home h").ok();
    let spent = || place.read("h/budget.jsonl").lines().count();
    let run = place.run("unique --home h --json").ok().json();
    assert_eq!(run["proofs"].as_array().unwrap().len(), 2);
    assert!(run["proofs"].as_array().unwrap().iter().all(|proof| proof["is_new"] == json!(true)), "{run}");
    assert_eq!((&run["proofs"][0]["kind"], &run["proofs"][1]["kind"]), (&json!("unique"), &json!("flags")));
    assert_eq!(spent(), 2);
    let again = place.run("unique --home h --out proofs").ok();
    assert!(again.out.contains("no two rows bear the same tag: proved before; nothing was charged"), "{}", again.out);
    assert_eq!(spent(), 2);
    for (file, kept) in [("unique.json", "unique.json"), ("flags-1.json", "flags-1.json")] {
        let kept = place.read(&format!("h/tables/breast-cancer/version-1/proofs/{kept}"));
        assert_eq!(place.read(&format!("proofs/{file}")), kept);
    }
    let left = place.run("outgoing --home h").ok().out;
    assert_eq!(left.matches("table-proof").count(), 2, "{left}");
    // A proof that is damaged is made again, and paid for again.
    place.write("h/tables/breast-cancer/version-1/proofs/flags-1.json", "{}");
    let run = place.run("unique --home h --json").ok().json();
    assert_eq!((&run["proofs"][0]["is_new"], &run["proofs"][1]["is_new"]), (&json!(false), &json!(true)));
    assert_eq!(spent(), 3);
}
