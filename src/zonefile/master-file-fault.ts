import { SignetError, formatPosition, type TextPosition } from '../base/error.ts';

/** An error keeps the zone from being loaded; a warning does not. */
export type FaultSeverity = 'error' | 'warning';

export type MasterFileFaultCode =
  | 'MASTER_FILE_BALANCE'
  | 'MASTER_FILE_CLASS'
  | 'MASTER_FILE_DIRECTIVE'
  | 'MASTER_FILE_END'
  | 'MASTER_FILE_GENERATE'
  | 'MASTER_FILE_INCLUDE'
  | 'MASTER_FILE_NAME'
  | 'MASTER_FILE_OUT_OF_ZONE'
  | 'MASTER_FILE_OWNER'
  | 'MASTER_FILE_RAW'
  | 'MASTER_FILE_RDATA'
  | 'MASTER_FILE_SOA'
  | 'MASTER_FILE_TOO_MANY'
  | 'MASTER_FILE_TTL'
  | 'MASTER_FILE_TYPE'
  | 'MASTER_FILE_CHECK';

/**
 * Something wrong at one place of a master file. The message is `file:line:column: what`. `result` is BIND's short word
 * for it ("unknown class/type"), which ends its line "loading from master file ... failed".
 */
export class MasterFileFault extends SignetError {
  readonly severity: FaultSeverity;
  readonly position: TextPosition;
  readonly what: string;
  readonly result: string;

  constructor(
    severity: FaultSeverity,
    code: MasterFileFaultCode,
    position: TextPosition,
    what: string,
    result: string = what,
  ) {
    super(code, `${formatPosition(position)}: ${what}`, { ...position, severity });
    this.name = 'MasterFileFault';
    this.severity = severity;
    this.position = position;
    this.what = what;
    this.result = result;
  }
}

/** Ends the reading of one entry; the scanner reports the fault and goes on with the next entry. */
export class EntryFault extends Error {
  readonly fault: MasterFileFault;

  constructor(fault: MasterFileFault) {
    super(fault.message);
    this.name = 'EntryFault';
    this.fault = fault;
  }
}
