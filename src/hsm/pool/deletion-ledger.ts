import { appendRecord, type Disk } from '../../base/disk.ts';
import { SignetError } from '../../base/error.ts';

/** Octets of the file after which it is written anew, if most of it is settled. */
const COMPACT_AT = 65_536;
const LINE_OCTETS = 38;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/**
 * UUIDs of keys that were deleted while a device was away that may still have them: until it is back and has deleted them, too, nobody
 * sees or uses them. It outlives hsmd, as the device that knows of the deletion may be the next one that is away.
 *
 *     file:  one line each, appended:  "+UUID" deleted, "-UUID" settled: no device has it any more
 *
 * A last line without its end was never acknowledged.
 */
export class DeletionLedger {
  readonly #file: string | undefined;
  readonly #disk: Disk | undefined;
  readonly #pending = new Set<string>();
  /** Pending, but not on the disk: it could not be written. */
  readonly #unwritten = new Set<string>();
  #size = 0;

  /** @throws SignetError DELETION_LEDGER when the file is damaged, DiskError */
  static open(file: string, disk: Disk): DeletionLedger {
    const ledger = new DeletionLedger(file, disk);
    ledger.#read();
    return ledger;
  }

  /** Kept nowhere: for pools of tests. */
  static inMemory(): DeletionLedger {
    return new DeletionLedger(undefined, undefined);
  }

  private constructor(file: string | undefined, disk: Disk | undefined) {
    this.#file = file;
    this.#disk = disk;
  }

  has(uuid: string): boolean {
    return this.#pending.has(uuid);
  }

  get pending(): ReadonlySet<string> {
    return this.#pending;
  }

  get isWritten(): boolean {
    return this.#unwritten.size === 0;
  }

  /** Durable when it returns. @throws DiskError: it holds for as long as this process runs, and `writeAgain` tries again */
  add(uuid: string): void {
    if (this.#pending.has(uuid) && !this.#unwritten.has(uuid)) return;
    this.#pending.add(uuid);
    this.#unwritten.add(uuid);
    this.writeAgain();
  }

  /** What could not be written before. @throws DiskError */
  writeAgain(): void {
    if (this.#unwritten.size === 0) return;
    this.#append([...this.#unwritten].map((uuid) => `+${uuid}\n`).join(''));
    this.#unwritten.clear();
  }

  /** No device has these any more. @throws DiskError: then the next start finds that out again */
  settle(uuids: readonly string[]): void {
    const settled = uuids.filter((uuid) => this.#pending.delete(uuid));
    const written = settled.filter((uuid) => !this.#unwritten.delete(uuid));
    if (written.length === 0) return;
    const most = Math.max(COMPACT_AT, 4 * LINE_OCTETS * this.#pending.size);
    if (this.#pending.size === this.#unwritten.size || this.#size > most) this.#compact();
    else this.#append(written.map((uuid) => `-${uuid}\n`).join(''));
  }

  #append(text: string): void {
    if (this.#file === undefined || this.#disk === undefined) return;
    const octets = Buffer.from(text);
    const handle = this.#disk.openAppend(this.#file, 0o600);
    try {
      appendRecord(handle, octets, this.#size);
      this.#size += octets.length;
    } finally {
      handle.close();
    }
  }

  #compact(): void {
    if (this.#file === undefined || this.#disk === undefined) return;
    const octets = Buffer.from([...this.#pending].map((uuid) => `+${uuid}\n`).join(''));
    this.#disk.replace(this.#file, octets, 0o600);
    this.#unwritten.clear();
    this.#size = octets.length;
  }

  #read(): void {
    const file = this.#file!;
    const disk = this.#disk!;
    const octets = disk.read(file);
    if (octets === undefined) return;
    const end = octets.lastIndexOf(0x0a) + 1;
    const lines = Buffer.from(octets.buffer, octets.byteOffset, end).toString('latin1').split('\n').slice(0, -1);
    for (const [i, line] of lines.entries()) {
      const uuid = line.slice(1);
      if (!UUID.test(uuid) || (line[0] !== '+' && line[0] !== '-'))
        throw new SignetError(
          'DELETION_LEDGER',
          `${file}:${i + 1} is damaged: it has the keys that are deleted on devices that were away; put a copy in its place, or remove the line, and look at 'list keys' for keys that should be gone`,
          { file, line: i + 1 },
        );
      if (line[0] === '+') this.#pending.add(uuid);
      else this.#pending.delete(uuid);
    }
    this.#size = end;
    if (end === octets.length) return;
    const handle = disk.openAppend(file, 0o600);
    handle.truncate(end);
    handle.sync();
    handle.close();
  }
}
