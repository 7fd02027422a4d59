import { arch, release, type, version as systemVersion } from 'node:os';
import { productVersion as readVersion } from '../base/product-version.ts';

/** Read at once: later the root directory may be another. */
const VERSION = readVersion();

function productVersion(): string {
  return VERSION;
}

/** "Signet 0.1.0": what named -v prints, where BIND has its own name and version. */
export function productText(): string {
  return `Signet ${productVersion()}`;
}

/** "Linux x86_64 6.1.0 #1 SMP ..." as BIND prints it. */
export function systemText(): string {
  const machine = arch() === 'x64' ? 'x86_64' : arch() === 'arm64' ? 'aarch64' : arch();
  return `${type()} ${machine} ${release()} ${systemVersion()}`;
}

/** Text of named -V. */
export function buildText(): string {
  const { node, v8, openssl, uv } = process.versions;
  return [
    productText(),
    `running on ${systemText()}`,
    `linked to Node.js version: ${node}`,
    `linked to V8 version: ${v8}`,
    `linked to OpenSSL version: ${openssl}`,
    `linked to libuv version: ${uv}`,
    'default paths:',
    '  named configuration:  /etc/bind/named.conf',
    '  rndc configuration:   /etc/bind/rndc.conf',
    '  rndc key:             /etc/bind/rndc.key',
    '  named PID file:       /run/named/named.pid',
    '',
  ].join('\n');
}
