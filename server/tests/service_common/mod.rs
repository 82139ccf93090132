//! A ledger for tests: members, a charter, a home, a service on the loopback.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used)] // every test program takes what it needs

pub mod http;

use std::net::SocketAddr;
use std::net::TcpListener;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use cohortium_keys::VerifyingKey;
use cohortium_protocol::ledger::Charter;
use cohortium_protocol::ledger::KeyPin;
use cohortium_protocol::ledger::Member;
use cohortium_protocol::ledger::MemberKey;
use cohortium_protocol::ledger::Role;
use cohortium_protocol::ledger::Statement;
use cohortium_protocol::ledger::Transaction;
use cohortium_protocol::policy::Policy;
use cohortium_protocol::policy::Sums;
use cohortium_protocol::table::SponsorClass;
use cohortium_server::http::Config;
use cohortium_server::http::Running;
use cohortium_server::metrics::Metrics;
use cohortium_server::node;
use cohortium_server::node::Home;
use cohortium_server::node::Ledger;
use cohortium_server::node::Settings;

/// A verifying key, out of the vectors.
pub fn verifying_key() -> VerifyingKey {
    let anchors: serde_json::Value =
        serde_json::from_str(include_str!("../../../tests/vectors/good-query-12.anchors.json")).unwrap();
    VerifyingKey::parse(&anchors["verifying_keys"][0].to_string()).unwrap()
}

/// The key of a member.
pub fn key(name: &str) -> MemberKey {
    MemberKey::from_bytes(cohortium_protocol::hash::Digest::of_bytes(name.as_bytes()).as_bytes())
}

pub fn member(name: &str, role: Role) -> Member {
    let class = (role == Role::Sponsor).then_some(SponsorClass::Academic);
    Member { name: name.to_owned(), role, class, key: key(name).public() }
}

/// A charter of an operator, a board, a sponsor and so many hospitals.
pub fn charter(hospitals: usize) -> Charter {
    let verifying = verifying_key();
    let mut members = vec![
        member("The operator", Role::Operator),
        member("The board", Role::Board),
        member("University of the Coast", Role::Sponsor),
    ];
    members.extend((0..hospitals).map(|number| member(&hospital(number), Role::Hospital)));
    Charter {
        name: "trial".to_owned(),
        founded: "2026-11-24".parse().unwrap(),
        members,
        verifying_keys: vec![KeyPin { shape: verifying.shape().name.to_owned(), id: verifying.id() }],
        accept_development_keys: true,
        acceptance_seconds: 86_400,
        answer_seconds: 86_400,
        opening_share: 64,
        consents: None,
    }
}

pub fn hospital(number: usize) -> String {
    format!("hospital {number}")
}

/// Founds a ledger.
pub fn found(folder: &Path, charter: &Charter) -> Home {
    node::found(folder, charter, "The operator", &key("The operator"), &[verifying_key()]).unwrap()
}

/// A policy that is another for every number, up to 199.
pub fn policy(number: u32) -> Policy {
    Policy::new(3 + 5 * (number % 199), 5, true, Sums::Restrained).unwrap()
}

/// The cheapest transaction there is.
pub fn floor(ledger: &str, hospital: &str, number: u32) -> Transaction {
    Transaction::sign(ledger, hospital, Statement::Floor { number, policy: policy(number) }, &key(hospital))
}

/// A ledger that is served.
pub struct Place {
    pub folder: tempfile::TempDir,
    pub ledger: Arc<Ledger>,
    pub running: Running,
}

/// No limits of rate, nor of connections from one address.
pub fn unlimited() -> Config {
    let most = std::num::NonZeroU32::new(1_000_000).unwrap();
    Config {
        rates: cohortium_server::http::Rates { reads: most, writes: most, plans: most },
        address_connections: usize::MAX,
        shutdown_seconds: 1,
        ..Config::default()
    }
}

impl Place {
    pub fn new(hospitals: usize, config: Config) -> Self {
        Self::in_folder(&std::env::temp_dir(), hospitals, config)
    }

    pub fn in_folder(folder: &Path, hospitals: usize, config: Config) -> Self {
        Self::set(folder, hospitals, config, Settings::new(Metrics::new().unwrap()))
    }

    pub fn set(folder: &Path, hospitals: usize, config: Config, settings: Settings) -> Self {
        let folder = tempfile::tempdir_in(folder).unwrap();
        let home = found(&folder.path().join("ledger"), &charter(hospitals));
        let (ledger, _) = Ledger::open(home, settings).unwrap();
        let ledger = Arc::new(ledger);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let running = cohortium_server::http::spawn(ledger.clone(), listener, config).unwrap();
        Self { folder, ledger, running }
    }

    pub fn address(&self) -> SocketAddr {
        self.running.address
    }

    pub fn home(&self) -> PathBuf {
        self.folder.path().join("ledger")
    }

    pub fn floor(&self, hospital: &str, number: u32) -> Vec<u8> {
        floor(self.ledger.id(), hospital, number).canonical()
    }
}
