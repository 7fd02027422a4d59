import fs from 'node:fs';
import path from 'node:path';
import { HOST, Peer } from './serve-peers.ts';

/** NSD in the foreground, with files of its own in `directory` and no control channel. `zone` is the lines of its zone block. */
export function startNsd(directory: string, port: number, zone: readonly string[]): Peer {
  const file = path.join(directory, 'nsd.conf');
  fs.writeFileSync(
    file,
    `server:
  ip-address: ${HOST}@${port}
  username: ""
  chroot: ""
  database: ""
  zonesdir: "${directory}"
  xfrdir: "${directory}"
  pidfile: "${directory}/nsd.pid"
  xfrdfile: "${directory}/xfrd.state"
  zonelistfile: "${directory}/zone.list"
  cookie-secret-file: ""
remote-control:
  control-enable: no
zone:
${zone.map((line) => `  ${line}\n`).join('')}`,
  );
  return new Peer('nsd', ['-d', '-c', file], directory);
}

/**
 * Unbound in the foreground, which may ask servers on this host. `server` is more lines of its server block, its `module-config` among
 * them; `blocks` are whole blocks (stub-zone, forward-zone).
 */
export function startUnbound(directory: string, port: number, server: readonly string[], blocks: string): Peer {
  const file = path.join(directory, 'unbound.conf');
  fs.writeFileSync(
    file,
    `server:
  interface: ${HOST}
  port: ${port}
  do-daemonize: no
  use-syslog: no
  logfile: ""
  chroot: ""
  username: ""
  pidfile: ""
  directory: "${directory}"
  do-not-query-localhost: no
${server.map((line) => `  ${line}\n`).join('')}${blocks}remote-control:
  control-enable: no
`,
  );
  return new Peer('/usr/sbin/unbound', ['-d', '-c', file], directory);
}
