import type { ServedTtl } from '../../../src/policy/observations.ts';
import { has, ServedVersions, type DsRrset, type KeyName } from './caches.ts';
import type { History, OperatorOrder, ParentManner } from './history.ts';
import type { Moment, ServedZone, SyncRrset } from './served-zone.ts';

/** Seconds between the steps of a change in more than one. */
const BETWEEN_STEPS = 7;

/** The parent of the zone: its DS RRset, and how it follows CDS and CDNSKEY (RFC 7344, RFC 8078). */
export class Parent {
  readonly ds: ServedVersions<DsRrset>;
  readonly #history: History;
  readonly #zone: ServedZone;
  readonly #ttls: ServedTtl[] = [];
  #reacts: number | undefined = 0;
  #manner: ParentManner = 'replace';
  /** When the parent asks for CDS next, or does the second step of a change. */
  next = Infinity;
  #isFlapping = false;
  /** In the middle of a change: DS RRsets that come before the last, which is then what CDS asks for. */
  #steps: readonly (readonly KeyName[])[] | undefined;

  constructor(history: History, zone: ServedZone, keys: readonly KeyName[]) {
    this.#history = history;
    this.#zone = zone;
    this.ds = new ServedVersions<DsRrset>({ kind: 'ds', keys }, history.dsTtl, Infinity);
  }

  get keys(): readonly KeyName[] {
    return this.ds.current.rrset.keys;
  }

  served(): ServedTtl[] {
    const { ttl, rrset } = this.ds.current;
    return rrset.keys.length === 0 ? this.#ttls : [...this.#ttls, { rrset: 'ds', ttl, until: undefined }];
  }

  follow(reacts: number | undefined, manner: ParentManner, at: number): void {
    this.#reacts = reacts;
    this.#manner = manner;
    this.zoneChanged(at);
  }

  /** CDS may have changed. */
  zoneChanged(at: number): void {
    if (this.#steps) return;
    const isAsked = this.#reacts !== undefined && this.#wants(this.#zone.sync) !== undefined;
    if (!isAsked) this.next = Infinity;
    else if (this.next === Infinity) this.next = at + this.#reacts!;
  }

  /** @returns why CDS cannot be followed although the zone's keys asked for it */
  act(moment: Moment): string | undefined {
    this.next = Infinity;
    const refusal = this.#steps ? this.#goOn(this.#steps, moment) : this.#follow(moment);
    this.zoneChanged(moment.at + 1);
    return refusal;
  }

  #follow(moment: Moment): string | undefined {
    const old = this.#zone.oldSync(moment.at);
    // A parent compares the CDS of all servers before it adds a key; it may be late with taking one away.
    const addsNone = old.keys.every((key) => has(this.keys, key) || has(this.#zone.sync.keys, key));
    const sync = this.#manner === 'reads old CDS' && addsNone ? old : this.#zone.sync;
    const wanted = this.#wants(sync);
    if (wanted === undefined) return undefined;
    // RFC 7344 section 4.1: signed with a key that is represented in both the current DNSKEY and DS RRsets.
    const isTrusted = this.keys.length === 0 || this.keys.some((key) => has(sync.signers, key));
    if (!isTrusted) return 'CDS is signed by no key that has a DS';
    const steps = this.#stepsTo(wanted);
    this.#isFlapping = this.#manner === 'flaps';
    if (steps.length > 0) this.#goOn(steps, moment);
    else this.#set(wanted, moment);
    return undefined;
  }

  #goOn([first, ...rest]: readonly (readonly KeyName[])[], moment: Moment): undefined {
    this.#steps = first && rest;
    this.#set(first ?? this.#wants(this.#zone.sync) ?? this.keys, moment);
    if (first) this.next = moment.at + BETWEEN_STEPS;
  }

  /**
   * Does what an operator says.
   * @returns true when the DS RRset now announces an algorithm that the zone may not be signed with everywhere
   */
  order(what: OperatorOrder, moment: Moment): boolean {
    const before = this.keys;
    if (what === 'remove all DS') this.#set([], moment);
    else if (before.length > 0) {
      const { keys } = this.#zone.dnskey.current.rrset;
      const extra = what === 'early DS' ? keys : [strayOf(before[0])];
      this.#set([...before, ...extra.filter((key) => !has(before, key))], moment);
    }
    this.zoneChanged(moment.at);
    return this.keys.some(({ algorithm }) => !before.some((key) => key.algorithm === algorithm));
  }

  setTtl(ttl: number, moment: Moment): void {
    this.#replace(this.keys, ttl, moment);
  }

  /** The DS RRset that CDS asks for; undefined: it is there, or nothing is asked. */
  #wants({ keys, isDelete }: SyncRrset): readonly KeyName[] | undefined {
    if (isDelete) return this.keys.length === 0 ? undefined : [];
    if (keys.length === 0) return undefined;
    const isSame = keys.length === this.keys.length && keys.every((key) => has(this.keys, key));
    return isSame ? undefined : keys;
  }

  /** Only what is the same at all servers for a while can be seen. */
  get isSteady(): boolean {
    return this.#steps === undefined || !this.#isFlapping;
  }

  #stepsTo(wanted: readonly KeyName[]): readonly (readonly KeyName[])[] {
    const { keys } = this;
    switch (this.#manner) {
      case 'flaps':
        return [wanted, keys, wanted, keys];
      case 'add, then remove':
        return keys.length === 0 || wanted.length === 0 ? [] : [[...keys, ...wanted.filter((key) => !has(keys, key))]];
      case 'remove, then add':
        return keys.length === 0 || wanted.length === 0 ? [] : [keys.filter((key) => has(wanted, key))];
      case 'replace':
      case 'reads old CDS':
        return [];
    }
  }

  #set(keys: readonly KeyName[], moment: Moment): void {
    this.#replace(keys, this.ds.current.ttl, moment);
  }

  #replace(keys: readonly KeyName[], ttl: number, { at, told }: Moment): void {
    const before = this.ds.current;
    this.ds.replace({ kind: 'ds', keys }, ttl, at, this.#history.parentDelay);
    const isOver = ttl !== before.ttl || keys.length === 0;
    if (isOver && before.rrset.keys.length > 0) this.#ttls.push({ rrset: 'ds', ttl: before.ttl, until: told });
  }
}

const strayOf = ({ algorithm }: KeyName): KeyName => ({ id: 'stray', algorithm });
