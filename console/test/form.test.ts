import { describe, expect, it } from 'vitest';

import { broken, fieldOf, fieldsOf, initial, initials, read, readAll, type Entry, type Spec } from '../src/form/schema';

const value = (spec: Spec, entry: Entry, data = {}) => read(fieldOf('x', spec, data), entry);

describe('kinds of fields', () => {
  it.each<[Spec, string]>([
    [{ type: 'boolean' }, 'switch'], [{ type: 'integer' }, 'integer'], [{ type: 'float' }, 'number'], [{ type: 'string' }, 'text'],
    [{ type: 'textarea' }, 'area'], [{ type: 'string', display: { rows: 4 } }, 'area'], [{ type: 'regex' }, 'text'], [{ type: 'list' }, 'code'],
    [{ type: 'dict' }, 'code'], [{ type: 'string', constraints: [{ valid_values: ['a'] }] }, 'choice'], [{ type: 'deployment_id' }, 'pick'],
    [{ type: 'list', item_type: 'node_id' }, 'picks'], [{ type: 'list', item_type: 'string' }, 'code'], [{}, 'text'], [{ default: 3 }, 'code'],
    [{ default: 'a' }, 'text'], [{ type: 'string', default: { get_secret: 'key' } }, 'code'], [{ type: 'my.Type' }, 'group'], [{ type: 'unknown.Type' }, 'code'],
  ])('%o is %s', (spec, kind) => {
    expect(fieldOf('x', spec, { 'my.Type': { properties: {} } }).kind).toBe(kind);
  });
  it('puts what must be filled first and leaves out what is hidden', () => {
    const fields = fieldsOf({ a: { default: 1 }, b: {}, c: { hidden: true }, d: { required: false } });
    expect(fields.map((field) => [field.name, field.required])).toEqual([['b', true], ['a', false], ['d', false]]);
  });
});

describe('what was entered', () => {
  it.each<[Spec, Entry, unknown]>([
    [{ type: 'integer' }, '12', 12], [{ type: 'integer' }, '-3', -3], [{ type: 'float' }, '1.5', 1.5], [{ type: 'boolean' }, true, true],
    [{ type: 'string' }, '007', '007'], [{ type: 'list' }, '[1, "b"]', [1, 'b']], [{ type: 'dict' }, '{"a": {}}', { a: {} }], [{ default: 3 }, 'word', 'word'],
    [{ type: 'string', constraints: [{ valid_values: ['a', 'b'] }] }, '"b"', 'b'], [{ type: 'list', item_type: 'node_id' }, ['vm'], ['vm']],
    [{ type: 'dict' }, '{"get_secret": "key"}', { get_secret: 'key' }],
  ])('%o with %o is %o', (spec, entry, wanted) => {
    expect(value(spec, entry)).toEqual({ value: wanted });
  });
  it.each<[Spec, Entry, string]>([
    [{ type: 'integer' }, '1.5', 'whole number'], [{ type: 'float' }, 'x', 'number'], [{ type: 'string' }, '  ', 'filled'], [{ type: 'list' }, '{}', 'list'],
    [{ type: 'dict' }, '[]', 'dictionary'], [{ type: 'dict' }, '{', 'not JSON'], [{ type: 'regex' }, '(', 'regular expression'],
    [{ type: 'list', item_type: 'node_id' }, [], 'at least one'],
  ])('%o refuses %o', (spec, entry, wanted) => {
    expect((value(spec, entry) as { problem: string }).problem).toContain(wanted);
  });
  it('leaves out what is empty and need not be filled', () => {
    expect(value({ type: 'integer', required: false }, '')).toEqual({ absent: true });
    expect(value({ type: 'string', default: '' }, '')).toEqual({ value: '' });
  });
});

describe('constraints', () => {
  it.each<[Record<string, unknown>, unknown, boolean]>([
    [{ in_range: [1, 5] }, 5, true], [{ in_range: [1, 5] }, 6, false], [{ in_range: ['UNBOUNDED', 5] }, -9, true], [{ equal: 'a' }, 'b', false],
    [{ greater_than: 2 }, 2, false], [{ greater_or_equal: 2 }, 2, true], [{ less_than: 2 }, 2, false], [{ less_or_equal: 2 }, 2, true],
    [{ length: 3 }, 'abc', true], [{ length: 3 }, [1], false], [{ min_length: 2 }, 'a', false], [{ max_length: 1 }, { a: 1, b: 2 }, false],
    [{ pattern: '[a-z]+' }, 'abc', true], [{ pattern: '[a-z]+' }, 'abc1', false], [{ pattern: '(?P<name>x)' }, 'anything', true], [{ novel: 1 }, 2, true],
  ])('%o and %o: %s', (constraint, given, holds) => {
    expect(broken(constraint, given) === null).toBe(holds);
  });
});

describe('data types', () => {
  const data = {
    'my.Address': { properties: { city: { type: 'string' }, zip: { type: 'integer', default: 1, constraints: [{ less_than: 100 }] } } },
    'my.Loop': { properties: { again: { type: 'my.Loop' } } },
  };
  it('become groups, and their values nested ones', () => {
    const field = fieldOf('home', { type: 'my.Address', default: { zip: 7 } }, data);
    expect(initial(field)).toEqual({ city: '', zip: '7' });
    expect(read(field, { city: 'Oslo', zip: '8' })).toEqual({ value: { city: 'Oslo', zip: 8 } });
    expect(read(field, { city: 'Oslo', zip: '800' })).toEqual({ problem: 'zip: Must be less than 100' });
  });
  it('that hold themselves end as JSON', () => {
    let field = fieldOf('loop', { type: 'my.Loop' }, data);
    for (let depth = 0; depth < 4; depth += 1) field = field.fields[0] as typeof field;
    expect(field.kind).toBe('code');
  });
});

describe('a whole form', () => {
  it('sends only what differs from the defaults, and starts from known values', () => {
    const fields = fieldsOf({ a: { type: 'integer', default: 1 }, b: { type: 'string' }, c: { type: 'list', default: [] } });
    const entries = initials(fields, { b: 'known' });
    expect(readAll(fields, entries)).toEqual({ values: { b: 'known' }, problems: {} });
    expect(readAll(fields, { ...entries, a: '2', b: '' })).toEqual({ values: { a: 2 }, problems: { b: 'Must be filled' } });
    expect(readAll(fields, entries, true).values).toEqual({ a: 1, b: 'known', c: [] });
  });
});
