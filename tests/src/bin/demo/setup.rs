//! Before any question: two hospitals with their tables, a board with its approval and anchors.

use std::fs;
use std::path::Path;

use cohortium_protocol::shape::Shape;
use cohortium_protocol::table::synthetic::synthetic_consent_file;
use serde_json::Value;

use crate::exchange::Exchange;
use crate::failure::Failure;
use crate::plain::{Patient, Site, read_patients};
use crate::print;
use crate::programs::Programs;
use crate::questions::Question;

/// Where the demo's inputs are.
pub(crate) const EXAMPLES: &str = "examples/breast-cancer";
/// Where it puts everything.
pub(crate) const OUT: &str = "target/demo";
/// The seed of the synthetic consents.
pub(crate) const CONSENT_SEED: u64 = 2013;
const CONSENT_COLUMNS: [&str; 2] = ["DUO:0000042/academic", "DUO:0000042/commercial"];

/// Everything that the questions need.
pub(crate) struct Stage {
    pub(crate) programs: Programs,
    /// The ledger service and what belongs to it.
    pub(crate) exchange: Exchange,
    /// Each hospital's patients, read plainly for the comparison.
    pub(crate) patients: Vec<(Site, Vec<Patient>)>,
}

/// An input file.
pub(crate) fn example(name: &str) -> String {
    format!("{EXAMPLES}/{name}")
}

/// A file or folder of this run.
pub(crate) fn made(name: &str) -> String {
    format!("{OUT}/{name}")
}

/// A question's query file.
pub(crate) fn query_file(question: &Question) -> String {
    example(&format!("queries/{}.json", question.file))
}

/// The request that is made of it.
pub(crate) fn request_file(question: &Question) -> String {
    made(&format!("requests/{}.json", question.file))
}

pub(crate) fn read(path: &str) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(Failure::file("read", Path::new(path)))
}

pub(crate) fn write(path: &str, text: &str) -> Result<(), Failure> {
    fs::write(path, text).map_err(Failure::file("write", Path::new(path)))
}

/// Reads a JSON file.
pub(crate) fn read_json(path: &str) -> Result<Value, Failure> {
    serde_json::from_str(&read(path)?).map_err(|error| Failure::unexpected(path, error))
}

/// Writes a JSON file for people to read, too.
pub(crate) fn write_json(path: &str, value: &Value) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).map_err(|error| Failure::unexpected(path, error))?;
    write(path, &(text + "\n"))
}

/// Empty folders, and keys.
pub(crate) fn begin() -> Result<Programs, Failure> {
    let here = Path::new(EXAMPLES);
    if !here.is_dir() {
        return Err(Failure::NotHere { path: here.to_owned() });
    }
    let out = Path::new(OUT);
    if out.exists() {
        fs::remove_dir_all(out).map_err(Failure::file("remove", out))?;
    }
    for folder in
        ["rotterdam", "gbsg", "operator", "sponsor", "board", "requests", "bundles", "reports", "tampered", "log"]
    {
        let path = out.join(folder);
        fs::create_dir_all(&path).map_err(Failure::file("make", &path))?;
    }
    let keys = std::env::var_os("COHORTIUM_KEYS").filter(|keys| !keys.is_empty());
    let keys = keys.unwrap_or_else(|| "target/cohortium-keys".into());
    print::line(&format!("\n$ export COHORTIUM_KEYS={}", keys.display()));
    Programs::beside_this(keys.into(), out.join("log"))
}

/// The verifying keys of exact answers, and of answers with noise.
pub(crate) const KEY: &str = "verifying-key.json";
pub(crate) const NOISE_KEY: &str = "verifying-key-noise.json";

/// Development keys, made if there are none.
pub(crate) fn keys(programs: &mut Programs) -> Result<(), Failure> {
    print::heading("Keys");
    let shape = Shape::QUERY_12;
    print::say(&format!(
        "One pair of keys serves every question to tables of up to {} patients, and another every question with noise. They are made on \
         first use, which takes some twenty seconds, and then kept.",
        shape.max_declared_rows()
    ));
    for (shape, out) in [(shape, KEY), (Shape::NOISE_12, NOISE_KEY)] {
        let words = ["cohortium-prover", "keys", "--shape", shape.name, "--out", &made(out)];
        print::quote(&programs.done(&words)?.stdout);
    }
    print::say(
        "THESE ARE DEVELOPMENT KEYS: whoever made them could forge every proof below. They are for trials like this one. For \
         real use there has to be a key ceremony first.",
    );
    Ok(())
}

/// One hospital: its home, its table, its commitments.
pub(crate) fn hospital(programs: &mut Programs, site: Site) -> Result<Vec<Patient>, Failure> {
    let name = site.name();
    let (csv, schema, policy) = (example(&format!("{name}.csv")), example("schema.json"), example("policy.json"));
    let (mapping, home) = (example(&format!("mapping-{name}.json")), made(&format!("{name}/home")));
    let consent = made(&format!("{name}/consent.csv"));
    print::heading(&format!("Hospital {name}: {}", site.title()));

    let table = read(&csv)?;
    let identifiers = table.lines().skip(1).filter_map(|line| line.split(',').next());
    let columns: Result<Vec<_>, _> = CONSENT_COLUMNS.iter().map(|column| column.parse()).collect();
    let columns = columns.map_err(|error| Failure::unexpected("a consent column", error))?;
    write(&consent, &synthetic_consent_file(CONSENT_SEED, name, "pid", identifiers, &columns))?;
    let patients = read_patients(site, &table, &read(&consent)?)?;
    let refusing = patients.iter().filter(|patient| !patient.consents).count();
    print::say(&format!(
        "The patients are real, their consents are NOT: {consent} was made up for this demo from the seed {CONSENT_SEED}; {refusing} of \
         {} patients refuse academic research, about one in six.",
        patients.len()
    ));

    let prover = "cohortium-prover";
    programs.done(&[prover, "init", "--home", &home, "--site", name, "--policy", &policy])?;
    let import = [
        prover,
        "import",
        "--home",
        &home,
        "--schema",
        &schema,
        "--mapping",
        &mapping,
        "--csv",
        &csv,
        "--consent",
        &consent,
    ];
    let imported = programs.done(&import)?.stdout;
    print::lines_with(&imported, &["rows read", "imported whole", "yes,", "secret order"]);
    let commit = programs.done(&[prover, "commit", "--home", &home])?;
    print::quote(&commit.stdout);
    print::line(&format!("Committed in {:.1} seconds.", commit.seconds));
    Ok(patients)
}
