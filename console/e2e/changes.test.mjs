// What a person makes and changes: blueprints, deployments, updates, secrets, plugins, preferences.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { tarGz, zip } from './archives.mjs';
import { openBrowser, signIn } from './browser.mjs';
import { startManager } from './manager.mjs';

let manager;
let browser;
let page;

before(async () => {
  manager = await startManager();
  browser = await openBrowser(manager);
  page = browser.page;
  await signIn(page, 'admin', manager.password);
});

after(async () => {
  await browser?.close();
  await manager?.stop();
});

test('a blueprint with a mistake is refused with its place, and a right one is deployed from its form', async () => {
  await page.goto('/console/blueprints');
  await page.getByRole('button', { name: 'Upload' }).first().click();
  const dialog = page.getByRole('dialog');
  const choose = async (name, content) => {
    const chooser = page.waitForEvent('filechooser');
    await dialog.getByRole('button', { name: 'Archive or YAML file' }).click();
    await (await chooser).setFiles({ name, mimeType: 'text/yaml', buffer: Buffer.from(content) });
  };
  await choose('rooms.yaml', 'tosca_definitions_version: cloudify_dsl_1_4\nimports: [cloudify/types/types.yaml]\nnode_templates:\n  room:\n    type: cloudify.nodes.Rot\n');
  await dialog.getByRole('button', { name: 'Upload' }).click();
  await dialog.getByRole('alert').getByText('cloudify.nodes.Rot').waitFor();
  await manager.rest('DELETE', '/blueprints/rooms').catch(() => undefined);
  await choose('rooms.yaml', `tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
inputs:
  count: {type: integer, constraints: [{in_range: [1, 9]}]}
  color: {type: string, default: red, constraints: [{valid_values: [red, green]}]}
node_templates:
  room:
    type: cloudify.nodes.Root
    properties: {}
outputs:
  painted: {value: {get_input: color}}
`);
  await dialog.getByRole('button', { name: 'Upload' }).click();
  await page.getByRole('heading', { name: 'rooms' }).waitFor();
  await page.getByRole('button', { name: 'Deploy' }).click();
  await page.getByLabel('Name of the deployment').fill('flat');
  await page.getByLabel('count').fill('12');
  await page.getByText('Must be from 1 to 9').waitFor();
  await page.getByLabel('count').fill('3');
  await page.getByText('nephele deployments create flat -b rooms -i count=3').waitFor();
  await page.getByRole('button', { name: 'Deploy and install' }).click();
  await page.getByText('Completed', { exact: true }).first().waitFor();
  assert.deepEqual((await manager.rest('GET', '/deployments/flat')).inputs, { count: 3, color: 'red' });
});

test('an update says first what it would do', async () => {
  await page.goto('/console/deployments/flat');
  await page.locator('[data-run-menu]').click();
  await page.getByRole('menuitem', { name: 'Update…' }).click();
  await page.getByLabel('count').fill('4');
  await page.getByText('1 change', { exact: true }).waitFor();
  await page.getByRole('button', { name: 'Preview' }).click();
  await page.getByRole('list', { name: 'Changes' }).getByText('input count').waitFor();
  await page.getByRole('button', { name: 'Update' }).click();
  await page.getByText('Completed', { exact: true }).first().waitFor();
  assert.equal((await manager.rest('GET', '/deployments/flat')).inputs.count, 4);
});

test('a secret is made, shown when asked for, and deleted by its name', async () => {
  await page.goto('/console/secrets');
  await page.getByRole('button', { name: 'New secret' }).first().click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Key').fill('token');
  await dialog.getByLabel(/^Value/).fill('s3cr3t');
  await dialog.getByRole('button', { name: 'Create' }).click();
  await page.getByRole('cell', { name: 'token', exact: true }).waitFor();
  assert.equal(await page.getByText('s3cr3t').count(), 0);
  await page.getByRole('button', { name: 'Show token' }).click();
  await page.getByText('s3cr3t').waitFor();
  await page.getByRole('button', { name: 'Delete token' }).click();
  await page.getByLabel('Type token to go on').fill('token');
  await page.getByRole('button', { name: 'Delete', exact: true }).click();
  await page.getByText('No secrets yet').waitFor();
});

test('the stream is cut, says so, and goes on with what was missed', async () => {
  await page.goto('/console/runs');
  await page.getByRole('status').filter({ hasText: 'Live' }).waitFor();
  await page.route('**/events/stream', (route) => route.abort());
  await page.goto('/console/runs');
  await page.getByRole('status').filter({ hasText: 'Reconnecting' }).waitFor();
  const made = await manager.rest('POST', '/executions', { deployment_id: 'flat', workflow_id: 'check_status' });
  await manager.ended(made.id);
  await page.unroute('**/events/stream');
  await page.getByRole('status').filter({ hasText: 'Live' }).waitFor();
  await page.getByRole('table', { name: 'Runs' }).getByRole('link', { name: 'check_status' }).waitFor();
});

test('a plugin is uploaded, says what uses it, and goes when nothing does', async () => {
  const about = {
    archive_name: 'shapes-1.0-py311-none-any.wgn', package_name: 'shapes', package_version: '1.0', package_source: 'shapes==1.0',
    wheels: ['shapes-1.0-py3-none-any.whl'], supported_platform: 'any', supported_python_versions: ['py311'], excluded_wheels: [],
    build_server_os_properties: { distribution: null, distribution_version: null, distribution_release: null },
  };
  const wagon = tarGz({ 'shapes/package.json': JSON.stringify(about), 'shapes/wheels/shapes-1.0-py3-none-any.whl': 'wheel' });
  const yaml = "plugins:\n  shapes: {executor: central_deployment_agent, package_name: shapes, package_version: '1.0'}\nnode_types:\n  shapes.Circle: {derived_from: cloudify.nodes.Root, interfaces: {cloudify.interfaces.lifecycle: {create: {implementation: shapes.draw.it}}}}\n";
  await page.goto('/console/plugins');
  await page.getByRole('button', { name: 'Upload' }).first().click();
  const dialog = page.getByRole('dialog');
  const chooser = page.waitForEvent('filechooser');
  await dialog.getByRole('button', { name: 'Zip with a wagon' }).click();
  await (await chooser).setFiles({ name: 'shapes.zip', mimeType: 'application/zip', buffer: zip({ 'shapes.wgn': wagon, 'plugin.yaml': yaml }) });
  await dialog.getByRole('button', { name: 'Upload' }).click();
  const row = page.getByRole('table', { name: 'Plugins' }).getByRole('row').filter({ hasText: 'shapes' });
  await row.waitFor();
  const folder = mkdtempSync(join(tmpdir(), 'nephele-round-'));
  writeFileSync(join(folder, 'blueprint.yaml'), "tosca_definitions_version: cloudify_dsl_1_4\nimports: [cloudify/types/types.yaml, 'plugin:shapes']\nnode_templates: {dot: {type: shapes.Circle}}\n");
  manager.nephele('blueprints', 'upload', '-b', 'round', join(folder, 'blueprint.yaml'));
  rmSync(folder, { recursive: true });
  await row.click();
  await page.locator('[data-used-by]').getByRole('link', { name: 'round' }).waitFor();
  await page.getByRole('button', { name: 'Delete', exact: true }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('dialog').getByText('is currently in use in blueprints: round').waitFor();
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
  await manager.rest('DELETE', '/blueprints/round');
  await page.getByRole('button', { name: 'Delete', exact: true }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await page.getByText('No plugins uploaded').waitFor();
});

test('two blueprints are compared by what they mean and line by line', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'nephele-rooms-'));
  const text = (await (await fetch(`${manager.url}/api/v3.1/blueprints/rooms/files/rooms.yaml`, { headers: { ...manager.headers } })).text()).replace('[1, 9]', '[1, 12]');
  writeFileSync(join(folder, 'rooms.yaml'), text.replace('outputs:', '  hall: {type: cloudify.nodes.Root}\noutputs:'));
  manager.nephele('blueprints', 'upload', '-b', 'rooms-2', join(folder, 'rooms.yaml'));
  rmSync(folder, { recursive: true });
  await page.goto('/console/blueprints/rooms-2?tab=compare');
  await page.getByLabel('Compare with', { exact: true }).first().click();
  await page.getByRole('option', { name: 'rooms', exact: true }).click();
  const list = page.getByRole('list', { name: 'Differences' });
  await list.getByText('hall').waitFor();
  await list.getByText('count').waitFor();
  assert.equal(await list.getByRole('listitem').count(), 2);
  await page.locator('label:has-text("Files")').click();
  await page.getByText('+ ').filter({ hasText: '[1, 12]' }).waitFor();
  assert.match(page.url(), /other=rooms&how=files/);
});

test('what a person prefers is kept by the manager, and a token is made and deleted', async () => {
  await page.goto('/console/profile');
  await page.locator('label:has-text("Dark")').click();
  await page.getByText('saved').waitFor();
  await page.getByLabel('First page after signing in', { exact: true }).first().click();
  await page.getByRole('option', { name: 'Runs' }).click();
  const kept = async () => (await manager.rest('GET', '/user/preferences')).preferences;
  for (let tries = 0; (await kept()).landing !== '/runs' && tries < 100; tries += 1) await new Promise((resume) => setTimeout(resume, 50));
  assert.equal((await kept()).theme, 'dark');
  const other = await openBrowser(manager);
  try {
    await signIn(other.page, 'admin', manager.password);
    await other.page.getByRole('heading', { name: 'Runs' }).waitFor();
    await other.page.locator('html[data-mantine-color-scheme=dark]').waitFor();
  } finally {
    await other.close();
  }
  await page.getByRole('button', { name: 'New token' }).click();
  await page.getByLabel('What it is for').fill('pipeline');
  await page.getByRole('dialog').getByRole('button', { name: 'Create' }).click();
  const value = (await page.getByText(/^ctok-/).textContent()).trim();
  const asked = await fetch(`${manager.url}/api/v3.1/user`, { headers: { 'authentication-token': value, tenant: 'default_tenant' } });
  assert.equal(asked.status, 200);
  await page.getByRole('button', { name: 'Delete pipeline' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('button', { name: 'Delete pipeline' }).waitFor({ state: 'detached' });
  assert.equal((await fetch(`${manager.url}/api/v3.1/user`, { headers: { 'authentication-token': value, tenant: 'default_tenant' } })).status, 401);
  await manager.rest('PUT', '/user/preferences', { preferences: {} });
});

test('one workflow runs on several deployments', async () => {
  manager.nephele('deployments', 'create', 'flat-2', '-b', 'rooms', '-i', 'count=2');
  await page.goto('/console/deployments');
  await page.getByLabel('Choose flat-2').click();
  await page.getByLabel('Choose flat', { exact: true }).click();
  const bar = page.getByRole('region', { name: 'Chosen deployments' });
  await bar.getByText('2 deployments chosen').waitFor();
  await bar.getByRole('button', { name: 'Run a workflow' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Workflow').click();
  await page.getByRole('option', { name: 'check_status (1)' }).click();
  await dialog.getByText('1 of the chosen cannot run it now').waitFor();
  await dialog.getByRole('button', { name: 'Run on 1' }).click();
  await dialog.getByRole('link', { name: 'started' }).click();
  await page.getByText('Completed', { exact: true }).first().waitFor();
});

test('several deployments get labels, and are deleted by their number', async () => {
  await page.goto('/console/deployments?q=blueprint%3Arooms');
  await page.getByLabel('Choose flat-2').click();
  await page.getByLabel('Choose flat', { exact: true }).click();
  const bar = page.getByRole('region', { name: 'Chosen deployments' });
  await bar.getByRole('button', { name: 'Labels' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Labels to add', { exact: true }).first().fill('env=test');
  await page.keyboard.press('Enter');
  await dialog.getByRole('button', { name: 'Add labels' }).click();
  await dialog.getByRole('list', { name: 'Outcomes' }).getByText('done').nth(1).waitFor();
  await dialog.getByRole('button', { name: 'Close', exact: true }).last().click();
  for (const name of ['flat', 'flat-2']) assert.deepEqual((await manager.rest('GET', `/deployments/${name}`)).labels.map(({ key, value }) => [key, value]), [['env', 'test']]);
  await bar.getByRole('button', { name: 'Delete' }).click();
  await dialog.getByLabel('Type 2 to go on').fill('2');
  await dialog.getByRole('button', { name: 'Delete', exact: true }).click();
  // One is still installed, and stays.
  const outcomes = dialog.getByRole('list', { name: 'Outcomes' });
  await outcomes.getByRole('listitem').nth(1).waitFor();
  await outcomes.getByRole('listitem').filter({ hasText: 'flat-2' }).getByText('done').waitFor();
  assert.equal(await outcomes.getByRole('listitem').filter({ hasText: 'done' }).count(), 1);
});
