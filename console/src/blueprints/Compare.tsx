// Two blueprints beside each other: what they mean, and the lines of their files.
import { SegmentedControl, Select } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, useNavigate } from '@tanstack/react-router';
import { Equal, GitCompareArrows } from 'lucide-react';
import { useMemo, useState } from 'react';

import { call, type Listed } from '../api/list';
import deployment from '../deployment/Deployment.module.css';
import { n, t } from '../i18n/t';
import { Card } from '../parts/Page';
import { Empty, Loading, Problem } from '../parts/states';
import { differences, lines, type Difference, type Sign } from './differences';
import styles from './Blueprint.module.css';
import { planOf, useBlueprint, useFile, useFiles, type Plan } from './queries';

const route = getRouteApi('/blueprints/$id');
const SIGNS: Record<Sign, string> = { add: '+', remove: '−', change: '~' };

export default function Compare({ id, plan, main }: { id: string; plan: Plan; main: string | null }) {
  const { other, how } = route.useSearch();
  const navigate = useNavigate({ from: '/blueprints/$id' });
  const all = useQuery({ queryKey: ['list', '/blueprints', 'names'], queryFn: () => call<Listed<{ id: string }>>('GET', '/blueprints?_include=id&state=uploaded&_size=1000&_sort=-created_at') });
  const names = (all.data?.items ?? []).map((one) => one.id).filter((name) => name !== id);
  const set = (change: { other?: string; how?: string }) => void navigate({ search: (old) => ({ ...old, ...change }), replace: true });
  return (
    <div className={deployment.fill}>
      <Card flush>
        <div className={deployment.tools}>
          <Select size="xs" placeholder={t('Another blueprint')} aria-label={t('Compare with')} value={other ?? null} onChange={(next) => set({ other: next ?? undefined })} data={names} searchable clearable />
          <SegmentedControl size="xs" value={how ?? 'plan'} onChange={(next) => set({ how: next === 'plan' ? undefined : next })} data={[{ value: 'plan', label: t('Meaning') }, { value: 'files', label: t('Files') }]} aria-label={t('What is compared')} />
          {other && <span className="quiet">{t('from {other} to {id}', { other, id })}</span>}
        </div>
        {!other && <Empty icon={<GitCompareArrows />} title={t('Choose a blueprint to compare with')}>{t('What this one has and the other has not is shown as added.')}</Empty>}
        {other && (how === 'files' ? <Files id={id} other={other} main={main} /> : <Meaning plan={plan} other={other} />)}
      </Card>
    </div>
  );
}

function Meaning({ plan, other }: { plan: Plan; other: string }) {
  const before = useBlueprint(other);
  const old = before.data && planOf(before.data);
  const found = useMemo(() => (old ? differences(old, plan) : []), [old, plan]);
  if (before.error) return <Problem error={before.error} retry={() => void before.refetch()} />;
  if (!old) return <Loading />;
  if (found.length === 0) return <Empty icon={<Equal />} title={t('They mean the same')}>{t('Inputs, nodes, outputs, capabilities and plugins are the same.')}</Empty>;
  const count = (sign: Sign) => found.filter((one) => one.sign === sign).length;
  return (
    <div className={styles.differences}>
      <p className={styles.counts}>
        <span data-sign="add">{t('{count} added', { count: count('add') })}</span>
        <span data-sign="change">{t('{count} changed', { count: count('change') })}</span>
        <span data-sign="remove">{t('{count} removed', { count: count('remove') })}</span>
      </p>
      <ul aria-label={t('Differences')}>{found.map((one) => <Line key={`${one.kind} ${one.name}`} one={one} />)}</ul>
    </div>
  );
}

function Line({ one }: { one: Difference }) {
  const shown = (value: unknown) => {
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    return <code title={text}>{text}</code>;
  };
  return (
    <li>
      <i data-sign={one.sign} aria-hidden="true">{SIGNS[one.sign]}</i>
      <span className={styles.kind}>{t(one.kind)}</span>
      <b>{one.name}</b>
      {one.before !== undefined && <del>{shown(one.before)}</del>}
      {one.after !== undefined && <ins>{shown(one.after)}</ins>}
    </li>
  );
}

function Files({ id, other, main }: { id: string; other: string; main: string | null }) {
  const [ours, theirs] = [useFiles(id), useFiles(other)];
  const [path, setPath] = useState<string | null>(main);
  const error = ours.error ?? theirs.error;
  if (error) return <Problem error={error} />;
  if (!ours.data || !theirs.data) return <Loading />;
  const paths = [...new Set([...ours.data.items, ...theirs.data.items].map((one) => one.path))].sort();
  const there = (files: { items: { path: string }[] }) => files.items.some((one) => one.path === path);
  return (
    <>
      <div className={deployment.tools}><Select size="xs" aria-label={t('File')} value={path} onChange={setPath} data={paths} allowDeselect={false} searchable /></div>
      {path && <Lines key={path} after={there(ours.data) ? id : null} before={there(theirs.data) ? other : null} path={path} />}
    </>
  );
}

/** `before` and `after` are the blueprints that have the file. */
function Lines({ before, after, path }: { before: string | null; after: string | null; path: string }) {
  const [old, now] = [useFile(before ?? '', before ? path : undefined), useFile(after ?? '', after ? path : undefined)];
  const texts = [before ? old.data : '', after ? now.data : ''] as const;
  const rows = useMemo(() => (typeof texts[0] === 'string' && typeof texts[1] === 'string' ? lines(texts[0], texts[1]) : []), [texts[0], texts[1]]); // eslint-disable-line react-hooks/exhaustive-deps
  const error = old.error ?? now.error;
  if (error) return <Problem error={error} />;
  if (texts[0] === undefined || texts[1] === undefined) return <Loading />;
  if (texts[0] === null || texts[1] === null) return <Empty icon={<Equal />} title={t('This file is no text')} />;
  if (rows.length === 0) return <Empty icon={<Equal />} title={t('This file is the same in both')} />;
  return (
    <pre className={styles.code} tabIndex={0} role="region" aria-label={t('Lines of {path}', { path })}>
      {rows.map((row, index) => ('hidden' in row
        ? <div key={index} className={styles.gap}><i /><i />{n(row.hidden, 'line is the same', 'lines are the same')}</div>
        : <div key={index} data-sign={row.sign}><i>{row.before ?? ''}</i><i>{row.after ?? ''}</i>{row.sign === 'add' ? '+ ' : row.sign === 'remove' ? '− ' : '  '}{row.text}</div>))}
    </pre>
  );
}
