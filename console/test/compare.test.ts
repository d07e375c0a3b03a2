import { describe, expect, it } from 'vitest';

import { differences, lines, same } from '../src/blueprints/differences';
import type { Plan } from '../src/blueprints/queries';
import { read, USUAL } from '../src/profile/preferences';

const node = (name: string, over = {}) => ({ id: name, name, type: 'x.Server', type_hierarchy: [], properties: {}, relationships: [], capabilities: {}, ...over });
const plan = (over: object): Plan => ({ inputs: {}, outputs: {}, capabilities: {}, nodes: [], deployment_plugins_to_install: [], workflow_plugins_to_install: [], host_agent_plugins_to_install: [], ...over }) as unknown as Plan;
const told = (before: Plan, after: Plan) => differences(before, after).map(({ sign, kind, name }) => `${sign} ${kind} ${name}`);

describe('two plans', () => {
  it('are the same whatever the order of their keys', () => {
    expect(same({ a: 1, b: { c: 2, d: [1, 2] } }, { b: { d: [1, 2], c: 2 }, a: 1 })).toBe(true);
    expect(same([1, 2], [2, 1])).toBe(false);
    expect(told(plan({ inputs: { a: { type: 'string', default: 'x' } } }), plan({ inputs: { a: { default: 'x', type: 'string' } } }))).toEqual([]);
  });
  it('differ in what comes, goes and changes', () => {
    const before = plan({ inputs: { size: { type: 'integer' }, old: {} }, nodes: [node('web', { properties: { port: 80 } }), node('gone')], outputs: { url: { value: 1 } } });
    const after = plan({ inputs: { size: { type: 'string' } }, nodes: [node('web', { properties: { port: 81 } }), node('cache', { type: 'x.Cache' })], outputs: { url: { value: 1 } }, deployment_plugins_to_install: [{ name: 'fabric', package_version: '2' }] });
    expect(told(before, after)).toEqual(['remove input old', 'change input size', 'add node cache', 'remove node gone', 'change property web › port', 'add plugin fabric']);
  });
  it('differ in types, relationships, operations and numbers of instances of a node', () => {
    const to = (target_id: string) => ({ target_id, type: 'cloudify.relationships.connected_to', type_hierarchy: [] });
    const run = (operation: string) => ({ create: { operation }, 'cloudify.interfaces.lifecycle.create': { operation, inputs: {} }, 'cloudify.interfaces.lifecycle.stop': { operation: '' } });
    const scaled = (default_instances: number) => ({ scalable: { properties: { default_instances } } });
    const before = plan({ nodes: [node('a', { relationships: [to('db')], operations: run('x.py'), capabilities: scaled(1) })] });
    const after = plan({ nodes: [node('a', { type: 'x.Big', relationships: [to('cache')], operations: run('y.py'), capabilities: scaled(3) })] });
    expect(told(before, after)).toEqual([
      'change type a', 'add relationship a › connected_to cache', 'remove relationship a › connected_to db', 'change operation a › cloudify.interfaces.lifecycle.create', 'change instances a',
    ]);
  });
});

describe('two files', () => {
  it('are shown where they differ, with the lines around and their numbers', () => {
    const text = Array.from({ length: 20 }, (_, index) => `line ${index + 1}`);
    const changed = [...text];
    changed[9] = 'another';
    const rows = lines(`${text.join('\n')}\n`, `${changed.join('\n')}\n`);
    expect(rows[0]).toEqual({ hidden: 6 });
    expect(rows.slice(4, 6)).toEqual([{ sign: 'remove', text: 'line 10', before: 10 }, { sign: 'add', text: 'another', after: 10 }]);
    expect(rows[rows.length - 1]).toEqual({ hidden: 7 });
  });
  it('are nothing to look at where they are the same, and all of it where one is missing', () => {
    expect(lines('a\nb\n', 'a\nb\n')).toEqual([]);
    expect(lines('', 'a\nb\n')).toEqual([{ sign: 'add', text: 'a', after: 1 }, { sign: 'add', text: 'b', after: 2 }]);
  });
});

describe('preferences', () => {
  it('take what they understand, and leave the rest as usual', () => {
    expect(read({})).toEqual(USUAL);
    expect(read({ theme: 'dark', zone: 'mars', landing: '/runs', keys: false, dense: 'yes', novel: 1 })).toEqual({ ...USUAL, theme: 'dark', landing: '/runs', keys: false });
    expect(read({ landing: 'https://elsewhere' }).landing).toBe('/');
  });
});
