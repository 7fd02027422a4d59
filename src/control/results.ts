/**
 * Results of a command: the number that travels and the text that rndc prints after "failed: ". Both are BIND 9.18's, so
 * that its rndc and scripts around it see what they know.
 */
export interface CommandResult {
  readonly number: number;
  readonly text: string;
}

export const RESULT = {
  success: { number: 0, text: 'success' },
  noPermission: { number: 6, text: 'permission denied' },
  notFound: { number: 23, text: 'not found' },
  unexpectedEnd: { number: 24, text: 'unexpected end of input' },
  failure: { number: 25, text: 'failure' },
  notImplemented: { number: 27, text: 'not implemented' },
  range: { number: 41, text: 'out of range' },
  badNumber: { number: 56, text: 'not a valid number' },
  labelTooLong: { number: 75, text: 'label too long' },
  badEscape: { number: 76, text: 'bad escape' },
  emptyLabel: { number: 77, text: 'empty label' },
  unknownClass: { number: 80, text: 'unknown class/type' },
  nameTooLong: { number: 83, text: 'name too long' },
  syntax: { number: 89, text: 'syntax error' },
  notLoaded: { number: 123, text: 'zone not loaded' },
  unknownCommand: { number: 172, text: 'unknown command' },
  notDynamic: { number: 181, text: 'not dynamic' },
} as const satisfies Readonly<Record<string, CommandResult>>;

/** What a handler answers: `number` 0 is success; `text` is printed as it is, `error` after "failed: ". */
export interface CommandReply {
  readonly result: number;
  readonly text?: string;
  readonly error?: string;
}

export function succeed(text?: string): CommandReply {
  return text === undefined ? { result: 0 } : { result: 0, text };
}

export function fail(result: CommandResult, text?: string): CommandReply {
  return { result: result.number, error: result.text, ...(text === undefined ? {} : { text }) };
}
