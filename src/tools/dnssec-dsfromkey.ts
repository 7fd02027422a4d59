import path from 'node:path';
import { compareOctets, toHex } from '../base/octets.ts';
import { dsDigestByName, dsRdata } from '../crypto/ds-digest.ts';
import { DNSKEY_FLAG, dnskeyFlags, isRevoked } from '../crypto/dnskey.ts';
import { readPublicFile } from '../keys/public-file.ts';
import { equalNames, uncheckedName, type Name } from '../wire/name.ts';
import { nameToText } from '../wire/name-text.ts';
import { CLASS, TYPE } from '../wire/type-codes.ts';
import { MasterFileScanner, type RecordSink } from '../zonefile/scanner.ts';
import {
  classArgument,
  debugLevel,
  Fatal,
  keyFileArgument,
  nameArgument,
  parseKeyToolLine,
  processContext,
  refuseOption,
  runKeyTool,
  setFileName,
  ttlArgument,
  versionLine,
  WantsUsage,
  type KeyToolContext,
} from './key-tool.ts';

const PROGRAM = 'dnssec-dsfromkey';

const USAGE = `Usage:
    dnssec-dsfromkey [options] keyfile
    dnssec-dsfromkey [options] -f zonefile [zonename]
    dnssec-dsfromkey [options] -s dnsname
    dnssec-dsfromkey [-h|-V]

Prints the DS records of keys.
    -1                  digest SHA-1 (deprecated, RFC 9905)
    -2                  digest SHA-256 (the default)
    -a <digest>         digest SHA-1, SHA-256 or SHA-384; may be repeated
    -A                  ZSKs too, not only KSKs (with -f)
    -C                  print CDS records
    -c <class>          class of the records read (with -f or -s; default IN)
    -f <zonefile>       read the keys from a zone file ("-": standard input)
    -K <directory>      where key and keyset files are
    -s                  read the keys from keyset-<dnsname>
    -T <ttl>            TTL to print (default: none is printed)
    -v <level>          verbosity
    -h, -V              print this help, print the version
`;

interface Options {
  digests: Set<number>;
  allKeys: boolean;
  cds: boolean;
  class: number;
  zoneFile: string | undefined;
  directory: string | undefined;
  keyset: boolean;
  ttl: number | undefined;
}

/** @returns the exit code */
export function main(argv: readonly string[], context: KeyToolContext = processContext()): number {
  return runKeyTool(PROGRAM, USAGE, context.output, () => {
    const line = parseKeyToolLine(argv, '12Aa:Cc:d:Ff:K:l:sT:v:hV', () => false);
    const options: Options = {
      digests: new Set(),
      allKeys: false,
      cds: false,
      class: CLASS.IN,
      zoneFile: undefined,
      directory: undefined,
      keyset: false,
      ttl: undefined,
    };
    for (const option of line.options) {
      if (option.kind === 'invalid') refuseOption(PROGRAM, option.letter);
      if (option.letter === 'V') {
        context.output.complain(versionLine(PROGRAM));
        return 0;
      }
      readOption(option.letter, option.kind === 'value' ? option.argument : '', options, context);
    }
    if (argv.length === 0) throw new WantsUsage('');
    return run(options, line.operands, context);
  });
}

function readOption(letter: string, argument: string, options: Options, context: KeyToolContext): void {
  switch (letter) {
    case '1':
    case '2':
      options.digests.add(Number(letter));
      break;
    case 'a':
      options.digests.add(digestNumber(argument));
      break;
    case 'A':
      options.allKeys = true;
      break;
    case 'C':
      options.cds = true;
      break;
    case 'c':
      options.class = classArgument(argument);
      break;
    case 'd':
      context.output.complain(`${PROGRAM}: the -d option is deprecated; use -K\n`);
      options.directory = argument;
      break;
    case 'K':
      options.directory = argument;
      break;
    case 'f':
      options.zoneFile = argument;
      break;
    case 'l':
      throw new Fatal('-l option (DLV lookaside) is obsolete');
    case 's':
      options.keyset = true;
      break;
    case 'T':
      options.ttl = ttlArgument(argument);
      break;
    case 'v':
      debugLevel(argument);
      break;
    case 'F':
      refuseOption(PROGRAM, 'F');
      break;
    case 'h':
      throw new WantsUsage('');
  }
}

function digestNumber(text: string): number {
  const known = dsDigestByName(text);
  if (known) return known.number;
  if (/^\d{1,3}$/.test(text) || text.toUpperCase() === 'GOST')
    throw new Fatal(`can't build record: DS digest type ${text} is not supported; use SHA-256 or SHA-384`);
  throw new Fatal(`unknown DS algorithm ${text}`);
}

function run(options: Options, operands: readonly string[], context: KeyToolContext): number {
  if (options.keyset && options.zoneFile !== undefined) throw new Fatal('cannot use both -s and -f');
  if (operands.length > 1) throw new Fatal('extraneous arguments');
  const [operand] = operands;
  if (options.zoneFile !== undefined) {
    const zoneName = operand ?? options.zoneFile;
    printFromZone(options, zoneName, options.zoneFile, options.allKeys, context);
  } else if (operand === undefined) throw new Fatal('the key file name was not specified');
  else if (options.keyset) {
    const zone = zoneArgument(operand);
    const file = path.join(options.directory ?? '.', setFileName('keyset', zone));
    printFromZone(options, operand, file, true, context); // a keyset file has all keys that belong in the DS set
  } else printFromKeyFile(options, operand, context);
  return 0;
}

function printFromKeyFile(options: Options, argument: string, context: KeyToolContext): void {
  // As with BIND, a key that is not in the directory of -K is looked for where the argument says.
  const places = [options.directory, undefined].map((directory) => `${keyFileArgument(argument, directory).base}.key`);
  const file = places.find((place) => context.disk.facts(place)) ?? places[0];
  const octets = context.disk.read(file);
  if (!octets) throw new Fatal(`can't load ${argument.replace(/\.(key|private|)$/, '')}.key: file not found`);
  const { zone, rdata, recordType } = readPublicFile(file, octets);
  if (recordType !== 'DNSKEY') throw new Fatal(`can't load ${file}: it holds a KEY record, which has no DS`);
  print(options, zone, [rdata], context);
}

function printFromZone(
  options: Options,
  zoneName: string,
  file: string,
  allKeys: boolean,
  context: KeyToolContext,
): void {
  const zone = zoneArgument(zoneName);
  const keys = readZoneKeys(options, zone, file, context);
  if (keys.length === 0) throw new Fatal(`no DNSKEY RR for ${zoneName.replace(/\.$/, '')} in ${file}`);
  const wanted = keys.filter((key) => allKeys || (dnskeyFlags(key) & DNSKEY_FLAG.SEP) !== 0);
  print(options, zone, wanted, context);
}

function zoneArgument(text: string): Name {
  return nameArgument(text, () => `could not initialize name ${text}`);
}

/** The zone's DNSKEYs in canonical order, each once. */
function readZoneKeys(options: Options, zone: Name, file: string, context: KeyToolContext): Uint8Array[] {
  const isInput = file === '-';
  const octets = isInput ? context.readInput() : context.disk.read(file);
  if (!octets) throw new Fatal(`can't load ${file}: file not found`);
  const keys: Uint8Array[] = [];
  const sink: RecordSink = {
    record: (owner, ownerLength, type, _ttl, rdata, rdataLength) => {
      if (type !== TYPE.DNSKEY || !equalNames(uncheckedName(owner.subarray(0, ownerLength)), zone)) return;
      keys.push(rdata.slice(0, rdataLength));
    },
  };
  const scanOptions = { file: isInput ? 'standard input' : file, origin: zone, zoneClass: options.class };
  const result = new MasterFileScanner(scanOptions, { disk: context.disk, sink }).scan(octets);
  for (const fault of result.faults) context.output.complain(`${PROGRAM}: ${fault.severity}: ${fault.message}\n`);
  if (result.errors > 0) throw new Fatal(`can't load ${isInput ? 'from input' : file}: it has errors, see above`);
  keys.sort(compareOctets);
  return keys.filter((key, i) => i === 0 || compareOctets(keys[i - 1], key) !== 0);
}

/** One line a digest and key, as BIND prints them; revoked keys are left out. */
function print(options: Options, owner: Name, keys: readonly Uint8Array[], context: KeyToolContext): void {
  const digests = options.digests.size === 0 ? [2] : [...options.digests].toSorted((a, b) => a - b);
  const ttl = options.ttl === undefined ? '' : `${options.ttl} `;
  for (const key of keys) {
    if (isRevoked(key)) continue;
    for (const digest of digests) {
      if (digest === 1) context.output.complain('WARNING: DS digest type 1 is deprecated\n');
      const rdata = dsRdata(owner, key, digest);
      const fields = [(rdata[0] << 8) | rdata[1], rdata[2], rdata[3], toHex(rdata.subarray(4)).toUpperCase()];
      context.output.print(`${nameToText(owner)} ${ttl}IN ${options.cds ? 'CDS' : 'DS'} ${fields.join(' ')}\n`);
    }
  }
}

if (import.meta.main) process.exitCode = main(process.argv.slice(2));
