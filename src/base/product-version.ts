import fs from 'node:fs';

/** Put in place by the build; a checkout reads package.json. */
declare const SIGNET_VERSION: string | undefined;

/** "0.1.0", the version of the package that this code belongs to. */
export function productVersion(): string {
  if (typeof SIGNET_VERSION === 'string') return SIGNET_VERSION;
  const file = new URL('../../package.json', import.meta.url);
  return (JSON.parse(fs.readFileSync(file, 'utf8')) as { version: string }).version;
}
