// The first failure of a run: where, what, after how many attempts, and what may help.
import { Button } from '@mantine/core';
import { OctagonX } from 'lucide-react';

import type { Event, Task } from '../api/client';
import { causes } from '../events/line';
import { t } from '../i18n/t';
import { Copied } from '../parts/Value';
import { shortOperation } from '../status/sentence';
import styles from './FailureCard.module.css';

const HINTS: [RegExp, string][] = [
  [/secret/i, 'A secret may be missing or wrong: look at Secrets.'],
  [/permission denied|not executable/i, 'The script or a file may lack rights: look at the blueprint’s resources.'],
  [/timed? ?out|timeout/i, 'It took too long. If that is usual, give the operation a longer timeout.'],
  [/agent|unreachable|no route|refused/i, 'Something did not answer. Look whether the host and its agent are up.'],
  [/exit|code/i, 'The script ended with an error. Its last lines are in the log.'],
];

export function FailureCard({ task, events, show }: { task: Task; events: Event[]; show: () => void }) {
  const own = events.filter((event) => event.node_instance_id === task.node_instance_id && event.operation === task.operation);
  const failing = [...own].reverse().find((event) => causes(event).length > 0);
  const chain = failing ? causes(failing) : [];
  const text = chain[0]?.message || task.error || [...own].reverse().find((event) => /failed/.test(event.event_type ?? ''))?.message || t('No reason was given');
  const last = own.filter((event) => event.type === 'cloudify_log' && /err/i.test(event.level ?? '')).slice(-3);
  const hint = HINTS.find(([pattern]) => pattern.test(text))?.[1];
  return (
    <section className={styles.card} aria-label={t('First failure')} data-failure>
      <OctagonX size={20} aria-hidden="true" />
      <div className={styles.text}>
        <h2>
          {t('First failure')}: <code>{task.node_instance_id ?? task.name}</code> · {shortOperation(task.operation)}
          {task.max_attempts !== null && task.max_attempts > 1 && <small>{t('attempt {at} of {most}', { at: task.attempt, most: task.max_attempts })}</small>}
        </h2>
        <p className={styles.message}>{text.trim()}<Copied text={text} /></p>
        {chain.slice(1).map((cause, index) => <p key={index} className={styles.cause}>{t('caused by')} {cause.type}: {cause.message}</p>)}
        {last.map((event) => <p key={event._storage_id} className={styles.cause}>{event.message}</p>)}
        {hint && <p className={styles.hint}>{t(hint)}</p>}
      </div>
      <Button variant="default" onClick={show}>{t('Show its log')}</Button>
    </section>
  );
}
