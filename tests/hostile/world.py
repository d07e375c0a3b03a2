"""Fills a fresh manager with one of everything, so that made-up requests meet something.

`KNOWN` says under which names the hooks may ask for it: what a place in a path, in a query or in a body is
called, with the names that make sense there. `DOOMED` is for requests that delete.
"""
import io
import json
import tarfile
import time
import zipfile

import requests

BLUEPRINT = """
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
inputs:
  word: {type: string, default: hello}
node_templates:
  app:
    type: cloudify.nodes.Root
    capabilities:
      scalable: {properties: {default_instances: 1, max_instances: 5}}
groups:
  apps: {members: [app]}
policies:
  apps_scaling: {type: cloudify.policies.scaling, targets: [apps], properties: {default_instances: 1}}
outputs:
  said: {value: {get_input: word}}
capabilities:
  word: {value: {get_input: word}}
labels:
  tier: {values: [web]}
"""
PLUGIN = """
plugins:
  greeter:
    executor: central_deployment_agent
    package_name: greeter
    package_version: '{version}'
"""
RULES = [{"key": "tier", "values": ["web"], "operator": "any_of", "type": "label"}]


class World:
    """A manager that is being filled."""

    def __init__(self, url, password):
        self.url = f"{url}/api/v3.1"
        self.session = requests.Session()
        self.session.auth = ("admin", password)
        self.session.headers["Tenant"] = "default_tenant"

    def ask(self, method, path, body=None, **more):
        answer = self.session.request(method, self.url + path, json=body, **more)
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def ended(self, execution):
        for _ in range(600):
            status = self.ask("GET", f"/executions/{execution}")["status"]
            if status in ("terminated", "failed", "cancelled"):
                return status
            time.sleep(0.05)
        raise AssertionError(f"execution {execution} does not end")

    def fill(self):
        """Makes everything; gives the names by place, and those that requests may delete."""
        kept, doomed = self.objects("kept"), self.objects("doomed")
        self.ask("PUT", "/tenants/users", {"tenant_name": "kept", "username": "kept", "role": "user"})
        self.ask("PUT", "/user-groups/users", {"username": "kept", "group_name": "kept"})
        self.ask("PUT", "/deployments/inter-deployment-dependencies", {
            "dependency_creator": "sample.kept", "source_deployment": "kept", "target_deployment": "doomed"})
        return kept, doomed

    def objects(self, name):
        """One of everything, under one name where names can be chosen."""
        ask = self.ask
        ask("PUT", f"/sites/{name}", {"location": "1.5,2.5"})
        ask("PUT", f"/secrets/{name}", {"value": "v"})
        ask("PUT", "/secrets-providers", {
            "name": name, "type": "vault", "connection_parameters": {"url": "http://127.0.0.1:1", "path": "p", "token": "t"}})
        ask("PUT", "/users", {"username": name, "password": "secret", "role": "default"})
        ask("POST", "/user-groups", {"group_name": name, "role": "default"})
        ask("POST", f"/tenants/{name}", {})
        for kind in ("blueprints", "deployments"):
            ask("PUT", f"/filters/{kind}/{name}", {"filter_rules": RULES})
        self.session.put(
            f"{self.url}/blueprints/{name}", data=archive(), params={"application_file_name": "blueprint.yaml"}
        ).raise_for_status()
        self.wait_for(f"/blueprints/{name}", "state", "uploaded")
        ask("PUT", f"/deployments/{name}", {"blueprint_id": name, "labels": [{"tier": "web"}], "site_name": name})
        execution = ask("POST", "/executions", {"deployment_id": name, "workflow_id": "install"})["id"]
        assert self.ended(execution) == "terminated"
        ask("PUT", f"/deployment-groups/{name}", {"deployment_ids": [name]})
        group = ask("POST", "/execution-groups", {"deployment_group_id": name, "workflow_id": "execute_operation", "default_parameters": {
            "operation": "cloudify.interfaces.lifecycle.precreate"}})
        for begun in group["execution_ids"]:
            self.ended(begun)
        ask("PUT", f"/execution-schedules/{name}?deployment_id={name}", {
            "workflow_id": "install", "since": "2099-01-01T00:00:00.000Z", "count": 1})
        instance = ask("GET", f"/node-instances?deployment_id={name}")["items"][0]["id"]
        ask("PUT", f"/agents/{name}", {
            "node_instance_id": instance, "state": "creating", "install_method": "remote", "create_rabbitmq_user": False})
        operation = {"id": f"operation-{name}", "name": name, "type": "NOPLocalWorkflowTask", "state": "pending"}
        graph = ask("POST", f"/tasks_graphs/{name}", {"execution_id": execution, "name": name, "operations": [operation]})["id"]
        modification = ask("POST", "/deployment-modifications", {"deployment_id": name, "nodes": {}})["id"]
        ask("PUT", f"/deployment-updates/{name}", {"deployment_id": name, "execution_id": execution, "state": "successful"})
        plugin = self.session.post(f"{self.url}/plugins", data=wagon(name)).json()["id"]
        plugins_update = ask("POST", f"/plugins-updates/{name}/update/initiate", {"all_to_latest": True})["id"]
        token = ask("POST", "/tokens", {"description": name})["id"]
        zipped = zip_of({"a": b"1"})
        self.session.put(f"{self.url}/snapshots/{name}/archive", data=zipped).raise_for_status()
        self.ended(ask("PUT", f"/log-bundles/{name}", {})["id"])
        ask("POST", "/events", {"execution_id": execution, "events": [{
            "message": {"text": name}, "event_type": "workflow_started", "context": {}}], "logs": []})
        self.session.put(f"{self.url}/file-server-proxy/global-resources/{name}.txt", data=b"text").raise_for_status()
        return {
            "execution": execution, "instance": instance, "operation": operation["id"], "graph": graph, "group": group["id"],
            "modification": modification, "plugin": plugin, "plugins_update": plugins_update, "token": token, "name": name,
        }

    def wait_for(self, path, field, value):
        for _ in range(600):
            found = self.ask("GET", path)
            if found[field] == value:
                return
            time.sleep(0.05)
        raise AssertionError(f"{path} is not {value}: {found}")


def archive():
    """A blueprint's archive."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        add(tar, "bp/blueprint.yaml", BLUEPRINT.encode())
    return packed.getvalue()


def wagon(name):
    """A plugin that holds nothing to install."""
    version = f"1.{len(name)}"
    about = {
        "wheels": [], "archive_name": f"{name}-{version}-py311-none-any.wgn", "package_name": name,
        "package_version": version, "package_source": f"{name}=={version}", "supported_platform": "any",
        "supported_python_versions": ["py311"],
        "build_server_os_properties": {"distribution": None, "distribution_version": None, "distribution_release": None},
    }
    inner = io.BytesIO()
    with tarfile.open(fileobj=inner, mode="w:gz") as tar:
        add(tar, f"{name}/package.json", json.dumps(about).encode())
    return zip_of({about["archive_name"]: inner.getvalue(), "plugin.yaml": PLUGIN.format(version=version).encode()})


def add(tar, name, content):
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    tar.addfile(entry, io.BytesIO(content))


def zip_of(files):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as zipped:
        for name, content in files.items():
            zipped.writestr(name, content)
    return packed.getvalue()
