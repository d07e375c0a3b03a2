// Deployments as a tree: environments, and what is deployed in them. A deployment names those above it by a label.
import { useQueries } from '@tanstack/react-query';

import { api, data, type Deployment } from '../api/client';
import { parse, rules, type Rule } from './filter';
import { SHOWN } from './queries';

const PARENT = 'csys-obj-parent';
/** So many of one level are shown. */
export const LEVEL = 500;

export interface Branch {
  row: Deployment;
  depth: number;
  open: boolean;
  /** Whether there is something below it. */
  leads: boolean;
}

/** The rule for those right below a deployment, or for those that are below none. */
export function below(parent: string | null): Rule {
  return parent === null ? { type: 'label', key: PARENT, operator: 'is_null', values: [] } : { type: 'label', key: PARENT, operator: 'any_of', values: [parent] };
}

export const leads = (row: Deployment): boolean => row.sub_services_count + row.sub_environments_count > 0;

/** Levels one after another, each below what it belongs to. A deployment that is its own ancestor is shown once. */
export function branches(levels: Map<string | null, Deployment[]>, open: ReadonlySet<string>): Branch[] {
  const found: Branch[] = [];
  const add = (parent: string | null, depth: number, above: ReadonlySet<string>) => {
    for (const row of levels.get(parent) ?? []) {
      if (above.has(row.id)) continue;
      const isOpen = open.has(row.id);
      found.push({ row, depth, open: isOpen, leads: leads(row) });
      if (isOpen) add(row.id, depth + 1, new Set([...above, row.id]));
    }
  };
  add(null, 0, new Set());
  return found;
}

async function level(parent: string | null, filter: Rule[], search: string): Promise<{ rows: Deployment[]; total: number }> {
  const query = { _include: [...SHOWN], _sort: ['display_name'], _size: LEVEL, ...(search ? { _search: search } : {}) };
  const answer = await data(api.POST('/searches/deployments', { params: { query }, body: { filter_rules: [...filter, below(parent)] } }));
  const { items, metadata } = answer as unknown as { items: Deployment[]; metadata: { pagination: { total: number } } };
  return { rows: items, total: metadata.pagination.total };
}

/** The tree as far as it is unfolded. The filter is for the outermost level: what is below belongs to it. */
export function useTree(text: string, open: ReadonlySet<string>) {
  const filter = parse(text);
  const parents = [null, ...open];
  const answers = useQueries({
    queries: parents.map((parent) => ({
      queryKey: ['deployments', 'below', parent, parent === null ? text : ''],
      queryFn: () => (parent === null ? level(null, rules(filter), filter.search) : level(parent, [], '')),
    })),
  });
  const levels = new Map(parents.map((parent, index) => [parent, answers[index]?.data?.rows ?? []]));
  const first = answers[0];
  return {
    branches: branches(levels, open), total: first?.data?.total ?? 0, isPending: first?.isPending ?? true,
    error: answers.find((answer) => answer.error)?.error ?? null, refetch: () => answers.forEach((answer) => void answer.refetch()),
  };
}
