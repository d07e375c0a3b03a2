// A run's tasks as steps: one for each operation of a node instance, with its attempts folded in.
import type { Task } from '../api/client';
import { ofTask, type Mark } from '../status/status';
import { shortOperation } from '../status/sentence';

export interface Attempt {
  queued: number;
  started: number | null;
  ended: number | null;
  mark: Mark;
}

export interface Step {
  id: string;
  instance: string;
  node: string;
  name: string;
  operation: string | null;
  mark: Mark;
  word: string;
  attempts: Attempt[];
  error: string | null;
  task: Task;
}

const time = (text: string | null): number | null => (text === null ? null : Date.parse(text));

function attempt(task: Task): Attempt {
  const queued = time(task.queued_at) ?? time(task.started_at) ?? Date.parse(task.created_at);
  return { queued, started: time(task.started_at), ended: time(task.ended_at), mark: ofTask(task.state).mark };
}

/** What a task is called. */
export function nameOf(task: Task): string {
  if (task.operation) {
    const related = task.related_node_instance_id ? ` → ${task.related_node_instance_id}` : '';
    return shortOperation(task.operation) + related;
  }
  return task.name.replace(/Task$/, '').replace(/([a-z])([A-Z])/g, '$1 $2').toLowerCase();
}

/** Steps in the order in which they began. `all` shows what the manager does for itself as well. */
export function steps(tasks: Task[], all = false): Step[] {
  const shown = tasks.filter((task) => task.type !== 'SubgraphTask' && (all || task.operation !== null));
  const byId = new Map(shown.map((task) => [task.id, task]));
  const rootOf = (task: Task): string => {
    let at = task;
    for (let next = at.retry_of; next && byId.has(next) && next !== at.id; next = at.retry_of) at = byId.get(next) as Task;
    return at.id;
  };
  const groups = new Map<string, Task[]>();
  for (const task of shown) {
    const root = rootOf(task);
    groups.set(root, [...(groups.get(root) ?? []), task]);
  }
  const found = [...groups.values()].map((group): Step => {
    group.sort((left, right) => left.attempt - right.attempt || left.created_at.localeCompare(right.created_at));
    const last = group[group.length - 1] as Task;
    const { mark, word } = ofTask(last.state);
    return {
      id: last.id, instance: last.node_instance_id ?? '', node: last.node_id ?? '', name: nameOf(last), operation: last.operation,
      mark, word, attempts: group.map(attempt), error: last.error ?? group.find((task) => task.error)?.error ?? null, task: last,
    };
  });
  return found;
}

export interface Lane {
  instance: string;
  steps: Step[];
}

/** Steps by node instance; instances in the order in which they began. */
export function lanes(all: Step[]): Lane[] {
  const found = new Map<string, Step[]>();
  for (const step of all) found.set(step.instance, [...(found.get(step.instance) ?? []), step]);
  const began = (step: Step) => step.attempts[0]?.started ?? Infinity;
  const list = [...found].map(([instance, own]) => ({ instance, steps: own.sort((left, right) => began(left) - began(right)) }));
  return list.sort((left, right) => began(left.steps[0] as Step) - began(right.steps[0] as Step));
}
