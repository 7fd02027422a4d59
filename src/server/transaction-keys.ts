import type { Clock } from '../base/clock.ts';
import { RCODE } from '../wire/type-codes.ts';
import { NO_KEY } from './address-match.ts';
import type { TsigKey } from './server-tables.ts';

/** Verifies signed requests and signs their answers. */
export class TransactionKeys {
  key = NO_KEY;
  active = false;
  reserved = 0;

  constructor(_clock: Clock) {}

  setKeys(_keys: readonly TsigKey[]): void {}

  begin(): void {
    this.key = NO_KEY;
    this.active = false;
    this.reserved = 0;
  }

  verify(_octets: Uint8Array, _length: number, _tsigAt: number): number {
    return RCODE.NOTAUTH;
  }

  sign(_octets: Uint8Array, length: number): number {
    return length;
  }

  streamSigner(): ((message: Uint8Array) => Uint8Array) | undefined {
    return undefined;
  }
}
