"""Trivial Python operations of a plugin: each in a fork of a warm interpreter, each in a process of its own, and
each as the reference starts them, `python -m cloudify.dispatch`.

The reference is measured beside: as many of its processes at a time as the machine has cores, without the
messages, requests and rows that its manager adds. Where the manager is measured, all of that is counted.
"""

import io
import json
import os
import subprocess
import tarfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import machine
from bench import Bench, Topic, timed
from figure import Figure
from manager import Manager

PYTHON = machine.ROOT / "target/cfy/bin/python"
OPERATIONS = 200
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
    count = 10 if bench.quick else OPERATIONS
    reference = dispatches(bench, count)
    figures = []
    home = bench.home()
    home.settings["NEPHELE_PYTHON"] = str(PYTHON)
    with home.start() as manager:
        manager.log_in()
        for name, is_warm in [("forked", True), ("a process each", False)]:
            install(bench, manager, is_warm, 1)
            seconds = bench.repeat(3, lambda: install(bench, manager, is_warm, count))
            figures.append(Figure(f"{count} trivial operations, {name}", "s", seconds, None, reference))
    return Topic("Python operations", figures, reference="dispatcher alone, measured")


def install(bench: Bench, manager: Manager, is_warm: bool, nodes: int) -> float:
    """Seconds of an install in a new deployment. Its plugin is built before: that is not counted."""
    blueprint_id = f"{'warm' if is_warm else 'fresh'}-{nodes}"
    if not manager.rest.count(f"/blueprints?id={blueprint_id}&_include=id"):
        manager.rest.upload(blueprint_id, archive(is_warm, nodes))
    deployment = bench.name(blueprint_id)
    manager.rest.create_deployment(deployment, blueprint_id)
    first = manager.rest.call("GET", f"/node-instances?deployment_id={deployment}&_size=1")["items"][0]["id"]
    parameters = {"operation": "cloudify.interfaces.lifecycle.create", "node_instance_ids": [first]}
    manager.rest.run(deployment, "execute_operation", parameters)
    return timed(manager.rest.run, deployment, "install")


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
    package = bench.folder / "reference/trivial"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "tasks.py").write_text(TASKS)
    folders = []
    for number in range(count):
        folder = bench.folder / f"reference/task-{number}"
        folder.mkdir()
        context = {"type": "operation", "task_name": "trivial.tasks.nothing"}
        (folder / "input.json").write_text(json.dumps({"cloudify_context": context, "args": [], "kwargs": {}}))
        folders.append(folder)
    begin = time.perf_counter()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda folder: dispatch(folder, package.parent), folders))
    return time.perf_counter() - begin


def dispatch(folder: Path, packages: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(packages), "CLOUDIFY_DISPATCH": "true", "AGENT_WORK_DIR": str(folder)}
    command = [PYTHON, "-u", "-m", "cloudify.dispatch", folder]
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    told = json.loads((folder / "output.json").read_text())
    if told["type"] != "result":
        raise RuntimeError(f"the reference's dispatcher failed: {told}")
