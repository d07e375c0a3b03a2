import { describe, expect, it } from 'vitest';

import { layout, type Arrow, type Box, type Placed } from '../src/graph/layout';

/** Numbers that look random and are the same each time. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return state / 2147483648;
  };
}

function made(seed: number): { boxes: Box[]; arrows: Arrow[] } {
  const next = numbers(seed);
  const count = 3 + Math.floor(next() * 40);
  const boxes: Box[] = Array.from({ length: count }, (_, index) => ({
    id: `n${index}`, parent: index > 0 && next() < 0.5 ? `n${Math.floor(next() * index)}` : null, width: 200, height: 60,
  }));
  const arrows = Array.from({ length: count }, () => ({ source: `n${Math.floor(next() * count)}`, target: `n${Math.floor(next() * count)}` }));
  return { boxes, arrows };
}

const overlaps = (a: Placed, b: Placed) => a.x < b.x + b.width - 0.5 && b.x < a.x + a.width - 0.5 && a.y < b.y + b.height - 0.5 && b.y < a.y + a.height - 0.5;
const holds = (outer: Placed, inner: Placed) =>
  inner.x >= outer.x && inner.y >= outer.y && inner.x + inner.width <= outer.x + outer.width + 0.5 && inner.y + inner.height <= outer.y + outer.height + 0.5;

describe('the layout of nested boxes', () => {
  it.each(Array.from({ length: 25 }, (_, seed) => [seed]))('puts children inside and nothing on its siblings (%i)', (seed) => {
    const { boxes, arrows } = made(seed);
    const places = layout(boxes, arrows);
    expect(places.size).toBe(boxes.length);
    for (const box of boxes) {
      const at = places.get(box.id) as Placed;
      expect(at.x).toBeGreaterThanOrEqual(-0.5);
      expect(at.y).toBeGreaterThanOrEqual(-0.5);
      if (box.parent) expect(holds(places.get(box.parent) as Placed, at)).toBe(true);
      for (const other of boxes) {
        if (other.id !== box.id && other.parent === box.parent) expect(overlaps(at, places.get(other.id) as Placed)).toBe(false);
      }
    }
    expect(layout(boxes, arrows)).toEqual(places);
  });
  it('takes a circle of containers and arrows to nowhere', () => {
    const boxes: Box[] = [{ id: 'a', parent: 'b', width: 10, height: 10 }, { id: 'b', parent: 'a', width: 10, height: 10 }, { id: 'c', parent: 'gone', width: 10, height: 10 }];
    expect(layout(boxes, [{ source: 'a', target: 'gone' }, { source: 'c', target: 'c' }]).get('c')).toBeDefined();
  });
  it('puts what nothing points at in rows, not in one column', () => {
    const boxes = Array.from({ length: 40 }, (_, index): Box => ({ id: `n${index}`, parent: null, width: 200, height: 60 }));
    const places = [...layout(boxes, [{ source: 'n0', target: 'n1' }]).values()];
    const [width, height] = [Math.max(...places.map((at) => at.x + at.width)), Math.max(...places.map((at) => at.y + at.height))];
    expect(width).toBeGreaterThan(height);
    expect(places.some((one, index) => places.some((other, at) => at > index && overlaps(one, other)))).toBe(false);
  });
  it('lays out 500 boxes in less than two seconds', () => {
    const boxes = Array.from({ length: 500 }, (_, index): Box => ({ id: `n${index}`, parent: index < 50 ? null : `n${index % 50}`, width: 200, height: 60 }));
    const arrows = Array.from({ length: 600 }, (_, index) => ({ source: `n${(index * 7) % 500}`, target: `n${(index * 13 + 5) % 500}` }));
    const start = performance.now();
    layout(boxes, arrows);
    expect(performance.now() - start).toBeLessThan(2000);
  });
});
