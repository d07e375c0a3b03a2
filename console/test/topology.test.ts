import { describe, expect, it } from 'vitest';

import { BUDGET, fold, nameOf } from '../src/topology/fold';
import { marksOf, place, trail, type Shape } from '../src/topology/model';

const shape = (id: string, over: Partial<Shape> = {}): Shape => ({
  id, type: 'x.Server', type_hierarchy: ['x.Server'], container: null, host_id: null, relationships: [], plugins: [], planned_number_of_instances: 1,
  min_number_of_instances: 0, max_number_of_instances: -1, states: { started: 1 }, drifted_instances: 0, unavailable_instances: 0, ...over,
});
const to = (target_id: string, kind = 'connected_to') => ({ target_id, type: `r.${kind}`, type_hierarchy: [`cloudify.relationships.${kind}`] });
const many = (count: number, make: (index: number) => Shape) => Array.from({ length: count }, (_, index) => make(index));
const all = (shapes: Shape[]) => shapes.reduce((sum, one) => sum + Object.values(one.states).reduce((left, right) => left + right, 0), 0);

describe('a picture of nodes', () => {
  it('gives each instance a mark, the worst first', () => {
    expect(marksOf(shape('a', { states: { started: 2, creating: 1 } }))).toEqual(['working', 'ok', 'ok']);
    expect(marksOf(shape('a', { states: { started: 3 }, unavailable_instances: 1 }))).toEqual(['attention', 'ok', 'ok']);
    expect(marksOf(shape('a', { states: {} }))).toEqual([]);
  });
  it('draws what is contained inside, and the rest as links', () => {
    const nodes = [shape('host'), shape('app', { container: 'host', relationships: [to('db'), to('net', 'depends_on')] }), shape('db'), shape('net')];
    const { places, links, parents } = place(nodes);
    expect(places.get('host')?.container).toBe(true);
    expect(links.map(({ target, soft }) => [target, soft])).toEqual([['db', false], ['net', true]]);
    expect([...trail(links, 'db', parents)].sort()).toEqual(['app', 'db', 'host']);
  });
});

describe('what is too much to be drawn', () => {
  it('leaves alone what fits', () => {
    const nodes = many(BUDGET, (index) => shape(`n${index}`));
    expect(fold(nodes)).toEqual({ shapes: nodes, members: new Map() });
  });
  it('draws alike nodes of one place as one card, and keeps what they point at', () => {
    const nodes = [shape('db', { type: 'x.Db' }), shape('site', { type: 'x.Site' }), ...many(400, (index) => shape(`n${index}`, { container: 'site', relationships: [to('db')], states: index ? { started: 1 } : { creating: 1 } }))];
    const { shapes, members } = fold(nodes);
    const card = shapes.find((one) => members.has(one.id)) as Shape;
    expect(shapes).toHaveLength(3);
    expect(nameOf(card, members)).toBe('400 × Server');
    expect(card.states).toEqual({ started: 399, creating: 1 });
    expect(card.relationships.map((one) => one.target_id)).toEqual(['db']);
    expect(card.container).toBe('site');
    expect(all(shapes)).toBe(all(nodes));
    expect(fold(nodes, new Set([card.id])).shapes).toHaveLength(402);
  });
  it('hides inside containers where that is not enough', () => {
    const nodes = many(600, (index) => (index % 2 ? shape(`app${index}`, { container: `host${index - 1}`, type: 'x.App', relationships: [to(`host${(index + 1) % 600}`)] }) : shape(`host${index}`)));
    const { shapes, members } = fold(nodes);
    expect(shapes).toHaveLength(1);
    expect(nameOf(shapes[0] as Shape, members)).toBe('600 × Server');
    expect(all(shapes)).toBe(600);
    expect(shapes[0]?.relationships).toEqual([]);
  });
});
