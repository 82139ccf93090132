//! The rules of queries and releases.

use std::collections::BTreeMap;

use cohortium_keys::KeyKind;
use cohortium_protocol::bundle::{Bundle, QueryProof};
use cohortium_protocol::commit::budget::column_limit;
use cohortium_protocol::documents::{Approval, Noise, Request, RequestError, SitePin};
use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::{Member, Statement, Timestamp, Transaction};
use cohortium_protocol::policy::{PolicyError, effective};
use cohortium_protocol::query::{ColumnId, Source};
use cohortium_protocol::results::ReleasePolicy;

use super::admit::{Verification, agree};
use super::beacon::Openings;
use super::consents::check_age;
use super::leaves::check_leaf;
use super::near::Reads;
use super::plans::Plans;
use super::refusal::Refusal;
use super::state::{Asked, Dataset, Decision, Posted, Question, Site, State, Study};
use crate::anchors::{Anchors, SiteAnchor};
use crate::verify::{PendingRelease, VerifiedRelease, check_release, verify_release};

/// A release that is ready to be verified: owned, so that it can be done elsewhere than under the state's lock.
pub struct ReleaseCheck {
    bundle: Bundle,
    anchors: Anchors,
}

impl ReleaseCheck {
    /// Verifies it by the function that the auditor calls.
    pub fn run(&self) -> Result<VerifiedRelease, Refusal> {
        verify_release(&self.bundle, &self.anchors).map_err(|error| Refusal::Audit(Box::new(error)))
    }

    /// The same but for the proof's own equation, which costs less for many at once.
    pub fn begin(&self) -> Result<PendingRelease, Refusal> {
        check_release(&self.bundle, &self.anchors).map_err(|error| Refusal::Audit(Box::new(error)))
    }
}

impl State {
    /// Refuses an approval under which nothing is asked or accepted any more.
    pub(super) fn check_in_force(&self, approval: &Digest, time: Timestamp) -> Result<(), Refusal> {
        let unknown = || Refusal::Unknown { what: "approval", name: approval.to_string() };
        let study = self.studies.get(approval).ok_or_else(unknown)?;
        let gone = |reason| Err(Refusal::NotInForce { approval: *approval, reason });
        match (&study.suspended, study.amended) {
            (Some((since, why)), _) => gone(format!("the board suspended it at {since}: {why}")),
            (None, Some(by)) => gone(format!("the board amended it; the approval of the study is now {by}")),
            (None, None) => Ok(study.approval.document.covers(time.day())?),
        }
    }

    /// `of`: how many sites the query asks in all, for a request that names only some of them.
    pub(super) fn check_query(
        &self,
        member: &Member,
        (request, of): (&Request, usize),
        id: Digest,
        (index, time): (u64, Timestamp),
        plans: &mut Plans,
    ) -> Result<Question, Refusal> {
        agree("request's ledger", &request.ledger, "this ledger", &self.ledger)?;
        self.check_in_force(&request.approval, time)?;
        let unknown = || Refusal::Unknown { what: "approval", name: request.approval.to_string() };
        let study = self.studies.get(&request.approval).ok_or_else(unknown)?;
        let approval = &study.approval.document;
        if approval.sponsor != member.name {
            let (owner, member) = (approval.sponsor.clone(), member.name.clone());
            return Err(Refusal::NotYours { what: "approval", owner, member });
        }
        let next = study.queries.len() as u64 + 1;
        if request.sequence != next {
            let rule = format!("the next under this approval is {next}");
            return Err(Refusal::Number { what: "request", found: request.sequence, rule });
        }
        if let Some(institution) = request.query.consent.institution().filter(|name| name.as_str() != member.name) {
            let (owner, member) = (institution.to_string(), member.name.clone());
            return Err(Refusal::NotYours { what: "institution of the query's consents", owner, member });
        }
        // Before anything is compiled: what is out of scope is told the clause.
        approval.permits_query(&request.query)?;
        let mut sites = BTreeMap::new();
        let mut schema = None;
        for pin in &request.sites {
            approval.permits_site(&pin.site)?;
            self.check_waiting(&pin.site, study, time)?;
            let (site, dataset) = self.dataset(&pin.site, &request.query.table)?;
            let asked = self.check_pins(pin, (site, dataset), (request, approval), (of, time), plans)?;
            sites.insert(pin.site.clone(), asked);
            schema = Some(dataset.schema.clone());
        }
        // A request without sites does not parse.
        let schema = schema.ok_or(RequestError::Sites { found: 0 })?;
        let request = Posted::new(request.clone(), index, time);
        let openings = request.document.noise.laplace().map(|_| Openings::default());
        let question = Question { id, request, sponsor: member.name.clone(), schema, sites, openings };
        for site in question.sites.keys() {
            self.charges(&question, site, plans)?;
        }
        Ok(question)
    }

    /// Whether the sponsor's query would be admitted if it were posted now. Changes nothing, and needs no signature.
    pub(super) fn check_question(
        &self,
        (request, of): (&Request, usize),
        time: Timestamp,
        plans: &mut Plans,
    ) -> Result<(), Refusal> {
        let unknown = || Refusal::Unknown { what: "approval", name: request.approval.to_string() };
        let sponsor = &self.studies.get(&request.approval).ok_or_else(unknown)?.approval.document.sponsor;
        let unknown = || Refusal::UnknownMember { member: sponsor.clone() };
        let member = self.charter.member(sponsor).ok_or_else(unknown)?;
        self.check_query(member, (request, of), request.digest(), (self.tree.len(), time), plans).map(drop)
    }

    fn dataset(&self, site: &str, table: &str) -> Result<(&Site, &Dataset), Refusal> {
        let unknown = || Refusal::Unknown { what: "table", name: format!("{table:?} of {site:?}") };
        let site = self.sites.get(site).ok_or_else(unknown)?;
        Ok((site, site.tables.get(table).ok_or_else(unknown)?))
    }

    /// What a site's pins must be: what is active now. And whether the site could answer at all, one of so many sites.
    fn check_pins(
        &self,
        pin: &SitePin,
        (site, dataset): (&Site, &Dataset),
        (request, approval): (&Request, &Approval),
        (sites, time): (usize, Timestamp),
        plans: &mut Plans,
    ) -> Result<Asked, Refusal> {
        let missing = |what| Refusal::Unknown { what, name: format!("of {:?}", pin.site) };
        let epoch = dataset.epoch.as_ref().ok_or_else(|| missing("consent epoch over the active table version"))?;
        check_age(&pin.site, &epoch.document, time)?;
        let floor = site.floor.as_ref().ok_or_else(|| missing("policy floor"))?;
        let shape = pin.standard_shape()?;
        let required = self.required_shape(request, &pin.site, dataset)?;
        let key =
            self.charter.verifying_key(shape.name).ok_or_else(|| Refusal::NoKey { shape: shape.name.to_owned() })?;
        let none = || "none".to_owned();
        let pins = [
            ("manifest", pin.manifest.to_string(), dataset.manifest.document.digest().to_string()),
            ("consent epoch", pin.epoch.to_string(), epoch.document.digest().to_string()),
            ("policy floor", pin.policy_floor.to_string(), floor.document.policy.digest().to_string()),
            ("shape", shape.id().to_string(), required.id().to_string()),
            ("verifying key", pin.verifying_key.to_string(), key.to_string()),
            (
                "seed tree",
                pin.seeds.map_or_else(none, |root| root.to_string()),
                site.seeds.as_ref().map_or_else(none, |seeds| seeds.document.root.to_string()),
            ),
        ];
        for (what, found, active) in pins {
            if found != active {
                return Err(Refusal::NotActive { site: pin.site.clone(), what, found, active });
            }
        }
        check_leaf(pin, site, request, approval)?;
        let plan = plans.get(&request.query, &dataset.schema, &approval.consent, &shape)?;
        request.binds(approval, &dataset.schema, &plan)?;
        plan.check(&shape)?;
        approval.permits(&request.query, &plan)?;
        let consent = approval.consent.to_string();
        if epoch.document.commitment(&consent).is_none() {
            let has = epoch.document.columns().iter().map(|column| column.name.as_str()).collect::<Vec<_>>().join(", ");
            return Err(Refusal::NoConsents { site: pin.site.clone(), column: consent, has });
        }
        let refuse = |source| Refusal::Policy { site: pin.site.clone(), source };
        let policy = effective(Some(&floor.document.policy), Some(&approval.policy)).map_err(refuse)?;
        let noise = (&request.noise, &shape);
        let rule = policy.rule(&plan, &dataset.schema, approval.names(&plan), noise).map_err(refuse)?;
        if let Noise::Laplace(laplace) = &request.noise {
            let price = laplace.epsilon.price();
            let limits = policy.noise_limits(&plan, price).map_err(refuse)?;
            let whose = (pin.site.as_str(), request.query.table.as_str(), request.query.study.as_str());
            self.check_epsilon(whose, price, &limits)?;
        }
        if let Err(PolicyError::Sites { found, least }) = policy.check_sites(sites) {
            return Err(Refusal::Sites { site: pin.site.clone(), found, least });
        }
        self.check_caps(pin, &approval.study, &plan.columns(), policy.policy().query_cap(), plans)?;
        self.check_quota(&pin.site, &approval.study, &policy.policy().limits().quota, time)?;
        let signature = plans.signature(&request.query, &dataset.schema, &approval.consent, &shape)?;
        let reads = Reads::new(signature, &pin.manifest, &pin.epoch, &rule.digest());
        if request.noise == Noise::None {
            let asked_table = (pin.site.as_str(), request.query.table.as_str());
            self.check_near(asked_table, &reads, (&plan, approval), policy.policy().differencing())?;
        }
        Ok(Asked {
            manifest: dataset.manifest.clone(),
            epoch: epoch.clone(),
            floor: floor.clone(),
            leaf: site.asked,
            seeds: site.seeds.clone(),
            reads,
            held: None,
            decision: None,
            release: None,
        })
    }

    /// How many queries under one approval a site may have before it at one time. Newest first: what was posted before an
    /// expired one is expired as well.
    fn check_waiting(&self, site: &str, study: &Study, time: Timestamp) -> Result<(), Refusal> {
        let seconds = self.charter.acceptance_seconds;
        let newest = study.queries.iter().rev().filter_map(|query| self.queries.get(query));
        let waiting = newest
            .take_while(|question| time <= question.request.time.plus(seconds))
            .filter(|question| question.sites.get(site).is_some_and(|asked| asked.decision.is_none()))
            .count();
        let share = self.charter.opening_share;
        if waiting < share as usize {
            return Ok(());
        }
        Err(Refusal::Waiting { site: site.to_owned(), share })
    }

    /// The commitments that a site's answer opens at one point each, if every budget bears it.
    pub(super) fn charges(
        &self,
        question: &Question,
        site: &str,
        plans: &mut Plans,
    ) -> Result<Vec<(ColumnId, Digest)>, Refusal> {
        let unknown = || Refusal::Unknown { what: "query", name: question.id.to_string() };
        let asked = question.sites.get(site).ok_or_else(unknown)?;
        let columns = plans.columns(&self.plan_source(question, site)?)?;
        let approval = question.request.document.approval;
        let (manifest, epoch) = (&asked.manifest.document, &asked.epoch.document);
        let mut charges = Vec::new();
        for column in columns.iter() {
            let commitment = match column.source {
                Source::Manifest => manifest.commitment(&column.name),
                Source::Epoch => epoch.commitment(&column.name),
                Source::Query => continue,
            };
            let commitment =
                *commitment.ok_or_else(|| Refusal::Unknown { what: "column", name: column.to_string() })?;
            let (spent, under) = self.spent(&commitment, &approval);
            let limit = column_limit(manifest.shape());
            let refuse = |spent, limit: u32, under| {
                let left = limit.saturating_sub(spent);
                Err(Refusal::Budget { site: site.to_owned(), column: column.name.clone(), spent, limit, under, left })
            };
            if spent >= limit {
                return refuse(spent, limit, "in all");
            }
            if under >= self.charter.opening_share {
                return refuse(under, self.charter.opening_share, "under this approval");
            }
            charges.push((column.clone(), commitment));
        }
        Ok(charges)
    }

    /// Everything about a release but its proof: may this site give this answer now?
    fn check_answerable(&self, site: &str, request: &Digest, time: Timestamp) -> Result<(&Question, &Asked), Refusal> {
        let unknown = || Refusal::Unknown { what: "query", name: request.to_string() };
        let question = self.queries.get(request).ok_or_else(unknown)?;
        question.request.document.site(site)?;
        let asked = question.sites.get(site).ok_or_else(unknown)?;
        let (site, request) = (site.to_owned(), *request);
        let accepted = match &asked.decision {
            Some((Decision::Accepted, accepted, _)) => *accepted,
            _ => return Err(Refusal::NotAccepted { site, request }),
        };
        if asked.release.is_some() {
            return Err(Refusal::Answered { site, request });
        }
        let Some(from) = question.answers_from(accepted) else {
            let reason = "it is answered when both nonces are open, and they are not".to_owned();
            return Err(Refusal::Beacon { request, reason });
        };
        let deadline = from.plus(self.charter.answer_seconds);
        if time > deadline {
            return Err(Refusal::Late { site, what: "answer", request, deadline, now: time });
        }
        Ok((question, asked))
    }

    /// Prepares a release for verification, if it could be admitted at all: what costs nothing is checked first.
    pub fn prepare(&self, transaction: &Transaction, time: Timestamp) -> Result<Option<ReleaseCheck>, Refusal> {
        let Statement::Release { request, proof } = &transaction.statement else {
            return Ok(None);
        };
        transaction.check()?;
        self.check_member(transaction, &transaction.id())?;
        self.check_answerable(&transaction.member, request, time)?;
        self.release_check(&transaction.member, request, proof).map(Some)
    }

    fn release_check(&self, site: &str, request: &Digest, proof: &QueryProof) -> Result<ReleaseCheck, Refusal> {
        let bundle = self.bundle(site, request, proof)?;
        let anchors = self.anchors(&bundle);
        Ok(ReleaseCheck { bundle, anchors })
    }

    /// What the ledger itself vouches for: the pins of a query were active when it was posted.
    fn anchors(&self, bundle: &Bundle) -> Anchors {
        let site = SiteAnchor {
            site: bundle.site.clone(),
            manifest: bundle.manifest.digest(),
            epoch: bundle.epoch.digest(),
            policy_floor: bundle.policy_floor.digest(),
        };
        Anchors::assemble(
            &self.ledger,
            self.charter.accept_development_keys,
            self.keys.clone(),
            vec![site],
            vec![bundle.approval.digest()],
        )
    }

    pub(super) fn check_release(
        &self,
        member: &Member,
        request: &Digest,
        proof: &QueryProof,
        time: Timestamp,
        verification: &Verification,
    ) -> Result<ReleasePolicy, Refusal> {
        let (question, asked) = self.check_answerable(&member.name, request, time)?;
        match verification {
            Verification::NotNeeded => Err(Refusal::Unverified),
            Verification::OwnLog => {
                let refuse = |source| Refusal::Policy { site: member.name.clone(), source };
                let plan = self.plan(question, &member.name)?;
                let unknown = || Refusal::Unknown { what: "approval", name: request.to_string() };
                let study = self.studies.get(&question.request.document.approval).ok_or_else(unknown)?;
                let approval = &study.approval.document;
                let policy = effective(Some(&asked.floor.document.policy), Some(&approval.policy)).map_err(refuse)?;
                let shape = question.request.document.site(&member.name)?.standard_shape()?;
                let noise = (&question.request.document.noise, &shape);
                let rule = policy.rule(&plan, &question.schema, approval.names(&plan), noise).map_err(refuse)?;
                Ok(ReleasePolicy::new(policy.policy().clone(), rule))
            }
            Verification::Verified(release) => {
                self.check_verified(&member.name, request, proof, release)?;
                Ok(release.release_policy().clone())
            }
        }
    }

    /// Whether what was verified is just this release, and under a key that this ledger accepts.
    pub(super) fn check_verified(
        &self,
        site: &str,
        request: &Digest,
        proof: &QueryProof,
        release: &VerifiedRelease,
    ) -> Result<(), Refusal> {
        let asked = self.query(request).and_then(|question| question.sites.get(site)).ok_or(Refusal::Unverified)?;
        let same = release.site() == site
            && release.request() == *request
            && release.proof() == proof.digest()
            && release.manifest() == asked.manifest.document.digest()
            && release.epoch() == asked.epoch.document.digest();
        if !same {
            return Err(Refusal::Unverified);
        }
        // An audit calls such a release "not covered", which is not enough to be admitted.
        if release.key_kind() == KeyKind::Development && !self.charter.accept_development_keys {
            return Err(Refusal::DevelopmentKey);
        }
        Ok(())
    }
}
