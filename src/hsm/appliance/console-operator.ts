import { SystemRandom } from '../../base/random.ts';
import { HalError, HalStatus } from '../hal-status.ts';
import type { Role } from '../hal-constants.ts';
import type { AuditEvent } from '../audit/audit-log.ts';
import type { KeyLine, LoginOutcome, NetworkView, Operator, UpdateOutcome, UpdatePart } from './appliance.ts';
import { exportKeys, importKeys, makeSetup } from './backup.ts';
import { Confirmations } from './confirmations.ts';
import { applianceEvent } from './events.ts';
import { checkFixedAddress } from './fixed-address.ts';
import type { ApplianceDependencies, HsmAppliance } from './hsm-appliance.ts';
import { describeTokenKeys } from './key-lists.ts';
import { hasMasterKey } from './lock.ts';
import { type MasterKeyOutcome, setMasterKeyOfAll } from './master-key.ts';
import type { SupervisedDevice } from './parts.ts';
import type { SoPinPermit } from './so-pin-permit.ts';
import { type Command, commandRight, mayRun, mayUseConsole, rolesToConfirm } from './rights.ts';
import { formatSetting, parseSetting } from './settings-table.ts';
import type { SettingName, Settings } from './settings.ts';
import type { SensorReadings, ThresholdName, WatchdogStatus } from '../watchdog/watchdog.ts';

/** One console's person. Every method looks at the rights first, and what changes something is in the audit log before it is acknowledged. */
export class ConsoleOperator implements Operator {
  readonly #peer: string;
  readonly #appliance: HsmAppliance;
  readonly #closed: () => void;
  readonly #parts: ApplianceDependencies;
  readonly #client: number;
  readonly #confirmations: Confirmations;
  #role: Role | undefined;

  constructor(peer: string, appliance: HsmAppliance, closed: () => void) {
    this.#peer = peer;
    this.#appliance = appliance;
    this.#closed = closed;
    this.#parts = appliance.dependencies;
    this.#client = this.#parts.pool.newClient();
    this.#confirmations = new Confirmations(this.#parts.clock);
  }

  get role(): Role | undefined {
    return this.#role;
  }

  async login(role: Role, pin: Uint8Array): Promise<LoginOutcome> {
    const { guard, pool, monitor, settings } = this.#parts;
    this.#role = undefined;
    this.#confirmations.clear();
    try {
      if (!mayUseConsole(role, settings.current)) throw await this.#refuse('login', role, refusedRole(role));
      await guard.attempt({ face: 'console', peer: this.#peer, partition: 0, role }, () =>
        pool.login(this.#client, 0, role, pin),
      );
    } catch (error) {
      // It may have been proved, and not recorded.
      await pool.logout(this.#client);
      throw error;
    } finally {
      pin.fill(0);
    }
    this.#role = role;
    await monitor.refresh();
    const isFirstSinceStart = role === 'wheel' && this.#appliance.noticeWheel(this.#by);
    const up = monitor.devices.filter(({ device }) => device.condition === 'up');
    const hasDefaultPin = up.some(({ status }) => status?.hasDefaultPin === true);
    if (hasDefaultPin) this.#parts.log.write(applianceEvent.defaultPin());
    return { isFirstSinceStart, masterKeySet: up.length > 0 && up.every(hasMasterKey), hasDefaultPin };
  }

  async logout(): Promise<void> {
    const role = this.#role;
    this.#role = undefined;
    this.#confirmations.clear();
    await this.#parts.pool.logout(this.#client);
    if (role !== undefined) await this.#parts.audit.append({ kind: 'logout', by: this.#by, role });
  }

  requiredFor(command: string): readonly Role[] {
    const right = commandRight(command);
    if (right === undefined) return [];
    const roles = rolesToConfirm(right, this.#parts.settings.current, this.#isSoReady());
    // The administrator of the host stands in for a so who forgot the PIN, and for nothing else.
    return right.again === 'so' && roles.length > 0 && this.#parts.soPinPermits?.current !== undefined
      ? ['wheel']
      : roles;
  }

  async confirm(command: string, role: Role, pin: Uint8Array): Promise<void> {
    const { guard, pool } = this.#parts;
    // A login of its own: the person's own one stays as it is.
    const client = pool.newClient();
    try {
      const right = commandRight(command);
      if (right === undefined) throw new HalError(HalStatus.BAD_ARGUMENTS, `there is no command '${command}'`);
      await guard.attempt({ face: 'console', peer: this.#peer, partition: 0, role }, () =>
        pool.login(client, 0, role, pin),
      );
      this.#confirmations.add(right.command, role);
      if (role === 'wheel') this.#appliance.noticeWheel(this.#by);
    } finally {
      pin.fill(0);
      await pool.closeClient(client);
    }
  }

  async setPin(role: Role, pin: Uint8Array): Promise<void> {
    try {
      const permit = role === 'so' ? this.#permitFor('set pin so') : undefined;
      await this.#authorize(`set pin ${role}`);
      if (permit !== undefined) await this.#usePermit(permit);
      await this.#parts.pool.setPin(this.#client, 0, role, pin);
    } finally {
      pin.fill(0);
    }
    await this.#record({ kind: 'pin set', facts: { of: role } });
    await this.#parts.monitor.refresh();
  }

  /** The permit that lets wheel set the PIN of so alone; undefined: none is needed, or there is none. */
  #permitFor(command: string): SoPinPermit | undefined {
    return this.requiredFor(command).join() === 'wheel' ? this.#parts.soPinPermits?.current : undefined;
  }

  async #usePermit({ by, made }: SoPinPermit): Promise<void> {
    const { soPinPermits, log } = this.#parts;
    await this.#record({ kind: 'so PIN permit', facts: { permittedBy: by, made } });
    soPinPermits?.use();
    log.write(applianceEvent.soPinPermit(by, this.#by));
  }

  async liftLockOut(of: { readonly role?: Role; readonly peer?: string }): Promise<number> {
    await this.#authorize('lockout clear');
    return this.#parts.guard.lift(of, this.#by);
  }

  async listLockOuts(): Promise<
    readonly { readonly what: string; readonly failures: number; readonly until: number }[]
  > {
    await this.#authorize('lockout list');
    return this.#parts.guard.list();
  }

  async masterKeyStatus(): Promise<
    readonly { readonly device: number; readonly status: string; readonly keptIn: string }[]
  > {
    await this.#authorize('masterkey status');
    const { monitor } = this.#parts;
    await monitor.refresh();
    return monitor.devices.map((one) => ({
      device: one.device.index,
      status: masterKeyText(one),
      keptIn: one.watchdog?.keptIn ?? 'unknown',
    }));
  }

  async setMasterKey(key: Uint8Array | undefined): Promise<MasterKeyOutcome> {
    const { supervision, monitor, clock, pool } = this.#parts;
    let outcome: MasterKeyOutcome;
    try {
      await this.#authorize('masterkey set');
      outcome = await setMasterKeyOfAll(supervision.devices, this.#client, key, clock);
    } finally {
      key?.fill(0);
    }
    const failed = outcome.failed.map(({ device, why }) => `device ${device}: ${why}`).join('; ');
    const facts = { isSet: outcome.isSet, isRandom: key === undefined, ...(failed !== '' && { failed }) };
    // A random key that was made and not shown would be lost with all that comes under it; the log tells of the audit log.
    await this.#record({ kind: 'master key set', facts }).catch(() => undefined);
    await monitor.refresh();
    // What was changed on one device while another had no key is made the same now.
    if (outcome.isSet) await pool.synchronize(() => undefined);
    return outcome;
  }

  async eraseMasterKey(): Promise<void> {
    await this.#authorize('masterkey erase');
    await this.#record({ kind: 'master key erased' });
    await this.#onAll('masterkey erase', (device) => device.device.eraseMasterKey(this.#client));
  }

  async listKeys(): Promise<readonly { readonly device: number; readonly keys: readonly KeyLine[] }[]> {
    await this.#authorize('list keys');
    return Promise.all(
      this.#up().map(async ({ index, device }) => ({
        device: index,
        keys: await describeTokenKeys(device, this.#client),
      })),
    );
  }

  async eraseKeystore(preservePins: boolean): Promise<void> {
    await this.#authorize('keystore erase');
    this.#refuseWithoutAll('keystore erase');
    await this.#record({ kind: 'keystore erased', facts: { preservePins } });
    await this.#parts.pool.eraseKeystore(this.#client, preservePins);
    await this.#parts.monitor.refresh();
    if (!preservePins) await this.#appliance.endLogins();
  }

  async restore({ pins, keys }: { readonly pins: boolean; readonly keys: boolean }): Promise<void> {
    await this.#authorize('restore');
    this.#refuseWithoutAll('restore');
    await this.#record({ kind: 'restored', facts: { preservePins: pins, preserveKeys: keys } });
    const { settings, guard } = this.#parts;
    if (!keys) await this.#parts.pool.eraseKeystore(this.#client, pins);
    else if (!pins) await this.#onAll('restore', ({ device }) => device.resetPins(this.#client));
    settings.reset();
    await guard.lift({}, this.#by);
    await this.#parts.monitor.refresh();
    await this.#appliance.endLogins();
  }

  async synchronize(tell: (line: string) => void): Promise<void> {
    await this.#authorize('sync');
    await this.#parts.pool.synchronize(tell);
    await this.#parts.monitor.refresh();
  }

  async copyKeys(from: number, to: number, limit: number, tell: (line: string) => void): Promise<number> {
    await this.#authorize('sync');
    this.#upDevice(from);
    this.#upDevice(to);
    if (from === to) throw new HalError(HalStatus.BAD_ARGUMENTS, 'source and destination are the same device');
    const count = await this.#parts.pool.copyKeys(from, to, limit, tell);
    await this.#record({ kind: 'key mirrored', facts: { from, to, count } });
    return count;
  }

  async makeBackupSetup(device: number): Promise<Uint8Array> {
    await this.#authorize('sync external import_setup');
    const setup = await makeSetup(this.#backup(device));
    await this.#record({ kind: 'key exported', facts: { what: 'public key of the KEKEK', device } });
    return setup;
  }

  async exportBackup(device: number, setup: Uint8Array, tell: (line: string) => void): Promise<Uint8Array> {
    await this.#authorize('sync external export');
    if (!this.#parts.settings.current.ENABLE_KEY_EXPORT)
      throw await this.#refuse(
        'sync external export',
        this.#role,
        "keys may not leave this HSM: 'set ENABLE_KEY_EXPORT TRUE' lets exportable ones go, wrapped",
      );
    let count = 0;
    const backup = await exportKeys(this.#backup(device), setup, (line) => {
      count++;
      tell(line);
    });
    await this.#record({ kind: 'key exported', facts: { what: 'backup', device, looked: count } });
    return backup;
  }

  async importBackup(device: number, backup: Uint8Array, tell: (line: string) => void): Promise<number> {
    await this.#authorize('sync external import');
    const count = await importKeys(this.#backup(device), backup, tell);
    await this.#record({ kind: 'key imported', facts: { what: 'backup', device, count } });
    await this.#parts.pool.synchronize(() => undefined);
    return count;
  }

  getSettings(): Settings {
    return this.#parts.settings.current;
  }

  async setSetting(name: SettingName, value: string): Promise<{ readonly needsRestart: boolean }> {
    await this.#authorize(commandOfSetting(name));
    const { settings, supervision, log } = this.#parts;
    const device = name === 'RPC_DEVICE' ? Number(/\d+$/.exec(value.trim())?.[0] ?? 0) : 0;
    if (device >= supervision.devices.length)
      throw new HalError(
        HalStatus.BAD_ARGUMENTS,
        `there is no device ${device}: they are numbered from 0 to ${supervision.devices.length - 1}`,
      );
    if (name === 'IP_MODE' && parseSetting(name, value) === 'static') checkFixedAddress(settings.current);
    const outcome = settings.set(name, value);
    const now = formatSetting(name, settings.current[name]);
    log.write(applianceEvent.setting(name, now, this.#by));
    await this.#record({ kind: 'setting', facts: { name, value: now } });
    return outcome;
  }

  async tamperStatus(): Promise<
    readonly { readonly device: number; readonly status: WatchdogStatus; readonly sensors: SensorReadings }[]
  > {
    await this.#authorize('tamper check');
    return Promise.all(
      this.#parts.supervision.devices.map(async ({ index, watchdog }) => ({
        device: index,
        status: await watchdog.getStatus(),
        sensors: await watchdog.readSensors(),
      })),
    );
  }

  async testTamper(): Promise<void> {
    await this.#authorize('tamper test');
    await this.#record({ kind: 'tamper', facts: { what: 'test' } });
    await this.#onCircuits('tamper test', ({ watchdog }) => watchdog.testTamper());
  }

  async resetTamper(): Promise<void> {
    await this.#authorize('tamper reset');
    await this.#onCircuits('tamper reset', ({ watchdog }) => watchdog.resetTamper());
    await this.#record({ kind: 'tamper reset' });
    this.#parts.log.write(applianceEvent.tamperIsReset(this.#by));
    this.#appliance.forgetWheel();
  }

  /** PINs or devices are not what they were: whoever is at the console has to log in again. */
  forget(): void {
    this.#role = undefined;
    this.#confirmations.clear();
  }

  async setThreshold(name: ThresholdName, value: number): Promise<void> {
    const command = name === 'battery' ? 'battery set' : 'tamper set';
    await this.#authorize(command);
    await this.#record({ kind: 'setting', facts: { name: `tamper threshold ${name}`, value } });
    await this.#onCircuits(command, ({ watchdog }) => watchdog.setThreshold(name, value));
  }

  async enableSensors(mask: number): Promise<void> {
    await this.#authorize('tamper set');
    await this.#record({ kind: 'setting', facts: { name: 'tamper sensors enabled', value: mask } });
    await this.#onCircuits('tamper set enable', ({ watchdog }) => watchdog.enableSensors(mask));
  }

  async disableSensors(mask: number): Promise<void> {
    await this.#authorize('tamper set');
    await this.#record({ kind: 'setting', facts: { name: 'tamper sensors disabled', value: mask } });
    await this.#onCircuits('tamper set disable', ({ watchdog }) => watchdog.disableSensors(mask));
  }

  async armTamper(): Promise<void> {
    await this.#authorize('tamper set');
    await this.#record({ kind: 'setting', facts: { name: 'tamper circuit', value: 'armed' } });
    await this.#onCircuits('tamper set config', ({ watchdog }) => watchdog.arm());
  }

  async installUpdate(octets: Uint8Array, options: { readonly isOlderAllowed: boolean }): Promise<UpdateOutcome> {
    await this.#authorize('update HSM', true);
    const outcome = await this.#parts.updates.install(octets, options);
    this.#confirmations.clear();
    const { version, previous } = outcome;
    await this.#record({ kind: 'update', facts: { version, previous, parts: outcome.parts.join(' ') } });
    return outcome;
  }

  async reinstall(part: UpdatePart): Promise<void> {
    await this.#authorize(`update ${part}`);
    await this.#record({ kind: 'update', facts: { part } });
    await this.#parts.updates.reinstall(part);
  }

  async *showLog(): AsyncGenerator<string> {
    await this.#authorize('show');
    yield* this.#parts.readLog();
  }

  network(): NetworkView {
    return this.#parts.network.view();
  }

  /** Lets the SYSTEM light blink for some seconds, to find the appliance in its rack. */
  async flashLeds(): Promise<void> {
    await this.#authorize('debug');
    this.#appliance.flash();
  }

  async shutDown(how: 'stop' | 'restart'): Promise<void> {
    await this.#authorize('shutdown');
    await this.#record({ kind: 'shutdown', facts: { how } });
    this.#parts.shutDown(how);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed();
    // The audit log may be what fails: the login must end all the same.
    await this.logout().catch(() => undefined);
    await this.#parts.pool.closeClient(this.#client);
  }

  get #by(): string {
    return `console ${this.#peer}`;
  }

  /** @param isKept the PINs stay good when the command comes again within the minute, as when it asks a question first */
  async #authorize(command: Command, isKept = command === 'tamper set'): Promise<void> {
    const right = commandRight(command)!;
    if (this.#role === undefined) throw await this.#refuse(command, undefined, 'nobody is logged in at this console');
    if (!mayRun(right, this.#role, this.#parts.settings.current))
      throw await this.#refuse(command, this.#role, `${this.#role} may not use '${command}': log in as wheel`);
    const roles = this.requiredFor(command);
    if (!this.#confirmations.has(command, roles)) {
      const text = `'${command}' needs the PIN of ${roles.join(' and that of ')}, entered again within the last minute`;
      throw await this.#refuse(command, this.#role, text);
    }
    // What only looks goes on when nothing can be recorded.
    if (!right.so || command === 'set pin user') await this.#parts.audit.ready();
    if (roles.length > 0 && !isKept) this.#confirmations.clear();
  }

  async #refuse(command: string, role: Role | undefined, why: string): Promise<HalError> {
    await this.#parts.audit.append({
      kind: 'refused',
      by: this.#by,
      ...(role !== undefined && { role }),
      facts: { command, why },
    });
    return new HalError(HalStatus.FORBIDDEN, why, { command });
  }

  #record(event: Omit<AuditEvent, 'by' | 'role'>): Promise<void> {
    return this.#parts.audit.append({ ...event, by: this.#by, ...(this.#role !== undefined && { role: this.#role }) });
  }

  /** Unknown counts as set: a device that does not answer must not make one person enough. */
  #isSoReady(): boolean {
    const known = this.#parts.monitor.devices.map(({ isSoReady }) => isSoReady).filter((one) => one !== undefined);
    return known.length === 0 || known.includes(true);
  }

  #up(): readonly SupervisedDevice[] {
    return this.#parts.supervision.devices.filter(({ condition }) => condition === 'up');
  }

  #upDevice(index: number): SupervisedDevice {
    const { devices } = this.#parts.supervision;
    const device = Number.isInteger(index) ? devices[index] : undefined;
    if (device === undefined)
      throw new HalError(
        HalStatus.BAD_ARGUMENTS,
        `there is no device ${index}: they are numbered from 0 to ${devices.length - 1}`,
      );
    if (device.condition !== 'up')
      throw new HalError(HalStatus.IO_OS_ERROR, `${device.name} is ${device.condition}: wait until it is up again`);
    return device;
  }

  #backup(index: number): Parameters<typeof makeSetup>[0] {
    return { device: this.#upDevice(index), client: this.#client, random: new SystemRandom() };
  }

  /** What a device that is away keeps would be back with it. */
  #refuseWithoutAll(command: string): void {
    const away = this.#parts.supervision.devices.filter(({ condition }) => condition !== 'up');
    if (away.length === 0) return;
    throw new HalError(
      HalStatus.IO_OS_ERROR,
      `'${command}' was not done: ${away.map(({ name, condition }) => `${name} is ${condition}`).join(', ')} and would come back with its keys; wait until all devices are up, or restart hsmd with fewer of them`,
    );
  }

  #onAll(command: string, work: (device: SupervisedDevice) => Promise<void>): Promise<void> {
    return this.#onEach(command, this.#up(), work);
  }

  #onCircuits(command: string, work: (device: SupervisedDevice) => Promise<void>): Promise<void> {
    return this.#onEach(command, this.#parts.supervision.devices, work);
  }

  /** On each device, whatever happens on the others; one message tells all that failed. */
  async #onEach(
    command: string,
    devices: readonly SupervisedDevice[],
    work: (device: SupervisedDevice) => Promise<void>,
  ): Promise<void> {
    const results = await Promise.allSettled(devices.map(work));
    await this.#parts.monitor.refresh();
    const failed = results.flatMap((result, i) =>
      result.status === 'rejected' ? [{ device: devices[i], error: result.reason as Error }] : [],
    );
    if (failed.length === 0) return;
    const [{ error }] = failed;
    throw new HalError(
      error instanceof HalError ? error.status : HalStatus.IO_UNEXPECTED,
      `'${command}' failed on ${failed.map((one) => `${one.device.name}: ${one.error.message}`).join('; ')}`,
      {},
      error,
    );
  }
}

/** `set`, or the command of its own that changes it. */
function commandOfSetting(name: SettingName): Command {
  if (name === 'ENABLE_TWO_PERSON_RULE' || name === 'ENABLE_KEY_EXPORT') return `set ${name}`;
  if (name.startsWith('IP_')) return 'set ip';
  if (name.startsWith('FIREWALL_')) return 'set firewall settings';
  return name === 'RPC_DEVICE' ? 'set rpc' : 'set';
}

function refusedRole(role: Role): string {
  return role === 'so'
    ? "so may not log in to the console: log in as wheel, who may 'set ENABLE_SO_CONSOLE TRUE'"
    : 'user may not log in to the console: log in as wheel';
}

function masterKeyText(one: Parameters<typeof hasMasterKey>[0]): string {
  if (one.status?.masterKey === 'failed') return 'Failed';
  if (one.status === undefined && one.watchdog === undefined) return 'Unknown';
  return hasMasterKey(one) ? 'Set' : 'Not set';
}
