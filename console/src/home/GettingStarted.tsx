// The first steps in an empty tenant; each sees by itself that it is done.
import { Button } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { Check, Circle } from 'lucide-react';

import { call, type Listed } from '../api/list';
import { t } from '../i18n/t';
import { Allowed } from '../parts/Allowed';
import { Card } from '../parts/Page';
import { Problem } from '../parts/states';
import styles from './Home.module.css';

/** The example that needs nothing but the manager's own machine. */
const DEMO = 'shop';

export function GettingStarted() {
  const client = useQueryClient();
  const navigate = useNavigate();
  const blueprints = useQuery({ queryKey: ['list', '/blueprints', 'names'], queryFn: () => call<Listed<{ id: string }>>('GET', '/blueprints?_include=id&_size=1000&state=uploaded') });
  const secrets = useQuery({ queryKey: ['list', '/secrets', 'some'], queryFn: () => call<Listed<{ key: string }>>('GET', '/secrets?_size=1') });
  const names = (blueprints.data?.items ?? []).map((one) => one.id);
  const demo = useMutation({
    mutationFn: async () => {
      const { add, examples } = await import('../blueprints/catalogue');
      const example = examples().find((one) => one.id === DEMO);
      if (example) await add(example, client);
    },
  });
  const ready = names.includes(DEMO) ? DEMO : names[0];
  const deploy = (blueprint: string) => void navigate({ to: '/deploy/$blueprint', params: { blueprint } });
  const steps: { done: boolean; title: string; about: string; act: React.ReactNode }[] = [
    {
      done: names.length > 0, title: 'Add the demo', about: 'A shop in three tiers, each a process on the manager’s machine. It needs no cloud and no network.',
      act: <Allowed permission="blueprint_upload" variant="default" loading={demo.isPending} onClick={() => demo.mutate()}>{t('Add the demo')}</Allowed>,
    },
    {
      done: false, title: 'Deploy it', about: 'Fill in its inputs, and watch it being installed.',
      act: ready ? <Allowed permission="deployment_create" onClick={() => deploy(ready)}>{t('Deploy {name}', { name: ready })}</Allowed> : null,
    },
    {
      done: false, title: 'Then your own', about: 'Upload a blueprint, or choose another example.',
      act: <Button variant="subtle" size="sm" renderRoot={(props) => <Link to="/blueprints" {...props} />}>{t('Blueprints')}</Button>,
    },
    {
      done: Boolean(secrets.data?.items[0]), title: 'Add a secret, if it needs one', about: 'Keys and passwords that blueprints refer to by name.',
      act: <Button variant="subtle" size="sm" renderRoot={(props) => <Link to="/secrets" {...props} />}>{t('Secrets')}</Button>,
    },
  ];
  return (
    <Card title={t('Getting started')}>
      {demo.error && <Problem error={demo.error} title={t('The demo was not added')} />}
      <ol className={styles.steps}>
        {steps.map((step) => (
          <li key={step.title} data-done={step.done || undefined}>
            {step.done ? <Check size={17} role="img" aria-label={t('done')} /> : <Circle size={17} aria-hidden="true" />}
            <div><b>{t(step.title)}</b><p className="quiet">{t(step.about)}</p></div>
            {!step.done && <span className={styles.end}>{step.act}</span>}
          </li>
        ))}
      </ol>
    </Card>
  );
}
