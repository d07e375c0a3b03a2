// A button that is there for everybody, and says to whom it is not allowed which right it needs.
import { Button, Tooltip, type ButtonProps } from '@mantine/core';
import type { ReactNode } from 'react';

import { usePermissions } from '../api/session';
import { useTenant } from '../api/tenant';
import { t } from '../i18n/t';

export function useRefusal(permission: string): string | null {
  const tenant = useTenant();
  const { may } = usePermissions();
  return may(permission) ? null : t('Needs the right {permission} in tenant {tenant}', { permission, tenant });
}

export function Allowed({ permission, onClick, children, about, ...rest }: ButtonProps & { permission: string; onClick: () => void; children: ReactNode; about?: string }) {
  const refused = useRefusal(permission);
  const button = <Button size="sm" {...rest} data-disabled={refused !== null || undefined} aria-disabled={refused !== null} onClick={() => refused === null && onClick()}>{children}</Button>;
  const label = refused ?? about;
  return label ? <Tooltip label={label}>{button}</Tooltip> : button;
}
