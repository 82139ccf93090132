//! Plans, compiled when they are needed: they are large, and queries small. What a compilation needs is taken out of the
//! state, so that it can be done without it.

use std::collections::BTreeMap;
use std::sync::Arc;

use cohortium_protocol::documents::Approval;
use cohortium_protocol::documents::Request;
use cohortium_protocol::hash::Digest;
use cohortium_protocol::query::{ColumnId, Plan, Query, Signature, compile};
use cohortium_protocol::shape::Shape;
use cohortium_protocol::table::{ConsentColumn, Schema};

use super::refusal::Refusal;
use super::state::{Question, State};

/// Plans that are kept at one time, unless told otherwise: as many as there are shapes in use, with some to spare.
const KEPT: usize = 4;
/// Columns and signatures of so many plans are kept; beyond that all are forgotten, and worked out again when they are asked for.
const MAX_COLUMNS: usize = 4096;

/// What a question's plan at a site is compiled from.
#[derive(Clone, Debug)]
pub struct PlanSource {
    request: Arc<Request>,
    schema: Arc<Schema>,
    approval: Arc<Approval>,
    shape: Shape,
}

impl PlanSource {
    /// The plan.
    pub fn compile(&self) -> Result<Plan, Refusal> {
        Ok(compile(&self.request.query, &self.schema, &self.approval.consent, &self.shape)?)
    }
}

impl State {
    /// What a question's plan at a site is compiled from.
    pub fn plan_source(&self, question: &Question, site: &str) -> Result<PlanSource, Refusal> {
        let request = question.request.document.clone();
        let unknown = || Refusal::Unknown { what: "approval", name: request.approval.to_string() };
        let approval = self.studies.get(&request.approval).ok_or_else(unknown)?.approval.document.clone();
        let shape = request.site(site)?.standard_shape()?;
        Ok(PlanSource { schema: question.schema.clone(), request, approval, shape })
    }

    /// The plan of a query at a site, compiled again.
    pub fn plan(&self, question: &Question, site: &str) -> Result<Plan, Refusal> {
        self.plan_source(question, site)?.compile()
    }
}

/// What decides a plan: the query, the schema, the consent, the shape.
type Key = (Digest, Digest, String, Digest);

/// Compiles what was not compiled just before. A plan is kept only as long as others do not take its place, what is
/// small about it much longer. What is found is what compiling would make: everything that decides a plan is in its key.
#[derive(Debug)]
pub struct Plans {
    most: usize,
    kept: Vec<(Key, Arc<Plan>)>,
    columns: BTreeMap<Key, Arc<Vec<ColumnId>>>,
    signatures: BTreeMap<Key, Arc<Signature>>,
    compiled: usize,
}

impl Default for Plans {
    fn default() -> Self {
        Self::new()
    }
}

impl Plans {
    /// None yet.
    pub fn new() -> Self {
        Self::keeping(KEPT)
    }

    /// None yet, and so many plans at one time.
    pub fn keeping(most: usize) -> Self {
        Self { most: most.max(1), kept: Vec::new(), columns: BTreeMap::new(), signatures: BTreeMap::new(), compiled: 0 }
    }

    /// Compiles a plan ahead of when it is asked for. What is refused is refused again then.
    pub fn prepare(&mut self, source: &PlanSource) {
        let _ = self.columns(source);
    }

    /// How many compilations there were.
    pub fn compiled(&self) -> usize {
        self.compiled
    }

    /// The plan of a query.
    pub fn get(
        &mut self,
        query: &Query,
        schema: &Schema,
        consent: &ConsentColumn,
        shape: &Shape,
    ) -> Result<Arc<Plan>, Refusal> {
        self.at((query.digest(), schema.digest(), consent.to_string(), shape.id()), query, schema, consent, shape)
    }

    fn at(
        &mut self,
        key: Key,
        query: &Query,
        schema: &Schema,
        consent: &ConsentColumn,
        shape: &Shape,
    ) -> Result<Arc<Plan>, Refusal> {
        if let Some((_, plan)) = self.kept.iter().find(|(kept, _)| *kept == key) {
            return Ok(plan.clone());
        }
        self.compiled += 1;
        let plan = Arc::new(compile(query, schema, consent, shape)?);
        if self.kept.len() >= self.most {
            self.kept.remove(0);
        }
        self.kept.push((key, plan.clone()));
        Ok(plan)
    }

    /// The signature of a query's plan.
    pub(super) fn signature(
        &mut self,
        query: &Query,
        schema: &Schema,
        consent: &ConsentColumn,
        shape: &Shape,
    ) -> Result<Arc<Signature>, Refusal> {
        let key = (query.digest(), schema.digest(), consent.to_string(), shape.id());
        if let Some(signature) = self.signatures.get(&key) {
            return Ok(signature.clone());
        }
        let plan = self.at(key.clone(), query, schema, consent, shape)?;
        let signature = Arc::new(Signature::new(&plan, schema));
        if self.signatures.len() >= MAX_COLUMNS {
            self.signatures.clear();
        }
        self.signatures.insert(key, signature.clone());
        Ok(signature)
    }

    /// The columns that a question's plan at a site reads.
    pub(super) fn columns(&mut self, source: &PlanSource) -> Result<Arc<Vec<ColumnId>>, Refusal> {
        let PlanSource { request, schema, approval, shape } = source;
        let (query, consent) = (&request.query, &approval.consent);
        let key = (query.digest(), schema.digest(), consent.to_string(), shape.id());
        if let Some(columns) = self.columns.get(&key) {
            return Ok(columns.clone());
        }
        let columns = Arc::new(self.at(key.clone(), query, schema, consent, shape)?.columns());
        if self.columns.len() >= MAX_COLUMNS {
            self.columns.clear();
        }
        self.columns.insert(key, columns.clone());
        Ok(columns)
    }
}
