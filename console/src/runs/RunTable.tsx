// A list of runs.
import { Progress } from '@mantine/core';
import { Link, useNavigate } from '@tanstack/react-router';
import { useCallback, useMemo } from 'react';

import type { Execution } from '../api/client';
import { t } from '../i18n/t';
import { duration } from '../i18n/time';
import { Table, type Column } from '../parts/Table';
import { useNow, When } from '../parts/When';
import { isActive, ofRun, progress } from '../status/status';
import { StatusMark } from '../status/StatusMark';
import type { useRuns } from './queries';

function Took({ run }: { run: Execution }) {
  const now = useNow();
  if (!run.started_at) return <span className="quiet">—</span>;
  return <>{duration((run.ended_at ? Date.parse(run.ended_at) : now) - Date.parse(run.started_at))}</>;
}

const lastLine = (text: string) => text.trim().split('\n').pop() ?? '';

export function RunTable({ list, withDeployment, sort, onSort }: {
  list: ReturnType<typeof useRuns>; withDeployment: boolean; sort?: string; onSort?: (sort: string) => void;
}) {
  const navigate = useNavigate();
  const columns = useMemo((): Column<Execution>[] => {
    const of: Column<Execution> = {
      key: 'deployment', title: t('Deployment'), width: 'minmax(140px, 1.3fr)',
      cell: (run) => (run.deployment_id ? <Link to="/deployments/$id" params={{ id: run.deployment_id }}>{run.deployment_display_name ?? run.deployment_id}</Link> : <span className="quiet">—</span>),
    };
    return [
      { key: 'status', title: t('Status'), width: '170px', sort: 'status', cell: (run) => <StatusMark {...ofRun(run.status)} /> },
      { key: 'workflow', title: t('Workflow'), width: 'minmax(150px, 1.1fr)', sort: 'workflow_id', cell: (run) => <Link to="/runs/$id" params={{ id: run.id ?? '' }}>{run.workflow_id}{run.is_dry_run ? ` (${t('dry run')})` : ''}</Link> },
      ...(withDeployment ? [of] : []),
      {
        key: 'progress', title: t('Progress'), width: 'minmax(130px, 1.4fr)',
        cell: (run) => (isActive(run.status)
          ? <Progress value={progress(run)} size={5} w={110} aria-label={t('{percent} % done', { percent: progress(run) })} />
          : <span className="quiet" title={run.error ?? ''}>{run.error ? lastLine(run.error) : ''}</span>),
      },
      { key: 'by', title: t('By'), width: 'minmax(80px, 0.6fr)', sort: 'created_by', cell: (run) => run.created_by },
      { key: 'took', title: t('Duration'), width: '96px', align: 'right', cell: (run) => <Took run={run} /> },
      { key: 'created', title: t('Created'), width: '120px', sort: 'created_at', align: 'right', cell: (run) => <When time={run.created_at} /> },
    ];
  }, [withDeployment]);
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = list;
  const more = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, fetchNextPage]);
  return (
    <Table
      label={t('Runs')}
      columns={columns}
      rows={list.rows}
      id={(run) => run.id ?? ''}
      sort={sort}
      onSort={onSort}
      more={more}
      open={(run) => void navigate({ to: '/runs/$id', params: { id: run.id ?? '' }, search: {} })}
    />
  );
}
