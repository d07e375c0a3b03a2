"""What the manager does in an update of a deployment, made of the reference's own parts.

The reference's package has no manager: what the update changes is a parameter here, as if the rows had been changed
already. The order of the parts is the specification's (workflows.md, section 9.1); every graph is made and run by the
reference.
"""

import collections

from cloudify.plugins import lifecycle, workflows

DRIFT = "configuration_drift"
OF_RELATIONSHIPS = ("source_relationships_configuration_drift", "target_relationships_configuration_drift")
LOOKS = "cloudify.interfaces.lifecycle.check_drift"
UPDATES = ["cloudify.interfaces.lifecycle." + name for name in ("update", "update_config", "update_apply")]
NOTHING = {"added": [], "added_related": [], "removed": [], "removed_related": [], "extended": [], "reduced": [],
           "changed_nodes": []}


def found(instance):
    """What checks have found: of the instance, and of its relationships."""
    notes = instance.system_properties
    every = [notes.get(DRIFT)] + [one for key in OF_RELATIONSHIPS for one in notes.get(key, {}).values()]
    return [one for one in every if one]


class Update:
    def __init__(self, ctx, touched, wish):
        self.ctx, self.graph, self.wish = ctx, ctx.graph_mode(), wish
        self.touched = dict(NOTHING, **touched)

    def run(self):
        self.take_down()
        self.renew()
        self.bring_up()

    def of(self, key):
        return self.known(self.touched[key])

    def known(self, ids):
        return {self.ctx.get_node_instance(one) for one in ids}

    def note(self, instance, change):
        notes = instance.system_properties or {}
        change(notes)
        self.ctx.update_node_instance(instance.id, force=True, system_properties=notes)

    def clear(self):
        for task in list(self.graph.tasks):
            self.graph.remove_task(task)

    def linked(self, key, execute):
        self.clear()
        nodes = collections.defaultdict(list)
        pairs = [[self.ctx.get_node_instance(end) for end in pair] for pair in self.touched[key]]
        for source, target in pairs:
            nodes[source.node_id].append(target.node_id)
        ends = {end for pair in pairs for end in pair}
        execute(graph=self.graph, node_instances=ends, modified_relationship_ids=nodes)

    def take_down(self):
        if self.wish["skip_uninstall"]:
            return
        if self.touched["reduced"]:
            self.linked("reduced", lifecycle.execute_unlink_relationships)
        if self.touched["removed"]:
            self.clear()
            lifecycle.uninstall_node_instances(
                graph=self.graph, node_instances=self.of("removed"), related_nodes=self.of("removed_related"),
                ignore_failure=self.wish["ignore_failure"])

    def bring_up(self):
        if self.wish["skip_install"]:
            return
        if self.touched["added"]:
            self.clear()
            lifecycle.install_node_instances(
                graph=self.graph, node_instances=self.of("added"), related_nodes=self.of("added_related"))
        if self.touched["extended"]:
            self.linked("extended", lifecycle.execute_establish_relationships)

    def renew(self):
        apart = set(self.touched["added"]) | set(self.touched["removed"])
        present = {one for one in self.ctx.node_instances if one.state == "started" and one.id not in apart}
        forced = {one for one in present if one.id in self.wish["reinstall_list"]}
        again, drifted = set(forced), set()
        looked = set()
        if not self.wish["skip_drift_check"]:
            looked = {one for one in present - forced if one.node.has_operation(LOOKS)}
            drifted = self.look(present - forced, again)
        changed = {one for one in present if one.node_id in self.touched["changed_nodes"]}
        presumed = changed - looked
        for one in presumed:
            self.note(one, lambda notes: notes.update({DRIFT: {"ok": True, "result": True, "task": None}}))
        drifted |= presumed
        for one in drifted - again:
            own = (one.system_properties.get(DRIFT) or {}).get("result")
            if own and not any(one.node.has_operation(name) for name in UPDATES):
                again |= one.get_contained_subgraph()
        drifted -= again
        if self.wish["force_reinstall"]:
            again, drifted = again | drifted, set()
        if drifted:
            again |= self.update(drifted, present)
        again = forced if self.wish["skip_reinstall"] else again & present
        if again:
            self.clear()
            lifecycle.reinstall_node_instances(
                graph=self.graph, node_instances=again, related_nodes=present - again,
                ignore_failure=self.wish["ignore_failure"])
        clean = set(presumed) if self.wish["skip_drift_check"] else presumed | again
        for one in self.known({one.id for one in clean}):
            if any(key in one.system_properties for key in (DRIFT, *OF_RELATIONSHIPS)):
                self.note(one, lambda notes: [notes.pop(key, None) for key in (DRIFT, *OF_RELATIONSHIPS)])

    def look(self, concerned, again):
        """Has instances find out how they differ; whoever cannot say is to be installed again."""
        drifted = set()
        if concerned:
            self.clear()
            workflows._make_check_drift_graph(
                self.ctx, node_instance_ids={one.id for one in concerned}, name="update_check_drift",
                run_by_dependency_order=True, ignore_failure=True).execute()
        for one in concerned:
            if not all(drift.get("ok") for drift in found(one)):
                again |= one.get_contained_subgraph()
            elif any(drift.get("result") for drift in found(one)):
                drifted.add(one)
        return drifted

    def update(self, drifted, present):
        """Heals and updates instances; gives those that are to be installed again instead."""
        lost = set()
        if not self.wish["skip_heal"]:
            self.clear()
            workflows._make_check_status_graph(
                self.ctx, node_instance_ids=[one.id for one in drifted], name="check_status",
                ignore_failure=True).execute()
            drifted = self.renewed(drifted)
            heal, lost = workflows._find_instances_to_heal(drifted, workflows._find_healthy_instances(drifted))
            if heal:
                lifecycle.heal_node_instances(
                    graph=self.graph, node_instances=list(heal), related_nodes=set(self.ctx.node_instances) - heal,
                    ignore_failure=True)
                failed = workflows._find_heal_failed_instances(self.ctx, self.renewed(heal))
                workflows._clean_healed_property(self.ctx, failed)
                lost = lost | failed
            drifted = self.renewed({one for one in drifted if one.id not in {gone.id for gone in lost}})
        if drifted:
            self.clear()
            lifecycle.update_node_instances(
                graph=self.graph, node_instances=drifted, related_nodes=present - drifted)
        for one in self.renewed(drifted):
            if one.system_properties.get("update_failed") == self.ctx.execution_id:
                self.note(one, lambda notes: notes.pop("update_failed"))
                lost = lost | {one}
        return self.known({one.id for one in lost})

    def renewed(self, instances):
        self.ctx.refresh_node_instances()
        return self.known({one.id for one in instances})
