//! A private PostgreSQL for tests: one cluster for all test processes of a checkout, one database
//! per test.
//!
//! Invariant: the cluster belongs to the tests alone (own data, reached only through a socket in its
//! folder) and does not outlive them: every test process holds a shared lock, and a watchdog takes
//! the cluster away once nobody has held it for some seconds. A missing server fails the test.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::UNIX_EPOCH;

const DEBIAN: &str = "/usr/lib/postgresql";
const INSTALL: &str = "PostgreSQL's server is missing; install it with: apt-get install -y postgresql";
const USER: &str = "postgres";
/// Tests need no durability; connections come from many processes at once.
const SETTINGS: &str = "-c listen_addresses='' -c fsync=off -c synchronous_commit=off -c full_page_writes=off \
                        -c max_connections=400 -c shared_buffers=64MB";
/// Stops the cluster when the lock was free three times in a row. `$0` is the lock, `$1` the folder.
const WATCHDOG: &str = r#"
free=0
while [ -d "$1/data" ]; do
    sleep 2
    if flock -n -x "$0" true; then free=$((free + 1)); else free=0; fi
    if [ "$free" -ge 3 ]; then
        exec 9>>"$0"
        if flock -n -x 9; then
            kill -QUIT "$(head -n 1 "$1/data/postmaster.pid")"
            sleep 1
            rm -rf "$1"
        fi
        free=0
    fi
done
"#;

/// A database of a test's own; it goes when the value goes, unless the test failed.
pub struct Database {
    name: String,
    url: String,
}

impl Database {
    /// A database without tables.
    pub fn empty() -> Self {
        Self::create(None)
    }

    /// A database with what `prepare` puts into one, which happens once for all tests of this
    /// build: `prepare` gets a URL and must leave no connection open.
    pub async fn from_template<F: Future<Output = ()>>(name: &str, prepare: impl FnOnce(String) -> F) -> Self {
        let cluster = Cluster::shared();
        let template = format!("template_{name}_{}", build_stamp());
        let lock = open_lock(&cluster.locks.join("template.lock"));
        lock.lock().expect("a lock on the template");
        if cluster.sql(&format!("SELECT 1 FROM pg_database WHERE datname = '{template}'")).is_empty() {
            let draft = format!("{template}_draft");
            cluster.sql(&format!("DROP DATABASE IF EXISTS {draft} WITH (FORCE)"));
            cluster.sql(&format!("CREATE DATABASE {draft}"));
            prepare(cluster.url(&draft)).await;
            cluster.sql(&format!("ALTER DATABASE {draft} RENAME TO {template}"));
        }
        drop(lock);
        Self::create(Some(&template))
    }

    /// A database with the same content. Nobody may be connected to this one.
    #[must_use]
    pub fn copy(&self) -> Self {
        Self::create(Some(&self.name))
    }

    fn create(template: Option<&str>) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let cluster = Cluster::shared();
        let name = format!("test_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        cluster.sql(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        let template = template.map_or_else(String::new, |template| format!(" TEMPLATE {template}"));
        cluster.sql(&format!("CREATE DATABASE {name}{template}"));
        Self { url: cluster.url(&name), name }
    }

    /// Runs one statement and gives what it prints.
    pub fn sql(&self, statement: &str) -> String {
        Cluster::shared().sql_in(&self.name, statement)
    }

    /// Where it is, as `NEPHELE_DATABASE_URL` takes it.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            Cluster::shared().sql(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
        }
    }
}

/// The running server.
struct Cluster {
    bin: PathBuf,
    /// Data and socket; the server's user owns it.
    folder: PathBuf,
    /// The folder of lock files, inside cargo's target.
    locks: PathBuf,
    /// Held as long as this process lives.
    _in_use: File,
}

impl Cluster {
    fn shared() -> &'static Self {
        static CLUSTER: OnceLock<Cluster> = OnceLock::new();
        CLUSTER.get_or_init(Self::join)
    }

    /// Finds the cluster of this checkout or starts it.
    fn join() -> Self {
        let bin = server();
        let locks = target().join("postgres-tests");
        fs::create_dir_all(&locks).expect("a folder for locks");
        let key = locks
            .as_os_str()
            .as_encoded_bytes()
            .iter()
            .fold(7_u64, |key, byte| key.wrapping_mul(31).wrapping_add(u64::from(*byte)));
        let folder = std::env::temp_dir().join(format!("nephele-postgres-{key:x}"));
        let in_use = open_lock(&locks.join("in-use.lock"));
        in_use.lock_shared().expect("a lock on the cluster");
        let starting = open_lock(&locks.join("start.lock"));
        starting.lock().expect("a lock on starting");
        let cluster = Self { bin, folder, locks, _in_use: in_use };
        if UnixStream::connect(cluster.folder.join(".s.PGSQL.5432")).is_err() {
            cluster.start();
        }
        cluster
    }

    fn start(&self) {
        if self.folder.exists() {
            fs::remove_dir_all(&self.folder).expect("the old cluster's folder can be removed");
        }
        fs::create_dir(&self.folder).expect("a folder for the cluster");
        if is_root() {
            let given = Command::new("chown").arg(USER).arg(&self.folder).status();
            assert!(given.is_ok_and(|status| status.success()), "{INSTALL}");
        }
        let data = self.folder.join("data").display().to_string();
        let socket = self.folder.display().to_string();
        self.as_server(&[
            "initdb",
            "-D",
            &data,
            "-U",
            USER,
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
        ]);
        let log = self.folder.join("log").display().to_string();
        let options = format!("{SETTINGS} -k '{socket}'");
        self.as_server(&["pg_ctl", "-D", &data, "-w", "-l", &log, "-o", &options, "start"]);
        // Its own session and no pipes, so that no test runner waits for it; `setsid -f` returns at once.
        let watched = Command::new("setsid")
            .args(["-f", "sh", "-c", WATCHDOG])
            .arg(self.locks.join("in-use.lock"))
            .arg(&self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        assert!(watched.is_ok_and(|status| status.success()), "the watchdog of the cluster can start");
    }

    /// Runs a program of the server as a user that the server accepts, which root is not.
    fn as_server(&self, arguments: &[&str]) {
        let program = self.bin.join(arguments[0]);
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", USER, "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        let output = self.folder.join("start.log");
        let log = || File::options().create(true).append(true).open(&output).expect("a log of the start");
        let status = command.args(&arguments[1..]).current_dir("/").stdin(Stdio::null()).stdout(log()).stderr(log());
        let status = status.status().expect("PostgreSQL's programs can be run");
        let said = fs::read_to_string(&output).unwrap_or_default();
        assert!(status.success(), "{} failed: {said}", arguments[0]);
    }

    fn sql(&self, statement: &str) -> String {
        self.sql_in("postgres", statement)
    }

    fn sql_in(&self, database: &str, statement: &str) -> String {
        let output = Command::new(self.bin.join("psql"))
            .args(["-XAtq", "-v", "ON_ERROR_STOP=1", "-U", USER, "-d", database, "-h"])
            .arg(&self.folder)
            .args(["-c", statement])
            .output()
            .expect("psql can be run");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "`{statement}` failed: {said}");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    fn url(&self, database: &str) -> String {
        format!("postgres://{USER}@localhost/{database}?host={}", self.folder.display())
    }
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

/// The newest server that Debian's packages have installed.
fn server() -> PathBuf {
    let versions = fs::read_dir(DEBIAN).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
    let number = |path: &Path| path.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok());
    let newest = versions.filter(|path| path.join("bin/initdb").exists()).max_by_key(|path| number(path));
    newest.expect(INSTALL).join("bin")
}

/// Cargo's target directory, which this test's binary lies in. Cargo tags it as a cache only where it
/// made it itself.
fn target() -> PathBuf {
    let binary = std::env::current_exe().expect("the path of the test's binary");
    let target = binary.ancestors().find(|folder| folder.join(".rustc_info.json").exists());
    target.expect("tests are built into cargo's target directory").to_owned()
}

/// When the test's binary was built, so that an old template is not taken for a new schema.
fn build_stamp() -> u128 {
    let built = std::env::current_exe().and_then(fs::metadata).and_then(|metadata| metadata.modified());
    let age = built.ok().and_then(|built| built.duration_since(UNIX_EPOCH).ok());
    age.expect("the age of the test's binary").as_millis()
}

fn open_lock(path: &Path) -> File {
    File::options().create(true).truncate(false).write(true).read(true).open(path).expect("a lock file")
}

/// Whether some process holds the cluster; for the harness's own test.
#[cfg(test)]
fn is_in_use(locks: &Path) -> bool {
    matches!(open_lock(&locks.join("in-use.lock")).try_lock(), Err(fs::TryLockError::WouldBlock))
}

#[cfg(test)]
mod tests {
    use super::{Cluster, Database, is_in_use};

    #[test]
    fn databases_are_apart_and_go_away() {
        let (one, other) = (Database::empty(), Database::empty());
        assert_ne!(one.url(), other.url());
        let cluster = Cluster::shared();
        assert!(is_in_use(&cluster.locks));
        let name = one.name.clone();
        let count = || cluster.sql(&format!("SELECT count(*) FROM pg_database WHERE datname = '{name}'"));
        assert_eq!(count(), "1");
        drop(one);
        assert_eq!(count(), "0");
    }
}
