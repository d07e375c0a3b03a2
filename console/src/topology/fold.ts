// What is too much to be drawn one by one: nodes that are alike become one card, and containers hide what they hold.
import { shortType, type Shape } from './model';

/** As many cards are drawn one by one. */
export const BUDGET = 300;

export interface Folded {
  shapes: Shape[];
  /** What each card that stands for several nodes stands for. */
  members: Map<string, string[]>;
}

const groupId = (node: Shape) => `group:${node.container ?? ''}:${node.type}`;

/** Nodes as they are drawn. Groups whose ids are in `open` are drawn one by one. */
export function fold(nodes: Shape[], open: ReadonlySet<string> = new Set()): Folded {
  if (nodes.length <= BUDGET) return { shapes: nodes, members: new Map() };
  const alike = groupAlike({ shapes: nodes, members: new Map() }, open);
  // What somebody has asked for one by one does not count.
  if (alike.shapes.filter((node) => !open.has(groupId(node))).length <= BUDGET) return alike;
  return groupAlike(hideInside(nodes, open), open);
}

/** Nodes that hold nothing, are of one type and lie in one place become one card. */
function groupAlike(given: Folded, open: ReadonlySet<string>): Folded {
  const containers = new Set(given.shapes.map((node) => node.container));
  const groups = new Map<string, Shape[]>();
  for (const node of given.shapes) {
    if (containers.has(node.id) || open.has(groupId(node))) continue;
    const id = groupId(node);
    const known = groups.get(id);
    if (known) known.push(node);
    else groups.set(id, [node]);
  }
  const members = new Map(given.members);
  const into = new Map<string, string>();
  for (const [id, group] of groups) {
    if (group.length < 2) continue;
    const all = group.flatMap((node) => given.members.get(node.id) ?? [node.id]);
    for (const node of group) {
      into.set(node.id, id);
      members.delete(node.id);
    }
    members.set(id, all);
  }
  return merge(given.shapes, into, members);
}

/** Each container at the outside stands for all that lies in it. */
function hideInside(nodes: Shape[], open: ReadonlySet<string>): Folded {
  const parents = new Map(nodes.map((node) => [node.id, node.container]));
  const into = new Map<string, string>();
  const members = new Map<string, string[]>();
  for (const node of nodes) {
    let root = node.id;
    const seen = new Set([root]);
    for (let at = parents.get(root); at && parents.has(at) && !seen.has(at); at = parents.get(at)) {
      root = at;
      seen.add(at);
    }
    if (root !== node.id && !open.has(root)) {
      into.set(node.id, root);
      const known = members.get(root);
      if (known) known.push(node.id);
      else members.set(root, [root, node.id]);
    }
  }
  return merge(nodes, into, members);
}

/** Cards in place of the nodes that they stand for; what pointed at these points at the card. */
function merge(nodes: Shape[], into: Map<string, string>, members: Map<string, string[]>): Folded {
  const target = (id: string) => into.get(id) ?? id;
  const cards = new Map<string, Shape>();
  for (const node of nodes) {
    const id = target(node.id);
    const known = cards.get(id);
    const relationships = node.relationships.map((one) => ({ ...one, target_id: target(one.target_id) })).filter((one) => one.target_id !== id);
    if (!known) {
      cards.set(id, { ...node, id, relationships, states: { ...node.states } });
      continue;
    }
    const pairs = new Set(known.relationships.map((one) => `${one.target_id} ${one.type}`));
    for (const one of relationships) {
      const pair = `${one.target_id} ${one.type}`;
      if (!pairs.has(pair)) known.relationships.push(one);
      pairs.add(pair);
    }
    for (const [state, count] of Object.entries(node.states)) known.states[state] = (known.states[state] ?? 0) + count;
    known.drifted_instances += node.drifted_instances;
    known.unavailable_instances += node.unavailable_instances;
  }
  return { shapes: [...cards.values()], members };
}

/** What a card is called. */
export function nameOf(node: Shape, members: Map<string, string[]>): string {
  const count = members.get(node.id)?.length;
  if (count === undefined) return node.id;
  return node.id.startsWith('group:') ? `${count} × ${shortType(node.type)}` : `${node.id} +${count - 1}`;
}
