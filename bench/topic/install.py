"""The install workflow, from the request that starts it until a client sees its end."""

import blueprint
from bench import Bench, Topic, timed
from figure import Figure
from manager import Manager

# Name, shape, nodes, runs, goal, and what is quoted of Cloudify, in seconds.
CASES = [
    ("1,000 nodes without operations", "flat", 1000, 5, 1, 43),
    ("100 nodes with one shell operation each", "shell", 100, 5, 1, 43),
    ("500 nodes with one shell operation each", "shell", 500, 5, 5, 345),
]


def measure(bench: Bench) -> Topic:
    figures = []
    with bench.home().start() as manager:
        manager.log_in()
        install(bench, manager, "shell", 5)
        for name, shape, nodes, runs, goal, reference in CASES:
            seconds = bench.repeat(runs, lambda: install(bench, manager, shape, nodes))
            figures.append(Figure(name, "s", seconds, goal, reference))
    return Topic("Install", figures)


def install(bench: Bench, manager: Manager, shape: str, nodes: int) -> float:
    """Seconds of an install in a new deployment, every node instance checked afterwards."""
    blueprint_id = f"{shape}-{nodes}"
    if not manager.rest.count(f"/blueprints?id={blueprint_id}&_include=id"):
        manager.rest.upload(blueprint_id, blueprint.archive(shape, nodes))
    deployment = bench.name(blueprint_id)
    manager.rest.create_deployment(deployment, blueprint_id)
    seconds = timed(manager.rest.run, deployment, "install")
    started = manager.rest.count(f"/node-instances?deployment_id={deployment}&state=started&_size=1")
    if started != nodes:
        raise RuntimeError(f"{started} of {nodes} node instances of {deployment} are started")
    return seconds
