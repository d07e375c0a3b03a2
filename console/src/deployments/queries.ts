import { useInfiniteQuery, useQuery } from '@tanstack/react-query';

import { api, data, type Deployment } from '../api/client';
import { ofDeployment } from '../status/status';
import { parse, rules, type Filter } from './filter';

const SIZE = 100;
export const SHOWN = [
  'id', 'display_name', 'blueprint_id', 'site_name', 'created_by', 'created_at', 'updated_at', 'deployment_status', 'installation_status',
  'latest_execution', 'latest_execution_status', 'latest_execution_workflow_id', 'latest_execution_finished_operations',
  'latest_execution_total_operations', 'unavailable_instances', 'drifted_instances', 'sub_services_status', 'sub_environments_status',
  'sub_services_count', 'sub_environments_count', 'labels', 'environment_type',
] as const;

interface Page {
  items: Deployment[];
  total: number;
  next: number | undefined;
}

async function page(filter: Filter, sort: string, saved: string | undefined, offset: number): Promise<Page> {
  const query = {
    _include: [...SHOWN], _sort: [sort], _size: SIZE, _offset: offset, ...(filter.search ? { _search: filter.search } : {}),
    ...(saved ? { _filter_id: saved } : {}),
  };
  const answer = await data(api.POST('/searches/deployments', { params: { query }, body: { filter_rules: rules(filter) } }));
  const { items, metadata } = answer as unknown as { items: Deployment[]; metadata: { pagination: { total: number } } };
  const { total } = metadata.pagination;
  return { items, total, next: offset + items.length < total && items.length > 0 ? offset + items.length : undefined };
}

/** Deployments that the filter lets through, page after page. */
export function useDeployments(text: string, sort: string, saved?: string) {
  const filter = parse(text);
  const query = useInfiniteQuery({
    queryKey: ['deployments', text, sort, saved ?? ''],
    initialPageParam: 0,
    queryFn: ({ pageParam }) => page(filter, sort, saved, pageParam),
    getNextPageParam: (last) => last.next,
    placeholderData: (before) => before,
  });
  const loaded = query.data?.pages.flatMap((one) => one.items) ?? [];
  // The manager has no rule for what the console calls a status: it is made of several fields.
  const rows = filter.status.length === 0 ? loaded : loaded.filter((row) => filter.status.includes(ofDeployment(row).mark));
  return { ...query, rows, loaded: loaded.length, total: query.data?.pages[0]?.total ?? 0, filter };
}

export function useDeployment(id: string) {
  return useQuery({
    queryKey: ['deployment', id],
    queryFn: () => data(api.GET('/deployments/{id}', { params: { path: { id } } })),
  });
}
