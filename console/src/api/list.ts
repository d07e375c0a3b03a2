// Lists of the REST service as one type, page after page.
import { useInfiniteQuery } from '@tanstack/react-query';

import { API, headers, look, refusal } from './client';

export interface Listed<T> {
  items: T[];
  metadata: { pagination: { total: number } };
}

/** A request by its path, for answers whose type is told by the caller. */
export async function call<T>(method: string, path: string, body?: unknown, base = API): Promise<T> {
  const json = body !== undefined && !(body instanceof Blob);
  const response = await fetch(`${base}${path}`, {
    method,
    headers: { ...headers(), ...(json ? { 'content-type': 'application/json' } : {}) },
    body: body === undefined ? undefined : body instanceof Blob ? body : JSON.stringify(body),
  });
  if (response.status === 401) void look();
  if (!response.ok) throw await refusal(response, `${method} ${path}`);
  const text = await response.text();
  return (text ? JSON.parse(text) : null) as T;
}

const SIZE = 100;

/** How often a list is asked for again of which no notices tell. */
const AGAIN = 1000;

/** A list by its path, with what is searched for and how it is sorted; asked for again while one of its rows is `moving`. */
export function useList<T>(path: string, query: Record<string, string | undefined> = {}, moving?: (row: T) => boolean) {
  const given = Object.entries(query).filter((pair): pair is [string, string] => pair[1] !== undefined && pair[1] !== '');
  const list = useInfiniteQuery({
    queryKey: ['list', path, ...given.map(([name, value]) => `${name}=${value}`)],
    initialPageParam: 0,
    queryFn: async ({ pageParam }) => {
      const params = new URLSearchParams([...given, ['_size', String(SIZE)], ['_offset', String(pageParam)]]);
      const answer = await call<Listed<T>>('GET', `${path}?${params}`);
      const next = pageParam + answer.items.length;
      const { total } = answer.metadata.pagination;
      return { items: answer.items, total, next: next < total && answer.items.length > 0 ? next : undefined };
    },
    getNextPageParam: (last) => last.next,
    placeholderData: (before) => before,
    refetchInterval: ({ state }) => (moving && state.data?.pages.some((page) => page.items.some(moving)) ? AGAIN : false),
  });
  const rows = list.data?.pages.flatMap((page) => page.items) ?? [];
  const more = () => {
    if (list.hasNextPage && !list.isFetchingNextPage) void list.fetchNextPage();
  };
  return { ...list, rows, total: list.data?.pages[0]?.total ?? 0, more };
}
