"""What schemathesis is told about the manager: names that exist, and what a request must leave alone.

Its requests are made up from docs/openapi.json, so nearly all of them would name things that are not there and be
refused before anything happens. Half of the places for names therefore get a name of `world.py`. Each choice
depends on the request alone, so that a run with the same seed sends the same.
"""
import json
import os
import random
import re

import schemathesis
from schemathesis.specs.openapi.checks import response_schema_conformance

KEPT, DOOMED = json.loads(os.environ["HOSTILE_WORLD"])
ANSWERS = os.environ["HOSTILE_ANSWERS"]
TENANT = "default_tenant"

# What a place in a path is called, or a key of a query or body, and what of the world belongs there.
PLACES = {
    "deployment": "name", "node": ["app"], "kind": ["deployments", "blueprints"], "role": ["viewer", "user"],
    "permission": ["secret_create", "site_list"], "phase": ["initiate", "finalize"], "action": None, "tenant": "name",
    "key": "name", "name": "name", "path": ["global-resources/kept.txt", "global-resources/", "blueprints/default_tenant/kept/"],
    "blueprint_id": "name", "deployment_id": "name", "deployment_group_id": "name", "_group_id": "name",
    "source_deployment": "name", "target_deployment": "name", "site_name": "name", "username": "name",
    "group_name": "name", "tenant_name": "name", "execution_id": "execution", "_execution_id": "execution",
    "node_id": ["app"], "node_instance_id": "instance", "node_instances": None, "workflow_id": ["install", "restart"],
    "execution_group_id": "group", "filter_id": "name", "_filter_id": "name", "provider": "name", "provider_name": "name",
    "graph_id": "graph", "plugin_id": "plugin", "secret_key": "name", "deployment_ids": "name", "_target_field": ["deployment_id", "blueprint_id"],
    "scope": ["rest", "agent"], "visibility": None,
}
# `{id}` is of another kind in each resource.
IDS = {
    "executions": "execution", "execution-groups": "group", "node-instances": "instance", "operations": "operation",
    "tasks_graphs": "graph", "deployment-modifications": "modification", "plugins": "plugin",
    "plugins-updates": "plugins_update", "tokens": "token",
}
SETTINGS = ["default_page_size", "rest.default_page_size", "ldap_timeout"]


def names(place, case):
    """The names that make sense in a place; none where anything does."""
    resource = case.operation.path.split("/")[1]
    if resource == "config" and place == "name":
        return SETTINGS
    if resource == "managers" and place == "name":
        return []
    of = IDS.get(resource, "name") if place == "id" else PLACES.get(place)
    if isinstance(of, list):
        return of
    if not of:
        return []
    if case.method == "DELETE":
        return [DOOMED[of]]
    makes = of == "name" and case.method in ("PUT", "POST")
    return [KEPT[of], "new"] if makes else [KEPT[of]]


def chooser(case):
    """Makes the same choices for the same request."""
    shown = [case.operation.label, case.path_parameters, case.query, case.body, case.headers]
    return random.Random(repr(shown))


@schemathesis.hook
def before_call(context, case, kwargs):
    choose = chooser(case)

    def place_names(holder):
        for place, value in list(holder.items()) if isinstance(holder, dict) else []:
            known = names(place, case)
            if known and choose.random() < 0.5:
                holder[place] = [choose.choice(known)] if isinstance(value, list) else choose.choice(known)

    for holder in (case.path_parameters, case.query, case.body):
        place_names(holder)
    if choose.random() < 0.9:
        case.headers["Tenant"] = TENANT
    spare(case)


def spare(case):
    """What would lock out or stop the rest of the run meets somebody else instead."""
    path, parameters = case.operation.path, case.path_parameters or {}
    if path.startswith("/users/") and parameters.get("name") == "admin":
        parameters["name"] = KEPT["name"]
    if path.startswith("/permissions/") and parameters.get("role") == "sys_admin":
        parameters["role"] = "viewer"
    # While one is restored, all else is told to come back later; any name may be that of one that was made meanwhile.
    if path == "/snapshots/{id}/restore" and re.fullmatch(r"[\w.-]+", str(parameters.get("id"))):
        parameters["id"] = "none"


@schemathesis.check
def shape(context, response, case):
    """Answers are as the schema says. With `_include` they have fewer fields, as the document says in words."""
    if not (case.query or {}).get("_include"):
        response_schema_conformance(context, response, case)


@schemathesis.hook
def after_call(context, case, response):
    with open(ANSWERS, "a") as answers:
        answers.write(f"{response.status_code} {case.operation.label}\n")
