//! A manager's home: a data directory and a database that outlive the process.
//!
//! Invariant: ports are free ones chosen by the manager, and a manager never outlives its test. The
//! data directory of a failed test stays, and its path and the log's end are printed.

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

const START: Duration = Duration::from_mins(1);
const STOP: Duration = Duration::from_secs(30);

/// Starts `nephele up` with the environment and the redirections of a test: the line that tells the
/// ports goes to descriptor 3, everything else to the log file.
const LAUNCH: &str = r#"exec "$0" "$@" 3>&1 1>>"$LOG" 2>&1"#;

/// Where a manager lives; it can be started again and again.
pub struct Home {
    binary: PathBuf,
    folder: Option<TempDir>,
    database: Option<String>,
    password: Option<String>,
    python: Option<PathBuf>,
    settings: Vec<(String, OsString)>,
}

impl Home {
    /// A fresh home for this binary, on SQLite.
    pub fn new(binary: impl Into<PathBuf>) -> Self {
        let folder = tempfile::Builder::new().prefix("nephele-test-").tempdir().expect("a temporary directory");
        let (database, password, python, settings) = (None, None, None, Vec::new());
        Self { binary: binary.into(), folder: Some(folder), database, password, python, settings }
    }

    /// The same on another database, such as `postgres://…`.
    #[must_use]
    pub fn with_database(mut self, url: impl Into<String>) -> Self {
        self.database = Some(url.into());
        self
    }

    /// The same with this password for `admin` instead of a random one.
    #[must_use]
    pub fn with_password(mut self, password: impl Into<String>) -> Self {
        self.password = Some(password.into());
        self
    }

    /// The same with this Python for plugins.
    #[must_use]
    pub fn with_python(mut self, program: impl Into<PathBuf>) -> Self {
        self.python = Some(program.into());
        self
    }

    /// The same with another value for a setting, such as `types`.
    #[must_use]
    pub fn with_setting(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.settings.push((format!("NEPHELE_{}", name.to_uppercase()), value.into()));
        self
    }

    /// The same with this variable in the environment of its managers.
    #[must_use]
    pub fn with_variable(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.settings.push((name.to_owned(), value.into()));
        self
    }

    /// From now on managers of this home are on another database.
    pub fn move_to(&mut self, url: impl Into<String>) {
        self.database = Some(url.into());
    }

    /// The folder for this test's files, the data directory among them.
    pub fn folder(&self) -> &Path {
        self.folder.as_ref().map(TempDir::path).expect("the folder lives as long as the home")
    }

    /// The manager's data directory.
    pub fn data_dir(&self) -> PathBuf {
        self.folder().join("data")
    }

    /// Everything that managers of this home have printed.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder().join("log")).unwrap_or_default()
    }

    /// The certificate of the manager's own authority.
    pub fn ca(&self) -> PathBuf {
        self.data_dir().join("tls/ca.pem")
    }

    /// The password of `admin`.
    pub fn password(&self) -> String {
        let read = || fs::read_to_string(self.data_dir().join("admin-password"));
        self.password.clone().unwrap_or_else(|| read().expect("the file of the first password").trim().to_owned())
    }

    /// A command that runs the binary with this home's settings.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.binary);
        self.environment(&mut command);
        command
    }

    /// Starts a manager and waits until it is ready.
    pub fn start(&self) -> Manager {
        self.try_start().unwrap_or_else(|problem| panic!("{problem}\n{}", tail(&self.log())))
    }

    /// Starts a manager; an end before it is ready is told, with the exit status.
    pub fn try_start(&self) -> Result<Manager, String> {
        let mut command = Command::new("sh");
        command.arg("-c").arg(LAUNCH).arg(&self.binary).args(["up", "--ready-fd", "3"]);
        command.args(["--listen", "127.0.0.1:0", "--listen-tls", "127.0.0.1:0"]);
        command.arg("--data-dir").arg(self.data_dir());
        self.environment(&mut command);
        command.env("LOG", self.folder().join("log")).stdin(Stdio::null()).stdout(Stdio::piped());
        let began = Instant::now();
        let mut child = command.spawn().map_err(|error| format!("{}: {error}", self.binary.display()))?;
        let pipe = child.stdout.take().expect("the pipe was asked for");
        let Some(line) = first_line(pipe) else {
            child.kill().ok();
            let status = child.wait().map_err(|error| error.to_string())?;
            return Err(format!("the manager was not ready within {START:?}; it ended with {status}"));
        };
        let ready = began.elapsed();
        let address = |key: &str| {
            let found = line.split_whitespace().find_map(|word| word.strip_prefix(key));
            found.map(str::to_owned).ok_or_else(|| format!("no `{key}` in `{line}`"))
        };
        Ok(Manager { http: address("http=")?, https: address("https=")?, ready, child })
    }

    fn environment(&self, command: &mut Command) {
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("NEPHELE_")) {
            command.env_remove(name);
        }
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        if let Some(url) = &self.database {
            command.env("NEPHELE_DATABASE_URL", url);
        }
        if let Some(program) = &self.python {
            command.env("NEPHELE_PYTHON", program);
        }
        if let Some(password) = &self.password {
            command.env("NEPHELE_ADMIN_PASSWORD", password);
        }
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the manager's log:\n{}", tail(&self.log()));
            if let Some(folder) = self.folder.take() {
                eprintln!("the manager's files stay in {}", folder.keep().display());
            }
        }
    }
}

/// A running manager.
pub struct Manager {
    /// Its address without TLS, such as `http://127.0.0.1:40001`.
    pub http: String,
    /// Its address with TLS.
    pub https: String,
    /// How long it took to be ready.
    pub ready: Duration,
    child: Child,
}

impl Manager {
    /// The process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The port of [`Manager::http`].
    pub fn http_port(&self) -> &str {
        self.http.rsplit(':').next().expect("an address with a port")
    }

    /// The port of [`Manager::https`].
    pub fn https_port(&self) -> &str {
        self.https.rsplit(':').next().expect("an address with a port")
    }

    /// Kills the process like [`Manager::kill`], where the manager is still needed for its addresses.
    pub fn murder(&self) {
        kill(pid(&self.child), Signal::SIGKILL).expect("SIGKILL");
    }

    /// Stops the process where it is, until [`Manager::wake`].
    pub fn freeze(&self) {
        kill(pid(&self.child), Signal::SIGSTOP).expect("SIGSTOP");
    }

    /// Lets a frozen process go on.
    pub fn wake(&self) {
        kill(pid(&self.child), Signal::SIGCONT).expect("SIGCONT");
    }

    /// Kills the process without warning, as a loss of power would.
    pub fn kill(mut self) {
        self.child.kill().expect("SIGKILL");
        let status = self.child.wait().expect("the end of the manager");
        assert_eq!(status.signal(), Some(9), "the manager had ended before it was killed: {status}");
    }

    /// Asks the process to end and waits for it.
    pub fn stop(mut self) -> ExitStatus {
        kill(pid(&self.child), Signal::SIGTERM).expect("SIGTERM");
        let deadline = Instant::now() + STOP;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait().expect("the manager's status") {
                return status;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("the manager did not end within {STOP:?} after SIGTERM");
    }
}

impl Drop for Manager {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// The first line of this pipe, or none when it closes before or nothing comes in time.
fn first_line(pipe: impl Read + Send + 'static) -> Option<String> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = BufReader::new(pipe).read_line(&mut line);
        sender.send(read.ok().filter(|length| *length > 0).map(|_| line)).ok();
    });
    receiver.recv_timeout(START).ok().flatten()
}

fn pid(child: &Child) -> Pid {
    Pid::from_raw(i32::try_from(child.id()).expect("a process id"))
}

fn tail(log: &str) -> String {
    let lines: Vec<_> = log.lines().collect();
    lines[lines.len().saturating_sub(60)..].join("\n")
}
