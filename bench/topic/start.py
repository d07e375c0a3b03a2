"""Start to ready, and memory at rest."""

import time

import blueprint
from bench import Bench, Topic
from figure import Figure

NODES = 1000
REST = 5


def measure(bench: Bench) -> Topic:
    first, idle = [], []

    def first_start() -> float:
        with bench.home().start() as manager:
            time.sleep(1 if bench.quick else REST)
            idle.append(manager.resident_megabytes())
            return manager.ready_after

    first = bench.repeat(5, first_start)

    home = bench.home()
    with home.start() as manager:
        manager.log_in()
        manager.rest.upload("many", blueprint.archive("flat", NODES))
        manager.rest.create_deployment("many", "many")
        manager.rest.run("many", "install")
        after_work = manager.resident_megabytes()

    def later_start() -> float:
        with home.start() as manager:
            return manager.ready_after

    return Topic(f"Start and memory (a later start finds a deployment of {NODES:,} nodes)", [
        Figure("first start to ready", "s", first, goal=2),
        Figure("later start to ready", "s", bench.repeat(9, later_start), goal=0.5),
        Figure(f"resident memory, {REST} s after the first start", "MB", idle, goal=60),
        Figure(f"resident memory after an install of {NODES:,} nodes", "MB", [after_work]),
    ])
