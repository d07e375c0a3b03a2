// Every page: readable for everybody in both themes, at home in its address, and within the manager's policy.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { accessible, openBrowser, picture, signIn } from './browser.mjs';
import { startManager } from './manager.mjs';

let manager;
let run;
let failed;

before(async () => {
  manager = await startManager();
  const { nephele, rest, home } = manager;
  nephele('blueprints', 'upload', '-b', 'shop', 'examples/shop/blueprint.yaml');
  nephele('blueprints', 'upload', '-b', 'gate', 'console/e2e/blueprints/gate/blueprint.yaml');
  for (const region of ['eu', 'us']) nephele('deployments', 'create', `shop-${region}`, '-b', 'shop', '-i', `region=${region}`, '-i', `base_directory=${home}`);
  nephele('deployments', 'create', 'door', '-b', 'gate', '-i', `key_file=${join(home, 'key')}`);
  await rest('PUT', '/secrets/database_password', { value: 'correct horse' });
  await rest('PUT', '/secrets/registry_login', { value: '{"user": "robot"}', visibility: 'private' });
  await rest('PUT', '/sites/Warsaw', { location: '52.2, 21.0' });
  for (const name of ['shop-eu', 'shop-us']) {
    run = (await rest('POST', '/executions', { deployment_id: name, workflow_id: 'install' })).id;
    assert.equal((await manager.ended(run)).status, 'terminated');
  }
  failed = (await rest('POST', '/executions', { deployment_id: 'door', workflow_id: 'install' })).id;
  assert.equal((await manager.ended(failed)).status, 'failed');
  const below = { blueprint_id: 'gate', inputs: { key_file: join(home, 'key') }, labels: [{ 'csys-obj-parent': 'door' }, { 'csys-obj-type': 'service' }], site_name: 'Warsaw' };
  await rest('PUT', '/deployments/till', below);
  await rest('PUT', '/users', { username: 'vera', password: 'a password of vera', role: 'default' });
});

after(async () => {
  for (const name of ['shop-eu', 'shop-us']) {
    await manager.ended((await manager.rest('POST', '/executions', { deployment_id: name, workflow_id: 'uninstall' })).id);
  }
  await manager.stop();
});

/** Name, address, and what shows that the page is there. */
const PAGES = () => [
  ['home', '/', (page) => page.getByRole('heading', { name: 'Needs attention' })],
  ['deployments', '/deployments', (page) => page.getByRole('link', { name: 'shop-eu', exact: true })],
  ['tree', '/deployments?view=tree', (page) => page.getByRole('button', { name: 'Unfold door' })],
  ['map', '/deployments?view=map', (page) => page.getByRole('link', { name: /^Warsaw: 1 deployment/ })],
  ['deployment', '/deployments/shop-eu', (page) => page.getByText('Where the shop is open.')],
  ['topology', '/deployments/shop-eu?tab=topology&node=web', (page) => page.getByText('backend_port')],
  ['nodes', '/deployments/shop-eu?tab=nodes', (page) => page.getByRole('table', { name: 'Node instances' })],
  ['grid', '/deployments/shop-eu?tab=runs', (page) => page.getByRole('region', { name: 'Runs by node instance' })],
  ['last run', '/deployments/door?tab=topology&over=run', (page) => page.locator('[data-node=door][data-mark=failed]')],
  ['run', `/runs/${run}`, (page) => page.getByText('workflow execution succeeded')],
  ['failure', `/runs/${failed}`, (page) => page.locator('[data-failure]')],
  ['graph', `/runs/${run}?view=graph`, (page) => page.getByRole('button', { name: 'configure' })],
  ['runs', '/runs', (page) => page.getByRole('table', { name: 'Runs' }).getByText('Failed')],
  ['events', '/events', (page) => page.getByRole('log')],
  ['blueprints', '/blueprints', (page) => page.getByRole('table', { name: 'Blueprints' })],
  ['catalogue', '/blueprints?show=catalogue', (page) => page.getByRole('list', { name: 'Catalogue' }).getByText('The smallest useful service')],
  ['source', '/blueprints/shop?tab=source', (page) => page.getByText('node_templates:')],
  ['compare', '/blueprints/shop?tab=compare&other=gate', (page) => page.getByRole('list', { name: 'Differences' })],
  ['deploy', '/deploy/shop', (page) => page.getByLabel('region')],
  ['workflow', '/deployments/shop-eu/run/heal', (page) => page.getByRole('button', { name: 'Preview' })],
  ['secrets', '/secrets', (page) => page.getByText('database_password')],
  ['plugins', '/plugins', (page) => page.getByText('No plugins uploaded')],
  ['sites', '/sites', (page) => page.getByText('Warsaw')],
  ['schedules', '/schedules', (page) => page.getByText('Nothing is scheduled')],
  ['filters', '/filters', (page) => page.getByText('csys-environment-filter')],
  ['settings', '/deployments/shop-eu?tab=settings', (page) => page.getByLabel('Name for people')],
  ['agents', '/agents', (page) => page.getByText('No agents')],
  ['users', '/users', (page) => page.getByText('vera')],
  ['groups', '/groups', (page) => page.getByText('No groups yet')],
  ['tenants', '/tenants', (page) => page.getByRole('table', { name: 'Tenants' })],
  ['audit', '/audit', (page) => page.getByRole('table', { name: 'Audit' })],
  ['profile', '/profile', (page) => page.getByText('Console').first()],
  ['system', '/system', (page) => page.getByText('Workflow executor')],
];
const PICTURED = ['home', 'deployments', 'deployment', 'topology', 'run', 'failure', 'events', 'blueprints', 'deploy', 'secrets'];

for (const theme of ['light', 'dark']) {
  test(`every page is accessible, ${theme}`, async () => {
    const browser = await openBrowser({ ...manager, colorScheme: theme });
    try {
      const { page } = browser;
      await signIn(page, 'admin', manager.password);
      for (const [name, path, shown] of PAGES()) {
        await page.goto(`/console${path}`);
        await shown(page).first().waitFor();
        await accessible(page, `${name}, ${theme}`);
        if (PICTURED.includes(name)) await picture(page, `${name}-${theme}`);
      }
      assert.deepEqual(browser.complaints, []);
    } finally {
      await browser.close();
    }
  });
}

test('an address restores the view that it was copied from', async () => {
  const browser = await openBrowser(manager);
  try {
    const { page } = browser;
    const task = (await manager.rest('GET', `/executions/${failed}/tasks`)).tasks.find((one) => one.state === 'failed' && one.operation);
    const views = [
      ['/deployments?q=blueprint%3Agate&sort=display_name', async () => {
        assert.equal(await page.getByRole('textbox', { name: 'Filter' }).inputValue(), 'blueprint:gate');
        await page.getByRole('columnheader', { name: 'Name' }).and(page.locator('[aria-sort=ascending]')).waitFor();
        await page.getByRole('link', { name: 'door', exact: true }).waitFor();
        assert.equal(await page.getByRole('link', { name: 'shop-eu', exact: true }).count(), 0);
      }],
      ['/deployments?view=map', () => page.getByRole('group', { name: 'Map of sites' }).waitFor()],
      ['/deployments/shop-eu?tab=topology&node=web', () => page.locator('[data-node=web][data-chosen]').waitFor()],
      ['/deployments/shop-eu?tab=topology&q=data', () => page.getByText('1 of 4').waitFor()],
      [`/runs/${failed}?view=list&task=${task.id}`, () => page.getByRole('row', { name: /create/ }).and(page.locator('[data-chosen]')).waitFor()],
      ['/blueprints/gate?tab=source&file=open.sh', () => page.getByText('The door is open').waitFor()],
      ['/events?q=kind%3Atask_failed', async () => {
        assert.equal(await page.getByRole('textbox', { name: 'Search' }).inputValue(), 'kind:task_failed');
        await page.getByRole('log').getByText('door').first().waitFor();
      }],
      ['/secrets?q=registry', async () => {
        await page.getByText('registry_login').waitFor();
        assert.equal(await page.getByText('database_password').count(), 0);
      }],
    ];
    const [first] = views[0];
    // Signing in leads to the view, not to the first page.
    await signIn(page, 'admin', manager.password, `/console${first}`);
    for (const [path, shown] of views) {
      await page.goto(`/console${path}`);
      await shown();
      await page.reload();
      await shown();
      assert.ok(page.url().endsWith(`/console${path}`), `${page.url()} is not ${path}`);
    }
  } finally {
    await browser.close();
  }
});

test('deployments unfold as a tree', async () => {
  const browser = await openBrowser(manager);
  try {
    const { page } = browser;
    await signIn(page, 'admin', manager.password, '/console/deployments');
    await page.getByRole('link', { name: 'shop-eu', exact: true }).waitFor();
    await page.keyboard.press('h');
    await page.getByRole('button', { name: 'Unfold door' }).waitFor();
    assert.equal(await page.getByRole('link', { name: 'till', exact: true }).count(), 0);
    await page.getByRole('button', { name: 'Unfold door' }).click();
    await page.getByRole('link', { name: 'till', exact: true }).waitFor();
    await page.keyboard.press('m');
    await page.getByRole('list', { name: 'Sites' }).getByRole('link', { name: /^Warsaw/ }).click();
    await page.getByRole('link', { name: 'till', exact: true }).waitFor();
    assert.match(page.url(), /q=site/);
  } finally {
    await browser.close();
  }
});

test('without a mouse: from signing in to a deployment, and to another page', async () => {
  const browser = await openBrowser(manager);
  try {
    const { page } = browser;
    await page.goto('/console/');
    await page.getByLabel('Name').waitFor();
    await tabTo(page, 'Name');
    await page.keyboard.type('admin');
    await tabTo(page, 'Password');
    await page.keyboard.type(manager.password);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Home' }).waitFor();
    await page.keyboard.press('g');
    await page.keyboard.press('d');
    await page.getByRole('table', { name: 'Deployments' }).waitFor();
    await page.getByRole('link', { name: 'shop-eu', exact: true }).waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type('shop-us');
    await page.getByRole('link', { name: 'shop-eu', exact: true }).waitFor({ state: 'detached' });
    await page.getByRole('link', { name: 'shop-us', exact: true }).waitFor();
    await page.keyboard.press('Escape');
    await page.keyboard.press('j');
    await page.locator('[data-at]').getByRole('link', { name: 'shop-us', exact: true }).waitFor();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'shop-us' }).waitFor();
    await page.keyboard.press('Control+k');
    await page.getByPlaceholder('Go to a page').fill('Secr');
    await page.keyboard.press('Enter');
    await page.getByText('database_password').waitFor();
    // The keys count again once the palette is gone, whichever way it went.
    const palette = page.getByPlaceholder('Go to a page');
    const sheet = page.getByRole('dialog', { name: 'Keys' });
    for (const leave of [null, 'Escape']) {
      if (leave) {
        await page.keyboard.press('Control+k');
        await palette.waitFor();
        await page.keyboard.press(leave);
      }
      await palette.waitFor({ state: 'detached' });
      await page.keyboard.press('?');
      await sheet.waitFor();
      await page.keyboard.press('Escape');
      await sheet.waitFor({ state: 'detached' });
    }
    await page.keyboard.press('g');
    await page.keyboard.press('d');
    await page.getByRole('table', { name: 'Deployments' }).waitFor();
    const chosen = (name) => page.locator('[data-at]').getByRole('link', { name, exact: true }).waitFor();
    await page.getByRole('link', { name: 'shop-eu', exact: true }).waitFor();
    const names = await page.locator('[role=row][aria-rowindex]').evaluateAll((rows) => rows.map((row) => row.querySelector('a').textContent));
    for (const [key, at] of [['j', 0], ['j', 1], ['k', 0]]) {
      await page.keyboard.press(key);
      await chosen(names[at]);
    }
  } finally {
    await browser.close();
  }
});

/** Tab by tab to what is called so. */
async function tabTo(page, name) {
  for (let tries = 0; tries < 80; tries += 1) {
    const at = await page.evaluate(() => {
      const one = document.activeElement;
      return one?.getAttribute('aria-label') ?? (one?.id && document.querySelector(`label[for="${one.id}"]`)?.textContent) ?? one?.textContent ?? '';
    });
    if (at.replace(' *', '') === name) return;
    await page.keyboard.press('Tab');
  }
  assert.fail(`no tab leads to ${name}`);
}
