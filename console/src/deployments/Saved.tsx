// Filters that are kept with the manager: choosing one, and keeping what is typed as another.
import { Button, Select, TextInput } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Save } from 'lucide-react';
import { useState } from 'react';

import type { Schemas } from '../api/client';
import { call, type Listed } from '../api/list';
import { t } from '../i18n/t';
import { useRefusal } from '../parts/Allowed';
import { Dialog } from '../parts/Confirm';
import { isEmpty, rules, type Filter } from './filter';

export function Saved({ filter, chosen, choose }: { filter: Filter; chosen?: string; choose: (id: string | undefined) => void }) {
  const client = useQueryClient();
  const refused = useRefusal('filter_create');
  const [saving, setSaving] = useState(false);
  const [name, setName] = useState('');
  const known = useQuery({ queryKey: ['list', '/filters/deployments', 'names'], queryFn: () => call<Listed<Schemas['DeploymentsFilter']>>('GET', '/filters/deployments?_size=1000&_sort=id') });
  const items = known.data?.items ?? [];
  const named = (own: boolean) => items.filter((one) => one.is_system_filter !== own).map((one) => one.id);
  // What the manager has no rule for stays what is typed.
  const keepable = !isEmpty(filter) && filter.status.length === 0 && filter.search === '';
  const act = () => call('PUT', `/filters/deployments/${encodeURIComponent(name)}`, { filter_rules: rules(filter) }).then(async () => {
    await client.invalidateQueries({ queryKey: ['list', '/filters/deployments'] });
    choose(name);
  });
  return (
    <>
      <Select
        size="sm" w={160} placeholder={t('Saved filters')} aria-label={t('Saved filters')} value={chosen ?? null} onChange={(next) => choose(next ?? undefined)} searchable clearable
        data={[{ group: t('Kept'), items: named(true) }, { group: t('Of the manager'), items: named(false) }].filter((group) => group.items.length > 0)}
      />
      {keepable && <Button size="sm" variant="subtle" leftSection={<Save size={14} />} data-disabled={refused !== null || undefined} title={refused ?? undefined} onClick={() => refused === null && setSaving(true)}>{t('Keep')}</Button>}
      {saving && (
        <Dialog title={t('Keep this filter')} verb={t('Keep')} act={act} close={() => setSaving(false)} ready={name !== ''}>
          <TextInput label={t('Name')} value={name} onChange={(event) => setName(event.currentTarget.value)} required />
        </Dialog>
      )}
    </>
  );
}
