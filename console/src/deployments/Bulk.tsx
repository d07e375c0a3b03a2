// One thing done to several deployments: first who is meant and who lacks it, then what became of each.
import { Button, Modal, Select, TagsInput, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { MapPin, Play, Tags, Trash2, X } from 'lucide-react';
import { useState, type ReactNode } from 'react';

import { api, data, type Deployment, type Execution, type Workflow } from '../api/client';
import { call } from '../api/list';
import { labelsOf } from '../deploy/command';
import { n, t } from '../i18n/t';
import { Allowed } from '../parts/Allowed';
import { Loading, Problem } from '../parts/states';
import { StatusGlyph } from '../status/StatusMark';
import styles from './Bulk.module.css';
import { each, type Outcome } from './each';

type Act = 'run' | 'site' | 'labels' | 'delete';
const path = (id: string) => `/deployments/${encodeURIComponent(id)}`;

export function BulkBar({ chosen, clear }: { chosen: string[]; clear: () => void }) {
  const [act, setAct] = useState<Act | null>(null);
  if (chosen.length === 0) return null;
  const close = () => setAct(null);
  return (
    <div className={styles.bar} role="region" aria-label={t('Chosen deployments')}>
      <b>{n(chosen.length, 'deployment chosen', 'deployments chosen')}</b>
      <Allowed permission="execution_start" leftSection={<Play size={14} />} onClick={() => setAct('run')}>{t('Run a workflow')}</Allowed>
      <Allowed permission="deployment_set_site" variant="default" leftSection={<MapPin size={14} />} onClick={() => setAct('site')}>{t('Site')}</Allowed>
      <Allowed permission="deployment_update" variant="default" leftSection={<Tags size={14} />} onClick={() => setAct('labels')}>{t('Labels')}</Allowed>
      <Allowed permission="deployment_delete" variant="default" leftSection={<Trash2 size={14} />} onClick={() => setAct('delete')}>{t('Delete')}</Allowed>
      <Button variant="subtle" color="gray" size="sm" leftSection={<X size={14} />} onClick={clear}>{t('Choose none')}</Button>
      {act === 'run' && <BulkRun ids={chosen} close={close} />}
      {act === 'site' && <BulkSite ids={chosen} close={close} />}
      {act === 'labels' && <BulkLabels ids={chosen} close={close} />}
      {act === 'delete' && <BulkDelete ids={chosen} close={close} />}
    </div>
  );
}

/** The dialog of something that is done to each: what is asked, the button, and the outcomes. */
function Bulk({ title, verb, targets, work, close, ready = true, danger = false, children }: {
  title: string; verb: string; targets: string[]; work: (id: string) => Promise<Partial<Outcome> | undefined>; close: () => void; ready?: boolean; danger?: boolean; children: ReactNode;
}) {
  const client = useQueryClient();
  const start = useMutation({ mutationFn: () => each(targets, work), onSettled: () => client.invalidateQueries({ queryKey: ['deployments'] }) });
  return (
    <Modal opened onClose={close} title={title} size="lg">
      {start.data ? (
        <ul className={styles.outcomes} aria-label={t('Outcomes')}>
          {start.data.map(({ id, run, problem }) => (
            <li key={id}>
              <StatusGlyph mark={problem ? 'failed' : run ? 'working' : 'ok'} />
              <b>{id}</b>
              {run ? <Link to="/runs/$id" params={{ id: run }}>{t('started')}</Link> : <span>{problem ?? t('done')}</span>}
            </li>
          ))}
        </ul>
      ) : children}
      <div className={styles.buttons}>
        <Button variant="default" size="sm" onClick={close}>{start.data ? t('Close') : t('Cancel')}</Button>
        {!start.data && <Button size="sm" color={danger ? 'red' : undefined} disabled={targets.length === 0 || !ready} loading={start.isPending} onClick={() => start.mutate()}>{verb}</Button>}
      </div>
    </Modal>
  );
}

function BulkRun({ ids, close }: { ids: string[]; close: () => void }) {
  const [workflow, setWorkflow] = useState<string | null>(null);
  const known = useQuery({
    queryKey: ['deployments', 'workflows', ...ids],
    // Lists do not name workflows.
    queryFn: () => Promise.all(ids.map((id) => call<Pick<Deployment, 'id'> & { workflows: Workflow[] }>('GET', `${path(id)}?_include=id,workflows`))),
  });
  const rows = known.data ?? [];
  const names = [...new Set(rows.flatMap((row) => row.workflows.map((one) => one.name ?? '')))].sort();
  const of = (name: string) => rows.filter((row) => row.workflows.some((one) => one.name === name && one.is_available !== false));
  const targets = workflow ? of(workflow).map((row) => row.id) : [];
  const work = async (id: string) => {
    const run = await data(api.POST('/executions', { body: { deployment_id: id, workflow_id: workflow ?? '', queue: true } })) as unknown as Execution;
    return { run: run.id };
  };
  return (
    <Bulk title={n(ids.length, 'deployment', 'deployments')} verb={t('Run on {count}', { count: targets.length })} targets={targets} work={work} close={close}>
      {known.error && <Problem error={known.error} />}
      {known.isPending && <Loading rows={4} />}
      <Select label={t('Workflow')} value={workflow} onChange={setWorkflow} searchable data={names.map((name) => ({ value: name, label: `${name} (${of(name).length})` }))} description={t('In brackets: how many of the chosen can run it now. It runs with its default parameters.')} />
      {workflow && targets.length < ids.length && <p className={styles.lack}>{t('{count} of the chosen cannot run it now, and are left alone.', { count: ids.length - targets.length })}</p>}
    </Bulk>
  );
}

function BulkSite({ ids, close }: { ids: string[]; close: () => void }) {
  const [site, setSite] = useState<string | null>(null);
  const sites = useQuery({ queryKey: ['list', '/sites', 'names'], queryFn: () => call<{ items: { name: string }[] }>('GET', '/sites?_size=1000') });
  const work = (id: string) => call<undefined>('POST', `${path(id)}/set-site`, site ? { site_name: site } : { detach_site: true });
  return (
    <Bulk title={n(ids.length, 'deployment', 'deployments')} verb={site ? t('Move there') : t('Take from their sites')} targets={ids} work={(id) => work(id).then(() => undefined)} close={close}>
      <Select label={t('Site')} placeholder={t('at no site')} value={site} onChange={setSite} data={(sites.data?.items ?? []).map((one) => one.name)} clearable />
    </Bulk>
  );
}

function BulkLabels({ ids, close }: { ids: string[]; close: () => void }) {
  const [labels, setLabels] = useState<string[]>([]);
  const work = async (id: string) => {
    const { labels: known } = await call<{ labels: { key: string; value: string }[] }>('GET', `${path(id)}?_include=labels`);
    await call('PATCH', path(id), { labels: [...known.map(({ key, value }) => ({ [key]: value })), ...labelsOf(labels)] });
    return undefined;
  };
  return (
    <Bulk title={n(ids.length, 'deployment', 'deployments')} verb={t('Add labels')} targets={ids} work={work} close={close} ready={labels.length > 0}>
      <TagsInput label={t('Labels to add')} description={t('Those that are there stay.')} placeholder="key=value" value={labels} onChange={setLabels} />
    </Bulk>
  );
}

function BulkDelete({ ids, close }: { ids: string[]; close: () => void }) {
  const [typed, setTyped] = useState('');
  return (
    <Bulk title={t('Delete {count}?', { count: n(ids.length, 'deployment', 'deployments') })} verb={t('Delete')} targets={ids} work={(id) => call<undefined>('DELETE', path(id)).then(() => undefined)} close={close} ready={typed === String(ids.length)} danger>
      <p>{t('Their records, node instances and runs go. One whose nodes are still installed is not deleted: uninstall it first.')}</p>
      <p className={styles.names}>{ids.join(', ')}</p>
      <TextInput label={t('Type {count} to go on', { count: ids.length })} value={typed} onChange={(event) => setTyped(event.currentTarget.value)} />
    </Bulk>
  );
}
