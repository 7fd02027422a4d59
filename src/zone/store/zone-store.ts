import { SignetError } from '../../base/error.ts';
import type { Name } from '../../wire/name.ts';
import { nameToText } from '../../wire/name-text.ts';
import { type Arena, GRANULE_WORDS, type VersionRef } from './arena.ts';
import { copyVersion } from './copy-version.ts';
import type { Extent, ExtentPool } from './extent-pool.ts';
import { NodeWriter, type WriterClaim, type WrittenExtents } from './node-writer.ts';
import { RecordSpace } from './record-space.ts';
import { RecordWriter } from './record-writer.ts';
import { VERSION } from './version.ts';
import { buildVersion } from './version-builder.ts';
import { ZoneEdit } from './zone-edit.ts';
import { type LoadTarget, ZoneLoader } from './zone-loader.ts';

/** Versions that share records: those made by edits from one load, assembly or compaction. Freed together. */
interface Family {
  readonly space: RecordSpace;
  /** Extents besides those of `space`, from writers in other threads. */
  readonly extents: readonly Extent[];
  /** Words of `extents`. */
  readonly words: number;
  members: number;
}

interface Member {
  readonly family: Family;
  /** Its maker has not released it. */
  wanted: boolean;
  published: boolean;
  holds: number;
}

/** A version that compaction replaced while its maker had not released it. */
interface Moved {
  readonly to: VersionRef;
  /** The extent with the version's ref: not used again before the release, so that the ref stays unmistakable. */
  kept: Extent[];
}

/** Less garbage than this is not worth a copy of the zone: octets. */
const COMPACT_ABOVE = 1 << 18;

/**
 * One zone's versions, for the control thread. A version that `load`, `assemble` or `commit` returned belongs to the
 * caller until `release`; the published one stays until another is published, whether released or not.
 */
export class ZoneStore {
  readonly apex: Name;
  /** Ref of the word that holds the published VersionRef, 0 at first: what readers load atomically. */
  readonly slot: number;
  readonly #arena: Arena;
  readonly #pool: ExtentPool;
  readonly #members = new Map<VersionRef, Member>();
  readonly #moved = new Map<VersionRef, Moved>();
  #disposed = false;

  constructor(options: { apex: Name }, dependencies: { arena: Arena; extents: ExtentPool }) {
    this.apex = options.apex.slice() as Name;
    this.#arena = dependencies.arena;
    this.#pool = dependencies.extents;
    this.slot = this.#pool.takeSlot();
  }

  /** Makes a version from records. */
  load(): ZoneLoader {
    return new ZoneLoader(this.apex, this.#loadTarget());
  }

  #loadTarget(): LoadTarget {
    return {
      begin: () => new RecordWriter(new RecordSpace(this.#arena, this.#pool), this.apex),
      finish: (writer, version, others) => {
        const extents = others.flatMap((written) => this.#adopt(written));
        this.#found({ space: this.#trimmed(writer.space), extents, words: wordsOf(extents) }, version);
      },
      fail: (writer, others) => {
        if (writer !== undefined) this.#free(writer.space.extents);
        for (const written of others) this.#free(this.#adopt(written));
      },
    };
  }

  /**
   * What a NodeWriter in any thread needs; plain data. Hand what it wrote to `assemble`, or the claim to `abandon`.
   * @param estimate octets that the writer will need; when that is too little it takes whole MiB from the arena
   */
  claim(estimate = 0): WriterClaim {
    const extents: Extent[] = [];
    for (let left = Math.ceil(estimate / 4); left > 0; left -= GRANULE_WORDS)
      extents.push(this.#pool.take(Math.min(left, GRANULE_WORDS)));
    return { tag: this.#pool.newClaim(), apex: this.apex, extents };
  }

  /** Takes back all that a writer was given and took: when its thread has ended, or its work is not wanted. */
  abandon(claim: WriterClaim): void {
    this.#free(claim.extents);
    this.#free(this.#pool.adoptClaim(claim.tag));
  }

  /**
   * Makes a version from nodes that writers made: `nodes` in canonical order beginning with the apex, `hashNodes` (NSEC3)
   * in hash order. Flags are set here, missing empty non-terminals are added.
   * @param from all writers (or what their `written` said) that made the nodes, each once
   * @throws SignetError NODES_ORDER, ZONE_WITHOUT_SOA, ARENA_FULL: then the writers' extents are given back
   */
  assemble(
    nodes: Uint32Array,
    hashNodes: Uint32Array,
    from: readonly (NodeWriter | WrittenExtents)[] = [],
  ): VersionRef {
    const extents = from.flatMap((writer) => this.#adopt(writer instanceof NodeWriter ? writer.written() : writer));
    const space = new RecordSpace(this.#arena, this.#pool);
    try {
      const version = buildVersion(new RecordWriter(space, this.apex), nodes, hashNodes);
      return this.#found({ space: this.#trimmed(space), extents, words: wordsOf(extents) }, version);
    } catch (error) {
      this.#free([...space.extents, ...extents]);
      throw error;
    }
  }

  /** The extents of a writer as the pool's, without the unused end of the last. */
  #adopt(written: WrittenExtents): Extent[] {
    const extents = [...written.extents];
    this.#pool.adoptClaim(written.tag);
    const last = extents.pop();
    if (last !== undefined) extents.push(this.#pool.trim(last, written.lastUsed));
    this.#free(written.unused);
    return extents.filter((extent) => extent.words > 0);
  }

  /** Changes to a version, which stays as it is. @throws SignetError VERSION_UNKNOWN */
  edit(base: VersionRef): ZoneEdit {
    const { family } = this.#member(base);
    return new ZoneEdit(this.#arena, base, new RecordWriter(family.space, this.apex), {
      checkBase: () => {
        if (this.#members.get(base)?.family !== family) this.#unknown(base);
      },
      made: (version) => {
        family.members++;
        this.#members.set(version, { family, wanted: true, published: false, holds: 0 });
      },
    });
  }

  /** Shows a version to all readers, by one atomic store. @throws SignetError VERSION_UNKNOWN */
  publish(version: VersionRef): void {
    const member = this.#member(version);
    const before = this.current();
    if (before === version) return;
    Atomics.store(this.#arena.u32, this.slot, version);
    member.published = true;
    if (before === 0) return;
    const old = this.#member(before);
    old.published = false;
    this.#dropIfUnused(before, old);
  }

  /** The published version, 0 before the first. */
  current(): VersionRef {
    return Atomics.load(this.#arena.u32, this.slot);
  }

  /** All versions that are still kept, oldest first. */
  versions(): VersionRef[] {
    return [...this.#members.keys()];
  }

  /** Keeps a version readable, also in this thread across awaits, until the handle is released. */
  hold(version: VersionRef): { release(): void } {
    const member = this.#member(version);
    let held = true;
    member.holds++;
    return {
      release: () => {
        if (!held) return;
        held = false;
        member.holds--;
        this.#dropIfUnused(version, member);
      },
    };
  }

  /**
   * Says that the version's maker no longer wants it. Its memory goes when it is neither published nor held and no reader
   * can see it. A version that compaction has replaced stands for the one that took its place.
   * @throws SignetError VERSION_UNKNOWN
   */
  release(version: VersionRef): void {
    let here = version;
    for (let moved = this.#moved.get(here); moved !== undefined; moved = this.#moved.get(here)) here = moved.to;
    const member = this.#member(here);
    if (!member.wanted) this.#unknown(version);
    this.#forgetMovedTo(here);
    member.wanted = false;
    this.#dropIfUnused(here, member);
  }

  /**
   * Copies the published version into new extents and publishes the copy, when the garbage in its extents outweighs it.
   * What was wanted of the old version is then of the new: use `current()` afterwards. Takes time with the zone's size.
   */
  compactIfWorthwhile(): void {
    const version = this.current();
    if (version === 0) return;
    const member = this.#member(version);
    const live = this.#arena.u32[version + VERSION.LIVE];
    const garbage = this.#familyWords(member.family) - live;
    if (garbage * 4 > COMPACT_ABOVE && garbage > live) this.#compact(version, member);
  }

  #compact(version: VersionRef, member: Member): void {
    const space = new RecordSpace(this.#arena, this.#pool);
    let copy: VersionRef;
    try {
      copy = copyVersion(this.#arena, version, new RecordWriter(space, this.apex));
    } catch (error) {
      this.#free(space.extents);
      throw error;
    }
    this.#found({ space: this.#trimmed(space), extents: [], words: 0 }, copy);
    const { wanted } = member;
    this.#member(copy).wanted = wanted;
    if (wanted) this.#moved.set(version, { to: copy, kept: [] });
    member.wanted = false;
    this.publish(copy);
  }

  /** Octets of the extents that this zone has, and of what the published version needs. */
  memory(): { extents: number; live: number } {
    const families = new Set([...this.#members.values()].map((member) => member.family));
    let words = 0;
    for (const { space, extents } of families)
      for (const extent of [...space.extents, ...extents]) words += extent.words;
    const version = this.current();
    return { extents: 4 * words, live: version === 0 ? 0 : 4 * this.#arena.u32[version + VERSION.LIVE] };
  }

  /** Takes the zone out of the slot and gives everything back. The store is unusable afterwards. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    Atomics.store(this.#arena.u32, this.slot, 0);
    const families = new Set([...this.#members.values()].map((member) => member.family));
    this.#members.clear();
    for (const { space, extents } of families) this.#pool.retire([...space.extents, ...extents]);
    for (const { kept } of this.#moved.values()) this.#pool.retire(kept);
    this.#pool.retire([], this.slot);
  }

  #found(parts: Omit<Family, 'members'>, version: VersionRef): VersionRef {
    const family: Family = { ...parts, members: 1 };
    this.#members.set(version, { family, wanted: true, published: false, holds: 0 });
    return version;
  }

  #familyWords(family: Family): number {
    return family.space.usedWords + family.words;
  }

  #dropIfUnused(version: VersionRef, member: Member): void {
    if (member.wanted || member.published || member.holds > 0) return;
    if (!this.#members.delete(version)) return;
    const { family } = member;
    if (--family.members > 0) return;
    const gone = [...family.space.extents, ...family.extents].filter((extent) => !this.#keepForMoved(extent));
    this.#pool.retire(gone);
  }

  /** Old refs of a version that is released now need not stay unmistakable. */
  #forgetMovedTo(version: VersionRef): void {
    for (const [from, moved] of this.#moved) {
      if (moved.to !== version) continue;
      this.#moved.delete(from);
      if (moved.kept.length > 0) this.#pool.retire(moved.kept);
      this.#forgetMovedTo(from);
    }
  }

  #keepForMoved(extent: Extent): boolean {
    for (const [version, moved] of this.#moved) {
      if (version < extent.ref || version >= extent.ref + extent.words) continue;
      moved.kept.push(extent);
      return true;
    }
    return false;
  }

  #member(version: VersionRef): Member {
    return this.#members.get(version) ?? this.#unknown(version);
  }

  #unknown(version: VersionRef): never {
    const zone = nameToText(this.apex);
    throw new SignetError(
      'VERSION_UNKNOWN',
      `version ${version} of zone ${zone} is not there: it was released, or belongs to another zone`,
      { zone, version },
    );
  }

  /** Gives back the unused end of a space that is complete but for edits, which take new extents. */
  #trimmed(space: RecordSpace): RecordSpace {
    space.trim((extent, used) => this.#pool.trim(extent, used));
    return space;
  }

  #free(extents: readonly Extent[]): void {
    for (const extent of extents) this.#pool.free(extent);
  }
}

function wordsOf(extents: readonly Extent[]): number {
  return extents.reduce((sum, extent) => sum + extent.words, 0);
}
