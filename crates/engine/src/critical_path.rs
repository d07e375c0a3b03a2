//! How long a graph takes, and which of its tasks make it so long.
//!
//! A task begins when all that it waits for has ended and its container has begun; a container ends with the last
//! of its members. Nobody is taken to wait for a worker, so the result is a lower bound.

use crate::graph::Graph;
use crate::task::Index;

/// The longest chain of a graph.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CriticalPath {
    /// Seconds from the graph's begin to its end.
    pub seconds: f64,
    /// The tasks whose durations add up to that, in order; containers are not among them.
    pub tasks: Vec<Index>,
}

impl Graph {
    /// The critical path, if each task takes as many `seconds`. Tasks that wait for each other in a circle are left out.
    pub fn critical_path(&self, seconds: impl Fn(Index) -> f64) -> CriticalPath {
        let moments = Moments::of(self);
        let count = self.tasks.len() * 2;
        let mut at = vec![0.0_f64; count];
        let mut cause: Vec<Option<usize>> = vec![None; count];
        let mut waiting = moments.waiting;
        let mut due: Vec<usize> = (0..count).filter(|&moment| waiting[moment] == 0).collect();
        let mut last = None;
        while let Some(moment) = due.pop() {
            if last.is_none_or(|last: usize| at[moment] >= at[last]) {
                last = Some(moment);
            }
            for &later in &moments.after[moment] {
                let takes = if later == moment + 1 && moment % 2 == 0 { seconds(moment / 2) } else { 0.0 };
                if cause[later].is_none() || at[moment] + takes > at[later] {
                    at[later] = at[moment] + takes;
                    cause[later] = Some(moment);
                }
                waiting[later] -= 1;
                if waiting[later] == 0 {
                    due.push(later);
                }
            }
        }
        let mut path = CriticalPath { seconds: last.map_or(0.0, |last| at[last]), tasks: Vec::new() };
        while let Some(moment) = last {
            last = cause[moment];
            if moment % 2 == 1 && last == Some(moment - 1) && !self.tasks[moment / 2].work.is_subgraph() {
                path.tasks.push(moment / 2);
            }
        }
        path.tasks.reverse();
        path
    }
}

/// The moments of a graph: twice a task's index is its begin, one more its end.
struct Moments {
    /// What comes after each.
    after: Vec<Vec<usize>>,
    /// How many come before each.
    waiting: Vec<usize>,
}

impl Moments {
    fn of(graph: &Graph) -> Self {
        let count = graph.tasks.len() * 2;
        let mut moments = Self { after: vec![Vec::new(); count], waiting: vec![0; count] };
        for (index, task) in graph.tasks.iter().enumerate() {
            let (begin, end) = (index * 2, index * 2 + 1);
            moments.order(begin, end);
            for earlier in &task.dependencies {
                moments.order(earlier * 2 + 1, begin);
            }
            if let Some(container) = task.container {
                moments.order(container * 2, begin);
                moments.order(end, container * 2 + 1);
            }
        }
        moments
    }

    fn order(&mut self, earlier: usize, later: usize) {
        self.after[earlier].push(later);
        self.waiting[later] += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Block;
    use crate::task::{OnFailure, Task, Work};

    fn step() -> Block {
        Block::Task(Task::new(Work::Nop))
    }

    #[test]
    fn the_longest_chain_counts_and_containers_only_wait() {
        let mut graph = Graph::new("g");
        let short = graph.subgraph("short", OnFailure::Decide, vec![step(), step()]);
        let long = graph.subgraph("long", OnFailure::Decide, vec![step(), step()]);
        let last = graph.subgraph("last", OnFailure::Decide, vec![step()]);
        graph.depend(last, short);
        graph.depend(last, long);
        let seconds = |index: Index| [100.0, 1.0, 2.0, 100.0, 3.0, 4.0, 100.0, 5.0][index];
        // What a container itself takes is nothing: its members take it.
        let leaf = |index: Index| if graph.tasks[index].work.is_subgraph() { 0.0 } else { seconds(index) };
        assert_eq!(graph.critical_path(leaf), CriticalPath { seconds: 12.0, tasks: vec![4, 5, 7] });
    }

    #[test]
    fn nothing_takes_no_time() {
        assert_eq!(Graph::new("g").critical_path(|_| 1.0), CriticalPath::default());
    }
}
