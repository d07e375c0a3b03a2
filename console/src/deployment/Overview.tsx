import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { useMemo, type ReactNode } from 'react';

import { api, data, type Deployment } from '../api/client';
import { t } from '../i18n/t';
import { duration } from '../i18n/time';
import { Card, Facts } from '../parts/Page';
import { Loading, Problem } from '../parts/states';
import { Value } from '../parts/Value';
import { When } from '../parts/When';
import { useRuns } from '../runs/queries';
import { ofRun } from '../status/status';
import { StatusMark } from '../status/StatusMark';
import { fold } from '../topology/fold';
import { useTopology } from '../topology/queries';
import { Topology } from '../topology/Topology';
import styles from './Deployment.module.css';

type Named = Record<string, { description?: string } | null> | null;

export function Overview({ deployment }: { deployment: Deployment }) {
  const labels = deployment.labels ?? [];
  return (
    <div className={styles.grid}>
      <div className={styles.stack}>
        <Mini id={deployment.id} />
        <Given id={deployment.id} kind="outputs" title={t('Outputs')} about={deployment.outputs as Named} />
        <Given id={deployment.id} kind="capabilities" title={t('Capabilities')} about={deployment.capabilities as Named} />
      </div>
      <div className={styles.stack}>
        <LastRuns id={deployment.id} />
        <Card title={t('Inputs')}>
          {Object.keys(deployment.inputs ?? {}).length === 0
            ? <span className="quiet">{t('This deployment takes no inputs')}</span>
            : <Facts facts={Object.entries(deployment.inputs ?? {}).map(([name, value]) => [name, <Value key={name} value={value} />])} />}
        </Card>
        <Card title={t('About')}>
          {deployment.description && <p className={styles.description}>{deployment.description.trim()}</p>}
          <Facts
            facts={[
              [t('Id'), <Value key="id" value={deployment.id} copy />],
              [t('Blueprint'), deployment.blueprint_id],
              [t('Site'), deployment.site_name ?? <span className="quiet">{t('none')}</span>],
              [t('Visibility'), deployment.visibility],
              [t('Labels'), labels.length === 0 ? <span className="quiet">{t('none')}</span>
                : labels.map((label) => <span key={`${label.key}${label.value}`} className={styles.label}>{label.key}: {label.value}</span>)],
            ]}
          />
        </Card>
      </div>
    </div>
  );
}

function Mini({ id }: { id: string }) {
  const topology = useTopology(id);
  const folded = useMemo(() => fold(topology.data?.nodes ?? []), [topology.data]);
  const navigate = useNavigate({ from: '/deployments/$id' });
  const go = (node: string | undefined) => void navigate({ search: { tab: 'topology', node } });
  return (
    <Card flush title={t('Topology')} aside={<Link from="/deployments/$id" to="." search={{ tab: 'topology' }}>{t('Open')}</Link>}>
      <div className={styles.mini}>
        {topology.data ? <Topology nodes={folded.shapes} members={folded.members} choose={(node) => node && go(node)} /> : <Loading rows={4} />}
      </div>
    </Card>
  );
}

function Given({ id, kind, title, about }: { id: string; kind: 'outputs' | 'capabilities'; title: string; about: Named }) {
  const names = Object.keys(about ?? {});
  const values = useQuery({
    queryKey: ['deployment', id, kind],
    enabled: names.length > 0,
    queryFn: async (): Promise<Record<string, unknown>> => {
      const params = { path: { id } };
      if (kind === 'outputs') return ((await data(api.GET('/deployments/{id}/outputs', { params }))) as { outputs: Record<string, unknown> }).outputs;
      return (await data(api.GET('/deployments/{id}/capabilities', { params }))).capabilities;
    },
  });
  if (names.length === 0) return null;
  const facts = names.map((name): [string, ReactNode] => [
    name,
    <span key={name}>
      {values.data ? <Value value={values.data[name]} copy /> : '…'}
      {about?.[name]?.description && <span className={styles.about}>{about[name]?.description}</span>}
    </span>,
  ]);
  return (
    <Card title={title}>
      {values.error ? <Problem error={values.error} retry={() => void values.refetch()} /> : <Facts facts={facts} />}
    </Card>
  );
}

function LastRuns({ id }: { id: string }) {
  const runs = useRuns({ deployment: id });
  return (
    <Card title={t('Last runs')} aside={<Link from="/deployments/$id" to="." search={{ tab: 'runs' }}>{t('All')}</Link>}>
      {runs.rows.length === 0 && <span className="quiet">{runs.isPending ? '…' : t('Nothing has run yet')}</span>}
      <Facts
        facts={runs.rows.slice(0, 6).map((run) => [
          run.workflow_id ?? '',
          <span key={run.id} style={{ display: 'flex', gap: 14, justifyContent: 'space-between' }}>
            <Link to="/runs/$id" params={{ id: run.id ?? '' }}><StatusMark {...ofRun(run.status)} /></Link>
            <span className="quiet numbers">
              {run.started_at && run.ended_at ? `${duration(Date.parse(run.ended_at) - Date.parse(run.started_at))} · ` : ''}
              <When time={run.created_at} />
            </span>
          </span>,
        ])}
      />
    </Card>
  );
}
