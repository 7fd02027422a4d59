import { SignetError, type ErrorFacts } from '../base/error.ts';

/** What an operation of the HSM came to, as clients of its RPC port know it (libhal's numbers; 50 is Diamond Key's). */
export const HalStatus = {
  OK: 0,
  BAD_ARGUMENTS: 1,
  UNSUPPORTED_KEY: 2,
  IO_SETUP_FAILED: 3,
  IO_TIMEOUT: 4,
  IO_UNEXPECTED: 5,
  IO_OS_ERROR: 6,
  IO_BAD_COUNT: 7,
  CSPRNG_BROKEN: 8,
  KEYWRAP_BAD_MAGIC: 9,
  KEYWRAP_BAD_LENGTH: 10,
  KEYWRAP_BAD_PADDING: 11,
  IMPOSSIBLE: 12,
  ALLOCATION_FAILURE: 13,
  RESULT_TOO_LONG: 14,
  ASN1_PARSE_FAILED: 15,
  KEY_NOT_ON_CURVE: 16,
  INVALID_SIGNATURE: 17,
  CORE_NOT_FOUND: 18,
  CORE_BUSY: 19,
  KEYSTORE_ACCESS: 20,
  KEY_NOT_FOUND: 21,
  KEY_NAME_IN_USE: 22,
  NO_KEY_SLOTS_AVAILABLE: 23,
  PIN_INCORRECT: 24,
  NO_CLIENT_SLOTS_AVAILABLE: 25,
  FORBIDDEN: 26,
  XDR_BUFFER_OVERFLOW: 27,
  RPC_TRANSPORT: 28,
  RPC_PACKET_OVERFLOW: 29,
  RPC_BAD_FUNCTION: 30,
  KEY_NAME_TOO_LONG: 31,
  MASTERKEY_NOT_SET: 32,
  MASTERKEY_FAIL: 33,
  MASTERKEY_BAD_LENGTH: 34,
  KS_DRIVER_NOT_FOUND: 35,
  KEYSTORE_BAD_CRC: 36,
  KEYSTORE_BAD_BLOCK_TYPE: 37,
  KEYSTORE_LOST_DATA: 38,
  BAD_ATTRIBUTE_LENGTH: 39,
  ATTRIBUTE_NOT_FOUND: 40,
  NO_KEY_INDEX_SLOTS: 41,
  KS_INDEX_UUID_MISORDERED: 42,
  KEYSTORE_WRONG_BLOCK_TYPE: 43,
  RPC_PROTOCOL_ERROR: 44,
  NOT_IMPLEMENTED: 45,
  CORE_REASSIGNED: 46,
  ASSERTION_FAILED: 47,
  HASHSIG_KEY_EXHAUSTED: 48,
  NOT_READY: 49,
  TAMPER: 50,
} as const;
export type HalStatus = (typeof HalStatus)[keyof typeof HalStatus];

const NAMES = new Map<number, string>(Object.entries(HalStatus).map(([name, value]) => [value, name]));

/** `FORBIDDEN` for 26; `status 99` for what has no name. */
export function halStatusName(status: number): string {
  return NAMES.get(status) ?? `status ${status}`;
}

/**
 * An operation that was not done. `status` goes to the client; the message is for the log and for the console: it says what
 * happened, to which device, key or role, and what to do next. Never holds secrets. `code` is `HAL_` and the status's name.
 */
export class HalError extends SignetError {
  readonly status: HalStatus;

  constructor(status: HalStatus, message: string, facts: ErrorFacts = {}, cause?: unknown) {
    super(`HAL_${halStatusName(status)}`, message, facts, cause);
    this.status = status;
  }
}
