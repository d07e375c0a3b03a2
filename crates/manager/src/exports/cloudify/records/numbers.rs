//! Keys for everything, before any row is written; and whose what is of all tenants is.

use std::collections::{HashMap, HashSet};

use nephele_model::Result;
use serde_json::{Map, Value};

use super::super::entities::Entity;
use super::{KEYED, Work};

impl Work<'_, '_> {
    /// Gives everything its key.
    pub(super) fn number(&mut self) -> Result<()> {
        for name in std::iter::once("default_tenant".to_owned()).chain(self.entities.tenants().to_vec()) {
            let next = i64::try_from(self.ids.tenants.len()).unwrap_or_default();
            self.ids.tenants.entry(name).or_insert(next);
        }
        for entity in self.merged("tenants", |entity| entity.text("name").to_owned())? {
            let next = i64::try_from(self.ids.tenants.len()).unwrap_or_default();
            self.ids.tenants.entry(entity.text("name").to_owned()).or_insert(next);
        }
        self.ids.users.insert("admin".to_owned(), 0);
        for entity in self.merged("users", |entity| entity.text("username").to_owned())? {
            let next = i64::try_from(self.ids.users.len()).unwrap_or_default();
            let name = entity.text("username").to_owned();
            self.ids.users.entry(name.clone()).or_insert(next);
            let direct = entity.item.get("tenant_roles").map(|roles| &roles["direct"]).and_then(Value::as_object);
            for tenant in direct.into_iter().flat_map(Map::keys) {
                self.ids.members.insert((name.clone(), tenant.clone()));
            }
        }
        // Who uploaded a blueprint says whose it is.
        let mut uploaded = HashSet::new();
        let entities = &self.entities;
        entities.each(self.zip, "executions", |_, entity| {
            if entity.text("workflow_id") == "upload_blueprint" {
                let blueprint = entity.item.get("parameters").map(|given| given["blueprint_id"].clone());
                uploaded.insert((
                    entity.tenant,
                    blueprint.and_then(|id| Some(id.as_str()?.to_owned())).unwrap_or_default(),
                ));
            }
            Ok(())
        })?;
        for (kind, field) in KEYED {
            let mut keys: HashMap<(String, String), i64> = HashMap::new();
            let mut globals: HashMap<String, Vec<Entity>> = HashMap::new();
            let mut next = 0;
            self.entities.each(self.zip, kind, |_, entity| {
                let id = entity.text(field).to_owned();
                if entity.is_global() {
                    globals.entry(id).or_default().push(Entity { item: few(&entity.item), ..entity });
                    return Ok(());
                }
                keys.entry((entity.tenant, id)).or_insert_with(|| {
                    next += 1;
                    next
                });
                Ok(())
            })?;
            let mut globals: Vec<_> = globals.into_iter().collect();
            globals.sort_by(|(one, _), (other, _)| one.cmp(other));
            for (id, found) in globals {
                let owner = self.owner(kind, &id, &found, &uploaded);
                next += 1;
                keys.insert((owner.clone(), id.clone()), next);
                self.ids.owners.insert((kind, id), owner);
            }
            self.ids.of.insert(kind, keys);
        }
        Ok(())
    }

    fn owner(&self, kind: &str, id: &str, found: &[Entity], uploaded: &HashSet<(String, String)>) -> String {
        let of = |wanted: &dyn Fn(&Entity) -> bool| {
            found.iter().find(|entity| wanted(entity)).map(|entity| entity.tenant.clone())
        };
        let named =
            found.iter().map(|entity| entity.text("tenant_name")).find(|name| !name.is_empty()).map(str::to_owned);
        let by_upload = || {
            (kind == "blueprints")
                .then(|| of(&|entity| uploaded.contains(&(entity.tenant.clone(), id.to_owned()))))
                .flatten()
        };
        let by_default = || of(&|entity| entity.tenant == "default_tenant");
        let by_member = || {
            let is_member = |entity: &Entity| {
                self.ids.members.contains(&(entity.text("created_by").to_owned(), entity.tenant.clone()))
            };
            let members: Vec<&Entity> = found.iter().filter(|entity| is_member(entity)).collect();
            members
                .iter()
                .find(|entity| entity.tenant == "default_tenant")
                .or(members.first())
                .map(|entity| entity.tenant.clone())
        };
        named.or_else(by_upload).or_else(by_member).or_else(by_default).unwrap_or_else(|| "default_tenant".to_owned())
    }
}

/// What tells whose a global entity is.
fn few(item: &Map<String, Value>) -> Map<String, Value> {
    let names = ["visibility", "tenant_name", "created_by"];
    item.iter()
        .filter(|(name, _)| names.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}
