// Where nested boxes and the arrows between them go. Each container is laid out by itself, from the inside out, so a
// box is inside its parent, siblings do not overlap, and the same input gives the same picture.
import { Graph, layout as dagre } from '@dagrejs/dagre';

export interface Box {
  id: string;
  parent: string | null;
  width: number;
  height: number;
}

export interface Arrow {
  source: string;
  target: string;
}

export interface Placed {
  x: number;
  y: number;
  width: number;
  height: number;
  container: boolean;
}

export interface Options {
  direction: 'LR' | 'TB';
  /** The direction inside containers, if it is another. */
  inner?: 'LR' | 'TB';
  gap: number;
  rankGap: number;
  padding: number;
  header: number;
}

export const OPTIONS: Options = { direction: 'LR', gap: 22, rankGap: 64, padding: 18, header: 40 };

export function layout(boxes: Box[], arrows: Arrow[], options: Options = OPTIONS): Map<string, Placed> {
  const known = new Map(boxes.map((box) => [box.id, box]));
  const children = new Map<string | null, Box[]>();
  for (const box of boxes) {
    const parent = box.parent !== null && known.has(box.parent) && !isInside(known, box.parent, box.id) ? box.parent : null;
    children.set(parent, [...(children.get(parent) ?? []), box]);
  }
  const placed = new Map<string, Placed>();
  const size = arrange(null, children, arrows, known, options, placed);
  shift(null, children, placed, { x: -size.left, y: -size.top });
  return placed;
}

/** Whether `id` is `of` or lies inside it: such a parent would be a circle. */
function isInside(known: Map<string, Box>, id: string, of: string): boolean {
  const seen = new Set<string>();
  for (let at: string | null = id; at !== null && !seen.has(at); at = known.get(at)?.parent ?? null) {
    if (at === of) return true;
    seen.add(at);
  }
  return false;
}

/** The child of `container` that is `id` or holds it. */
function lifted(id: string, container: string | null, known: Map<string, Box>): string | null {
  const seen = new Set<string>();
  for (let at: string | null = id; at !== null && !seen.has(at); ) {
    seen.add(at);
    const box: Box | undefined = known.get(at);
    if (!box) return null;
    const parent = box.parent !== null && known.has(box.parent) ? box.parent : null;
    if (parent === container) return at;
    at = parent;
  }
  return null;
}

function arrange(
  container: string | null, children: Map<string | null, Box[]>, arrows: Arrow[], known: Map<string, Box>, options: Options,
  placed: Map<string, Placed>,
): { left: number; top: number; width: number; height: number } {
  const members = children.get(container) ?? [];
  const graph = new Graph({ multigraph: false });
  graph.setGraph({ rankdir: container === null ? options.direction : (options.inner ?? options.direction), nodesep: options.gap, ranksep: options.rankGap });
  graph.setDefaultEdgeLabel(() => ({}));
  const insets = new Map<string, { left: number; top: number }>();
  for (const member of members) {
    const inner = children.get(member.id);
    let { width, height } = member;
    if (inner) {
      const size = arrange(member.id, children, arrows, known, options, placed);
      insets.set(member.id, size);
      width = Math.max(member.width, size.width + 2 * options.padding);
      height = size.height + options.header + options.padding;
    }
    graph.setNode(member.id, { width, height });
  }
  for (const { source, target } of arrows) {
    const from = lifted(source, container, known);
    const to = lifted(target, container, known);
    if (from && to && from !== to && graph.hasNode(from) && graph.hasNode(to)) graph.setEdge(from, to);
  }
  const linked = new Set(graph.edges().flatMap(({ v, w }) => [v, w]));
  const loose = members.filter((member) => !linked.has(member.id));
  const sizes = new Map(members.map((member) => [member.id, graph.node(member.id) as Sized]));
  if (loose.length > LOOSE) loose.forEach((member) => graph.removeNode(member.id));
  if (graph.nodeCount() > 0) dagre(graph);
  const corners = new Map(members.filter((member) => graph.hasNode(member.id)).map((member) => {
    const { x, y, width, height } = graph.node(member.id) as Sized & { x: number; y: number };
    return [member.id, { x: x - width / 2, y: y - height / 2 }];
  }));
  if (loose.length > LOOSE) rows(loose.map((member) => member.id), sizes, corners, options.gap);
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const member of members) {
    const { width, height } = sizes.get(member.id) as Sized;
    const box = { ...corners.get(member.id) as { x: number; y: number }, width, height, container: children.has(member.id) };
    placed.set(member.id, box);
    left = Math.min(left, box.x);
    top = Math.min(top, box.y);
    right = Math.max(right, box.x + width);
    bottom = Math.max(bottom, box.y + height);
    const inset = insets.get(member.id);
    if (inset) shift(member.id, children, placed, { x: box.x + options.padding - inset.left, y: box.y + options.header - inset.top });
  }
  return members.length === 0 ? { left: 0, top: 0, width: 0, height: 0 } : { left, top, width: right - left, height: bottom - top };
}

interface Sized {
  width: number;
  height: number;
}

/** More boxes than these without arrows stand in rows below the others, not in one long column. */
const LOOSE = 4;

function rows(ids: string[], sizes: Map<string, Sized>, corners: Map<string, { x: number; y: number }>, gap: number): void {
  const bounds = [...corners].map(([id, at]) => ({ right: at.x + (sizes.get(id) as Sized).width, bottom: at.y + (sizes.get(id) as Sized).height, left: at.x }));
  const start = bounds.length > 0 ? Math.min(...bounds.map((one) => one.left)) : 0;
  const widest = Math.max(0, ...bounds.map((one) => one.right - start));
  const area = ids.reduce((sum, id) => sum + ((sizes.get(id) as Sized).width + gap) * ((sizes.get(id) as Sized).height + gap), 0);
  // About as wide as a screen is to its height.
  const room = Math.max(widest, Math.sqrt(area * 1.8));
  let [x, y, tallest] = [start, bounds.length > 0 ? Math.max(...bounds.map((one) => one.bottom)) + 2 * gap : 0, 0];
  for (const id of ids) {
    const { width, height } = sizes.get(id) as Sized;
    if (x > start && x + width > start + room) {
      [x, y, tallest] = [start, y + tallest + gap, 0];
    }
    corners.set(id, { x, y });
    x += width + gap;
    tallest = Math.max(tallest, height);
  }
}

function shift(container: string | null, children: Map<string | null, Box[]>, placed: Map<string, Placed>, by: { x: number; y: number }): void {
  for (const member of children.get(container) ?? []) {
    const box = placed.get(member.id);
    if (box) {
      box.x += by.x;
      box.y += by.y;
    }
    shift(member.id, children, placed, by);
  }
}

/** A curve from one box to another, between the sides that face each other. */
export function curve(from: Placed, to: Placed): string {
  const middle = (box: Placed) => ({ x: box.x + box.width / 2, y: box.y + box.height / 2 });
  const [a, b] = [middle(from), middle(to)];
  const horizontal = to.x >= from.x + from.width || from.x >= to.x + to.width;
  if (horizontal) {
    const forward = b.x > a.x;
    const start = { x: forward ? from.x + from.width : from.x, y: a.y };
    const end = { x: forward ? to.x - 5 : to.x + to.width + 5, y: b.y };
    const bend = Math.max(24, Math.abs(end.x - start.x) / 2) * (forward ? 1 : -1);
    return `M${start.x} ${start.y}C${start.x + bend} ${start.y} ${end.x - bend} ${end.y} ${end.x} ${end.y}`;
  }
  const down = b.y > a.y;
  const start = { x: a.x, y: down ? from.y + from.height : from.y };
  const end = { x: b.x, y: down ? to.y - 5 : to.y + to.height + 5 };
  const bend = Math.max(20, Math.abs(end.y - start.y) / 2) * (down ? 1 : -1);
  return `M${start.x} ${start.y}C${start.x} ${start.y + bend} ${end.x} ${end.y - bend} ${end.x} ${end.y}`;
}
