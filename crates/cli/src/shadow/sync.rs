//! Lists, page by page, compared with what was there at the last look.
//!
//! Invariant: memory holds the keys of one kind and one page, never all records. Executions that have ended well do not
//! change any more, so of these only new ones are read, unless the number of all says that some are gone.

use std::collections::{HashMap, HashSet};

use nephele_client::{Client, Request};
use serde_json::Value;

use super::folder::{Fresh, Known, Mirror, seen};
use super::kinds::{Detail, EXECUTIONS, GRAPHS, Kind, OF_TENANTS, SECRETS, SYSTEM, TENANTS};
use super::{Changes, Report};
use crate::call::owned;

/// Records of a page.
const PAGE: usize = 500;
/// Records that are asked for by their ids at once.
const AT_ONCE: usize = 50;

pub(super) struct Sync<'a> {
    pub(super) mirror: &'a Mirror,
    pub(super) report: &'a mut Report,
}

/// A page of a list.
pub(super) struct Page {
    pub(super) items: Vec<Value>,
    pub(super) total: usize,
}

/// Asks for a page. `None` where the manager has no such list: older ones, or ones without a licence.
pub(super) async fn page(
    client: &Client,
    path: &[&str],
    query: &[(&str, &str)],
    offset: usize,
) -> anyhow::Result<Option<Page>> {
    let mut query = owned(query);
    query.push(("_size".to_owned(), PAGE.to_string()));
    query.push(("_offset".to_owned(), offset.to_string()));
    let mut found = match client.ask(&Request { query: &query, ..Request::get(path) }).await {
        Ok(found) => found,
        Err(error) if error.is_not_found() => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let total = found["metadata"]["pagination"]["total"].as_u64();
    let items = match &mut found {
        // Exported secrets are a list by themselves.
        Value::Array(items) => std::mem::take(items),
        found => found.get_mut("items").and_then(Value::as_array_mut).map(std::mem::take).unwrap_or_default(),
    };
    let total = total.and_then(|total| usize::try_from(total).ok()).unwrap_or(items.len());
    Ok(Some(Page { items, total }))
}

/// The records of one kind on their way into the mirror.
struct Merge {
    known: Known,
    met: HashSet<String>,
    fresh: Fresh,
    changes: Changes,
    /// Keys of those that are new or changed.
    changed: Vec<String>,
}

impl Sync<'_> {
    /// What belongs to no tenant. Gives the tenants.
    pub(super) async fn system(&mut self, client: &Client) -> anyhow::Result<Vec<String>> {
        self.tenants(client).await?;
        for kind in &SYSTEM {
            self.list(client, None, kind).await?;
        }
        self.mirror.tenants()
    }

    /// With what their brokers are reached by, if whoever asks may see that.
    async fn tenants(&mut self, client: &Client) -> anyhow::Result<()> {
        let with = Kind { query: &[("_include", "name,rabbitmq_password")], ..TENANTS };
        match self.list(client, None, &with).await {
            Ok(_) => Ok(()),
            Err(_) => self.list(client, None, &TENANTS).await.map(drop),
        }
    }

    /// What belongs to a tenant.
    pub(super) async fn tenant(&mut self, client: &Client, tenant: &str) -> anyhow::Result<()> {
        self.list(client, Some(tenant), &SECRETS).await?;
        for kind in &OF_TENANTS {
            self.list(client, Some(tenant), kind).await?;
        }
        let changed = self.executions(client, tenant).await?;
        self.graphs(client, tenant, changed).await?;
        self.events(client, tenant).await
    }

    /// Reads a whole list. Gives the keys of what is new or changed.
    async fn list(&mut self, client: &Client, tenant: Option<&str>, kind: &Kind) -> anyhow::Result<Vec<String>> {
        let mut merge = self.merge(tenant, kind)?;
        let mut offset = 0;
        loop {
            let Some(Page { items, total }) = page(client, kind.path, kind.query, offset).await? else {
                self.report.note(format!("the manager has no list of {}", kind.name.replace('_', " ")));
                break;
            };
            let read = items.len();
            offset += read;
            for item in items.into_iter().filter(|item| item["is_system_filter"] != true) {
                self.take(client, tenant, kind, &mut merge, item).await?;
            }
            if read == 0 || offset >= total {
                break;
            }
        }
        self.end(kind, merge)
    }

    fn merge(&self, tenant: Option<&str>, kind: &Kind) -> anyhow::Result<Merge> {
        Ok(Merge {
            known: self.mirror.known(tenant, kind)?,
            met: HashSet::new(),
            fresh: self.mirror.replace(tenant, kind.name)?,
            changes: Changes::default(),
            changed: Vec::new(),
        })
    }

    /// Takes a record of a list over, with what the list does not say of it.
    async fn take(
        &mut self,
        client: &Client,
        tenant: Option<&str>,
        kind: &Kind,
        merge: &mut Merge,
        item: Value,
    ) -> anyhow::Result<()> {
        let (key, now) = (kind.key_of(&item), seen(&item));
        // What moves from page to page while pages are read stands twice.
        if !merge.met.insert(key.clone()) {
            return Ok(());
        }
        let before = merge.known.places.get(&key).map(|place| place.seen);
        if before == Some(now)
            && let Some(kept) = merge.known.item(&key)?
        {
            return merge.fresh.put(now, &kept);
        }
        let item = match (kind.detail, tenant) {
            (Detail::Nothing, _) | (_, None) => item,
            (detail, Some(tenant)) => self.detailed(client, tenant, detail, item).await?,
        };
        merge.fresh.put(now, &item)?;
        match before {
            Some(_) => merge.changes.changed += 1,
            None => merge.changes.added += 1,
        }
        merge.changed.push(key);
        Ok(())
    }

    fn end(&mut self, kind: &Kind, merge: Merge) -> anyhow::Result<Vec<String>> {
        let Merge { known, met, fresh, mut changes, changed } = merge;
        fresh.finish()?;
        changes.total = met.len() as u64;
        changes.removed = known.places.keys().filter(|key| !met.contains(*key)).count() as u64;
        self.report.count(kind.name, changes);
        Ok(changed)
    }

    /// Reads executions that are new or may have changed. Gives their ids.
    async fn executions(&mut self, client: &Client, tenant: &str) -> anyhow::Result<Vec<String>> {
        let kind = &EXECUTIONS;
        let mut merge = self.merge(Some(tenant), kind)?;
        let mut newer = HashMap::new();
        let (mut offset, mut total) = (0, 0);
        // The newest come first: behind the first page of old acquaintances there is nothing new.
        loop {
            let Some(found) = page(client, kind.path, kind.query, offset).await? else { break };
            let is_old = found.items.iter().all(|item| merge.known.places.contains_key(&kind.key_of(item)));
            (total, offset) = (found.total, offset + found.items.len());
            let is_last = found.items.is_empty() || offset >= total;
            newer.extend(found.items.into_iter().map(|item| (kind.key_of(&item), item)));
            if is_old || is_last {
                break;
            }
        }
        let settled = |status: &str| status == "terminated";
        let open =
            merge.known.places.iter().filter(|(key, place)| !settled(&place.status) && !newer.contains_key(*key));
        let open: Vec<String> = open.map(|(key, _)| key.clone()).collect();
        for ids in open.chunks(AT_ONCE) {
            let ids: Vec<(&str, &str)> = ids.iter().map(|id| ("id", id.as_str())).collect();
            let query = [kind.query, ids.as_slice()].concat();
            for item in page(client, kind.path, &query, 0).await?.map(|page| page.items).unwrap_or_default() {
                newer.insert(kind.key_of(&item), item);
            }
        }
        let added = newer.keys().filter(|key| !merge.known.places.contains_key(*key)).count();
        if merge.known.places.len() + added != total {
            // Some are gone: the whole list says which.
            drop(merge);
            return self.list(client, Some(tenant), kind).await;
        }
        let kept: Vec<String> = merge.known.places.keys().filter(|key| !newer.contains_key(*key)).cloned().collect();
        for key in kept {
            let seen = merge.known.places[&key].seen;
            if let Some(item) = merge.known.item(&key)? {
                merge.fresh.put(seen, &item)?;
            }
            merge.met.insert(key);
        }
        for item in newer.into_values() {
            self.take(client, Some(tenant), kind, &mut merge, item).await?;
        }
        self.end(kind, merge)
    }

    /// Reads the graphs of executions that changed and could be resumed; those of others stay as they are.
    async fn graphs(&mut self, client: &Client, tenant: &str, changed: Vec<String>) -> anyhow::Result<()> {
        let changed: HashSet<String> = changed.into_iter().collect();
        let mut open = Vec::new();
        let mut present = HashSet::new();
        self.mirror.each(Some(tenant), EXECUTIONS.name, |item| {
            let (id, status) = (item["id"].as_str().unwrap_or_default(), item["status"].as_str().unwrap_or_default());
            if status != "terminated" {
                present.insert(id.to_owned());
                open.extend(changed.contains(id).then(|| id.to_owned()));
            }
            Ok(())
        })?;
        let mut merge = self.merge(Some(tenant), &GRAPHS)?;
        let keys: Vec<String> = merge.known.places.keys().cloned().collect();
        for key in keys {
            let seen = merge.known.places[&key].seen;
            let Some(item) = merge.known.item(&key)? else { continue };
            let execution = item["execution_id"].as_str().unwrap_or_default();
            if present.contains(execution) && !changed.contains(execution) {
                merge.fresh.put(seen, &item)?;
                merge.met.insert(key);
            }
        }
        for execution in open {
            let query = [("execution_id", execution.as_str())];
            let found = page(client, GRAPHS.path, &query, 0).await?.map(|page| page.items).unwrap_or_default();
            for mut graph in found {
                let id = graph["id"].as_str().unwrap_or_default().to_owned();
                graph["execution_id"] = execution.as_str().into();
                graph["operations"] = operations(client, &id).await?.into();
                self.take(client, Some(tenant), &GRAPHS, &mut merge, graph).await?;
            }
        }
        self.end(&GRAPHS, merge).map(drop)
    }
}

async fn operations(client: &Client, graph: &str) -> anyhow::Result<Vec<Value>> {
    let mut found = Vec::new();
    while let Some(Page { items, total }) = page(client, &["operations"], &[("graph_id", graph)], found.len()).await? {
        let read = items.len();
        found.extend(items);
        if read == 0 || found.len() >= total {
            break;
        }
    }
    Ok(found)
}
