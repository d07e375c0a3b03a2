import { CloseButton, FileInput, Select, TextInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { getRouteApi, useNavigate } from '@tanstack/react-router';
import { Puzzle, Trash2, Upload } from 'lucide-react';
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

type Plugin = Schemas['Plugin'];
const route = getRouteApi('/plugins');

const COLUMNS: Column<Plugin>[] = [
  { key: 'name', title: 'Plugin', width: 'minmax(180px, 1.5fr)', sort: 'package_name', cell: (row) => <b>{row.title ?? row.package_name}</b> },
  { key: 'package', title: 'Package', width: 'minmax(160px, 1.3fr)', cell: (row) => <code>{row.package_name}</code> },
  { key: 'version', title: 'Version', width: '110px', cell: (row) => <code>{row.package_version}</code> },
  { key: 'platform', title: 'Platform', width: 'minmax(120px, 1fr)', cell: (row) => [row.supported_platform, row.distribution].filter(Boolean).join(' · ') || '—' },
  { key: 'visibility', title: 'Visibility', width: '100px', cell: (row) => row.visibility },
  { key: 'by', title: 'Owner', width: 'minmax(80px, 0.6fr)', cell: (row) => row.created_by },
  { key: 'uploaded', title: 'Uploaded', width: '120px', sort: 'uploaded_at', align: 'right', cell: (row) => <When time={row.uploaded_at} /> },
];

export function PluginsPage() {
  const { q } = route.useSearch();
  const navigate = useNavigate({ from: '/plugins' });
  const [uploading, setUploading] = useState(false);
  const [chosen, setChosen] = useState<string | undefined>();
  const list = useList<Plugin>('/plugins', { _sort: '-uploaded_at', _search: q });
  const plugin = list.rows.find((row) => row.id === chosen);
  const upload = <Allowed permission="plugin_upload" leftSection={<Upload size={14} />} onClick={() => setUploading(true)}>{t('Upload')}</Allowed>;
  return (
    <>
      <ListPage
        title={t('Plugins')}
        nouns={['plugin', 'plugins']}
        list={list}
        columns={COLUMNS}
        id={(row) => row.id}
        open={(row) => setChosen(row.id)}
        chosen={chosen}
        search={{ value: q ?? '', set: (text) => void navigate({ search: { q: text || undefined }, replace: true }) }}
        actions={upload}
        empty={{ icon: <Puzzle />, title: t('No plugins uploaded'), text: t('Plugins bring node types and their operations. Those for scripts, REST, SSH, Ansible and Terraform are built in.'), action: upload }}
        panel={plugin && <PluginPanel key={plugin.id} plugin={plugin} close={() => setChosen(undefined)} />}
      />
      {uploading && <UploadPlugin close={() => setUploading(false)} />}
    </>
  );
}

interface Installed {
  state: string;
  error: string | null;
  manager: string | null;
  agent: string | null;
}

/** A plugin: where it is installed, and what uses it. */
function PluginPanel({ plugin, close }: { plugin: Plugin; close: () => void }) {
  const client = useQueryClient();
  const [deleting, setDeleting] = useState(false);
  const path = `/plugins/${encodeURIComponent(plugin.id)}`;
  const places = (plugin.installation_state ?? []) as unknown as Installed[];
  return (
    <Card title={plugin.title ?? plugin.package_name} aside={<CloseButton onClick={close} aria-label={t('Close')} />}>
      <Facts
        facts={[
          [t('Version'), <code key="v">{plugin.package_version}</code>],
          [t('File'), <code key="f">{plugin.archive_name}</code>],
          [t('Id'), <code key="i">{plugin.id}</code>],
          [t('Installed'), places.length === 0 ? <span className="quiet">{t('where it is needed first')}</span> : places.map((one) => <div key={one.manager ?? one.agent}>{one.manager ?? one.agent}: {one.state}{one.error && <div className="quiet">{one.error}</div>}</div>)],
        ]}
      />
      <UsedBy path={path} />
      <div style={{ marginTop: 16 }}><Allowed permission="plugin_delete" variant="default" leftSection={<Trash2 size={14} />} onClick={() => setDeleting(true)}>{t('Delete')}</Allowed></div>
      {deleting && (
        <Confirm title={t('Delete {name}?', { name: plugin.title ?? plugin.package_name ?? '' })} verb={t('Delete')} close={() => setDeleting(false)} act={() => call('DELETE', path).then(() => client.invalidateQueries({ queryKey: ['list', '/plugins'] }))}>
          {t('A plugin that blueprints use is not deleted.')}
        </Confirm>
      )}
    </Card>
  );
}

function UploadPlugin({ close }: { close: () => void }) {
  const client = useQueryClient();
  const [file, setFile] = useState<File | null>(null);
  const [url, setUrl] = useState('');
  const [visibility, setVisibility] = useState<string | null>('tenant');
  const act = () => {
    const query = new URLSearchParams({ visibility: visibility ?? 'tenant', ...(url ? { plugin_archive_url: url } : {}) });
    return call('POST', `/plugins?${query}`, file ?? undefined).then(() => client.invalidateQueries({ queryKey: ['list', '/plugins'] }));
  };
  return (
    <Dialog title={t('Upload a plugin')} verb={t('Upload')} act={act} close={close} ready={file !== null || url !== ''}>
      <FileInput label={t('Zip with a wagon and its plugin.yaml')} placeholder={t('Choose a file')} value={file} onChange={setFile} accept=".zip,.wgn" clearable />
      <TextInput label={t('or its URL')} placeholder="https://" value={url} onChange={(event) => setUrl(event.currentTarget.value)} disabled={file !== null} />
      <Select label={t('Visibility')} value={visibility} onChange={setVisibility} data={['private', 'tenant', 'global']} />
    </Dialog>
  );
}
