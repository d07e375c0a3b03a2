"""Holds every answer against docs/openapi.json: its status, its media type, and each field of its body.

The client is given this session and is otherwise as it came from the package index.
"""
import json
from pathlib import Path
from urllib.parse import urlsplit

import requests

DOCUMENT = json.loads((Path(__file__).parents[2] / "docs/openapi.json").read_text())
TYPES = {
    "string": str, "integer": int, "number": (int, float), "boolean": bool, "object": dict, "array": list,
    "null": type(None),
}


def resolve(schema):
    while "$ref" in schema:
        target = DOCUMENT
        for part in schema["$ref"].lstrip("#/").split("/"):
            target = target[part.replace("~1", "/").replace("~0", "~")]
        schema = target
    return schema


def is_of(value, kind):
    if kind in ("integer", "number") and isinstance(value, bool):
        return False
    return isinstance(value, TYPES[kind])


def problems(value, schema, place="$", whole=True):
    """What is wrong with a value. With `whole` off, keys of the outermost record may be missing."""
    schema = resolve(schema)
    kinds = schema.get("type")
    if kinds and not any(is_of(value, kind) for kind in ([kinds] if isinstance(kinds, str) else kinds)):
        yield f"{place} is {value!r:.80}, not {kinds}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{place} is {value!r:.80}, not one of {schema['enum']!r:.200}"
    for part in schema.get("allOf", []):
        yield from problems(value, part, place, whole)
    if "anyOf" in schema and all(any(problems(value, part, place, whole)) for part in schema["anyOf"]):
        yield f"{place} is none of what it may be: {value!r:.200}"
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        if whole:
            yield from (f"{place} has no {key}" for key in schema.get("required", []) if key not in value)
        for key, inner in value.items():
            rest = schema.get("additionalProperties", True)
            if key in properties:
                yield from problems(inner, properties[key], f"{place}.{key}", key not in ("items",) or whole)
            elif rest is False:
                yield f"{place} has an unknown key {key}"
            elif isinstance(rest, dict):
                yield from problems(inner, rest, f"{place}.{key}")
    if isinstance(value, list) and "items" in schema:
        for index, inner in enumerate(value):
            yield from problems(inner, schema["items"], f"{place}[{index}]", whole)


def operation(method, path):
    sent = path.split("/")

    def fits(template):
        parts = template.split("/")
        alike = all(part.startswith("{") or part == got for part, got in zip(parts, sent))
        return alike and (len(parts) == len(sent) or template.endswith("/{path}") and len(sent) >= len(parts))

    found = sorted(filter(fits, DOCUMENT["paths"]), key=lambda template: template.count("{"))
    return DOCUMENT["paths"][found[0]].get(method.lower()) if found else None


class Session(requests.Session):
    """Sends requests and holds what comes back against the document."""

    def __init__(self):
        super().__init__()
        self.broken = []
        self.asked = set()

    def send(self, request, **kwargs):
        answer = super().send(request, **kwargs)
        parts = urlsplit(request.url)
        path = parts.path.removeprefix("/api/v3.1").removeprefix("/api")
        path = path.replace("/resources/", "/file-server-proxy/", 1) if path.startswith("/resources/") else path
        self.check(request.method, path, "_include" in parts.query, answer)
        return answer

    def check(self, method, path, partly, answer):
        known = operation(method, path)
        name = f"{method} {path} {answer.status_code}"
        if known is None:
            self.broken.append(f"{name}: not documented")
            return
        self.asked.add(known["operationId"])
        if answer.status_code >= 500 and answer.status_code != 503:
            self.broken.append(f"{name}: {answer.text[:500]}")
        said = known["responses"].get(str(answer.status_code))
        if said is None:
            self.broken.append(f"{name}: this status is not documented")
            return
        content = resolve(said).get("content")
        media = answer.headers.get("content-type", "").split(";")[0]
        if content is None:
            return
        if media not in content:
            self.broken.append(f"{name}: {media!r} is not documented")
        elif media == "application/json":
            found = problems(answer.json(), content[media]["schema"], "$", not partly)
            self.broken.extend(f"{name}: {problem}" for problem in found)
