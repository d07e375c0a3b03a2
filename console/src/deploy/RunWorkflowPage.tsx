// Starting a workflow with its parameters, or an update with its preview: first what will happen, then the button.
import { Select, Switch } from '@mantine/core';
import { useMutation, useQuery } from '@tanstack/react-query';
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router';
import { Eye, Play } from 'lucide-react';
import { useMemo, useState } from 'react';

import { api, data, type Deployment, type Execution, type Schemas } from '../api/client';
import { call } from '../api/list';
import { planOf, useBlueprint } from '../blueprints/queries';
import { useDeployment } from '../deployments/queries';
import { fieldsOf, initials, readAll, type Entries, type Specs } from '../form/schema';
import { SchemaForm } from '../form/SchemaForm';
import { n, t } from '../i18n/t';
import { Allowed } from '../parts/Allowed';
import { Card, Page } from '../parts/Page';
import { Loading, Problem } from '../parts/states';
import { Copied } from '../parts/Value';
import { startCommand } from './command';
import styles from './Deploy.module.css';
import { visibleProblems } from './DeployPage';
import { Preview } from './Preview';

const route = getRouteApi('/deployments/$id/run/$workflow');

export function RunWorkflowPage() {
  const { id, workflow } = route.useParams();
  const deployment = useDeployment(id);
  if (deployment.error) return <Problem error={deployment.error} retry={() => void deployment.refetch()} />;
  if (!deployment.data) return <Loading rows={12} />;
  return workflow === 'update' ? <UpdateForm deployment={deployment.data} /> : <WorkflowForm deployment={deployment.data} workflow={workflow} />;
}

function WorkflowForm({ deployment, workflow }: { deployment: Deployment; workflow: string }) {
  const navigate = useNavigate();
  const known = (deployment.workflows ?? []).find((one) => one.name === workflow);
  const fields = useMemo(() => fieldsOf((known?.parameters ?? {}) as Specs), [known]);
  const [entries, setEntries] = useState<Entries>(() => initials(fields));
  const [options, setOptions] = useState({ dry_run: false, queue: false, force: false });
  const [shown, setShown] = useState(false);
  const { values, problems } = readAll(fields, entries);
  const typed = startCommand(workflow, deployment.id, values, options);
  const preview = useMutation({
    mutationFn: () => data(api.POST('/deployments/{id}/plan', { params: { path: { id: deployment.id } }, body: { workflow_id: workflow, parameters: values } })) as Promise<Schemas['Plan']>,
  });
  const start = useMutation({
    mutationFn: async () => await data(api.POST('/executions', { body: { deployment_id: deployment.id, workflow_id: workflow, parameters: values, ...options } })) as unknown as Execution,
    onSuccess: (run) => void navigate({ to: '/runs/$id', params: { id: run.id ?? '' }, search: {} }),
  });
  const checked = (then: () => void) => () => {
    setShown(true);
    if (Object.keys(problems).length === 0) then();
  };
  if (!known) return <Problem error={new Error(t('This deployment has no workflow {name}', { name: workflow }))} />;
  return (
    <Page title={t('Run {name}', { name: workflow })} about={<Back deployment={deployment} />}>
      <div className={styles.columns}>
        <div className={styles.steps}>
          <Card title={t('Parameters')} aside={fields.length > 0 ? n(fields.length, 'parameter', 'parameters') : undefined}>
            <SchemaForm fields={fields} entries={entries} onChange={(key, entry) => setEntries((old) => ({ ...old, [key]: entry }))} problems={shown ? problems : visibleProblems(problems, entries, fields)} deployment={deployment.id} />
          </Card>
          {preview.error && <Problem error={preview.error} />}
          {preview.data && <Preview plan={preview.data} />}
        </div>
        <aside className={styles.summary}>
          <Card title={t('Options')}>
            <Switch label={t('Dry run')} description={t('Goes through the steps and does none of them')} checked={options.dry_run} onChange={(event) => setOptions({ ...options, dry_run: event.currentTarget.checked })} mb="sm" />
            <Switch label={t('Queue')} description={t('Waits while something else runs on this deployment')} checked={options.queue} onChange={(event) => setOptions({ ...options, queue: event.currentTarget.checked })} mb="sm" />
            <Switch label={t('Force')} description={t('Starts beside whatever runs')} checked={options.force} onChange={(event) => setOptions({ ...options, force: event.currentTarget.checked })} />
            <div className={styles.command}><code>{typed}</code><Copied text={typed} /></div>
            {start.error && <Problem error={start.error} title={t('It was not started')} />}
            <div className={styles.buttons}>
              <Allowed permission="execution_start" leftSection={<Play size={14} />} onClick={checked(() => start.mutate())} loading={start.isPending} fullWidth>{t('Run')}</Allowed>
              <Allowed permission="execution_start" variant="default" leftSection={<Eye size={14} />} onClick={checked(() => preview.mutate())} loading={preview.isPending} fullWidth>{t('Preview')}</Allowed>
            </div>
          </Card>
        </aside>
      </div>
    </Page>
  );
}

function UpdateForm({ deployment }: { deployment: Deployment }) {
  const [blueprint, setBlueprint] = useState(deployment.blueprint_id ?? '');
  const target = useBlueprint(blueprint);
  const names = useQuery({ queryKey: ['list', '/blueprints', 'names'], queryFn: () => call<{ items: { id: string }[] }>('GET', '/blueprints?_include=id&_size=1000&state=uploaded') });
  const plan = target.data && planOf(target.data);
  return (
    <Page title={t('Update {name}', { name: deployment.display_name ?? deployment.id })} about={<Back deployment={deployment} />}>
      <Card title={t('Blueprint')}>
        <Select label={t('Update to')} value={blueprint} onChange={(value) => setBlueprint(value ?? '')} data={(names.data?.items ?? []).map((one) => one.id)} searchable maw={420} allowDeselect={false} />
      </Card>
      {target.error && <Problem error={target.error} />}
      {plan ? <UpdateInputs key={blueprint} deployment={deployment} blueprint={blueprint} specs={plan.inputs} types={plan.data_types} /> : <Loading />}
    </Page>
  );
}

function UpdateInputs({ deployment, blueprint, specs, types }: { deployment: Deployment; blueprint: string; specs: Specs; types: Parameters<typeof fieldsOf>[1] }) {
  const navigate = useNavigate();
  const fields = useMemo(() => fieldsOf(specs, types), [specs, types]);
  const known = deployment.inputs ?? {};
  const [entries, setEntries] = useState<Entries>(() => initials(fields, known));
  const { values, problems } = readAll(fields, entries, true);
  const changed = Object.fromEntries(Object.entries(values).filter(([name, value]) => JSON.stringify(value) !== JSON.stringify((known as Record<string, unknown>)[name])));
  const body = { inputs: changed, ...(blueprint !== deployment.blueprint_id ? { blueprint_id: blueprint } : {}) };
  const update = useMutation({
    mutationFn: (preview: boolean) => call<Schemas['DeploymentUpdate'] & { steps?: unknown }>('POST', `/deployment-updates/${encodeURIComponent(deployment.id)}/update/initiate`, { ...body, preview }),
    onSuccess: (made, preview) => {
      if (!preview && made.execution_id) void navigate({ to: '/runs/$id', params: { id: made.execution_id }, search: {} });
    },
  });
  const plan = useMutation({
    mutationFn: () => data(api.POST('/deployments/{id}/plan', { params: { path: { id: deployment.id } }, body: { workflow_id: 'update', parameters: { inputs: changed, ...(body.blueprint_id ? { blueprint_id: blueprint } : {}) } } })) as Promise<Schemas['Plan']>,
  });
  const ready = Object.keys(problems).length === 0;
  return (
    <div className={styles.columns}>
      <div className={styles.steps}>
        <Card title={t('Inputs')} aside={n(Object.keys(changed).length, 'change', 'changes')}>
          <SchemaForm fields={fields} entries={entries} onChange={(key, entry) => setEntries((old) => ({ ...old, [key]: entry }))} problems={problems} />
        </Card>
        {plan.error && <Problem error={plan.error} title={t('It cannot be said what would happen')} />}
        {plan.data && <Preview plan={plan.data} />}
      </div>
      <aside className={styles.summary}>
        <Card title={t('Then')}>
          <p className="quiet">{t('Preview says which nodes are added, changed or removed, and what is reinstalled.')}</p>
          {update.error && <Problem error={update.error} title={t('It was not updated')} />}
          <div className={styles.buttons}>
            <Allowed permission="deployment_update_create" leftSection={<Play size={14} />} onClick={() => ready && update.mutate(false)} loading={update.isPending} fullWidth>{t('Update')}</Allowed>
            <Allowed permission="execution_start" variant="default" leftSection={<Eye size={14} />} onClick={() => ready && plan.mutate()} loading={plan.isPending} fullWidth>{t('Preview')}</Allowed>
          </div>
        </Card>
      </aside>
    </div>
  );
}

function Back({ deployment }: { deployment: Deployment }) {
  return <span>{t('on')} <Link to="/deployments/$id" params={{ id: deployment.id }}>{deployment.display_name ?? deployment.id}</Link></span>;
}
