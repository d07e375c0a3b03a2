"""Trivial Python operations of a plugin, from the request that starts them to the end that a client sees: each in a
fork of a warm interpreter, each in a process of its own, and as the reference starts them, `python -m cloudify.dispatch`.

The reference is measured beside: as many of its processes at a time as the machine has cores, without the
messages, requests and rows that its manager adds. Where the manager is measured, all of that is counted.
"""

import io
import json
import os
import statistics
import subprocess
import tarfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import machine
from bench import Bench, Topic, timed
from figure import Figure
from manager import Manager, Memory

PYTHON = machine.ROOT / "target/cfy/bin/python"
OPERATIONS = 200
# Goals for forked operations: the median of one, and how many a second, on two cores.
ONE = 0.02
A_SECOND = 100
CREATE = {"operation": "cloudify.interfaces.lifecycle.create"}
# A thread that an import starts keeps an interpreter from being forked.
SITE = "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n"
SETUP = "from setuptools import setup\nsetup(name='trivial', version='1', packages=['trivial'], py_modules={modules})\n"
TASKS = "from cloudify.decorators import operation\n\n\n@operation\ndef nothing(**_):\n    pass\n"
BLUEPRINT = """tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
plugins: {{trivial: {{executor: central_deployment_agent, source: trivial}}}}
node_templates:
  node:
    type: cloudify.nodes.Root
    instances: {{deploy: {nodes}}}
    interfaces: {{cloudify.interfaces.lifecycle: {{create: trivial.trivial.tasks.nothing}}}}
"""


def measure(bench: Bench) -> Topic:
    if not PYTHON.exists():
        raise RuntimeError(f"{PYTHON} is missing. Make it with:  make cfy")
    count, large, burst = (10, 20, 40) if bench.quick else (OPERATIONS, 500, 1000)
    alone = statistics.median(bench.repeat(9, lambda: dispatches(bench, 1)))
    reference = dispatches(bench, count)
    figures = []
    home = bench.home()
    home.settings["NEPHELE_PYTHON"] = str(PYTHON)
    with home.start() as manager:
        manager.log_in()
        for name, is_warm in [("forked", True), ("a process each", False)]:
            prepared = prepare(bench, manager, is_warm, 1)
            seconds = []
            bench.repeat(25, lambda: seconds.append(one(manager, prepared, min(seconds, default=0))))
            figures.append(Figure(f"one trivial operation, {name}", "s", seconds, ONE if is_warm else None, alone))
            seconds = bench.repeat(3, lambda: install(bench, manager, is_warm, count))
            goal = count / A_SECOND if is_warm else None
            figures.append(Figure(f"{count} trivial operations, {name}", "s", seconds, goal, reference))
        seconds = bench.repeat(3, lambda: install(bench, manager, True, large))
        figures.append(Figure(f"install of {large} nodes with one Python operation each, forked", "s", seconds))
        prepared = prepare(bench, manager, True, burst)
        with Memory(manager.held_megabytes, 0.2) as memory:
            seconds = run_install(manager, prepared, burst)
        figures.append(Figure(f"burst of {burst:,} operations, forked", "s", [seconds]))
        figures.append(Figure("the same, most memory of the manager and its processes", "MB", [memory.most]))
    text = "Memory that processes share counts once (PSS), read every 0.2 s."
    return Topic("Python operations", figures, text, reference="dispatcher alone, measured")


def one(manager: Manager, prepared: str, least: float) -> float:
    """Seconds of one operation; none is expected to take much less than the `least` so far."""
    return timed(manager.rest.run, prepared, "execute_operation", CREATE, least * 0.8)


def prepare(bench: Bench, manager: Manager, is_warm: bool, nodes: int) -> str:
    """A new deployment whose plugin is built and has run once, which counts for nothing."""
    blueprint_id = f"{'warm' if is_warm else 'fresh'}-{nodes}"
    if not manager.rest.count(f"/blueprints?id={blueprint_id}&_include=id"):
        manager.rest.upload(blueprint_id, archive(is_warm, nodes))
    deployment = bench.name(blueprint_id)
    manager.rest.create_deployment(deployment, blueprint_id)
    first = manager.rest.call("GET", f"/node-instances?deployment_id={deployment}&_size=1")["items"][0]["id"]
    manager.rest.run(deployment, "execute_operation", {**CREATE, "node_instance_ids": [first]})
    return deployment


def install(bench: Bench, manager: Manager, is_warm: bool, nodes: int) -> float:
    """Seconds of an install in a new deployment."""
    return run_install(manager, prepare(bench, manager, is_warm, nodes), nodes)


def run_install(manager: Manager, deployment: str, nodes: int) -> float:
    """Seconds of an install, every node instance checked afterwards."""
    seconds = timed(manager.rest.run, deployment, "install")
    started = manager.rest.count(f"/node-instances?deployment_id={deployment}&state=started&_size=1")
    if started != nodes:
        raise RuntimeError(f"{started} of {nodes} node instances of {deployment} are started")
    return seconds


def archive(is_warm: bool, nodes: int) -> bytes:
    """A blueprint that brings its plugin."""
    modules = [] if is_warm else ["sitecustomize"]
    files = {
        "blueprint.yaml": BLUEPRINT.format(nodes=nodes),
        "plugins/trivial/setup.py": SETUP.format(modules=modules),
        "plugins/trivial/trivial/__init__.py": "",
        "plugins/trivial/trivial/tasks.py": TASKS,
    }
    if not is_warm:
        files["plugins/trivial/sitecustomize.py"] = SITE
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, text in files.items():
            entry = tarfile.TarInfo(f"trivial/{name}")
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text.encode()))
    return packed.getvalue()


def dispatches(bench: Bench, count: int) -> float:
    """Seconds that the reference's dispatcher takes for so many operations."""
    around = bench.folder / bench.name("reference")
    package = around / "trivial"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "tasks.py").write_text(TASKS)
    folders = []
    for number in range(count):
        folder = around / f"task-{number}"
        folder.mkdir()
        context = {"type": "operation", "task_name": "trivial.tasks.nothing"}
        (folder / "input.json").write_text(json.dumps({"cloudify_context": context, "args": [], "kwargs": {}}))
        folders.append(folder)
    begin = time.perf_counter()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda folder: dispatch(folder, around), folders))
    return time.perf_counter() - begin


def dispatch(folder: Path, packages: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(packages), "CLOUDIFY_DISPATCH": "true", "AGENT_WORK_DIR": str(folder)}
    command = [PYTHON, "-u", "-m", "cloudify.dispatch", folder]
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    told = json.loads((folder / "output.json").read_text())
    if told["type"] != "result":
        raise RuntimeError(f"the reference's dispatcher failed: {told}")
