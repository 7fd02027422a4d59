import type { TLSSocket } from 'node:tls';
import type { TerminalLine } from './terminal.ts';

/** Octets that a client which does not read may leave here. */
const MOST_UNREAD = 4 << 20;

/**
 * What goes to a console's client. It may be the echo of a master key, so all of it is in memory that is overwritten once it is encrypted: one
 * write at a time, since several that wait are joined by node:tls in memory of its own.
 */
export class ConsoleLine implements TerminalLine {
  readonly #socket: TLSSocket;
  #waiting: Buffer[] = [];
  #unread = 0;
  #isWriting = false;
  #isEnding = false;

  constructor(socket: TLSSocket) {
    this.#socket = socket;
    socket.once('close', () => this.#drop());
  }

  send(octets: Uint8Array): void {
    if (this.#isEnding || this.#socket.destroyed) return;
    const copy = Buffer.allocUnsafeSlow(octets.length);
    copy.set(octets);
    this.#waiting.push(copy);
    this.#unread += copy.length;
    if (this.#unread > MOST_UNREAD) {
      this.#socket.destroy();
      return;
    }
    this.#write();
  }

  close(): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.#write();
  }

  #write(): void {
    if (this.#isWriting) return;
    if (this.#waiting.length === 0) {
      if (this.#isEnding) this.#socket.end();
      return;
    }
    const octets = this.#takeAll();
    this.#isWriting = true;
    // An error is followed by 'close'.
    this.#socket.write(octets, () => {
      octets.fill(0);
      this.#unread -= octets.length;
      this.#isWriting = false;
      if (!this.#socket.destroyed) this.#write();
    });
  }

  #takeAll(): Buffer {
    const parts = this.#waiting;
    this.#waiting = [];
    if (parts.length === 1) return parts[0];
    const whole = Buffer.allocUnsafeSlow(parts.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const part of parts) {
      whole.set(part, at);
      at += part.length;
      part.fill(0);
    }
    return whole;
  }

  #drop(): void {
    for (const part of this.#waiting) part.fill(0);
    this.#waiting = [];
  }
}
