"""Secrets and the places that keep them."""
from story import ids, refused, same


def secrets(story):
    secrets = story.client.secrets
    secrets.create("password", "open sesame")
    same(secrets.get("password")["value"], "open sesame")
    with refused("conflict_error", 409):
        secrets.create("password", "other")
    secrets.create("password", "other", update_if_exists=True)
    same(secrets.update("password", value="third", is_hidden_value=True)["is_hidden_value"], True)
    same(secrets.get("password")["value"], "third")
    same(ids(secrets.list(), "key"), ["password"])
    assert "value" not in secrets.list()[0]
    secrets.create("numbers", [1, 2], schema={"type": "array"}, visibility="private")
    same(secrets.get("numbers")["value"], [1, 2])
    same(secrets.set_visibility("numbers", "tenant")["visibility"], "tenant")
    same(secrets.set_global("numbers")["visibility"], "global")
    with refused("not_found_error", 404):
        secrets.get("nothing")
    exported = secrets.export(_passphrase="a long passphrase")
    same(sorted(secret["key"] for secret in exported), ["numbers", "password"])
    same({secret["encrypted"] for secret in exported}, {True})
    secrets.delete("password")
    taken = secrets.import_secrets([dict(secret) for secret in exported], passphrase="a long passphrase")
    same(taken["secrets_errors"] or {}, {})
    same(secrets.get("password")["value"], "third")
    kept = list(secrets.dump())
    for key in ("password", "numbers"):
        secrets.delete(key)
    with story.no_errors():
        same(list(secrets.restore(kept, story.logger)), [])
    same(ids(secrets.list(), "key"), ["numbers", "password"])
    same(secrets.get("password")["value"], "third")


def providers(story):
    providers = story.client.secrets_providers
    made = providers.create("inside", "local")
    same((made["name"], made["type"]), ("inside", "local"))
    providers.check(name="inside", _type="local")
    vault = {"url": "http://127.0.0.1:1", "token": "t", "path": "secret"}
    same(providers.create("outside", "vault", vault)["type"], "vault")
    with refused("failed_dependency", 400):
        providers.check(name="outside", _type="vault", connection_parameters=vault)
    same(providers.update("outside", "vault", dict(vault, path="other"))["name"], "outside")
    same(providers.get("inside")["type"], "local")
    same(ids(providers.list(), "name"), ["inside", "outside"])
    kept = [dict(entity) for entity in providers.dump()]
    for name in ("inside", "outside"):
        providers.delete(name)
    with refused("not_found_error", 404):
        providers.get("inside")
    with story.no_errors():
        providers.restore(kept, story.logger)
    same(ids(providers.list(), "name"), ["inside", "outside"])
