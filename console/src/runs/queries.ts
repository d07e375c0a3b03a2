import { useInfiniteQuery } from '@tanstack/react-query';

import { api, data, type Execution } from '../api/client';

const SIZE = 100;

interface Page {
  items: Execution[];
  total: number;
  next: number | undefined;
}

/** Which statuses each choice shows. */
export const SHOWN: Record<string, string[] | undefined> = {
  all: undefined,
  running: ['pending', 'started', 'cancelling', 'force_cancelling', 'kill_cancelling'],
  failed: ['failed'],
  waiting: ['queued', 'scheduled'],
  cancelled: ['cancelled'],
  completed: ['terminated'],
};

export function useRuns({ show = 'all', sort = '-created_at', deployment }: { show?: string; sort?: string; deployment?: string }) {
  const query = useInfiniteQuery({
    queryKey: ['executions', show, sort, deployment ?? ''],
    initialPageParam: 0,
    queryFn: async ({ pageParam }): Promise<Page> => {
      const status = SHOWN[show];
      const answer = await data(api.GET('/executions', {
        params: {
          query: {
            _size: SIZE, _offset: pageParam, _sort: [sort], ...(status ? { status } : {}), ...(deployment ? { deployment_id: [deployment] } : {}),
            ...(show === 'system' ? { _include_system_workflows: true } : {}),
          },
        },
      })) as unknown as { items: Execution[]; metadata: { pagination: { total: number } } };
      const { total } = answer.metadata.pagination;
      const next = pageParam + answer.items.length;
      return { items: answer.items, total, next: next < total && answer.items.length > 0 ? next : undefined };
    },
    getNextPageParam: (last) => last.next,
    placeholderData: (before) => before,
  });
  const rows = query.data?.pages.flatMap((page) => page.items) ?? [];
  return { ...query, rows, total: query.data?.pages[0]?.total ?? 0 };
}
