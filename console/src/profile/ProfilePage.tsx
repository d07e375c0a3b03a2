// One's own: what one prefers, may do, and signs in with.
import { Button, PasswordInput, SegmentedControl, Select, Switch, TextInput } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Plus, Trash2 } from 'lucide-react';
import { useState } from 'react';

import type { Schemas } from '../api/client';
import { call, useList } from '../api/list';
import { useMe, usePermissions } from '../api/session';
import { useTenant } from '../api/tenant';
import { PLACES } from '../frame/keys';
import { t } from '../i18n/t';
import { Confirm, Dialog } from '../parts/Confirm';
import { Card, Facts, Page } from '../parts/Page';
import { Loading, Problem } from '../parts/states';
import { Copied } from '../parts/Value';
import { When } from '../parts/When';
import { USUAL, usePreferences, useSave, type Preferences } from './preferences';
import styles from './Profile.module.css';

type Token = Schemas['Token'];

export function ProfilePage() {
  const me = useMe();
  return (
    <Page title={t('Profile')} about={<span>{me.data?.username} · {me.data?.role}</span>}>
      <div className={styles.grid}>
        <Preferring />
        <Rights />
        <Tokens />
        <Password />
      </div>
    </Page>
  );
}

function Preferring() {
  const preferences = usePreferences();
  const save = useSave();
  const known = preferences.data ?? USUAL;
  const set = (change: Partial<Preferences>) => save.mutate(change);
  return (
    <Card title={t('Preferences')} aside={save.isPending ? t('saving') : save.isSuccess ? t('saved') : undefined}>
      {preferences.error && <Problem error={preferences.error} retry={() => void preferences.refetch()} />}
      {save.error && <Problem error={save.error} title={t('It was not kept')} />}
      <div className={styles.fields}>
        <Field label={t('Theme')}>
          <SegmentedControl size="xs" value={known.theme} onChange={(theme) => set({ theme: theme as Preferences['theme'] })} data={[{ value: 'auto', label: t('As the system') }, { value: 'light', label: t('Light') }, { value: 'dark', label: t('Dark') }]} aria-label={t('Theme')} />
        </Field>
        <Field label={t('Times')}>
          <SegmentedControl size="xs" value={known.zone} onChange={(zone) => set({ zone: zone as Preferences['zone'] })} data={[{ value: 'local', label: t('As here') }, { value: 'utc', label: 'UTC' }]} aria-label={t('Times')} />
        </Field>
        <Field label={t('Lists')}>
          <SegmentedControl size="xs" value={known.dense ? 'dense' : 'wide'} onChange={(next) => set({ dense: next === 'dense' })} data={[{ value: 'wide', label: t('Comfortable') }, { value: 'dense', label: t('Dense') }]} aria-label={t('Lists')} />
        </Field>
        <Select label={t('First page after signing in')} value={known.landing} onChange={(landing) => set({ landing: landing ?? '/' })} data={PLACES.map(({ to, label }) => ({ value: to, label: t(label) }))} allowDeselect={false} />
        <Switch label={t('Letters are keys, such as g d for Deployments')} checked={known.keys} onChange={(event) => set({ keys: event.currentTarget.checked })} />
      </div>
    </Card>
  );
}

function Field({ label, children }: { label: string; children: React.ReactNode }) {
  return <div className={styles.field}><span aria-hidden="true">{label}</span>{children}</div>;
}

function Rights() {
  const me = useMe();
  const tenant = useTenant();
  const { roles } = usePermissions();
  const held = Object.entries(me.data?.tenants ?? {});
  if (!me.data) return <Card title={t('Rights')}><Loading rows={3} /></Card>;
  return (
    <Card title={t('Rights')} aside={tenant}>
      <Facts
        facts={[
          [t('Role in the system'), me.data.role],
          [t('Roles here'), roles.join(', ') || <span className="quiet">{t('none')}</span>],
          ...held.map(([name, one]): [string, React.ReactNode] => [name, <span key={name}>{one.roles.join(', ')} <span className="quiet">{one['tenant-role'] ? t('directly') : t('by a group')}</span></span>]),
        ]}
      />
    </Card>
  );
}

const LASTS: [string, string][] = [['+1 days', 'a day'], ['+30 days', '30 days'], ['+90 days', '90 days'], ['+1 years', 'a year'], ['', 'for ever']];

function Tokens() {
  const me = useMe();
  const client = useQueryClient();
  const { may } = usePermissions();
  const list = useList<Token>('/tokens', { _sort: 'expiration_date', username: me.data?.username });
  const [adding, setAdding] = useState(false);
  const [made, setMade] = useState<string | null>(null);
  const [deleting, setDeleting] = useState<Token | null>(null);
  const refresh = () => client.invalidateQueries({ queryKey: ['list', '/tokens'] });
  return (
    <Card title={t('Tokens and sessions')} aside={<Button size="compact-sm" variant="default" leftSection={<Plus size={13} />} disabled={!may('create_token')} onClick={() => setAdding(true)}>{t('New token')}</Button>}>
      {list.error && <Problem error={list.error} retry={() => void list.refetch()} />}
      {made && (
        <div className={styles.made} role="status">
          <p>{t('Copy it now: it is not shown again.')}</p>
          <code>{made}</code><Copied text={made} />
        </div>
      )}
      {list.isSuccess && list.rows.length === 0 && <p className="quiet">{t('A token lets a program act as you.')}</p>}
      <ul className={styles.tokens} aria-label={t('Tokens')}>
        {list.rows.map((row) => (
          <li key={row.id}>
            <div>
              <b>{row.description || t('without a name')}</b>
              <span className="quiet">
                {row.expiration_date ? <>{t('ends')} {new Date(row.expiration_date).toLocaleDateString('en-GB', { dateStyle: 'medium' })}</> : t('does not end')}
                {row.last_used && <> · {t('used')} <When time={row.last_used} /></>}
              </span>
            </div>
            <Button size="compact-sm" variant="subtle" color="gray" onClick={() => setDeleting(row)} aria-label={t('Delete {name}', { name: row.description ?? row.id })}><Trash2 size={14} /></Button>
          </li>
        ))}
      </ul>
      {adding && <NewToken close={() => setAdding(false)} done={(value) => { setMade(value); void refresh(); }} />}
      {deleting && (
        <Confirm title={t('Delete {name}?', { name: deleting.description || deleting.id })} verb={t('Delete')} close={() => setDeleting(null)} act={() => call('DELETE', `/tokens/${encodeURIComponent(deleting.id)}`).then(refresh)}>
          {t('Whoever shows it is not let in any more. Each browser that is signed in has one, too.')}
        </Confirm>
      )}
    </Card>
  );
}

function NewToken({ close, done }: { close: () => void; done: (value: string) => void }) {
  const [description, setDescription] = useState('');
  const [lasts, setLasts] = useState<string | null>('+30 days');
  const act = () => call<{ value: string }>('POST', '/tokens', { description, ...(lasts ? { expiration_date: lasts } : {}) }).then(({ value }) => done(value));
  return (
    <Dialog title={t('New token')} verb={t('Create')} act={act} close={close} ready={description !== ''}>
      <TextInput label={t('What it is for')} value={description} onChange={(event) => setDescription(event.currentTarget.value)} required />
      <Select label={t('How long it lasts')} value={lasts} onChange={(next) => setLasts(next ?? '')} data={LASTS.map(([value, label]) => ({ value, label: t(label) }))} allowDeselect={false} />
    </Dialog>
  );
}

function Password() {
  const me = useMe();
  const [password, setPassword] = useState('');
  const [again, setAgain] = useState('');
  const change = useMutation({
    mutationFn: () => call('POST', `/users/${encodeURIComponent(me.data?.username ?? '')}`, { password }),
    onSuccess: () => { setPassword(''); setAgain(''); },
  });
  const differs = again !== '' && again !== password;
  return (
    <Card title={t('Password')}>
      <form className={styles.fields} onSubmit={(event) => { event.preventDefault(); if (password !== '' && password === again) change.mutate(); }}>
        <PasswordInput label={t('New password')} value={password} onChange={(event) => setPassword(event.currentTarget.value)} autoComplete="new-password" />
        <PasswordInput label={t('Once more')} value={again} onChange={(event) => setAgain(event.currentTarget.value)} error={differs ? t('Is another one') : undefined} autoComplete="new-password" />
        {change.error && <Problem error={change.error} />}
        <div className={styles.end}>
          {change.isSuccess && <span className="quiet" role="status">{t('The password is changed.')}</span>}
          <Button type="submit" size="sm" variant="default" disabled={password === '' || password !== again} loading={change.isPending}>{t('Change password')}</Button>
        </div>
      </form>
    </Card>
  );
}
