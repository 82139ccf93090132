//! The rule of proofs about tables.

use cohortium_protocol::commit::budget::column_limit;
use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::{Member, Timestamp};
use cohortium_protocol::table_proof::{TableKind, TableProof, TableSubject};

use super::admit::Verification;
use super::refusal::Refusal;
use super::state::State;
use crate::table::verify_table;

impl State {
    /// A proof is about the member's active version or epoch, passes the check that an auditor runs, and its openings are charged.
    /// A second one of the same is the same statement again.
    pub(super) fn table_proof(
        &mut self,
        member: &Member,
        proof: &TableProof,
        time: Timestamp,
        verification: &Verification,
    ) -> Result<(), Refusal> {
        let unknown = |what: &'static str| Refusal::Unknown { what, name: format!("of {:?}", member.name) };
        let name = &proof.table;
        let site = self.sites.get(&member.name);
        let dataset = site.and_then(|site| site.tables.get(name)).ok_or_else(|| unknown("table"))?;
        let manifest = &dataset.manifest.document;
        let epoch = dataset.epoch.as_ref().map(|epoch| &epoch.document);
        let subject = match proof.kind {
            TableKind::Unique => TableSubject::Unique(manifest),
            TableKind::Flags => {
                let epoch = epoch.ok_or_else(|| unknown("consent epoch over the active table version"))?;
                TableSubject::flags(manifest, epoch)?
            }
        };
        let shape = manifest.shape().about_table();
        let key = shape.and_then(|shape| self.keys.iter().find(|key| *key.shape() == shape));
        let no_key = || Refusal::NoKey { shape: shape.map_or("of proofs about tables", |shape| shape.name).to_owned() };
        let key = key.ok_or_else(no_key)?;
        let development = self.charter.accept_development_keys;
        // What stands in the service's own log was verified when it was admitted.
        if !matches!(verification, Verification::OwnLog) {
            verify_table(proof, subject, &self.ledger, key, development).map_err(Box::new)?;
        }
        let mut charges: Vec<Digest> = Vec::new();
        for charge in subject.charges()? {
            let spent = self.accounts.get(&charge.commitment).map_or(0, |account| account.spent);
            let limit = column_limit(manifest.shape());
            if spent >= limit {
                let (site, column, left) = (member.name.clone(), charge.column.clone(), 0);
                return Err(Refusal::Budget { site, column, spent, limit, under: "in all", left });
            }
            charges.push(charge.commitment);
        }
        for commitment in charges {
            self.accounts.entry(commitment).or_default().spent += 1;
        }
        let kind = proof.kind;
        let site = self.sites.get_mut(&member.name);
        if let Some(dataset) = site.and_then(|site| site.tables.get_mut(name)) {
            match kind {
                // Since when, and not when last.
                TableKind::Unique => drop(dataset.unique.get_or_insert(time)),
                TableKind::Flags => drop(dataset.flags.get_or_insert(time)),
            }
        }
        Ok(())
    }
}
