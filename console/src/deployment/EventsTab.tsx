import { TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, useNavigate } from '@tanstack/react-router';
import { ScrollText, Search } from 'lucide-react';
import { useMemo } from 'react';

import { api, data, type Event } from '../api/client';
import { matches } from '../events/line';
import { LogView } from '../events/LogView';
import { n, t } from '../i18n/t';
import { Card } from '../parts/Page';
import { Empty, Loading, Problem } from '../parts/states';
import styles from './Deployment.module.css';

const route = getRouteApi('/deployments/$id');
const SIZE = 1000;

export default function EventsTab({ id }: { id: string }) {
  const { q = '' } = route.useSearch();
  const navigate = useNavigate({ from: '/deployments/$id' });
  const events = useQuery({
    queryKey: ['all-events', id],
    queryFn: async () => {
      const query = { deployment_id: [id], _size: SIZE, _sort: ['-reported_timestamp'] };
      const answer = await data(api.GET('/events', { params: { query } })) as unknown as { items: Event[]; metadata: { pagination: { total: number } } };
      return { items: [...answer.items].reverse(), total: answer.metadata.pagination.total };
    },
  });
  const lines = useMemo(() => (events.data?.items ?? []).filter((event) => !q || matches(event, q)), [events.data, q]);
  return (
    <div className={styles.fill}>
      <Card
        flush
        title={<TextInput size="xs" leftSection={<Search size={13} />} placeholder={t('Search events')} aria-label={t('Search events')} value={q} onChange={(event) => { const next = event.currentTarget.value || undefined; void navigate({ search: (old) => ({ ...old, q: next }), replace: true }); }} />}
        aside={events.data && (events.data.total > SIZE ? t('the last {shown} of {total}', { shown: SIZE, total: events.data.total }) : n(lines.length, 'line', 'lines'))}
      >
        {events.error && <Problem error={events.error} retry={() => void events.refetch()} />}
        {events.isPending && <Loading />}
        {events.isSuccess && lines.length === 0 && <Empty icon={<ScrollText />} title={t('No events')} />}
        {lines.length > 0 && <LogView events={lines} label={t('Events')} />}
      </Card>
    </div>
  );
}
