import { SignetError } from '../base/error.ts';

/** What can be wrong with the files of one key. Each names the file and the remedy. */
export type KeyFileFault =
  | 'KEY_FILE_TRUNCATED'
  | 'KEY_FILE_SYNTAX'
  | 'KEY_FILE_VERSION'
  | 'KEY_FILE_UNKNOWN_FIELD'
  | 'KEY_FILE_WRONG_OWNER'
  | 'KEY_FILE_WRONG_NAME'
  | 'KEY_FILE_NOT_DNSKEY'
  | 'KEY_FILE_MISSING'
  | 'KEY_FILE_PRIVATE_MISSING'
  | 'KEY_FILE_PERMISSIONS'
  | 'KEY_FILE_TIMES';

/**
 * @param detail what is wrong and what to do, without the file's name
 * @param isUsable true when the key is there all the same and the fault is a warning about it
 */
export function keyFileError(code: KeyFileFault, file: string, detail: string, isUsable = false): SignetError {
  return new SignetError(code, `${file}: ${detail}`, { file, isUsable });
}

/** True for a fault that leaves the key usable: a missing private half, permissions, odd times. */
export function isWarning(fault: SignetError): boolean {
  return fault.facts.isUsable === true;
}
