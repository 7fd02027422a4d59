import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { SystemClock } from '../../../src/base/clock.ts';
import { decodeRecord, encodeRecord, Prover } from '../../../src/hsm/device/key-record.ts';
import { Keystore } from '../../../src/hsm/device/keystore.ts';
import { lookUpEntries } from '../../../src/hsm/device/public-attributes.ts';
import { keystoreFile } from '../../../src/hsm/device/start-device.ts';
import { uuidText } from '../../../src/hsm/uuid.ts';
import { watchdogSocket } from '../../../src/hsm/watchdog/start-watchdog.ts';
import { WatchdogProcess } from '../../../src/hsm/watchdog/watchdog-process-client.ts';
import { type HsmdProcess, LIMIT } from './hsmd-process.ts';

/** CKA_LABEL of PKCS#11. */
const LABEL = 3;

/** Name of the i-th copy. */
export function copyUuid(i: number): string {
  const octets = createHash('sha256').update(`copy ${i}`).digest().subarray(0, 16);
  octets[6] = 0x40 | (octets[6] & 0x0f);
  octets[8] = 0x80 | (octets[8] & 0x3f);
  return uuidText(octets);
}

export function copyLabel(i: number): Buffer {
  return Buffer.from(`copy ${i}`);
}

/** What proves records: the watchdog has it, with hsmd or without. */
export async function proverOf(hsmd: HsmdProcess): Promise<Prover> {
  await using watchdog = new WatchdogProcess(
    { name: 'watchdog of device 0', socket: watchdogSocket(hsmd.state, 0), timeout: LIMIT },
    { clock: new SystemClock() },
  );
  await watchdog.connect(LIMIT);
  return new Prover(await watchdog.getKeystoreKey());
}

/**
 * Writes copies of a token key straight into the keystore of a device, under names and labels of their own: making them by calls takes minutes.
 * hsmd must not run.
 * @param from number of the first one, `to` of the one after the last
 */
export function copyKey(
  hsmd: HsmdProcess,
  prover: Prover,
  device: number,
  uuid: string,
  from: number,
  to: number,
): void {
  using keystore = new Keystore(keystoreFile(hsmd.state, device));
  const row = keystore.readKey(uuid);
  assert.ok(row !== undefined, `device ${device} has no key ${uuid}`);
  const decoded = decodeRecord(row.record, prover);
  assert.ok(!decoded.isDeleted);
  keystore.commit(() => {
    for (let i = from; i < to; i++) {
      const key = { ...decoded.key, uuid: copyUuid(i), attributes: [{ type: LABEL, value: copyLabel(i) }] };
      keystore.writeKey({ ...row, uuid: key.uuid, record: encodeRecord(key, prover) });
      for (const entry of lookUpEntries(key)) keystore.addEntry(entry, key.uuid);
    }
  });
}
