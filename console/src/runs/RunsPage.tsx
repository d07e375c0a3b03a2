import { SegmentedControl } from '@mantine/core';
import { getRouteApi, useNavigate } from '@tanstack/react-router';
import { Play } from 'lucide-react';

import { n, t } from '../i18n/t';
import { Card, Page } from '../parts/Page';
import { Empty, Loading, Problem } from '../parts/states';
import { useRuns } from './queries';
import { RunTable } from './RunTable';

const route = getRouteApi('/runs');
const CHOICES = [['all', 'All'], ['running', 'Running'], ['failed', 'Failed'], ['waiting', 'Waiting'], ['cancelled', 'Cancelled'], ['completed', 'Completed'], ['system', 'With system runs']] as const;

export function RunsPage() {
  const search = route.useSearch();
  const navigate = useNavigate({ from: '/runs' });
  const show = search.show ?? 'all';
  const sort = search.sort ?? '-created_at';
  const list = useRuns({ show, sort, deployment: search.deployment });
  return (
    <Page fill title={t('Runs')} about={<span>{n(list.total, 'run', 'runs')}</span>}>
      <div>
        <SegmentedControl
          size="xs"
          value={show}
          onChange={(next) => void navigate({ search: (old) => ({ ...old, show: next === 'all' ? undefined : next }), replace: true })}
          data={CHOICES.map(([value, label]) => ({ value, label: t(label) }))}
          aria-label={t('Which runs')}
        />
      </div>
      <Card flush>
        {list.error && <Problem error={list.error} retry={() => void list.refetch()} />}
        {list.isPending && <Loading rows={10} />}
        {list.isSuccess && list.rows.length === 0 && (
          <Empty icon={<Play />} title={show === 'all' ? t('Nothing has run yet') : t('No such run')}>
            {t('A run is one execution of a workflow, such as install, on a deployment. Open a deployment to start one.')}
          </Empty>
        )}
        {list.rows.length > 0 && <RunTable list={list} withDeployment sort={sort} onSort={(next) => void navigate({ search: (old) => ({ ...old, sort: next }), replace: true })} />}
      </Card>
    </Page>
  );
}
