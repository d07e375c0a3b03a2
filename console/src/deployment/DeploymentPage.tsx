// One deployment: how it stands, what it is made of, what has run on it.
import { Tabs } from '@mantine/core';
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router';
import { lazy, Suspense, useEffect } from 'react';

import type { Deployment } from '../api/client';
import { useDeployment } from '../deployments/queries';
import { t } from '../i18n/t';
import { Page } from '../parts/Page';
import { Loading, Problem } from '../parts/states';
import { When } from '../parts/When';
import { ofNodes } from '../status/sentence';
import { ofDeployment } from '../status/status';
import { StatusMark } from '../status/StatusMark';
import { useTopology } from '../topology/queries';
import styles from './Deployment.module.css';
import { Overview } from './Overview';
import { RunMenu } from './RunMenu';

const TopologyTab = lazy(() => import('./TopologyTab'));
const NodesTab = lazy(() => import('./NodesTab'));
const RunsTab = lazy(() => import('./RunsTab'));
const EventsTab = lazy(() => import('./EventsTab'));
const SettingsTab = lazy(() => import('./SettingsTab'));

const route = getRouteApi('/deployments/$id');
const TABS = [['overview', 'Overview'], ['topology', 'Topology'], ['nodes', 'Nodes'], ['runs', 'Runs'], ['events', 'Events'], ['settings', 'Settings']] as const;

export function DeploymentPage() {
  const { id } = route.useParams();
  const search = route.useSearch();
  const navigate = useNavigate({ from: '/deployments/$id' });
  const deployment = useDeployment(id);
  const tab = search.tab ?? 'overview';
  useEffect(() => {
    document.title = `${id} · Nephele`;
  }, [id]);
  if (deployment.error && !deployment.data) return <Problem error={deployment.error} retry={() => void deployment.refetch()} title={t('This deployment cannot be shown')} />;
  if (!deployment.data) return <Loading rows={12} />;
  const { mark, word } = ofDeployment(deployment.data);
  return (
    <Page
      fill
      title={deployment.data.display_name ?? id}
      mark={<StatusMark pill mark={mark} word={t(word)} />}
      about={<About deployment={deployment.data} />}
      actions={<RunMenu deployment={deployment.data} />}
    >
      <Tabs value={tab} onChange={(next) => void navigate({ search: (old) => ({ ...old, tab: next === 'overview' || !next ? undefined : next }) })} keepMounted={false} className={styles.tabs}>
        <Tabs.List>
          {TABS.map(([value, label]) => <Tabs.Tab key={value} value={value}>{t(label)}</Tabs.Tab>)}
        </Tabs.List>
        <Suspense fallback={<Loading />}>
          <Tabs.Panel value="overview" className={styles.panel}><Overview deployment={deployment.data} /></Tabs.Panel>
          <Tabs.Panel value="topology" className={styles.panel}><TopologyTab id={id} /></Tabs.Panel>
          <Tabs.Panel value="nodes" className={styles.panel}><NodesTab id={id} /></Tabs.Panel>
          <Tabs.Panel value="runs" className={styles.panel}><RunsTab id={id} /></Tabs.Panel>
          <Tabs.Panel value="events" className={styles.panel}><EventsTab id={id} /></Tabs.Panel>
          <Tabs.Panel value="settings" className={styles.panel}><SettingsTab key={deployment.data.id} deployment={deployment.data} /></Tabs.Panel>
        </Suspense>
      </Tabs>
    </Page>
  );
}

function About({ deployment }: { deployment: Deployment }) {
  const topology = useTopology(deployment.id);
  const { mark, why } = ofDeployment(deployment);
  const run = deployment.latest_execution;
  return (
    <>
      {topology.data && <span className={styles.sentence}>{ofNodes(topology.data.nodes)}</span>}
      {run && (mark === 'failed' || mark === 'working') && <Link to="/runs/$id" params={{ id: run }}>{why}</Link>}
      <span>{t('from blueprint {id}', { id: deployment.blueprint_id ?? '' })}</span>
      {deployment.site_name && <span>{t('at {site}', { site: deployment.site_name })}</span>}
      <span>{t('created')} <When time={deployment.created_at} /> {t('by {user}', { user: deployment.created_by ?? '' })}</span>
    </>
  );
}
