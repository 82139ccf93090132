//! The hospital's own secrets in a forger's hand.

use cohortium_protocol::bundle::{
    Bundle, COLUMN_OPENING, Context, MULTIPLICITY_OPENING, opening_context, query_commitments,
};
use cohortium_protocol::commit::{ColumnCommitment, FoldedColumns, Layout, SecretColumn};
use cohortium_protocol::policy::effective;
use cohortium_protocol::query::{ColumnId, Inputs, Source, compile};
use cohortium_protocol::shape::Shape;
use cohortium_prover::pipeline::RegisteredSecret;
use cohortium_tests::{Hospital, seeded};

use crate::common::{RICH_SEED, Rich};

/// The hospital's secrets behind the rich answer, remade.
pub(crate) struct Secrets {
    columns: Vec<(ColumnId, SecretColumn)>,
    pub(crate) multiplicities: Vec<SecretColumn>,
}

impl Secrets {
    /// Draws again what the pipeline drew: query-time columns, then multiplicities.
    pub(crate) fn of(rich: &Rich) -> Self {
        let rng = &mut seeded(RICH_SEED);
        let hospital = &rich.north;
        let inputs = Inputs::new(&hospital.schema, &hospital.table, &hospital.consents).unwrap();
        let plan = hospital.plan(&rich.query);
        let layout = *hospital.manifest.layout();
        let made = plan.query_columns(&inputs).unwrap();
        let columns: Vec<(ColumnId, SecretColumn)> = made
            .columns()
            .iter()
            .map(|(id, values)| (id.clone(), SecretColumn::query_time(layout, values.clone(), rng).unwrap()))
            .collect();
        let value = |id: &ColumnId, row: usize| {
            let held = inputs.column(id).or_else(|| made.column(id));
            u32::from(held.unwrap()[row])
        };
        let multiplicities = plan
            .lookups
            .iter()
            .map(|lookup| {
                let mut counts = vec![0u32; 1 << 16];
                for row in 0..inputs.rows() {
                    counts[lookup.input.terms().map(|(c, id)| c * value(id, row)).sum::<u32>() as usize] += 1;
                }
                let layout = Layout::multiplicity(&Shape::QUERY_12).unwrap();
                SecretColumn::query_time(layout, counts, rng).unwrap()
            })
            .collect();
        Self { columns, multiplicities }
    }

    /// Opens everything once more, for whatever the bundle's documents say now.
    pub(crate) fn reopen(&self, bundle: &mut Bundle, hospital: &Hospital) {
        let shape = Shape::by_name(&bundle.request.site(&bundle.site).unwrap().shape.name).unwrap();
        let plan = compile(&bundle.request.query, &bundle.schema, &bundle.approval.consent, &shape).unwrap();
        let policy = effective(Some(&bundle.policy_floor), Some(&bundle.approval.policy)).unwrap();
        let params = policy.release_params(&plan, &bundle.schema, bundle.approval.names(&plan)).unwrap();
        let context = Context {
            request: &bundle.request,
            site: &bundle.site,
            plan: &plan,
            approval: &bundle.approval,
            policy: &policy,
            rule: &params.into(),
            noise: None,
            shape: &shape,
            verifying_key: bundle.request.site(&bundle.site).unwrap().verifying_key,
            manifest: bundle.manifest.digest(),
            epoch: bundle.epoch.digest(),
        }
        .digest();
        let proof = &mut bundle.proof;
        let commitments = query_commitments(
            proof
                .columns
                .iter()
                .filter(|opened| opened.column.source == Source::Query)
                .map(|opened| (&opened.column, opened.commitment.digest())),
            proof.multiplicities.iter().map(|opened| (&opened.column, opened.commitment.digest())),
        );
        let secret = |id: &ColumnId| -> &SecretColumn {
            let registered = |list: &'_ [RegisteredSecret]| list.iter().position(|column| column.name == id.name);
            match id.source {
                Source::Manifest => &hospital.manifest_columns[registered(&hospital.manifest_columns).unwrap()].secret,
                Source::Epoch => &hospital.epoch_columns[registered(&hospital.epoch_columns).unwrap()].secret,
                Source::Query => &self.columns.iter().find(|(name, _)| name == id).unwrap().1,
            }
        };
        let columns: Vec<&SecretColumn> = proof.columns.iter().map(|opened| secret(&opened.column)).collect();
        let multiplicities: Vec<&SecretColumn> = self.multiplicities.iter().collect();
        let challenges = &proof.challenges;
        proof.column_opening = {
            let points: Vec<&ColumnCommitment> = proof.columns.iter().map(|opened| &opened.commitment).collect();
            let folded = FoldedColumns::new(&columns, &challenges.row_point).unwrap();
            let at = opening_context(&context, &commitments, COLUMN_OPENING);
            folded.prove(&at, &points, &mut rand::rngs::OsRng).unwrap()
        };
        proof.multiplicity_opening = {
            let points: Vec<&ColumnCommitment> = proof.multiplicities.iter().map(|opened| &opened.commitment).collect();
            let folded = FoldedColumns::new(&multiplicities, &challenges.value_point).unwrap();
            let at = opening_context(&context, &commitments, MULTIPLICITY_OPENING);
            folded.prove(&at, &points, &mut rand::rngs::OsRng).unwrap()
        };
    }
}
