import type { KeyEngine } from '../crypto/key-engine.ts';
import type { Mechanism } from '../hal-constants.ts';
import { HalError, HalStatus } from '../hal-status.ts';
import type { Watchdog } from '../watchdog/watchdog.ts';
import { close, type KeyEntry, type KeyTable } from './key-table.ts';
import type { MasterKeyState } from './master-key.ts';

export interface HandleDependencies {
  readonly engine: KeyEngine;
  readonly watchdog: Watchdog;
  readonly masterKey: MasterKeyState;
  readonly keys: KeyTable;
}

/** Hash-based signatures reserved with one write to the disk; after a crash at most so many are lost. */
const RESERVED_AT_ONCE = 16;

/**
 * Gets the private key of an entry ready, once however many ask at the same time. Afterwards the entry has a handle, or is no longer what
 * stands for its key: callers look again.
 */
export async function openHandle(entry: KeyEntry, dependencies: HandleDependencies): Promise<void> {
  entry.opening ??= unwrapAndOpen(entry, dependencies).finally(() => (entry.opening = undefined));
  entry.busy++;
  try {
    await entry.opening;
  } finally {
    entry.busy--;
  }
}

async function unwrapAndOpen(
  entry: KeyEntry,
  { engine, watchdog, masterKey, keys }: HandleDependencies,
): Promise<void> {
  const { epoch } = masterKey;
  const { wrapped } = entry.key;
  const der = await watchdog.unwrap(wrapped);
  try {
    if (epoch !== masterKey.epoch || !keys.isCurrent(entry) || entry.key.wrapped !== wrapped || entry.handle) return;
    entry.handle = engine.open(der);
  } finally {
    der.fill(0);
  }
}

/**
 * Signs with keys of which every signature may be made once only (RFC 8554 section 5.2): the state after some signatures is on the disk before the
 * first of them is made. One signature of a key at a time.
 */
export class HashBasedSigner {
  readonly #dependencies: HandleDependencies;

  constructor(dependencies: HandleDependencies) {
    this.#dependencies = dependencies;
  }

  async sign(entry: KeyEntry, mechanism: Mechanism, data: Uint8Array): Promise<Uint8Array> {
    const mine = entry.turn.then(() => this.#signNext(entry, mechanism, data));
    entry.busy++;
    // The next one comes whether this one succeeds or not.
    entry.turn = mine.catch(() => undefined);
    try {
      return await mine;
    } finally {
      entry.busy--;
    }
  }

  async #signNext(entry: KeyEntry, mechanism: Mechanism, data: Uint8Array): Promise<Uint8Array> {
    const { masterKey, keys } = this.#dependencies;
    masterKey.require();
    if (!entry.handle) await openHandle(entry, this.#dependencies);
    if (entry.reserved === 0) await this.#reserve(entry);
    const { handle } = entry;
    masterKey.require();
    if (!handle || !keys.isCurrent(entry)) throw gone(entry);
    // Used up whatever comes of it.
    entry.reserved--;
    return handle.sign(mechanism, data);
  }

  async #reserve(entry: KeyEntry): Promise<void> {
    const { watchdog, masterKey, keys } = this.#dependencies;
    const state = entry.handle?.state;
    if (!state || !keys.isCurrent(entry)) throw gone(entry);
    const count = Math.max(1, Math.min(RESERVED_AT_ONCE, state.left));
    const { wrapped } = entry.key;
    try {
      await state.prepare();
      const next = state.reserve(count);
      const nextWrapped = await watchdog.wrap(next).finally(() => next.fill(0));
      const prover = masterKey.require();
      if (!keys.isCurrent(entry) || entry.key.wrapped !== wrapped) throw gone(entry);
      keys.replace(entry, { wrapped: nextWrapped }, prover);
      entry.reserved = count;
    } catch (fault) {
      // The handle believes that more was reserved than the disk knows: the next one begins with what the disk has.
      close(entry);
      throw fault;
    }
  }
}

function gone(entry: KeyEntry): HalError {
  return new HalError(HalStatus.KEY_NOT_FOUND, `key ${entry.key.uuid} went away before it signed`, {
    uuid: entry.key.uuid,
  });
}
