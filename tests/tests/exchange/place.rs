//! Members, two hospitals with their tables, a service; and what each of them posts.

use std::net::SocketAddr;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cohortium_protocol::documents::{Approval, Nonce, Request};
use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::{Batch, Charter, KeyPin, Member, MemberKey, Role, Statement, Timestamp, Transaction};
use cohortium_protocol::query::Query;
use cohortium_protocol::table::SponsorClass;
use cohortium_prover::pipeline::prepare;
use cohortium_server::http::{Config, Rates, Running, spawn};
use cohortium_server::metrics::Metrics;
use cohortium_server::node::{self, Ledger, Settings};
use cohortium_tests::{Hospital, anchors_document, approval, first_batch, request, usual_policy};
use cohortium_verifier::Anchors;
use rand::rngs::OsRng;

use crate::common::{STUDY, key_12};
use crate::http::{self, Answer};

pub const SPONSOR: &str = "University of the Coast";
pub const BOARD: &str = "The board";
/// How long sites may decide, and answer.
pub const PATIENCE: u64 = 3600;

pub fn member_key(name: &str) -> MemberKey {
    MemberKey::from_bytes(Digest::of_bytes(name.as_bytes()).as_bytes())
}

pub struct Place {
    pub charter: Charter,
    pub north: Hospital,
    pub south: Hospital,
    pub ledger: Arc<Ledger>,
    pub running: Running,
    pub folder: tempfile::TempDir,
    /// Seconds by which the ledger's clock is ahead.
    pub ahead: Arc<AtomicU64>,
}

impl Place {
    pub fn new() -> Self {
        let member = |name: &str, role| {
            let class = (role == Role::Sponsor).then_some(SponsorClass::Academic);
            Member { name: name.to_owned(), role, class, key: member_key(name).public() }
        };
        let charter = Charter {
            name: "exchange".to_owned(),
            founded: "2026-11-24".parse().unwrap(),
            members: vec![
                member("The operator", Role::Operator),
                member(BOARD, Role::Board),
                member(SPONSOR, Role::Sponsor),
                member("north", Role::Hospital),
                member("south", Role::Hospital),
            ],
            verifying_keys: vec![KeyPin { shape: key_12().shape().name.to_owned(), id: key_12().verifying().id() }],
            accept_development_keys: true,
            acceptance_seconds: PATIENCE,
            answer_seconds: PATIENCE,
            opening_share: 64,
            consents: None,
        };
        let folder = tempfile::tempdir().unwrap();
        let keys = [cohortium_keys::VerifyingKey::from_document(&key_12().verifying().to_document()).unwrap()];
        let home = folder.path().join("ledger");
        let home = node::found(&home, &charter, "The operator", &member_key("The operator"), &keys).unwrap();
        let mut settings = Settings::new(Metrics::new().unwrap());
        let ahead = Arc::new(AtomicU64::new(0));
        let clock = ahead.clone();
        let begun = Timestamp::from_unix(1_795_600_000);
        settings.clock = Arc::new(move || begun.plus(clock.load(Ordering::SeqCst)));
        let ledger = Arc::new(Ledger::open(home, settings).unwrap().0);
        let most = std::num::NonZeroU32::new(1_000_000).unwrap();
        let rates = Rates { reads: most, writes: most, plans: most };
        let config = Config { rates, shutdown_seconds: 1, ..Config::default() };
        let running = spawn(ledger.clone(), TcpListener::bind("127.0.0.1:0").unwrap(), config).unwrap();
        let until = begun.plus(20 * 86_400).day();
        let north = Hospital::synthetic("north", 700, 11, usual_policy()).until(until);
        let south = Hospital::synthetic("south", 60, 12, usual_policy()).until(until);
        Self { charter, north, south, ledger, running, folder, ahead }
    }

    pub fn address(&self) -> SocketAddr {
        self.running.address
    }

    /// What a member says, signed.
    pub fn signed(&self, member: &str, statement: Statement) -> Transaction {
        Transaction::sign(&self.charter.ledger(), member, statement, &member_key(member))
    }

    pub fn post(&self, transaction: &Transaction) -> Answer {
        http::post(self.address(), "/v1/transactions", &transaction.canonical())
    }

    /// Says it, and is heard.
    pub fn say(&self, member: &str, statement: Statement) -> Transaction {
        let transaction = self.signed(member, statement);
        let posted = self.post(&transaction);
        assert_eq!(posted.status, 201, "{}", posted.text());
        assert_eq!(posted.json()["id"], transaction.id().to_string());
        transaction
    }

    pub fn get(&self, path: &str) -> Answer {
        let answer = http::get(self.address(), path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer
    }

    /// A hospital registers everything it has.
    pub fn register(&self, hospital: &Hospital) {
        let (manifest, schema) = (hospital.manifest.clone(), Box::new(hospital.schema.clone()));
        let Batch { number, leaves, root } = first_batch(hospital.name());
        self.say(hospital.name(), Statement::Manifest { manifest, schema });
        self.say(hospital.name(), Statement::Consents { number, leaves, root });
        self.say(hospital.name(), Statement::Epoch { epoch: hospital.epoch.clone() });
        self.say(hospital.name(), Statement::Floor { number: 1, policy: hospital.floor.clone() });
    }

    /// The board approves a study, and both hospitals have registered.
    pub fn prepared() -> (Self, Approval) {
        let place = Self::new();
        place.register(&place.north);
        place.register(&place.south);
        let approval = approval(STUDY, "synthetic", usual_policy(), &[]);
        place.say(BOARD, Statement::Study { approval: Box::new(approval.clone()) });
        (place, approval)
    }

    /// A request to both hospitals.
    pub fn request(&self, query: &Query, approval: &Approval, sequence: u64) -> Request {
        let mut request = request(query, approval, &self.north, key_12());
        request.ledger = self.charter.ledger();
        request.sequence = sequence;
        request.sponsor_nonce = Nonce::from_bytes([sequence as u8; 32]);
        request.sites.push(self.south.pin(key_12()));
        request
    }

    /// A hospital's release, not posted.
    pub fn release(&self, hospital: &Hospital, request: &Request, approval: &Approval) -> Transaction {
        let mut anchors = anchors_document(&[&self.north, &self.south], &[key_12()], &[approval]);
        anchors.ledger = self.charter.ledger();
        let anchors = Anchors::check(anchors).unwrap();
        let site = hospital.site();
        let prepared = prepare(request, approval, &site, None).unwrap();
        let bundle = prepared.prove(key_12(), &anchors, &mut OsRng, &mut |_, _| ()).unwrap();
        let statement = Statement::Release { request: request.digest(), proof: Box::new(bundle.proof) };
        self.signed(hospital.name(), statement)
    }
}
