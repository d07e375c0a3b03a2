"""A snapshot of much, made while runs go on, from SQLite to PostgreSQL and back again, and the same by `nephele db move`.

What came over is compared each time: every table by the lines of its file, every other file by its checksum. A table that differs
by more than a restore must change is a failure, and no figure.
"""

import contextlib
import http.client
import json
import shutil
import subprocess
import threading
import time
import zipfile
from pathlib import Path

from bench import Bench, Topic
from database import postgres
from figure import Figure
from manager import PASSWORD, Home, Manager, Memory
from rest import API, FINAL, PATIENCE, Rest
from seed import TEMPLATE, Volume, seed

# Tables of the installation, and what a restore writes down of itself: no snapshot replaces them.
KEPT = {"audit_log", "certificates", "config", "db_nodes", "licenses", "maintenance_mode", "managers",
        "rabbitmq_brokers", "settings", "snapshots"}
# Tables whose rows a restore adds to, or changes a few of: runs under way are cancelled, who logs in is noted.
TOUCHED = {"events": 100, "executions": 10, "users": 1, "operations": 100, "deployments": 10, "tasks_graphs": 10}
NOTHING = {"operation": "cloudify.interfaces.lifecycle.create"}


def measure(bench: Bench) -> Topic:
    volume = Volume(500, 100) if bench.quick else Volume(10_000, 100)
    with postgres() as (_, port, run):

        def database(name: str) -> str:
            run("createdb", "-h", "127.0.0.1", "-p", str(port), "-U", "nephele", name)
            return f"postgres://nephele@127.0.0.1:{port}/{name}"

        first = home(bench, "first", None)
        seed(first, volume)
        second, third = home(bench, "second", database("second")), home(bench, "third", None)
        for other in (second, third):
            # With a key of its own, a manager would encrypt anew what comes.
            (other.folder / "data").mkdir(mode=0o700)
            shutil.copy(first.folder / "data/secrets.key", other.folder / "data/secrets.key")
        archive = bench.folder / "first.zip"
        figures = [*made(first, archive, is_busy=True)]
        figures += restored(second, archive, bench.folder / "second.zip", "PostgreSQL")
        figures += restored(third, bench.folder / "second.zip", bench.folder / "third.zip", "SQLite")
        alike(archive, bench.folder / "third.zip")
        figures.append(moved(third, "PostgreSQL", database("fourth")))
    title = f"Snapshots of {volume.instances:,} node instances and {volume.events:,} events"
    text = "The first snapshot is made while runs follow each other. Every table and file was compared after each step, and was the same."
    return Topic(title, figures, text)


def home(bench: Bench, name: str, url: str | None) -> Home:
    return Home(bench.binary, bench.folder / name, url)


@contextlib.contextmanager
def runs(manager: Manager):
    """Has runs of a workflow follow each other."""
    over, count = threading.Event(), [0]

    def follow() -> None:
        rest = Rest(manager.address, manager.rest.token)
        while not over.is_set():
            rest.run(TEMPLATE, "execute_operation", NOTHING)
            count[0] += 1

    thread = threading.Thread(target=follow)
    thread.start()
    try:
        yield count
    finally:
        over.set()
        thread.join()


def made(home: Home, archive: Path, is_busy: bool) -> list[Figure]:
    """Makes a snapshot and takes it out."""
    with home.start() as manager:
        manager.log_in()
        with runs(manager) if is_busy else contextlib.nullcontext([1]) as count, Memory(manager.resident_megabytes, 0.05) as memory:
            begin = time.perf_counter()
            execution = manager.rest.call("PUT", f"/snapshots/{archive.stem}", {"include_logs": False}, 201)
            ended(manager, execution["id"])
            seconds = time.perf_counter() - begin
        if not count[0]:
            raise RuntimeError("no run ended while the snapshot was made")
        transfer(manager, "GET", f"/snapshots/{archive.stem}/archive", archive, 200)
    kind = "PostgreSQL" if home.database_url else "SQLite"
    busy = ", while runs go on" if is_busy else ""
    return [
        Figure(f"made on {kind}{busy}", "s", [seconds]),
        Figure(f"made on {kind}: memory at most", "MB", [memory.most], 300),
        Figure("its archive", "MB", [archive.stat().st_size / 1e6]),
    ]


def restored(home: Home, archive: Path, again: Path, kind: str) -> list[Figure]:
    """Restores a snapshot on another database, and makes one of what is there then, which must be the same."""
    with home.start() as manager:
        manager.log_in()
        transfer(manager, "PUT", f"/snapshots/{archive.stem}/archive", archive, 201)
        with Memory(manager.resident_megabytes, 0.05) as memory:
            begin = time.perf_counter()
            execution = manager.rest.call("POST", f"/snapshots/{archive.stem}/restore", {"force": True})
            ended(manager, execution["id"])
            # The files follow the rows.
            while manager.rest.call("GET", "/snapshot-status")["status"] == "running":
                time.sleep(0.05)
            seconds = time.perf_counter() - begin
        # From one moment on tokens are those of the snapshot.
        home.token = None
    figures = made(home, again, is_busy=False)
    alike(archive, again)
    return [
        Figure(f"restored on {kind}", "s", [seconds]),
        Figure(f"restored on {kind}: memory at most", "MB", [memory.most], 300),
        *figures,
    ]


def moved(home: Home, kind: str, url: str) -> Figure:
    """`nephele db move`, which compares by itself."""
    source = f"sqlite://{home.folder}/data/nephele.db"
    begin = time.perf_counter()
    command = [home.binary, "db", "move", source, url, "--data-dir", home.folder / "data"]
    done = subprocess.run(command, capture_output=True, text=True, env=home.environment())
    if done.returncode:
        raise RuntimeError(f"nephele db move: {done.stderr}")
    return Figure(f"moved to {kind} by `nephele db move`, both sides compared", "s", [time.perf_counter() - begin])


def ended(manager: Manager, execution: str) -> None:
    """Waits for the good end of an execution, logging in anew where the users were replaced."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            manager.rest.token = manager.rest.token or manager.rest.new_token("admin", PASSWORD)
            found = manager.rest.call("GET", f"/executions/{execution}")
        except RuntimeError as error:
            # Nobody logs in while users are replaced, and a token of before is none afterwards.
            if " gave 401 " in str(error):
                manager.rest.token = None
            elif " gave 503 " not in str(error):
                raise
            time.sleep(0.1)
            continue
        if found["status"] == "terminated":
            return
        if found["status"] in FINAL:
            raise RuntimeError(f"{found['workflow_id']} {found['status']}: {found['error']}")
        time.sleep(0.1)
    raise RuntimeError(f"execution {execution} does not end")


def transfer(manager: Manager, method: str, path: str, file: Path, expected: int) -> None:
    """Sends or receives an archive without holding it in memory."""
    connection = http.client.HTTPConnection(manager.address, timeout=PATIENCE)
    try:
        if method == "PUT":
            with open(file, "rb") as body:
                headers = {**manager.rest.headers(), "Content-Length": str(file.stat().st_size)}
                connection.request(method, API + path, body, headers)
                response = connection.getresponse()
                said = response.read()
        else:
            connection.request(method, API + path, None, manager.rest.headers())
            response = connection.getresponse()
            said = b""
            with open(file, "wb") as target:
                while piece := response.read(1 << 20):
                    target.write(piece)
        if response.status != expected:
            raise RuntimeError(f"{method} {path} gave {response.status} instead of {expected}: {said[:500]!r}")
    finally:
        connection.close()


def alike(before: Path, after: Path) -> None:
    """Fails unless the second archive holds what the first one does."""
    with zipfile.ZipFile(before) as one, zipfile.ZipFile(after) as other:
        sums, others = checksums(one), checksums(other)
        for name, checksum in sums.items():
            table = name.removeprefix("tables/").removesuffix(".jsonl") if name.startswith("tables/") else None
            if table in KEPT or others.get(name) == checksum or name == "metadata.json":
                continue
            lost = 0 if table is None else missing(one, other, name)
            if table is None or lost > TOUCHED.get(table, 0):
                raise RuntimeError(f"{name} is not the same in {before.name} and {after.name}: {lost} lines are missing")


def checksums(archive: zipfile.ZipFile) -> dict[str, str]:
    lines = archive.read("checksums.jsonl").decode().splitlines()
    return {entry["name"]: entry["sha256"] for entry in map(json.loads, lines)}


def missing(one: zipfile.ZipFile, other: zipfile.ZipFile, name: str) -> int:
    """How many lines of a table the second archive does not have. Digests, since a table may be larger than the memory."""
    with other.open(name) as lines:
        there = {hash(line) for line in lines}
    with one.open(name) as lines:
        return sum(hash(line) not in there for line in lines)
