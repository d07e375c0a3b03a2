// The manager itself: its services, maintenance, and what was left behind by crashes.
import { Button } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Wrench } from 'lucide-react';
import { useState } from 'react';

import { api, data } from '../api/client';
import { call } from '../api/list';
import { t } from '../i18n/t';
import { Allowed } from '../parts/Allowed';
import { Confirm } from '../parts/Confirm';
import { Card, Facts, Page } from '../parts/Page';
import { Loading, Problem } from '../parts/states';
import type { Mark } from '../status/status';
import { StatusMark } from '../status/StatusMark';
import { Snapshots } from './Snapshots';
import styles from './System.module.css';

interface Member {
  status: string;
  version: string;
  private_ip: string;
  services: Record<string, { status: string }>;
}
type Services = Record<string, { status: string; nodes: Record<string, Member> }>;

function ofService(status: string): { mark: Mark; word: string } {
  if (status === 'OK' || status === 'Active') return { mark: 'ok', word: status === 'OK' ? 'OK' : 'Active' };
  return { mark: status === 'Degraded' ? 'attention' : 'failed', word: status };
}

export function SystemPage() {
  const cluster = useQuery({ queryKey: ['cluster-status'], refetchInterval: 15_000, queryFn: () => data(api.GET('/cluster-status', {})) });
  const version = useQuery({ queryKey: ['version'], queryFn: () => data(api.GET('/version', {})) });
  if (cluster.error && !cluster.data) return <Problem error={cluster.error} retry={() => void cluster.refetch()} />;
  if (!cluster.data) return <Loading />;
  const services = cluster.data.services as unknown as Services;
  const members = Object.entries(services['manager']?.nodes ?? {});
  return (
    <Page title={t('System')} mark={<StatusMark pill {...ofService(cluster.data.status)} />}>
      <div className={styles.grid}>
        {members.map(([name, member]) => (
          <Card key={name} title={t('Manager {name}', { name })} aside={<StatusMark {...ofService(member.status)} />}>
            <Facts facts={[...Object.entries(member.services).map(([service, one]): [string, React.ReactNode] => [service, <StatusMark key={service} {...ofService(one.status)} />]), [t('Address'), <code key="a">{member.private_ip}</code>]]} />
          </Card>
        ))}
        <Card title={t('Versions')}>
          <Facts facts={Object.entries((version.data ?? {}) as Record<string, unknown>).filter(([, value]) => value !== null).map(([name, value]) => [name.replaceAll('_', ' '), String(value)])} />
        </Card>
        <Maintenance />
        <Snapshots />
      </div>
    </Page>
  );
}

function Maintenance() {
  const client = useQueryClient();
  const [asking, setAsking] = useState(false);
  const state = useQuery({ queryKey: ['maintenance'], queryFn: () => data(api.GET('/maintenance', {})) });
  const on = state.data && state.data.status !== 'deactivated';
  const set = (action: string) => call('POST', `/maintenance/${action}`).then(() => client.invalidateQueries());
  return (
    <Card title={t('Maintenance')} aside={on ? <StatusMark mark="attention" word={t('On')} /> : <StatusMark mark="idle" word={t('Off')} />}>
      <p className="quiet">{t('While it is on, the manager starts nothing new and answers only to those who administer it.')}</p>
      <div style={{ marginTop: 12 }}>
        {on
          ? <Button variant="default" size="sm" onClick={() => void set('deactivate')}>{t('End maintenance')}</Button>
          : <Allowed permission="maintenance_mode_set" variant="default" leftSection={<Wrench size={14} />} onClick={() => setAsking(true)}>{t('Begin maintenance')}</Allowed>}
      </div>
      {asking && <Confirm title={t('Begin maintenance?')} verb={t('Begin')} close={() => setAsking(false)} act={() => set('activate')}>{t('Runs that are under way go on to their end. Nobody can start others until it is ended.')}</Confirm>}
    </Card>
  );
}
