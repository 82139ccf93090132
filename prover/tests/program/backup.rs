//! Backups: everything comes back, and nothing is opened as if it had not been opened since.

use serde_json::json;

use super::exchange::Joined;

fn head(place: &super::place::Place, home: &str) -> String {
    let json = place.run(&format!("inspect --home {home} --json")).ok().json();
    json["budget"]["head"].as_str().unwrap().to_owned()
}

#[test]
fn a_backup_comes_back_whole_or_not_at_all() {
    let joined = Joined::new();
    let place = &joined.place;
    let json = place.run("backup --home h --out b --json").ok().json();
    assert!(json["files"].as_u64().unwrap() > 15, "{json}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(place.path("b")).unwrap().permissions().mode() & 0o777, 0o600);
    }
    place.run("backup --home h --out b").fails(1, "is never overwritten");
    place.run("restore b --home h").fails(1, "which is no part of a site");

    let whole = std::fs::read(place.path("b")).unwrap();
    let head = whole.iter().position(|byte| *byte == b'\n').unwrap();
    for (what, place_of) in [("head", head + 200), ("content", whole.len() - 10)] {
        let mut changed = whole.clone();
        changed[place_of] ^= 1;
        std::fs::write(place.path("c"), &changed).unwrap();
        place.run("restore c --home h2").fails(1, "is damaged");
        assert!(!place.path("h2").exists(), "{what}");
    }
    for length in [10, head + 100, whole.len() - 1] {
        std::fs::write(place.path("c"), &whole[..length]).unwrap();
        place.run("restore c --home h2").fails(1, "is damaged");
    }
    std::fs::write(place.path("c"), [&whole[..], b"x"].concat()).unwrap();
    place.run("restore c --home h2").fails(1, "it has more than its files");

    place.run("restore b --home h2").ok();
    let mut before = place.files("h");
    before.retain(|name| !name.ends_with("lock"));
    let mut after = place.files("h2");
    after.retain(|name| !name.ends_with("lock") && name != "restored.json" && name != "paused.json");
    assert_eq!(before, after);
    for name in ["master.secret", "member.key", "seeds.json", "ledger.json"] {
        assert_eq!(place.read(&format!("h/{name}")), place.read(&format!("h2/{name}")));
    }
    let records = place.run("outgoing --home h2 --json").ok().json();
    let last = records["records"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&last["what"]["kind"], &last["what"]["bytes"]), (&json!("restored"), &json["digest"]));
}

#[test]
fn trap_21_a_restored_budget_is_settled_before_anything_is_opened() {
    let joined = Joined::allowing();
    let Joined { place, service, .. } = &joined;
    joined.ask(51);
    joined.events();
    place.run("backup --home h --out b").ok();
    let backed_up = head(place, "h");
    joined.ask(61);
    joined.events();
    let newest = head(place, "h");
    assert_ne!(newest, backed_up);

    // The home is lost; a query is open.
    place.run("restore b --home h2").ok();
    let (id, _) = joined.ask(71);
    let run = "run --home h2 --once --json";
    place.run(run).fails(1, "nothing is charged before it is known what was charged since");
    let nonsense = "0".repeat(64);
    for noted in [newest.as_str(), &nonsense] {
        place.run(&format!("{run} --budget-head {noted}")).fails(1, "which it does not have: charges are missing");
    }
    place.run("prove approval.json --home h2 --approval approval.json --out x --yes").fails(1, "approval.json");

    // Nobody knows: everything that was committed is given up.
    let lost = place.run(&format!("{run} --budget-head-lost")).ok();
    assert!(lost.err.contains("WARNING") && lost.out.contains("\"paused\""), "{}{}", lost.out, lost.err);
    place.run("resume --home h2").ok();
    let inspected = place.run("inspect --home h2 --json").ok().json();
    let version = &inspected["tables"][0]["versions"][0];
    for column in version["columns"].as_array().unwrap() {
        assert_eq!(column["budget_left"], json!(0), "{column}");
    }
    let held = place.run(run).ok();
    assert!(held.out.contains("\"hold\"") && held.out.contains("the opening budget of column"), "{}", held.out);
    assert!(service.status(&id).starts_with("awaiting a person"));
    place.run(&format!("{run} --budget-head-lost")).fails(1, "was not restored from a backup");
    assert_eq!(service.count("release"), 2);

    // Trap 19: a new version, under numbers and with a salt that the lost home cannot have used.
    place.run(&super::place::IMPORT.replace("--home h", "--home h2")).ok();
    let committed = place.run("commit --home h2 --date 2026-02-28 --json").ok().json();
    assert_eq!((&committed["version"], &committed["epoch_number"]), (&json!(1002), &json!(1003)));
    place.run("ledger register --home h2").ok();
    let (id, _) = joined.ask(81);
    let ran = place.run(run).ok();
    assert!(ran.out.contains("\"release\"") && service.status(&id).starts_with("answered"), "{}", ran.out);
}

#[test]
fn a_noted_head_lets_a_complete_backup_go_on() {
    let joined = Joined::allowing();
    let Joined { place, service, .. } = &joined;
    joined.ask(51);
    joined.events();
    let before = place.left("age");
    place.run("backup --home h --out b").ok();
    let noted = head(place, "h");
    // Accepted, and lost before it was answered.
    let (id, _) = joined.ask(61);
    place.run(&format!("accept {id} --home h --yes")).ok();
    place.run("restore b --home h2").ok();
    let ran = place.run(&format!("run --home h2 --once --json --budget-head {noted}")).ok();
    // Paused, and yet it finishes what stands as accepted on the ledger.
    assert!(ran.out.contains("\"paused\"") && ran.out.contains("\"release\""), "{}", ran.out);
    assert!(service.status(&id).starts_with("answered"));
    let inspected = place.run("inspect --home h2 --json").ok().json();
    let columns = inspected["tables"][0]["versions"][0]["columns"].as_array().unwrap().clone();
    let age = columns.into_iter().find(|one| one["name"] == "age").unwrap();
    assert_eq!(age["budget_left"], json!(before - 1));
    place.run("run --home h2 --once").ok();
}
