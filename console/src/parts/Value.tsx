// A value of any kind: short ones as they are, long ones folded, with a button to copy.
import { ActionIcon, CopyButton, Tooltip } from '@mantine/core';
import { Check, Copy } from 'lucide-react';

import { t } from '../i18n/t';
import styles from './Value.module.css';

export function Copied({ text }: { text: string }) {
  return (
    <CopyButton value={text} timeout={1500}>
      {({ copied, copy }) => (
        <Tooltip label={copied ? t('Copied') : t('Copy')}>
          <ActionIcon variant="subtle" color="gray" size="sm" onClick={copy} aria-label={t('Copy')}>
            {copied ? <Check size={13} /> : <Copy size={13} />}
          </ActionIcon>
        </Tooltip>
      )}
    </CopyButton>
  );
}

export function Value({ value, copy = false }: { value: unknown; copy?: boolean }) {
  if (value === null || value === undefined) return <span className="quiet">{t('none')}</span>;
  const text = typeof value === 'string' ? value : JSON.stringify(value, null, 2);
  const isLink = typeof value === 'string' && /^https?:\/\/\S+$/.test(value);
  const long = text.length > 140 || text.includes('\n');
  return (
    <span className={styles.value}>
      {isLink ? <a className="mono" href={text} target="_blank" rel="noreferrer">{text}</a>
        : long ? <pre className={styles.block} tabIndex={0}>{text}</pre>
          : text === '' ? <span className="quiet">{t('empty')}</span> : <span className="mono">{text}</span>}
      {copy && <Copied text={text} />}
    </span>
  );
}
