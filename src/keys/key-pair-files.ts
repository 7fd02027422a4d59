import path from 'node:path';
import type { Disk } from '../base/disk.ts';
import { SignetError } from '../base/error.ts';
import { dnskeyAlgorithm, dnskeyFlags } from '../crypto/dnskey.ts';
import { keyTag } from '../crypto/key-tag.ts';
import { importPrivateKey, isTokenKey, privateKeyMaterial, type PrivateKeyMaterial } from '../crypto/private-key.ts';
import { CLASS } from '../wire/type-codes.ts';
import { nameToText } from '../wire/name-text.ts';
import { keyFileBase } from './key-file-name.ts';
import { faultOf, keyFileError } from './key-file-error.ts';
import type { KeyPair } from './key-pair.ts';
import { readPrivateFile, writePrivateFile, type PrivateFile } from './private-file.ts';
import { readPublicFile, writePublicFile, type PublicFile } from './public-file.ts';
import { readStateFile, writeStateFile, type StateFile } from './state-file.ts';

/** Only the owner may read or write (dnssec-keygen(1)). */
export const PRIVATE_FILE_MODE = 0o600;

/** Where the files of one key are. */
export interface KeyFilePaths {
  /** Path without extension. */
  readonly base: string;
  /** When it is not `base` + ".state". */
  readonly stateFile?: string;
}

export interface LoadedKey {
  /** undefined when a fault keeps the key from being used. */
  readonly pair: KeyPair | undefined;
  /** The key without its state, when that alone is at fault. */
  readonly damaged?: KeyPair;
  readonly faults: readonly SignetError[];
}

/** Reads the files of one key. Faults are returned, not thrown; DiskErrors (other than a missing file) are faults too. */
export function loadKeyFiles(disk: Disk, paths: KeyFilePaths): LoadedKey {
  const faults: SignetError[] = [];
  try {
    return { ...load(disk, paths, faults), faults };
  } catch (fault) {
    if (!(fault instanceof SignetError)) throw fault;
    return { pair: undefined, faults: [...faults, fault] };
  }
}

function load(disk: Disk, paths: KeyFilePaths, faults: SignetError[]): Omit<LoadedKey, 'faults'> {
  const publicFile = `${paths.base}.key`;
  const stateFile = paths.stateFile ?? `${paths.base}.state`;
  const octets = disk.read(publicFile);
  if (!octets)
    throw missingPublic(
      publicFile,
      [`${paths.base}.private`, stateFile].filter((one) => disk.facts(one)),
    );
  const shown = readPublicFile(publicFile, octets);
  checkName(publicFile, paths.base, shown);
  const secret = loadPrivateHalf(disk, `${paths.base}.private`, shown, faults);
  const state = loadState(disk, stateFile, faults);
  if (state === 'damaged') return { pair: undefined, damaged: assemble(paths.base, shown, secret, undefined) };
  const pair = assemble(paths.base, shown, secret, state);
  faults.push(...checkTimes(publicFile, pair));
  if (state?.state.unknownLines) faults.push(unknownState(stateFile, state));
  return { pair };
}

/** What a good .private file says, with the key that it makes together with the public half. */
interface PrivateHalf extends PrivateFile {
  readonly material: PrivateKeyMaterial;
}

/**
 * A private half that is missing or damaged is a fault that leaves the public half: were the DNSKEY taken out of the zone,
 * signatures in caches could no longer be verified.
 */
function loadPrivateHalf(disk: Disk, file: string, shown: PublicFile, faults: SignetError[]): PrivateHalf | undefined {
  try {
    const secret = readPrivateHalf(disk, file, faults);
    const material = privateKeyMaterial(secret.algorithm, shown.rdata, secret.fields);
    if (!isTokenKey(material)) importPrivateKey(material); // finds a file copied from another key
    return { ...secret, material };
  } catch (fault) {
    if (!(fault instanceof SignetError)) throw fault;
    faults.push(faultOf(file, fault, 'private'));
    return undefined;
  }
}

function readPrivateHalf(disk: Disk, file: string, faults: SignetError[]): PrivateFile {
  const octets = disk.read(file);
  if (!octets) {
    const detail = 'not found: the key is published but cannot sign; restore the file from a backup or retire the key';
    throw keyFileError('KEY_FILE_PRIVATE_MISSING', file, detail);
  }
  const mode = disk.facts(file)?.mode ?? PRIVATE_FILE_MODE;
  if ((mode & 0o077) !== 0) {
    const detail = `others than its owner have access (mode ${mode.toString(8).padStart(4, '0')}): chmod 600`;
    faults.push(keyFileError('KEY_FILE_PERMISSIONS', file, detail, 'nothing'));
  }
  return readPrivateFile(file, octets);
}

function loadState(disk: Disk, file: string, faults: SignetError[]): StateFile | 'damaged' | undefined {
  try {
    const octets = disk.read(file);
    return octets && readStateFile(file, octets);
  } catch (fault) {
    if (!(fault instanceof SignetError)) throw fault;
    faults.push(fault);
    return 'damaged';
  }
}

function assemble(
  base: string,
  shown: PublicFile,
  secret: PrivateHalf | undefined,
  state: StateFile | undefined,
): KeyPair {
  const { rdata } = shown;
  return {
    zone: shown.zone,
    dnskey: rdata,
    tag: keyTag(rdata),
    algorithm: dnskeyAlgorithm(rdata),
    flags: dnskeyFlags(rdata),
    ttl: shown.ttl,
    // The state file wins over the .private file as in BIND; comments count only without the latter.
    times: { ...(secret ?? shown).times, ...state?.times },
    predecessor: state?.predecessor ?? secret?.predecessor,
    successor: state?.successor ?? secret?.successor,
    state: state?.state,
    private: secret?.material,
    fileBase: path.basename(base),
    class: shown.class === CLASS.IN ? undefined : shown.class,
    recordType: shown.recordType === 'KEY' ? 'KEY' : undefined,
    formatVersion: secret?.formatVersion === '1.2' ? '1.2' : undefined,
  };
}

/** Algorithm and tag of the name must be those of the record (S-012, S-013): a file renamed by hand is no such key. */
function checkName(file: string, base: string, shown: PublicFile): void {
  const expected = keyFileBase(shown.zone, dnskeyAlgorithm(shown.rdata), keyTag(shown.rdata));
  const actual = path.basename(base);
  if (actual.toLowerCase() === expected.toLowerCase()) return;
  const isOwner = actual.slice(0, -10).toLowerCase() === expected.slice(0, -10).toLowerCase();
  if (!isOwner) {
    const detail = `the record's owner is ${nameToText(shown.zone)}: rename the files to ${expected}.* or restore them`;
    throw keyFileError('KEY_FILE_WRONG_OWNER', file, detail);
  }
  const detail = `the record has key tag ${keyTag(shown.rdata)} and algorithm ${dnskeyAlgorithm(shown.rdata)}`;
  throw keyFileError('KEY_FILE_WRONG_NAME', file, `${detail}: rename the files to ${expected}.* or restore them`);
}

/** Times that contradict each other are kept, but said: BIND's tools only warn, too. */
function checkTimes(file: string, pair: KeyPair): SignetError[] {
  const { publish, activate, inactive, delete: removal } = pair.times;
  const faults: SignetError[] = [];
  const say = (what: string): void => {
    faults.push(keyFileError('KEY_FILE_TIMES', file, `${what}; correct the times with dnssec-settime`, 'nothing'));
  };
  if (removal !== undefined && inactive !== undefined && removal < inactive)
    say('the key is deleted before it is inactive');
  if (removal !== undefined && publish !== undefined && removal < publish)
    say('the key is deleted before it is published');
  if (inactive !== undefined && activate !== undefined && inactive < activate)
    say('the key is inactive before it is active');
  return faults;
}

function unknownState(file: string, state: StateFile): SignetError {
  const fields = state.state.unknownLines!.map((line) => line.slice(0, line.indexOf(':')));
  const detail = `unknown fields ${fields.join(', ')} are kept as they are; upgrade to use them`;
  return keyFileError('KEY_FILE_UNKNOWN_FIELD', file, detail, 'nothing');
}

/** The public half is written last: without it nothing of the key has ever been published by us. */
function missingPublic(file: string, left: readonly string[]): SignetError {
  const detail =
    `not found: the key is not used. Where a server ended while it made the key, remove what is left of it ` +
    `(${left.join(', ')}); else restore this file from a backup`;
  return keyFileError('KEY_FILE_MISSING', file, detail);
}

/**
 * Writes every file of a key, each in one step. The private half comes first: no public key is ever seen without it. The public half comes
 * last: what lacks it has never been a key.
 * @param directory that `pair.fileBase` is in
 * @param publicMode of .key and .state files
 * @throws DiskError
 */
export function saveKeyFiles(disk: Disk, directory: string, pair: KeyPair, publicMode: number): void {
  const base = path.join(directory, pair.fileBase);
  if (pair.private) disk.replace(`${base}.private`, writePrivateFile(pair), PRIVATE_FILE_MODE);
  if (pair.state) disk.replace(`${base}.state`, writeStateFile(pair), publicMode);
  disk.replace(`${base}.key`, writePublicFile(pair), publicMode);
}
