import assert from 'node:assert/strict';
import { createHash, createPublicKey, verify } from 'node:crypto';
import type { HsmClient } from '../../../src/hsm/client/hsm-client.ts';
import { Curve, KeyFlag, Mechanism } from '../../../src/hsm/hal-constants.ts';
import { type HsmdProcess, LIMIT } from './hsmd-process.ts';

/** Flags of keys that sign; the second are mirrored where ENABLE_EXPORTABLE_PRIVATE_KEYS lets them. */
export const TOKEN = KeyFlag.TOKEN | KeyFlag.DIGITAL_SIGNATURE;
export const MIRRORED = TOKEN | KeyFlag.EXPORTABLE;

/** What a client knows of a key that it was told of. */
export interface Key {
  readonly uuid: string;
  readonly spki: Uint8Array;
}

export async function generate(client: HsmClient, flags: number): Promise<Key> {
  const { uuid } = await client.call('KEY_GENERATE_EC', { partition: 0, curve: Curve.P256, flags });
  return { uuid, spki: (await client.call('KEY_PUBLIC', { uuid })).spki };
}

/** A key that is on one device only, and that is this one. */
export async function onDevice(hsmd: HsmdProcess, client: HsmClient, index: number): Promise<Key> {
  using terminal = await hsmd.console();
  await terminal.login();
  for (let i = 0; i < 20; i++) {
    const key = await generate(client, TOKEN);
    // "Device:0------" and the UUIDs under it.
    const section = (await terminal.run('list keys')).split(/Device:/)[1 + index] ?? '';
    if (section.includes(key.uuid)) return key;
  }
  return assert.fail(`no key was made on device ${index}`);
}

let counter = 0;

/** Signs, and checks the signature by OpenSSL's own hands. */
export async function sign(client: HsmClient, { uuid, spki }: Key): Promise<void> {
  const message = Buffer.from(`message ${++counter}`);
  const data = createHash('sha256').update(message).digest();
  const { signature } = await client.call('KEY_SIGN', { partition: 0, uuid, mechanism: Mechanism.ECDSA, data });
  const key = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });
  assert.ok(verify('sha256', message, { key, dsaEncoding: 'ieee-p1363' }, signature), 'a wrong signature');
}

/** Signers that go on until they are ended; what failed is remembered. */
export class Load {
  readonly #client: HsmClient;
  readonly #key: Key;
  readonly #failed: string[] = [];
  #workers: Promise<void>[] = [];
  #isEnding = false;
  done = 0;

  constructor(client: HsmClient, key: Key) {
    this.#client = client;
    this.#key = key;
  }

  begin(count: number): void {
    this.#workers = Array.from({ length: count }, () => this.#work());
  }

  async reaches(count: number): Promise<void> {
    const end = Date.now() + LIMIT;
    while (this.done < count) {
      assert.ok(Date.now() < end, `only ${this.done} signatures; ${this.#failed.join('; ')}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** What failed. */
  async end(): Promise<readonly string[]> {
    this.#isEnding = true;
    await Promise.all(this.#workers);
    return this.#failed;
  }

  async #work(): Promise<void> {
    while (!this.#isEnding)
      try {
        await sign(this.#client, this.#key);
        this.done++;
      } catch (error) {
        this.#failed.push(String(error));
        if (this.#failed.length > 20) return;
      }
  }
}

/** SYSTEM and TAMPER. */
export function lights({ leds }: Awaited<ReturnType<HsmdProcess['status']>>): string[] {
  return [leds.system, leds.tamper].map(({ colour, isBlinking }) => (isBlinking ? `${colour} blinks` : colour));
}
