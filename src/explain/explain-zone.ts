import { algorithmText } from '../crypto/algorithm.ts';
import type { KeyAction } from '../policy/plan.ts';
import { manualSteps } from '../policy/key-wait.ts';
import {
  type Condition,
  dsGoneSince,
  dsSeenSince,
  isTakenUp,
  signsKeys,
  type PlannedKey,
} from '../policy/planned-key.ts';
import { nameToShortText } from '../wire/name-text.ts';
import type { ExplainInput } from './explain-input.ts';
import { explainKey } from './explain-key.ts';
import type { Explanation, ParentDuty, ParentKey } from './explanation.ts';
import { type ExplainScene, forecastSteps, timeOf } from './forecast.ts';
import { momentOf } from './interval-text.ts';
import { keyName, listText, STEP_TEXTS } from './key-words.ts';
import { lostToStay } from './lacking-half.ts';
import { parentRecords } from './parent-records.ts';
import { checkdsCommand, loadkeysCommand, stepCommand } from './rndc-command.ts';
import { momentText } from './time-text.ts';

/** Says what the keys of a zone are in, what they wait for, and what helps. Pure. */
export function explainZone(given: ExplainInput): Explanation {
  const input: ExplainScene = { ...given, forecast: forecastSteps(given) };
  const { apex, view, policy, keys, plan, now } = input;
  const { nextEvent } = plan;
  return {
    format: 1,
    zone: nameToShortText(apex),
    view,
    policy: policy.name,
    now: momentOf(now, now),
    status: statusOf(input),
    due: dueOf(input),
    parent: parentDuty(input),
    keys: keys.map((key) => explainKey(key, input)),
    ...(nextEvent !== undefined && { nextEvent: momentOf(nextEvent, now) }),
  };
}

function statusOf(input: ExplainInput): string[] {
  const { keys, plan, policy, now } = input;
  const { publication } = plan;
  const names = (ids: readonly string[]): string =>
    listText(keys.filter(({ id }) => ids.includes(id)).map((key) => keyName(key, keys)));
  const withDs = (condition: Condition): string =>
    names(keys.filter((key) => key.state?.ds === condition).map(({ id }) => id));
  const lines: string[] = [];
  if (!publication.isSigned)
    lines.push(`The zone is not signed: policy ${policy.name} has taken all DNSSEC records away.`);
  else if (publication.signsKeys.length === 0 || publication.signsZone.length === 0)
    lines.push('No key signs the zone yet.');
  else
    lines.push(
      `The DNSKEY RRset is signed by ${names(publication.signsKeys)}, all else by ${names(publication.signsZone)}.`,
    );
  const lacking = keys.filter(({ id }) => input.lacking?.has(id));
  if (lacking.length > 0)
    lines.push(`The private half of ${listText(lacking.map((key) => keyName(key, keys)))} is not there: see below.`);
  if (publication.syncDelete)
    lines.push('CDS and CDNSKEY ask the parent to remove every DS of the zone (RFC 8078 section 4).');
  lines.push(...trustTexts(withDs('omnipresent'), withDs('rumoured'), withDs('unretentive'), publication.isSigned));
  const unmanaged = keys.filter((key) => !isTakenUp(key));
  if (unmanaged.length > 0)
    lines.push(`Policy ${policy.name} does not manage ${listText(unmanaged.map((key) => keyName(key, keys)))}.`);
  for (const { key } of manualSteps(plan.waits).filter((wait) => !keys.some(({ id }) => id === wait.key)))
    lines.push(`A ${key} is not made before an operator says so (manual-mode): "${stepCommand(input)}".`);
  if (plan.nextEvent !== undefined) lines.push(`The next change comes by itself ${momentText(plan.nextEvent, now)}.`);
  return lines;
}

/** What resolvers trust: keys by the condition of their DS, '' where there are none. */
function trustTexts(known: string, coming: string, going: string, isSigned: boolean): string[] {
  if (known !== '') return [`The parent has the DS of ${known}.`];
  if (coming !== '' && going !== '') return [`At the parent the DS of ${coming} takes the place of that of ${going}.`];
  if (going !== '')
    return [`The DS of ${going} is to leave the parent; until it has left all caches resolvers validate the zone.`];
  if (coming !== '')
    return [`The DS of ${coming} is to be added at the parent: until then resolvers take the zone for unsigned.`];
  return isSigned ? ['No DS is known to be at the parent: resolvers may take the zone for unsigned.'] : [];
}

function dueOf(input: ExplainInput): string[] {
  const { plan, keys } = input;
  const lines = plan.actions.flatMap((action) => actionTexts(action, keys));
  if (lines.length === 0) return [];
  return [...lines, `named does this when it next looks at the keys; "${loadkeysCommand(input)}" makes it look now`];
}

function actionTexts(action: KeyAction, keys: readonly PlannedKey[]): string[] {
  const nameOf = (id: string): string => {
    const key = keys.find((one) => one.id === id);
    return key ? keyName(key, keys) : id;
  };
  switch (action.kind) {
    case 'generate': {
      const { line, predecessor } = action;
      const place = predecessor === undefined ? '' : ` to take the place of ${nameOf(predecessor)}`;
      return [`a ${line.role.toUpperCase()} (${algorithmText(line.algorithm)}, ${line.bits} bits) is made${place}`];
    }
    case 'adopt':
      return [`${nameOf(action.key)} is taken up by the policy`];
    case 'update': {
      const steps = action.changes.map(({ record, to }) => STEP_TEXTS[record][to]);
      if (steps.length === 0) return [`${nameOf(action.key)} gets new times in its files`];
      return steps.map((step) => `${nameOf(action.key)}: ${step}`);
    }
    case 'purge':
      return [`the files of ${nameOf(action.key)} are removed (purge-keys)`];
  }
}

/** RFC 7344, RFC 7583 sections 3.3.1 and 3.3.5: what only the parent can do. */
function parentDuty(input: ExplainScene): ParentDuty {
  const { keys, observations } = input;
  const ksks = keys.filter((key) => isTakenUp(key) && signsKeys(key));
  const isSeen = (key: PlannedKey): boolean =>
    dsSeenSince(key) !== undefined || (observations.dsSeen?.has(key.id) ?? false);
  const isGone = (key: PlannedKey): boolean =>
    dsGoneSince(key) !== undefined || (observations.dsGone?.has(key.id) ?? false);
  const lost = lostToStay(input);
  const toAdd = ksks.filter((key) => key.state?.ds === 'rumoured' && !isSeen(key) && !lost.includes(key));
  const toRemove = ksks.filter((key) => key.state?.ds === 'unretentive' && !isGone(key) && lost.length === 0);
  const tooEarly = ksks.filter((key) => key.state?.goal === 'omnipresent' && (key.state.ds ?? 'hidden') === 'hidden');
  const names = (list: readonly PlannedKey[]): string => listText(list.map((key) => keyName(key, keys)));
  return {
    add: toAdd.map((key) => parentKey(key, 'published', input)),
    remove: toRemove.map((key) => parentKey(key, 'withdrawn', input)),
    text: [
      ...(toAdd.length > 0 ? [`The parent should get the DS of ${names(toAdd)}.`] : []),
      ...(toRemove.length > 0 ? [`The parent should remove the DS of ${names(toRemove)}.`] : []),
      ...(toAdd.length > 0 && toRemove.length > 0
        ? ['Both at once, or first add and then remove: without any DS the zone counts as unsigned.']
        : []),
      ...tooEarly.filter((key) => !lost.includes(key)).map((key) => tooEarlyText(key, input)),
      ...(lost.length > 0
        ? [`Let no DS leave the parent, and none of ${names(lost)} come: its private half is not there.`]
        : []),
      ...(toAdd.length + toRemove.length + tooEarly.length === 0 ? ['Nothing is to be done at the parent.'] : []),
    ],
  };
}

/** RFC 7583 section 3.3.5: a DS that comes before signatures are everywhere makes the zone bogus for some. */
function tooEarlyText(key: PlannedKey, input: ExplainScene): string {
  const { plan, now, keys } = input;
  const wait = plan.waits.find((one) => one.key === key.id && one.record === 'ds');
  const earliest = wait && timeOf(wait, input);
  const when = earliest === undefined ? 'yet: what it waits for stands below' : `before ${momentText(earliest, now)}`;
  return `Do not give the parent the DS of ${keyName(key, keys)} ${when}.`;
}

function parentKey(key: PlannedKey, what: 'published' | 'withdrawn', input: ExplainInput): ParentKey {
  const dnskey = input.dnskeys?.get(key.id);
  return {
    key: key.id,
    tag: key.tag,
    algorithm: key.algorithm,
    ...(dnskey && { records: parentRecords(input.apex, dnskey, input.policy) }),
    command: checkdsCommand(key, what, input),
  };
}
