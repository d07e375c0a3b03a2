"""Executions, their groups and schedules, events, tasks, and agents."""
from datetime import datetime, timedelta

from story import ids, refused, same


def runs(story):
    executions = story.client.executions
    deployments = story.client.deployments
    deployments.create("shop", "two", inputs={"word": "evening"})
    begun = executions.start("two", "install")
    same((begun["workflow_id"], begun["deployment_id"]), ("install", "two"))
    ended = story.ended(begun["id"])
    same((ended["status"], ended["status_display"], ended["error"] or ""), ("terminated", "completed", ""))
    same(ended["finished_operations"], ended["total_operations"])
    same(deployments.outputs.get("two")["outputs"], {"said": "evening"})
    same(deployments.get("two")["installation_status"], "active")
    with refused("nonexistent_workflow_error", 400):
        executions.start("two", "nothing")
    with refused("illegal_execution_parameters_error", 400):
        executions.start("two", "install", parameters={"nothing": 1}, force=True)
    with refused("unavailable_workflow_error", 400):
        executions.start("two", "install")
    with refused("dependent_exists_error", 400):
        deployments.delete("two")
    later = (datetime.utcnow() + timedelta(days=1)).strftime("%Y%m%d%H%M+0000")
    same(executions.start("two", "restart", schedule=later)["status"], "scheduled")
    for schedule in story.client.execution_schedules.list(deployment_id="two"):
        story.client.execution_schedules.delete(schedule["id"], "two")
    dry = executions.start("two", "uninstall", dry_run=True)
    same(story.ended(dry["id"])["is_dry_run"], True)
    restored = executions.create(
        "two", "restart", force_status="failed", error="it was long ago", execution_id="long-ago",
        created_at="2001-02-03T04:05:06.000Z", started_at="2001-02-03T04:05:07.000Z",
        ended_at="2001-02-03T04:05:08.000Z", created_by="admin")
    same((restored["id"], restored["status"]), ("long-ago", "failed"))
    same(executions.get("long-ago")["created_at"], "2001-02-03T04:05:06.000Z")
    with refused("illegal_action_error", 400):
        executions.cancel("long-ago")
    with refused("invalid_exception_status_update", 400):
        executions.update("long-ago", "started")
    assert executions.should_start(begun["id"]) in (True, False)
    same(executions.requeue(executions.start("two", "restart")["id"])["workflow_id"], "restart")
    same(executions.resume("long-ago")["resume"], True)
    story.ended("long-ago")
    assert {begun["id"], "long-ago"} <= set(ids(executions.list(deployment_id="two")))
    kept = [dict(entity) for entity in executions.dump(execution_ids=[begun["id"]])]
    gone = executions.delete(keep_last=1, deployment_id=["two"])
    assert gone >= 1 if isinstance(gone, int) else gone, gone
    with refused("not_found_error", 404):
        executions.get(begun["id"])
    with story.no_errors():
        executions.restore(kept, story.logger)
    same(executions.get(begun["id"])["status"], "terminated")


def groups(story):
    story.client.deployment_groups.put("pair", deployment_ids=["one", "two"])
    groups = story.client.execution_groups
    begun = groups.start("pair", "execute_operation", default_parameters={
        "operation": "cloudify.interfaces.lifecycle.precreate"})
    same((begun["deployment_group_id"], begun["concurrency"], len(begun["execution_ids"])), ("pair", 5, 2))
    for execution in begun["execution_ids"]:
        story.ended(execution)
    found = groups.get(begun["id"])
    same(found["status"], "terminated")
    same(groups.set_concurrency(begun["id"], 3)["concurrency"], 3)
    story.client.deployment_groups.put("good")
    story.client.deployment_groups.put("bad")
    groups.set_target_group(begun["id"], success_group="good", failed_group="bad")
    assert begun["id"] in ids(groups.list())
    same(groups.cancel(begun["id"])["id"], begun["id"])
    same(groups.resume(begun["id"])["id"], begun["id"])
    kept = [dict(entity) for entity in groups.dump(execution_group_ids=[begun["id"]])]
    kept[0]["id"] = "brought-back"
    with story.no_errors():
        groups.restore(kept, story.logger)
    same(sorted(groups.get("brought-back")["execution_ids"]), sorted(begun["execution_ids"]))
    made = groups.create("pair", "install", begun["execution_ids"], id="made")
    same(made["id"], "made")


def schedules(story):
    schedules = story.client.execution_schedules
    since = datetime.utcnow() + timedelta(days=1)
    made = schedules.create("nightly", "two", "restart", since=since, recurrence="1 days", count=3)
    same((made["id"], made["workflow_id"], made["enabled"]), ("nightly", "restart", True))
    same(len(made["all_next_occurrences"]), 3)
    with refused("conflict_error", 409):
        schedules.create("nightly", "two", "restart", since=since, recurrence="1 days")
    same(schedules.update("nightly", "two", enabled=False)["enabled"], False)
    same(schedules.get("nightly", "two")["rule"]["recurrence"], "1 days")
    same(ids(schedules.list(deployment_id="two")), ["nightly"])
    same(len(list(schedules.dump())), 1)
    rule = since.strftime("DTSTART:%Y%m%dT%H%M%S\nRRULE:FREQ=DAILY;COUNT=2")
    entity = {"id": "weekly", "rule": {"rrule": rule}, "deployment_id": "two", "workflow_id": "restart",
              "since": since, "until": None, "stop_on_fail": False, "parameters": {}, "execution_arguments": {},
              "slip": 0, "enabled": True, "created_by": "admin", "created_at": "2001-02-03T04:05:06.000Z"}
    with story.no_errors():
        schedules.restore([entity], story.logger)
    for name in ("nightly", "weekly"):
        schedules.delete(name, "two")
    with refused("not_found_error", 404):
        schedules.get("nightly", "two")


def events(story):
    events = story.client.events
    execution = story.run("two", "restart")["id"]
    listed = events.list(include_logs=True, execution_id=execution, sort="reported_timestamp")
    assert listed[0]["message"] and {event["type"] for event in listed} >= {"cloudify_event"}
    page, total = events.get(execution)
    same(total, len(page))
    events.create(
        events=[{"event_type": "workflow_node_event", "message": {"text": "seen"}, "context": {}}],
        logs=[{"logger": "a", "level": "info", "message": {"text": "logged"}, "context": {}}],
        execution_id=execution)
    same([found["message"] for found in events.list(execution_id=execution, event_type="workflow_node_event",
                                                    message="%seen%")], ["seen"])
    kept = [dict(entry["__entity"]) for entry in events.dump(execution_ids=[execution], include_logs=True)]
    deleted = events.delete("two", include_logs=True)
    assert deleted.items[0] >= len(kept), (deleted.items, len(kept))
    same(len(events.list(include_logs=True, execution_id=execution)), 0)
    with story.no_errors():
        events.restore([dict(entity) for entity in kept], story.logger, "executions", execution)
    same(len(events.list(include_logs=True, execution_id=execution)), len(kept))


def tasks(story):
    graphs, operations = story.client.tasks_graphs, story.client.operations
    execution = story.run("two", "restart")["id"]
    graph = graphs.create(execution, "by-hand", operations=[
        {"id": "task-1", "name": "first", "type": "RemoteWorkflowTask", "parameters": {}, "dependencies": []}])
    same((graph["name"], graph["execution_id"]), ("by-hand", execution))
    same(ids(graphs.list(execution, name="by-hand")), [graph["id"]])
    graphs.update(graph["id"], "anything")
    operations.create("task-2", graph["id"], "second", "RemoteWorkflowTask", {}, ["task-1"])
    same(ids(operations.list(graph_id=graph["id"])), ["task-1", "task-2"])
    operations.update("task-2", "succeeded", result="fine")
    same(operations.get("task-2")["state"], "succeeded")
    operations.delete("task-1")
    with refused("not_found_error", 404):
        operations.get("task-1")
    kept = list(operations.dump(execution_ids=[execution]))
    assert "task-2" in [entry["__entity"]["id"] for entry in kept]
    by_execution = {execution: [dict(entry["__entity"]) for entry in kept]}
    dumped = [entry["__entity"] for entry in graphs.dump(execution_ids=[execution], operations=by_execution)]
    assert graph["id"] in ids(dumped)
    other = [dict(entity, id=f"other-{index}", name=f"other-{index}", operations=[]) for index, entity in enumerate(dumped)]
    with story.no_errors():
        graphs.restore(other, story.logger, execution)
    assert "other-0" in ids(graphs.list(execution))


def agents(story):
    agents = story.client.agents
    instance = story.client.node_instances.list(deployment_id="two")[0]["id"]
    made = agents.create("agent-1", instance, install_method="remote", ip="10.0.0.1", system="linux", version="7.0")
    same((made["name"], made["state"], made["node_instance_id"]), ("agent-1", "creating", instance))
    same(agents.update("agent-1", state="started")["state"], "started")
    same(agents.get("agent-1")["rabbitmq_username"], "rabbitmq_user_agent-1")
    same(ids(agents.list()), ["agent-1"])
    kept = [entry["__entity"] for entry in agents.dump(deployment_ids=["two"])]
    same(ids(kept), ["agent-1"])
    other = dict(kept[0], id="agent-2")
    with story.no_errors():
        agents.restore([other], story.logger)
    same(agents.get("agent-2")["ip"], "10.0.0.1")
    same(agents.replace_ca_certs(False, story.file("ca.pem", "a certificate"), None)["number_of_updated_agents"], 2)
