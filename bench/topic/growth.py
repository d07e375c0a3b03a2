"""How each step grows from 100 to 10,000 nodes: linear when the time per node stays flat."""

import statistics

import blueprint
from bench import Bench, Topic, timed
from figure import Figure, show, table
from topic.install import install

SIZES = [100, 300, 1000, 3000, 10_000]
QUICK_SIZES = [100, 1000]
STEPS = ["upload", "creation", "install"]
# Time per node at the largest size over that at 1,000 nodes; quadratic growth would give 10.
FLAT = 1.5
BASE = 1000


def measure(bench: Bench) -> Topic:
    sizes = QUICK_SIZES if bench.quick else SIZES
    figures, texts = [], []
    for shape, name in [("flat", "unrelated nodes"), ("tree", "nodes connected as a tree")]:
        runs = {nodes: steps(bench, shape, nodes) for nodes in sizes}
        texts.append(f"Growth, {name}, median of {len(runs[BASE][0])} runs (per node in brackets):\n\n{rows(runs)}")
        for step, base, largest in zip(STEPS, runs[BASE], runs[sizes[-1]]):
            ratio = statistics.median(largest) / sizes[-1] * BASE / statistics.median(base)
            label = f"{step} of {name}: time per node at {sizes[-1]:,} over that at {BASE:,}"
            figures.append(Figure(label, "times", [ratio], goal=FLAT))
    return Topic("Growth", figures, "\n\n".join(texts))


def steps(bench: Bench, shape: str, nodes: int) -> list[list[float]]:
    """Seconds of each run of upload (parsing included), creation and install, and the memory after it."""
    uploads, creations, installs, resident = [], [], [], []
    archive = blueprint.archive(shape, nodes)
    with bench.home().start() as manager:
        manager.log_in()

        def once() -> float:
            name = bench.name("grown")
            uploads.append(timed(manager.rest.upload, name, archive))
            creations.append(timed(manager.rest.create_deployment, name, name))
            installs.append(timed(manager.rest.run, name, "install"))
            resident.append(manager.resident_megabytes())
            return installs[-1]

        # The first requests of a process load code and fill caches.
        install(bench, manager, shape, 10)
        bench.repeat(3, once)
    return [uploads, creations, installs, resident]


def rows(runs: dict[int, list[list[float]]]) -> str:
    lines = []
    for nodes, measured in runs.items():
        medians = [statistics.median(values) for values in measured]
        times = [f"{show(seconds, 's')} ({seconds / nodes * 1e6:,.0f} µs)" for seconds in medians[:3]]
        lines.append([f"{nodes:,}", *times, show(medians[3], "MB")])
    return table(["nodes", *STEPS, "resident memory"], lines)
