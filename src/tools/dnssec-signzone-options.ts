import { parseCommandLine } from '../base/command-line.ts';
import { fromHex } from '../base/octets.ts';
import { parseKeyTime } from '../keys/key-times.ts';
import { parseInterval } from '../keys/time-argument.ts';
import { checkZoneClass, Fatal, invalidOptionText, refuseEngine, WantsUsage } from './key-tool.ts';

export const PROGRAM = 'dnssec-signzone';

export type OutputFormat = { readonly kind: 'text' | 'full' } | { readonly kind: 'raw'; readonly version: 0 | 1 };
export type SerialFormat = 'keep' | 'increment' | 'unixtime' | 'date';

/** Command line of dnssec-signzone(1) of BIND 9.18. */
export interface SignzoneOptions {
  readonly file: string;
  readonly keyFiles: readonly string[];
  readonly kskFiles: readonly string[];
  readonly origin: string;
  readonly output: string;
  readonly inputFormat: 'text' | 'raw';
  readonly outputFormat: OutputFormat;
  readonly sourceSerial: number | undefined;
  readonly smart: boolean;
  readonly keyDirectory: string | undefined;
  readonly dssetDirectory: string | undefined;
  readonly takeDs: boolean;
  readonly writeKeyset: boolean;
  readonly onlyDnssec: boolean;
  readonly maxTtl: number | undefined;
  readonly keyTtl: number | undefined;
  /** Unix seconds. */
  readonly start: number;
  readonly end: number;
  readonly keyEnd: number;
  /** Seconds before the end of a signature in which it is replaced. */
  readonly cycle: number;
  readonly jitter: number;
  readonly serial: SerialFormat;
  readonly threads: number | undefined;
  readonly nsec3: { readonly salt: Uint8Array } | undefined;
  readonly iterations: number | undefined;
  /** -A on, -AA off. */
  readonly optOut: boolean | undefined;
  readonly updateChain: boolean;
  readonly verify: boolean;
  readonly verifySignatures: boolean;
  readonly dropInactive: boolean;
  readonly dropUnpublished: boolean;
  readonly quiet: boolean;
  readonly statistics: boolean;
  readonly kskOnly: boolean;
  readonly ignoreKskFlag: boolean;
  readonly labLegacy: boolean;
}

const LETTERS = '3:AaCc:Dd:E:e:f:F:ghH:i:I:j:K:k:L:l:m:M:n:N:o:O:PpQqRr:s:ST:tuUv:VX:xzZ:';
/** Known to dnssec-signzone or its developers, not to this command. */
const REFUSED: Readonly<Record<string, string>> = {
  F: '-F (FIPS mode) is not supported: choose a Node.js built for FIPS instead',
  l: '-l option (DLV lookaside) is obsolete',
  p: 'The -p option has been deprecated.\n',
  r: 'The -r options has been deprecated.\n',
  Z: '-Z (undocumented, for tests of BIND) is not supported: leave it out',
};

export type Invocation = { readonly kind: 'version' } | { readonly kind: 'sign'; readonly options: SignzoneOptions };

/** @param now Unix seconds. @throws Fatal, WantsUsage */
export function parseOptions(argv: readonly string[], now: number): Invocation {
  const words = argv.filter((word) => word !== '--lab-legacy');
  const line = parseCommandLine(words, LETTERS);
  const flags = new Set<string>();
  const values = new Map<string, string>();
  const kskFiles: string[] = [];
  let optOuts = 0;
  for (const option of line.options) {
    if (option.kind === 'invalid') throw new WantsUsage(invalidOptionText(PROGRAM, option));
    const { letter } = option;
    if (REFUSED[letter]) throw new Fatal(REFUSED[letter]);
    if (letter === 'h') throw new WantsUsage('');
    if (letter === 'V') return { kind: 'version' };
    if (option.kind === 'flag') flags.add(letter);
    else if (letter === 'k') kskFiles.push(option.argument);
    else values.set(letter, option.argument);
    if (letter === 'A') optOuts++;
    if (letter === 'E') refuseEngine(values.get('E')!);
    check(letter, values.get(letter) ?? '');
  }
  const [file, ...keyFiles] = line.operands;
  if (file === undefined) throw new WantsUsage('');
  const times = timesOf(values, now);
  const outputFormat = outputFormatOf(values.get('O') ?? (values.get('f') === '-' ? 'full' : 'text'));
  if (flags.has('D')) refuseWithD(values, outputFormat);
  const options: SignzoneOptions = {
    file,
    keyFiles,
    kskFiles,
    origin: values.get('o') ?? file,
    output: values.get('f') ?? `${file}.signed`,
    inputFormat: inputFormatOf(values.get('I') ?? 'text'),
    outputFormat,
    sourceSerial: numeric(values, 'L', 'source serial number must be numeric'),
    smart: flags.has('S'),
    keyDirectory: values.get('K'),
    dssetDirectory: values.get('d'),
    takeDs: flags.has('g'),
    writeKeyset: flags.has('C'),
    onlyDnssec: flags.has('D'),
    maxTtl: numeric(values, 'M', 'maximum TTL must be numeric'),
    keyTtl: values.has('T') ? parseInterval(values.get('T')!) : undefined,
    ...times,
    cycle:
      numeric(values, 'i', 'cycle period must be numeric and positive') ?? Math.trunc((times.end - times.start) / 4),
    jitter: numeric(values, 'j', 'jitter must be numeric and positive') ?? 0,
    serial: serialFormatOf(values.get('N') ?? 'keep'),
    threads: numeric(values, 'n', 'number of cpus must be numeric'),
    nsec3: saltOf(values.get('3')),
    iterations: numeric(values, 'H', 'iterations must be numeric'),
    optOut: optOuts === 0 ? undefined : optOuts % 2 === 1,
    updateChain: flags.has('u'),
    verify: !flags.has('P'),
    verifySignatures: flags.has('a'),
    dropInactive: flags.has('Q'),
    dropUnpublished: flags.has('R'),
    quiet: flags.has('q'),
    statistics: flags.has('t'),
    kskOnly: flags.has('x'),
    ignoreKskFlag: flags.has('z'),
    labLegacy: words.length < argv.length,
  };
  return { kind: 'sign', options };
}

function check(letter: string, argument: string): void {
  if (letter === 'c') checkZoneClass(argument);
  if (letter === 'v' && !/^\d+$/.test(argument)) throw new Fatal('verbose level must be numeric');
  if (letter === 'H' && Number(argument) > MAX_ITERATIONS)
    throw new Fatal(`NSEC3 iterations too big. Maximum iterations allowed ${MAX_ITERATIONS}.`);
}

/** What BIND 9.18 allows; RFC 9276 section 3.1 wants 0. */
const MAX_ITERATIONS = 150;

/** RFC 9276 or not, the same words as BIND: -D output goes into the unsigned file by $INCLUDE. */
function refuseWithD(values: ReadonlyMap<string, string>, format: OutputFormat): void {
  if (format.kind === 'raw') throw new Fatal('option -D can only be used with "-O text"');
  if ((values.get('N') ?? 'keep').toLowerCase() !== 'keep')
    throw new Fatal('option -D can only be used with "-N keep"');
  if (values.has('M')) throw new Fatal('option -D cannot be used with -M');
}

function numeric(values: ReadonlyMap<string, string>, letter: string, complaint: string): number | undefined {
  const text = values.get(letter);
  if (text === undefined) return undefined;
  if (!/^\d+$/.test(text) || Number(text) > 0xffffffff) throw new Fatal(complaint);
  return Number(text);
}

function outputFormatOf(text: string): OutputFormat {
  if (text === 'text' || text === 'full') return { kind: text };
  if (text === 'raw' || text === 'raw=1') return { kind: 'raw', version: 1 };
  if (text === 'raw=0') return { kind: 'raw', version: 0 };
  if (text.startsWith('raw=')) throw new Fatal('unknown raw format version number');
  throw new Fatal(`unknown file format: ${text}`);
}

function inputFormatOf(text: string): 'text' | 'raw' {
  if (text === 'text' || text === 'raw') return text;
  throw new Fatal(`unknown file format: ${text}`);
}

function serialFormatOf(text: string): SerialFormat {
  const lower = text.toLowerCase();
  if (lower === 'keep' || lower === 'increment' || lower === 'unixtime' || lower === 'date') return lower;
  throw new Fatal(`unknown soa serial format: ${text}`);
}

function saltOf(text: string | undefined): { salt: Uint8Array } | undefined {
  if (text === undefined) return undefined;
  const salt = text === '-' ? new Uint8Array(0) : fromHex(text);
  if (!salt) throw new Fatal('isc_hex_decodestring(salt): bad hex encoding');
  if (salt.length > 255) throw new Fatal('isc_hex_decodestring(salt): ran out of space');
  return { salt };
}

function timesOf(values: ReadonlyMap<string, string>, now: number): { start: number; end: number; keyEnd: number } {
  const start = values.has('s') ? parseTime(values.get('s')!, now, now) : now - 3600;
  const end = values.has('e') ? parseTime(values.get('e')!, start, now) : start + 30 * 86400;
  const keyEnd = values.has('X') ? parseTime(values.get('X')!, start, now) : end;
  return { start, end, keyEnd };
}

/** YYYYMMDDHHMMSS in UTC, +N or -N seconds from `base`, now, now+N or now-N seconds; 0 is the epoch. */
function parseTime(text: string, base: number, now: number): number {
  if (text === 'now') return now;
  if (text === '0') return 0;
  const relative = /^(now)?([+-])(\d+)$/.exec(text);
  if (relative) return (relative[1] ? now : base) + Number(relative[3]) * (relative[2] === '+' ? 1 : -1);
  const time = parseKeyTime(text);
  if (time !== undefined) return time;
  throw new Fatal(`time value ${text} is invalid${/^\d{14}$/.test(text) ? ': out of range' : ''}`);
}

export const USAGE = `Usage:
	${PROGRAM} [options] zonefile [keys]

Options: (default value in parenthesis) 
	-S:	smart signing: automatically finds key files
		for the zone and determines how they are to be used
	-K directory:
		directory to find key files (.)
	-d directory:
		directory to find dsset-* files (.)
	-g:	update DS records based on child zones' dsset-* files
	-s [YYYYMMDDHHMMSS|+offset]:
		RRSIG start time - absolute|offset (now - 1 hour)
	-e [YYYYMMDDHHMMSS|+offset|"now"+offset]:
		RRSIG end time - absolute|from start|from now (start + 30 days)
	-X [YYYYMMDDHHMMSS|+offset|"now"+offset]:
		DNSKEY RRSIG end - absolute|from start|from now (matches -e)
	-i interval:
		cycle interval - resign if < interval from end ( (end-start)/4 )
	-j jitter:
		randomize signature end time up to jitter seconds
	-o origin:
		zone origin (name of zonefile)
	-f outfile:
		file the signed zone is written in (zonefile + .signed)
	-I format:
		file format of input zonefile (text)
	-O format:
		file format of signed zone file (text)
	-N format:
		soa serial format of signed zone file (keep)
	-D:
		output only DNSSEC-related records
	-a:	verify generated signatures
	-c class (IN)
	-P:	disable post-sign verification
	-Q:	remove signatures from keys that are no longer active
	-R:	remove signatures from keys that no longer exist
	-T TTL:	TTL for newly added DNSKEYs
	-t:	print statistics
	-u:	update or replace an existing NSEC/NSEC3 chain
	-x:	sign DNSKEY record with KSKs only, not ZSKs
	-z:	sign all records with KSKs
	-C:	generate a keyset file, for compatibility
	-n ncpus (number of cpus present)
	-k key_signing_key
	-3 NSEC3 salt
	-H NSEC3 iterations (0)
	-A NSEC3 optout
	-L serial: source serial of a raw file
	-M maxttl: larger TTLs are reduced to it
	-q:	quiet
	-v level, -V: version, -h: this help
	--lab-legacy: algorithms 1, 5 and 7 may sign, in laboratories

Signing Keys: (default: all zone keys that have private keys)
	keyfile (Kname+alg+tag)
`;
