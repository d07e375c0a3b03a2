// Users, groups and tenants, and who did what.
import { PasswordInput, Select, Switch, TextInput } from '@mantine/core';
import { useInfiniteQuery, useQuery, useQueryClient } from '@tanstack/react-query';
import { Building2, History, Plus, UserRound, UsersRound } from 'lucide-react';
import { useState } from 'react';

import type { Schemas } from '../api/client';
import { call, useList, type Listed } from '../api/list';
import { t } from '../i18n/t';
import { Allowed } from '../parts/Allowed';
import { Dialog } from '../parts/Confirm';
import { ListPage } from '../parts/ListPage';
import { Card, Facts } from '../parts/Page';
import type { Column } from '../parts/Table';
import { When } from '../parts/When';
import { StatusMark } from '../status/StatusMark';
import { GroupPanel, ROLES, rolesOf, TenantPanel } from './Members';

type User = Schemas['User'];
type Group = Schemas['Group'];
type Tenant = Schemas['Tenant'];
type Entry = Schemas['AuditLog']['items'][number];
type Roles = Record<string, { 'tenant-role'?: string | null; roles: string[] }>;
const size = (value: unknown) => (typeof value === 'number' ? value : Array.isArray(value) ? value.length : Object.keys((value ?? {}) as object).length);

export function UsersPage() {
  const client = useQueryClient();
  const list = useList<User>('/users', { _get_data: 'true', _sort: 'username' });
  const [adding, setAdding] = useState(false);
  const [chosen, setChosen] = useState<string | undefined>();
  const columns: Column<User>[] = [
    { key: 'name', title: t('Name'), width: 'minmax(140px, 1fr)', cell: (row) => <b>{row.username}</b> },
    { key: 'state', title: t('State'), width: '130px', cell: (row) => (row.is_locked ? <StatusMark mark="attention" word={t('Locked')} /> : row.active ? <StatusMark mark="ok" word={t('Active')} /> : <StatusMark mark="idle" word={t('Off')} />) },
    { key: 'role', title: t('System role'), width: '130px', cell: (row) => row.role },
    { key: 'tenants', title: t('Tenants'), width: 'minmax(160px, 2fr)', cell: (row) => Object.entries((row.tenants ?? {}) as unknown as Roles).map(([name, one]) => `${name}: ${one.roles.join(', ')}`).join(' · ') },
    { key: 'groups', title: t('Groups'), width: 'minmax(100px, 1fr)', cell: (row) => (Array.isArray(row.groups) ? (row.groups as string[]).join(', ') : '') },
    { key: 'last', title: t('Last sign-in'), width: '130px', align: 'right', cell: (row) => <When time={row.last_login_at} /> },
  ];
  const user = list.rows.find((row) => row.username === chosen);
  const refresh = () => client.invalidateQueries({ queryKey: ['list', '/users'] });
  return (
    <>
      <ListPage
        title={t('Users')}
        nouns={['user', 'users']}
        list={list}
        columns={columns}
        id={(row) => row.username}
        open={(row) => setChosen(row.username)}
        chosen={chosen}
        actions={<Allowed permission="user_create" leftSection={<Plus size={14} />} onClick={() => setAdding(true)}>{t('New user')}</Allowed>}
        empty={{ icon: <UserRound />, title: t('No users'), text: '' }}
        panel={user && <UserPanel key={user.username} user={user} close={() => setChosen(undefined)} refresh={refresh} />}
      />
      {adding && <NewUser close={() => setAdding(false)} refresh={refresh} />}
    </>
  );
}

function NewUser({ close, refresh }: { close: () => void; refresh: () => Promise<unknown> }) {
  const [username, setName] = useState('');
  const [password, setPassword] = useState('');
  const [role, setRole] = useState<string | null>('default');
  return (
    <Dialog title={t('New user')} verb={t('Create')} act={() => call('PUT', '/users', { username, password, role }).then(refresh)} close={close} ready={username !== '' && password !== ''}>
      <TextInput label={t('Name')} value={username} onChange={(event) => setName(event.currentTarget.value)} required autoComplete="off" />
      <PasswordInput label={t('Password')} value={password} onChange={(event) => setPassword(event.currentTarget.value)} required autoComplete="new-password" />
      <Select label={t('System role')} value={role} onChange={setRole} data={['default', 'sys_admin']} description={t('Rights in tenants are given by their roles there.')} />
    </Dialog>
  );
}

function UserPanel({ user, close, refresh }: { user: User; close: () => void; refresh: () => Promise<unknown> }) {
  const [adding, setAdding] = useState(false);
  const [tenant, setTenant] = useState<string | null>(null);
  const [role, setRole] = useState<string | null>('user');
  const tenants = useQuery({ queryKey: ['list', '/tenants', 'names'], queryFn: () => call<Listed<Tenant>>('GET', '/tenants?_size=1000') });
  const held = Object.entries((user.tenants ?? {}) as unknown as Roles);
  return (
    <Card title={user.username} aside={<button type="button" onClick={close} aria-label={t('Close')} style={{ all: 'unset', cursor: 'pointer' }}>✕</button>}>
      <Facts
        facts={[
          [t('System role'), user.role],
          [t('Created'), <When key="c" time={user.created_at} />],
          [t('First sign-in'), <When key="f" time={user.first_login_at} />],
          ...held.map(([name, one]): [string, React.ReactNode] => [`${t('in')} ${name}`, <span key={name}>{one.roles.join(', ')} <span className="quiet">{one['tenant-role'] ? t('directly') : t('by a group')}</span></span>]),
        ]}
      />
      <Switch mt="md" label={t('May sign in')} checked={user.active ?? false} onChange={(event) => void call('POST', `/users/active/${encodeURIComponent(user.username)}`, { action: event.currentTarget.checked ? 'activate' : 'deactivate' }).then(refresh)} />
      <div style={{ display: 'flex', gap: 8, marginTop: 16 }}>
        <Allowed permission="tenant_add_user" variant="default" leftSection={<Plus size={14} />} onClick={() => setAdding(true)}>{t('Add to a tenant')}</Allowed>
      </div>
      {adding && (
        <Dialog title={t('Add {name} to a tenant', { name: user.username })} verb={t('Add')} close={() => setAdding(false)} ready={tenant !== null} act={() => call('PUT', '/tenants/users', { tenant_name: tenant, username: user.username, role }).then(refresh)}>
          <Select label={t('Tenant')} value={tenant} onChange={setTenant} data={(tenants.data?.items ?? []).map((one) => one.name)} required />
          <Select label={t('Role')} value={role} onChange={setRole} data={ROLES} required />
        </Dialog>
      )}
    </Card>
  );
}

export function GroupsPage() {
  const client = useQueryClient();
  const list = useList<Group>('/user-groups', { _get_data: 'true' });
  const [adding, setAdding] = useState(false);
  const [name, setName] = useState('');
  const [dn, setDn] = useState('');
  const [chosen, setChosen] = useState<string | undefined>();
  const group = list.rows.find((row) => row.name === chosen);
  const columns: Column<Group>[] = [
    { key: 'name', title: t('Name'), width: 'minmax(150px, 1fr)', cell: (row) => <b>{row.name}</b> },
    { key: 'role', title: t('System role'), width: '130px', cell: (row) => row.role },
    { key: 'users', title: t('Members'), width: 'minmax(160px, 2fr)', cell: (row) => (Array.isArray(row.users) ? (row.users as string[]).join(', ') : size(row.users)) },
    { key: 'tenants', title: t('Tenants'), width: 'minmax(160px, 1.5fr)', cell: (row) => Object.entries((row.tenants ?? {}) as Record<string, string>).map(([tenant, role]) => `${tenant}: ${role}`).join(' · ') },
    { key: 'ldap', title: t('LDAP group'), width: 'minmax(120px, 1fr)', cell: (row) => row.ldap_dn ?? '—' },
  ];
  const create = <Allowed permission="user_group_create" leftSection={<Plus size={14} />} onClick={() => setAdding(true)}>{t('New group')}</Allowed>;
  const act = () => call('POST', '/user-groups', { group_name: name, ...(dn ? { ldap_group_dn: dn } : {}) }).then(() => client.invalidateQueries({ queryKey: ['list', '/user-groups'] }));
  return (
    <>
      <ListPage title={t('Groups')} nouns={['group', 'groups']} list={list} columns={columns} id={(row) => row.name} open={(row) => setChosen(row.name)} chosen={chosen} panel={group && <GroupPanel key={group.name} group={group} close={() => setChosen(undefined)} />} actions={create} empty={{ icon: <UsersRound />, title: t('No groups yet'), text: t('A group gives its members a role in tenants. It can be a group of a directory.'), action: create }} />
      {adding && (
        <Dialog title={t('New group')} verb={t('Create')} act={act} close={() => setAdding(false)} ready={name !== ''}>
          <TextInput label={t('Name')} value={name} onChange={(event) => setName(event.currentTarget.value)} required />
          <TextInput label={t('Distinguished name of an LDAP group')} value={dn} onChange={(event) => setDn(event.currentTarget.value)} />
        </Dialog>
      )}
    </>
  );
}

export function TenantsPage() {
  const client = useQueryClient();
  const list = useList<Tenant>('/tenants', { _get_data: 'true', _sort: 'name' });
  const [adding, setAdding] = useState(false);
  const [name, setName] = useState('');
  const [chosen, setChosen] = useState<string | undefined>();
  const tenant = list.rows.find((row) => row.name === chosen);
  const members = (value: unknown) => rolesOf(value).map(([who, role]) => `${who}: ${role}`).join(' · ');
  const columns: Column<Tenant>[] = [
    { key: 'name', title: t('Name'), width: 'minmax(150px, 1fr)', cell: (row) => <b>{row.name}</b> },
    { key: 'users', title: t('Users'), width: 'minmax(200px, 2.4fr)', cell: (row) => members(row.users) || size(row.users) },
    { key: 'groups', title: t('Groups'), width: 'minmax(140px, 1.4fr)', cell: (row) => members(row.groups) || size(row.groups) },
  ];
  const create = <Allowed permission="tenant_create" leftSection={<Plus size={14} />} onClick={() => setAdding(true)}>{t('New tenant')}</Allowed>;
  const act = () => call('POST', `/tenants/${encodeURIComponent(name)}`).then(() => Promise.all([client.invalidateQueries({ queryKey: ['list', '/tenants'] }), client.invalidateQueries({ queryKey: ['me'] })]));
  return (
    <>
      <ListPage title={t('Tenants')} nouns={['tenant', 'tenants']} list={list} columns={columns} id={(row) => row.name} open={(row) => setChosen(row.name)} chosen={chosen} panel={tenant && <TenantPanel key={tenant.name} tenant={tenant} close={() => setChosen(undefined)} />} actions={create} empty={{ icon: <Building2 />, title: t('No tenants'), text: '' }} />
      {adding && (
        <Dialog title={t('New tenant')} verb={t('Create')} act={act} close={() => setAdding(false)} ready={name !== ''}>
          <TextInput label={t('Name')} value={name} onChange={(event) => setName(event.currentTarget.value)} required />
        </Dialog>
      )}
    </>
  );
}

const AUDIT: Column<Entry>[] = [
  { key: 'when', title: 'When', width: '130px', cell: (row) => <When time={`${row.created_at}Z`} /> },
  { key: 'who', title: 'Who', width: 'minmax(120px, 0.8fr)', cell: (row) => row.creator_name ?? <span className="quiet">{t('the manager')}</span> },
  { key: 'did', title: 'Did', width: '110px', cell: (row) => row.operation },
  { key: 'what', title: 'To', width: 'minmax(140px, 1fr)', cell: (row) => row.ref_table.replaceAll('_', ' ') },
  { key: 'which', title: 'Which', width: 'minmax(220px, 2.4fr)', cell: (row) => <code>{Object.values((row.ref_identifier ?? {}) as Record<string, unknown>).map(String).join(' ')}</code> },
  { key: 'run', title: 'In the run', width: 'minmax(150px, 1fr)', cell: (row) => row.execution_id && <code>{row.execution_id.slice(0, 8)}</code> },
];

/** So many changes are read at a time. */
const PAGE = 200;

export function AuditPage() {
  const entries = useInfiniteQuery({
    queryKey: ['list', '/audit'],
    initialPageParam: 0,
    queryFn: ({ pageParam }) => call<Schemas['AuditLog']>('GET', `/audit?order_by=created_at&desc=true&size=${PAGE}&offset=${pageParam}`),
    getNextPageParam: (last, pages) => (last.items.length < PAGE ? undefined : pages.length * PAGE),
  });
  const items = entries.data?.pages.flatMap((page) => page.items) ?? [];
  const total = (entries.data?.pages[0]?.metadata as { pagination?: { total?: number } } | undefined)?.pagination?.total ?? items.length;
  const more = () => {
    if (entries.hasNextPage && !entries.isFetchingNextPage) void entries.fetchNextPage();
  };
  return <ListPage title={t('Audit')} nouns={['change', 'changes']} list={{ ...entries, rows: items, total, more }} columns={AUDIT} id={(row) => String(row.id)} empty={{ icon: <History />, title: t('Nothing was changed'), text: t('Each change to anything is noted here, with who made it.') }} />;
}
