// What surrounds deployments: settings of one, filters, schedules, sites, snapshots.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { openBrowser, signIn } from './browser.mjs';
import { ROOT, startManager } from './manager.mjs';

let manager;
let browser;
let page;

before(async () => {
  manager = await startManager();
  browser = await openBrowser(manager);
  page = browser.page;
  manager.nephele('blueprints', 'upload', '-b', 'gate', join(ROOT, 'console/e2e/blueprints/gate/blueprint.yaml'));
  for (const name of ['front', 'back']) manager.nephele('deployments', 'create', name, '-b', 'gate', '-i', 'key_file=/nowhere');
  await signIn(page, 'admin', manager.password);
});

after(async () => {
  await browser?.close();
  await manager?.stop();
});

test('a site is made, and a deployment goes there and gets labels', async () => {
  await page.goto('/console/sites');
  await page.getByRole('button', { name: 'New site' }).first().click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Name').fill('Oslo');
  await dialog.getByLabel('Coordinates').fill('59.9, 10.7');
  await dialog.getByRole('button', { name: 'Create' }).click();
  await page.getByRole('table', { name: 'Sites' }).getByText('Oslo', { exact: true }).waitFor();
  await page.goto('/console/deployments/front?tab=settings');
  await page.getByLabel('Where it is', { exact: true }).first().click();
  await page.getByRole('option', { name: 'Oslo' }).click();
  const save = (title) => page.locator('section').filter({ has: page.getByRole('heading', { name: title }) }).getByRole('button', { name: 'Save' });
  await save('Site').click();
  await page.getByText('at Oslo').waitFor();
  await page.getByLabel('Name for people').fill('The front door');
  await page.getByLabel('Labels', { exact: true }).first().fill('env=prod');
  await page.keyboard.press('Enter');
  await save('Name and labels').click();
  await page.getByRole('heading', { name: 'The front door' }).waitFor();
  const changed = await manager.rest('GET', '/deployments/front');
  assert.equal(changed.site_name, 'Oslo');
  assert.deepEqual(changed.labels.map(({ key, value }) => [key, value]), [['env', 'prod']]);
  await page.goto('/console/sites');
  await page.getByRole('table', { name: 'Sites' }).getByText('Oslo', { exact: true }).click();
  await page.locator('[data-used-by]').getByRole('link', { name: 'front' }).waitFor();
});

test('a filter is kept, chosen, and deleted', async () => {
  await page.goto('/console/deployments?q=label%3Aenv%3Dprod');
  await page.getByRole('link', { name: 'back', exact: true }).waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'Keep', exact: true }).click();
  await page.getByRole('dialog').getByLabel('Name').fill('in-production');
  await page.getByRole('dialog').getByRole('button', { name: 'Keep' }).click();
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await page.goto('/console/deployments?saved=in-production');
  await page.getByRole('link', { name: 'The front door' }).waitFor();
  assert.equal(await page.getByRole('link', { name: 'back', exact: true }).count(), 0);
  await page.goto('/console/filters');
  await page.getByRole('table', { name: 'Filters' }).getByText('label env is one of prod').waitFor();
  await page.getByRole('table', { name: 'Filters' }).getByText('in-production', { exact: true }).click();
  await page.getByRole('button', { name: 'Delete', exact: true }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await page.getByText('in-production').first().waitFor({ state: 'detached' });
});

test('a schedule is made, turned off, and deleted', async () => {
  await page.goto('/console/schedules');
  await page.getByRole('button', { name: 'New schedule' }).first().click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Name').fill('nightly');
  await dialog.getByLabel(/^Deployment/).first().click();
  await page.getByRole('option', { name: 'front' }).click();
  await dialog.getByLabel(/^Workflow/).first().click();
  await page.getByRole('option', { name: 'check_status' }).click();
  await dialog.getByLabel('First time').fill('2099-01-01T03:00');
  await dialog.getByRole('button', { name: 'Create' }).click();
  await page.getByRole('table', { name: 'Schedules' }).getByText('nightly').click();
  const known = async () => (await manager.rest('GET', '/execution-schedules')).items;
  assert.equal((await known())[0].workflow_id, 'check_status');
  await page.locator('label:has-text("On")').last().click();
  await page.getByRole('table', { name: 'Schedules' }).getByText('Off').waitFor();
  assert.equal((await known())[0].enabled, false);
  await page.getByRole('button', { name: 'Delete', exact: true }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await page.getByText('Nothing is scheduled').waitFor();
});

test('a tenant and a group get members, and lose them', async () => {
  await manager.rest('PUT', '/users', { username: 'vera', password: 'a password of vera', role: 'default' });
  await manager.rest('POST', '/tenants/north', {});
  await manager.rest('POST', '/user-groups', { group_name: 'keepers' });
  await page.goto('/console/tenants');
  await page.getByRole('table', { name: 'Tenants' }).getByText('north', { exact: true }).click();
  await page.getByLabel('Users: Name', { exact: true }).first().click();
  await page.getByRole('option', { name: 'vera' }).click();
  await page.getByRole('button', { name: 'Add', exact: true }).first().click();
  const users = page.getByRole('list', { name: 'Users' });
  await users.getByText('vera').waitFor();
  const roles = async () => (await manager.rest('GET', '/users/vera?_get_data=true')).tenants;
  assert.deepEqual((await roles()).north.roles, ['user']);
  await users.getByRole('button', { name: 'Remove vera' }).click();
  await users.getByText('vera').waitFor({ state: 'detached' });
  await page.goto('/console/groups');
  await page.getByRole('table', { name: 'Groups' }).getByText('keepers').click();
  await page.getByLabel('Members: Name', { exact: true }).first().click();
  await page.getByRole('option', { name: 'vera' }).click();
  await page.getByRole('button', { name: 'Add', exact: true }).first().click();
  await page.getByRole('list', { name: 'Members' }).getByText('vera').waitFor();
  await page.getByLabel('Tenants: Name', { exact: true }).first().click();
  await page.getByRole('option', { name: 'north' }).click();
  await page.getByRole('button', { name: 'Add', exact: true }).last().click();
  await page.getByRole('list', { name: 'Tenants' }).getByText('north').waitFor();
  assert.deepEqual((await roles()).north.roles, ['user']);
});
