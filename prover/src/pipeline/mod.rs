//! From a request to a verified bundle: `Planned -> Committed -> Proven`, in memory.
//!
//! Nothing in here writes a file or charges a budget; the commands do, between the stages. [`Prepared`] is
//! what will leave, before it leaves; [`Prepared::prove`] makes the bundle and checks it as an auditor would.

mod argue;
mod clock;
mod columns;
mod eligibility;
mod error;
mod noise;
mod table;

pub use clock::Phase;
pub use eligibility::{OfferAsked, PlannedOffer, PreparedOffer, plan_offer, prepare_offer};
pub use error::PipelineError;
pub use noise::NoiseSource;
pub use table::TableJob;

use argue::{Statement, argue};
use clock::Clock;
use columns::Material;
use noise::Drawn;

use cohortium_keys::ProvingKey;
use cohortium_protocol::bundle::{BUNDLE_FORMAT, Bundle, Context, NoiseFacts, QueryProof, release_rule};
use cohortium_protocol::commit::{ColumnCommitment, ConsentEpoch, DatasetManifest, SecretColumn};
use cohortium_protocol::documents::{Approval, Request};
use cohortium_protocol::hash::Digest;
use cohortium_protocol::policy::{
    EffectivePolicy, GroupCells, Policy, Rule, SumParams, effective, release, release_noised,
};
use cohortium_protocol::query::{ColumnId, Inputs, Plan, QueryColumns, Source, compile};
use cohortium_protocol::shape::Shape;
use cohortium_protocol::table::{ConsentTable, Schema, Table};
use cohortium_verifier::{Anchors, verify_release};
use rand::{CryptoRng, RngCore};

/// A registered column as the hospital keeps it: its name, its secret half and its commitment.
pub struct RegisteredSecret {
    /// The column's name in its manifest or epoch.
    pub name: String,
    /// Data, blinding rows and blinding scalars.
    pub secret: SecretColumn,
    /// The published points.
    pub commitment: ColumnCommitment,
}

/// A site's data and documents, for one table version and epoch.
pub struct Site<'a> {
    /// The schema.
    pub schema: &'a Schema,
    /// The table.
    pub table: &'a Table,
    /// The consent flags, in the table's row order.
    pub consents: &'a ConsentTable,
    /// The registered table version.
    pub manifest: &'a DatasetManifest,
    /// The registered epoch.
    pub epoch: &'a ConsentEpoch,
    /// The manifest's columns.
    pub manifest_columns: &'a [RegisteredSecret],
    /// The epoch's columns.
    pub epoch_columns: &'a [RegisteredSecret],
    /// The site's policy floor.
    pub floor: &'a Policy,
}

impl<'a> Site<'a> {
    /// The documents alone.
    pub fn documents(&self) -> Documents<'a> {
        Documents { schema: self.schema, manifest: self.manifest, epoch: self.epoch, floor: self.floor }
    }
}

/// What a site has registered, without any data: all that a decision about a query is made from.
#[derive(Clone, Copy)]
pub struct Documents<'a> {
    /// The schema.
    pub schema: &'a Schema,
    /// The registered table version.
    pub manifest: &'a DatasetManifest,
    /// The registered epoch.
    pub epoch: &'a ConsentEpoch,
    /// The site's policy floor.
    pub floor: &'a Policy,
}

/// Progress of a proof: a name for people, and how much of the whole is done, from 0 to 1.
pub type Progress<'a> = dyn FnMut(&str, f64) + 'a;

/// A release as its plan alone decides it. No data was touched: whoever decides about a query decides before anybody
/// knows what the answer is.
pub struct Planned<'a> {
    request: &'a Request,
    approval: &'a Approval,
    plan: Plan,
    shape: Shape,
    policy: EffectivePolicy,
    rule: Rule,
}

/// A planned release with its numbers: what would leave, before anything does.
pub struct Prepared<'a> {
    planned: Planned<'a>,
    site: &'a Site<'a>,
    columns: QueryColumns,
    cells: Vec<GroupCells>,
    noise: Option<Drawn>,
}

/// Recompiles the query, and checks request, approval and policy against the site's own documents.
pub fn plan_release<'a>(
    request: &'a Request,
    approval: &'a Approval,
    documents: Documents<'_>,
) -> Result<Planned<'a>, PipelineError> {
    let Documents { schema, manifest, epoch, floor } = documents;
    let pin = request.site(manifest.site())?;
    request.pinned("manifest", pin.manifest, manifest.digest())?;
    request.pinned("consent epoch", pin.epoch, epoch.digest())?;
    request.pinned("policy floor", pin.policy_floor, floor.digest())?;
    let shape = pin.standard_shape()?;
    request.pinned("shape", shape.data().id(), manifest.shape().id())?;
    let plan = compile(&request.query, schema, &approval.consent, &shape)?;
    request.binds(approval, schema, &plan)?;
    plan.check(&shape)?;
    approval.permits(&request.query, &plan)?;
    let policy = effective(Some(floor), Some(&approval.policy))?;
    policy.check_sites(request.sites.len())?;
    let rule = policy.rule(&plan, schema, approval.names(&plan), (&request.noise, &shape))?;
    Ok(Planned { request, approval, plan, shape, policy, rule })
}

/// The same, and computes what would be released. `noise` is what the noise is drawn from, where the request asks for noise:
/// there is none before the query's beacon is whole.
pub fn prepare<'a>(
    request: &'a Request,
    approval: &'a Approval,
    site: &'a Site<'a>,
    noise: Option<NoiseSource>,
) -> Result<Prepared<'a>, PipelineError> {
    let planned = plan_release(request, approval, site.documents())?;
    let noise = noise.map(|source| Drawn::new(source, &planned, site)).transpose()?;
    let inputs = Inputs::new(site.schema, site.table, site.consents)?;
    let columns = planned.plan.query_columns(&inputs)?;
    let aggregates = planned.plan.aggregates(&inputs, &columns)?;
    let cells = match (&planned.rule, &noise) {
        (Rule::Exact(params), None) => release(aggregates.groups(), params),
        (Rule::Noised(params), Some(drawn)) => release_noised(aggregates.groups(), &drawn.by_group(params), params),
        (Rule::Noised(_), None) => return Err(PipelineError::NoBeacon),
        (Rule::Exact(_), Some(_)) => return Err(PipelineError::NotNoised),
    };
    Ok(Prepared { planned, site, columns, cells, noise })
}

impl Planned<'_> {
    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The shape of the proof.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The release rule's numbers.
    pub fn rule(&self) -> &Rule {
        &self.rule
    }

    /// The policy in force, in plain words.
    pub fn policy_words(&self) -> String {
        self.policy.words(&self.rule)
    }

    /// The policy in force. Its caps, and its rule about differencing, are no part of the proof: they are the site's to count.
    pub fn policy(&self) -> &Policy {
        self.policy.policy()
    }

    /// The registered columns that are opened at one point each: what the opening budget is charged with.
    pub fn opened_columns(&self) -> Vec<ColumnId> {
        self.plan.columns().into_iter().filter(|column| column.source != Source::Query).collect()
    }
}

impl<'a> Prepared<'a> {
    /// The release as its plan alone decides it.
    pub fn planned(&self) -> &Planned<'a> {
        &self.planned
    }

    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.planned.plan
    }

    /// The shape of the proof.
    pub fn shape(&self) -> &Shape {
        &self.planned.shape
    }

    /// The release rule's numbers.
    pub fn rule(&self) -> &Rule {
        &self.planned.rule
    }

    /// What would be released.
    pub fn cells(&self) -> &[GroupCells] {
        &self.cells
    }

    /// The counts of rows that implied conditions leave out; exact, for the hospital's own eyes.
    pub fn left_out(&self) -> Result<Vec<(String, u64)>, PipelineError> {
        let inputs = Inputs::new(self.site.schema, self.site.table, self.site.consents)?;
        Ok(self.planned.plan.left_out(&inputs, &self.columns)?)
    }

    /// Makes the proof and the bundle, and checks the bundle as an auditor would.
    ///
    /// Pass the operating system's generator: masks and nonces must be fresh in every run. Charge the opening
    /// budget durably before calling this.
    pub fn prove(
        &self,
        key: &ProvingKey,
        anchors: &Anchors,
        rng: &mut (impl RngCore + CryptoRng),
        progress: &mut Progress<'_>,
    ) -> Result<Bundle, PipelineError> {
        self.prove_timed(key, anchors, rng, progress, &|| 0.0).map(|(bundle, _)| bundle)
    }

    /// The same, with what opens the selection: kept, so that a patient can be shown at their own row whether they were
    /// counted.
    pub fn prove_keeping(
        &self,
        key: &ProvingKey,
        anchors: &Anchors,
        rng: &mut (impl RngCore + CryptoRng),
        progress: &mut Progress<'_>,
    ) -> Result<(Bundle, SecretColumn), PipelineError> {
        let (bundle, _, selection) = self.prove_parts(key, anchors, rng, progress, &|| 0.0)?;
        let missing = || PipelineError::Missing { column: ColumnId::selection().to_string() };
        Ok((bundle, selection.ok_or_else(missing)?))
    }

    /// The same, with the time each phase took; `cpu` reads the process's CPU-seconds so far.
    pub fn prove_timed(
        &self,
        key: &ProvingKey,
        anchors: &Anchors,
        rng: &mut (impl RngCore + CryptoRng),
        progress: &mut Progress<'_>,
        cpu: &dyn Fn() -> f64,
    ) -> Result<(Bundle, Vec<Phase>), PipelineError> {
        self.prove_parts(key, anchors, rng, progress, cpu).map(|(bundle, phases, _)| (bundle, phases))
    }

    fn prove_parts(
        &self,
        key: &ProvingKey,
        anchors: &Anchors,
        rng: &mut (impl RngCore + CryptoRng),
        progress: &mut Progress<'_>,
        cpu: &dyn Fn() -> f64,
    ) -> Result<(Bundle, Vec<Phase>, Option<SecretColumn>), PipelineError> {
        let required = self.planned.request.site(self.site.manifest.site())?.verifying_key;
        if key.verifying().id() != required {
            return Err(PipelineError::Key { required, found: key.verifying().id() });
        }
        let mut clock = Clock::new(cpu);
        let Planned { plan, shape, rule, .. } = &self.planned;
        let statement = Statement {
            context: self.context(key.verifying().id()),
            rule: release_rule(rule, self.noise.as_ref().map(Drawn::facts)).ok_or(PipelineError::NotNoised)?,
            // Of sums that no policy restrains there is nothing to say.
            first: rule.exact().map_or(SumParams::OFF, |params| params.sums[0]),
            cells: &self.cells,
            noise: self.noise.as_ref().map(|drawn| drawn.witness().clone()),
        };
        let material = Material { site: self.site, plan, shape, columns: &self.columns };
        let argued = argue(&material, statement, key, rng, progress, &mut clock)?;

        progress("checking the result as an auditor would", 0.97);
        let bundle = Bundle {
            format: BUNDLE_FORMAT.to_owned(),
            site: self.site.manifest.site().to_owned(),
            request: self.planned.request.clone(),
            approval: self.planned.approval.clone(),
            policy_floor: self.site.floor.clone(),
            schema: self.site.schema.clone(),
            manifest: self.site.manifest.clone(),
            epoch: self.site.epoch.clone(),
            proof: QueryProof {
                columns: argued.columns,
                multiplicities: argued.multiplicities,
                challenges: argued.challenges,
                column_opening: argued.column_opening,
                multiplicity_opening: argued.multiplicity_opening,
                groth16: argued.groth16,
                cells: self.cells.clone(),
                seed: self.noise.as_ref().map(|drawn| drawn.opening().clone()),
            },
            noise: self.noise.as_ref().map(|drawn| drawn.on_ledger().clone()),
            ledger: None,
        };
        verify_release(&bundle, anchors).map_err(Box::new)?;
        clock.lap("self-check");
        progress("done", 1.0);
        Ok((bundle, clock.phases, argued.selection))
    }

    fn context(&self, verifying_key: Digest) -> Digest {
        context(&self.planned, self.site, verifying_key, self.noise.as_ref().map(Drawn::facts))
    }
}

/// The digest that a proof starts from.
fn context(planned: &Planned<'_>, site: &Site<'_>, verifying_key: Digest, noise: Option<&NoiseFacts>) -> Digest {
    Context {
        request: planned.request,
        site: site.manifest.site(),
        plan: &planned.plan,
        approval: planned.approval,
        policy: &planned.policy,
        rule: &planned.rule,
        noise,
        shape: &planned.shape,
        verifying_key,
        manifest: site.manifest.digest(),
        epoch: site.epoch.digest(),
    }
    .digest()
}
