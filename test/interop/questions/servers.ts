import fs from 'node:fs';
import path from 'node:path';
import { NamedProcess, writeConfiguration } from '../named-process.ts';
import { freePort, HOST, output, Peer, signZone } from '../serve-peers.ts';
import type { QuestionZone } from './zones.ts';

/* We, BIND, NSD and Knot with the same zone files. */

export const SERVERS = ['ours', 'bind', 'nsd', 'knot'] as const;
export type Server = (typeof SERVERS)[number];
export const PEERS = ['bind', 'nsd', 'knot'] as const;
export type PeerName = (typeof PEERS)[number];

/** A zone as all four serve it. */
export interface ZoneFile {
  readonly apex: string;
  readonly file: string;
  /** The master file's text, as dnssec-signzone wrote it. */
  readonly text: string;
}

/** Writes the zones' files, signed where they shall be. */
export async function writeZones(directory: string, zones: ReadonlyMap<string, QuestionZone>): Promise<ZoneFile[]> {
  const files: ZoneFile[] = [];
  for (const [apex, { text, signing }] of zones) {
    if (signing === undefined) {
      const file = path.join(directory, `db.${apex}`);
      fs.writeFileSync(file, text, 'latin1');
      // The names in it are relative to the zone, which named-checkzone writes out.
      const whole = await output('named-compilezone', ['-q', '-k', 'ignore', '-i', 'none', '-s', 'full', '-o', `${file}.whole`, apex, file]); // prettier-ignore
      if (whole !== '') throw new Error(whole);
      files.push({ apex, file, text: fs.readFileSync(`${file}.whole`, 'latin1') });
    } else files.push({ apex, ...(await signZone(directory, apex, text, signing)) });
  }
  return files;
}

/** The running servers, until they are disposed of. */
export class FourServers implements AsyncDisposable {
  readonly ports: Readonly<Record<Server, number>>;
  readonly #running: readonly AsyncDisposable[];

  private constructor(ports: Record<Server, number>, running: readonly AsyncDisposable[]) {
    this.ports = ports;
    this.#running = running;
  }

  static async start(directory: string, zones: readonly ZoneFile[]): Promise<FourServers> {
    await using started = new AsyncDisposableStack();
    const ports = {} as Record<Server, number>;
    for (const server of SERVERS) {
      const home = path.join(directory, server);
      fs.mkdirSync(home);
      ports[server] = await freePort();
      const running = await START[server](home, ports[server], zones);
      started.use(running);
    }
    return new FourServers(ports, [started.move()]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const running of this.#running) await running[Symbol.asyncDispose]();
  }
}

type Start = (home: string, port: number, zones: readonly ZoneFile[]) => Promise<AsyncDisposable>;

const START: Readonly<Record<Server, Start>> = {
  ours: (home, port, zones) => startNamed('ours', home, port, zones),
  bind: (home, port, zones) => startNamed('debian', home, port, zones),
  nsd: startNsd,
  knot: startKnot,
};

/** What both nameds are told: no more than it takes that neither adds what the other two cannot. */
const NAMED_OPTIONS = 'minimal-any no; server-id "four"; version "four"; hostname none;';

async function startNamed(
  who: 'ours' | 'debian',
  home: string,
  port: number,
  zones: readonly ZoneFile[],
): Promise<AsyncDisposable> {
  const ports = { dns: port, control: await freePort() };
  const statements = zones.map(({ apex, file }) => `zone "${apex}" { type primary; file "${file}"; };\n`);
  const more = who === 'debian' ? 'dnssec-validation no; answer-cookie no;' : '';
  writeConfiguration(home, ports, statements.join(''), { options: `${NAMED_OPTIONS} ${more}` });
  return NamedProcess.start(home, ports, who, ['-n', '1']);
}

async function startNsd(home: string, port: number, zones: readonly ZoneFile[]): Promise<AsyncDisposable> {
  const at = (file: string): string => path.join(home, file);
  const list = zones.map(({ apex, file }) => `zone:\n  name: ${apex}\n  zonefile: "${file}"\n`);
  fs.writeFileSync(
    at('nsd.conf'),
    `server:
  ip-address: ${HOST}@${port}
  server-count: 1
  username: ""
  chroot: ""
  zonesdir: "${home}"
  pidfile: "${at('nsd.pid')}"
  xfrdfile: "${at('xfrd.state')}"
  zonelistfile: "${at('zone.list')}"
  cookie-secret-file: ""
  xfrdir: "${home}"
  database: ""
  rrl-ratelimit: 0
  rrl-whitelist-ratelimit: 0
  minimal-responses: no
  nsid: "ascii_four"
  version: "four"
remote-control:
  control-enable: no
${list.join('')}`,
  );
  return ready(new Peer('nsd', ['-d', '-c', at('nsd.conf')], home), port, zones);
}

async function startKnot(home: string, port: number, zones: readonly ZoneFile[]): Promise<AsyncDisposable> {
  const list = zones.map(({ apex, file }) => `  - domain: ${apex}\n    file: "${file}"\n`);
  const file = path.join(home, 'knot.conf');
  fs.writeFileSync(
    file,
    `server:
  rundir: "${home}"
  listen: ${HOST}@${port}
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
  nsid: "four"
  version: "four"
database:
  storage: "${home}"
template:
  - id: default
    semantic-checks: off
    zonefile-sync: -1
    journal-content: none
zone:
${list.join('')}`,
  );
  return ready(new Peer('knotd', ['-c', file], home), port, zones);
}

/** Waits until the server answers for all zones. */
async function ready(peer: Peer, port: number, zones: readonly ZoneFile[]): Promise<Peer> {
  const waiting = new Set(zones.map(({ apex }) => apex));
  try {
    await peer.until(async () => {
      for (const apex of waiting) {
        const args = [`@${HOST}`, '-p', String(port), '+tries=1', '+time=1', '+norec', apex, 'SOA'];
        const text = await output('dig', args).catch(() => ''); // not listening yet: dig fails
        if (!/status: NOERROR.*[^]*ANSWER: 1/.test(text)) return false;
        waiting.delete(apex);
      }
      return true;
    });
  } catch (error) {
    await peer[Symbol.asyncDispose]();
    throw error;
  }
  return peer;
}
