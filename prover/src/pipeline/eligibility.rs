//! From a study's criteria and one patient to a verified file of eligibility, in memory.
//!
//! As for answers, nothing in here writes a file or charges a budget. Who the patient is, in which row, and why one is refused,
//! is for the data officer; nothing of it is in the file.

use cohortium_circuits::nullifier::nullifier;
use cohortium_keys::ProvingKey;
use cohortium_protocol::commit::DatasetManifest;
use cohortium_protocol::documents::Approval;
use cohortium_protocol::eligibility::{
    ELIGIBILITY_FORMAT, EligibilityContext, EligibilityFile, EligibilityProof, Scope,
};
use cohortium_protocol::field::F;
use cohortium_protocol::hash::Digest;
use cohortium_protocol::policy::SumParams;
use cohortium_protocol::query::{ColumnId, Inputs, Plan, Query, QueryColumns, Role, Source, compile_offer};
use cohortium_protocol::shape::Shape;
use cohortium_protocol::statement::{OfferInputs, ReleaseRule};
use cohortium_protocol::table::{Table, Tag};
use cohortium_verifier::{Anchors, verify_eligibility};
use rand::{CryptoRng, RngCore};

use super::argue::{Statement, argue};
use super::clock::Clock;
use super::columns::Material;
use super::{Documents, PipelineError, Progress, Site};

/// What somebody is to be offered for.
#[derive(Clone, Copy)]
pub struct OfferAsked<'a> {
    /// The ledger's id, or that of the file exchange.
    pub ledger: &'a str,
    /// The study's criteria: a query that counts.
    pub query: &'a Query,
    /// The ethics board's approval.
    pub approval: &'a Approval,
    /// The salted hash of the patient's signed agreement.
    pub agreement: Digest,
}

/// An offer as its plan alone decides it: no data was touched.
pub struct PlannedOffer<'a> {
    asked: OfferAsked<'a>,
    scope: Scope,
    plan: Plan,
    shape: Shape,
    manifest: Digest,
    epoch: Digest,
}

/// An offer of a patient who meets the criteria: what would leave, before anything does.
pub struct PreparedOffer<'a> {
    planned: PlannedOffer<'a>,
    site: &'a Site<'a>,
    columns: QueryColumns,
    nullifier: F,
}

/// Compiles the criteria, and checks them and the approval against the site's own documents.
///
/// # Errors
/// Criteria that do not compile, or do more than count; an approval that does not permit them, or not this site.
pub fn plan_offer<'a>(asked: OfferAsked<'a>, documents: Documents<'_>) -> Result<PlannedOffer<'a>, PipelineError> {
    let OfferAsked { ledger, query, approval, .. } = asked;
    let Documents { schema, manifest, epoch, .. } = documents;
    approval.permits_query(query)?;
    approval.permits_site(manifest.site())?;
    let shape = offer_shape(manifest)?;
    let plan = compile_offer(query, schema, &approval.consent, &shape).map_err(Box::new)?;
    approval.permits(query, &plan)?;
    let scope = Scope {
        ledger: ledger.to_owned(),
        site: manifest.site().to_owned(),
        study: approval.study.clone(),
        sponsor: approval.sponsor.clone(),
    };
    Ok(PlannedOffer { asked, scope, plan, shape, manifest: manifest.digest(), epoch: epoch.digest() })
}

/// The shape of offers over a table version.
fn offer_shape(manifest: &DatasetManifest) -> Result<Shape, PipelineError> {
    let shape = manifest.shape();
    shape.eligible().ok_or(PipelineError::NoOfferShape { shape: shape.name })
}

impl PlannedOffer<'_> {
    /// The plan of the offer.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The shape of the proof.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Within what the nullifier is the patient's only one.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The registered columns that are opened at one point each, the tags among them: what the opening budget is charged with.
    pub fn opened_columns(&self) -> Vec<ColumnId> {
        self.plan.columns().into_iter().filter(|column| column.source != Source::Query).collect()
    }

    /// The digest that the proof starts from under a key: what the opening budget is charged for.
    pub fn context(&self, verifying_key: Digest) -> Digest {
        let OfferAsked { query, approval, agreement, .. } = self.asked;
        EligibilityContext {
            scope: &self.scope,
            query,
            plan: &self.plan,
            approval,
            shape: &self.shape,
            verifying_key,
            manifest: self.manifest,
            epoch: self.epoch,
            agreement,
        }
        .digest()
    }
}

/// Finds the patient with this tag, and makes sure that they consent and meet the criteria.
///
/// # Errors
/// A patient who is not in the table, does not consent, or does not meet the criteria: for the data officer's eyes only.
pub fn prepare_offer<'a>(
    planned: PlannedOffer<'a>,
    site: &'a Site<'a>,
    tag: &Tag,
) -> Result<PreparedOffer<'a>, PipelineError> {
    let row = row_of(site.table, tag).ok_or(PipelineError::NotInTable)?;
    let inputs = Inputs::new(site.schema, site.table, site.consents)?;
    let columns = planned.plan.offer_columns(&inputs, row)?;
    let consent = planned.plan.conditions.iter().find(|condition| condition.role == Role::Consent);
    let consents = consent.and_then(|consent| inputs.column(&consent.column)).is_some_and(|flags| flags[row] == 1);
    if !consents {
        return Err(PipelineError::NoConsent { consent: planned.asked.approval.consent.to_string() });
    }
    if columns.column(&ColumnId::selection()).is_none_or(|selected| selected[row] != 1) {
        return Err(PipelineError::NotEligible);
    }
    let nullifier = nullifier(tag, &planned.scope.digest());
    Ok(PreparedOffer { planned, site, columns, nullifier })
}

/// The row that bears a tag.
fn row_of(table: &Table, tag: &Tag) -> Option<usize> {
    let limbs = tag.limbs();
    (0..table.rows()).find(|row| table.tags().iter().zip(limbs).all(|(column, limb)| column[*row] == limb))
}

impl<'a> PreparedOffer<'a> {
    /// The offer as its plan alone decides it.
    pub fn planned(&self) -> &PlannedOffer<'a> {
        &self.planned
    }

    /// The patient's nullifier.
    pub fn nullifier(&self) -> F {
        self.nullifier
    }

    /// Makes the proof and the file, and checks the file as the sponsor would.
    ///
    /// Pass the operating system's generator: masks and nonces must be fresh in every run. Charge the opening
    /// budget durably before calling this.
    ///
    /// # Errors
    /// A key of another shape; a proof that cannot be made; a file that does not pass the check.
    pub fn prove(
        &self,
        key: &ProvingKey,
        anchors: &Anchors,
        rng: &mut (impl RngCore + CryptoRng),
        progress: &mut Progress<'_>,
    ) -> Result<EligibilityFile, PipelineError> {
        let PlannedOffer { asked, scope, plan, shape, .. } = &self.planned;
        let verifying_key = key.verifying().id();
        if key.verifying().shape().id() != shape.id() {
            return Err(PipelineError::KeyShape { required: shape.name, found: key.verifying().shape().name });
        }
        let statement = Statement {
            context: self.planned.context(verifying_key),
            rule: ReleaseRule::Offered(OfferInputs { scope: scope.digest(), nullifier: self.nullifier }),
            first: SumParams::OFF,
            cells: &[],
            noise: None,
        };
        let material = Material { site: self.site, plan, shape, columns: &self.columns };
        let argued = argue(&material, statement, key, rng, progress, &mut Clock::new(&|| 0.0))?;

        progress("checking the result as the sponsor would", 0.97);
        let file = EligibilityFile {
            format: ELIGIBILITY_FORMAT.to_owned(),
            scope: scope.clone(),
            query: asked.query.clone(),
            approval: asked.approval.clone(),
            schema: self.site.schema.clone(),
            manifest: self.site.manifest.clone(),
            epoch: self.site.epoch.clone(),
            verifying_key,
            agreement: asked.agreement,
            nullifier: self.nullifier,
            proof: EligibilityProof {
                columns: argued.columns,
                multiplicities: argued.multiplicities,
                challenges: argued.challenges,
                column_opening: argued.column_opening,
                multiplicity_opening: argued.multiplicity_opening,
                groth16: argued.groth16,
            },
        };
        verify_eligibility(&file, anchors).map_err(Box::new)?;
        progress("done", 1.0);
        Ok(file)
    }
}
