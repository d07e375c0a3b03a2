import { describe, expect, it } from 'vitest';

import { parse, rules, show, words } from '../src/deployments/filter';

describe('the filter language', () => {
  it('tells keys, labels and words apart', () => {
    const filter = parse('status:failed,attention label:env=prod,test label:owner blueprint:web* "two words" shop');
    expect(filter.status).toEqual(['failed', 'attention']);
    expect(filter.labels).toEqual([{ key: 'env', values: ['prod', 'test'] }, { key: 'owner', values: [] }]);
    expect(filter.blueprint).toEqual(['web*']);
    expect(filter.search).toBe('two words shop');
  });
  it('keeps a key that it does not know as a word', () => {
    expect(parse('color:red').search).toBe('color:red');
    expect(parse('status:').search).toBe('status:');
  });
  it('becomes rules of the manager', () => {
    expect(rules(parse('blueprint:web*,db site:Paris label:env=a label:x'))).toEqual([
      { type: 'attribute', key: 'blueprint_id', operator: 'starts_with', values: ['web'] },
      { type: 'attribute', key: 'blueprint_id', operator: 'any_of', values: ['db'] },
      { type: 'attribute', key: 'site_name', operator: 'any_of', values: ['Paris'] },
      { type: 'label', key: 'env', operator: 'any_of', values: ['a'] },
      { type: 'label', key: 'x', operator: 'is_not_null', values: [] },
    ]);
  });
  it('is shown as text that reads the same', () => {
    const pieces = ['status:ok', 'blueprint:a,b*', 'site:"New York"', 'by:admin', 'label:k=v,w', 'label:k', 'free', 'te:xt', ''];
    for (let mask = 0; mask < 1 << pieces.length; mask += 1) {
      const text = pieces.filter((_, bit) => mask & (1 << bit)).join(' ');
      const filter = parse(text);
      expect(parse(show(filter))).toEqual(filter);
    }
  });
  it('holds quoted words together', () => {
    expect(words('a "b c" d:"e f"')).toEqual(['a', 'b c', 'd:e f']);
  });
});
