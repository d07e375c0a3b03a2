// A question before something is lost. What is lost for good asks for its name.
import { Button, Modal, TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';

import { t } from '../i18n/t';
import { Problem } from './states';
import styles from './Confirm.module.css';

export function Confirm({ title, verb, name, children, act, close }: {
  title: string; verb: string; name?: string; children: ReactNode; act: () => Promise<unknown>; close: () => void;
}) {
  const [typed, setTyped] = useState('');
  const doing = useMutation({ mutationFn: act, onSuccess: close });
  return (
    <Modal opened onClose={close} title={title}>
      <div className={styles.text}>{children}</div>
      {name && <TextInput mt="md" label={t('Type {name} to go on', { name })} value={typed} onChange={(event) => setTyped(event.currentTarget.value)} autoFocus />}
      {doing.error && <Problem error={doing.error} />}
      <div className={styles.buttons}>
        <Button variant="default" size="sm" onClick={close}>{t('Cancel')}</Button>
        <Button color="red" size="sm" disabled={name !== undefined && typed !== name} loading={doing.isPending} onClick={() => doing.mutate()}>{verb}</Button>
      </div>
    </Modal>
  );
}

/** A form in a dialog. */
export function Dialog({ title, verb, children, act, close, ready = true, size }: {
  title: string; verb: string; children: ReactNode; act: () => Promise<unknown>; close: () => void; ready?: boolean; size?: string;
}) {
  const doing = useMutation({ mutationFn: act, onSuccess: close });
  return (
    <Modal opened onClose={close} title={title} size={size}>
      <form onSubmit={(event) => { event.preventDefault(); if (ready) doing.mutate(); }}>
        <div className={styles.fields}>{children}</div>
        {doing.error && <Problem error={doing.error} />}
        <div className={styles.buttons}>
          <Button variant="default" size="sm" onClick={close}>{t('Cancel')}</Button>
          <Button type="submit" size="sm" disabled={!ready} loading={doing.isPending}>{verb}</Button>
        </div>
      </form>
    </Modal>
  );
}
