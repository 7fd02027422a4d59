import { availableParallelism } from 'node:os';
import path from 'node:path';
import { SystemRandom } from '../base/random.ts';
import { SignetError } from '../base/error.ts';
import { serialMethod } from '../signer/serial-method.ts';
import { signVersion } from '../signer/sign-zone.ts';
import type { Denial, SigningParameters, SigningStatistics } from '../signer/signing-parameters.ts';
import { SigningPool } from '../signer/signing-pool.ts';
import { verifyZone } from '../validate/verify-zone.ts';
import { decodeSoa } from '../wire/rdata/soa.ts';
import { TYPE } from '../wire/type-codes.ts';
import { printZone, type PrintFormat } from '../zone/print-zone.ts';
import { Arena, type VersionRef } from '../zone/store/arena.ts';
import { ExtentPool } from '../zone/store/extent-pool.ts';
import { ZoneReader } from '../zone/store/zone-reader.ts';
import { ZoneStore } from '../zone/store/zone-store.ts';
import { EXPLICIT_TTL_STYLE, FULL_STYLE } from '../zonefile/printer.ts';
import { formatCalendarTime } from '../keys/key-times.ts';
import { Fatal, processContext, versionLine, WantsUsage, type KeyToolContext } from './key-tool.ts';
import { limitTtls, printDnssecRecords, takeChildDs, writeSetFiles } from './dnssec-signzone-files.ts';
import {
  announceChanges,
  checkRoles,
  dataOf,
  findKeys,
  signingKeys,
  syncRecords,
  type ZoneKey,
} from './dnssec-signzone-keys.ts';
import { parseOptions, PROGRAM, USAGE, type SignzoneOptions } from './dnssec-signzone-options.ts';
import { loadInput, zoneOrigin } from './dnssec-zone-input.ts';
import { printVerdict } from './verify-report.ts';

/** dnssec-signzone(1) of BIND 9.18. @returns the exit code */
export async function main(
  argv: readonly string[],
  context: KeyToolContext = processContext(),
  createArena: () => Arena = () => Arena.create(),
): Promise<number> {
  const { output } = context;
  try {
    const invocation = parseOptions(argv, context.clock.now());
    if (invocation.kind === 'version') {
      output.complain(versionLine(PROGRAM));
      return 0;
    }
    return await new ZoneSigner(invocation.options, context).run(createArena());
  } catch (fault) {
    if (fault instanceof WantsUsage) output.complain(`${fault.message}${USAGE}`);
    else if (fault instanceof Fatal || fault instanceof SignetError)
      output.complain(`${PROGRAM}: fatal: ${fault.message}\n`);
    else throw fault;
    return 1;
  }
}

/** One run of the command. */
class ZoneSigner {
  readonly #options: SignzoneOptions;
  readonly #context: KeyToolContext;
  readonly #begun: number;
  readonly #report: (text: string) => void;

  constructor(options: SignzoneOptions, context: KeyToolContext) {
    this.#options = options;
    this.#context = context;
    this.#begun = context.clock.monotonic();
    // What is for people must not get between the records of `-f -`.
    const { output } = context;
    const write =
      options.output === '-' ? (text: string) => output.complain(text) : (text: string) => output.print(text);
    this.#report = options.quiet ? () => undefined : write;
  }

  async run(arena: Arena): Promise<number> {
    const options = this.#options;
    const apex = zoneOrigin(options.origin);
    this.#checkDirectories();
    const store = new ZoneStore({ apex }, { arena, extents: new ExtentPool(arena) });
    const threads = options.threads === undefined || options.threads === 0 ? availableParallelism() : options.threads;
    // The threads start while the zone is loaded. No more than two sign a small zone: a thread costs 40 ms.
    const isSmall = (this.#context.disk.facts(options.file)?.size ?? 0) < SMALL_FILE;
    await using pool = new SigningPool({ threads: isSmall ? 1 : threads, callerSigns: true }, { arena });
    const input = { file: options.file, format: options.inputFormat };
    let source = loadInput(PROGRAM, store, arena, input, this.#context);
    if (options.takeDs) source = takeChildDs(store, arena, source, options.dssetDirectory, this.#context);
    if (options.maxTtl !== undefined) source = limitTtls(store, arena, source, options.maxTtl);
    const zone = new ZoneReader(arena).open(source);
    const keys = findKeys(options, zone, this.#context);
    announceChanges(keys, zone, this.#report);
    const parameters = this.#parameters(zone, keys);
    checkRoles(keys, options, this.#context.output.complain);
    const signingBegun = this.#context.clock.monotonic();
    const wanted = { parameters, source, previous: 0, serial: this.#serial(zone) };
    const signed = await signVersion(store, wanted, { pool, random: new SystemRandom() });
    const signingTime = this.#context.clock.monotonic() - signingBegun;
    const statistics = { ...signed.statistics };
    if (!(await this.#verify(arena, signed.version, threads, statistics))) return 1;
    this.#write(arena, signed.version);
    const setOptions = {
      directory: options.dssetDirectory,
      keyset: options.writeKeyset,
      ttl: decodeSoa(dataOf(zone, TYPE.SOA)[0]).minimum,
    };
    writeSetFiles(apex, keys, setOptions, this.#context);
    if (options.output !== '-') this.#context.output.print(`${options.output}\n`);
    if (options.statistics) this.#printStatistics(statistics, signingTime);
    return 0;
  }

  /** Long work is not begun when its result could not be written. */
  #checkDirectories(): void {
    const { output, dssetDirectory } = this.#options;
    const isThere = (directory: string): boolean => this.#context.disk.facts(directory)?.isDirectory === true;
    if (dssetDirectory !== undefined && !isThere(dssetDirectory))
      throw new Fatal(`cannot open directory ${dssetDirectory}: file not found`);
    if (output !== '-' && !isThere(path.dirname(output)))
      throw new Fatal(`failed to open temporary output file: file not found: ${path.dirname(output)} is no directory`);
  }

  #parameters(zone: ZoneReader, keys: readonly ZoneKey[]): SigningParameters {
    const options = this.#options;
    const now = this.#context.clock.now();
    if (options.end <= options.start || options.keyEnd <= options.start)
      throw new Fatal('failed to sign data: invalid time: the end (-e, -X) must be later than the start (-s)');
    const published = keys.filter((key) => key.isPublished).map((key) => key.dnskey);
    return {
      inception: options.start,
      expiration: options.end,
      expirationDnskey: options.keyEnd,
      jitter: options.jitter,
      refreshBefore: now + options.cycle,
      now,
      labLegacy: options.labLegacy,
      denial: denialOf(zone, options),
      keyRRsets: {
        dnskey: published,
        ...syncRecords(keys, zone, options.smart, now),
        ttl: keyTtl(zone, keys, options),
      },
      keys: signingKeys(keys, options),
      oldSignatures: {
        keepInactive: !options.dropInactive,
        keepUnpublished: !options.dropUnpublished && !options.dropInactive,
      },
    };
  }

  #serial(zone: ZoneReader): number | undefined {
    const { serial } = this.#options;
    return serial === 'keep' ? undefined : serialMethod(serial, this.#context.clock.now())(zone.serial, undefined);
  }

  async #verify(arena: Arena, version: VersionRef, threads: number, statistics: SigningStatistics): Promise<boolean> {
    const options = this.#options;
    if (!options.verify && !options.verifySignatures) return true;
    const settings = {
      now: this.#context.clock.now(),
      threads,
      ignoreKskFlag: options.ignoreKskFlag,
      labLegacy: options.labLegacy,
    };
    const verdict = await verifyZone(arena, version, settings);
    if (options.verifySignatures) statistics.verified += statistics.generated;
    const { complain } = this.#context.output;
    printVerdict(verdict, options.kskOnly, { report: this.#report, complain });
    if (!verdict.ok) this.#report('Zone verification failed (failure)\n');
    return verdict.ok;
  }

  #write(arena: Arena, version: VersionRef): void {
    const { options, pieces } = { options: this.#options, pieces: [] as Uint8Array[] };
    const now = this.#context.clock.now();
    const header = `; File written on ${formatCalendarTime(now)}\n; dnssec_signzone version ${versionLine('').trim()}\n`;
    const take = (piece: Uint8Array): void => void pieces.push(piece);
    if (options.onlyDnssec) printDnssecRecords(arena, version, { header, dnskeys: options.smart }, take);
    else printZone(version, this.#format(header, now), arena, take);
    if (options.output === '-') for (const piece of pieces) this.#context.output.print(piece);
    else this.#context.disk.replace(options.output, pieces, this.#context.publicMode);
  }

  #format(header: string, now: number): PrintFormat {
    const { outputFormat, sourceSerial } = this.#options;
    if (outputFormat.kind === 'raw')
      return { kind: 'raw', header: { version: outputFormat.version, written: now, sourceSerial } };
    return { kind: 'text', style: outputFormat.kind === 'full' ? FULL_STYLE : EXPLICIT_TTL_STYLE, header };
  }

  #printStatistics(statistics: SigningStatistics, signingTime: number): void {
    const seconds = signingTime / 1000;
    const runtime = (this.#context.clock.monotonic() - this.#begun) / 1000;
    const rate = seconds > 0 ? statistics.generated / seconds : 0;
    const lines: [string, string][] = [
      ['Signatures generated:', String(statistics.generated)],
      ['Signatures retained:', String(statistics.retained)],
      ['Signatures dropped:', String(statistics.dropped)],
      ['Signatures successfully verified:', String(statistics.verified)],
      ['Signatures unsuccessfully verified:', String(statistics.refuted)],
      ['Signing time in seconds:', seconds.toFixed(3)],
      ['Signatures per second:', rate.toFixed(3)],
      ['Runtime in seconds:', runtime.toFixed(3)],
    ];
    const text = lines.map(([label, value]) => `${label}${value.padStart(46 - label.length)}\n`).join('');
    if (this.#options.output === '-') this.#context.output.complain(text);
    else this.#context.output.print(text);
  }
}

/** Below this a zone is signed before another thread is up: octets of its file. */
const SMALL_FILE = 64 * 1024;

/** Without -u a signed zone keeps its chain; with it, and for unsigned zones, -3, -H and -A decide. */
function denialOf(zone: ZoneReader, options: SignzoneOptions): Denial {
  const { nsec3, iterations, optOut } = options;
  const wanted: Denial = nsec3
    ? { kind: 'nsec3', salt: nsec3.salt, iterations: iterations ?? 0, optOut: optOut ?? false }
    : { kind: 'nsec' };
  if (options.updateChain) return wanted;
  const param = dataOf(zone, TYPE.NSEC3PARAM).find((rdata) => rdata[1] === 0);
  if (param) return keptChain(zone, param, options);
  if (nsec3 && dataOf(zone, TYPE.NSEC).length > 0)
    throw new Fatal('Zone contains NSEC records.  Use -u to update to NSEC3.');
  return wanted;
}

function keptChain(zone: ZoneReader, param: Uint8Array, { nsec3, iterations, optOut }: SignzoneOptions): Denial {
  const kept = { iterations: (param[2] << 8) | param[3], salt: param.slice(5, 5 + param[4]), optOut: hasOptOut(zone) };
  if (nsec3 && Buffer.compare(nsec3.salt, kept.salt) !== 0)
    throw new Fatal('An NSEC3 chain exists with a different salt. Use -u to update it.');
  if (iterations !== undefined && iterations !== kept.iterations)
    throw new Fatal('An NSEC3 chain exists with different iterations. Use -u to update it.');
  if (optOut === true && !kept.optOut) throw new Fatal('An NSEC3 chain exists without OPTOUT. Use -u -A to set it.');
  if (optOut === false && kept.optOut) throw new Fatal('An NSEC3 chain exists with OPTOUT. Use -u -AA to clear it.');
  return { kind: 'nsec3', ...kept };
}

function hasOptOut(zone: ZoneReader): boolean {
  const node = zone.hashAt(0);
  const rrset = node === 0 ? 0 : zone.rrset(node, TYPE.NSEC3);
  return rrset !== 0 && (zone.rdataAll(rrset)[0][1] & 1) !== 0;
}

/** dnssec-signzone(1) -T: that of the RRset, else the keys' own, else -T, else the SOA's. */
function keyTtl(zone: ZoneReader, keys: readonly ZoneKey[], options: SignzoneOptions): number {
  const rrset = zone.rrset(zone.apexNode, TYPE.DNSKEY);
  if (rrset !== 0) return zone.ttl(rrset);
  const own = keys.flatMap(({ pair, isPublished }) => (isPublished && pair?.ttl !== undefined ? [pair.ttl] : []));
  if (own.length > 0) return Math.min(...own);
  return options.keyTtl ?? zone.ttl(zone.rrset(zone.apexNode, TYPE.SOA));
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
