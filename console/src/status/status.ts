// One language of states for everything: five marks. A value that is not known draws as idle with its own word.
import type { Deployment, Execution, NodeInstance } from '../api/client';

export type Mark = 'ok' | 'working' | 'attention' | 'failed' | 'idle';

/** Worst first. */
export const MARKS: readonly Mark[] = ['failed', 'attention', 'working', 'ok', 'idle'];

export interface Standing {
  mark: Mark;
  word: string;
}

const RUNS: Record<string, Standing> = {
  pending: { mark: 'working', word: 'Pending' },
  started: { mark: 'working', word: 'Running' },
  cancelling: { mark: 'working', word: 'Cancelling' },
  force_cancelling: { mark: 'working', word: 'Cancelling (forced)' },
  kill_cancelling: { mark: 'working', word: 'Being killed' },
  queued: { mark: 'idle', word: 'Queued' },
  scheduled: { mark: 'idle', word: 'Scheduled' },
  terminated: { mark: 'ok', word: 'Completed' },
  failed: { mark: 'failed', word: 'Failed' },
  cancelled: { mark: 'attention', word: 'Cancelled' },
};

export function ofRun(status: string | null): Standing {
  return RUNS[status ?? ''] ?? { mark: 'idle', word: status ?? 'Unknown' };
}

/** Whether a run in this status can still change by itself. */
export function isActive(status: string | null): boolean {
  return !['terminated', 'failed', 'cancelled'].includes(status ?? '');
}

export function ofInstance(instance: Pick<NodeInstance, 'state' | 'has_configuration_drift' | 'is_status_check_ok'>): Standing {
  const { state } = instance;
  if (state === 'started') {
    if (instance.is_status_check_ok === false) return { mark: 'attention', word: 'Check failed' };
    if (instance.has_configuration_drift) return { mark: 'attention', word: 'Drifted' };
    return { mark: 'ok', word: 'Started' };
  }
  if (state === 'uninitialized') return { mark: 'idle', word: 'Not installed' };
  if (state === 'deleted') return { mark: 'idle', word: 'Deleted' };
  return { mark: 'working', word: state.charAt(0).toUpperCase() + state.slice(1) };
}

export function ofTask(state: string): Standing {
  if (state === 'succeeded') return { mark: 'ok', word: 'Succeeded' };
  if (state === 'failed') return { mark: 'failed', word: 'Failed' };
  if (state === 'rescheduled') return { mark: 'attention', word: 'To be retried' };
  if (state === 'skipped') return { mark: 'idle', word: 'Skipped' };
  if (state === 'pending') return { mark: 'idle', word: 'Not started' };
  return { mark: 'working', word: state === 'started' ? 'Running' : 'Sent' };
}

const OUTCOMES: Record<string, Mark> = { failed: 'failed', running: 'working', succeeded: 'ok' };

/** How operations ended for a node instance. */
export function ofOutcome(outcome: string): Mark {
  return OUTCOMES[outcome] ?? 'idle';
}

/** A deployment's mark and the sentence that says why. */
export function ofDeployment(deployment: Deployment): Standing & { why: string } {
  const run = deployment.latest_execution_workflow_id ?? '';
  const status = deployment.latest_execution_status ?? '';
  const installed = deployment.installation_status === 'active';
  if (status === 'in_progress' || status === 'pending' || status === 'started') {
    return { mark: 'working', word: 'Running', why: `${run} ${percent(deployment)} %` };
  }
  if (status === 'failed') return { mark: 'failed', word: 'Failed', why: `${run} failed` };
  if (deployment.unavailable_instances > 0 && installed) {
    return { mark: 'attention', word: 'Attention', why: `${deployment.unavailable_instances} unavailable` };
  }
  if (deployment.drifted_instances > 0) {
    return { mark: 'attention', word: 'Attention', why: `${deployment.drifted_instances} drifted` };
  }
  if (status === 'cancelled') return { mark: 'attention', word: 'Cancelled', why: `${run} was cancelled` };
  const children = worst([deployment.sub_services_status, deployment.sub_environments_status]);
  if (children === 'requires_attention') return { mark: 'attention', word: 'Attention', why: 'A child needs attention' };
  if (!installed) return { mark: 'idle', word: 'Not installed', why: 'Not installed' };
  return { mark: 'ok', word: 'Good', why: 'All instances started' };
}

function worst(statuses: (string | null)[]): string | null {
  return statuses.includes('requires_attention') ? 'requires_attention' : null;
}

/** How far the last run has come, 0 to 100. */
export function percent(deployment: Pick<Deployment, 'latest_execution_finished_operations' | 'latest_execution_total_operations'>): number {
  const total = deployment.latest_execution_total_operations;
  return total === 0 ? 0 : Math.floor((100 * deployment.latest_execution_finished_operations) / total);
}

export function progress(run: Pick<Execution, 'finished_operations' | 'total_operations'>): number {
  return run.total_operations === 0 ? 0 : Math.floor((100 * run.finished_operations) / run.total_operations);
}
