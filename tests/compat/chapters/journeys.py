"""Longer ways through the client: schedules that start something, groups, parts of a whole, updates that fail or stop.

Every operation of these deployments waits while `hold-DEPLOYMENT` is in the folder, and fails if `break-DEPLOYMENT` is;
while `ill-DEPLOYMENT` is there, checks find them ill, and healing removes it.
"""
import time
from contextlib import contextmanager
from datetime import datetime, timedelta

from story import ids, refused, same

SCRIPT = """#!/bin/sh
set -eu
name=$(ctx deployment id)
while [ -e "$folder/hold-$name" ]; do sleep 0.1; done
[ ! -e "$folder/break-$name" ] || ctx abort-operation 'it is broken'
case $(ctx operation name) in
*.check_status) [ ! -e "$folder/ill-$name" ] || ctx abort-operation 'it is ill' ;;
*.heal) rm -f "$folder/ill-$name" ;;
esac
"""
HEAD = """
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml{plugin}]
inputs: {{folder: {{type: string}}, word: {{default: first}}}}
node_types:
  thing:
    derived_from: cloudify.nodes.Root
    properties: {{word: {{default: ''}}}}
    interfaces:
      cloudify.interfaces.lifecycle:
        create: {{implementation: act.sh, inputs: &folder {{folder: {{default: {{get_input: folder}}}}}}}}
        pull: {{implementation: act.sh, inputs: *folder}}
        check_drift: {{implementation: act.sh, inputs: *folder}}
        delete: {{implementation: act.sh, inputs: *folder}}
        heal: {{implementation: act.sh, inputs: *folder}}
      cloudify.interfaces.validation:
        check_status: {{implementation: act.sh, inputs: *folder}}
capabilities: {{word: {{value: {{get_input: word}}}}}}
node_templates:
  app: {{type: thing, properties: {{word: {{get_input: word}}}}}}
"""
MORE = """
  extra: {type: thing, relationships: [{type: cloudify.relationships.connected_to, target: app}]}
"""
GREETED = """
  greeter: {type: cloudify.nodes.Root, interfaces: {cloudify.interfaces.lifecycle: {poststart: greeter.tasks.greet}}}
"""
WHOLE = """
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
inputs: {folder: {type: string}, word: {default: first}}
node_templates:
  part:
    type: cloudify.nodes.Component
    properties:
      resource_config:
        blueprint: {id: works, external_resource: true}
        deployment: {id: part, inputs: {folder: {get_input: folder}, word: {get_input: word}}}
  used: {type: cloudify.nodes.SharedResource, properties: {resource_config: {deployment: {id: shared}}}}
  user:
    type: cloudify.nodes.Root
    relationships:
      - type: cloudify.relationships.depends_on_shared_resource
        target: used
        target_interfaces:
          cloudify.interfaces.relationship_lifecycle:
            establish: {inputs: {workflow_id: pull}}
            unlink: {inputs: {workflow_id: pull}}
capabilities: {word: {value: {get_attribute: [part, capabilities, word]}}}
"""


def blueprint_file(story, name, nodes="", plugin=""):
    story.file(f"{name}/act.sh", SCRIPT)
    return story.file(f"{name}/blueprint.yaml", HEAD.format(plugin=plugin) + nodes)


def upload(story, name, nodes="", plugin=""):
    story.client.blueprints.upload(blueprint_file(story, name, nodes, plugin), name)


def deploy(story, name, blueprint="works", **kwargs):
    made = story.client.deployments.create(blueprint, name, inputs={"folder": str(story.folder)}, **kwargs)
    story.run(name, "install")
    return made


@contextmanager
def marked(story, kind, name):
    path = story.folder / f"{kind}-{name}"
    path.touch()
    try:
        yield
    finally:
        path.unlink()


def wait_for(what, look):
    for _ in range(300):
        found = look()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"{what} does not come")


def running(story, deployment, workflow):
    """The execution of a workflow once it is at work."""
    def look():
        found = story.client.executions.list(deployment_id=deployment, workflow_id=workflow, status="started")
        return found[0]["id"] if found else None
    return wait_for(f"{workflow} of {deployment}", look)


def calendar(story):
    upload(story, "works")
    deploy(story, "timed")
    schedules = story.client.execution_schedules
    soon = datetime.utcnow() + timedelta(seconds=1)
    schedules.create("once", "timed", "pull", since=soon, count=1)
    wait_for("the schedule's run", lambda: schedules.get("once", "timed")["latest_execution_status"])
    run = story.client.executions.list(deployment_id="timed", workflow_id="pull")[0]
    same((story.ended(run["id"])["status"], run["created_by"]), ("terminated", "admin"))
    same(schedules.get("once", "timed")["next_occurrence"], None)
    with marked(story, "break", "timed"):
        schedules.create("often", "timed", "pull", since=soon, recurrence="1 sec", slip=5, stop_on_fail=True)
        wait_for("the end of the schedule", lambda: not schedules.get("often", "timed")["enabled"])
    failed = story.client.executions.list(deployment_id="timed", workflow_id="pull", status="failed")
    same(len(failed), 1, failed)
    same(schedules.update("often", "timed", enabled=True, stop_on_fail=False)["enabled"], True)
    wait_for("a run that ends well", lambda: len(story.client.executions.list(
        deployment_id="timed", workflow_id="pull", status="terminated")) >= 2)
    for name in ("once", "often"):
        schedules.delete(name, "timed")
    for run in story.client.executions.list(deployment_id="timed", workflow_id="pull"):
        story.ended(run["id"])


def fleet(story):
    groups, runs = story.client.deployment_groups, story.client.execution_groups
    groups.put("boats", blueprint_id="works", default_inputs={"folder": str(story.folder)}, new_deployments=[
        {"id": name, "labels": [{"size": size}]} for name, size in (("boat-1", "big"), ("boat-2", "big"), ("boat-3", "small"))])
    for name in ("boat-1", "boat-2", "boat-3"):
        for execution in story.client.executions.list(deployment_id=name):
            same(story.ended(execution["id"])["status"], "terminated")
    same(ids(story.client.deployments.list(_group_id="boats")), ["boat-1", "boat-2", "boat-3"])
    groups.put("big", filter_id=None, deployment_ids=["boat-1", "boat-2"])
    for name in ("afloat", "sunk"):
        groups.put(name)
    with marked(story, "break", "boat-2"):
        begun = runs.start("boats", "install", concurrency=1)
        runs.set_target_group(begun["id"], success_group="afloat", failed_group="sunk")
        for execution in begun["execution_ids"]:
            story.ended(execution)
    same(runs.get(begun["id"])["status"], "failed")
    same(groups.get("sunk")["deployment_ids"], ["boat-2"])
    same(sorted(groups.get("afloat")["deployment_ids"]), ["boat-1", "boat-3"])
    told = story.client.events.list(execution_group_id=begun["id"], include_logs=True)
    assert any("'failed'" in event["message"] for event in told), [event["message"] for event in told]
    runs.resume(begun["id"])
    for execution in begun["execution_ids"]:
        same(story.ended(execution)["status"], "terminated")
    same(runs.get(begun["id"])["status"], "terminated")
    with marked(story, "hold", "boat-1"):
        begun = runs.start("boats", "pull", concurrency=1)
        running(story, "boat-1", "pull")
        same(runs.get(begun["id"])["status"], "started")
        runs.cancel(begun["id"])
    for execution in begun["execution_ids"]:
        same(story.ended(execution)["status"], "cancelled")
    updated = runs.start("big", "csys_update_deployment", default_parameters={"inputs": {"word": "second"}})
    for execution in updated["execution_ids"]:
        same(story.ended(execution)["status"], "terminated")
    for name, word in (("boat-1", "second"), ("boat-2", "second"), ("boat-3", "first")):
        wait_for("the update", lambda: story.client.deployments.get(name)["inputs"]["word"] == word)
        for execution in story.client.executions.list(deployment_id=name):
            story.ended(execution["id"])
    begun = runs.start("boats", "uninstall")
    for execution in begun["execution_ids"]:
        same(story.ended(execution)["status"], "terminated")
    groups.delete("boats", delete_deployments=True)
    wait_for("the end of the boats", lambda: not story.client.deployments.list(_search="boat-"))
    for name in ("big", "afloat", "sunk"):
        groups.delete(name)


def composition(story):
    deployments, client = story.client.deployments, story.client
    deploy(story, "shared")
    client.blueprints.upload(story.file("whole/blueprint.yaml", WHOLE), "whole")
    deploy(story, "whole", "whole")
    same(deployments.capabilities.get("whole")["capabilities"], {"word": "first"})
    whole = deployments.get("whole")
    same((whole["sub_services_count"], whole["sub_services_status"], whole["deployment_status"]), (1, "good", "good"))
    labels = sorted((label["key"], label["value"]) for label in deployments.get("part")["labels"])
    same(labels, [("csys-obj-parent", "whole")])
    needed = client.inter_deployment_dependencies.list(source_deployment_id="whole")
    same(sorted((one["dependency_creator"].split(".")[0], one["target_deployment_id"]) for one in needed),
         [("component", "part"), ("sharedresource", "shared")])
    same(ids(deployments.list(_dependencies_of="whole")), ["part", "shared"])
    for name, workflow in (("part", "uninstall"), ("shared", "uninstall"), ("shared", "stop"), ("whole", "dance")):
        with refused("nonexistent_workflow_error" if workflow == "dance" else "dependent_exists_error", 400):
            client.executions.start(name, workflow)
    with refused("dependent_exists_error", 400):
        deployments.delete("shared")
    for workflow in ("check_status", "check_drift", "heal"):
        story.run("whole", workflow)
    same((deployments.get("whole")["unavailable_instances"], deployments.get("whole")["drifted_instances"]), (0, 0))
    begun = client.deployment_updates.update_with_existing_blueprint("whole", inputs={"word": "second"})
    same(story.ended(begun["execution_id"])["status"], "terminated")
    same((deployments.get("part")["inputs"]["word"], client.deployment_updates.get(begun["id"])["state"]),
         ("second", "successful"))
    with marked(story, "hold", "part"):
        execution = client.executions.start("whole", "uninstall")["id"]
        running(story, "part", "uninstall")
        client.executions.cancel(execution)
    same(story.ended(execution)["status"], "cancelled")
    client.executions.resume(execution)
    same(story.ended(execution)["status"], "terminated")
    same(len(client.inter_deployment_dependencies.list(source_deployment_id="whole")), 0)
    with refused("not_found_error", 404):
        deployments.get("part")
    assert len(client.executions.list(deployment_id="shared", workflow_id="pull")) == 2
    story.run("shared", "uninstall")


def changes(story):
    updates, client = story.client.deployment_updates, story.client
    upload(story, "more", MORE)
    deploy(story, "changing")
    shown = updates.update_with_existing_blueprint("changing", "more", preview=True)
    nodes = [step["entity_id"] for step in shown["steps"] if step["entity_type"] == "node"]
    same((shown["state"], nodes), ("successful", [["nodes", "extra"]]))
    same(client.deployments.get("changing")["blueprint_id"], "works")
    with marked(story, "break", "changing"):
        failed = updates.update_with_existing_blueprint("changing", "more", skip_drift_check=True)
        same(story.ended(failed["execution_id"])["status"], "failed")
    same(updates.get(failed["id"])["state"], "failed")
    with marked(story, "hold", "changing"):
        stopped = updates.update_with_existing_blueprint("changing", "more", inputs={"word": "second"})
        running(story, "changing", "update")
        with refused("existing_running_execution_error", 400):
            client.executions.start("changing", "pull")
        client.executions.cancel(stopped["execution_id"])
    same(story.ended(stopped["execution_id"])["status"], "cancelled")
    same(updates.get(stopped["id"])["state"], "failed")
    done = updates.update_with_existing_blueprint("changing", "more", inputs={"word": "third"})
    ended = story.ended(done["execution_id"])
    same((ended["status"], updates.get(done["id"])["state"]), ("terminated", "successful"), ended)
    same(client.deployments.get("changing")["inputs"]["word"], "third")
    same(ids(client.nodes.list(deployment_id="changing")), ["app", "extra"])
    same(len(updates.list(deployment_id="changing")), 4)


def newer_plugins(story):
    plugins, updates, client = story.client.plugins, story.client.plugins_update, story.client
    old = plugins.upload(story.plugin("1.0"))["id"]
    upload(story, "greets", GREETED, ", 'plugin:greeter'")
    for name in ("greets-1", "greets-2"):
        client.deployments.create("greets", name, inputs={"folder": str(story.folder)})
    for instance in client.node_instances.list(deployment_id="greets-1"):
        client.node_instances.update(instance["id"], state="started", version=instance["version"])
    new = plugins.upload(story.plugin("1.1"))["id"]
    with refused("plugin_in_use", 405):
        plugins.delete(old)

    def version(deployment):
        found = client.nodes.get(deployment, "greeter")["plugins"]
        return [plugin["package_version"] for plugin in found if plugin["name"] == "greeter"]

    with marked(story, "hold", "greets-1"):
        stopped = updates.update_plugins("greets")
        update = running(story, "greets-1", "update")
        client.executions.cancel(stopped["execution_id"])
        same(story.ended(stopped["execution_id"])["status"], "cancelled")
    story.ended(update)
    same(updates.get(stopped["id"])["state"], "failed")
    same({client.deployments.get(name)["blueprint_id"] for name in ("greets-1", "greets-2")}, {"greets"})
    assert not [found for found in ids(client.blueprints.list(_all_tenants=True)) if found.startswith("plugins-update")]
    # One of the deployments is busy, so that it cannot be updated; the others are.
    with marked(story, "hold", "greets-1"):
        busy = client.executions.start("greets-1", "pull")["id"]
        running(story, "greets-1", "pull")
        partly = updates.update_plugins("greets")
        same(story.ended(partly["execution_id"])["status"], "terminated")
    story.ended(busy)
    same((updates.get(partly["id"])["state"], version("greets-2")), ("successful", ["1.1"]))
    done = updates.update_plugins("greets", force=True)
    same(updates.get(done["id"])["state"], "no_changes_required")
    for name in ("greets-1", "greets-2"):
        client.deployments.delete(name, force=True)
    wait_for("the end of both", lambda: not client.deployments.list(_search="greets-"))
    client.blueprints.delete("greets")
    for key in (old, new):
        plugins.delete(key)
