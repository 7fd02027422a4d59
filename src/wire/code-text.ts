import { Mnemonics } from './mnemonics.ts';
import { OPCODES } from './tables/opcodes.ts';
import { RCODES } from './tables/rcodes.ts';
import { TSIG_RCODES } from './tables/tsig-rcodes.ts';

const OPCODE_NAMES = new Mnemonics(OPCODES);
const RCODE_NAMES = new Mnemonics(RCODES);
const TSIG_NAMES = new Mnemonics([...TSIG_RCODES, ...RCODES]);

/** QUERY, NOTIFY ..., or RESERVED7 as BIND calls codes without a name. */
export function opcodeText(code: number): string {
  return OPCODE_NAMES.text(code) ?? `RESERVED${code}`;
}

/** NOERROR, SERVFAIL ..., or RESERVED12. 16 is BADVERS. */
export function rcodeText(code: number): string {
  return RCODE_NAMES.text(code) ?? `RESERVED${code}`;
}

/** Error of TSIG and TKEY: BADSIG ..., or the number. 16 is BADSIG. */
export function tsigErrorText(code: number): string {
  return TSIG_NAMES.text(code) ?? String(code);
}

/** The names of TSIG and TKEY errors, for reading. */
export const TSIG_ERRORS = TSIG_NAMES;
