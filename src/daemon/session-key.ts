import type { Disk } from '../base/disk.ts';
import { toBase64 } from '../base/base64.ts';
import type { Random } from '../base/random.ts';

const NAME = 'local-ddns';
const ALGORITHM = 'hmac-sha256';

/** Key that `nsupdate -l` signs with: made anew at every start. */
export interface SessionKey {
  readonly name: string;
  readonly algorithm: string;
  readonly secret: Uint8Array;
}

/** Makes a key and writes it in BIND's form, readable by the owner only. @throws DiskError */
export function writeSessionKey(file: string, dependencies: { disk: Disk; random: Random }): SessionKey {
  const secret = dependencies.random.fill(new Uint8Array(32));
  const text = `key "${NAME}" {\n\talgorithm ${ALGORITHM};\n\tsecret "${toBase64(secret)}";\n};\n`;
  dependencies.disk.replace(file, Buffer.from(text, 'latin1'), 0o600);
  return { name: NAME, algorithm: ALGORITHM, secret };
}
