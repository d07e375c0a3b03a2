import { useMemo } from 'react';

import { t } from '../i18n/t';
import { clock } from '../i18n/time';
import { Table, type Column } from '../parts/Table';
import { useNow } from '../parts/When';
import { StatusMark } from '../status/StatusMark';
import type { Step } from './steps';
import { took } from './Timeline';

export function TaskList({ steps, chosen, choose }: { steps: Step[]; chosen?: string; choose: (id: string) => void }) {
  const now = useNow();
  const columns = useMemo((): Column<Step>[] => [
    { key: 'state', title: t('State'), width: '130px', cell: (step) => <StatusMark mark={step.mark} word={t(step.word)} /> },
    { key: 'instance', title: t('Node instance'), width: 'minmax(140px, 1fr)', cell: (step) => <code>{step.instance}</code> },
    { key: 'name', title: t('Operation'), width: 'minmax(140px, 1.2fr)', cell: (step) => step.name },
    { key: 'attempts', title: t('Attempts'), width: '84px', align: 'right', cell: (step) => step.attempts.length },
    { key: 'began', title: t('Started'), width: '100px', align: 'right', cell: (step) => (step.task.started_at ? clock(step.task.started_at) : '') },
    { key: 'took', title: t('Duration'), width: '96px', align: 'right', cell: (step) => took(step, now) },
  ], [now]);
  return <Table label={t('Tasks')} columns={columns} rows={steps} id={(step) => step.id} open={(step) => choose(step.id)} chosen={chosen} rowHeight={32} />;
}
