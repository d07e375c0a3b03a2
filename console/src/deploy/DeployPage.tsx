// A deployment from a blueprint: steps at the left, what will be sent at the right.
import { Button, Code, Select, Switch, TagsInput, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router';
import { Download, Rocket, Save } from 'lucide-react';
import { useEffect, useMemo, useState } from 'react';

import { api, data, type Deployment, type Execution } from '../api/client';
import { call } from '../api/list';
import { planOf, useBlueprint, type Plan } from '../blueprints/queries';
import { fieldsOf, initials, readAll, type Entries } from '../form/schema';
import { SchemaForm } from '../form/SchemaForm';
import { n, t } from '../i18n/t';
import { Allowed } from '../parts/Allowed';
import { Card, Page } from '../parts/Page';
import { Loading, Problem } from '../parts/states';
import { Copied } from '../parts/Value';
import { command, labelsOf } from './command';
import styles from './Deploy.module.css';

const route = getRouteApi('/deploy/$blueprint');

export function DeployPage() {
  const { blueprint: id } = route.useParams();
  const blueprint = useBlueprint(id);
  if (blueprint.error) return <Problem error={blueprint.error} retry={() => void blueprint.refetch()} />;
  const plan = blueprint.data && planOf(blueprint.data);
  if (!plan) return <Loading rows={12} />;
  return <DeployForm id={id} plan={plan} />;
}

function DeployForm({ id, plan }: { id: string; plan: Plan }) {
  const navigate = useNavigate();
  const client = useQueryClient();
  const fields = useMemo(() => fieldsOf(plan.inputs, plan.data_types), [plan]);
  const [entries, setEntries] = useState<Entries>(() => initials(fields));
  const [name, setName] = useState('');
  const [site, setSite] = useState<string | null>(null);
  const [visibility, setVisibility] = useState<string | null>('tenant');
  const [labels, setLabels] = useState<string[]>([]);
  const [skipPlugins, setSkipPlugins] = useState(false);
  const [shown, setShown] = useState(false);
  const sites = useQuery({ queryKey: ['list', '/sites', 'names'], queryFn: () => call<{ items: { name: string }[] }>('GET', '/sites?_size=1000') });
  const { values, problems } = readAll(fields, entries);
  const wrong = { ...problems, ...(name ? {} : { name: 'Must be filled' }) };
  const body = {
    blueprint_id: id, inputs: values, visibility: visibility as 'tenant', ...(site ? { site_name: site } : {}),
    ...(labels.length > 0 ? { labels: labelsOf(labels) } : {}), ...(skipPlugins ? { skip_plugins_validation: true } : {}),
  };
  const create = useMutation({
    mutationFn: async (install: boolean): Promise<{ deployment: string; run: string | null }> => {
      const made = await data(api.PUT('/deployments/{id}', { params: { path: { id: name } }, body })) as Deployment;
      if (!install) return { deployment: made.id, run: null };
      const run = await data(api.POST('/executions', { body: { deployment_id: made.id, workflow_id: 'install', queue: true } })) as unknown as Execution;
      return { deployment: made.id, run: run.id };
    },
    onSuccess: ({ deployment, run }) => {
      void client.invalidateQueries({ queryKey: ['deployments'] });
      if (run) void navigate({ to: '/runs/$id', params: { id: run }, search: {} });
      else void navigate({ to: '/deployments/$id', params: { id: deployment }, search: {} });
    },
  });
  const submit = (install: boolean) => {
    setShown(true);
    if (Object.keys(wrong).length === 0) create.mutate(install);
  };
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) document.querySelector<HTMLButtonElement>('[data-submit]')?.click();
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, []);

  return (
    <Page title={t('Deploy {name}', { name: id })} about={<Link to="/blueprints/$id" params={{ id }}>{t('about this blueprint')}</Link>}>
      <div className={styles.columns}>
        <div className={styles.steps}>
          <Card title={t('Name')}>
            <TextInput
              label={t('Name of the deployment')}
              description={t('It is its id as well: letters, digits, and . _ -')}
              value={name}
              onChange={(event) => setName(event.currentTarget.value)}
              error={shown && !name ? t('Must be filled') : undefined}
              required
              autoFocus
            />
          </Card>
          <Card title={t('Inputs')} aside={fields.length > 0 ? n(fields.length, 'input', 'inputs') : undefined}>
            <SchemaForm fields={fields} entries={entries} onChange={(key, entry) => setEntries((old) => ({ ...old, [key]: entry }))} problems={shown ? problems : visibleProblems(problems, entries, fields)} />
          </Card>
          <Card title={t('Where, and for whom')}>
            <div className={styles.row}>
              <Select label={t('Site')} placeholder={t('none')} value={site} onChange={setSite} data={(sites.data?.items ?? []).map((one) => one.name)} clearable />
              <Select label={t('Visibility')} value={visibility} onChange={setVisibility} data={['private', 'tenant', 'global']} />
              <TagsInput label={t('Labels')} placeholder="key=value" value={labels} onChange={setLabels} />
            </div>
            <Switch mt="md" label={t('Deploy although plugins are missing')} checked={skipPlugins} onChange={(event) => setSkipPlugins(event.currentTarget.checked)} />
          </Card>
        </div>
        <aside className={styles.summary}>
          <Card title={t('What will be sent')} aside={<Copied text={JSON.stringify({ deployment: name, ...body }, null, 2)} />}>
            <Code block className={styles.code} tabIndex={0}>{JSON.stringify(body.inputs, null, 2)}</Code>
            <div className={styles.command}><code>{command(id, name, values)}</code><Copied text={command(id, name, values)} /></div>
            {shown && Object.keys(wrong).length > 0 && <p className={styles.problem} role="alert">{n(Object.keys(wrong).length, 'field needs attention', 'fields need attention')}</p>}
            {create.error && <Problem error={create.error} title={t('It was not created')} />}
            <div className={styles.buttons}>
              <Allowed permission="deployment_create" data-submit leftSection={<Rocket size={14} />} onClick={() => submit(true)} loading={create.isPending && create.variables} fullWidth>{t('Deploy and install')}</Allowed>
              <Allowed permission="deployment_create" variant="default" leftSection={<Save size={14} />} onClick={() => submit(false)} loading={create.isPending && !create.variables} fullWidth>{t('Deploy only')}</Allowed>
              <Button variant="subtle" color="gray" leftSection={<Download size={14} />} onClick={() => save(`${name || id}-inputs.json`, values)}>{t('Inputs as a file')}</Button>
            </div>
          </Card>
        </aside>
      </div>
    </Page>
  );
}

/** Before the first attempt only what was entered is judged, not what is still empty. */
export function visibleProblems(problems: Record<string, string>, entries: Entries, fields: { name: string }[]): Record<string, string> {
  return Object.fromEntries(fields.flatMap(({ name }) => (problems[name] && entries[name] !== '' ? [[name, problems[name]]] : [])));
}

export function save(name: string, content: unknown): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([JSON.stringify(content, null, 2)], { type: 'application/json' }));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}
