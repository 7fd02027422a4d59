import { SignetError } from './error.ts';
import { foreignFunctions, type ForeignCall } from './system-calls.ts';

/**
 * What Linux offers a process that holds secrets; Node.js has no function for it. mlockall(2) is not among it: V8 ends the process
 * when the kernel does not take locked pages back from it.
 */
export interface ProcessSecrets {
  /** No core file, and no reading of this process's memory by other processes of the same user (prctl(2) PR_SET_DUMPABLE). */
  forbidDumps(): void;
  /** Pages of their own outside the JavaScript heap, left out of core files. Never given back: for what lives as long as the process. */
  allocateSecret(octets: number): SecretPages;
  /** The key of that description in the keyring of the process's user, which outlives the process and ends with the host. */
  keyring(description: string): KernelKey;
}

export interface SecretPages {
  readonly octets: Uint8Array;
  /** Whether mlock(2) was allowed: else the pages may go to swap. */
  readonly isLocked: boolean;
}

/** A key of type "user" (keyrings(7)). Every method throws SignetError KERNEL_KEYRING when the kernel refuses. */
export interface KernelKey {
  isSet(): boolean;
  set(secret: Uint8Array): void;
  /** Copies the secret into `into`; false when there is none. */
  read(into: Uint8Array): boolean;
  /** Overwrites and revokes it; nothing happens when there is none. */
  clear(): void;
}

/** @throws SignetError NO_FOREIGN_FUNCTIONS when this Node.js cannot call the C library */
export function loadProcessSecrets(): ProcessSecrets {
  const ffi = foreignFunctions();
  const { functions: c } = ffi.dlopen('libc.so.6', {
    prctl: { arguments: ['int32', 'uint64', 'uint64', 'uint64', 'uint64'], return: 'int32' },
    setrlimit: { arguments: ['int32', 'buffer'], return: 'int32' },
    mmap: { arguments: ['uint64', 'uint64', 'int32', 'int32', 'int32', 'int64'], return: 'pointer' },
    mlock: { arguments: ['pointer', 'uint64'], return: 'int32' },
    madvise: { arguments: ['pointer', 'uint64', 'int32'], return: 'int32' },
  });
  return {
    forbidDumps: () => {
      // Two zeros of 64 bits: both limits.
      if (c.prctl(PR_SET_DUMPABLE, 0n, 0n, 0n, 0n) !== 0 || c.setrlimit(RLIMIT_CORE, new Uint8Array(16)) !== 0)
        throw new SignetError('CORE_DUMPS', 'core dumps cannot be switched off: the kernel refuses prctl or setrlimit');
    },
    allocateSecret: (octets) => {
      const length = Math.ceil(octets / PAGE) * PAGE;
      const at = c.mmap(0n, BigInt(length), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0n) as bigint;
      if (at === MAP_FAILED) throw new SignetError('NO_MEMORY', `the system has no ${length} octets for secrets`);
      const isLocked = c.mlock(at, BigInt(length)) === 0;
      c.madvise(at, BigInt(length), MADV_DONTDUMP);
      return { octets: ffi.toBuffer(at, length, false).subarray(0, octets), isLocked };
    },
    keyring: (description) => new UserKey(description, keyringCalls()),
  };
}

const PR_SET_DUMPABLE = 4;
const RLIMIT_CORE = 4;
const PROT_READ = 1;
const PROT_WRITE = 2;
const MAP_PRIVATE = 2;
const MAP_ANONYMOUS = 0x20;
const MAP_FAILED = 0xffff_ffff_ffff_ffffn;
const MADV_DONTDUMP = 16;
const PAGE = 4096;

interface KeyringCalls {
  /** Serial number of the key, or an error below 0. */
  add(description: string, secret: Uint8Array): number;
  control(operation: number, first: number, second?: number): number;
  search(description: string): number;
  read(key: number, into: Uint8Array): number;
  update(key: number, secret: Uint8Array): number;
}

/** keyctl(2) has no wrapper in the C library: by syscall(2). */
function keyringCalls(): KeyringCalls {
  const numbers: Record<string, { add: bigint; control: bigint }> = {
    x64: { add: 248n, control: 250n },
    arm64: { add: 217n, control: 219n },
  };
  const number = numbers[process.arch];
  if (number === undefined)
    throw new SignetError('KERNEL_KEYRING', `the kernel's keyring is not supported on ${process.arch}: keep the key in the process`); // prettier-ignore
  const ffi = foreignFunctions();
  const word = 'int64';
  const { functions: c } = ffi.dlopen('libc.so.6', { __errno_location: { arguments: [], return: 'pointer' } });
  // One function by several signatures: texts, octets and numbers are passed differently.
  const by = (...rest: string[]): ForeignCall => {
    const { functions } = ffi.dlopen('libc.so.6', {
      syscall: { arguments: [word, ...rest], return: word },
    });
    return functions['syscall'];
  };
  const errno = c.__errno_location() as bigint;
  const addKey = by('string', 'string', 'buffer', word, word);
  const withNumbers = by(word, word, word, word);
  const withTexts = by(word, word, 'string', 'string', word);
  const withOctets = by(word, word, 'buffer', word);
  const outcome = (result: number | bigint): number => (Number(result) < 0 ? -ffi.getInt32(errno, 0) : Number(result));
  return {
    add: (description, secret) =>
      outcome(addKey(number.add, 'user', description, secret, BigInt(secret.length), USER_KEYRING)),
    control: (operation, first, second = 0) =>
      outcome(withNumbers(number.control, BigInt(operation), BigInt(first), BigInt(second), 0n)),
    search: (description) => outcome(withTexts(number.control, KEYCTL_SEARCH, USER_KEYRING, 'user', description, 0n)),
    read: (key, into) => outcome(withOctets(number.control, KEYCTL_READ, BigInt(key), into, BigInt(into.length))),
    update: (key, secret) => outcome(withOctets(number.control, KEYCTL_UPDATE, BigInt(key), secret, BigInt(secret.length))), // prettier-ignore
  };
}

/** KEY_SPEC_USER_KEYRING: a process without a session has none else that outlives it. */
const USER_KEYRING = -4n;
const KEYCTL_UPDATE = 2n;
const KEYCTL_REVOKE = 3;
const KEYCTL_SETPERM = 5;
const KEYCTL_UNLINK = 9;
const KEYCTL_SEARCH = 10n;
const KEYCTL_READ = 11n;
/** Everything for its possessor and its user, nothing for groups and others: the process after this one possesses nothing. */
const PERMISSIONS = 0x3f3f0000;
const ENOKEY = 126;
const EKEYEXPIRED = 127;
const EKEYREVOKED = 128;

class UserKey implements KernelKey {
  readonly #description: string;
  readonly #calls: KeyringCalls;

  constructor(description: string, calls: KeyringCalls) {
    this.#description = description;
    this.#calls = calls;
  }

  isSet(): boolean {
    return this.#find() !== undefined;
  }

  set(secret: Uint8Array): void {
    const key = check('add_key', this.#calls.add(this.#description, secret));
    check('keyctl setperm', this.#calls.control(KEYCTL_SETPERM, key, PERMISSIONS));
  }

  read(into: Uint8Array): boolean {
    const key = this.#find();
    if (key === undefined) return false;
    const length = check('keyctl read', this.#calls.read(key, into));
    if (length === into.length) return true;
    into.fill(0);
    throw refusal('keyctl read', `the key has ${length} octets, not ${into.length}`);
  }

  clear(): void {
    const key = this.#find();
    if (key === undefined) return;
    // What update replaces is overwritten with zeros by the kernel when it is freed, and so is what revoke ends.
    check('keyctl update', this.#calls.update(key, new Uint8Array(32)));
    check('keyctl revoke', this.#calls.control(KEYCTL_REVOKE, key));
    check('keyctl unlink', this.#calls.control(KEYCTL_UNLINK, key, Number(USER_KEYRING)));
  }

  #find(): number | undefined {
    const found = this.#calls.search(this.#description);
    if (found === -ENOKEY || found === -EKEYEXPIRED || found === -EKEYREVOKED) return undefined;
    return check('keyctl search', found);
  }
}

function check(call: string, outcome: number): number {
  if (outcome < 0) throw refusal(call, `error ${-outcome}`);
  return outcome;
}

function refusal(call: string, why: string): SignetError {
  const message = `the kernel's keyring cannot be used (${call}: ${why}): set MASTERKEY_MEMORY to process, or allow the calls`;
  return new SignetError('KERNEL_KEYRING', message, { call, why });
}
