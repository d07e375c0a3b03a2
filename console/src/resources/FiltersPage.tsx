// Filters that are kept: rules by name, for lists of deployments here and in the command line.
import { CloseButton } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { ListFilter, Trash2 } from 'lucide-react';
import { useState } from 'react';

import type { Schemas } from '../api/client';
import { call, useList } from '../api/list';
import { t } from '../i18n/t';
import { Allowed } from '../parts/Allowed';
import { Confirm } from '../parts/Confirm';
import { ListPage } from '../parts/ListPage';
import { Card, Facts } from '../parts/Page';
import type { Column } from '../parts/Table';
import { When } from '../parts/When';

type Filter = Schemas['DeploymentsFilter'];
type Rule = Schemas['FilterRule'];

/** A rule in words: `site_name is one of Oslo, Rome`. */
export function inWords(rule: Rule): string {
  const values = rule.values.join(', ');
  const operators: Record<string, string> = {
    any_of: 'is one of', not_any_of: 'is none of', is_null: 'is not set', is_not_null: 'is set', is_not: 'is not', contains: 'contains', not_contains: 'does not contain',
    starts_with: 'starts with', ends_with: 'ends with',
  };
  return [rule.type === 'label' ? `label ${rule.key}` : rule.key.replaceAll('_', ' '), t(operators[rule.operator] ?? rule.operator), values].filter(Boolean).join(' ');
}

const COLUMNS: Column<Filter>[] = [
  { key: 'id', title: 'Filter', width: 'minmax(180px, 1.1fr)', cell: (row) => <b>{row.id}</b> },
  { key: 'rules', title: 'Rules', width: 'minmax(240px, 2.6fr)', cell: (row) => <span className="quiet">{row.value.map(inWords).join(t(' and '))}</span> },
  { key: 'show', title: 'Deployments', width: '120px', cell: (row) => <Link to="/deployments" search={{ saved: row.id }}>{t('Show')}</Link> },
  { key: 'of', title: 'Of', width: '110px', cell: (row) => (row.is_system_filter ? t('the manager') : row.created_by) },
  { key: 'visibility', title: 'Visibility', width: '100px', cell: (row) => row.visibility },
  { key: 'created', title: 'Created', width: '120px', align: 'right', cell: (row) => <When time={row.created_at} /> },
];

export function FiltersPage() {
  const list = useList<Filter>('/filters/deployments', { _sort: 'id' });
  const [chosen, setChosen] = useState<string | undefined>();
  const filter = list.rows.find((row) => row.id === chosen);
  return (
    <ListPage
      title={t('Filters')}
      nouns={['filter', 'filters']}
      list={list}
      columns={COLUMNS}
      id={(row) => row.id}
      open={(row) => setChosen(row.id)}
      chosen={chosen}
      empty={{ icon: <ListFilter />, title: t('No filters are kept'), text: t('What is typed above the list of deployments can be kept under a name.') }}
      panel={filter && <FilterPanel key={filter.id} filter={filter} close={() => setChosen(undefined)} />}
    />
  );
}

function FilterPanel({ filter, close }: { filter: Filter; close: () => void }) {
  const client = useQueryClient();
  const [deleting, setDeleting] = useState(false);
  return (
    <Card title={filter.id} aside={<CloseButton onClick={close} aria-label={t('Close')} />}>
      <Facts facts={[...filter.value.map((rule, index): [string, React.ReactNode] => [index === 0 ? t('All of') : '', inWords(rule)]), [t('Owner'), filter.created_by]]} />
      <div style={{ marginTop: 16 }}>
        {filter.is_system_filter
          ? <p className="quiet">{t('It belongs to the manager, and nobody changes it.')}</p>
          : <Allowed permission="filter_delete" variant="default" leftSection={<Trash2 size={14} />} onClick={() => setDeleting(true)}>{t('Delete')}</Allowed>}
      </div>
      {deleting && (
        <Confirm title={t('Delete {name}?', { name: filter.id })} verb={t('Delete')} close={() => setDeleting(false)} act={() => call('DELETE', `/filters/deployments/${encodeURIComponent(filter.id)}`).then(() => client.invalidateQueries({ queryKey: ['list', '/filters/deployments'] }))}>
          {t('Deployments stay as they are. Commands and addresses that name the filter fail.')}
        </Confirm>
      )}
    </Card>
  );
}
