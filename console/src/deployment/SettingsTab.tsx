// What can be changed of a deployment without a workflow: name, labels, site, who sees it.
import { Button, Select, TagsInput, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';

import type { Deployment } from '../api/client';
import { call } from '../api/list';
import { labelsOf } from '../deploy/command';
import { t } from '../i18n/t';
import { useRefusal } from '../parts/Allowed';
import { Card } from '../parts/Page';
import { Problem } from '../parts/states';
import styles from './Deployment.module.css';

const VISIBILITIES = ['private', 'tenant', 'global'];

export default function SettingsTab({ deployment }: { deployment: Deployment }) {
  return (
    <div className={styles.grid}>
      <About deployment={deployment} />
      <div className={styles.stack}>
        <Site deployment={deployment} />
        <Visibility deployment={deployment} />
      </div>
    </div>
  );
}

/** A change, and what is asked for again afterwards. */
function useChange(id: string, method: string, path: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: unknown) => call(method, `/deployments/${encodeURIComponent(id)}${path}`, body),
    onSuccess: () => Promise.all([client.invalidateQueries({ queryKey: ['deployment', id] }), client.invalidateQueries({ queryKey: ['deployments'] })]),
  });
}

function Form({ title, refused, change, ready, children, act }: { title: string; refused: string | null; change: ReturnType<typeof useChange>; ready: boolean; children: React.ReactNode; act: () => void }) {
  return (
    <Card title={title} aside={change.isSuccess && !ready ? t('saved') : undefined}>
      <form className={styles.stack} onSubmit={(event) => { event.preventDefault(); if (ready && refused === null) act(); }}>
        {children}
        {change.error && <Problem error={change.error} title={t('It was not changed')} />}
        <div style={{ display: 'flex', gap: 12, alignItems: 'center', justifyContent: 'flex-end' }}>
          {refused && <span className="quiet">{refused}</span>}
          <Button type="submit" size="sm" variant="default" disabled={!ready || refused !== null} loading={change.isPending}>{t('Save')}</Button>
        </div>
      </form>
    </Card>
  );
}

/** Labels as people write them; those of the manager are not theirs to change. */
const written = (deployment: Deployment) => (deployment.labels ?? []).filter((label) => !label.key?.startsWith('csys-')).map((label) => `${label.key}=${label.value}`);

function About({ deployment }: { deployment: Deployment }) {
  const refused = useRefusal('deployment_update');
  const change = useChange(deployment.id, 'PATCH', '');
  const [name, setName] = useState(deployment.display_name ?? '');
  const [labels, setLabels] = useState(written(deployment));
  const own = (deployment.labels ?? []).filter((label) => label.key?.startsWith('csys-')).map((label) => ({ [label.key ?? '']: label.value ?? '' }));
  const [named, labelled] = [name !== deployment.display_name, labels.join() !== written(deployment).join()];
  return (
    <Form title={t('Name and labels')} refused={refused} change={change} ready={(named || labelled) && name !== ''} act={() => change.mutate({ ...(named ? { display_name: name } : {}), ...(labelled ? { labels: [...own, ...labelsOf(labels)] } : {}) })}>
      <TextInput label={t('Name for people')} description={t('The id stays {id}.', { id: deployment.id })} value={name} onChange={(event) => setName(event.currentTarget.value)} disabled={refused !== null} required />
      <TagsInput label={t('Labels')} placeholder="key=value" value={labels} onChange={setLabels} disabled={refused !== null} />
    </Form>
  );
}

function Site({ deployment }: { deployment: Deployment }) {
  const refused = useRefusal('deployment_set_site');
  const change = useChange(deployment.id, 'POST', '/set-site');
  const [site, setSite] = useState<string | null>(deployment.site_name);
  const sites = useQuery({ queryKey: ['list', '/sites', 'names'], queryFn: () => call<{ items: { name: string }[] }>('GET', '/sites?_size=1000') });
  return (
    <Form title={t('Site')} refused={refused} change={change} ready={site !== deployment.site_name} act={() => change.mutate(site === null ? { detach_site: true } : { site_name: site })}>
      <Select label={t('Where it is')} placeholder={t('at no site')} value={site} onChange={setSite} data={(sites.data?.items ?? []).map((one) => one.name)} clearable disabled={refused !== null} />
    </Form>
  );
}

function Visibility({ deployment }: { deployment: Deployment }) {
  const refused = useRefusal('deployment_set_visibility');
  const change = useChange(deployment.id, 'PATCH', '/set-visibility');
  const [visibility, setVisibility] = useState<string | null>(deployment.visibility);
  const wider = VISIBILITIES.slice(VISIBILITIES.indexOf(deployment.visibility));
  return (
    <Form title={t('Who sees it')} refused={refused} change={change} ready={visibility !== deployment.visibility} act={() => change.mutate({ visibility })}>
      <Select label={t('Visibility')} description={t('It can become wider, never narrower.')} value={visibility} onChange={setVisibility} data={wider} allowDeselect={false} disabled={refused !== null || wider.length < 2} />
    </Form>
  );
}
