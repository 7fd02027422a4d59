import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { SystemClock } from '../../../src/base/clock.ts';
import { silentLog } from '../../../src/base/log.ts';
import { SeededRandom } from '../../../src/base/random.ts';
import { DEFAULT_SETTINGS } from '../../../src/hsm/appliance/settings-table.ts';
import type { Settings } from '../../../src/hsm/appliance/settings.ts';
import type { LoginAttempt } from '../../../src/hsm/appliance/parts.ts';
import { ApplianceCertificate } from '../../../src/hsm/certificate/appliance-certificate.ts';
import { HsmClient, type HsmClientOptions } from '../../../src/hsm/client/hsm-client.ts';
import { HalStatus } from '../../../src/hsm/hal-status.ts';
import { SlipDecoder, frameOf } from '../../../src/hsm/protocol/slip.ts';
import { RpcListener, type RpcListenerOptions } from '../../../src/hsm/rpc/rpc-listener.ts';
import type { RpcServices } from '../../../src/hsm/rpc/rpc-services.ts';
import { MemoryDisk } from '../../base/memory-disk.ts';
import { type MemoryAudit, type PoolFixture, startPool } from '../pool/pool-fixture.ts';

export const HOST = '127.0.0.1';
export const SERIAL = '1000-0002';

/** The RPC port over fake devices, and what a test turns there. */
export interface RpcFixture extends AsyncDisposable {
  readonly listener: RpcListener;
  readonly port: number;
  readonly pool: PoolFixture;
  readonly audit: MemoryAudit;
  readonly gate: { status: HalStatus };
  readonly settings: { -readonly [Name in keyof Settings]: Settings[Name] };
  readonly attempts: LoginAttempt[];
  readonly services: RpcServices;
  /** Addresses that the firewall turns away. */
  readonly blocked: Set<string>;
  /** Our client; identity checks are tested elsewhere. */
  connect(changes?: Partial<HsmClientOptions>): Promise<HsmClient>;
  /** The vendor's way. */
  raw(options?: ConnectionOptions): Promise<RawClient>;
}

export const EXPECTED = { servername: 'dks-hsm', serial: SERIAL };

export const material = await new ApplianceCertificate(
  { stateDirectory: '/', ...EXPECTED },
  { clock: new SystemClock(), disk: new MemoryDisk(), random: new SeededRandom(4), log: silentLog },
).current();

export async function startRpc(
  changes: Partial<Omit<RpcListenerOptions, 'tls'>> & { readonly tls?: Partial<RpcListenerOptions['tls']> } = {},
): Promise<RpcFixture> {
  const pool = await startPool();
  const gate: { status: HalStatus } = { status: HalStatus.OK };
  const settings = { ...DEFAULT_SETTINGS };
  const attempts: LoginAttempt[] = [];
  const blocked = new Set<string>();
  const services: RpcServices = {
    pool: pool.pool,
    gate,
    guard: {
      attempt(who, login) {
        attempts.push(who);
        return login();
      },
    },
    firewall: { accepts: (_port, address) => !blocked.has(address) },
    audit: pool.audit,
    identity: { serial: SERIAL, version: '2026-11-21-01 - 0.1.0.0', servername: 'dks-hsm' },
    clock: new SystemClock(),
    random: new SeededRandom(99),
    log: pool.log,
    settings: () => settings,
    deviceTexts: () => ['Active - Ready', 'Active - Ready'],
    address: () => '127.0.0.1',
  };
  const { tls, ...rest } = changes;
  const listener = await RpcListener.listen(
    { address: HOST, port: 0, ...rest, tls: { ...material, minVersion: 'TLSv1.2', ...tls } },
    services,
  );
  const { port } = listener.local;
  return {
    listener,
    port,
    pool,
    audit: pool.audit,
    gate,
    settings,
    attempts,
    services,
    blocked,
    connect: (more) =>
      HsmClient.connect(
        {
          host: HOST,
          port,
          expected: { ...EXPECTED, fingerprint: material.fingerprint },
          ...more,
        },
        { clock: new SystemClock() },
      ),
    raw: (options) => RawClient.connect(port, options),
    async [Symbol.asyncDispose]() {
      await listener[Symbol.asyncDispose]();
      await pool[Symbol.asyncDispose]();
    },
  };
}

/** Writes as the vendor's library does: each octet a TLS record of its own, TLS 1.2, and one request after the other. */
export class RawClient implements Disposable {
  readonly socket: TLSSocket;
  readonly #decoder = new SlipDecoder(() => 1 << 24);
  readonly #replies: Buffer[] = [];
  /** Everything that came. */
  received = Buffer.alloc(0);
  isEnded = false;
  #wake: () => void = () => undefined;

  private constructor(socket: TLSSocket) {
    this.socket = socket;
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      this.received = Buffer.concat([this.received, chunk]);
      for (let at = this.#decoder.read(chunk, 0); at >= 0; at = this.#decoder.read(chunk, at))
        this.#replies.push(Buffer.from(this.#decoder.frame));
      this.#wake();
    });
    for (const event of ['end', 'close'])
      socket.on(event, () => {
        this.isEnded = true;
        this.#wake();
      });
  }

  static async connect(port: number, options: ConnectionOptions = {}): Promise<RawClient> {
    const socket = connectTls({
      host: HOST,
      port,
      rejectUnauthorized: false,
      maxVersion: 'TLSv1.2',
      servername: 'dks-hsm',
      ...options,
    });
    const client = new RawClient(socket);
    await once(socket, 'secureConnect');
    socket.setNoDelay(true);
    return client;
  }

  /** A record for each octet. */
  drip(octets: Uint8Array): void {
    for (let i = 0; i < octets.length; i++) this.socket.write(octets.subarray(i, i + 1));
  }

  /** The next reply; undefined: the connection ended before it. */
  async reply(): Promise<Buffer | undefined> {
    while (this.#replies.length === 0) {
      if (this.isEnded) return undefined;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    return this.#replies.shift();
  }

  /** Words and octets in, as libhal would write them; the reply in hexadecimal. */
  async ask(...words: readonly (number | string | Uint8Array)[]): Promise<string> {
    this.drip(frameOf(message(...words)));
    return (await this.reply())?.toString('hex') ?? 'closed';
  }

  /** The status of the reply. */
  async status(...words: readonly (number | string | Uint8Array)[]): Promise<number> {
    return Number.parseInt((await this.ask(...words)).slice(16, 24), 16);
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}

/** XDR: numbers are words, texts and octets are opaque. */
export function message(...words: readonly (number | string | Uint8Array)[]): Buffer {
  return Buffer.concat(
    words.map((word) => {
      if (typeof word === 'number') {
        const octets = Buffer.alloc(4);
        octets.writeUInt32BE(word >>> 0);
        return octets;
      }
      const octets = Buffer.from(word);
      return Buffer.concat([message(octets.length), octets, Buffer.alloc((4 - (octets.length % 4)) % 4)]);
    }),
  );
}

export async function openTcp(port: number): Promise<Socket> {
  const socket = connect({ port, host: HOST });
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}
