import { keyBits } from '../crypto/public-key.ts';
import { equalNames } from '../wire/name.ts';
import { DNSKEY_FLAG } from '../crypto/dnskey.ts';
import type { KeyPair } from '../keys/key-pair.ts';
import { PRIVATE_FILE_MODE, saveKeyFiles } from '../keys/key-pair-files.ts';
import type { KeyState, StateChange, StateCondition } from '../keys/key-state.ts';
import { formatCalendarTime, type KeyTime, type KeyTimes } from '../keys/key-times.ts';
import type { TimeArgument } from '../keys/time-argument.ts';
import { spreadByInterval, SUCCESSOR_PREPUBLICATION } from './dnssec-keygen-times.ts';
import { PRINTABLE, PROGRAM, readSettimeOptions, type SettimeOptions } from './dnssec-settime-options.ts';
import {
  Fatal,
  keyText,
  loadKeyArgument,
  processContext,
  runKeyTool,
  versionLine,
  writtenPath,
  type FoundKey,
  type KeyToolContext,
} from './key-tool.ts';

const USAGE = `Usage:
    dnssec-settime [options] keyfile

Changes and prints the times of a key.
    -K <directory>      where the key files are
    -f                  make a key of the old format one with times
    -L <ttl>            set the key's default TTL
    -v <level>          verbosity
    -h, -V              print this help, print the version
Times (date, [date]+/-offset, or none):
    -P <time>           publication
    -P ds <time>        the DS was seen at the parent
    -P sync <time>      publication of CDS and CDNSKEY
    -A <time>           activation
    -R <time>           revocation
    -I <time>           inactivation
    -D <time>           deletion
    -D ds <time>        the DS was seen to be gone
    -D sync <time>      deletion of CDS and CDNSKEY
    -S <key>            make this key the successor of that one
    -i <interval>       prepublication interval (successor: 30 days)
Key states (none, HIDDEN, RUMOURED, OMNIPRESENT, UNRETENTIVE), for tests:
    -s                  write the state file, too
    -g <state>          goal
    -d <state> <time>   DS
    -k <state> <time>   DNSKEY
    -r <state> <time>   RRSIG of the DNSKEY RRset
    -z <state> <time>   RRSIG of the zone's data
Printing:
    -p C|P|Pds|Psync|A|R|I|D|Dds|Dsync|all
    -u                  Unix times
Prints the names of the files written.
`;

/** @returns the exit code */
export function main(argv: readonly string[], context: KeyToolContext = processContext()): number {
  return runKeyTool(PROGRAM, USAGE, context.output, () => {
    const options = readSettimeOptions(argv, context);
    if (options === 'version') {
      context.output.complain(versionLine(PROGRAM));
      return 0;
    }
    run(options, context);
    return 0;
  });
}

function run(options: SettimeOptions, context: KeyToolContext): void {
  const now = context.clock.now();
  const predecessor =
    options.predecessor === undefined ? undefined : loadKeyArgument(context, options.predecessor, options.directory);
  if (predecessor) for (const option of ['-P', '-A']) refuseWithSuccessor(option, options);
  const found = loadKeyArgument(context, options.argument, options.directory);
  const times = predecessor
    ? successorTimes(predecessor.pair, found.pair, options, now, context)
    : intervalTimes(options, now);
  const changed = changeKey(upgraded(found.pair, options, now), options, times, predecessor?.pair, context);
  printTimes(changed, options, context);
  const isChanged = times.size > 0 || options.ttl !== undefined || options.states.size > 0 || options.force;
  if (!isChanged && !predecessor) return;
  write({ ...found, pair: changed }, options, context);
  if (predecessor) {
    const linked = { ...withState(predecessor.pair, options), successor: changed.tag };
    write({ ...predecessor, pair: linked }, options, context);
  }
}

function refuseWithSuccessor(option: string, options: SettimeOptions): void {
  const time: KeyTime = option === '-P' ? 'publish' : 'activate';
  if (options.times.has(time)) throw new Fatal(`-S and ${option} cannot be used together`);
}

/** -f starts a key's life now, unless times are given, and gives one of format 1.2 times at all. Without -f that is refused. */
function upgraded(pair: KeyPair, options: SettimeOptions, now: number): KeyPair {
  const isOld = pair.formatVersion === '1.2';
  if (isOld && !options.force) {
    const remedy = 'use -f to force upgrade to new version.';
    throw new Fatal(`Key ${keyText(pair)} has incompatible format version 1.2, ${remedy}`);
  }
  if (!options.force) return pair;
  const start = options.times.size === 0 ? { publish: now, activate: now } : {};
  const times = isOld ? { created: now } : pair.times;
  return { ...pair, formatVersion: undefined, times: { ...times, ...start } };
}

/** The times of the options, with what -i adds. */
function intervalTimes(options: SettimeOptions, now: number): Map<KeyTime, TimeArgument> {
  const times = new Map(options.times);
  if (options.interval === undefined || !(times.has('publish') || times.has('activate'))) return times;
  const { publish, activate } = spreadByInterval(times.get('publish'), times.get('activate'), options.interval, now);
  if (publish !== undefined) times.set('publish', publish);
  if (activate !== undefined) times.set('activate', activate);
  return times;
}

/** -S: active when the predecessor is no more, published an interval before. */
function successorTimes(
  predecessor: KeyPair,
  pair: KeyPair,
  options: SettimeOptions,
  now: number,
  context: KeyToolContext,
): Map<KeyTime, TimeArgument> {
  if (predecessor.formatVersion === '1.2')
    throw new Fatal(
      'Predecessor has incompatible format version 1.2\n\tIt is not possible to generate a successor key.',
    );
  const { activate, inactive, delete: removal } = predecessor.times;
  if (activate === undefined)
    throw new Fatal('Predecessor has no activation date. You must set one before\n\tgenerating a successor.');
  if (inactive === undefined)
    throw new Fatal('Predecessor has no inactivation date. You must set one before\n\tgenerating a successor.');
  const publish = inactive - (options.interval ?? SUCCESSOR_PREPUBLICATION);
  if (publish < now)
    throw new Fatal(
      'Time until predecessor inactivation is\n\tshorter than the prepublication interval.  Either change\n' +
        '\tpredecessor inactivation date, or use the -i option to set\n\ta shorter prepublication interval.',
    );
  if (removal === undefined)
    warn(context, 'Predecessor has no removal date;\n\tit will remain in the zone indefinitely after rollover.');
  checkPredecessor(predecessor, pair);
  return new Map(options.times).set('publish', publish).set('activate', inactive);
}

function checkPredecessor(predecessor: KeyPair, pair: KeyPair): void {
  if (!equalNames(predecessor.zone, pair.zone)) throw new Fatal('Key name mismatch');
  if (predecessor.algorithm !== pair.algorithm) throw new Fatal('Key algorithm mismatch');
  if (keyBits(predecessor.dnskey) !== keyBits(pair.dnskey)) throw new Fatal('Key size mismatch');
  if (predecessor.flags !== pair.flags) throw new Fatal('Key flags mismatch');
  if (predecessor.formatVersion === '1.2')
    throw new Fatal(
      'Predecessor has incompatible format version 1.2\n\tIt is not possible to generate a successor key.',
    );
}

function changeKey(
  pair: KeyPair,
  options: SettimeOptions,
  times: ReadonlyMap<KeyTime, TimeArgument>,
  predecessor: KeyPair | undefined,
  context: KeyToolContext,
): KeyPair {
  warnAboutTimes(pair, times, context);
  const changed: { [K in KeyTime]?: number } = { ...pair.times };
  for (const [time, value] of times) changed[time] = value === 'unset' ? undefined : value;
  warnAboutOrder(times, changed, context);
  const withNewTimes: KeyPair = {
    ...pair,
    times: changed,
    ttl: options.ttl === undefined ? pair.ttl : options.ttl || undefined,
    predecessor: predecessor?.tag ?? pair.predecessor,
  };
  return withState(withNewTimes, options, true);
}

/** The key with the state that -s is to write. Without -s the state file stays as it is. */
function withState(pair: KeyPair, options: SettimeOptions, sets = false): KeyPair {
  if (!options.updatesState) return { ...pair, state: undefined };
  const state: { -readonly [K in keyof KeyState]: KeyState[K] } = { ...pair.state };
  for (const [name, setting] of sets ? options.states : []) {
    state[name] = setting.condition;
    const change = CHANGES[name];
    if (change) state[change] = setting.condition && setting.since !== 'unset' ? setting.since : undefined;
  }
  return { ...pair, state };
}

const CHANGES: Readonly<Partial<Record<StateCondition, StateChange>>> = {
  dnskey: 'dnskeyChange',
  zrrsig: 'zrrsigChange',
  krrsig: 'krrsigChange',
  ds: 'dsChange',
};

function warnAboutTimes(pair: KeyPair, times: ReadonlyMap<KeyTime, TimeArgument>, context: KeyToolContext): void {
  const revoke = times.get('revoke');
  if (revoke === undefined || revoke === 'unset') return;
  if (pair.flags & DNSKEY_FLAG.REVOKE)
    warn(context, `Key ${keyText(pair)} is already revoked; changing the revocation date will not affect this.`);
  if ((pair.flags & DNSKEY_FLAG.SEP) === 0)
    warn(
      context,
      `Key ${keyText(pair)} is not flagged as a KSK, but -R was used.  Revoking a ZSK is legal, but undefined.`,
    );
}

function warnAboutOrder(times: ReadonlyMap<KeyTime, TimeArgument>, changed: KeyTimes, context: KeyToolContext): void {
  if (!times.has('inactive') && !times.has('delete')) return;
  if (changed.delete !== undefined && changed.inactive !== undefined && changed.delete < changed.inactive)
    warn(context, 'Key is scheduled to be deleted before it is\n\tscheduled to be inactive.');
}

function printTimes(pair: KeyPair, options: SettimeOptions, context: KeyToolContext): void {
  for (const [, time, label] of PRINTABLE) {
    if (!options.prints.has(time)) continue;
    const value = pair.times[time];
    const text = value === undefined ? 'UNSET' : options.printsUnixTime ? String(value) : formatCalendarTime(value);
    context.output.print(`${label}: ${text}\n`);
  }
}

function write(found: FoundKey, options: SettimeOptions, context: KeyToolContext): void {
  const directory = options.directory ?? found.directory;
  const { pair } = found;
  const file = (kind: string): string => writtenPath(directory, pair.fileBase, kind);
  const mode = context.disk.facts(file('private'))?.mode;
  if (mode !== undefined && mode !== PRIVATE_FILE_MODE) {
    const text = `from ${octal(mode)} to ${octal(PRIVATE_FILE_MODE)} as a result of this operation.`;
    warn(context, `Permissions on the file ${file('private')} have changed ${text}`);
  }
  saveKeyFiles(context.disk, directory, pair, context.publicMode);
  for (const kind of pair.state ? ['key', 'private', 'state'] : ['key', 'private'])
    context.output.print(`${file(kind)}\n`);
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}

function warn(context: KeyToolContext, text: string): void {
  context.output.complain(`${PROGRAM}: warning: ${text}\n`);
}

if (import.meta.main) process.exitCode = main(process.argv.slice(2));
