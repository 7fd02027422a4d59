import type { Clock, Timer } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import { formatAddress } from '../net/address.ts';
import { type DatagramBatch, type UdpEndpoint } from '../net/udp-endpoint.ts';
import { ADDRESS_SLOT } from '../net/address.ts';
import { equalOctets } from '../base/octets.ts';
import type { Name } from '../wire/name.ts';
import { nameToShortText } from '../wire/name-text.ts';
import { notifyAnswerRcode, notifyRequest } from './notify-message.ts';

/** One NOTIFY to be sent. */
export interface Notification {
  readonly zone: Name;
  readonly soa: Uint8Array;
  readonly soaTtl: number;
  readonly serial: number;
  /** 4 or 16 octets. */
  readonly address: Uint8Array;
  readonly port: number;
  /** Signs the request; the answer is not checked beyond its id, address and question. */
  readonly sign?: (message: Uint8Array) => Uint8Array;
}

export interface NotifierOptions {
  /** Seconds before the first repetition; each further wait is twice as long. BIND 9.18: 15. */
  readonly firstWait?: number;
  /** Times that a NOTIFY is sent at most (RFC 1996 section 3.6: 5). */
  readonly attempts?: number;
}

const FIRST_WAIT = 15;
const ATTEMPTS = 5;

interface Pending {
  readonly notification: Notification;
  readonly id: number;
  readonly message: Uint8Array;
  sent: number;
  timer: Timer | undefined;
}

/** Tells secondaries that a zone changed, until they answer (RFC 1996 section 3.6). One for all zones of a process. */
export class Notifier implements AsyncDisposable {
  readonly #options: NotifierOptions;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #log: Log;
  readonly #endpoints: readonly UdpEndpoint[];
  readonly #pending = new Map<string, Pending>();

  /** @param dependencies.endpoints bound sockets to send from, one for IPv4 and one for IPv6; the notifier closes them */
  constructor(
    options: NotifierOptions,
    dependencies: {
      readonly clock: Clock;
      readonly random: Random;
      readonly log: Log;
      readonly endpoints: readonly UdpEndpoint[];
    },
  ) {
    this.#options = options;
    this.#clock = dependencies.clock;
    this.#random = dependencies.random;
    this.#log = dependencies.log;
    this.#endpoints = dependencies.endpoints;
    for (const endpoint of this.#endpoints) endpoint.receive((batch) => this.#received(batch));
  }

  /** Notifications that nobody has answered yet. */
  get pending(): number {
    return this.#pending.size;
  }

  /** Sends it; an older one for the same zone and address that is not answered yet is given up. */
  notify(notification: Notification): void {
    const key = keyOf(notification);
    this.#pending.get(key)?.timer?.cancel();
    const id = this.#newId();
    const plain = notifyRequest(id, notification.zone, notification.soa, notification.soaTtl);
    const message = notification.sign?.(plain) ?? plain;
    const pending: Pending = { notification, id, message, sent: 0, timer: undefined };
    this.#pending.set(key, pending);
    this.#send(key, pending);
  }

  #newId(): number {
    const octets = this.#random.fill(new Uint8Array(2));
    return (octets[0] << 8) | octets[1];
  }

  #send(key: string, pending: Pending): void {
    const { notification } = pending;
    const endpoint = this.#endpointFor(notification.address);
    if (endpoint === undefined) {
      this.#giveUp(key, notification, 'no socket of that address family is open');
      return;
    }
    const attempts = this.#options.attempts ?? ATTEMPTS;
    if (pending.sent === attempts) {
      this.#giveUp(key, notification, `no answer to ${attempts} messages`);
      return;
    }
    if (pending.sent === 0) this.#write('info', notification, `sending notify (serial ${notification.serial})`);
    endpoint.send(pending.message, notification.address, notification.port);
    const wait = (this.#options.firstWait ?? FIRST_WAIT) * 2 ** pending.sent++;
    pending.timer = this.#clock.after(wait * 1000, () => this.#send(key, pending));
  }

  #endpointFor(address: Uint8Array): UdpEndpoint | undefined {
    return this.#endpoints.find(({ local }) => local.address.includes(':') === (address.length === 16));
  }

  #giveUp(key: string, notification: Notification, why: string): void {
    this.#pending.delete(key);
    this.#write('warning', notification, `notify failed: ${why}; the secondary learns of the change when it refreshes`);
  }

  #received(batch: DatagramBatch): void {
    for (let i = 0; i < batch.count; i++) {
      const octets = batch.received[i].subarray(0, batch.receivedLength[i]);
      const address = batch.peers.subarray(i * ADDRESS_SLOT, i * ADDRESS_SLOT + batch.peerLength[i]);
      this.#answered(octets, address, batch.peerPort[i]);
    }
  }

  #answered(octets: Uint8Array, address: Uint8Array, port: number): void {
    for (const [key, { notification, id, timer }] of this.#pending) {
      if (notification.port !== port || !equalOctets(notification.address, address)) continue;
      const rcode = notifyAnswerRcode(octets, id, notification.zone);
      if (rcode === undefined) continue;
      timer?.cancel();
      this.#pending.delete(key);
      if (rcode === 0) this.#write('debug 3', notification, 'notify answered');
      else this.#write('notice', notification, `notify answered with response code ${rcode}`);
      return;
    }
  }

  #write(
    severity: 'info' | 'notice' | 'warning' | 'debug 3',
    { zone, address, port }: Notification,
    what: string,
  ): void {
    const name = nameToShortText(zone);
    const text = `zone ${name}/IN: ${what} to ${formatAddress(address)}#${port}`;
    this.#log.write({ severity, category: 'notify', text, zone: name });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { timer } of this.#pending.values()) timer?.cancel();
    this.#pending.clear();
    await Promise.all(this.#endpoints.map((endpoint) => endpoint[Symbol.asyncDispose]()));
  }
}

function keyOf({ zone, address, port }: Notification): string {
  return `${nameToShortText(zone).toLowerCase()} ${formatAddress(address)}#${port}`;
}
