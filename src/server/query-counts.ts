import { EDNS_OPTION } from '../wire/edns.ts';
import type { QueryView } from '../wire/query-view.ts';
import { RCODE } from '../wire/type-codes.ts';
import { COUNTER, type CounterRow } from './statistics.ts';
import { OUTCOME } from './zone-answer.ts';

/*
 * What is counted for a message, and when, is as BIND 9.18 does it; test/interop/statistics-peer.test.ts compares. The
 * one difference: messages too broken for an answer are QryDropped here and nothing in BIND.
 */

/** A message that deserves an answer has come. */
export function countRequest(counters: CounterRow, octets: number, overTcp: boolean, isIPv6: boolean): void {
  counters.add(isIPv6 ? COUNTER.Requestv6 : COUNTER.Requestv4);
  counters.addRequestSize(octets, overTcp, isIPv6);
  if (overTcp) counters.add(COUNTER.ReqTCP);
}

/** EDNS of a version that we know, with its options but those that are counted where they are obeyed. */
export function countEdns(counters: CounterRow, query: QueryView): void {
  counters.add(COUNTER.ReqEdns0);
  const { octets, optionsEnd } = query;
  // The options were found to be well-formed when the query was read.
  for (let at = query.optionsAt; at < optionsEnd; at += 4 + ((octets[at + 2] << 8) | octets[at + 3])) {
    const code = (octets[at] << 8) | octets[at + 1];
    const counter = code < OPTION_COUNTER.length ? OPTION_COUNTER[code] : COUNTER.OtherOpt;
    if (counter >= 0) counters.add(counter);
  }
}

/** A query that was refused before any zone was asked. */
export function countRejection(counters: CounterRow, recursionDesired: boolean): void {
  counters.add(recursionDesired ? COUNTER.RecQryRej : COUNTER.AuthQryRej);
}

/**
 * A zone of ours, or class CH, was asked.
 * @param zone index among the zones that are counted; -1 for none
 */
export function countOutcome(
  counters: CounterRow,
  outcome: number,
  isAuthoritative: boolean,
  overTcp: boolean,
  type: number,
  zone: number,
): void {
  const result = OUTCOME_COUNTER[outcome];
  if (result < 0) return;
  const answer = isAuthoritative ? COUNTER.QryAuthAns : COUNTER.QryNoauthAns;
  const transport = overTcp ? COUNTER.QryTCP : COUNTER.QryUDP;
  counters.add(transport);
  counters.add(answer);
  counters.add(result);
  if (zone < 0) return;
  counters.addForZone(zone, transport);
  counters.addForZone(zone, answer);
  counters.addForZone(zone, result);
  if (isAuthoritative) counters.addTypeForZone(zone, type);
}

/** A query ended in this error while it was answered; what is malformed or unsigned never comes so far. */
export function countFailure(counters: CounterRow, rcode: number): void {
  if (rcode === RCODE.NOERROR || rcode === RCODE.NXDOMAIN || rcode === RCODE.YXDOMAIN) return;
  if (rcode === RCODE.SERVFAIL) counters.add(COUNTER.QrySERVFAIL);
  else if (rcode === RCODE.FORMERR) counters.add(COUNTER.QryFORMERR);
  else counters.add(COUNTER.QryFailure);
}

/** An answer leaves. */
export function countResponse(
  counters: CounterRow,
  rcode: number,
  octets: number,
  overTcp: boolean,
  isIPv6: boolean,
): void {
  counters.add(COUNTER.Response);
  counters.addResponseCode(rcode);
  counters.addResponseSize(octets, overTcp, isIPv6);
}

/** By option code; -1: counted by EdnsAnswer. */
const OPTION_COUNTER = new Int32Array(15).fill(COUNTER.OtherOpt);
OPTION_COUNTER[EDNS_OPTION.NSID] = COUNTER.NSIDOpt;
OPTION_COUNTER[EDNS_OPTION.CLIENT_SUBNET] = COUNTER.ECSOpt;
OPTION_COUNTER[EDNS_OPTION.EXPIRE] = COUNTER.ExpireOpt;
OPTION_COUNTER[EDNS_OPTION.KEY_TAG] = COUNTER.KeyTagOpt;
OPTION_COUNTER[EDNS_OPTION.COOKIE] = -1;
OPTION_COUNTER[EDNS_OPTION.TCP_KEEPALIVE] = -1;
OPTION_COUNTER[EDNS_OPTION.PAD] = -1;

/** By OUTCOME; -1: counted as a failure or a rejection alone. */
const OUTCOME_COUNTER = new Int32Array(Math.max(...Object.values(OUTCOME)) + 1).fill(-1);
OUTCOME_COUNTER[OUTCOME.SUCCESS] = COUNTER.QrySuccess;
OUTCOME_COUNTER[OUTCOME.NXRRSET] = COUNTER.QryNxrrset;
OUTCOME_COUNTER[OUTCOME.NXDOMAIN] = COUNTER.QryNXDOMAIN;
OUTCOME_COUNTER[OUTCOME.REFERRAL] = COUNTER.QryReferral;
OUTCOME_COUNTER[OUTCOME.YXDOMAIN] = COUNTER.QryFailure;
