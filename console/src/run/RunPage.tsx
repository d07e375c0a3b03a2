// One run: what it does, where it failed, and its log; live while it goes on.
import { Checkbox, CloseButton, Progress, SegmentedControl, TextInput } from '@mantine/core';
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router';
import { GitCommitHorizontal, Search } from 'lucide-react';
import { useEffect, useMemo, useState } from 'react';

import type { Execution } from '../api/client';
import { LogView } from '../events/LogView';
import { matches } from '../events/line';
import { n, t } from '../i18n/t';
import { duration } from '../i18n/time';
import { Card, Page } from '../parts/Page';
import { Empty, Loading, Problem } from '../parts/states';
import { useNow, When } from '../parts/When';
import { firstFailure, ofRun as sentence } from '../status/sentence';
import { isActive, ofRun, progress } from '../status/status';
import { StatusMark } from '../status/StatusMark';
import { FailureCard } from './FailureCard';
import { useRun, useRunEvents, useTasks, useWhy } from './queries';
import { RunActions } from './RunActions';
import styles from './Run.module.css';
import { steps as stepsOf } from './steps';
import { TaskGraph } from './TaskGraph';
import { TaskList } from './TaskList';
import { Timeline } from './Timeline';

const route = getRouteApi('/runs/$id');

export function RunPage() {
  const { id } = route.useParams();
  const search = route.useSearch();
  const navigate = useNavigate({ from: '/runs/$id' });
  const run = useRun(id);
  const tasks = useTasks(id);
  const events = useRunEvents(id);
  const why = useWhy(id, run.data);
  const [all, setAll] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  const steps = useMemo(() => stepsOf(tasks.data?.tasks ?? [], all), [tasks.data, all]);
  const chosen = steps.find((step) => step.id === search.task);
  const view = search.view ?? 'timeline';
  const choose = (task: string | undefined) => void navigate({ search: (old) => ({ ...old, task }), replace: true });
  const lines = useMemo(() => {
    let shown = events.data ?? [];
    if (chosen) shown = shown.filter((event) => event.node_instance_id === chosen.instance && (chosen.operation === null || event.operation === null || event.operation === chosen.operation));
    return search.q ? shown.filter((event) => matches(event, search.q ?? '')) : shown;
  }, [events.data, chosen, search.q]);

  useEffect(() => {
    if (run.data) document.title = `${run.data.workflow_id} · ${run.data.deployment_id ?? ''} · Nephele`;
  }, [run.data]);

  if (run.error && !run.data) return <Problem error={run.error} retry={() => void run.refetch()} title={t('This run cannot be shown')} />;
  if (!run.data) return <Loading rows={12} />;
  const failure = run.data.status === 'failed' ? firstFailure(tasks.data?.tasks ?? []) : undefined;
  const failed = failure && steps.find((step) => step.task.id === failure.id || (step.instance === failure.node_instance_id && step.operation === failure.operation));
  const start = run.data.started_at ?? run.data.created_at ?? new Date().toISOString();
  const bounds = span(run.data, start, tasks.data?.tasks.map((task) => task.started_at) ?? []);

  return (
    <Page
      fill
      title={<>{run.data.workflow_id}{run.data.deployment_id && <> <span className="quiet">{t('on')}</span> <Link to="/deployments/$id" params={{ id: run.data.deployment_id }}>{run.data.deployment_display_name ?? run.data.deployment_id}</Link></>}</>}
      mark={<StatusMark pill {...ofRun(run.data.status)} />}
      about={<About run={run.data} sentence={sentence(run.data, tasks.data?.tasks ?? [])} />}
      actions={<RunActions run={run.data} onError={setProblem} />}
    >
      {problem !== null && <Problem error={problem} />}
      {isActive(run.data.status) && <Progress value={progress(run.data)} size={4} aria-label={t('Progress')} animated />}
      {failure && <FailureCard task={failure} events={events.data ?? []} show={() => failed && choose(failed.id)} />}
      {isActive(run.data.status) && why.data && why.data.waits.length > 0 && steps.length === 0 && <p className={styles.why}>{why.data.summary}</p>}
      <div className={styles.panes}>
        <Card flush>
          <div className={styles.tools}>
            <SegmentedControl
              size="xs"
              value={view}
              onChange={(next) => void navigate({ search: (old) => ({ ...old, view: next === 'timeline' ? undefined : next }), replace: true })}
              data={[{ value: 'timeline', label: t('Timeline') }, { value: 'graph', label: t('Graph') }, { value: 'list', label: t('List') }]}
              aria-label={t('View')}
            />
            <span className="quiet numbers">{n(steps.length, 'operation', 'operations')}</span>
            <Checkbox size="xs" className={styles.all} label={t('Bookkeeping')} checked={all} onChange={(event) => setAll(event.currentTarget.checked)} />
          </div>
          {tasks.error && <Problem error={tasks.error} retry={() => void tasks.refetch()} />}
          {tasks.isPending && <Loading />}
          {tasks.isSuccess && steps.length === 0 && (
            <Empty icon={<GitCommitHorizontal />} title={isActive(run.data.status) ? t('No operation has begun yet') : t('This run had no operations')}>
              {why.data?.summary ?? t('What the manager did for itself is shown as bookkeeping.')}
            </Empty>
          )}
          {steps.length > 0 && view === 'timeline' && <Timeline steps={steps} {...bounds} chosen={search.task} choose={choose} />}
          {steps.length > 0 && view === 'graph' && <TaskGraph tasks={tasks.data?.tasks ?? []} steps={steps} chosen={search.task} choose={choose} />}
          {steps.length > 0 && view === 'list' && <TaskList steps={steps} chosen={search.task} choose={choose} />}
        </Card>
        <Card flush>
          <div className={styles.tools}>
            <TextInput
              size="xs"
              className={styles.search}
              leftSection={<Search size={13} />}
              placeholder={t('Search the log')}
              aria-label={t('Search the log')}
              value={search.q ?? ''}
              onChange={(event) => { const q = event.currentTarget.value || undefined; void navigate({ search: (old) => ({ ...old, q }), replace: true }); }}
            />
            {chosen && <span className={styles.only}><code>{chosen.instance}</code> · {chosen.name}<CloseButton size="xs" onClick={() => choose(undefined)} aria-label={t('Show all lines')} /></span>}
            <span className={`quiet numbers ${styles.count}`}>{lines.length === events.data?.length ? n(lines.length, 'line', 'lines') : t('{shown} of {all} lines', { shown: lines.length, all: events.data?.length ?? 0 })}</span>
          </div>
          {events.error && <Problem error={events.error} retry={() => void events.refetch()} />}
          {events.isPending && <Loading />}
          {events.isSuccess && lines.length === 0 && <Empty icon={<Search />} title={t('No lines')}>{events.data.length > 0 ? t('Nothing in the log matches.') : t('The run has said nothing yet.')}</Empty>}
          {lines.length > 0 && <LogView events={lines} label={t('Log of the run')} />}
        </Card>
      </div>
    </Page>
  );
}

/** When the picture begins and ends: a resumed run begins with its first task. */
function span(run: Execution, start: string, times: (string | null)[]): { from: number; to: number | null } {
  const from = Math.min(Date.parse(start), ...times.flatMap((time) => (time ? [Date.parse(time)] : [])));
  return { from, to: run.ended_at && !isActive(run.status) ? Date.parse(run.ended_at) : null };
}

function About({ run, sentence: text }: { run: Execution; sentence: string }) {
  const now = useNow();
  const began = run.started_at ?? run.created_at;
  const took = began ? duration((run.ended_at ? Date.parse(run.ended_at) : now) - Date.parse(began)) : '';
  return (
    <>
      <span className={styles.sentence}>{text}</span>
      <span className="numbers">{took}</span>
      <span>{t('by {user}', { user: run.created_by ?? '' })}</span>
      <When time={began} />
      {run.is_dry_run && <span>{t('dry run')}</span>}
      {run.rerun_of && <Link to="/runs/$id" params={{ id: run.rerun_of }}>{t('run again of another')}</Link>}
    </>
  );
}
