// Changes pushed by the manager. One tab of the browser reads the stream and passes it on to the others: a browser
// opens few connections to one origin. Notices name what changed; who shows it asks again.
import { useSyncExternalStore } from 'react';

import { API, headers } from './client';

export interface Notice {
  topic: string;
  data: Record<string, unknown>;
}

export type Freshness = 'live' | 'reconnecting' | 'starting';

const listeners = new Set<(notice: Notice) => void>();
const watchers = new Set<() => void>();
const channel = 'BroadcastChannel' in globalThis ? new BroadcastChannel('nephele.stream') : null;
let state: { freshness: Freshness; since: number } = { freshness: 'starting', since: Date.now() };
let stop: AbortController | null = null;

function setFreshness(freshness: Freshness): void {
  if (freshness === state.freshness) return;
  state = { freshness, since: Date.now() };
  watchers.forEach((watcher) => watcher());
}

function tell(notice: Notice): void {
  listeners.forEach((listener) => listener(notice));
}

if (channel) {
  channel.onmessage = (message: MessageEvent<{ notice?: Notice; freshness?: Freshness }>) => {
    if (message.data.freshness) setFreshness(message.data.freshness);
    if (message.data.notice) tell(message.data.notice);
  };
}

function pass(notice: Notice): void {
  tell(notice);
  channel?.postMessage({ notice });
}

function announce(freshness: Freshness): void {
  setFreshness(freshness);
  channel?.postMessage({ freshness });
}

/** One event of the protocol, as far as the console needs it. */
export function parse(block: string): { id?: string; topic: string; data: string } {
  const event: { id?: string; topic: string; data: string } = { topic: 'message', data: '' };
  for (const line of block.split('\n')) {
    const colon = line.indexOf(': ');
    const [field, value] = [line.slice(0, colon), line.slice(colon + 2)];
    if (field === 'id') event.id = value;
    if (field === 'event') event.topic = value;
    if (field === 'data') event.data += value;
  }
  return event;
}

async function read(signal: AbortSignal, last: { id: string | null }): Promise<void> {
  const resume: Record<string, string> = last.id ? { 'last-event-id': last.id } : {};
  const response = await fetch(`${API}/events/stream`, { headers: { ...headers(), ...resume }, signal });
  if (!response.ok || !response.body) throw new Error(String(response.status));
  // Without an id nothing tells what was missed meanwhile.
  const missed = !last.id && state.freshness === 'reconnecting';
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    rest += value;
    const blocks = rest.split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const event = parse(block);
      if (event.id) last.id = event.id;
      if (event.topic === 'ready') {
        announce('live');
        if (missed) pass({ topic: 'reset', data: {} });
      }
      // What was missed cannot be told: everything shown is asked for again.
      else if (event.topic === 'reset') {
        announce('live');
        pass({ topic: 'reset', data: {} });
      } else if (event.data) pass({ topic: event.topic, data: JSON.parse(event.data) as Record<string, unknown> });
    }
  }
}

async function follow(signal: AbortSignal): Promise<void> {
  const last = { id: null as string | null };
  let wait = 500;
  while (!signal.aborted) {
    try {
      await read(signal, last);
      wait = 500;
    } catch {
      wait = Math.min(wait * 2, 10_000);
    }
    if (signal.aborted) return;
    announce('reconnecting');
    await new Promise((resume) => setTimeout(resume, wait));
  }
}

/** Starts over, as when the tenant has changed. */
export function restart(): void {
  stop?.abort();
  stop = new AbortController();
  const { signal } = stop;
  state = { freshness: 'starting', since: Date.now() };
  const locks = navigator.locks as LockManager | undefined;
  const name = `nephele.stream.${headers()['Tenant'] ?? ''}`;
  if (!locks) void follow(signal);
  else void locks.request(name, { signal }, () => follow(signal)).catch(() => undefined);
  // Another tab may hold the stream already; it says nothing while nothing happens.
  setTimeout(() => state.freshness === 'starting' && !signal.aborted && setFreshness('live'), 3000);
}

export function stopStream(): void {
  stop?.abort();
}

export function onNotice(listener: (notice: Notice) => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useFreshness(): { freshness: Freshness; since: number } {
  return useSyncExternalStore((watcher) => {
    watchers.add(watcher);
    return () => watchers.delete(watcher);
  }, () => state);
}
