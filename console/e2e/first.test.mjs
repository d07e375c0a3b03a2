// The first minutes with an empty manager: from signing in to a service that runs, without a network and without a file.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { accessible, openBrowser, signIn } from './browser.mjs';
import { startManager } from './manager.mjs';

let manager;
let browser;

before(async () => {
  manager = await startManager();
  browser = await openBrowser(manager);
});

after(async () => {
  await browser?.close();
  await manager?.stop();
});

test('the demo is added, deployed and installed, updated with a preview, and uninstalled', async () => {
  const { page } = browser;
  await signIn(page, 'admin', manager.password);
  await page.getByRole('heading', { name: 'Getting started' }).waitFor();
  await accessible(page, 'getting started');
  await page.getByRole('button', { name: 'Add the demo' }).click();
  await page.getByRole('button', { name: 'Deploy shop' }).click();
  await page.getByLabel('Name of the deployment').fill('my-shop');
  await page.getByLabel('base_directory').fill(manager.home);
  await page.getByRole('button', { name: 'Deploy and install' }).click();
  await page.getByRole('heading', { name: /install on my-shop/ }).getByRole('link', { name: 'my-shop' }).click();
  await page.getByRole('tab', { name: 'Topology' }).click();
  await page.locator('[data-node][data-mark=ok]').nth(3).waitFor();
  await page.getByText('All 4 instances started').waitFor();

  await page.locator('[data-run-menu]').click();
  await page.getByRole('menuitem', { name: 'Update…' }).click();
  await page.getByLabel('products').fill('apples:9.99');
  await page.getByRole('button', { name: 'Preview' }).click();
  await page.getByRole('list', { name: 'Changes' }).getByText('input products').waitFor();
  await page.getByRole('button', { name: 'Update', exact: true }).click();
  await page.getByText('Completed', { exact: true }).first().waitFor();
  assert.equal((await manager.rest('GET', '/deployments/my-shop')).inputs.products, 'apples:9.99');

  await page.goto('/console/deployments/my-shop');
  await page.locator('[data-run-menu]').click();
  await page.getByRole('menuitem', { name: 'uninstall', exact: true }).click();
  await page.getByRole('button', { name: 'Uninstall' }).click();
  await page.getByText('Completed', { exact: true }).first().waitFor();
  await page.goto('/console/blueprints?show=catalogue');
  const hello = page.getByRole('list', { name: 'Catalogue' }).getByRole('listitem').filter({ hasText: 'The smallest useful service' });
  await hello.getByRole('button', { name: 'Add' }).click();
  await hello.getByRole('button', { name: 'Deploy' }).click();
  await page.getByLabel('name', { exact: true }).waitFor();
  assert.deepEqual(browser.complaints, []);
});
