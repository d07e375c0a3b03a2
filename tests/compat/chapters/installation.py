"""The manager itself: what it is, snapshots and logs, summaries, maintenance."""
import asyncio
import base64
import io
import json
import time
import zipfile

from cloudify_rest_client.exceptions import MaintenanceModeActiveError, NotModifiedError

from story import ids, refused, same


def about(story):
    client = story.client
    manager = client.manager
    version = manager.get_version()
    same((version["version"], version["edition"]), ("7.0.5", "premium"))
    same(manager.get_status()["status"], "OK")
    same(client.cluster_status.get_status()["status"], "OK")
    same(client.cluster_status.get_status(summary_format=True)["status"], "OK")
    same(client.idp.get(), "local")
    same(client.ldap.get_status(), "disabled")
    with refused("bad_parameters_error", 400):
        client.ldap.set("ldap://127.0.0.1:1", ldap_username="only a name", ldap_domain="example.org")
    managers, brokers, databases = manager.get_managers(), manager.get_brokers(), manager.get_db_nodes()
    same((len(managers), len(brokers), len(databases)), (1, 1, 1))
    same({brokers[0]["host"], databases[0]["host"]}, {managers[0]["private_ip"]})
    manager.update_db_nodes()
    manager.add_manager("second", "10.0.0.2", "10.0.0.2", "7.0.5", "premium", "a", "b", ca_cert_content="cert")
    manager.update_manager("second", "node-2", False)
    same(ids(manager.get_managers(), "hostname"), sorted([managers[0]["hostname"], "second"]))
    manager.remove_manager("second")
    manager.add_broker("second", "10.0.0.2", port=5671)
    same(manager.update_broker("second", {"default": "10.0.0.3"})["networks"], {"default": "10.0.0.3"})
    manager.remove_broker("second")
    same(len(manager.get_brokers()), 1)
    same(manager.get_config(name="default_page_size")["value"], 1000)
    same(manager.put_config("default_page_size", 900)["value"], 900)
    manager.put_config("default_page_size", 1000)
    assert "max_workers" in [item["name"] for item in manager.get_config(scope="agent")]
    manager.create_context("provider", {"a": 1})
    manager.update_context("provider", {"a": 2})
    same(manager.get_context()["context"], {"a": 2})
    manager.update_context("provider", {})
    client.license.check()
    license_file = story.file("license.yaml", "license:\n  customer_id: someone\nsignature: none\n")
    client.license.upload(license_file)
    same(len(client.license.list()), 1)
    client.license.delete()
    assert client.community_contacts.create("A", "B", "a@example.org", "1", True)
    audit_log(client.auditlog)


def audit_log(log):
    # The client encodes no lists itself, and takes the original's own answer for an error.
    with refused(None, 204):
        log.inject(json.dumps([{
            "ref_table": "sites", "ref_id": 1, "operation": "create", "creator_name": "admin",
            "created_at": "2001-02-03T04:05:06.000000"}]))
    assert len(log.list(creator_name="admin")) >= 1

    async def first():
        """The first entry that is streamed."""
        answer = await log.stream(timeout=10, creator_name="admin", since="2001-01-01")
        line = await answer.content.readline()
        answer.close()
        await log.close()
        return line

    assert b"ref_table" in asyncio.run(first())
    same(log.delete(before="2002-01-01").deleted, 1)


def snapshots(story):
    snapshots = story.client.snapshots
    begun = snapshots.create("first", include_credentials=False)
    same(begun["workflow_id"], "create_snapshot")
    story.ended(begun["id"])
    same(snapshots.get("first")["status"], "created")
    path = story.folder / "snapshot.zip"
    snapshots.download("first", str(path))
    assert zipfile.is_zipfile(path)
    same(snapshots.get_status()["status"], "not-running")
    snapshots.upload(str(path), "second")
    same(ids(snapshots.list()), ["first", "second"])
    snapshots.update_status("second", "failed", error="because")
    same((snapshots.get("second")["status"], snapshots.get("second")["error"]), ("failed", "because"))
    snapshots.delete("second")
    with refused("not_found_error", 404):
        snapshots.get("second")
    with refused("snapshot_action_error", 400):
        snapshots.restore("first")


def restores(story):
    """A deployment comes back with what it was."""
    deployments = story.client.deployments
    kept = [dict(entity) for entity in deployments.dump(deployment_ids=["grows"])]
    deployments.delete("grows", force=True)
    for _ in range(200):
        if "grows" not in ids(deployments.list()):
            break
        time.sleep(0.05)
    empty = io.BytesIO()
    zipfile.ZipFile(empty, "w").close()
    work = story.file("grows.b64zip", base64.b64encode(empty.getvalue()))
    with story.no_errors():
        list(deployments.restore(kept, story.logger, path_func=lambda _: work) or [])
    back = deployments.get("grows")
    same((back["blueprint_id"], back["created_at"]), ("shop", kept[0]["created_at"]))


def log_bundles(story):
    bundles = story.client.log_bundles
    begun = bundles.create("logs")
    story.ended(begun["id"])
    same(bundles.get("logs")["status"], "created")
    path = story.folder / "logs.zip"
    bundles.download("logs", str(path))
    same(ids(bundles.list()), ["logs"])
    bundles.upload_archive("logs", str(path))
    bundles.update_status("logs", "failed", error="because")
    same(bundles.get("logs")["error"], "because")
    bundles.delete("logs")
    with refused("not_found_error", 404):
        bundles.get("logs")


def summaries(story):
    summary = story.client.summary
    by_blueprint = summary.deployments.get("blueprint_id", _sub_field="site_name")
    same(by_blueprint[0]["blueprint_id"], "shop")
    same(summary.blueprints.get("tenant_name")[0]["tenant_name"], "default_tenant")
    assert summary.executions.get("status")[0]["executions"] > 0
    assert summary.nodes.get("deployment_id")[0]["nodes"] > 0
    assert summary.node_instances.get("deployment_id")[0]["node_instances"] > 0
    summary.execution_schedules.get("deployment_id")
    with refused("bad_parameters_error", 400):
        summary.nodes.get("nothing")


def maintenance(story):
    mode = story.client.maintenance_mode
    same(mode.status()["status"], "deactivated")
    assert mode.activate()["status"] in ("activating", "activated")
    for _ in range(100):
        if mode.status()["status"] == "activated":
            break
        time.sleep(0.05)
    try:
        story.client.blueprints.list()
        raise AssertionError("maintenance does not hold")
    except MaintenanceModeActiveError:
        pass
    try:
        mode.activate()
        raise AssertionError("it was on")
    except NotModifiedError:
        pass
    same(mode.deactivate()["status"], "deactivated")
