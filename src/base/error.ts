/** Facts of an error: what a test or a program may look at. Never secrets. */
export type ErrorFacts = Readonly<Record<string, string | number | boolean | undefined>>;

/**
 * What every error of ours derives from. `code` is stable and in capitals (`KEY_FILE_TRUNCATED`); the message says what
 * happened, to which zone, key, file or line, and what to do next, and is made from the facts.
 */
export class SignetError extends Error {
  readonly code: string;
  readonly facts: ErrorFacts;

  constructor(code: string, message: string, facts: ErrorFacts = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'SignetError';
    this.code = code;
    this.facts = facts;
  }
}

/** A position in a text that a person wrote. Lines and columns count from 1; columns count octets. */
export interface TextPosition {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export function formatPosition(position: TextPosition): string {
  return `${position.file}:${position.line}:${position.column}`;
}
