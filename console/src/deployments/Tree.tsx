// Deployments as a tree that unfolds in place: environments, and what is deployed in them.
import { Link, useNavigate } from '@tanstack/react-router';
import { Boxes, ChevronDown, ChevronRight } from 'lucide-react';
import { useMemo, useState } from 'react';

import { n, t } from '../i18n/t';
import { Card } from '../parts/Page';
import { Empty, Loading, Problem } from '../parts/states';
import { Table, type Column } from '../parts/Table';
import { When } from '../parts/When';
import { ofDeployment } from '../status/status';
import { StatusGlyph } from '../status/StatusMark';
import styles from './Deployments.module.css';
import { useTree, type Branch } from './branches';

export default function Tree({ q }: { q: string }) {
  const navigate = useNavigate();
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const tree = useTree(q, open);
  const columns = useMemo((): Column<Branch>[] => {
    const toggle = (id: string) => setOpen((old) => {
      const next = new Set(old);
      if (!next.delete(id)) next.add(id);
      return next;
    });
    return [
      {
        key: 'name', title: t('Name'), width: 'minmax(260px, 2.4fr)',
        cell: ({ row, depth, open: isOpen, leads }) => (
          <span className={styles.name} style={{ paddingLeft: depth * 22 }}>
            {leads
              ? <button type="button" className={styles.fold} onClick={() => toggle(row.id)} aria-expanded={isOpen} aria-label={t(isOpen ? 'Fold {name}' : 'Unfold {name}', { name: row.display_name ?? row.id })}>{isOpen ? <ChevronDown size={14} /> : <ChevronRight size={14} />}</button>
              : <span className={styles.fold} />}
            <StatusGlyph mark={ofDeployment(row).mark} size={13} />
            <Link to="/deployments/$id" params={{ id: row.id }}>{row.display_name ?? row.id}</Link>
          </span>
        ),
      },
      { key: 'why', title: t('Status'), width: 'minmax(170px, 1.5fr)', cell: ({ row }) => <span className={styles.why} data-mark={ofDeployment(row).mark}>{ofDeployment(row).why}</span> },
      { key: 'below', title: t('Below it'), width: 'minmax(160px, 1.1fr)', cell: ({ row }) => <Below row={row} /> },
      { key: 'kind', title: t('Type'), width: 'minmax(100px, 0.8fr)', cell: ({ row }) => row.environment_type || <span className="quiet">—</span> },
      { key: 'blueprint', title: t('Blueprint'), width: 'minmax(120px, 1fr)', cell: ({ row }) => row.blueprint_id },
      { key: 'created', title: t('Created'), width: '120px', align: 'right', cell: ({ row }) => <When time={row.created_at} /> },
    ];
  }, []);
  return (
    <Card flush>
      {tree.error && <Problem error={tree.error} retry={tree.refetch} />}
      {tree.isPending && <Loading rows={10} />}
      {!tree.isPending && !tree.error && tree.branches.length === 0 && (
        <Empty icon={<Boxes />} title={q ? t('No deployment matches') : t('No deployments yet')}>{q ? t('The filter is for the outermost level; what belongs to it follows.') : t('Deployments that are parts of others unfold below them.')}</Empty>
      )}
      {tree.branches.length > 0 && (
        <Table label={t('Deployments')} columns={columns} rows={tree.branches} id={({ row, depth }) => `${depth} ${row.id}`} open={({ row }) => void navigate({ to: '/deployments/$id', params: { id: row.id }, search: {} })} />
      )}
    </Card>
  );
}

/** How much is below a deployment, and whether that needs somebody. */
function Below({ row }: { row: Branch['row'] }) {
  const parts = [
    [row.sub_environments_count, row.sub_environments_status, 'environment', 'environments'],
    [row.sub_services_count, row.sub_services_status, 'service', 'services'],
  ] as const;
  const told = parts.filter(([count]) => count > 0);
  if (told.length === 0) return <span className="quiet">—</span>;
  return (
    <span className={styles.below}>
      {told.map(([count, status, one, many]) => (
        <span key={one}><StatusGlyph mark={status === 'good' ? 'ok' : status === 'in_progress' ? 'working' : 'attention'} size={11} />{n(count, one, many)}</span>
      ))}
    </span>
  );
}
