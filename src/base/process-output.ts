import fs from 'node:fs';
import type { CommandOutput } from './command-line.ts';

/** The CommandOutput of a real process. Writes are synchronous, so that nothing is lost when the process ends. */
export const processOutput: CommandOutput = {
  print: (text) => writeWhole(1, typeof text === 'string' ? Buffer.from(text, 'utf8') : text),
  complain: (text) => writeWhole(2, Buffer.from(text, 'utf8')),
};

function writeWhole(descriptor: number, octets: Uint8Array): void {
  for (let at = 0; at < octets.length;) {
    try {
      at += fs.writeSync(descriptor, octets, at, octets.length - at);
    } catch (cause) {
      const reason = (cause as NodeJS.ErrnoException).code;
      if (reason === 'EPIPE') return; // nobody reads any more, as after `| head`
      if (reason !== 'EAGAIN') throw cause; // a pipe in non-blocking mode that is full: try again
      Atomics.wait(PAUSE, 0, 0, 1);
    }
  }
}

const PAUSE = new Int32Array(new SharedArrayBuffer(4));
