// What can be done to a run; each says what it does. Who may not, sees why.
import { Button, Menu, Tooltip } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { ChevronDown, Play, RotateCcw, Square } from 'lucide-react';

import type { Execution } from '../api/client';
import { usePermissions } from '../api/session';
import { useTenant } from '../api/tenant';
import { t } from '../i18n/t';
import { isActive } from '../status/status';
import { act, type Action } from './queries';

const WAYS: { action: Action; name: string; about: string }[] = [
  { action: 'cancel', name: 'Cancel', about: 'Lets what runs end, starts nothing more' },
  { action: 'force-cancel', name: 'Force cancel', about: 'Stops the workflow, operations end by themselves' },
  { action: 'kill', name: 'Kill', about: 'Ends the processes of operations as well' },
];

export function RunActions({ run, onError }: { run: Execution; onError: (error: unknown) => void }) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const tenant = useTenant();
  const { may } = usePermissions();
  const id = run.id ?? '';
  const change = useMutation({
    mutationFn: (action: Action) => act(id, action),
    onError,
    onSuccess: (answer, action) => {
      onError(null);
      void client.invalidateQueries();
      if (action === 'rerun' && answer.id && answer.id !== id) void navigate({ to: '/runs/$id', params: { id: answer.id }, search: {} });
    },
  });
  const refused = may('execution_cancel') ? null : t('Needs the right execution_cancel in tenant {tenant}', { tenant });
  const notStarted = may('execution_start') ? null : t('Needs the right execution_start in tenant {tenant}', { tenant });
  if (isActive(run.status)) {
    return (
      <Menu position="bottom-end" width={300} disabled={refused !== null}>
        <Menu.Target>
          <Tooltip label={refused ?? t('Ways to end this run')}>
            <Button variant="default" size="sm" leftSection={<Square size={13} />} rightSection={<ChevronDown size={14} />} aria-disabled={refused !== null} data-disabled={refused !== null || undefined} loading={change.isPending}>
              {t('Cancel')}
            </Button>
          </Tooltip>
        </Menu.Target>
        <Menu.Dropdown>
          {WAYS.map(({ action, name, about }) => (
            <Menu.Item key={action} onClick={() => change.mutate(action)} color={action === 'kill' ? 'red' : undefined}>
              {t(name)}
              <div className="quiet">{t(about)}</div>
            </Menu.Item>
          ))}
        </Menu.Dropdown>
      </Menu>
    );
  }
  const canResume = run.status === 'failed' || run.status === 'cancelled';
  return (
    <>
      <Tooltip label={notStarted ?? t('Starts this workflow anew, with the same parameters')}>
        <Button variant="default" size="sm" leftSection={<RotateCcw size={14} />} data-disabled={notStarted !== null || undefined} onClick={() => !notStarted && change.mutate('rerun')} loading={change.isPending && change.variables === 'rerun'}>
          {t('Run again')}
        </Button>
      </Tooltip>
      {canResume && (
        <Tooltip label={notStarted ?? t('Goes on where it stopped; what is done stays done')}>
          <Button size="sm" leftSection={<Play size={14} />} data-disabled={notStarted !== null || undefined} onClick={() => !notStarted && change.mutate('force-resume')} loading={change.isPending && change.variables === 'force-resume'}>
            {t('Resume')}
          </Button>
        </Tooltip>
      )}
    </>
  );
}
