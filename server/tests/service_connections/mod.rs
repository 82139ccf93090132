//! Connections: how many one address has, and what becomes of peers that read nothing.

use std::io;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::net::TcpStream;
use std::num::NonZeroU32;
use std::time::Duration;
use std::time::Instant;

use cohortium_server::http::Config;
use socket2::Domain;
use socket2::Socket;
use socket2::Type;

use crate::service_busy::until_held;
use crate::service_common::http::Answer;
use crate::service_common::http::Connection;
use crate::service_common::*;

/// Two addresses of the loopback network.
const LOCALHOST: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
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
    // Twice as many as there are for all, and they stay, with heads that are not complete.
    let mut many: Vec<Connection> = (0..2 * ALL).map(|_| connect(LOCALHOST, place.address())).collect();
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
    let answer = connect(LOCALHOST, place.address()).answer().unwrap();
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
    assert_eq!(connect(LOCALHOST, place.address()).get("/v1/health").unwrap().status, 200);
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

/// A request for somebody, with a body if there is one.
fn handed_on(connection: &mut Connection, forwarded_for: &str, body: Option<&[u8]>) -> Answer {
    let head = format!("Host: l\r\nX-Forwarded-For: {forwarded_for}\r\n");
    let bytes = match body {
        None => format!("GET /v1/health HTTP/1.1\r\n{head}\r\n").into_bytes(),
        Some(body) => {
            let (length, kind) = (body.len(), "application/json");
            let head = format!("{head}Content-Type: {kind}\r\nContent-Length: {length}\r\n");
            [format!("POST /v1/transactions HTTP/1.1\r\n{head}\r\n").as_bytes(), body].concat()
        }
    };
    connection.raw(&bytes).unwrap();
    connection.answer().unwrap()
}

#[test]
fn behind_a_trusted_proxy_every_client_has_a_rate_of_its_own_and_nobody_else_is_believed() {
    let mut config = Config { trusted_proxies: vec![OTHER], ..unlimited() };
    config.rates.reads = NonZeroU32::MIN;
    let place = Place::new(1, config);
    let mut proxy = connect(OTHER, place.address());
    let mut until_refused = |forwarded_for: &str| {
        let refused = (0..30).find(|_| handed_on(&mut proxy, forwarded_for, None).status == 429);
        refused.unwrap_or_else(|| panic!("thirty at once are too many for {forwarded_for}"))
    };
    assert!(until_refused("192.0.2.1") > 1);
    // Whatever a client writes itself stands before what the proxy notes.
    assert_eq!(until_refused("192.0.2.9, 192.0.2.1"), 0);
    assert!(until_refused("192.0.2.2") > 1);
    assert!(until_refused("nobody") > 1, "the proxy's own");
    assert!(until_refused("192.0.2.3, 127.0.0.2") > 1, "through the same proxy twice");
    let mut stranger = connect(LOCALHOST, place.address());
    let refused =
        (0..30).any(|number| handed_on(&mut stranger, &format!("192.0.2.{}", 10 + number), None).status == 429);
    assert!(refused, "a stranger has one rate, whatever it says");
}

#[test]
fn behind_a_trusted_proxy_every_client_has_a_share_of_its_own_and_the_proxy_its_connections() {
    const ALL: usize = 1 << 20;
    let (trusted_proxies, address_connections) = (vec![OTHER], 2);
    let (upload_bytes, address_upload_bytes) = (ALL, ALL / 8);
    let config = Config { trusted_proxies, address_connections, upload_bytes, address_upload_bytes, ..unlimited() };
    let place = Place::new(1, config);
    let mut connections: Vec<Connection> = (0..8).map(|_| connect(OTHER, place.address())).collect();
    // A body that does not go on, of one client.
    let head = "POST /v1/transactions HTTP/1.1\r\nHost: l\r\nContent-Type: application/json\r\n";
    let head = format!("{head}X-Forwarded-For: 192.0.2.1\r\nContent-Length: {}\r\n\r\n", ALL / 8);
    connections[0].raw(&[head.as_bytes(), &vec![b' '; ALL / 8 - 1]].concat()).unwrap();
    until_held(&place, ALL / 8 - 1);
    let refused = handed_on(&mut connections[1], "192.0.2.1", Some(b"{}"));
    assert!(refused.problem(503, "busy").contains("from this address"));
    let body = place.floor(&hospital(0), 1);
    for connection in &mut connections[2..] {
        let answer = handed_on(connection, "192.0.2.2", Some(&body));
        assert!([200, 201].contains(&answer.status), "{}", answer.text());
    }
}
