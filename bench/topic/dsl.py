"""Blueprints parsed and prepared: by the reference and by Nephele in turn, then growing sizes by Nephele alone.

Both run in a process of their own, on the same file; the start of the process is not counted.
"""

import json
import resource
import statistics
import subprocess
from pathlib import Path

import machine
import shape
from bench import Bench, Topic
from figure import Figure, show, table

# Nodes of a tree, goal in seconds, and whether the reference reads it as well (2,000 nodes take it minutes).
SIZES = [(100, None, True), (1000, 0.05, True), (2000, None, True), (5000, None, False), (20_000, 1, False),
         (100_000, None, False)]
QUICK_SIZES = [(100, None, True), (1000, 0.05, False), (2000, None, False)]
BASE = 1000
# Time per node at the largest size over that at 1,000 nodes; quadratic growth would give 100.
FLAT = 1.5
MOST_BYTES_A_NODE = 10 * 1024
PYTHON = machine.ROOT / "target/cfy/bin/python"


def measure(bench: Bench) -> Topic:
    ours = bench.binary.parent / "examples/time_blueprint"
    for needed, target in [(ours, "cargo build --release -p nephele-dsl --example time_blueprint"), (PYTHON, "make cfy")]:
        if not needed.exists():
            raise RuntimeError(f"{needed} is missing. Make it with:  {target}")
    figures, lines, runs = [], [], {}
    for nodes, goal, beside in QUICK_SIZES if bench.quick else SIZES:
        file = shape.tree(bench.folder / f"tree-{nodes}", nodes)
        theirs = run([PYTHON, REFERENCE], file) if beside else None
        runs[nodes] = found = bench.repeat(5 if nodes < 100_000 else 3, lambda: run([ours], file))
        check(file, nodes, theirs, *found)
        figures.append(figure(f"tree of {nodes:,} nodes", found, goal, theirs))
        lines.append(row(nodes, found, theirs))
    largest = max(runs)
    ratio = own(runs[largest]) / largest * BASE / own(runs[BASE])
    name = f"tree: own processor time per node at {largest:,} over that at {BASE:,}"
    figures.append(Figure(name, "times", [ratio], FLAT))
    # What every process needs is not the nodes'; the table shows it in the smaller trees.
    further = (memory(runs[largest]) - memory(runs[BASE])) / (largest - BASE)
    name = f"tree: memory per further node from {BASE:,} to {largest:,} nodes"
    figures.append(Figure(name, "KB", [further / 1024], MOST_BYTES_A_NODE / 1024))
    figures += others(bench, ours)
    text = "Trees (per node in brackets; memory is the peak of the process above its start):\n\n"
    header = ["nodes", "parse", "prepare", "memory", "reference: parse", "prepare", "memory"]
    return Topic("Parsing and preparing blueprints", figures, text + table(header, lines), "reference, measured")


REFERENCE = Path(__file__).resolve().parent.parent / "reference_dsl.py"


def others(bench: Bench, ours: Path) -> list[Figure]:
    """Many imports, and many types that derive from each other; each also ten times as large."""
    figures = []
    sizes = [
        ("{0:,} imported files", shape.imports, [(30,)] if bench.quick else [(90,), (900,)]),
        ("{0:,} chains of {1} types", shape.types, [(5, 5)] if bench.quick else [(20, 10), (500, 20)]),
    ]
    for label, make, arguments in sizes:
        for size, given in enumerate(arguments):
            name = label.format(*given)
            file = make(bench.folder / name.replace(" ", "-"), *given)
            theirs = run([PYTHON, REFERENCE], file) if size == 0 else None
            found = bench.repeat(5, lambda: run([ours], file))
            check(file, given[0], theirs, *found)
            figures.append(figure(name, found, None, theirs))
    return figures


def run(command: list[Path], file: Path) -> dict:
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    output = subprocess.run([*command, file], check=True, capture_output=True, text=True, cwd=file.parent).stdout
    return {**json.loads(output), "own": resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before}


def check(file: Path, instances: int, *found: dict | None) -> None:
    for one in found:
        if one is not None and one["instances"] != instances:
            raise RuntimeError(f"{file} gave {one['instances']} node instances instead of {instances}")


def whole(one: dict) -> float:
    return one["parse"] + one["prepare"]


def seconds(found: list[dict]) -> float:
    return statistics.median(map(whole, found))


def own(found: list[dict]) -> float:
    """Without the time in which the system hands out memory: on a virtual machine, memory that was never
    used before costs it several times as much as other memory."""
    return statistics.median(one["own"] for one in found)


def memory(found: list[dict]) -> float:
    return statistics.median(one["bytes"] for one in found)


def figure(name: str, found: list[dict], goal: float | None, theirs: dict | None) -> Figure:
    return Figure(name, "s", [whole(one) for one in found], goal, whole(theirs) if theirs else None)


def row(nodes: int, found: list[dict], theirs: dict | None) -> list[str]:
    cells = [f"{nodes:,}"]
    for all_of_one in [found, [theirs] if theirs else []]:
        if not all_of_one:
            cells += ["", "", ""]
            continue
        for step in ["parse", "prepare"]:
            took = statistics.median(one[step] for one in all_of_one)
            cells.append(f"{show(took, 's')} ({took / nodes * 1e6:,.0f} µs)")
        held = memory(all_of_one)
        cells.append(f"{held / 2**20:,.0f} MB ({held / nodes / 1024:,.0f} KB)")
    return cells
