//! Admission: the rules by which a transaction changes the state, or is refused and changes nothing.
//!
//! A pure function of state, transaction and the block's time. The ledger service applies it before it writes; an
//! auditor applies it again to an export, and so finds what a service let through.

use cohortium_protocol::commit::{ConsentEpoch, DatasetManifest};
use cohortium_protocol::documents::Approval;
use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::{Batch, Charter, Member, Role, Statement, Timestamp, Transaction, leaf_hash};
use cohortium_protocol::policy::Policy;
use cohortium_protocol::table::Schema;

use super::beacon::Whose;
use super::consents::check_record;
use super::plans::Plans;
use super::refusal::Refusal;
use super::state::{Asked, Dataset, Decision, Floor, Posted, Question, Released, Seeds, State, Study};
use crate::verify::VerifiedRelease;

/// What was admitted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Admitted {
    /// The transaction's id.
    pub id: Digest,
    /// Its place among all transactions.
    pub index: u64,
}

/// Whether a release's proof has been verified.
#[derive(Debug)]
pub enum Verification {
    /// It is no release.
    NotNeeded,
    /// It is a release, and this is what verifying it gave.
    Verified(Box<VerifiedRelease>),
    /// It is read from the service's own log, whose blocks bear the service's own signature: it was verified when it
    /// was admitted. Never for anything that comes from elsewhere.
    OwnLog,
}

impl State {
    /// Admits a transaction into the block that is being made, at the block's time.
    pub fn admit(
        &mut self,
        transaction: &Transaction,
        time: Timestamp,
        verification: &Verification,
    ) -> Result<Admitted, Refusal> {
        self.admit_with(transaction, time, verification, &mut Plans::new())
    }

    /// The same with plans that were compiled before; it makes no difference but for the time that it takes.
    pub fn admit_with(
        &mut self,
        transaction: &Transaction,
        time: Timestamp,
        verification: &Verification,
        plans: &mut Plans,
    ) -> Result<Admitted, Refusal> {
        transaction.check()?;
        let id = transaction.id();
        let member = self.check_member(transaction, &id)?.clone();
        let index = self.tree.len();
        match &transaction.statement {
            Statement::Manifest { manifest, schema } => self.manifest(&member, manifest, schema, index, time)?,
            Statement::Epoch { epoch } => self.epoch(&member, epoch, index, time)?,
            Statement::Consents { number, leaves, root } => {
                let batch = Batch { number: *number, leaves: *leaves, root: *root };
                self.consents(&member, batch, index, time)?;
            }
            Statement::TableProof { proof } => self.table_proof(&member, proof, time, verification)?,
            Statement::Floor { number, policy } => self.floor(&member, *number, policy, index, time)?,
            Statement::Seeds { number, leaves, root } => {
                self.seeds(&member, (*number, *leaves, *root), index, time)?;
            }
            Statement::Study { approval } => self.study(&member, approval, index, time)?,
            Statement::Suspend { approval, reason } => self.suspend(&member, approval, reason, time)?,
            Statement::Query { request } => {
                let question = self.check_query(&member, (request, request.sites.len()), id, (index, time), plans)?;
                self.enter_query(question);
            }
            Statement::Hold { request, reason } => {
                let asked = self.undecided(&member, request, time)?;
                asked.held = Some((time, reason.clone()));
            }
            Statement::Accept { request } => self.accept(&member, request, (index, time), plans)?,
            Statement::Decline { request, reason } => {
                let asked = self.undecided(&member, request, time)?;
                asked.decision = Some((Decision::Declined { reason: reason.clone() }, time, index));
                self.refund_epsilon(request, &member.name);
                self.leave_near(request, &member.name);
            }
            Statement::Release { request, proof } => {
                let policy = self.check_release(&member, request, proof, time, verification)?;
                if let Some(asked) = self.asked_mut(request, &member.name) {
                    asked.release = Some(Released { index, time, cells: proof.cells.clone(), policy });
                }
            }
            Statement::SponsorNonce { request, nonce } => {
                self.open_nonce(&member, request, (nonce, Whose::Sponsor), (index, time))?;
            }
            Statement::BoardNonce { request, nonce, path } => {
                self.open_nonce(&member, request, (nonce, Whose::Board(path)), (index, time))?;
            }
        }
        self.tree.push(leaf_hash(transaction.leaf().as_bytes()));
        self.ids.insert(id, index);
        Ok(Admitted { id, index })
    }

    /// Who signed, and whether they may say this; and whether it was said before.
    pub(super) fn check_member(&self, transaction: &Transaction, id: &Digest) -> Result<&Member, Refusal> {
        let member = check_signer(&self.charter, &self.ledger, transaction)?;
        match self.ids.get(id) {
            Some(index) => Err(Refusal::Duplicate { id: *id, index: *index }),
            None => Ok(member),
        }
    }

    fn manifest(
        &mut self,
        member: &Member,
        manifest: &DatasetManifest,
        schema: &Schema,
        index: u64,
        time: Timestamp,
    ) -> Result<(), Refusal> {
        own("manifest", manifest.site(), member)?;
        manifest.check_schema(schema)?;
        agree("manifest's table", manifest.table(), "its schema", schema.table())?;
        let shape = manifest.shape().name;
        if self.charter.verifying_key(shape).is_none() {
            return Err(Refusal::NoKey { shape: shape.to_owned() });
        }
        let before = self.sites.get(&member.name).and_then(|site| site.tables.get(manifest.table()));
        let last = before.map_or(0, |dataset| dataset.manifest.document.version());
        if manifest.version() <= last {
            let rule =
                format!("the active version of {:?} is {last}, and a new one has a higher number", manifest.table());
            return Err(Refusal::Number { what: "manifest", found: u64::from(manifest.version()), rule });
        }
        // A new version needs a new epoch before it may be queried.
        let last_epoch = before.map_or(0, |dataset| dataset.last_epoch);
        let dataset = Dataset {
            schema: std::sync::Arc::new(schema.clone()),
            manifest: Posted::new(manifest.clone(), index, time),
            epoch: None,
            last_epoch,
            unique: None,
            flags: None,
        };
        let site = self.sites.entry(member.name.clone()).or_default();
        site.tables.insert(manifest.table().to_owned(), dataset);
        Ok(())
    }

    fn epoch(&mut self, member: &Member, epoch: &ConsentEpoch, index: u64, time: Timestamp) -> Result<(), Refusal> {
        own("epoch", epoch.site(), member)?;
        let unknown = || Refusal::Unknown { what: "table", name: format!("{:?} of {:?}", epoch.table(), member.name) };
        let rules = self.charter.consent_rules();
        let site = self.sites.get_mut(&member.name).ok_or_else(unknown)?;
        let dataset = site.tables.get_mut(epoch.table()).ok_or_else(unknown)?;
        epoch.check_manifest(&dataset.manifest.document)?;
        if epoch.number() <= dataset.last_epoch {
            let rule = format!(
                "the last epoch of {:?} is {}, and a new one has a higher number",
                epoch.table(),
                dataset.last_epoch
            );
            return Err(Refusal::Number { what: "epoch", found: u64::from(epoch.number()), rule });
        }
        check_record(epoch, &site.consents, &rules, time)?;
        dataset.last_epoch = epoch.number();
        dataset.flags = None;
        dataset.epoch = Some(Posted::new(epoch.clone(), index, time));
        Ok(())
    }

    fn floor(
        &mut self,
        member: &Member,
        number: u32,
        policy: &Policy,
        index: u64,
        time: Timestamp,
    ) -> Result<(), Refusal> {
        let last = self.sites.get(&member.name).and_then(|site| site.floor.as_ref());
        follows("policy floor", number, last.map(|floor| floor.document.number))?;
        let site = self.sites.entry(member.name.clone()).or_default();
        site.floor = Some(Posted::new(Floor { number, policy: policy.clone() }, index, time));
        Ok(())
    }

    fn seeds(
        &mut self,
        member: &Member,
        (number, leaves, root): (u32, u32, Digest),
        index: u64,
        time: Timestamp,
    ) -> Result<(), Refusal> {
        let last = self.sites.get(&member.name).and_then(|site| site.seeds.as_ref());
        follows("seed tree", number, last.map(|seeds| seeds.document.number))?;
        let site = self.sites.entry(member.name.clone()).or_default();
        site.seeds = Some(Posted::new(Seeds { number, leaves, root, first: site.asked }, index, time));
        Ok(())
    }

    fn study(&mut self, member: &Member, approval: &Approval, index: u64, time: Timestamp) -> Result<(), Refusal> {
        approval.covers(time.day())?;
        check_study(&self.charter, approval)?;
        let digest = approval.digest();
        // An approval for a study that has one takes its place.
        let current = self
            .studies
            .iter()
            .find(|(_, study)| study.approval.document.study == approval.study && study.amended.is_none())
            .map(|(digest, study)| (*digest, study.board.clone()));
        if let Some((before, owner)) = current {
            if owner != member.name {
                return Err(Refusal::NotYours { what: "study", owner, member: member.name.clone() });
            }
            if let Some(study) = self.studies.get_mut(&before) {
                study.amended = Some(digest);
            }
        }
        let approval = Posted::new(approval.clone(), index, time);
        let board = member.name.clone();
        let study = Study { approval, board, suspended: None, amended: None, queries: Vec::new() };
        self.studies.insert(digest, study);
        Ok(())
    }

    fn suspend(&mut self, member: &Member, approval: &Digest, reason: &str, time: Timestamp) -> Result<(), Refusal> {
        let unknown = || Refusal::Unknown { what: "approval", name: approval.to_string() };
        let study = self.studies.get_mut(approval).ok_or_else(unknown)?;
        if study.board != member.name {
            let (owner, member) = (study.board.clone(), member.name.clone());
            return Err(Refusal::NotYours { what: "approval", owner, member });
        }
        if let Some((since, why)) = &study.suspended {
            let reason = format!("it was suspended at {since}: {why}");
            return Err(Refusal::NotInForce { approval: *approval, reason });
        }
        study.suspended = Some((time, reason.to_owned()));
        self.stop_nonces(approval, time, reason);
        Ok(())
    }

    fn enter_query(&mut self, question: Question) {
        self.spend_epsilon(&question);
        self.enter_near(&question);
        let digest = question.request.document.digest();
        if let Some(study) = self.studies.get_mut(&question.request.document.approval) {
            study.queries.push(digest);
        }
        for site in question.sites.keys() {
            if let Some(site) = self.sites.get_mut(site) {
                site.asked += 1;
            }
        }
        self.by_id.insert(question.id, digest);
        self.queries.insert(digest, question);
    }

    pub(super) fn asked_mut(&mut self, request: &Digest, site: &str) -> Option<&mut Asked> {
        self.queries.get_mut(request)?.sites.get_mut(site)
    }

    /// A site's part of a query about which it may still decide.
    fn undecided(&mut self, member: &Member, request: &Digest, time: Timestamp) -> Result<&mut Asked, Refusal> {
        let seconds = self.charter.acceptance_seconds;
        let unknown = || Refusal::Unknown { what: "query", name: request.to_string() };
        let question = self.queries.get_mut(request).ok_or_else(unknown)?;
        question.request.document.site(&member.name)?;
        let deadline = question.request.time.plus(seconds);
        let asked = question.sites.get_mut(&member.name).ok_or_else(unknown)?;
        let site = member.name.clone();
        if let Some((decision, ..)) = &asked.decision {
            let decision = match decision {
                Decision::Accepted => "accepted",
                Decision::Declined { .. } => "declined",
            };
            return Err(Refusal::Decided { site, decision, request: *request });
        }
        if time > deadline {
            return Err(Refusal::Late { site, what: "accept or decline", request: *request, deadline, now: time });
        }
        Ok(asked)
    }

    /// The acceptance charges the opening budget: from here on values may have left the site.
    fn accept(
        &mut self,
        member: &Member,
        request: &Digest,
        (index, time): (u64, Timestamp),
        plans: &mut Plans,
    ) -> Result<(), Refusal> {
        self.undecided(member, request, time)?;
        let unknown = || Refusal::Unknown { what: "query", name: request.to_string() };
        let question = self.queries.get(request).ok_or_else(unknown)?;
        let approval = question.request.document.approval;
        self.check_in_force(&approval, time)?;
        let charges = self.charges(question, &member.name, plans)?;
        for (_, commitment) in charges {
            let account = self.accounts.entry(commitment).or_default();
            account.spent += 1;
            *account.under.entry(approval).or_default() += 1;
        }
        if let Some(asked) = self.asked_mut(request, &member.name) {
            asked.decision = Some((Decision::Accepted, time, index));
        }
        Ok(())
    }
}

/// Who signed a transaction, and whether they may say this, by a ledger's charter and its id alone: before anything else
/// is looked at.
pub fn check_signer<'a>(charter: &'a Charter, ledger: &str, transaction: &Transaction) -> Result<&'a Member, Refusal> {
    if transaction.ledger != ledger {
        return Err(Refusal::Ledger { found: transaction.ledger.clone(), required: ledger.to_owned() });
    }
    let name = &transaction.member;
    let member = charter.member(name).ok_or_else(|| Refusal::UnknownMember { member: name.clone() })?;
    let (kind, required) = (transaction.statement.kind(), transaction.statement.role());
    if member.role != required {
        let (role, required) = (member.role.name(), required.name());
        return Err(Refusal::Role { member: name.clone(), role, kind, required });
    }
    transaction.check_signature(&member.key)?;
    Ok(member)
}

/// Refuses a study with a sponsor or a site that the charter does not have so.
pub fn check_study(charter: &Charter, approval: &Approval) -> Result<(), Refusal> {
    let refuse = |clause, reason| Err(Refusal::Study { clause, reason });
    match charter.member(&approval.sponsor) {
        Some(sponsor) if sponsor.role == Role::Sponsor => {
            if sponsor.class != Some(approval.consent.sponsor()) {
                let class = sponsor.class.map_or_else(String::new, |class| class.to_string());
                let reason = format!(
                    "it is for a sponsor of class {}, and {:?} is {class} in the charter",
                    approval.consent.sponsor(),
                    approval.sponsor
                );
                return refuse("sponsor_class", reason);
            }
        }
        _ => return refuse("sponsor", format!("{:?} is no sponsor of this ledger", approval.sponsor)),
    }
    // An approval that was read says so already; here it is the ledger's own rule, of approvals however they were made.
    if let Some(institution) = approval.consent.institution().filter(|name| name.as_str() != approval.sponsor) {
        let reason = format!("it counts consents given to {institution:?}, and its sponsor is {:?}", approval.sponsor);
        return refuse("institution", reason);
    }
    let hospital = |name: &String| charter.member(name).is_some_and(|member| member.role == Role::Hospital);
    if let Some(other) = approval.sites.iter().flatten().find(|name| !hospital(name)) {
        return refuse("sites", format!("{other:?} is no hospital of this ledger"));
    }
    Ok(())
}

/// Refuses a document of another site.
fn own(what: &'static str, found: &str, member: &Member) -> Result<(), Refusal> {
    if found == member.name {
        return Ok(());
    }
    Err(Refusal::OtherSite { what, found: found.to_owned(), member: member.name.clone() })
}

/// Refuses two parts that differ.
pub(super) fn agree(
    what: &'static str,
    found: impl ToString,
    where_else: &'static str,
    required: impl ToString,
) -> Result<(), Refusal> {
    let (found, required) = (found.to_string(), required.to_string());
    if found == required { Ok(()) } else { Err(Refusal::Disagree { what, found, where_else, required }) }
}

/// Numbers follow one another.
fn follows(what: &'static str, found: u32, last: Option<u32>) -> Result<(), Refusal> {
    let next = last.unwrap_or(0).saturating_add(1);
    if found == next {
        return Ok(());
    }
    Err(Refusal::Number { what, found: u64::from(found), rule: format!("the next is {next}") })
}
