//! Opening a ledger: the log is read and replayed whole, the index is held against it and filled.

use std::io;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::OnceLock;
use std::sync::RwLock;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc;
use std::thread;

use cohortium_protocol::ledger::Checkpoint;
use cohortium_verifier::ledger::Founding;
use cohortium_verifier::ledger::State;
use cohortium_verifier::ledger::Trust;
use cohortium_verifier::ledger::parse_block;

use super::answer::Promise;
use super::entries::of_block;
use super::error::OpenError;
use super::home::Home;
use super::ledger::Doors;
use super::ledger::Inner;
use super::ledger::Ledger;
use super::ledger::Settings;
use super::ledger::Shared;
use super::read::Chain;
use super::read::Snapshot;
use super::verify;
use super::writer::Writer;
use crate::store::Acceptance;
use crate::store::BlockLog;
use crate::store::Index;
use crate::store::IndexState;
use crate::store::Indexed;
use crate::store::Position;
use crate::store::Recovery;
use crate::store::open_index;

/// What was found when a ledger was opened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Opened {
    /// About the log.
    pub recovery: Recovery,
    /// About the index. Whatever it was, it is current now.
    pub index: IndexState,
    /// Where the ledger is.
    pub snapshot: Arc<Snapshot>,
}

/// What a check of the whole log came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Checked {
    /// The ledger's id.
    pub ledger: String,
    /// About the log.
    pub recovery: Recovery,
    /// Blocks.
    pub height: u64,
    /// Transactions.
    pub size: u64,
    /// Releases whose proofs were verified.
    pub proofs: u64,
    /// The last checkpoint.
    pub checkpoint: String,
}

/// The log's content.
struct Replayed {
    state: State,
    founding: Vec<u8>,
    checkpoint: Option<String>,
    proofs: u64,
}

fn replay(home: &Home, log: &BlockLog, trust: Trust, each: &mut dyn FnMut(u64)) -> Result<Replayed, OpenError> {
    let chain = |record| move |source| OpenError::Chain { record, source: Box::new(source) };
    let mut records = log.records_after(None)?;
    let Some(first) = records.next() else { return Err(OpenError::NotFounded { path: home.log() }) };
    let (_, founding) = first?;
    let document = Founding::parse(&founding).map_err(chain(0))?;
    if document.charter != *home.charter() {
        return Err(OpenError::OtherCharter);
    }
    let mut state = document.found().map_err(chain(0))?;
    let (mut last, mut proofs) = (None, 0);
    for record in records {
        let (position, bytes) = record?;
        let block = parse_block(position.number, &bytes).map_err(chain(position.number))?;
        state.add_block(&block, trust).map_err(chain(position.number))?;
        proofs += block.transactions.iter().filter(|one| one.statement.kind() == "release").count() as u64;
        each(position.number);
        last = Some(block);
    }
    if let Some(block) = &last {
        state.check_digest(block).map_err(chain(block.height))?;
    }
    let checkpoint = last.map(|block| block.checkpoint);
    Ok(Replayed { state, founding, checkpoint, proofs })
}

/// Puts the log's records after a position into the index.
pub(super) fn fill(log: &BlockLog, index: &dyn Index, ledger: &str, after: Option<&Position>) -> Result<(), OpenError> {
    for record in log.records_after(after)? {
        let (position, bytes) = record?;
        let number = position.number;
        if number == 0 {
            // The founding has the height 0 and the chain's name: so an index that holds nothing else is not empty.
            index.put(0, Indexed { hash: log.chain(), position }, &[])?;
            continue;
        }
        let block = parse_block(number, &bytes)
            .map_err(|source| OpenError::Chain { record: number, source: Box::new(source) })?;
        index.put(number, Indexed { hash: block.digest(ledger), position }, &of_block(&block, ledger))?;
    }
    Ok(())
}

/// The operator's checkpoint of a ledger without blocks.
fn first_checkpoint(state: &State, home: &Home) -> Result<String, OpenError> {
    let checkpoint = Checkpoint {
        origin: state.ledger().to_owned(),
        size: 0,
        root: state.tree().root(),
        height: 0,
        block: state.tip(),
        time: state.time(),
    };
    Ok(checkpoint.sign(home.key())?)
}

/// Checks a home's whole log, as somebody who believes nobody: every signature, every rule, every proof. `each` is
/// told the height of each block that holds.
pub fn check(home: &Home, acceptance: Acceptance, each: &mut dyn FnMut(u64)) -> Result<Checked, OpenError> {
    let (log, recovery) = BlockLog::open(&home.log(), home.charter().digest(), acceptance)?;
    let Replayed { state, checkpoint, proofs, .. } = replay(home, &log, Trust::Nothing, each)?;
    let checkpoint = match checkpoint {
        Some(checkpoint) => checkpoint,
        None => first_checkpoint(&state, home)?,
    };
    let (height, size) = (state.height(), state.tree().len());
    Ok(Checked { ledger: state.ledger().to_owned(), recovery, height, size, proofs, checkpoint })
}

/// Writes a home's founding and every block, a record at a time; how many blocks. The log's checksums are checked, its
/// content is not: that is for whoever reads the export.
pub fn export(
    home: &Home,
    acceptance: Acceptance,
    write: &mut dyn FnMut(&[u8]) -> io::Result<()>,
) -> Result<io::Result<u64>, OpenError> {
    let (log, _) = BlockLog::open(&home.log(), home.charter().digest(), acceptance)?;
    for record in log.records_after(None)? {
        if let Err(error) = write(&record?.1) {
            return Ok(Err(error));
        }
    }
    Ok(Ok(log.count().saturating_sub(1)))
}

impl Ledger {
    /// Opens the ledger of a home, and starts its threads.
    pub fn open(home: Home, settings: Settings) -> Result<(Self, Opened), OpenError> {
        let Settings { clock, verifiers, waiting_proofs, waiting, acceptance, index, metrics } = settings;
        let (log, recovery) = BlockLog::open(&home.log(), home.charter().digest(), acceptance)?;
        let Replayed { state, founding, checkpoint, .. } = replay(&home, &log, Trust::OwnLog, &mut |_| ())?;
        let checkpoint = match checkpoint {
            Some(checkpoint) => checkpoint,
            None => first_checkpoint(&state, &home)?,
        };
        let ledger = state.ledger().to_owned();
        let (index, found): (Arc<dyn Index>, _) = match index {
            None => open_index(&home.index(), &log).map(|(index, found)| (Arc::new(index) as _, found))?,
            Some(index) => {
                index.clear()?;
                (index, IndexState::Rebuilt { reason: "it is not kept in the home".to_owned() })
            }
        };
        match &found {
            IndexState::Current => {}
            IndexState::Behind(tip) => fill(&log, &*index, &ledger, Some(&tip.position))?,
            IndexState::Rebuilt { .. } => fill(&log, &*index, &ledger, None)?,
        }
        let charter = state.charter().clone();
        let chain = Chain::new(state, checkpoint);
        let snapshot = Snapshot::of(&chain, log.tip().bytes);
        let shared = Arc::new(Shared {
            inner: RwLock::new(Inner { chain, stopped: None }),
            snapshot: Mutex::new(Arc::new(snapshot.clone())),
            index,
            index_broken: AtomicBool::new(false),
            log: log.reader(),
            founding,
            ledger,
            charter,
            clock,
            metrics,
            ended: OnceLock::new(),
        });
        shared.publish(snapshot);
        let opened = Opened { recovery, index: found, snapshot: shared.snapshot() };

        let (to_writer, jobs) = mpsc::sync_channel(waiting);
        let (to_pool, unverified) = mpsc::sync_channel(waiting_proofs);
        let (failed, failure) = Promise::pair();
        let writer = Writer { shared: shared.clone(), log, key: home.into_key(), jobs, plans: Writer::plans() };
        let writer = spawn("writer".to_owned(), move || writer.run(failed))?;
        let unverified = Arc::new(Mutex::new(unverified));
        let mut pool = Vec::new();
        for number in 1..=verifiers.max(1) {
            let (shared, unverified, to_writer) = (shared.clone(), unverified.clone(), to_writer.clone());
            let sums = verify::one_thread(number).map_err(|error| OpenError::Thread { reason: error.to_string() })?;
            let run = move || verify::run(&shared, &unverified, &to_writer, &sums);
            pool.push(spawn(format!("verifier {number}"), run)?);
        }
        let doors = Doors { writer: to_writer, pool: to_pool };
        Ok((Self::assemble(shared, doors, pool, writer, failure), opened))
    }
}

fn spawn(name: String, run: impl FnOnce() + Send + 'static) -> Result<thread::JoinHandle<()>, OpenError> {
    thread::Builder::new().name(name).spawn(run).map_err(|error| OpenError::Thread { reason: error.to_string() })
}
