import { withSoaSerial } from '../wire/rdata/soa.ts';
import type { Name } from '../wire/name.ts';
import { isWithin, nameKey, parentName } from '../wire/name.ts';
import { signedLabels } from '../crypto/signing-input.ts';
import { TYPE } from '../wire/type-codes.ts';
import type { NodeRef, VersionRef } from '../zone/store/arena.ts';
import { NODE } from '../zone/store/layout.ts';
import type { ZoneEdit } from '../zone/store/zone-edit.ts';
import { ZoneReader } from '../zone/store/zone-reader.ts';
import type { ZoneStore } from '../zone/store/zone-store.ts';
import type { OwnRRset } from './apex-rrsets.ts';
import { dataRRset, dataTypes, isSameRRset } from './content-diff.ts';
import { DeferredSignatures } from './deferred-signatures.ts';

import { roleOf, type NodeRole } from './node-role.ts';
import { mendNsec } from './nsec-mender.ts';
import { mendNsec3 } from './nsec3-mender.ts';
import { RRsetSigner } from './rrset-signer.ts';
import type { SigningParameters, SigningStatistics } from './signing-parameters.ts';
import type { SigningPool } from './signing-pool.ts';
import { isSameRdataAs } from './same-rdata.ts';
import { publishedKeys } from './slice-signer.ts';

export interface UpdateBase {
  readonly before: ZoneReader;
  /** Has the data wanted. */
  readonly wanted: ZoneReader;
  readonly parameters: SigningParameters;
  readonly denialTtl: number;
  readonly serial: number;
  readonly jitterSeed: number;
}

export interface UpdateWork {
  readonly touched: readonly Name[];
  readonly stale: readonly { readonly node: NodeRef; readonly type: number }[];
  readonly apex: { readonly set: readonly OwnRRset[]; readonly remove: readonly number[] };
  readonly keyTypes: readonly number[];
}

export interface UpdateResult {
  readonly version: VersionRef;
  readonly statistics: SigningStatistics;
  readonly earliest: number;
}

/** A name at which something besides its own data may have to change: signatures, NSEC or NSEC3. */
export interface AffectedName {
  readonly owner: Name;
  readonly roleBefore: NodeRole | 'none';
  readonly roleAfter: NodeRole | 'none';
}

/** An RRset that the update sets, to be signed. */
export interface RRsetToSign {
  readonly owner: Name;
  readonly type: number;
  readonly ttl: number;
  readonly rdatas: readonly Uint8Array[];
}

/**
 * Makes one new version in two steps: the first edit brings the data, so that the store works out what is a cut, occluded or an
 * empty non-terminal; the second mends the chain and sets the signatures.
 */
export class VersionUpdate {
  readonly #base: UpdateBase;
  readonly #store: ZoneStore;
  readonly #pool: SigningPool;
  readonly #deferred: DeferredSignatures;
  readonly #signer: RRsetSigner;
  #fill: ((signature: Uint8Array) => void)[] = [];

  constructor(base: UpdateBase, dependencies: { store: ZoneStore; pool: SigningPool }) {
    this.#base = base;
    this.#store = dependencies.store;
    this.#pool = dependencies.pool;
    const { before, parameters, jitterSeed } = base;
    this.#deferred = new DeferredSignatures(parameters.keys, parameters.labLegacy ?? false);
    const options = {
      apex: before.apex,
      parameters,
      trustedDnskeys: publishedKeys(before),
      jitterSeed,
      defer: (key: SigningParameters['keys'][number], octets: Uint8Array, length: number): Uint8Array => {
        this.#deferred.add(key, octets, (signature) => this.#fill.shift()!(signature));
        return new Uint8Array(length);
      },
    };
    this.#signer = new RRsetSigner(options, this.#pool.signers);
  }

  async make(work: UpdateWork): Promise<UpdateResult> {
    const { before } = this.#base;
    const data = this.#store.edit(before.version);
    this.#setData(data, work);
    const middleVersion = data.commit();
    try {
      const middle = new ZoneReader(before.arena).open(middleVersion);
      const isApexChanged = work.apex.set.length + work.apex.remove.length > 0;
      const affected = this.#affected(middle, isApexChanged ? [...work.touched, before.apex] : work.touched);
      const toSign = new Map<string, RRsetToSign>();
      const edit = this.#store.edit(middleVersion);
      this.#collectUnsigned(middle, affected, work, edit, toSign);
      this.#mend(middle, affected, edit, toSign);
      await this.#sign(middle, toSign, edit);
      return { version: edit.commit(), statistics: this.#signer.statistics, earliest: this.#signer.earliest };
    } finally {
      this.#store.release(middleVersion);
    }
  }

  /** Data of touched names, key RRsets of the apex, and the SOA with its new serial. None of it is signed yet. */
  #setData(edit: ZoneEdit, { touched, apex }: UpdateWork): void {
    const { before, wanted, serial } = this.#base;
    for (const owner of touched) this.#setName(edit, owner);
    for (const { type, ttl, rdatas } of apex.set) edit.setRRset(before.apex, type, ttl, [...rdatas], []);
    for (const type of apex.remove) edit.deleteRRset(before.apex, type);
    const soa = wanted.rrset(wanted.apexNode, TYPE.SOA);
    edit.setRRset(before.apex, TYPE.SOA, wanted.ttl(soa), [withSoaSerial(wanted.rdataAll(soa)[0], serial)], []);
  }

  #setName(edit: ZoneEdit, owner: Name): void {
    const { before, wanted } = this.#base;
    const oldNode = before.find(owner);
    const newNode = wanted.find(owner);
    const newTypes = dataTypes(wanted, newNode);
    for (const type of dataTypes(before, oldNode)) if (!newTypes.includes(type)) edit.deleteRRset(owner, type);
    for (const type of newTypes) {
      const rrset = dataRRset(wanted, newNode, type);
      if (type === TYPE.SOA || isSameRRset(before, dataRRset(before, oldNode, type), wanted, rrset)) continue;
      edit.setRRset(owner, type, wanted.ttl(rrset), wanted.rdataAll(rrset), []);
    }
    // An NSEC alone would keep a name in the tree that is gone.
    const isGone = newTypes.length === 0 && oldNode !== 0 && before.rrset(oldNode, TYPE.NSEC) !== 0;
    if (isGone) edit.deleteRRset(owner, TYPE.NSEC);
  }

  /** Touched names, and those below that got into or out of the shadow of a delegation or DNAME; in canonical order. */
  #affected(middle: ZoneReader, touched: readonly Name[]): AffectedName[] {
    const { before } = this.#base;
    const affected = new Map<string, AffectedName>();
    const note = (owner: Name): void => {
      const key = nameKey(owner);
      if (affected.has(key)) return;
      const oldNode = before.find(owner);
      const newNode = middle.find(owner);
      const roleBefore = oldNode === 0 ? 'none' : roleOf(before, oldNode);
      const roleAfter = newNode === 0 ? 'none' : roleOf(middle, newNode);
      affected.set(key, { owner, roleBefore, roleAfter });
    };
    for (const owner of touched) {
      note(owner);
      if (shadows(before, before.find(owner)) === shadows(middle, middle.find(owner))) continue;
      middle.seek(owner);
      for (let node = middle.next(); node !== 0; node = middle.next()) {
        const below = middle.owner(node);
        if (!isWithin(below, owner)) break;
        note(below);
      }
    }
    for (const owner of touched) this.#noteAncestors(owner, note);
    return [...affected.values()];
  }

  /** Empty non-terminals come and go with the names below them. */
  #noteAncestors(owner: Name, note: (owner: Name) => void): void {
    const { before } = this.#base;
    for (let name = owner; name.length > before.apex.length;) {
      name = parentName(name);
      note(name);
    }
  }

  /** RRsets that have to be signed and are not, or the reverse. */
  #collectUnsigned(
    middle: ZoneReader,
    affected: readonly AffectedName[],
    work: UpdateWork,
    edit: ZoneEdit,
    toSign: Map<string, RRsetToSign>,
  ): void {
    const { before } = this.#base;
    for (const { owner, roleAfter } of affected) {
      const node = middle.find(owner);
      if (node === 0) continue;
      for (let i = 0, count = middle.rrsetCount(node); i < count; i++) {
        const rrset = middle.rrsetAt(node, i);
        const type = middle.type(rrset);
        if (type === TYPE.NSEC) continue;
        const isSigned = middle.signatureCount(rrset) > 0;
        const wantsSignature =
          middle.rdataCount(rrset) > 0 &&
          (roleAfter === 'authoritative' || (roleAfter === 'secure delegation' && type === TYPE.DS));
        if (wantsSignature && !isSigned) add(toSign, rrsetOf(middle, owner, type));
        else if (!wantsSignature && isSigned) {
          this.#signer.statistics.dropped += middle.signatureCount(rrset);
          edit.setSignatures(owner, type, []);
        }
      }
    }
    const atApex = [TYPE.SOA, ...work.keyTypes, ...work.apex.set.map(({ type }) => type)];
    for (const type of atApex)
      if (middle.rrset(middle.apexNode, type) !== 0) add(toSign, rrsetOf(middle, before.apex, type));
    for (const { node, type } of work.stale) {
      const owner = before.owner(node);
      const isHashed = (before.nodeFlags(node) & NODE.HASHED) !== 0;
      if (isHashed) add(toSign, hashedRRsetOf(before, node, owner, type));
      else if (stillThere(middle, owner, type)) add(toSign, rrsetOf(middle, owner, type));
    }
  }

  #mend(middle: ZoneReader, affected: AffectedName[], edit: ZoneEdit, toSign: Map<string, RRsetToSign>): void {
    const { before, parameters, denialTtl } = this.#base;
    const change = {
      set: (rrset: RRsetToSign): void => {
        edit.setRRset(rrset.owner, rrset.type, rrset.ttl, [...rrset.rdatas], []);
        toSign.set(keyOf(rrset), rrset);
      },
      remove: (owner: Name, type: number): void => {
        edit.deleteRRset(owner, type);
        toSign.delete(keyOf({ owner, type }));
      },
    };
    if (parameters.denial.kind === 'nsec') mendNsec(middle, affected, denialTtl, change);
    if (parameters.denial.kind === 'nsec3') mendNsec3(before, middle, affected, denialTtl, parameters.denial, change);
  }

  async #sign(middle: ZoneReader, toSign: ReadonlyMap<string, RRsetToSign>, edit: ZoneEdit): Promise<void> {
    const signed: { rrset: RRsetToSign; signatures: Uint8Array[] }[] = [];
    for (const rrset of toSign.values()) signed.push({ rrset, signatures: this.#signOne(middle, rrset) });
    await this.#deferred.make(this.#pool);
    for (const { rrset, signatures } of signed) edit.setSignatures(rrset.owner, rrset.type, signatures);
  }

  /** The RRSIGs; those made anew have zeros in place of the signature until the deferred ones are filled in. */
  #signOne(middle: ZoneReader, { owner, type, ttl, rdatas }: RRsetToSign): Uint8Array[] {
    const signer = this.#signer;
    signer.begin();
    for (const rdata of rdatas) signer.input.addRdata(type, rdata);
    const generated = signer.statistics.generated;
    signer.sign(
      { owner, type, labels: signedLabels(owner), originalTtl: ttl, signer: middle.apex },
      this.#candidates(middle, owner, type, ttl, rdatas),
    );
    const signatures: Uint8Array[] = [];
    for (let i = 0; i < signer.count; i++) signatures.push(signer.octets.slice(signer.starts[i], signer.starts[i + 1]));
    // What is made anew comes after what is kept, in the order in which it was deferred.
    const firstMade = signatures.length - (signer.statistics.generated - generated);
    for (const rrsig of signatures.slice(firstMade))
      this.#fill.push((signature) => rrsig.set(signature, rrsig.length - signature.length));
    return signatures;
  }

  /** Refreshing one of several signatures keeps the others. */
  #candidates(reader: ZoneReader, owner: Name, type: number, ttl: number, rdatas: readonly Uint8Array[]) {
    const node = type === TYPE.NSEC3 ? 0 : reader.find(owner);
    const rrset = node === 0 ? 0 : reader.rrset(node, type);
    if (rrset === 0 || reader.signatureCount(rrset) === 0 || reader.ttl(rrset) !== ttl) return undefined;
    return isSameRdataAs(reader, rrset, rdatas) ? { reader, rrset } : undefined;
  }
}

/** True for a delegation or a DNAME: names below are occluded. */
function shadows(reader: ZoneReader, node: NodeRef): boolean {
  if (node === 0) return false;
  const flags = reader.nodeFlags(node);
  if (flags & NODE.OCCLUDED) return false;
  return (flags & NODE.DELEGATION) !== 0 || dataRRset(reader, node, TYPE.DNAME) !== 0;
}

function rrsetOf(reader: ZoneReader, owner: Name, type: number): RRsetToSign {
  const rrset = reader.rrset(reader.find(owner), type);
  return { owner, type, ttl: reader.ttl(rrset), rdatas: reader.rdataAll(rrset) };
}

function hashedRRsetOf(reader: ZoneReader, node: NodeRef, owner: Name, type: number): RRsetToSign {
  const rrset = reader.rrset(node, type);
  return { owner, type, ttl: reader.ttl(rrset), rdatas: reader.rdataAll(rrset) };
}

function stillThere(reader: ZoneReader, owner: Name, type: number): boolean {
  const node = reader.find(owner);
  const rrset = node === 0 ? 0 : reader.rrset(node, type);
  return rrset !== 0 && reader.signatureCount(rrset) > 0;
}

function add(toSign: Map<string, RRsetToSign>, rrset: RRsetToSign): void {
  toSign.set(keyOf(rrset), rrset);
}

function keyOf({ owner, type }: { owner: Name; type: number }): string {
  return `${type} ${nameKey(owner)}`;
}
