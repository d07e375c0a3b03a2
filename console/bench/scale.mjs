// How soon large pages show something, and how long their frames take while somebody works with them:
// `node bench/scale.mjs URL PASSWORD PAGES`, where PAGES is JSON: [{name, path, shown, act}]. Prints JSON, a line a page.
import { openBrowser, signIn } from '../e2e/browser.mjs';

const [url, password, pages] = process.argv.slice(2);
const browser = await openBrowser({ url });
const { page } = browser;

/** What a person does on each kind of page; every step lasts longer than a frame may take. */
const ACTS = {
  async scroll() {
    await over('[role=table], [role=log], [role=list]');
    for (let step = 0; step < 40; step += 1) {
      await page.mouse.wheel(0, step < 30 ? 900 : -900);
      await page.waitForTimeout(40);
    }
  },
  async back() {
    await over('[role=log]');
    for (let step = 0; step < 40; step += 1) {
      await page.mouse.wheel(0, -900);
      await page.waitForTimeout(40);
    }
  },
  async move() {
    const at = await over('[role=group][aria-label]');
    for (let step = 0; step < 20; step += 1) {
      await page.mouse.wheel(0, step < 10 ? -80 : 80);
      await page.waitForTimeout(40);
    }
    await page.mouse.move(at.x + 20, at.y + at.height - 30);
    await page.mouse.down();
    for (let step = 0; step < 20; step += 1) {
      await page.mouse.move(at.x + 20 + step * 12, at.y + at.height - 30 - step * 8);
      await page.waitForTimeout(40);
    }
    await page.mouse.up();
  },
};

/** Puts the pointer on the first visible element of this kind. */
async function over(selector) {
  const at = await page.locator(`main >> ${selector} >> visible=true`).first().boundingBox();
  await page.mouse.move(at.x + at.width / 2, at.y + at.height / 2);
  return at;
}

/** The times between frames while `act` goes on, in seconds. */
async function frames(act) {
  await page.evaluate(() => {
    window.frames_ = [];
    let last = performance.now();
    const next = (now) => {
      window.frames_.push(now - last);
      last = now;
      window.frame_ = requestAnimationFrame(next);
    };
    window.frame_ = requestAnimationFrame(next);
  });
  await act();
  const times = await page.evaluate(() => {
    cancelAnimationFrame(window.frame_);
    return window.frames_;
  });
  return times.map((time) => time / 1000).sort((left, right) => left - right);
}

try {
  await signIn(page, 'admin', password);
  for (const { name, path, shown, act } of JSON.parse(pages)) {
    await page.goto('about:blank');
    const begin = performance.now();
    await page.goto(`/console${path}`, { waitUntil: 'commit' });
    await page.locator(`${shown} >> visible=true`).first().waitFor();
    const first = (performance.now() - begin) / 1000;
    // What is read in the background is read before the work begins.
    await page.waitForLoadState('networkidle').catch(() => undefined);
    const times = await frames(ACTS[act]);
    const drawn = await page.evaluate(() => document.querySelectorAll('main *').length);
    console.log(JSON.stringify({ name, first, p95: times[Math.floor(times.length * 0.95)], longest: times[times.length - 1], frames: times.length, drawn }));
  }
  if (browser.complaints.length > 0) throw new Error(browser.complaints.join('\n'));
} finally {
  await browser.close();
}
