#!/usr/bin/env python3
"""Measures a binary: `bench/run.py BINARY [--write docs/benchmarks.md] [--database postgres]`."""

import argparse
import importlib
import shutil
import sys
import tempfile
import traceback
from pathlib import Path

import machine
import report
from bench import Bench, Topic
from database import database

TOPICS = ["start", "throughput", "creation", "install", "growth", "volume", "runs", "operations", "dsl", "commands", "console", "snapshots"]


def main() -> int:
    options = arguments()
    if {"throughput", "volume"} & set(options.topic) and not shutil.which("wrk"):
        raise SystemExit("wrk is missing. Install with:  apt-get install -y wrk")
    # Data lies in the build folder: a temporary folder may be in memory.
    place = machine.ROOT / "target"
    place.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="bench-", dir=place) as folder,
        database(options.database) as (name, new_database),
    ):
        bench = Bench(options.binary.resolve(), Path(folder), new_database, options.quick)
        topics = [measure(bench, topic) for topic in options.topic]
        section = report.render(report.Run(options.command, name, machine.describe(place), topics))
    print(f"\n{section}")
    if options.write:
        report.insert(options.write, section)
    return 1 if any(isinstance(topic, str) for topic in topics) else 0


def measure(bench: Bench, name: str) -> Topic | str:
    """A topic that fails does not take the others with it."""
    print(f"measuring {name} …", file=sys.stderr, flush=True)
    try:
        return importlib.import_module(f"topic.{name}").measure(bench)
    except Exception as error:
        traceback.print_exc()
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        return f"### {name}\n\nNot measured: {reason}"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measures a binary of Nephele.")
    parser.add_argument("binary", type=Path)
    parser.add_argument("--write", type=Path, metavar="FILE", help="document to put the figures into")
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--topic", action="append", choices=TOPICS, help="only these topics")
    parser.add_argument("--quick", action="store_true", help="try the scripts: the figures tell nothing")
    given = " ".join(["bench/run.py", *sys.argv[1:]])
    parser.add_argument("--command", default=given, help="what the document says was run")
    options = parser.parse_args()
    options.topic = options.topic or TOPICS
    if options.quick and options.write:
        parser.error("figures of --quick are not for a document")
    return options


if __name__ == "__main__":
    sys.exit(main())
