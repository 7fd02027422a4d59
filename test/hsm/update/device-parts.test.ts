import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { suite, test } from 'node:test';
import { MemoryLog } from '../../../src/base/log.ts';
import { NodeDisk } from '../../../src/base/node-disk.ts';
import { partSources } from '../../../src/daemon/hsmd-parts.ts';
import type { UpdatePart } from '../../../src/hsm/appliance/appliance.ts';
import type { AuditEvent } from '../../../src/hsm/audit/audit-log.ts';
import type { Program } from '../../../src/hsm/device/device-program.ts';
import { DeviceParts } from '../../../src/hsm/update/device-parts.ts';
import { PART_ENTRIES, requireEntries } from '../../../src/hsm/update/part-entries.ts';
import { checkContent } from '../../../src/hsm/update/slot-content.ts';
import { softwareSlots } from '../../../src/hsm/update/update-store.ts';
import { Crash, MemoryDisk } from '../../base/memory-disk.ts';

const PACKAGE = { entry: '/package/hsmd.js', version: 'package' };
const PARTS = ['firmware', 'bootloader', 'fpga', 'tamper'] as const;
const BESIDE = ['device-process.js', 'boot-process.js', 'native/hsm.node', 'watchdog-process.js'];

function diskOfPackage(): MemoryDisk {
  const disk = new MemoryDisk();
  for (const name of BESIDE) disk.put(`/package/${name}`, `${name} of package`);
  disk.makeDirectory('/state', 0o700);
  return disk;
}

/** hsmd as it is after a start: what it knows is on the disk. */
class Appliance {
  readonly log = new MemoryLog();
  readonly events: AuditEvent[] = [];
  readonly parts: DeviceParts;
  readonly disk: MemoryDisk;

  /** @param update version of the update whose software runs */
  constructor(disk: MemoryDisk, update?: string) {
    this.disk = disk;
    const directory = update && `/state/software/${update}`;
    const sources = partSources(PACKAGE, directory === undefined || update === undefined ? undefined : { directory, version: update }, disk); // prettier-ignore
    const audit = { append: async (event: AuditEvent) => void this.events.push(event), ready: async () => undefined };
    this.parts = new DeviceParts({ state: '/state', sources }, { disk, log: this.log, audit });
  }

  /** Starts the part of device 0; returns what its file says. */
  async start(part: UpdatePart = 'firmware'): Promise<string> {
    const program = await this.parts.prepare(0, part);
    prove(program, this.disk);
    return Buffer.from(this.disk.read(program.file)!).toString();
  }

  get outcomes(): string[] {
    return this.events.map(({ facts }) => `${facts?.part} ${facts?.outcome}`);
  }
}

/** The files of an update, where the slot of its software is. */
function bring(disk: MemoryDisk, update: string): void {
  for (const part of PARTS) disk.put(`/state/software/${update}/${PART_ENTRIES[part]}`, `${part} of ${update}`);
}

function prove({ content, file }: Program, disk: MemoryDisk): void {
  if (content === undefined) assert.match(file, /^\/package\//);
  else
    assert.equal(path.join(content.directory, checkContent(content.directory, content.digest, disk).entry ?? ''), file);
}

suite('S-443 S-444 S-446 What a device is started from', () => {
  for (const [i, part] of PARTS.entries())
    test(`${part}: the package's where it is; installed, a copy of it from the slot that did not count, proved and kept when it comes up`, async () => {
      const disk = diskOfPackage();
      const hsmd = new Appliance(disk);
      assert.deepEqual(await hsmd.parts.prepare(0, part), {
        file: `/package/${BESIDE[i]}`,
        version: 'package',
        slot: undefined,
        content: undefined,
      });
      for (const slot of ['a', 'b', 'a'] as const) {
        hsmd.parts.install(0, part);
        const program = await hsmd.parts.prepare(0, part);
        assert.deepEqual([program.slot, program.version], [slot, 'package']);
        assert.equal(program.file, `/state/parts/0/${part}/${slot}/${PART_ENTRIES[part]}`);
        prove(program, disk);
        await hsmd.parts.confirm(0, part);
      }
      assert.deepEqual(hsmd.outcomes, [`${part} runs`, `${part} runs`, `${part} runs`]);
      assert.equal((await hsmd.parts.prepare(1, part)).slot, undefined, 'the other device has its own');
    });

  test('devices follow the software: what an update brought is tried at the next start, and what was there comes back with the software of before', async () => {
    const disk = diskOfPackage();
    bring(disk, '2');
    const hsmd = new Appliance(disk, '2');
    assert.equal(await hsmd.start(), 'firmware of 2');
    await hsmd.parts.confirm(0, 'firmware');
    assert.deepEqual(hsmd.outcomes, ['firmware installed', 'firmware runs']);
    assert.equal(await new Appliance(disk, '2').start(), 'firmware of 2');
    const before = new Appliance(disk);
    assert.equal(await before.start(), 'device-process.js of package');
    assert.deepEqual(before.outcomes, ['firmware installed']);
  });

  test('an update without a part leaves that part to its own bundle, or to the package', async () => {
    const disk = diskOfPackage();
    disk.put('/state/software/2/software/device-process.js', 'bundled with 2');
    const hsmd = new Appliance(disk, '2');
    assert.equal(await hsmd.start('firmware'), 'bundled with 2');
    assert.equal(await hsmd.start('fpga'), 'native/hsm.node of package');
    assert.equal((await hsmd.parts.prepare(0, 'fpga')).slot, undefined);
  });

  test('what does not come up is given up for what was there, and tried again only when somebody asks for it', async () => {
    const disk = diskOfPackage();
    bring(disk, '2');
    const hsmd = new Appliance(disk, '2');
    await hsmd.start();
    await hsmd.parts.confirm(0, 'firmware');
    bring(disk, '3');
    const next = new Appliance(disk, '3');
    assert.equal(await next.start(), 'firmware of 3');
    await next.parts.giveUp(0, 'firmware', 'exit code 7');
    assert.match(
      next.log.records.at(-1)!.text,
      /device 0: firmware of 3 did not come up \(exit code 7\): 2 is started again/,
    );
    assert.deepEqual(next.events.at(-1)?.facts, { device: 0, part: 'firmware', version: '3', outcome: 'given up', back: '2' }); // prettier-ignore
    for (let i = 0; i < 2; i++) assert.equal(await new Appliance(disk, '3').start(), 'firmware of 2');
    next.parts.install(0, 'firmware');
    assert.equal(await next.start(), 'firmware of 3');
    await next.parts.confirm(0, 'firmware');
    assert.equal(await next.start(), 'firmware of 3');
    // Nothing is on trial: whatever ends now is not the program's fault.
    await next.parts.giveUp(0, 'firmware', 'killed');
    assert.equal(await next.start(), 'firmware of 3');
  });

  test('a start that was cut off is no reason to give up: the trial goes on', async () => {
    const disk = diskOfPackage();
    bring(disk, '2');
    assert.equal(await new Appliance(disk, '2').start(), 'firmware of 2');
    const again = new Appliance(disk, '2');
    assert.equal(await again.start(), 'firmware of 2');
    await again.parts.giveUp(0, 'firmware', 'exit code 7');
    assert.equal(await again.start(), 'device-process.js of package');
  });

  for (const [what, damage] of [
    ['changed', (disk: MemoryDisk, slot: string) => disk.put(`${slot}/firmware/device-process.js`, 'evil')],
    ['missing', (disk: MemoryDisk, slot: string) => void disk.remove(`${slot}/firmware/device-process.js`)],
    ['more', (disk: MemoryDisk, slot: string) => disk.put(`${slot}/firmware/node_modules/x.js`, 'evil')],
    ['list', (disk: MemoryDisk, slot: string) => disk.put(`${slot}/content.json`, '{"files":{}}')],
    ['pointer', (disk: MemoryDisk, slot: string) => disk.put(`${slot}/../active.json`, 'not JSON')],
    [
      'old form',
      (disk: MemoryDisk, slot: string) => disk.put(`${slot}/../active.json`, '{"slot":"a","state":"good","before":{}}'),
    ],
  ] as const)
    // prettier-ignore
    test(`a damaged slot is not started (${what}): what the software brought is installed anew, or the package's runs`, async () => {
      const disk = diskOfPackage();
      const hsmd = new Appliance(disk);
      hsmd.parts.install(0, 'firmware');
      await hsmd.start();
      await hsmd.parts.confirm(0, 'firmware');
      damage(disk, '/state/parts/0/firmware/a');
      const after = new Appliance(disk);
      assert.equal((await after.parts.prepare(0, 'firmware')).slot, undefined);
      assert.equal(after.outcomes[0], 'firmware damaged');
      assert.match(after.log.records[0].text, /device 0: firmware is damaged and is not started: /);
      assert.equal(await after.start(), 'device-process.js of package');
      after.parts.install(0, 'firmware');
      assert.equal((await after.parts.prepare(0, 'firmware')).slot, 'a');

      bring(disk, '2');
      const updated = new Appliance(disk, '2');
      await updated.start();
      await updated.parts.confirm(0, 'firmware');
      const { slot } = await updated.parts.prepare(0, 'firmware');
      damage(disk, `/state/parts/0/firmware/${slot}`);
      assert.equal(await new Appliance(disk, '2').start(), 'firmware of 2');
    });

  test('a full disk, or an audit log that cannot be written, lets what was there go on', async () => {
    const disk = diskOfPackage();
    bring(disk, '2');
    await new Appliance(disk, '2').start();
    await new Appliance(disk, '2').parts.confirm(0, 'firmware');
    bring(disk, '3');
    disk.refusal = 'ENOSPC';
    const full = new Appliance(disk, '3');
    assert.equal(await full.start(), 'firmware of 2');
    assert.match(full.log.records[0].text, /firmware cannot be installed \(.*; what was there goes on/);
    disk.refusal = undefined;
    const mute = new Appliance(disk, '3');
    mute.events.push = () => {
      throw new Error('the audit log is full');
    };
    assert.equal(await mute.start(), 'firmware of 2');
    assert.equal(await new Appliance(disk, '3').start(), 'firmware of 3');
  });

  test('S-443 S-444 S-446 the end of hsmd at any change of the disk leaves the old one whole or the new one, and goes on from there', async () => {
    const again = async (hsmd: Appliance): Promise<void> => hsmd.parts.install(0, 'firmware');
    const nothing = async (): Promise<void> => undefined;
    const up = async (hsmd: Appliance): Promise<void> => hsmd.parts.confirm(0, 'firmware');
    const down = async (hsmd: Appliance): Promise<void> => hsmd.parts.giveUp(0, 'firmware', 'exit code 7');
    let crashes = 0;
    for (const first of [nothing, again])
      for (const then of [up, down])
        for (let changes = 0, isDone = false; !isDone; changes++) {
          assert.ok(changes < 80, 'it comes to an end');
          const disk = diskOfPackage();
          bring(disk, '1');
          bring(disk, '2');
          const old = new Appliance(disk, '1');
          await old.start();
          await old.parts.confirm(0, 'firmware');
          disk.changes = 0;
          disk.changesUntilCrash = changes;
          const hsmd = new Appliance(disk, '2');
          try {
            await first(hsmd);
            await hsmd.start();
            await then(hsmd);
            isDone = !disk.crashed;
          } catch (error) {
            assert.ok(error instanceof Crash, String(error));
          }
          crashes += disk.crashed ? 1 : 0;
          // Whichever software is started next.
          for (const version of ['1', '2']) {
            const after = disk.afterCrash();
            const next = new Appliance(after, version);
            assert.match(await next.start(), /^firmware of [12]$/);
            await next.parts.confirm(0, 'firmware');
            const ran = await new Appliance(after, version).start();
            // What was given up before the end stays given up.
            const good = then === up ? [version] : isDone ? ['1'] : ['1', version];
            assert.ok(good.includes(ran.replace('firmware of ', '')), `${ran} after change ${changes}`);
            assert.deepEqual(new Set(next.outcomes).has('firmware damaged'), false);
          }
        }
    assert.ok(crashes > 40, `${crashes} crashes`);
  });
});

suite('S-445 An update and its parts', () => {
  test('every part has the file that is started', () => {
    for (const [part, entry] of Object.entries(PART_ENTRIES)) {
      requireEntries([{ name: entry, octets: new Uint8Array() }]);
      assert.throws(() => requireEntries([{ name: `${part}/other`, octets: new Uint8Array() }]), {
        code: 'UPDATE_PART',
        message: new RegExp(`a part '${part}' without ${entry}.*nothing was changed`),
      });
    }
  });

  test('software that is damaged in its slot is found out', () => {
    const disk = diskOfPackage();
    const slots = softwareSlots('/state', disk);
    slots.install('2', [{ name: 'software/hsmd.js', octets: Buffer.from('new') }]);
    const { slot, digest } = slots.active;
    checkContent(slots.pathOf(slot!), digest!, disk);
    disk.put('/state/software/a/software/hsmd.js', 'neW');
    assert.throws(
      () => checkContent(slots.pathOf(slot!), digest!, disk),
      /software\/hsmd\.js: it is not what was installed/,
    );
  });
});

suite('S-443 S-444 In a checkout', () => {
  test('a slot has the program and all that it imports: it starts with nothing else', () => {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'signet-parts-'));
    const disk = new NodeDisk();
    const hsmd = path.resolve(import.meta.dirname, '../../../src/daemon/hsmd.ts');
    const sources = partSources({ entry: hsmd, version: '1' }, undefined, disk);
    try {
      for (const [part, says] of [
        ['firmware', /usage: device-process/],
        ['bootloader', /it was not told which firmware to start/],
        ['tamper', /usage: watchdog-process/],
      ] as const) {
        for (const { name, octets } of sources[part].files()) {
          fs.mkdirSync(path.dirname(path.join(directory, name)), { recursive: true });
          fs.writeFileSync(path.join(directory, name), octets);
        }
        const { stderr } = spawnSync(process.execPath, [path.join(directory, sources[part].entry)], {
          encoding: 'utf8',
          timeout: 120_000,
        });
        assert.match(stderr, says);
        assert.doesNotMatch(stderr, /Warning/);
      }
    } finally {
      fs.rmSync(directory, { recursive: true });
    }
  });
});
