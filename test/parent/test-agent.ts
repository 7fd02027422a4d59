import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server, type Socket as Connection } from 'node:net';
import { parseAddress } from '../../src/net/address.ts';
import type { Agent } from '../../src/parent/agent.ts';
import { FLAG } from '../../src/wire/header.ts';
import { parseMessage, type Message, type ResourceRecord, writeMessage } from '../../src/wire/message.ts';
import type { Name } from '../../src/wire/name.ts';
import { mustName } from '../../src/wire/name-text.ts';
import { CLASS, TYPE } from '../../src/wire/type-codes.ts';

/** A query as the agent got it. */
export interface Asked {
  readonly octets: Uint8Array;
  readonly message: Message;
  readonly via: 'UDP' | 'TCP';
  readonly address: string;
  readonly port: number;
}

/** What is sent back: any number of datagrams, or one message over TCP (of which 'close' sends none). */
export type Behaviour = (asked: Asked) => readonly Uint8Array[];

/** A parental agent that does as it is told, on a port of its own over UDP and TCP. */
export class TestAgent implements AsyncDisposable {
  readonly asked: Asked[] = [];
  readonly agent: Agent;
  behave: Behaviour;
  readonly #udp: Socket;
  readonly #tcp: Server;
  readonly #connections = new Set<Connection>();

  private constructor(udp: Socket, tcp: Server, address: string, behave: Behaviour) {
    this.#udp = udp;
    this.#tcp = tcp;
    this.behave = behave;
    this.agent = { address: parseAddress(address)!, port: udp.address().port };
    udp.on('message', (octets, from) => {
      for (const answer of this.#answer(octets, 'UDP', from.address, from.port))
        udp.send(answer, from.port, from.address);
    });
    tcp.on('connection', (connection) => this.#accept(connection));
  }

  static async start(behave: Behaviour, address = '127.0.0.1'): Promise<TestAgent> {
    for (let attempt = 0; attempt < 20; attempt++) {
      const udp = createSocket('udp4');
      udp.bind(0, address);
      await once(udp, 'listening');
      const tcp = createServer();
      const isBound = once(tcp, 'listening').then(
        () => true,
        () => false,
      );
      tcp.listen(udp.address().port, address);
      if (await isBound) return new TestAgent(udp, tcp, address, behave);
      udp.close();
    }
    throw new Error('no port is free for UDP and TCP');
  }

  #answer(octets: Uint8Array, via: Asked['via'], address: string, port: number): readonly Uint8Array[] {
    const asked = { octets: Uint8Array.from(octets), message: parseMessage(octets), via, address, port };
    this.asked.push(asked);
    return this.behave(asked);
  }

  #accept(connection: Connection): void {
    this.#connections.add(connection);
    connection.on('error', () => undefined);
    connection.on('close', () => this.#connections.delete(connection));
    let held = Buffer.alloc(0);
    connection.on('data', (chunk: Buffer) => {
      held = Buffer.concat([held, chunk]);
      if (held.length < 2 || held.length < 2 + held.readUInt16BE()) return;
      const { remoteAddress = '', remotePort = 0 } = connection;
      const [answer] = this.#answer(held.subarray(2, 2 + held.readUInt16BE()), 'TCP', remoteAddress, remotePort);
      if (answer === undefined) connection.destroy();
      // In pieces: a message may come in as many segments as octets.
      else for (const piece of framed(answer)) connection.write(Uint8Array.of(piece));
    });
  }

  /** Waits until so many queries have come: who has sent one may have given up before it is here. */
  async wasAsked(times: number): Promise<void> {
    const end = performance.now() + 60_000;
    while (this.asked.length < times) {
      if (performance.now() > end) throw new Error(`${this.asked.length} queries came, not ${times}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** Sends a datagram to somebody who may not have asked. */
  send(octets: Uint8Array, address: string, port: number): void {
    this.#udp.send(octets, port, address);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#tcp.listening) return;
    for (const connection of this.#connections) connection.destroy();
    this.#udp.close();
    this.#tcp.close();
    await once(this.#tcp, 'close');
  }
}

function framed(message: Uint8Array): Uint8Array {
  return Uint8Array.of(message.length >> 8, message.length & 0xff, ...message);
}

/** The answer to a query, with what is put in. */
export function answerTo({ message }: Pick<Asked, 'message'>, parts: Partial<Message> = {}): Uint8Array {
  const { id, questions, edns } = message;
  const flags = FLAG.QR | FLAG.AA;
  const { answers = [], authorities = [], additionals = [] } = parts;
  const base = { id, opcode: 0, rcode: 0, questions, flags, answers, authorities, additionals };
  return writeMessage({ ...base, ...(edns && { edns }), ...parts });
}

export function record(owner: Name | string, type: number, rdata: Uint8Array, ttl = 300): ResourceRecord {
  return { owner: typeof owner === 'string' ? mustName(owner) : owner, type, class: CLASS.IN, ttl, rdata };
}

/** SOA of a zone with this negative TTL. */
export function soaOf(zone: string, minimum = 300, ttl = 3600): ResourceRecord {
  const rdata = Uint8Array.of(0, 0, ...new Uint8Array(16), minimum >>> 24, minimum >>> 16, minimum >>> 8, minimum);
  return record(zone, TYPE.SOA, rdata, ttl);
}
