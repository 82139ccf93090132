//! A folder to work in, with the example's files and the program.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use cohortium_protocol::table::synthetic::synthetic_consent_file;
use serde_json::Value;
use tempfile::TempDir;

use super::service::keys_folder;

/// How a run ended.
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Run {
    /// Asserts success.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.code, Some(0), "{}\n{}", self.out, self.err);
        self
    }

    /// Asserts an exit code and a part of what the error says.
    #[track_caller]
    pub(crate) fn fails(self, code: i32, sentence: &str) -> Self {
        assert_eq!(self.code, Some(code), "{}\n{}", self.out, self.err);
        assert!(self.err.contains(sentence), "expected {sentence:?} in {:?}", self.err);
        assert!(!self.err.contains("panicked") && !self.err.contains("RUST_BACKTRACE"), "{}", self.err);
        self
    }

    /// The one JSON document on the standard output.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}\n{}", self.out, self.err))
    }
}

pub(crate) struct Place(TempDir);

/// What one site does until it can be asked.
pub(crate) const IMPORT: &str = "import --home h --dummies 0 --schema schema.json --mapping mapping-gbsg.json --csv gbsg.csv \
                                 --consent consent.csv";

pub(crate) const QUERY: &str = r#"{
  "format": "cohortium-query/1", "title": "Over 50, by hormonal treatment", "table": "breast-cancer", "study": "S-1",
  "purpose": "DUO:0000042", "sponsor_class": "academic",
  "where": { "column": "age", "between": [51, null] },
  "group_by": [{ "column": "hormon" }], "measures": { "sum": "nodes" } }"#;

impl Place {
    /// With the example's files and made-up consents, and nothing else.
    pub(crate) fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/breast-cancer");
        for name in ["schema.json", "mapping-gbsg.json", "gbsg.csv"] {
            fs::copy(examples.join(name), place.path(name)).unwrap();
        }
        place.write_consents("consent.csv", 1);
        place.write("query.json", QUERY);
        place
    }

    /// With a site that has imported, committed and published the example.
    pub(crate) fn committed() -> Self {
        let place = Self::new();
        place.run("init --home h --site gbsg --preset opensafely").ok();
        place.run(IMPORT).ok();
        place.run("commit --home h --date 2026-01-31").ok();
        place.run("publish --home h --out public").ok();
        place
    }

    /// The same, with an approval, a request and anchors.
    pub(crate) fn asked() -> Self {
        let place = Self::committed();
        place.run("keys --shape query-12").ok();
        place.write_approval("approval.json", "2030-12-31");
        place.run("request query.json --approval approval.json --site public --out request.json").ok();
        place.run("anchors --site public --approval approval.json --accept-development-keys --out anchors.json").ok();
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Consents of all patients for two purposes; one in six refuses, by the seed.
    pub(crate) fn write_consents(&self, name: &str, seed: u64) {
        let csv = self.read("gbsg.csv");
        let position = csv.lines().next().unwrap().split(',').position(|name| name == "pid").unwrap();
        let patients: Vec<&str> = csv.lines().skip(1).map(|line| line.split(',').nth(position).unwrap()).collect();
        let columns = ["DUO:0000042/academic", "DUO:0000042/commercial"].map(|name| name.parse().unwrap());
        self.write(name, &synthetic_consent_file(seed, "gbsg", "pid", patients, &columns));
    }

    pub(crate) fn write_approval(&self, name: &str, expires: &str) {
        let approval = format!(
            r#"{{ "format": "cohortium-approval/1", "study": "S-1", "ethics_reference": "EC-1",
            "sponsor": "Example University", "purpose": "DUO:0000042", "sponsor_class": "academic",
            "tables": ["breast-cancer"], "columns": null, "expires": "{expires}", "exact_plans": [],
            "policy": {{ "format": "cohortium-policy/1", "min_cell": 8, "rounding": 5, "show_zeros": false,
            "differencing": "off", "sums": "exact for named plans" }} }}"#
        );
        self.write(name, &approval);
    }

    /// Runs the program with these words.
    pub(crate) fn run(&self, words: &str) -> Run {
        self.run_with(words, &[])
    }

    /// Runs it until a stage, where it must die.
    #[track_caller]
    #[cfg(any(debug_assertions, feature = "faults"))]
    pub(crate) fn die(&self, stage: &str, words: &str) {
        let run = self.run_with(words, &[("COHORTIUM_DIE_AT", stage)]);
        assert_eq!(run.code, None, "did not die at {stage}: {}\n{}", run.out, run.err);
    }

    pub(crate) fn run_with(&self, words: &str, environment: &[(&str, &str)]) -> Run {
        let output = self.command(words).envs(environment.iter().copied()).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Run { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// The program with these words, not started.
    pub(crate) fn command(&self, words: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cohortium-prover"));
        command
            .args(words.split_whitespace())
            .current_dir(self.0.path())
            .env_remove("COHORTIUM_HOME")
            .env("COHORTIUM_KEYS", keys_folder())
            .stdin(Stdio::null());
        command
    }

    /// All files below a folder that count: not what a killed run left beside.
    pub(crate) fn files(&self, name: &str) -> BTreeSet<String> {
        fn walk(path: &Path, root: &Path, found: &mut BTreeSet<String>) {
            for entry in fs::read_dir(path).into_iter().flatten().flatten() {
                if entry.file_name().to_string_lossy().ends_with(".partial") {
                    continue;
                }
                let path = entry.path();
                if path.is_dir() {
                    walk(&path, root, found);
                } else {
                    found.insert(path.strip_prefix(root).unwrap().to_string_lossy().into_owned());
                }
            }
        }
        let mut found = BTreeSet::new();
        walk(&self.path(name), &self.path(name), &mut found);
        found
    }

    /// Openings left of a column, as `inspect` shows them.
    pub(crate) fn left(&self, column: &str) -> u64 {
        let json = self.run("inspect --home h --json").ok().json();
        let columns = json["tables"][0]["versions"][0]["columns"].as_array().unwrap().clone();
        let column = columns.into_iter().find(|one| one["name"] == column).unwrap();
        column["budget_left"].as_u64().unwrap()
    }
}
