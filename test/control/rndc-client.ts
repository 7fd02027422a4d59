import net from 'node:net';
import { alistText, alistNumber } from '../../src/control/alist.ts';
import type { ControlKey } from '../../src/control/control-key.ts';
import { type ControlMessage, openMessage, sealMessage, textAlist } from '../../src/control/control-message.ts';

let serial = 1;

/** A message as rndc sends it, with the fields of `over` in place of its own (undefined leaves one out). */
export function request(
  key: ControlKey,
  command: string,
  over: Readonly<Record<string, string | undefined>> = {},
  now = Math.floor(Date.now() / 1000),
): Uint8Array {
  return sealMessage(
    {
      control: textAlist({ _ser: String(serial++), _tim: String(now), _exp: String(now + 60), ...over }),
      data: textAlist({ type: command }),
    },
    key,
  );
}

/** One connection to a control channel. */
export class RndcClient {
  readonly #socket: net.Socket;
  readonly #key: ControlKey;
  #received: Buffer = Buffer.alloc(0);
  #wake: () => void = () => undefined;

  private constructor(socket: net.Socket, key: ControlKey) {
    this.#socket = socket;
    this.#key = key;
    socket.on('data', (octets: Buffer) => {
      this.#received = Buffer.concat([this.#received, octets]);
      this.#wake();
    });
    socket.on('error', () => undefined); // a reset shows as `closed`
    socket.on('close', () => this.#wake());
  }

  static async connect(port: number, key: ControlKey): Promise<RndcClient> {
    const socket = net.connect(port, '127.0.0.1');
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return new RndcClient(socket, key);
  }

  /** The reply to `octets`, or 'closed' when the server ends the connection instead. */
  async exchange(octets: Uint8Array): Promise<ControlMessage | 'closed'> {
    this.#socket.write(octets);
    for (;;) {
      const length = this.#received.length < 4 ? Infinity : this.#received.readUInt32BE(0) + 4;
      if (this.#received.length >= length) {
        const opened = openMessage(new Uint8Array(this.#received.subarray(4, length)), [this.#key]);
        this.#received = this.#received.subarray(length);
        if (typeof opened === 'string') throw new Error(`reply: ${opened}`);
        return opened.message;
      }
      if (this.#socket.closed) return 'closed';
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  end(): void {
    this.#socket.destroy();
  }
}

export interface Reply {
  readonly result: number | undefined;
  readonly error: string | undefined;
  readonly text: string | undefined;
}

/** Does what rndc does for one command: fetches a nonce, then sends the command with it. */
export async function sendCommand(port: number, key: ControlKey, text: string): Promise<Reply | 'closed'> {
  const client = await RndcClient.connect(port, key);
  try {
    const first = await client.exchange(request(key, 'null'));
    if (first === 'closed') return 'closed';
    const nonce = alistText(first.control, '_nonce');
    const reply = await client.exchange(request(key, text, { _nonce: nonce }));
    if (reply === 'closed') return 'closed';
    const { data } = reply;
    return { result: alistNumber(data, 'result'), error: alistText(data, 'err'), text: alistText(data, 'text') };
  } finally {
    client.end();
  }
}
