import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';
import { SimulatedClock } from '../../../src/base/clock.ts';
import { NodeDisk } from '../../../src/base/node-disk.ts';
import {
  revokeSoPinPermit,
  SO_PIN_PERMIT_FILE,
  SoPinPermits,
  writeSoPinPermit,
} from '../../../src/hsm/appliance/so-pin-permit.ts';
import { HalError, HalStatus } from '../../../src/hsm/hal-status.ts';
import { MemoryDisk } from '../../base/memory-disk.ts';
import { ApplianceFixture, confirm, octets, PINS } from './appliance-fixture.ts';

const START = 1_800_000_000;
const ROOT = { userId: 0, name: 'root' };
const STATE = '/state';

function world(): { disk: MemoryDisk; clock: SimulatedClock; permits: SoPinPermits; permit: () => void } {
  const disk = new MemoryDisk();
  disk.makeDirectory(STATE, 0o700);
  const clock = new SimulatedClock(START);
  const permits = new SoPinPermits(STATE, { disk, clock });
  return {
    disk,
    clock,
    permits,
    permit: () => void writeSoPinPermit(STATE, ROOT, { disk, clock, giveTo: () => undefined }),
  };
}

suite('A permit to set the PIN of so', () => {
  test('is good for a quarter of an hour, and once', async () => {
    const { permits, permit, clock, disk } = world();
    assert.equal(permits.current, undefined);
    permit();
    assert.deepEqual(permits.current, { made: START, until: START + 900, by: 'user id 0, root' });
    await clock.advance(899);
    assert.ok(permits.current);
    await clock.advance(1);
    assert.equal(permits.current, undefined);
    permit();
    permits.use();
    assert.equal(permits.current, undefined);
    permit();
    assert.equal(revokeSoPinPermit(STATE, 0, disk), true);
    assert.equal(permits.current, undefined);
    assert.equal(revokeSoPinPermit(STATE, 0, disk), false);
  });

  test('is none when others could have written it, or it is not of this form, of the future, or for longer', () => {
    const { permits, disk } = world();
    const file = `${STATE}/${SO_PIN_PERMIT_FILE}`;
    const good = { made: START - 10, until: START + 890, by: 'x' };
    const write = (permit: unknown, mode = 0o600): void =>
      disk.replace(file, Buffer.from(typeof permit === 'string' ? permit : JSON.stringify(permit)), mode);
    write(good);
    assert.ok(permits.current);
    for (const bad of [
      { ...good, made: START + 60, until: START + 960 },
      { ...good, made: START - 1000, until: START + 1_000_000 },
      { ...good, made: '1' },
      { made: START, until: START + 10 },
      [],
      'null',
      '{',
      '',
    ]) {
      write(bad);
      assert.equal(permits.current, undefined, JSON.stringify(bad));
    }
    for (const mode of [0o640, 0o604, 0o622]) {
      write(good, mode);
      assert.equal(permits.current, undefined);
    }
  });

  test('is for root, or who the state directory belongs to, and nobody else', () => {
    const { disk, clock } = world();
    const owner = disk.facts(STATE)!.owner;
    const given: number[] = [];
    const dependencies = { disk, clock, giveTo: (_file: string, to: number) => void given.push(to) };
    for (const userId of [owner + 1, 65_534])
      for (const call of [
        () => writeSoPinPermit(STATE, { userId, name: 'mallory' }, dependencies),
        () => revokeSoPinPermit(STATE, userId, disk),
      ])
        assert.throws(call, { code: 'SO_PIN_PERMIT', message: /run this as root/ });
    assert.throws(() => writeSoPinPermit('/none', ROOT, dependencies), { code: 'SO_PIN_PERMIT' });
    writeSoPinPermit(STATE, { userId: owner, name: 'hsm' }, dependencies);
    assert.deepEqual(given, []);
  });
});

suite('S-505 (part) A so who forgot the PIN', { timeout: 120_000 }, () => {
  test('wheel alone cannot set it; with a permit of the host wheel can, once, and it is in the audit log', async () => {
    await using fixture = await ApplianceFixture.make();
    const operator = await fixture.ready();
    const refused = (error: HalError): boolean =>
      error.status === HalStatus.FORBIDDEN && /PIN of so/.test(error.message);
    assert.deepEqual(operator.requiredFor('set pin so'), ['so']);
    await assert.rejects(operator.setPin('so', octets('wheel is so')), refused);

    const { directory } = fixture;
    const now = { now: () => Math.floor(Date.now() / 1000) } as SimulatedClock;
    const userId = process.getuid!();
    const who = { userId, name: 'an administrator' };
    writeSoPinPermit(directory, who, { disk: new NodeDisk(), clock: now, giveTo: () => undefined });
    assert.deepEqual(operator.requiredFor('set pin so'), ['wheel'], 'wheel enters the PIN again');
    assert.deepEqual(operator.requiredFor('masterkey set'), ['so', 'wheel'], 'for nothing else');
    await assert.rejects(operator.setPin('so', octets('not confirmed')), { code: 'HAL_FORBIDDEN' });
    assert.ok(fs.existsSync(path.join(directory, SO_PIN_PERMIT_FILE)), 'it is not used up by a refusal');
    await confirm(operator, 'set pin so');
    await operator.setPin('so', octets('a new person'));
    assert.ok(!fs.existsSync(path.join(directory, SO_PIN_PERMIT_FILE)));
    const kinds = fixture.events.map(({ kind }) => kind);
    assert.ok(kinds.indexOf('so PIN permit') < kinds.lastIndexOf('pin set'));
    const event = fixture.events.find(({ kind }) => kind === 'so PIN permit');
    assert.equal(event?.facts?.['permittedBy'], `user id ${userId}, an administrator`);
    assert.ok(fixture.log.records.some(({ text }) => text.includes('with a permit of the host')));

    assert.deepEqual(operator.requiredFor('set pin so'), ['so']);
    await assert.rejects(operator.setPin('so', octets('once more')), refused);
    await operator.confirm('masterkey erase', 'so', octets('a new person'));
    await operator.confirm('masterkey erase', 'wheel', octets(PINS.wheel));
    await operator.eraseMasterKey();
  });

  test('what cannot be recorded uses up no permit and sets no PIN', async () => {
    await using fixture = await ApplianceFixture.make();
    const operator = await fixture.ready();
    const now = { now: () => Math.floor(Date.now() / 1000) } as SimulatedClock;
    const who = { userId: process.getuid!(), name: 'an administrator' };
    writeSoPinPermit(fixture.directory, who, { disk: new NodeDisk(), clock: now, giveTo: () => undefined });
    await confirm(operator, 'set pin so');
    fixture.isAuditBroken = true;
    await assert.rejects(operator.setPin('so', octets('unrecorded')), /audit disk is full/);
    assert.ok(fs.existsSync(path.join(fixture.directory, SO_PIN_PERMIT_FILE)));
    fixture.isAuditBroken = false;
    await operator.confirm('restore', 'so', octets(PINS.so));
  });
});
