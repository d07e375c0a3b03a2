"""What is compared: blueprints, and the workflows that are run on each, with what its operations answer.

A case is `(name, nodes, steps)`. Nodes are `name: (type, {relationships, instances, properties})`, a relationship is
`(type, target)` or `(type, target, properties)`. A step is a dict: `workflow`, and perhaps `parameters`, `retries`,
`subgraph_retries`, `before` (changes of instances that were made in between) and `behaviour`: what an operation
answers, by `INSTANCE or NODE:OPERATION`, attempt by attempt, the last for all later ones: a value, `recoverable`,
`fatal` or `again`.
"""

LIFECYCLE = ["precreate", "create", "configure", "start", "poststart", "prestop", "stop", "delete", "postdelete",
             "preheal", "heal", "postheal", "pull", "check_drift"]
UPDATE = ["preupdate", "update", "postupdate", "update_config", "update_apply", "update_postapply"]
AGENT = ["create", "start", "stop", "stop_amqp", "delete", "create_amqp", "validate_amqp"]
RELATIONSHIP = ["preconfigure", "postconfigure", "establish", "unlink", "check_drift", "update"]
HAS_RUN = {"implementation": "p.recorder.operation"}

WORKFLOWS = {
    "install": ["node_ids", "node_instance_ids", "type_names"],
    "uninstall": ["node_ids", "node_instance_ids", "type_names", ("ignore_failure", False), ("recursive", False)],
    "reinstall": ["node_ids", "node_instance_ids", "type_names", ("ignore_failure", False)],
    "start": ["node_ids", "node_instance_ids", "type_names", ("operation_parms", {}),
              ("run_by_dependency_order", True)],
    "stop": ["node_ids", "node_instance_ids", "type_names", ("operation_parms", {}),
             ("run_by_dependency_order", True)],
    "pull": ["node_ids", "node_instance_ids", "type_names", ("operation_parms", {}),
             ("run_by_dependency_order", True)],
    "restart": ["node_ids", "node_instance_ids", "type_names", ("stop_parms", {}), ("start_parms", {}),
                ("run_by_dependency_order", True)],
    "execute_operation": ["node_ids", "node_instance_ids", "type_names", ("operation", ""), ("operation_kwargs", {}),
                          ("allow_kwargs_override", None), ("run_by_dependency_order", False)],
    "check_status": ["node_ids", "node_instance_ids", "type_names", ("run_by_dependency_order", False)],
    "check_drift": ["node_ids", "node_instance_ids", "type_names", ("run_by_dependency_order", True)],
    "rollback": ["node_ids", "node_instance_ids", "type_names", ("full_rollback", False)],
    "heal": [("node_instance_id", ""), ("diagnose_value", "Not provided"), ("ignore_failure", True),
             ("check_status", True), ("allow_reinstall", True), ("force_reinstall", False)],
    "scale": [("scalable_entity_name", ""), ("delta", 1), ("scale_compute", False), ("include_instances", None),
              ("exclude_instances", None), ("ignore_failure", False), ("rollback_if_failed", True),
              ("abort_started", False)],
    "install_new_agents": ["node_ids", "node_instance_ids", ("install_agent_timeout", 300), ("install_methods", None),
                           ("validate", True), ("install", True), ("manager_ip", ""), ("manager_certificate", ""),
                           ("stop_old_agent", False)],
    "validate_agents": ["node_ids", "node_instance_ids", ("install_methods", None)],
    "scale_node": [("node_id", ""), ("delta", 1), ("scale_compute", False)],
    "update": ["reinstall_list", ("touched", {}), ("ignore_failure", False), ("skip_install", False),
               ("skip_uninstall", False), ("skip_reinstall", False), ("skip_drift_check", False), ("skip_heal", False),
               ("force_reinstall", False)],
}
PLUGIN = "cloudify.plugins.workflows."
MAPPINGS = {
    "heal": PLUGIN + "auto_heal_reinstall_node_subgraph", "scale": PLUGIN + "scale_entity",
    "scale_node": PLUGIN + "scale",  # as types of old versions have it
    "update": "cloudify_system_workflows.deployment_update.workflow.update_deployment",
}


def workflow(name, parameters):
    pairs = [(one, []) if isinstance(one, str) else one for one in parameters]
    return {"mapping": "w." + MAPPINGS.get(name, PLUGIN + name),
            "parameters": {key: {"default": value} for key, value in pairs}}


def interface(names):
    return {name: dict(HAS_RUN) for name in names}


def node_type(lifecycle=(), validation=(), monitoring=(), agent=(), host=(), monitoring_agent=()):
    every = {"cloudify.interfaces.lifecycle": lifecycle, "cloudify.interfaces.validation": validation,
             "cloudify.interfaces.monitoring": monitoring, "cloudify.interfaces.cloudify_agent": agent,
             "cloudify.interfaces.host": host, "cloudify.interfaces.monitoring_agent": monitoring_agent}
    return {name: interface(names) for name, names in every.items() if names}


def derived(parent, interfaces, properties=None):
    made = {"derived_from": parent, "interfaces": interfaces}
    if properties:
        made["properties"] = properties
    return made


def relationship_type(parent, source=(), target=(), properties=None):
    name = "cloudify.interfaces.relationship_lifecycle"
    made = {"derived_from": parent} if parent else {}
    if source:
        made["source_interfaces"] = {name: interface(source)}
    if target:
        made["target_interfaces"] = {name: interface(target)}
    made["properties"] = properties or {}
    return made


ROOT = "cloudify.nodes.Root"
COMPUTE = "cloudify.nodes.Compute"
DEPENDS = "cloudify.relationships.depends_on"
CONTAINED = "cloudify.relationships.contained_in"
CONNECTED = "cloudify.relationships.connected_to"
PLAIN = ["create", "start", "stop", "delete"]

PRELUDE = {
    "tosca_definitions_version": "cloudify_dsl_1_4",
    "plugins": {"p": {"executor": "central_deployment_agent", "install": False},
                "w": {"executor": "central_deployment_agent", "install": False}},
    "node_types": {
        ROOT: {},
        COMPUTE: {"derived_from": ROOT, "properties": {"install_agent": {"default": ""},
                                                       "agent_config": {"default": {"install_method": "none"}}}},
        "empty": derived(ROOT, {}),
        "plain": derived(ROOT, node_type(PLAIN)),
        "full": derived(ROOT, node_type(LIFECYCLE, ["create", "delete", "check_status"], ["start", "stop"])),
        "starter": derived(ROOT, node_type(["start"])),
        "configured": derived(ROOT, node_type(["configure"])),
        "checked": derived(ROOT, node_type(PLAIN, ["check_status"])),
        "healed": derived(ROOT, node_type(PLAIN + ["heal"], ["check_status"])),
        "drifting": derived(ROOT, node_type(PLAIN + ["check_drift"])),
        "updated": derived(ROOT, node_type(PLAIN + UPDATE + ["check_drift", "heal"], ["check_status"])),
        "renewed": derived(ROOT, node_type(PLAIN + ["update"])),
        "host": derived(COMPUTE, node_type(PLAIN, ["check_status"], host=["get_state"])),
        "agent": derived(COMPUTE, node_type(PLAIN, agent=AGENT, host=["get_state"], monitoring=["start", "stop"],
                                            monitoring_agent=["install", "start", "stop", "uninstall"])),
    },
    "relationships": {
        DEPENDS: relationship_type(None, properties={"connection_type": {"default": "all_to_all"}}),
        CONTAINED: relationship_type(DEPENDS),
        CONNECTED: relationship_type(DEPENDS),
        "full_connection": relationship_type(CONNECTED, RELATIONSHIP, RELATIONSHIP),
        "source_connection": relationship_type(CONNECTED, RELATIONSHIP),
        "full_containment": relationship_type(CONTAINED, RELATIONSHIP, RELATIONSHIP),
        "early": relationship_type(CONNECTED, ["establish"], properties={"operation": {"default": "create"}}),
    },
    "workflows": {name: workflow(name, parameters) for name, parameters in WORKFLOWS.items()},
}


def blueprint(nodes, groups=None):
    templates = {}
    for name, (kind, details) in nodes.items():
        template = {"type": kind}
        if "properties" in details:
            template["properties"] = details["properties"]
        if "instances" in details:
            template["capabilities"] = {"scalable": {"properties": {"default_instances": details["instances"]}}}
        relationships = []
        for one in details.get("relationships", ()):
            relationship = {"type": one[0], "target": one[1]}
            if len(one) > 2:
                relationship["properties"] = one[2]
            relationships.append(relationship)
        if relationships:
            template["relationships"] = relationships
        templates[name] = template
    made = dict(PRELUDE, node_templates=templates)
    if groups:
        made["groups"] = {name: {"members": members} for name, (members, _) in groups.items()}
        made["policies"] = {
            "scaling_of_" + name: {"type": "cloudify.policies.scaling", "targets": [name],
                                   "properties": {"default_instances": count}}
            for name, (_, count) in groups.items()}
    return made


def step(name, behaviour=None, retries=1, before=None, subgraph_retries=0, **parameters):
    return {"workflow": name, "parameters": parameters, "behaviour": behaviour or {}, "retries": retries,
            "before": before or {}, "subgraph_retries": subgraph_retries}


def node(kind, *relationships, **details):
    return kind, dict(details, relationships=relationships)


WELL = {"status": {"ok": True, "task": None}}
ILL = {"status": {"ok": False, "task": "recorder.operation"}}
UP = [step("install"), step("uninstall")]
TIERS = {
    "vm": node("host"),
    "db": node("full", ("full_containment", "vm")),
    "app": node("plain", (CONTAINED, "vm"), ("full_connection", "db"), instances=2),
    "web": node("empty", ("source_connection", "app")),
}
PAIR = {"a": node("full", ("full_connection", "b")), "b": node("full")}
HOSTED = {
    "vm": node("host", instances=2),
    "os": node("plain", (CONTAINED, "vm")),
    "app": node("healed", (CONTAINED, "os")),
    "tool": node("checked", (CONTAINED, "os")),
    "front": node("plain", ("full_connection", "app")),
}


def cases():
    yield "nothing to do", {"a": node("empty")}, UP
    yield "one node", {"a": node("plain")}, UP + [step("install"), step("reinstall")]
    yield "every operation", {"a": node("full")}, UP + [step("install"), step("reinstall")]
    yield "only start", {"a": node("starter")}, UP
    yield "only configure", {"a": node("configured")}, UP
    yield "a chain", {"a": node("plain", (DEPENDS, "b")), "b": node("empty", (DEPENDS, "c")), "c": node("plain")}, UP
    yield "a diamond", {"a": node("plain", (CONNECTED, "b"), (CONNECTED, "c")), "b": node("plain", (CONNECTED, "d")),
                        "c": node("plain", (CONNECTED, "d")), "d": node("plain")}, UP
    yield "relationships of all kinds", {
        "a": node("full", ("full_connection", "b"), ("source_connection", "c"), ("full_containment", "d"), (DEPENDS, "e")),
        "b": node("plain", instances=3), "c": node("empty", instances=2), "d": node("host"), "e": node("starter")}, UP
    yield "two relationships to one node", {
        "a": node("full", ("full_connection", "b"), ("source_connection", "b")), "b": node("full", instances=2)}, UP
    yield "tiers", TIERS, UP + [step("install"), step("reinstall")]
    yield "nested containment", {
        "vm": node("host", instances=2), "os": node("full", ("full_containment", "vm"), instances=2),
        "app": node("plain", ("full_containment", "os")), "outside": node("plain", ("full_connection", "app"))}, UP
    yield "an early beginning", {"a": node("plain", ("early", "b")), "b": node("plain")}, [step("install")]
    yield "a scaling group", ({"a": node("plain"), "b": node("plain", ("full_connection", "a"))}, {"g": (["a", "b"], 2)}), UP
    for method in ("none", "remote", "plugin", "init_script", "provided"):
        host = node("agent", properties={"agent_config": {"install_method": method}})
        yield "an agent by " + method, {"vm": host, "app": node("plain", (CONTAINED, "vm"))}, UP + [
            step("install"), step("install_new_agents"), step("validate_agents")]
    host = node("agent", properties={"agent_config": {"install_method": "remote"}})
    yield "new agents in parts", {"vm": host, "other": host}, [
        step("validate_agents"), step("install"), step("install_new_agents", validate=False),
        step("install_new_agents", install=False, node_ids=["vm"]), step("validate_agents", install_methods=["plugin"])]
    yield "filters", TIERS, [
        step("install", node_ids=["vm", "db"]), step("install", type_names=["plain"]), step("install"),
        step("uninstall", node_ids=["app"]), step("uninstall", type_names=[COMPUTE]), step("uninstall"),
        step("uninstall")]
    yield "reinstalling a part", TIERS, [step("install"), step("reinstall", node_ids=["app"]),
                                         step("reinstall", node_ids=["db"], ignore_failure=True)]
    for name in ("precreate", "create", "configure", "start", "poststart"):
        yield "install fails in " + name, PAIR, [
            step("install", {"b:" + name: ["recoverable"]}), step("install"), step("uninstall")]
    for name in ("preconfigure", "postconfigure", "establish"):
        for side in ("source", "target"):
            end, other = ("a", "b") if side == "source" else ("b", "a")
            key = "{0}:{1} as {2} with {3}".format(end, name, side, other + "_00" + ("1" if other == "a" else "2"))
            yield "install fails in {0} of the {1}".format(name, side), PAIR, [
                step("install", {key: ["fatal"]}), step("install")]
    for name in ("prestop", "stop", "delete", "postdelete"):
        yield "uninstall fails in " + name, PAIR, [
            step("install"), step("uninstall", {"a:" + name: ["fatal"]}),
            step("uninstall", {"a:" + name: ["fatal"], "b:" + name: ["recoverable"]}, ignore_failure=True)]
    yield "retries", PAIR, [
        step("install", {"a:create": ["recoverable", None], "b:start": ["again", "again", None],
                         "a:configure": ["recoverable", "recoverable", None]}, retries=2),
        step("uninstall", {"a:stop": ["recoverable", "recoverable", "recoverable"]}, retries=2)]
    yield "subgraphs are tried again", PAIR, [
        step("install", {"b:configure": ["fatal"]}, subgraph_retries=1),
        step("install", {"b:start": ["fatal"], "a:create": ["fatal"]}, subgraph_retries=2),
        step("install"), step("uninstall", {"a:stop": ["fatal"]}, subgraph_retries=1)]
    yield "independent parts go on", {"a": node("plain"), "b": node("plain"), "c": node("plain", (DEPENDS, "a"))}, [
        step("install", {"a:create": ["fatal"]}), step("install")]
    yield "several failures", {"a": node("plain", instances=3)}, [step("install", {"a:create": ["fatal"]})]
    yield "a host that takes its time", {"vm": node("host")}, [
        step("install", {"vm:get_state": [False, False, False, True]})]
    yield "start, stop and restart", TIERS, [
        step("install"), step("stop"), step("start"), step("restart", stop_parms={"force": True}),
        step("start", operation_parms={"x": [1, "a", None, {"b": 1.5}]}, run_by_dependency_order=False)]
    yield "one operation", TIERS, [
        step("execute_operation", operation="cloudify.interfaces.lifecycle.create"),
        step("execute_operation", operation="cloudify.interfaces.lifecycle.create", run_by_dependency_order=True,
             node_ids=["db", "app"], operation_kwargs={"text": "it's"}),
        step("execute_operation", operation="cloudify.interfaces.lifecycle.none")]
    yield "pull", TIERS, [step("pull"), step("pull", {"db:pull": ["fatal"]}, operation_parms={"a": 1})]
    yield "checks", dict(TIERS, box=node("drifting", ("full_connection", "db"))), [
        step("install"), step("check_status", {"db:check_status": ["recoverable"], "vm:check_status": [7]}, retries=3),
        step("check_status", run_by_dependency_order=True), step("check_status", node_ids=["vm"]),
        step("check_drift", {"box:check_drift": [{"size": 3}]}),
        step("check_drift", {"db:check_drift": ["fatal"]}, run_by_dependency_order=False),
        step("check_drift", {"box:check_drift as source with db_002": ["difference"]}, node_ids=["box"])]
    yield "rollback", PAIR, [
        step("install", {"b:create": ["fatal"]}), step("rollback"), step("install", {"b:configure": ["fatal"]}),
        step("rollback"), step("install", {"a:start": ["fatal"]}), step("rollback", {"a:stop": ["fatal"]}),
        step("rollback")]
    yield "full rollback", PAIR, [step("install", {"a:start": ["fatal"]}), step("rollback", full_rollback=True)]
    yield from heals()
    yield from scales()
    yield from updates()


def heals():
    yield "heal of what is well", HOSTED, [step("install"), step("heal")]
    yield "heal heals", HOSTED, [
        step("install"), step("heal", {"app_004:check_status": ["fatal"]})]
    yield "heal reinstalls what cannot be healed", HOSTED, [
        step("install"), step("heal", {"tool:check_status": ["recoverable"], "app:check_status": ["fatal"]})]
    yield "heal reinstalls what contains others", HOSTED, [
        step("install"), step("heal", {"vm:check_status": ["fatal"], "app:check_status": ["fatal"]})]
    yield "heal fails", HOSTED, [
        step("install"), step("heal", {"app:check_status": ["fatal"], "app:heal": ["fatal"]})]
    yield "heal may not reinstall", HOSTED, [
        step("install"), step("heal", {"tool:check_status": ["fatal"]}, allow_reinstall=False),
        step("heal", {"app:check_status": ["fatal"], "app:heal": ["fatal"]}, allow_reinstall=False),
        step("heal", {"vm:check_status": ["fatal"]}, allow_reinstall=False)]
    yield "heal of one", {"vm": node("host"), "app": node("healed", (CONTAINED, "vm")), "b": node("plain")}, [
        step("install"), step("heal", node_instance_id="b_003"), step("heal", node_instance_id="app_002"),
        step("heal", node_instance_id="vm_001"), step("heal", node_instance_id="nobody_1"),
        step("heal", {"app:check_status": ["fatal"]}, node_instance_id="vm_001")]
    yield "heal by force", HOSTED, [step("install"), step("heal", force_reinstall=True)]
    yield "heal without a look", HOSTED, [
        step("install"), step("heal", check_status=False, before={"app_004": {"system_properties": ILL}}),
        step("heal", {"tool:stop": ["fatal"], "tool:check_status": ["fatal"]})]
    yield "heal with every operation", PAIR, [
        step("install"), step("heal", {"a:check_status": ["fatal"], "b:check_status": ["fatal"]})]


def scales():
    pair = {"a": node("plain", instances=2), "b": node("plain", ("full_connection", "a"))}
    yield "scale out and in", pair, [
        step("install"), step("scale", scalable_entity_name="a"), step("scale", scalable_entity_name="a", delta=-2),
        step("scale", scalable_entity_name="b", delta="2"), step("scale", scalable_entity_name="b", delta=0)]
    yield "scale of hosts", HOSTED, [
        step("install"), step("scale", scalable_entity_name="app", scale_compute=True),
        step("scale", scalable_entity_name="vm", delta=-1), step("scale", scalable_entity_name="app", delta=1)]
    yield "scale of a group", ({"a": node("plain"), "b": node("plain", ("full_connection", "a"))}, {"g": (["a", "b"], 1)}), [
        step("install"), step("scale", scalable_entity_name="g", delta=2),
        step("scale", scalable_entity_name="g", delta=-1)]
    yield "scale fails and goes back", pair, [
        step("install"), step("scale", {"a:start": ["fatal"]}, scalable_entity_name="a"),
        step("scale", {"a:create": ["recoverable"]}, scalable_entity_name="a"),
        step("scale", {"a:start": ["fatal"], "a:stop": ["fatal"]}, scalable_entity_name="a"),
        step("scale", {"a:start": ["fatal"], "a:stop": ["fatal"]}, scalable_entity_name="a", ignore_failure=True)]
    yield "scale fails and stays", pair, [
        step("install"), step("scale", {"a:start": ["fatal"]}, scalable_entity_name="a", rollback_if_failed=False),
        step("scale", scalable_entity_name="a", abort_started=True)]
    yield "scale in fails", pair, [
        step("install"), step("scale", {"a:stop": ["fatal"]}, scalable_entity_name="a", delta=-1),
        step("scale", {"a:stop": ["fatal"]}, scalable_entity_name="a", delta=-1, ignore_failure=True)]
    yield "scale that makes no sense", pair, [
        step("install"), step("scale", scalable_entity_name="nothing"),
        step("scale", scalable_entity_name="a", delta=-3), step("scale", scalable_entity_name="a", delta="many"),
        step("scale", scalable_entity_name="a", include_instances=["a_001"]),
        step("scale", scalable_entity_name="a", delta=-1, include_instances=["a_001"], exclude_instances=["a_001"]),
        step("scale", scalable_entity_name="a", delta=-1, include_instances="a_7", scale_compute=True),
        step("scale", scalable_entity_name="a", delta=-1, exclude_instances=["a_001", "a_002"])]
    yield "scale in of some", {"a": node("plain", instances=3)}, [
        step("install"), step("scale", scalable_entity_name="a", delta=-1, include_instances=["a_002"]),
        step("scale", scalable_entity_name="a", delta=-1, exclude_instances=["a_003"])]
    yield "scale by its old name", pair, [
        step("install"), step("scale_node", node_id="a", delta=1, scale_compute=False),
        step("scale_node", node_id="a", delta=-2, scale_compute=False)]


def updates():
    trio = {"a": node("full", ("full_connection", "b"), ("full_connection", "c")), "b": node("full"), "c": node("full")}
    yield "an update that changes nothing", trio, [step("install"), step("update")]
    yield "an update that brings and takes", trio, [
        step("install", node_ids=["a", "b"]),
        step("update", touched={"added": ["c_003"], "added_related": ["a_001"], "removed": ["b_002"],
                                "removed_related": ["a_001"]})]
    yield "an update that only brings or only takes", trio, [
        step("install", node_ids=["a", "b"]),
        step("update", touched={"removed": ["b_002"], "removed_related": ["a_001"]}, skip_uninstall=True),
        step("update", touched={"added": ["c_003"], "added_related": ["a_001"]}, skip_install=True),
        step("update", {"c:start": ["fatal"]}, touched={"added": ["c_003"], "added_related": ["a_001"]}),
        step("update", {"b:stop": ["fatal"]}, touched={"removed": ["b_002"], "removed_related": ["a_001"]},
             ignore_failure=True),
        step("update", {"b:stop": ["recoverable"]}, touched={"removed": ["b_002"], "removed_related": ["a_001"]})]
    yield "an update of relationships", trio, [
        step("install"),
        step("update", touched={"extended": [["a_001", "c_003"]], "reduced": [["a_001", "b_002"]]}),
        step("update", {"a:unlink as source with b_002": ["fatal"]}, touched={"reduced": [["a_001", "b_002"]]})]
    changing = {"vm": node("host"), "up": node("updated", ("full_connection", "new"), (CONTAINED, "vm")),
                "new": node("renewed"), "old": node("plain"), "in": node("plain", (CONTAINED, "old")),
                "look": node("drifting", (DEPENDS, "up"))}
    every = {"changed_nodes": ["up", "new", "old", "look"]}
    yield "an update of nodes", changing, [
        step("install"), step("update", touched=every), step("update", touched=every, skip_drift_check=True),
        step("update", touched=every, skip_reinstall=True), step("update", touched=every, force_reinstall=True),
        step("update", touched=every, skip_heal=True)]
    drift = {"up:check_drift": [{"size": 2}], "look:check_drift": ["more"]}
    link = {"up:check_drift as source with new_003": ["other"], "new:check_drift as target with up_002": ["other"]}
    yield "an update of what drifted", changing, [
        step("install"), step("update", drift), step("update", link), step("update", dict(drift, **link)),
        step("update", dict(drift, **link), force_reinstall=True),
        step("update", {"up:check_drift": ["fatal"]}), step("update", {"look:check_drift": ["recoverable"]}, retries=0)]
    yield "an update that fails and installs again", changing, [
        step("install"), step("update", {"up:update": ["fatal"], "new:update": ["recoverable"]}, touched=every),
        step("update", dict(drift, **{"up:postupdate": ["fatal"]})),
        step("update", dict(drift, **{"up:check_status": ["fatal"]})),
        step("update", dict(drift, **{"up:check_status": ["fatal"], "up:heal": ["fatal"]})),
        step("update", dict(drift, **{"old:stop": ["fatal"]}), touched=every),
        step("update", dict(drift, **{"old:stop": ["fatal"]}), touched=every, ignore_failure=True)]
    yield "an update that installs some again", changing, [
        step("install"), step("update", reinstall_list=["old_004", "up_002"]),
        step("update", drift, reinstall_list=["look_006"], skip_reinstall=True)]
