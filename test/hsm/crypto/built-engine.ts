import path from 'node:path';
import { buildNative } from '../../../scripts/build-native.ts';
import { SystemRandom } from '../../../src/base/random.ts';
import { loadNativeKeys, type NativeKeys } from '../../../src/hsm/crypto/native-keys.ts';
import { OpensslEngine } from '../../../src/hsm/crypto/openssl-engine.ts';
import { TestedRandom } from '../../../src/hsm/crypto/tested-random.ts';

const root = path.resolve(import.meta.dirname, '../../..');

/** Another build of the module that these tests are for: one with sanitizers. */
const OTHER_BUILD = process.env['SIGNET_TEST_HSM_MODULE'];

/** Where the module is in a checkout. */
export const MODULE_FILE = OTHER_BUILD ?? path.join(root, '.build/native/hsm.node');

/** native/hsm, built now if it is older than its sources: also for tests that start processes which load it. */
export function builtNativeKeys(): NativeKeys {
  if (OTHER_BUILD === undefined) {
    const built = buildNative({ root, module: 'hsm', output: MODULE_FILE });
    if (!built.built) throw new Error(built.reason);
  }
  return loadNativeKeys(MODULE_FILE);
}

export function builtEngine(): OpensslEngine {
  return new OpensslEngine({ native: builtNativeKeys(), random: new TestedRandom(new SystemRandom()) });
}
