import { useQuery, useQueryClient } from '@tanstack/react-query';

import { api, data, type Event, type Execution, type Task } from '../api/client';
import { isActive } from '../status/status';

export function useRun(id: string) {
  return useQuery({
    queryKey: ['execution', id],
    queryFn: () => data(api.GET('/executions/{id}', { params: { path: { id } } })) as Promise<Execution>,
  });
}

interface Tasks {
  version: number;
  tasks: Task[];
}

/** A run's tasks: all of them once, then only those that changed. */
export function useTasks(id: string) {
  const client = useQueryClient();
  const key = ['tasks', id];
  return useQuery({
    queryKey: key,
    queryFn: async (): Promise<Tasks> => {
      const known = client.getQueryData<Tasks>(key);
      const query = known ? { since: known.version } : {};
      const answer = await data(api.GET('/executions/{id}/tasks', { params: { path: { id }, query } }));
      if (!known || answer.whole) return { version: answer.version, tasks: answer.tasks };
      const changed = new Map(answer.tasks.map((task) => [task.id, task]));
      const kept = known.tasks.map((task) => changed.get(task.id) ?? task);
      const old = new Set(known.tasks.map((task) => task.id));
      return { version: answer.version, tasks: [...kept, ...answer.tasks.filter((task) => !old.has(task.id))] };
    },
  });
}

const SIZE = 1000;
/** Events may be stored a little later than others of a later time; so many are read again. */
const OVERLAP = 50;

/** A run's events and logs, in the order of their times. What was read is kept; only the end is asked for again. */
export function useRunEvents(id: string) {
  const client = useQueryClient();
  const key = ['events', id];
  return useQuery({
    queryKey: key,
    queryFn: async (): Promise<Event[]> => {
      const all = new Map((client.getQueryData<Event[]>(key) ?? []).map((event) => [event._storage_id, event]));
      let offset = Math.max(0, all.size - OVERLAP);
      for (;;) {
        const query = { execution_id: [id], _size: SIZE, _offset: offset };
        const answer = await data(api.GET('/events', { params: { query } })) as unknown as { items: Event[] };
        for (const event of answer.items) all.set(event._storage_id, event);
        offset += answer.items.length;
        if (answer.items.length < SIZE) break;
      }
      return [...all.values()].sort((left, right) =>
        (left.reported_timestamp ?? '').localeCompare(right.reported_timestamp ?? '') || left._storage_id - right._storage_id);
    },
  });
}

/** Why a run does not go on, while it does not. */
export function useWhy(id: string, run: Execution | undefined) {
  return useQuery({
    queryKey: ['tasks', id, 'why'],
    enabled: run !== undefined && isActive(run.status),
    queryFn: () => data(api.GET('/executions/{id}/why', { params: { path: { id } } })),
  });
}

export type Action = 'cancel' | 'force-cancel' | 'kill' | 'resume' | 'force-resume' | 'rerun';

export async function act(id: string, action: Action): Promise<Execution> {
  return data(api.POST('/executions/{id}', { params: { path: { id } }, body: { action } })) as Promise<Execution>;
}
