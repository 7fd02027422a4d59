import type { Log } from '../../base/log.ts';
import { HalError, HalStatus } from '../hal-status.ts';
import type { Watchdog, WatchdogStatus } from '../watchdog/watchdog.ts';
import { Prover } from './key-record.ts';
import type { Keystore } from './keystore.ts';

/** Row of the keystore's meta table: tells which master key it belongs to. */
const CHECK_VALUE = 'master key check value';

export type MasterKeyCondition = 'not set' | 'set' | 'failed' | 'tampered';

/**
 * What a device knows of the master key, which its watchdog has: whether it is the one that the keystore belongs to, and the key of the proofs that is
 * derived from it. `failed` is another master key than the keystore's: nothing is done with it, and nothing lost.
 */
export class MasterKeyState implements Disposable {
  readonly #name: string;
  readonly #watchdog: Watchdog;
  readonly #keystore: Keystore;
  readonly #log: Log;
  #condition: MasterKeyCondition = 'not set';
  #prover: Prover | undefined;
  /** Another number whenever what was derived from the master key may not be used any more. */
  epoch = 0;
  /** The master key is gone: everything that was unwrapped with it has to go. */
  onLost: () => void = () => undefined;
  #ended: () => void = () => undefined;
  #toldFailed = false;
  /** While it is being set, what the watchdog tells is not news. */
  isChanging = false;

  constructor(
    name: string,
    dependencies: { readonly watchdog: Watchdog; readonly keystore: Keystore; readonly log: Log },
  ) {
    this.#name = name;
    this.#watchdog = dependencies.watchdog;
    this.#keystore = dependencies.keystore;
    this.#log = dependencies.log;
  }

  async start(): Promise<void> {
    this.#ended = this.#watchdog.watch((status) => this.#see(status));
    await this.refresh();
  }

  get condition(): MasterKeyCondition {
    return this.#condition;
  }

  /** undefined unless the master key is set and the keystore's. */
  get prover(): Prover | undefined {
    return this.#prover;
  }

  /** A master key was set here before: PINs are not believed without proof when it comes back. */
  get wasSetBefore(): boolean {
    return this.checkValue !== undefined;
  }

  get checkValue(): Uint8Array | undefined {
    return this.#keystore.getMeta(CHECK_VALUE);
  }

  /** Inside a transaction. */
  set checkValue(value: Uint8Array | undefined) {
    if (value) this.#keystore.setMeta(CHECK_VALUE, value);
    else this.#keystore.deleteMeta(CHECK_VALUE);
  }

  /** @throws HalError TAMPER, MASTERKEY_NOT_SET, MASTERKEY_FAIL */
  require(): Prover {
    if (this.#prover) return this.#prover;
    throw this.refusal();
  }

  refusal(): HalError {
    switch (this.#condition) {
      case 'tampered':
        return new HalError(
          HalStatus.TAMPER,
          `${this.#name} saw a tamper event: see to the HSM, then "tamper reset" at the console and enter the master key again`,
        );
      case 'failed':
        return new HalError(
          HalStatus.MASTERKEY_FAIL,
          `${this.#name} has another master key than its keys were made under: enter the right one at the console ("masterkey set")`,
        );
      default:
        return new HalError(
          HalStatus.MASTERKEY_NOT_SET,
          `${this.#name} has no master key: enter it at the console ("masterkey set")`,
        );
    }
  }

  /** Asks the watchdog how things are. @throws HalError when it does not answer: the state is then `not set` */
  async refresh(): Promise<void> {
    this.#lose('not set');
    const epoch = this.epoch;
    const status = await this.#watchdog.getStatus();
    if (status.tamper !== 'ok') return this.#lose('tampered');
    if (status.masterKey === 'not set') return;
    const found = await this.#watchdog.getCheckValue();
    const expected = this.checkValue;
    if (!expected || !Buffer.from(expected).equals(found)) {
      this.#lose('failed');
      if (!this.#toldFailed) this.#log.write({ severity: 'error', category: 'hsm', text: this.refusal().message });
      this.#toldFailed = true;
      return;
    }
    const key = await this.#watchdog.getKeystoreKey();
    // What happened meanwhile counts more than what was asked before it.
    if (epoch === this.epoch) {
      this.#prover = new Prover(key);
      this.#condition = 'set';
      this.#toldFailed = false;
    }
    key.fill(0);
  }

  /** What was set must still be. Rejects when the watchdog does not answer: its key may be gone, so what was unwrapped with it goes. */
  async poll(): Promise<void> {
    try {
      this.#see(await this.#watchdog.getStatus());
    } catch (fault) {
      if (!this.isChanging && this.#condition !== 'not set') this.#lose('not set');
      throw fault;
    }
  }

  #see(status: WatchdogStatus): void {
    if (status.tamper !== 'ok') {
      if (this.#condition !== 'tampered') this.#lose('tampered');
    } else if (status.masterKey === 'not set') {
      if (this.#condition !== 'not set') this.#lose('not set');
    } else if (this.#condition !== 'set' && this.#condition !== 'failed' && !this.isChanging)
      this.refresh().catch((fault: unknown) =>
        this.#log.write({
          severity: 'error',
          category: 'hsm',
          text: `${this.#name}: its watchdog does not answer (${(fault as Error).message}): keys cannot be used until it does`,
        }),
      );
  }

  #lose(condition: MasterKeyCondition): void {
    this.#condition = condition;
    this.epoch++;
    this.#prover?.[Symbol.dispose]();
    this.#prover = undefined;
    this.onLost();
  }

  [Symbol.dispose](): void {
    this.#ended();
    this.#lose('not set');
  }
}
