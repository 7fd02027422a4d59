/** Where all that matters to an auditor goes: hash-chained and signed, durable before the operation is acknowledged. */
export interface AuditLog {
  /** Facts are short texts and numbers, never secrets. */
  append(event: AuditEvent): Promise<void>;
  /** Before what has to be recorded is done. @throws HalError KEYSTORE_ACCESS when nothing can be recorded now */
  ready(): Promise<void>;
}

/** An audit log that tells when it cannot be written, and when it can be again. */
export interface WatchedAuditLog extends AuditLog {
  /** Why nothing can be recorded; undefined: it can. */
  readonly trouble: string | undefined;
  /** Called with each change of `trouble`. Returns what ends it. */
  watch(changed: () => void): () => void;
}

export interface AuditEvent {
  readonly kind:
    | 'start'
    | 'stop'
    | 'login'
    | 'login refused'
    | 'logout'
    | 'lock-out'
    | 'lock-out lifted'
    | 'pin set'
    | 'key made'
    | 'key loaded'
    | 'key deleted'
    | 'key exported'
    | 'key imported'
    | 'key mirrored'
    | 'key use'
    | 'master key set'
    | 'master key erased'
    | 'keystore erased'
    | 'restored'
    | 'setting'
    | 'tamper'
    | 'tamper reset'
    | 'device down'
    | 'device up'
    | 'update'
    | 'refused'
    | 'unlocked'
    | 'shutdown'
    | 'audit resumed'
    | 'so PIN permit';
  /** "console 10.0.0.7", "rpc 10.0.0.9", "hsmd": who did it. */
  readonly by: string;
  readonly role?: string;
  readonly facts?: Readonly<Record<string, string | number | boolean>>;
}
