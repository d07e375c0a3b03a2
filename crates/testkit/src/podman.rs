//! Debian's podman with images and containers of its own, for one test.
//!
//! Invariant: nothing of a test's containers outlives it, and no container has a network.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::home::Home;

const INSTALL: &str = "this test needs podman: scripts/prepare podman, or apt-get install podman runc busybox-static";
const START: Duration = Duration::from_secs(20);
/// An image with a shell and nothing else.
pub const IMAGE: &str = "localhost/box:1";

/// A place for images and containers.
pub struct Podman {
    folder: TempDir,
    service: Option<Child>,
}

impl Podman {
    /// A place with [`IMAGE`] in it.
    pub fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("nephele-podman-").tempdir().expect("a temporary directory");
        let path = folder.path();
        // Limits that nobody has to be privileged for; a runtime that is content with every kind of control groups.
        let containers = "[containers]\ndefault_ulimits = [\"nofile=1024:1024\", \"nproc=512:512\"]\nnetns = \"none\"\n\
                          [engine]\nruntime = \"runc\"\ncgroup_manager = \"cgroupfs\"\nevents_logger = \"none\"\n";
        let storage =
            format!("[storage]\ndriver = \"vfs\"\nrunroot = \"{0}/run\"\ngraphroot = \"{0}/graph\"\n", path.display());
        fs::write(path.join("containers.conf"), containers).expect("podman's settings");
        fs::write(path.join("storage.conf"), storage).expect("podman's settings");
        let podman = Self { folder, service: None };
        let context = podman.folder.path().join("box");
        fs::create_dir(&context).expect("a folder");
        fs::copy(Self::shell(), context.join("busybox")).expect(INSTALL);
        let links = ["sh", "sleep", "cat"].map(|name| format!("COPY busybox /bin/{name}\n")).concat();
        fs::write(context.join("Dockerfile"), format!("FROM scratch\n{links}")).expect("a file");
        podman.runs(&["build", "-q", "-t", IMAGE, context.to_str().expect("a path")]);
        podman
    }

    /// The program.
    pub fn program() -> PathBuf {
        let path = PathBuf::from("/usr/bin/podman");
        assert!(path.exists(), "{INSTALL}");
        path
    }

    /// A program with a shell in it that needs no libraries.
    pub fn shell() -> PathBuf {
        PathBuf::from("/bin/busybox")
    }

    /// The home with the variables that lead its managers here.
    #[must_use]
    pub fn around(&self, home: Home) -> Home {
        self.variables().into_iter().fold(home, |home, (name, file)| home.with_variable(name, file))
    }

    /// Runs a command that must succeed, and gives what it wrote.
    pub fn runs(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().expect(INSTALL);
        let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
        assert!(output.status.success(), "podman {arguments:?}: {}", said[1]);
        said[0].trim().to_owned()
    }

    /// Starts podman's service, and gives its socket.
    pub fn serve(&mut self) -> PathBuf {
        let socket = self.folder.path().join("socket");
        let address = format!("unix://{}", socket.display());
        let mut command = self.command(&["system", "service", "--time=0", &address]);
        self.service = Some(command.stdin(Stdio::null()).spawn().expect(INSTALL));
        let deadline = Instant::now() + START;
        while !socket.exists() {
            assert!(Instant::now() < deadline, "podman's service does not start");
            std::thread::sleep(Duration::from_millis(20));
        }
        socket
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(Self::program());
        command.args(arguments).envs(self.variables());
        command
    }

    fn variables(&self) -> [(&'static str, PathBuf); 2] {
        let file = |name: &str| Path::join(self.folder.path(), name);
        [("CONTAINERS_CONF", file("containers.conf")), ("CONTAINERS_STORAGE_CONF", file("storage.conf"))]
    }
}

impl Drop for Podman {
    fn drop(&mut self) {
        if let Some(service) = &mut self.service {
            let _ = service.kill();
            let _ = service.wait();
        }
        // That nothing is there is what is wanted.
        let _ = self.command(&["rm", "-f", "-a", "-t", "0"]).output();
    }
}
