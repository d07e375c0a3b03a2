//! What the engine writes: everything that one step of a run changes, in one transaction.
//!
//! Invariant: a step is there as a whole or not at all, and nothing is handed to a worker unless it
//! is there: dispatches go through the outbox. All statements take whole sets of ids, so that a step
//! of a thousand tasks costs about as many statements as a step of one.

use std::collections::HashMap;
use std::hash::Hash;

use nephele_model::Visibility;
use nephele_model::task::JournalBatch;

use crate::error::Result;
use crate::store::Store;
use crate::table::executions::Execution;
use crate::table::outbox::{self, NewMessage};
use crate::table::{events, node_instances, operations, tasks_graphs};

/// The execution that rows are written for, as much of it as they repeat.
#[derive(Clone, Debug)]
pub struct Run {
    /// The execution's row.
    pub execution_fk: i64,
    /// Its tenant.
    pub tenant_id: i64,
    /// Who started it.
    pub creator_id: i64,
    /// Who sees it.
    pub visibility: Visibility,
    /// The manager that tells of it, where an event does not say.
    pub manager_name: Option<String>,
}

impl Run {
    /// The same, told by this manager.
    #[must_use]
    pub fn told_by(mut self, manager: &str) -> Self {
        self.manager_name = Some(manager.to_owned());
        self
    }
}

impl From<&Execution> for Run {
    fn from(execution: &Execution) -> Self {
        Self {
            execution_fk: execution.storage_id,
            tenant_id: execution.tenant_id,
            creator_id: execution.creator_id,
            visibility: execution.visibility,
            manager_name: None,
        }
    }
}

/// Writes a batch. `messages` are the batch's dispatches with the addresses and tokens that the
/// manager gave them.
pub async fn write(store: &Store, run: &Run, batch: &JournalBatch, messages: Vec<NewMessage>) -> Result<()> {
    let tx = store.begin().await?;
    for graph in &batch.new_graphs {
        tasks_graphs::insert(&tx, run, graph, &[]).await?;
    }
    if !batch.new_tasks.is_empty() {
        operations::insert(&tx, run, &batch.new_tasks).await?;
    }
    operations::change(&tx, run, &batch.changes).await?;
    node_instances::set_states(&tx, run.tenant_id, &batch.instance_states).await?;
    node_instances::note(&tx, run.tenant_id, &batch.notes).await?;
    events::insert(&tx, run, &batch.events, &[]).await?;
    outbox::insert(&tx, messages).await?;
    tx.commit().await
}

/// Cuts moves into waves: the first move of each thing, the second of each, and so on. Within a
/// wave order does not matter, so that all moves to one state can be one statement.
pub(crate) fn waves<'a, T, K: Eq + Hash>(moves: &'a [T], thing: impl Fn(&'a T) -> K) -> Vec<Vec<&'a T>> {
    let mut waves: Vec<Vec<&'a T>> = Vec::new();
    let mut moved: HashMap<K, usize> = HashMap::new();
    for one in moves {
        let count = moved.entry(thing(one)).or_default();
        if *count == waves.len() {
            waves.push(Vec::new());
        }
        waves[*count].push(one);
        *count += 1;
    }
    waves
}

#[cfg(test)]
mod tests {
    #[test]
    fn each_wave_moves_each_thing_once() {
        let moves = [("a", 1), ("a", 2), ("b", 1), ("a", 3), ("b", 3)];
        let waves = super::waves(&moves, |(thing, _)| *thing);
        let states: Vec<Vec<_>> = waves.iter().map(|wave| wave.iter().map(|one| one.1).collect()).collect();
        assert_eq!(states, [vec![1, 1], vec![2, 3], vec![3]]);
    }
}
