import { SignetError } from '../base/error.ts';
import { isoTime } from '../base/iso-time.ts';
import { equalOctets } from '../base/octets.ts';
import type { Configuration, DnssecPolicy } from '../conf/configuration.ts';
import { printPolicy } from '../conf/print-policy.ts';
import { zoneNameKey } from '../conf/zone-name.ts';
import { algorithmText } from '../crypto/algorithm.ts';
import { keyTag } from '../crypto/key-tag.ts';
import type { KeyPair } from '../keys/key-pair.ts';
import type { ServedTtl } from '../policy/observations.ts';
import { changeReport, changeReportJson, changeReportText } from '../simulate/change-report.ts';
import type { ChangeReport } from '../simulate/change-report.ts';
import { signatureFatesJson, signatureLines } from '../simulate/signature-change.ts';
import { simulate } from '../simulate/simulate.ts';
import type { Scenario, Simulation } from '../simulate/simulation.ts';
import { JSON_VERSION } from '../simulate/timeline-json.ts';
import { countSignedZone } from './signed-zone-count.ts';
import type { SignedZoneCount } from './signed-zone-count.ts';
import { readServedTtls } from './signet-served-ttls.ts';
import { EXIT, Refusal } from './signet-context.ts';
import type { SignetContext } from './signet-context.ts';
import { oneOperand, optionHelp, parseOptions } from './signet-options.ts';
import type { OptionForms } from './signet-options.ts';
import { loadConfiguration, managedZones, plannedKey, readKeys } from './signet-zones.ts';
import type { ManagedZone } from './signet-zones.ts';

const OPTIONS: OptionForms = {
  against: {
    argument: 'OLD.conf',
    help: 'the configuration that is in use: tells what changes, and counts with its TTLs',
  },
  zone: { argument: 'NAME', help: 'this zone only; default: every zone with a dnssec-policy' },
  view: { argument: 'NAME', help: 'in this view only' },
  format: { argument: 'FORMAT', help: 'text (default) or json' },
  help: { help: 'this text' },
};

export const PLAN_HELP = `usage: signet plan named.conf [options]

Tells what a configuration would do to the keys, DS records and signatures of its zones, before it is in use. Keys are read from the
key directories, as named would find them: K*.key, K*.private and K*.state as BIND writes them. Nothing is written. Exit
code 1: an answer would be bogus, something would wait for ever, or key files are missing.

${optionHelp(OPTIONS)}`;

const YEAR = 365 * 86_400;
/** Seconds; a plan that looks less far ahead says nothing. */
const SHORTEST = 60;

/** `signet plan`. @throws SignetError for what cannot be answered */
export function planCommand(words: readonly string[], context: SignetContext): number {
  const options = parseOptions(words, OPTIONS);
  if (options.has('help')) {
    context.output.print(PLAN_HELP);
    return EXIT.good;
  }
  const format = options.value('format') ?? 'text';
  if (format !== 'text' && format !== 'json') throw new Refusal(`--format ${format}: there are text and json`);
  const configuration = loadConfiguration(oneOperand(options, 'the named.conf that is planned'), context);
  const against = options.value('against');
  const old = against === undefined ? undefined : loadConfiguration(against, context);
  const choice = { zone: options.value('zone'), view: options.value('view') };
  const answers = managedZones(configuration, choice).map((zone) => answer(zone, old, context));
  const gone = old === undefined ? [] : zonesLeft(old, configuration);
  if (format === 'text') {
    const texts = answers.map(({ report, differences, extra, horizon }) =>
      changeReportText(report, differences, [...extra, ...horizonLines(horizon)]),
    );
    context.output.print([...texts, ...gone.map((line) => `${line}\n`)].join('\n'));
  } else {
    const zones = answers.map((one) => ({
      ...changeReportJson(one.report, one.differences),
      signatures: one.signatures,
      ...(one.horizon !== undefined && { horizon: isoTime(one.horizon) }),
    }));
    const whole = { format: 'signet-plan', version: JSON_VERSION, zones, unmanaged: gone };
    context.output.print(`${JSON.stringify(whole, undefined, 2)}\n`);
  }
  return answers.every(({ report }) => report.problems.length === 0) ? EXIT.good : EXIT.wrong;
}

function horizonLines(horizon: number | undefined): string[] {
  if (horizon === undefined) return [];
  return [`looked ahead until ${isoTime(horizon)} only: keys come and go so fast that a year is too much to simulate`];
}

interface Answer {
  readonly report: ChangeReport;
  readonly differences: readonly string[];
  readonly extra: readonly string[];
  /** null: there is no signed zone to count in. */
  readonly signatures: Readonly<Record<string, unknown>> | null;
  /** Unix seconds up to which was looked ahead; absent: a year. */
  readonly horizon?: number;
}

function answer(managed: ManagedZone, old: Configuration | undefined, context: SignetContext): Answer {
  const pairs = readKeys(managed, context);
  const before = old && oldPolicy(managed, old);
  const served = readServedTtls(`${managed.signedFile}.ttls`, context.disk);
  const simulation = simulateYear(managed, { pairs, before, served }, context.clock.now());
  const { start, end } = simulation.scenario;
  const count = countSignedZone(managed.zone.name, managed.signedFile, context);
  const missing = count === undefined ? [] : missingKeys(count, pairs, managed);
  const report = changeReport(simulation);
  const noPrivate = pairs.filter((pair) => pair.private === undefined).map(noPrivateText);
  return {
    report: { ...report, problems: [...report.problems, ...missing, ...noPrivate] },
    differences: old === undefined ? [] : changedLines(before, managed.policy),
    ...signatureAnswer(simulation, count, managed),
    ...(end - start < YEAR && { horizon: end }),
  };
}

/** What there is before the configuration is in use. */
interface Present {
  readonly pairs: readonly KeyPair[];
  readonly before: DnssecPolicy | undefined;
  readonly served: readonly ServedTtl[];
}

/**
 * A year that begins with the change of policy, so that what was served before it counts; less where keys live for minutes, of which
 * nobody can look through a year.
 */
function simulateYear(
  { label, policy, zone }: ManagedZone,
  { pairs, before, served }: Present,
  now: number,
): Simulation {
  const changes = before === undefined ? [] : [{ at: now, policy }];
  const scenario: Scenario = {
    zone: label,
    policy: before ?? policy,
    keys: pairs.map(plannedKey),
    asksParent: zone.parent !== undefined,
    served,
    start: now,
    end: now + YEAR,
    faults: [],
    policyChanges: changes,
    rollovers: [],
  };
  try {
    return simulate(scenario);
  } catch (fault) {
    const reached =
      fault instanceof SignetError && fault.code === 'SIMULATION_LONG' ? Number(fault.facts['reached']) : 0;
    if (reached < SHORTEST) throw fault;
    return simulate({ ...scenario, end: now + reached - 1 });
  }
}

function oldPolicy({ zone, view }: ManagedZone, old: Configuration): DnssecPolicy | undefined {
  const zones = old.views.find(({ name }) => name === view)?.zones ?? [];
  const found = zones.find(({ name }) => zoneNameKey(name) === zoneNameKey(zone.name));
  return found?.policy === undefined ? undefined : old.policies.get(found.policy);
}

/** Lines of the policy as a block of named.conf that are not the same in both. */
function changedLines(before: DnssecPolicy | undefined, after: DnssecPolicy): string[] {
  if (before === undefined) return [`dnssec-policy ${after.name} (none before)`];
  const name = before.name === after.name ? [] : [`- dnssec-policy ${before.name}`, `+ dnssec-policy ${after.name}`];
  const linesOf = (policy: DnssecPolicy): string[] =>
    printPolicy(policy, 'x')
      .split('\n')
      .map((line) => line.trim());
  const [old, fresh] = [linesOf(before), linesOf(after)];
  return [
    ...name,
    ...old.filter((line) => !fresh.includes(line)).map((line) => `- ${line}`),
    ...fresh.filter((line) => !old.includes(line)).map((line) => `+ ${line}`),
  ];
}

/** Zones that had a policy and would have none, which is no way to go unsigned. */
function zonesLeft(old: Configuration, fresh: Configuration): string[] {
  const has = (view: string, zone: string): 'policy' | 'no policy' | 'absent' => {
    const zones = fresh.views.find(({ name }) => name === view)?.zones ?? [];
    const found = zones.find(({ name }) => zoneNameKey(name) === zoneNameKey(zone));
    if (found === undefined) return 'absent';
    return found.policy === undefined ? 'no policy' : 'policy';
  };
  return old.views.flatMap(({ name: view, zones }) =>
    zones
      .filter(({ policy }) => policy !== undefined)
      .flatMap(({ name }) => {
        const now = has(view, name);
        if (now === 'absent') return `${name} is no longer served`;
        if (now === 'policy') return [];
        return `${name} has no dnssec-policy any more: nothing is signed anew; use "insecure" to take its DS and signatures away safely`;
      }),
  );
}

function missingKeys({ dnskeys }: SignedZoneCount, pairs: readonly KeyPair[], { keyDirectory }: ManagedZone): string[] {
  const missing = dnskeys.filter((rdata) => !pairs.some(({ dnskey }) => equalOctets(dnskey, rdata)));
  return missing.map((rdata) => {
    const name = `${algorithmText(rdata[3])} key ${keyTag(rdata)}`;
    return `the signed zone shows ${name}, whose files are not in ${keyDirectory}: put them there`;
  });
}

function noPrivateText({ fileBase }: KeyPair): string {
  return `${fileBase}.private is missing: the key cannot sign; put it there`;
}

function signatureAnswer(
  simulation: Simulation,
  count: SignedZoneCount | undefined,
  { signedFile, policy }: ManagedZone,
): Pick<Answer, 'extra' | 'signatures'> {
  if (count === undefined)
    return { extra: [`signatures: there is no ${signedFile} to count them in`], signatures: null };
  const byKey = new Map<string, { keys: number; data: number }>();
  let withoutFiles = 0;
  for (const [signer, numbers] of count.bySigner) {
    const key = simulation.keys.find(({ algorithm, tag }) => `${algorithm}/${tag}` === signer);
    if (key === undefined) withoutFiles += numbers.keys + numbers.data;
    else byKey.set(key.id, numbers);
  }
  const stock = { ...count, byKey };
  const lines = signatureLines(simulation, stock, policy.nsec3 !== undefined);
  return {
    extra: withoutFiles === 0 ? lines : [...lines, `  ${withoutFiles} by keys without files`],
    signatures: {
      total: count.signatures,
      withoutFiles,
      denial: count.denial,
      overDenial: count.chainSignatures,
      byKey: signatureFatesJson(simulation, stock),
    },
  };
}
