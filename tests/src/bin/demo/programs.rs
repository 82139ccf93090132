//! Runs Cohortium's programs as processes of their own, and shows every command before it runs.

use std::ffi::OsString;
use std::fs;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::failure::Failure;
use crate::print;

/// Where the programs are, and where what they say is kept.
pub(crate) struct Programs {
    folder: PathBuf,
    environment: Vec<(&'static str, OsString)>,
    logs: PathBuf,
    runs: u32,
}

/// A program that goes on until it is stopped, or until the demo ends.
pub(crate) struct Service {
    child: Child,
    said: PathBuf,
}

impl Service {
    /// For a program that should end by itself: its exit status and what it said. Nothing if it goes on.
    pub(crate) fn ended(&mut self, patience: Duration) -> Result<Option<(i32, String)>, Failure> {
        let began = Instant::now();
        loop {
            let status =
                self.child.try_wait().map_err(|error| Failure::Start { program: "a service".into(), error })?;
            if let Some(status) = status {
                let said = fs::read_to_string(&self.said).map_err(Failure::file("read", &self.said))?;
                return Ok(Some((status.code().unwrap_or(-1), said)));
            }
            if began.elapsed() > patience {
                return Ok(None);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Ends it as an operator does, and waits.
    pub(crate) fn stop(&mut self) -> Result<(), Failure> {
        let pid = self.child.id().to_string();
        let asked = Command::new("kill").args(["-TERM", &pid]).status().is_ok_and(|status| status.success());
        let error = |error| Failure::Start { program: "kill".into(), error };
        if !asked {
            self.child.kill().map_err(error)?;
        }
        self.child.wait().map(drop).map_err(error)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // The demo has failed, or ends: nothing of it stays behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a command did.
pub(crate) struct Run {
    pub(crate) command: String,
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) seconds: f64,
}

impl Programs {
    /// The programs beside this one.
    pub(crate) fn beside_this(keys: PathBuf, logs: PathBuf) -> Result<Self, Failure> {
        let this = std::env::current_exe().map_err(|error| Failure::Start { program: "the demo".into(), error })?;
        fs::create_dir_all(&logs).map_err(Failure::file("make", &logs))?;
        let folder = this.parent().map(PathBuf::from).unwrap_or_default();
        Ok(Self { folder, environment: vec![("COHORTIUM_KEYS", keys.into())], logs, runs: 0 })
    }

    /// Sets a variable of the environment for every command from now on, and says so.
    pub(crate) fn export(&mut self, name: &'static str, value: &str) {
        print::line(&format!("\n$ export {name}={value}"));
        self.environment.push((name, value.into()));
    }

    /// Shows a command and starts it as a service; what it prints goes to a file.
    pub(crate) fn start(&mut self, words: &[&str]) -> Result<Service, Failure> {
        let mut command = words.iter().map(|word| quoted(word)).collect::<Vec<_>>();
        command.push("&".to_owned());
        print::command(&command);
        self.runs += 1;
        let path = self.logs.join(format!("{:02}-service.txt", self.runs));
        let file = fs::File::create(&path).map_err(Failure::file("write", &path))?;
        let again = file.try_clone().map_err(Failure::file("write", &path))?;
        let child = Command::new(self.folder.join(words[0]))
            .args(&words[1..])
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(file)
            .stderr(again)
            .spawn()
            .map_err(|error| Failure::Start { program: words[0].to_owned(), error })?;
        Ok(Service { child, said: path })
    }

    /// Shows a command and runs it. `words` begins with the program's name.
    pub(crate) fn run(&mut self, words: &[&str]) -> Result<Run, Failure> {
        let command = words.iter().map(|word| quoted(word)).collect::<Vec<_>>();
        print::command(&command);
        let command = command.join(" ");
        let program = words[0].to_owned();
        // On a terminal the program's own progress is worth seeing; elsewhere it goes into the log.
        let visible = std::io::stderr().is_terminal();
        let began = Instant::now();
        let output = Command::new(self.folder.join(&program))
            .args(&words[1..])
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(if visible { Stdio::inherit() } else { Stdio::piped() })
            .spawn()
            .and_then(std::process::Child::wait_with_output)
            .map_err(|error| Failure::Start { program, error })?;
        let seconds = began.elapsed().as_secs_f64();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let status = output.status.code().unwrap_or(-1);
        let run = Run { command, status, stdout: text(&output.stdout), stderr: text(&output.stderr), seconds };
        self.keep(&run, words)?;
        Ok(run)
    }

    /// The same, for a command that must succeed.
    pub(crate) fn done(&mut self, words: &[&str]) -> Result<Run, Failure> {
        self.run(words)?.expect(0)
    }

    fn keep(&mut self, run: &Run, words: &[&str]) -> Result<(), Failure> {
        self.runs += 1;
        let name = words.get(1).filter(|word| word.chars().all(char::is_alphabetic)).unwrap_or(&"run");
        let path = self.logs.join(format!("{:02}-{name}.txt", self.runs));
        let Run { command, status, stdout, stderr, seconds } = run;
        let text = format!("$ {command}\n\n{stdout}{stderr}\nexit status {status}, {seconds:.1} s\n");
        fs::File::create(&path)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(Failure::file("write", &path))
    }
}

impl Run {
    /// Refuses another exit status.
    pub(crate) fn expect(self, expected: i32) -> Result<Self, Failure> {
        if self.status == expected {
            return Ok(self);
        }
        let Self { command, status, stdout, stderr, .. } = self;
        Err(Failure::Status { command, found: status, expected, said: if stderr.is_empty() { stdout } else { stderr } })
    }

    /// The standard output as JSON.
    pub(crate) fn json<T: serde::de::DeserializeOwned>(&self) -> Result<T, Failure> {
        serde_json::from_str(&self.stdout)
            .map_err(|error| Failure::unexpected(format!("the output of {}", self.command), error))
    }
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=,:".contains(c);
    if !word.is_empty() && word.chars().all(plain) { word.to_owned() } else { format!("'{word}'") }
}
