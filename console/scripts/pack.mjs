// Packs what Vite built, with Brotli and with gzip, and holds it against its size limits. Old files go first.
import { readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const FIRST_LOAD = 300 * 1024;
const CHUNK = 150 * 1024;
const dist = new URL('../dist/', import.meta.url).pathname;
const index = readFileSync(join(dist, 'index.html'), 'utf8');
const assets = join(dist, 'assets');

// Vite leaves files of earlier builds; only those of this one are reachable from its manifest of imports.
const alive = new Set();
function follow(text) {
  for (const [, name] of text.matchAll(/([\w$.-]+-[\w-]{8}\.(?:js|css|svg|woff2))/g)) {
    if (alive.has(name)) continue;
    alive.add(name);
    if (/\.(js|css)$/.test(name)) follow(readFileSync(join(assets, name), 'utf8'));
  }
}
follow(index);
for (const name of readdirSync(assets)) {
  if (!alive.has(name)) rmSync(join(assets, name));
}

const initial = new Set([...index.matchAll(/assets\/([\w$.-]+\.(?:js|css))/g)].map((found) => found[1]));
let first = 0;
let tooLarge = false;
for (const name of alive) {
  const file = join(assets, name);
  const content = readFileSync(file);
  const gzip = gzipSync(content, { level: 9 });
  writeFileSync(`${file}.gz`, gzip);
  writeFileSync(`${file}.br`, brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }));
  if (initial.has(name)) first += gzip.length;
  else if (gzip.length > CHUNK) {
    console.error(`${name} has ${gzip.length} bytes packed; a part that is loaded later may have ${CHUNK}`);
    tooLarge = true;
  }
}
const whole = [...alive].reduce((sum, name) => sum + statSync(join(assets, name)).size, 0);
console.log(`first load ${Math.round(first / 1024)} KB packed, all files ${Math.round(whole / 1024)} KB plain`);
if (first > FIRST_LOAD) {
  console.error(`The first load has ${first} bytes packed; the limit is ${FIRST_LOAD}`);
  tooLarge = true;
}
process.exit(tooLarge ? 1 : 0);
