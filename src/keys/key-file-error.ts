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
  | 'KEY_FILE_TWICE'
  | 'KEY_FILE_PRIVATE_MISSING'
  | 'KEY_FILE_PERMISSIONS'
  | 'KEY_FILE_TIMES';

/** What cannot be used because of a fault: the whole key, its private half (it is published, but signs nothing), or nothing. */
export type Loss = 'key' | 'private' | 'nothing';

/** @param detail what is wrong and what to do, without the file's name */
export function keyFileError(code: KeyFileFault, file: string, detail: string, loses: Loss = 'key'): SignetError {
  return new SignetError(code, `${file}: ${detail}`, { file, loses });
}

/** The same fault as one of this file, losing no more than said. */
export function faultOf(file: string, fault: SignetError, loses: Loss): SignetError {
  const message = fault.message.includes(file) ? fault.message : `${file}: ${fault.message}`;
  return new SignetError(fault.code, message, { ...fault.facts, file, loses }, fault);
}

/** True for a fault that leaves the key in the list: damage to its private half only, permissions, odd times. */
export function isWarning(fault: SignetError): boolean {
  return fault.facts.loses === 'private' || fault.facts.loses === 'nothing';
}
