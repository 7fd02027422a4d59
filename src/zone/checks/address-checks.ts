import {
  isWithin,
  labelCount,
  nameLengthAt,
  rightmostLabels,
  uncheckedName,
  wildcardOf,
  type Name,
} from '../../wire/name.ts';
import { nameToShortText } from '../../wire/name-text.ts';
import { TYPE } from '../../wire/type-codes.ts';
import type { NodeRef } from '../store/arena.ts';
import { NODE } from '../store/layout.ts';
import type { ZoneReader } from '../store/zone-reader.ts';
import type { ZoneCheckOptions } from './check-options.ts';
import { FaultList } from './fault-list.ts';

/** What the zone says about the addresses of a name. */
type AddressVerdict =
  | { readonly kind: 'addresses' }
  | { readonly kind: 'none' }
  | { readonly kind: 'alias' }
  | { readonly kind: 'below DNAME'; readonly dname: Name }
  | { readonly kind: 'delegated'; readonly cut: Name; readonly hasGlue: boolean }
  | { readonly kind: 'out of zone' };

/** A name whose addresses only the rest of the world knows. */
export interface OutsideName {
  readonly owner: Name;
  readonly type: 'NS' | 'MX' | 'SRV';
  readonly name: Name;
}

const SPF = 99;

/** The integrity checks of named-checkzone: names in NS, MX and SRV have addresses, aliases and missing glue are told. */
export class AddressChecks {
  readonly #reader: ZoneReader;
  readonly #options: ZoneCheckOptions;
  readonly #faults: FaultList;
  readonly #outside: OutsideName[] = [];
  readonly #rdata = new Uint8Array(65536);

  constructor(reader: ZoneReader, options: ZoneCheckOptions, faults: FaultList) {
    this.#reader = reader;
    this.#options = options;
    this.#faults = faults;
  }

  /** Checks the whole zone. @returns names that are to be looked up elsewhere; empty in the local modes */
  run(): OutsideName[] {
    this.#checkApexNs();
    if (this.#options.integrity === 'none') return [];
    const reader = this.#reader;
    reader.first();
    for (let node = reader.next(); node !== 0; node = reader.next()) {
      if ((reader.nodeFlags(node) & NODE.OCCLUDED) === 0) this.#checkNode(node);
    }
    return this.#options.integrity.startsWith('full') ? this.#outside : [];
  }

  #checkApexNs(): void {
    for (const name of this.#names(this.#reader.apexNode, TYPE.NS, 0)) {
      const verdict = this.#addresses(name);
      const text = `NS '${nameToShortText(name)}'`;
      if (verdict.kind === 'none')
        this.#faults.add('error', 'ZONE_ADDRESS', `${text} has no address records (A or AAAA)`);
      else if (verdict.kind === 'alias') this.#faults.add('error', 'ZONE_ADDRESS', `${text} is a CNAME (illegal)`);
      else if (verdict.kind === 'below DNAME') {
        const what = `${text} is below a DNAME '${nameToShortText(verdict.dname)}' (illegal)`;
        this.#faults.add('error', 'ZONE_ADDRESS', what);
      }
    }
  }

  #checkNode(node: NodeRef): void {
    const reader = this.#reader;
    if (reader.nodeFlags(node) & NODE.DELEGATION) {
      const owner = reader.owner(node);
      for (const name of this.#names(node, TYPE.NS, 0)) this.#checkDelegation(owner, name);
      return;
    }
    if (reader.rrset(node, TYPE.MX) !== 0) {
      const owner = reader.owner(node);
      for (const name of this.#names(node, TYPE.MX, 2)) this.#checkMx(owner, name);
    }
    if (reader.rrset(node, TYPE.SRV) !== 0) {
      const owner = reader.owner(node);
      for (const name of this.#names(node, TYPE.SRV, 6)) this.#checkSrv(owner, name);
    }
    if (this.#options.spf === 'warn' && reader.rrset(node, SPF) !== 0) this.#checkSpf(node);
  }

  /** The names at offset `at` of each RDATA of the RRset. */
  #names(node: NodeRef, type: number, at: number): Name[] {
    const reader = this.#reader;
    const rrset = reader.rrset(node, type);
    if (rrset === 0) return [];
    const names: Name[] = [];
    for (let position = reader.firstRdata(rrset); position !== 0; position = reader.nextRdata(position)) {
      reader.copyRdata(position, this.#rdata, 0);
      names.push(uncheckedName(this.#rdata.slice(at, at + nameLengthAt(this.#rdata, at))));
    }
    return names;
  }

  #checkDelegation(owner: Name, name: Name): void {
    const verdict = this.#addresses(name);
    const text = `${nameToShortText(owner)}/NS '${nameToShortText(name)}'`;
    const warn = (what: string): void => this.#faults.add('warning', 'ZONE_ADDRESS', `${text} ${what}`);
    switch (verdict.kind) {
      case 'none':
        warn('has no address records (A or AAAA)');
        break;
      case 'alias':
        warn('is a CNAME (illegal)');
        break;
      case 'below DNAME':
        warn(`is below a DNAME '${nameToShortText(verdict.dname)}' (illegal)`);
        break;
      case 'delegated':
        this.#checkGlue(owner, name, verdict.hasGlue, warn);
        break;
      default:
    }
  }

  /** Glue is required for servers below the cut; for servers below another cut of this zone it is good to have. */
  #checkGlue(owner: Name, name: Name, hasGlue: boolean, warn: (what: string) => void): void {
    const required = isWithin(name, owner);
    const siblings = this.#options.integrity === 'full' || this.#options.integrity === 'local';
    if (!hasGlue && required) warn('has no REQUIRED GLUE address records (A or AAAA)');
    else if (!hasGlue && siblings) warn('has no SIBLING GLUE address records (A or AAAA)');
    if (hasGlue || required || siblings) this.#outside.push({ owner, type: 'NS', name });
  }

  #checkMx(owner: Name, name: Name): void {
    if (name.length === 1) return; // RFC 7505: "." says that there is no mail
    const { mxAlias, mxAddress } = this.#options;
    const verdict = this.#addresses(name);
    if (verdict.kind === 'out of zone') this.#outside.push({ owner, type: 'MX', name });
    const text = `${nameToShortText(owner)}/MX '${nameToShortText(name)}'`;
    if (verdict.kind === 'none') {
      const severity = mxAddress === 'fail' ? 'error' : 'warning';
      this.#faults.add(severity, 'ZONE_ADDRESS', `${text} has no address records (A or AAAA)`);
    } else this.#addAlias(mxAlias, verdict, text);
  }

  #checkSrv(owner: Name, name: Name): void {
    if (name.length === 1) return; // RFC 2782: "." says that there is no service
    const verdict = this.#addresses(name);
    if (verdict.kind === 'out of zone') this.#outside.push({ owner, type: 'SRV', name });
    const text = `${nameToShortText(owner)}/SRV '${nameToShortText(name)}'`;
    if (verdict.kind === 'none')
      this.#faults.add('warning', 'ZONE_ADDRESS', `${text} has no address records (A or AAAA)`);
    else this.#addAlias(this.#options.srvAlias, verdict, text);
  }

  #addAlias(mode: ZoneCheckOptions['mxAlias'], verdict: AddressVerdict, text: string): void {
    if (mode === 'ignore') return;
    const severity = mode === 'fail' ? 'error' : 'warning';
    if (verdict.kind === 'alias') this.#faults.add(severity, 'ZONE_ADDRESS', `${text} is a CNAME (illegal)`);
    if (verdict.kind !== 'below DNAME') return;
    const what = `${text} is below a DNAME '${nameToShortText(verdict.dname)}' (illegal)`;
    this.#faults.add(severity, 'ZONE_ADDRESS', what);
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
  #addresses(name: Name): AddressVerdict {
    const reader = this.#reader;
    if (!isWithin(name, reader.apex)) return { kind: 'out of zone' };
    const labels = labelCount(name);
    for (let depth = reader.apexLabels; depth <= labels; depth++) {
      const here = rightmostLabels(name, depth);
      const node = reader.find(here);
      if (node === 0) return this.#wildcardAddresses(rightmostLabels(name, depth - 1));
      if (reader.nodeFlags(node) & NODE.DELEGATION) {
        return { kind: 'delegated', cut: here, hasGlue: this.#hasAddress(reader.find(name)) };
      }
      if (depth < labels && reader.rrset(node, TYPE.DNAME) !== 0) return { kind: 'below DNAME', dname: here };
      if (depth === labels) return this.#nodeAddresses(node);
    }
    return { kind: 'none' };
  }

  #wildcardAddresses(encloser: Name): AddressVerdict {
    const wildcard = wildcardOf(encloser);
    const node = wildcard === undefined ? 0 : this.#reader.find(wildcard);
    return node === 0 ? { kind: 'none' } : this.#nodeAddresses(node);
  }

  #nodeAddresses(node: NodeRef): AddressVerdict {
    if (this.#hasAddress(node)) return { kind: 'addresses' };
    return this.#reader.rrset(node, TYPE.CNAME) === 0 ? { kind: 'none' } : { kind: 'alias' };
  }

  #hasAddress(node: NodeRef): boolean {
    const reader = this.#reader;
    return node !== 0 && (reader.rrset(node, TYPE.A) !== 0 || reader.rrset(node, TYPE.AAAA) !== 0);
  }
}

const SPF_VERSION = 'v=spf1';

/** RFC 7208 section 4.5: the record begins with "v=spf1" and a space or its end. */
function isSpfText(rdata: Uint8Array): boolean {
  let text = '';
  for (let at = 0; at < rdata.length && text.length <= SPF_VERSION.length; at += rdata[at] + 1) {
    text += Buffer.from(rdata.subarray(at + 1, at + 1 + rdata[at])).toString('latin1');
  }
  return text.slice(0, 6).toLowerCase() === SPF_VERSION && (text.length === 6 || text[6] === ' ');
}
