import fs from 'node:fs';
import path from 'node:path';
import type { Clock, Timer } from '../base/clock.ts';
import type { Disk } from '../base/disk.ts';
import { SignetError } from '../base/error.ts';
import { MemoryScrubber } from '../base/memory-scrubber.ts';
import type { Random } from '../base/random.ts';
import { loadSystemCalls } from '../base/system-calls.ts';
import { DeviceMonitor } from '../hsm/appliance/device-monitor.ts';
import { applianceEvent } from '../hsm/appliance/events.ts';
import { SettingsFirewall } from '../hsm/appliance/firewall.ts';
import { GpioLeds } from '../hsm/appliance/gpio-leds.ts';
import { HsmAppliance } from '../hsm/appliance/hsm-appliance.ts';
import type { HsmLog } from '../hsm/appliance/hsm-log.ts';
import { KeyUseCollector } from '../hsm/appliance/key-uses.ts';
import { DurableLoginGuard } from '../hsm/appliance/login-guard.ts';
import { ApplianceNetwork, SystemInterfaces } from '../hsm/appliance/network.ts';
import { openSerialNumber } from '../hsm/appliance/serial-number.ts';
import { SettingsStore } from '../hsm/appliance/settings-store.ts';
import { SoPinPermits } from '../hsm/appliance/so-pin-permit.ts';
import { StageSequence } from '../hsm/appliance/stages.ts';
import { auditKeyFingerprint, openAuditKey } from '../hsm/audit/audit-key.ts';
import type { AuditEvent, WatchedAuditLog } from '../hsm/audit/audit-log.ts';
import { SignedAuditLog } from '../hsm/audit/signed-audit-log.ts';
import { ApplianceCertificate, type CertificateMaterial } from '../hsm/certificate/appliance-certificate.ts';
import { ConsoleListener } from '../hsm/console/console-listener.ts';
import { Announcer } from '../hsm/discovery/announcer.ts';
import { multicastAddresses } from '../hsm/discovery/mdns.ts';
import { DeletionLedger } from '../hsm/pool/deletion-ledger.ts';
import { DevicePool } from '../hsm/pool/device-pool.ts';
import { RpcListener, type RpcTls } from '../hsm/rpc/rpc-listener.ts';
import { runDirectory } from '../hsm/state-directory.ts';
import { ProcessSupervision } from '../hsm/supervision/process-supervision.ts';
import { DeviceParts, type PartSources } from '../hsm/update/device-parts.ts';
import { UpdateStore } from '../hsm/update/update-store.ts';
import { OperationLatencies } from '../hsm/web/latencies.ts';
import { WebServer } from '../hsm/web/web-server.ts';
import { AUDIT_DIRECTORY } from './hsmd-commands.ts';
import type { HsmdOptions } from './hsmd-options.ts';

/** TLS name of every appliance (Diamond-HSM manual section 4.1). */
const SERVERNAME = 'dks-hsm';

/** Milliseconds to wait for all devices at the start; then the console must be there to see what is wrong. */
const PROBE_LIMIT = 90_000;
/** Milliseconds between two looks at how long the certificate is still good. */
const CERTIFICATE_LOOK = 86_400_000;

export interface HsmDaemonDependencies {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: HsmLog;
  /** Of the software that runs. */
  readonly version: string;
  /** Where the parts of the devices come from. */
  readonly partSources: PartSources;
  /** Told when the appliance begins and ceases to wait for an address: for how long, only a cable knows. */
  readonly awaitsAddress?: (isWaiting: boolean) => void;
}

/** How it ends: by an operator or a signal, for good or to start anew. */
export type Ending = 'stop' | 'restart';

interface Ports {
  rpc: number;
  console: number;
  web: number;
}

/** Builds the appliance and takes it down again: the composition root of hsmd. */
export class HsmDaemon {
  readonly #options: HsmdOptions;
  readonly #parts: HsmDaemonDependencies;
  /** What is to be taken down, last first. */
  readonly #stack = new AsyncDisposableStack();
  readonly #ports: Ports = { rpc: 0, console: 0, web: 0 };
  readonly ended: Promise<Ending>;
  #end!: (how: Ending) => void;
  #material!: CertificateMaterial;
  #audit: SignedAuditLog | undefined;
  #stages: StageSequence | undefined;

  constructor(options: HsmdOptions, dependencies: HsmDaemonDependencies) {
    this.#options = options;
    this.#parts = dependencies;
    this.ended = new Promise((resolve) => (this.#end = resolve));
  }

  /** Asks it to end; `ended` tells when it should be taken down. */
  shutDown(how: Ending): void {
    this.#end(how);
  }

  /** Resolves when the appliance is ready. @throws SignetError: nothing runs then */
  async start(): Promise<void> {
    try {
      await this.#start();
    } catch (error) {
      await this.#stack.disposeAsync();
      throw error;
    }
  }

  /** Takes everything down. Watchdogs go on, where the battery is on. */
  async stop(how: Ending): Promise<void> {
    this.#stages?.enter('shut down');
    try {
      await this.#audit?.append({ kind: 'stop', by: 'hsmd', facts: { how } });
    } finally {
      await this.#stack.disposeAsync();
      this.#parts.log.write(applianceEvent.ended(how));
    }
  }

  async #start(): Promise<void> {
    const { state } = this.#options;
    const { disk, clock, random, log, version } = this.#parts;
    const run = runDirectory(state, disk);
    const lock = disk.lock(path.join(run, 'hsmd.lock'));
    if (lock === undefined)
      throw new SignetError('STATE_IN_USE', `another hsmd runs with the state directory ${state}`, { state });
    this.#stack.defer(() => lock.release());
    const portsFile = path.join(run, 'ports.json');
    fs.rmSync(portsFile, { force: true });

    const serial = openSerialNumber(path.join(state, 'serial-number'), this.#options.serial, disk, random);
    log.write(applianceEvent.starting(version, serial, state));
    const identity = { serial, version, servername: SERVERNAME };
    const scrubber = this.#stack.use(new MemoryScrubber({ clock, heap: loadSystemCalls() }));
    const audit = forgetful(await this.#openAudit(version), scrubber);
    const settings = SettingsStore.open(path.join(state, 'settings.json'), disk);
    const guard = this.#stack.use(DurableLoginGuard.open(path.join(state, 'logins.json'), { disk, clock, log, audit }));
    const stages = this.#stack.use(new StageSequence({ clock, log }));
    this.#stages = stages;
    const certificates = new ApplianceCertificate(
      { stateDirectory: state, serial, servername: SERVERNAME },
      { clock, disk, random, log },
    );
    this.#material = await certificates.current();
    log.write(applianceEvent.identity(this.#material.fingerprint));

    const parts = new DeviceParts({ state, sources: this.#parts.partSources }, { disk, log, audit });
    const { pinCost } = this.#options;
    const supervision = this.#stack.use(
      new ProcessSupervision(
        {
          stateDirectory: state,
          count: this.#options.devices,
          memory: settings.current.MASTERKEY_MEMORY,
          battery: settings.current.MASTERKEY_BATTERY,
          ...(pinCost !== undefined && { scrypt: { logN: pinCost, r: 8, p: 1 } }),
        },
        { clock, disk, log, programs: parts },
      ),
    );
    const latencies = new OperationLatencies(this.#options.devices);
    const pool = this.#stack.use(
      new DevicePool(
        {
          devices: supervision.devices.map(({ device }) => device),
          deletions: DeletionLedger.open(path.join(state, 'deletions.log'), disk),
        },
        { clock, random, log, audit, times: latencies },
      ),
    );
    this.#stack.defer(tellPool(supervision, pool));
    const monitor = this.#stack.use(new DeviceMonitor(supervision, { clock, log }));
    this.#stack.use(new KeyUseCollector({ supervision, audit, clock, log }));
    const network = this.#stack.use(
      new ApplianceNetwork(
        {
          interface: this.#options.interface,
          listen: this.#options.listen,
          dhcpWait: this.#options.dhcpWait,
        },
        { settings: () => settings.current, clock, log, interfaces: new SystemInterfaces() },
      ),
    );
    const updates = new UpdateStore(
      {
        state,
        keyFile: this.#options.updateKey ?? path.join(state, 'update-keys.pem'),
        version,
      },
      { disk, log, supervision, parts, serving: () => pool.idle() },
    );
    const appliance = this.#stack.use(
      new HsmAppliance(
        { identity, ports: () => ({ ...this.#ports }), fingerprint: () => this.#material.fingerprint },
        {
          clock,
          log,
          audit,
          supervision,
          pool,
          monitor,
          settings,
          guard,
          stages,
          network,
          updates,
          soPinPermits: new SoPinPermits(state, { disk, clock }),
          readLog: () => log.read(),
          shutDown: (how) => this.shutDown(how),
        },
      ),
    );
    this.#showLeds(appliance);

    // Whoever ends hsmd meanwhile does not wait for an address.
    await Promise.race([network.start(), this.ended]);
    stages.enter('network');
    // Ports and announcements are for an address: until there is one, the lights say so.
    this.#parts.awaitsAddress?.(true);
    await Promise.race([network.awaitAddress(), this.ended]);
    this.#parts.awaitsAddress?.(false);
    stages.enter('probing');
    await supervision.start();
    await this.#awaitDevices(supervision, pool);
    await monitor.refresh();

    stages.enter('starting');
    const firewall = new SettingsFirewall(() => settings.current);
    const web = this.#stack.use(
      new WebServer(
        {
          listen: this.#options.listen,
          port: this.#options.ports.web,
          ...(this.#options.ports.webTls !== undefined && { tlsPort: this.#options.ports.webTls }),
        },
        { appliance, firewall, log, clock, latencies, tls: this.#tls(settings) },
      ),
    );
    this.#ports.web = (await web.start()).port;
    const consoles = this.#stack.use(
      await ConsoleListener.listen(
        { address: this.#options.listen, port: this.#options.ports.console, tls: this.#tls(settings) },
        {
          appliance,
          firewall,
          clock,
          random,
          log,
          onTyped: () => scrubber.expect(),
          onTypedSecret: () => scrubber.soon(),
        },
      ),
    );
    this.#ports.console = consoles.local.port;
    const rpc = this.#stack.use(
      await RpcListener.listen(
        { address: this.#options.listen, port: this.#options.ports.rpc, tls: this.#rpcTls(settings) },
        {
          pool,
          gate: appliance,
          guard,
          firewall,
          audit,
          identity,
          clock,
          random,
          log,
          settings: () => settings.current,
          deviceTexts: () => appliance.getState().devices.map(({ text }) => text),
          address: () => network.view().address ?? '',
          acknowledgeNow: loadSystemCalls().acknowledgeNow,
          onSecret: () => scrubber.passing(),
        },
      ),
    );
    this.#ports.rpc = rpc.local.port;
    for (const [what, port] of Object.entries(this.#ports))
      log.write(applianceEvent.listening(what, this.#options.listen, port as number));

    const announcer = this.#stack.use(
      new Announcer({ addresses: () => announcedOn(this.#options.listen) }, { appliance, log, clock }),
    );
    if (settings.current.ENABLE_ZEROCONF) announcer.announce();
    const useTls = (): void => {
      rpc.setTls(this.#rpcTls(settings));
      consoles.setTls(this.#tls(settings));
      web.setTls(this.#tls(settings));
    };
    this.#stack.defer(
      settings.watch((name) => {
        if (name === 'ENABLE_ZEROCONF') {
          if (settings.current.ENABLE_ZEROCONF) announcer.announce();
          else void announcer.withdraw();
        }
        if (name === 'TLS_MIN_VERSION') useTls();
      }),
    );
    this.#renewCertificate(certificates, useTls);
    stages.enter('ready');
    disk.replace(portsFile, Buffer.from(`${JSON.stringify(this.#ports)}\n`), 0o600);
  }

  async #openAudit(version: string): Promise<SignedAuditLog> {
    const { disk, clock, log } = this.#parts;
    const directory = path.join(this.#options.state, AUDIT_DIRECTORY);
    const audit = this.#stack.use(SignedAuditLog.open({ directory }, { disk, clock, log }));
    this.#audit = audit;
    const { fault } = audit;
    if (fault !== undefined)
      log.write({
        severity: 'critical',
        category: 'hsm',
        text: `the audit log was changed while hsmd was away: ${fault}; what was there is kept in ${directory}`,
      });
    const key = auditKeyFingerprint(openAuditKey(directory, disk).publicKey);
    await audit.append({ kind: 'start', by: 'hsmd', facts: { version, key, ...(fault !== undefined && { fault }) } });
    return audit;
  }

  #tls(settings: SettingsStore): { certificate: string; key: string; minVersion: 'TLSv1.2' | 'TLSv1.3' } {
    const { certificate, key } = this.#material;
    return { certificate, key, minVersion: `TLSv${settings.current.TLS_MIN_VERSION}` };
  }

  #rpcTls(settings: SettingsStore): RpcTls {
    const { clientAuthorities: file } = this.#options;
    if (file === undefined) return this.#tls(settings);
    const octets = this.#parts.disk.read(file);
    if (octets === undefined) throw new SignetError('CLIENT_CA', `--client-ca: ${file} does not exist`, { file });
    return { ...this.#tls(settings), authorities: Buffer.from(octets).toString('latin1') };
  }

  #showLeds(appliance: HsmAppliance): void {
    const { gpio } = this.#options;
    if (gpio === undefined) return;
    const lights = this.#stack.use(new GpioLeds(gpio, this.#parts));
    lights.show(appliance.getState().leds);
    this.#stack.defer(appliance.watch(({ leds }) => lights.show(leds)));
  }

  /** One that comes up is made the same as the others first. One that does not is shown by the LEDs; the others work without it. */
  async #awaitDevices(supervision: ProcessSupervision, pool: DevicePool): Promise<void> {
    let timer: Timer | undefined;
    const limit = new Promise<void>((resolve) => (timer = this.#parts.clock.after(PROBE_LIMIT, resolve)));
    let unwatch: (() => void) | undefined;
    const haveStarted = new Promise<void>((resolve) => {
      const look = (): void => {
        if (supervision.devices.every(({ condition }) => condition !== 'starting')) resolve();
      };
      unwatch = supervision.watch(look);
      look();
    });
    await Promise.race([haveStarted.then(() => pool.idle()), limit, this.ended]);
    timer?.cancel();
    unwatch?.();
  }

  #renewCertificate(certificates: ApplianceCertificate, changed: () => void): void {
    let timer: Timer;
    const look = async (): Promise<void> => {
      try {
        const material = await certificates.current();
        if (material.certificate !== this.#material.certificate) {
          this.#material = material;
          changed();
        }
      } catch (error) {
        this.#parts.log.write({ severity: 'error', category: 'hsm', text: (error as Error).message });
      }
      timer = this.#parts.clock.after(CERTIFICATE_LOOK, () => void look());
    };
    timer = this.#parts.clock.after(CERTIFICATE_LOOK, () => void look());
    this.#stack.defer(() => timer.cancel());
  }
}

/** Only where the ports are: a network that cannot reach them should not hear of them. */
function announcedOn(listen: string): readonly string[] {
  if (listen === '0.0.0.0' || listen === '::') return multicastAddresses();
  return new SystemInterfaces()
    .list()
    .filter(({ address, isInternal }) => address === listen && !isInternal)
    .map(({ address }) => address);
}

/** People's PINs and master keys went through this process when such a thing is recorded: it forgets them. */
function forgetful(audit: WatchedAuditLog, scrubber: MemoryScrubber): WatchedAuditLog {
  return {
    append: (event) => {
      if (!event.by.startsWith('rpc') && SECRETS_WERE_TYPED.has(event.kind)) scrubber.soon();
      return audit.append(event);
    },
    ready: () => audit.ready(),
    get trouble() {
      return audit.trouble;
    },
    watch: (changed) => audit.watch(changed),
  };
}

const SECRETS_WERE_TYPED: ReadonlySet<AuditEvent['kind']> = new Set([
  'login',
  'login refused',
  'logout',
  'pin set',
  'master key set',
  'master key erased',
  'keystore erased',
  'restored',
  'tamper',
  'unlocked',
] as const);

/** The pool hears of every device that comes, goes or is tampered with. Returns what ends that. */
function tellPool(supervision: ProcessSupervision, pool: DevicePool): () => void {
  const told = supervision.devices.map(() => 'starting');
  return supervision.watch((index) => {
    const { condition } = supervision.devices[index];
    if (told[index] === condition) return;
    told[index] = condition;
    if (condition === 'up') void pool.markUp(index);
    else if (condition === 'tampered') pool.markTampered(index);
    else pool.markDown(index, `it is ${condition}`);
  });
}
