//! The batch job that ends anywhere: afterwards the ledger holds exactly one release, and the site one answer.

use cohortium_prover::faults::Stage;
use serde_json::json;

use super::exchange::{Joined, RUN, names};
use super::place::{IMPORT, Place};
use super::service::Lies;

#[test]
fn killed_while_registering() {
    let joined = Joined::unregistered();
    let Joined { place, service, .. } = &joined;
    let register = "ledger register --home h";
    place.die(Stage::SeedsWritten.name(), register);
    let seeds = place.read("h/seeds.json");
    place.die(Stage::OutgoingHalfWritten.name(), register);
    place.die(Stage::RegisterRecorded.name(), register);
    assert_eq!(service.count("manifest"), 0);
    place.die(Stage::RegisterPosted.name(), register);
    assert_eq!((service.count("manifest"), service.count("floor")), (1, 0));
    place.run(register).ok();
    assert_eq!(["manifest", "floor", "seeds", "consents", "epoch"].map(|kind| service.count(kind)), [1; 5]);
    // The root that may have been posted is the one that was.
    assert_eq!(place.read("h/seeds.json"), seeds);
    assert_eq!(place.run("outgoing --home h --json").ok().json()["records"].as_array().unwrap().len(), 5);
}

#[test]
fn a_site_with_a_seed_tree_answers_no_query_without_one() {
    let joined = Joined::unregistered();
    let Joined { place, service, .. } = &joined;
    // The tree is made, and the service says that it is registered, which is not so.
    place.die(Stage::SeedsWritten.name(), "ledger register --home h");
    let seeds: serde_json::Value = serde_json::from_str(&place.read("h/seeds.json")).unwrap();
    let root = seeds["root"].as_str().unwrap().parse().unwrap();
    service.lie(Lies { seeds: Some(root), ..Lies::default() });
    place.run("ledger register --home h").ok();
    assert_eq!(["seeds", "epoch"].map(|kind| service.count(kind)), [0, 1]);
    joined.allow();
    let (id, _) = joined.ask(51);
    let events = joined.events();
    assert_eq!(names(&events), ["hold", "done"]);
    let because = events[0]["because"].as_str().unwrap();
    assert!(because.contains(&format!("the request pins none, the site has {root}")), "{because}");
    place.run(&format!("accept {id} --home h --yes")).fails(1, "nobody can accept");
    assert_eq!(["accept", "release"].map(|kind| service.count(kind)), [0, 0]);
}

#[test]
fn killed_at_every_stage_one_release_stands() {
    let joined = Joined::allowing();
    let Joined { place, service, .. } = &joined;
    let (id, _) = joined.ask(51);
    let releases = || service.count("release");
    for stage in [Stage::RunDecided, Stage::OutgoingHalfWritten, Stage::RunAcceptRecorded] {
        place.die(stage.name(), RUN);
        assert_eq!(service.count("accept"), 0, "{}", stage.name());
    }
    place.die(Stage::RunAcceptPosted.name(), RUN);
    assert_eq!(service.count("accept"), 1);
    assert!(service.status(&id).starts_with("accepted"));
    let mut left = place.left("age");
    for stage in [Stage::ProveChargeHalfWritten, Stage::ProveCharged, Stage::ProveVerified, Stage::ProveReleaseWritten]
    {
        place.die(stage.name(), RUN);
        left -= u64::from(stage != Stage::ProveChargeHalfWritten);
        assert_eq!((place.left("age"), releases()), (left, 0), "{}", stage.name());
    }
    // Kept: from here on it is these bytes and no others, and nothing more is charged.
    place.die(Stage::ProveKept.name(), RUN);
    left -= 1;
    let kept = place.files("h/releases").into_iter().next().unwrap();
    let bundle = place.read(&format!("h/releases/{kept}"));
    for stage in [Stage::OutgoingHalfWritten, Stage::RunReleaseRecorded] {
        place.die(stage.name(), RUN);
        assert_eq!(releases(), 0, "{}", stage.name());
    }
    place.die(Stage::RunReleasePosted.name(), RUN);
    assert_eq!(releases(), 1);
    let events = joined.events();
    assert_eq!((&events[0]["event"], &events[0]["already"]), (&json!("release"), &json!(true)));
    assert!(service.status(&id).starts_with("answered"));
    assert_eq!((service.count("accept"), releases(), place.left("age")), (1, 1, left));
    assert_eq!(place.read(&format!("h/releases/{kept}")), bundle);
    assert_eq!(joined.events().len(), 1);
    let outgoing = place.run("outgoing --home h --json").ok().json();
    let kinds: Vec<&str> =
        outgoing["records"].as_array().unwrap().iter().map(|one| one["what"]["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["manifest", "floor", "seeds", "consents", "epoch", "accept", "release"]);
}

#[test]
fn killed_while_a_person_is_asked_for() {
    let joined = Joined::new();
    joined.ask(51);
    joined.place.die(Stage::RunHoldRecorded.name(), RUN);
    assert_eq!(joined.service.count("hold"), 0);
    joined.place.die(Stage::RunHoldPosted.name(), RUN);
    assert_eq!(joined.service.count("hold"), 1);
    joined.events();
    assert_eq!(joined.service.count("hold"), 1);
}

#[test]
fn a_release_that_is_lost_is_never_made_again() {
    let joined = Joined::allowing();
    let Joined { place, service, .. } = &joined;
    joined.ask(51);
    place.die(Stage::RunReleaseRecorded.name(), RUN);
    let left = place.left("age");
    std::fs::remove_dir_all(place.path("h/releases")).unwrap();
    place.run(RUN).fails(1, "1 did not go as they should");
    let status = place.run("status --home h").ok();
    assert!(status.out.contains("accepted by the rule"), "{}", status.out);
    place.run("outgoing --home h --check").fails(1, "which is not kept here");
    assert_eq!((service.count("release"), place.left("age")), (0, left));
}

#[test]
fn killed_while_backing_up_and_restoring() {
    let joined = Joined::new();
    let place = &joined.place;
    place.die(Stage::BackupHalfWritten.name(), "backup --home h --out b");
    assert!(!place.path("b").exists());
    place.run("backup --home h --out b").ok();
    for stage in [Stage::RestoreHalfWritten, Stage::RestoreFilesWritten] {
        place.die(stage.name(), "restore b --home h2");
        assert!(!place.path("h2").exists(), "{}", stage.name());
    }
    place.run("restore b --home h2").ok();
    assert_eq!(place.read("h2/master.secret"), place.read("h/master.secret"));
}

/// The command that comes through a stage.
fn command(stage: Stage) -> &'static str {
    match stage {
        Stage::InitSecretWritten => "init --home h --site gbsg --preset opensafely",
        Stage::ImportNumberTaken | Stage::ImportFilesWritten => IMPORT,
        Stage::CommitSaltWritten
        | Stage::CommitPointsHalfWritten
        | Stage::CommitFilesWritten
        | Stage::CommitManifestThere
        | Stage::EpochFilesWritten => "commit --home h --date 2026-01-31",
        Stage::PublishHalfWritten => "publish --home h --out public",
        Stage::KeysProvingWritten => "keys --shape query-12 --keys own",
        Stage::ProveChargeHalfWritten
        | Stage::ProveCharged
        | Stage::ProveMade
        | Stage::ProveVerified
        | Stage::ProveReleaseHalfWritten
        | Stage::ProveReleaseWritten
        | Stage::ProveKept
        | Stage::ProveOutHalfWritten => "prove request.json --home h --approval approval.json --out answer.json --yes",
        Stage::SeedsWritten | Stage::OutgoingHalfWritten | Stage::RegisterRecorded | Stage::RegisterPosted => {
            "ledger register --home h"
        }
        Stage::RunHoldRecorded
        | Stage::RunHoldPosted
        | Stage::RunDecided
        | Stage::RunAcceptRecorded
        | Stage::RunAcceptPosted
        | Stage::RunReleaseRecorded
        | Stage::RunReleasePosted => RUN,
        Stage::BackupHalfWritten => "backup --home h --out b",
        Stage::RestoreHalfWritten | Stage::RestoreFilesWritten => "restore b --home h2",
    }
}

/// One site comes through all stages, and dies at each: a stage that is added is tried here, or does not compile.
#[test]
fn a_site_that_dies_at_every_stage_has_answered_in_the_end() {
    let mut joined = None::<Joined>;
    let mut place = Some(Place::new());
    let mut before = None::<&str>;
    for stage in Stage::ALL {
        let words = command(stage);
        // What was begun is finished before the next begins.
        if let Some(words) = before.filter(|before| *before != words) {
            joined.as_ref().map_or_else(|| place.as_ref().unwrap(), |joined| &joined.place).run(words).ok();
        }
        match stage {
            Stage::ProveChargeHalfWritten => {
                let place = place.as_ref().unwrap();
                place.run("keys --shape query-12").ok();
                place.write_approval("approval.json", "2030-12-31");
                place.run("request query.json --approval approval.json --site public --out request.json").ok();
            }
            Stage::SeedsWritten => joined = Some(Joined::join(place.take().unwrap())),
            Stage::RunHoldRecorded => drop(joined.as_ref().unwrap().ask(61)),
            Stage::RunDecided => joined.as_ref().unwrap().allow(),
            _ => {}
        }
        let place = joined.as_ref().map_or_else(|| place.as_ref().unwrap(), |joined| &joined.place);
        place.die(stage.name(), words);
        before = Some(words);
    }
    let Joined { place, service, .. } = joined.as_ref().unwrap();
    place.run(before.unwrap()).ok();
    assert_eq!(["accept", "hold", "release"].map(|kind| service.count(kind)), [1; 3]);
    assert!(place.path("answer.json").exists());
    assert_eq!(place.read("h2/master.secret"), place.read("h/master.secret"));
}
