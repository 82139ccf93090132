//! A process that ends anywhere leaves nothing half-done: nothing half-written that counts, one release at most,
//! and every attempt charged.

use std::fs;

use cohortium_prover::faults::Stage;
use serde_json::json;

use super::place::{IMPORT, Place};

#[test]
fn killed_while_a_site_is_made() {
    let place = Place::new();
    place.die(Stage::InitSecretWritten.name(), "init --home h --site gbsg --preset opensafely");
    place.run("inspect --home h").fails(2, "holds no site");
    let secret = place.read("h/master.secret");
    place.run("init --home h --site gbsg --preset opensafely").ok();
    // Kept, not drawn again: nobody knows what was done with it.
    assert_eq!(place.read("h/master.secret"), secret);
}

#[test]
fn killed_while_importing() {
    let place = Place::new();
    place.run("init --home h --site gbsg --preset opensafely").ok();
    place.die(Stage::ImportNumberTaken.name(), IMPORT);
    place.die(Stage::ImportFilesWritten.name(), IMPORT);
    place.run("commit --home h").fails(2, "the site has no table yet");
    assert_eq!(place.run("inspect --home h --json").ok().json()["tables"], json!([]));
    // The numbers of the two attempts stay unused.
    assert!(place.run(IMPORT).ok().out.contains("This is version 3"));
    let left: Vec<_> = fs::read_dir(place.path("h/tables/breast-cancer")).unwrap().map(|one| one.unwrap()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[test]
fn killed_while_committing() {
    let place = Place::new();
    place.run("init --home h --site gbsg --preset opensafely").ok();
    place.run(IMPORT).ok();
    let version = "h/tables/breast-cancer/version-1";
    let before = place.files(version);
    let mut salts = Vec::new();
    for stage in [Stage::CommitSaltWritten, Stage::CommitPointsHalfWritten, Stage::CommitFilesWritten] {
        place.die(stage.name(), "commit --home h --date 2026-01-31");
        assert_eq!(place.files(version), before, "{}", stage.name());
        place.run("publish --home h --out public").fails(1, "is not committed");
        salts.push(place.read(&format!("{version}/.committed.partial/commitment.json")));
    }
    // What was computed with the salt, published or not, is computed with it again.
    assert!(salts.iter().all(|salt| *salt == salts[0]));
    let manifest = place.read(&format!("{version}/.committed.partial/manifest.json"));
    place.die(Stage::CommitManifestThere.name(), "commit --home h --date 2026-01-31");
    assert_eq!(place.read(&format!("{version}/committed/manifest.json")), manifest);
    assert_eq!(place.read(&format!("{version}/committed/commitment.json")), salts[0]);
    // A manifest without its epoch answers nothing.
    place.run("publish --home h --out public").fails(1, "is not committed");
    place.die(Stage::EpochFilesWritten.name(), "commit --home h --date 2026-01-31");
    place.run("publish --home h --out public").fails(1, "is not committed");
    let epoch = place.read(&format!("{version}/epochs/.next.partial/epoch.json"));
    let json = place.run("commit --home h --date 2026-01-31 --json").ok().json();
    assert_eq!((&json["manifest_is_new"], &json["epoch_is_new"]), (&json!(false), &json!(true)));
    assert_eq!(place.read(&format!("{version}/epochs/epoch-1/epoch.json")), epoch);
    place.run("publish --home h --out public").ok();

    // New consents, killed, and then others: not the salt of the first.
    place.write_consents("february.csv", 2);
    place.write_consents("march.csv", 3);
    place.die(Stage::EpochFilesWritten.name(), "commit --home h --epoch --consent february.csv");
    let left = place.read(&format!("{version}/epochs/.next.partial/commitment.json"));
    let json = place.run("commit --home h --epoch --consent march.csv --json").ok().json();
    assert_eq!(json["epoch_number"], json!(3));
    assert_ne!(place.read(&format!("{version}/epochs/epoch-3/commitment.json")), left);
}

#[test]
fn killed_while_publishing() {
    let place = Place::committed();
    place.run("keys --shape query-12").ok();
    place.write_approval("approval.json", "2030-12-31");
    let request = "request query.json --approval approval.json --out request.json --site public";
    place.run(request).ok();
    let whole = place.files("public");
    // New consents are being published over the old ones: nobody reads a mixture.
    place.write_consents("february.csv", 2);
    place.run("commit --home h --epoch --consent february.csv").ok();
    place.die(Stage::PublishHalfWritten.name(), "publish --home h --out public");
    assert!(!place.path("public/manifest.json").exists());
    place.run(request).fails(2, "cannot read public/manifest.json");
    place.run("publish --home h --out public").ok();
    assert_eq!(place.files("public"), whole);
    assert!(place.read("public/epoch.json").contains("\"number\": 2"));
    place.run(request).ok();
}

/// A verifying key that a request could pin is not there before its proving key.
#[test]
fn killed_while_making_keys() {
    let place = Place::new();
    let keys = "keys --shape query-12 --keys own";
    place.die(Stage::KeysProvingWritten.name(), keys);
    let made = place.files("own");
    assert_eq!(made.iter().filter(|name| name.ends_with(".proving")).count(), 1, "{made:?}");
    assert!(!made.iter().any(|name| name.ends_with(".verifying.json")), "{made:?}");
    // The same key, with its other half; not a second one.
    let proving = made.iter().find(|name| name.ends_with(".proving")).unwrap();
    let bytes = fs::read(place.path(&format!("own/{proving}"))).unwrap();
    let first = place.run(&format!("{keys} --json")).ok().json();
    assert!(place.files("own").iter().any(|name| name.ends_with(".verifying.json")));
    assert_eq!(fs::read(place.path(&format!("own/{proving}"))).unwrap(), bytes);
    assert_eq!(place.run(&format!("{keys} --json")).ok().json()["id"], first["id"]);
}

#[test]
fn trap_21_killed_while_proving() {
    let place = Place::asked();
    let prove = "prove request.json --home h --approval approval.json --out answer.json --yes";
    let mut left = place.left("age");
    assert_eq!(left, 496);
    // Half a charge is none, and nothing had left.
    place.die(Stage::ProveChargeHalfWritten.name(), prove);
    assert_eq!(place.left("age"), left);
    for stage in [
        Stage::ProveCharged,
        Stage::ProveMade,
        Stage::ProveVerified,
        Stage::ProveReleaseHalfWritten,
        Stage::ProveReleaseWritten,
    ] {
        place.die(stage.name(), prove);
        left -= 1;
        assert_eq!(place.left("age"), left, "every attempt is charged: {}", stage.name());
        assert!(place.files("h/releases").is_empty(), "{}", stage.name());
        assert!(!place.path("answer.json").exists(), "{}", stage.name());
    }
    // From here on there is a release, and it stays the same.
    place.die(Stage::ProveKept.name(), prove);
    left -= 1;
    assert_eq!(place.left("age"), left);
    assert!(!place.path("answer.json").exists());
    let kept: Vec<String> = place.files("h/releases").into_iter().collect();
    assert_eq!(kept.len(), 3, "{kept:?}");
    let bundle = place.read(&format!("h/releases/{}", kept[0]));
    assert!(kept[0].ends_with("/bundle.json"));
    place.die(Stage::ProveOutHalfWritten.name(), prove);
    assert!(!place.path("answer.json").exists());
    let again = place.run(prove).ok();
    assert!(again.out.contains("was answered before; the answer stays the same, and nothing is charged"));
    assert_eq!(place.read("answer.json"), bundle);
    assert_eq!(place.left("age"), left);
    place.run("verify answer.json --anchors anchors.json").ok();
}
