//! The project's programs, for tests that run them as processes.

use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::time::SystemTime;

/// The packages whose programs are run, and those that they are made of.
const PACKAGES: [&str; 7] = ["server", "prover", "verifier", "client", "protocol", "circuits", "keys"];
const PROGRAMS: [&str; 4] = ["cohortium-server", "cohortium-prover", "cohortium-verifier", "cohortium-sponsor"];

/// The newest source of a folder.
fn newest(folder: &Path) -> SystemTime {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    entries
        .map(
            |entry| {
                if entry.path().is_dir() {
                    newest(&entry.path())
                } else {
                    entry.metadata().unwrap().modified().unwrap()
                }
            },
        )
        .max()
        .unwrap_or(SystemTime::UNIX_EPOCH)
}

/// Whether all programs are there, and younger than their sources: as where the whole workspace is tested.
fn are_built(folder: &Path) -> bool {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let sources = PACKAGES.iter().map(|package| newest(&root.join(package).join("src"))).max().unwrap();
    PROGRAMS.iter().all(|name| {
        let path = folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
        path.metadata().and_then(|data| data.modified()).is_ok_and(|built| built > sources)
    })
}

/// A program beside this one. If they are not there yet all are built, at once, because building some of them could replace
/// the others while they run.
pub fn program(name: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let this = std::env::current_exe().unwrap();
        let folder = this.parent().unwrap().parent().unwrap();
        if !folder.ends_with("release") && are_built(folder) {
            return folder.to_owned();
        }
        let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
        let mut build = Command::new(cargo);
        build.args(["build", "--offline", "--locked", "--quiet", "--bins"]);
        for package in &PACKAGES[..4] {
            build.args(["--package", &format!("cohortium-{package}")]);
        }
        if folder.ends_with("release") {
            build.args(["--release", "--features", "cohortium-prover/faults"]);
        }
        build.arg("--target-dir").arg(folder.parent().unwrap()).current_dir(env!("CARGO_MANIFEST_DIR"));
        assert!(build.status().unwrap().success());
        folder.to_owned()
    });
    folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}
