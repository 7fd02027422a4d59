import type { Configuration, DnssecPolicy } from '../conf/configuration.ts';
import { FAULT_FORMS, parseFault } from '../simulate/fault.ts';
import { parseMoment } from '../simulate/moment.ts';
import { simulate } from '../simulate/simulate.ts';
import type { KeyRole, Scenario, Simulation } from '../simulate/simulation.ts';
import { JSON_VERSION, timelineJson } from '../simulate/timeline-json.ts';
import { timelineSvg } from '../simulate/timeline-svg.ts';
import { timelineText } from '../simulate/timeline-text.ts';
import { readServedTtls } from './signet-served-ttls.ts';
import { EXIT, Refusal } from './signet-context.ts';
import type { SignetContext } from './signet-context.ts';
import { oneOperand, optionHelp, parseOptions } from './signet-options.ts';
import type { OptionForms, SignetOptions } from './signet-options.ts';
import { loadConfiguration, managedZones, plannedKey, readKeys } from './signet-zones.ts';
import type { ManagedZone } from './signet-zones.ts';

const OPTIONS: OptionForms = {
  zone: { argument: 'NAME', help: 'this zone only; default: every zone with a dnssec-policy' },
  view: { argument: 'NAME', help: 'in this view only' },
  years: { argument: 'N', help: `how long, in years of 365 days (0.5 is half a year); default 2, at most 100` },
  from: { argument: 'TIME', help: 'when it begins; default: now' },
  format: { argument: 'FORMAT', help: 'text (default), json, or svg (for one zone)' },
  fault: { argument: 'FAULT', isRepeated: true, help: 'what goes wrong; see below' },
  policy: { argument: 'TIME=NAME', isRepeated: true, help: 'the zone gets another policy of the configuration' },
  rollover: {
    argument: 'ROLE[@TIME]',
    isRepeated: true,
    help: '"rndc dnssec -rollover" for the ksk, zsk or csk in use',
  },
  rounds: { help: 'text: a line for each round of signature renewals' },
  timing: { help: 'say how long it took, on standard error' },
  help: { help: 'this text' },
};

export const SIMULATE_HELP = `usage: signet simulate named.conf [options]

Runs the policy of zones on a simulated clock and prints what becomes of their keys, DS records and signatures, and why.
Keys in the key directory are read; nothing is written. Exit code 1: an answer would be bogus, or something waits for ever.

${optionHelp(OPTIONS)}
TIME is 2027-03-01 or 2027-03-01T12:00:00Z (UTC), or +90d after the begin. DURATION is 90d, 12h, 1w2d or P1Y6M.
Faults:
${Object.values(FAULT_FORMS)
  .map((form) => `  ${form}\n`)
  .join('')}`;

const DAY = 86_400;
const DEFAULT_YEARS = 2;
const MOST_YEARS = 100;

/** `signet simulate`. @throws SignetError for what cannot be simulated */
export function simulateCommand(words: readonly string[], context: SignetContext): number {
  const options = parseOptions(words, OPTIONS);
  if (options.has('help')) {
    context.output.print(SIMULATE_HELP);
    return EXIT.good;
  }
  const format = formatOf(options);
  const configuration = loadConfiguration(oneOperand(options, 'the named.conf to simulate'), context);
  const zones = managedZones(configuration, { zone: options.value('zone'), view: options.value('view') });
  if (format === 'svg' && zones.length > 1)
    throw new Refusal(`--format svg is for one zone: choose one of ${zones.map(({ label }) => label).join(', ')}`);
  const begun = context.clock.monotonic();
  const simulations = zones.map((zone) => simulate(scenarioOf(zone, configuration, options, context)));
  const milliseconds = context.clock.monotonic() - begun;
  context.output.print(print(simulations, format, options));
  if (options.has('timing'))
    context.output.complain(`${zones.length} zones in ${(milliseconds / 1000).toFixed(3)} s\n`);
  return simulations.every(({ summary }) => summary.isSound) ? EXIT.good : EXIT.wrong;
}

type Format = 'text' | 'json' | 'svg';

function formatOf(options: SignetOptions): Format {
  const format = options.value('format') ?? 'text';
  if (format === 'text' || format === 'json' || format === 'svg') return format;
  throw new Refusal(`--format ${format}: there are text, json and svg`);
}

function scenarioOf(
  managed: ManagedZone,
  configuration: Configuration,
  options: SignetOptions,
  context: SignetContext,
): Scenario {
  const now = context.clock.now();
  const from = options.value('from');
  const start = from === undefined ? now : momentOf('--from', from, now);
  return {
    zone: managed.label,
    policy: managed.policy,
    keys: readKeys(managed, context).map(plannedKey),
    asksParent: managed.zone.parent !== undefined,
    served: readServedTtls(`${managed.signedFile}.ttls`, context.disk),
    start,
    end: start + Math.round(yearsOf(options) * 365 * DAY),
    faults: options.values('fault').map((text) => parseFault(text, start)),
    policyChanges: options.values('policy').map((text) => policyChange(text, start, configuration)),
    rollovers: options.values('rollover').map((text) => rollover(text, start)),
  };
}

function yearsOf(options: SignetOptions): number {
  const text = options.value('years') ?? String(DEFAULT_YEARS);
  const years = /^\d{1,3}(?:\.\d{1,6})?$/.test(text) ? Number(text) : 0;
  if (years > 0 && years <= MOST_YEARS) return years;
  throw new Refusal(`--years ${text}: a number above 0, at most ${MOST_YEARS}`);
}

function momentOf(option: string, text: string, base: number): number {
  const at = parseMoment(text, base);
  if (at === undefined)
    throw new Refusal(`${option} ${text}: this is no time; write 2027-03-01, 2027-03-01T12:00:00Z or +90d`);
  return at;
}

function policyChange(text: string, start: number, { policies }: Configuration): { at: number; policy: DnssecPolicy } {
  const [, moment, name] = /^([^=]*)=(.*)$/s.exec(text) ?? [];
  if (moment === undefined) throw new Refusal(`--policy ${text}: write TIME=NAME`);
  const policy = policies.get(name);
  if (policy === undefined)
    throw new Refusal(`--policy ${text}: there is no such policy; there are ${[...policies.keys()].join(', ')}`);
  return { at: momentOf('--policy', moment, start), policy };
}

function rollover(text: string, start: number): { at: number; role: KeyRole } {
  const [, role, moment] = /^(ksk|zsk|csk)(?:@(.*))?$/s.exec(text) ?? [];
  if (role === undefined) throw new Refusal(`--rollover ${text}: write ksk, zsk or csk, and @TIME behind it`);
  return { role: role as KeyRole, at: moment === undefined ? start : momentOf('--rollover', moment, start) };
}

function print(simulations: readonly Simulation[], format: Format, options: SignetOptions): string {
  switch (format) {
    case 'text':
      return simulations.map((one) => timelineText(one, { withRounds: options.has('rounds') })).join('\n');
    case 'json': {
      const zones = simulations.map(timelineJson);
      return `${JSON.stringify({ format: 'signet-simulation', version: JSON_VERSION, zones }, undefined, 2)}\n`;
    }
    case 'svg':
      return timelineSvg(simulations[0]);
  }
}
