// All events and logs of the tenant: one search line with facets, and the lines.
import { Button, Switch } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, useNavigate } from '@tanstack/react-router';
import { Download, ScrollText } from 'lucide-react';
import { useState } from 'react';

import type { Event } from '../api/client';
import { call, type Listed } from '../api/list';
import { n, t } from '../i18n/t';
import { SearchBox } from '../parts/ListPage';
import { Card, Page } from '../parts/Page';
import { Empty, Loading, Problem } from '../parts/states';
import { LogView } from './LogView';
import styles from './Events.module.css';
import { MOST, queryOf, SIZE } from './query';

const route = getRouteApi('/events');
export function EventsPage() {
  const { q = '' } = route.useSearch();
  const navigate = useNavigate({ from: '/events' });
  const [follow, setFollow] = useState(true);
  const [size, setSize] = useState(SIZE);
  const events = useQuery({
    queryKey: ['all-events', 'search', q, size],
    queryFn: async () => {
      const answer = await call<Listed<Event>>('GET', `/events?${queryOf(q, size)}`);
      return { items: [...answer.items].reverse(), total: answer.metadata.pagination.total };
    },
    placeholderData: (before) => before,
  });
  const set = (text: string) => void navigate({ search: { q: text || undefined }, replace: true });
  const items = events.data?.items ?? [];
  return (
    <Page
      fill
      title={t('Events')}
      about={events.data && <span>{events.data.total > items.length ? t('the last {shown} of {total}', { shown: items.length.toLocaleString('en'), total: events.data.total.toLocaleString('en') }) : n(items.length, 'line', 'lines')}</span>}
      actions={<>
        {events.data && events.data.total > items.length && size < MOST && <Button variant="subtle" size="sm" loading={events.isFetching} onClick={() => setSize(size * 2)}>{t('Earlier lines')}</Button>}
        <Switch label={t('Follow')} checked={follow} onChange={(event) => setFollow(event.currentTarget.checked)} />
        <Button variant="default" size="sm" leftSection={<Download size={14} />} onClick={() => download(items)}>{t('Download')}</Button>
      </>}
    >
      <div className={styles.search}><SearchBox value={q} set={set} placeholder={t('Words, or level:error kind:task_failed deployment:shop instance:vm_1 run:…')} /></div>
      <Card flush>
        {events.error && <Problem error={events.error} retry={() => void events.refetch()} />}
        {events.isPending && <Loading rows={14} />}
        {events.isSuccess && items.length === 0 && <Empty icon={<ScrollText />} title={t('No events')}>{q ? t('None matches this search.') : t('Runs and the manager say here what they do.')}</Empty>}
        {items.length > 0 && <LogView key={String(follow)} events={items} follow={follow} label={t('Events')} />}
      </Card>
    </Page>
  );
}

function download(items: Event[]): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([items.map((event) => `${JSON.stringify(event)}\n`).join('')], { type: 'application/x-ndjson' }));
  link.download = 'events.ndjson';
  link.click();
  URL.revokeObjectURL(link.href);
}
