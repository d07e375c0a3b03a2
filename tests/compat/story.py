"""What the chapters share: a client, files to upload, and ways to expect things."""
import io
import json
import logging
import tarfile
import time
import uuid
import zipfile
from contextlib import contextmanager
from pathlib import Path

from cloudify_rest_client.exceptions import CloudifyClientError

BLUEPRINT = """
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
description: One node that leaves a trace.
inputs:
  word: {type: string, default: hello}
node_templates:
  app:
    type: cloudify.nodes.Root
    properties: {}
    capabilities:
      scalable: {properties: {default_instances: 1, max_instances: 5}}
    interfaces:
      cloudify.interfaces.lifecycle:
        create:
          implementation: scripts/note.sh
          inputs: {word: {get_input: word}}
groups:
  apps: {members: [app]}
policies:
  apps_scaling:
    type: cloudify.policies.scaling
    targets: [apps]
    properties: {default_instances: 1}
workflows: {}
outputs:
  said: {value: {get_attribute: [app, said]}}
capabilities:
  word: {value: {get_input: word}}
labels:
  tier: {values: [web]}
"""
PLAIN = """
tosca_definitions_version: cloudify_dsl_1_4
node_types: {thing: {}}
node_templates: {app: {type: thing}}
"""
SCRIPT = '#!/bin/sh\nctx instance runtime-properties said "$word"\n'
PLUGIN = """
plugins:
  greeter:
    executor: central_deployment_agent
    package_name: greeter
    package_version: '{version}'
"""


class Story:
    """One manager, asked by its administrator."""

    def __init__(self, client, folder):
        self.client = client
        self.folder = Path(folder)
        self.errors = []
        self.logger = logging.getLogger("compat")
        self.logger.addHandler(Collected(self.errors))

    def file(self, name, content):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    def blueprint_file(self, name="bp"):
        self.file(f"{name}/scripts/note.sh", SCRIPT)
        return self.file(f"{name}/blueprint.yaml", BLUEPRINT)

    def archive(self, name="bp.tar.gz"):
        self.blueprint_file()
        path = self.folder / name
        with tarfile.open(path, "w:gz") as tar:
            tar.add(self.folder / "bp", arcname="bp")
        return str(path)

    def plugin(self, version="1.0"):
        """A zip with a wagon that holds nothing to install, and its YAML."""
        about = {
            "wheels": [], "archive_name": f"greeter-{version}-py311-none-any.wgn", "package_name": "greeter",
            "package_version": version, "package_source": f"greeter=={version}", "supported_platform": "any",
            "supported_python_versions": ["py311"], "build_server_os_properties": {
                "distribution": None, "distribution_version": None, "distribution_release": None},
        }
        inner = io.BytesIO()
        with tarfile.open(fileobj=inner, mode="w:gz") as tar:
            text = json.dumps(about).encode()
            entry = tarfile.TarInfo("greeter/package.json")
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text))
        path = self.folder / f"greeter-{version}.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(f"greeter-{version}-py311-none-any.wgn", inner.getvalue())
            archive.writestr("plugin.yaml", PLUGIN.format(version=version))
        return str(path)

    def ended(self, execution_id):
        """The execution once it has ended."""
        for _ in range(600):
            execution = self.client.executions.get(execution_id)
            if execution["status"] in ("terminated", "failed", "cancelled"):
                return execution
            time.sleep(0.05)
        raise AssertionError(f"execution {execution_id} does not end: {execution}")

    def run(self, deployment, workflow, **kwargs):
        execution = self.ended(self.client.executions.start(deployment, workflow, **kwargs)["id"])
        same(execution["status"], "terminated", execution.get("error"))
        return execution

    @contextmanager
    def no_errors(self):
        """What a restore only logs must not happen."""
        before = len(self.errors)
        yield
        same(self.errors[before:], [])


class Collected(logging.Handler):
    """Keeps what is told as an error."""

    def __init__(self, errors):
        super().__init__(logging.WARNING)
        self.errors = errors

    def emit(self, record):
        self.errors.append(record.getMessage())


def same(found, wanted, about=None):
    assert found == wanted, f"found {found!r}, wanted {wanted!r}: {about}"


def ids(listed, key="id"):
    return sorted(item[key] for item in listed)


@contextmanager
def refused(code, status):
    """The client must raise an error with this code and status."""
    try:
        yield
    except CloudifyClientError as error:
        same((error.error_code, error.status_code), (code, status), error)
    else:
        raise AssertionError(f"{code} was expected")


def fresh(name):
    return f"{name}-{uuid.uuid4().hex[:6]}"
