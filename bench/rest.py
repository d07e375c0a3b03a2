"""The few REST calls that the measurements need, over plain HTTP.

Each call opens its own connection: the cost on loopback is a tenth of a millisecond, and no server
time-out of idle connections can get into a figure.
"""

import base64
import http.client
import json
import time
import uuid

API = "/api/v3.1"
PATIENCE = 600
FINAL = {"terminated", "failed", "cancelled"}


class Rest:
    """A user's view of one manager."""

    def __init__(self, address: str, token: str | None = None, tenant: str = "default_tenant"):
        self.address = address
        self.token = token
        self.tenant = tenant

    def headers(self) -> dict[str, str]:
        token = {"Authentication-Token": self.token} if self.token else {}
        return {"Tenant": self.tenant, **token}

    def call(self, method: str, path: str, body: object = None, expected: int = 200) -> dict:
        """Sends JSON; any other status than the expected one is an error."""
        content = None if body is None else json.dumps(body).encode()
        return json.loads(self.send(method, path, content, {"Content-Type": "application/json"}, expected))

    def send(self, method: str, path: str, body: bytes | None, headers: dict, expected: int) -> bytes:
        connection = http.client.HTTPConnection(self.address, timeout=PATIENCE)
        try:
            connection.request(method, API + path, body, {**self.headers(), **headers})
            response = connection.getresponse()
            answer = response.read()
        finally:
            connection.close()
        if response.status != expected:
            raise RuntimeError(f"{method} {path} gave {response.status} instead of {expected}: {answer[:500]!r}")
        return answer

    def new_token(self, user: str, password: str) -> str:
        basic = base64.b64encode(f"{user}:{password}".encode()).decode()
        headers = {"Authorization": f"Basic {basic}", "Content-Type": "application/json"}
        return json.loads(self.send("POST", "/tokens", b"{}", headers, 200))["value"]

    def upload(self, blueprint: str, archive: bytes) -> None:
        """Uploads an archive and waits until it is parsed; a blueprint that is refused is an error.

        The answer holds the whole plan. It is received and left alone: reading megabytes of JSON in
        Python would be a part of the figure.
        """
        boundary = uuid.uuid4().hex
        parameters = json.dumps({"application_file_name": "blueprint.yaml", "visibility": "tenant"})
        body = b"".join([
            f"--{boundary}\r\nContent-Disposition: form-data; name=\"params\"\r\n\r\n".encode(),
            f"{parameters}\r\n--{boundary}\r\n".encode(),
            b"Content-Disposition: form-data; name=\"blueprint_archive\"; filename=\"blueprint.tar.gz\"\r\n",
            b"Content-Type: application/octet-stream\r\n\r\n",
            archive,
            f"\r\n--{boundary}--\r\n".encode(),
        ])
        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        self.send("PUT", f"/blueprints/{blueprint}", body, headers, 201)

    def create_deployment(self, deployment: str, blueprint: str) -> None:
        """Creates a deployment and waits for its environment."""
        self.call("PUT", f"/deployments/{deployment}", {"blueprint_id": blueprint, "inputs": {}}, 201)

    def run(self, deployment: str, workflow: str, parameters: dict | None = None, quiet: float = 0) -> None:
        """Runs a workflow to its good end; for `quiet` seconds nobody asks for it, which would take the time of a core."""
        wanted = {"deployment_id": deployment, "workflow_id": workflow, "parameters": parameters or {}}
        begin = time.monotonic()
        execution = self.call("POST", "/executions", wanted, 201)
        time.sleep(max(0, quiet - (time.monotonic() - begin)))
        while execution["status"] not in FINAL:
            waited = time.monotonic() - begin
            if waited > PATIENCE:
                raise RuntimeError(f"{workflow} of {deployment} is still {execution['status']}")
            # The end is seen late by a twentieth at most, and the manager has little to do with being asked.
            time.sleep(max(0.001, waited / 20))
            execution = self.call("GET", f"/executions/{execution['id']}")
        if execution["status"] != "terminated":
            raise RuntimeError(f"{workflow} of {deployment} {execution['status']}: {execution['error']}")

    def count(self, path: str) -> int:
        """Rows that match, whatever the page."""
        return self.call("GET", path)["metadata"]["pagination"]["total"]
