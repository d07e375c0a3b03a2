// What is shown while there is nothing to show: loading, empty, refused.
import { Button, CopyButton, Skeleton } from '@mantine/core';
import { CircleAlert, RefreshCw } from 'lucide-react';
import type { ReactNode } from 'react';

import { ApiError } from '../api/client';
import { t } from '../i18n/t';
import styles from './states.module.css';

export function Empty({ icon, title, children, action }: { icon: ReactNode; title: string; children?: ReactNode; action?: ReactNode }) {
  return (
    <div className={styles.empty}>
      <div className={styles.icon} aria-hidden="true">{icon}</div>
      <h2>{title}</h2>
      {children && <div className={styles.text}>{children}</div>}
      {action && <div className={styles.action}>{action}</div>}
    </div>
  );
}

/** Rows that will be there. */
export function Loading({ rows = 8, height = 18 }: { rows?: number; height?: number }) {
  return (
    <div className={styles.loading} role="status" aria-label={t('Loading')}>
      {Array.from({ length: rows }, (_, row) => (
        <Skeleton key={row} height={height} width={`${92 - ((row * 17) % 38)}%`} radius="sm" />
      ))}
    </div>
  );
}

/** What went wrong, where, and what to do; it stays until it is dealt with. */
export function Problem({ error, retry, title }: { error: unknown; retry?: () => void; title?: string }) {
  const known = error instanceof ApiError ? error : null;
  const message = error instanceof Error ? error.message : String(error);
  const details = known ? `${known.request}\n${known.code} (${known.status})\n${message}\nrequest ${known.id ?? '-'}` : message;
  return (
    <div className={styles.problem} role="alert">
      <CircleAlert size={18} aria-hidden="true" />
      <div>
        <h2>{title ?? t('This did not work')}</h2>
        <p>{message}</p>
        {known && (
          <p className={styles.facts}>
            <code>{known.code}</code>
            {known.id && <span>{t('request')} <code>{known.id}</code></span>}
          </p>
        )}
        <div className={styles.buttons}>
          {retry && <Button variant="default" leftSection={<RefreshCw size={13} />} onClick={retry}>{t('Try again')}</Button>}
          <CopyButton value={details}>
            {({ copied, copy }) => (
              <Button variant="subtle" color="gray" onClick={copy}>{copied ? t('Copied') : t('Copy details')}</Button>
            )}
          </CopyButton>
        </div>
      </div>
    </div>
  );
}
