import type { KeyPair } from '../keys/key-pair.ts';
import type { KeyTimes } from '../keys/key-times.ts';
import type { TimeArgument } from '../keys/time-argument.ts';
import type { KeygenOptions, TimeOption } from './dnssec-keygen-options.ts';
import { Fatal, keyText } from './key-tool.ts';

/** BIND 9.18: a successor is published 30 days before its predecessor becomes inactive. */
export const SUCCESSOR_PREPUBLICATION = 30 * 86400;

/** Complaints that do not stop the work: each becomes "program: warning: ...". */
export type Warn = (text: string) => void;

/** Times of a new key by the options (dnssec-keygen(1), Timing options). @throws Fatal */
export function newKeyTimes(options: KeygenOptions, isKsk: boolean, now: number, warn: Warn): KeyTimes {
  const { times } = options;
  if (options.legacyFormat) {
    if (times.size > 0 || options.generateOnly)
      throw new Fatal('cannot use -C together with -P, -A, -R, -I, -D, or -G options');
    return {};
  }
  if (options.generateOnly && (times.has('-P') || times.has('-A')))
    throw new Fatal('cannot use -G together with -P or -A options');
  const { publish, activate } = start(options, now);
  return { created: now, publish, activate, ...laterTimes(options, isKsk, warn) };
}

/** Publication and activation, kept apart by the prepublication interval (-i) when there is one. */
function start(options: KeygenOptions, now: number): { publish: number | undefined; activate: number | undefined } {
  const publish = options.times.get('-P');
  const activate = options.times.get('-A');
  const spread = spreadByInterval(publish, activate, options.prepublication, now);
  const rest = options.generateOnly ? undefined : now;
  return {
    publish: asTime(spread.publish ?? (typeof spread.activate === 'number' ? spread.activate : rest)),
    activate: asTime(spread.activate ?? rest),
  };
}

/** What -i adds to publication and activation; the result still has undefined where nothing is said. @throws Fatal */
export function spreadByInterval(
  publish: TimeArgument | undefined,
  activate: TimeArgument | undefined,
  interval: number | undefined,
  now: number,
): { publish: TimeArgument | undefined; activate: TimeArgument | undefined } {
  if (interval === undefined) return { publish, activate };
  if (typeof publish === 'number' && typeof activate === 'number' && activate - publish < interval)
    throw new Fatal('Activation and publication dates are closer together than the\n\tprepublication interval.');
  let spread = { publish, activate };
  if (publish === undefined && activate === undefined) spread = { publish: now, activate: now + interval };
  else if (activate === undefined && typeof publish === 'number') spread = { publish, activate: publish + interval };
  else if (publish === undefined && typeof activate === 'number') spread = { publish: activate - interval, activate };
  if (typeof spread.activate === 'number' && spread.activate - interval < now)
    throw new Fatal('Time until activation is shorter than the\n\tprepublication interval.');
  return spread;
}

function laterTimes(options: KeygenOptions, isKsk: boolean, warn: Warn): KeyTimes {
  const time = (option: TimeOption): number | undefined => asTime(options.times.get(option));
  const [inactive, removal] = [time('-I'), time('-D')];
  if (time('-R') !== undefined && !isKsk)
    warn('Key is not flagged as a KSK, but -R was used. Revoking a ZSK is legal, but undefined.');
  if (removal !== undefined && inactive !== undefined && removal < inactive)
    warn('Key is scheduled to be deleted before it is scheduled to be made inactive.');
  return {
    revoke: time('-R'),
    inactive,
    delete: removal,
    syncPublish: time('-P sync'),
    syncDelete: time('-D sync'),
  };
}

/** Times of a key that follows another: it is active when that one no longer is. @throws Fatal */
export function successorTimes(predecessor: KeyPair, options: KeygenOptions, now: number, warn: Warn): KeyTimes {
  const text = `Key ${keyText(predecessor)}`;
  if (predecessor.formatVersion === '1.2')
    throw new Fatal(`${text} has incompatible format version 1.2\n\tIt is not possible to generate a successor key.`);
  const { activate, inactive, delete: removal } = predecessor.times;
  if (activate === undefined)
    throw new Fatal(
      `${text} has no activation date.\n\tYou must use dnssec-settime -A to set one before generating a successor.`,
    );
  if (inactive === undefined)
    throw new Fatal(
      `${text} has no inactivation date.\n\tYou must use dnssec-settime -I to set one before generating a successor.`,
    );
  const publish = inactive - (options.prepublication ?? SUCCESSOR_PREPUBLICATION);
  if (publish < now)
    throw new Fatal(
      `${text} becomes inactive\n\tsooner than the prepublication period for the new key ends.\n` +
        '\tEither change the inactivation date with dnssec-settime -I,\n' +
        '\tor use the -i option to set a shorter prepublication interval.',
    );
  if (removal === undefined)
    warn(
      `${text} has no removal date;\n\t it will remain in the zone indefinitely after rollover.\n` +
        '\t You can use dnssec-settime -D to change this.',
    );
  const isKsk = (predecessor.flags & 1) !== 0 || options.flags.has('KSK');
  return { created: now, publish, activate: inactive, ...laterTimes(options, isKsk, warn) };
}

function asTime(time: TimeArgument | undefined): number | undefined {
  return time === 'unset' ? undefined : time;
}
