import type { DnssecPolicy } from '../../src/conf/configuration.ts';
import { DEFAULT_POLICY } from '../../src/conf/defaults.ts';

const DAY = 86_400;

/** The default policy with two keys in place of one. */
export const SPLIT: DnssecPolicy = {
  ...DEFAULT_POLICY,
  name: 'split',
  keys: [
    { role: 'ksk', lifetime: 365 * DAY, algorithm: 13, bits: 256 },
    { role: 'zsk', lifetime: 60 * DAY, algorithm: 13, bits: 256 },
  ],
};
