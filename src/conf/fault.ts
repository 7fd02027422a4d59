import type { TextPosition } from '../base/error.ts';
import { formatPosition, SignetError } from '../base/error.ts';

/** One thing that is wrong with a configuration, at the place where a person wrote it. */
export interface Fault {
  /** Warnings do not keep a configuration from being used. */
  readonly severity: 'error' | 'warning';
  /** Stable: CONF_SYNTAX, CONF_UNKNOWN, CONF_UNSUPPORTED, CONF_VALUE, CONF_POLICY ... */
  readonly code: string;
  readonly position: TextPosition;
  readonly message: string;
}

/** `file:line:column: message`, the form of every compiler and of editors that jump to it. */
export function formatFault(fault: Fault): string {
  return `${formatPosition(fault.position)}: ${fault.message}`;
}

/** The place from which reading cannot go on. */
export class SyntaxFault extends SignetError {
  readonly position: TextPosition;

  constructor(position: TextPosition, message: string) {
    super('CONF_SYNTAX', message, { file: position.file, line: position.line, column: position.column });
    this.position = position;
  }

  toFault(): Fault {
    return { severity: 'error', code: this.code, position: this.position, message: this.message };
  }
}

/** Where reading and checking leave what they find. A bound keeps hostile files from filling memory with complaints. */
export class FaultList {
  static readonly LIMIT = 1000;
  readonly #faults: Fault[] = [];
  /** What many zones inherit is looked at for each of them, and told of once. */
  readonly #told = new Set<string>();
  #hasErrors = false;

  get all(): readonly Fault[] {
    return this.#faults;
  }

  get hasErrors(): boolean {
    return this.#hasErrors;
  }

  error(code: string, position: TextPosition, message: string): void {
    this.add({ severity: 'error', code, position, message });
  }

  warning(code: string, position: TextPosition, message: string): void {
    this.add({ severity: 'warning', code, position, message });
  }

  add(whole: Fault): void {
    const fault = { ...whole, message: shorten(whole.message) };
    const identity = `${fault.severity} ${formatFault(fault)}`;
    if (this.#told.has(identity)) return;
    // An error always finds room: a configuration must not become good because its warnings filled the list.
    const isFirstError = fault.severity === 'error' && !this.#hasErrors;
    if (this.#faults.length >= FaultList.LIMIT && !isFirstError) return;
    if (isFirstError) this.#hasErrors = true;
    this.#told.add(identity);
    this.#faults.push(fault);
  }
}

/** Messages quote what stands in the file, and that may be a megaoctet long. */
const shorten = (text: string): string => (text.length > MOST_TEXT ? `${text.slice(0, MOST_TEXT)}...` : text);
const MOST_TEXT = 1000;
