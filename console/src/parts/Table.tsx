// A list of any length: only the rows on screen are drawn, and more are asked for near its end. Arrows, j and k move,
// Enter opens.
import { useVirtualizer } from '@tanstack/react-virtual';
import { ArrowDown, ArrowUp } from 'lucide-react';
import { useEffect, useMemo, useRef, useState, type ReactNode } from 'react';

import { t } from '../i18n/t';
import { usePresent } from '../profile/preferences';
import styles from './Table.module.css';

export interface Column<Row> {
  key: string;
  title: string;
  /** A track of a CSS grid, such as `minmax(160px, 2fr)`. */
  width: string;
  cell: (row: Row) => ReactNode;
  sort?: string;
  align?: 'right';
}

interface Props<Row> {
  label: string;
  columns: Column<Row>[];
  rows: Row[];
  id: (row: Row) => string;
  open?: (row: Row) => void;
  sort?: string;
  onSort?: (sort: string) => void;
  more?: () => void;
  chosen?: string;
  rowHeight?: number;
  /** Rows that are ticked, where they can be. */
  ticked?: Set<string>;
  onTick?: (ticked: Set<string>) => void;
}

export function Table<Row>(props: Props<Row>) {
  const { dense } = usePresent();
  const { rows, rowHeight = dense ? 30 : 38, ticked, onTick } = props;
  const lastTick = useRef(-1);
  const body = useRef<HTMLDivElement>(null);
  const [wanted, setAt] = useState(-1);
  // A search may leave fewer rows than there were.
  const at = Math.min(wanted, rows.length - 1);
  const virtual = useVirtualizer({ count: rows.length, getScrollElement: () => body.current, estimateSize: () => rowHeight, overscan: 12 });
  useEffect(() => virtual.measure(), [virtual, rowHeight]);
  const items = virtual.getVirtualItems();
  const last = items[items.length - 1]?.index ?? 0;
  const { more } = props;
  useEffect(() => {
    if (more && rows.length > 0 && last >= rows.length - 20) more();
  }, [more, last, rows.length]);

  const tick = (index: number, range: boolean) => {
    if (!ticked || !onTick) return;
    const id = (at: number) => props.id(rows[at] as Row);
    const next = new Set(ticked);
    const on = !next.has(id(index));
    const from = range && lastTick.current >= 0 ? lastTick.current : index;
    for (let one = Math.min(from, index); one <= Math.max(from, index); one += 1) {
      if (on) next.add(id(one));
      else next.delete(id(one));
    }
    lastTick.current = index;
    onTick(next);
  };
  const given = props.columns;
  const columns = useMemo((): Column<Row>[] => (ticked ? [{ key: 'tick', title: '', width: '38px', cell: () => null }, ...given] : given), [given, ticked]);
  const template = columns.map((column) => column.width).join(' ');
  const move = (step: number) => {
    const next = Math.min(rows.length - 1, Math.max(0, at + step));
    setAt(next);
    virtual.scrollToIndex(next);
  };
  // Who comes by a key sees at once where they are; who clicks a row has chosen it already.
  const onFocus = (event: React.FocusEvent<HTMLElement>) => {
    if (event.target === body.current && event.target.matches(':focus-visible') && at < 0) move(1);
  };
  const onKeyDown = (event: React.KeyboardEvent) => {
    if (event.target !== body.current) return;
    if (event.key === 'ArrowDown' || event.key === 'j') move(1);
    else if (event.key === 'ArrowUp' || event.key === 'k') move(-1);
    else if (event.key === 'Enter' && rows[at]) props.open?.(rows[at]);
    else if (event.key === 'x' && rows[at]) tick(at, false);
    else return;
    event.preventDefault();
  };

  return (
    <div className={styles.table} role="table" aria-label={props.label} aria-rowcount={rows.length} ref={body} tabIndex={0} onFocus={onFocus} onKeyDown={onKeyDown} data-list>
      <div role="rowgroup" className={styles.head}>
        <div role="row" style={{ gridTemplateColumns: template }}>
          {columns.map((column) => <Head key={column.key} column={column} sort={props.sort} onSort={props.onSort} />)}
        </div>
      </div>
      <div role="rowgroup" className={styles.body} style={{ height: virtual.getTotalSize() }}>
          {items.map((item) => {
            const row = rows[item.index];
            if (row === undefined) return null;
            const id = props.id(row);
            return (
              <div
                key={id}
                role="row"
                aria-rowindex={item.index + 1}
                className={styles.row}
                data-clickable={props.open ? true : undefined}
                data-chosen={id === props.chosen || undefined}
                data-at={item.index === at || undefined}
                style={{ gridTemplateColumns: template, height: rowHeight, transform: `translateY(${item.start}px)` }}
                onClick={(event) => {
                  if (!(event.target as Element).closest('a, button, input')) props.open?.(row);
                }}
              >
                {columns.map((column) => (
                  <div role="cell" key={column.key} data-align={column.align} className={styles.cell}>{column.key === 'tick' ? <Tick on={ticked?.has(id) ?? false} name={id} set={(range) => tick(item.index, range)} /> : column.cell(row)}</div>
                ))}
              </div>
            );
          })}
      </div>
    </div>
  );
}

function Tick({ on, name, set }: { on: boolean; name: string; set: (range: boolean) => void }) {
  return <input type="checkbox" className={styles.tick} checked={on} aria-label={t('Choose {name}', { name })} onChange={() => undefined} onClick={(event) => set(event.shiftKey)} />;
}

function Head<Row>({ column, sort, onSort }: { column: Column<Row>; sort?: string; onSort?: (sort: string) => void }) {
  const field = column.sort;
  if (!field || !onSort) return <div role="columnheader" data-align={column.align}>{t(column.title)}</div>;
  const direction = sort === field ? 'ascending' : sort === `-${field}` ? 'descending' : 'none';
  return (
    <div role="columnheader" aria-sort={direction} data-align={column.align}>
      <button type="button" onClick={() => onSort(direction === 'descending' ? field : `-${field}`)}>
        {t(column.title)}
        {direction === 'ascending' && <ArrowUp size={12} aria-hidden="true" />}
        {direction === 'descending' && <ArrowDown size={12} aria-hidden="true" />}
      </button>
    </div>
  );
}
