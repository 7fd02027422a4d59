import type { DnssecPolicy, PolicyKey } from '../../src/conf/configuration.ts';
import { DEFAULT_POLICY, INSECURE_POLICY } from '../../src/conf/defaults.ts';
import { parseFault } from '../../src/simulate/fault.ts';
import { simulate } from '../../src/simulate/simulate.ts';
import type { Scenario, Simulation } from '../../src/simulate/simulation.ts';

export const DAY = 86_400;
export const START = Date.UTC(2027, 0, 1) / 1000;

/** A line of a policy; a lifetime of 0 days is unlimited. */
export function line(role: PolicyKey['role'], days: number, algorithm = 13, bits = 256): PolicyKey {
  return { role, lifetime: days * DAY, algorithm, bits };
}

export function policyOf(name: string, keys: readonly PolicyKey[], over: Partial<DnssecPolicy> = {}): DnssecPolicy {
  return { ...DEFAULT_POLICY, name, keys, ...over };
}

export const SPLIT = policyOf('split', [line('ksk', 150), line('zsk', 60)]);
export const COMBINED = policyOf('combined', [line('csk', 120)]);
export const INSECURE = INSECURE_POLICY;

/** A zone that is new at START. */
export function scenario(policy: DnssecPolicy, days: number, over: Partial<Scenario> = {}): Scenario {
  return {
    zone: 'example.',
    policy,
    keys: [],
    asksParent: true,
    start: START,
    end: START + days * DAY,
    faults: [],
    policyChanges: [],
    rollovers: [],
    ...over,
  };
}

export function run(
  policy: DnssecPolicy,
  days: number,
  faults: readonly string[] = [],
  over: Partial<Scenario> = {},
): Simulation {
  return simulate(scenario(policy, days, { faults: faults.map((fault) => parseFault(fault, START)), ...over }));
}

/** Kinds of dangers, each once. */
export function dangerKinds({ dangers }: Simulation): string[] {
  return [...new Set(dangers.map(({ problem }) => problem.kind))].toSorted();
}
