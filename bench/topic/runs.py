"""Many runs of workflows at once: installs through groups, runs that wait for an operation, a long queue.

The first three cases are those that the reference's own performance tests measure.
"""

import io
import tarfile
import time

import blueprint
from bench import Bench, Topic, timed
from figure import Figure
from manager import Manager

PATIENCE = 1800
WAITING = """tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
node_templates:
  node:
    type: cloudify.nodes.Root
    interfaces: {cloudify.interfaces.lifecycle: {create: wait.sh}}
"""
# Runs in a queue are of as many deployments; those of one deployment wait for each other.
QUEUES = 1000


def measure(bench: Bench) -> Topic:
    groups = 50 if bench.quick else 1000
    live, queued = (100, 200) if bench.quick else (10_000, 100_000)
    figures = [*reference_cases(bench, groups), *live_runs(bench, live), *long_queue(bench, queued), *tasks(bench)]
    return Topic("Many runs", figures)


def reference_cases(bench: Bench, count: int) -> list[Figure]:
    with bench.home().start() as manager:
        manager.log_in()
        manager.rest.upload("one", blueprint.archive("flat", 1))
        many_at_once(manager, count)
        lists = [timed(manager.rest.count, "/deployments?_size=1000&id=none") for _ in range(count)]
        creation = timed(deployments, manager, "group", "one", count)
        installs = timed(run_group, manager, "group", "install", count)
        started = manager.rest.count("/node-instances?state=started&_size=1")
        if started != count:
            raise RuntimeError(f"{started} of {count} node instances are started")
        pages = [timed(full_page, manager, count) for _ in range(100)]
    return [
        Figure(f"{count:,} one-node deployments created by a group", "s", [creation]),
        Figure(f"{count:,} one-node deployments installed by a group", "s", [installs]),
        Figure("one-node installs", "runs/minute", [count / installs * 60], 6000),
        Figure(f"{count:,} empty lists, one after the other", "s", [sum(lists)]),
        Figure(f"100 lists of {count:,} deployments", "s", [sum(pages)]),
    ]


def live_runs(bench: Bench, count: int) -> list[Figure]:
    """Every run has begun, and waits for its one operation: the worker takes one at a time."""
    home = bench.home()
    home.settings["NEPHELE_OPERATIONS"] = "1"
    with home.start() as manager:
        manager.log_in()
        many_at_once(manager, count)
        manager.rest.upload("waiting", packed({"blueprint.yaml": WAITING, "wait.sh": "#!/bin/sh\nsleep 600\n"}))
        deployments(manager, "live", "waiting", count)
        before = manager.resident_megabytes()
        begin = time.perf_counter()
        start_group(manager, "live", "install", count)
        wait_until(lambda: manager.rest.count("/executions?status=started&workflow_id=install&_size=1") == count)
        seconds = time.perf_counter() - begin
        grown = manager.resident_megabytes() - before
        answer = [timed(manager.rest.count, "/executions?_size=1") for _ in range(20)]
        manager.process.kill()
    return [
        Figure(f"{count:,} runs until all are live", "s", [seconds]),
        Figure("memory of a live run", "KB", [grown * 1000 / count], 100),
        Figure("a request meanwhile", "s", answer),
    ]


def long_queue(bench: Bench, count: int) -> list[Figure]:
    """Runs without work are queued by groups while another run holds the only place; then they follow each other.

    Nothing else would make a queue: a run whose deployment is free begins at once, however many are under way.
    """
    queues = min(QUEUES, count // 10)
    with bench.home().start() as manager:
        manager.log_in()
        manager.rest.upload("one", blueprint.archive("flat", 1))
        deployments(manager, "queue", "one", queues)
        body = {"deployment_group_id": "queue", "workflow_id": "execute_operation", "concurrency": 0,
                "default_parameters": {"operation": "cloudify.interfaces.lifecycle.create"}}

        def ended() -> int:
            return manager.rest.count("/executions?status=terminated&workflow_id=execute_operation&_size=1")

        many_at_once(manager, 1)
        manager.rest.upload("waiting", packed({"blueprint.yaml": WAITING, "wait.sh": "#!/bin/sh\nsleep 3600\n"}))
        manager.rest.create_deployment("first", "waiting")
        install = {"deployment_id": "first", "workflow_id": "install"}
        first = manager.rest.call("POST", "/executions", install, 201)["id"]
        wait_until(lambda: manager.rest.call("GET", f"/executions/{first}")["status"] == "started")
        begin = time.perf_counter()
        groups = [manager.rest.call("POST", "/execution-groups", body)["id"] for _ in range(count // queues)]
        sent = time.perf_counter() - begin
        for group in groups:
            manager.rest.call("PATCH", f"/execution-groups/{group}", {"concurrency": queues})
        waiting = manager.rest.count("/executions?status=queued&_size=1")
        if waiting != count:
            raise RuntimeError(f"{waiting} of {count} runs are in the queue")
        tenth = max(count // 10, 1)
        many_at_once(manager, 20)
        manager.rest.call("POST", f"/executions/{first}", {"action": "kill"})
        marks, begin = [(0, time.perf_counter())], time.perf_counter()
        while marks[-1][0] < count:
            if marks[-1][1] - begin > PATIENCE:
                raise RuntimeError(f"{count - marks[-1][0]} runs still wait")
            # Counting all of them takes the time of many runs, so it is done seldom.
            time.sleep(0.2 if count < QUEUES else 3)
            marks.append((ended(), time.perf_counter()))
        rates = [rate(marks, 0, tenth), rate(marks, count - tenth, count)]
    return [
        Figure(f"{count:,} runs queued by groups of {queues:,}", "s", [sent]),
        Figure("runs ended, first tenth of the queue", "runs/minute", [rates[0] * 60]),
        Figure("runs ended, last tenth of the queue", "runs/minute", [rates[1] * 60]),
        Figure("time of a run in the first tenth over that in the last", "times", [rates[1] / rates[0]], 1.5),
    ]


def tasks(bench: Bench) -> list[Figure]:
    """Tasks that do nothing: an install of nodes without operations, over its tasks."""
    seconds = []
    with bench.home().start() as manager:
        manager.log_in()
        manager.rest.upload("flat", blueprint.archive("flat", 1000))

        def once() -> None:
            name = bench.name("flat")
            manager.rest.create_deployment(name, "flat")
            taken = timed(manager.rest.run, name, "install")
            last = manager.rest.call("GET", f"/deployments/{name}")["latest_execution_total_operations"]
            seconds.append(taken / last)

        bench.repeat(5, once)
    return [Figure("a task that does nothing", "s", seconds, 0.001)]


def many_at_once(manager: Manager, count: int) -> None:
    manager.rest.call("PUT", "/config/max_concurrent_workflows", {"value": count, "scope": "rest"})


def deployments(manager: Manager, group: str, blueprint_id: str, count: int) -> None:
    """A group of new deployments, once all of them are there."""
    body = {"blueprint_id": blueprint_id, "new_deployments": [{"id": f"{group}-{number}"} for number in range(count)]}
    manager.rest.call("PUT", f"/deployment-groups/{group}", body)
    wait_until(lambda: manager.rest.count(f"/deployments?_group_id={group}&_size=1") == count and not running(manager))


def running(manager: Manager) -> int:
    states = "&".join(f"status={state}" for state in ["pending", "queued", "started"])
    return manager.rest.count(f"/executions?{states}&workflow_id=create_deployment_environment&_size=1")


def start_group(manager: Manager, group: str, workflow: str, count: int) -> str:
    body = {"deployment_group_id": group, "workflow_id": workflow, "concurrency": count}
    return manager.rest.call("POST", "/execution-groups", body)["id"]


def run_group(manager: Manager, group: str, workflow: str, count: int) -> None:
    started = start_group(manager, group, workflow, count)
    wait_until(lambda: manager.rest.call("GET", f"/execution-groups/{started}")["status"] == "terminated")


def full_page(manager: Manager, count: int) -> None:
    items = manager.rest.call("GET", f"/deployments?_size={count}")["items"]
    if len(items) != count:
        raise RuntimeError(f"{len(items)} of {count} deployments are listed")


def wait_until(holds) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > deadline:
            raise RuntimeError(f"not reached within {PATIENCE} s")
        time.sleep(0.05)


def rate(marks: list[tuple[int, float]], begin: int, end: int) -> float:
    """Runs a second between two numbers of ended runs."""
    first = next(mark for mark in reversed(marks) if mark[0] <= begin)
    last = next(mark for mark in marks if mark[0] >= end)
    return (last[0] - first[0]) / max(last[1] - first[1], 1e-9)


def packed(files: dict[str, str]) -> bytes:
    """An archive with one folder; scripts may be run."""
    found = io.BytesIO()
    with tarfile.open(fileobj=found, mode="w:gz") as tar:
        for name, text in files.items():
            entry = tarfile.TarInfo(f"blueprint/{name}")
            entry.size, entry.mode = len(text), 0o755
            tar.addfile(entry, io.BytesIO(text.encode()))
    return found.getvalue()
