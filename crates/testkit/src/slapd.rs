//! A private LDAP server: Debian's slapd on a free port, with the test's own entries.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

const INSTALL: &str = "this test needs slapd: scripts/prepare slapd, or apt-get install slapd";
const START: Duration = Duration::from_secs(20);
/// The suffix of every entry.
pub const SUFFIX: &str = "dc=example,dc=org";

/// A running server; it ends with the value.
pub struct Slapd {
    process: Child,
    folder: TempDir,
    /// Where it listens, such as `ldap://127.0.0.1:1389`.
    pub url: String,
}

/// What a server of `ldaps://` shows, as PEM texts.
pub struct Tls<'a> {
    /// The authority.
    pub authority: &'a str,
    /// The server's certificate.
    pub certificate: &'a str,
    /// Its key.
    pub key: &'a str,
}

impl Slapd {
    /// Starts a server with these entries (LDIF); with TLS if its files are given.
    pub fn start(entries: &str, tls: Option<&Tls<'_>>) -> Self {
        let folder = tempfile::Builder::new().prefix("nephele-slapd-").tempdir().expect("a temporary directory");
        let path = folder.path();
        fs::create_dir(path.join("data")).expect("a folder for the data");
        fs::write(path.join("slapd.conf"), configuration(path, tls)).expect("the server's settings");
        fs::write(path.join("entries.ldif"), entries).expect("the entries");
        let loaded = Command::new("/usr/sbin/slapadd")
            .args(["-f".as_ref(), path.join("slapd.conf").as_os_str(), "-l".as_ref()])
            .arg(path.join("entries.ldif"))
            .output()
            .expect(INSTALL);
        assert!(loaded.status.success(), "slapadd: {}", String::from_utf8_lossy(&loaded.stderr));
        let port = free_port();
        let scheme = if tls.is_some() { "ldaps" } else { "ldap" };
        let url = format!("{scheme}://127.0.0.1:{port}");
        let log = fs::File::create(path.join("log")).expect("a log file");
        // With a debug level it stays in the foreground.
        let process = Command::new("/usr/sbin/slapd")
            .args(["-d", "0", "-h", &format!("{url}/"), "-f"])
            .arg(path.join("slapd.conf"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect(INSTALL);
        let server = Self { process, folder, url };
        server.wait(port);
        server
    }

    fn wait(&self, port: u16) {
        let deadline = Instant::now() + START;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let log = || fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            assert!(Instant::now() < deadline, "slapd does not answer: {}", log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Slapd {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn configuration(folder: &Path, tls: Option<&Tls<'_>>) -> String {
    let schemas = ["core", "cosine", "inetorgperson"].map(|name| format!("include /etc/ldap/schema/{name}.schema"));
    let mut lines = Vec::from(schemas);
    lines.push("modulepath /usr/lib/ldap\nmoduleload back_mdb".to_owned());
    if let Some(tls) = tls {
        let files = [
            ("TLSCACertificateFile", "ca.pem", tls.authority),
            ("TLSCertificateFile", "cert.pem", tls.certificate),
            ("TLSCertificateKeyFile", "key.pem", tls.key),
        ];
        for (setting, name, content) in files {
            fs::write(folder.join(name), content).expect("a file for TLS");
            lines.push(format!("{setting} {}", folder.join(name).display()));
        }
    }
    lines.push(format!(
        "database mdb\nmaxsize 10485760\nsuffix \"{SUFFIX}\"\nrootdn \"cn=root,{SUFFIX}\"\nrootpw root-password\n\
         directory {}\naccess to attrs=userPassword by anonymous auth by * none\naccess to * by users read by * none\n",
        folder.join("data").display()
    ));
    lines.join("\n")
}

/// A port that nobody used a moment ago.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address").port()
}
