// Debian's Chromium, and what journeys do with a page.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { chromium } from 'playwright-core';

import { ROOT } from './manager.mjs';

const FLAGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update',
  '--disable-sync',
];
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** A browser with nothing in it. What pages complain about is kept in `complaints`. */
export async function openBrowser({ url, colorScheme = 'light' }) {
  const profile = mkdtempSync(join(tmpdir(), 'nephele-browser-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', headless: true, args: FLAGS, baseURL: url,
    viewport: { width: 1440, height: 900 }, colorScheme,
  });
  context.setDefaultTimeout(15_000);
  const complaints = [];
  const watch = (page) => {
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('console', (message) => {
      const text = message.text();
      // A refused request is what some journeys are about; a policy that is broken never is.
      if (message.type() === 'error' && !text.startsWith('Failed to load resource')) complaints.push(text);
    });
  };
  context.pages().forEach(watch);
  context.on('page', watch);
  const close = async () => {
    await context.close();
    rmSync(profile, { recursive: true, force: true });
  };
  return { context, page: context.pages()[0], complaints, close };
}

export async function signIn(page, name, password, path = '/console/') {
  await page.goto(path);
  await page.getByLabel('Name').fill(name);
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('navigation', { name: 'Pages' }).waitFor();
}

/** No serious finding of axe on the page as it is. */
export async function accessible(page, name) {
  const session = await page.context().newCDPSession(page);
  // Not a script element: the page's policy allows none.
  await session.send('Runtime.evaluate', { expression: `${AXE};0` });
  const { result } = await session.send('Runtime.evaluate', {
    expression: `axe.run(document, { resultTypes: ['violations'] }).then((found) => JSON.stringify(found.violations
      .filter((one) => ['serious', 'critical'].includes(one.impact))
      .map((one) => ({ id: one.id, nodes: one.nodes.slice(0, 4).map((node) => node.target.join(' ') + ' ' + (node.any[0]?.message ?? '')) }))))`,
    awaitPromise: true, returnByValue: true,
  });
  await session.detach();
  assert.deepEqual(JSON.parse(result.value), [], `${name} is not accessible`);
}

/** A small picture of the page for the documents, if they are to be made anew. */
export async function picture(page, name) {
  if (process.env.UPDATE_DOCS !== '1') return;
  const folder = join(ROOT, 'docs/images');
  mkdirSync(folder, { recursive: true });
  await page.waitForTimeout(500);
  await page.screenshot({ path: join(folder, `${name}.png`) });
}
