import type { Name } from '../../wire/name.ts';
import { ZoneFault, type ZoneFaultCode } from './zone-fault.ts';

/** Warnings beyond so many are only counted: a broken zone may have millions. */
const MAX_WARNINGS = 1000;
const MAX_ERRORS = 100;

/** Collects the faults of one zone. */
export class FaultList {
  readonly #zone: Name;
  readonly #zoneClass: number;
  readonly #faults: ZoneFault[] = [];
  #errors = 0;
  #warnings = 0;

  constructor(zone: Name, zoneClass: number) {
    this.#zone = zone;
    this.#zoneClass = zoneClass;
  }

  add(severity: 'error' | 'warning', code: ZoneFaultCode, what: string): void {
    const count = severity === 'error' ? ++this.#errors : ++this.#warnings;
    if (count > (severity === 'error' ? MAX_ERRORS : MAX_WARNINGS)) return;
    this.#faults.push(new ZoneFault(severity, code, this.#zone, what, this.#zoneClass));
  }

  get hasErrors(): boolean {
    return this.#errors > 0;
  }

  /** In the order found; the last one says how many were left out, if any. */
  all(): ZoneFault[] {
    const left = Math.max(0, this.#errors - MAX_ERRORS) + Math.max(0, this.#warnings - MAX_WARNINGS);
    if (left === 0) return [...this.#faults];
    const severity = this.#errors > MAX_ERRORS ? 'error' : 'warning';
    const rest = new ZoneFault(severity, 'ZONE_APEX', this.#zone, `${left} more faults are not shown`, this.#zoneClass);
    return [...this.#faults, rest];
  }
}
