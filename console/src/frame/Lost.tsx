import { Link } from '@tanstack/react-router';
import { Compass, DoorClosed } from 'lucide-react';
import { Button } from '@mantine/core';

import { signOut } from '../api/session';
import { t } from '../i18n/t';
import { Empty } from '../parts/states';

export function Lost() {
  return (
    <Empty icon={<Compass />} title={t('There is no such page')} action={<Link to="/deployments">{t('Go to deployments')}</Link>}>
      {t('The address may be of another version of the console, or misspelt.')}
    </Empty>
  );
}

export function NoTenant() {
  return (
    <Empty icon={<DoorClosed />} title={t('You are in no tenant yet')} action={<Button variant="default" size="sm" onClick={() => void signOut()}>{t('Sign out')}</Button>}>
      {t('Whoever administers this manager can add you to one, with a role.')}
    </Empty>
  );
}
