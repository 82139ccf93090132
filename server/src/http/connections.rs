//! Connections: how many one address may have at one time, and how long a peer may read nothing.

use std::any::Any;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::net::Shutdown;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use actix_web::ResponseError;
use actix_web::dev::Extensions;
use actix_web::rt::net::TcpStream;
use socket2::SockRef;

use super::address::Proxies;
use super::address::party;
use super::problem::PROBLEM_JSON;
use super::problem::Problem;
use crate::metrics::Metrics;

/// The connections that are open, by address.
pub(super) struct Connections {
    most: usize,
    patience: Duration,
    proxies: Arc<Proxies>,
    metrics: Metrics,
    held: Mutex<BTreeMap<IpAddr, usize>>,
}

/// A connection that counts, until it ends.
struct Held {
    connections: Arc<Connections>,
    from: Option<IpAddr>,
}

/// A connection that is one too many: it is being closed, and nothing that comes on it is worked on.
pub(super) struct Surplus {
    /// How many the address may have.
    pub(super) most: usize,
}

impl Connections {
    /// So many from one address at one time, unless it is a trusted proxy's; and so long may a peer read nothing of what
    /// is sent to it.
    pub(super) fn new(most: usize, patience: Duration, proxies: Arc<Proxies>, metrics: Metrics) -> Arc<Self> {
        Arc::new(Self { most, patience, proxies, metrics, held: Mutex::default() })
    }

    /// What is done about a connection that was made. What is put into its extensions is dropped when it ends.
    pub(super) fn opened(self: &Arc<Self>, stream: &dyn Any, extensions: &mut Extensions) {
        let Some(stream) = stream.downcast_ref::<TcpStream>() else { return };
        let socket = SockRef::from(stream);
        // Without the option a peer that reads nothing is kept until it goes: it holds a place of its address, no more.
        #[cfg(target_os = "linux")]
        let _ = socket.set_tcp_user_timeout(Some(self.patience));
        let from = stream.peer_addr().ok().map(|peer| peer.ip());
        let from = from.filter(|address| !self.proxies.trusts(*address)).map(party);
        match self.hold(from) {
            Some(held) => {
                extensions.insert(held);
            }
            None => {
                self.metrics.refused_connections.inc();
                extensions.insert(Surplus { most: self.most });
                // As far as it goes at once; then the server finds the connection at its end.
                let _ = socket.send(&surplus(self.most));
                let _ = socket.shutdown(Shutdown::Both);
            }
        }
    }

    /// A place among those of an address, if there is one left.
    fn hold(self: &Arc<Self>, from: Option<IpAddr>) -> Option<Held> {
        if let Some(from) = from {
            let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
            let of_this = held.get(&from).copied().unwrap_or(0);
            if of_this >= self.most {
                return None;
            }
            held.insert(from, of_this + 1);
        }
        self.metrics.connections.inc();
        Some(Held { connections: self.clone(), from })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.connections.metrics.connections.dec();
        let Some(from) = self.from else { return };
        let mut held = self.connections.held.lock().unwrap_or_else(PoisonError::into_inner);
        match held.get_mut(&from) {
            Some(of_this) if *of_this > 1 => *of_this -= 1,
            _ => drop(held.remove(&from)),
        }
    }
}

/// What is said on a connection that is one too many.
pub(super) fn too_many(most: usize) -> Problem {
    Problem::busy(format!(
        "this address has {most} connections, as many as one address may have; close some, or come again in a moment"
    ))
}

/// The same as bytes: there is no request yet that could be answered.
fn surplus(most: usize) -> Vec<u8> {
    let problem = too_many(most);
    let body = problem.body();
    let (status, length) = (problem.status_code(), body.len());
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {PROBLEM_JSON}\r\nContent-Length: {length}\r\nRetry-After: 1\r\nConnection: close\r\n\r\n"
    );
    [head.as_bytes(), &body].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_has_so_many_and_gets_new_ones_for_those_that_end() {
        let connections =
            Connections::new(2, Duration::from_secs(1), Arc::new(Proxies::new(&[])), Metrics::new().unwrap());
        let address = |last| Some(IpAddr::from([10, 0, 0, last]));
        let first = connections.hold(address(1)).unwrap();
        let second = connections.hold(address(1)).unwrap();
        assert!(connections.hold(address(1)).is_none());
        let other = connections.hold(address(2)).unwrap();
        drop(first);
        let third = connections.hold(address(1)).unwrap();
        assert!(connections.hold(address(1)).is_none());
        assert_eq!(connections.metrics.connections.get(), 3);
        drop((second, third, other));
        assert_eq!(connections.metrics.connections.get(), 0);
        assert!(connections.held.lock().unwrap().is_empty(), "all is given back");
    }
}
