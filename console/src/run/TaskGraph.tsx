// A run's operations as a graph: frames are node instances, arrows say what waits for what.
import { useMemo } from 'react';

import type { Task } from '../api/client';
import { ArrowHeads, Canvas } from '../graph/Canvas';
import { curve, layout, type Arrow, type Box } from '../graph/layout';
import { t } from '../i18n/t';
import { StatusGlyph } from '../status/StatusMark';
import type { Step } from './steps';
import styles from './TaskGraph.module.css';

/** Past this many operations each node instance is one card. */
const BUDGET = 400;

export function TaskGraph({ tasks, steps, chosen, choose }: { tasks: Task[]; steps: Step[]; chosen?: string; choose: (id: string | undefined) => void }) {
  const folded = steps.length > BUDGET;
  const shape = steps.map((step) => step.id).join();
  const { places, arrows } = useMemo(() => graph(tasks, steps, folded), [shape, folded]); // eslint-disable-line react-hooks/exhaustive-deps
  const width = Math.max(0, ...[...places.values()].map((at) => at.x + at.width));
  const height = Math.max(0, ...[...places.values()].map((at) => at.y + at.height));
  const frames = [...places].filter(([id, at]) => at.container || (folded && id.startsWith('of ')));
  return (
    <Canvas width={width} height={height} label={t('Graph of operations')} onBackground={() => choose(undefined)}>
      {frames.map(([id, at]) => (
        <div key={id} className={styles.frame} style={{ left: at.x, top: at.y, width: at.width, height: at.height }}>{id.slice(3) || t('workflow')}</div>
      ))}
      <svg className={styles.arrows} width={width} height={height} aria-hidden="true">
        <ArrowHeads id="tasks" />
        {arrows.map(({ source, target }) => {
          const [from, to] = [places.get(source), places.get(target)];
          return from && to ? <path key={`${source}>${target}`} d={curve(from, to)} markerEnd="url(#tasks-plain)" /> : null;
        })}
      </svg>
      {!folded && steps.map((step) => {
        const at = places.get(step.id);
        if (!at) return null;
        return (
          <button key={step.id} type="button" className={styles.task} data-mark={step.mark} data-chosen={step.id === chosen || undefined} style={{ left: at.x, top: at.y, width: at.width, height: at.height }} onClick={() => choose(step.id)}>
            <StatusGlyph mark={step.mark} size={11} />
            <span>{step.name}</span>
            {step.attempts.length > 1 && <small>×{step.attempts.length}</small>}
          </button>
        );
      })}
    </Canvas>
  );
}

/** Operations and what they wait for, seen through the tasks that are not shown. */
function graph(tasks: Task[], steps: Step[], folded: boolean) {
  const byId = new Map(tasks.map((task) => [task.id, task]));
  const members = new Map<string, Task[]>();
  for (const task of tasks) if (task.subgraph) members.set(task.subgraph, [...(members.get(task.subgraph) ?? []), task]);
  const shown = new Map<string, Step>();
  for (const step of steps) shown.set(step.id, step);
  const memo = new Map<string, Set<string>>();
  /** The shown operations that come last in what `id` stands for, or before it. */
  const ends = (id: string): Set<string> => {
    const known = memo.get(id);
    if (known) return known;
    const found = new Set<string>();
    memo.set(id, found);
    const task = byId.get(id);
    if (shown.has(id)) found.add(id);
    else if (task) {
      for (const inner of members.get(id) ?? []) ends(inner.id).forEach((one) => found.add(one));
      if (found.size === 0) task.dependencies.forEach((before) => ends(before).forEach((one) => found.add(one)));
    }
    return found;
  };
  const before = (task: Task): Set<string> => {
    const found = new Set<string>();
    for (const id of task.dependencies) ends(id).forEach((one) => found.add(one));
    const outer = task.subgraph ? byId.get(task.subgraph) : undefined;
    if (found.size === 0 && outer) before(outer).forEach((one) => found.add(one));
    return found;
  };
  const boxes: Box[] = [...new Set(steps.map((step) => step.instance))].map((instance) => ({ id: `of ${instance}`, parent: null, width: 170, height: 40 }));
  const arrows = new Map<string, Arrow>();
  for (const step of steps) {
    if (!folded) boxes.push({ id: step.id, parent: `of ${step.instance}`, width: Math.min(230, 62 + step.name.length * 7), height: 34 });
    for (const id of before(step.task)) {
      const other = shown.get(id);
      if (!other || id === step.id) continue;
      // Between instances one arrow is enough.
      const pair = !folded && other.instance === step.instance ? [id, step.id] : [`of ${other.instance}`, `of ${step.instance}`];
      if (pair[0] !== pair[1]) arrows.set(pair.join('>'), { source: pair[0] as string, target: pair[1] as string });
    }
  }
  const list = [...arrows.values()];
  return { places: layout(boxes, list, { direction: 'TB', inner: 'LR', gap: 14, rankGap: 34, padding: 14, header: 30 }), arrows: list };
}
