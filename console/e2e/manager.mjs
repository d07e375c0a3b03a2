// A manager of its own for the journeys: the real binary, on free ports, in a folder that goes with it.
import { execFileSync, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const ROOT = new URL('../../', import.meta.url).pathname;
const BINARY = process.env.NEPHELE_BINARY ?? join(ROOT, 'target/debug/nephele');
const PASSWORD = 'a password for tests';

export async function startManager() {
  const home = mkdtempSync(join(tmpdir(), 'nephele-console-'));
  // A file: what this program would give as a pipe is a socket, which cannot be opened a second time.
  const file = join(home, 'ready');
  const told = openSync(file, 'w');
  const child = spawn(BINARY, ['up', '--data-dir', join(home, 'data'), '--listen', '127.0.0.1:0', '--listen-tls', '127.0.0.1:0', '--ready-fd', '3'], {
    stdio: ['ignore', 'ignore', 'ignore', told],
    env: { ...process.env, NEPHELE_ADMIN_PASSWORD: PASSWORD },
  });
  closeSync(told);
  const ready = await new Promise((resolve, reject) => {
    const look = setInterval(() => {
      const line = readFileSync(file, 'utf8');
      if (!line.endsWith('\n')) return;
      clearInterval(look);
      resolve(line);
    }, 20);
    child.once('exit', (code) => {
      clearInterval(look);
      reject(new Error(`the manager ended with ${code}`));
    });
  });
  const url = /http=(\S+)/.exec(ready)[1];
  const authorization = `Basic ${Buffer.from(`admin:${PASSWORD}`).toString('base64')}`;

  /** A command of the binary, against this manager. */
  function nephele(...args) {
    const env = { ...process.env, NEPHELE_MANAGER: url, NEPHELE_USER: 'admin', NEPHELE_PASSWORD: PASSWORD };
    return execFileSync(BINARY, args, { env, encoding: 'utf8', cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
  }

  /** A request of the REST service. */
  async function rest(method, path, body, tenant = 'default_tenant') {
    const response = await fetch(`${url}/api/v3.1${path}`, {
      method,
      headers: { authorization, tenant, 'content-type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return response.status === 204 ? null : response.json();
  }

  /** Waits until a run has ended. */
  async function ended(id) {
    for (;;) {
      const run = await rest('GET', `/executions/${id}`);
      if (['terminated', 'failed', 'cancelled'].includes(run.status)) return run;
      await new Promise((resume) => setTimeout(resume, 100));
    }
  }

  async function stop() {
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    await gone;
    rmSync(home, { recursive: true, force: true });
  }

  const headers = { authorization, tenant: 'default_tenant' };
  return { url, home, password: PASSWORD, headers, nephele, rest, ended, stop };
}
