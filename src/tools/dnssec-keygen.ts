import { silentLog } from '../base/log.ts';
import { algorithmByName, signingRefusal, type DnssecAlgorithm } from '../crypto/algorithm.ts';
import { DNSKEY_FLAG } from '../crypto/dnskey.ts';
import { RSA_LEAST_NEW_BITS } from '../crypto/key-generation.ts';
import { keyBits, RSA_MAX_MODULUS_BITS } from '../crypto/public-key.ts';
import { FileKeyStore } from '../keys/file-key-store.ts';
import { keyFileBase } from '../keys/key-file-name.ts';
import type { KeyPair } from '../keys/key-pair.ts';
import { saveKeyFiles } from '../keys/key-pair-files.ts';
import type { KeyRequest } from '../keys/key-store.ts';
import { CLASS } from '../wire/type-codes.ts';
import { policyRequests } from './dnssec-keygen-policy.ts';
import { PROGRAM, readKeygenOptions, zoneOf, type KeygenOptions } from './dnssec-keygen-options.ts';
import { newKeyTimes, successorTimes } from './dnssec-keygen-times.ts';
import { Fatal, loadKeyArgument, processContext, runKeyTool, versionLine, type KeyToolContext } from './key-tool.ts';

/** What -a is taken to be when it is left out; BIND 9.18 wants it given. RFC 8624 section 3.1 recommends it. */
const DEFAULT_ALGORITHM = 'ECDSAP256SHA256';
/** BIND 9.18. */
const DEFAULT_RSA_BITS = 2048;

const USAGE = `Usage:
    dnssec-keygen [options] name

Makes a DNSSEC key of the zone or host that name names.
    -a <algorithm>      RSASHA256 | RSASHA512 | ECDSAP256SHA256 (default) |
                        ECDSAP384SHA384 | ED25519 | ED448
    -b <bits>           RSA key size, 1024 to 4096 (default 2048)
    -K <directory>      where the key files go
    -k <policy>         make the keys of a dnssec-policy
    -l <file>           configuration file that has the policy
    -3                  use an algorithm fit for NSEC3
    -n <nametype>       ZONE (default) | OTHER; with -T KEY: ZONE | HOST | ENTITY | USER
    -c <class>          class of the record (default IN)
    -f <flag>           KSK | REVOKE
    -L <ttl>            default TTL of the key
    -p <protocol>       protocol octet (default 3)
    -s <strength>       signatory field of a KEY record
    -T <rrtype>         DNSKEY (default) | KEY (for SIG(0))
    -t <type>           AUTHCONF (default) | NOAUTH | NOCONF, for KEY records
    -q                  quiet
    -h, -V              print this help, print the version
    -v <level>          verbosity
    --lab-legacy        allow RSAMD5, RSASHA1 and NSEC3RSASHA1, for laboratories
Times (date, [date]+/-offset, or none):
    -P <time>           publication (default: now)
    -P sync <time>      publication of CDS and CDNSKEY
    -A <time>           activation (default: now)
    -R <time>           revocation
    -I <time>           inactivation
    -D <time>           deletion
    -D sync <time>      deletion of CDS and CDNSKEY
    -G                  make the key only; neither publish nor use it
    -C                  old format without times
    -S <key>            make a successor of that key
    -i <interval>       prepublication interval (successor: 30 days)
Prints K<name>+<algorithm>+<tag>: the names of the .key and .private files.
`;

/** @returns the exit code */
export function main(argv: readonly string[], context: KeyToolContext = processContext()): number {
  return runKeyTool(PROGRAM, USAGE, context.output, () => {
    const options = readKeygenOptions(argv, context);
    if (options === 'version') {
      context.output.complain(versionLine(PROGRAM));
      return 0;
    }
    if (options.policy !== undefined) makePolicyKeys(options, context);
    else if (options.predecessor !== undefined) makeSuccessor(options, options.predecessor, context);
    else makeKey(options, keyRequest(options, context), context);
    return 0;
  });
}

function makePolicyKeys(options: KeygenOptions, context: KeyToolContext): void {
  checkProtocol(options);
  const times = (isKsk: boolean) => newKeyTimes(options, isKsk, context.clock.now(), warning(context));
  // Keys of one zone keep apart in several directories, too.
  const avoidTags: number[] = [];
  for (const request of policyRequests(options, zoneOf(options), times, context))
    avoidTags.push(makeKey(options, { ...request, avoidTags: [...avoidTags] }, context).tag);
}

function makeSuccessor(options: KeygenOptions, argument: string, context: KeyToolContext): void {
  const { pair: predecessor, directory } = loadKeyArgument(context, argument, options.directory);
  const capitals = (text: string): void => context.output.complain(`${PROGRAM}: WARNING: ${text}\n`);
  const times = successorTimes(predecessor, options, context.clock.now(), capitals);
  const request: KeyRequest = {
    zone: predecessor.zone,
    algorithm: predecessor.algorithm,
    flags: predecessor.flags | keyFlag(options),
    bits: keyBits(predecessor.dnskey),
    ttl: options.ttl,
    times,
    predecessor: predecessor.tag,
    class: predecessor.class,
    labLegacy: options.labLegacy,
  };
  if (options.recordType === 'KEY') throw new Fatal('no nametype specified');
  checkProtocol(options);
  const successor = makeKey(options, request, context);
  const linked = { ...predecessor, successor: successor.tag, state: undefined }; // BIND leaves the state file as it is
  saveKeyFiles(context.disk, directory, linked, context.publicMode);
}

function keyRequest(options: KeygenOptions, context: KeyToolContext): KeyRequest {
  const algorithm = chosenAlgorithm(options);
  const bits = chosenBits(options, algorithm);
  const recordType = options.recordType ?? 'DNSKEY';
  const zone = zoneOf(options);
  const flags = recordType === 'KEY' ? keyRecordFlags(options) : dnskeyRecordFlags(options);
  if (options.generator) throw new Fatal('specified DH generator for a non-DH key');
  if (recordType === 'DNSKEY') checkProtocol(options);
  if (algorithm.labLegacy)
    context.output.complain(
      `WARNING: DNSKEY algorithm '${algorithm.mnemonic}' is deprecated. Please migrate to another algorithm\n`,
    );
  return {
    zone,
    algorithm: algorithm.number,
    flags,
    bits,
    ttl: options.ttl,
    times: newKeyTimes(options, (flags & DNSKEY_FLAG.SEP) !== 0, context.clock.now(), warning(context)),
    protocol: options.protocol,
    class: options.class === CLASS.IN ? undefined : options.class,
    recordType,
    formatVersion: options.legacyFormat ? '1.2' : undefined,
    labLegacy: options.labLegacy,
  };
}

function chosenAlgorithm(options: KeygenOptions): DnssecAlgorithm {
  const text = options.algorithm ?? DEFAULT_ALGORITHM;
  const named = algorithmByName(text);
  if (!named) throw new Fatal(`unknown algorithm ${text}`);
  // -3: RSASHA1 has a twin that says "NSEC3 understood" (RFC 5155 section 2).
  const algorithm = options.nsec3Capable && named.number === 5 ? algorithmByName('NSEC3RSASHA1')! : named;
  const refusal = signingRefusal(algorithm.number, options);
  if (!refusal) return algorithm;
  const remedy = algorithm.labLegacy ? 'use ECDSAP256SHA256 (or --lab-legacy in a laboratory)' : 'use ECDSAP256SHA256';
  throw new Fatal(`unsupported algorithm: ${text}: ${refusal}; ${remedy}`);
}

function chosenBits(options: KeygenOptions, algorithm: DnssecAlgorithm): number | undefined {
  if (algorithm.keyKind !== 'rsa') return undefined;
  const bits = options.bits ?? DEFAULT_RSA_BITS;
  if (bits < RSA_LEAST_NEW_BITS || bits > RSA_MAX_MODULUS_BITS) throw new Fatal(`RSA key size ${bits} out of range`);
  return bits;
}

/** -n and -f for a DNSKEY (RFC 4034 section 2.1.1); a key for something else than a zone has no flags at all. */
function dnskeyRecordFlags(options: KeygenOptions): number {
  checkKeyUse(options);
  const nameType = options.nameType?.toUpperCase() ?? 'ZONE';
  if (nameType === 'OTHER') return 0;
  if (nameType === 'ZONE') return DNSKEY_FLAG.ZONE | keyFlag(options);
  throw new Fatal(`invalid DNSKEY nametype ${options.nameType}`);
}

function keyFlag(options: KeygenOptions): number {
  return (options.flags.has('KSK') ? DNSKEY_FLAG.SEP : 0) | (options.flags.has('REVOKE') ? DNSKEY_FLAG.REVOKE : 0);
}

/** Name type in bits 6 and 7, use in bits 0 and 1, signatory in bits 12 to 15 of a KEY's flags (RFC 2535 section 3.1.2). */
function keyRecordFlags(options: KeygenOptions): number {
  if (options.nameType === undefined) throw new Fatal('no nametype specified');
  const nameType = NAME_TYPES[options.nameType.toUpperCase()];
  if (nameType === undefined) throw new Fatal(`invalid KEY nametype ${options.nameType}`);
  return nameType | checkKeyUse(options) | options.signatory;
}

const NAME_TYPES: Readonly<Record<string, number>> = { ZONE: 0x0100, HOST: 0x0200, ENTITY: 0x0200, USER: 0 };
const KEY_USES: Readonly<Record<string, number>> = { AUTHCONF: 0, NOCONF: 0x4000, NOAUTH: 0x8000, NOAUTHCONF: 0xc000 };

function checkKeyUse(options: KeygenOptions): number {
  const use = KEY_USES[(options.keyUse ?? 'AUTHCONF').toUpperCase()];
  if (use === undefined) throw new Fatal(`invalid type ${options.keyUse}`);
  if (use === KEY_USES.NOAUTHCONF) throw new Fatal('specified null key with non-zero size');
  return use;
}

function checkProtocol(options: KeygenOptions): void {
  if (options.protocol !== undefined && options.protocol !== 3)
    throw new Fatal(`invalid DNSKEY protocol: ${options.protocol}`);
}

function makeKey(options: KeygenOptions, request: KeyRequest, context: KeyToolContext): KeyPair {
  const showsProgress = !options.quiet && context.isInteractive;
  if (showsProgress) context.output.complain('Generating key pair......');
  const store = new FileKeyStore(
    { directory: request.directory ?? options.directory ?? '.', publicMode: context.publicMode },
    { disk: context.disk, clock: context.clock, log: options.quiet ? silentLog : toolLog(context) },
  );
  const pair = store.generate({ ...request, onCollision: (tag) => tellCollision(options, request, tag, context) });
  if (showsProgress) context.output.complain('+++++ \n');
  context.output.print(`${pair.fileBase}\n`);
  return pair;
}

function tellCollision(options: KeygenOptions, request: KeyRequest, tag: number, context: KeyToolContext): void {
  if (options.verbosity <= 0) return;
  const base = keyFileBase(request.zone, request.algorithm, tag);
  const what = 'already exists, or might collide with another key upon revokation';
  context.output.complain(`${PROGRAM}: ${base} ${what}.  Generating a new key\n`);
}

function toolLog(context: KeyToolContext) {
  return { write: (record: { readonly text: string }) => warning(context)(record.text) };
}

function warning(context: KeyToolContext): (text: string) => void {
  return (text) => context.output.complain(`${PROGRAM}: warning: ${text}\n`);
}

if (import.meta.main) process.exitCode = main(process.argv.slice(2));
