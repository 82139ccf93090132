//! `unique`: that the active version's tags are unique, and that its newest epoch's flags are 0 or 1.
//!
//! The order is that of `prove`: everything that can refuse does so first; then the opening budget is charged, durably; only
//! then is anything computed that could leave. What is proved is kept, and not proved again.

use std::path::Path;

use cohortium_keys::{KeyKind, ProvingKey, VerifyingKey};
use cohortium_protocol::documents::FILE_EXCHANGE;
use cohortium_protocol::domain;
use cohortium_protocol::hash::{Digest, Hasher};
use cohortium_protocol::ledger::Charter;
use cohortium_protocol::shape::Shape;
use cohortium_protocol::table_proof::{TableContext, TableProof, TableSubject};
use cohortium_verifier::verify_table;
use rand::rngs::OsRng;
use serde_json::{Value, json};

use super::prove::settle;
use super::public::pretty;
use super::{keys, prove};
use crate::cli::{Failure, Outcome, Progress, Report, Setting, UniqueArgs};
use crate::faults::Stage;
use crate::pipeline::{PipelineError, RegisteredSecret, TableJob};
use crate::store::files::{self, Readers, failed};
use crate::store::{
    About, Access, BudgetFile, Committed, Home, Leaving, OutgoingFile, TABLE_PROOF, TableFolder, Version,
};

/// Parts of the work, for the progress bar.
const PARTS: u64 = 1000;

pub(crate) fn run(setting: &Setting, args: &UniqueArgs) -> Outcome {
    let home = setting.open(Access::Write)?;
    let mut budget = BudgetFile::open(&home)?;
    settle(setting, &home, &mut budget, args.claim.claim())?;
    home.check_budget(&budget)?;
    let tables = TableFolder::find(&home, args.table.as_deref())?;
    let (version, committed, number) = tables.active()?;
    let epoch = version.epoch(number, &committed.manifest)?;
    let table = committed.manifest.shape();
    let shape = table.about_table().ok_or(PipelineError::NoTableShape { shape: table.name })?;
    let charter = home.joined()?.map(|joined| joined.charter);
    let ledger = charter.as_ref().map_or_else(|| FILE_EXCHANGE.to_owned(), Charter::ledger);
    let key = keys::proving_key(setting, shape)?;
    check_key(charter.as_ref(), &shape, key.verifying())?;

    let unique = TableSubject::Unique(&committed.manifest);
    let flags = TableSubject::flags(&committed.manifest, &epoch.epoch).map_err(Failure::refused)?;
    let subjects = [(unique, About::Version), (flags, About::Epoch(number))];
    let mut job = Job { setting, home: &home, budget: &mut budget, version: &version, ledger: &ledger, key: &key };
    let mut proofs = Vec::new();
    for (subject, about) in subjects {
        proofs.push(match job.kept(subject, about)? {
            Some(proof) => (about, proof, false),
            None => {
                let held = match about {
                    About::Version => job.tags(&committed)?,
                    About::Epoch(_) => epoch.openable(&home, &|_| true)?,
                };
                (about, job.prove(subject, about, &held)?, true)
            }
        });
    }
    if let Some(out) = &args.out {
        std::fs::create_dir_all(out).map_err(failed("make the folder", out))?;
        for (about, proof, _) in &proofs {
            hand_out(setting, &home, &out.join(about.file_name()), &pretty(proof))?;
        }
    }
    Ok(report(&proofs, &key, args.out.as_deref(), &budget))
}

/// The key that the site's ledger names for the shape, if it names one; and a development key only where these are accepted.
fn check_key(charter: Option<&Charter>, shape: &Shape, key: &VerifyingKey) -> Result<(), Failure> {
    let Some(charter) = charter else { return Ok(()) };
    let found = key.id();
    if let Some(required) = charter.verifying_key(shape.name).filter(|required| *required != found) {
        return Err(Failure::refused(format!(
            "the charter names the verifying key {required} for the shape {shape}, the key at hand is {found}"
        )));
    }
    if key.kind() == KeyKind::Development && !charter.accept_development_keys {
        let sentence = format!("the key for shape {shape} is a development key, and the charter does not accept these");
        return Err(Failure::refused(sentence));
    }
    Ok(())
}

struct Job<'a> {
    setting: &'a Setting,
    home: &'a Home,
    budget: &'a mut BudgetFile,
    version: &'a Version,
    ledger: &'a str,
    key: &'a ProvingKey,
}

impl Job<'_> {
    /// A proof that is kept and is one: of this subject, for this ledger, under this key.
    fn kept(&self, subject: TableSubject<'_>, about: About) -> Result<Option<TableProof>, Failure> {
        let Some(bytes) = self.version.proof(about)? else { return Ok(None) };
        let proof = TableProof::parse(&bytes).ok();
        let key = self.key.verifying();
        Ok(proof.filter(|proof| verify_table(proof, subject, self.ledger, key, true).is_ok()))
    }

    /// The tag limbs with what opens them.
    fn tags(&self, committed: &Committed) -> Result<Vec<RegisteredSecret>, Failure> {
        let table = self.version.table()?;
        Ok(committed.openable(self.home, self.version, &table, &|name| name.starts_with("tag."))?)
    }

    fn prove(
        &mut self,
        subject: TableSubject<'_>,
        about: About,
        held: &[RegisteredSecret],
    ) -> Result<TableProof, Failure> {
        let job = TableJob::new(subject, self.ledger, held)?;
        let charges = job.charges().map_err(Failure::refused)?;
        let verifying_key = self.key.verifying().id();
        let purpose = TableContext { subject, ledger: self.ledger, shape: job.shape(), verifying_key }.digest();
        // No approval has this digest; attempts at one subject share what one approval may spend.
        let subject_digest = subject.epoch().map_or_else(|| subject.manifest().digest(), |epoch| epoch.digest());
        let nobody = Hasher::new(domain::TABLE_PROOF_CHARGE).digest(&subject_digest).finish();
        let charged = self.budget.charge(nobody, purpose, charges)?;
        let (number, digest) = (charged.record().number, charged.record().digest);
        self.setting.console.note(&format!("Budget record {number} has the digest {digest}; note it elsewhere."));
        Stage::ProveCharged.pass();
        let mut bar = Progress::new(PARTS);
        let mut step = |doing: &str, done: f64| bar.at((done * PARTS as f64) as u64, doing);
        let proof = job.prove(self.key, &mut OsRng, &mut step)?;
        let took = bar.end();
        eprintln!("Proved and verified in {:.1} seconds.", took.as_secs_f64());
        self.version.keep_proof(about, &pretty(&proof))?;
        Ok(proof)
    }
}

/// Puts a proof where it was asked for, once it stands in the record of what left.
fn hand_out(setting: &Setting, home: &Home, out: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let what = Leaving {
        kind: TABLE_PROOF.into(),
        statement: None,
        request: None,
        bytes: Digest::of_bytes(bytes),
        length: bytes.len() as u64,
        cells: None,
        ledger: None,
    };
    OutgoingFile::open(home)?.record(what, setting.now())?;
    Ok(files::write_at(out, bytes, Readers::Anyone, Some(Stage::ProveOutHalfWritten))?)
}

fn report(proofs: &[(About, TableProof, bool)], key: &ProvingKey, out: Option<&Path>, budget: &BudgetFile) -> Report {
    let development = key.verifying().kind() == KeyKind::Development;
    let mut text = String::new();
    let mut list: Vec<Value> = Vec::new();
    for (about, proof, is_new) in proofs {
        let says = match about {
            About::Version => "no two rows bear the same tag".to_owned(),
            About::Epoch(number) => format!("every flag of consent epoch {number} is 0 or 1"),
        };
        let when = if *is_new { "proved, verified and kept" } else { "proved before; nothing was charged" };
        text.push_str(&format!("Table {}: {says}: {when}.\n  proof {}\n", proof.table, proof.digest()));
        list.push(json!({
            "kind": proof.kind, "manifest": proof.manifest, "epoch": proof.epoch, "proof": proof.digest(), "is_new": is_new,
        }));
    }
    if let Some(out) = out {
        text.push_str(&format!("The proofs are in {}.\n", out.display()));
    }
    if development {
        text.push_str(prove::preview::DEVELOPMENT_KEY);
    }
    let json = json!({ "proofs": list, "out": out, "development_key": development, "budget_head": budget.head() });
    Report::new(text, json)
}
