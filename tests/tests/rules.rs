//! Which crate may hold what: over the dependency trees, and over the sources.

#![allow(clippy::unwrap_used)] // a test stops where it fails

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

fn workspace() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The crates that a package is built with, tests' left out: names, and licence expressions.
fn linked(package: &str) -> Vec<(String, String)> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo)
        .args([
            "tree",
            "--offline",
            "--locked",
            "-e",
            "normal,build",
            "--prefix",
            "none",
            "-f",
            "{p}|{l}",
            "-p",
            package,
        ])
        .current_dir(workspace())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines: BTreeSet<String> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| line.trim_end_matches("(*)").trim_end().to_owned())
        .collect();
    let pairs = lines.iter().filter_map(|line| line.split_once('|'));
    let name = |package: &str| package.split(' ').next().unwrap().to_owned();
    pairs.map(|(package, licence)| (name(package), licence.to_owned())).collect()
}

/// Servers, stores, clients and runtimes.
const SERVICES: [&str; 18] = [
    "actix",
    "sled",
    "tokio",
    "hyper",
    "reqwest",
    "ureq",
    "curl",
    "axum",
    "warp",
    "rocket",
    "h2",
    "mio",
    "rustls",
    "native-tls",
    "openssl",
    "redb",
    "rusqlite",
    "async-std",
];

/// Who may link what of these. The server serves and stores; those who talk to it have the one HTTP client. What is
/// proved and what is checked stays free of all.
const MAY_LINK: [(&str, &[&str]); 3] = [
    ("cohortium-server", &["actix", "sled", "tokio", "mio"]),
    ("cohortium-client", &["ureq", "rustls"]),
    ("cohortium-prover", &["ureq", "rustls"]),
];

/// Whether a crate is of a family: its name, or its name and more behind a hyphen.
fn of(name: &str, family: &str) -> bool {
    name == family || name.strip_prefix(family).is_some_and(|rest| rest.starts_with('-'))
}

#[test]
fn crates_link_what_their_part_needs() {
    let rules: [(&str, &[&str]); 7] = [
        (
            "cohortium-verifier",
            &["cohortium-circuits", "cohortium-prover", "cohortium-server", "ark-r1cs-std", "csv", "indicatif"],
        ),
        ("cohortium-server", &["cohortium-circuits", "cohortium-prover", "ark-r1cs-std", "csv", "indicatif"]),
        ("cohortium-protocol", &["cohortium-circuits", "cohortium-keys", "cohortium-verifier", "ark-groth16", "clap"]),
        (
            "cohortium-circuits",
            &["cohortium-prover", "cohortium-server", "cohortium-verifier", "cohortium-keys", "clap", "csv"],
        ),
        (
            "cohortium-keys",
            &["cohortium-circuits", "cohortium-prover", "cohortium-server", "cohortium-verifier", "clap"],
        ),
        ("cohortium-prover", &["cohortium-server"]),
        ("cohortium-client", &["cohortium-server", "cohortium-prover", "cohortium-circuits"]),
    ];
    let holds = |package: &str, name: &str| linked(package).iter().any(|(linked, _)| linked == name);
    assert!(holds("cohortium-prover", "cohortium-circuits") && holds("cohortium-verifier", "cohortium-keys"));
    for (package, forbidden) in rules {
        let linked = linked(package);
        assert!(linked.iter().any(|(name, _)| name == "ark-bn254"), "{package}: the tree was read");
        for (name, licence) in &linked {
            let service = SERVICES.iter().any(|family| of(name, family));
            let may = MAY_LINK
                .iter()
                .any(|(who, families)| *who == package && families.iter().any(|family| of(name, family)));
            assert!(!service || may, "{package} links {name}");
            assert!(!forbidden.contains(&name.as_str()), "{package} links {name}");
            // A licence is a choice of alternatives; one of them must be permissive.
            let free = licence.replace('/', " OR ");
            let free = free.split(" OR ").any(|choice| !choice.is_empty() && !choice.contains("GPL"));
            assert!(free, "{package} links {name} under {licence:?}");
        }
    }
}

/// A crate's sources without tests, each with its path.
fn sources(folder: &str) -> Vec<(String, String)> {
    let root = workspace().join(folder).join("src");
    let (mut files, mut tests) = (Vec::new(), BTreeSet::new());
    let mut folders = vec![root];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                tests.extend(test_modules(&path, &text));
                files.push((path, text));
            }
        }
    }
    assert!(!files.is_empty());
    files
        .into_iter()
        .filter(|(path, _)| !tests.iter().any(|test| path.starts_with(test) || path == &test.with_extension("rs")))
        .map(|(path, text)| {
            // Tests inside a file are at its end.
            let begins = |rest: &str| rest.lines().nth(1).is_some_and(|line| line.ends_with("mod tests {"));
            let end = text.match_indices("#[cfg(test)]").map(|(at, _)| at).find(|at| begins(&text[*at..]));
            let code = &text[..end.unwrap_or(text.len())];
            let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
            (path.display().to_string(), lines.collect::<Vec<_>>().join("\n"))
        })
        .collect()
}

/// The folders (or, with `.rs`, files) of modules that a file declares for tests only.
fn test_modules(path: &Path, text: &str) -> Vec<PathBuf> {
    let stem = path.file_stem().unwrap();
    let parent = path.parent().unwrap();
    let children =
        if ["lib", "main", "mod"].iter().any(|name| stem == *name) { parent.into() } else { parent.join(stem) };
    let mut lines = text.lines().map(str::trim);
    let mut found = Vec::new();
    while let Some(line) = lines.next() {
        if line == "#[cfg(test)]"
            && let Some((_, name)) = lines.next().unwrap_or_default().trim_end_matches(';').rsplit_once("mod ")
            && !name.contains('{')
        {
            found.push(children.join(name));
        }
    }
    found
}

/// Files that are excepted are named by their end, whole folders by a part of their path that ends in a slash.
fn assert_without(folder: &str, words: &[&str], excepted: &[&str]) {
    let but = |path: &str, except: &str| path.ends_with(except) || except.ends_with('/') && path.contains(except);
    for (path, code) in sources(folder) {
        if excepted.iter().any(|except| but(&path, except)) {
            continue;
        }
        for word in words {
            assert!(!code.contains(word), "{path} uses {word}");
        }
    }
}

const FILES_AND_NET: [&str; 6] =
    ["std::fs", "std::net", "std::process", "std::env", "std::io::stdin", "std::io::stdout"];
const CLOCKS: [&str; 3] = ["std::time", "SystemTime", "Instant"];
const AMBIENT_RANDOMNESS: [&str; 6] =
    ["thread_rng", "OsRng", "from_entropy", "rand::random", "getrandom", "rand::rngs"];
const PRINTING: [&str; 5] = ["println!", "eprintln!", "print!(", "eprint!(", "dbg!"];

#[test]
fn the_vocabulary_is_pure() {
    for words in [&FILES_AND_NET[..], &CLOCKS, &AMBIENT_RANDOMNESS, &PRINTING] {
        assert_without("protocol", words, &[]);
        assert_without("circuits", words, &[]);
        // The auditor's library. Its program reads files, writes reports and signed transactions, asks and prints.
        assert_without("verifier", words, &["verifier/src/main.rs", "verifier/src/file.rs", "verifier/src/cli/"]);
    }
    // The server has files, a net and a clock, each where it belongs: what is served is decided by the verifier's state
    // machine. Only keys are drawn, and only by the operator's program.
    assert_without("server", &AMBIENT_RANDOMNESS, &["cli/make.rs"]);
    assert_without("server", &PRINTING, &[]);
    assert_without("server", &["SystemTime", "UNIX_EPOCH"], &["node/ledger.rs"]);
    assert_without(
        "server",
        &["std::net"],
        &[
            "cli/args.rs",
            "cli/serve.rs",
            "http/address.rs",
            "http/body.rs",
            "http/connections.rs",
            "http/guard.rs",
            "http/mod.rs",
            "http/running.rs",
        ],
    );
    assert_without("server", &["std::process::Command"], &[]);
    assert_without("server", &["std::env"], &["faults.rs"]);
    let files = ["store/", "node/home.rs", "cli/make.rs", "cli/whole.rs"];
    for (path, code) in sources("server") {
        let allowed = files.iter().any(|place| path.contains(&format!("server/src/{place}")));
        assert!(allowed || !code.contains("std::fs"), "{path} uses std::fs");
    }
    // The verifying half of the keys, and the auditor's program.
    let proving = ["cache.rs", "matrices_file.rs", "proving.rs", "qap.rs"];
    for words in [&FILES_AND_NET[..], &CLOCKS, &AMBIENT_RANDOMNESS, &PRINTING, &["rand"]] {
        assert_without("keys", words, &proving);
    }
    // A board makes its own key, a patient salts their own event, and nothing else of the program draws.
    let drawing = ["verifier/src/cli/key.rs", "verifier/src/cli/choose.rs"];
    assert_without("verifier", &AMBIENT_RANDOMNESS, &drawing);
    assert_without("verifier", &["rand::"], &drawing);
    assert_without("verifier", &["std::net", "std::process::Command", "std::env"], &[]);
    assert_without("prover", &["std::net", "thread_rng", "from_entropy", "rand::random"], &[]);
    // In which names the words would hide: imports of the standard library are written out.
    for folder in ["protocol", "circuits", "keys", "verifier", "prover", "server"] {
        assert_without(folder, &["use std::{", "extern crate", "unsafe {", "unsafe fn", "allow(unsafe_code"], &[]);
    }
}

#[test]
fn the_sources_were_looked_at() {
    // Where the rules above look: code, not tests.
    let protocol = sources("protocol");
    let has = |file: &str| protocol.iter().any(|(path, _)| path.ends_with(file));
    assert!(has("commit/opening.rs") && has("bundle/file.rs") && has("table/day.rs"));
    assert!(!has("commit/forgers.rs") && !has("query/properties.rs") && !has("documents/tests.rs"));
    let circuits = sources("circuits");
    assert!(!circuits.iter().any(|(path, _)| path.contains("/forge/")));
    assert!(circuits.iter().any(|(path, _)| path.contains("/gadget/")));
    for (path, code) in protocol.iter().chain(&circuits) {
        assert!(!code.contains("#[test]"), "{path}");
    }
}

#[test]
fn no_crate_escapes_the_lints() {
    let workspace = workspace();
    let root = std::fs::read_to_string(workspace.join("Cargo.toml")).unwrap();
    assert!(root.contains("unsafe_code = \"forbid\""));
    let members = root.lines().find_map(|line| line.strip_prefix("members = ")).unwrap();
    let members: Vec<String> = serde_json::from_str(members).unwrap();
    assert!(members.len() >= 7);
    for member in members {
        let manifest = std::fs::read_to_string(workspace.join(&member).join("Cargo.toml")).unwrap();
        assert!(manifest.contains("[lints]\nworkspace = true"), "{member}");
        assert!(manifest.contains("license.workspace = true"), "{member}");
    }
}
