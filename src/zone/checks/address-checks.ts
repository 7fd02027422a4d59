import { LOWER, nameLengthAt, uncheckedName, wildcardOf, type Name } from '../../wire/name.ts';
import { nameToShortText } from '../../wire/name-text.ts';
import { TYPE } from '../../wire/type-codes.ts';
import type { NodeRef } from '../store/arena.ts';
import { NODE } from '../store/layout.ts';
import type { ZoneReader } from '../store/zone-reader.ts';
import type { ZoneCheckOptions } from './check-options.ts';
import { FaultList } from './fault-list.ts';

/** What the zone says about the addresses of a name. */
type AddressVerdict = 'addresses' | 'none' | 'alias' | 'below DNAME' | 'delegated' | 'out of zone';

/** A name whose addresses only the rest of the world knows. */
export interface OutsideName {
  readonly owner: Name;
  readonly type: 'NS' | 'MX' | 'SRV';
  readonly name: Name;
}

const SPF = 99;
/** Labels of a name, the root not counted, are at most 127. */
const MAX_LABELS = 128;

/** Any RDATA, for one check after the other: larger than most zones. */
const SCRATCH = new Uint8Array(65_536);

/**
 * The integrity checks of named-checkzone: names in NS, MX and SRV have addresses, aliases and missing glue are told.
 * Looks up every such name of the zone, and allocates only for what is told: a registry's zone has millions of them.
 */
export class AddressChecks {
  readonly #reader: ZoneReader;
  readonly #options: ZoneCheckOptions;
  readonly #faults: FaultList;
  readonly #isFull: boolean;
  readonly #outside: OutsideName[] = [];
  /** The RDATA that is looked at, the name in it that is looked up, and where the labels of that begin. */
  readonly #rdata = SCRATCH;
  #at = 0;
  readonly #starts = new Uint16Array(MAX_LABELS);
  #labels = 0;
  readonly #owner = new Uint8Array(256);
  /** After the verdict 'delegated': whether the zone has an address. After 'below DNAME': where the DNAME's owner begins. */
  #hasGlue = false;
  #dname = 0;

  constructor(reader: ZoneReader, options: ZoneCheckOptions, faults: FaultList) {
    this.#reader = reader;
    this.#options = options;
    this.#faults = faults;
    this.#isFull = options.integrity.startsWith('full');
  }

  /** Checks the whole zone. @returns names that are to be looked up elsewhere; empty in the local modes */
  run(): OutsideName[] {
    const reader = this.#reader;
    this.#checkNames(reader.apexNode, TYPE.NS, 0, () => this.#checkApexNs());
    if (this.#options.integrity === 'none') return [];
    const delegation = (node: NodeRef): void => this.#checkDelegation(node);
    const mx = (node: NodeRef): void => this.#checkMx(node);
    const srv = (node: NodeRef): void => this.#checkSrv(node);
    reader.first();
    for (let node = reader.next(); node !== 0; node = reader.next()) {
      const flags = reader.nodeFlags(node);
      if ((flags & NODE.OCCLUDED) !== 0) continue;
      if ((flags & NODE.DELEGATION) !== 0) this.#checkNames(node, TYPE.NS, 0, delegation);
      else {
        this.#checkNames(node, TYPE.MX, 2, mx);
        this.#checkNames(node, TYPE.SRV, 6, srv);
        if (this.#options.spf === 'warn' && reader.rrset(node, SPF) !== 0) this.#checkSpf(node);
      }
    }
    return this.#outside;
  }

  /** Takes the name at offset `at` of each RDATA of the RRset in turn. */
  #checkNames(node: NodeRef, type: number, at: number, check: (node: NodeRef) => void): void {
    const reader = this.#reader;
    const rrset = reader.rrset(node, type);
    if (rrset === 0) return;
    for (let position = reader.firstRdata(rrset); position !== 0; position = reader.nextRdata(position)) {
      reader.copyRdata(position, this.#rdata, 0);
      this.#take(at);
      check(node);
    }
  }

  #take(at: number): void {
    this.#at = at;
    this.#labels = 0;
    let here = at;
    for (; this.#rdata[here] !== 0; here += this.#rdata[here] + 1) this.#starts[this.#labels++] = here;
    this.#starts[this.#labels] = here;
  }

  /** Where the `labels` rightmost labels of the name begin. */
  #rightmost(labels: number): number {
    return this.#starts[this.#labels - labels];
  }

  /** A copy of the name that begins in the RDATA. */
  #nameAt(at: number): Name {
    return uncheckedName(this.#rdata.slice(at, at + nameLengthAt(this.#rdata, at)));
  }

  #text(at: number): string {
    return nameToShortText(this.#nameAt(at));
  }

  #checkApexNs(): void {
    const verdict = this.#addresses();
    const tell = (what: string): void =>
      this.#faults.add('error', 'ZONE_ADDRESS', `NS '${this.#text(this.#at)}' ${what}`);
    if (verdict === 'none') tell('has no address records (A or AAAA)');
    else if (verdict === 'alias') tell('is a CNAME (illegal)');
    else if (verdict === 'below DNAME') tell(`is below a DNAME '${this.#text(this.#dname)}' (illegal)`);
  }

  #checkDelegation(node: NodeRef): void {
    switch (this.#addresses()) {
      case 'none':
        this.#warnOfNs(node, 'has no address records (A or AAAA)');
        break;
      case 'alias':
        this.#warnOfNs(node, 'is a CNAME (illegal)');
        break;
      case 'below DNAME':
        this.#warnOfNs(node, `is below a DNAME '${this.#text(this.#dname)}' (illegal)`);
        break;
      case 'delegated':
        this.#checkGlue(node);
        break;
      default:
    }
  }

  #warnOfNs(node: NodeRef, what: string): void {
    const text = `${nameToShortText(this.#reader.owner(node))}/NS '${this.#text(this.#at)}'`;
    this.#faults.add('warning', 'ZONE_ADDRESS', `${text} ${what}`);
  }

  /** Glue is required for servers below the cut; for servers below another cut of this zone it is good to have. */
  #checkGlue(node: NodeRef): void {
    const hasGlue = this.#hasGlue;
    const required = this.#isBelow(node);
    const siblings = this.#options.integrity === 'full' || this.#options.integrity === 'local';
    if (!hasGlue && required) this.#warnOfNs(node, 'has no REQUIRED GLUE address records (A or AAAA)');
    else if (!hasGlue && siblings) this.#warnOfNs(node, 'has no SIBLING GLUE address records (A or AAAA)');
    if (hasGlue || required || siblings) this.#addOutside(node, 'NS');
  }

  /** True when the name is the node's owner or below it. */
  #isBelow(node: NodeRef): boolean {
    const length = this.#reader.copyOwner(node, this.#owner, 0);
    return this.#isWithin(this.#owner, length, this.#reader.ownerLabels(node));
  }

  #isWithin(ancestor: Uint8Array, length: number, labels: number): boolean {
    if (labels > this.#labels) return false;
    const at = this.#rightmost(labels);
    for (let i = 0; i < length; i++) if (LOWER[this.#rdata[at + i]] !== LOWER[ancestor[i]]) return false;
    return true;
  }

  #addOutside(node: NodeRef, type: OutsideName['type']): void {
    if (!this.#isFull) return;
    this.#outside.push({ owner: this.#reader.owner(node), type, name: this.#nameAt(this.#at) });
  }

  #checkMx(node: NodeRef): void {
    if (this.#labels === 0) return; // RFC 7505: "." says that there is no mail
    const { mxAlias, mxAddress } = this.#options;
    const verdict = this.#addresses();
    if (verdict === 'out of zone') this.#addOutside(node, 'MX');
    else if (verdict === 'none') this.#tell(mxAddress === 'fail' ? 'error' : 'warning', node, 'MX', NO_ADDRESS);
    else this.#addAlias(mxAlias, verdict, node, 'MX');
  }

  #checkSrv(node: NodeRef): void {
    if (this.#labels === 0) return; // RFC 2782: "." says that there is no service
    const verdict = this.#addresses();
    if (verdict === 'out of zone') this.#addOutside(node, 'SRV');
    else if (verdict === 'none') this.#tell('warning', node, 'SRV', NO_ADDRESS);
    else this.#addAlias(this.#options.srvAlias, verdict, node, 'SRV');
  }

  #tell(severity: 'error' | 'warning', node: NodeRef, type: 'MX' | 'SRV', what: string): void {
    const owner = nameToShortText(this.#reader.owner(node));
    this.#faults.add(severity, 'ZONE_ADDRESS', `${owner}/${type} '${this.#text(this.#at)}' ${what}`);
  }

  #addAlias(mode: ZoneCheckOptions['mxAlias'], verdict: AddressVerdict, node: NodeRef, type: 'MX' | 'SRV'): void {
    if (mode === 'ignore') return;
    const severity = mode === 'fail' ? 'error' : 'warning';
    if (verdict === 'alias') this.#tell(severity, node, type, 'is a CNAME (illegal)');
    if (verdict === 'below DNAME')
      this.#tell(severity, node, type, `is below a DNAME '${this.#text(this.#dname)}' (illegal)`);
  }

  #checkSpf(node: NodeRef): void {
    const reader = this.#reader;
    const texts = reader.rrset(node, TYPE.TXT);
    if (texts !== 0 && reader.rdataAll(texts).some(isSpfText)) return;
    const owner = nameToShortText(reader.owner(node));
    const what = `'${owner}' found type SPF record but no SPF TXT record found, add matching type TXT record`;
    this.#faults.add('warning', 'ZONE_SPF', what);
  }

  /** Follows the name down from the apex, as an answer would (RFC 1034 section 4.3.2). */
  #addresses(): AddressVerdict {
    const reader = this.#reader;
    if (!this.#isWithin(reader.apex, reader.apex.length, reader.apexLabels)) return 'out of zone';
    for (let depth = reader.apexLabels; depth <= this.#labels; depth++) {
      const at = this.#rightmost(depth);
      const node = depth === reader.apexLabels ? reader.apexNode : reader.find(this.#rdata, at);
      if (node === 0) return this.#wildcardAddresses(depth - 1);
      if (reader.nodeFlags(node) & NODE.DELEGATION) {
        this.#hasGlue = this.#hasAddress(reader.find(this.#rdata, this.#at));
        return 'delegated';
      }
      if (depth < this.#labels && reader.rrset(node, TYPE.DNAME) !== 0) {
        this.#dname = at;
        return 'below DNAME';
      }
      if (depth === this.#labels) return this.#nodeAddresses(node);
    }
    return 'none';
  }

  #wildcardAddresses(labels: number): AddressVerdict {
    const wildcard = wildcardOf(this.#nameAt(this.#rightmost(labels)));
    const node = wildcard === undefined ? 0 : this.#reader.find(wildcard);
    return node === 0 ? 'none' : this.#nodeAddresses(node);
  }

  #nodeAddresses(node: NodeRef): AddressVerdict {
    if (this.#hasAddress(node)) return 'addresses';
    return this.#reader.rrset(node, TYPE.CNAME) === 0 ? 'none' : 'alias';
  }

  #hasAddress(node: NodeRef): boolean {
    const reader = this.#reader;
    return node !== 0 && (reader.rrset(node, TYPE.A) !== 0 || reader.rrset(node, TYPE.AAAA) !== 0);
  }
}

const NO_ADDRESS = 'has no address records (A or AAAA)';
const SPF_VERSION = 'v=spf1';

/** RFC 7208 section 4.5: the record begins with "v=spf1" and a space or its end. */
function isSpfText(rdata: Uint8Array): boolean {
  let text = '';
  for (let at = 0; at < rdata.length && text.length <= SPF_VERSION.length; at += rdata[at] + 1) {
    text += Buffer.from(rdata.subarray(at + 1, at + 1 + rdata[at])).toString('latin1');
  }
  return text.slice(0, 6).toLowerCase() === SPF_VERSION && (text.length === 6 || text[6] === ' ');
}
