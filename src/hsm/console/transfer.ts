import { SignetError } from '../../base/error.ts';
import { foreignText } from './console-text.ts';
import { ConsoleIdle, type Terminal } from './terminal.ts';

/**
 * Files over the console's own connection, as the vendor's client does it. HSM to client, on a terminal's stream:
 *
 *     11 12 13 CODE  ":RECV:" "{" path "}" CR          the client answers   decimal size CR octets    (0 CR 0000000: it has no such file)
 *     11 12 13 CODE  ":SEND:" "{" path "}{" size "}" CR            answers   "OK:{" size "}", takes the octets, answers "RECEIVED:{" size "}"
 *                                                                  or        "FAILED..."
 * `path` is what the person typed here; the client opens it at that end. Braces around it are left out for updates.
 */
export const TransferCode = {
  UPDATE: 0x14,
  REMOTE_KEKEK: 0x15,
  LOCAL_KEKEK: 0x16,
  EXPORT_DATA: 0x17,
  IMPORT_DATA: 0x18,
} as const;
export type TransferCode = (typeof TransferCode)[keyof typeof TransferCode];

/** Milliseconds without an octet after which a transfer has failed. */
const PATIENCE = 30_000;
/** Digits of a size and what stands around it. */
const LONGEST_ANSWER = 64;
const CR = 0x0d;
const CLOSING_BRACE = 0x7d;

/**
 * Asks the client for a file. @param most octets
 * @throws SignetError TRANSFER_NO_FILE, TRANSFER_TOO_LARGE, TRANSFER_LINE, TRANSFER_TIMEOUT
 */
export async function receiveFile(terminal: Terminal, code: TransferCode, path: string, most: number): Promise<Buffer> {
  checkPath(path);
  return patiently(terminal, async () => {
    command(terminal, code, `:RECV:${code === TransferCode.UPDATE ? path : `{${path}}`}`);
    const answer = await terminal.readRawLine(CR, LONGEST_ANSWER);
    if (!/^\d{1,15}$/.test(answer))
      throw new SignetError(
        'TRANSFER_LINE',
        `the client did not send the size of '${path}' but '${foreignText(answer)}'`,
      );
    const size = Number(answer);
    if (size === 0) {
      // What the vendor's client sends in place of a file that it cannot open.
      terminal.skip(0x30, 7);
      throw new SignetError(
        'TRANSFER_NO_FILE',
        `ERROR: File not received. '${path}' does not exist at your end, is empty or may not be read.`,
      );
    }
    if (size > most) {
      // The client sends it whatever is said: it is read and dropped, as far as that is no more than a mistake.
      for (let left = size; left > 0 && size <= 16 * most; left -= 65_536)
        await terminal.readRaw(Math.min(left, 65_536));
      if (size > 16 * most) terminal.close();
      throw new SignetError('TRANSFER_TOO_LARGE', `'${path}' has ${size} octets: at most ${most} are taken`, {
        size,
        most,
      });
    }
    return terminal.readRaw(size);
  });
}

/** @throws SignetError TRANSFER_REFUSED with what the client says, TRANSFER_TIMEOUT */
export async function sendFile(
  terminal: Terminal,
  code: TransferCode,
  path: string,
  octets: Uint8Array,
): Promise<void> {
  checkPath(path);
  await patiently(terminal, async () => {
    command(terminal, code, `:SEND:{${path}}{${octets.length}}`);
    await expect(terminal, `OK:{${octets.length}`, path);
    terminal.sendRaw(octets);
    await expect(terminal, `RECEIVED:{${octets.length}`, path);
  });
}

async function expect(terminal: Terminal, wanted: string, path: string): Promise<void> {
  const answer = await terminal.readRawLine(CLOSING_BRACE, LONGEST_ANSWER).catch((error: unknown) => {
    throw error instanceof SignetError && error.code === 'TRANSFER_LINE'
      ? refused(path, 'its answer has no end')
      : error;
  });
  if (answer !== wanted) throw refused(path, foreignText(answer));
}

function refused(path: string, answer: string): SignetError {
  return new SignetError('TRANSFER_REFUSED', `the client did not take '${path}': ${answer}`);
}

function command(terminal: Terminal, code: TransferCode, text: string): void {
  terminal.dropTypedAhead();
  terminal.sendRaw(Buffer.concat([Buffer.of(0x11, 0x12, 0x13, code), Buffer.from(`${text}\r`)]));
}

async function patiently<Result>(terminal: Terminal, work: () => Promise<Result>): Promise<Result> {
  const before = terminal.setPatience(PATIENCE);
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof ConsoleIdle)) throw error;
    // The rest of a file is not typing.
    terminal.dropTypedAhead();
    throw new SignetError(
      'TRANSFER_TIMEOUT',
      `the client sent nothing for ${PATIENCE / 1000} seconds: the transfer was given up`,
    );
  } finally {
    terminal.setPatience(before);
  }
}

/** In the command, these would end the path. */
function checkPath(path: string): void {
  // eslint-disable-next-line no-control-regex
  if (path === '' || path.length > 900 || /[\0-\x1f\x7f{}]/.test(path))
    throw new SignetError('TRANSFER_PATH', 'a path has 1 to 900 characters, none of them { } or a control character');
}
