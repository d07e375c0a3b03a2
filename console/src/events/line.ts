// An event or a log entry as a line.
import type { Event } from '../api/client';
import type { Mark } from '../status/status';

export interface Look {
  letter: string;
  mark: Mark;
}

const LEVELS: Record<string, Look> = {
  debug: { letter: 'D', mark: 'idle' },
  info: { letter: 'I', mark: 'idle' },
  warn: { letter: 'W', mark: 'attention' },
  warning: { letter: 'W', mark: 'attention' },
  error: { letter: 'E', mark: 'failed' },
  critical: { letter: 'C', mark: 'failed' },
};

export function look(event: Event): Look {
  if (event.type === 'cloudify_log') return LEVELS[(event.level ?? '').toLowerCase()] ?? { letter: '·', mark: 'idle' };
  const kind = event.event_type ?? '';
  if (/failed/.test(kind)) return { letter: '✕', mark: 'failed' };
  if (/rescheduled|cancelled/.test(kind)) return { letter: '↻', mark: 'attention' };
  if (/succeeded/.test(kind)) return { letter: '✓', mark: 'ok' };
  return { letter: '›', mark: 'working' };
}

/** Whether a line belongs to what was searched for. */
export function matches(event: Event, search: string): boolean {
  const wanted = search.toLowerCase();
  const fields = [event.message, event.node_instance_id, event.operation, event.level, event.event_type];
  return wanted.split(/\s+/).every((word) => fields.some((field) => field?.toLowerCase().includes(word)));
}

/** The causes of an error, outermost first. */
export function causes(event: Event): { type: string; message: string; traceback: string }[] {
  return Array.isArray(event.error_causes) ? (event.error_causes as { type: string; message: string; traceback: string }[]) : [];
}
