"""REST requests a second over 8 connections, by wrk on the same machine."""

import blueprint
from bench import Bench, Topic
from figure import Figure
from load import CONNECTIONS, load
from manager import Manager

SECONDS = 5
DEPLOYMENTS = 100
NODES = 1000

# Name, path, rows of the list, goal and the figure quoted of Cloudify, both in requests a second.
REQUESTS = [
    ("version", "/version", 0, 20_000, 114),
    (f"deployments, _include=id, {DEPLOYMENTS} rows", "/deployments?_include=id", DEPLOYMENTS, 3000, 61),
    (f"node-instances, {NODES:,} rows", f"/node-instances?deployment_id=many&_size={NODES}", NODES, 200, 14),
    ("events, 100 rows", "/events?_size=100", 100, 3000, 47),
]


def measure(bench: Bench) -> Topic:
    with bench.home().start() as manager:
        manager.log_in()
        fill(manager)
        figures = []
        for name, path, rows, goal, reference in REQUESTS:
            answer = manager.rest.call("GET", path)
            if rows and len(answer["items"]) != rows:
                raise RuntimeError(f"{path} gave {len(answer['items'])} rows instead of {rows}")
            load(manager, path, 1)
            runs = bench.repeat(5, lambda: load(manager, path, 1 if bench.quick else SECONDS).requests)
            figures.append(Figure(name, "requests/s", runs, goal, reference))
        resident = manager.resident_megabytes()
    title = f"REST over {CONNECTIONS} connections with a token (wrk, {SECONDS} s a run, on the same cores)"
    return Topic(title, [*figures, Figure("resident memory afterwards", "MB", [resident])])


def fill(manager: Manager) -> None:
    """One installed deployment of many nodes, and many small deployments."""
    manager.rest.upload("many", blueprint.archive("flat", NODES))
    manager.rest.create_deployment("many", "many")
    manager.rest.run("many", "install")
    manager.rest.upload("one", blueprint.archive("flat", 1))
    for number in range(1, DEPLOYMENTS):
        manager.rest.create_deployment(f"one-{number}", "one")
