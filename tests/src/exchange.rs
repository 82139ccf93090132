//! A ledger in memory: its members, their tables, and the transactions of one story that goes well.

use cohortium_keys::{KeyKind, ProvingKey, VerifyingKey};
use cohortium_protocol::bundle::QueryProof;
use cohortium_protocol::documents::{Approval, Noise, Nonce, Request, SitePin};
use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::{
    Batch, Block, Charter, KeyPin, LedgerEvidence, Member, MemberKey, Role, Statement, Timestamp, Transaction,
};
use cohortium_protocol::policy::Policy;
use cohortium_protocol::query::{Query, compile};
use cohortium_protocol::table::SponsorClass;
use cohortium_prover::pipeline::prepare;
use cohortium_verifier::ledger::{Admitted, Founding, Refusal, State, Verification};
use cohortium_verifier::{ANCHORS_FORMAT, Anchors, AnchorsDocument};
use rand::rngs::OsRng;

use crate::noised::{SEEDS, seed_tree};
use crate::{Hospital, approval, first_batch, usual_policy};

/// Who runs the ledger.
pub const OPERATOR: &str = "Exchange Office";
/// Who asks.
pub const SPONSOR: &str = "University of the Coast";
/// Another sponsor, of another class.
pub const OTHER_SPONSOR: &str = "Coast Pharma";
/// Who approves.
pub const BOARD: &str = "Coast Ethics Board";
/// Another board.
pub const OTHER_BOARD: &str = "Inland Ethics Board";
/// The study of the story.
pub const STUDY: &str = "S-1";
/// A day, in seconds.
pub const DAY: u64 = 86_400;

/// So many seconds after the story's beginning, at the start of February 2026.
pub fn at(seconds: u64) -> Timestamp {
    "2026-02-01T00:00:00Z".parse::<Timestamp>().unwrap().plus(seconds)
}

/// A member's key; for tests, it follows from the name.
pub fn key_of(name: &str) -> MemberKey {
    MemberKey::from_bytes(Digest::of_bytes(name.as_bytes()).as_bytes())
}

/// A query to the synthetic table: the fields beside the head.
pub fn question(title: &str, fields: &str) -> Query {
    Query::parse(&format!(
        r#"{{"format": "cohortium-query/1", "title": "{title}", "table": "synthetic", "study": "{STUDY}",
            "purpose": "DUO:0000042", "sponsor_class": "academic", {fields}}}"#
    ))
    .unwrap()
}

/// The story's question.
pub fn by_grade(title: &str) -> Query {
    question(title, r#""group_by": [{"column": "grade", "missing": "own bin"}], "measures": {"count": true}"#)
}

/// A charter with its members' tables.
pub struct Exchange<'a> {
    /// The charter.
    pub charter: Charter,
    /// The development key of the smallest shape.
    pub key: &'a ProvingKey,
    /// The development key of the smallest shape with noise, where the charter names one.
    pub noise_key: Option<&'a ProvingKey>,
    /// The development key of proofs about tables, where the charter names one.
    pub table_key: Option<&'a ProvingKey>,
    /// A hospital of 300 patients.
    pub north: Hospital,
    /// A hospital of 80.
    pub south: Hospital,
}

impl<'a> Exchange<'a> {
    /// The usual charter, for trials.
    pub fn new(key: &'a ProvingKey) -> Self {
        Self::with(key, |_| ())
    }

    /// A charter that differs.
    pub fn with(key: &'a ProvingKey, change: impl FnOnce(&mut Charter)) -> Self {
        let member =
            |name: &str, role, class| Member { name: name.to_owned(), role, class, key: key_of(name).public() };
        let mut charter = Charter {
            name: "coast-trial".to_owned(),
            founded: "2026-01-15".parse().unwrap(),
            members: vec![
                member(OPERATOR, Role::Operator, None),
                member(SPONSOR, Role::Sponsor, Some(SponsorClass::Academic)),
                member(OTHER_SPONSOR, Role::Sponsor, Some(SponsorClass::Commercial)),
                member("north", Role::Hospital, None),
                member("south", Role::Hospital, None),
                member(BOARD, Role::Board, None),
                member(OTHER_BOARD, Role::Board, None),
            ],
            verifying_keys: vec![KeyPin { shape: key.verifying().shape().name.to_owned(), id: key.verifying().id() }],
            accept_development_keys: true,
            acceptance_seconds: 7 * DAY,
            answer_seconds: 14 * DAY,
            opening_share: 100,
            consents: None,
        };
        change(&mut charter);
        let north = Hospital::synthetic("north", 300, 31, usual_policy());
        let south = Hospital::synthetic("south", 80, 32, usual_policy());
        Self { charter, key, noise_key: None, table_key: None, north, south }
    }

    /// The same with the key of proofs about tables that the charter names.
    #[must_use]
    pub fn with_table_key(self, key: &'a ProvingKey) -> Self {
        Self { table_key: Some(key), ..self }
    }

    /// The verifying key, as the founding holds it.
    pub fn verifying(&self) -> VerifyingKey {
        as_founded(self.key)
    }

    /// Every verifying key that the charter names.
    pub fn verifying_keys(&self) -> Vec<VerifyingKey> {
        let keys = [Some(self.key), self.noise_key, self.table_key].into_iter().flatten();
        let named = |key: &VerifyingKey| self.charter.verifying_key(key.shape().name) == Some(key.id());
        keys.map(as_founded).filter(named).collect()
    }

    /// The ledger's first record.
    pub fn founding(&self) -> Founding {
        Founding::new(self.charter.clone(), &self.verifying_keys())
    }

    /// The ledger before its first block.
    pub fn found(&self) -> State {
        self.founding().found().unwrap()
    }

    /// A member's signed statement.
    pub fn sign(&self, member: &str, statement: Statement) -> Transaction {
        Transaction::sign(&self.charter.ledger(), member, statement, &key_of(member))
    }

    /// A hospital by name.
    pub fn hospital(&self, site: &str) -> &Hospital {
        if site == "south" { &self.south } else { &self.north }
    }

    /// A hospital's floor.
    pub fn floor(&self, site: &str, number: u32, policy: &Policy) -> Transaction {
        self.sign(site, Statement::Floor { number, policy: policy.clone() })
    }

    /// A hospital's seed tree; where nothing is noised, its root is made up.
    pub fn seeds(&self, site: &str, number: u32) -> Transaction {
        let made_up = || Digest::of_bytes(format!("seeds {number} of {site}").as_bytes());
        let root = self.noise_key.map_or_else(made_up, |_| seed_tree(site, number).root());
        self.sign(site, Statement::Seeds { number, leaves: SEEDS, root })
    }

    /// A hospital's table version.
    pub fn manifest(&self, site: &str) -> Transaction {
        let Hospital { manifest, schema, .. } = self.hospital(site);
        self.sign(site, Statement::Manifest { manifest: manifest.clone(), schema: Box::new(schema.clone()) })
    }

    /// A hospital's first batch of consent events.
    pub fn consents(&self, site: &str) -> Transaction {
        let Batch { number, leaves, root } = first_batch(site);
        self.sign(site, Statement::Consents { number, leaves, root })
    }

    /// A hospital's epoch.
    pub fn epoch(&self, site: &str) -> Transaction {
        self.sign(site, Statement::Epoch { epoch: self.hospital(site).epoch.clone() })
    }

    /// The approval of the story's study.
    pub fn approval(&self) -> Approval {
        approval(STUDY, "synthetic", usual_policy(), &[])
    }

    /// The board's approval.
    pub fn study(&self, approval: &Approval) -> Transaction {
        self.sign(BOARD, Statement::Study { approval: Box::new(approval.clone()) })
    }

    /// What a request pins for a site in a state: what is active there.
    pub fn pin(&self, state: &State, site: &str) -> SitePin {
        let registered = &state.sites()[site];
        SitePin {
            epoch: registered.tables["synthetic"].epoch.as_ref().unwrap().document.digest(),
            manifest: registered.tables["synthetic"].manifest.document.digest(),
            policy_floor: registered.floor.as_ref().unwrap().document.policy.digest(),
            seeds: registered.seeds.as_ref().map(|seeds| seeds.document.root),
            ..self.hospital(site).pin(self.key)
        }
    }

    /// A request as a sponsor makes it from a state.
    pub fn request(&self, state: &State, query: &Query, approval: &Approval, sites: &[&str]) -> Request {
        let schema = &self.hospital(sites[0]).schema;
        let plan = compile(query, schema, &approval.consent, self.north.manifest.shape());
        let study = state.studies().get(&approval.digest());
        Request {
            ledger: self.charter.ledger(),
            sequence: study.map_or(0, |study| study.queries.len() as u64) + 1,
            query: query.clone(),
            approval: approval.digest(),
            schema: schema.digest(),
            plan: plan.map(|plan| plan.digest()).unwrap_or(schema.digest()),
            sites: sites.iter().map(|site| self.pin(state, site)).collect(),
            sponsor_nonce: Nonce::from_bytes([9; 32]),
            noise: Noise::None,
        }
    }

    /// The sponsor's query.
    pub fn ask(&self, request: &Request) -> Transaction {
        self.sign(SPONSOR, Statement::Query { request: Box::new(request.clone()) })
    }

    /// A site's acceptance.
    pub fn accept(&self, site: &str, request: &Request) -> Transaction {
        self.sign(site, Statement::Accept { request: request.digest() })
    }

    /// A site's refusal.
    pub fn decline(&self, site: &str, request: &Request, reason: &str) -> Transaction {
        self.sign(site, Statement::Decline { request: request.digest(), reason: reason.to_owned() })
    }

    /// A site's word that a person has to decide.
    pub fn hold(&self, site: &str, request: &Request, reason: &str) -> Transaction {
        self.sign(site, Statement::Hold { request: request.digest(), reason: reason.to_owned() })
    }

    /// A site's release with a proof.
    pub fn release(&self, site: &str, request: &Request, proof: &QueryProof) -> Transaction {
        self.sign(site, Statement::Release { request: request.digest(), proof: Box::new(proof.clone()) })
    }

    /// A hospital's proof: it has passed the hospital's own audit.
    pub fn prove(&self, site: &str, request: &Request, approval: &Approval) -> QueryProof {
        let hospital = self.hospital(site);
        let anchors = Anchors::check(AnchorsDocument {
            sites: vec![hospital.anchor()],
            approvals: vec![approval.digest()],
            charter: None,
            ..self.anchors_document()
        })
        .unwrap();
        let registered = hospital.site();
        let prepared = prepare(request, approval, &registered, None).unwrap();
        prepared.prove(self.key, &anchors, &mut OsRng, &mut |_, _| ()).unwrap().proof
    }

    /// The anchors of a board that trusts the charter.
    pub fn anchors_document(&self) -> AnchorsDocument {
        AnchorsDocument {
            format: ANCHORS_FORMAT.to_owned(),
            ledger: self.charter.ledger(),
            accept_development_keys: true,
            verifying_keys: self.verifying_keys().iter().map(VerifyingKey::to_document).collect(),
            sites: Vec::new(),
            approvals: Vec::new(),
            charter: Some(self.charter.clone()),
        }
    }

    /// Registrations of both hospitals.
    pub fn registrations(&self) -> Vec<Transaction> {
        let site = |site: &str| {
            [
                self.floor(site, 1, &usual_policy()),
                self.manifest(site),
                self.consents(site),
                self.epoch(site),
                self.seeds(site, 1),
            ]
        };
        [site("north"), site("south")].concat()
    }
}

fn as_founded(key: &ProvingKey) -> VerifyingKey {
    let key = key.verifying();
    assert_eq!(key.kind(), KeyKind::Development);
    VerifyingKey::from_document(&key.to_document()).unwrap()
}

/// Tries to admit a transaction, as the service does: a release is verified first.
pub fn attempt(state: &mut State, transaction: &Transaction, time: Timestamp) -> Result<Admitted, Refusal> {
    let verification = match state.prepare(transaction, time)? {
        None => Verification::NotNeeded,
        Some(check) => Verification::Verified(Box::new(check.run()?)),
    };
    state.admit(transaction, time, &verification)
}

/// A ledger with its blocks.
pub struct Chain<'a> {
    /// Who is on it.
    pub exchange: &'a Exchange<'a>,
    /// Its state.
    pub state: State,
    /// Its blocks.
    pub blocks: Vec<Block>,
}

impl<'a> Chain<'a> {
    /// Without a block.
    pub fn new(exchange: &'a Exchange<'a>) -> Self {
        Self { exchange, state: exchange.found(), blocks: Vec::new() }
    }

    /// Makes a block of transactions that are all admitted. What a release answers stands in an earlier block.
    pub fn add(&mut self, time: Timestamp, transactions: Vec<Transaction>) {
        let mut verified = Vec::new();
        for transaction in &transactions {
            verified.push(match transaction.statement {
                Statement::Release { .. } => {
                    let check = self.state.prepare(transaction, time).unwrap().unwrap();
                    Verification::Verified(Box::new(check.run().unwrap()))
                }
                _ => Verification::NotNeeded,
            });
        }
        let mut open = self.state.open_block(time);
        for (transaction, verification) in transactions.into_iter().zip(&verified) {
            open.admit(transaction, verification).unwrap();
        }
        self.blocks.push(open.seal(&key_of(OPERATOR)).unwrap().unwrap());
    }

    /// The transaction at a place.
    pub fn transaction(&self, index: u64) -> Option<&Transaction> {
        self.blocks.iter().flat_map(|block| &block.transactions).nth(index as usize)
    }

    /// The ledger's evidence for a site's release, under the last block's checkpoint.
    pub fn evidence(&self, site: &str, request: &Request) -> LedgerEvidence {
        let checkpoint = &self.blocks.last().unwrap().checkpoint;
        let mut signed = |index| self.transaction(index).map(|signed| (signed.member.clone(), signed.signature));
        let size = self.state.tree().len();
        self.state.evidence(site, &request.digest(), checkpoint, size, &mut signed).unwrap()
    }

    /// The export: the founding, then a block a line.
    pub fn export(&self) -> String {
        let blocks = self.blocks.iter().map(|block| serde_json::to_string(block).unwrap());
        let lines: Vec<String> =
            std::iter::once(serde_json::to_string(&self.exchange.founding()).unwrap()).chain(blocks).collect();
        lines.join("\n") + "\n"
    }
}

/// The story: two approvals of one study, four queries; answered, declined, withheld, expired.
pub struct Story<'a> {
    /// The ledger after it.
    pub chain: Chain<'a>,
    /// The first approval, and the one that amends it.
    pub approvals: [Approval; 2],
    /// The queries: answered by north and declined by south; accepted and withheld by north; left undecided by
    /// south; under the amended approval, answered by south.
    pub requests: [Request; 4],
    /// The proofs of the first and the last.
    pub proofs: [QueryProof; 2],
}

impl<'a> Story<'a> {
    /// Tells it; two proofs are made.
    pub fn tell(exchange: &'a Exchange<'a>) -> Self {
        let mut chain = Chain::new(exchange);
        chain.add(at(0), exchange.registrations());
        let first = exchange.approval();
        chain.add(at(60), vec![exchange.study(&first)]);
        let answered = exchange.request(&chain.state, &by_grade("Grades"), &first, &["north", "south"]);
        chain.add(at(DAY), vec![exchange.ask(&answered)]);
        let hold = exchange.hold("south", &answered, "a person decides about every query of this study");
        chain.add(at(DAY + 60), vec![exchange.accept("north", &answered), hold]);
        let proof = exchange.prove("north", &answered, &first);
        let decline = exchange.decline("south", &answered, "too few patients to be of use");
        chain.add(at(DAY + 300), vec![exchange.release("north", &answered, &proof), decline]);
        let withheld = exchange.request(&chain.state, &by_grade("Grades again"), &first, &["north"]);
        chain.add(at(2 * DAY), vec![exchange.ask(&withheld)]);
        chain.add(at(2 * DAY + 60), vec![exchange.accept("north", &withheld)]);
        let undecided = exchange.request(&chain.state, &by_grade("Grades at south"), &first, &["south"]);
        chain.add(at(3 * DAY), vec![exchange.ask(&undecided)]);
        let amended = Approval { ethics_reference: "EC 2026/117, amendment 1".to_owned(), ..exchange.approval() };
        chain.add(at(30 * DAY), vec![exchange.study(&amended)]);
        let last = exchange.request(&chain.state, &by_grade("Grades once more"), &amended, &["south"]);
        chain.add(at(31 * DAY), vec![exchange.ask(&last)]);
        chain.add(at(31 * DAY + 60), vec![exchange.accept("south", &last)]);
        let last_proof = exchange.prove("south", &last, &amended);
        chain.add(at(31 * DAY + 300), vec![exchange.release("south", &last, &last_proof)]);
        Self {
            chain,
            approvals: [first, amended],
            requests: [answered, withheld, undecided, last],
            proofs: [proof, last_proof],
        }
    }

    /// A site's bundle, with the ledger's evidence.
    pub fn bundle(&self, site: &str, place: usize) -> cohortium_protocol::bundle::Bundle {
        let request = &self.requests[place];
        let proof = &self.proofs[usize::from(place != 0)];
        let mut bundle = self.chain.state.bundle(site, &request.digest(), proof).unwrap();
        bundle.ledger = Some(self.chain.evidence(site, request));
        bundle
    }
}
