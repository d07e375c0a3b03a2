"""A manager under measurement: its home on disk, its process, its memory.

Invariant: a manager never outlives its `with` block, and listens on free loopback ports only.
"""

import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

from rest import Rest

PASSWORD = "measured-admin"


class Home:
    """A folder and a database in which a manager can be started again and again."""

    def __init__(self, binary: Path, folder: Path, database_url: str | None):
        self.binary = binary
        self.folder = folder
        self.database_url = database_url
        self.token: str | None = None
        # Variables that the manager is started with, beside those of every run.
        self.settings: dict[str, str] = {}
        folder.mkdir(parents=True)

    def start(self) -> "Manager":
        return Manager(self)

    def environment(self) -> dict[str, str]:
        """Nothing of the caller's settings gets through, so that runs compare."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("NEPHELE_")}
        kept["NEPHELE_ADMIN_PASSWORD"] = PASSWORD
        kept["XDG_CONFIG_HOME"] = str(self.folder / "config")
        if self.database_url:
            kept["NEPHELE_DATABASE_URL"] = self.database_url
        return {**kept, **self.settings}

    def log_end(self) -> str:
        log = self.folder / "log"
        return "\n".join(log.read_text(errors="replace").splitlines()[-20:]) if log.exists() else ""


class Manager:
    """A running `nephele up`; `ready_after` is the time from its start to its ready line, in seconds."""

    def __init__(self, home: Home):
        self.home = home
        reader, writer = os.pipe()
        command = [home.binary, "up", "--data-dir", home.folder / "data", "--ready-fd", str(writer)]
        command += ["--listen", "127.0.0.1:0", "--listen-tls", "127.0.0.1:0"]
        with open(home.folder / "log", "ab") as log:
            begin = time.perf_counter()
            self.process = subprocess.Popen(
                command, pass_fds=[writer], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=home.environment(),
            )
        os.close(writer)
        # The pipe closes when the process ends, so this waits for the line or for a failure.
        with os.fdopen(reader) as pipe:
            line = pipe.readline()
        self.ready_after = time.perf_counter() - begin
        found = re.search(r"http=http://([^ ]+)", line)
        if not found:
            self.stop()
            raise RuntimeError(f"the manager did not get ready (it said {line!r}):\n{home.log_end()}")
        self.address = found.group(1)
        self.rest = Rest(self.address, home.token)

    def log_in(self) -> None:
        """Gives the REST client a token; it stays good for later managers of the same home."""
        if self.home.token is None:
            self.home.token = self.rest.new_token("admin", PASSWORD)
        self.rest.token = self.home.token

    def resident_megabytes(self) -> float:
        """Resident memory of the manager and of all processes below it."""
        return sum(map(resident_bytes, self.family())) / 1e6

    def held_megabytes(self) -> float:
        """The same, with memory that processes share counted once."""
        return sum(map(proportional_bytes, self.family())) / 1e6

    def family(self) -> set[int]:
        """The manager's process and all below it."""
        parents = process_parents()
        family = {self.process.pid}
        while grown := {pid for pid, parent in parents.items() if parent in family} - family:
            family |= grown
        return family

    def stop(self) -> None:
        if self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise RuntimeError("the manager did not end within 30 s after SIGTERM") from None

    def __enter__(self) -> "Manager":
        return self

    def __exit__(self, kind, error, trace) -> None:
        if kind is not None and isinstance(error, Exception):
            error.add_note(f"end of the manager's log:\n{self.home.log_end()}")
        self.stop()


class Memory:
    """Looks at a figure every so many seconds for as long as its `with` block lasts, and remembers the most."""

    def __init__(self, look: Callable[[], float], seconds: float):
        self.look, self.seconds = look, seconds
        self.most = 0.0
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.follow)

    def follow(self) -> None:
        while not self.ended.is_set():
            self.most = max(self.most, self.look())
            self.ended.wait(self.seconds)

    def __enter__(self) -> "Memory":
        self.thread.start()
        return self

    def __exit__(self, *_) -> None:
        self.ended.set()
        self.thread.join()


def process_parents() -> dict[int, int]:
    """Parent of each process of the machine."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            # The second field is a name in parentheses and may hold spaces.
            parents[int(folder.name)] = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
        except (OSError, IndexError):
            continue
    return parents


def resident_bytes(pid: int) -> int:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def proportional_bytes(pid: int) -> int:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    found = re.search(r"^Pss: +(\d+) kB", text, re.MULTILINE)
    return int(found.group(1)) * 1024 if found else 0
