//! Tenants, users, groups and what roles may do.

use std::collections::HashMap;

use nephele_model::Result;
use serde_json::{Map, Value, json};

use super::super::dump::ROLES;
use super::super::entities::Entity;
use super::{Work, at};

impl Work<'_, '_> {
    pub(super) fn people(&mut self) -> Result<()> {
        let tenants = self.merged("tenants", |entity| entity.text("name").to_owned())?;
        self.rows.begin("tenants")?;
        let mut names: Vec<(String, i64)> = self.ids.tenants.clone().into_iter().collect();
        names.sort_by_key(|(_, id)| *id);
        for (name, id) in names {
            let found = tenants.iter().find(|entity| entity.text("name") == name);
            let password = found.map(|entity| entity.text("rabbitmq_password")).filter(|text| !text.is_empty());
            self.put(json!({
                "id": id, "name": name, "rabbitmq_vhost": format!("rabbitmq_vhost_{name}"),
                "rabbitmq_username": format!("rabbitmq_user_{name}"),
                "rabbitmq_password": password.map(|text| self.keys.encrypt(text)),
            }))?;
        }
        let users = self.merged("users", |entity| entity.text("username").to_owned())?;
        self.rows.begin("users")?;
        for entity in &users {
            let hash = entity.text("password_hash").to_owned();
            let admin = entity.text("username") == "admin";
            self.put(json!({
                "id": self.ids.user(entity.text("username")), "username": entity.text("username"),
                "password": if admin { String::new() } else { self.keys.hash(&hash) }, "system_role": if admin { "sys_admin" } else { entity.text("role") },
                "active": true, "email": null, "first_name": null, "last_name": null,
                "created_at": at(&entity.item, "created_at").unwrap_or(self.now),
                "first_login_at": at(&entity.item, "first_login_at"), "last_login_at": at(&entity.item, "last_login_at"),
                "last_failed_login_at": null, "failed_logins_counter": 0, "show_getting_started": true,
            }))?;
        }
        self.rows.begin("users_tenants")?;
        for entity in &users {
            let direct = entity.item.get("tenant_roles").map(|roles| &roles["direct"]).and_then(Value::as_object);
            for (tenant, role) in direct.into_iter().flatten() {
                let (user, tenant) = (self.ids.user(entity.text("username")), self.ids.tenant(tenant));
                self.put(json!({"user_id": user, "tenant_id": tenant, "role": role}))?;
            }
        }
        self.groups(&users)?;
        let permissions =
            self.merged("permissions", |entity| format!("{}:{}", entity.text("role"), entity.text("permission")))?;
        if permissions.is_empty() {
            return Ok(());
        }
        self.rows.roles()?;
        self.rows.begin("permissions")?;
        for (number, entity) in (1_i64..).zip(permissions) {
            let Some(role) = ROLES.iter().position(|role| *role == entity.text("role")) else { continue };
            self.put(json!({"id": number, "role_id": role + 1, "name": entity.text("permission")}))?;
        }
        Ok(())
    }

    fn groups(&mut self, users: &[Entity]) -> Result<()> {
        let groups = self.merged("user_groups", |entity| entity.text("name").to_owned())?;
        let ids: HashMap<&str, i64> = groups.iter().map(|entity| entity.text("name")).zip(1..).collect();
        self.rows.begin("groups")?;
        for entity in &groups {
            self.put(json!({
                "id": ids[entity.text("name")], "name": entity.text("name"),
                "ldap_dn": entity.item.get("ldap_dn"), "role": entity.item.get("role").and_then(Value::as_str).unwrap_or("default"),
                "created_at": self.now,
            }))?;
        }
        self.rows.begin("groups_tenants")?;
        for entity in &groups {
            for (tenant, role) in entity.item.get("tenants").and_then(Value::as_object).into_iter().flatten() {
                let tenant = self.ids.tenant(tenant);
                self.put(json!({"group_id": ids[entity.text("name")], "tenant_id": tenant, "role": role}))?;
            }
        }
        self.rows.begin("users_groups")?;
        for entity in users {
            // {tenant: {role: [groups]}}: the names of groups are in the innermost lists.
            let of_tenants = entity.item.get("tenant_roles").map(|roles| &roles["groups"]).and_then(Value::as_object);
            let of_roles =
                of_tenants.into_iter().flat_map(Map::values).filter_map(Value::as_object).flat_map(Map::values);
            let mut names: Vec<&str> =
                of_roles.filter_map(Value::as_array).flatten().filter_map(Value::as_str).collect();
            names.sort_unstable();
            names.dedup();
            for group in names.iter().filter_map(|name| ids.get(name)) {
                self.put(json!({"user_id": self.ids.user(entity.text("username")), "group_id": group}))?;
            }
        }
        Ok(())
    }
}
