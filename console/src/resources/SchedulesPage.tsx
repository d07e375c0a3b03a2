// Schedules: workflows that begin at times, once or again and again.
import { CloseButton, Select, Switch, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { CalendarClock, Plus, Trash2 } from 'lucide-react';
import { useState } from 'react';

import type { Schemas, Workflow } from '../api/client';
import { call, useList, type Listed } from '../api/list';
import { t } from '../i18n/t';
import { exact } from '../i18n/time';
import { Allowed, useRefusal } from '../parts/Allowed';
import { Confirm, Dialog } from '../parts/Confirm';
import { ListPage } from '../parts/ListPage';
import { Card, Facts } from '../parts/Page';
import { Problem } from '../parts/states';
import type { Column } from '../parts/Table';
import { StatusMark } from '../status/StatusMark';

type Schedule = Schemas['ExecutionSchedule'];
const keyOf = (row: Schedule) => `${row.deployment_id} ${row.id}`;
const pathOf = (id: string, deployment: string) => `/execution-schedules/${encodeURIComponent(id)}?deployment_id=${encodeURIComponent(deployment)}`;
const OFTEN: [string, string][] = [['', 'Once'], ['1 hours', 'Every hour'], ['1 days', 'Every day'], ['1 weeks', 'Every week'], ['1 months', 'Every month']];
/** So many of the next times are told. */
const TIMES = 5;

const COLUMNS: Column<Schedule>[] = [
  { key: 'id', title: 'Schedule', width: 'minmax(160px, 1.2fr)', cell: (row) => <b>{row.id}</b> },
  { key: 'state', title: 'State', width: '120px', cell: (row) => (row.enabled ? <StatusMark mark="ok" word={t('On')} /> : <StatusMark mark="idle" word={t('Off')} />) },
  { key: 'workflow', title: 'Workflow', width: 'minmax(120px, 1fr)', cell: (row) => row.workflow_id },
  { key: 'deployment', title: 'Deployment', width: 'minmax(140px, 1fr)', cell: (row) => row.deployment_id && <Link to="/deployments/$id" params={{ id: row.deployment_id }}>{row.deployment_id}</Link> },
  { key: 'next', title: 'Next', width: 'minmax(190px, 1fr)', cell: (row) => (row.next_occurrence ? exact(row.next_occurrence) : '—') },
  { key: 'last', title: 'Last outcome', width: '130px', cell: (row) => row.latest_execution_status ?? '—' },
];

export function SchedulesPage() {
  const list = useList<Schedule>('/execution-schedules', { _sort: 'id' });
  const [adding, setAdding] = useState(false);
  const [chosen, setChosen] = useState<string | undefined>();
  const schedule = list.rows.find((row) => keyOf(row) === chosen);
  const create = <Allowed permission="execution_schedule_create" leftSection={<Plus size={14} />} onClick={() => setAdding(true)}>{t('New schedule')}</Allowed>;
  return (
    <>
      <ListPage
        title={t('Schedules')}
        nouns={['schedule', 'schedules']}
        list={list}
        columns={COLUMNS}
        id={keyOf}
        open={(row) => setChosen(keyOf(row))}
        chosen={chosen}
        actions={create}
        empty={{ icon: <CalendarClock />, title: t('Nothing is scheduled'), text: t('A schedule starts a workflow of a deployment at a time, once or again and again.'), action: create }}
        panel={schedule && <SchedulePanel key={chosen} schedule={schedule} close={() => setChosen(undefined)} />}
      />
      {adding && <NewSchedule close={() => setAdding(false)} />}
    </>
  );
}

function SchedulePanel({ schedule, close }: { schedule: Schedule; close: () => void }) {
  const client = useQueryClient();
  const [deleting, setDeleting] = useState(false);
  const refused = useRefusal('execution_schedule_create');
  const path = pathOf(schedule.id, schedule.deployment_id ?? '');
  const refresh = () => client.invalidateQueries({ queryKey: ['list', '/execution-schedules'] });
  const turn = useMutation({ mutationFn: (enabled: boolean) => call('PATCH', path, { enabled }), onSuccess: refresh });
  const whole = useQuery({ queryKey: ['list', '/execution-schedules', keyOf(schedule), schedule.enabled], queryFn: () => call<Schedule>('GET', path) });
  const times = (whole.data?.all_next_occurrences ?? []) as string[];
  return (
    <Card title={schedule.id} aside={<CloseButton onClick={close} aria-label={t('Close')} />}>
      <Facts
        facts={[
          [t('Workflow'), schedule.workflow_id],
          [t('Since'), schedule.since ? exact(schedule.since) : '—'],
          [t('Until'), schedule.until ? exact(schedule.until) : t('for ever')],
          [t('Next times'), times.length === 0 ? '—' : times.slice(0, TIMES).map((time) => <div key={time} className="numbers">{exact(time)}</div>)],
        ]}
      />
      {turn.error && <Problem error={turn.error} />}
      <Switch mt="md" label={t('On')} checked={schedule.enabled ?? false} disabled={refused !== null || turn.isPending} onChange={(event) => turn.mutate(event.currentTarget.checked)} />
      <div style={{ marginTop: 16 }}><Allowed permission="execution_schedule_create" variant="default" leftSection={<Trash2 size={14} />} onClick={() => setDeleting(true)}>{t('Delete')}</Allowed></div>
      {deleting && <Confirm title={t('Delete {name}?', { name: schedule.id })} verb={t('Delete')} close={() => setDeleting(false)} act={() => call('DELETE', path).then(refresh)}>{t('Runs that it has started go on.')}</Confirm>}
    </Card>
  );
}

function NewSchedule({ close }: { close: () => void }) {
  const client = useQueryClient();
  const [id, setId] = useState('');
  const [deployment, setDeployment] = useState<string | null>(null);
  const [workflow, setWorkflow] = useState<string | null>(null);
  const [since, setSince] = useState('');
  const [often, setOften] = useState<string | null>('1 days');
  const names = useQuery({ queryKey: ['deployments', 'names'], queryFn: () => call<Listed<{ id: string }>>('GET', '/deployments?_include=id&_size=1000&_sort=id') });
  const workflows = useQuery({ queryKey: ['deployment', deployment, 'workflows'], enabled: deployment !== null, queryFn: () => call<{ workflows: Workflow[] }>('GET', `/deployments/${encodeURIComponent(deployment ?? '')}?_include=workflows`) });
  const act = () => call('PUT', pathOf(id, deployment ?? ''), { workflow_id: workflow, since: new Date(since).toISOString(), ...(often ? { recurrence: often } : { count: 1 }) })
    .then(() => client.invalidateQueries({ queryKey: ['list', '/execution-schedules'] }));
  return (
    <Dialog title={t('New schedule')} verb={t('Create')} act={act} close={close} ready={id !== '' && deployment !== null && workflow !== null && since !== ''}>
      <TextInput label={t('Name')} value={id} onChange={(event) => setId(event.currentTarget.value)} required />
      <Select label={t('Deployment')} value={deployment} onChange={(next) => { setDeployment(next); setWorkflow(null); }} data={(names.data?.items ?? []).map((one) => one.id)} searchable required />
      <Select label={t('Workflow')} value={workflow} onChange={setWorkflow} data={(workflows.data?.workflows ?? []).map((one) => one.name ?? '').sort()} searchable required disabled={deployment === null} />
      <TextInput type="datetime-local" label={t('First time')} value={since} onChange={(event) => setSince(event.currentTarget.value)} required />
      <Select label={t('How often')} value={often} onChange={(next) => setOften(next ?? '')} data={OFTEN.map(([value, label]) => ({ value, label: t(label) }))} allowDeselect={false} />
    </Dialog>
  );
}
