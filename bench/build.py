#!/usr/bin/env python3
"""Measures a newcomer's wait: a fresh clone, an empty cargo cache, `make demo`, two cores.

Invariant: the machine's own cargo cache and build folder are neither used nor changed.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import machine
import report
from bench import Topic
from figure import Figure

CORES = 2
GOAL = 8 * 60
# Lines of `make demo` that tell how far it is.
BUILT = "Starting the manager"
RUNNING = "The shop is open"


def main() -> int:
    command = "make bench-build"
    with tempfile.TemporaryDirectory(prefix="nephele-build-") as folder:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
        try:
            topic = measure(Path(folder))
        except RuntimeError as error:
            topic = f"### Cold build\n\nNot measured: {error}"
        section = report.render(report.Run(command, "SQLite", machine.describe(Path(folder)), [topic]))
    print(f"\n{section}")
    if len(sys.argv) > 1:
        report.insert(Path(sys.argv[1]), section)
    return 1 if isinstance(topic, str) else 0


def measure(folder: Path) -> Topic:
    clone = folder / "nephele"
    subprocess.run(["git", "clone", "--quiet", machine.ROOT, clone], check=True)
    reached = follow(["make", "demo"], clone, environment(folder / "cargo"))
    title = f"Cold build on {CORES} cores: fresh clone, empty cargo cache, `DEMO_EXIT=1 make demo`"
    return Topic(title, [
        Figure("until the release binary is built, downloads included", "s", [reached[BUILT]]),
        Figure("until the demo is running", "s", [reached[RUNNING]], goal=GOAL),
    ])


def environment(cargo_home: Path) -> dict[str, str]:
    """An empty cargo home; only settings such as a mirror of crates.io come along."""
    usual = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo"))
    cargo_home.mkdir()
    for name in ["config.toml", "config"]:
        if (usual / name).is_file():
            shutil.copy(usual / name, cargo_home)
    dropped = {"CARGO_TARGET_DIR", "MAKEFLAGS", "MAKELEVEL"}
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    return {**kept, "CARGO_HOME": str(cargo_home), "DEMO_EXIT": "1"}


def follow(command: list[str], folder: Path, variables: dict[str, str]) -> dict[str, float]:
    """Runs the command to its end and gives the seconds after which each telling line came."""
    reached = {}
    begin = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=folder, env=variables, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )
    for line in process.stdout:
        print(line, end="", flush=True)
        for mark in (BUILT, RUNNING):
            if mark in line:
                reached.setdefault(mark, time.perf_counter() - begin)
    if process.wait() or len(reached) < 2:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode} after reaching {list(reached)}")
    return reached


if __name__ == "__main__":
    sys.exit(main())
