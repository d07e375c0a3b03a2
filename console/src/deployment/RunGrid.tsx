// The last runs beside each other: a column for each run, a row for each node instance. What always fails is a red row.
import { Tooltip } from '@mantine/core';
import { Link } from '@tanstack/react-router';

import { t } from '../i18n/t';
import { exact } from '../i18n/time';
import { Card } from '../parts/Page';
import { Problem } from '../parts/states';
import { ofOutcome, ofRun } from '../status/status';
import { StatusGlyph } from '../status/StatusMark';
import { useGrid } from '../topology/queries';
import styles from './RunGrid.module.css';

const RUNS = 20;
/** More rows than this are left to the runs themselves. */
const ROWS = 300;

export function RunGrid({ deployment }: { deployment: string }) {
  const grid = useGrid(deployment, RUNS);
  if (grid.error) return <Problem error={grid.error} retry={() => void grid.refetch()} />;
  if (!grid.data || grid.data.node_instances.length === 0) return null;
  const runs = [...grid.data.runs].reverse();
  const failing = (id: string) => runs.filter((run) => run.outcomes[id] === 'failed').length;
  // What fails most often comes first where not all are shown.
  const all = grid.data.node_instances.map((one) => one.id);
  const instances = all.length > ROWS ? [...all].sort((left, right) => failing(right) - failing(left)).slice(0, ROWS) : all;
  return (
    <Card title={t('Runs by node instance')} aside={all.length > ROWS ? t('{shown} of {all}, those that fail first', { shown: ROWS, all: all.length }) : t('oldest at the left')}>
      <div className={styles.scroll} tabIndex={0} role="region" aria-label={t('Runs by node instance')}>
        <table className={styles.grid}>
          <thead>
            <tr>
              <th scope="col"><span className={styles.hidden}>{t('Node instance')}</span></th>
              {runs.map((run) => (
                <th key={run.id} scope="col">
                  <Tooltip label={`${run.workflow_id} · ${ofRun(run.status).word} · ${exact(run.created_at)}`}>
                    <Link to="/runs/$id" params={{ id: run.id }} aria-label={`${run.workflow_id}, ${ofRun(run.status).word}`}><StatusGlyph mark={ofRun(run.status).mark} /></Link>
                  </Tooltip>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {instances.map((instance) => (
              <tr key={instance}>
                <th scope="row"><code>{instance}</code></th>
                {runs.map((run) => {
                  const outcome = run.outcomes[instance];
                  return <td key={run.id}>{outcome && <i data-mark={ofOutcome(outcome)} role="img" aria-label={t(outcome)} />}</td>;
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Card>
  );
}
