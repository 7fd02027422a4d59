import { durationText } from '../base/duration-text.ts';
import { dsInterval } from '../conf/policy-intervals.ts';
import type { KeyWait } from '../policy/key-wait.ts';
import type { PlannedKey } from '../policy/planned-key.ts';
import type { KeyStage, RemovalExplanation } from './explanation.ts';
import { type ExplainScene, timeOf } from './forecast.ts';
import { momentOf } from './interval-text.ts';
import { momentText } from './time-text.ts';

/**
 * RFC 7583 sections 3.2.1 and 3.3.1: a DNSKEY stays until its signatures, or the DS that leads to it, have left all caches. What the
 * planner waits for before it takes the DNSKEY away is the earliest time for everybody.
 */
export function explainRemoval(key: PlannedKey, stage: KeyStage, input: ExplainScene): RemovalExplanation {
  const { now, policy } = input;
  switch (stage) {
    case 'not managed': {
      const { delete: end } = key.times;
      const when = end === undefined ? 'its files set no time' : `its files say ${momentText(end, now)}`;
      return { what: 'nothing', text: `leaves the zone by the times in its files: ${when}` };
    }
    case 'coming':
      return { what: 'nothing', text: 'must stay: it is being introduced' };
    case 'in use':
      return { what: 'nothing', text: 'must stay: it is in use' };
    case 'gone':
      return removalOfFiles(key, input);
    case 'going':
      break;
  }
  const isShown = key.state?.dnskey === 'rumoured' || key.state?.dnskey === 'omnipresent';
  if (!isShown) return removalOfFiles(key, input);
  const leaving = leavingWait(key, input);
  const earliest = leaving && timeOf(leaving, input);
  if (earliest !== undefined) {
    const text = `its DNSKEY must stay in the zone until ${momentText(earliest, now)} at least`;
    return { what: 'DNSKEY', earliest: momentOf(earliest, now), text };
  }
  const isTrusted = key.state?.ds !== undefined && key.state.ds !== 'hidden';
  const rule = isTrusted
    ? `: until its DS is gone from the parent, and ${durationText(dsInterval(policy))} (the DS TTL and its margins) longer`
    : ': what it waits for has no time yet';
  return { what: 'DNSKEY', text: `its DNSKEY must stay in the zone${rule}` };
}

/** The step that takes the DNSKEY out of the zone; before it the DS has to leave. */
function leavingWait(key: PlannedKey, { plan }: ExplainScene): KeyWait | undefined {
  const own = plan.waits.filter((wait) => wait.key === key.id);
  return (
    own.find((wait) => wait.record === 'dnskey' && wait.to === 'unretentive') ??
    own.find((wait) => wait.record === 'ds')
  );
}

function removalOfFiles(key: PlannedKey, { plan, policy, now }: ExplainScene): RemovalExplanation {
  const own = plan.waits.filter((wait) => wait.key === key.id);
  const end = own.find((wait) => wait.record === 'dnskey' && wait.to === 'hidden')?.until;
  if (end !== undefined)
    return {
      what: 'files',
      earliest: momentOf(end, now),
      text: `its DNSKEY has left the zone; its files must stay until ${momentText(end, now)}`,
    };
  if (key.state?.dnskey !== 'hidden')
    return { what: 'files', text: 'its DNSKEY has left the zone; its files must stay until no cache has it' };
  const purge = own.find((wait) => wait.record === undefined && wait.to === 'hidden')?.until;
  const who =
    purge === undefined
      ? policy.purgeKeys === 0
        ? 'named leaves them there (purge-keys 0)'
        : 'named removes them by purge-keys'
      : `named removes them by purge-keys ${momentText(purge, now)}`;
  return { what: 'files', earliest: momentOf(now, now), text: `its files may be removed; ${who}` };
}
