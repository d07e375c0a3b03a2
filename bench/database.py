"""The databases to measure on: SQLite in the data directory, or a private PostgreSQL cluster.

Invariant: the cluster has the server's default settings, durability included, and ends with the run.
"""

import contextlib
import itertools
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path


@contextlib.contextmanager
def database(kind: str) -> Iterator[tuple[str, Callable[[], str | None]]]:
    """The database's name and version, and a maker of URLs of empty databases (none: SQLite)."""
    if kind == "sqlite":
        yield "SQLite", lambda: None
    else:
        with postgres() as (version, port, run):
            names = (f"nephele_{number}" for number in itertools.count())

            def fresh() -> str:
                name = next(names)
                run("createdb", "-h", "127.0.0.1", "-p", str(port), "-U", "nephele", name)
                return f"postgres://nephele@127.0.0.1:{port}/{name}"

            yield version, fresh


@contextlib.contextmanager
def postgres() -> Iterator[tuple[str, int, Callable]]:
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    if not programs:
        raise SystemExit("PostgreSQL is missing. Install with:  apt-get install -y postgresql")
    folder = Path(tempfile.mkdtemp(prefix="nephele-bench-"))
    # The server refuses to run as root; the package made a user for it.
    user = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.getuid() == 0 else {}
    if user:
        shutil.chown(folder, "postgres", "postgres")

    def run(program: str, *arguments: str) -> str:
        command = [programs[-1] / program, *arguments]
        result = subprocess.run(command, cwd=folder, capture_output=True, text=True, **user)
        if result.returncode:
            raise RuntimeError(f"{program}: {result.stderr}")
        return result.stdout

    port = free_port()
    data = str(folder / "data")
    try:
        run("initdb", "--auth=trust", "--username=nephele", "--encoding=UTF8", "--pgdata", data)
        options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={folder}"
        # With a log file the server does not keep the pipe of this call open.
        run("pg_ctl", "start", "--wait", "-D", data, "-l", str(folder / "log"), "-o", options)
        try:
            yield "PostgreSQL " + run("postgres", "--version").split()[2], port, run
        finally:
            run("pg_ctl", "stop", "--wait", "--mode=fast", "-D", data)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
