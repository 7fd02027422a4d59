import type { RecordHead } from '../device/crypto-device.ts';
import type { DeletionLedger } from './deletion-ledger.ts';

/**
 * What a device has of a key, as one number: twice the version, one more when it is deleted. So the larger stamp is what all devices
 * should have: a newer version wins, and a deletion wins over a live record of its version. 0: nothing.
 */
export type Stamp = number;

export const VOLATILE_STAMP: Stamp = 2;

export function stampOf({ version, isDeleted }: Pick<RecordHead, 'version' | 'isDeleted'>): Stamp {
  return 2 * version + (isDeleted ? 1 : 0);
}

/** Where a key lives. */
export interface KeyPlace {
  readonly uuid: string;
  /** By device; of one that is down, what it had when it was last asked. */
  readonly stamps: Stamp[];
  /** May be copied to other devices. */
  isExportable: boolean;
  /** The client that a volatile key belongs to; 0 for token keys. */
  owner: number;
  /** Bit i: device i has the newest version, and it is not deleted. */
  holders: number;
  /** The newest version is a deletion. */
  isDeleted: boolean;
}

/** All keys of all devices by UUID. What it says of devices that are down is kept, so that what changed meanwhile is never used. */
export class KeyDirectory {
  readonly #places = new Map<string, KeyPlace>();
  /** UUIDs of volatile keys by owner. */
  readonly #volatile = new Map<number, Set<string>>();
  readonly #devices: number;
  readonly #deletions: DeletionLedger;

  /** @param deletions keys that count as deleted, whatever a device has */
  constructor(devices: number, deletions: DeletionLedger) {
    this.#devices = devices;
    this.#deletions = deletions;
  }

  get size(): number {
    return this.#places.size;
  }

  get(uuid: string): KeyPlace | undefined {
    return this.#places.get(uuid);
  }

  all(): Iterable<KeyPlace> {
    return this.#places.values();
  }

  /** Devices that hold the key as it is now, as bits. */
  holders(uuid: string): number {
    return this.#places.get(uuid)?.holders ?? 0;
  }

  /** What a device was found to have. */
  note(uuid: string, device: number, stamp: Stamp, isExportable: boolean): KeyPlace {
    const place = this.#place(uuid, 0);
    const newest = Math.max(...place.stamps);
    place.stamps[device] = stamp;
    // A head that is older than another says nothing about the key as it is now.
    if (stamp >= newest) place.isExportable = isExportable;
    this.#update(place);
    return place;
  }

  noteVolatile(uuid: string, device: number, owner: number): void {
    const place = this.#place(uuid, owner);
    place.stamps[device] = VOLATILE_STAMP;
    this.#update(place);
    const others = this.#volatile.get(owner);
    if (others === undefined) this.#volatile.set(owner, new Set([uuid]));
    else others.add(uuid);
  }

  /** The device has nothing of the key, not even that it was deleted. */
  noteAbsence(uuid: string, device: number): void {
    const place = this.#places.get(uuid);
    if (place === undefined) return;
    place.stamps[device] = 0;
    if (place.stamps.every((stamp) => stamp === 0)) this.#drop(place);
    else this.#update(place);
  }

  /** A deletion was noted, or settled. */
  refresh(uuid: string): void {
    const place = this.#places.get(uuid);
    if (place !== undefined) this.#update(place);
  }

  /** The device had a live record of the key, old or new, when it was last asked. */
  mayHave(uuid: string, device: number): boolean {
    const stamp = this.#places.get(uuid)?.stamps[device] ?? 0;
    return stamp !== 0 && stamp % 2 === 0;
  }

  /** The client's volatile keys are gone. */
  dropVolatileOf(owner: number): void {
    for (const uuid of this.#volatile.get(owner) ?? []) this.#places.delete(uuid);
    this.#volatile.delete(owner);
  }

  /** The device's volatile keys are gone: its process is another one. */
  dropVolatileOn(device: number): void {
    for (const uuids of this.#volatile.values()) for (const uuid of uuids) this.noteAbsence(uuid, device);
  }

  /** Forgets a deletion that every device knows of, or has nothing to do with. */
  settle(uuid: string): void {
    const place = this.#places.get(uuid);
    if (place?.isDeleted && place.stamps.every((stamp) => stamp === 0 || stamp % 2 === 1)) this.#drop(place);
  }

  #drop({ uuid, owner }: KeyPlace): void {
    this.#places.delete(uuid);
    const others = this.#volatile.get(owner);
    others?.delete(uuid);
    if (others?.size === 0) this.#volatile.delete(owner);
  }

  #place(uuid: string, owner: number): KeyPlace {
    let place = this.#places.get(uuid);
    if (place === undefined) {
      const stamps = Array.from<Stamp>({ length: this.#devices }).fill(0);
      place = { uuid, stamps, isExportable: false, owner, holders: 0, isDeleted: false };
      this.#places.set(uuid, place);
    }
    return place;
  }

  #update(place: KeyPlace): void {
    const newest = Math.max(...place.stamps);
    place.isDeleted = newest % 2 === 1;
    place.holders = 0;
    if (place.isDeleted || newest === 0 || this.#deletions.has(place.uuid)) return;
    place.stamps.forEach((stamp, device) => {
      if (stamp === newest) place.holders |= 1 << device;
    });
  }
}
