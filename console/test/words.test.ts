import { describe, expect, it } from 'vitest';

import { examples } from '../src/blueprints/catalogue';
import { tar } from '../src/blueprints/tar';
import { command, labelsOf, startCommand } from '../src/deploy/command';
import { queryOf } from '../src/events/query';
import { n, speak, t } from '../src/i18n/t';

describe('what forms become', () => {
  it('a command that starts the same run', () => {
    expect(startCommand('scale', 'my shop', { delta: 2, group: 'web tier' }, { dry_run: true, queue: false, force: true })).toBe(
      "nephele executions start scale -d 'my shop' -p delta=2 -p 'group=web tier' --dry-run --force",
    );
  });
  it('a command that a shell reads as one', () => {
    expect(command('shop', 'my shop', { region: 'eu', list: [1], name: "it's" })).toBe(
      "nephele deployments create 'my shop' -b shop -i region=eu -i 'list=[1]' -i 'name=it'\\''s'",
    );
  });
  it('labels', () => {
    expect(labelsOf(['env=prod', 'url=http://a', 'owner'])).toEqual([{ env: 'prod' }, { url: 'http://a' }, { owner: '' }]);
  });
  it('an archive with their files', () => {
    const encoder = new TextEncoder();
    const bytes = tar([{ name: 'shop/blueprint.yaml', content: encoder.encode('a: b') }, { name: 'shop/run.sh', content: encoder.encode('x'.repeat(600)) }]);
    expect(bytes.length).toBe(512 * 7);
    expect(new TextDecoder().decode(bytes.subarray(1024, 1035))).toBe('shop/run.sh');
    const text = new TextDecoder().decode(bytes);
    expect(text.slice(0, 19)).toBe('shop/blueprint.yaml');
    expect(parseInt(text.slice(124, 135), 8)).toBe(4);
    const sum = bytes.subarray(0, 512).reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 32 : byte), 0);
    expect(parseInt(text.slice(148, 154), 8)).toBe(sum);
  });
});

describe('the catalogue', () => {
  it('has the product\'s examples, with what each says of itself', () => {
    const all = examples();
    expect(all.map((one) => one.id)).toEqual(['shop', 'hello', 'ansible', 'docker', 'helm', 'rest', 'ssh', 'terraform']);
    for (const { about, files } of all) {
      expect(about.length).toBeGreaterThan(30);
      expect(files['blueprint.yaml']).toContain('tosca_definitions_version');
    }
    expect(Object.keys(all[0]?.files ?? {})).toContain('scripts/make-workspace.sh');
  });
});

describe('the search line of events', () => {
  it('has facets, and words for the message', () => {
    const query = queryOf('level:error,warning run:abc "no space" left');
    expect(query.getAll('level')).toEqual(['error', 'warning']);
    expect(query.get('execution_id')).toBe('abc');
    expect(query.get('message')).toBe('%no space left%');
  });
});

describe('texts', () => {
  it('are filled in, counted and translated', () => {
    expect(t('{a} of {b}, {c}', { a: 1, b: 'x' })).toBe('1 of x, {c}');
    expect(n(1, 'run', 'runs')).toBe('1 run');
    expect(n(2000, 'run', 'runs')).toBe('2,000 runs');
    speak({ runs: 'L\u00e4ufe' });
    expect(n(2, 'run', 'runs')).toBe('2 L\u00e4ufe');
    speak({});
  });
});
