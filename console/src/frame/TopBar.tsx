import { ActionIcon, Menu, Tooltip, VisuallyHidden, useComputedColorScheme, useMantineColorScheme } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useRouterState } from '@tanstack/react-router';
import { spotlight } from '@mantine/spotlight';
import { Building2, ChevronsUpDown, Keyboard, LogOut, Moon, Search, Sun, UserRound } from 'lucide-react';

import { signOut, useMe } from '../api/session';
import { useFreshness } from '../api/stream';
import { setTenant, useTenant } from '../api/tenant';
import { t } from '../i18n/t';
import { clock } from '../i18n/time';
import { useSave } from '../profile/preferences';
import styles from './Frame.module.css';

export function TopBar({ showKeys }: { showKeys: () => void }) {
  return (
    <header className={styles.bar}>
      <TenantSwitch />
      <Crumbs />
      <div className={styles.space} />
      <button type="button" className={styles.search} onClick={() => spotlight.open()}>
        <Search size={14} aria-hidden="true" />
        {t('Go to…')}
        <kbd>Ctrl K</kbd>
      </button>
      <LiveDot />
      <ThemeSwitch />
      <UserMenu showKeys={showKeys} />
    </header>
  );
}

function TenantSwitch() {
  const me = useMe();
  const tenant = useTenant();
  const client = useQueryClient();
  const names = me.data?.names ?? [];
  const choose = (name: string) => {
    setTenant(name);
    void client.resetQueries();
  };
  return (
    <Menu position="bottom-start">
      <Menu.Target>
        <button type="button" className={styles.tenant} aria-label={t('Tenant {name}', { name: tenant })}>
          <Building2 size={14} aria-hidden="true" />
          {tenant}
          <ChevronsUpDown size={12} aria-hidden="true" />
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{t('Tenants you belong to')}</Menu.Label>
        {names.map((name) => <Menu.Item key={name} onClick={() => choose(name)}>{name}</Menu.Item>)}
      </Menu.Dropdown>
    </Menu>
  );
}

function Crumbs() {
  const path = useRouterState({ select: (state) => state.location.pathname });
  const [, page, id] = path.split('/');
  if (!page) return null;
  const title = page.charAt(0).toUpperCase() + page.slice(1);
  return (
    <nav className={styles.crumbs} aria-label={t('Where you are')}>
      <span aria-hidden="true">/</span>
      {id ? <Link to={(page === 'deploy' ? '/blueprints' : `/${page}`) as '/deployments'}>{t(title)}</Link> : <b>{t(title)}</b>}
      {id && <><span aria-hidden="true">/</span><b>{decodeURIComponent(id)}</b></>}
    </nav>
  );
}

function LiveDot() {
  const { freshness, since } = useFreshness();
  const words = {
    live: [t('Live'), t('Changes are shown as they happen')],
    starting: [t('Connecting'), t('Waiting for the manager')],
    reconnecting: [t('Reconnecting'), t('Data from {time}', { time: clock(new Date(since).toISOString()) })],
  }[freshness] as [string, string];
  return (
    <Tooltip label={words[1]}>
      <span className={styles.live} data-freshness={freshness} role="status">
        <i className={styles.dot} />
        {words[0]}
      </span>
    </Tooltip>
  );
}

function ThemeSwitch() {
  const { setColorScheme } = useMantineColorScheme();
  const save = useSave();
  const scheme = useComputedColorScheme('light');
  const other = scheme === 'dark' ? 'light' : 'dark';
  return (
    <Tooltip label={t(other === 'dark' ? 'Dark' : 'Light')}>
      <ActionIcon variant="subtle" color="gray" onClick={() => { setColorScheme(other); save.mutate({ theme: other }); }} aria-label={t('Switch to {theme}', { theme: other })}>
        {other === 'dark' ? <Moon size={16} /> : <Sun size={16} />}
      </ActionIcon>
    </Tooltip>
  );
}

function UserMenu({ showKeys }: { showKeys: () => void }) {
  const me = useMe();
  const navigate = useNavigate();
  const name = me.data?.username ?? '';
  return (
    <Menu position="bottom-end" width={220}>
      <Menu.Target>
        <button type="button" className={styles.user} ><VisuallyHidden>{t('User {name}', { name })}</VisuallyHidden><span aria-hidden="true">{name.slice(0, 2)}</span></button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{name} · {me.data?.role}</Menu.Label>
        <Menu.Item leftSection={<UserRound size={14} />} onClick={() => void navigate({ to: '/profile' })}>{t('Profile and preferences')}</Menu.Item>
        <Menu.Item leftSection={<Keyboard size={14} />} onClick={showKeys}>{t('Keys')}</Menu.Item>
        <Menu.Item leftSection={<LogOut size={14} />} onClick={() => void signOut()}>{t('Sign out')}</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
