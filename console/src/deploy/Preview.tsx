// What a workflow would do: obstacles, steps with their expected times, and which node instances come, change and go.
import type { Schemas } from '../api/client';
import { n, t } from '../i18n/t';
import { duration } from '../i18n/time';
import { Card } from '../parts/Page';
import { Value } from '../parts/Value';
import { shortOperation } from '../status/sentence';
import styles from './Preview.module.css';

export function Preview({ plan }: { plan: Schemas['Plan'] }) {
  const { created, changed, deleted } = plan.node_instances;
  const steps = plan.phases.flatMap((phase) => phase.tasks.filter((task) => task.operation !== null));
  const expected = plan.expected_seconds ?? plan.at_least_seconds;
  return (
    <Card title={t('What would happen')} aside={expected > 0 ? t('about {time}', { time: duration(expected * 1000) }) : undefined}>
      <div data-preview>
        {plan.error && <p className={styles.problem} role="alert">{plan.error}</p>}
        {plan.obstacles.map((one) => <p key={one.message} className={styles.problem} role="alert">{one.message}</p>)}
        <p className={styles.counts}>
          <span data-kind="add">{n(created.length, 'instance added', 'instances added')}</span>
          <span data-kind="change">{n(changed.length, 'changed', 'changed')}</span>
          <span data-kind="remove">{n(deleted.length, 'removed', 'removed')}</span>
          <span>{n(plan.operations, 'operation', 'operations')}</span>
        </p>
        {deleted.length > 0 && <p className={styles.names}><b>−</b> {deleted.join(', ')}</p>}
        {created.length > 0 && <p className={styles.names}><b>+</b> {created.join(', ')}</p>}
        {plan.update && <Changes update={plan.update as unknown as Update} />}
        <ol className={styles.steps}>
          {steps.slice(0, 60).map((task) => (
            <li key={task.id} data-critical={task.is_critical || undefined}>
              <code>{task.node_instance_id}</code> {shortOperation(task.operation)}
              {task.expected_seconds !== null && <span className="quiet numbers"> {duration(task.expected_seconds * 1000)}</span>}
            </li>
          ))}
        </ol>
        {steps.length > 60 && <p className="quiet">{t('and {count} more', { count: steps.length - 60 })}</p>}
      </div>
    </Card>
  );
}

interface Change {
  before?: unknown;
  after?: unknown;
}

interface Update {
  blueprint_id: Change;
  inputs: Record<string, Change>;
  steps: { action: string; entity_type: string; entity_id: string[] }[];
}

const SIGNS: Record<string, [string, string]> = { add: ['+', 'add'], remove: ['−', 'remove'], modify: ['~', 'change'] };

/** What an update changes, from the outside in: blueprint, inputs, then nodes and what belongs to them. */
function Changes({ update }: { update: Update }) {
  const { before, after } = update.blueprint_id;
  const steps = update.steps.filter((step) => step.entity_type !== 'workflow');
  const workflows = update.steps.length - steps.length;
  return (
    <ul className={styles.changes} aria-label={t('Changes')}>
      {before !== after && <li><i data-kind="change">~</i><b>{t('blueprint')}</b> <code>{String(before)}</code> → <code>{String(after)}</code></li>}
      {Object.entries(update.inputs).map(([name, change]) => (
        <li key={name}><i data-kind="change">~</i><b>{t('input')} {name}</b> <Value value={change.before} /> → <Value value={change.after} /></li>
      ))}
      {steps.map((step) => {
        const [sign, kind] = SIGNS[step.action] ?? ['·', 'change'];
        return <li key={`${step.action} ${step.entity_id.join('/')}`}><i data-kind={kind}>{sign}</i><b>{step.entity_type}</b> <code>{step.entity_id.filter((part) => part !== 'nodes').join(' › ')}</code></li>;
      })}
      {workflows > 0 && <li className="quiet">{n(workflows, 'workflow is defined anew', 'workflows are defined anew')}</li>}
    </ul>
  );
}
