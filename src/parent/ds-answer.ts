import { FLAG } from '../wire/header.ts';
import type { Message, ResourceRecord } from '../wire/message.ts';
import { equalNames, isWithin, type Name } from '../wire/name.ts';
import { nameToShortText } from '../wire/name-text.ts';
import { rcodeText } from '../wire/code-text.ts';
import { CLASS, RCODE, TYPE } from '../wire/type-codes.ts';
import { readUint32 } from '../base/octets.ts';

/** What a DS answer says before anybody asks whether it is true. */
export type JudgedDs =
  | { readonly kind: 'DS'; readonly records: readonly ResourceRecord[]; readonly ttl: number }
  /** `apex`: of the zone that says that there is none. */
  | { readonly kind: 'no DS'; readonly apex: Name; readonly ttl: number }
  | { readonly kind: 'fault'; readonly fault: string };

/** DS RDATA: tag, algorithm, digest type and a digest of at least one octet (RFC 4034 section 5.1). */
const LEAST_DS = 5;

/**
 * What the answer to DS? `zone` may be taken for. As with BIND it must be authoritative or a resolver's; besides, that there is no DS
 * is believed only of a zone above: a server of the zone itself has none and says so (RFC 4035 section 3.1.4.1).
 */
export function judgeDsAnswer(message: Message, zone: Name): JudgedDs {
  if (message.rcode !== RCODE.NOERROR) return fault(`it answers ${rcodeText(message.rcode)}`);
  if ((message.flags & (FLAG.AA | FLAG.RA)) === 0)
    return fault('it is neither authoritative for the parent zone nor a resolver');
  const ofZone = message.answers.filter(({ owner, class: klass }) => klass === CLASS.IN && equalNames(owner, zone));
  const records = ofZone.filter(({ type, rdata }) => type === TYPE.DS && rdata.length >= LEAST_DS);
  if (records.length > 0)
    return { kind: 'DS', records, ttl: records.reduce((most, { ttl }) => Math.max(most, ttl), 0) };
  if (message.answers.some(({ type }) => type === TYPE.CNAME || type === TYPE.DNAME))
    return fault(`it answers with an alias: ${nameToShortText(zone)} is no delegation there`);
  return judgeAbsence(message, zone);
}

/** RFC 2308 section 2.2: an SOA in the authority section says whose NODATA it is. */
function judgeAbsence({ authorities }: Message, zone: Name): JudgedDs {
  const soa = authorities.find(({ type, class: klass }) => type === TYPE.SOA && klass === CLASS.IN);
  if (soa === undefined) return fault('it answers neither with a DS nor with an SOA that says there is none');
  if (!isWithin(zone, soa.owner) || equalNames(zone, soa.owner))
    return fault(
      `it answers from the zone ${nameToShortText(soa.owner)}, which is not above: it is no server of the parent`,
    );
  const minimum = readUint32(soa.rdata, soa.rdata.length - 4);
  return { kind: 'no DS', apex: soa.owner, ttl: Math.min(soa.ttl, minimum) };
}

function fault(text: string): JudgedDs {
  return { kind: 'fault', fault: text };
}
