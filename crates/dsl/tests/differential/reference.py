"""The reference parser as a filter: one request a line on standard input, one answer a line on standard output.

A request is a blueprint with everything that happens to it; case.rs says what it holds. The answer holds what the
reference made of each step, in the shape that ours.rs gives, so that the two can be compared as values. Nothing of
the reference is changed except where it would reach for the network or for chance: imports come from `Files`,
node instance ids from a counter.
"""

import base64
import collections
import copy
import datetime
import json
import math
import os
import signal
import sys

from cloudify.exceptions import InvalidBlueprintImport
from dsl_parser import exceptions, functions, models, parser, rel_graph, tasks
from dsl_parser.import_resolver import abstract_import_resolver, default_import_resolver

# The reference never ends on properties that name each other.
PATIENCE = 20
ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"


def main():
    builtin = json.loads(sys.stdin.readline())
    for line in sys.stdin:
        print(json.dumps(plain(answer(json.loads(line), builtin))), flush=True)


def answer(case, builtin):
    files = Files(case["folder"], builtin)
    default_import_resolver.read_import = abstract_import_resolver.read_import = files.read
    options = case["parse"]
    resolver = Resolver(files, **{key: options[key] for key in ("rules", "fallback") if key in options})
    steps = {"parse": attempt("plan", lambda: parse(case, resolver)), "rounds": [], "states": []}
    plan = steps["parse"].get("plan")
    if plan is None:
        return steps
    for number, given in enumerate(case["rounds"]):
        values = Values(given["values"]) if given["values"] is not None else None
        prepared = attempt("plan", lambda: prepare(plan, given, values))
        if values is not None:
            prepared["asked"] = values.asked
        steps["rounds"].append(prepared)
        state = case["states"][number] if number < len(case["states"]) else None
        if state is not None and "plan" in prepared:
            steps["states"].append(evaluate(prepared["plan"], Storage(prepared["plan"], state)))
    return steps


def attempt(key, action):
    """The outcome of a step under `key`, or what it raised under `error`."""
    signal.signal(signal.SIGALRM, expired)
    signal.alarm(PATIENCE)
    try:
        return {key: plain(action())}
    except Exception as error:
        return {"error": {
            "class": type(error).__name__,
            "code": code if isinstance(code := getattr(error, "err_code", None), int) else None,
            "message": str(error),
        }}
    finally:
        signal.alarm(0)


def expired(*_):
    raise TimeoutError("the reference does not end")


def parse(case, resolver):
    options = case["parse"]
    plan, _ = parser._parse(
        case["text"],
        resources_base_path=options.get("resources_base"),
        dsl_location=case["location"],
        resolver=resolver,
        validate_version=options.get("validate_version", True),
        validate_intrinsic_function=options.get("validate_functions", True),
        additional_resource_sources=options.get("additional_sources", ()),
        validate_input_defaults=options.get("validate_input_defaults", True),
    )
    return plan


def prepare(plan, given, values):
    ids = iter(range(len(ALPHABET) ** 6))
    rel_graph.generate_id = lambda: "".join(ALPHABET[next_id // 36**place % 36] for next_id in [next(ids)] for place in range(5, -1, -1))
    secrets = given["secrets"]

    def secret(name):
        if name not in secrets:
            raise NotFound(name)

    return tasks.prepare_deployment_plan(
        models.Plan(copy.deepcopy(plan)),
        get_secret_method=None if secrets is None else secret,
        inputs=copy.deepcopy(given["inputs"]),
        runtime_only_evaluation=given["runtime_only"],
        auto_correct_types=given["auto_correct"],
        values_getter=values,
        existing_ni_ids=collections.defaultdict(set, {node: set(taken) for node, taken in given["existing"].items()}),
    )


def evaluate(plan, storage):
    """Everything that a running deployment evaluates: outputs, capabilities, nodes, operations."""
    found = {"outputs": {}, "capabilities": {}, "nodes": {}, "operations": {}}
    for section, evaluate_all in [
        ("outputs", functions.evaluate_outputs), ("capabilities", functions.evaluate_capabilities)
    ]:
        # One after the other, so that one that fails does not hide the rest.
        for name, definition in plan[section].items():
            found[section][name] = attempt(
                "value", lambda: evaluate_all({name: copy.deepcopy(definition)}, storage)
            )
    for node in plan["nodes"]:
        found["nodes"][node["id"]] = attempt(
            "value", lambda: functions.evaluate_node_functions(copy.deepcopy(node), storage)["properties"]
        )
    nodes = {node["id"]: node for node in plan["nodes"]}
    for instance in plan["node_instances"]:
        own = {"self": instance["id"]}
        node = nodes[instance["node_id"]]
        operations(found, storage, instance["id"], node["operations"], own)
        for related in instance["relationships"]:
            kinds = [
                one for one in node["relationships"]
                if (one["target_id"], one["type"]) == (related["target_name"], related["type"])
            ]
            context = {"source": instance["id"], "target": related["target_id"]}
            where = f"{instance['id']}>{related['target_id']}"
            for kind in kinds[:1]:
                operations(found, storage, f"{where}.source", kind["source_operations"], context)
                operations(found, storage, f"{where}.target", kind["target_operations"], context)
    return found


def operations(found, storage, where, declared, context):
    for name, operation in declared.items():
        if operation["has_intrinsic_functions"]:
            found["operations"][f"{where}.{name}"] = attempt(
                "value",
                lambda: functions.evaluate_functions(copy.deepcopy(operation["inputs"]), dict(context), storage),
            )


class NotFound(Exception):
    status_code = 404


class Files:
    """Reads imports: the disk, built-in types, and what lies in the case's folder in the place of a manager."""

    def __init__(self, folder, builtin):
        self.folder = folder
        self.builtin = builtin

    def read(self, location):
        if location in self.builtin:
            return self.builtin[location]
        path = location[len("file:"):] if location.startswith("file:") else self.served(location)
        try:
            with open(path) as file:
                return file.read()
        except OSError as error:
            reason = error.strerror if path else "there is no such thing"
            raise exceptions.DSLParsingLogicException(
                13, f"Import failed: Unable to open import url {location}; {reason}"
            )

    def served(self, location):
        """`https://host/x.yaml` lies in `<folder>/https/host/x.yaml`, `resource:x.yaml` in `<folder>/resource/x.yaml`."""
        scheme, _, rest = location.partition(":")
        return os.path.join(self.folder or os.devnull, scheme, rest.lstrip("/"))

    def record(self, location):
        try:
            with open(self.served(location) + ".json") as file:
                return json.load(file)
        except OSError:
            return None


class Resolver(default_import_resolver.DefaultImportResolver):
    """Plugins and blueprints come from the case's folder, as they come from a manager's catalogue."""

    def __init__(self, files, **rules):
        super().__init__(**rules)
        self.files = files

    def fetch_import(self, location, **options):
        if location.startswith("plugin:"):
            return self.from_manager(location)
        if location.startswith("blueprint:"):
            return parser.parse_from_import_blueprint(
                self.from_manager(location), None, self.files.served(location) + ".yaml", self
            )
        return super().fetch_import(location, **options)

    def from_manager(self, location):
        path = self.files.served(location) + ".yaml"
        if not os.path.exists(path):
            raise InvalidBlueprintImport(f"{location} is not on the manager")
        with open(path) as file:
            return file.read()

    def retrieve_plugin(self, location, **_):
        return self.files.record(location) if location.startswith("plugin:") else None


class Values:
    """Which values exist, for inputs that name deployments, nodes and the like; remembers what was asked."""

    def __init__(self, known):
        self.known = known
        self.asked = []

    def has_deployment_id(self):
        return self.known.get("deployment", False)

    def has_blueprint_id(self):
        return self.known.get("blueprint", False)

    def get(self, data_type, value, **constraints):
        self.asked.append([data_type, value, constraints])
        return self.known.get(data_type, [])


class Storage:
    """A running deployment: the plan, and what the case says of instances, secrets and other deployments."""

    def __init__(self, plan, state):
        self.plan = plan
        self.state = state
        count = {}
        self.instances = []
        for instance in plan["node_instances"]:
            count[instance["node_id"]] = count.get(instance["node_id"], 0) + 1
            self.instances.append({
                "scaling_groups": [],
                **instance,
                "index": count[instance["node_id"]],
                "runtime_properties": state.get("instances", {}).get(instance["id"], {}),
            })

    def get_node(self, name):
        for node in self.plan["nodes"]:
            if node["id"] == name:
                return copy.deepcopy(node)
        raise KeyError(f"Node {name} does not exist")

    def get_node_instances(self, node):
        return copy.deepcopy([instance for instance in self.instances if instance["node_id"] == node])

    def get_node_instance(self, id):
        return copy.deepcopy(next(instance for instance in self.instances if instance["id"] == id))

    def get_input(self, name):
        return self.plan["inputs"][name]

    def secret_method(self, name):
        if name not in self.state.get("secrets", {}):
            raise NotFound(name)
        return self.state["secrets"][name]

    def get_secret(self, name):
        if name not in self.state.get("secrets", {}):
            raise exceptions.FunctionEvaluationError("get_secret", f"secret '{name}' was not found")
        return Secret(self.state["secrets"][name])

    def get_capability(self, path):
        return self.capability(path, "get_capability")

    def capability(self, path, function):
        known = self.state.get("capabilities", {}).get(path[0], {})
        if path[1] not in known:
            raise exceptions.FunctionEvaluationError(function, f"{path[0]} has no {path[1]}")
        return descend(known[path[1]], path)

    def get_group_capability(self, path):
        """A list in the order of ids, or a mapping by deployment; several names give lists of values."""
        names = path[1] if isinstance(path[1], list) else [path[1]]
        by_id = not isinstance(path[1], list) and names[0].startswith("deployment_id:")
        names = [name.removeprefix("deployment_id:") for name in names] if by_id else names
        found = {}
        for deployment, known in self.state["groups"][path[0]].items():
            if any(name in known for name in names):
                values = [descend(known[name], path) if name in known else None for name in names]
                found[deployment] = values[0] if len(values) == 1 else values
        return found if by_id else [found[deployment] for deployment in sorted(found)]

    def get_environment_capability(self, path):
        return self.capability([self.get_label("csys-obj-parent", 0), *path], "get_environment_capability")

    def get_label(self, key, index):
        values = self.state.get("labels", {}).get(key)
        if not values:
            message = f"The deployment does not have the label '{key}' assigned to it"
            raise exceptions.FunctionEvaluationError("get_label", message)
        if index is None:
            return values
        if index >= len(values):
            message = f"The provided label-values list index is out of range. The key '{key}' has {len(values)} values"
            raise exceptions.FunctionEvaluationError("get_label", message)
        return values[index]

    def get_sys(self, entity, key):
        return self.state["system"][entity][key]

    def get_consumers(self, key):
        consumers = self.state.get("consumers", {})
        return {"ids": list(consumers), "names": list(consumers.values()), "count": len(consumers)}[key]


class Secret:
    def __init__(self, value):
        self.value = value


def descend(value, path):
    if len(path) <= 2:
        return value
    return functions.get_nested_attribute_value_of_capability(value, path)["value"]


def plain(value):
    """A value as JSON holds it; what JSON cannot hold is written as ours writes it."""
    if isinstance(value, dict):
        return {key(name): plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, (datetime.date, datetime.datetime)):
        return value.isoformat(" ") if isinstance(value, datetime.datetime) else value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, (set, frozenset)):
        return {key(name): None for name in value}
    return value


def key(name):
    if isinstance(name, str):
        return name
    return json.dumps(name) if name is None or isinstance(name, (bool, int, float)) else str(name)


if __name__ == "__main__":
    main()
