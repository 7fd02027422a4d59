import assert from 'node:assert/strict';
import fs from 'node:fs';
import { DatabaseSync, type SQLOutputValue } from 'node:sqlite';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { CryptoDevice } from '../../../src/hsm/device/crypto-device.ts';
import { Prover } from '../../../src/hsm/device/key-record.ts';
import { LocalDevice } from '../../../src/hsm/device/local-device.ts';
import { isPinHash, PinHasher } from '../../../src/hsm/device/pin-hash.ts';
import { DEFAULT_WHEEL_PIN, KeyFlag, Mechanism } from '../../../src/hsm/hal-constants.ts';
import { HalError, HalStatus } from '../../../src/hsm/hal-status.ts';
import { SystemRandom } from '../../../src/base/random.ts';
import {
  Bench,
  CHEAP,
  ed,
  logIn,
  MASTER_KEY,
  NOBODY,
  pin,
  query,
  refusedWith,
  setUp,
  TOKEN_KEY,
  USER,
  uuid,
  WHEEL,
} from './bench-device.ts';

const DATA = Buffer.from('what is signed');
const LABEL = 0x0003;

interface Cell {
  readonly table: string;
  readonly column: string;
  readonly rowid: string;
}

function withFile<T>(bench: Bench, work: (database: DatabaseSync) => T): T {
  const database = new DatabaseSync(bench.keystore);
  try {
    return work(database);
  } finally {
    database.close();
  }
}

/** Every value of every row and column of the file. */
function allCells(database: DatabaseSync): Cell[] {
  const tables = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all() as { name: string }[];
  return tables.flatMap(({ name: table }) => {
    const columns = database.prepare(`PRAGMA table_info(${table})`).all() as { name: string; pk: number }[];
    const keys = columns.filter(({ pk }) => pk > 0).map(({ name }) => name);
    const rows = database.prepare(`SELECT ${keys.join(', ')} FROM ${table}`).all();
    return rows.flatMap((row) => {
      const rowid = keys.map((name) => `${name} = ${literal(row[name])}`).join(' AND ');
      return columns.map(({ name: column }) => ({ table, column, rowid }));
    });
  });
}

function literal(value: SQLOutputValue): string {
  if (value instanceof Uint8Array) return `x'${Buffer.from(value).toString('hex')}'`;
  return typeof value === 'string' ? `'${value}'` : String(value);
}

/** Flips a bit; false when SQLite does not let it stand there (its type, a key that exists). */
function flip(database: DatabaseSync, { table, column, rowid }: Cell, at: number): boolean {
  const row = database.prepare(`SELECT ${column} AS value FROM ${table} WHERE ${rowid}`).get();
  const value = row?.['value'] ?? 0;
  let changed: string | number | Uint8Array;
  if (typeof value === 'number') changed = Number(BigInt.asUintN(48, BigInt(value) ^ (1n << BigInt(at % 40))));
  else {
    const octets = Uint8Array.from(value instanceof Uint8Array ? value : Buffer.from(value as string));
    if (octets.length === 0) return false;
    octets[at % octets.length] ^= value instanceof Uint8Array ? 1 << (at % 8) : 1;
    changed = value instanceof Uint8Array ? octets : Buffer.from(octets).toString('latin1');
  }
  try {
    database.prepare(`UPDATE ${table} SET ${column} = ? WHERE ${rowid}`).run(changed);
    return true;
  } catch {
    return false;
  }
}

interface Known {
  readonly uuid: string;
  readonly flags: number;
  readonly label: string;
  readonly spki: Uint8Array;
}

async function makeKeys(device: CryptoDevice): Promise<Known[]> {
  const known: Known[] = [];
  for (let i = 0; i < 4; i++) {
    const key = uuid();
    const flags = i % 2 ? TOKEN_KEY : TOKEN_KEY | KeyFlag.EXPORTABLE;
    await device.generateKey(USER, key, 0, ed(flags));
    await device.setAttributes(USER, key, [{ type: LABEL, value: Buffer.from(`key ${i}`) }]);
    known.push({ uuid: key, flags, label: `key ${i}`, spki: await device.getPublicKey(USER, key) });
  }
  const gone = uuid();
  await device.generateKey(USER, gone, 0, ed(TOKEN_KEY | KeyFlag.EXPORTABLE));
  await device.deleteKey(USER, gone);
  return known;
}

/** A key is as it was made in everything that it says and does, or what asks for it is refused. Gives how many are refused. */
async function checkKeys(device: CryptoDevice, known: readonly Known[]): Promise<number> {
  let refused = 0;
  for (const { uuid: key, flags, label, spki } of known) {
    try {
      const info = await device.openKey(USER, key);
      assert.equal(info.flags, flags);
      assert.deepEqual(Buffer.from(await device.getPublicKey(USER, key)), Buffer.from(spki));
      const [attribute] = await device.listAttributes(USER, key);
      assert.equal(Buffer.from(attribute.value).toString(), label);
      const signature = await device.sign(USER, key, Mechanism.EDDSA, DATA);
      await device.verify(USER, key, Mechanism.EDDSA, DATA, signature);
    } catch (fault) {
      assert.ok(fault instanceof HalError, String(fault));
      assert.ok(
        [HalStatus.KEYSTORE_BAD_CRC, HalStatus.KEY_NOT_FOUND, HalStatus.KEYSTORE_LOST_DATA].includes(
          fault.status as never,
        ),
        fault.message,
      );
      refused++;
    }
  }
  const names = new Set(known.map((key) => key.uuid));
  for (const found of await device.matchKeys(USER, 0, query())) assert.ok(names.has(found), 'no key that nobody made');
  assert.deepEqual(await device.matchKeys(NOBODY, 0, query()), [], 'none is public that was not');
  for (const [i, { label }] of known.entries()) {
    const wanted = query({ attributes: [{ type: LABEL, value: Buffer.from(label) }] });
    for (const found of await device.matchKeys(USER, 0, wanted)) assert.equal(found, known[i].uuid);
  }
  return refused;
}

describe('a keystore that somebody writes to', () => {
  test('S-365 a bit flipped in any column of any row: no other key, flag, label or PIN, at most one key is refused, the others go on', async () => {
    await using bench = await Bench.start();
    await setUp(bench.device);
    await bench.device.writePartition(WHEEL, { number: 3, label: 'third' });
    const known = await makeKeys(bench.device);
    await bench.device[Symbol.asyncDispose]();
    const good = fs.readFileSync(bench.keystore);
    const cells = withFile(bench, allCells);
    assert.ok(cells.length > 60);
    const reopen = (): Promise<LocalDevice> =>
      LocalDevice.open(
        { name: 'device 0', keystore: bench.keystore, scrypt: CHEAP },
        {
          engine: bench.engine,
          watchdog: bench.watchdog,
          clock: bench.clock,
          random: new SystemRandom(),
          log: bench.log,
        },
      );
    let flips = 0;
    await fc.assert(
      fc.asyncProperty(fc.nat(cells.length - 1), fc.nat(100_000), async (which, at) => {
        fs.writeFileSync(bench.keystore, good);
        const cell = cells[which];
        if (!withFile(bench, (database) => flip(database, cell, at))) return;
        flips++;
        await using device = await reopen();
        if (cell.table === 'meta' && cell.rowid.includes('check value')) {
          assert.equal((await device.getStatus()).masterKey, 'failed');
          return;
        }
        for (const [client, role] of [
          [USER, 'user'],
          [WHEEL, 'wheel'],
        ] as const)
          try {
            await device.login(client, 0, role, pin(`${role} pin`));
          } catch (fault) {
            assert.ok(fault instanceof HalError, String(fault));
            assert.equal(cell.table, 'pin', `${cell.column}: ${fault.message}`);
          }
        await assert.rejects(device.login(NOBODY, 0, 'wheel', pin(DEFAULT_WHEEL_PIN)));
        if ((await device.roleOf(USER)) !== 'user') return;
        const refused = await checkKeys(device, known);
        assert.ok(refused <= 1, `${cell.table}.${cell.column} broke ${refused} keys`);
        if (cell.table === 'key' && cell.column === 'record') assert.equal(refused, 1);
      }),
      { numRuns: 250, seed: 42 },
    );
    assert.ok(flips > 150, `${flips} bits were flipped`);
  });

  test('octets of the file changed anywhere: no wrong key; what cannot be read is refused with what to do', async () => {
    await using bench = await Bench.start();
    await setUp(bench.device);
    const known = await makeKeys(bench.device);
    await bench.device[Symbol.asyncDispose]();
    const good = fs.readFileSync(bench.keystore);
    const outcomes = new Set<string>();
    await fc.assert(
      fc.asyncProperty(
        fc.nat(good.length - 1),
        fc.integer({ min: 1, max: 64 }),
        fc.integer({ min: 1, max: 255 }),
        async (from, length, value) => {
          const bad = Buffer.from(good);
          for (let i = from; i < Math.min(from + length, bad.length); i++) bad[i] ^= value;
          fs.writeFileSync(bench.keystore, bad);
          try {
            await using device = await LocalDevice.open(
              { name: 'device 0', keystore: bench.keystore, scrypt: CHEAP },
              {
                engine: bench.engine,
                watchdog: bench.watchdog,
                clock: bench.clock,
                random: new SystemRandom(),
                log: bench.log,
              },
            );
            await device.login(USER, 0, 'user', pin('user pin'));
            outcomes.add((await checkKeys(device, known)) === 0 ? 'as before' : 'some keys');
          } catch (fault) {
            assert.ok(fault instanceof HalError, String((fault as Error).stack));
            outcomes.add('refused');
          }
        },
      ),
      { numRuns: 200, seed: 8 },
    );
    assert.deepEqual([...outcomes].sort(), ['as before', 'refused', 'some keys']);
    fs.writeFileSync(bench.keystore, good);
    await logIn(await bench.restart());
    assert.equal(await checkKeys(bench.device, known), 0);
  });

  test('a file that is refused is closed: a good one in its place is opened by the same process', async () => {
    await using bench = await Bench.start();
    await setUp(bench.device);
    await bench.device[Symbol.asyncDispose]();
    const good = fs.readFileSync(bench.keystore);
    let refused = 0;
    for (let page = 1; page < good.length / 4096; page++) {
      fs.writeFileSync(bench.keystore, Buffer.from(good).fill(0xff, page * 4096, (page + 1) * 4096));
      await bench.restart().catch((fault: unknown) => {
        refusedWith(HalStatus.KEYSTORE_LOST_DATA)(fault);
        refused++;
      });
      await bench.device[Symbol.asyncDispose]();
      fs.writeFileSync(bench.keystore, good);
      await (await bench.restart())[Symbol.asyncDispose]();
    }
    assert.ok(refused > 1, `${refused} were refused`);
    await bench.restart();
  });

  test('a damaged key is told to the log once, can be deleted by wheel alone, and comes back from another device', async () => {
    await using bench = await Bench.start();
    await setUp(bench.device);
    const [key] = await makeKeys(bench.device);
    const copy = await bench.device.readRecord(key.uuid);
    await bench.device[Symbol.asyncDispose]();
    withFile(bench, (database) => database.prepare('UPDATE key SET flags = flags | 16 WHERE uuid = ?').run(key.uuid));
    const device = await bench.restart();
    await logIn(device);
    const before = bench.log.records.length;
    for (let i = 0; i < 3; i++)
      await assert.rejects(device.openKey(USER, key.uuid), refusedWith(HalStatus.KEYSTORE_BAD_CRC, /sync cache/));
    const told = bench.log.records.slice(before);
    assert.equal(told.filter(({ severity, text }) => severity === 'critical' && text.includes(key.uuid)).length, 1);
    assert.equal(
      (await device.listRecords(undefined, 100)).some(({ uuid: of }) => of === key.uuid),
      false,
    );
    await assert.rejects(device.deleteKey(USER, key.uuid), refusedWith(HalStatus.KEYSTORE_BAD_CRC));
    await device.writeRecord(copy);
    assert.equal((await device.openKey(USER, key.uuid)).flags, key.flags);
    await bench.restart(() =>
      withFile(bench, (database) => database.prepare('UPDATE key SET version = 1 WHERE uuid = ?').run(key.uuid)),
    );
    await logIn(bench.device);
    await bench.device.deleteKey(WHEEL, key.uuid);
    await assert.rejects(bench.device.openKey(USER, key.uuid), refusedWith(HalStatus.KEY_NOT_FOUND));
    await bench.device.writeRecord(copy);
    await bench.device.openKey(USER, key.uuid);
  });

  test('a record that is put in the place of another one is refused', async () => {
    await using bench = await Bench.start();
    await setUp(bench.device);
    const [one, two] = await makeKeys(bench.device);
    await bench.restart(() =>
      withFile(bench, (database) => {
        database.exec('CREATE TEMP TABLE t AS SELECT * FROM key');
        database
          .prepare('UPDATE key SET record = (SELECT record FROM t WHERE uuid = ?) WHERE uuid = ?')
          .run(one.uuid, two.uuid);
      }),
    );
    await logIn(bench.device);
    await assert.rejects(bench.device.openKey(USER, two.uuid), refusedWith(HalStatus.KEYSTORE_BAD_CRC));
    await bench.device.openKey(USER, one.uuid);
  });

  const forgeries: readonly (readonly [string, (database: DatabaseSync, hash: string) => void])[] = [
    [
      'a PIN of his own',
      (database, hash) => database.prepare("UPDATE pin SET hash = ? WHERE role = 'wheel'").run(hash),
    ],
    [
      'no PIN, so that the default holds',
      (database) => database.exec("UPDATE pin SET hash = NULL WHERE role = 'wheel'"),
    ],
    ['no record of the PIN', (database) => database.exec("DELETE FROM pin WHERE role = 'wheel'")],
    [
      "the user's PIN for the wheel",
      (database) =>
        database.exec(
          "UPDATE pin SET (hash, proof) = (SELECT hash, proof FROM pin WHERE role = 'user') WHERE role = 'wheel'",
        ),
    ],
  ];
  for (const [what, forge] of forgeries)
    test(`who writes to the disk cannot be the wheel: ${what}`, async () => {
      await using bench = await Bench.start();
      await setUp(bench.device);
      const forged = await new PinHasher(CHEAP, new SystemRandom()).hash(pin('forged pin'));
      await bench.restart(() => withFile(bench, (database) => forge(database, forged)));
      for (const attempt of ['forged pin', DEFAULT_WHEEL_PIN, 'user pin', 'wheel pin'])
        await assert.rejects(
          bench.device.login(NOBODY, 0, 'wheel', pin(attempt)),
          refusedWith(HalStatus.KEYSTORE_BAD_CRC),
        );
      await bench.device.login(USER, 0, 'user', pin('user pin'));
    });

  test('a file of before partitions had versions goes on; the first change makes a version', async () => {
    await using bench = await Bench.start();
    await setUp(bench.device);
    const keystoreKey = await bench.watchdog.getKeystoreKey();
    const proof = new Prover(keystoreKey).prove('partition', Buffer.from('3\0third'));
    await bench.restart(() =>
      withFile(bench, (database) => {
        database.exec('ALTER TABLE partition DROP COLUMN version; PRAGMA user_version = 1');
        database.prepare('INSERT INTO partition VALUES (?, ?, ?)').run(3, 'third', proof);
      }),
    );
    assert.deepEqual((await bench.device.listPartitions()).at(-1), { number: 3, label: 'third' });
    assert.equal((await bench.device.readPartitions())[0].version, 0);
    await bench.device.login(WHEEL, 0, 'wheel', pin('wheel pin'));
    await bench.device.writePartition(WHEEL, { number: 3, label: 'renamed' });
    await bench.restart();
    const [record] = await bench.device.readPartitions();
    assert.equal(record.label, 'renamed');
    assert.ok(record.version > 0);
  });

  test('a forged PIN that was believed while there was no master key ends with its entry', async () => {
    await using bench = await Bench.start();
    await setUp(bench.device);
    await bench.device.generateKey(USER, uuid(), 0, ed());
    const good = await bench.device.readPins();
    await bench.device.eraseMasterKey(WHEEL);
    const forged = await new PinHasher(CHEAP, new SystemRandom()).hash(pin('forged pin'));
    await bench.restart(() =>
      withFile(bench, (database) => database.prepare("UPDATE pin SET hash = ? WHERE role = 'wheel'").run(forged)),
    );
    // Between a restart and the entry of the master key nothing tells it from the right one: but it opens nothing.
    await bench.device.login(NOBODY, 0, 'wheel', pin('forged pin'));
    await assert.rejects(bench.device.matchKeys(NOBODY, 0, query()), refusedWith(HalStatus.MASTERKEY_NOT_SET));
    await assert.rejects(
      bench.device.setPin(NOBODY, 0, 'wheel', pin('kept for good')),
      refusedWith(HalStatus.MASTERKEY_NOT_SET),
    );
    await bench.device.setMasterKey(NOBODY, Buffer.from(MASTER_KEY));
    assert.equal(await bench.device.roleOf(NOBODY), undefined, 'the login ends');
    assert.deepEqual(await bench.device.matchKeys(NOBODY, 0, query()), []);
    assert.ok(bench.log.records.some(({ severity, text }) => severity === 'critical' && text.includes('PIN of wheel')));
    // Another device has the right one.
    await bench.device.writePins(good);
    await bench.device.login(WHEEL, 0, 'wheel', pin('wheel pin'));
  });

  test('a partition that somebody put into the file is not there', async () => {
    await using bench = await Bench.start();
    await setUp(bench.device);
    await bench.restart(() =>
      withFile(bench, (database) => database.exec("INSERT INTO partition VALUES (9, 'mine', NULL, 0)")),
    );
    assert.deepEqual(await bench.device.listPartitions(), [{ number: 0, label: 'Cryptech Token' }]);
  });

  test('S-366, S-371 neither master key nor private keys nor PINs are in any file', async () => {
    await using bench = await Bench.start();
    await setUp(bench.device);
    const { privateDer } = await bench.engine.generate(ed());
    const raw = Buffer.from(privateDer.subarray(-32));
    await bench.device.loadKey(USER, uuid(), 0, privateDer, TOKEN_KEY);
    const look = (): void => {
      for (const name of fs.readdirSync(bench.directory)) {
        const octets = fs.readFileSync(`${bench.directory}/${name}`);
        for (const secret of [raw, MASTER_KEY, Buffer.from('wheel pin'), Buffer.from('user pin')])
          assert.equal(octets.includes(secret), false, name);
      }
    };
    look();
    await bench.device[Symbol.asyncDispose]();
    look();
    await bench.restart();
  });

  test('a file of a later form is refused, and not changed', async () => {
    await using bench = await Bench.start();
    await bench.device[Symbol.asyncDispose]();
    withFile(bench, (database) => database.exec('PRAGMA user_version = 3'));
    await assert.rejects(bench.restart(), refusedWith(HalStatus.KEYSTORE_ACCESS, /form 3/));
    withFile(bench, (database) => database.exec('PRAGMA user_version = 2'));
    await bench.restart();
  });
});

describe('hashes of PINs', () => {
  test('are salted, describe themselves, and are refused when they would cost too much', async () => {
    const hasher = new PinHasher(CHEAP, new SystemRandom());
    const [one, two] = [await hasher.hash(pin('a pin')), await hasher.hash(pin('a pin'))];
    assert.notEqual(one, two);
    assert.match(one, /^\$scrypt\$ln=4,r=8,p=1\$/);
    const other = new PinHasher({ logN: 5, r: 4, p: 2 }, new SystemRandom());
    assert.deepEqual([await other.matches(pin('a pin'), one), await other.matches(pin('a pin '), one)], [true, false]);
    assert.equal(await other.matches(pin('a pin'), undefined), false);
    assert.ok(isPinHash(one));
    for (const bad of [
      one.replace('ln=4', 'ln=30'),
      one.replace('p=1', 'p=99'),
      one.slice(0, -1),
      '',
      'x',
      one.replace('r=8', 'r=0'),
    ])
      assert.equal(isPinHash(bad), false, bad);
    assert.throws(() => new PinHasher({ logN: 40, r: 8, p: 1 }, new SystemRandom()), RangeError);
  });

  test('too many at once are refused, none is lost', async () => {
    const hasher = new PinHasher(CHEAP, new SystemRandom());
    const all = await Promise.allSettled(Array.from({ length: 400 }, (_, i) => hasher.hash(pin(`pin ${i}`))));
    const refused = all.filter(({ status }) => status === 'rejected');
    assert.equal(refused.length, 400 - 2 - 256);
    assert.ok(await hasher.matches(pin('pin 0'), (all[0] as PromiseFulfilledResult<string>).value));
  });
});
