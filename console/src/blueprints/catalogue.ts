// Blueprints that come with the console: the product's examples, to be added without a network.
import type { QueryClient } from '@tanstack/react-query';

import { call } from '../api/list';
import { archive } from './tar';

export interface Example {
  id: string;
  about: string;
  /** Texts by their places in the folder. */
  files: Record<string, string>;
}

const TEXTS = import.meta.glob<string>(['../../../examples/*/**/*', '!../../../examples/many/**'], { query: '?raw', import: 'default', eager: true });

/** Files by example; the one that needs nothing first. */
export function examples(texts: Record<string, string> = TEXTS): Example[] {
  const found = new Map<string, Record<string, string>>();
  for (const [path, text] of Object.entries(texts)) {
    const [, id, name] = /examples\/([^/]+)\/(.+)$/.exec(path) ?? [];
    if (id && name) found.set(id, { ...found.get(id), [name]: text });
  }
  const all = [...found].flatMap(([id, files]) => (files['blueprint.yaml'] ? [{ id, about: describe(files['blueprint.yaml']), files }] : []));
  const order = (one: Example) => ['shop', 'hello'].indexOf(one.id) >>> 0;
  return all.sort((left, right) => order(left) - order(right) || left.id.localeCompare(right.id));
}

/** What a blueprint says of itself. */
function describe(text: string): string {
  const [, inline = '', block = ''] = /^description:[ \t]*(?:[>|][-+]?)?[ \t]*(.*)\n((?:[ \t]+.*\n|\n)*)/m.exec(text) ?? [];
  return `${inline} ${block}`.replace(/\s+/g, ' ').trim().replace(/^(['"])(.*)\1$/, '$2');
}

/** Uploads an example under its own name, and waits until it is read. */
export async function add(example: Example, client: QueryClient): Promise<void> {
  const encoder = new TextEncoder();
  const files = Object.entries(example.files).map(([name, text]) => ({ name, content: encoder.encode(text) }));
  await call('PUT', `/blueprints/${encodeURIComponent(example.id)}?application_file_name=blueprint.yaml&visibility=tenant`, archive(example.id, files));
  await client.invalidateQueries({ queryKey: ['list', '/blueprints'] });
}
