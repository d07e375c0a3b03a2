//! A private SSH server: Debian's sshd on a free port, for the user who runs the test or one of its own.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

const INSTALL: &str = "this test needs sshd: scripts/prepare sshd, or apt-get install openssh-server";
/// With what the user of [`Sshd::start_with_sudo`] becomes root, and what the machine keeps of it.
pub const SUDO_PASSWORD: &str = "sudo-sesame";
const HASH: &str = "$6$nephele$8oNPpIxUidrD5H36s5vYsA1NbkznCwQViPlZgH2ZFWqc8k9glsYuBHjSqm6.poyc7DX9dmJmGAkzpz.RhdMfE0";
const START: Duration = Duration::from_secs(20);

/// A running server; it ends with the value.
pub struct Sshd {
    process: Child,
    folder: TempDir,
    /// Where it listens, on 127.0.0.1.
    pub port: u16,
    /// Who may log in.
    pub user: String,
}

impl Sshd {
    /// Starts a server that lets the user in by [`Sshd::key`] alone.
    pub fn start() -> Self {
        let user = Command::new("id").arg("-un").output().expect("id").stdout;
        Self::launch(Self::prepare(), String::from_utf8_lossy(&user).trim(), "")
    }

    /// The same for somebody who becomes root by `sudo` with [`SUDO_PASSWORD`]. Only this server knows of him: it
    /// has files of its own in place of the machine's.
    pub fn start_with_sudo() -> Self {
        let folder = Self::prepare();
        let path = folder.path();
        let users = fs::read_to_string("/etc/passwd").expect("the machine's users");
        let files = [
            ("passwd", format!("{users}tester:x:12345:12345::/tmp:/bin/sh\n"), 0o644),
            ("shadow", format!("root:*:19000:0:99999:7:::\ntester:{HASH}:19000:0:99999:7:::\n"), 0o640),
            ("sudoers", "Defaults !lecture, use_pty\nroot ALL=(ALL) ALL\ntester ALL=(ALL) ALL\n".to_owned(), 0o440),
        ];
        for (name, text, mode) in files {
            fs::write(path.join(name), text).expect("a file");
            fs::set_permissions(path.join(name), fs::Permissions::from_mode(mode)).expect("its rights");
        }
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("rights of the folder");
        let mounts = ["passwd", "shadow", "sudoers"]
            .map(|name| format!("mount --bind {0}/{name} /etc/{name} || exit\n", path.display()));
        Self::launch(folder, "tester", &mounts.concat())
    }

    /// A folder with the keys of server and user.
    fn prepare() -> TempDir {
        let folder = tempfile::Builder::new().prefix("nephele-sshd-").tempdir().expect("a temporary directory");
        for name in ["host", "user"] {
            let made = Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f"])
                .arg(folder.path().join(name))
                .status()
                .expect(INSTALL);
            assert!(made.success(), "ssh-keygen: {made}");
        }
        folder
    }

    /// Starts the server after commands of a shell, in a namespace of mounts of its own if there are any.
    fn launch(folder: TempDir, user: &str, before: &str) -> Self {
        let path = folder.path();
        let port = free_port();
        let settings = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {0}/host\nPidFile none\nAuthorizedKeysFile {0}/user.pub\n\
             StrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n\
             PermitRootLogin prohibit-password\nPermitUserEnvironment no\nLogLevel VERBOSE\n",
            path.display()
        );
        fs::write(path.join("sshd_config"), settings).expect("the server's settings");
        // Where its processes give up their rights; Debian's own start makes it.
        fs::create_dir_all("/run/sshd").expect("the folder /run/sshd");
        let mut command = Command::new(if before.is_empty() { "sh" } else { "unshare" });
        command.args(if before.is_empty() { &[][..] } else { &["-m", "sh"] });
        let process = command
            .args(["-c", &format!("{before}exec /usr/sbin/sshd -D -e -f \"$0\"")])
            .arg(path.join("sshd_config"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(path.join("log")).expect("a log file"))
            .spawn()
            .expect(INSTALL);
        let server = Self { process, folder, port, user: user.to_owned() };
        server.wait();
        server
    }

    /// The file of the private key that lets the user in.
    pub fn key_file(&self) -> PathBuf {
        self.folder.path().join("user")
    }

    /// The private key that lets the user in.
    pub fn key(&self) -> String {
        read(&self.key_file())
    }

    /// The server's public key.
    pub fn host_key(&self) -> String {
        read(&self.folder.path().join("host.pub")).trim().to_owned()
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        read(&self.folder.path().join("log"))
    }

    fn wait(&self) {
        let deadline = Instant::now() + START;
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(Instant::now() < deadline, "sshd does not answer: {}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).expect("a file of the server")
}

/// A port that nobody used a moment ago.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address").port()
}
