// What pickers offer, asked from the manager while somebody types.
import { useQuery } from '@tanstack/react-query';

import { api, data } from '../api/client';
import type { Picked } from './schema';

type Item = Record<string, unknown>;
const SIZE = 50;

async function choices(kind: Picked, deployment: string | undefined, search: string): Promise<string[]> {
  const query = { _size: SIZE, ...(search ? { _search: search } : {}), ...(deployment ? { deployment_id: deployment } : {}) };
  const own = { _size: SIZE, ...(search ? { _search: search } : {}) };
  const body = {};
  const names = (answer: unknown, key: string) => [...new Set((answer as { items: Item[] }).items.map((item) => String(item[key])))];
  switch (kind) {
    case 'deployment_id':
      return names(await data(api.POST('/searches/deployments', { params: { query: { ...own, _include: ['id'] } }, body })), 'id');
    case 'blueprint_id':
      return names(await data(api.POST('/searches/blueprints', { params: { query: { ...own, _include: ['id'] } }, body })), 'id');
    case 'secret_key':
      return names(await data(api.POST('/searches/secrets', { params: { query: own }, body })), 'key');
    case 'node_id':
      return names(await data(api.POST('/searches/nodes', { params: { query }, body })), 'id');
    case 'node_type':
      return names(await data(api.POST('/searches/node-types', { params: { query }, body })), 'type');
    case 'node_instance':
      return names(await data(api.POST('/searches/node-instances', { params: { query }, body })), 'id');
    case 'scaling_group':
      return names(await data(api.POST('/searches/scaling-groups', { params: { query }, body })), 'name');
    default:
      return [];
  }
}

export function useChoices(kind: Picked | null, deployment: string | undefined, search: string): string[] {
  const query = useQuery({
    queryKey: ['choices', kind, deployment, search],
    enabled: kind !== null,
    staleTime: 10_000,
    retry: false,
    queryFn: () => choices(kind as Picked, deployment, search),
    placeholderData: (before) => before,
  });
  return query.data ?? [];
}
