// Who may do what, and where: five roles, and two tenants that never mix. What is not allowed is there, and says why.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { openBrowser, signIn } from './browser.mjs';
import { ROOT, startManager } from './manager.mjs';

let manager;

const ROLES = ['viewer', 'operations', 'user', 'manager', 'sys_admin'];
const password = (name) => `a password of ${name}`;
const GATE = join(ROOT, 'console/e2e/blueprints/gate/blueprint.yaml');

before(async () => {
  manager = await startManager();
  const { nephele, rest } = manager;
  for (const tenant of ['north', 'south']) {
    await rest('POST', `/tenants/${tenant}`, {});
    nephele('--tenant', tenant, 'blueprints', 'upload', '-b', `gate-${tenant}`, GATE);
    nephele('--tenant', tenant, 'deployments', 'create', `door-${tenant}`, '-b', `gate-${tenant}`, '-i', 'key_file=/nowhere');
    await rest('PUT', `/secrets/key-${tenant}`, { value: tenant }, tenant);
    await rest('PUT', `/sites/site-${tenant}`, { location: '10, 10' }, tenant);
  }
  for (const role of ROLES) {
    await rest('PUT', '/users', { username: role, password: password(role), role: role === 'sys_admin' ? role : 'default' });
    if (role !== 'sys_admin') await rest('PUT', '/tenants/users', { tenant_name: 'north', username: role, role });
  }
  await rest('PUT', '/users', { username: 'both', password: password('both'), role: 'default' });
  for (const tenant of ['north', 'south']) await rest('PUT', '/tenants/users', { tenant_name: tenant, username: 'both', role: 'operations' });
});

after(() => manager?.stop());

/** Where a button is, what it is called, the right that it needs, and who holds that. */
const BUTTONS = [
  ['/deployments', 'Deploy', 'deployment_create', ['operations', 'user', 'manager', 'sys_admin']],
  ['/deployments/door-north', 'Install', 'execution_start', ['operations', 'user', 'manager', 'sys_admin']],
  ['/blueprints', 'Upload', 'blueprint_upload', ['user', 'manager', 'sys_admin']],
  ['/plugins', 'Upload', 'plugin_upload', ['user', 'manager', 'sys_admin']],
  ['/secrets', 'New secret', 'secret_create', ['user', 'manager', 'sys_admin']],
  ['/sites', 'New site', 'site_create', ['user', 'manager', 'sys_admin']],
  ['/system', 'Begin maintenance', 'maintenance_mode_set', ['sys_admin']],
];

for (const role of ROLES) {
  test(`the role ${role} sees what it may do, and why not the rest`, async () => {
    const browser = await openBrowser(manager);
    try {
      const { page } = browser;
      await signIn(page, role, password(role), '/console/deployments?tenant=north');
      await page.getByRole('link', { name: 'door-north' }).waitFor();
      assert.equal(await page.getByRole('link', { name: 'door-south' }).count(), 0, 'nothing of another tenant');
      for (const [path, name, right, holders] of BUTTONS) {
        await page.goto(`/console${path}`);
        const button = page.getByRole('button', { name, exact: true }).first();
        await button.waitFor();
        const allowed = holders.includes(role);
        await page.waitForFunction(
          ([text, off]) => [...document.querySelectorAll('main button')].some((one) => one.textContent === text && one.hasAttribute('data-disabled') === off),
          [name, !allowed],
        );
        if (allowed) continue;
        await button.hover();
        await page.getByRole('tooltip').getByText(`Needs the right ${right} in tenant north`).waitFor();
        await button.click({ force: true });
        assert.equal(await page.getByRole('dialog').count(), 0, `${role} gets no further on ${path}`);
      }
      assert.equal(await page.getByRole('link', { name: 'Users', exact: true }).count(), role === 'sys_admin' ? 1 : 0, 'what is to be administered');
      // The manager is the judge, whatever the page shows.
      const asked = await page.evaluate(async () => (await fetch('/api/v3.1/secrets/made', {
        method: 'PUT', headers: { 'x-nephele-console': '1', tenant: 'north', 'content-type': 'application/json' }, body: JSON.stringify({ value: 'x' }),
      })).status);
      const may = ['user', 'manager', 'sys_admin'].includes(role);
      assert.equal(asked === 403, !may, `${role} was answered ${asked}`);
      if (may) await manager.rest('DELETE', '/secrets/made', undefined, 'north');
      assert.deepEqual(browser.complaints, []);
    } finally {
      await browser.close();
    }
  });
}

test('two tenants never mix: in lists, by name, by address, and in what is pushed', async () => {
  const browser = await openBrowser(manager);
  try {
    const { page } = browser;
    await signIn(page, 'both', password('both'), '/console/deployments?tenant=north');
    for (const [here, there] of [['north', 'south'], ['south', 'north']]) {
      await page.getByRole('button', { name: /^Tenant / }).click();
      await page.getByRole('menuitem', { name: here }).click();
      for (const [path, own] of [['/deployments', `door-${here}`], ['/blueprints', `gate-${here}`], ['/secrets', `key-${here}`], ['/sites', `site-${here}`]]) {
        await page.goto(`/console${path}`);
        await page.getByText(own, { exact: true }).first().waitFor();
        assert.equal(await page.getByText(own.replace(here, there), { exact: true }).count(), 0, `${path} in ${here}`);
      }
      await page.getByRole('button', { name: 'Go to…' }).click();
      await page.getByPlaceholder('Go to a page').fill(there);
      await page.getByText('Nothing is called so').waitFor();
      await page.getByPlaceholder('Go to a page').fill(here);
      await page.getByRole('button', { name: `door-${here}` }).waitFor();
      await page.keyboard.press('Escape');
      await page.goto(`/console/deployments/door-${there}`);
      await page.getByText('This deployment cannot be shown').waitFor();
    }
    // A run of the other tenant changes nothing here, and one of this tenant does.
    await page.goto('/console/runs');
    await page.getByRole('status').filter({ hasText: 'Live' }).waitFor();
    for (const tenant of ['north', 'south']) await manager.rest('POST', '/executions', { deployment_id: `door-${tenant}`, workflow_id: 'install' }, tenant);
    const table = page.getByRole('table', { name: 'Runs' });
    await table.getByRole('link', { name: 'install', exact: true }).waitFor();
    assert.equal(await table.getByRole('link', { name: 'install', exact: true }).count(), 1);
    assert.equal(await table.getByText('door-north').count(), 0);
    // A link into a tenant leads there, and to nobody who is not in it.
    await page.goto('/console/deployments?tenant=north');
    await page.getByRole('link', { name: 'door-north' }).waitFor();
  } finally {
    await browser.close();
  }
  const other = await openBrowser(manager);
  try {
    await signIn(other.page, 'viewer', password('viewer'), '/console/deployments?tenant=south');
    await other.page.getByRole('link', { name: 'door-north' }).waitFor();
    assert.equal(await other.page.getByRole('link', { name: 'door-south' }).count(), 0, 'who is not in a tenant is led to their own');
  } finally {
    await other.close();
  }
});
