import type { Disk } from '../../base/disk.ts';
import { SignetError } from '../../base/error.ts';
import { type Random, randomBelow } from '../../base/random.ts';

/**
 * The appliance's serial number: made or given once, then kept, because hsm.conf, certificate and mDNS name the appliance by it.
 * @param wanted for a new appliance; undefined: a random one, "1234-5678"
 * @throws SignetError SERIAL_NUMBER when it has another already
 */
export function openSerialNumber(file: string, wanted: string | undefined, disk: Disk, random: Random): string {
  const octets = disk.read(file);
  if (octets === undefined) {
    const digits = (): string => String(randomBelow(random, 9000) + 1000);
    const made = wanted ?? `${digits()}-${digits()}`;
    disk.replace(file, Buffer.from(`${made}\n`), 0o644);
    return made;
  }
  const serial = Buffer.from(octets).toString('latin1').trim();
  if (!/^[A-Za-z0-9][A-Za-z0-9-]{0,39}$/.test(serial))
    throw new SignetError('SERIAL_NUMBER', `${file} holds no serial number: write it there again`, { file });
  if (wanted !== undefined && wanted !== serial)
    throw new SignetError(
      'SERIAL_NUMBER',
      `this HSM has the serial number ${serial} (${file}), not ${wanted}: leave out --serial, or name another state directory`,
      { serial, wanted },
    );
  return serial;
}
