import { Modal } from '@mantine/core';

import { t } from '../i18n/t';
import styles from './KeySheet.module.css';
import { PLACES } from './keys';

const KEYS = [['Ctrl K', 'Go to anything by its name'], ['/', 'Search this list'], ['j k', 'Move in a list'], ['Enter', 'Open'], ['x', 'Choose a row'], ['t h m', 'Deployments as table, tree, map'], ['Ctrl Enter', 'Submit a form'], ['Esc', 'Close, or leave the search'], ['?', 'This sheet']];

export function KeySheet({ close }: { close: () => void }) {
  return (
    <Modal opened onClose={close} title={t('Keys')} size="lg">
      <div className={styles.columns}>
        <dl>{KEYS.map(([key, what]) => <div key={key}><dt><kbd>{key}</kbd></dt><dd>{t(what ?? '')}</dd></div>)}</dl>
        <dl>{PLACES.map(({ key, label }) => <div key={key}><dt><kbd>g</kbd> <kbd>{key}</kbd></dt><dd>{t(label)}</dd></div>)}</dl>
      </div>
    </Modal>
  );
}
