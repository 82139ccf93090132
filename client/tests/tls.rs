//! TLS as it is: a service behind a certificate, and whom the client believes.

#![allow(clippy::unwrap_used)] // a test stops where it fails

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;

use cohortium_client::{ClientError, LedgerClient, Settings};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, Stream};

/// What the service says: a checkpoint, whatever it is asked.
const NOTE: &str = "a note";

/// An authority of a test.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = parameters.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(parameters, key), pem }
    }

    /// A service on this machine that shows a certificate for `name`; gives its port.
    fn serve(&self, name: &str) -> u16 {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for mut tcp in listener.incoming().flatten() {
                let mut connection = ServerConnection::new(config.clone()).unwrap();
                let mut tls = Stream::new(&mut connection, &mut tcp);
                let (mut head, mut piece) = (Vec::new(), [0; 1024]);
                while !head.ends_with(b"\r\n\r\n") {
                    // A client that does not believe the certificate goes away.
                    match tls.read(&mut piece) {
                        Ok(0) | Err(_) => break,
                        Ok(read) => head.extend_from_slice(&piece[..read]),
                    }
                }
                let length = NOTE.len();
                let _ = write!(tls, "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{NOTE}");
                let _ = tls.flush();
            }
        });
        port
    }
}

fn fetch(port: u16, certificates: Option<&str>) -> Result<String, ClientError> {
    let settings = Settings { certificates: certificates.map(|pem| pem.as_bytes().to_vec()), ..Settings::default() };
    LedgerClient::with_settings(&format!("https://localhost:{port}"), &settings)?.checkpoint()
}

#[test]
fn a_certificate_is_believed_for_its_name_under_the_authority_that_was_given() {
    let (own, other) = (Authority::new(), Authority::new());
    let port = own.serve("localhost");
    assert_eq!(fetch(port, Some(&own.pem)).unwrap(), NOTE);
    // Several authorities in one file.
    assert_eq!(fetch(port, Some(&format!("{}{}", other.pem, own.pem))).unwrap(), NOTE);
    // Nobody vouches for it: neither the public authorities nor another hospital's.
    for certificates in [None, Some(other.pem.as_str())] {
        let refused = fetch(port, certificates).unwrap_err();
        assert!(refused.to_string().contains("certificate"), "{refused}");
    }
    // Another service's certificate, by the right authority.
    let refused = fetch(own.serve("ledger.example.org"), Some(&own.pem)).unwrap_err();
    assert!(refused.to_string().contains("certificate"), "{refused}");
}

#[test]
fn what_holds_no_certificate_is_refused_before_anything_is_fetched() {
    let refused = fetch(9, Some("no certificate")).unwrap_err();
    assert!(matches!(refused, ClientError::Certificates { .. }), "{refused}");
}
