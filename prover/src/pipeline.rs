//! From a request to a verified bundle: `Planned -> Committed -> Proven`, in memory.
//!
//! Nothing in here writes a file or charges a budget; the commands do, between the stages. [`Prepared`] is
//! what will leave, before it leaves; [`Prepared::prove`] makes the bundle and checks it as an auditor would.

use std::time::Instant;

use cohortium_circuits::gadget;
use cohortium_circuits::prove::{self, LookupWitness, QueryWitness, RowColumn, Stage};
use cohortium_keys::{ProveError, ProvingKey};
use cohortium_protocol::bundle::{
    BUNDLE_FORMAT, Bundle, COLUMN_OPENING, ColumnAtPoint, Context, Derivation, DeriveError, MULTIPLICITY_OPENING,
    QueryProof, opening_context, query_commitments,
};

use ark_ff::UniformRand;
use cohortium_protocol::commit::{
    ColumnCommitment, ColumnData, ColumnError, ConsentEpoch, DatasetManifest, FoldedColumns, Layout, LayoutError,
    OpeningError, SecretColumn,
};
use cohortium_protocol::documents::{Approval, ApprovalError, Request, RequestError};
use cohortium_protocol::field::F;
use cohortium_protocol::hash::Digest;
use cohortium_protocol::policy::{EffectivePolicy, GroupCells, Policy, PolicyError, ReleaseParams, effective, release};
use cohortium_protocol::query::{
    ColumnId, ColumnsError, CompileError, Inputs, Linear, Plan, PlanError, QueryColumns, Source, compile,
};
use cohortium_protocol::shape::Shape;
use cohortium_protocol::statement::LengthError;
use cohortium_protocol::table::{ConsentTable, Schema, Table};
use cohortium_verifier::{Anchors, AuditError, verify_release};
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

/// Why a request is not answered.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// The request does not fit this site's data.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The approval does not permit the query.
    #[error("the approval does not permit this query: {0}")]
    Approval(#[from] ApprovalError),
    /// The query does not compile.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// The plan does not pass its checks.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The policy refuses.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The plan does not fit the table.
    #[error(transparent)]
    Columns(#[from] ColumnsError),
    /// A column that the site does not hold.
    #[error("the site holds no committed column {column}")]
    Missing {
        /// Which one.
        column: String,
    },
    /// A query-time column could not be committed.
    #[error(transparent)]
    Column(#[from] ColumnError),
    /// The shape has no layout.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// An opening could not be made.
    #[error(transparent)]
    Opening(#[from] OpeningError),
    /// Public inputs could not be derived.
    #[error(transparent)]
    Derive(#[from] DeriveError),
    /// Lists of other lengths than the shape's.
    #[error(transparent)]
    Length(#[from] LengthError),
    /// The key is not the one that the request names.
    #[error("the request names the verifying key {required}, the key at hand is {found}")]
    Key {
        /// The request's.
        required: Digest,
        /// The key's.
        found: Digest,
    },
    /// The proof could not be made.
    #[error(transparent)]
    Prove(#[from] ProveError),
    /// The statement is not satisfied by the data: a fault of the site's data, or of this program.
    #[error(
        "the proof's constraints are not satisfied by this table: a committed column differs from the table, or a \
         value is beyond its domain; nothing was released"
    )]
    Unsatisfied,
    /// The bundle does not pass the auditor's own check.
    #[error("the finished bundle does not pass the audit, so it is not released: {0}")]
    SelfCheck(#[from] Box<AuditError>),
}

/// A stage of the work with its measured wall time, for benchmarks.
#[derive(Clone, Debug)]
pub struct Phase {
    /// What was done.
    pub name: &'static str,
    /// Wall seconds.
    pub seconds: f64,
    /// CPU-seconds of the process, if the caller gave a way to read them.
    pub cpu_seconds: f64,
}

/// Progress of a proof: a name for people, and how much of the whole is done, from 0 to 1.
pub type Progress<'a> = dyn FnMut(&str, f64) + 'a;

/// A planned release: what would leave, before anything does.
pub struct Prepared<'a> {
    site: &'a Site<'a>,
    request: &'a Request,
    approval: &'a Approval,
    plan: Plan,
    shape: Shape,
    policy: EffectivePolicy,
    params: ReleaseParams,
    columns: QueryColumns,
    cells: Vec<GroupCells>,
}

/// Recompiles the query, checks request, approval and policy against the site's own documents, and computes
/// what would be released.
pub fn prepare<'a>(
    request: &'a Request,
    approval: &'a Approval,
    site: &'a Site<'a>,
) -> Result<Prepared<'a>, PipelineError> {
    let pin = request.site(site.manifest.site())?;
    request.pinned("manifest", pin.manifest, site.manifest.digest())?;
    request.pinned("consent epoch", pin.epoch, site.epoch.digest())?;
    request.pinned("policy floor", pin.policy_floor, site.floor.digest())?;
    let shape = pin.standard_shape()?;
    request.pinned("shape", shape.id(), site.manifest.shape().id())?;
    let plan = compile(&request.query, site.schema, &approval.consent, &shape)?;
    request.binds(approval, site.schema, &plan)?;
    plan.check(&shape)?;
    approval.permits(&request.query, &plan)?;
    let policy = effective(Some(site.floor), Some(&approval.policy))?;
    let params = policy.release_params(&plan, site.schema, approval.names(&plan))?;
    let inputs = Inputs::new(site.schema, site.table, site.consents)?;
    let columns = plan.query_columns(&inputs)?;
    let aggregates = plan.aggregates(&inputs, &columns)?;
    let cells = release(aggregates.groups(), &params);
    Ok(Prepared { site, request, approval, plan, shape, policy, params, columns, cells })
}

/// A column of the proof: registered, or made for this proof.
struct ProofColumn<'a> {
    id: ColumnId,
    secret: &'a SecretColumn,
    commitment: &'a ColumnCommitment,
}

impl<'a> Prepared<'a> {
    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The shape of the proof.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The release rule's numbers.
    pub fn params(&self) -> &ReleaseParams {
        &self.params
    }

    /// What would be released.
    pub fn cells(&self) -> &[GroupCells] {
        &self.cells
    }

    /// The registered columns that are opened at one point each: what the opening budget is charged with.
    pub fn opened_columns(&self) -> Vec<ColumnId> {
        self.plan.columns().into_iter().filter(|column| column.source != Source::Query).collect()
    }

    /// The counts of rows that implied conditions leave out; exact, for the hospital's own eyes.
    pub fn left_out(&self) -> Result<Vec<(String, u64)>, PipelineError> {
        let inputs = Inputs::new(self.site.schema, self.site.table, self.site.consents)?;
        Ok(self.plan.left_out(&inputs, &self.columns)?)
    }

    fn registered(&self, id: &ColumnId) -> Result<&'a RegisteredSecret, PipelineError> {
        let list = match id.source {
            Source::Epoch => self.site.epoch_columns,
            _ => self.site.manifest_columns,
        };
        list.iter()
            .find(|column| column.name == id.name)
            .ok_or_else(|| PipelineError::Missing { column: id.to_string() })
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

    /// The same, with the time each phase took; `cpu` reads the process's CPU-seconds so far.
    pub fn prove_timed(
        &self,
        key: &ProvingKey,
        anchors: &Anchors,
        rng: &mut (impl RngCore + CryptoRng),
        progress: &mut Progress<'_>,
        cpu: &dyn Fn() -> f64,
    ) -> Result<(Bundle, Vec<Phase>), PipelineError> {
        let required = self.request.site(self.site.manifest.site())?.verifying_key;
        if key.verifying().id() != required {
            return Err(PipelineError::Key { required, found: key.verifying().id() });
        }
        let mut clock = Clock::new(cpu);

        progress("committing to the query's columns", 0.0);
        let layout = *self.site.manifest.layout();
        let query_time = self.commit_query_columns(layout, rng)?;
        clock.lap("commit query columns");
        let (lookups, multiplicities) = self.commit_multiplicities(&query_time, rng)?;
        clock.lap("commit multiplicities");

        let columns = self.proof_columns(&query_time)?;
        let context = self.context(key.verifying().id());
        let commitments = query_commitments(
            columns.iter().filter(|c| c.id.source == Source::Query).map(|c| (&c.id, c.commitment.digest())),
            multiplicities.iter().map(|column| (&column.id, column.commitment.digest())),
        );

        let witness = self.witness(&columns, lookups)?;
        clock.lap("witness");
        let argument = prove::prove(&self.shape, &witness, &context, &commitments, F::rand(rng), &mut |stage| {
            progress(stage_name(stage), 0.15 + 0.5 * stage_fraction(stage));
        });
        drop(witness);
        clock.lap("argument");

        progress("opening columns", 0.65);
        let at = &argument.challenges;
        let secrets: Vec<&SecretColumn> = columns.iter().map(|column| column.secret).collect();
        let points: Vec<&ColumnCommitment> = columns.iter().map(|column| column.commitment).collect();
        let folded = FoldedColumns::new(&secrets, &at.row_point)?;
        let column_opening = folded.prove(&opening_context(&context, &commitments, COLUMN_OPENING), &points, rng)?;
        let opened: Vec<ColumnAtPoint> = columns
            .iter()
            .zip(folded.values())
            .map(|(column, value)| ColumnAtPoint {
                column: column.id.clone(),
                commitment: column.commitment.clone(),
                value: *value,
            })
            .collect();
        let secrets: Vec<&SecretColumn> = multiplicities.iter().map(|column| &column.secret).collect();
        let points: Vec<&ColumnCommitment> = multiplicities.iter().map(|column| &column.commitment).collect();
        let folded = FoldedColumns::new(&secrets, &at.value_point)?;
        let multiplicity_opening =
            folded.prove(&opening_context(&context, &commitments, MULTIPLICITY_OPENING), &points, rng)?;
        let opened_multiplicities: Vec<ColumnAtPoint> = multiplicities
            .iter()
            .zip(folded.values())
            .map(|(column, value)| ColumnAtPoint {
                column: column.id.clone(),
                commitment: column.commitment.clone(),
                value: *value,
            })
            .collect();
        clock.lap("openings");

        progress("proving that the check of all this succeeds", 0.75);
        let public = Derivation {
            plan: &self.plan,
            shape: &self.shape,
            declared_rows: self.site.manifest.declared_rows(),
            context,
            commitments,
            params: self.params,
            challenges: argument.challenges.clone(),
            columns: &opened,
            multiplicities: &opened_multiplicities,
            cells: &self.cells,
        }
        .public()?
        .encode(&self.shape)?;
        let (assignment, _) = gadget::assignment(&self.shape, &public, &argument.messages);
        let assignment = zeroize::Zeroizing::new(assignment);
        clock.lap("assignment");
        if !key.is_satisfied(&assignment) {
            return Err(PipelineError::Unsatisfied);
        }
        let groth16 = key.prove(&assignment, rng)?;
        clock.lap("groth16");

        progress("checking the result as an auditor would", 0.97);
        let bundle = Bundle {
            format: BUNDLE_FORMAT.to_owned(),
            site: self.site.manifest.site().to_owned(),
            request: self.request.clone(),
            approval: self.approval.clone(),
            policy_floor: self.site.floor.clone(),
            schema: self.site.schema.clone(),
            manifest: self.site.manifest.clone(),
            epoch: self.site.epoch.clone(),
            proof: QueryProof {
                columns: opened,
                multiplicities: opened_multiplicities,
                challenges: argument.challenges.into(),
                column_opening,
                multiplicity_opening,
                groth16: groth16.to_base64(),
                cells: self.cells.clone(),
            },
        };
        verify_release(&bundle, anchors).map_err(Box::new)?;
        clock.lap("self-check");
        progress("done", 1.0);
        Ok((bundle, clock.phases))
    }

    fn context(&self, verifying_key: Digest) -> Digest {
        Context {
            request: self.request,
            site: self.site.manifest.site(),
            plan: &self.plan,
            approval: self.approval,
            policy: &self.policy,
            params: &self.params,
            shape: &self.shape,
            verifying_key,
            manifest: self.site.manifest.digest(),
            epoch: self.site.epoch.digest(),
        }
        .digest()
    }

    /// Outputs of lookups, committed with fresh blinding.
    fn commit_query_columns(
        &self,
        layout: Layout,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<Vec<MadeColumn>, PipelineError> {
        self.columns
            .columns()
            .iter()
            .map(|(id, values)| {
                let secret = SecretColumn::query_time(layout, values.clone(), rng)?;
                let commitment = secret.commit();
                Ok(MadeColumn { id: id.clone(), secret, commitment })
            })
            .collect()
    }

    /// How often each table entry is used, committed with fresh masks.
    fn commit_multiplicities(
        &self,
        query_time: &[MadeColumn],
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<(Vec<LookupWitness>, Vec<MadeColumn>), PipelineError> {
        let layout = Layout::multiplicity(&self.shape)?;
        let mut lookups = Vec::with_capacity(self.plan.lookups.len());
        let mut multiplicities = Vec::with_capacity(self.plan.lookups.len());
        for lookup in &self.plan.lookups {
            let input = self.row_column(&lookup.input, query_time)?;
            let output = self.row_column(&Linear::column(lookup.output.clone()), query_time)?;
            let counts = LookupWitness::count(&input, &self.shape);
            let secret = SecretColumn::query_time(layout, ColumnData::from(counts.clone()), rng)?;
            let commitment = secret.commit();
            lookups.push(LookupWitness {
                input,
                output,
                table: lookup.table.expand(self.shape.values()),
                counts,
                mask: secret.blinding_rows().to_vec(),
            });
            multiplicities.push(MadeColumn { id: lookup.output.clone(), secret, commitment });
        }
        Ok((lookups, multiplicities))
    }

    /// Every column of the plan, in its order.
    fn proof_columns<'b>(&self, query_time: &'b [MadeColumn]) -> Result<Vec<ProofColumn<'b>>, PipelineError>
    where
        'a: 'b,
    {
        self.plan
            .columns()
            .into_iter()
            .map(|id| {
                if id.source == Source::Query {
                    let made = query_time
                        .iter()
                        .find(|made| made.id == id)
                        .ok_or_else(|| PipelineError::Missing { column: id.to_string() })?;
                    Ok(ProofColumn { id, secret: &made.secret, commitment: &made.commitment })
                } else {
                    let held = self.registered(&id)?;
                    Ok(ProofColumn { id, secret: &held.secret, commitment: &held.commitment })
                }
            })
            .collect()
    }

    fn secret<'b>(&self, id: &ColumnId, query_time: &'b [MadeColumn]) -> Result<&'b SecretColumn, PipelineError>
    where
        'a: 'b,
    {
        match query_time.iter().find(|made| made.id == *id) {
            Some(made) => Ok(&made.secret),
            None => Ok(&self.registered(id)?.secret),
        }
    }

    fn row_column(&self, linear: &Linear, query_time: &[MadeColumn]) -> Result<RowColumn, PipelineError> {
        let terms = linear
            .terms()
            .map(|(coefficient, id)| Ok((coefficient, plain(self.secret(id, query_time)?))))
            .collect::<Result<Vec<_>, PipelineError>>()?;
        Ok(RowColumn::linear(terms.iter().map(|(coefficient, column)| (*coefficient, column))))
    }

    fn witness(&self, columns: &[ProofColumn<'_>], lookups: Vec<LookupWitness>) -> Result<QueryWitness, PipelineError> {
        let find = |id: &ColumnId| -> Result<RowColumn, PipelineError> {
            columns
                .iter()
                .find(|column| column.id == *id)
                .map(|column| plain(column.secret))
                .ok_or_else(|| PipelineError::Missing { column: id.to_string() })
        };
        let group: Vec<(u32, RowColumn)> =
            self.plan.group_key().terms().map(|(c, id)| Ok((c, find(id)?))).collect::<Result<_, PipelineError>>()?;
        Ok(QueryWitness {
            declared_rows: self.site.manifest.declared_rows(),
            lookups,
            selection: find(&ColumnId::selection())?,
            y: self.plan.y.as_ref().map(|measure| find(&measure.column)).transpose()?,
            z: self.plan.z.as_ref().map(|measure| find(&measure.column)).transpose()?,
            group: RowColumn::linear(group.iter().map(|(coefficient, column)| (*coefficient, column))),
            flags: self.plan.flags.iter().map(find).collect::<Result<_, _>>()?,
        })
    }
}

/// A column made for this proof.
struct MadeColumn {
    id: ColumnId,
    secret: SecretColumn,
    commitment: ColumnCommitment,
}

/// A committed column as the argument takes it.
fn plain(column: &SecretColumn) -> RowColumn {
    RowColumn {
        data: (0..column.data().len()).map(|row| column.data().get(row)).collect(),
        blind: column.blinding_rows().to_vec(),
    }
}

fn stage_name(stage: Stage) -> &'static str {
    match stage {
        Stage::Trees => "growing the fraction trees",
        Stage::Layer(..) => "walking the fraction trees",
        Stage::Rows => "settling the rows",
        Stage::Tables => "settling the tables",
    }
}

/// How much of the argument is done. The last layers hold nearly all of the work.
fn stage_fraction(stage: Stage) -> f64 {
    match stage {
        Stage::Trees => 0.0,
        Stage::Layer(layer, layers) => 0.2 + 0.6 * 0.5f64.powi((layers - layer) as i32 - 1),
        Stage::Rows => 0.8,
        Stage::Tables => 0.98,
    }
}

/// Measures phases.
struct Clock<'a> {
    cpu: &'a dyn Fn() -> f64,
    last: (Instant, f64),
    phases: Vec<Phase>,
}

impl<'a> Clock<'a> {
    fn new(cpu: &'a dyn Fn() -> f64) -> Self {
        Self { cpu, last: (Instant::now(), cpu()), phases: Vec::new() }
    }

    fn lap(&mut self, name: &'static str) {
        let now = (Instant::now(), (self.cpu)());
        self.phases.push(Phase {
            name,
            seconds: (now.0 - self.last.0).as_secs_f64(),
            cpu_seconds: now.1 - self.last.1,
        });
        self.last = now;
    }
}
