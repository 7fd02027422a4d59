import { algorithmText } from '../crypto/algorithm.ts';
import type {
  Advice,
  Explanation,
  FirstStep,
  KeyExplanation,
  Moment,
  ParentDuty,
  ParentKey,
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
    ...add.flatMap((one) => parentKeyLines(one, 'to add', 'all its servers have')),
    ...remove.flatMap((one) => parentKeyLines(one, 'to remove', 'none of its servers has')),
  ];
}

function parentKeyLines({ tag, records, command }: ParentKey, head: string, done: string): string[] {
  const lines = [`  ${head}, key ${tag}:`];
  if (!records) lines.push('    (the public key is not at hand: its DS cannot be shown)');
  else {
    lines.push(...records.ds.map((line) => `    ${line}`));
    for (const { keyTag, algorithm, digestType, digest } of records.dsFields)
      lines.push(
        `    as a form: key tag ${keyTag}, algorithm ${algorithm} (${algorithmText(algorithm)}), digest type ${digestType} (${DIGESTS[digestType] ?? 'not known'}), digest ${digest}`,
      );
    const { flags, protocol, algorithm, publicKey } = records.keyFields;
    lines.push(
      `    as a key: flags ${flags}, protocol ${protocol}, algorithm ${algorithm} (${algorithmText(algorithm)}), public key ${publicKey}`,
      `    in the zone: ${records.cds.join('; ')}`,
      ...(records.cdnskey === undefined ? [] : [`    in the zone: ${records.cdnskey}`]),
    );
  }
  return [...lines, `    once ${done} it, unless named asks parental agents: ${command}`];
}

function keyLines(key: KeyExplanation): string[] {
  const names = key.records.map(({ name }) => name.length);
  const width = Math.max(0, ...names);
  return [
    `${key.role} ${key.tag} (${key.algorithmName}), ${key.key}: ${key.status}`,
    ...key.records.map(({ name, condition, since, text }) => {
      const moment = since === undefined ? '' : ` since ${since.utc}`;
      return `  ${name.padEnd(width)}  ${condition}${moment}: ${text}`;
    }),
    ...key.waits.flatMap((wait, i) => waitLines(wait, i === 0)),
    `  removal: ${key.removal.text}`,
    ...(key.history.length === 0 ? [] : ['  latest events:']),
    ...key.history.map(({ at, text }) => `    ${at.utc}  ${text}`),
  ];
}

function waitLines(wait: WaitExplanation, isFirst: boolean): string[] {
  const { step, cause, first, earliest, rule, advice } = wait;
  const isTime = (first ?? wait).reason === 'time';
  return [
    `  ${isFirst ? 'next step' : 'then'}: ${step}`,
    `    not yet   ${cause}`,
    ...(first === undefined ? [] : [`    first     ${firstText(first)}`]),
    `    earliest  ${earliest === undefined ? 'not known' : momentLine(earliest)}`,
    ...(rule === undefined ? [] : [`    rule      ${rule.text}`]),
    ...(rule?.meaning === undefined ? [] : [`              ${rule.term} is the ${rule.meaning}`]),
    ...(advice.length === 0 && isTime ? ['    to do     nothing: time brings it'] : advice.map(adviceLine)),
  ];
}

function firstText({ name, step, cause, earliest }: FirstStep): string {
  return `${name}: ${step}; not yet: ${cause}${earliest === undefined ? '' : `, until ${momentLine(earliest)}`}`;
}

const momentLine = ({ utc, distance }: Moment): string => `${utc} (${distance})`;

const adviceLine = ({ text, command }: Advice): string =>
  `    to do     ${text}${command === undefined ? '' : `: ${command}`}`;
