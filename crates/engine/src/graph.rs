//! A graph of tasks as a builder makes it: tasks, edges, containment.
//!
//! Builders describe a sequence of [`Block`]s; [`Graph::append`] turns it into tasks and edges.
//! Invariants: an edge or a container never leads to a later index than the graph has; a
//! container's index is smaller than its members'. [`Graph::optimise`] is linear, and keeps the
//! number of edges linear: it never multiplies what comes in by what goes out.

use std::fmt;

use nephele_model::id::NodeInstanceId;

use crate::task::{Index, OnFailure, Task, Work};

/// Tasks that are run together, under the name by which tools find them.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    /// Its name, such as `install`.
    pub name: String,
    /// The tasks; a task's place is its [`Index`].
    pub tasks: Vec<Task>,
}

/// A step of a sequence.
#[derive(Clone, Debug)]
pub enum Block {
    /// One task.
    Task(Task),
    /// Several at once; the next step waits for all of them.
    Together(Vec<Task>),
    /// A container with a sequence of its own.
    Subgraph {
        /// Its name.
        name: String,
        /// What its failure means.
        on_failure: OnFailure,
        /// What it contains.
        steps: Vec<Self>,
    },
}

impl Block {
    /// Makes every task in here ignore its failure, with an event about `instance`.
    pub fn ignore_failures(&mut self, instance: &NodeInstanceId) {
        let ignore = |task: &mut Task| task.on_failure = OnFailure::IgnoreWithEvent(instance.clone());
        match self {
            Self::Task(task) => ignore(task),
            Self::Together(tasks) => tasks.iter_mut().for_each(ignore),
            Self::Subgraph { steps, .. } => steps.iter_mut().for_each(|step| step.ignore_failures(instance)),
        }
    }
}

/// The open end of a sequence: where the next step is joined on.
#[derive(Clone, Debug, Default)]
pub struct Sequence {
    container: Option<Index>,
    last: Vec<Index>,
}

impl Sequence {
    /// A sequence inside `container`, or at the top.
    pub const fn new(container: Option<Index>) -> Self {
        Self { container, last: Vec::new() }
    }
}

impl Graph {
    /// An empty graph.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), tasks: Vec::new() }
    }

    /// Adds a container with a sequence of steps.
    pub fn subgraph(&mut self, name: impl Into<String>, on_failure: OnFailure, steps: Vec<Block>) -> Index {
        let mut task = Task::new(Work::Subgraph { name: name.into() });
        task.on_failure = on_failure;
        self.tasks.push(task);
        let index = self.tasks.len() - 1;
        self.append(&mut Sequence::new(Some(index)), steps);
        index
    }

    /// Adds steps to the end of a sequence.
    pub fn append(&mut self, sequence: &mut Sequence, steps: Vec<Block>) {
        for step in steps {
            let added: Vec<Index> = match step {
                Block::Task(task) => vec![self.join(sequence, task)],
                Block::Together(tasks) => tasks.into_iter().map(|task| self.join(sequence, task)).collect(),
                Block::Subgraph { name, on_failure, steps } => {
                    let index = self.subgraph(name, on_failure, steps);
                    self.tasks[index].container = sequence.container;
                    self.tasks[index].dependencies.clone_from(&sequence.last);
                    vec![index]
                }
            };
            if !added.is_empty() {
                sequence.last = added;
            }
        }
    }

    fn join(&mut self, sequence: &Sequence, mut task: Task) -> Index {
        task.container = sequence.container;
        task.dependencies.clone_from(&sequence.last);
        self.tasks.push(task);
        self.tasks.len() - 1
    }

    /// Makes `later` wait for `earlier`. Saying so twice is harmless: [`Self::optimise`] keeps one.
    pub fn depend(&mut self, later: Index, earlier: Index) {
        if later != earlier {
            self.tasks[later].dependencies.push(earlier);
        }
    }

    /// Takes out edges that are there twice and containers without anything in them. What waited for one waits for what that one
    /// waited for; where many meet many, an empty task stays as a joint.
    #[must_use]
    pub fn optimise(mut self) -> Self {
        let idle = self.idle();
        let order = self.order();
        let needed = self.needed(&idle, &order);
        let mut replaced: Vec<Option<Vec<Index>>> = vec![None; self.tasks.len()];
        for index in order {
            let mut dependencies = Vec::with_capacity(self.tasks[index].dependencies.len());
            for &earlier in &self.tasks[index].dependencies {
                match &replaced[earlier] {
                    Some(instead) => dependencies.extend_from_slice(instead),
                    None => dependencies.push(earlier),
                }
            }
            dependencies.sort_unstable();
            dependencies.dedup();
            if !needed[index] || (idle[index] && dependencies.len() <= 1) {
                replaced[index] = Some(dependencies);
            } else {
                if idle[index] {
                    self.tasks[index].work = Work::Nop;
                }
                self.tasks[index].dependencies = dependencies;
            }
        }
        self.without(&replaced)
    }

    /// Which containers have nothing in them.
    fn idle(&self) -> Vec<bool> {
        let mut idle: Vec<bool> = self.tasks.iter().map(|task| task.work.is_subgraph()).collect();
        for (index, task) in self.tasks.iter().enumerate().rev() {
            if let (Some(container), false) = (task.container, idle[index]) {
                idle[container] = false;
            }
        }
        idle
    }

    /// Which tasks do something, or lie between two that do.
    fn needed(&self, idle: &[bool], order: &[Index]) -> Vec<bool> {
        let mut needed: Vec<bool> = idle.iter().map(|idle| !idle).collect();
        for &index in order.iter().rev().filter(|&&index| !idle[index] || self.tasks[index].container.is_none()) {
            if needed[index] {
                self.tasks[index].dependencies.iter().for_each(|&earlier| needed[earlier] = true);
            }
        }
        needed
    }

    /// The tasks in an order in which each comes after those it waits for; tasks on a cycle come last.
    fn order(&self) -> Vec<Index> {
        let mut waiting: Vec<usize> = self.tasks.iter().map(|task| task.dependencies.len()).collect();
        let mut dependents = vec![Vec::new(); self.tasks.len()];
        for (index, task) in self.tasks.iter().enumerate() {
            task.dependencies.iter().for_each(|&earlier| dependents[earlier].push(index));
        }
        let mut order: Vec<Index> = (0..self.tasks.len()).filter(|&index| waiting[index] == 0).collect();
        let mut next = 0;
        while let Some(&index) = order.get(next) {
            next += 1;
            for &later in &dependents[index] {
                waiting[later] -= 1;
                if waiting[later] == 0 {
                    order.push(later);
                }
            }
        }
        order.extend((0..self.tasks.len()).filter(|&index| waiting[index] > 0));
        order
    }

    fn without(self, removed: &[Option<Vec<Index>>]) -> Self {
        let mut moved = vec![0; self.tasks.len()];
        let mut kept = 0;
        for (index, gone) in removed.iter().enumerate() {
            moved[index] = kept;
            kept += usize::from(gone.is_none());
        }
        let stays = |(index, task): (Index, Task)| removed[index].is_none().then_some(task);
        let mut tasks: Vec<Task> = self.tasks.into_iter().enumerate().filter_map(stays).collect();
        for task in &mut tasks {
            task.container = task.container.map(|container| moved[container]);
            task.dependencies.iter_mut().for_each(|earlier| *earlier = moved[*earlier]);
        }
        Self { name: self.name, tasks }
    }
}

/// The graph as text: one task a line, members indented, with what each waits for.
impl fmt::Display for Graph {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "graph {}", self.name)?;
        for (index, task) in self.tasks.iter().enumerate() {
            let mut depth = 1;
            let mut container = task.container;
            while let Some(outer) = container {
                depth += 1;
                container = self.tasks[outer].container;
            }
            write!(formatter, "{:indent$}{index} {}", "", Shown(task), indent = depth * 2)?;
            if !task.dependencies.is_empty() {
                write!(formatter, " <- {:?}", task.dependencies)?;
            }
            writeln!(formatter)?;
        }
        Ok(())
    }
}

struct Shown<'a>(&'a Task);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.work {
            Work::Operation(call) | Work::DryRun(call) => {
                let context = &call.context;
                let dry = if matches!(self.0.work, Work::DryRun(_)) { "dry " } else { "" };
                let instance = context.node_id.as_deref().unwrap_or("?");
                write!(formatter, "{dry}{} on {instance}", context.operation.name)?;
                if let (Some(side), Some(related)) = (&context.operation.relationship, &context.related) {
                    write!(formatter, " as {side} with {}", related.node_id)?;
                }
            }
            Work::Subgraph { name } => write!(formatter, "[{name}]")?,
            Work::Nop => write!(formatter, "joint")?,
            Work::SetState { instance, state } => write!(formatter, "{instance} := {state}")?,
            Work::NodeEvent { instance, text } => write!(formatter, "{instance}: {text:?}")?,
            Work::WorkflowEvent { text, .. } => write!(formatter, "workflow: {text:?}")?,
        }
        if self.0.on_failure.is_ignored() {
            write!(formatter, " (failure ignored)")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nop() -> Block {
        Block::Task(Task::new(Work::WorkflowEvent { text: "x".into(), event_type: "t".into() }))
    }

    #[test]
    fn empty_containers_vanish_and_their_neighbours_are_joined() {
        let mut graph = Graph::new("g");
        let first = graph.subgraph("first", OnFailure::Decide, vec![nop()]);
        let stub = graph.subgraph("stub", OnFailure::Decide, vec![]);
        let last = graph.subgraph("last", OnFailure::Decide, vec![nop()]);
        graph.depend(stub, first);
        graph.depend(last, stub);
        let text = graph.optimise().to_string();
        assert_eq!(text, "graph g\n  0 [first]\n    1 workflow: \"x\"\n  2 [last] <- [0]\n    3 workflow: \"x\"\n");
    }

    #[test]
    fn where_many_meet_many_a_joint_stays() {
        let mut graph = Graph::new("g");
        let stub = graph.subgraph("stub", OnFailure::Decide, vec![]);
        for _ in 0..100 {
            let before = graph.subgraph("before", OnFailure::Decide, vec![nop()]);
            graph.depend(stub, before);
            let after = graph.subgraph("after", OnFailure::Decide, vec![nop()]);
            graph.depend(after, stub);
        }
        let graph = graph.optimise();
        assert_eq!(graph.tasks.iter().map(|task| task.dependencies.len()).sum::<usize>(), 200);
        assert_eq!(graph.tasks.iter().filter(|task| matches!(task.work, Work::Nop)).count(), 1);
    }
}
