// Who is in a group or a tenant, and with which role: added and removed.
import { ActionIcon, Button, CloseButton, Select } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Trash2, X } from 'lucide-react';
import { useState } from 'react';

import { call, type Listed } from '../api/list';
import { t } from '../i18n/t';
import { Allowed, useRefusal } from '../parts/Allowed';
import { Confirm } from '../parts/Confirm';
import { Card } from '../parts/Page';
import { Problem } from '../parts/states';
import styles from './Members.module.css';

export const ROLES = ['manager', 'user', 'operations', 'viewer'];

/** Users by name and their roles, as the manager lists them in one way or another. */
export function rolesOf(value: unknown): [string, string][] {
  if (Array.isArray(value)) return value.map((name) => [String(name), '']);
  return Object.entries((value ?? {}) as Record<string, unknown>).map(([name, role]) => {
    const several = Array.isArray(role) ? role : typeof role === 'object' && role !== null ? (role as { roles?: unknown[] }).roles ?? [] : [role];
    return [name, several.map(String).join(', ')];
  });
}

/** A list of names to which one is added, and from which each can be taken. */
function Names({ label, names, choices, roles, add, remove, permission }: {
  label: string; names: [string, string][]; choices: string[]; roles?: string[]; permission: string;
  add: (name: string, role: string) => Promise<unknown>; remove: (name: string) => Promise<unknown>;
}) {
  const client = useQueryClient();
  const refused = useRefusal(permission);
  const [name, setName] = useState<string | null>(null);
  const [role, setRole] = useState<string | null>(roles?.[1] ?? null);
  const change = useMutation({ mutationFn: (work: () => Promise<unknown>) => work(), onSuccess: () => { setName(null); return client.invalidateQueries({ queryKey: ['list'] }); } });
  const known = new Set(names.map(([one]) => one));
  return (
    <section className={styles.names}>
      <h3>{label}</h3>
      {names.length === 0 && <p className="quiet">{t('nobody')}</p>}
      <ul aria-label={label}>
        {names.map(([one, held]) => (
          <li key={one}>
            <b>{one}</b><span className="quiet">{held}</span>
            <ActionIcon variant="subtle" color="gray" size="sm" disabled={refused !== null} title={refused ?? undefined} aria-label={t('Remove {name}', { name: one })} onClick={() => change.mutate(() => remove(one))}><X size={14} /></ActionIcon>
          </li>
        ))}
      </ul>
      {change.error && <Problem error={change.error} />}
      <div className={styles.add}>
        <Select size="xs" placeholder={t('Name')} aria-label={`${label}: ${t('Name')}`} value={name} onChange={setName} data={choices.filter((one) => !known.has(one))} searchable disabled={refused !== null} />
        {roles && <Select size="xs" aria-label={`${label}: ${t('Role')}`} value={role} onChange={setRole} data={roles} allowDeselect={false} disabled={refused !== null} />}
        <Button size="xs" variant="default" disabled={name === null || refused !== null} loading={change.isPending} title={refused ?? undefined} onClick={() => name && change.mutate(() => add(name, role ?? ''))}>{t('Add')}</Button>
      </div>
    </section>
  );
}

function useNames(path: string, field: string): string[] {
  const list = useQuery({ queryKey: ['list', path, 'names'], queryFn: () => call<Listed<Record<string, string>>>('GET', `${path}?_size=1000`) });
  return (list.data?.items ?? []).map((one) => one[field] ?? '').filter(Boolean).sort();
}

export function TenantPanel({ tenant, close }: { tenant: { name: string; users: unknown; groups: unknown }; close: () => void }) {
  const client = useQueryClient();
  const [deleting, setDeleting] = useState(false);
  const users = useNames('/users', 'username');
  const groups = useNames('/user-groups', 'name');
  const of = { tenant_name: tenant.name };
  return (
    <Card title={tenant.name} aside={<CloseButton onClick={close} aria-label={t('Close')} />}>
      <Names label={t('Users')} names={rolesOf(tenant.users)} choices={users} roles={ROLES} permission="tenant_add_user" add={(username, role) => call('PUT', '/tenants/users', { ...of, username, role })} remove={(username) => call('DELETE', '/tenants/users', { ...of, username })} />
      <Names label={t('Groups')} names={rolesOf(tenant.groups)} choices={groups} roles={ROLES} permission="tenant_add_group" add={(group_name, role) => call('PUT', '/tenants/user-groups', { ...of, group_name, role })} remove={(group_name) => call('DELETE', '/tenants/user-groups', { ...of, group_name })} />
      <Allowed permission="tenant_delete" variant="default" leftSection={<Trash2 size={14} />} onClick={() => setDeleting(true)}>{t('Delete')}</Allowed>
      {deleting && (
        <Confirm title={t('Delete {name}?', { name: tenant.name })} verb={t('Delete')} name={tenant.name} close={() => setDeleting(false)} act={() => call('DELETE', `/tenants/${encodeURIComponent(tenant.name)}`).then(() => Promise.all([client.invalidateQueries({ queryKey: ['list', '/tenants'] }), client.invalidateQueries({ queryKey: ['me'] })]))}>
          {t('A tenant that owns something is not deleted.')}
        </Confirm>
      )}
    </Card>
  );
}

export function GroupPanel({ group, close }: { group: { name: string; users: unknown; tenants: unknown }; close: () => void }) {
  const client = useQueryClient();
  const [deleting, setDeleting] = useState(false);
  const users = useNames('/users', 'username');
  const tenants = useNames('/tenants', 'name');
  const of = { group_name: group.name };
  return (
    <Card title={group.name} aside={<CloseButton onClick={close} aria-label={t('Close')} />}>
      <Names label={t('Members')} names={rolesOf(group.users)} choices={users} permission="user_group_add_user" add={(username) => call('PUT', '/user-groups/users', { ...of, username })} remove={(username) => call('DELETE', '/user-groups/users', { ...of, username })} />
      <Names label={t('Tenants')} names={rolesOf(group.tenants)} choices={tenants} roles={ROLES} permission="tenant_add_group" add={(tenant_name, role) => call('PUT', '/tenants/user-groups', { ...of, tenant_name, role })} remove={(tenant_name) => call('DELETE', '/tenants/user-groups', { ...of, tenant_name })} />
      <Allowed permission="user_group_delete" variant="default" leftSection={<Trash2 size={14} />} onClick={() => setDeleting(true)}>{t('Delete')}</Allowed>
      {deleting && (
        <Confirm title={t('Delete {name}?', { name: group.name })} verb={t('Delete')} close={() => setDeleting(false)} act={() => call('DELETE', `/user-groups/${encodeURIComponent(group.name)}`).then(() => client.invalidateQueries({ queryKey: ['list'] }))}>
          {t('Its members lose the roles that they had by it.')}
        </Confirm>
      )}
    </Card>
  );
}
