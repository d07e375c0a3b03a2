"""The command line: what starting it costs, and long lists, beside the unmodified `cfy` (`make cfy`)."""

import os
import statistics
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import machine
from bench import Bench, Topic
from figure import Figure
from manager import PASSWORD, Manager
from seed import Volume, seed

CFY = machine.ROOT / "target/cfy/bin/cfy"

# Name, words, goal in seconds.
STARTS = [
    ("start and say the profile in use", ["profiles", "show-current"], 0.010),
    ("help of all commands", ["--help"], 0.010),
    ("help of a group", ["deployments", "--help"], 0.010),
    ("help of one command", ["deployments", "list", "--help"], 0.010),
    ("list seven deployments", ["deployments", "list", "-s", "7"], None),
]


@dataclass(frozen=True)
class Ran:
    """What one run of a program took: seconds to its end, to its first row, and memory at most."""

    seconds: float
    first: float
    megabytes: float
    lines: int


def run(program: Path, environment: dict[str, str], *words: str, row: bytes = b"") -> Ran:
    """Runs a command that must succeed; `row` is what its first row begins with."""
    begin = time.perf_counter()
    process = subprocess.Popen([program, *words], env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    first, lines = 0.0, 0
    for line in process.stdout:
        lines += 1
        if row and not first and row in line:
            first = time.perf_counter() - begin
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"{program} {' '.join(words)} ended with {process.returncode}")
    return Ran(time.perf_counter() - begin, first, usage.ru_maxrss / 1024, lines)


def measure(bench: Bench) -> Topic:
    deployments = 300 if bench.quick else 10_000
    home = bench.home()
    seed(home, Volume(deployments, 1))
    with home.start() as manager:
        environment = profile(bench, manager)
        figures = []
        for name, words, goal in STARTS:
            run(bench.binary, environment, *words)
            ours = bench.repeat(20, lambda: run(bench.binary, environment, *words))
            theirs = bench.repeat(5, lambda: run(CFY, environment, *words))
            figures.append(figure(name, [one.seconds for one in ours], [one.seconds for one in theirs], goal=goal))
        return Topic("Commands (processes started anew, as scripts do)", figures + long(bench, environment, deployments),
                     reference="cfy 7.0.5, beside")


def profile(bench: Bench, manager: Manager) -> dict[str, str]:
    """An environment with a profile of the manager, which both programs read."""
    folder = bench.folder / bench.name("profiles")
    folder.mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("NEPHELE_", "CLOUDIFY_", "CFY_"))}
    environment = dict(kept, CFY_WORKDIR=str(folder), HOME=str(folder), LC_ALL="C.UTF-8")
    port = manager.address.rsplit(":", 1)[1]
    use = ["profiles", "use", "127.0.0.1", "-u", "admin", "-p", PASSWORD, "-t", "default_tenant", "--rest-port", port]
    run(bench.binary, environment, *use)
    return environment


def long(bench: Bench, environment: dict[str, str], deployments: int) -> list[Figure]:
    """Both list all deployments, as a table and as JSON."""
    figures = []
    for kind, options, row in [("as a table", [], b"volume-"), ("as JSON", ["--json"], b'"id"')]:
        words = ["deployments", "list", "-s", str(deployments + 1), *options]
        name = f"list {deployments:,} deployments {kind}"

        def listed(program: Path) -> Ran:
            ran = run(program, environment, *words, row=row)
            if ran.lines < deployments:
                raise RuntimeError(f"{program} listed {ran.lines} lines of {deployments} deployments")
            return ran

        listed(bench.binary)
        ours = bench.repeat(5, lambda: listed(bench.binary))
        theirs = bench.repeat(2, lambda: listed(CFY))
        for what, unit, pick in [
            ("", "s", lambda ran: ran.seconds),
            (": the first row", "s", lambda ran: ran.first),
            (": memory at most", "MB", lambda ran: ran.megabytes),
        ]:
            figures.append(figure(name + what, [pick(ran) for ran in ours], [pick(ran) for ran in theirs], unit))
    return figures


def figure(name: str, ours: list[float], theirs: list[float], unit: str = "s", goal: float | None = None) -> Figure:
    return Figure(name, unit, ours, goal=goal, reference=statistics.median(theirs))
