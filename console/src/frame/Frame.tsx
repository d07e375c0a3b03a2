// What surrounds every page: the rail at the left, the bar at the top, and sign-in in place of all where nobody is
// signed in. A session that ends while somebody works is asked for over the page, which keeps what was entered.
import { Modal } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { Outlet } from '@tanstack/react-router';
import { lazy, Suspense, useCallback, useEffect, useState } from 'react';

import { ApiError, onSignedOut } from '../api/client';
import { useMe } from '../api/session';
import { restart, stopStream } from '../api/stream';
import { setTenant, useTenant } from '../api/tenant';
import { t } from '../i18n/t';
import { Problem } from '../parts/states';
import { NoTenant } from './Lost';
import { Preferred } from '../profile/Preferred';
import { SignIn, SignInForm } from '../signin/SignIn';
import styles from './Frame.module.css';
import { useKeys } from './keys';
import { KeySheet } from './KeySheet';
import { Rail } from './Rail';
import { TopBar } from './TopBar';

const Palette = lazy(() => import('../palette/Palette').then(({ Palette: component }) => ({ default: component })));

export function Frame() {
  const me = useMe();
  const tenant = useTenant();
  const client = useQueryClient();
  const [over, setOver] = useState(false);
  const [keys, setKeys] = useState(false);
  useKeys(useCallback(() => setKeys(true), []));
  const signedIn = me.isSuccess;
  useEffect(() => onSignedOut(() => setOver(true)), []);
  useEffect(() => {
    if (!signedIn) return;
    restart();
    return stopStream;
  }, [signedIn, tenant]);

  // Whoever is not in the tenant that was used last is led to one of their own.
  const own = me.data?.names ?? [];
  const elsewhere = own.length > 0 && !own.includes(tenant);
  useEffect(() => {
    if (elsewhere && own[0]) setTenant(own[0]);
  });

  const done = () => {
    setOver(false);
    void client.invalidateQueries();
  };
  if (me.isPending) return null;
  if (me.error instanceof ApiError && me.error.status === 401 && !me.data) return <SignIn done={done} />;
  if (!me.data) return <Problem error={me.error} retry={() => void me.refetch()} title={t('The manager cannot be reached')} />;
  if (elsewhere) return null;
  if (own.length === 0) return <NoTenant />;
  return (
    <div className={styles.frame}>
      <Rail />
      <div className={styles.column}>
        <TopBar showKeys={() => setKeys(true)} />
        <main className={styles.main}>
          <Outlet />
        </main>
      </div>
      <Preferred />
      <Suspense><Palette /></Suspense>
      {keys && <KeySheet close={() => setKeys(false)} />}
      <Modal opened={over} onClose={() => setOver(false)} title={t('Your session has ended')}>
        <SignInForm done={done} name={me.data.username} />
      </Modal>
    </div>
  );
}
