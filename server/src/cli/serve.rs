//! Serving a ledger, until a signal or until it cannot go on.

use std::future::Future;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::rt;
use cohortium_protocol::ledger::MAX_TRANSACTION_BYTES;
use serde_json::json;

use super::args::FoundingArgs;
use super::args::ServeArgs;
use super::console::Console;
use super::console::Failure;
use super::console::Outcome;
use super::console::Report;
use super::make::found_home;
use super::whole::about;
use crate::http;
use crate::http::ADDRESS_PART;
use crate::http::Config;
use crate::http::Rates;
use crate::metrics::Metrics;
use crate::node::Home;
use crate::node::HomeError;
use crate::node::Ledger;
use crate::node::Opened;
use crate::node::Settings;
use crate::node::read_charter;
use crate::store::IndexState;

/// Opens the home, or founds it if there is none and there is something to found it with.
fn home(console: &Console, args: &ServeArgs) -> Result<Home, Failure> {
    let folder = &args.home.home;
    match (Home::open(folder), &args.charter, &args.key) {
        (Ok(home), Some(charter), _) => {
            let (given, there) = (read_charter(charter)?.digest(), home.charter().digest());
            if given != there {
                let sentence = format!(
                    "the ledger in {} was founded by the charter {there}, not by {} ({given})",
                    folder.display(),
                    charter.display()
                );
                return Err(Failure::refused(sentence));
            }
            Ok(home)
        }
        (Err(HomeError::Missing { .. }), Some(charter), Some(key)) => {
            let (charter, key) = (charter.clone(), key.clone());
            let founding = FoundingArgs { charter, key, verifying_keys: args.verifying_keys.clone() };
            let home = found_home(folder, &founding)?;
            console.note(&format!("The ledger {} is founded in {}.", home.charter().ledger(), folder.display()));
            Ok(home)
        }
        (home, ..) => Ok(home?),
    }
}

/// What an operator should know of how the ledger was opened.
fn notes(opened: &Opened) -> Vec<String> {
    let mut lines = about(&opened.recovery);
    match &opened.index {
        IndexState::Current => {}
        IndexState::Behind(tip) => {
            lines.push(format!("The index ended at block {}; the blocks after it were put.", tip.height));
        }
        IndexState::Rebuilt { reason } if opened.snapshot.height > 0 => {
            lines.push(format!("The index was made again from the block log: {reason}."));
        }
        IndexState::Rebuilt { .. } => {}
    }
    lines
}

pub(super) fn run(console: &Console, args: &ServeArgs) -> Outcome {
    let home = home(console, args)?;
    let mut settings = Settings::new(Metrics::new().map_err(Failure::cannot_tell)?);
    settings.acceptance = args.home.acceptance();
    if let Some(verifiers) = args.verifiers {
        settings.verifiers = verifiers.get() as usize;
    }
    let folder = home.folder().to_owned();
    let (ledger, opened) = Ledger::open(home, settings)?;
    for line in notes(&opened) {
        console.note(&line);
    }
    let ledger = Arc::new(ledger);
    let cannot_listen = |error| Failure::cannot_tell(format!("cannot listen on {}: {error}", args.listen));
    let listener = TcpListener::bind(args.listen).map_err(cannot_listen)?;
    let address = listener.local_addr().map_err(cannot_listen)?;
    let connections = args.connections.get() as usize;
    let address_connections =
        args.address_connections.map_or(connections.div_ceil(ADDRESS_PART), |most| most.get() as usize);
    let upload_bytes = args.upload_bytes as usize;
    let share = || (upload_bytes / ADDRESS_PART).max(MAX_TRANSACTION_BYTES);
    let address_upload_bytes = args.address_upload_bytes.map_or_else(share, |most| most as usize);
    let config = Config {
        rates: Rates { reads: args.reads_per_second, writes: args.writes_per_second, plans: args.plans_per_second },
        connections,
        address_connections,
        upload_bytes,
        address_upload_bytes,
        trusted_proxies: args.trusted_proxies.clone(),
        body_patience: Duration::from_secs(u64::from(args.body_seconds.get())),
        ..Config::default()
    };
    let (id, snapshot) = (ledger.id().to_owned(), opened.snapshot);
    let (height, size) = (snapshot.height, snapshot.size);
    rt::System::new().block_on(async {
        let server = http::serve(ledger.clone(), listener, &config).map_err(cannot_listen)?;
        watch(&ledger, server.handle());
        on_signals(&server.handle()).map_err(cannot_listen)?;
        let text = format!(
            "Serving the ledger {id} of {} at http://{address} ({height} blocks, {size} transactions).\nWhat there is: \
             http://{address}/docs/",
            folder.display()
        );
        let address = address.to_string();
        console.show(Report::new(text, json!({ "listening": address, "ledger": id, "height": height, "size": size })));
        server.await.map_err(cannot_listen)?;
        Ok::<_, Failure>(())
    })?;
    ledger.close();
    if let Some(reason) = ledger.health().stopped {
        let sentence = format!(
            "the ledger has stopped: {reason}. Nothing that was acknowledged is lost; what was not may be posted again \
             after the next start"
        );
        return Err(Failure::cannot_tell(sentence));
    }
    let snapshot = ledger.health().snapshot;
    let (height, size) = (snapshot.height, snapshot.size);
    let text = format!("Stopped at block {height}, with {size} transactions.");
    Ok(Report::new(text, json!({ "stopped": true, "height": height, "size": size })))
}

/// Ends the server when the ledger cannot go on.
fn watch(ledger: &Ledger, handle: ServerHandle) {
    if let Some(failure) = ledger.failure() {
        rt::spawn(async move {
            failure.await;
            handle.stop(false).await;
        });
    }
}

/// Ends the server in order on SIGTERM and ctrl-c.
fn on_signals(handle: &ServerHandle) -> std::io::Result<()> {
    #[cfg(unix)]
    {
        let mut terminate = rt::signal::unix::signal(rt::signal::unix::SignalKind::terminate())?;
        stop_after(handle, async move {
            terminate.recv().await;
        });
    }
    stop_after(handle, async {
        // If it cannot be listened for, the system's own way of ending a process is left.
        if rt::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    });
    Ok(())
}

fn stop_after(handle: &ServerHandle, signal: impl Future<Output = ()> + 'static) {
    let handle = handle.clone();
    rt::spawn(async move {
        signal.await;
        handle.stop(true).await;
    });
}
