// Lines of a log. It follows its end until somebody scrolls up, and says then how much is new.
import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useRef, useState } from 'react';

import type { Event } from '../api/client';
import { n, t } from '../i18n/t';
import { clock, exact } from '../i18n/time';
import { causes, look } from './line';
import styles from './LogView.module.css';

export function LogView({ events, follow = true, label }: { events: Event[]; follow?: boolean; label: string }) {
  const body = useRef<HTMLDivElement>(null);
  const [atEnd, setAtEnd] = useState(follow);
  const [seen, setSeen] = useState(0);
  const [open, setOpen] = useState<number | null>(null);
  const virtual = useVirtualizer({
    count: events.length, getScrollElement: () => body.current, estimateSize: () => 22, overscan: 30,
    getItemKey: (index) => events[index]?._storage_id ?? index,
  });
  useEffect(() => {
    if (!atEnd || events.length === 0) return;
    setSeen(events.length);
    requestAnimationFrame(() => virtual.scrollToIndex(events.length - 1, { align: 'end' }));
  }, [atEnd, events.length, virtual]);
  const fresh = events.length - seen;
  return (
    <div className={styles.log}>
      <div
        className={styles.body}
        ref={body}
        role="log"
        aria-label={label}
        tabIndex={0}
        onWheel={(event) => event.deltaY < 0 && setAtEnd(false)}
        onScroll={(event) => {
          const { scrollTop, scrollHeight, clientHeight } = event.currentTarget;
          if (follow && scrollHeight - scrollTop - clientHeight < 4) setAtEnd(true);
        }}
      >
        <div style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map((item) => {
            const event = events[item.index];
            if (!event) return null;
            const { letter, mark } = look(event);
            const opened = open === event._storage_id;
            return (
              <div key={item.key} ref={virtual.measureElement} data-index={item.index} className={styles.line} data-mark={mark} data-open={opened || undefined} style={{ transform: `translateY(${item.start}px)` }}>
                <button type="button" onClick={() => setOpen(opened ? null : event._storage_id)} aria-expanded={opened}>
                  <time title={exact(event.reported_timestamp ?? '')}>{clock(event.reported_timestamp ?? '', true)}</time>
                  <i>{letter}</i>
                  {event.node_instance_id && <span className={styles.source}>{event.node_instance_id}</span>}
                  <span className={styles.message}>{event.message}</span>
                </button>
                {opened && <Details event={event} />}
              </div>
            );
          })}
        </div>
      </div>
      {!atEnd && follow && (
        <button type="button" className={styles.more} onClick={() => setAtEnd(true)}>
          {fresh > 0 ? `${n(fresh, 'new line', 'new lines')} ↓` : t('Follow ↓')}
        </button>
      )}
    </div>
  );
}

function Details({ event }: { event: Event }) {
  const facts = ([['event', event.event_type ?? event.level], ['operation', event.operation], ['logger', event.logger], ['run', event.execution_id]] as const)
    .filter(([, value]) => value);
  return (
    <div className={styles.details}>
      {facts.map(([name, value]) => <div key={name}><b>{t(name)}</b> {value}</div>)}
      {causes(event).map((cause, index) => (
        <div key={index} className={styles.cause}>
          <b>{cause.type}</b> {cause.message}
          {cause.traceback && <pre>{cause.traceback}</pre>}
        </div>
      ))}
    </div>
  );
}
