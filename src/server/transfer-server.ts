import type { Log } from '../base/log.ts';
import type { TcpConnection } from '../net/tcp-listener.ts';
import { emptyResponse } from '../transfer/notify-message.ts';
import { sendZone, type TransferStatistics } from '../transfer/axfr-out.ts';
import { RCODE } from '../wire/type-codes.ts';
import type { Arena } from '../zone/store/arena.ts';
import { ReaderEpoch, transfersRunning } from '../zone/store/reader-epoch.ts';
import type { AllowedTransfer } from './answer.ts';
import { COUNTER, type CounterRow } from './statistics.ts';

export interface TransferServerOptions {
  /** Transfers at once in the process. BIND 9.18: transfers-out 10. */
  readonly mostTransfers?: number;
}

const MOST_TRANSFERS = 10;

/** Sends zones over the connections that asked for them. Each transfer reads one version from its start to its end. */
export class TransferServer {
  readonly #most: number;
  readonly #arena: Arena;
  readonly #log: Log;
  readonly #counters: CounterRow;
  readonly #onReader: (readerId: number, isOpen: boolean) => void;
  readonly #running = new Set<Promise<void>>();

  constructor(
    options: TransferServerOptions,
    dependencies: {
      readonly arena: Arena;
      readonly log: Log;
      readonly counters: CounterRow;
      readonly onReader?: (readerId: number, isOpen: boolean) => void;
    },
  ) {
    this.#most = options.mostTransfers ?? MOST_TRANSFERS;
    this.#arena = dependencies.arena;
    this.#log = dependencies.log;
    this.#counters = dependencies.counters;
    this.#onReader = dependencies.onReader ?? (() => undefined);
  }

  /** Begins a transfer; the thread's own epoch must still be entered, so that the version cannot vanish meanwhile. */
  start(
    connection: TcpConnection,
    allowed: AllowedTransfer,
    request: Uint8Array,
    id: number,
    zone: string,
    sign: ((message: Uint8Array) => Uint8Array) | undefined,
  ): void {
    const epoch = this.#takePlace();
    if (epoch === undefined) {
      this.#tell(connection, zone, `${allowed.type} refused for now: ${this.#most} transfers are running`, 'warning');
      connection.send(emptyResponse(request, RCODE.SERVFAIL));
      return;
    }
    const run = this.#run(epoch, connection, allowed, request, id, zone, sign).finally(() => this.#running.delete(run));
    this.#running.add(run);
  }

  /** Undefined when as many transfers run as may. Taken first and counted then: threads that look together are not too many. */
  #takePlace(): ReaderEpoch | undefined {
    if (transfersRunning(this.#arena) >= this.#most) return undefined;
    const epoch = new ReaderEpoch(this.#arena, 'transfer');
    if (transfersRunning(this.#arena) <= this.#most) return epoch;
    epoch.close();
    return undefined;
  }

  /** Resolves when no transfer is running. */
  async idle(): Promise<void> {
    await Promise.all(this.#running);
  }

  async #run(
    epoch: ReaderEpoch,
    connection: TcpConnection,
    allowed: AllowedTransfer,
    question: Uint8Array,
    id: number,
    zone: string,
    sign: ((message: Uint8Array) => Uint8Array) | undefined,
  ): Promise<void> {
    const release = connection.hold();
    try {
      // Said first: should this thread die in between, nobody could clear an epoch that nobody knows of.
      this.#onReader(epoch.id, true);
      epoch.enter();
      const version = Atomics.load(this.#arena.u32, allowed.slot);
      if (version === 0) {
        // It was there when the request was looked at, and the control thread has taken it away since.
        this.#tell(connection, zone, `${allowed.type} refused: the zone has just been removed`, 'notice');
        connection.send(emptyResponse(question, RCODE.SERVFAIL));
        return;
      }
      const { type, request, serial: clientSerial } = allowed;
      const transfer = { id, type, request, version, clientSerial, sign };
      this.#tell(connection, zone, `${allowed.type} started`, 'info');
      this.#finished(connection, zone, allowed, await sendZone(transfer, { arena: this.#arena, sink: connection }));
    } catch (error) {
      this.#tell(connection, zone, `${allowed.type} failed: ${String(error)}`, 'error');
      connection.close();
    } finally {
      this.#leave(epoch);
      release();
    }
  }

  /** Told before the place is another's: who clears it after a death must not clear that one's epoch. */
  #leave(epoch: ReaderEpoch): void {
    epoch.leave();
    this.#onReader(epoch.id, false);
    epoch.close();
  }

  #finished(
    connection: TcpConnection,
    zone: string,
    { type, counters }: AllowedTransfer,
    statistics: TransferStatistics,
  ): void {
    if (!statistics.complete) {
      this.#tell(connection, zone, `${type} ended early: the client closed the connection`, 'notice');
      return;
    }
    this.#counters.add(COUNTER.XfrReqDone);
    if (counters >= 0) this.#counters.addForZone(counters, COUNTER.XfrReqDone);
    const { messages, records, octets, serial } = statistics;
    const size = `${messages} messages, ${records} records, ${octets} bytes`;
    this.#tell(connection, zone, `${type} ended: ${size} (serial ${serial})`, 'info');
  }

  #tell(
    connection: TcpConnection,
    zone: string,
    what: string,
    severity: 'info' | 'notice' | 'warning' | 'error',
  ): void {
    const text = `client ${connection.peer.address}#${connection.peer.port} (${zone}): transfer of '${zone}/IN': ${what}`;
    this.#log.write({ severity, category: 'xfer-out', text, zone });
  }
}
