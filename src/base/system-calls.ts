import { SignetError } from './error.ts';

/** System calls that Node.js has no function for, by its foreign function interface to the C library. */
export interface SystemCalls {
  /** chroot(2) and chdir to its "/": later paths are looked up under `directory`. Needs root. */
  changeRoot(directory: string): void;
  /** openlog(3): `identity` is what lines begin with; `facility` as in syslog(3), 3 << 3 is daemon. */
  openSystemLog(identity: string, facility: number): void;
  /** syslog(3): `priority` 2 critical, 3 error, 4 warning, 5 notice, 6 info, 7 debug. */
  writeSystemLog(priority: number, text: string): void;
  /** TCP_QUICKACK of tcp(7): what came on this TCP socket is acknowledged now, not with the next octets that go out or 40 ms later. */
  acknowledgeNow(descriptor: number): void;
  /** malloc_trim(3): gives pages of freed memory back to the system. */
  trimHeap(): void;
  /** M_PERTURB of mallopt(3): whether the C library overwrites what is freed (small pieces excepted that a thread keeps for itself). */
  overwriteFreed(isOn: boolean): void;
}

export type ForeignCall = (...values: (string | number | bigint | Uint8Array)[]) => number | bigint;

/** What is used of node:ffi. Integers of 64 bits and pointers are bigints, both ways. */
export interface ForeignFunctions {
  dlopen<Name extends string>(
    library: string,
    functions: Record<Name, { arguments: string[]; return: string }>,
  ): { functions: Record<Name, ForeignCall> };
  getInt32(pointer: bigint, offset: number): number;
  toBuffer(pointer: bigint, length: number, copies: boolean): Uint8Array;
}

const IPPROTO_TCP = 6;
const TCP_QUICKACK = 12;
const M_PERTURB = -6;
/** What is freed is filled with it, and what is given out with its complement, zeros. */
const PERTURBATION = 0xff;
const LOG_PID = 1;
const LOG_NDELAY = 8;

/** @throws SignetError NO_FOREIGN_FUNCTIONS when this Node.js cannot call the C library */
export function loadSystemCalls(): SystemCalls {
  const { functions: c } = foreignFunctions().dlopen('libc.so.6', {
    chroot: { arguments: ['string'], return: 'int32' },
    openlog: { arguments: ['buffer', 'int32', 'int32'], return: 'void' },
    syslog: { arguments: ['int32', 'string', 'string'], return: 'void' },
    mallopt: { arguments: ['int32', 'int32'], return: 'int32' },
    malloc_trim: { arguments: ['uint64'], return: 'int32' },
    setsockopt: { arguments: ['int32', 'int32', 'int32', 'buffer', 'uint32'], return: 'int32' },
  });
  const on = Buffer.from(new Int32Array([1]).buffer);
  // openlog(3) keeps the pointer that it is given.
  let held: Uint8Array;
  return {
    changeRoot: (directory) => {
      if (c.chroot(directory) !== 0)
        throw new SignetError(
          'CHROOT',
          `cannot change the root directory to ${directory}: it must exist, and the caller must be root`,
          { directory },
        );
      process.chdir('/');
    },
    openSystemLog: (identity, facility) => {
      held = Buffer.from(`${identity}\0`, 'latin1');
      c.openlog(held, LOG_PID | LOG_NDELAY, facility);
    },
    // A connection that is over by now needs no acknowledgement.
    acknowledgeNow: (descriptor) => void c.setsockopt(descriptor, IPPROTO_TCP, TCP_QUICKACK, on, on.length),
    trimHeap: () => void c.malloc_trim(0n),
    overwriteFreed: (isOn) => void c.mallopt(M_PERTURB, isOn ? PERTURBATION : 0),
    // The text goes in by "%s": it may hold percent signs that somebody else chose.
    writeSystemLog: (priority, text) => void c.syslog(priority, '%s', text.replaceAll('\0', '\\000')),
  };
}

/** @throws SignetError NO_FOREIGN_FUNCTIONS */
export function foreignFunctions(): ForeignFunctions {
  const emitWarning = process.emitWarning;
  // The module says at every start that it is experimental; we pin the exact runtime, so that is not news to an operator.
  process.emitWarning = () => undefined;
  try {
    const module = process.getBuiltinModule('node:ffi') as ForeignFunctions | undefined;
    if (module !== undefined) return module;
  } finally {
    process.emitWarning = emitWarning;
  }
  throw new SignetError(
    'NO_FOREIGN_FUNCTIONS',
    `Node.js ${process.version} has no node:ffi, which -t, syslog and the HSM need: run the Node.js 26 of the package`,
  );
}
