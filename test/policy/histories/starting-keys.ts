import type { PlannedKey } from '../../../src/policy/planned-key.ts';
import type { PolicyKey } from '../../../src/conf/configuration.ts';
import type { KeyName } from './caches.ts';
import type { History } from './history.ts';
import { nameOf } from './served-zone.ts';

/** Seconds before the start: longer than anything is remembered. */
const LONG_AGO = 10_000_000;

/** Which of them sign what: key files without states do not tell a CSK from a KSK. */
export function signersAtStart({ start }: History, keys: readonly PlannedKey[]): Record<'keys' | 'zone', KeyName[]> {
  const lines = start.kind === 'unsigned' ? [] : start.keys;
  const signers = (other: PolicyKey['role']): KeyName[] => keys.filter((_, i) => lines[i].role !== other).map(nameOf);
  return { keys: signers('zsk'), zone: signers('ksk') };
}

/** The keys of a zone that another server has signed. Of their DS the files say nothing where they have no states. */
export function keysAtStart({ start }: History, now: number): PlannedKey[] {
  if (start.kind === 'unsigned') return [];
  const at = now - LONG_AGO;
  return start.keys.map(({ role, algorithm, bits }, i) => {
    const times = { created: at, publish: at, activate: at };
    const key = { id: `B${i + 1}`, tag: 501 + i, algorithm, bits, flags: role === 'zsk' ? 256 : 257, times };
    if (start.kind === 'times') return key;
    const [ksk, zsk] = [role !== 'zsk', role !== 'ksk'];
    const known = 'omnipresent' as const;
    return {
      ...key,
      times: { ...times, ...(ksk && { syncPublish: at, dsPublish: at }) },
      state: {
        length: bits,
        lifetime: 0,
        ksk,
        zsk,
        goal: known,
        dnskey: known,
        dnskeyChange: at,
        ...(zsk && { zrrsig: known, zrrsigChange: at }),
        ...(ksk && { krrsig: known, krrsigChange: at, ds: known, dsChange: at }),
      },
    };
  });
}
