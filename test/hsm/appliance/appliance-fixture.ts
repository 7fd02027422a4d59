import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { SystemClock } from '../../../src/base/clock.ts';
import { MemoryLog } from '../../../src/base/log.ts';
import { NodeDisk } from '../../../src/base/node-disk.ts';
import { SystemRandom } from '../../../src/base/random.ts';
import type { Operator } from '../../../src/hsm/appliance/appliance.ts';
import { DeviceMonitor } from '../../../src/hsm/appliance/device-monitor.ts';
import { HsmAppliance } from '../../../src/hsm/appliance/hsm-appliance.ts';
import { DurableLoginGuard } from '../../../src/hsm/appliance/login-guard.ts';
import type { DeviceSupervision, SupervisedDevice } from '../../../src/hsm/appliance/parts.ts';
import { SettingsStore } from '../../../src/hsm/appliance/settings-store.ts';
import { SoPinPermits } from '../../../src/hsm/appliance/so-pin-permit.ts';
import { StageSequence } from '../../../src/hsm/appliance/stages.ts';
import type { AuditEvent } from '../../../src/hsm/audit/audit-log.ts';
import { LocalDevice } from '../../../src/hsm/device/local-device.ts';
import { DEFAULT_WHEEL_PIN } from '../../../src/hsm/hal-constants.ts';
import { HalError, HalStatus } from '../../../src/hsm/hal-status.ts';
import { DevicePool } from '../../../src/hsm/pool/device-pool.ts';
import { LocalWatchdog } from '../../../src/hsm/watchdog/local-watchdog.ts';
import { loadProcessSecrets } from '../../../src/base/process-secrets.ts';
import { ProcessKeyMemory } from '../../../src/hsm/watchdog/master-key.ts';
import { SimulatedSensors } from '../../../src/hsm/watchdog/sensors.ts';
import { builtEngine } from '../crypto/built-engine.ts';

export const PINS = { wheel: 'password123456', so: 'password1234', user: '1234' } as const;

export function octets(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text));
}

/** An appliance whose devices and watchdogs are in this process. */
export class ApplianceFixture implements AsyncDisposable {
  readonly directory = fs.mkdtempSync(path.join(os.tmpdir(), 'signet-appliance-'));
  readonly log = new MemoryLog();
  readonly events: AuditEvent[] = [];
  readonly supervision: LocalSupervision;
  readonly pool: DevicePool;
  readonly monitor: DeviceMonitor;
  readonly settings: SettingsStore;
  readonly stages: StageSequence;
  readonly guard: DurableLoginGuard;
  readonly appliance: HsmAppliance;
  readonly shutDowns: string[] = [];
  #auditTrouble: string | undefined;
  readonly #auditWatchers = new Set<() => void>();

  /** The audit log refuses everything, and that is known. */
  set isAuditBroken(isBroken: boolean) {
    this.#auditTrouble = isBroken ? 'the audit disk is full' : undefined;
    for (const changed of this.#auditWatchers) changed();
  }

  static async make(count = 2): Promise<ApplianceFixture> {
    const fixture = new ApplianceFixture(await LocalSupervision.make(count));
    for (let i = 0; i < count; i++) await fixture.pool.markUp(i);
    await fixture.monitor.refresh();
    fixture.stages.enter('ready');
    return fixture;
  }

  private constructor(supervision: LocalSupervision) {
    const { log } = this;
    const clock = new SystemClock();
    const disk = new NodeDisk();
    const random = new SystemRandom();
    const troubleOf = (): string | undefined => this.#auditTrouble;
    const audit = {
      append: async (event: AuditEvent): Promise<void> => {
        await audit.ready();
        this.events.push(event);
      },
      ready: async (): Promise<void> => {
        if (audit.trouble !== undefined) throw new HalError(HalStatus.KEYSTORE_ACCESS, audit.trouble);
      },
      get trouble(): string | undefined {
        return troubleOf();
      },
      watch: (changed: () => void): (() => void) => {
        this.#auditWatchers.add(changed);
        return () => void this.#auditWatchers.delete(changed);
      },
    };
    this.supervision = supervision;
    this.pool = new DevicePool(
      { devices: supervision.devices.map(({ device }) => device) },
      { clock, random, log, audit },
    );
    supervision.watch((index) => {
      const { condition } = supervision.devices[index];
      if (condition === 'up') void this.pool.markUp(index);
      else if (condition === 'tampered') this.pool.markTampered(index);
      else this.pool.markDown(index, `it is ${condition}`);
    });
    this.monitor = new DeviceMonitor(supervision, { clock, log });
    this.settings = SettingsStore.open(path.join(this.directory, 'settings.json'), disk);
    this.guard = DurableLoginGuard.open(path.join(this.directory, 'logins.json'), { disk, clock, log, audit });
    this.stages = new StageSequence({ clock, log });
    this.appliance = new HsmAppliance(
      {
        identity: { serial: '1000-0002', version: '2026-11-21-01 - 0.1.0.0', servername: 'dks-hsm' },
        ports: () => ({ rpc: 8080, console: 8081, web: 80 }),
        fingerprint: () => 'SHA256:none',
      },
      {
        clock,
        log,
        audit,
        supervision,
        pool: this.pool,
        monitor: this.monitor,
        settings: this.settings,
        guard: this.guard,
        stages: this.stages,
        network: {
          view: () => ({
            address: '127.0.0.1',
            netmask: '255.0.0.0',
            gateway: undefined,
            hardwareAddress: '00:00:00:00:00:00',
            mode: 'host',
          }),
        },
        updates: {
          install: () => Promise.reject(new Error('no updates here')),
          reinstall: () => Promise.reject(new Error('no updates here')),
        },
        soPinPermits: new SoPinPermits(this.directory, { disk, clock }),
        readLog: async function* () {
          yield 'a line';
        },
        shutDown: (how) => this.shutDowns.push(how),
      },
    );
  }

  /** A console where wheel is logged in, by the PIN that holds. */
  async wheel(pin: string = DEFAULT_WHEEL_PIN): Promise<Operator> {
    const operator = this.appliance.openConsole('10.0.0.7');
    await operator.login('wheel', octets(pin));
    return operator;
  }

  /** As after the first set-up: all PINs, a master key, unlocked. */
  async ready(): Promise<Operator> {
    const operator = await this.wheel();
    for (const role of ['wheel', 'so', 'user'] as const) await operator.setPin(role, octets(PINS[role]));
    await confirm(operator, 'masterkey set');
    await operator.setMasterKey(undefined);
    return operator;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.appliance[Symbol.asyncDispose]();
    this.monitor[Symbol.dispose]();
    this.stages[Symbol.dispose]();
    await this.guard[Symbol.asyncDispose]();
    await this.pool[Symbol.asyncDispose]();
    await this.supervision[Symbol.asyncDispose]();
    fs.rmSync(this.directory, { recursive: true });
  }
}

/** Enters again whatever PINs the command asks for. */
export async function confirm(operator: Operator, command: string): Promise<void> {
  for (const role of operator.requiredFor(command)) await operator.confirm(command, role, octets(PINS[role]));
}

/** Devices in this process; tests say what becomes of them. */
export class LocalSupervision implements DeviceSupervision, AsyncDisposable {
  readonly devices: (SupervisedDevice & {
    condition: SupervisedDevice['condition'];
    readonly sensors: SimulatedSensors;
  })[] = [];
  readonly #directory = fs.mkdtempSync(path.join(os.tmpdir(), 'signet-devices-'));
  readonly #watchers = new Set<(index: number) => void>();
  readonly restarts: number[] = [];

  static async make(count: number): Promise<LocalSupervision> {
    const supervision = new LocalSupervision();
    const engine = builtEngine();
    const clock = new SystemClock();
    const random = new SystemRandom();
    const log = new MemoryLog();
    for (let index = 0; index < count; index++) {
      const name = `device ${index}`;
      const sensors = new SimulatedSensors();
      const watchdog = new LocalWatchdog(
        { name: `watchdog of ${name}` },
        {
          clock,
          disk: new NodeDisk(),
          log,
          memory: new ProcessKeyMemory(loadProcessSecrets()),
          sensors,
          processes: { identity: () => undefined, kill: () => false },
        },
      );
      const device = await LocalDevice.open(
        { name, keystore: path.join(supervision.#directory, `${index}.sqlite`), scrypt: { logN: 10, r: 8, p: 1 } },
        { engine, watchdog, clock, random, log },
      );
      const entry = { index, name, device, watchdog, sensors, condition: 'up' as SupervisedDevice['condition'] };
      supervision.devices.push(entry);
      watchdog.watch(({ tamper }) => {
        const condition = tamper === 'ok' ? 'up' : 'tampered';
        if (entry.condition !== condition && entry.condition !== 'down') supervision.become(index, condition);
      });
    }
    return supervision;
  }

  become(index: number, condition: SupervisedDevice['condition']): void {
    this.devices[index].condition = condition;
    for (const changed of this.#watchers) changed(index);
  }

  watch(changed: (index: number) => void): () => void {
    this.#watchers.add(changed);
    return () => void this.#watchers.delete(changed);
  }

  async restart(index: number): Promise<void> {
    this.restarts.push(index);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { device, watchdog } of this.devices) {
      await device[Symbol.asyncDispose]();
      await watchdog[Symbol.asyncDispose]();
    }
    fs.rmSync(this.#directory, { recursive: true });
  }
}
