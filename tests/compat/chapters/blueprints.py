"""Blueprints, their labels and their filters."""
import os
import tarfile

from story import ids, refused, same

PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)


def uploads(story):
    blueprints = story.client.blueprints
    path = story.blueprint_file()
    made = blueprints.upload(path, "shop")
    same((made["id"], made["state"], made["main_file_name"]), ("shop", "uploaded", "blueprint.yaml"))
    same(made["description"], "One node that leaves a trace.")
    same([(label["key"], label["value"]) for label in made["labels"]], [])
    with refused("conflict_error", 409):
        blueprints.upload(path, "shop")
    archived = blueprints.publish_archive(story.archive(), "archived", "blueprint.yaml", labels=[{"team": "core"}])
    same([(label["key"], label["value"]) for label in archived["labels"]], [("team", "core")])
    same(ids(blueprints.list()), ["archived", "shop"])
    same(ids(blueprints.list(filter_rules=[
        {"key": "team", "values": ["core"], "operator": "any_of", "type": "label"}])), ["archived"])
    assert blueprints.calc_size(path) > 0
    validated = blueprints.validate(path, "only-looked-at")
    same(validated["state"], "validating")
    story.ended(validated["upload_execution"]["id"])
    target = blueprints.download("shop", str(story.folder / "got"))
    with tarfile.open(target) as tar:
        assert any(name.endswith("scripts/note.sh") for name in tar.getnames())
    with refused("not_found_error", 404):
        blueprints.get("nothing")
    with refused("invalid_blueprint_error", 400):
        blueprints.upload(story.file("bad/blueprint.yaml", "tosca_definitions_version: nothing\n"), "bad")
    blueprints.delete("bad")


def changes(story):
    blueprints = story.client.blueprints
    same(blueprints.get("shop", _include=["id", "state"]), {"id": "shop", "state": "uploaded"})
    changed = blueprints.update("shop", {"labels": [{"env": "prod"}]})
    same([(label["key"], label["value"]) for label in changed["labels"]], [("env", "prod")])
    same(story.client.blueprints_labels.list_keys().items, ["env", "team"])
    same(story.client.blueprints_labels.list_key_values("env").items, ["prod"])
    assert "csys-obj-type" in story.client.blueprints_labels.get_reserved_labels_keys()
    icon = story.file("icon.png", PNG)
    blueprints.upload_icon("shop", icon)
    got = story.client.resources.get_file("/resources/blueprints/default_tenant/shop/icon.png")
    same(b"".join(got.bytes_stream()), PNG)
    blueprints.remove_icon("shop")
    with refused("not_found_error", 404):
        story.client.resources.get_file("/resources/blueprints/default_tenant/shop/icon.png")
    blueprints.upload(story.blueprint_file(), "wide", visibility="private")
    same(blueprints.set_visibility("wide", "tenant")["visibility"], "tenant")
    same(blueprints.set_global("wide")["visibility"], "global")
    with refused("illegal_action_error", 400):
        blueprints.set_visibility("wide", "tenant")
    blueprints.upload_archive("wide", story.archive())
    blueprints.delete("wide")

    kept = [dict(entity) for entity in blueprints.dump(blueprint_ids=["archived"])]
    blueprints.delete("archived")
    with story.no_errors():
        restored = list(blueprints.restore(kept, story.logger, path_func=lambda _: story.archive()))
    for entry in restored:
        for name, (details, archive) in entry.items():
            blueprints.upload_archive(name, archive)
            blueprints.update(name, {key: value for key, value in details.items() if key != "is_hidden"})
    back = blueprints.get("archived")
    same((back["state"], [label["key"] for label in back["labels"]]), ("uploaded", ["team"]))
    blueprints.delete("archived")


def filters(story):
    rule = {"key": "env", "values": ["prod"], "operator": "any_of", "type": "label"}
    for client, listed in (
            (story.client.blueprints_filters, story.client.blueprints), (story.client.deployments_filters, None)):
        made = client.create("mine", [rule])
        same((made["value"], made["labels_filter_rules"]), ([rule], [rule]))
        if listed:
            same(ids(listed.list(filter_id="mine")), ["shop"])
        same(client.get("mine")["is_system_filter"], False)
        assert "mine" in ids(client.list())
        other = dict(rule, values=["test"])
        same(client.update("mine", [other])["value"], [other])
        kept = list(client.dump())
        client.delete("mine")
        with refused("not_found_error", 404):
            client.get("mine")
        with story.no_errors():
            client.restore([dict(entity) for entity in kept], story.logger)
        same(client.get("mine")["value"], [other])
        client.delete("mine")
        with refused("invalid_filter_rule", 400):
            client.create("bad", [dict(rule, operator="like")])
    assert os.path.exists(story.folder)
