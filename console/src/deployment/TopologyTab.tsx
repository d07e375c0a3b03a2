// The picture of a deployment, with a panel for what is chosen in it.
import { Button, CloseButton, SegmentedControl, TextInput } from '@mantine/core';
import { getRouteApi, useNavigate } from '@tanstack/react-router';
import { Search } from 'lucide-react';
import { useMemo, useState } from 'react';

import type { Schemas } from '../api/client';
import { t } from '../i18n/t';
import { Card } from '../parts/Page';
import { Loading, Problem } from '../parts/states';
import { MARKS, ofOutcome, type Mark } from '../status/status';
import { StatusMark } from '../status/StatusMark';
import { fold, nameOf } from '../topology/fold';
import { marksOf, type Shape } from '../topology/model';
import { NodePanel } from '../topology/NodePanel';
import { useGrid, useInstances, useNode, useTopology } from '../topology/queries';
import { finds, Topology } from '../topology/Topology';
import styles from './Deployment.module.css';

const route = getRouteApi('/deployments/$id');
/** So many are drawn one by one when somebody asks for it. */
const DRAWN = 120;

export default function TopologyTab({ id }: { id: string }) {
  const { node, q = '', over } = route.useSearch();
  const navigate = useNavigate({ from: '/deployments/$id' });
  const topology = useTopology(id);
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const all = topology.data?.nodes;
  const folded = useMemo(() => fold(all ?? [], open), [all, open]);
  const last = useGrid(id, 1, over === 'run');
  const marks = useMemo(() => (over === 'run' && last.data ? ofLastRun(last.data, folded.members) : undefined), [over, last.data, folded]);
  const set = (change: { node?: string; q?: string; over?: string }) => void navigate({ search: (old) => ({ ...old, ...change }), replace: true });
  const choose = (next: string | undefined) => set({ node: next });
  if (topology.error) return <Problem error={topology.error} retry={() => void topology.refetch()} />;
  if (!all) return <Loading />;
  const card = folded.shapes.find((one) => one.id === node && folded.members.has(one.id));
  const known = card ? undefined : all.find((one) => one.id === node)?.id;
  const found = q ? folded.shapes.filter((one) => finds(one, folded.members, q)).length : null;
  return (
    <div className={styles.fill} data-panel={card || known ? true : undefined}>
      <Card flush>
        <div className={styles.tools}>
          <TextInput size="xs" leftSection={<Search size={13} />} placeholder={t('Find a node')} aria-label={t('Find a node')} data-filter value={q} onChange={(event) => set({ q: event.currentTarget.value || undefined })} />
          {found !== null && <span className="quiet numbers">{t('{found} of {all}', { found, all: folded.shapes.length })}</span>}
          <SegmentedControl size="xs" value={over ?? 'state'} onChange={(next) => set({ over: next === 'state' ? undefined : next })} data={[{ value: 'state', label: t('State') }, { value: 'run', label: t('Last run') }]} aria-label={t('What colours mean')} />
          {folded.members.size > 0 && <span className="quiet">{t('{all} nodes as {cards} cards: those that are alike are one', { all: all.length, cards: folded.shapes.length })}</span>}
          {open.size > 0 && <Button size="compact-xs" variant="subtle" onClick={() => setOpen(new Set())}>{t('Fold again')}</Button>}
        </div>
        <Topology nodes={folded.shapes} members={folded.members} chosen={card?.id ?? (node && holder(folded.members, node)) ?? known} choose={choose} over={marks} search={q} />
      </Card>
      {card && <GroupPanel card={card} members={folded.members} nodes={all} choose={choose} draw={() => setOpen(new Set([...open, card.id]))} />}
      {known && <KnownPanel deployment={id} id={known} choose={choose} />}
    </div>
  );
}

/** The card that stands for a node among others. */
function holder(members: Map<string, string[]>, id: string): string | undefined {
  return [...members].find(([, nodes]) => nodes.includes(id))?.[0];
}

function KnownPanel({ deployment, id, choose }: { deployment: string; id: string; choose: (id: string | undefined) => void }) {
  const node = useNode(deployment, id);
  const instances = useInstances(deployment, id);
  const error = node.error ?? instances.error;
  if (error) return <Problem error={error} />;
  if (!node.data || !instances.data) return <Card><Loading /></Card>;
  return <NodePanel node={node.data} instances={instances.data} close={() => choose(undefined)} choose={choose} />;
}

function GroupPanel({ card, members, nodes, choose, draw }: { card: Shape; members: Map<string, string[]>; nodes: Shape[]; choose: (id: string | undefined) => void; draw: () => void }) {
  const ids = members.get(card.id) ?? [];
  const inside = new Set(ids);
  const own = nodes.filter((node) => inside.has(node.id));
  return (
    <Card flush title={nameOf(card, members)} aside={<CloseButton onClick={() => choose(undefined)} aria-label={t('Close')} />}>
      {ids.length <= DRAWN && <div className={styles.tools}><Button size="compact-sm" variant="default" onClick={draw}>{t('Draw them one by one')}</Button></div>}
      <ul className={styles.members} aria-label={t('Nodes')}>
        {own.slice(0, 500).map((node) => {
          const mark = marksOf(node)[0] ?? 'idle';
          return <li key={node.id}><StatusMark mark={mark} word="" /><button type="button" onClick={() => choose(node.id)}>{node.id}</button></li>;
        })}
      </ul>
      {own.length > 500 && <p className="quiet">{t('and {count} more', { count: own.length - 500 })}</p>}
    </Card>
  );
}

/** The worst outcome of the last run for each card. */
function ofLastRun(grid: Schemas['RunsGrid'], members: Map<string, string[]>): Map<string, Mark> {
  const cards = new Map([...members].flatMap(([card, nodes]) => nodes.map((node) => [node, card] as const)));
  const nodes = new Map(grid.node_instances.map((instance) => [instance.id, instance.node_id]));
  const worst = new Map<string, Mark>();
  for (const [instance, outcome] of Object.entries(grid.runs[0]?.outcomes ?? {})) {
    const node = nodes.get(instance);
    if (!node) continue;
    const card = cards.get(node) ?? node;
    const [mark, known] = [ofOutcome(outcome), worst.get(card)];
    if (!known || MARKS.indexOf(mark) < MARKS.indexOf(known)) worst.set(card, mark);
  }
  return worst;
}
