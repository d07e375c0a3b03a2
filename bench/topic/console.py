"""The console with much in it: how soon a page shows something, and how long frames take while somebody works with it.

A page counts from the request of its address, signed in and with its files in the browser's cache, to its first row, card
or line. Frames are those between which the browser draws while somebody scrolls, zooms and drags.
"""

import io
import json
import subprocess
import tarfile

import machine
from bench import Bench, Topic
from figure import Figure
from manager import PASSWORD, Manager
from seed import Volume, seed

HOSTS, PARTS = 50, 9
# Hosts of the deployment whose run is shown: 2,000 tasks.
RUN = 9
HEAD = """tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
node_types:
  part:
    derived_from: cloudify.nodes.SoftwareComponent
    interfaces:
      cloudify.interfaces.lifecycle:
        create: run.sh
        configure: run.sh
        start: run.sh
        poststart: run.sh
  host:
    derived_from: cloudify.nodes.Root
    interfaces:
      cloudify.interfaces.lifecycle:
        precreate: run.sh
        create: run.sh
        configure: run.sh
        start: run.sh
        poststart: run.sh
node_templates:
"""


def measure(bench: Bench) -> Topic:
    volume = Volume(1000, 10) if bench.quick else Volume(10_000, 10)
    hosts = 10 if bench.quick else HOSTS
    home = bench.home()
    seed(home, volume)
    with home.start() as manager:
        manager.log_in()
        for name, count in [("large", hosts), ("long", RUN)]:
            manager.rest.upload(name, blueprint(count))
            manager.rest.create_deployment(name, name)
            manager.rest.run(name, "install")
        run = manager.rest.call("GET", "/deployments/long")["latest_execution"]
        tasks = manager.rest.call("GET", f"/executions/{run}")["total_operations"]
        nodes = manager.rest.count("/nodes?deployment_id=large&_size=1")
        events = manager.rest.count("/events?_size=1")
        rounds = bench.repeat(3, lambda: browse(manager, run))
    names = {
        "deployments": f"list of {volume.deployments:,} deployments", "topology": f"topology of {nodes} nodes",
        "timeline": f"timeline of a run of {tasks:,} tasks", "graph": f"graph of a run of {tasks:,} tasks",
        "events": f"{events:,} events",
    }
    figures = []
    for key, name in names.items():
        found = [one[key] for one in rounds]
        figures += [
            Figure(f"{name}: first content", "s", [page["first"] for page in found], 1),
            Figure(f"{name}: 95 of 100 frames", "s", [page["p95"] for page in found], 0.05),
            Figure(f"{name}: longest frame", "s", [page["longest"] for page in found], 0.05),
        ]
    return Topic("The console in Chromium, without a graphics card", figures)


def browse(manager: Manager, run: str) -> dict[str, dict]:
    """What each page took, by its name."""
    pages = [
        {"name": "deployments", "path": "/deployments", "shown": "[role=table] [role=row] a", "act": "scroll"},
        {"name": "topology", "path": "/deployments/large?tab=topology", "shown": "[data-node]", "act": "move"},
        {"name": "timeline", "path": f"/runs/{run}", "shown": "[role=list] [role=listitem] button", "act": "scroll"},
        {"name": "graph", "path": f"/runs/{run}?view=graph", "shown": "main [role=group] :is(button[data-mark], path[marker-end])", "act": "move"},
        {"name": "events", "path": "/events", "shown": "[role=log] button", "act": "back"},
    ]
    command = ["node", "bench/scale.mjs", f"http://{manager.address}", PASSWORD, json.dumps(pages)]
    done = subprocess.run(command, cwd=machine.ROOT / "console", check=True, capture_output=True, text=True)
    found = {page["name"]: page for page in map(json.loads, done.stdout.splitlines())}
    for page in found.values():
        if page["frames"] < 30 or page["drawn"] < 50:
            raise RuntimeError(f"the page {page['name']} did not move: {page}")
    return found


def blueprint(hosts: int) -> bytes:
    """Hosts of a few parts each, which are connected to each other and to those of the next host."""
    lines = [HEAD]
    for host in range(hosts):
        lines.append(f"  host_{host}: {{type: host}}\n")
        for part in range(PARTS):
            lines.append(f"  part_{host}_{part}:\n    type: part\n    relationships:\n")
            lines.append(f"      - {{type: cloudify.relationships.contained_in, target: host_{host}}}\n")
            if part > 0:
                lines.append(f"      - {{type: cloudify.relationships.connected_to, target: part_{host}_{part - 1}}}\n")
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as file:
        for name, text in {"blueprint.yaml": "".join(lines), "run.sh": "#!/bin/sh\nexit 0\n"}.items():
            entry = tarfile.TarInfo(f"large/{name}")
            entry.size, entry.mode = len(text), 0o755
            file.addfile(entry, io.BytesIO(text.encode()))
    return packed.getvalue()
