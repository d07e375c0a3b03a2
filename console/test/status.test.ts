import { describe, expect, it } from 'vitest';

import type { Deployment, Execution, NodeInstance, Task } from '../src/api/client';
import { touched } from '../src/api/live';
import { parse } from '../src/api/stream';
import { duration } from '../src/i18n/time';
import { lanes, steps } from '../src/run/steps';
import { firstFailure, ofNodes, ofRun as sentence } from '../src/status/sentence';
import { ofDeployment, ofInstance, ofRun } from '../src/status/status';

const deployment = (over: Partial<Deployment>): Deployment => ({
  installation_status: 'active', latest_execution_status: 'completed', latest_execution_workflow_id: 'install', unavailable_instances: 0,
  drifted_instances: 0, latest_execution_finished_operations: 31, latest_execution_total_operations: 50, sub_services_status: null,
  sub_environments_status: null, ...over,
} as Deployment);
const instance = (state: string, over: Partial<NodeInstance> = {}) => ({ state, is_status_check_ok: true, has_configuration_drift: false, ...over } as NodeInstance);
const task = (over: Partial<Task>): Task => ({
  id: 't', type: 'RemoteWorkflowTask', name: 'script_runner.tasks.run', operation: 'cloudify.interfaces.lifecycle.create', node_instance_id: 'vm_1',
  related_node_instance_id: null, state: 'succeeded', attempt: 1, retry_of: null, created_at: '2026-01-01T00:00:00Z', queued_at: null,
  started_at: '2026-01-01T00:00:01Z', ended_at: '2026-01-01T00:00:03Z', error: null, dependencies: [], subgraph: null, ...over,
} as Task);

describe('states', () => {
  it.each([
    [{}, 'ok', 'All instances started'],
    [{ latest_execution_status: 'failed' }, 'failed', 'install failed'],
    [{ latest_execution_status: 'in_progress' }, 'working', 'install 62 %'],
    [{ installation_status: 'inactive' }, 'idle', 'Not installed'],
    [{ drifted_instances: 2 }, 'attention', '2 drifted'],
    [{ unavailable_instances: 3 }, 'attention', '3 unavailable'],
    [{ latest_execution_status: 'cancelled' }, 'attention', 'install was cancelled'],
    [{ sub_services_status: 'requires_attention' }, 'attention', 'A child needs attention'],
  ])('a deployment with %o is %s', (over, mark, why) => {
    expect(ofDeployment(deployment(over as Partial<Deployment>))).toMatchObject({ mark, why });
  });
  it('draws what it does not know with its own word', () => {
    expect(ofRun('dreaming')).toEqual({ mark: 'idle', word: 'dreaming' });
  });
  it('knows an instance that is up but not well', () => {
    expect(ofInstance(instance('started', { is_status_check_ok: false })).mark).toBe('attention');
    expect(ofInstance(instance('creating'))).toEqual({ mark: 'working', word: 'Creating' });
  });
});

describe('sentences', () => {
  it('counts instances', () => {
    const node = (states: Record<string, number>, over = {}) => ({ states, drifted_instances: 0, unavailable_instances: 0, ...over });
    expect(ofNodes([node({ started: 1 }), node({ started: 1 })])).toBe('All 2 instances started');
    expect(ofNodes([node({ started: 1 }), node({ creating: 1 })])).toBe('1 of 2 started, 1 creating');
    expect(ofNodes([node({ uninitialized: 1 })])).toBe('1 not installed');
    expect(ofNodes([node({ started: 3 }, { unavailable_instances: 1, drifted_instances: 2 })])).toBe('All 3 instances started, 1 not well, 2 drifted');
    expect(ofNodes([])).toBe('No node instances');
  });
  it('names the first failure of a run', () => {
    const tasks = [task({ id: 'b', state: 'failed', node_instance_id: 'late_1', ended_at: '2026-01-01T00:09:00Z' }), task({ id: 'a', state: 'failed' })];
    expect(firstFailure(tasks)?.id).toBe('a');
    expect(sentence({ status: 'failed' } as Execution, tasks)).toBe('Failed at vm_1 · create');
    expect(sentence({ status: 'failed', error: 'Traceback\nValueError: no' } as Execution, [])).toBe('Failed: ValueError: no');
  });
  it('says what a run does', () => {
    const run = { status: 'started', total_operations: 4, finished_operations: 1 } as Execution;
    expect(sentence(run, [])).toBe('25 % done');
    expect(sentence(run, [task({ state: 'started' }), task({ state: 'sent' })])).toBe('vm_1 · create and 1 more');
  });
  it.each([[900, '900 ms'], [1500, '1.5s'], [42_000, '42s'], [134_000, '2m 14s'], [3_700_000, '1h 1m'], [260_000_000, '3d 0h']])('%i ms is %s', (time, text) => {
    expect(duration(time)).toBe(text);
  });
});

describe('steps', () => {
  it('folds retries into one step and leaves bookkeeping out', () => {
    const tasks = [
      task({ id: 'a', state: 'failed' }), task({ id: 'b', attempt: 2, retry_of: 'a' }),
      task({ id: 's', type: 'SetNodeInstanceStateTask', operation: null }), task({ id: 'g', type: 'SubgraphTask', operation: null }),
    ];
    const found = steps(tasks);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({ id: 'b', mark: 'ok' });
    expect(found[0]?.attempts.map((one) => one.mark)).toEqual(['failed', 'ok']);
    expect(steps(tasks, true)).toHaveLength(2);
  });
  it('orders node instances by their first step', () => {
    const tasks = [task({ id: 'x', node_instance_id: 'b_1', started_at: '2026-01-01T00:00:09Z' }), task({ id: 'y', node_instance_id: 'a_1' })];
    expect(lanes(steps(tasks)).map((lane) => lane.instance)).toEqual(['a_1', 'b_1']);
  });
});

describe('the stream', () => {
  it('reads events of the protocol', () => {
    expect(parse('id: 7\nevent: executions\ndata: {"id":"x"}')).toEqual({ id: '7', topic: 'executions', data: '{"id":"x"}' });
    expect(parse(': nothing happened\nid: 8')).toEqual({ id: '8', topic: 'message', data: '' });
  });
  it('touches what a notice is about, and everything after a gap', () => {
    expect(touched({ topic: 'node-instances', data: { deployment_id: 'd' } })).toEqual([['node-instances', 'd'], ['topology', 'd'], ['list', '/node-instances']]);
    expect(touched({ topic: 'reset', data: {} })).toEqual([[]]);
    expect(touched({ topic: 'novel', data: {} })).toEqual([]);
  });
});
