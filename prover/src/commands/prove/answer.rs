//! From a request to a kept release: what the command `prove` and the batch job share.

use cohortium_client::OpenNonces;
use cohortium_keys::{KeyCache, KeyKind, ProvingKey, read_verifying};
use cohortium_protocol::bundle::{Bundle, NoiseOnLedger};
use cohortium_protocol::commit::{Charge, SecretColumn};
use cohortium_protocol::documents::{Approval, Request};
use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::Charter;
use cohortium_protocol::policy::{Policy, PolicyError};
use cohortium_protocol::query::Source;
use cohortium_protocol::table::Day;
use cohortium_verifier::{ANCHORS_FORMAT, Anchors, AnchorsDocument, SiteAnchor};
use rand::rngs::OsRng;

use super::super::keys;
use super::super::public::pretty;
use super::caps::Caps;
use super::epsilon::Accepted;
use super::estimate::Estimate;
use super::kept::check_near;
use super::preview::Preview;
use super::site::{SiteDocuments, Which};
use crate::cli::{Failure, Progress, Setting};
use crate::faults::Stage;
use crate::pipeline::{NoiseSource, PipelineError, Planned, Prepared, plan_release, prepare};
use crate::store::{BudgetFile, Home, OpenedSeed, ReleaseRecord, StoreError};

/// Parts of the work, for the progress bar.
const PARTS: u64 = 1000;
/// From here on the pipeline checks the finished bundle.
const SELF_CHECK: f64 = 0.97;

/// On what grounds a request is looked at.
#[derive(Clone, Copy)]
pub(crate) enum Basis<'a> {
    /// It came as a file, and a person decides now.
    Files {
        /// Today.
        today: Day,
    },
    /// It stands on a ledger, and the site may accept it: on its plan alone.
    Considered {
        /// The pinned charter.
        charter: &'a Charter,
        /// Today.
        today: Day,
        /// Accepted queries that are not answered yet: in all, and under this approval.
        owed: (u32, u32),
        /// What the site has accepted of epsilon at the query's table.
        accepted: Accepted,
    },
    /// It stands on a ledger, and so does the site's acceptance, which is final: whatever changed at the site since, the
    /// answer is from what the query pins; and whether the approval was suspended or has expired since changes nothing.
    Accepted {
        /// The pinned charter.
        charter: &'a Charter,
        /// Both nonces of the query's beacon, where it asks for noise.
        nonces: Option<&'a OpenNonces>,
    },
}

/// What is to be done with what was shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Step {
    /// Nothing.
    Stop,
    /// Charge, prove, and keep the release.
    Release,
}

/// A release that is kept.
pub(crate) struct Answer {
    /// The bundle's bytes.
    pub(crate) bytes: Vec<u8>,
    /// The budget's record.
    pub(crate) budget_record: u64,
}

impl<'a> Basis<'a> {
    fn charter(&self) -> Option<&'a Charter> {
        match self {
            Self::Files { .. } => None,
            Self::Considered { charter, .. } | Self::Accepted { charter, .. } => Some(charter),
        }
    }

    /// The checks that go before any data is touched.
    fn check(&self, home: &Home, request: &Request, approval: &Approval) -> Result<(), Failure> {
        if let Self::Files { today } | Self::Considered { today, .. } = self {
            approval.covers(*today).map_err(Failure::refused)?;
        }
        approval.permits_site(home.site()).map_err(Failure::refused)?;
        let Some(charter) = self.charter() else { return Ok(()) };
        if request.ledger != charter.ledger() {
            let sentence =
                format!("the request is of ledger {:?}, the site's is {:?}", request.ledger, charter.ledger());
            return Err(Failure::refused(sentence));
        }
        let sponsor = charter.member(&approval.sponsor);
        if sponsor.and_then(|sponsor| sponsor.class) != Some(approval.consent.sponsor()) {
            return Err(Failure::refused(format!(
                "the approval is for a sponsor of class {}, and {:?} is none in the charter",
                approval.consent.sponsor(),
                approval.sponsor
            )));
        }
        let pin = request.site(home.site()).map_err(PipelineError::from)?;
        if charter.verifying_key(&pin.shape.name) != Some(pin.verifying_key) {
            return Err(Failure::refused(format!(
                "the request pins the verifying key {} for the shape {}, and the charter does not name it for that shape",
                pin.verifying_key, pin.shape.name
            )));
        }
        Ok(())
    }
}

/// The floor that a request pins: the present one, or for an accepted query the one that was.
fn floor(home: &Home, request: &Request, basis: Basis<'_>) -> Result<Policy, Failure> {
    let present = home.floor()?.ok_or(PolicyError::Absent { whose: "the site" })?;
    let Basis::Accepted { .. } = basis else { return Ok(present) };
    let digest = request.site(home.site()).map_err(PipelineError::from)?.policy_floor;
    let table = request.query.table.clone();
    Ok(home.floor_of(&digest)?.ok_or(StoreError::NotHeld { what: "policy floor", digest, table })?)
}

/// A request that passed every check that can be made without data.
struct Checked<'a> {
    planned: Planned<'a>,
    charges: Vec<Charge>,
    caps: Caps,
    development_key: bool,
}

/// Everything that can refuse a request but its data.
fn check<'a>(
    setting: &Setting,
    home: &Home,
    (request, approval): (&'a Request, &'a Approval),
    basis: Basis<'_>,
    budget: &BudgetFile,
    (documents, floor): (&SiteDocuments, &Policy),
) -> Result<Checked<'a>, Failure> {
    let planned = plan_release(request, approval, documents.documents(floor))?;
    home.check_budget(budget)?;
    let charges = charges(&planned, documents)?;
    check_budget(budget, request, approval, &charges, basis)?;
    let mut caps = Caps::count(home, budget, &planned, approval)?;
    match basis {
        Basis::Files { .. } => {
            caps.check()?;
            check_near(home, &planned, approval, &documents.documents(floor))?;
        }
        Basis::Considered { owed: (_, under), accepted, .. } => {
            caps.add_owed(under);
            caps.check()?;
            if let Some(noised) = planned.rule().noised() {
                accepted.check(noised.price(), &planned.policy().epsilon())?;
            }
        }
        // The caps were held when it was accepted. What is near an earlier question of a ledger, the ledger refuses.
        Basis::Accepted { .. } => {}
    }
    let kind = check_key(setting, &planned, request, home.site())?;
    let development_key = kind == KeyKind::Development;
    if development_key && basis.charter().is_some_and(|charter| !charter.accept_development_keys) {
        let sentence = "the key that the request pins is a development key, and the charter does not accept these";
        return Err(Failure::refused(sentence));
    }
    Ok(Checked { planned, charges, caps, development_key })
}

/// Checks a request that may be accepted, and shows what is known of it on its plan alone. No patient's data is read:
/// whoever saw the answer before accepting could withhold those that they dislike, and nobody would know.
pub(crate) fn consider(
    setting: &Setting,
    home: &Home,
    (request, approval): (&Request, &Approval),
    basis: Basis<'_>,
    budget: &BudgetFile,
    show: &mut dyn FnMut(&Preview<'_>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    basis.check(home, request, approval)?;
    let floor = floor(home, request, basis)?;
    let documents = SiteDocuments::find(home, request, Which::Active)?;
    let Checked { planned, charges, caps, development_key } =
        check(setting, home, (request, approval), basis, budget, (&documents, &floor))?;
    show(&Preview {
        home,
        request,
        approval,
        documents: &documents,
        planned: &planned,
        prepared: None,
        charges: &charges,
        budget,
        caps: &caps,
        development_key,
        estimate: Estimate::of(&planned),
    })
}

/// Checks a request, shows what would leave, and, if `decide` says so, makes the release and keeps it.
///
/// Everything that can refuse does so before `decide`; the budget is charged, durably, before anything is computed that
/// could leave.
pub(crate) fn answer(
    setting: &Setting,
    home: &Home,
    (request, approval): (&Request, &Approval),
    basis: Basis<'_>,
    budget: &mut BudgetFile,
    decide: &mut dyn FnMut(&Preview<'_>) -> Result<Step, Failure>,
) -> Result<Option<Answer>, Failure> {
    basis.check(home, request, approval)?;
    let floor = floor(home, request, basis)?;
    let which = if matches!(basis, Basis::Accepted { .. }) { Which::Pinned } else { Which::Active };
    let documents = SiteDocuments::find(home, request, which)?;
    let Checked { planned, charges, caps, development_key } =
        check(setting, home, (request, approval), basis, budget, (&documents, &floor))?;
    let estimate = Estimate::of(&planned);
    let data = documents.load()?;
    let columns = data.openable(home, request, approval)?;
    let site = data.site(&columns, &floor);
    let prepared = prepare(request, approval, &site, noise_source(home, request, basis)?)?;
    let documents = data.documents();
    let preview = Preview {
        home,
        request,
        approval,
        documents,
        planned: &planned,
        prepared: Some(&prepared),
        charges: &charges,
        budget,
        caps: &caps,
        development_key,
        estimate,
    };
    if decide(&preview)? == Step::Stop {
        return Ok(None);
    }
    let key = keys::proving_key(setting, *prepared.shape())?;
    let anchors = own_anchors(request, approval, documents, &floor.digest(), &key)?;

    let charged = budget.charge(approval.digest(), request.digest(), charges.clone())?;
    let (budget_record, digest) = (charged.record().number, charged.record().digest);
    // Said now: should this process die, the note is made all the same.
    setting.console.note(&format!("Budget record {budget_record} has the digest {digest}; note it elsewhere."));
    Stage::ProveCharged.pass();
    let (bundle, selection) = prove(&prepared, &key, &anchors)?;
    Stage::ProveVerified.pass();

    let bytes = pretty(&bundle);
    let record = ReleaseRecord::new(
        request.digest(),
        approval.digest(),
        request.query.title.clone(),
        (documents.table_name().to_owned(), documents.manifest().version(), documents.epoch().number()),
        setting.today()?,
        (budget_record, digest),
    );
    home.keep_release(&record, &bytes, &selection)?;
    Stage::ProveKept.pass();
    Ok(Some(Answer { bytes, budget_record }))
}

/// What the noise of an answer is drawn from: the seed of the leaf that the query pins, and the nonces that are open.
fn noise_source(home: &Home, request: &Request, basis: Basis<'_>) -> Result<Option<NoiseSource>, Failure> {
    let Basis::Accepted { nonces: Some(nonces), .. } = basis else { return Ok(None) };
    let pin = request.site(home.site()).map_err(PipelineError::from)?;
    let Some(leaf) = pin.seed_leaf else { return Ok(None) };
    let OpenedSeed { seed, path, leaves } = home.seed(leaf)?;
    let OpenNonces { sponsor_nonce, board_nonce, board_path, .. } = nonces.clone();
    let on_ledger = NoiseOnLedger { seeds: leaves, sponsor_nonce, board_nonce, board_path };
    Ok(Some(NoiseSource { seed, path, on_ledger }))
}

/// Refuses what the budget does not bear. A query under consideration must leave enough for those that are owed: each is
/// taken to open the same columns.
fn check_budget(
    budget: &BudgetFile,
    request: &Request,
    approval: &Approval,
    charges: &[Charge],
    basis: Basis<'_>,
) -> Result<(), StoreError> {
    let owed = if let Basis::Considered { owed: (all, _), .. } = basis { all } else { 0 };
    let points = |charge: &Charge| charge.points.saturating_mul(owed.saturating_add(1));
    let scaled = charges.iter().map(|charge| Charge { points: points(charge), ..charge.clone() });
    budget.check(approval.digest(), request.digest(), scaled.collect())
}

/// One point of every registered column that the plan uses.
fn charges(planned: &Planned<'_>, documents: &SiteDocuments) -> Result<Vec<Charge>, Failure> {
    let charge = |column: cohortium_protocol::query::ColumnId| match column.source {
        Source::Epoch => documents.epoch().charge(&column.name, 1),
        _ => documents.manifest().charge(&column.name, 1),
    };
    let charges: Result<Vec<Charge>, _> = planned.opened_columns().into_iter().map(charge).collect();
    charges.map_err(Failure::refused)
}

/// Refuses a key other than the pinned one before anything is charged. A new key would never be the pinned one,
/// so none is made here.
fn check_key(setting: &Setting, planned: &Planned<'_>, request: &Request, site: &str) -> Result<KeyKind, Failure> {
    let required = request.site(site).map_err(PipelineError::from)?.verifying_key;
    let cache = KeyCache::new(setting.keys_folder()?);
    let path = cache.proving_path(planned.shape());
    if !path.exists() {
        return Err(Failure::cannot_tell(format!(
            "the request names the verifying key {required} of shape {}, and its proving key is not at {}; name the \
             folder of keys with --keys",
            planned.shape(),
            path.display()
        )));
    }
    let key = read_verifying(&cache.verifying_path(planned.shape()))?;
    let found = key.id();
    if found == required { Ok(key.kind()) } else { Err(PipelineError::Key { required, found }.into()) }
}

/// The anchors of an auditor who believes what this site believes.
fn own_anchors(
    request: &Request,
    approval: &Approval,
    documents: &SiteDocuments,
    policy_floor: &Digest,
    key: &ProvingKey,
) -> Result<Anchors, Failure> {
    let site = SiteAnchor {
        site: documents.manifest().site().to_owned(),
        manifest: documents.manifest().digest(),
        epoch: documents.epoch().digest(),
        policy_floor: *policy_floor,
    };
    Anchors::check(AnchorsDocument {
        format: ANCHORS_FORMAT.to_owned(),
        ledger: request.ledger.clone(),
        accept_development_keys: true,
        verifying_keys: vec![key.verifying().to_document()],
        sites: vec![site],
        approvals: vec![approval.digest()],
        charter: None,
    })
    .map_err(Failure::refused)
}

fn prove(prepared: &Prepared<'_>, key: &ProvingKey, anchors: &Anchors) -> Result<(Bundle, SecretColumn), Failure> {
    let mut bar = Progress::new(PARTS);
    let mut step = |doing: &str, done: f64| {
        if (SELF_CHECK..1.0).contains(&done) {
            Stage::ProveMade.pass();
        }
        bar.at((done * PARTS as f64) as u64, doing);
    };
    let proved = prepared.prove_keeping(key, anchors, &mut OsRng, &mut step)?;
    let took = bar.end();
    eprintln!("Proved and verified in {:.1} seconds.", took.as_secs_f64());
    Ok(proved)
}
