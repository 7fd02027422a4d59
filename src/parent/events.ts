import type { LogRecord } from '../base/log.ts';

/* What is logged about parents, all of it here. `label` is "zone example.org/IN (signed)" as the zone's other lines have it. */

type ParentEvent = (...facts: string[]) => LogRecord;

function event(severity: LogRecord['severity'], text: ParentText): ParentEvent {
  return (label, ...facts) => ({ severity, category: 'dnssec', text: `${label}: checkds: ${text(...facts)}` });
}

type ParentText = (...facts: string[]) => string;

export const parentEvent = {
  asking: event('debug 3', (agent) => `sending DS query to ${agent}`),
  answered: event('debug 3', (agent, count) => `DS response from ${agent}: ${count} DS records`),
  bad: event(
    'warning',
    (agent, fault) => `parental agent ${agent} cannot tell whether the DS is there: ${fault}; it is asked again`,
  ),
  lacks: event(
    'notice',
    (agent, keys) =>
      `parental agent ${agent} does not have the DS of ${keys}: the rollover waits until every agent has it`,
  ),
  keeps: event(
    'notice',
    (agent, keys) => `parental agent ${agent} still has the DS of ${keys}: the rollover waits until no agent has it`,
  ),
  seen: event('info', (key, agents) => `the DS of ${key} is at all parental agents (${agents})`),
  gone: event('info', (key, agents) => `the DS of ${key} is at none of the parental agents any more (${agents})`),
  noAgents: event(
    'warning',
    (fault) =>
      `the name servers of the parent are not known: ${fault}; name them in parental-agents, or use "rndc dnssec -checkds"`,
  ),
} as const;
