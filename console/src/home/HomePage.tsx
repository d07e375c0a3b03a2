// What needs somebody, what runs, and how the estate stands.
import { Progress } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { PartyPopper } from 'lucide-react';

import { api, data, type Deployment, type Execution, type Schemas } from '../api/client';
import { call, type Listed } from '../api/list';
import { useMe } from '../api/session';
import { n, t } from '../i18n/t';
import { duration } from '../i18n/time';
import { Card, Page } from '../parts/Page';
import { Loading, Problem } from '../parts/states';
import { useNow, When } from '../parts/When';
import { SHOWN } from '../runs/queries';
import { MARKS, ofDeployment, progress, type Mark } from '../status/status';
import { StatusGlyph } from '../status/StatusMark';
import { GettingStarted } from './GettingStarted';
import styles from './Home.module.css';

const ESTATE = 2000;
const FIELDS = 'id,display_name,blueprint_id,deployment_status,installation_status,latest_execution,latest_execution_status,latest_execution_workflow_id,latest_execution_finished_operations,latest_execution_total_operations,unavailable_instances,drifted_instances,sub_services_status,sub_environments_status,updated_at,created_by';

function useEstate() {
  return useQuery({
    queryKey: ['deployments', 'estate'],
    queryFn: () => call<Listed<Deployment>>('GET', `/deployments?_include=${FIELDS}&_size=${ESTATE}&_sort=-updated_at`),
  });
}

function useRunning() {
  return useQuery({
    queryKey: ['executions', 'running-now'],
    queryFn: async () => await data(api.GET('/executions', { params: { query: { _size: 30, _sort: ['-created_at'], status: SHOWN['running'] ?? [] } } })) as unknown as Listed<Execution>,
  });
}

export function HomePage() {
  const me = useMe();
  const estate = useEstate();
  const running = useRunning();
  const rows = estate.data?.items ?? [];
  const standing = rows.map((row) => ({ row, ...ofDeployment(row) }));
  const mine = standing.filter((one) => one.row.created_by === me.data?.username).slice(0, 6);
  if (estate.error && !estate.data) return <Problem error={estate.error} retry={() => void estate.refetch()} />;
  if (!estate.data) return <Loading rows={10} />;
  return (
    <Page title={t('Home')} about={<span>{summary(standing.map((one) => one.mark))}</span>}>
      {rows.length === 0 && <GettingStarted />}
      <div className={styles.grid}>
        <NeedsAttention />
        <Card title={t('Running now')} aside={running.data?.metadata.pagination.total || undefined}>
          {(running.data?.items.length ?? 0) === 0 && <p className="quiet">{t('Nothing runs at the moment.')}</p>}
          <ul className={styles.list}>{(running.data?.items ?? []).map((run) => <Running key={run.id} run={run} />)}</ul>
        </Card>
        <Card title={t('Estate')} aside={n(estate.data.metadata.pagination.total, 'deployment', 'deployments')}>
          <Estate standing={standing} />
        </Card>
        <Card title={t('Mine, latest first')}>
          {mine.length === 0 && <p className="quiet">{t('You have not deployed anything yet.')}</p>}
          <ul className={styles.list}>
            {mine.map(({ row, mark, why }) => (
              <li key={row.id}>
                <StatusGlyph mark={mark} size={13} />
                <Link to="/deployments/$id" params={{ id: row.id }}>{row.display_name ?? row.id}</Link>
                <span className="quiet">{why}</span>
                <span className={styles.end}><When time={row.updated_at} /></span>
              </li>
            ))}
          </ul>
        </Card>
      </div>
    </Page>
  );
}

type Item = Schemas['Attention']['items'][number];
/** What is told at once; the rest is one click away. */
const TOLD = 12;

/** What needs a person, each with its reason in one sentence and the place to look. */
function NeedsAttention() {
  const attention = useQuery({ queryKey: ['attention'], refetchInterval: 60_000, queryFn: () => data(api.GET('/attention', {})) });
  const items = attention.data?.items ?? [];
  return (
    <Card title={t('Needs attention')} aside={attention.data?.total || undefined}>
      {attention.error && <Problem error={attention.error} retry={() => void attention.refetch()} />}
      {attention.isPending && <Loading rows={3} />}
      {attention.isSuccess && items.length === 0 && <p className={styles.calm}><PartyPopper size={18} aria-hidden="true" /> {t('Nothing needs you.')}</p>}
      <ul className={styles.list} aria-label={t('Needs attention')}>
        {items.slice(0, TOLD).map((item) => (
          <li key={`${item.reason} ${item.name} ${item.deployment_id ?? ''}`}>
            <StatusGlyph mark={item.reason === 'run_failed' || item.reason === 'agent_failed' || item.reason === 'manager_silent' ? 'failed' : 'attention'} size={13} />
            <Where item={item} />
            <span className={styles.message} title={item.message}>{item.message}</span>
            <span className={styles.end}>
              {item.reason === 'run_failed' && item.execution_id ? <Link to="/runs/$id" params={{ id: item.execution_id }}>{t('See why')}</Link> : <When time={item.since} />}
            </span>
          </li>
        ))}
      </ul>
      {(attention.data?.total ?? 0) > TOLD && <Link to="/deployments" search={{ q: 'status:failed,attention' }}>{t('All {count}', { count: attention.data?.total ?? 0 })}</Link>}
    </Card>
  );
}

function Where({ item }: { item: Item }) {
  if (item.reason === 'token_expires') return <Link to="/profile">{item.name}</Link>;
  if (item.reason === 'manager_silent') return <Link to="/system">{item.name}</Link>;
  if (item.deployment_id) return <Link to="/deployments/$id" params={{ id: item.deployment_id }}>{item.name}</Link>;
  return <b>{item.name}</b>;
}

function summary(marks: Mark[]): string {
  if (marks.length === 0) return t('Nothing is deployed yet');
  const words: Record<Mark, string> = { failed: 'failed', attention: 'need attention', working: 'running', ok: 'good', idle: 'not installed' };
  return MARKS.flatMap((mark) => {
    const count = marks.filter((one) => one === mark).length;
    return count > 0 ? [`${count} ${t(words[mark])}`] : [];
  }).join(' · ');
}

function Running({ run }: { run: Execution }) {
  const now = useNow();
  return (
    <li>
      <StatusGlyph mark="working" size={13} />
      <Link to="/runs/$id" params={{ id: run.id ?? '' }}>{run.workflow_id}</Link>
      <span className="quiet">{run.deployment_display_name ?? run.deployment_id}</span>
      <span className={styles.end}>
        <Progress value={progress(run)} size={5} w={90} aria-label={t('{percent} % done', { percent: progress(run) })} />
        <span className="numbers">{run.started_at ? duration(now - Date.parse(run.started_at)) : ''}</span>
      </span>
    </li>
  );
}

/** A square for each deployment, grouped by blueprint. */
function Estate({ standing }: { standing: { row: Deployment; mark: Mark; why: string }[] }) {
  const navigate = useNavigate();
  // One listener for thousands of squares, each of which is a plain link.
  const open = (event: React.MouseEvent) => {
    const id = (event.target as HTMLElement).dataset['id'];
    if (id === undefined || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    void navigate({ to: '/deployments/$id', params: { id } });
  };
  const groups = new Map<string, typeof standing>();
  for (const one of standing) {
    const key = one.row.blueprint_id ?? '';
    const known = groups.get(key);
    if (known) known.push(one);
    else groups.set(key, [one]);
  }
  if (standing.length === 0) return <p className="quiet">{t('Each deployment will be a square here.')}</p>;
  return (
    <div className={styles.estate}>
      {[...groups].sort(([left], [right]) => left.localeCompare(right)).map(([name, members]) => (
        <div key={name}>
          <Link to="/blueprints/$id" params={{ id: name }} className={styles.group}>{name}</Link>
          <span className={styles.squares} onClick={open}>
            {members.map(({ row, mark, why }) => (
              <a key={row.id} href={`/console/deployments/${encodeURIComponent(row.id)}`} data-id={row.id} data-mark={mark} title={`${row.display_name ?? row.id}: ${why}`} aria-label={`${row.display_name ?? row.id}: ${why}`} />
            ))}
          </span>
        </div>
      ))}
    </div>
  );
}
