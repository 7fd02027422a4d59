import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import net from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { CLASS, TYPE } from '../../../src/wire/type-codes.ts';
import type { Name } from '../../../src/wire/name.ts';
import { HOST } from '../serve-peers.ts';
import { queryOctets, words } from './query.ts';

/* Many questions to one server: in windows, so that no socket's buffer runs over, and again when nothing comes. */

/** Answer to each question by its index; undefined where none came. */
export type Answers = (Buffer | undefined)[];

const WINDOW = 48;
/** Milliseconds after which a question is asked again. */
const PATIENCE = 1500;
const MOST_TRIES = 40;

/** Copies the message with the index as its id, if it is long enough to have one. */
function numbered(octets: Uint8Array, index: number): Buffer {
  const copy = Buffer.from(octets);
  if (copy.length >= 2) copy.writeUInt16BE(index, 0);
  return copy;
}

/** Over UDP, questions that every server answers. */
export async function askOverUdp(port: number, questions: readonly Uint8Array[]): Promise<Answers> {
  const answers: Answers = questions.map(() => undefined);
  const { socket, end } = await connected(port);
  try {
    const waiting = new Map<number, { tries: number; due: number }>();
    let next = 0;
    const send = (index: number, tries: number): void => {
      waiting.set(index, { tries, due: Date.now() + PATIENCE });
      socket.send(numbered(questions[index], index));
    };
    const fill = (): void => {
      while (waiting.size < WINDOW && next < questions.length) send(next++, 1);
    };
    await new Promise<void>((resolve, reject) => {
      const step = (): void => {
        fill();
        if (waiting.size === 0) resolve();
      };
      const again = setInterval(() => {
        const now = Date.now();
        for (const [index, { tries, due }] of waiting) {
          if (due > now) continue;
          if (tries < MOST_TRIES) send(index, tries + 1);
          else {
            waiting.clear();
            next = questions.length;
            reject(new Error(`port ${port} does not answer ${Buffer.from(questions[index]).toString('hex')}`));
          }
        }
        step();
        if (waiting.size === 0) clearInterval(again);
      }, 100);
      socket.on('message', (octets) => {
        const index = octets.length < 2 ? -1 : octets.readUInt16BE(0);
        if (!waiting.delete(index)) return;
        answers[index] = octets;
        step();
      });
      step();
    });
  } finally {
    end();
  }
  return answers;
}

/** How many odd messages go before one that all servers answer. */
const GROUP = 16;
const SENTINEL_ID = 0xffff;

/**
 * Over UDP, messages that a server may drop. A datagram counts as dropped when a good question sent behind it on the
 * same socket was answered, three times, and nothing else came.
 */
export async function askOddOverUdp(port: number, messages: readonly Uint8Array[], apex: Name): Promise<Answers> {
  const answers: Answers = messages.map(() => undefined);
  const sentinel = numbered(
    queryOctets({ name: apex, type: TYPE.SOA, class: CLASS.IN, flags: 0, edns: undefined, tcp: false }),
    SENTINEL_ID,
  );
  const { socket, end } = await connected(port);
  let onSentinel: () => void = () => undefined;
  socket.on('message', (octets) => {
    const index = octets.length < 2 ? -1 : octets.readUInt16BE(0);
    if (index === SENTINEL_ID) onSentinel();
    else if (index >= 0 && index < messages.length) answers[index] ??= octets;
  });
  const behind = async (group: readonly number[]): Promise<void> => {
    const came = new Promise<void>((resolve) => (onSentinel = resolve));
    for (const index of group) socket.send(numbered(messages[index], index));
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      socket.send(sentinel);
      const late = new AbortController();
      const isThere = await Promise.race([came.then(() => true), delay(PATIENCE, false, { signal: late.signal })]);
      late.abort();
      if (isThere) return delay(30);
    }
    throw new Error(`port ${port} does not answer any more after odd messages`);
  };
  try {
    for (let tries = 0; tries < 3; tries++) {
      const open = [...messages.keys()].filter((index) => answers[index] === undefined);
      for (let i = 0; i < open.length; i += GROUP) await behind(open.slice(i, i + GROUP));
    }
  } finally {
    end();
  }
  return answers;
}

async function connected(port: number): Promise<{ socket: Socket; end: () => void }> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 1 << 20 });
  socket.connect(port, HOST);
  await once(socket, 'connect');
  // Only a server that went away gives an error here; then no answer comes, which is seen.
  socket.on('error', () => undefined);
  return { socket, end: () => socket.close() };
}

/** Over TCP, one behind the other on few connections (RFC 7766 section 6.2.1.1). */
export async function askOverTcp(port: number, questions: readonly Uint8Array[]): Promise<Answers> {
  const answers: Answers = questions.map(() => undefined);
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const open = [...questions.keys()].filter((index) => answers[index] === undefined);
    if (open.length === 0) break;
    await onOneConnection(port, questions, open, answers);
  }
  const silent = answers.indexOf(undefined);
  if (silent >= 0)
    throw new Error(`port ${port} does not answer ${Buffer.from(questions[silent]).toString('hex')} over TCP`);
  return answers;
}

/** Asks until all is answered, or the server closes the connection, or nothing more comes. */
async function onOneConnection(
  port: number,
  questions: readonly Uint8Array[],
  open: readonly number[],
  answers: Answers,
): Promise<void> {
  const socket = net.connect({ port, host: HOST, noDelay: true });
  await new Promise<void>((resolve) => {
    let buffered: Buffer = Buffer.alloc(0);
    let next = 0;
    let waiting = 0;
    const fill = (): void => {
      for (; waiting < WINDOW && next < open.length; waiting++) {
        const message = numbered(questions[open[next]], open[next]);
        next++;
        socket.write(Buffer.concat([words(message.length), message]));
      }
      if (waiting === 0) socket.end();
    };
    socket.setTimeout(PATIENCE * MOST_TRIES, () => socket.destroy());
    socket.on('connect', fill);
    socket.on('error', () => undefined); // 'close' follows
    socket.on('close', resolve);
    socket.on('data', (chunk: Buffer) => {
      buffered = Buffer.concat([buffered, chunk]);
      while (buffered.length >= 2 && buffered.length >= 2 + buffered.readUInt16BE(0)) {
        const length = buffered.readUInt16BE(0);
        const message = buffered.subarray(2, 2 + length);
        buffered = buffered.subarray(2 + length);
        answers[message.readUInt16BE(0)] ??= Buffer.from(message);
        waiting--;
      }
      fill();
    });
  });
}
