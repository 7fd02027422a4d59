import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { SeededRandom } from '../../../src/base/random.ts';
import {
  loadNativeKeys,
  type NativeKey,
  type NativeSocket,
  type OpenedSocket,
  SocketEvent,
} from '../../../src/hsm/crypto/native-keys.ts';
import { LmsTree } from '../../../src/hsm/crypto/hashsig/lms-tree.ts';
import { lmotsParameters, lmsParameters } from '../../../src/hsm/crypto/hashsig/parameters.ts';
import { OpensslEngine } from '../../../src/hsm/crypto/openssl-engine.ts';
import { TestedRandom } from '../../../src/hsm/crypto/tested-random.ts';
import { SAMPLE_KINDS } from './sample-keys.ts';

/* Programs for what cannot be tried in the process of a test: native/hsm under the sanitizers. Usage: native-programs.ts NAME MODULE. */

const file = isMainThread ? process.argv[3] : (workerData as string);
const native = loadNativeKeys(file);
const MECHANISMS = [
  0, 1, 6, 0x40, 0x41, 0x42, 0x1041, 0x1042, 0x1043, 0x1044, 0x1045, 0x1046, 0x1057, 0x4033, 0xffffffff,
];

const programs: Record<string, () => Promise<void>> = {
  /** Any octets in any place: a status or a length comes back, and no octet outside is touched. */
  async fuzz() {
    const random = new SeededRandom(5649);
    const engine = new OpensslEngine({ native, random: new TestedRandom(new SeededRandom(1)) });
    const made = await Promise.all(SAMPLE_KINDS.map(({ spec }) => engine.generate(spec)));
    const keys: NativeKey[] = [];
    let count = 0;
    for (let round = 0; round < 4000; round++) {
      const { privateDer, spki } = made[below(made.length)];
      const isPrivate = below(2) === 0;
      const key = open(isPrivate ? privateDer : spki, isPrivate === below(8) > 0, below(4));
      if (key !== undefined) {
        count++;
        keys.push(key);
      }
      if (keys.length > 0) use(random, keys[below(keys.length)]);
      if (keys.length > 20) native.close(keys.splice(below(keys.length), 1)[0]);
    }
    assert.ok(count > 500, `only ${count} keys could be opened`);
    for (const key of keys) native.close(key);
  },

  /** Arguments of other kinds throw, and nothing else happens. */
  async arguments() {
    const engine = new OpensslEngine({ native, random: new TestedRandom(new SeededRandom(1)) });
    const made = await engine.generate(SAMPLE_KINDS[3].spec);
    const key = native.openPrivate(made.privateDer);
    const wrong: readonly unknown[] = [undefined, null, 1, -1, 1.5e10, Number.NaN, 'text', {}, [], new Uint16Array(8), new ArrayBuffer(8), () => {}]; // prettier-ignore
    const octets = (length: number): Uint8Array => new Uint8Array(length);
    const good: Record<string, readonly unknown[]> = {
      openPrivate: [made.privateDer],
      openPublic: [made.spki],
      check: [key],
      publicKey: [key, octets(1024)],
      sign: [key, 0x1041, octets(32), octets(512)],
      verify: [key, 0x1041, octets(32), octets(64)],
      decrypt: [key, octets(128), octets(32)],
      hashsigSign: [octets(16), 0, octets(32), 4, octets(32), octets(67 * 32)],
      hashsigCandidate: [octets(16), 0, 4, octets(32), octets(67 * 32), octets(32)],
      hashsigSubtree: [octets(16), octets(32), 4, 5, 5, 0, octets(64 * 32)],
      hashsigSubtreeLater: [octets(16), octets(32), 4, 5, 5, 0, octets(64 * 32)],
      close: [key],
    };
    const functions = native as unknown as Record<string, (...values: readonly unknown[]) => unknown>;
    for (const [name, values] of Object.entries(good)) {
      await functions[name](...values);
      for (let i = 0; i < values.length; i++) {
        assert.throws(() => functions[name](...values.slice(0, i)), TypeError, `${name} with ${i} arguments`);
        const isNumber = typeof values[i] === 'number';
        for (const other of wrong) {
          if (isNumber && typeof other === 'number' && other >= 0) continue;
          assert.throws(() => functions[name](...values.toSpliced(i, 1, other)), TypeError, `${name}, argument ${i}`);
        }
        if (name.startsWith('hashsig') && !isNumber)
          assert.throws(
            () => functions[name](...values.toSpliced(i, 1, octets(31))),
            TypeError,
            `${name}, argument ${i}`,
          );
      }
    }
    assert.throws(() => native.sign(key as NativeKey, 0x1041, octets(32), octets(512)), { code: 'ERR_HSM_KEY_CLOSED' });
    // Subtrees that are none of the tree.
    for (const [treeHeight, height, first] of [[26, 5, 0], [5, 6, 0], [5, 5, 1], [5, 0, 32], [5, 2, 2], [0xffffffff, 0, 0]]) // prettier-ignore
      assert.throws(() => native.hashsigSubtree(octets(16), octets(32), 4, treeHeight, height, first, octets(64 << Math.min(height, 5))), TypeError); // prettier-ignore
    for (const w of [0, 3, 5, 16, 256])
      assert.throws(() => native.hashsigSubtree(octets(16), octets(32), w, 5, 5, 0, octets(64 * 32)), TypeError);
    // Memory that goes away while a thread computes.
    const nodes = octets(64 * 32);
    const later = native.hashsigSubtreeLater(octets(16), octets(32), 8, 5, 5, 0, nodes);
    structuredClone(nodes.buffer, { transfer: [nodes.buffer as ArrayBuffer] });
    await assert.rejects(later, TypeError);
  },

  /** Octets in pieces of any size through sockets that are full or empty most of the time, and sockets that are closed in the middle of it. */
  async sockets() {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'signet-hsm-sockets-'));
    const place = path.join(directory, 'socket');
    try {
      const listener = opened(
        native.sockets.listen(place, () => {
          for (;;) {
            const end = new End((onReady) => native.sockets.accept(listener, onReady));
            if (end.error !== undefined) return assert.equal(end.error, -os.constants.errno.EAGAIN);
            ends.push(end);
          }
        }),
      );
      const ends: End[] = [];
      for (let round = 0; round < 30; round++) {
        ends.length = 0;
        const begun = new End((onReady) => native.sockets.connect(place, onReady));
        assert.equal(begun.error, undefined);
        while (ends.length === 0) await new Promise(setImmediate);
        const [taken] = ends;
        begun.send(below(2_000_000));
        taken.send(below(300_000));
        const isCut = below(4) === 0;
        for (let turn = 0; !(begun.hasAll(taken) && taken.hasAll(begun)); turn++) {
          assert.ok(turn < 10_000_000, 'octets are missing');
          if (isCut && turn === below(20) && turn > 0) break;
          await new Promise(setImmediate);
        }
        begun.close();
        // The other end reads what came before, and then the end.
        while (taken.finished === undefined) await new Promise(setImmediate);
        if (!isCut) assert.equal(taken.finished, 0);
        taken.close();
      }
      // Nobody accepts, and nobody closes: the process ends with them.
      native.sockets.watch(listener, 0);
      for (let i = 0; i < 100; i++) native.sockets.connect(place, () => undefined);
      for (let i = 0; i < 4; i++) native.sockets.accept(listener, () => undefined);
    } finally {
      fs.rmSync(directory, { recursive: true });
    }
    process.exit(0);
  },

  async 'socket-arguments'() {
    const { sockets } = native;
    const { ENOENT, ENAMETOOLONG, EINVAL, EADDRINUSE, ECONNREFUSED, EPIPE } = os.constants.errno;
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'signet-hsm-sockets-'));
    const place = path.join(directory, 'socket');
    const nothing = (): void => undefined;
    assert.equal(sockets.connect(place, nothing), -ENOENT);
    for (const text of ['', 'x'.repeat(108), 'x'.repeat(100_000)])
      assert.equal(sockets.connect(text, nothing), -ENAMETOOLONG);
    assert.equal(sockets.listen('a\0b', nothing), -EINVAL);
    const listener = opened(sockets.listen(place, nothing));
    assert.equal(sockets.listen(place, nothing), -EADDRINUSE);
    const socket = opened(sockets.connect(place, nothing));
    const other = opened(sockets.accept(listener, nothing));
    const octets = new Uint8Array(8);
    const good: Record<string, readonly unknown[]> = {
      listen: [`${place}2`, nothing],
      connect: [place, nothing],
      accept: [listener, nothing],
      write: [socket, octets, 0, 8],
      read: [other, octets, 0],
      watch: [socket, 1],
      close: [socket],
    };
    const functions = sockets as unknown as Record<string, (...values: readonly unknown[]) => unknown>;
    const key = native.openPrivate(new Uint8Array());
    const wrong: readonly unknown[] = [undefined, null, 1, -1, 1.5e10, Number.NaN, {}, [], new Uint16Array(8), key, native]; // prettier-ignore
    for (const [name, values] of Object.entries(good)) {
      functions[name](...values);
      for (let i = 0; i < values.length; i++) {
        assert.throws(() => functions[name](...values.slice(0, i)), TypeError, `${name} with ${i} arguments`);
        for (const value of wrong) {
          if (typeof values[i] === 'number' && typeof value === 'number' && value >= 0) continue;
          assert.throws(() => functions[name](...values.toSpliced(i, 1, value)), TypeError, `${name}, argument ${i}`);
        }
      }
    }
    for (const [from, to] of [
      [0, 9],
      [5, 4],
      [9, 9],
      [0, 0xffffffff],
      [0xffffffff, 0xffffffff],
    ])
      // prettier-ignore
      assert.throws(() => sockets.write(other, octets, from, to), TypeError);
    for (const from of [8, 9, 0xffffffff]) assert.throws(() => sockets.read(other, octets, from), TypeError);
    for (const events of [4, 7, 0xffffffff]) assert.throws(() => sockets.watch(other, events), TypeError);
    structuredClone(octets.buffer, { transfer: [octets.buffer] });
    assert.throws(() => sockets.read(other, octets, 0), TypeError);
    // It was closed above.
    sockets.close(socket);
    for (const call of [
      () => sockets.read(socket, new Uint8Array(1), 0),
      () => sockets.write(socket, new Uint8Array(1), 0, 1),
      () => sockets.watch(socket, 1),
      () => sockets.accept(socket, nothing),
    ])
      assert.throws(call, { code: 'ERR_SOCKET_CLOSED' });
    assert.equal(sockets.read(other, new Uint8Array(8), 0), 0);
    assert.equal(sockets.write(other, new Uint8Array(8), 0, 8), -EPIPE);
    sockets.close(other);
    sockets.close(listener);
    assert.equal(sockets.connect(place, nothing), -ECONNREFUSED);
    fs.rmSync(directory, { recursive: true });
    process.exit(0);
  },

  /** With --expose-gc: keys that nobody holds any more leave no memory. */
  async collected() {
    const collect = (globalThis as { gc?: () => void }).gc;
    assert.ok(collect, 'run with --expose-gc');
    const engine = new OpensslEngine({ native, random: new TestedRandom(new SeededRandom(1)) });
    const made = await engine.generate(SAMPLE_KINDS[2].spec);
    /** Octets that the process has grown by. */
    const rounds = async (count: number, isKept: boolean): Promise<number> => {
      const before = process.memoryUsage().rss;
      const kept: NativeKey[] = [];
      for (let i = 0; i < count; i++) {
        const key = native.openPrivate(made.privateDer) as NativeKey;
        assert.ok(native.sign(key, 1, new Uint8Array(32), new Uint8Array(256)) > 0);
        if (isKept) kept.push(key);
        if (i % 200 > 0) continue;
        collect();
        await new Promise(setImmediate);
      }
      assert.equal(kept.length, isKept ? count : 0);
      return process.memoryUsage().rss - before;
    };
    await rounds(500, false);
    const left = await rounds(2000, false);
    const held = await rounds(2000, true);
    assert.ok(left < held / 2, `2000 keys that nobody holds left ${left} octets, 2000 that are held have ${held}`);
  },

  /** Threads that are ended while they compute and while keys are open. */
  async 'terminated-thread'() {
    for (let i = 0; i < 8; i++) {
      const worker = new Worker(new URL(import.meta.url), { workerData: file });
      await new Promise((resolve) => worker.once('message', resolve));
      await new Promise((resolve) => setTimeout(resolve, i));
      await worker.terminate();
    }
  },

  /** The process ends while a thread of the pool computes something long. */
  async 'exit-while-computing'() {
    const parameters = { lms: lmsParameters(8)!, lmots: lmotsParameters(4)! };
    const secrets = { id: new Uint8Array(16), seed: new Uint8Array(32) };
    void new LmsTree(native, parameters.lms, parameters.lmots, secrets, new Uint8Array()).generate();
    await new Promise((resolve) => setTimeout(resolve, 5));
    process.exit(0);
  },
};

function opened(socket: OpenedSocket): NativeSocket {
  if (typeof socket === 'number') assert.fail(`-errno ${socket}`);
  return socket;
}

/** One end of a socket; sends octets that say where they are. */
class End {
  /** -errno when there is no socket. */
  readonly error: number | undefined;
  readonly #socket: NativeSocket | undefined;
  /** What the last read gave that was no octets: 0, or -errno. */
  finished: number | undefined;
  #received = 0;
  #sent = 0;
  #toSend = 0;

  constructor(make: (onReady: (events: number) => void) => OpenedSocket) {
    const socket = make((events) => this.#ready(events));
    if (typeof socket === 'number') this.error = socket;
    else this.#socket = socket;
  }

  send(count: number): void {
    this.#toSend = count;
    this.#write();
  }

  hasAll(other: End): boolean {
    return this.#received === other.#toSend;
  }

  close(): void {
    native.sockets.close(this.#socket!);
    this.finished ??= 1;
  }

  #ready(events: number): void {
    assert.ok(events < 0 || (events > 0 && events < 4), `events ${events}`);
    if ((events & SocketEvent.WRITABLE) !== 0) this.#write();
    if (this.finished === undefined) this.#read();
  }

  #write(): void {
    while (this.#sent < this.#toSend && this.finished === undefined) {
      const length = Math.min(1 + below(100_000), this.#toSend - this.#sent);
      const octets = Uint8Array.from({ length: length + 2 }, (_, i) => (this.#sent + i - 1) % 251);
      const count = native.sockets.write(this.#socket!, octets, 1, 1 + length);
      if (count < 0) break;
      this.#sent += count;
    }
    const isDone = this.#sent === this.#toSend;
    if (this.finished === undefined) native.sockets.watch(this.#socket!, isDone ? 1 : 3);
  }

  #read(): void {
    const octets = new Uint8Array(1 + below(70_000)).fill(255);
    const from = below(octets.length);
    const count = native.sockets.read(this.#socket!, octets, from);
    if (count === -os.constants.errno.EAGAIN) return;
    if (count <= 0) {
      this.finished = count;
      return native.sockets.close(this.#socket!);
    }
    for (let i = 0; i < octets.length; i++) {
      const isRead = i >= from && i < from + count;
      if (octets[i] !== (isRead ? (this.#received + i - from) % 251 : 255)) assert.fail(`octet ${i} is ${octets[i]}`);
    }
    this.#received += count;
  }
}

let state = 5649;

/** A whole number below `limit`, the same ones in every run (mulberry32). */
function below(limit: number): number {
  state = (state + 0x6d2b79f5) | 0;
  let mixed = Math.imul(state ^ (state >>> 15), state | 1);
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
  return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
}

/** Opens a key whose octets were changed in `changes` places. */
function open(der: Uint8Array, isPrivate: boolean, changes: number): NativeKey | undefined {
  const changed = Uint8Array.from(der.subarray(0, below(8) === 0 ? below(der.length) : der.length));
  for (let i = 0; i < changes && changed.length > 0; i++) changed[below(changed.length)] ^= 1 << below(8);
  const key = isPrivate ? native.openPrivate(changed) : native.openPublic(changed);
  if (typeof key !== 'number') return key;
  assert.ok(key > 0 && key <= 17, `status ${key}`);
  return undefined;
}

function use(random: SeededRandom, key: NativeKey): void {
  const mechanism = MECHANISMS[below(MECHANISMS.length)];
  const data = random.fill(new Uint8Array(below(200)));
  const out = new Uint8Array(below(4) === 0 ? below(600) : 512);
  const guard = out.slice();
  const length = native.sign(key, mechanism, data, out);
  assert.ok(length <= out.length && length > -18, `length ${length}`);
  if (length > 0) assert.deepEqual(out.subarray(length), guard.subarray(length), 'octets behind the signature');
  const status = native.verify(key, mechanism, data, length > 0 ? out.subarray(0, length) : random.fill(out));
  assert.ok(status >= 0 && status <= 17, `status ${status}`);
  if (below(10) === 0) native.check(key);
  const written = native.publicKey(key, new Uint8Array(below(700)));
  assert.ok(written <= 700 && written > -18);
  const encrypted = new Uint8Array([0, 1, 128, 129, 256, 512][below(6)]);
  const decrypted = native.decrypt(key, random.fill(encrypted), new Uint8Array(below(300)));
  assert.ok(decrypted >= 0 && decrypted <= 17);
}

function computeInThread(): void {
  const engine = new OpensslEngine({ native, random: new TestedRandom(new SeededRandom(1)) });
  const [id, seed] = [new Uint8Array(16), new Uint8Array(32)];
  for (let i = 0; i < 8; i++) void native.hashsigSubtreeLater(id, seed, 8, 15, 5, 32 * i, new Uint8Array(64 * 32));
  void engine.generate(SAMPLE_KINDS[3].spec).then((made) => {
    const keys = Array.from({ length: 100 }, () => engine.open(made.privateDer));
    parentPort?.postMessage(keys.length);
  });
}

if (isMainThread) await programs[process.argv[2]]();
else computeInThread();
