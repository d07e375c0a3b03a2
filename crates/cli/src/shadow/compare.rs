//! What a mirror has beside what a manager has: that nothing is missing is shown, not believed.
//!
//! Invariant: records are compared field by field in all that both managers say of them, but for what tells of the
//! manager itself or changes by looking ([`PASSING`]).

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::Path;

use nephele_client::Client;
use nephele_model::id::TenantName;
use serde_json::{Value, json};

use super::Source;
use super::folder::Mirror;
use super::kinds::{EXECUTIONS, Kind, OF_TENANTS, SECRETS, SYSTEM};
use super::sync::{Page, page};

/// Fields that differ by right.
const PASSING: [&str; 27] = [
    "_storage_id",
    "active",
    "actual_planned_number_of_instances",
    "all_next_occurrences",
    "available_versions",
    "created_at_p",
    "environment_type",
    "file_server_path",
    "first_login_at",
    "group_system_roles",
    "installation_state",
    "is_locked",
    "last_failed_login_at",
    "last_login_at",
    "latest_execution",
    "next_occurrence",
    "password_hash",
    "permalink",
    "plan",
    "rabbitmq_password",
    "show_getting_started",
    "updated_at",
    "upload_execution",
    "version",
    "workflows",
    "workdir_zip",
    "yaml_url_path",
];
/// How many keys of a kind are named.
const NAMED: usize = 20;

/// How the records of a kind compare.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    /// In the mirror.
    pub mirrored: u64,
    /// In the manager.
    pub present: u64,
    /// Keys of those that are in the mirror alone; the first of them.
    pub missing: Vec<String>,
    /// Those that are in the manager alone.
    pub extra: Vec<String>,
    /// Those that are not the same, with the fields that differ.
    pub differing: Vec<(String, Vec<String>)>,
    /// How many are missing, extra or differing, whether they are named or not.
    pub faults: u64,
}

/// A mirror and a manager side by side.
#[derive(Clone, Debug, Default)]
pub struct Comparison {
    /// By tenant and kind; what belongs to no tenant under an empty name.
    pub kinds: BTreeMap<(String, String), Compared>,
}

impl Comparison {
    /// Whether both have the same.
    pub fn is_same(&self) -> bool {
        self.kinds.values().all(|compared| compared.faults == 0)
    }

    /// For programs.
    pub fn json(&self) -> Value {
        let kinds = self.kinds.iter().map(|((tenant, kind), compared)| {
            let Compared { mirrored, present, missing, extra, differing, faults } = compared;
            json!({
                "tenant": tenant, "kind": kind, "mirrored": mirrored, "present": present, "missing": missing,
                "extra": extra, "differing": differing, "faults": faults,
            })
        });
        json!({"same": self.is_same(), "kinds": kinds.collect::<Vec<_>>()})
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for ((tenant, kind), compared) in &self.kinds {
            let of = if tenant.is_empty() { String::new() } else { format!("{tenant}: ") };
            let Compared { mirrored, present, missing, extra, differing, faults } = compared;
            let kind = kind.replace('_', " ");
            if *faults == 0 {
                writeln!(formatter, "same   {of}{kind} ({mirrored})")?;
                continue;
            }
            writeln!(formatter, "OTHER  {of}{kind}: {mirrored} in the mirror, {present} in the manager")?;
            for (keys, said) in [(missing, "missing"), (extra, "not in the mirror")] {
                for key in keys {
                    writeln!(formatter, "         {key} is {said}")?;
                }
            }
            for (key, fields) in differing {
                writeln!(formatter, "         {key} differs in {}", fields.join(", "))?;
            }
        }
        write!(formatter, "{}", if self.is_same() { "Nothing is missing" } else { "Not everything is the same" })
    }
}

/// Compares a mirror with a manager.
///
/// Errors: the folder is no mirror; the manager cannot be reached or refuses.
pub async fn compare(folder: &Path, target: &Source) -> anyhow::Result<Comparison> {
    let mirror = Mirror::existing(folder)?;
    let client = target.client()?;
    let mut comparison = Comparison::default();
    for kind in &SYSTEM {
        let compared = one(&mirror, &client, None, kind).await?;
        comparison.kinds.insert((String::new(), kind.name.to_owned()), compared);
    }
    for tenant in mirror.tenants()? {
        let client = client.with_tenant(Some(TenantName::new(tenant.as_str())));
        for kind in std::iter::once(&SECRETS).chain(&OF_TENANTS).chain([&EXECUTIONS]) {
            let compared = one(&mirror, &client, Some(&tenant), kind).await?;
            comparison.kinds.insert((tenant.clone(), kind.name.to_owned()), compared);
        }
        let compared = events(&mirror, &client, &tenant).await?;
        comparison.kinds.insert((tenant, "events".to_owned()), compared);
    }
    Ok(comparison)
}

async fn one(mirror: &Mirror, client: &Client, tenant: Option<&str>, kind: &Kind) -> anyhow::Result<Compared> {
    let mut expected: HashMap<String, Value> = HashMap::new();
    mirror.each(tenant, kind.name, |item| {
        expected.insert(kind.key_of(&item), item);
        Ok(())
    })?;
    let mut compared = Compared { mirrored: expected.len() as u64, ..Compared::default() };
    let mut offset = 0;
    while let Some(Page { items, total }) = page(client, kind.path, kind.query, offset).await? {
        let read = items.len();
        offset += read;
        for item in items.into_iter().filter(|item| item["is_system_filter"] != true) {
            compared.present += 1;
            compared.meet(kind.key_of(&item), &item, &mut expected);
        }
        if read == 0 || offset >= total {
            break;
        }
    }
    compared.faults += expected.len() as u64;
    let mut missing: Vec<String> = expected.into_keys().collect();
    missing.sort();
    missing.truncate(NAMED);
    compared.missing = missing;
    Ok(compared)
}

/// Of events the numbers are compared.
async fn events(mirror: &Mirror, client: &Client, tenant: &str) -> anyhow::Result<Compared> {
    let place = std::fs::read(mirror.folder(Some(tenant))?.join("events/place.json")).unwrap_or_default();
    let place: Value = serde_json::from_slice(&place).unwrap_or_default();
    let mirrored = place["total"].as_u64().unwrap_or_default();
    let present = page(client, &["events"], &[], 0).await?.map_or(0, |page| page.total as u64);
    Ok(Compared { mirrored, present, faults: mirrored.abs_diff(present), ..Compared::default() })
}

impl Compared {
    fn meet(&mut self, key: String, item: &Value, expected: &mut HashMap<String, Value>) {
        let Some(before) = expected.remove(&key) else {
            self.faults += 1;
            if self.extra.len() < NAMED {
                self.extra.push(key);
            }
            return;
        };
        let fields = differences(&before, item);
        if !fields.is_empty() {
            self.faults += 1;
            if self.differing.len() < NAMED {
                self.differing.push((key, fields));
            }
        }
    }
}

/// The fields that both have and that are not the same.
fn differences(before: &Value, after: &Value) -> Vec<String> {
    let (Some(before), Some(after)) = (before.as_object(), after.as_object()) else { return Vec::new() };
    let differs = |field: &&String| {
        !PASSING.contains(&field.as_str())
            && after.get(*field).is_some_and(|value| plain(field, value) != plain(field, &before[*field]))
    };
    before.keys().filter(differs).cloned().collect()
}

/// A value without what it is not about: the order of sets, and who put a label on.
fn plain(field: &str, value: &Value) -> Value {
    let Value::Array(items) = value else { return value.clone() };
    let is_label = field == "labels";
    let mut items: Vec<Value> =
        items.iter().map(|item| if is_label { json!([item["key"], item["value"]]) } else { item.clone() }).collect();
    if is_label || field.ends_with("_ids") || field == "deployment_groups" {
        items.sort_by_key(Value::to_string);
    }
    Value::Array(items)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_both_are_compared() {
        let before = json!({"id": "a", "state": "x", "labels": [{"key": "k", "value": "v", "created_at": 1}], "old": 1,
            "version": 1, "deployment_ids": ["a", "b"]});
        let after = json!({"id": "a", "state": "y", "labels": [{"key": "k", "value": "v", "created_at": 2}], "new": 1,
            "version": 2, "deployment_ids": ["b", "a"]});
        assert_eq!(differences(&before, &after), ["state"]);
    }
}
