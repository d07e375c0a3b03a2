import { Play } from 'lucide-react';

import { t } from '../i18n/t';
import { Card } from '../parts/Page';
import { Empty, Loading, Problem } from '../parts/states';
import { useRuns } from '../runs/queries';
import { RunGrid } from './RunGrid';
import { RunTable } from '../runs/RunTable';
import styles from './Deployment.module.css';

export default function RunsTab({ id }: { id: string }) {
  const list = useRuns({ deployment: id });
  return (
    <div className={styles.stack} style={{ flex: 1, minHeight: 0 }}>
      <RunGrid deployment={id} />
      <div className={styles.fill}>
      <Card flush>
        {list.error && <Problem error={list.error} retry={() => void list.refetch()} />}
        {list.isPending && <Loading />}
        {list.isSuccess && list.rows.length === 0 && <Empty icon={<Play />} title={t('Nothing has run yet')} />}
        {list.rows.length > 0 && <RunTable list={list} withDeployment={false} />}
      </Card>
      </div>
    </div>
  );
}
