import { SegmentedControl } from '@mantine/core';
import { Link, getRouteApi, useNavigate } from '@tanstack/react-router';
import { FileCode2, Upload } from 'lucide-react';
import { lazy, Suspense, useState } from 'react';

import type { Blueprint } from '../api/client';
import { useList } from '../api/list';
import { t } from '../i18n/t';
import { Allowed } from '../parts/Allowed';
import { ListPage } from '../parts/ListPage';
import { Page } from '../parts/Page';
import { Loading } from '../parts/states';
import type { Column } from '../parts/Table';
import { When } from '../parts/When';
import type { Mark } from '../status/status';
import { StatusMark } from '../status/StatusMark';
import { UploadDialog } from './UploadDialog';
import { isBusy } from './queries';

const Catalogue = lazy(() => import('./Catalogue'));

const route = getRouteApi('/blueprints');

/** How a blueprint stands. */
export function ofBlueprint(state: string): { mark: Mark; word: string } {
  if (state === 'uploaded') return { mark: 'ok', word: 'Ready' };
  if (isBusy(state)) return { mark: 'working', word: state.charAt(0).toUpperCase() + state.slice(1) };
  return { mark: 'failed', word: state.replaceAll('_', ' ').replace(/^./, (first) => first.toUpperCase()) };
}

const COLUMNS: Column<Blueprint>[] = [
  { key: 'id', title: 'Name', width: 'minmax(180px, 1.4fr)', sort: 'id', cell: (row) => <Link to="/blueprints/$id" params={{ id: row.id }}><b>{row.id}</b></Link> },
  { key: 'state', title: 'State', width: '150px', sort: 'state', cell: (row) => <StatusMark {...ofBlueprint(row.state)} /> },
  { key: 'about', title: 'Description', width: 'minmax(200px, 3fr)', cell: (row) => <span className="quiet" title={row.error ?? row.description ?? ''}>{(row.error ?? row.description ?? '').trim().split('\n')[0]}</span> },
  { key: 'by', title: 'Owner', width: 'minmax(80px, 0.6fr)', sort: 'created_by', cell: (row) => row.created_by },
  { key: 'visibility', title: 'Visibility', width: '100px', cell: (row) => row.visibility },
  { key: 'updated', title: 'Updated', width: '120px', sort: 'updated_at', align: 'right', cell: (row) => <When time={row.updated_at ?? row.created_at} /> },
  { key: 'deploy', title: '', width: '96px', align: 'right', cell: (row) => (row.state === 'uploaded' ? <Link to="/deploy/$blueprint" params={{ blueprint: row.id }}>{t('Deploy')}</Link> : null) },
];

export function BlueprintsPage() {
  const search = route.useSearch();
  const navigate = useNavigate({ from: '/blueprints' });
  const [uploading, setUploading] = useState(false);
  const sort = search.sort ?? '-created_at';
  const list = useList<Blueprint>('/blueprints', { _include: 'id,state,description,error,created_by,created_at,updated_at,visibility', _sort: sort, _search: search.q });
  const upload = <Allowed permission="blueprint_upload" leftSection={<Upload size={14} />} onClick={() => setUploading(true)}>{t('Upload')}</Allowed>;
  const choice = (
    <div>
      <SegmentedControl size="sm" value={search.show ?? 'own'} onChange={(show) => void navigate({ search: (old) => ({ ...old, show: show === 'own' ? undefined : show }), replace: true })} data={[{ value: 'own', label: t('Of this tenant') }, { value: 'catalogue', label: t('Catalogue') }]} aria-label={t('Which blueprints')} />
    </div>
  );
  if (search.show === 'catalogue') {
    return <Page fill title={t('Blueprints')} about={<span>{t('Examples that come with the console, to be added as they are')}</span>}>{choice}<Suspense fallback={<Loading rows={8} />}><Catalogue /></Suspense></Page>;
  }
  return (
    <>
      <ListPage
        title={t('Blueprints')}
        nouns={['blueprint', 'blueprints']}
        list={list}
        columns={COLUMNS}
        id={(row) => row.id}
        open={(row) => void navigate({ to: '/blueprints/$id', params: { id: row.id }, search: {} })}
        search={{ value: search.q ?? '', set: (q) => void navigate({ search: (old) => ({ ...old, q: q || undefined }), replace: true }) }}
        sort={sort}
        onSort={(next) => void navigate({ search: (old) => ({ ...old, sort: next }), replace: true })}
        actions={upload}
        empty={{ icon: <FileCode2 />, title: t('No blueprints yet'), text: t('A blueprint says which nodes a service has and how they are made. Upload an archive or a single YAML file, or take an example of the catalogue.'), action: upload }}
      >
        {choice}
      </ListPage>
      {uploading && <UploadDialog close={() => setUploading(false)} done={(id) => { setUploading(false); void navigate({ to: '/blueprints/$id', params: { id }, search: {} }); }} />}
    </>
  );
}
