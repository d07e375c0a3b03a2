// A time, relative, with the exact one beside the pointer.
import { useSyncExternalStore } from 'react';

import { ago, exact } from '../i18n/time';

let now = Date.now();
const watchers = new Set<() => void>();
setInterval(() => {
  now = Date.now();
  watchers.forEach((watcher) => watcher());
}, 1000);

/** The current time, once a second. */
export function useNow(): number {
  return useSyncExternalStore((watcher) => {
    watchers.add(watcher);
    return () => watchers.delete(watcher);
  }, () => now);
}

export function When({ time }: { time: string | null | undefined }) {
  const at = useNow();
  if (!time) return <span className="quiet">—</span>;
  return <time className="numbers" dateTime={time} title={exact(time)}>{ago(time, at)}</time>;
}
