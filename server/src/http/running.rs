//! A service on a thread of its own, for programs that do something else as well.

use std::io;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::thread::JoinHandle;

use actix_web::dev::ServerHandle;
use actix_web::rt;

use super::Config;
use super::serve;
use crate::node::Ledger;

/// A service that runs. Dropped, it stops as if killed in the middle of its requests.
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    handle: ServerHandle,
    thread: Option<JoinHandle<io::Result<()>>>,
}

/// Serves a ledger on a thread.
pub fn spawn(ledger: Arc<Ledger>, listener: TcpListener, config: Config) -> io::Result<Running> {
    let address = listener.local_addr()?;
    let (started, handle) = mpsc::channel();
    let run = move || {
        rt::System::new().block_on(async move {
            match serve(ledger, listener, &config) {
                Ok(server) => {
                    let _ = started.send(Ok(server.handle()));
                    server.await
                }
                Err(error) => {
                    let _ = started.send(Err(error));
                    Ok(())
                }
            }
        })
    };
    let thread = thread::Builder::new().name("http".to_owned()).spawn(run)?;
    let handle = handle.recv().map_err(io::Error::other)??;
    Ok(Running { address, handle, thread: Some(thread) })
}

impl Running {
    fn end(&mut self, in_order: bool) -> io::Result<()> {
        let Some(thread) = self.thread.take() else { return Ok(()) };
        // The command is in the server's queue when this returns; the answer is not needed.
        drop(self.handle.stop(in_order));
        thread.join().unwrap_or_else(|_| Err(io::Error::other("the service panicked")))
    }

    /// Stops after the requests that are being answered.
    pub fn stop(mut self) -> io::Result<()> {
        self.end(true)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.end(false);
    }
}
