//! The exchange before any question: members, a charter, the ledger service, hospitals that register, a board that
//! approves.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::failure::Failure;
use crate::plain::Site;
use crate::print;
use crate::programs::{Programs, Service};
use crate::questions::{QUESTIONS, Sums};
use crate::setup::{KEY, NOISE_KEY, example, made, query_file, read_json, write_json};

/// The sponsor's name, as in the approval.
pub(crate) const SPONSOR: &str = "Example University";
const BOARD: &str = "Ethics board";
const OPERATOR: &str = "Operator";
/// How long the ledger service may take to answer for the first time.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where everything of the exchange is.
pub(crate) struct Exchange {
    pub(crate) server: Service,
    pub(crate) url: String,
    /// The study's name.
    pub(crate) study: String,
}

/// The charter's file.
pub(crate) fn charter() -> String {
    made("charter.json")
}

/// The anchors' file: the charter, and the verifying keys that it names.
pub(crate) fn anchors() -> String {
    made("board/anchors.json")
}

/// A hospital's home.
pub(crate) fn home(site: Site) -> String {
    made(&format!("{}/home", site.name()))
}

/// The public key that a command printed: 64 hexadecimal digits.
fn public_key(programs: &mut Programs, words: &[&str]) -> Result<String, Failure> {
    let printed = programs.done(words)?.stdout;
    let is_key = |word: &&str| word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let mut words_of = printed.split(|c: char| !c.is_ascii_alphanumeric());
    words_of.find(is_key).map(str::to_owned).ok_or_else(|| Failure::unexpected(words[0], "it printed no public key"))
}

/// A port of this machine that nobody listens on.
fn free_port() -> Result<u16, Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    listener.map(|address| address.port()).map_err(|error| Failure::unexpected("the loopback network", error))
}

/// Members make their keys, the charter names them, the service starts.
pub(crate) fn found(programs: &mut Programs) -> Result<Exchange, Failure> {
    print::heading("The exchange: five members, one charter");
    print::say(
        "Every member makes a key of their own and hands round the public half. The charter names the members, their roles and the \
         verifying key of every shape; its digest is part of the ledger's name, so that two ledgers are never taken for one \
         another.",
    );
    let (operator, board, sponsor) = (made("operator/key.json"), made("board/key.json"), made("sponsor/key.json"));
    let operator_key = public_key(programs, &["cohortium-server", "key", "--name", OPERATOR, "--out", &operator])?;
    let board_key = public_key(programs, &["cohortium-verifier", "key", "--name", BOARD, "--out", &board])?;
    let sponsor_key = public_key(programs, &["cohortium-sponsor", "key", "--name", SPONSOR, "--out", &sponsor])?;
    let mut members = vec![
        format!("operator:{OPERATOR}:{operator_key}"),
        format!("board:{BOARD}:{board_key}"),
        format!("sponsor:{SPONSOR}:{sponsor_key}:academic"),
    ];
    for site in Site::ALL {
        let home = home(site);
        let key = public_key(programs, &["cohortium-prover", "ledger", "key", "--home", &home])?;
        members.push(format!("hospital:{}:{key}", site.name()));
    }
    let (charter, keys) = (charter(), [made(KEY), made(NOISE_KEY)]);
    let mut words = vec!["cohortium-server", "charter", "--name", "breast-cancer-demo"];
    for member in &members {
        words.extend(["--member", member]);
    }
    for key in &keys {
        words.extend(["--verifying-key", key]);
    }
    words.extend(["--accept-development-keys", "--out", &charter]);
    print::quote(&programs.done(&words)?.stdout);
    print::say(
        "This charter ACCEPTS DEVELOPMENT KEYS, so that audits below can end with exit status 0. A real one would not: without \
         that line, releases under such keys are not even admitted.",
    );

    print::heading("The ledger service");
    let (listen, server_home) = (format!("127.0.0.1:{}", free_port()?), made("ledger"));
    let words = ["cohortium-server", "found", "--home", &server_home, "--charter", &charter, "--key", &operator];
    let named = ["--verifying-key", &keys[0], "--verifying-key", &keys[1]];
    programs.done(&[&words[..], &named].concat())?;
    let server = programs.start(&["cohortium-server", "serve", "--home", &server_home, "--listen", &listen])?;
    let url = format!("http://{listen}");
    programs.export("COHORTIUM_LEDGER", &url);
    programs.export("COHORTIUM_CHARTER", &charter);
    wait(&listen)?;
    let study = read_json(&example("approval.json"))?["study"].as_str().unwrap_or_default().to_owned();
    Ok(Exchange { server, url, study })
}

/// Waits until the service takes connections.
pub(crate) fn wait(listen: &str) -> Result<(), Failure> {
    let began = Instant::now();
    while std::net::TcpStream::connect(listen).is_err() {
        if began.elapsed() > PATIENCE {
            return Err(Failure::unexpected("the ledger service", format!("nobody answers at {listen}")));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// A hospital pins the charter, registers what it has, and says what it answers without being asked.
pub(crate) fn join(programs: &mut Programs, site: Site, url: &str) -> Result<(), Failure> {
    let (home, charter, rules) = (home(site), charter(), example("rules.json"));
    let prover = "cohortium-prover";
    programs.done(&[prover, "ledger", "join", "--home", &home, "--url", url, "--charter", &charter])?;
    let registered = programs.done(&[prover, "ledger", "register", "--home", &home])?;
    print::quote(&registered.stdout);
    programs.done(&[prover, "rules", "--home", &home, "--set", &rules])?;
    Ok(())
}

/// The board looks at plans, names some, signs the study offline; anybody may post what it signed.
pub(crate) fn approve(programs: &mut Programs) -> Result<(), Failure> {
    print::heading("Ethics board");
    print::say(
        "The board approves the study under a policy: groups of fewer than 8 patients are suppressed, counts are rounded to 5, \
         an empty group shows as 0. Sums are exact for the plans that it has looked at and named, restrained for all others. \
         It names every plan but the last. It signs offline; queries are then permitted by scope, not one by one.",
    );
    let mut named = Vec::new();
    for question in QUESTIONS.iter().filter(|question| !matches!(question.sums, Sums::Restrained { .. })) {
        let schema = example("schema.json");
        let plan: Value = programs
            .done(&["cohortium-prover", "plan", &query_file(question), "--schema", &schema, "--json"])?
            .json()?;
        let digest = plan["digest"].as_str().ok_or_else(|| Failure::unexpected("the plan", "it has no digest"))?;
        print::quote(&format!("{}: plan {digest}", question.file));
        named.push(Value::from(digest));
    }
    let mut approval = read_json(&example("approval.json"))?;
    approval["exact_plans"] = named.into();
    let (query, schema) = (crate::consent::question(), example("schema.json"));
    let plan: Value = programs.done(&["cohortium-prover", "plan", &query, "--schema", &schema, "--json"])?.json()?;
    approval["near_plans"] = vec![plan["digest"].clone()].into();
    let (path, signed, key, charter) =
        (made("board/approval.json"), made("board/study.json"), made("board/key.json"), charter());
    write_json(&path, &approval)?;
    print::say(&format!(
        "{path} is {} with these four digests as exact_plans, and as near_plans the plan that counts consenting patients.",
        example("approval.json")
    ));
    print::say(
        "The policy allows noise for those who ask for it, and says what a query, the study and a table may spend. So the board commits \
         to a nonce for each of 1,024 queries too.",
    );
    let words = ["cohortium-verifier", "approve", &path, "--key", &key, "--charter", &charter, "--yes"];
    print::quote(&programs.done(&[&words[..], &["--out", &signed]].concat())?.stdout);
    programs.done(&["cohortium-sponsor", "post", &signed])?;

    let (anchors, keys) = (anchors(), [made(KEY), made(NOISE_KEY)]);
    let words =
        ["cohortium-sponsor", "anchors", "--verifying-key", &keys[0], "--verifying-key", &keys[1], "--out", &anchors];
    print::quote(&programs.done(&words)?.stdout);
    print::say(
        "These anchors hold the charter: what its members signed on the ledger counts. Like the charter they ACCEPT DEVELOPMENT \
         KEYS; a board that cares would not, and then its audits end with \"not covered\".",
    );
    Ok(())
}
