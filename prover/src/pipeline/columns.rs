//! The columns of a proof: registered ones, and those committed for this proof only.

use cohortium_circuits::prove::{LookupWitness, QueryWitness, RowColumn};
use cohortium_protocol::bundle::ColumnAtPoint;
use cohortium_protocol::commit::{ColumnCommitment, ColumnData, FoldedColumns, Layout, OpeningProof, SecretColumn};
use cohortium_protocol::field::F;
use cohortium_protocol::hash::Digest;
use cohortium_protocol::query::{ColumnId, Linear, Plan, QueryColumns, Source};
use cohortium_protocol::shape::Shape;
use cohortium_protocol::table::TAG_LIMBS;
use rand::{CryptoRng, RngCore};

use super::{PipelineError, RegisteredSecret, Site};

/// A column of the proof: registered, or made for this proof.
pub(super) struct ProofColumn<'a> {
    pub(super) id: ColumnId,
    pub(super) secret: &'a SecretColumn,
    pub(super) commitment: &'a ColumnCommitment,
}

/// A column made for this proof.
pub(super) struct MadeColumn {
    pub(super) id: ColumnId,
    pub(super) secret: SecretColumn,
    pub(super) commitment: ColumnCommitment,
}

impl MadeColumn {
    /// Among the columns of the proof.
    pub(super) fn of_proof(&self) -> ProofColumn<'_> {
        ProofColumn { id: self.id.clone(), secret: &self.secret, commitment: &self.commitment }
    }
}

/// Opens columns at a point: their values there, and what shows them.
pub(super) fn open(
    columns: &[ProofColumn<'_>],
    point: &[F],
    context: &Digest,
    rng: &mut (impl RngCore + CryptoRng),
) -> Result<(Vec<ColumnAtPoint>, OpeningProof), PipelineError> {
    let secrets: Vec<&SecretColumn> = columns.iter().map(|column| column.secret).collect();
    let commitments: Vec<&ColumnCommitment> = columns.iter().map(|column| column.commitment).collect();
    let folded = FoldedColumns::new(&secrets, point)?;
    let proof = folded.prove(context, &commitments, rng)?;
    let opened = columns
        .iter()
        .zip(folded.values())
        .map(|(column, value)| ColumnAtPoint {
            column: column.id.clone(),
            commitment: column.commitment.clone(),
            value: *value,
        })
        .collect();
    Ok((opened, proof))
}

/// A committed column as the argument takes it.
pub(super) fn plain(column: &SecretColumn) -> RowColumn {
    RowColumn {
        data: (0..column.data().len()).map(|row| column.data().get(row)).collect(),
        blind: column.blinding_rows().to_vec(),
    }
}

/// What the columns of a proof are made from.
pub(super) struct Material<'a> {
    pub(super) site: &'a Site<'a>,
    pub(super) plan: &'a Plan,
    pub(super) shape: &'a Shape,
    /// The columns that are made for this proof.
    pub(super) columns: &'a QueryColumns,
}

impl<'a> Material<'a> {
    fn registered(&self, id: &ColumnId) -> Result<&'a RegisteredSecret, PipelineError> {
        let list = match id.source {
            Source::Epoch => self.site.epoch_columns,
            _ => self.site.manifest_columns,
        };
        list.iter()
            .find(|column| column.name == id.name)
            .ok_or_else(|| PipelineError::Missing { column: id.to_string() })
    }

    /// Outputs of lookups, committed with fresh blinding.
    pub(super) fn commit_query_columns(
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
    pub(super) fn commit_multiplicities(
        &self,
        query_time: &[MadeColumn],
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<(Vec<LookupWitness>, Vec<MadeColumn>), PipelineError> {
        let layout = Layout::multiplicity(self.shape)?;
        let mut lookups = Vec::with_capacity(self.plan.lookups.len());
        let mut multiplicities = Vec::with_capacity(self.plan.lookups.len());
        for lookup in &self.plan.lookups {
            let input = self.row_column(&lookup.input, query_time)?;
            let output = self.row_column(&Linear::column(lookup.output.clone()), query_time)?;
            let counts = LookupWitness::count(&input, self.shape);
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
    pub(super) fn proof_columns<'b>(&self, query_time: &'b [MadeColumn]) -> Result<Vec<ProofColumn<'b>>, PipelineError>
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
                    Ok(made.of_proof())
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

    pub(super) fn witness(
        &self,
        columns: &[ProofColumn<'_>],
        lookups: Vec<LookupWitness>,
    ) -> Result<QueryWitness, PipelineError> {
        let find = |id: &ColumnId| -> Result<RowColumn, PipelineError> {
            columns
                .iter()
                .find(|column| column.id == *id)
                .map(|column| plain(column.secret))
                .ok_or_else(|| PipelineError::Missing { column: id.to_string() })
        };
        let group: Vec<(u32, RowColumn)> =
            self.plan.group_key().terms().map(|(c, id)| Ok((c, find(id)?))).collect::<Result<_, PipelineError>>()?;
        let measure = self.plan.y.as_ref().map(|measure| find(&measure.column)).transpose()?;
        Ok(QueryWitness {
            declared_rows: self.site.manifest.declared_rows(),
            lookups,
            selection: find(&ColumnId::selection())?,
            y: if self.plan.is_offer() { Some(tag(&find)?) } else { measure.map(|column| RowColumn::from(&column)) },
            z: self.plan.z.as_ref().map(|measure| find(&measure.column)).transpose()?,
            group: RowColumn::linear(group.iter().map(|(coefficient, column)| (*coefficient, column))),
            flags: self.plan.flags.iter().map(find).collect::<Result<_, _>>()?,
        })
    }
}

/// `V(tag)` on every row: the eight limbs as one number, the first the most significant.
fn tag(find: &impl Fn(&ColumnId) -> Result<RowColumn, PipelineError>) -> Result<RowColumn<u128>, PipelineError> {
    let limbs = (0..TAG_LIMBS).map(|limb| find(&ColumnId::tag(limb))).collect::<Result<Vec<_>, _>>()?;
    let weights = (0..TAG_LIMBS).rev().map(|place| 1u128 << (16 * place));
    Ok(RowColumn::linear(weights.zip(&limbs)))
}
