// Examples that come with the console: what each is, and a button that makes it a blueprint of the tenant.
import { Button } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { Plus, Rocket } from 'lucide-react';

import { call, type Listed } from '../api/list';
import { n, t } from '../i18n/t';
import { Allowed } from '../parts/Allowed';
import { Card } from '../parts/Page';
import { Problem } from '../parts/states';
import { add, examples, type Example } from './catalogue';
import styles from './Catalogue.module.css';

export default function Catalogue() {
  const known = useQuery({ queryKey: ['list', '/blueprints', 'names'], queryFn: () => call<Listed<{ id: string }>>('GET', '/blueprints?_include=id&_size=1000&state=uploaded') });
  const names = new Set((known.data?.items ?? []).map((one) => one.id));
  return (
    <div className={styles.cards} role="list" aria-label={t('Catalogue')}>
      {examples().map((one) => <Entry key={one.id} example={one} isThere={names.has(one.id)} />)}
    </div>
  );
}

function Entry({ example, isThere }: { example: Example; isThere: boolean }) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const adding = useMutation({ mutationFn: () => add(example, client) });
  return (
    <div role="listitem">
      <Card title={example.id} aside={n(Object.keys(example.files).length, 'file', 'files')}>
        <div className={styles.entry}>
          <p>{example.about}</p>
          {adding.error && <Problem error={adding.error} title={t('It was not added')} />}
          <div className={styles.buttons}>
            {isThere
              ? <>
                <Allowed permission="deployment_create" leftSection={<Rocket size={14} />} onClick={() => void navigate({ to: '/deploy/$blueprint', params: { blueprint: example.id } })}>{t('Deploy')}</Allowed>
                <Button variant="subtle" size="sm" renderRoot={(props) => <Link to="/blueprints/$id" params={{ id: example.id }} {...props} />}>{t('Look at it')}</Button>
              </>
              : <Allowed permission="blueprint_upload" variant="default" leftSection={<Plus size={14} />} loading={adding.isPending} onClick={() => adding.mutate()}>{t('Add')}</Allowed>}
          </div>
        </div>
      </Card>
    </div>
  );
}
