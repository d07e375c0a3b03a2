// Sites and agents: lists with little else.
import { CloseButton, TextInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { MapPin, Plus, Radio, Trash2 } from 'lucide-react';
import { useState } from 'react';

import type { Schemas } from '../api/client';
import { call, useList } from '../api/list';
import { t } from '../i18n/t';
import { Allowed } from '../parts/Allowed';
import { Confirm, Dialog } from '../parts/Confirm';
import { ListPage } from '../parts/ListPage';
import { Card, Facts } from '../parts/Page';
import type { Column } from '../parts/Table';
import { UsedBy } from '../parts/UsedBy';
import { When } from '../parts/When';
import { StatusMark } from '../status/StatusMark';

type Site = Schemas['Site'];
type Agent = Schemas['ListedAgent'];

const SITES: Column<Site>[] = [
  { key: 'name', title: 'Name', width: 'minmax(160px, 1fr)', cell: (row) => <b>{row.name}</b> },
  { key: 'where', title: 'Coordinates', width: 'minmax(160px, 1fr)', cell: (row) => <span className="numbers">{row.latitude === null ? '—' : `${row.latitude}, ${row.longitude ?? ''}`}</span> },
  { key: 'deployments', title: 'Deployments', width: '130px', cell: (row) => <Link to="/deployments" search={{ q: `site:"${row.name}"` }}>{t('Show')}</Link> },
  { key: 'visibility', title: 'Visibility', width: '110px', cell: (row) => row.visibility },
  { key: 'by', title: 'Owner', width: 'minmax(80px, 0.6fr)', cell: (row) => row.created_by },
  { key: 'created', title: 'Created', width: '120px', align: 'right', cell: (row) => <When time={row.created_at} /> },
];

export function SitesPage() {
  const client = useQueryClient();
  const list = useList<Site>('/sites', { _sort: 'name' });
  const [adding, setAdding] = useState(false);
  const [name, setName] = useState('');
  const [location, setLocation] = useState('');
  const [chosen, setChosen] = useState<string | undefined>();
  const site = list.rows.find((row) => row.name === chosen);
  const create = <Allowed permission="site_create" leftSection={<Plus size={14} />} onClick={() => setAdding(true)}>{t('New site')}</Allowed>;
  const act = () => call('PUT', `/sites/${encodeURIComponent(name)}`, location ? { location } : {}).then(() => client.invalidateQueries({ queryKey: ['list', '/sites'] }));
  return (
    <>
      <ListPage title={t('Sites')} nouns={['site', 'sites']} list={list} columns={SITES} id={(row) => row.name} open={(row) => setChosen(row.name)} chosen={chosen} panel={site && <SitePanel key={site.name} site={site} close={() => setChosen(undefined)} />} actions={create} empty={{ icon: <MapPin />, title: t('No sites yet'), text: t('A site is a place, with coordinates or without. Deployments can be at one.'), action: create }} />
      {adding && (
        <Dialog title={t('New site')} verb={t('Create')} act={act} close={() => setAdding(false)} ready={name !== ''}>
          <TextInput label={t('Name')} value={name} onChange={(event) => setName(event.currentTarget.value)} required />
          <TextInput label={t('Coordinates')} placeholder="52.2, 21.0" value={location} onChange={(event) => setLocation(event.currentTarget.value)} />
        </Dialog>
      )}
    </>
  );
}

/** A site, and the deployments there. */
function SitePanel({ site, close }: { site: Site; close: () => void }) {
  const client = useQueryClient();
  const [deleting, setDeleting] = useState(false);
  const path = `/sites/${encodeURIComponent(site.name)}`;
  return (
    <Card title={site.name} aside={<CloseButton onClick={close} aria-label={t('Close')} />}>
      <Facts facts={[[t('Coordinates'), site.location ?? <span className="quiet">{t('none')}</span>], [t('Visibility'), site.visibility], [t('Owner'), site.created_by]]} />
      <UsedBy path={path} />
      <div style={{ marginTop: 16 }}><Allowed permission="site_delete" variant="default" leftSection={<Trash2 size={14} />} onClick={() => setDeleting(true)}>{t('Delete')}</Allowed></div>
      {deleting && (
        <Confirm title={t('Delete {name}?', { name: site.name })} verb={t('Delete')} close={() => setDeleting(false)} act={() => call('DELETE', path).then(() => client.invalidateQueries({ queryKey: ['list', '/sites'] }))}>
          {t('Deployments there are at no site afterwards.')}
        </Confirm>
      )}
    </Card>
  );
}

const AGENTS: Column<Agent>[] = [
  { key: 'name', title: 'Agent', width: 'minmax(180px, 1.4fr)', cell: (row) => <code>{row.name ?? row.id}</code> },
  { key: 'state', title: 'State', width: '130px', cell: (row) => <StatusMark mark={row.state === 'started' ? 'ok' : row.state === 'failed' ? 'failed' : 'idle'} word={row.state ?? ''} /> },
  { key: 'ip', title: 'Address', width: '140px', cell: (row) => row.ip },
  { key: 'deployment', title: 'Deployment', width: 'minmax(140px, 1fr)', cell: (row) => row.deployment && <Link to="/deployments/$id" params={{ id: row.deployment }}>{row.deployment}</Link> },
  { key: 'system', title: 'System', width: 'minmax(100px, 0.8fr)', cell: (row) => row.system },
  { key: 'version', title: 'Version', width: '90px', cell: (row) => row.version },
  { key: 'method', title: 'Installed by', width: '120px', cell: (row) => row.install_method },
];

export function AgentsPage() {
  const list = useList<Agent>('/agents');
  return <ListPage title={t('Agents')} nouns={['agent', 'agents']} list={list} columns={AGENTS} id={(row) => row.id ?? row.name ?? ''} empty={{ icon: <Radio />, title: t('No agents'), text: t('An agent runs operations on a host. It is installed with the host’s node, where its type asks for it.') }} />;
}
