import type { Curve, KeyType, Mechanism, Role } from '../hal-constants.ts';

/** Who waits for a signature: one of both is called, once, perhaps before the call returns. The octets are good until `signed` returns. */
export interface SignatureTaker {
  signed(signature: Uint8Array): void;
  refused(fault: unknown): void;
}

/**
 * A crypto device: keystore, logins and operations. What the appliance talks to, be it the device in this process (tests) or one
 * in a process of its own over a local socket: both pass the same compliance suite (test/hsm/device/crypto-device-suite.ts).
 *
 * Every method rejects with HalError; a device process that is gone gives IO_OS_ERROR with the device's name. `client` is the
 * appliance's number for a connection (32 bits, never used again while the appliance runs); logins and volatile keys belong to it.
 * Keys are named by UUID (lower-case text), which the appliance chooses, so that a mirrored key has one name everywhere.
 */
export interface CryptoDevice extends AsyncDisposable {
  /** "device 0": in messages. */
  readonly name: string;

  getStatus(): Promise<DeviceStatus>;
  /** Rejects with TAMPER while tampered. */
  checkTamper(): Promise<void>;

  // Access. PINs are octets and are cleared by the callee when it has used them.

  /** A login replaces the client's earlier one. @throws HalError PIN_INCORRECT, BAD_ARGUMENTS (length), NO_CLIENT_SLOTS_AVAILABLE, FORBIDDEN (PIN not initialised: the message says so) */
  login(client: number, partition: number, role: Role, pin: Uint8Array): Promise<void>;
  /** Forgets the client's login, volatile keys and contexts. Never fails for a client that is unknown. */
  logout(client: number): Promise<void>;
  /**
   * A login that was proved on another device: the PIN there had `pinVersion` (PinRecord). Local only, never to a client. @throws HalError FORBIDDEN
   * when the PIN here has another version, is not initialised or not authentic
   */
  resumeLogin(client: number, partition: number, role: Role, pinVersion: number): Promise<void>;
  /** undefined: not logged in. */
  roleOf(client: number): Promise<Role | undefined>;
  /** wheel may set all PINs, so that of user in its partition (Diamond-HSM manual section 2.3). @throws HalError FORBIDDEN, BAD_ARGUMENTS, MASTERKEY_NOT_SET when there was one and it is gone */
  setPin(client: number, partition: number, role: Role, pin: Uint8Array): Promise<void>;
  /** wheel only: the wheel PIN is the default one again, so and user have none, in all partitions. @throws HalError FORBIDDEN, MASTERKEY_NOT_SET as setPin */
  resetPins(client: number): Promise<void>;
  /** Salted hashes of all PINs, for a device that was away when they changed. Local only, never to a client. */
  readPins(): Promise<readonly PinRecord[]>;
  writePins(pins: readonly PinRecord[]): Promise<void>;

  // Partitions: 0 always exists and is labelled "Cryptech Token".
  listPartitions(): Promise<readonly Partition[]>;
  /** wheel only. The number is the appliance's choice, the same on all devices. */
  writePartition(client: number, partition: Partition): Promise<void>;
  deletePartition(client: number, number: number): Promise<void>;
  /** All but the first, and that they were deleted, for a device that was away when they changed. Local only, never to a client. */
  readPartitions(): Promise<readonly PartitionRecord[]>;
  /** Takes those that are newer than what is here. @throws HalError FORBIDDEN (one has keys here and stays; the others are taken), BAD_ARGUMENTS, KEYSTORE_BAD_CRC */
  writePartitions(records: readonly PartitionRecord[]): Promise<void>;

  // Keys. A token key that was reported as made is durable.

  generateKey(client: number, uuid: string, partition: number, spec: KeySpec): Promise<KeyInfo>;
  /** PKCS#8 PrivateKeyInfo or SubjectPublicKeyInfo, DER; DATA when `type` says so. */
  loadKey(
    client: number,
    uuid: string,
    partition: number,
    der: Uint8Array,
    flags: number,
    type?: KeyType,
  ): Promise<KeyInfo>;
  /** That the client may see and use the key. @throws HalError KEY_NOT_FOUND, FORBIDDEN */
  openKey(client: number, uuid: string): Promise<KeyInfo>;
  deleteKey(client: number, uuid: string): Promise<void>;
  /** SubjectPublicKeyInfo, DER; of the private key's public half too. */
  getPublicKey(client: number, uuid: string): Promise<Uint8Array>;
  /** @throws HalError FORBIDDEN (login, flags), UNSUPPORTED_KEY (mechanism), RESULT_TOO_LONG (input), HASHSIG_KEY_EXHAUSTED, MASTERKEY_NOT_SET, TAMPER */
  sign(client: number, uuid: string, mechanism: Mechanism, data: Uint8Array): Promise<Uint8Array>;
  /** As `sign`, without a promise, where a device has that. Never throws. */
  signFor?(client: number, uuid: string, mechanism: Mechanism, data: Uint8Array, taker: SignatureTaker): void;
  /** @throws HalError INVALID_SIGNATURE */
  verify(client: number, uuid: string, mechanism: Mechanism, data: Uint8Array, signature: Uint8Array): Promise<void>;
  setAttributes(client: number, uuid: string, attributes: readonly AttributeChange[]): Promise<void>;
  /** Missing ones are left out of the result. */
  getAttributes(client: number, uuid: string, types: readonly number[]): Promise<readonly Attribute[]>;
  listAttributes(client: number, uuid: string): Promise<readonly Attribute[]>;
  /** Keys in UUID order after `after`, at most `limit`; shorter only when there are no more. Not logged in: public ones (flag PUBLIC), no error. */
  matchKeys(client: number, partition: number, query: KeyQuery): Promise<readonly string[]>;

  /** Under a new key-encryption key, which goes under the KEKEK's public key. @throws HalError FORBIDDEN (not exportable, KEKEK's flags) */
  exportKey(client: number, uuid: string, kekek: string): Promise<WrappedKey>;
  importKey(
    client: number,
    uuid: string,
    partition: number,
    kekek: string,
    key: WrappedKey,
    flags: number,
  ): Promise<KeyInfo>;

  random(octets: number): Promise<Uint8Array>;

  // Master key: wheel on the console. It lives in the device's watchdog, never here.

  /** undefined: a random one. Resolves to what was set only when it was made here. @throws HalError MASTERKEY_FAIL when keys are here that were wrapped under another (nothing is changed), TAMPER */
  setMasterKey(client: number, key: Uint8Array | undefined): Promise<Uint8Array | undefined>;
  eraseMasterKey(client: number): Promise<void>;
  /** Takes all keys away, PINs too unless `preservePins` (wheel goes back to the default then). */
  eraseKeystore(client: number, preservePins: boolean): Promise<void>;

  // Mirroring between devices with the same master key: local only, never to a client.

  /** UUID and version of every token key, and of those deleted since, in UUID order after `after`. */
  listRecords(after: string | undefined, limit: number): Promise<readonly RecordHead[]>;
  /** A record as it is stored (wrapped and authenticated). @throws HalError FORBIDDEN when it is not exportable */
  readRecord(uuid: string): Promise<Uint8Array>;
  /** Takes a record (or a deletion) that is newer than what is here. @throws HalError KEYSTORE_BAD_CRC when it is not authentic */
  writeRecord(record: Uint8Array): Promise<void>;

  /** How often each key signed since the last call, for the audit log; at most 65,536 keys, the rest comes with the next call. */
  takeKeyUses(): Promise<readonly KeyUse[]>;
}

export interface DeviceStatus {
  readonly serial: string;
  readonly version: string;
  /** Process id; undefined when it is in this process. */
  readonly pid: number | undefined;
  readonly masterKey: 'set' | 'not set' | 'failed';
  readonly isTampered: boolean;
  /** Token keys, volatile keys, logins. */
  readonly tokenKeys: number;
  readonly volatileKeys: number;
  readonly logins: number;
  /** Nobody changed the default wheel PIN yet. */
  readonly hasDefaultPin: boolean;
  /** Operations since its start, by kind (sign, verify, generate, ...). */
  readonly operations: Readonly<Record<string, number>>;
  /** Name and version of what computes ("openssl 3.5.8"), as `show fpga cores` lists it. */
  readonly cores: readonly { readonly name: string; readonly version: string }[];
}

export interface KeyInfo {
  readonly uuid: string;
  readonly partition: number;
  readonly type: KeyType;
  readonly curve: Curve;
  /** Of KeyFlag. */
  readonly flags: number;
}

export type KeySpec =
  | { readonly kind: 'rsa'; readonly bits: number; readonly exponent: Uint8Array; readonly flags: number }
  | { readonly kind: 'ec'; readonly curve: Curve; readonly flags: number }
  /** RFC 8554: `levels` 1 to 8; `lms` and `lmots` are libhal's numbers (5..9 is H5..H25, 1..4 is W1..W8). */
  | {
      readonly kind: 'hashsig';
      readonly levels: number;
      readonly lms: number;
      readonly lmots: number;
      readonly flags: number;
    };

/** A PKCS#11 attribute: `type` a CKA_ number, the value opaque. */
export interface Attribute {
  readonly type: number;
  readonly value: Uint8Array;
}
/** undefined: the attribute goes away. */
export interface AttributeChange {
  readonly type: number;
  readonly value: Uint8Array | undefined;
}

export interface KeyQuery {
  /** NONE: any. */
  readonly type: KeyType;
  readonly curve: Curve;
  /** A key matches when ((key.flags ^ flags) & mask) is 0. */
  readonly mask: number;
  readonly flags: number;
  /** All must be there, equal octet for octet. */
  readonly attributes: readonly Attribute[];
  readonly after: string | undefined;
  readonly limit: number;
}

export interface WrappedKey {
  /** EncryptedPrivateKeyInfo, DER: AES-256 key wrap with padding under the key-encryption key. */
  readonly pkcs8: Uint8Array;
  /** EncryptedPrivateKeyInfo, DER: the key-encryption key under the KEKEK, RSA PKCS#1 v1.5. */
  readonly kek: Uint8Array;
}

export interface Partition {
  readonly number: number;
  /** Up to 32 octets of UTF-8. */
  readonly label: string;
}

export interface PartitionRecord {
  readonly number: number;
  /** undefined: it was deleted. */
  readonly label: string | undefined;
  /** As PinRecord's. */
  readonly version: number;
  /** As PinRecord's. */
  readonly proof?: Uint8Array | undefined;
}

export interface PinRecord {
  readonly partition: number;
  readonly role: Role;
  /** Rises with each change, to the time in milliseconds where that is later: the higher one wins. */
  readonly version: number;
  /** Self-describing salted hash; undefined: not initialised (wheel: the default PIN). */
  readonly hash: string | undefined;
  /** Made under the master key: a device that has one believes nothing else. undefined: none was set yet where this comes from. */
  readonly proof?: Uint8Array | undefined;
}

export interface KeyUse {
  readonly uuid: string;
  readonly uses: number;
}

export interface RecordHead {
  readonly uuid: string;
  readonly version: number;
  readonly isDeleted: boolean;
  readonly isExportable: boolean;
}
