"""Runs the cases of cases.py in the reference's local workflow environment; one recording a line on standard output.

A recording has, for each workflow of a case, the topology that it began with, every task graph as the reference was
about to run it, what then happened to each node instance in which order, and how it ended. Nothing of the reference is changed except where
it would reach for chance (ids) or for what only a manager has (modifications of a deployment).
"""

import copy
import json
import logging
import os
import sys
import tempfile
import threading
import traceback
import types

import cases
import update
from cloudify import ctx, exceptions
from cloudify.workflows import local, tasks, tasks_graph, workflow_context
from cloudify_rest_client.deployment_modifications import DeploymentModification
from cloudify_rest_client.node_instances import NodeInstance
from dsl_parser import rel_graph
from dsl_parser import tasks as dsl_tasks


class Recording:
    """What happens while a workflow runs."""

    def __init__(self, behaviour):
        self.behaviour = behaviour
        self.lock = threading.Lock()
        self.graphs = []
        self.happened = []
        self.acts = []

    def note(self, instance, kind, what):
        with self.lock:
            self.happened.append([instance, kind, what])


now = None
counter = [0]


def operation(**_):
    """Every operation of every case: does as the case says."""
    context = ctx._context
    name = context["operation"]["name"]
    instance = context["node_id"]
    label = name.rsplit(".", 1)[-1]
    if context.get("related"):
        label = "{0} as {1} with {2}".format(
            label, context["operation"]["relationship"], context["related"]["node_id"])
    attempt = context["operation"]["retry_number"]
    now.note(instance, "operation", "{0} #{1}".format(label, attempt))
    script = now.behaviour.get("{0}:{1}".format(instance, label))
    if script is None:
        script = now.behaviour.get("{0}:{1}".format(instance.rsplit("_", 1)[0], label), [])
    # A host that does not say that it has started is asked for ever.
    outcome = script[min(attempt, len(script) - 1)] if script else label == "get_state" or None
    if outcome == "recoverable":
        raise exceptions.RecoverableError("recoverable")
    if outcome == "fatal":
        raise exceptions.NonRecoverableError("fatal")
    if outcome == "again":
        raise exceptions.OperationRetry("again", retry_after=0)
    return outcome


def update_deployment(ctx, touched, **wish):
    now.acts.extend([{"act": "prepare_update"}, {"act": "apply_update", "made": dict(update.NOTHING, **touched)}])
    update.Update(ctx, touched, wish).run()
    now.acts.append({"act": "finish_update"})


def module(name, **members):
    made = types.ModuleType(name)
    vars(made).update(members)
    sys.modules[name] = made


module("recorder", operation=operation)
module("cloudify_system_workflows")
module("cloudify_system_workflows.deployment_update")
module("cloudify_system_workflows.deployment_update.workflow", update_deployment=update_deployment)


def label(task):
    """A task in words that both sides use."""
    if isinstance(task, tasks.NOPLocalWorkflowTask):
        return None
    context = task.cloudify_context or {}
    if context.get("operation"):
        text = "{0}: {1}".format(context["node_id"], context["operation"]["name"])
        if context.get("related"):
            text += " as {0} with {1}".format(
                context["operation"]["relationship"], context["related"]["node_id"])
        return text
    if isinstance(task, tasks.SetNodeInstanceStateTask):
        return "{0} := {1}".format(task.kwargs["node_instance_id"], task.kwargs["state"])
    if isinstance(task, tasks.SendNodeEventTask):
        return "{0}: {1!r}".format(task.kwargs["node_instance_id"], task.kwargs["event"])
    if task.is_subgraph:
        return "[{0}]".format(task.name)
    return task.name


def handler(function):
    if function is None:
        return None
    dumped = tasks.WorkflowTask._serialize_handler(None, function)
    return dumped["path"]


def record_graph(graph, name):
    graph.is_recorded = True
    members = list(graph._tasks.values())
    now.graphs.append({
        "name": name,
        "tasks": [{
            "id": task.id,
            "label": label(task),
            "subgraph": task.is_subgraph,
            "container": task.containing_subgraph.id if task.containing_subgraph else None,
            "dependencies": [other.id for other in graph._dependencies.get(task, [])],
            "retries": task.total_retries if isinstance(task, tasks.LocalWorkflowTask) else None,
            "on_success": handler(task.on_success),
            "on_failure": handler(task.on_failure),
        } for task in members],
    })


store = tasks_graph.TaskDependencyGraph.store
execute = tasks_graph.TaskDependencyGraph.execute


def recording_store(self, name, optimize=True):
    if optimize:
        self.optimize()
    record_graph(self, name)


def recording_execute(self):
    if not getattr(self, "is_recorded", False):
        self.optimize()
        record_graph(self, None)
    self.is_recorded = False
    return execute(self)


tasks_graph.TaskDependencyGraph.store = recording_store
tasks_graph.TaskDependencyGraph.execute = recording_execute

set_state = tasks.SetNodeInstanceStateTask.local


def recording_state(self):
    now.note(self.kwargs["node_instance_id"], "state", self.kwargs["state"])
    return set_state(self)


def recording_event(self, out_func):
    now.note(self.kwargs["node_instance_id"], "event", self.kwargs["event"])


tasks.SetNodeInstanceStateTask.local = recording_state
tasks.SendNodeEventTask._send = recording_event

Handler = workflow_context.LocalCloudifyWorkflowContextHandler


def counted_id():
    counter[0] += 1
    return "{0:03d}".format(counter[0])


rel_graph.generate_id = counted_id


# What only a manager has: modifications of a deployment, and updates of instances without a version.

def update_instance(self, node_instance_id, version=None, **changes):
    return self.storage.update_node_instance(node_instance_id, version, **changes)


def start_modification(self, wanted):
    storage = self.storage
    before = [copy.deepcopy(dict(one)) for one in storage.get_node_instances()]
    nodes = [dict(one) for one in storage.get_nodes()]
    made = dsl_tasks.modify_deployment(
        nodes=nodes, previous_nodes=nodes, previous_node_instances=before,
        scaling_groups=storage.plan["scaling_groups"], modified_nodes=wanted)
    for one in made["added_and_related"]:
        if one.get("modification") == "added":
            new = dict(one, version=0, runtime_properties={}, system_properties={}, state="uninitialized",
                       node_id=one["node_id"])
            storage.store_instance(NodeInstance(new))
        else:
            kept = storage.get_node_instance(one["id"])
            kept["relationships"] = kept["relationships"] + one["relationships"]
            storage.store_instance(kept)
    modification = DeploymentModification({
        "id": "m", "node_instances": dict(made, before_modification=before), "before": before, "wanted": wanted})
    storage.env.modification = modification
    changed = {key: [one["id"] for one in made[key + "_and_related"] if (one.get("modification") == key) == same]
               for key, same in (("added", True), ("removed", True))}
    related = {key + "_related": [one["id"] for one in made[key + "_and_related"] if one.get("modification") != key]
               for key in ("added", "removed")}
    now.acts.append({"act": "start_modification", "wanted": wanted, "topology": topology(storage.env),
                     "made": dict(changed, id="m", **related)})
    return workflow_context.Modification(self.workflow_ctx, modification)


def finish_modification(self, modification):
    for one in modification["node_instances"]["removed_and_related"]:
        if one.get("modification") == "removed":
            self.storage._storage._node_instances[self.storage.name].pop(one["id"])
        else:
            lost = {related["target_id"] for related in one["relationships"]}
            kept = self.storage.get_node_instance(one["id"])
            kept["relationships"] = [item for item in kept["relationships"] if item["target_id"] not in lost]
            self.storage.store_instance(kept)
    for name, change in modification["wanted"].items():
        set_count(self.storage, name, change["instances"])
    self.storage.env.modification = None
    now.acts.append({"act": "finish_modification", "topology": topology(self.storage.env)})


def set_count(storage, name, count):
    group = storage.plan["scaling_groups"].get(name)
    if group:
        group["properties"]["current_instances"] = count
    else:
        storage.update_node(storage.name, name, number_of_instances=count)


def roll_back_modification(self, modification):
    self.storage._storage._node_instances[self.storage.name] = {
        one["id"]: NodeInstance(copy.deepcopy(one)) for one in modification["before"]}
    self.storage.env.modification = None
    now.acts.append({"act": "roll_back_modification", "topology": topology(self.storage.env)})


def list_modifications(self, status):
    left = self.storage.env.modification
    now.acts.append({"act": "find_started_modification"})
    return [workflow_context.Modification(self.workflow_ctx, left)] if left else []


Handler.update_node_instance = update_instance
Handler.start_deployment_modification = start_modification
Handler.finish_deployment_modification = finish_modification
Handler.rollback_deployment_modification = roll_back_modification
Handler.list_deployment_modifications = list_modifications


def topology(env):
    nodes = [{key: node.get(key) for key in (
        "id", "type_hierarchy", "operations", "relationships", "plugins", "properties", "host_id",
        "number_of_instances")} for node in env.storage.get_nodes()]
    instances = [{
        "id": one["id"], "node_id": one["node_id"], "host_id": one.get("host_id"), "state": one["state"],
        "relationships": one["relationships"], "system_properties": one["system_properties"],
        "scaling_groups": one.get("scaling_groups") or [],
    } for one in env.storage.get_node_instances()]
    groups = {name: group["properties"]["current_instances"]
              for name, group in env.plan["scaling_groups"].items()}
    return {"nodes": nodes, "instances": instances, "groups": groups}


def run(env, step):
    global now
    now = Recording(step.get("behaviour", {}))
    for instance, changes in step.get("before", {}).items():
        kept = env.storage.get_node_instance(instance)
        kept.update(changes)
        env.storage.store_instance(kept)
    before = topology(env)
    workflow = env.plan["workflows"][step["workflow"]]
    parameters = {name: value.get("default") for name, value in workflow["parameters"].items()}
    parameters.update(step.get("parameters", {}))
    error = None
    try:
        env.execute(step["workflow"], parameters=dict(step.get("parameters", {})), allow_custom_parameters=True,
                    task_retries=step.get("retries", 1), task_retry_interval=0,
                    subgraph_retries=step.get("subgraph_retries", 0))
    except Exception as reason:
        error = str(reason)
        if os.environ.get("SHOW"):
            traceback.print_exc()
    return {
        "topology": before, "operation": workflow["operation"], "parameters": parameters,
        "execution": env.storage.get_executions()[-1]["id"],
        "graphs": now.graphs, "happened": now.happened, "acts": now.acts, "error": error, "after": topology(env),
    }


def answer(nodes, steps):
    counter[0] = 0
    made = cases.blueprint(*nodes) if isinstance(nodes, tuple) else cases.blueprint(nodes)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "blueprint.yaml")
        with open(path, "w") as blueprint:
            json.dump(made, blueprint)
        env = local.init_env(path, name="d")
    env.modification = None
    for instance in env.storage.get_node_instances():
        instance["state"] = "uninitialized"
        env.storage.store_instance(instance)
    return [dict(one, **run(env, one)) for one in steps]


def main():
    logging.disable(logging.CRITICAL)
    out, sys.stdout = sys.stdout, open(os.devnull, "w")
    for name, nodes, steps in cases.cases():
        if len(sys.argv) > 1 and not name.startswith(sys.argv[1]):
            continue
        print(json.dumps({"name": name, "steps": answer(nodes, steps)}, default=str), file=out, flush=True)


main()
