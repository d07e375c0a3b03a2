"""Plugins and their updates."""
import zipfile

from story import fresh, ids, refused, same


def plugins(story):
    plugins = story.client.plugins
    made = plugins.upload(story.plugin("1.0"), plugin_title="Greeter")
    same((made["package_name"], made["package_version"], made["title"]), ("greeter", "1.0", "Greeter"))
    with refused("conflict_error", 409):
        plugins.upload(story.plugin("1.0"))
    key = made["id"]
    same(plugins.get(key)["archive_name"], "greeter-1.0-py311-none-any.wgn")
    same(ids(plugins.list(package_name="greeter")), [key])
    plugins.download(key, str(story.folder / "wagon"))
    plugins.download(key, str(story.folder / "whole.zip"), full_archive=True)
    assert "plugin.yaml" in [name.split("/")[-1] for name in zipfile.ZipFile(story.folder / "whole.zip").namelist()]
    plugins.download_yaml(key, str(story.folder / "plugin.yaml"))
    assert "greeter" in (story.folder / "plugin.yaml").read_text()
    assert plugins.get_yaml(key)
    assert plugins.list_yaml_files(key)
    plugins.set_state(key, "installed", manager_name=story.client.manager.get_managers()[0]["hostname"])
    same([found["state"] for found in plugins.get(key)["installation_state"]], ["installed"])
    same(plugins.set_owner(key, "ann")["created_by"], "ann")
    same(plugins.update(key, labels={"kind": ["small"]})["labels"], {"kind": ["small"]})
    plugins.install(key, managers=[story.client.manager.get_managers()[0]["hostname"]])
    same(plugins.set_visibility(key, "tenant")["visibility"], "tenant")
    same(plugins.set_global(key)["visibility"], "global")
    kept = [dict(entity) for entity in plugins.dump()]
    plugins.delete(key)
    with refused("not_found_error", 404):
        plugins.get(key)
    with story.no_errors():
        same(len(list(plugins.restore(kept, story.logger, path_func=lambda _: story.plugin("1.0")))), 1)
    same((plugins.get(key)["created_by"], plugins.get(key)["title"]), ("ann", "Greeter"))
    plugins.delete(key)


def updates(story):
    updates = story.client.plugins_update
    begun = updates.update_plugins("shop")
    same((begun["blueprint_id"], begun["state"]), ("shop", "no_changes_required"))
    same(updates.get(begun["id"])["blueprint_id"], "shop")
    assert begun["id"] in ids(updates.list())
    name = fresh("update")
    same(updates.inject("shop", update_id=name, state="failed")["id"], name)
    with refused("illegal_action_error", 400):
        updates.finalize_plugins_update(name)
    kept = [dict(entity) for entity in updates.dump(plugins_update_ids=[name])]
    kept[0]["id"] = fresh("update")
    with story.no_errors():
        updates.restore([dict(entity) for entity in kept], story.logger)
    same(updates.get(kept[0]["id"])["state"], "failed")
