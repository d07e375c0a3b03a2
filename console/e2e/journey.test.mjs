// What a person does in an hour: sign in, install, watch, see a failure, mend it, resume, uninstall.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { accessible, openBrowser, picture, signIn } from './browser.mjs';
import { startManager } from './manager.mjs';

let manager;
let browser;
let page;

before(async () => {
  manager = await startManager();
  browser = await openBrowser(manager);
  page = browser.page;
  manager.nephele('blueprints', 'upload', '-b', 'shop', 'examples/shop/blueprint.yaml');
  manager.nephele('blueprints', 'upload', '-b', 'gate', 'console/e2e/blueprints/gate/blueprint.yaml');
  manager.nephele('deployments', 'create', 'shop-eu', '-b', 'shop', '-i', 'region=eu', '-i', `base_directory=${manager.home}`);
  manager.nephele('deployments', 'create', 'door', '-b', 'gate', '-i', `key_file=${join(manager.home, 'key')}`);
});

after(async () => {
  await browser?.close();
  await manager?.stop();
});

test('a wrong password is told, and the right one leads to the page that was wanted', async () => {
  await page.goto('/console/deployments/shop-eu?tab=nodes');
  await page.getByLabel('Name').fill('admin');
  await page.getByLabel('Password', { exact: true }).fill('wrong');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByText('Name or password is wrong').waitFor();
  await accessible(page, 'sign-in');
  await signIn(page, 'admin', manager.password, '/console/deployments/shop-eu?tab=nodes');
  await page.getByRole('table', { name: 'Node instances' }).waitFor();
  assert.equal(await page.evaluate(() => document.cookie), '', 'no script sees the session');
  assert.equal(await page.evaluate(() => JSON.stringify(localStorage).includes('ctok')), false);
});

test('the list is filtered, and its address is the view', async () => {
  await page.getByRole('link', { name: 'Deployments' }).first().click();
  const table = page.getByRole('table', { name: 'Deployments' });
  await table.getByRole('link', { name: 'shop-eu', exact: true }).waitFor();
  await table.getByRole('link', { name: 'door', exact: true }).waitFor();
  await accessible(page, 'deployments');
  await page.getByRole('textbox', { name: 'Filter' }).fill('blueprint:sh*');
  await table.getByRole('link', { name: 'door', exact: true }).waitFor({ state: 'detached' });
  await page.reload();
  await table.getByRole('link', { name: 'shop-eu', exact: true }).waitFor();
  assert.equal(await page.getByRole('textbox', { name: 'Filter' }).inputValue(), 'blueprint:sh*');
  assert.equal(await table.getByRole('link', { name: 'door', exact: true }).count(), 0);
  await page.getByRole('textbox', { name: 'Filter' }).fill('nothing-is-called-so');
  await page.getByRole('heading', { name: 'No deployment matches' }).waitFor();
});

test('the topology turns green while install runs', async () => {
  await page.goto('/console/deployments/shop-eu?tab=topology');
  const cards = page.locator('[data-node]');
  await page.locator('[data-node=web]').waitFor();
  assert.equal(await cards.count(), 4);
  assert.equal(await page.locator('[data-node][data-mark=ok]').count(), 0);
  const run = await manager.rest('POST', '/executions', { deployment_id: 'shop-eu', workflow_id: 'install' });
  await page.locator('[data-node][data-mark=ok]').nth(3).waitFor();
  assert.equal((await manager.ended(run.id)).status, 'terminated');
  await page.locator('[data-node=web]').click();
  await page.getByText('backend_port').waitFor();
  assert.match(page.url(), /node=web/);
  await accessible(page, 'topology');
  await page.getByRole('tab', { name: 'Overview' }).click();
  await page.getByText('Where the shop is open.').waitFor();
  await accessible(page, 'deployment');
});

test('a failing run names its failure, and goes on once the cause is mended', async () => {
  await page.goto('/console/deployments/door');
  await page.getByRole('button', { name: 'Install' }).click();
  const failure = page.locator('[data-failure]');
  await failure.waitFor();
  assert.match(await failure.textContent(), /door_\w+ · create/);
  await page.getByText('Failed', { exact: true }).first().waitFor();
  await failure.getByRole('button', { name: 'Show its log' }).click();
  await page.getByText('Looking for the key').first().waitFor();
  await accessible(page, 'run');
  for (const view of ['Graph', 'List', 'Timeline']) await page.locator(`label:has-text("${view}")`).click();
  writeFileSync(join(manager.home, 'key'), '');
  await page.getByRole('button', { name: 'Resume' }).click();
  await page.getByText('Completed', { exact: true }).first().waitFor();
  await failure.waitFor({ state: 'detached' });
});

test('runs are listed, and one is uninstalled after a question', async () => {
  await page.goto('/console/deployments/door');
  await page.locator('[data-run-menu]').click();
  await page.getByRole('menuitem', { name: 'uninstall', exact: true }).click();
  await page.getByRole('button', { name: 'Uninstall' }).click();
  await page.getByText('Completed', { exact: true }).first().waitFor();
  await page.getByRole('link', { name: 'Runs' }).first().click();
  await page.getByRole('table', { name: 'Runs' }).getByRole('link', { name: 'uninstall' }).waitFor();
  await accessible(page, 'runs');
});

test('signing out ends the session for good', async () => {
  const cookies = await browser.context.cookies();
  const session = cookies.find((cookie) => cookie.name === 'nephele_session');
  assert.ok(session.httpOnly && session.sameSite === 'Strict');
  await page.getByRole('button', { name: 'User admin' }).click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  await page.getByRole('button', { name: 'Sign in' }).waitFor();
  const headers = { cookie: `nephele_session=${session.value}`, 'x-nephele-console': '1', tenant: 'default_tenant' };
  assert.equal((await fetch(`${manager.url}/api/v3.1/user`, { headers })).status, 401);
  assert.deepEqual(browser.complaints, []);
});
