"""Lists over as many rows as years of use leave behind, and events that come in fast."""

import json
import threading
import time

from bench import Bench, Topic, timed
from figure import Figure
from load import CONNECTIONS, Load, load
from manager import Manager
from seed import LONG, TEMPLATE, Volume, seed

SECONDS = 5
EVENTS_A_REQUEST = 100
INGESTION_SECONDS = 20
PAGE = "&_size=100"
MIDDLE = f"{TEMPLATE}-{{}}"
# What a table of deployments shows; a whole deployment is 4 KB of JSON.
COLUMNS = (
    "id,display_name,blueprint_id,created_at,created_by,site_name,deployment_status,installation_status,"
    "latest_execution_status,latest_execution_total_operations,latest_execution_finished_operations,"
    "sub_services_count,sub_services_status,sub_environments_count,sub_environments_status,labels"
)


def measure(bench: Bench) -> Topic:
    volume = Volume(2000, 10) if bench.quick else Volume()
    home = bench.home()
    seed(home, volume)
    with home.start() as manager:
        manager.log_in()
        figures = []
        for name, path, options, goal in requests(manager, volume):
            if rows := options.get("rows"):
                deepest = path.replace("OFFSET", str(rows - 1))
                method, body = options.get("method", "GET"), json.loads(options.get("body") or "null")
                found = timed(manager.rest.call, method, deepest, body)
                figures.append(Figure(f"{name}: the deepest for the first time", "s", [found]))
            load(manager, path, 1, **options)
            runs = bench.repeat(3, lambda: load(manager, path, 1 if bench.quick else SECONDS, **options))
            figures += both(name, runs, goal)
        figures += ingestion(manager, 2 if bench.quick else INGESTION_SECONDS)
    title = (
        f"{volume.deployments:,} deployments, {volume.instances:,} node instances, {volume.events:,} events: "
        f"{CONNECTIONS} connections (wrk, on the same cores)"
    )
    return Topic(title, figures)


def both(name: str, runs: list[Load], goal: int) -> list[Figure]:
    rates = Figure(name, "requests/s", [run.requests for run in runs], goal)
    # Single gets have no goal for their latency.
    slowest = 0.020 if goal == 1000 else None
    return [rates, Figure(f"{name}: 95th percentile", "s", [run.p95 for run in runs], slowest)]


def requests(manager: Manager, volume: Volume) -> list[tuple[str, str, dict, int]]:
    """Name, path, what else wrk is told, and the goal in requests a second."""
    middle = MIDDLE.format(volume.deployments // 2)
    instance = manager.rest.call("GET", f"/node-instances?deployment_id={middle}")["items"][0]["id"]
    execution = manager.rest.call("GET", f"/deployments/{MIDDLE.format(1)}")["latest_execution"]
    rule = {"type": "label", "operator": "any_of"}
    rack = {"filter_rules": [{**rule, "key": "rack", "values": ["rack-7"]}]}
    stage = {"filter_rules": [{**rule, "key": "stage", "values": ["production"]}]}
    deployments, instances, events = "/deployments?_sort=-created_at", "/node-instances?_sort=id", "/events?_sort=-timestamp"

    def anywhere(rows: int) -> dict:
        return {"rows": rows - 100}

    def search(rules: dict) -> dict:
        return {"method": "POST", "body": json.dumps(rules)}

    return [
        ("get a deployment", f"/deployments/{middle}", {}, 5000),
        ("get a node instance", f"/node-instances/{instance}", {}, 5000),
        ("deployments, first page", f"{deployments}{PAGE}", {}, 1000),
        ("deployments, any page", f"{deployments}{PAGE}&_offset=OFFSET", anywhere(volume.deployments), 1000),
        ("deployments' columns of a table, any page", f"{deployments}{PAGE}&_offset=OFFSET&_include={COLUMNS}",
         anywhere(volume.deployments), 1000),
        ("node instances, first page", f"/node-instances?{PAGE[1:]}", {}, 1000),
        ("node instances, any page", f"/node-instances?_offset=OFFSET{PAGE}", anywhere(volume.instances), 1000),
        ("node instances by id, any page", f"{instances}{PAGE}&_offset=OFFSET", anywhere(volume.instances), 1000),
        ("events, first page", f"{events}{PAGE}", {}, 1000),
        ("events, any page", f"{events}{PAGE}&_offset=OFFSET", anywhere(volume.events), 1000),
        ("events of an execution of many, any page", f"/events?execution_id={execution}{PAGE}&_offset=OFFSET",
         anywhere(volume.long), 1000),
        ("deployments by a rare label", f"/searches/deployments?{PAGE[1:]}", search(rack), 1000),
        ("deployments by a common label, any page", f"/searches/deployments?_offset=OFFSET{PAGE}",
         {**search(stage), **anywhere(volume.deployments // 2)}, 1000),
    ]


def ingestion(manager: Manager, seconds: int) -> list[Figure]:
    """Events come in over all connections, while one reader waits for each of its own to be visible."""
    execution = manager.rest.call("GET", f"/deployments/{TEMPLATE}")["latest_execution"]
    event = {"event_type": "workflow_node_event", "message": {"text": "measured"}, "context": {"node_id": None}}
    body = json.dumps({"execution_id": execution, "events": [event] * EVENTS_A_REQUEST, "logs": []})
    before, done, delays = manager.resident_megabytes(), threading.Event(), []

    def watch() -> None:
        path = f"/events?execution_id={execution}&_sort=-reported_timestamp&_size=1"
        for number in range(10**6):
            if done.is_set():
                return
            text = f"watched {number}"
            mine = {"execution_id": execution, "events": [{**event, "message": {"text": text}}], "logs": []}
            begin = time.perf_counter()
            manager.rest.send("POST", "/events", json.dumps(mine).encode(), {"Content-Type": "application/json"}, 201)
            while manager.rest.count(f"/events?execution_id={execution}&message={text.replace(' ', '%20')}&_size=1") == 0:
                pass
            delays.append(time.perf_counter() - begin)
            manager.rest.call("GET", path)

    watching = threading.Thread(target=watch)
    watching.start()
    rate = load(manager, "/events", seconds, method="POST", body=body).requests * EVENTS_A_REQUEST
    done.set()
    watching.join()
    after = manager.resident_megabytes()
    return [
        Figure(f"events taken in, {EVENTS_A_REQUEST} a request", "events/s", [rate], 20_000),
        Figure("from sending an event to seeing it, meanwhile", "s", delays, 1.0),
        Figure("resident memory before", "MB", [before]),
        Figure("resident memory after", "MB", [after]),
    ]
