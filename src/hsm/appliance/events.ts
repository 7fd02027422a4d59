import type { LogRecord, Severity } from '../../base/log.ts';
import type { Stage } from './leds.ts';

/** What the appliance tells its log. Never secrets. */
export const applianceEvent = {
  starting: (version: string, serial: string, state: string): LogRecord =>
    event('notice', `starting hsmd ${version}, serial number ${serial}, state in ${state}`),
  identity: (fingerprint: string): LogRecord =>
    event('notice', `clients know this HSM by its TLS key, whose fingerprint is ${fingerprint}`),
  stage: (stage: Stage, before: string, seconds: number): LogRecord =>
    event('info', `stage '${stage}' begins; '${before}' took ${seconds.toFixed(1)} s`),
  stageIsLong: (stage: Stage, limit: number, why: string): LogRecord =>
    event('warning', `stage '${stage}' takes longer than ${limit} s: ${why}`),
  listening: (what: string, address: string, port: number): LogRecord =>
    event('notice', `listening for ${what} on ${address} port ${port}`),
  lockedOut: (what: string, failures: number, until: number): LogRecord =>
    event(
      'warning',
      `${what}: locked out until ${new Date(until * 1000).toISOString()} after ${failures} wrong PINs; 'lockout clear' at the console lifts it`,
    ),
  notKept: (file: string, why: string): LogRecord =>
    event('error', `${file} could not be written: ${why}; it is written again with the next change`),
  unlocked: (by: string): LogRecord => event('notice', `the HSM is unlocked (${by})`),
  locked: (why: readonly string[]): LogRecord => event('notice', `the HSM is locked: ${why.join(' ')}`),
  tamper: (device: string, what: string): LogRecord =>
    event('critical', `!!! TAMPER !!! ${device}: ${what}; its master key is cleared`),
  tamperIsReset: (by: string): LogRecord => event('warning', `the tamper event was reset (${by})`),
  device: (device: string, condition: string): LogRecord =>
    event(condition === 'up' || condition === 'starting' ? 'notice' : 'error', `${device} is ${condition}`),
  statusFailed: (device: string, why: string): LogRecord => event('warning', `${device} tells no status: ${why}`),
  defaultPin: (): LogRecord =>
    event('warning', "the default PIN of wheel, which everybody knows, still holds: change it with 'set pin wheel'"),
  network: (text: string): LogRecord => event('notice', text),
  networkWarning: (text: string): LogRecord => event('warning', text),
  auditFailed: (why: string): LogRecord =>
    event('critical', `the audit log cannot be written: ${why}; operations that must be recorded are refused`),
  update: (text: string): LogRecord => event('notice', text),
  updateWarning: (text: string): LogRecord => event('warning', text),
  soPinPermit: (permittedBy: string, by: string): LogRecord =>
    event('warning', `wheel sets the PIN of so with a permit of the host (made by ${permittedBy}; used by ${by})`),
  setting: (name: string, value: string, by: string): LogRecord => event('notice', `${name} is now ${value} (${by})`),
  ended: (how: string): LogRecord => event('notice', `hsmd has ended (${how})`),
  gpioFailed: (why: string): LogRecord => event('error', `LEDs cannot be set: ${why}`),
} as const;

function event(severity: Severity, text: string): LogRecord {
  return { category: 'hsm', severity, text };
}
