// Secrets: their keys at once, a value only when somebody asks for it, and not for long.
import { ActionIcon, Modal, PasswordInput, SegmentedControl, Select, Switch, TextInput, Textarea, Tooltip } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { getRouteApi, useNavigate } from '@tanstack/react-router';
import { Eye, KeyRound, Link2, Pencil, Plus, Trash2 } from 'lucide-react';
import { useEffect, useState } from 'react';

import type { Schemas } from '../api/client';
import { call, useList } from '../api/list';
import { t } from '../i18n/t';
import { Allowed, useRefusal } from '../parts/Allowed';
import { Confirm, Dialog } from '../parts/Confirm';
import { ListPage } from '../parts/ListPage';
import { Problem } from '../parts/states';
import type { Column } from '../parts/Table';
import { UsedBy } from '../parts/UsedBy';
import { Copied } from '../parts/Value';
import { When } from '../parts/When';
import styles from './Secrets.module.css';

type Secret = Schemas['ListedSecret'];
const route = getRouteApi('/secrets');
/** A shown value is covered again after this time. */
const SHOWN = 30_000;
const path = (key: string) => `/secrets/${encodeURIComponent(key)}`;

export function SecretsPage() {
  const { q } = route.useSearch();
  const navigate = useNavigate({ from: '/secrets' });
  const client = useQueryClient();
  const [editing, setEditing] = useState<string | true | null>(null);
  const [deleting, setDeleting] = useState<string | null>(null);
  const [asked, setAsked] = useState<string | null>(null);
  const list = useList<Secret>('/secrets', { _sort: 'key', _search: q });
  const refresh = () => client.invalidateQueries({ queryKey: ['list', '/secrets'] });
  const columns: Column<Secret>[] = [
    { key: 'key', title: t('Key'), width: 'minmax(180px, 1.5fr)', cell: (row) => <b className="mono">{row.key}</b> },
    { key: 'value', title: t('Value'), width: 'minmax(200px, 2fr)', cell: (row) => <Revealed row={row} /> },
    { key: 'provider', title: t('Provider'), width: '120px', cell: (row) => row.provider_name ?? <span className="quiet">{t('built in')}</span> },
    { key: 'visibility', title: t('Visibility'), width: '100px', cell: (row) => row.visibility },
    { key: 'by', title: t('Owner'), width: 'minmax(80px, 0.6fr)', cell: (row) => row.created_by },
    { key: 'updated', title: t('Updated'), width: '120px', align: 'right', cell: (row) => <When time={row.updated_at} /> },
    {
      key: 'acts', title: '', width: '112px', align: 'right',
      cell: (row) => (
        <>
          <Icon label={t('What uses {key}', { key: row.key ?? '' })} permission="secret_list" act={() => setAsked(row.key)}><Link2 size={14} /></Icon>
          <Icon label={t('Change {key}', { key: row.key ?? '' })} permission="secret_update" act={() => setEditing(row.key)}><Pencil size={14} /></Icon>
          <Icon label={t('Delete {key}', { key: row.key ?? '' })} permission="secret_delete" act={() => setDeleting(row.key)}><Trash2 size={14} /></Icon>
        </>
      ),
    },
  ];
  const create = <Allowed permission="secret_create" leftSection={<Plus size={14} />} onClick={() => setEditing(true)}>{t('New secret')}</Allowed>;
  return (
    <>
      <ListPage
        title={t('Secrets')}
        nouns={['secret', 'secrets']}
        list={list}
        columns={columns}
        id={(row) => row.key ?? ''}
        search={{ value: q ?? '', set: (text) => void navigate({ search: { q: text || undefined }, replace: true }) }}
        actions={create}
        empty={{ icon: <KeyRound />, title: t('No secrets yet'), text: t('Passwords and keys that blueprints refer to by name. They are encrypted, and shown to whoever may see them.'), action: create }}
      />
      {editing !== null && <Editor known={editing === true ? null : editing} close={() => setEditing(null)} done={refresh} />}
      {asked !== null && <Modal opened onClose={() => setAsked(null)} title={t('What uses {key}', { key: asked })}><UsedBy path={path(asked)} /></Modal>}
      {deleting !== null && (
        <Confirm title={t('Delete {name}?', { name: deleting })} verb={t('Delete')} name={deleting} close={() => setDeleting(null)} act={() => call('DELETE', path(deleting)).then(refresh)}>
          {t('Blueprints and deployments that refer to it will fail where they need it.')}
          <UsedBy path={path(deleting)} />
        </Confirm>
      )}
    </>
  );
}

function Icon({ label, permission, act, children }: { label: string; permission: string; act: () => void; children: React.ReactNode }) {
  const refused = useRefusal(permission);
  return (
    <Tooltip label={refused ?? label}>
      <ActionIcon variant="subtle" color="gray" size="sm" aria-label={label} data-disabled={refused !== null || undefined} onClick={() => refused === null && act()}>{children}</ActionIcon>
    </Tooltip>
  );
}

function Revealed({ row }: { row: Secret }) {
  const [value, setValue] = useState<string | null>(null);
  const [error, setError] = useState<string | null>(null);
  useEffect(() => {
    if (value === null) return;
    const timer = setTimeout(() => setValue(null), SHOWN);
    return () => clearTimeout(timer);
  }, [value]);
  const show = async () => {
    try {
      const { value: known } = await call<{ value: unknown }>('GET', path(row.key ?? ''));
      if (row.is_hidden_value && !known) setError(t('Hidden: only its owner and administrators see it'));
      else setValue(typeof known === 'string' ? known : JSON.stringify(known));
    } catch (refused) {
      setError((refused as Error).message);
    }
  };
  if (error) return <span className={styles.refused} title={error}>{error}</span>;
  if (value === null) {
    return (
      <span className={styles.value}>
        <span role="img" aria-label={t('hidden')}>••••••••</span>
        <ActionIcon variant="subtle" color="gray" size="sm" onClick={() => void show()} aria-label={t('Show {key}', { key: row.key ?? '' })}><Eye size={14} /></ActionIcon>
      </span>
    );
  }
  return <span className={styles.value}><code title={value}>{value}</code><Copied text={value} /></span>;
}

function Editor({ known, close, done }: { known: string | null; close: () => void; done: () => Promise<unknown> }) {
  const [key, setKey] = useState(known ?? '');
  const [kind, setKind] = useState('text');
  const [value, setValue] = useState('');
  const [hidden, setHidden] = useState(false);
  const [visibility, setVisibility] = useState<string | null>('tenant');
  const wrong = kind === 'json' && value !== '' && !isJson(value);
  const act = () => {
    const content = kind === 'json' ? (JSON.parse(value) as unknown) : value;
    const body = { value: kind === 'json' ? JSON.stringify(content) : content, is_hidden_value: hidden, visibility };
    return call(known ? 'PATCH' : 'PUT', path(key), known ? { value: body.value } : body).then(done);
  };
  return (
    <Dialog title={known ? t('Change {key}', { key: known }) : t('New secret')} verb={known ? t('Save') : t('Create')} act={act} close={close} ready={key !== '' && value !== '' && !wrong}>
      {!known && <TextInput label={t('Key')} value={key} onChange={(event) => setKey(event.currentTarget.value)} required />}
      <SegmentedControl value={kind} onChange={setKind} data={[{ value: 'text', label: t('Text') }, { value: 'long', label: t('Several lines') }, { value: 'json', label: t('JSON') }]} aria-label={t('Kind')} />
      {kind === 'text'
        ? <PasswordInput label={t('Value')} value={value} onChange={(event) => setValue(event.currentTarget.value)} autoComplete="new-password" required />
        : <Textarea label={t('Value')} classNames={{ input: 'mono' }} value={value} onChange={(event) => setValue(event.currentTarget.value)} autosize minRows={5} maxRows={16} error={wrong ? t('Is not JSON') : undefined} required />}
      {!known && <Select label={t('Visibility')} value={visibility} onChange={setVisibility} data={['private', 'tenant', 'global']} />}
      {!known && <Switch label={t('Hidden: only its owner and administrators see the value')} checked={hidden} onChange={(event) => setHidden(event.currentTarget.checked)} />}
      {wrong && <Problem error={new Error(t('The value is not JSON'))} />}
    </Dialog>
  );
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
