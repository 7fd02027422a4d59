import fs from 'node:fs';
import { chromium, type Browser } from 'playwright-core';

/** Debian's Chromium (scripts/setup.sh installs it). Without its sandbox, which root and containers have not: it shows our own pages only. */
export function openBrowser(): Promise<Browser> {
  const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find((file) => fs.existsSync(file));
  if (executablePath === undefined) throw new Error('there is no Chromium: sh scripts/setup.sh test');
  const args = ['--disable-dev-shm-usage', '--disable-gpu', '--no-sandbox'];
  return chromium.launch({ executablePath, args, timeout: 120_000 });
}
