// What tells two blueprints apart: their plans by what they mean, their files line by line.
import { diffLines } from 'diff';

import type { Plan } from './queries';

export type Sign = 'add' | 'remove' | 'change';

export interface Difference {
  sign: Sign;
  /** What it is: an input, a node, a property of one. */
  kind: string;
  name: string;
  before?: unknown;
  after?: unknown;
}

/** Whether two values of JSON are the same, whatever the order of their keys. */
export function same(left: unknown, right: unknown): boolean {
  return ordered(left) === ordered(right);
}

function ordered(value: unknown): string {
  return JSON.stringify(value, (_, one: unknown) => (one && typeof one === 'object' && !Array.isArray(one)
    ? Object.fromEntries(Object.entries(one).sort(([left], [right]) => (left < right ? -1 : 1))) : one)) ?? '';
}

type Named = Record<string, unknown>;

function maps(kind: string, before: Named, after: Named): Difference[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return names.flatMap((name): Difference[] => {
    if (!(name in after)) return [{ sign: 'remove', kind, name, before: before[name] }];
    if (!(name in before)) return [{ sign: 'add', kind, name, after: after[name] }];
    return same(before[name], after[name]) ? [] : [{ sign: 'change', kind, name, before: before[name], after: after[name] }];
  });
}

type Node = Plan['nodes'][number];

function nodes(before: Node[], after: Node[]): Difference[] {
  const [old, now] = [new Map(before.map((node) => [node.name, node])), new Map(after.map((node) => [node.name, node]))];
  const names = [...new Set([...old.keys(), ...now.keys()])].sort();
  return names.flatMap((name): Difference[] => {
    const [one, other] = [old.get(name), now.get(name)];
    if (!other) return [{ sign: 'remove', kind: 'node', name, before: one?.type }];
    if (!one) return [{ sign: 'add', kind: 'node', name, after: other.type }];
    const type: Difference[] = one.type === other.type ? [] : [{ sign: 'change', kind: 'type', name, before: one.type, after: other.type }];
    const inside = (kind: string, left: Named, right: Named) => maps(kind, left, right).map((found) => ({ ...found, name: `${name} › ${found.name}` }));
    return [
      ...type,
      ...inside('property', one.properties ?? {}, other.properties ?? {}),
      ...inside('relationship', related(one), related(other)),
      ...inside('operation', operations(one), operations(other)),
      ...(same(instances(one), instances(other)) ? [] : [{ sign: 'change' as const, kind: 'instances', name, before: instances(one), after: instances(other) }]),
    ];
  });
}

const related = (node: Node): Named => Object.fromEntries((node.relationships ?? []).map((one) => [`${one.type.split('.').pop() ?? ''} ${one.target_id}`, one.type]));

/** Each operation once, by its whole name. */
function operations(node: Node): Named {
  const all = (node as { operations?: Record<string, { operation?: string; inputs?: unknown }> }).operations ?? {};
  return Object.fromEntries(Object.entries(all).filter(([name, one]) => name.includes('.') && one.operation).map(([name, one]) => [name, { runs: one.operation, inputs: one.inputs }]));
}

function instances(node: Node): unknown {
  const { scalable } = (node.capabilities ?? {}) as { scalable?: { properties?: { default_instances?: number } } };
  return scalable?.properties?.default_instances ?? 1;
}

const plugins = (plan: Plan): Named => Object.fromEntries(
  [...plan.deployment_plugins_to_install ?? [], ...plan.workflow_plugins_to_install ?? [], ...plan.host_agent_plugins_to_install ?? []].map((plugin) => [plugin.name, plugin.package_version ?? '']),
);

/** What the second plan has that the first has not, and the other way round. */
export function differences(before: Plan, after: Plan): Difference[] {
  return [
    ...maps('input', before.inputs ?? {}, after.inputs ?? {}),
    ...nodes(before.nodes, after.nodes),
    ...maps('output', before.outputs ?? {}, after.outputs ?? {}),
    ...maps('capability', before.capabilities ?? {}, after.capabilities ?? {}),
    ...maps('plugin', plugins(before), plugins(after)),
  ];
}

/** Lines around a change. */
const AROUND = 3;

export type Row = { sign?: Sign; text: string; before?: number; after?: number } | { hidden: number };

/** Lines with their numbers; what is far from any change is hidden. */
export function lines(before: string, after: string): Row[] {
  const rows: Exclude<Row, { hidden: number }>[] = [];
  let [left, right] = [1, 1];
  for (const part of diffLines(before, after)) {
    const texts = part.value.replace(/\n$/, '').split('\n');
    for (const text of texts) {
      if (part.added) rows.push({ sign: 'add', text, after: right++ });
      else if (part.removed) rows.push({ sign: 'remove', text, before: left++ });
      else rows.push({ text, before: left++, after: right++ });
    }
  }
  const near = rows.map((_, index) => rows.slice(Math.max(0, index - AROUND), index + AROUND + 1).some((row) => row.sign !== undefined));
  if (!near.some(Boolean)) return [];
  const shown: Row[] = [];
  rows.forEach((row, index) => {
    const last = shown[shown.length - 1];
    if (near[index]) shown.push(row);
    else if (last && 'hidden' in last) last.hidden += 1;
    else shown.push({ hidden: 1 });
  });
  return shown;
}
