// From notices to what is asked for again: by topic, gathered for a moment, so that a busy run does not ask for each.
import type { QueryClient, QueryKey } from '@tanstack/react-query';

import { onNotice, type Notice } from './stream';

const GATHER = 300;

/** The queries that a notice makes old. */
export function touched(notice: Notice): QueryKey[] {
  const { data } = notice;
  const text = (name: string) => (typeof data[name] === 'string' ? [data[name]] : []);
  switch (notice.topic) {
    case 'deployments':
      return [['deployments'], ['deployment', ...text('id')], ['attention']];
    case 'executions':
      return [['executions'], ['execution', ...text('id')], ['tasks', ...text('id')], ['events', ...text('id')], ['runs-grid'], ['attention']];
    case 'node-instances':
      return [['node-instances', ...text('deployment_id')], ['topology', ...text('deployment_id')], ['list', '/node-instances']];
    case 'events':
      return [['events', ...text('execution_id')], ['all-events']];
    default:
      return notice.topic === 'reset' ? [[]] : [];
  }
}

/** Keeps what `client` holds fresh. */
export function keepFresh(client: QueryClient): () => void {
  const waiting = new Map<string, QueryKey>();
  let timer: ReturnType<typeof setTimeout> | null = null;
  const flush = () => {
    timer = null;
    const keys = [...waiting.values()];
    waiting.clear();
    for (const queryKey of keys) void client.invalidateQueries({ queryKey }, { cancelRefetch: false });
  };
  return onNotice((notice) => {
    for (const key of touched(notice)) waiting.set(JSON.stringify(key), key);
    timer ??= setTimeout(flush, GATHER);
  });
}
