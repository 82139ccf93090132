//! What may depend on what, asserted over cargo's own tree and over the sources.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every package that a package of ours is built with, itself included; without test dependencies.
fn tree(package: &str) -> Vec<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--locked", "--edges", "normal,build", "--prefix", "none", "--package", package])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let mut names: Vec<String> =
        text.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect();
    names.sort();
    names.dedup();
    names
}

fn assert_without(package: &str, forbidden: &[&str]) {
    let names = tree(package);
    assert!(names.iter().any(|name| name == package), "the tree is {package}'s");
    for name in forbidden {
        let found = names.iter().find(|found| *found == name || found.starts_with(&format!("{name}-")));
        assert_eq!(found, None, "{package} must not be built with it");
    }
}

#[test]
fn the_verifier_depends_on_nothing_heavy() {
    assert_without(
        "cohortium-verifier",
        &[
            "actix",
            "sled",
            "tokio",
            "hyper",
            "reqwest",
            "ureq",
            "rustls",
            "openssl",
            "ark-r1cs-std",
            "indicatif",
            "csv",
            "cohortium-circuits",
            "cohortium-prover",
            "cohortium-server",
        ],
    );
}

#[test]
fn dependencies_point_one_way() {
    assert_without(
        "cohortium-protocol",
        &["cohortium-circuits", "cohortium-keys", "cohortium-verifier", "cohortium-prover", "cohortium-server"],
    );
    assert_without(
        "cohortium-circuits",
        &["cohortium-keys", "cohortium-verifier", "cohortium-prover", "cohortium-server"],
    );
    assert_without("cohortium-server", &["cohortium-circuits", "cohortium-prover"]);
}

fn sources(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if path.file_name().is_some_and(|name| name != "tests" && name != "forge") {
                sources(&path, out);
            }
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            out.push(path);
        }
    }
}

/// The part of a file before its tests.
fn program(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned()
}

#[test]
fn what_is_pure_has_no_files_network_clock_or_randomness_of_its_own() {
    for crate_name in ["protocol", "circuits"] {
        let mut files = Vec::new();
        sources(&root().join(crate_name).join("src"), &mut files);
        assert!(files.len() > 10, "{crate_name} has sources");
        for path in files {
            let text = program(&path);
            for word in
                ["std::fs", "std::net", "std::time", "std::process", "std::env", "thread_rng", "OsRng", "SystemTime"]
            {
                assert!(!text.contains(word), "{} uses {word}", path.display());
            }
        }
    }
}

#[test]
fn the_library_that_admits_has_no_clock_network_or_randomness() {
    for file in ["lib.rs", "verify.rs", "report.rs", "reason.rs", "anchors.rs", "text.rs"] {
        let text = program(&root().join("verifier/src").join(file));
        for word in ["std::fs", "std::net", "std::time", "thread_rng", "OsRng", "SystemTime"] {
            assert!(!text.contains(word), "verifier/src/{file} uses {word}");
        }
    }
}
