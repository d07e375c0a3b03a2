// Every node instance of a deployment, with what operations noted of it.
import { getRouteApi, useNavigate } from '@tanstack/react-router';
import { Boxes } from 'lucide-react';
import { useMemo } from 'react';

import type { NodeInstance } from '../api/client';
import { useList } from '../api/list';
import { t } from '../i18n/t';
import { Card } from '../parts/Page';
import { Empty, Loading, Problem } from '../parts/states';
import { Table, type Column } from '../parts/Table';
import { ofInstance } from '../status/status';
import { StatusMark } from '../status/StatusMark';
import { shortType } from '../topology/model';
import { NodePanel } from '../topology/NodePanel';
import { useInstances, useNode, useTopology } from '../topology/queries';
import styles from './Deployment.module.css';

const route = getRouteApi('/deployments/$id');

export default function NodesTab({ id }: { id: string }) {
  const { node } = route.useSearch();
  const navigate = useNavigate({ from: '/deployments/$id' });
  const topology = useTopology(id);
  const list = useList<NodeInstance>('/node-instances', { deployment_id: id, _sort: 'id' });
  const chosen = useNode(id, node);
  const own = useInstances(id, node);
  const types = useMemo(() => new Map((topology.data?.nodes ?? []).map((one) => [one.id, one.type])), [topology.data]);
  const columns = useMemo((): Column<NodeInstance>[] => [
    { key: 'id', title: t('Node instance'), width: 'minmax(180px, 1.4fr)', cell: (one) => <code>{one.id}</code> },
    { key: 'state', title: t('State'), width: '150px', cell: (one) => <StatusMark {...ofInstance(one)} /> },
    { key: 'node', title: t('Node'), width: 'minmax(120px, 1fr)', cell: (one) => one.node_id },
    { key: 'type', title: t('Type'), width: 'minmax(120px, 1fr)', cell: (one) => shortType(types.get(one.node_id ?? '') ?? null) },
    { key: 'runtime', title: t('Runtime properties'), width: 'minmax(160px, 2fr)', cell: (one) => <span className="quiet">{Object.entries(one.runtime_properties ?? {}).slice(0, 4).map(([name, value]) => `${name}=${typeof value === 'object' ? '…' : String(value)}`).join('  ')}</span> },
  ], [types]);
  const choose = (next: string | undefined) => void navigate({ search: (old) => ({ ...old, node: next }), replace: true });
  if (list.error) return <Problem error={list.error} retry={() => void list.refetch()} />;
  if (list.isPending) return <Loading />;
  return (
    <div className={styles.fill} data-panel={chosen.data ? true : undefined}>
      <Card flush>
        {list.rows.length === 0 && <Empty icon={<Boxes />} title={t('No node instances')}>{t('They are made when the deployment is created.')}</Empty>}
        {list.rows.length > 0 && <Table label={t('Node instances')} columns={columns} rows={list.rows} id={(one) => one.id} open={(one) => choose(one.node_id ?? undefined)} more={list.more} />}
      </Card>
      {chosen.data && own.data && <NodePanel node={chosen.data} instances={own.data} close={() => choose(undefined)} choose={choose} />}
    </div>
  );
}
