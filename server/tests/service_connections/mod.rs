//! Connections: how many one address has, and what becomes of peers that read nothing.

use std::io;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::net::TcpStream;
use std::time::Duration;
use std::time::Instant;

use cohortium_server::http::Config;
use socket2::Domain;
use socket2::Socket;
use socket2::Type;

use crate::service_common::http::Connection;
use crate::service_common::*;

/// An address of the loopback network.
const OTHER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 0, 2));

/// A connection from an address of one's own, with a buffer of so many bytes for what comes.
fn stream(from: IpAddr, to: SocketAddr, buffer: Option<usize>) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    if let Some(bytes) = buffer {
        socket.set_recv_buffer_size(bytes)?;
    }
    socket.bind(&SocketAddr::new(from, 0).into())?;
    socket.connect(&to.into())?;
    Ok(socket.into())
}

fn connect(from: IpAddr, to: SocketAddr) -> Connection {
    Connection::over(stream(from, to, None).unwrap()).unwrap()
}

/// Asks over one connection, which is counted too, until so many are open.
fn until_open(watcher: &mut Connection, number: usize) {
    let begun = Instant::now();
    loop {
        let metrics = watcher.get("/metrics").unwrap().text();
        if metrics.contains(&format!("\ncohortium_http_connections {number}\n")) {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "not {number}: {metrics}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn one_address_cannot_hold_all_connections() {
    const ALL: usize = 64;
    const ONE: usize = 8;
    let patience = Duration::from_secs(120);
    let (connections, address_connections) = (ALL, ONE);
    let config =
        Config { connections, address_connections, keep_alive: patience, head_patience: patience, ..unlimited() };
    let place = Place::new(1, config);
    let localhost = IpAddr::from([127, 0, 0, 1]);
    // Twice as many as there are for all, and they stay, with heads that are not complete.
    let mut many: Vec<Connection> = (0..2 * ALL).map(|_| connect(localhost, place.address())).collect();
    for connection in &mut many {
        let _ = connection.raw(b"GET /v1/health HTTP/1.1\r\nHost: l\r\n");
    }
    let mut other = connect(OTHER, place.address());
    assert_eq!(other.get("/v1/health").unwrap().status, 200);
    until_open(&mut other, ONE + 1);
    let metrics = other.get("/metrics").unwrap().text();
    let refused = format!("\ncohortium_http_connections_refused_total {}\n", 2 * ALL - ONE);
    assert!(metrics.contains(&refused), "{metrics}");
    let posted = other.post("/v1/transactions", &place.floor(&hospital(0), 1)).unwrap();
    assert_eq!(posted.status, 201, "{}", posted.text());

    // One that is closed is told why, if it listens.
    let answer = connect(localhost, place.address()).answer().unwrap();
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert!(answer.problem(503, "busy").contains("this address has 8 connections"));
    // Those that were let in are there; when they end there is room again.
    let answers = many.iter_mut().map(|connection| {
        let _ = connection.raw(b"\r\n");
        connection.answer().is_ok_and(|answer| answer.status == 200)
    });
    assert_eq!(answers.filter(|served| *served).count(), ONE);
    drop(many);
    until_open(&mut other, 1);
    assert_eq!(connect(localhost, place.address()).get("/v1/health").unwrap().status, 200);
}

#[test]
fn a_peer_that_reads_nothing_is_ended() {
    let place = Place::new(1, Config { reader_patience: Duration::from_secs(2), ..unlimited() });
    let mut watcher = connect(OTHER, place.address());
    let small = stream(OTHER, place.address(), Some(4096)).unwrap();
    let mut silent = Connection::over(small).unwrap();
    until_open(&mut watcher, 2);
    // More than the systems' buffers on the way take.
    for _ in 0..16 {
        silent.raw(b"GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: l\r\n\r\n").unwrap();
    }
    let begun = Instant::now();
    until_open(&mut watcher, 1);
    assert!(begun.elapsed() > Duration::from_secs(1), "not because of something else");
    drop(silent);
}
