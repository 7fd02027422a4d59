import { ledPanel } from './led-panel.ts';
import { html, NOTHING, type Markup } from './markup.ts';
import type { PublicDevice, PublicStatus } from './public-status.ts';

/** The whole page. Without JavaScript it loads itself anew from time to time. */
export function statusPage(status: PublicStatus): string {
  return `<!DOCTYPE html>
${
  html`<html lang="en">
    <head>
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <meta name="robots" content="noindex" />
      <title>Diamond HSM</title>
      <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
      <link rel="stylesheet" href="/style.css" />
      <script src="/live.js" defer></script>
      <noscript><meta http-equiv="refresh" content="10" /></noscript>
    </head>
    <body>
      <p id="lost" class="lost" role="alert" hidden>
        No connection to the HSM: what is shown may be out of date. It is tried again by itself.
      </p>
      <main id="status">${statusContent(status)}</main>
      <footer>
        <a href="/api/status">status as JSON</a> · <a href="/metrics">metrics for Prometheus</a>
        <span>This page shows; what there is to do is done at the console.</span>
      </footer>
    </body>
  </html>`.text
}
`;
}

/** What changes: also what the events of the page carry. */
export function statusContent(status: PublicStatus): Markup {
  const { identity, ports, address, fingerprint } = status;
  const { level, title, lines } = summary(status);
  return html`<h1>Diamond HSM Status</h1>
    ${ledPanel(status.leds)}
    <section class="summary ${level}" aria-live="polite">
      <h2>${title}</h2>
      ${lines.map((line) => html`<p>${line}</p>`)}
    </section>
    <h2>CrypTech devices</h2>
    <ul class="devices">
      ${status.devices.map(deviceCard)}
    </ul>
    <h2>This HSM</h2>
    <dl class="facts">
      ${fact('Serial number', identity.serial)} ${fact('Version', identity.version)}
      ${fact('IP address', address ?? 'none yet')} ${fact('TLS name', identity.servername)}
      ${fact('Ports', `operations ${ports.rpc}, console ${ports.console}, this page ${ports.web}`)}
      <dt>Fingerprint of the TLS key</dt>
      <dd>
        <code>${breakable(fingerprint)}</code><br /><small
          >SHA-256. Compare it when a client shows one for the first time.</small
        >
      </dd>
    </dl>`;
}

/** Lines end after every fourth octet at the earliest. */
function breakable(fingerprint: string): readonly Markup[] {
  return (fingerprint.match(/.{1,12}/g) ?? []).map((part) => html`${part}<wbr />`);
}

interface Summary {
  readonly level: 'good' | 'wait' | 'attention' | 'alarm';
  readonly title: string;
  readonly lines: readonly string[];
}

/** The one thing to know first. */
function summary(status: PublicStatus): Summary {
  const { stage, devices, isLocked, whyLocked, troubles } = status;
  const tampered = devices.filter(({ condition, tamper }) => condition === 'tampered' || isEvent(tamper));
  if (stage !== 'shut down' && tampered.length > 0)
    return { level: 'alarm', title: 'Tamper event', lines: whyLocked.length > 0 ? whyLocked : [TAMPER_ADVICE] };
  if (stage !== 'ready') return { level: 'wait', ...STAGES[stage] };
  const away = devices.filter(({ condition }) => condition === 'down' || condition === 'starting');
  if (devices.length > 0 && away.length === devices.length)
    return { level: 'alarm', title: 'No device answers', lines: ['Operations are not possible. Devices are started again by themselves; if this goes on for 90 seconds, restart the HSM.'] }; // prettier-ignore
  if (isLocked) return { level: 'attention', title: 'Locked', lines: [...whyLocked, ...troubles] };
  if (troubles.length > 0) return { level: 'attention', title: 'Something is wrong', lines: troubles };
  if (away.length > 0) {
    const names = away.map(({ index }) => `device ${index}`).join(', ');
    const line = `Operations go on. Keys that are on ${names} only cannot be used until it is back; it is started again by itself.`;
    return { level: 'attention', title: `No answer from ${names}`, lines: [line] };
  }
  const unwatched = devices.filter(({ tamper }) => tamper === 'unknown').map(({ index }) => `device ${index}`);
  if (unwatched.length > 0) {
    const line = `What has the master key and watches the sensors of ${unwatched.join(', ')} is gone: it is started again by itself, and the master key may have to be entered anew at the console.`;
    return { level: 'attention', title: 'A tamper circuit does not answer', lines: [line] };
  }
  return { level: 'good', title: 'Ready', lines: ['The HSM is unlocked and all of its devices work.'] };
}

const TAMPER_ADVICE =
  'The master key was cleared and nothing can be signed. Find out what happened to the HSM; then log in at the console, reset the event (tamper reset) and enter the master key.';

const STAGES: Readonly<Record<Exclude<PublicStatus['stage'], 'ready'>, { title: string; lines: readonly string[] }>> = {
  'power on': { title: 'Starting', lines: ['The HSM is starting, or waits for a network address.'] },
  network: { title: 'Starting: network', lines: ['The HSM finds out its network configuration.'] },
  probing: { title: 'Starting: devices', lines: ['The HSM looks for its devices. If this takes longer than 90 seconds, restart it.'] }, // prettier-ignore
  starting: { title: 'Starting: services', lines: ['The devices are there; the network services are being started.'] },
  'shut down': { title: 'Shut down', lines: ['The HSM was shut down and can be switched off.'] },
};

function isEvent(tamper: PublicDevice['tamper']): boolean {
  return tamper === 'lasts' || tamper === 'latched';
}

function deviceCard(device: PublicDevice): Markup {
  const { index, condition, text, masterKey, tokenKeys, volatileKeys, logins, busy } = device;
  const operations = Object.entries(device.operations).filter(([, count]) => count > 0);
  const counted = operations.map(([kind, count]) => `${kind}\u00a0${count.toLocaleString('en')}`);
  return html`<li class="device ${condition}">
    <p class="state">CrypTech Device ${index}: <strong>${text}</strong></p>
    <dl class="facts">
      ${fact('Master key', masterKey)} ${fact('Tamper circuit', tamperWords(device))}
      ${tokenKeys === undefined ? NOTHING : fact('Keys', `${tokenKeys.toLocaleString('en')} kept, ${volatileKeys ?? 0} of connections`)}
      ${logins === undefined ? NOTHING : fact('Logins', String(logins))} ${fact('Under way', String(busy))}
      ${counted.length === 0 ? NOTHING : fact('Operations', counted.join(', '))}
      ${device.version === undefined ? NOTHING : fact('Firmware', device.version)}
    </dl>
  </li>`;
}

function tamperWords({ tamper, tamperedBy, isArmed }: PublicDevice): string {
  const by = tamperedBy.length === 0 ? '' : ` (${tamperedBy.join(', ')})`;
  switch (tamper) {
    case 'lasts':
      return `event lasts${by}`;
    case 'latched':
      return `event, not reset yet${by}`;
    case 'ok':
      return isArmed ? 'armed, nothing seen' : 'not armed';
    case 'unknown':
      return 'does not answer';
  }
}

function fact(name: string, value: string): Markup {
  return html`<dt>${name}</dt>
    <dd>${value}</dd>`;
}
