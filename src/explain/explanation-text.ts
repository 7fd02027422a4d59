import { algorithmText } from '../crypto/algorithm.ts';
import type {
  Advice,
  DsFields,
  Explanation,
  FirstStep,
  KeyExplanation,
  Moment,
  ParentDuty,
  ParentKey,
  ParentRecords,
  WaitExplanation,
} from './explanation.ts';

/** DS digest types by their IANA names. */
const DIGESTS: Readonly<Record<number, string>> = { 1: 'SHA-1', 2: 'SHA-256', 4: 'SHA-384' };

/** The explanation for a person: lines that end with a line feed. With `key` only that key's part, by its id. */
export function explanationText(explanation: Explanation, { key }: { readonly key?: string } = {}): string {
  const { zone, view, policy, now, status, due, parent, keys } = explanation;
  const place = view === '_default' ? zone : `${zone} in view ${view}`;
  const shown = keys.filter((one) => key === undefined || one.key === key);
  const lines = [
    `zone ${place}, policy ${policy}, at ${now.utc}`,
    ...status.map((line) => `  ${line}`),
    ...(due.length === 0 ? [] : ['', 'due now:', ...due.map((line) => `  ${line}`)]),
    ...(key === undefined ? ['', 'at the parent:', ...parentLines(parent)] : []),
    ...shown.flatMap((one) => ['', ...keyLines(one)]),
  ];
  return `${lines.join('\n')}\n`;
}

function parentLines({ text, add, remove }: ParentDuty): string[] {
  return [
    ...text.map((line) => `  ${line}`),
    ...add.flatMap((one) => parentKeyLines(one, 'add')),
    ...remove.flatMap((one) => parentKeyLines(one, 'remove')),
  ];
}

function parentKeyLines({ tag, records, command }: ParentKey, what: 'add' | 'remove'): string[] {
  const lines = [`  to ${what}, key ${tag}:`];
  if (!records) lines.push('    (the public key is not at hand: its DS cannot be shown)');
  else {
    lines.push(...records.ds.map((line) => `    ${line}`), ...records.dsFields.map(formLine));
    if (what === 'add') lines.push(...keyFormLines(records));
  }
  const done = what === 'add' ? 'all its servers have' : 'none of its servers has';
  return [...lines, `    once ${done} it, unless named asks parental agents: ${command}`];
}

function formLine({ keyTag, algorithm, digestType, digest }: DsFields): string {
  const type = `${digestType} (${DIGESTS[digestType] ?? 'not known'})`;
  return `    as a form: key tag ${keyTag}, ${algorithmField(algorithm)}, digest type ${type}, digest ${digest}`;
}

/** RFC 7344: what the parent may fetch by itself is in the zone, too. */
function keyFormLines({ keyFields, cds, cdnskey }: ParentRecords): string[] {
  const { flags, protocol, algorithm, publicKey } = keyFields;
  return [
    `    as a key: flags ${flags}, protocol ${protocol}, ${algorithmField(algorithm)}, public key ${publicKey}`,
    ...[...cds, ...(cdnskey === undefined ? [] : [cdnskey])].map((line) => `    in the zone: ${line}`),
  ];
}

const algorithmField = (algorithm: number): string => `algorithm ${algorithm} (${algorithmText(algorithm)})`;

function keyLines(key: KeyExplanation): string[] {
  const names = key.records.map(({ name }) => name.length);
  const width = Math.max(0, ...names);
  return [
    `${key.role} ${key.tag} (${key.algorithmName}), ${key.key}: ${key.status}`,
    ...(key.lacks === undefined ? [] : [`  lacks: ${key.lacks.text}`, ...key.lacks.advice.map(adviceLine)]),
    ...key.records.map(({ name, condition, since, text }) => {
      const moment = since === undefined ? '' : ` since ${since.utc}`;
      return `  ${name.padEnd(width)}  ${condition}${moment}: ${text}`;
    }),
    ...key.waits.flatMap((wait, i) => waitLines(wait, key.key, i === 0)),
    `  removal: ${key.removal.text}`,
    ...(key.history.length === 0 ? [] : ['  latest events:']),
    ...key.history.map(({ at, text }) => `    ${at.utc}  ${text}`),
  ];
}

function waitLines(wait: WaitExplanation, key: string, isFirst: boolean): string[] {
  const { step, cause, first, earliest, rule, advice } = wait;
  const isTime = (first ?? wait).reason === 'time';
  const isToldAbove = !isFirst && first?.key === key;
  return [
    `  ${isFirst ? 'next step' : 'then'}: ${step}`,
    `    not yet   ${cause}`,
    ...(first === undefined ? [] : [`    first     ${firstText(first)}`]),
    `    earliest  ${earliest === undefined ? 'not known' : momentLine(earliest)}`,
    ...(rule === undefined ? [] : [`    rule      ${rule.text}`]),
    ...(rule?.meaning === undefined ? [] : [`              ${rule.term} is the ${rule.meaning}`]),
    ...(advice.length === 0 && isTime
      ? ['    to do     nothing: time brings it']
      : isToldAbove
        ? []
        : advice.map(adviceLine)),
  ];
}

function firstText({ name, step, cause, earliest }: FirstStep): string {
  return `${name}: ${step}; not yet: ${cause}${earliest === undefined ? '' : `, until ${momentLine(earliest)}`}`;
}

const momentLine = ({ utc, distance }: Moment): string => `${utc} (${distance})`;

const adviceLine = ({ text, command }: Advice): string =>
  `    to do     ${text}${command === undefined ? '' : `: ${command}`}`;
