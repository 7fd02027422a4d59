import { SignetError } from '../base/error.ts';

/** A history that cannot be opened or read. Facts: `path`, `reason`. */
export class HistoryError extends SignetError {
  constructor(
    code: 'HISTORY_UNREADABLE' | 'HISTORY_FOREIGN' | 'HISTORY_NEWER' | 'HISTORY_MISSING',
    path: string,
    reason: string,
    advice: string,
    cause?: unknown,
  ) {
    super(code, `${path}: ${reason}; ${advice}`, { path, reason }, cause);
  }
}
