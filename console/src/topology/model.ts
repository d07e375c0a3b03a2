// Nodes as a picture: what lies in what, what points at what, and what stands how.
import type { Node, Schemas } from '../api/client';
import { layout, type Placed } from '../graph/layout';
import { MARKS, ofInstance, type Mark } from '../status/status';

/** A node as a picture needs it. */
export type Shape = Schemas['Topology']['nodes'][number];

export interface Relationship {
  target_id: string;
  type: string;
  type_hierarchy: string[];
}

export interface Link {
  source: string;
  target: string;
  type: string;
  soft: boolean;
}

export interface Drawn {
  node: Shape;
  marks: Mark[];
  mark: Mark;
  place: Placed;
}

export interface Picture {
  drawn: Drawn[];
  width: number;
  height: number;
}

export const CARD = { width: 212, height: 66 };

export function relationships(node: Node): Relationship[] {
  return Array.isArray(node.relationships) ? (node.relationships as Relationship[]) : [];
}

export const isContained = (one: Relationship) => one.type_hierarchy.includes('cloudify.relationships.contained_in');

/** A mark for each instance of a node, the worst first. */
export function marksOf(node: Shape): Mark[] {
  const marks: Mark[] = [];
  for (const [state, count] of Object.entries(node.states)) {
    const well = ofInstance({ state, has_configuration_drift: false, is_status_check_ok: true }).mark;
    // Which of them are not well is told by the list of instances.
    const ill = well === 'ok' ? Math.min(count, Math.max(node.drifted_instances, node.unavailable_instances)) : 0;
    for (let index = 0; index < count; index += 1) marks.push(index < ill ? 'attention' : well);
  }
  return marks.sort((left, right) => MARKS.indexOf(left) - MARKS.indexOf(right));
}

/** The last word of a type's name. */
export function shortType(type: string | null): string {
  return type?.split('.').pop() ?? '';
}

/** Positions depend on nodes alone: a changed state moves nothing. */
export function place(nodes: Shape[]): { places: Map<string, Placed>; links: Link[]; parents: Map<string, string> } {
  const sorted = [...nodes].sort((left, right) => left.id.localeCompare(right.id));
  const parents = new Map(sorted.flatMap((node) => (node.container === null ? [] : [[node.id, node.container] as const])));
  const boxes = sorted.map((node) => ({ id: node.id, parent: node.container, ...CARD }));
  const links = sorted.flatMap((node) => node.relationships.map((one): Link => ({
    source: node.id, target: one.target_id, type: one.type, soft: !one.type_hierarchy.includes('cloudify.relationships.connected_to'),
  })));
  return { places: layout(boxes, links), links, parents };
}

/** What a picture depends on; while it stays, nothing is laid out anew. */
export function outline(nodes: Shape[]): string {
  return nodes.map((node) => `${node.id} ${node.container ?? ''} ${node.relationships.map((one) => one.target_id).join(',')}`).join('\n');
}

/** `over` gives some nodes another mark than that of their instances. */
export function picture(nodes: Shape[], places: Map<string, Placed>, over?: Map<string, Mark>): Picture {
  const drawn = nodes.flatMap((node) => {
    const at = places.get(node.id);
    const marks = marksOf(node);
    return at ? [{ node, marks, mark: over ? over.get(node.id) ?? 'idle' : marks[0] ?? 'idle', place: at }] : [];
  });
  // Containers first, so that what they hold lies above them.
  drawn.sort((left, right) => right.place.width * right.place.height - left.place.width * left.place.height);
  const width = Math.max(0, ...drawn.map(({ place: at }) => at.x + at.width));
  const height = Math.max(0, ...drawn.map(({ place: at }) => at.y + at.height));
  return { drawn, width, height };
}

/** All that a node needs, and all that needs it. */
export function trail(links: Link[], id: string, parents: Map<string, string> = new Map()): Set<string> {
  const found = new Set([id]);
  const walk = (from: 'source' | 'target', to: 'source' | 'target') => {
    const waiting = [id];
    for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
      for (const link of links) {
        if (link[from] === at && !found.has(link[to])) {
          found.add(link[to]);
          waiting.push(link[to]);
        }
      }
    }
  };
  walk('source', 'target');
  walk('target', 'source');
  for (const one of [...found]) {
    for (let at = parents.get(one); at !== undefined && !found.has(at); at = parents.get(at)) found.add(at);
  }
  return found;
}
