"""Users, groups, tenants, tokens, permissions."""
from story import ids, refused, same


def users_and_groups(story):
    users, groups = story.client.users, story.client.user_groups
    made = users.create("ann", "secret-1", "default")
    same((made["username"], made["role"], made["active"]), ("ann", "default", True))
    with refused("conflict_error", 409):
        users.create("ann", "secret-1", "default")
    with refused("bad_parameters_error", 400):
        users.create("bob", "x", "default")
    same(users.get("ann")["tenants"], 0)
    same(users.get("ann", _get_data=True)["tenants"], {})
    same(users.get_self()["username"], "admin")
    same(ids(users.list(), "username"), ["admin", "ann"])
    same(users.set_role("ann", "sys_admin")["role"], "sys_admin")
    users.set_role("ann", "default")
    users.set_password("ann", "secret-2")
    same(users.set_show_getting_started("ann", False)["show_getting_started"], False)
    same(users.deactivate("ann")["active"], False)
    same(users.activate("ann")["active"], True)
    with refused("conflict_error", 409):
        users.unlock("ann")

    same(groups.create("devs", "default")["name"], "devs")
    same(groups.add_user("ann", "devs")["users"], 1)
    same(groups.get("devs", _get_data=True)["users"], ["ann"])
    same(users.get("ann", _get_data=True)["groups"], ["devs"])
    same(groups.set_role("devs", "sys_admin")["role"], "sys_admin")
    same(ids(groups.list(), "name"), ["devs"])
    groups.remove_user("ann", "devs")
    same(groups.get("devs")["users"], 0)

    kept = list(groups.dump())
    groups.delete("devs")
    with story.no_errors():
        same(list(groups.restore(kept, story.logger)), [{"devs": {}}])
    same(groups.get("devs")["role"], "sys_admin")
    groups.delete("devs")
    kept = list(users.dump())
    users.delete("ann")
    with refused("not_found_error", 404):
        users.delete("ann")
    with story.no_errors():
        same(len(list(users.restore(kept, story.logger))), 1)
    same(ids(users.list(), "username"), ["admin", "ann"])


def tenants(story):
    tenants, groups = story.client.tenants, story.client.user_groups
    same(tenants.create("other")["name"], "other")
    with refused("conflict_error", 409):
        tenants.create("other")
    groups.create("ops", "default")
    same(tenants.add_user("ann", "other", "viewer")["users"], 1)
    tenants.update_user("ann", "other", "user")
    same(tenants.get("other", _get_data=True)["users"], {"ann": {"tenant-role": "user", "roles": ["user"]}})
    same(tenants.add_user_group("ops", "other", "viewer")["groups"], 1)
    tenants.update_user_group("ops", "other", "manager")
    same(tenants.get("other", _get_data=True)["groups"], {"ops": "manager"})
    same(ids(tenants.list(), "name"), ["default_tenant", "other"])
    tenants.remove_user("ann", "other")
    tenants.remove_user_group("ops", "other")
    kept = list(tenants.dump())
    tenants.delete("other")
    with refused("not_found_error", 404):
        tenants.delete("other")
    with story.no_errors():
        tenants.restore(kept, story.logger)
    same(tenants.get("other")["users"], 0)
    tenants.delete("other")
    groups.delete("ops")


def tokens_and_permissions(story):
    tokens, permissions = story.client.tokens, story.client.permissions
    made = tokens.create(description="for a test")
    assert made["value"].startswith(f"ctok-{made['id']}-") and "*" not in made["value"]
    assert tokens.get(made["id"])["value"].endswith("********")
    same(ids(tokens.list()), [made["id"]])
    tokens.delete(made["id"])
    with refused("not_found_error", 404):
        tokens.get(made["id"])

    held = permissions.list(role="viewer")
    assert {"role": "viewer", "permission": "site_get"} in list(held)
    assert len(permissions.list()) > len(held)
    permissions.delete("site_get", "viewer")
    assert {"role": "viewer", "permission": "site_get"} not in list(permissions.list(role="viewer"))
    kept = [*permissions.dump(), {"role": "viewer", "permission": "site_get"}]
    with story.no_errors():
        permissions.restore(kept, story.logger)
    assert {"role": "viewer", "permission": "site_get"} in list(permissions.list(role="viewer"))
    permissions.delete("site_get", "viewer")
    permissions.add("site_get", "viewer")
    with refused("not_found_error", 404):
        permissions.add("site_get", "nobody")
