import { Tabs } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router';
import { FileText, Rocket, Trash2 } from 'lucide-react';
import { lazy, Suspense, useMemo, useState } from 'react';

import type { Blueprint } from '../api/client';
import { call } from '../api/list';
import deployment from '../deployment/Deployment.module.css';
import { useDeployments } from '../deployments/queries';
import { t } from '../i18n/t';
import { Allowed } from '../parts/Allowed';
import { Confirm } from '../parts/Confirm';
import { Card, Facts, Page } from '../parts/Page';
import { Empty, Loading, Problem } from '../parts/states';
import { Value } from '../parts/Value';
import { When } from '../parts/When';
import { ofDeployment } from '../status/status';
import { StatusMark } from '../status/StatusMark';
import { fold } from '../topology/fold';
import { Topology } from '../topology/Topology';
import { NodePanel } from '../topology/NodePanel';
import { ofBlueprint } from './BlueprintsPage';
import { nodesOf, planOf, shapesOf, useBlueprint, useFile, useFiles, type Plan } from './queries';
import styles from './Blueprint.module.css';

const Compare = lazy(() => import('./Compare'));

const route = getRouteApi('/blueprints/$id');
const TABS = [['overview', 'Overview'], ['topology', 'Topology'], ['source', 'Source'], ['deployments', 'Deployments'], ['compare', 'Compare']] as const;

export function BlueprintPage() {
  const { id } = route.useParams();
  const search = route.useSearch();
  const navigate = useNavigate({ from: '/blueprints/$id' });
  const client = useQueryClient();
  const [deleting, setDeleting] = useState(false);
  const blueprint = useBlueprint(id);
  if (blueprint.error && !blueprint.data) return <Problem error={blueprint.error} retry={() => void blueprint.refetch()} title={t('This blueprint cannot be shown')} />;
  if (!blueprint.data) return <Loading rows={12} />;
  const plan = planOf(blueprint.data);
  return (
    <Page
      fill
      title={id}
      mark={<StatusMark pill {...ofBlueprint(blueprint.data.state)} />}
      about={<><span>{t('created')} <When time={blueprint.data.created_at} /> {t('by {user}', { user: blueprint.data.created_by ?? '' })}</span><span>{blueprint.data.visibility}</span></>}
      actions={<>
        <Allowed permission="blueprint_delete" variant="default" leftSection={<Trash2 size={14} />} onClick={() => setDeleting(true)}>{t('Delete')}</Allowed>
        {plan && <Allowed permission="deployment_create" leftSection={<Rocket size={14} />} onClick={() => void navigate({ to: '/deploy/$blueprint', params: { blueprint: id }, search: {} })}>{t('Deploy')}</Allowed>}
      </>}
    >
      {blueprint.data.error && <Problem error={new Error(blueprint.data.error)} title={t('The manager could not read it')} />}
      <Tabs value={search.tab ?? 'overview'} onChange={(tab) => void navigate({ search: (old) => ({ ...old, tab: tab === 'overview' || !tab ? undefined : tab }) })} keepMounted={false} className={deployment.tabs}>
        <Tabs.List>{TABS.map(([value, label]) => <Tabs.Tab key={value} value={value}>{t(label)}</Tabs.Tab>)}</Tabs.List>
        <Tabs.Panel value="overview" className={deployment.panel}>{plan ? <Overview blueprint={blueprint.data} plan={plan} /> : <Loading />}</Tabs.Panel>
        <Tabs.Panel value="topology" className={deployment.panel}>{plan && <Planned plan={plan} />}</Tabs.Panel>
        <Tabs.Panel value="source" className={deployment.panel}><Source id={id} main={blueprint.data.main_file_name} /></Tabs.Panel>
        <Tabs.Panel value="deployments" className={deployment.panel}><Deployments id={id} /></Tabs.Panel>
        <Tabs.Panel value="compare" className={deployment.panel}>{plan && <Suspense fallback={<Loading />}><Compare id={id} plan={plan} main={blueprint.data.main_file_name} /></Suspense>}</Tabs.Panel>
      </Tabs>
      {deleting && (
        <Confirm
          title={t('Delete {name}?', { name: id })}
          verb={t('Delete')}
          close={() => setDeleting(false)}
          act={async () => {
            await call('DELETE', `/blueprints/${encodeURIComponent(id)}`);
            await client.invalidateQueries({ queryKey: ['list', '/blueprints'] });
            void navigate({ to: '/blueprints', search: {} });
          }}
        >
          {t('Its files go with it. A blueprint that deployments use is not deleted.')}
        </Confirm>
      )}
    </Page>
  );
}

function Overview({ blueprint, plan }: { blueprint: Blueprint; plan: Plan }) {
  const plugins = useMemo(() => {
    const all = [...plan.deployment_plugins_to_install ?? [], ...plan.workflow_plugins_to_install ?? [], ...plan.host_agent_plugins_to_install ?? []];
    return [...new Map(all.map((plugin) => [plugin.name, plugin])).values()];
  }, [plan]);
  const inputs = Object.entries(plan.inputs);
  return (
    <div className={deployment.grid}>
      <div className={deployment.stack}>
        {blueprint.description && <Card title={t('About')}><p className={deployment.description}>{blueprint.description.trim()}</p></Card>}
        <Card title={t('Inputs')} aside={inputs.length || undefined}>
          {inputs.length === 0 ? <span className="quiet">{t('It takes no inputs')}</span> : (
            <Facts facts={inputs.map(([name, spec]) => [name, (
              <span key={name}>
                <code className="quiet">{spec.type ?? t('anything')}</code>{' '}
                {spec.default !== undefined ? <Value value={spec.default} /> : <b>{t('must be given')}</b>}
                {spec.description && <span className={deployment.about}>{spec.description}</span>}
              </span>
            )])} />
          )}
        </Card>
      </div>
      <div className={deployment.stack}>
        <Card title={t('Nodes')} aside={plan.nodes.length}><Facts facts={plan.nodes.slice(0, 30).map((node) => [node.name, <code key={node.name}>{node.type}</code>])} /></Card>
        <Card title={t('Gives')}>
          <Facts facts={[...Object.entries(plan.outputs), ...Object.entries(plan.capabilities)].map(([name, one]) => [name, one.description ?? ''])} />
        </Card>
        {plugins.length > 0 && <Card title={t('Plugins')}><Facts facts={plugins.map((plugin) => [plugin.name, `${plugin.package_name ?? ''} ${plugin.package_version ?? ''}`])} /></Card>}
      </div>
    </div>
  );
}

function Planned({ plan }: { plan: Plan }) {
  const folded = useMemo(() => fold(shapesOf(plan)), [plan]);
  const [chosen, choose] = useState<string | undefined>();
  const node = useMemo(() => nodesOf(plan), [plan]).find((one) => one.id === chosen);
  return (
    <div className={deployment.fill} data-panel={node ? true : undefined}>
      <Card flush><Topology nodes={folded.shapes} members={folded.members} chosen={chosen} choose={choose} /></Card>
      {node && <NodePanel node={node} instances={[]} close={() => choose(undefined)} choose={choose} />}
    </div>
  );
}

function Source({ id, main }: { id: string; main: string | null }) {
  const { file } = route.useSearch();
  const navigate = useNavigate({ from: '/blueprints/$id' });
  const files = useFiles(id);
  const paths = files.data?.items.map((one) => one.path) ?? [];
  const path = file ?? main ?? paths[0];
  const text = useFile(id, path);
  if (files.error) return <Problem error={files.error} retry={() => void files.refetch()} />;
  if (!files.data) return <Loading />;
  return (
    <div className={styles.source}>
      <Card flush title={t('Files')} aside={paths.length}>
        <div className={styles.files} role="listbox" aria-label={t('Files')} tabIndex={0}>
          {paths.map((one) => (
            <button key={one} type="button" role="option" aria-selected={one === path} onClick={() => void navigate({ search: (old) => ({ ...old, file: one }), replace: true })}>
              <FileText size={13} aria-hidden="true" /><span>{one}</span>{one === main && <small>{t('main')}</small>}
            </button>
          ))}
        </div>
      </Card>
      <Card flush title={<code>{path}</code>}>
        {text.isPending && <Loading />}
        {text.error && <Problem error={text.error} />}
        {text.data === null && <Empty icon={<FileText />} title={t('This file is no text')} />}
        {text.data && (
          <pre className={styles.code} tabIndex={0} role="region" aria-label={path}>
            {text.data.split('\n').map((line, index) => <div key={index}><i>{index + 1}</i>{line || ' '}</div>)}
          </pre>
        )}
      </Card>
    </div>
  );
}

function Deployments({ id }: { id: string }) {
  const list = useDeployments(`blueprint:"${id}"`, '-created_at');
  if (list.isPending) return <Loading />;
  return (
    <Card title={t('Deployments')} aside={list.total}>
      {list.rows.length === 0 && <span className="quiet">{t('Nothing is deployed from it')}</span>}
      <Facts facts={list.rows.map((row) => [row.display_name ?? row.id, <Link key={row.id} to="/deployments/$id" params={{ id: row.id }}><StatusMark mark={ofDeployment(row).mark} word={ofDeployment(row).why} /></Link>])} />
    </Card>
  );
}
