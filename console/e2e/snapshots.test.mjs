// A snapshot from its creation to its restoration, as whoever keeps the manager does it.
import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { after, before, test } from 'node:test';

import { openBrowser, signIn } from './browser.mjs';
import { startManager } from './manager.mjs';

let manager;
let browser;
let page;

before(async () => {
  manager = await startManager();
  browser = await openBrowser(manager);
  page = browser.page;
  await manager.rest('PUT', '/secrets/kept', { value: 'as it was' });
  await signIn(page, 'admin', manager.password, '/console/system');
});

after(async () => {
  await browser?.close();
  await manager?.stop();
});

const entry = () => page.getByRole('list', { name: 'Snapshots' }).getByRole('listitem').filter({ hasText: 'before' });

test('a snapshot is made, and its end is seen without asking', async () => {
  await page.getByRole('button', { name: 'Create snapshot' }).click();
  await page.getByRole('dialog').getByLabel('Name').fill('before');
  await page.getByRole('dialog').getByRole('button', { name: 'Create' }).click();
  await entry().locator('[data-mark=ok]').first().waitFor();
  assert.equal((await manager.rest('GET', '/snapshots/before')).status, 'created');
});

test('it is downloaded', async () => {
  const coming = page.waitForEvent('download');
  await page.getByRole('button', { name: 'What to do with before' }).click();
  await page.getByRole('menuitem', { name: 'Download' }).click();
  const download = await coming;
  assert.equal(download.suggestedFilename(), 'before.zip');
  assert.ok(statSync(await download.path()).size > 0);
});

test('it is restored once its name is typed, and what was there is there again', async () => {
  await manager.rest('DELETE', '/secrets/kept');
  await page.getByRole('button', { name: 'What to do with before' }).click();
  await page.getByRole('menuitem', { name: 'Restore…' }).click();
  const dialog = page.getByRole('dialog');
  const restore = dialog.getByRole('button', { name: 'Restore' });
  assert.equal(await restore.isDisabled(), true);
  await dialog.getByLabel('Type before to go on').fill('before');
  await restore.click();
  await dialog.waitFor({ state: 'detached' });
  assert.equal((await manager.rest('GET', '/secrets/kept')).value, 'as it was');
  assert.deepEqual(browser.complaints, []);
});
