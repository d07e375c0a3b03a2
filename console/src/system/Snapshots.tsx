// Snapshots: everything of a manager in one file, made, taken away, brought along and restored.
import { Button, FileButton, Menu, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Download, Ellipsis, RotateCcw, Trash2, Upload } from 'lucide-react';
import { useState } from 'react';

import { API, headers, refusal, type Schemas } from '../api/client';
import { call, useList } from '../api/list';
import { t } from '../i18n/t';
import { Allowed, useRefusal } from '../parts/Allowed';
import { Confirm, Dialog } from '../parts/Confirm';
import { Card } from '../parts/Page';
import { Problem } from '../parts/states';
import { When } from '../parts/When';
import { isActive, type Mark } from '../status/status';
import { StatusMark } from '../status/StatusMark';
import styles from './System.module.css';

type Snapshot = Schemas['Snapshot'];
const path = (id: string) => `/snapshots/${encodeURIComponent(id)}`;

function ofSnapshot(status: string | null): Mark {
  if (status === 'created' || status === 'uploaded') return 'ok';
  return status === 'failed' ? 'failed' : 'working';
}

export function Snapshots() {
  const refused = useRefusal('snapshot_list');
  return refused ? <Card title={t('Snapshots')}><p className="quiet">{refused}</p></Card> : <Kept />;
}

function Kept() {
  const client = useQueryClient();
  const list = useList<Snapshot>('/snapshots', { _sort: '-created_at' }, (row) => ofSnapshot(row.status) === 'working');
  const [adding, setAdding] = useState(false);
  const [name, setName] = useState('');
  const refused = useRefusal('snapshot_upload');
  const refresh = () => client.invalidateQueries({ queryKey: ['list', '/snapshots'] });
  const bring = useMutation({ mutationFn: (file: File) => call('PUT', `${path(file.name.replace(/\.zip$/i, ''))}/archive`, file), onSuccess: refresh });
  return (
    <Card title={t('Snapshots')} aside={list.total || undefined}>
      <Restoring />
      {list.error && <Problem error={list.error} />}
      {bring.error && <Problem error={bring.error} title={t('It was not uploaded')} />}
      {list.isSuccess && list.rows.length === 0 && <p className="quiet">{t('A snapshot holds everything of the manager, to be restored here or elsewhere.')}</p>}
      <ul className={styles.snapshots} aria-label={t('Snapshots')}>
        {list.rows.map((row) => <Entry key={row.id} row={row} refresh={refresh} />)}
      </ul>
      <div className={styles.buttons}>
        <Allowed permission="snapshot_create" variant="default" onClick={() => setAdding(true)}>{t('Create snapshot')}</Allowed>
        <FileButton onChange={(file) => file && bring.mutate(file)} accept=".zip">
          {(props) => <Button {...props} size="sm" variant="subtle" leftSection={<Upload size={14} />} disabled={refused !== null} title={refused ?? undefined} loading={bring.isPending}>{t('Upload')}</Button>}
        </FileButton>
      </div>
      {adding && (
        <Dialog title={t('Create a snapshot')} verb={t('Create')} close={() => setAdding(false)} ready={name !== ''} act={() => call('PUT', path(name), {}).then(refresh)}>
          <TextInput label={t('Name')} value={name} onChange={(event) => setName(event.currentTarget.value)} required />
        </Dialog>
      )}
    </Card>
  );
}

function Restoring() {
  const state = useQuery({ queryKey: ['snapshot-status'], queryFn: () => call<{ status: string }>('GET', '/snapshot-status'), refetchInterval: (query) => (query.state.data?.status === 'running' ? 1000 : false) });
  return state.data?.status === 'running' ? <p role="status"><StatusMark mark="working" word={t('A snapshot is being restored')} /></p> : null;
}

function Entry({ row, refresh }: { row: Snapshot; refresh: () => Promise<unknown> }) {
  const client = useQueryClient();
  const [asked, setAsked] = useState<'restore' | 'delete' | null>(null);
  const fetched = useMutation({ mutationFn: () => download(row.id) });
  const rights = { download: useRefusal('snapshot_download'), restore: useRefusal('snapshot_restore'), delete: useRefusal('snapshot_delete') };
  const ready = ofSnapshot(row.status) === 'ok';
  return (
    <li>
      <b>{row.id}</b>
      <StatusMark mark={ofSnapshot(row.status)} word={t(row.status ?? '')} />
      {row.error && <span className="quiet" title={row.error}>{row.error.trim().split('\n').pop()}</span>}
      <span className={styles.end}><When time={row.created_at} /></span>
      <Menu position="bottom-end">
        <Menu.Target><Button size="compact-sm" variant="subtle" color="gray" aria-label={t('What to do with {name}', { name: row.id })}><Ellipsis size={15} /></Button></Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={<Download size={14} />} disabled={!ready || rights.download !== null} title={rights.download ?? undefined} onClick={() => fetched.mutate()}>{t('Download')}</Menu.Item>
          <Menu.Item leftSection={<RotateCcw size={14} />} disabled={!ready || rights.restore !== null} title={rights.restore ?? undefined} onClick={() => setAsked('restore')}>{t('Restore…')}</Menu.Item>
          <Menu.Item leftSection={<Trash2 size={14} />} color="red" disabled={rights.delete !== null} title={rights.delete ?? undefined} onClick={() => setAsked('delete')}>{t('Delete…')}</Menu.Item>
        </Menu.Dropdown>
      </Menu>
      {fetched.error && <Problem error={fetched.error} />}
      {asked === 'delete' && <Confirm title={t('Delete {name}?', { name: row.id })} verb={t('Delete')} close={() => setAsked(null)} act={() => call('DELETE', path(row.id)).then(refresh)}>{t('Its file goes. What the manager holds now stays.')}</Confirm>}
      {asked === 'restore' && (
        <Confirm title={t('Restore {name}?', { name: row.id })} verb={t('Restore')} name={row.id} close={() => setAsked(null)} act={() => restore(row.id).then(() => client.invalidateQueries())}>
          <ul className={styles.consequences}>
            <li>{t('All blueprints, deployments, secrets, users and tenants of this manager are replaced by those of the snapshot.')}</li>
            <li>{t('What was made since then is lost. Create a snapshot first if it may be needed.')}</li>
            <li>{t('Users sign in with the passwords that they had then; you may have to sign in again.')}</li>
            <li>{t('Machines and other things that deployments made stay as they are.')}</li>
          </ul>
        </Confirm>
      )}
    </li>
  );
}

/** Restores a snapshot and waits for the end; what went wrong is an error. */
async function restore(id: string): Promise<void> {
  let run = await call<Schemas['Execution']>('POST', `${path(id)}/restore`, { force: true });
  while (isActive(run.status)) {
    await new Promise((resume) => setTimeout(resume, 500));
    run = await call('GET', `/executions/${run.id}`);
  }
  if (run.status !== 'terminated') throw new Error(run.error ?? run.status ?? undefined);
}

async function download(id: string): Promise<void> {
  const response = await fetch(`${API}${path(id)}/archive`, { headers: headers() });
  if (!response.ok) throw await refusal(response, `GET ${path(id)}/archive`);
  const link = document.createElement('a');
  link.href = URL.createObjectURL(await response.blob());
  link.download = `${id}.zip`;
  link.click();
  URL.revokeObjectURL(link.href);
}
