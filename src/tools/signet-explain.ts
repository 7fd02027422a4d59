import path from 'node:path';
import { DiskError } from '../base/disk-error.ts';
import { SignetError } from '../base/error.ts';
import { explainZone } from '../explain/explain-zone.ts';
import { explanationText } from '../explain/explanation-text.ts';
import type { Explanation } from '../explain/explanation.ts';
import type { LackingHalf } from '../explain/lacking-half.ts';
import type { Configuration } from '../conf/configuration.ts';
import { HistoryError } from '../history/history-error.ts';
import { HistoryReader } from '../history/history-reader.ts';
import type { HistoryEntry } from '../history/key-history.ts';
import type { KeyPair } from '../keys/key-pair.ts';
import { plan } from '../policy/plan.ts';
import type { PlannedKey } from '../policy/planned-key.ts';
import type { Publication } from '../policy/publication.ts';
import { selectKey } from '../policy/requests.ts';
import { mustName } from '../wire/name-text.ts';
import { countSignedZone, type SignedZoneCount } from './signed-zone-count.ts';
import { readServedTtls } from './signet-served-ttls.ts';
import { DEFAULT_CONFIGURATION, EXIT, Refusal } from './signet-context.ts';
import type { SignetContext } from './signet-context.ts';
import { historyFile } from './signet-history.ts';
import { optionHelp, parseOptions } from './signet-options.ts';
import type { OptionForms } from './signet-options.ts';
import { historyZoneName, loadConfiguration, managedZones, plannedKey, readKeys } from './signet-zones.ts';
import type { ManagedZone } from './signet-zones.ts';

const OPTIONS: OptionForms = {
  config: { argument: 'named.conf', help: `the configuration; default ${DEFAULT_CONFIGURATION}` },
  view: { argument: 'NAME', help: 'in this view' },
  json: { help: 'a JSON document' },
  help: { help: 'this text' },
};

export const EXPLAIN_HELP = `usage: signet explain ZONE [KEY] [options]

Says of each key of a zone, or of one by its tag, what it is in, what it waits for, until when, by which rule, and which command
helps. Reads key files and the history; named need not run.

${optionHelp(OPTIONS)}`;

/** Events of the history that an explanation is given; it shows the latest of each key. */
const MOST_EVENTS = 1000;

/** `signet explain`. @throws SignetError for what cannot be explained */
export function explainCommand(words: readonly string[], context: SignetContext): number {
  const options = parseOptions(words, OPTIONS);
  if (options.has('help')) {
    context.output.print(EXPLAIN_HELP);
    return EXIT.good;
  }
  const [zone, keyText, ...more] = options.operands;
  if (zone === undefined || more.length > 0) throw new Refusal('name a zone, and a key if you like');
  const configuration = loadConfiguration(options.value('config') ?? DEFAULT_CONFIGURATION, context);
  const managed = managedZones(configuration, { zone, view: options.value('view') });
  const answers = managed.map((one) => explain(one, keyText, configuration, context));
  if (options.has('json')) {
    const zones = answers.map(({ explanation, key }) => onlyKey(explanation, key));
    context.output.print(`${JSON.stringify({ format: 'signet-explain', version: 1, zones }, undefined, 2)}\n`);
  } else {
    const texts = answers.map(({ explanation, key }) => explanationText(explanation, key === undefined ? {} : { key }));
    context.output.print(texts.join('\n'));
  }
  return EXIT.good;
}

interface Answer {
  readonly explanation: Explanation;
  /** Id of the only key that is asked for. */
  readonly key: string | undefined;
}

function explain(
  managed: ManagedZone,
  keyText: string | undefined,
  configuration: Configuration,
  context: SignetContext,
): Answer {
  const pairs = readKeys(managed, context);
  const keys = pairs.map(plannedKey);
  const key = keyText === undefined ? undefined : findKey(keyText, keys, managed.label);
  const { policy, view, zone, signedFile } = managed;
  const now = context.clock.now();
  const observations = { served: readServedTtls(`${signedFile}.ttls`, context.disk) };
  const planned = plan(policy, keys, observations, now);
  const explanation = explainZone({
    apex: mustName(zone.name),
    view,
    policy,
    keys,
    plan: planned,
    observations,
    now,
    dnskeys: new Map(pairs.map((pair) => [pair.fileBase, pair.dnskey])),
    lacking: lackingHalves(pairs, planned.publication, managed, context),
    history: readHistory(managed, configuration, context),
  });
  return { explanation, key };
}

/**
 * Keys that a zone is signed with and that cannot sign any more. Only if there are any the signed zone is read, which tells how long
 * that goes well; where there is none nothing rests on the keys.
 */
function lackingHalves(
  pairs: readonly KeyPair[],
  { signsKeys, signsZone }: Publication,
  { zone, keyDirectory, signedFile }: ManagedZone,
  context: SignetContext,
): ReadonlyMap<string, LackingHalf> {
  const signers = new Set([...signsKeys, ...signsZone]);
  const fileOf = (pair: KeyPair): string => path.join(pair.directory ?? keyDirectory, `${pair.fileBase}.private`);
  const lacking = pairs.filter(
    (pair) => pair.private === undefined && signers.has(pair.fileBase) && !isKeptFromUs(fileOf(pair), context),
  );
  if (lacking.length === 0 || context.disk.facts(signedFile) === undefined) return new Map();
  const served = readSignedZone(zone.name, signedFile, context);
  return new Map(
    lacking.map((pair) => {
      const file = fileOf(pair);
      const end = served?.bySigner.get(`${pair.algorithm}/${pair.tag}`)?.firstEnd;
      return [pair.fileBase, { file, ...(end !== undefined && { end }) }];
    }),
  );
}

/** Only the owner may read a private key: that another person cannot says nothing about the server. */
function isKeptFromUs(file: string, { disk }: SignetContext): boolean {
  try {
    disk.read(file);
    return false;
  } catch (fault) {
    return fault instanceof DiskError && (fault.facts.reason === 'EACCES' || fault.facts.reason === 'EPERM');
  }
}

/** An explanation does without the signed zone; one that is there and cannot be read is told of. */
function readSignedZone(zone: string, file: string, context: SignetContext): SignedZoneCount | undefined {
  try {
    return countSignedZone(zone, file, context);
  } catch (fault) {
    if (!(fault instanceof SignetError)) throw fault;
    context.output.complain(`warning: ${fault.message}\n`);
    return undefined;
  }
}

function findKey(text: string, keys: readonly PlannedKey[], zone: string): string {
  const [, tag, algorithm] = /^(\d{1,5})(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const byName = keys.find(({ id }) => id === text.replace(/\.(?:key|private|state)$/, ''));
  if (byName !== undefined) return byName.id;
  const list = (some: readonly PlannedKey[]): string =>
    some.map((key) => `${key.tag}/${key.algorithm}`).join(', ') || 'none';
  if (tag === undefined) throw new Refusal(`${text}: name a key by its tag, as 12345, by 12345/13, or by its file`);
  const selector = { tag: Number(tag), ...(algorithm !== undefined && { algorithm: Number(algorithm) }) };
  const selection = selectKey(keys, selector, 'any');
  if (selection.kind === 'found') return selection.key.id;
  if (selection.kind === 'none') throw new Refusal(`${zone} has no key ${text}; there are ${list(keys)}`);
  throw new Refusal(`${zone} has several keys ${text}: say which of ${list(selection.candidates)}`);
}

/** An explanation does without a history; one that is there and cannot be read is told of. */
function readHistory(
  { zone, view }: ManagedZone,
  configuration: Configuration,
  context: SignetContext,
): HistoryEntry[] {
  const file = historyFile(configuration);
  if (context.disk.facts(file) === undefined) return [];
  try {
    using reader = HistoryReader.open(file, context);
    const query = { zone: historyZoneName(zone.name), view, order: 'newest first', limit: MOST_EVENTS } as const;
    return reader.read(query).toReversed();
  } catch (fault) {
    if (!(fault instanceof HistoryError)) throw fault;
    context.output.complain(`warning: ${fault.message}\n`);
    return [];
  }
}

function onlyKey(explanation: Explanation, key: string | undefined): Explanation {
  if (key === undefined) return explanation;
  return { ...explanation, keys: explanation.keys.filter((one) => one.key === key) };
}
