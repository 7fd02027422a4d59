/**
 * Makes package-lock.json anew. npm leaves out an optional package whose `engines` refuse the Node.js that npm itself runs
 * on; that may be Debian's 18, while everything here runs on the Node.js that the package brings. So the lock file keeps
 * no `engines` of packages for one platform.
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';

const LOCK = 'package-lock.json';

fs.rmSync(LOCK, { force: true });
// An existing node_modules would make npm forget the packages of other platforms.
fs.rmSync('node_modules/.package-lock.json', { force: true });
const { status } = spawnSync('npm', ['install', '--package-lock-only', '--ignore-scripts'], { stdio: 'inherit' });
if (status !== 0) process.exit(status ?? 1);
const lock = JSON.parse(fs.readFileSync(LOCK, 'utf8')) as {
  packages: Record<string, { os?: unknown; engines?: unknown }>;
};
for (const one of Object.values(lock.packages)) if (one.os !== undefined) delete one.engines;
fs.writeFileSync(LOCK, `${JSON.stringify(lock, undefined, 2)}\n`);
