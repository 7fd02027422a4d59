import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { WatchedAuditLog } from '../audit/audit-log.ts';
import { HalStatus } from '../hal-status.ts';
import type { Appliance, ApplianceIdentity, ApplianceState, Operator } from './appliance.ts';
import { ConsoleOperator } from './console-operator.ts';
import type { DeviceMonitor, Monitored } from './device-monitor.ts';
import { applianceEvent } from './events.ts';
import { type LedFacts, ledsOf } from './leds.ts';
import { deviceText, isTampered, type LockState, lockState } from './lock.ts';
import type { DurableLoginGuard } from './login-guard.ts';
import type { DeviceSupervision, NetworkPort, OperatorPool, RpcGate, UpdatePort } from './parts.ts';
import type { SettingsStore } from './settings-store.ts';
import type { SoPinPermits } from './so-pin-permit.ts';
import type { StageSequence } from './stages.ts';

/** Milliseconds for which `debug flash system led` shows. */
const FLASH = 5000;

export interface ApplianceDependencies {
  readonly clock: Clock;
  readonly log: Log;
  readonly audit: WatchedAuditLog;
  readonly supervision: DeviceSupervision;
  readonly pool: OperatorPool;
  readonly monitor: DeviceMonitor;
  readonly settings: SettingsStore;
  readonly guard: DurableLoginGuard;
  readonly stages: StageSequence;
  readonly network: NetworkPort;
  readonly updates: UpdatePort;
  /** Of the host's administrator, for a so who forgot the PIN; undefined: there are none. */
  readonly soPinPermits?: SoPinPermits;
  /** The last lines of the log, oldest first. */
  readonly readLog: () => AsyncIterable<string>;
  /** Ends the process, or starts it anew. */
  readonly shutDown: (how: 'stop' | 'restart') => void;
}

/** The single-board computer: what it knows of its devices, whether it is locked, what its lights show; and its operators. */
export class HsmAppliance implements Appliance, RpcGate, AsyncDisposable {
  readonly identity: ApplianceIdentity;
  readonly dependencies: ApplianceDependencies;
  readonly #facts: { readonly ports: () => ApplianceState['ports']; readonly fingerprint: () => string };
  readonly #operators = new Set<ConsoleOperator>();
  readonly #watchers = new Set<(state: ApplianceState) => void>();
  readonly #ends: (() => void)[];
  #lock: LockState = { status: HalStatus.NOT_READY, why: [], needsLogin: true };
  #isLoggedIn = false;
  #wasOpen = false;
  #flashUntil = 0;
  #tampered = new Set<number>();
  #conditions = new Map<number, string>();
  #shown = '';
  /** Why it is locked, as the log has it. */
  #told = '';

  constructor(
    options: {
      readonly identity: ApplianceIdentity;
      readonly ports: () => ApplianceState['ports'];
      /** Of the certificate. */
      readonly fingerprint: () => string;
    },
    dependencies: ApplianceDependencies,
  ) {
    this.identity = options.identity;
    this.#facts = options;
    this.dependencies = dependencies;
    this.#ends = [
      dependencies.monitor.watch((index) => this.#notice(index)),
      dependencies.stages.watch(() => this.#decide()),
      dependencies.audit.watch(() => this.#tell()),
      dependencies.settings.watch(() => this.#tell()),
    ];
    this.#decide();
  }

  /** What RPC calls are answered now; OK: they are served. */
  get status(): HalStatus {
    return this.#lock.status;
  }

  openConsole(peer: string): Operator {
    const operator = new ConsoleOperator(peer, this, () => this.#operators.delete(operator));
    this.#operators.add(operator);
    return operator;
  }

  getState(): ApplianceState {
    const { monitor, stages, network } = this.dependencies;
    return {
      stage: stages.stage,
      leds: ledsOf(this.#ledFacts()),
      isLocked: this.#lock.status !== HalStatus.OK,
      whyLocked: this.#lock.why,
      troubles: this.#troubles,
      devices: monitor.devices.map((monitored) => this.#deviceState(monitored)),
      address: network.view().address,
      ports: this.#facts.ports(),
      fingerprint: this.#facts.fingerprint(),
      since: stages.since,
    };
  }

  watch(changed: (state: ApplianceState) => void): () => void {
    this.#watchers.add(changed);
    return () => void this.#watchers.delete(changed);
  }

  /** A PIN of wheel was entered at a console: the first time after a start or a tamper event this unlocks. */
  noticeWheel(by: string): boolean {
    const isFirst = !this.#isLoggedIn;
    this.#isLoggedIn = true;
    if (isFirst) this.#decide(by);
    return isFirst;
  }

  /** After a tamper event was reset: the next PIN of wheel unlocks. */
  forgetWheel(): void {
    this.#isLoggedIn = false;
    this.#wasOpen = false;
    this.#decide();
  }

  /** The PINs are others now: everybody logs in again. Those of the RPC port the devices have ended themselves. */
  async endLogins(): Promise<void> {
    await Promise.all([...this.#operators].map((operator) => operator.logout()));
    this.forgetWheel();
  }

  /** Lets somebody in the machine room see which appliance this is. */
  flash(): void {
    const { clock } = this.dependencies;
    this.#flashUntil = clock.monotonic() + FLASH;
    this.#tell();
    clock.after(FLASH, () => this.#tell());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const end of this.#ends) end();
    await Promise.all([...this.#operators].map((operator) => operator[Symbol.asyncDispose]()));
  }

  #deviceState(monitored: Monitored): ApplianceState['devices'][number] {
    const { device, status, watchdog } = monitored;
    const { index, name } = device;
    const condition = this.#conditionOf(device);
    const busy = this.dependencies.pool.underWay(index);
    const facts = { name, condition, status, watchdog };
    const isGenerating = this.dependencies.pool.isGenerating(index);
    const text = deviceText(facts, this.#lock, { operations: busy, isGenerating });
    return { index, ...facts, busy, text, programs: device.programs };
  }

  /** A device whose process runs again serves when the pool has made it the same as the others. */
  #conditionOf({ condition, index }: Monitored['device']): Monitored['device']['condition'] {
    return condition === 'up' && this.dependencies.pool.conditionOf(index) !== 'up' ? 'starting' : condition;
  }

  get #troubles(): readonly string[] {
    const { trouble } = this.dependencies.audit;
    return trouble === undefined ? [] : [`${trouble[0].toUpperCase()}${trouble.slice(1)}.`];
  }

  #ledFacts(): LedFacts {
    const { monitor, stages, clock, audit } = this.dependencies;
    const { devices } = monitor;
    return {
      stage: stages.stage,
      devices: devices.length,
      devicesUp: devices.filter(({ device }) => this.#conditionOf(device) === 'up').length,
      watchdogsUp: devices.filter(({ watchdog }) => watchdog !== undefined).length,
      isTampered: devices.some((one) => isTampered({ ...one.device, ...one })),
      hasAuditTrouble: audit.trouble !== undefined,
      isFlashing: clock.monotonic() < this.#flashUntil,
    };
  }

  #notice(index: number): void {
    const { log, audit, monitor } = this.dependencies;
    const monitored = monitor.devices[index];
    const { device, watchdog } = monitored;
    if (this.#conditions.get(index) !== device.condition) {
      const before = this.#conditions.get(index);
      this.#conditions.set(index, device.condition);
      if (before !== undefined || device.condition !== 'starting')
        log.write(applianceEvent.device(device.name, device.condition));
      if (device.condition === 'up' || device.condition === 'down')
        this.#record(audit.append({ kind: `device ${device.condition}`, by: 'hsmd', facts: { device: index } }));
    }
    const isNow = isTampered({ ...device, ...monitored });
    if (isNow && !this.#tampered.has(index)) {
      this.#tampered.add(index);
      const what = watchdog?.faults.map(({ sensor, value }) => `${sensor} ${value}`).join(', ') || 'unknown sensor';
      log.write(applianceEvent.tamper(device.name, what));
      this.#record(audit.append({ kind: 'tamper', by: device.name, facts: { what } }));
      // The pool has ended all logins, too.
      for (const operator of this.#operators) operator.forget();
      this.#isLoggedIn = false;
      this.#wasOpen = false;
    } else if (!isNow) this.#tampered.delete(index);
    this.#decide();
  }

  /** What happened has happened: that it could not be recorded is in the log, as the audit log says it itself. */
  #record(written: Promise<void>): void {
    written.catch(() => undefined);
  }

  #decide(by = 'hsmd'): void {
    const before = this.#lock;
    const devices = this.dependencies.monitor.devices.map((one) => ({ ...one.device, ...one }));
    const facts = devices.map(({ name, condition, status, watchdog }) => ({ name, condition, status, watchdog }));
    this.#lock = lockState({ isLoggedIn: this.#isLoggedIn, devices: facts, wasOpen: this.#wasOpen });
    const isOpen = this.#lock.status === HalStatus.OK;
    if (isOpen) this.#wasOpen = true;
    const { log, audit } = this.dependencies;
    if (isOpen && before.status !== HalStatus.OK) {
      log.write(applianceEvent.unlocked(by));
      this.#record(audit.append({ kind: 'unlocked', by }));
    }
    // On the way up everything is missing at first.
    const isReady = this.dependencies.stages.stage === 'ready';
    if (!isOpen && isReady && this.#lock.why.join() !== this.#told) {
      this.#told = this.#lock.why.join();
      log.write(applianceEvent.locked(this.#lock.why));
    } else if (isOpen) this.#told = '';
    this.#tell();
  }

  /** Tells watchers when what they see has changed: counters alone are no news. */
  #tell(): void {
    if (this.#watchers.size === 0) return;
    const state = this.getState();
    const shown = JSON.stringify([
      state.stage,
      state.leds,
      state.whyLocked,
      state.troubles,
      state.address,
      state.fingerprint,
      state.devices.map(({ condition, text, status, watchdog }) => [
        condition,
        text,
        status?.pid,
        status?.masterKey,
        status?.tokenKeys,
        watchdog,
      ]),
    ]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    for (const changed of this.#watchers) changed(state);
  }
}
