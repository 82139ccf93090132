//! The program as a process, and homes for it.

use std::fs;
use std::io::BufRead;
use std::io::BufReader;
use std::net::SocketAddr;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;

use cohortium_server::metrics::Metrics;
use cohortium_server::node::Ledger;
use cohortium_server::node::Settings;

use crate::service_common::*;

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_cohortium-server");

/// Runs the program to its end: exit code, standard output, standard error.
pub(crate) fn run(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(PROGRAM).args(arguments).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

/// A service as a process.
pub(crate) struct Served {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Served {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(PROGRAM)
            .args(["serve", "--listen", "127.0.0.1:0", "--json", "--writes-per-second", "1000000"])
            .args(["--reads-per-second", "1000000"])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let Ok(json) = serde_json::from_str::<serde_json::Value>(&line) else {
            let output = child.wait_with_output().unwrap();
            panic!("{line}{}", String::from_utf8_lossy(&output.stderr));
        };
        let address = json["listening"].as_str().unwrap_or_else(|| panic!("{json}")).parse().unwrap();
        Self { child, address }
    }

    /// Ends it as an operator does; what it said on the standard error.
    pub(crate) fn terminate(self) -> String {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let output = self.child.wait_with_output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{error}");
        error
    }

    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// A home with so many floors in it, each in a block of its own.
pub(crate) fn home_with(folder: &Path, floors: u32) -> PathBuf {
    let home = folder.join("ledger");
    let (ledger, _) = Ledger::open(found(&home, &charter(1)), Settings::new(Metrics::new().unwrap())).unwrap();
    for number in 1..=floors {
        let transaction = floor(ledger.id(), &hospital(0), number);
        let receipt = ledger.submit(transaction, 1000).unwrap().wait().unwrap().unwrap();
        assert_eq!((receipt.height, receipt.already), (u64::from(number), false));
    }
    home
}

pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

pub(crate) fn arg(path: &Path) -> &str {
    path.to_str().unwrap()
}
