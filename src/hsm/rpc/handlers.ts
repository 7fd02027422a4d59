import type { ArgumentsOf, FunctionName, ResultsOf } from '../protocol/functions.ts';
import type { RpcSession } from './rpc-session.ts';

/** Does one function for a connection. Throws or rejects with HalError. */
export type Handler<Name extends FunctionName> = (
  session: RpcSession,
  values: ArgumentsOf<Name>,
) => ResultsOf<Name> | Promise<ResultsOf<Name>>;

export type Handlers<Names extends FunctionName = FunctionName> = { readonly [Name in Names]: Handler<Name> };

/** Of functions that have no results. */
export const DONE = {};
