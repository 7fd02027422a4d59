import type { Clock } from '../base/clock.ts';
import { lowerPriority } from '../base/thread-priority.ts';
import type { Log } from '../base/log.ts';
import { ResponderPool } from '../server/responder-pool.ts';
import type { ControlRequest } from '../server/responder.ts';
import { ANSWER_LIMITS, type ServerTables } from '../server/server-tables.ts';
import { SigningPool } from '../signer/signing-pool.ts';
import { Arena } from '../zone/store/arena.ts';

/**
 * Queries come first. Signing and loading take what processor time is left: a thread that signs has a tenth of the share of one
 * that answers when both want to run, the control thread a third (sched(7)).
 */
const SIGNERS_NICER = 10;
const CONTROL_NICER = 5;

/** Takes messages of other opcodes than QUERY. */
export type RequestHandler = (request: ControlRequest) => Promise<Uint8Array | undefined>;

/**
 * The threads of the server and the memory that they share. They are started before the configuration is known, and
 * before the root directory and the user change: afterwards their program may be out of reach.
 */
export class Threads implements AsyncDisposable {
  readonly count: number;
  readonly arena: Arena;
  readonly signers: SigningPool;
  readonly responders: ResponderPool;
  readonly #handler: { serve: RequestHandler };

  private constructor(
    count: number,
    arena: Arena,
    signers: SigningPool,
    responders: ResponderPool,
    handler: { serve: RequestHandler },
  ) {
    this.count = count;
    this.arena = arena;
    this.signers = signers;
    this.responders = responders;
    this.#handler = handler;
  }

  static async start(
    options: { readonly count: number },
    dependencies: { readonly clock: Clock; readonly log: Log },
  ): Promise<Threads> {
    const { count } = options;
    const arena = Arena.create();
    const signers = new SigningPool({ threads: count, nicer: SIGNERS_NICER }, { arena });
    const handler: { serve: RequestHandler } = { serve: async () => undefined };
    const [responders] = await Promise.all([
      ResponderPool.start(
        { threads: count, tables: NO_TABLES },
        { ...dependencies, arena, onRequest: (request) => handler.serve(request) },
      ),
      allRunning(signers),
    ]);
    return new Threads(count, arena, signers, responders, handler);
  }

  /**
   * From now on the calling thread, which is the control thread, gives way to the responders: to be called when all zones are loaded.
   * A responder that takes the place of one that died inherits that, which is no worse than a busy machine.
   */
  giveWay(): void {
    lowerPriority(CONTROL_NICER);
  }

  set requestHandler(serve: RequestHandler) {
    this.#handler.serve = serve;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.responders[Symbol.asyncDispose]();
    await this.signers[Symbol.asyncDispose]();
  }
}

/** Resolves when every signing thread has answered: each gets two tasks with nothing to sign. */
async function allRunning(signers: SigningPool): Promise<void> {
  const nothing = { kind: 'batch', octets: new Uint8Array(), ends: new Uint32Array(), keys: new Uint8Array() } as const;
  await signers.signBatches(
    [],
    false,
    Array.from({ length: 2 * signers.threads }, () => nothing),
  );
}

const NO_TABLES: ServerTables = {
  generation: 0,
  identity: { version: undefined, hostname: undefined, serverId: undefined },
  limits: ANSWER_LIMITS,
  keys: [],
  views: [],
  localhost: [],
  localnets: [],
  logQueries: false,
};
