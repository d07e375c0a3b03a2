// What uses a secret, a plugin or a site: the blueprints that need it, and their deployments.
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';

import type { Schemas } from '../api/client';
import { call } from '../api/list';
import { n, t } from '../i18n/t';
import { Loading, Problem } from './states';
import styles from './UsedBy.module.css';

/** `path` is that of the thing itself, such as `/secrets/key`. */
export function UsedBy({ path }: { path: string }) {
  const usage = useQuery({ queryKey: ['used-by', path], queryFn: () => call<Schemas['Usage']>('GET', `${path}/used-by`) });
  if (usage.error) return <Problem error={usage.error} retry={() => void usage.refetch()} />;
  if (!usage.data) return <Loading rows={2} />;
  const { blueprints, deployments } = usage.data;
  if (blueprints.total + deployments.total === 0) return <p className="quiet">{t('Nothing uses it.')}</p>;
  return (
    <div className={styles.used} data-used-by>
      {blueprints.total > 0 && (
        <p>
          <b>{n(blueprints.total, 'blueprint', 'blueprints')}</b>
          {blueprints.items.map((id) => <Link key={id} to="/blueprints/$id" params={{ id }}>{id}</Link>)}
          {blueprints.total > blueprints.items.length && <span className="quiet">{t('and {count} more', { count: blueprints.total - blueprints.items.length })}</span>}
        </p>
      )}
      {deployments.total > 0 && (
        <p>
          <b>{n(deployments.total, 'deployment', 'deployments')}</b>
          {deployments.items.map((id) => <Link key={id} to="/deployments/$id" params={{ id }}>{id}</Link>)}
          {deployments.total > deployments.items.length && <span className="quiet">{t('and {count} more', { count: deployments.total - deployments.items.length })}</span>}
        </p>
      )}
    </div>
  );
}
