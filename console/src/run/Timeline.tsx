// A run over time: a row for each operation, a bar for each attempt. Waiting is thin, work is thick.
import { useVirtualizer } from '@tanstack/react-virtual';
import { useMemo, useRef } from 'react';

import { duration } from '../i18n/time';
import { t } from '../i18n/t';
import { useNow } from '../parts/When';
import { StatusGlyph } from '../status/StatusMark';
import { lanes, type Step } from './steps';
import styles from './Timeline.module.css';

type Row = { lane: string; count: number } | { step: Step };

export function Timeline({ steps, from, to, chosen, choose }: {
  steps: Step[]; from: number; to: number | null; chosen?: string; choose: (id: string | undefined) => void;
}) {
  const now = useNow();
  const end = to ?? Math.max(now, from + 1000);
  const span = Math.max(1, end - from);
  const rows = useMemo(
    (): Row[] => lanes(steps).flatMap((lane) => [{ lane: lane.instance, count: lane.steps.length }, ...lane.steps.map((step) => ({ step }))]),
    [steps],
  );
  const body = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: rows.length, getScrollElement: () => body.current, overscan: 16,
    estimateSize: (index) => ('lane' in (rows[index] as Row) ? 30 : 26),
  });
  const at = (time: number) => `${(100 * (Math.min(Math.max(time, from), end) - from)) / span}%`;
  const ticks = [0, 0.25, 0.5, 0.75, 1];
  return (
    <div className={styles.timeline}>
      <div className={styles.axis} aria-hidden="true">
        <span />
        <div>
          {ticks.map((tick) => <i key={tick} style={{ left: `${tick * 100}%` }} data-last={tick === 1 || undefined}>{duration(span * tick)}</i>)}
        </div>
      </div>
      <div className={styles.body} ref={body} tabIndex={0} role="list" aria-label={t('Operations over time')}>
        <div style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map((item) => {
            const row = rows[item.index] as Row;
            const style = { transform: `translateY(${item.start}px)`, height: item.size };
            if ('lane' in row) {
              return <div key={item.key} role="listitem" className={styles.lane} style={style}><b>{row.lane || t('workflow')}</b></div>;
            }
            const { step } = row;
            return (
              <div key={item.key} role="listitem" className={styles.row} style={style} data-chosen={step.id === chosen || undefined}>
                <button type="button" className={styles.name} onClick={() => choose(step.id === chosen ? undefined : step.id)} aria-pressed={step.id === chosen}>
                  <StatusGlyph mark={step.mark} size={11} />
                  <span>{step.name}</span>
                  {step.attempts.length > 1 && <small>×{step.attempts.length}</small>}
                  <em className="numbers">{took(step, now)}</em>
                </button>
                <div className={styles.track} aria-hidden="true">
                  {ticks.map((tick) => <s key={tick} style={{ left: `${tick * 100}%` }} />)}
                  {step.attempts.map((one, index) => {
                    const start = one.started ?? one.queued;
                    const stop = one.ended ?? (one.mark === 'working' ? end : start);
                    if (one.started === null && one.mark === 'idle') return null;
                    return (
                      <span key={index}>
                        {one.queued < start && <u style={{ left: at(one.queued), width: `calc(${at(start)} - ${at(one.queued)})` }} />}
                        <b data-mark={one.mark} style={{ left: at(start), width: `max(3px, calc(${at(stop)} - ${at(start)}))` }} />
                      </span>
                    );
                  })}
                </div>
              </div>
            );
          })}
        </div>
      </div>
    </div>
  );
}

/** How long a step has taken, all attempts together. */
export function took(step: Step, now: number): string {
  const first = step.attempts[0]?.started;
  if (first === null || first === undefined) return '';
  const last = step.attempts[step.attempts.length - 1]?.ended ?? (step.mark === 'working' ? now : first);
  return duration(last - first);
}
