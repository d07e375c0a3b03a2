import { describe, expect, it } from 'vitest';

import type { Deployment, Schemas } from '../src/api/client';
import { each } from '../src/deployments/each';
import { places, project, type Count } from '../src/deployments/places';
import { below, branches } from '../src/deployments/branches';

const row = (id: string, services = 0) => ({ id, sub_services_count: services, sub_environments_count: 0 }) as Deployment;

describe('the tree of deployments', () => {
  it('asks for the outermost by the label that they lack', () => {
    expect(below(null)).toMatchObject({ operator: 'is_null', values: [] });
    expect(below('env')).toMatchObject({ key: 'csys-obj-parent', operator: 'any_of', values: ['env'] });
  });
  it('puts each level below what it belongs to, as far as it is unfolded', () => {
    const levels = new Map([[null, [row('env', 2), row('other')]], ['env', [row('app'), row('db', 1)]], ['db', [row('disk')]]] as const);
    const shown = (...open: string[]) => branches(levels as unknown as Map<string | null, Deployment[]>, new Set(open)).map(({ row: { id }, depth }) => `${'-'.repeat(depth)}${id}`);
    expect(shown()).toEqual(['env', 'other']);
    expect(shown('env')).toEqual(['env', '-app', '-db', 'other']);
    expect(shown('env', 'db')).toEqual(['env', '-app', '-db', '--disk', 'other']);
    expect(shown('db')).toEqual(['env', 'other']);
  });
  it('ends where a deployment is below itself', () => {
    const levels = new Map([[null, [row('a', 1)]], ['a', [row('b', 1)]], ['b', [row('a', 1)]]] as const);
    expect(branches(levels as unknown as Map<string | null, Deployment[]>, new Set(['a', 'b'])).map(({ row: { id } }) => id)).toEqual(['a', 'b']);
  });
});

describe('the map of deployments', () => {
  const site = (name: string, latitude: number | null = null, longitude: number | null = null) => ({ name, latitude, longitude }) as Schemas['Site'];
  const count = (site_name: string, words: [string, number][]): Count => ({
    site_name, deployments: words.reduce((sum, [, deployments]) => sum + deployments, 0),
    'by deployment_status': words.map(([deployment_status, deployments]) => ({ deployment_status, deployments })),
  });
  it('gives a site the worst mark of what is there, and tells the worst first', () => {
    const found = places([site('Oslo', 60, 11), site('Rome', 42, 12), site('Nowhere')], [count('Oslo', [['good', 3]]), count('Rome', [['good', 1], ['requires_attention', 2]])]);
    expect(found.map(({ name, mark, total }) => [name, mark, total])).toEqual([['Rome', 'attention', 3], ['Oslo', 'ok', 3], ['Nowhere', 'idle', 0]]);
    expect(found[0]?.counts).toEqual([{ mark: 'attention', count: 2 }, { mark: 'ok', count: 1 }]);
    expect(found[2]?.at).toBeNull();
  });
  it('has north at the top and east at the right', () => {
    expect(project([0, 0])).toEqual([180, 90]);
    expect(project([-180, 90])).toEqual([0, 0]);
  });
});

describe('several at once', () => {
  it('tries each, a few at a time, and tells what became of it', async () => {
    let [busy, most] = [0, 0];
    const ids = Array.from({ length: 20 }, (_, index) => `d${index}`);
    const outcomes = await each(ids, async (id) => {
      busy += 1;
      most = Math.max(most, busy);
      await new Promise((resume) => setTimeout(resume, 1));
      busy -= 1;
      if (id === 'd3') throw new Error('in use');
      return id === 'd4' ? { run: 'r' } : undefined;
    });
    expect(outcomes.map((one) => one.id)).toEqual(ids);
    expect(outcomes.filter((one) => one.problem)).toEqual([{ id: 'd3', run: null, problem: 'in use' }]);
    expect(outcomes[4]?.run).toBe('r');
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(6);
  });
});
