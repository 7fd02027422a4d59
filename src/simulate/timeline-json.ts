import { isoTime } from '../base/iso-time.ts';
import type { KeyRecord } from '../policy/planned-key.ts';
import { KEY_RECORDS } from '../policy/planned-key.ts';
import type { WaitInterval } from '../policy/key-wait.ts';
import type { Danger } from './caches.ts';
import type { Fault } from './fault.ts';
import type { KeyLife, Reason, Simulation, Step, Wait } from './simulation.ts';
import { dangerText, faultText, namesOf, reasonText, stepText, subjectOf, waitText } from './words.ts';
import type { KeyNames } from './words.ts';

/** Raised when a member changes its meaning or goes; new members do not raise it. */
export const JSON_VERSION = 1;

/**
 * A simulation as plain data for JSON: docs/simulate.md describes it. Times are ISO 8601 in UTC, durations seconds; null is
 * "never" for a time and "none" for the rest. Keys are named as in the text.
 */
export function timelineJson(simulation: Simulation): Readonly<Record<string, unknown>> {
  const nameOf = namesOf(simulation);
  const { scenario, keys, steps, ds, signers, rounds, dangers, stuck, summary } = simulation;
  return {
    zone: scenario.zone,
    policy: scenario.policy.name,
    from: isoTime(scenario.start),
    until: isoTime(scenario.end),
    faults: scenario.faults.map(faultJson),
    keys: keys.map((key) => keyJson(key, nameOf)),
    events: steps.map((step) => stepJson(step, nameOf)),
    ds: ds.map(({ from, keys: ids }) => ({ since: isoTime(from), keys: ids.map(nameOf) })),
    signers: signers.map(({ from, keys: keySigners, data, retiring }) => ({
      since: isoTime(from),
      keyRecords: keySigners.map(nameOf),
      zoneData: data.map(nameOf),
      retiring: retiring.map(nameOf),
    })),
    signatureRounds: rounds.map(({ records, from, until, reason }) => ({
      records,
      from: isoTime(from),
      until: isoTime(until),
      reason,
    })),
    dangers: dangers.map((danger) => dangerJson(danger, nameOf)),
    waitsForEver: stuck.map((wait) => waitJson(wait, nameOf)),
    summary: {
      isSound: summary.isSound,
      rollovers: summary.rollovers,
      keySetChanges: summary.keySetChanges.map(({ at, over, from, to }) => ({
        since: isoTime(at),
        over: timeJson(over),
        before: from,
        after: to,
      })),
      longestWait:
        summary.longestWait === undefined
          ? null
          : { ...waitJson(summary.longestWait, nameOf), until: timeJson(summary.longestWait.until) },
      dsActions: summary.dsActions.map(({ at, keys: names, done, commands }) => ({
        from: isoTime(at),
        keys: names,
        done: timeJson(done),
        commands,
      })),
    },
  };
}

function timeJson(time: number | undefined): string | null {
  return time === undefined || time === Infinity ? null : isoTime(time);
}

function faultJson(fault: Fault): unknown {
  return { kind: fault.kind, from: isoTime(fault.at), text: faultText(fault) };
}

function keyJson(key: KeyLife, nameOf: KeyNames): unknown {
  const states = KEY_RECORDS.flatMap((record: KeyRecord) => {
    const spans = key.records[record];
    return spans === undefined
      ? []
      : [[record, spans.map(({ condition, from }) => ({ state: condition, since: isoTime(from) }))]];
  });
  return {
    name: key.name,
    role: key.role,
    algorithm: key.algorithm,
    bits: key.bits,
    tag: key.tag ?? null,
    made: timeJson(key.made),
    predecessor: key.predecessor === undefined ? null : nameOf(key.predecessor),
    purged: timeJson(key.purged),
    states: Object.fromEntries(states) as unknown,
  };
}

function stepJson(step: Step, nameOf: KeyNames): unknown {
  return {
    time: isoTime(step.at),
    kind: step.kind,
    subject: subjectOf(step, nameOf),
    text: stepText(step, nameOf),
    ...(step.kind === 'state' && { record: step.record, from: step.from, to: step.to }),
    ...((step.kind === 'cds' || step.kind === 'ds') && { keys: step.keys.map(nameOf) }),
    ...('reason' in step && reasonJson(step.reason)),
  };
}

function reasonJson(reason: Reason): Readonly<Record<string, unknown>> {
  const { wait, since } = reason;
  return {
    reason: reasonText(reason),
    waitedSince: isoTime(since),
    waitedFor: wait?.reason ?? null,
    interval: wait?.interval === undefined ? null : intervalJson(wait.interval),
  };
}

function intervalJson({ term, since, parts }: WaitInterval): unknown {
  return { term, since: isoTime(since), parts: parts.map(({ name, seconds }) => ({ name, seconds })) };
}

function dangerJson(danger: Danger, nameOf: KeyNames): unknown {
  const { from, until, problem } = danger;
  return { from: isoTime(from), until: timeJson(until), kind: problem.kind, text: dangerText(danger, nameOf) };
}

function waitJson(one: Wait, nameOf: KeyNames): Readonly<Record<string, unknown>> {
  const { wait, since } = one;
  return {
    key: nameOf(wait.key),
    record: wait.record ?? null,
    from: wait.from,
    to: wait.to,
    since: isoTime(since),
    waitsFor: wait.reason,
    others: wait.others.map(nameOf),
    text: waitText(one, nameOf),
  };
}
