import path from 'node:path';
import { buildNative } from '../../scripts/build-native.ts';
import { loadNativeModule, type NativeModule } from '../../src/net/native-module.ts';

const root = path.resolve(import.meta.dirname, '../..');

/** Another build of the module that these tests are for: one with sanitizers. */
const OTHER_BUILD = process.env['SIGNET_TEST_UDP_MODULE'];

/** Where the module is in a checkout. */
export const MODULE_FILE = OTHER_BUILD ?? path.join(root, '.build/native/udp.node');

/** native/udp, built now if it is older than its sources. */
export function builtModule(): NativeModule {
  const built = OTHER_BUILD === undefined ? buildNative({ root, output: MODULE_FILE }) : { built: true as const };
  if (!built.built) throw new Error(built.reason);
  const found = loadNativeModule(MODULE_FILE);
  if (found.module === undefined) throw new Error(found.reason);
  return found.module;
}
