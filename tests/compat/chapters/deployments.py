"""Deployments and what belongs to them: sites, nodes, dependencies, groups, modifications, updates, files."""
from story import fresh, ids, refused, same


def life(story):
    deployments = story.client.deployments
    made = deployments.create("shop", "one", inputs={"word": "good day"}, labels=[{"env": "prod"}], display_name="One")
    same((made["id"], made["blueprint_id"], made["display_name"]), ("one", "shop", "One"))
    same((made["inputs"], made["installation_status"]), ({"word": "good day"}, "inactive"))
    same(sorted((label["key"], label["value"]) for label in made["labels"]), [("env", "prod"), ("tier", "web")])
    with refused("conflict_error", 409):
        deployments.create("shop", "one")
    with refused("unknown_deployment_input_error", 400):
        deployments.create("shop", "other", inputs={"nothing": 1})
    with refused("not_found_error", 404):
        deployments.create("nothing", "other")
    found = deployments.get("one")
    assert "install" in [workflow["name"] for workflow in found["workflows"]]
    same(deployments.get("one", _include=["id"]), {"id": "one"})
    same(deployments.outputs.get("one")["outputs"], {"said": None})
    same(deployments.capabilities.get("one")["capabilities"], {"word": "good day"})
    same(list(deployments.capabilities.list(deployment_id="one"))[0]["deployment_id"], "one")
    same([group["name"] for group in deployments.scaling_groups.list(deployment_id="one")], ["apps"])
    same(ids(deployments.list()), ["one"])
    same(ids(deployments.list(filter_rules=[
        {"key": "env", "values": ["prod"], "operator": "any_of", "type": "label"}])), ["one"])
    labels = deployments.update_labels("one", [{"env": "test"}])["labels"]
    same([(label["key"], label["value"]) for label in labels], [("env", "test")])
    same(story.client.deployments_labels.list_keys().items, ["env"])
    same(story.client.deployments_labels.list_key_values("env").items, ["test"])
    assert "csys-obj-type" in story.client.deployments_labels.get_reserved_labels_keys()
    same(deployments.set_attributes("one", display_name="First")["display_name"], "First")
    with refused("illegal_action_error", 400):
        deployments.set_visibility("one", "global")
    same(deployments.set_visibility("one", "tenant")["visibility"], "tenant")
    assert "install" in [workflow["name"] for workflow in story.client.workflows.list()]
    same(story.client.evaluate.functions("one", {}, {"word": {"get_input": "word"}})["payload"], {"word": "good day"})


def sites(story):
    sites = story.client.sites
    made = sites.create("here", location="40.5,20.25")
    same((made["name"], made["latitude"], made["longitude"]), ("here", 40.5, 20.25))
    same(sites.update("here", location="1,2", new_name="there")["name"], "there")
    same(sites.get("there")["location"], "1.0, 2.0")
    same(ids(sites.list(), "name"), ["there"])
    with refused("bad_parameters_error", 400):
        sites.create("bad", location="nowhere")
    same(story.client.deployments.set_site("one", site_name="there")["site_name"], "there")
    same(story.client.deployments.set_site("one", detach_site=True)["site_name"], None)
    kept = [dict(entity) for entity in sites.dump()]
    sites.delete("there")
    with refused("not_found_error", 404):
        sites.get("there")
    with story.no_errors():
        sites.restore(kept, story.logger)
    same(sites.get("there")["created_at"], kept[0]["created_at"])


def nodes(story):
    nodes, instances = story.client.nodes, story.client.node_instances
    node = nodes.get("one", "app")
    same((node["id"], node["type"], node["actual_number_of_instances"]), ("app", "cloudify.nodes.Root", 1))
    same(ids(nodes.list(deployment_id="one")), ["app"])
    same([found["type"] for found in nodes.types.list(deployment_id="one")], ["cloudify.nodes.Root"])
    kept = [entry["__entity"] for entry in nodes.dump(deployment_ids=["one"])]
    same([entity["id"] for entity in kept], ["app"])
    instance = instances.list(deployment_id="one")[0]
    same((instance["state"], instance["node_id"]), ("uninitialized", "app"))
    changed = instances.update(instance["id"], runtime_properties={"a": 1}, version=instance["version"])
    same((changed["runtime_properties"], changed["version"]), ({"a": 1}, instance["version"] + 1))
    with refused("conflict_error", 409):
        instances.update(instance["id"], runtime_properties={}, version=instance["version"] - 1)
    same(instances.get(instance["id"], evaluate_functions=True)["runtime_properties"], {"a": 1})
    same(ids(instances.search([instance["id"]])), [instance["id"]])
    same([entry["__entity"]["id"] for entry in instances.dump(deployment_ids=["one"])], [instance["id"]])
    plan = dict(kept[0], id="added", relationships=[])
    with story.no_errors():
        nodes.restore([dict(plan)], story.logger, "one")
    same(nodes.get("one", "added")["type"], "cloudify.nodes.Root")
    nodes.create_many("one", [dict(plan, id="second")])
    suggested = {"id": "added_abc123", "node_id": "added", "host_id": None, "relationships": [], "scaling_groups": [],
                 "runtime_properties": {}, "created_by": "admin"}
    with story.no_errors():
        instances.restore([dict(suggested)], story.logger, "one")
    instances.create_many("one", [dict(suggested, id="added_def456")])
    same(len(instances.list(deployment_id="one", node_id="added")), 2)
    # Nodes and instances are changed and deleted by updates of deployments alone.
    with refused("only_deployment_update", 403):
        nodes.update("one", "added", properties={"x": 1})
    with refused("only_deployment_update", 403):
        nodes.delete("one", "added")
    with refused("only_deployment_update", 403):
        instances.delete("added_abc123")


def dependencies(story):
    story.client.deployments.create("shop", "needs")
    dependencies = story.client.inter_deployment_dependencies
    made = dependencies.create("component.a", "needs", target_deployment="one")
    same((made["source_deployment_id"], made["target_deployment_id"]), ("needs", "one"))
    with refused("conflict_error", 409):
        dependencies.create("component.b", "one", target_deployment="needs")
    with refused("dependent_exists_error", 400):
        story.client.deployments.delete("one")
    same(ids(dependencies.list(), "dependency_creator"), ["component.a"])
    kept = list(dependencies.dump())
    dependencies.delete("component.a", "needs", target_deployment="one")
    same(len(dependencies.list()), 0)
    with story.no_errors():
        dependencies.restore([dict(entity) for entity in kept], story.logger)
    same(ids(dependencies.list()), ids(kept))
    many = [{"dependency_creator": f"component.{name}", "target_deployment": "one"} for name in "bc"]
    same(len(dependencies.create_many("needs", many)), 2)
    same(len(dependencies.update_all("needs", many[:1])), 1)
    same(ids(dependencies.list(), "dependency_creator"), ["component.b"])
    dependencies.delete("component.b", "needs", target_deployment="one")
    story.client.deployments.delete("needs")


def groups(story):
    groups = story.client.deployment_groups
    made = groups.put("fleet", blueprint_id="shop", default_inputs={"word": "hi"}, labels=[{"fleet": "red"}])
    same((made["id"], made["default_blueprint_id"], made["deployment_ids"]), ("fleet", "shop", []))
    groups.add_deployments("fleet", deployment_ids=["one"])
    added = groups.add_deployments("fleet", new_deployments=[{"id": "member-{uuid}"}])
    same(len(added["deployment_ids"]), 2)
    story_wait_for_members(story, added["deployment_ids"])
    groups.remove_deployments("fleet", deployment_ids=["one"])
    same(len(groups.get("fleet")["deployment_ids"]), 1)
    same(ids(groups.list()), ["fleet"])
    kept = [dict(entity) for entity in groups.dump()]
    groups.delete("fleet", delete_deployments=True)
    groups_gone(story, kept[0]["deployment_ids"])
    kept[0]["deployment_ids"] = ["one"]
    with story.no_errors():
        groups.restore(kept, story.logger)
    same(groups.get("fleet")["deployment_ids"], ["one"])
    groups.delete("fleet")
    with refused("not_found_error", 404):
        groups.get("fleet")


def story_wait_for_members(story, names):
    for name in names:
        for execution in story.client.executions.list(deployment_id=name):
            story.ended(execution["id"])


def groups_gone(story, names):
    for name in names:
        for execution in story.client.executions.list(deployment_id=name):
            try:
                story.ended(execution["id"])
            except Exception as error:  # The execution goes with its deployment.
                assert "not found" in str(error), error


def modifications(story):
    modifications = story.client.deployment_modifications
    story.client.deployments.create("shop", "grows")
    for end in ("rollback", "finish"):
        begun = modifications.start("grows", {"app": {"instances": 2}})
        same((begun["status"], len(begun["node_instances"]["added_and_related"])), ("started", 1))
        with refused("existing_started_deployment_modification_error", 400):
            modifications.start("grows", {"app": {"instances": 3}})
        ended = getattr(modifications, end)(begun["id"])
        same(ended["status"], {"rollback": "rolledback", "finish": "finished"}[end])
        with refused("deployment_modification_already_ended_error", 400):
            getattr(modifications, end)(begun["id"])
    same(len(story.client.node_instances.list(deployment_id="grows")), 2)
    same(modifications.get(begun["id"])["deployment_id"], "grows")
    same(len(modifications.list(deployment_id="grows")), 2)


def updates(story):
    updates = story.client.deployment_updates
    begun = updates.update_with_existing_blueprint("one", blueprint_id="shop", inputs={"word": "again"})
    same((begun["deployment_id"], begun["new_blueprint_id"]), ("one", "shop"))
    story.ended(begun["execution_id"])
    same(updates.get(begun["id"])["deployment_id"], "one")
    same(ids(updates.list(deployment_id="one")), [begun["id"]])
    kept = [dict(entity) for entity in updates.dump(deployment_update_ids=[begun["id"]])]
    record = {"id": fresh("update"), "deployment_id": "one", "state": "successful", "new_blueprint_id": "shop"}
    updates.bulk_insert([record])
    same(updates.get(record["id"])["state"], "successful")
    same(len(kept), 1)
    # Records are written by executions alone.
    with refused("forbidden_error", 403):
        updates.create(fresh("update"), "one")
    updates.set_attributes(record["id"], state="failed")
    same(updates.get(record["id"])["state"], "failed")
    same(updates.finalize_commit(begun["id"])["id"], begun["id"])


def files(story):
    resources = story.client.resources
    source = story.file("workdir/notes/a.txt", "first")
    resources.upload_deployment_workdir("one", str(story.folder / "workdir"))
    resources.upload_deployment_file("one", "notes/b.txt", source)
    got = story.folder / "copy"
    got.mkdir()
    resources.download_deployment_workdir("one", str(got))
    same((got / "notes/a.txt").read_text(), "first")
    (got / "notes/a.txt").write_text("second, longer")
    resources.sync_deployment_workdir("one", str(got))
    resources.delete_deployment_file("one", "notes/b.txt")
    with refused("not_found_error", 404):
        resources.get_file("/resources/deployments/default_tenant/one/notes/b.txt")
