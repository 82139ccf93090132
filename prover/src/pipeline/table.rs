//! From stored columns to a proof about a whole table: that its tags are unique, or that an epoch's flags are 0 or 1.
//!
//! As with releases, nothing in here writes a file or charges a budget. [`TableJob`] is made before anything is charged, and
//! refuses what cannot be proved; [`TableJob::prove`] makes the proof and checks it as anybody would.

use ark_ff::UniformRand;
use cohortium_circuits::gadget;
use cohortium_circuits::prove::{Chain, LIMBS, LookupWitness, RowColumn, TableWitness, prove_table};
use cohortium_keys::ProvingKey;
use cohortium_protocol::bundle::{COLUMN_OPENING, MULTIPLICITY_OPENING, opening_context, query_commitments};
use cohortium_protocol::commit::budget::Charge;
use cohortium_protocol::commit::{ColumnData, Hedge, Layout, RegistryError, SecretColumn, ShapeRef};
use cohortium_protocol::field::F;
use cohortium_protocol::query::{ColumnId, Source};
use cohortium_protocol::shape::Shape;
use cohortium_protocol::statement::TableChallenges;
use cohortium_protocol::table_proof::{
    TABLE_PROOF_FORMAT, TableContext, TableDerivation, TableKind, TableProof, TableSubject,
};
use cohortium_verifier::verify_table;
use rand::{CryptoRng, RngCore};
use zeroize::Zeroizing;

use super::argue::{stage_fraction, stage_name};
use super::clock::{Clock, Phase};
use super::columns::{MadeColumn, ProofColumn, open, plain};
use super::{PipelineError, Progress, RegisteredSecret};

/// The way from each row's tag to the next larger one.
struct Steps {
    /// Eight limb columns, the most significant first.
    limbs: [Zeroizing<Vec<u16>>; LIMBS],
    /// The smallest tag, and the largest and one.
    ends: Zeroizing<[F; 2]>,
}

/// A proof about a table that can be made.
pub struct TableJob<'a> {
    subject: TableSubject<'a>,
    ledger: &'a str,
    shape: Shape,
    /// In the subject's order.
    registered: Vec<&'a RegisteredSecret>,
    /// Where tags are proved unique.
    steps: Option<Steps>,
}

impl Steps {
    /// Refuses equal tags, without a word about whose they are.
    fn new(tags: &[&RegisteredSecret]) -> Result<Self, PipelineError> {
        let rows = tags.first().map_or(0, |limb| limb.secret.data().len());
        let tag = |row: usize| tags.iter().fold(0u128, |tag, limb| tag << 16 | u128::from(limb.secret.data().get(row)));
        let mut sorted = Zeroizing::new((0..rows).map(|row| (tag(row), row)).collect::<Vec<(u128, usize)>>());
        sorted.sort_unstable();
        if sorted.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return Err(PipelineError::EqualTags);
        }
        let mut limbs: [Zeroizing<Vec<u16>>; LIMBS] = std::array::from_fn(|_| Zeroizing::new(vec![0; rows]));
        for pair in sorted.windows(2) {
            let step = pair[1].0 - pair[0].0 - 1;
            for (place, limb) in limbs.iter_mut().rev().enumerate() {
                limb[pair[0].1] = (step >> (16 * place)) as u16;
            }
        }
        let ends = match (sorted.first(), sorted.last()) {
            (Some((first, _)), Some((last, _))) => [F::from(*first), F::from(*last) + F::from(1u64)],
            // No row, no chain: it ends where it starts.
            _ => [F::from(0u64); 2],
        };
        Ok(Self { limbs, ends: Zeroizing::new(ends) })
    }
}

impl<'a> TableJob<'a> {
    /// Checks that the proof can be made. `held` are the registered columns that the subject opens, in any order: the tag
    /// limbs, or the epoch's flags.
    ///
    /// # Errors
    /// A column that is not held, a shape about whose tables nothing is proved, or two rows with one tag.
    pub fn new(
        subject: TableSubject<'a>,
        ledger: &'a str,
        held: &'a [RegisteredSecret],
    ) -> Result<Self, PipelineError> {
        let table = subject.manifest().shape();
        let shape = table.about_table().ok_or(PipelineError::NoTableShape { shape: table.name })?;
        let find = |id: &ColumnId| {
            held.iter()
                .find(|column| column.name == id.name)
                .ok_or_else(|| PipelineError::Missing { column: id.to_string() })
        };
        let registered: Vec<&RegisteredSecret> = subject
            .columns()
            .iter()
            .filter(|column| column.source != Source::Query)
            .map(find)
            .collect::<Result<_, _>>()?;
        let steps = match subject.kind() {
            TableKind::Unique => Some(Steps::new(&registered)?),
            TableKind::Flags => None,
        };
        Ok(Self { subject, ledger, shape, registered, steps })
    }

    /// The shape of the proof.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// What the opening budget is charged with: a point of each registered column.
    pub fn charges(&self) -> Result<Vec<Charge>, RegistryError> {
        self.subject.charges()
    }

    /// Makes the proof, and checks it as anybody would who holds the registered documents and the key.
    ///
    /// Pass the operating system's generator, and charge the opening budget durably before calling this.
    pub fn prove(
        &self,
        key: &ProvingKey,
        rng: &mut (impl RngCore + CryptoRng),
        progress: &mut Progress<'_>,
    ) -> Result<TableProof, PipelineError> {
        self.prove_timed(key, rng, progress, &|| 0.0).map(|(proof, _)| proof)
    }

    /// The same, with the time each phase took; `cpu` reads the process's CPU-seconds so far.
    pub fn prove_timed(
        &self,
        key: &ProvingKey,
        rng: &mut (impl RngCore + CryptoRng),
        progress: &mut Progress<'_>,
        cpu: &dyn Fn() -> f64,
    ) -> Result<(TableProof, Vec<Phase>), PipelineError> {
        let Self { subject, ledger, shape, .. } = self;
        if key.verifying().shape() != shape {
            return Err(PipelineError::KeyShape { required: shape.name, found: key.verifying().shape().name });
        }
        let mut clock = Clock::new(cpu);
        progress("committing to the steps between tags", 0.0);
        let (made, multiplicities) = self.commit(rng)?;
        clock.lap("commit");

        let registered = self.registered.iter().zip(subject.columns()).map(|(held, id)| ProofColumn {
            id,
            secret: &held.secret,
            commitment: &held.commitment,
        });
        let columns: Vec<ProofColumn<'_>> = registered.chain(made.iter().map(MadeColumn::of_proof)).collect();
        let multiplicities: Vec<ProofColumn<'_>> = multiplicities.iter().map(MadeColumn::of_proof).collect();
        let verifying_key = key.verifying().id();
        let context = TableContext { subject: *subject, ledger, shape, verifying_key }.digest();
        let commitments = query_commitments(
            made.iter().map(|column| (&column.id, column.commitment.digest())),
            multiplicities.iter().map(|column| (&column.id, column.commitment.digest())),
        );
        // Uniform, and another one for other contents even from a generator that repeats itself.
        let hedge = Hedge::new("transcript nonce", rng).digest(&context).digest(&commitments);
        let secrets = columns.iter().map(|column| column.secret.blinding_rows());
        let nonce = F::rand(&mut secrets.fold(hedge, Hedge::elements).generator());
        let witness = self.witness(&columns, &multiplicities);
        let argument = prove_table(shape, &witness, &context, &commitments, nonce, &mut |stage| {
            progress(stage_name(stage), 0.15 + 0.5 * stage_fraction(stage));
        });
        drop(witness);
        clock.lap("argument");

        progress("opening columns", 0.65);
        let at = &argument.challenges;
        let opening = |which| opening_context(&context, &commitments, which);
        let (opened, column_opening) = open(&columns, &at.row_point, &opening(COLUMN_OPENING), rng)?;
        let (opened_multiplicities, multiplicity_opening) = if multiplicities.is_empty() {
            (Vec::new(), None)
        } else {
            let context = opening(MULTIPLICITY_OPENING);
            let (opened, opening) = open(&multiplicities, &at.value_point, &context, rng)?;
            (opened, Some(opening))
        };
        clock.lap("openings");

        progress("proving that the check of all this succeeds", 0.75);
        let public = TableDerivation {
            subject: *subject,
            shape,
            context,
            commitments,
            challenges: argument.challenges.clone().into(),
            columns: &opened,
            multiplicities: &opened_multiplicities,
        }
        .public()?
        .encode(shape)?;
        let (assignment, _) = gadget::assignment(shape, &public, &argument.messages);
        let assignment = Zeroizing::new(assignment);
        if !key.is_satisfied(&assignment) {
            return Err(PipelineError::Unsatisfied);
        }
        let groth16 = key.prove(&assignment, rng)?;
        clock.lap("groth16");

        progress("checking the result as anybody would", 0.97);
        let manifest = subject.manifest();
        let proof = TableProof {
            format: TABLE_PROOF_FORMAT.to_owned(),
            kind: subject.kind(),
            ledger: (*ledger).to_owned(),
            site: manifest.site().to_owned(),
            table: manifest.table().to_owned(),
            manifest: manifest.digest(),
            epoch: subject.epoch().map(|epoch| epoch.digest()),
            shape: ShapeRef::to(shape),
            verifying_key,
            columns: opened,
            multiplicities: opened_multiplicities,
            challenges: TableChallenges::from(argument.challenges).into(),
            column_opening,
            multiplicity_opening,
            groth16: groth16.to_base64(),
        };
        verify_table(&proof, *subject, ledger, key.verifying(), true).map_err(Box::new)?;
        clock.lap("self-check");
        progress("done", 1.0);
        Ok((proof, clock.phases))
    }

    /// Steps and their multiplicities, committed with fresh blinding; nothing where flags are proved.
    fn commit(
        &self,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<(Vec<MadeColumn>, Vec<MadeColumn>), PipelineError> {
        let (mut made, mut multiplicities) = (Vec::new(), Vec::new());
        let Some(steps) = &self.steps else { return Ok((made, multiplicities)) };
        let values = Layout::multiplicity(&self.shape)?;
        let commit = |id: &ColumnId, layout: Layout, data: ColumnData, rng: &mut _| {
            let secret = SecretColumn::query_time(layout, data, rng)?;
            let commitment = secret.commit();
            Ok::<_, PipelineError>(MadeColumn { id: id.clone(), secret, commitment })
        };
        for (id, limb) in self.subject.steps().iter().zip(&steps.limbs) {
            let mut counts = vec![0u32; self.shape.values()];
            limb.iter().for_each(|value| counts[usize::from(*value)] += 1);
            made.push(commit(id, *self.subject.layout(), limb.to_vec().into(), rng)?);
            multiplicities.push(commit(id, values, counts.into(), rng)?);
        }
        Ok((made, multiplicities))
    }

    /// `columns` are the proof's, in the subject's order.
    fn witness(&self, columns: &[ProofColumn<'_>], multiplicities: &[ProofColumn<'_>]) -> TableWitness {
        let declared_rows = self.subject.manifest().declared_rows();
        let columns: Vec<RowColumn> = columns.iter().map(|column| plain(column.secret)).collect();
        let Some(steps) = &self.steps else {
            return TableWitness { declared_rows, lookups: Vec::new(), chain: None, flags: columns };
        };
        let limbs = |from: usize| std::array::from_fn(|limb| columns[from + limb].clone());
        let chain = Chain::new(&self.shape, &limbs(0), &limbs(LIMBS), *steps.ends);
        let range = |(step, counts): (RowColumn, &ProofColumn<'_>)| {
            let occurs = (0..self.shape.values()).map(|value| counts.secret.data().get(value)).collect();
            LookupWitness::range(step, &self.shape, occurs, counts.secret.blinding_rows().to_vec())
        };
        let lookups = columns.into_iter().skip(LIMBS).zip(multiplicities).map(range).collect();
        TableWitness { declared_rows, lookups, chain: Some(chain), flags: Vec::new() }
    }
}
