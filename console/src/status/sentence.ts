// What a run or a deployment is doing, in one sentence.
import type { Execution, Task } from '../api/client';
import { n } from '../i18n/t';
import type { Shape } from '../topology/model';
import { isActive, ofInstance, progress } from './status';

/** The last word of an operation's name: `create` of `cloudify.interfaces.lifecycle.create`. */
export function shortOperation(operation: string | null): string {
  return operation?.split('.').pop() ?? '';
}

/** The task whose failure came first, if one failed for good. */
export function firstFailure(tasks: Task[]): Task | undefined {
  const failed = tasks.filter((task) => task.state === 'failed' && task.operation !== null);
  failed.sort((left, right) => (left.ended_at ?? '').localeCompare(right.ended_at ?? ''));
  return failed[0];
}

export function ofRun(run: Execution, tasks: Task[]): string {
  const status = run.status ?? '';
  if (status === 'failed') {
    const first = firstFailure(tasks);
    if (first) return `Failed at ${first.node_instance_id ?? first.name} · ${shortOperation(first.operation)}`;
    return run.error ? `Failed: ${run.error.split('\n').filter(Boolean).pop() ?? ''}` : 'Failed';
  }
  if (status === 'queued') return 'Waits in the queue';
  if (status === 'scheduled') return 'Scheduled';
  if (status === 'cancelled') return `Cancelled at ${progress(run)} %`;
  if (isActive(status)) {
    const going = tasks.filter((task) => task.operation !== null && ['sending', 'sent', 'started'].includes(task.state));
    const first = going[0];
    if (!first) return `${progress(run)} % done`;
    const more = going.length > 1 ? ` and ${going.length - 1} more` : '';
    return `${first.node_instance_id ?? ''} · ${shortOperation(first.operation)}${more}`;
  }
  return `Completed ${n(run.total_operations, 'task', 'tasks')}`;
}

/** How many instances stand how: `3 of 4 started, 1 creating`. */
export function ofNodes(nodes: Pick<Shape, 'states' | 'drifted_instances' | 'unavailable_instances'>[]): string {
  const counts = new Map<string, number>();
  const add = (word: string, count: number) => counts.set(word, (counts.get(word) ?? 0) + count);
  for (const node of nodes) {
    for (const [state, count] of Object.entries(node.states)) {
      add(ofInstance({ state, has_configuration_drift: false, is_status_check_ok: true }).word.toLowerCase(), count);
    }
  }
  const all = [...counts.values()].reduce((sum, count) => sum + count, 0);
  if (all === 0) return 'No node instances';
  const started = counts.get('started') ?? 0;
  counts.delete('started');
  const rest = [...counts].map(([word, count]) => `${count} ${word}`);
  const ill = nodes.reduce((sum, node) => sum + node.unavailable_instances, 0);
  const drifted = nodes.reduce((sum, node) => sum + node.drifted_instances, 0);
  if (ill > 0) rest.push(`${ill} not well`);
  if (drifted > 0) rest.push(`${drifted} drifted`);
  const begin = started === all ? `All ${n(started, 'instance', 'instances')} started` : started > 0 ? `${started} of ${all} started` : '';
  return [begin, ...rest].filter(Boolean).join(', ');
}
