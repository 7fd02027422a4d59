import type { Log } from '../../base/log.ts';
import type { Clock } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';
import type { ApplianceIdentity } from '../appliance/appliance.ts';
import type { Firewall, LoginGuard, RpcGate } from '../appliance/parts.ts';
import type { Settings } from '../appliance/settings.ts';
import type { AuditLog } from '../audit/audit-log.ts';
import type { DevicePool } from '../pool/device-pool.ts';

/** What the RPC port is given. */
export interface RpcServices {
  readonly pool: DevicePool;
  /** Asked before every call, also of connections that exist. */
  readonly gate: RpcGate;
  readonly guard: LoginGuard;
  readonly firewall: Firewall;
  readonly audit: AuditLog;
  readonly identity: ApplianceIdentity;
  readonly clock: Clock;
  /** Handles come from here: nobody may guess them. */
  readonly random: Random;
  readonly log: Log;
  settings(): Settings;
  /** Of SystemCalls; undefined: clients that write octet by octet wait 40 ms for each request. */
  readonly acknowledgeNow?: ((descriptor: number) => void) | undefined;
  /** A call with a PIN or a key is under way. */
  readonly onSecret?: (() => void) | undefined;
  /** A sentence for each device (GET_HSM_STATE). */
  deviceTexts(): readonly string[];
  /** Of the appliance, without port. */
  address(): string;
}

/** What one connection may take. */
export const SESSION_LIMITS = {
  /** Open key handles. */
  keys: 4096,
  /** Hashes and HMACs under way; libhal's device has 48 for all. */
  hashes: 64,
  /** Calls of ours under way. */
  calls: 256,
  /** UUIDs in a page: 2 MB of reply. */
  matches: 100_000,
} as const;
