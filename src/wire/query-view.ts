import { EDNS_OPTION } from './edns.ts';
import { FLAG, HEADER_LENGTH, OPCODE_MASK, OPCODE_SHIFT } from './header.ts';
import { MAX_NAME_LENGTH } from './name.ts';
import { FoldedName } from './folded-name.ts';
import { OPCODE, TYPE } from './type-codes.ts';

/** What to do with a message that came in. */
export const VERDICT = {
  OK: 0,
  /** Answer with FORMERR; the header could be read, and the question too where `questionEnd` is above 12. */
  FORMERR: 1,
  /** No answer: not a query, or not even a header. */
  DROP: 2,
} as const;
export type Verdict = (typeof VERDICT)[keyof typeof VERDICT];

/**
 * A query read in place, for hot paths: header, the one question, OPT, and where TSIG begins. One object a thread is used
 * again and again; `parse` allocates nothing and does work in proportion to the message's length at most.
 */
export class QueryView {
  octets: Uint8Array = new Uint8Array(0);
  length = 0;

  id = 0;
  flags = 0;
  opcode = 0;
  /** Octets of the question's name, uncompressed: octets[nameAt, nameAt + nameLength). nameLength 0: no question. */
  readonly nameAt = HEADER_LENGTH;
  nameLength = 0;
  /** The same name taken apart. */
  readonly name = new FoldedName();
  type = 0;
  class = 0;
  /** Octet behind the question. */
  questionEnd = HEADER_LENGTH;

  hasEdns = false;
  ednsVersion = 0;
  /** What the sender takes over UDP: at least 512 (RFC 6891 section 6.2.3); 512 without EDNS. */
  udpSize = 512;
  dnssecOk = false;
  /** Options are octets[optionsAt, optionsEnd). */
  optionsAt = 0;
  optionsEnd = 0;
  /** Where the COOKIE option's data are and how long they are (8, or 16 to 40); 0 when there is none. */
  cookieAt = 0;
  cookieLength = 0;
  /** RFC 7873 section 5.4: a query without question, well-formed but for that, which is a way to ask for a cookie. */
  onlyAsksCookie = false;
  wantsNsid = false;
  wantsKeepalive = false;
  /** The PAD option was sent, so answers over TLS may be padded. */
  hasPadding = false;

  /** Where the TSIG record's owner begins, or 0. It is the last record. */
  tsigAt = 0;

  get wantsRecursion(): boolean {
    return (this.flags & FLAG.RD) !== 0;
  }

  get checkingDisabled(): boolean {
    return (this.flags & FLAG.CD) !== 0;
  }

  /** Reads octets[0, length). */
  parse(octets: Uint8Array, length = octets.length): Verdict {
    this.#reset(octets, length);
    if (length < HEADER_LENGTH) return VERDICT.DROP;
    this.id = this.#uint16(0);
    this.flags = this.#uint16(2);
    this.opcode = (this.flags & OPCODE_MASK) >> OPCODE_SHIFT;
    // An answer to a message that is itself an answer could start a loop between two servers.
    if ((this.flags & FLAG.QR) !== 0) return VERDICT.DROP;
    const questions = this.#uint16(4);
    const needsQuestion =
      this.opcode === OPCODE.QUERY || this.opcode === OPCODE.NOTIFY || this.opcode === OPCODE.UPDATE;
    // RFC 9619 section 4: a query with another number of questions than one is a format error.
    if (questions > 1) return VERDICT.FORMERR;
    if (questions === 0 && needsQuestion) {
      // RFC 6891 section 6.1.1: the answer has OPT when the query has it.
      this.onlyAsksCookie = this.#records() && this.cookieLength > 0 && this.opcode === OPCODE.QUERY;
      return VERDICT.FORMERR;
    }
    if (questions === 1 && !this.#question()) return VERDICT.FORMERR;
    return this.#records() ? VERDICT.OK : VERDICT.FORMERR;
  }

  #reset(octets: Uint8Array, length: number): void {
    this.octets = octets;
    this.length = length;
    this.id = this.flags = this.opcode = 0;
    this.nameLength = this.type = this.class = 0;
    this.questionEnd = HEADER_LENGTH;
    this.onlyAsksCookie = false;
    this.hasEdns = this.dnssecOk = this.wantsNsid = this.wantsKeepalive = this.hasPadding = false;
    this.ednsVersion = 0;
    this.udpSize = 512;
    this.optionsAt = this.optionsEnd = this.cookieAt = this.cookieLength = this.tsigAt = 0;
  }

  #uint16(at: number): number {
    return (this.octets[at] << 8) | this.octets[at + 1];
  }

  /** The first name in a message has nothing to point back to: pointers are errors here. */
  #question(): boolean {
    const { name } = this;
    if (!name.read(this.octets, HEADER_LENGTH, this.length)) return false;
    const end = HEADER_LENGTH + name.length;
    if (end + 4 > this.length) return false;
    this.nameLength = name.length;
    this.type = this.#uint16(end);
    this.class = this.#uint16(end + 2);
    this.questionEnd = end + 4;
    return true;
  }

  /** Walks over all records. Each has at least eleven octets, so counts in the header cannot cause more work. */
  #records(): boolean {
    const beforeAdditional = this.#uint16(6) + this.#uint16(8);
    const total = beforeAdditional + this.#uint16(10);
    let here = this.questionEnd;
    for (let i = 0; i < total; i++) {
      const fixed = this.#skipName(here);
      if (fixed < 0 || fixed + 10 > this.length) return false;
      const type = this.#uint16(fixed);
      const end = fixed + 10 + this.#uint16(fixed + 8);
      if (end > this.length) return false;
      if (type === TYPE.OPT && (i < beforeAdditional || fixed !== here + 1 || !this.#opt(fixed, end))) return false;
      if (type === TYPE.TSIG) {
        // RFC 8945 section 5.1: TSIG anywhere but last in the additional section is a format error.
        if (i !== total - 1 || i < beforeAdditional) return false;
        this.tsigAt = here;
      }
      here = end;
    }
    return true;
  }

  /**
   * Octet behind the possibly compressed name at `here`, or -1. A pointer has to lead to a prior name (RFC 1035 section
   * 4.1.4); that name is not read again.
   */
  #skipName(here: number): number {
    let at = here;
    while (at < this.length && at - here < MAX_NAME_LENGTH) {
      const label = this.octets[at];
      if (label === 0) return at + 1;
      if (label >= 0xc0) {
        const target = this.#uint16(at) & 0x3fff;
        return target >= HEADER_LENGTH && target < here ? at + 2 : -1;
      }
      if (label > 63) return -1;
      at += label + 1;
    }
    return -1;
  }

  /** OPT (RFC 6891 section 6.1.2): class is the UDP size, TTL is extended rcode (8), version (8), DO (1), Z (15). */
  #opt(fixed: number, end: number): boolean {
    // RFC 6891 section 6.1.1: more than one is a format error.
    if (this.hasEdns) return false;
    this.hasEdns = true;
    this.udpSize = Math.max(512, this.#uint16(fixed + 2));
    this.ednsVersion = this.octets[fixed + 5];
    this.dnssecOk = (this.octets[fixed + 6] & 0x80) !== 0;
    this.optionsAt = fixed + 10;
    this.optionsEnd = end;
    for (let at = this.optionsAt; at < end;) {
      if (at + 4 > end) return false;
      const code = this.#uint16(at);
      const size = this.#uint16(at + 2);
      if (at + 4 + size > end || !this.#option(code, at + 4, size)) return false;
      at += 4 + size;
    }
    return true;
  }

  #option(code: number, at: number, size: number): boolean {
    switch (code) {
      case EDNS_OPTION.COOKIE:
        // RFC 7873 section 5.2.2: 8 octets of client cookie, and 8 to 32 of server cookie or none.
        if (size !== 8 && (size < 16 || size > 40)) return false;
        if (this.cookieLength !== 0) return true; // only the first counts
        this.cookieAt = at;
        this.cookieLength = size;
        return true;
      case EDNS_OPTION.NSID:
        this.wantsNsid = true;
        return true;
      case EDNS_OPTION.TCP_KEEPALIVE:
        this.wantsKeepalive = true;
        return true;
      case EDNS_OPTION.PAD:
        this.hasPadding = true;
        return true;
      default:
        return true;
    }
  }

  /** Where the data of the first option with this code are, or 0; `optionLength` tells how long they are. */
  option(code: number): number {
    for (let at = this.optionsAt; at < this.optionsEnd; at += 4 + this.#uint16(at + 2))
      if (this.#uint16(at) === code) return at + 4;
    return 0;
  }

  optionLength(dataAt: number): number {
    return this.#uint16(dataAt - 2);
  }
}
