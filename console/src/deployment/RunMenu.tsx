// Starting workflows. Those that the deployment's state rules out are there, with the reason.
import { Button, Menu, Modal, Tooltip } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { ChevronDown, Play, RefreshCw, Trash2 } from 'lucide-react';
import { useState } from 'react';

import { api, data, type Deployment, type Execution } from '../api/client';
import { call } from '../api/list';
import { usePermissions } from '../api/session';
import { useTenant } from '../api/tenant';
import { t } from '../i18n/t';
import { Confirm } from '../parts/Confirm';
import { Problem } from '../parts/states';
import { ofDeployment } from '../status/status';
import styles from './Deployment.module.css';

const FIRST = ['install', 'uninstall', 'update', 'heal', 'scale'];

export function RunMenu({ deployment }: { deployment: Deployment }) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const tenant = useTenant();
  const { may } = usePermissions();
  const [asked, setAsked] = useState<string | null>(null);
  const [deleting, setDeleting] = useState(false);
  const start = useMutation({
    mutationFn: async (workflow_id: string) =>
      await data(api.POST('/executions', { body: { deployment_id: deployment.id, workflow_id } })) as unknown as Execution,
    onSuccess: (run) => {
      setAsked(null);
      void client.invalidateQueries({ queryKey: ['executions'] });
      void navigate({ to: '/runs/$id', params: { id: run.id ?? '' }, search: {} });
    },
  });
  const refused = may('execution_start') ? null : t('Needs the right execution_start in tenant {tenant}', { tenant });
  const order = (name: string) => (FIRST.includes(name) ? FIRST.indexOf(name) : FIRST.length);
  const workflows = [...(deployment.workflows ?? [])].sort((left, right) => order(left.name ?? '') - order(right.name ?? '') || (left.name ?? '').localeCompare(right.name ?? ''));
  const idle = ofDeployment(deployment).mark === 'idle';
  const run = (name: string) => {
    if (refused) return;
    const parameters = Object.keys(deployment.workflows?.find((one) => one.name === name)?.parameters ?? {});
    if (name === 'uninstall') setAsked(name);
    else if (name === 'install' || (parameters.length === 0 && name !== 'update')) start.mutate(name);
    else void navigate({ to: '/deployments/$id/run/$workflow', params: { id: deployment.id, workflow: name } });
  };
  return (
    <>
      {start.error && asked === null && <Modal opened onClose={() => start.reset()} title={t('It was not started')}><Problem error={start.error} /></Modal>}
      {idle && workflows.some((one) => one.name === 'install') && (
        <Tooltip label={refused ?? t('Creates and starts all nodes')}>
          <Button size="sm" leftSection={<Play size={14} />} data-disabled={refused !== null || undefined} onClick={() => run('install')} loading={start.isPending}>{t('Install')}</Button>
        </Tooltip>
      )}
      <Menu position="bottom-end" width={280} disabled={refused !== null}>
        <Menu.Target>
          <Tooltip label={refused ?? t('Start a workflow')}>
            <Button size="sm" variant={idle ? 'default' : 'filled'} rightSection={<ChevronDown size={14} />} data-disabled={refused !== null || undefined} data-run-menu>{t('Run')}</Button>
          </Tooltip>
        </Menu.Target>
        <Menu.Dropdown className={styles.menu}>
          <Menu.Item leftSection={<RefreshCw size={14} />} onClick={() => void navigate({ to: '/deployments/$id/run/$workflow', params: { id: deployment.id, workflow: 'update' } })}>{t('Update…')}</Menu.Item>
          <Menu.Item leftSection={<Trash2 size={14} />} color="red" onClick={() => setDeleting(true)}>{t('Delete…')}</Menu.Item>
          <Menu.Divider />
          <Menu.Label>{t('Workflows')}</Menu.Label>
          {workflows.map((one) => (
            <Menu.Item key={one.name} onClick={() => run(one.name ?? '')} disabled={one.is_available === false}>
              {one.name}
              {one.is_available === false && <div className="quiet">{t('Not in this state of the deployment')}</div>}
            </Menu.Item>
          ))}
        </Menu.Dropdown>
      </Menu>
      {deleting && (
        <Confirm
          title={t('Delete {name}?', { name: deployment.display_name ?? deployment.id })}
          verb={t('Delete')}
          name={deployment.id}
          close={() => setDeleting(false)}
          act={async () => {
            await call('DELETE', `/deployments/${encodeURIComponent(deployment.id)}`);
            void navigate({ to: '/deployments', search: {} });
          }}
        >
          {t('Its record, node instances and runs go. A deployment whose nodes are still installed is not deleted: uninstall it first.')}
        </Confirm>
      )}
      <Modal opened={asked !== null} onClose={() => { setAsked(null); start.reset(); }} title={t('Uninstall {name}?', { name: deployment.display_name ?? deployment.id })}>
        <p>{t('All nodes are stopped and deleted, with what they made. The deployment itself stays, and can be installed again.')}</p>
        {start.error && <Problem error={start.error} />}
        <div style={{ display: 'flex', gap: 8, justifyContent: 'flex-end', marginTop: 18 }}>
          <Button variant="default" size="sm" onClick={() => setAsked(null)}>{t('Keep it')}</Button>
          <Button color="red" size="sm" loading={start.isPending} onClick={() => asked && start.mutate(asked)}>{t('Uninstall')}</Button>
        </div>
      </Modal>
    </>
  );
}
