import assert from 'node:assert/strict';
import { connect, type TLSSocket } from 'node:tls';
import { setTimeout as delay } from 'node:timers/promises';
import { SystemClock } from '../../../src/base/clock.ts';
import { NodeDisk } from '../../../src/base/node-disk.ts';
import { SystemRandom } from '../../../src/base/random.ts';
import { SettingsFirewall } from '../../../src/hsm/appliance/firewall.ts';
import { ApplianceCertificate } from '../../../src/hsm/certificate/appliance-certificate.ts';
import { ConsoleListener } from '../../../src/hsm/console/console-listener.ts';
import { PINS, type ApplianceFixture } from '../appliance/appliance-fixture.ts';

/** Milliseconds to wait for a text. */
const PATIENCE = 120_000;

/** A console port before the appliance. */
export async function consoleOf(fixture: ApplianceFixture): Promise<ConsoleListener> {
  const clock = new SystemClock();
  const random = new SystemRandom();
  const { certificate, key } = await new ApplianceCertificate(
    { stateDirectory: fixture.directory, ...fixture.appliance.identity },
    { clock, disk: new NodeDisk(), random, log: fixture.log },
  ).current();
  return ConsoleListener.listen(
    { address: '127.0.0.1', port: 0, tls: { certificate, key, minVersion: 'TLSv1.2' } },
    {
      appliance: fixture.appliance,
      firewall: new SettingsFirewall(() => fixture.settings.current),
      clock,
      random,
      log: fixture.log,
    },
  );
}

/** A person at a client that behaves on the wire as the vendor's: raw keys, a CR first, answers to transfer commands. */
export class Person implements AsyncDisposable {
  readonly #socket: TLSSocket;
  /** Files at this end, by path. */
  readonly files = new Map<string, Buffer>();
  #octets = Buffer.alloc(0);
  #seen = 0;
  #largest = 0;
  #wake: () => void = () => undefined;
  #closed = false;

  private constructor(socket: TLSSocket) {
    this.#socket = socket;
    socket.on('data', (octets: Buffer) => {
      this.#largest = Math.max(this.#largest, octets.length);
      this.#octets = Buffer.concat([this.#octets, octets]);
      this.#wake();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#closed = true;
      this.#wake();
    });
  }

  static async sitDown(port: number, maxVersion: 'TLSv1.2' | 'TLSv1.3' = 'TLSv1.2'): Promise<Person> {
    const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, maxVersion });
    await new Promise<void>((resolve, reject) => {
      socket.once('secureConnect', resolve);
      socket.once('error', reject);
    });
    return new Person(socket);
  }

  /** Somebody who is logged in as wheel already, on an appliance that is set up. */
  static async wheelAt(port: number, maxVersion?: 'TLSv1.2' | 'TLSv1.3'): Promise<Person> {
    const person = await Person.sitDown(port, maxVersion);
    // Typed ahead, in one piece: each CR ends a line.
    person.type(`\rwheel\r${PINS.wheel}\r`);
    await person.until(/Diamond-HSM > $/);
    return person;
  }

  type(text: string | Uint8Array): void {
    this.#socket.write(typeof text === 'string' ? Buffer.from(text) : text);
  }

  /** Types a line and returns what is shown until the prompt or question comes. */
  async say(line: string, until: RegExp = /Diamond-HSM > $/): Promise<string> {
    this.type(`${line}\r`);
    return this.until(until);
  }

  /** What came since the last call, up to and with the match. */
  async until(pattern: RegExp): Promise<string> {
    const end = Date.now() + PATIENCE;
    for (;;) {
      const text = this.#octets.subarray(this.#seen).toString('utf8');
      const match = pattern.exec(text);
      if (match) {
        const whole = text.slice(0, match.index + match[0].length);
        this.#seen += Buffer.byteLength(whole);
        return whole;
      }
      if (this.#closed || Date.now() > end) assert.fail(`no ${String(pattern)} in:\n${text}`);
      await Promise.race([new Promise<void>((resolve) => (this.#wake = resolve)), delay(200)]);
    }
  }

  /** Answers one transfer command as the vendor's client does. */
  async transfer(): Promise<string> {
    const command = await this.until(/:(?:RECV|SEND):[^\r]*\r/);
    const [, verb, rest] = /:(RECV|SEND):([^\r]*)\r/.exec(command)!;
    if (verb === 'RECV') {
      const file = this.files.get(rest.replaceAll(/[{}]/g, ''));
      this.type(file === undefined ? '0\r0000000' : `${file.length}\r`);
      for (let at = 0; file && at < file.length; at += 1024) this.type(file.subarray(at, at + 1024));
      return command;
    }
    const [, path, size] = /^\{(.*)\}\{(\d+)\}$/.exec(rest)!;
    const from = this.#seen;
    this.type(`OK:{${size}}`);
    const end = Date.now() + PATIENCE;
    while (this.#octets.length < from + Number(size)) {
      assert.ok(!this.#closed && Date.now() < end, `${this.#octets.length - from} of ${size} octets came`);
      await Promise.race([new Promise<void>((resolve) => (this.#wake = resolve)), delay(200)]);
    }
    this.files.set(path, Buffer.from(this.#octets.subarray(from, from + Number(size))));
    this.#seen = from + Number(size);
    this.type(`RECEIVED:{${size}}`);
    return command;
  }

  /** Everything that came, and the most of it in one read: no TLS record was larger. */
  get all(): string {
    return this.#octets.toString('utf8');
  }
  get largestRead(): number {
    return this.#largest;
  }

  async closed(): Promise<void> {
    const end = Date.now() + PATIENCE;
    while (!this.#closed) {
      assert.ok(Date.now() < end, 'the console is not closed');
      await Promise.race([new Promise<void>((resolve) => (this.#wake = resolve)), delay(200)]);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.destroy();
    await this.closed();
  }
}
