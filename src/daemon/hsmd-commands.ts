/** Commands of hsmd that look at files and end: `audit verify`, `audit key`, `make-update`, `so-pin`. */
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import type { Clock } from '../base/clock.ts';
import type { CommandOutput } from '../base/command-line.ts';
import type { Disk } from '../base/disk.ts';
import { SignetError } from '../base/error.ts';
import { revokeSoPinPermit, writeSoPinPermit } from '../hsm/appliance/so-pin-permit.ts';
import { AUDIT_PUBLIC_KEY_FILE, auditKeyFingerprint, publicKeyPem } from '../hsm/audit/audit-key.ts';
import { AUDIT_HEAD_FILE, auditFiles } from '../hsm/audit/audit-files.ts';
import { verifyAudit } from '../hsm/audit/verify-audit.ts';
import { requireEntries } from '../hsm/update/part-entries.ts';
import { makeUpdate, UPDATE_PARTS } from '../hsm/update/signed-update.ts';
import type { TarFile } from '../hsm/update/tar.ts';
import { DEFAULT_STATE } from './hsmd-options.ts';

/** Directory of the audit log under the state directory. */
export const AUDIT_DIRECTORY = 'audit';

/** Exit code: 0, 1 when the log has faults, 2 for a command line that cannot be followed. */
export function auditCommand(words: readonly string[], output: CommandOutput, disk: Disk): number {
  const [what, ...rest] = words;
  try {
    if (what === 'verify') return verify(rest, output, disk);
    if (what === 'key') return printKey(rest, output, disk);
    throw new TypeError(`'audit' takes 'verify' or 'key'${what === undefined ? '' : `, not '${what}'`}`);
  } catch (error) {
    return complain(error, 'audit', output);
  }
}

function verify(words: readonly string[], output: CommandOutput, disk: Disk): number {
  const { values, positionals } = parseArgs({
    args: [...words],
    allowPositionals: true,
    options: {
      state: { type: 'string' },
      key: { type: 'string' },
      head: { type: 'string' },
      'from-middle': { type: 'boolean' },
    },
  });
  const directory = path.join(values.state ?? DEFAULT_STATE, AUDIT_DIRECTORY);
  const isOwn = positionals.length === 0;
  const names = isOwn ? auditFiles(directory, disk) : positionals;
  if (names.length === 0) throw new TypeError(`there is no audit log in ${directory}`);
  const beside = isOwn ? directory : path.dirname(names[0]);
  const key = readPublicKey(values.key ?? path.join(beside, AUDIT_PUBLIC_KEY_FILE), disk);
  const headFile = values.head ?? (isOwn ? path.join(directory, AUDIT_HEAD_FILE) : undefined);
  const head = headFile === undefined ? undefined : mustRead(headFile, disk);
  const files = names.map((name) => ({ name, octets: mustRead(name, disk) }));
  const verdict = verifyAudit(files, key, head, values['from-middle'] !== true);
  for (const { file, line, text } of verdict.faults) output.complain(`${file}:${line}: ${text}\n`);
  const range = verdict.first === undefined ? 'none' : `numbers ${verdict.first} to ${verdict.last}`;
  const end = head === undefined ? '; without the head file, lines cut off at the end cannot be seen' : '';
  output.print(
    `${verdict.lines} lines (${range}), ${verdict.faults.length} faults, key ${auditKeyFingerprint(key)}${end}\n`,
  );
  return verdict.faults.length === 0 ? 0 : 1;
}

function printKey(words: readonly string[], output: CommandOutput, disk: Disk): number {
  const { values } = parseArgs({ args: [...words], options: { state: { type: 'string' } } });
  const key = readPublicKey(path.join(values.state ?? DEFAULT_STATE, AUDIT_DIRECTORY, AUDIT_PUBLIC_KEY_FILE), disk);
  output.print(publicKeyPem(key));
  output.print(`${auditKeyFingerprint(key)}\n`);
  return 0;
}

/** Exit code: 0, 2 for a command line that cannot be followed. */
export function makeUpdateCommand(
  words: readonly string[],
  output: CommandOutput,
  dependencies: { readonly disk: Disk; readonly now: () => number },
): number {
  const { disk, now } = dependencies;
  try {
    const text = { type: 'string' } as const;
    const { values, positionals } = parseArgs({
      args: [...words],
      allowPositionals: true,
      options: { version: text, key: text, output: text },
    });
    const { version, key, output: file } = values;
    const [directory] = positionals;
    if (version === undefined || key === undefined || file === undefined || positionals.length !== 1)
      throw new TypeError("'make-update' needs --version, --key, --output and one directory");
    if (!file.endsWith('.tar.gz.signed'))
      throw new TypeError(`the name of an update ends in .tar.gz.signed: '${file}'`);
    const files = UPDATE_PARTS.flatMap((part) => collect(directory, part, disk));
    if (files.length === 0) throw new TypeError(`there is none of ${UPDATE_PARTS.join(', ')} in ${directory}`);
    requireEntries(files);
    const update = makeUpdate(version, files, readPrivateKey(key, disk), now());
    disk.replace(file, update, 0o644);
    output.print(`${file}: ${version}, ${files.length} files, ${update.length} octets\n`);
    return 0;
  } catch (error) {
    return complain(error, 'make-update', output);
  }
}

/** Exit code: 0, 1 when it may not be done, 2 for a command line that cannot be followed. */
export function soPinCommand(
  words: readonly string[],
  output: CommandOutput,
  dependencies: { readonly disk: Disk; readonly clock: Clock },
): number {
  const { disk, clock } = dependencies;
  try {
    const { values, positionals } = parseArgs({
      args: [...words],
      allowPositionals: true,
      options: { state: { type: 'string' } },
    });
    const state = values.state ?? DEFAULT_STATE;
    const [what, ...rest] = positionals;
    if ((what !== 'permit' && what !== 'revoke') || rest.length > 0)
      throw new TypeError("'so-pin' takes 'permit' or 'revoke'");
    const userId = process.getuid?.() ?? -1;
    if (what === 'revoke') {
      const had = revokeSoPinPermit(state, userId, disk);
      output.print(had ? 'The permit is taken back.\n' : 'There was no permit.\n');
      return 0;
    }
    const sudo = process.env['SUDO_USER']?.replaceAll(/[^\w.@-]/g, '?').slice(0, 64);
    const name = sudo === undefined ? 'without sudo' : `by sudo of ${sudo}`;
    const giveTo = (file: string, owner: number): void => fs.chownSync(file, owner, -1);
    const { until } = writeSoPinPermit(state, { userId, name }, { disk, clock, giveTo });
    output.print(
      `Until ${new Date(1000 * until).toISOString()} wheel may set the PIN of so at the console, once: 'set pin so', with the PIN of wheel.\nThat another person is so from then on is for you to see to. 'hsmd so-pin revoke' takes this back.\n`,
    );
    return 0;
  } catch (error) {
    const code = complain(error, 'so-pin', output);
    return error instanceof SignetError ? 1 : code;
  }
}

/** Regular files under the directory, in order. A link would put in what nobody sees. */
function collect(directory: string, name: string, disk: Disk): TarFile[] {
  const file = path.join(directory, name);
  const facts = disk.facts(file);
  if (facts === undefined) return [];
  if (fs.lstatSync(file).isSymbolicLink()) throw new TypeError(`${file} is a link: updates hold files only`);
  if (!facts.isDirectory) return [{ name, octets: mustRead(file, disk) }];
  const names = (disk.list(file) ?? []).toSorted();
  return names.flatMap((one) => collect(directory, `${name}/${one}`, disk));
}

function readPublicKey(file: string, disk: Disk): KeyObject {
  const octets = mustRead(file, disk);
  try {
    return createPublicKey(Buffer.from(octets));
  } catch (cause) {
    throw new SignetError('AUDIT_KEY', `${file} is no public key in PEM`, { file }, cause);
  }
}

function readPrivateKey(file: string, disk: Disk): KeyObject {
  const octets = mustRead(file, disk);
  try {
    return createPrivateKey(Buffer.from(octets));
  } catch (cause) {
    throw new SignetError('UPDATE_KEY', `${file} is no private key in PEM without a password`, { file }, cause);
  } finally {
    octets.fill(0);
  }
}

function mustRead(file: string, disk: Disk): Uint8Array<ArrayBuffer> {
  const octets = disk.read(file);
  if (octets === undefined) throw new SignetError('FILE_MISSING', `${file} does not exist`, { file });
  return octets;
}

function complain(error: unknown, command: string, output: CommandOutput): number {
  if (!(error instanceof SignetError) && !(error instanceof TypeError)) throw error;
  output.complain(`hsmd ${command}: ${error.message}\n`);
  return 2;
}
