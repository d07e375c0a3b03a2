// All deployments: what stands how, and why.
import { Button, CloseButton, Progress, SegmentedControl, TextInput } from '@mantine/core';
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router';
import { Boxes, Rocket, Search } from 'lucide-react';
import { lazy, Suspense, useCallback, useEffect, useMemo, useState } from 'react';

import type { Deployment } from '../api/client';
import { isGoing, mayBeKey } from '../frame/keys';
import { n, t } from '../i18n/t';
import { Allowed } from '../parts/Allowed';
import { Card, Page } from '../parts/Page';
import { Empty, Loading, Problem } from '../parts/states';
import { Table, type Column } from '../parts/Table';
import { useTyped } from '../parts/typed';
import { When } from '../parts/When';
import { ofDeployment, percent, type Mark } from '../status/status';
import { StatusGlyph } from '../status/StatusMark';
import { BulkBar } from './Bulk';
import styles from './Deployments.module.css';
import { isEmpty, parse, show as textOf } from './filter';
import { useDeployments } from './queries';
import { Saved } from './Saved';

const Tree = lazy(() => import('./Tree'));
const WorldMap = lazy(() => import('./Map'));

const route = getRouteApi('/deployments');
const STATUSES: { mark: Mark; label: string }[] = [
  { mark: 'failed', label: 'Failed' },
  { mark: 'attention', label: 'Attention' },
  { mark: 'working', label: 'Running' },
  { mark: 'ok', label: 'Good' },
  { mark: 'idle', label: 'Not installed' },
];

const COLUMNS: Column<Deployment>[] = [
  {
    key: 'name', title: 'Name', width: 'minmax(200px, 2.2fr)', sort: 'display_name',
    cell: (row) => (
      <span className={styles.name}>
        <StatusGlyph mark={ofDeployment(row).mark} size={13} />
        <Link to="/deployments/$id" params={{ id: row.id }}>{row.display_name ?? row.id}</Link>
        {row.display_name !== row.id && <code className="quiet">{row.id}</code>}
      </span>
    ),
  },
  { key: 'why', title: 'Status', width: 'minmax(170px, 1.5fr)', cell: (row) => <Why row={row} /> },
  {
    key: 'blueprint', title: 'Blueprint', width: 'minmax(120px, 1fr)', sort: 'blueprint_id', cell: (row) => row.blueprint_id,
  },
  {
    key: 'labels', title: 'Labels', width: 'minmax(120px, 1.2fr)',
    cell: (row) => (row.labels ?? []).filter((label) => !label.key?.startsWith('csys-')).map((label) => (
      <span key={`${label.key}=${label.value}`} className={styles.label}>{label.key}: {label.value}</span>
    )),
  },
  { key: 'site', title: 'Site', width: 'minmax(80px, 0.7fr)', sort: 'site_name', cell: (row) => row.site_name ?? <span className="quiet">—</span> },
  { key: 'by', title: 'Owner', width: 'minmax(80px, 0.6fr)', sort: 'created_by', cell: (row) => row.created_by },
  { key: 'created', title: 'Created', width: '120px', sort: 'created_at', align: 'right', cell: (row) => <When time={row.created_at} /> },
];

function Why({ row }: { row: Deployment }) {
  const { mark, why } = ofDeployment(row);
  return (
    <span className={styles.why} data-mark={mark}>
      {mark === 'working' && <Progress value={percent(row)} size={5} w={56} aria-label={t('Progress')} />}
      {row.latest_execution && (mark === 'failed' || mark === 'working')
        ? <Link to="/runs/$id" params={{ id: row.latest_execution }}>{why}</Link> : why}
    </span>
  );
}

export function DeploymentsPage() {
  const search = route.useSearch();
  const navigate = useNavigate({ from: '/deployments' });
  const q = search.q ?? '';
  const sort = search.sort ?? '-created_at';
  const list = useDeployments(q, sort, search.saved);
  const [chosen, setChosen] = useState<Set<string>>(new Set());
  const filter = useMemo(() => parse(q), [q]);
  const setQuery = useCallback((text: string) => void navigate({ search: (old) => ({ ...old, q: text || undefined }), replace: true }), [navigate]);
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = list;
  const more = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, fetchNextPage]);
  const view = search.view ?? 'table';
  const show = useCallback((next: string) => void navigate({ search: (old) => ({ ...old, view: next === 'table' ? undefined : next }), replace: true }), [navigate]);
  useViewKeys(show);
  const toggle = (mark: string) => {
    const status = filter.status.includes(mark) ? filter.status.filter((one) => one !== mark) : [...filter.status, mark];
    setQuery(textOf({ ...filter, status }));
  };

  return (
    <Page fill title={t('Deployments')} about={<Counts {...list} filtered={!isEmpty(filter) || search.saved !== undefined} />} actions={<Allowed permission="deployment_create" leftSection={<Rocket size={14} />} onClick={() => void navigate({ to: '/blueprints', search: {} })}>{t('Deploy')}</Allowed>}>
      <div className={styles.tools}>
        <SegmentedControl size="sm" value={view} onChange={show} data={[{ value: 'table', label: t('Table') }, { value: 'tree', label: t('Tree') }, { value: 'map', label: t('Map') }]} aria-label={t('View')} />
        {view !== 'map' && <FilterBox value={q} onChange={setQuery} />}
        {view === 'table' && <Saved filter={filter} chosen={search.saved} choose={(saved) => void navigate({ search: (old) => ({ ...old, saved }), replace: true })} />}
        {view === 'table' && <div className={styles.chips} role="group" aria-label={t('Status')}>
          {STATUSES.map(({ mark, label }) => (
            <button key={mark} type="button" className={styles.chip} aria-pressed={filter.status.includes(mark)} onClick={() => toggle(mark)}>
              <StatusGlyph mark={mark} size={11} />{t(label)}
            </button>
          ))}
        </div>}
      </div>
      {view !== 'table' && <Suspense fallback={<Loading rows={10} />}>{view === 'tree' ? <Tree q={q} /> : <WorldMap />}</Suspense>}
      {view === 'table' && <><BulkBar chosen={[...chosen]} clear={() => setChosen(new Set())} />
      <Card flush>
        {list.error && <Problem error={list.error} retry={() => void list.refetch()} />}
        {list.isPending && <Loading rows={10} />}
        {list.isSuccess && list.rows.length === 0 && <Nothing filtered={!isEmpty(filter) || search.saved !== undefined} clear={() => void navigate({ search: { sort: search.sort }, replace: true })} />}
        {list.rows.length > 0 && (
          <Table
            label={t('Deployments')}
            ticked={chosen}
            onTick={setChosen}
            columns={COLUMNS}
            rows={list.rows}
            id={(row) => row.id}
            sort={sort}
            onSort={(next) => void navigate({ search: (old) => ({ ...old, sort: next }), replace: true })}
            more={more}
            open={(row) => void navigate({ to: '/deployments/$id', params: { id: row.id }, search: {} })}
          />
        )}
      </Card></>}
    </Page>
  );
}

/** `t`, `h` and `m` show the table, the tree and the map. */
function useViewKeys(show: (view: string) => void): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const view = { t: 'table', h: 'tree', m: 'map' }[event.key];
      if (view && mayBeKey(event) && !isGoing() && !event.defaultPrevented) show(view);
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, [show]);
}

function Counts({ rows, total, loaded, filtered }: { rows: unknown[]; total: number; loaded: number; filtered: boolean }) {
  if (!filtered) return <span>{n(total, 'deployment', 'deployments')}</span>;
  return <span>{t('{shown} shown of {total}', { shown: rows.length, total: Math.max(total, loaded) })}</span>;
}

function FilterBox({ value, onChange }: { value: string; onChange: (text: string) => void }) {
  const { text, setText, input, leave } = useTyped(value, onChange);
  return (
    <TextInput
      ref={input}
      className={styles.filter}
      leftSection={<Search size={15} />}
      rightSection={text ? <CloseButton size="sm" onClick={() => { setText(''); onChange(''); }} aria-label={t('Clear the filter')} /> : null}
      placeholder={t('Search, or status:failed label:env=prod')}
      aria-label={t('Filter')}
      data-filter
      value={text}
      onChange={(event) => setText(event.currentTarget.value)}
      onBlur={leave}
    />
  );
}

function Nothing({ filtered, clear }: { filtered: boolean; clear: () => void }) {
  if (filtered) {
    return (
      <Empty icon={<Search />} title={t('No deployment matches')} action={<Button variant="default" onClick={clear}>{t('Clear the filter')}</Button>}>
        {t('The filter hides all deployments of this tenant.')}
      </Empty>
    );
  }
  return (
    <Empty icon={<Boxes />} title={t('No deployments yet')} action={<Link to="/blueprints">{t('Choose a blueprint')}</Link>}>
      {t('A deployment is a blueprint with its inputs, and what its workflows have made of it.')}
    </Empty>
  );
}
