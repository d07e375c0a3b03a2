// The nodes of a deployment, drawn: what lies in what, what needs what, and how each instance stands, live.
import { VisuallyHidden } from '@mantine/core';
import { Workflow as Icon } from 'lucide-react';
import { useMemo } from 'react';

import { ArrowHeads, Canvas } from '../graph/Canvas';
import { curve } from '../graph/layout';
import { t } from '../i18n/t';
import { Empty } from '../parts/states';
import type { Mark } from '../status/status';
import { Squares, StatusGlyph } from '../status/StatusMark';
import { nameOf } from './fold';
import { outline, picture, place, shortType, trail, type Drawn, type Shape } from './model';
import { TypeIcon } from './TypeIcon';
import styles from './Topology.module.css';

const ALONE = new Map<string, string[]>();

export function Topology({ nodes, members = ALONE, chosen, choose, over, search = '' }: {
  nodes: Shape[];
  /** What cards for several nodes stand for. */
  members?: Map<string, string[]>;
  chosen?: string;
  choose: (id: string | undefined) => void;
  over?: Map<string, Mark>;
  /** Only what has this in its name is not dimmed. */
  search?: string;
}) {
  const shape = outline(nodes);
  const { places, links, parents } = useMemo(() => place(nodes), [shape]); // eslint-disable-line react-hooks/exhaustive-deps
  const shown = useMemo(() => picture(nodes, places, over), [nodes, places, over]);
  const lit = useMemo(() => {
    if (search) return new Set(nodes.filter((node) => finds(node, members, search)).map((node) => node.id));
    return chosen ? trail(links, chosen, parents) : null;
  }, [nodes, members, search, links, chosen, parents]);
  if (nodes.length === 0) return <Empty icon={<Icon />} title={t('The blueprint has no nodes')} />;
  const card = (one: Drawn) => <Card key={one.node.id} one={one} name={nameOf(one.node, members)} many={members.has(one.node.id)} chosen={chosen} lit={lit} choose={choose} />;
  return (
    <Canvas width={shown.width} height={shown.height} label={t('Topology')} onBackground={() => choose(undefined)}>
      {shown.drawn.filter((one) => one.place.container).map(card)}
      <svg className={styles.links} width={shown.width} height={shown.height} aria-hidden="true">
        <ArrowHeads id="topology" />
        {links.map((link) => {
          const [from, to] = [places.get(link.source), places.get(link.target)];
          if (!from || !to) return null;
          const on = lit !== null && lit.has(link.source) && lit.has(link.target);
          return (
            <path
              key={`${link.source}>${link.target}>${link.type}`}
              d={curve(from, to)}
              data-soft={link.soft || undefined}
              data-lit={on || undefined}
              data-dim={(lit !== null && !on) || undefined}
              markerEnd={`url(#topology-${on ? 'lit' : 'plain'})`}
            >
              <title>{`${link.source} → ${link.target}: ${shortType(link.type)}`}</title>
            </path>
          );
        })}
      </svg>
      {shown.drawn.filter((one) => !one.place.container).map(card)}
    </Canvas>
  );
}

/** Whether a card, or something that it stands for, is called so. */
export function finds(node: Shape, members: Map<string, string[]>, search: string): boolean {
  const wanted = search.toLowerCase();
  return [node.id, node.type, ...(members.get(node.id) ?? [])].some((name) => name.toLowerCase().includes(wanted));
}

function Card({ one, name, many, chosen, lit, choose }: { one: Drawn; name: string; many: boolean; chosen?: string; lit: Set<string> | null; choose: (id: string) => void }) {
  const { node, marks, mark, place: at } = one;
  const started = marks.filter((state) => state === 'ok').length;
  const counts = t('{started} of {all} started', { started, all: marks.length });
  return (
    <button
      type="button"
      className={`${styles.card} ${at.container ? styles.frame : ''}`}
      data-mark={mark}
      data-node={node.id}
      data-many={many || undefined}
      data-chosen={chosen === node.id || undefined}
      data-dim={(lit !== null && !lit.has(node.id)) || undefined}
      style={{ left: at.x, top: at.y, width: at.width, height: at.height }}
      onClick={() => choose(node.id)}
    >
      <VisuallyHidden>{`${name}, ${shortType(node.type)}, ${counts}`}</VisuallyHidden>
      <span className={styles.line} aria-hidden="true">
        <TypeIcon hierarchy={node.type_hierarchy} />
        <b>{name}</b>
        <StatusGlyph mark={mark} size={13} />
      </span>
      <span className={styles.line} aria-hidden="true">
        <small>{many && node.id.startsWith('group:') ? counts : shortType(node.type)}</small>
        {many ? <small className={styles.count}>{t('several')}</small> : <Squares marks={marks} label={counts} />}
      </span>
    </button>
  );
}
