import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test from 'node:test';
import type { Page } from 'playwright-core';
import { SystemClock } from '../../src/base/clock.ts';
import { silentLog } from '../../src/base/log.ts';
import { NodeDisk } from '../../src/base/node-disk.ts';
import { SystemRandom } from '../../src/base/random.ts';
import { ApplianceCertificate } from '../../src/hsm/certificate/appliance-certificate.ts';
import { WebServer } from '../../src/hsm/web/web-server.ts';
import { FakeAppliance, STATES } from '../hsm/web/fake-appliance.ts';
import { openBrowser } from './browser.ts';

/** Where screenshots of all states go, for people to look at; none are made without it. */
const PICTURES = process.env['SIGNET_SCREENSHOTS'];
/** For one thing to be seen, and for a test. */
const SEEN = { timeout: 120_000 };
const LIMIT = { timeout: 600_000 };
/** An address that no other test has: its port is left, and taken again. */
const HOST = '127.83.0.1';

const stateDirectory = fs.mkdtempSync(path.join(os.tmpdir(), 'hsm-page-'));
const clock = new SystemClock();
const certificate = await new ApplianceCertificate(
  { stateDirectory, serial: '1000-0002', servername: 'dks-hsm' },
  { clock, disk: new NodeDisk(), random: new SystemRandom(), log: silentLog },
).current();
const tls = { ...certificate, minVersion: 'TLSv1.3' } as const;
const appliance = new FakeAppliance();
const open = async (port: number): Promise<{ server: WebServer; port: number; tlsPort: number | undefined }> => {
  const dependencies = { appliance, firewall: { accepts: () => true }, log: silentLog, clock, tls };
  const server = new WebServer({ listen: HOST, port, tlsPort: 0 }, dependencies);
  return { server, ...(await server.start()) };
};
let { server, port, tlsPort } = await open(0);
const browser = await openBrowser();
test.after(async () => {
  await browser.close();
  await server[Symbol.asyncDispose]();
  fs.rmSync(stateDirectory, { recursive: true });
});

/** A page on which every error of the browser counts: scripts, styles refused by the policy, things not found. */
async function newPage(options: { javaScriptEnabled?: boolean; colorScheme?: 'dark' | 'light' } = {}) {
  const context = await browser.newContext({
    ...options,
    ignoreHTTPSErrors: true,
    viewport: { width: 1000, height: 1150 },
  });
  const page = await context.newPage();
  const faults: string[] = [];
  page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
  page.on('pageerror', (error) => faults.push(String(error)));
  page.on('response', (response) => response.status() >= 400 && faults.push(`${response.status()} ${response.url()}`));
  page.setDefaultTimeout(SEEN.timeout);
  return { page, faults, close: () => context.close() };
}

/** What a light shows, as the browser draws it. */
const lampOf = (page: Page, name: string): Promise<{ colour: string; shows: string; blinks: boolean }> =>
  page.locator(`#led-${name}`).evaluate((group) => {
    const style = (selector: string): { fill: string; visibility: string; animationName: string; animationDuration: string } =>
      (globalThis as unknown as { getComputedStyle(of: unknown): never }).getComputedStyle((group as unknown as { querySelector(by: string): unknown }).querySelector(selector)); // prettier-ignore
    const { visibility, animationName, animationDuration } = style('.light');
    return {
      colour: style('.lit').fill,
      shows: visibility,
      blinks: animationName === 'blink' && animationDuration === '0.5s',
    };
  });

const COLOURS = { green: 'rgb(46, 230, 107)', yellow: 'rgb(255, 201, 31)', red: 'rgb(255, 59, 48)', off: '' };

for (const javaScriptEnabled of [true, false])
  test(
    `S-448 S-462 Chromium draws every state of the lights, ${javaScriptEnabled ? 'live' : 'without JavaScript'}`,
    LIMIT,
    async () => {
      const { page, faults, close } = await newPage({ javaScriptEnabled });
      await page.goto(`http://${HOST}:${port}/`);
      for (const [name, state] of Object.entries(STATES)) {
        appliance.show(state);
        if (!javaScriptEnabled) await page.goto(`http://${HOST}:${port}/`);
        const { leds, devices, whyLocked } = state;
        const words = (['power', 'system', 'tamper'] as const).map((led) => `${led.toUpperCase()} ${leds[led].isBlinking ? 'blinking ' : ''}${leds[led].colour}`); // prettier-ignore
        // Two states may have the same lights: only when all of its words are there is the page that of this state, and stays.
        await page.getByText(words.join(', '), { exact: true }).waitFor(SEEN);
        for (const { index, text } of devices)
          await page.getByText(`CrypTech Device ${index}: ${text}`, { exact: true }).waitFor(SEEN);
        for (const why of whyLocked) await page.getByText(why, { exact: true }).first().waitFor(SEEN);
        for (const led of ['power', 'system', 'tamper'] as const) {
          const lamp = await lampOf(page, led);
          const expected = { colour: COLOURS[leds[led].colour], shows: 'visible', blinks: leds[led].isBlinking };
          assert.deepEqual(lamp, expected, `${name} ${led}`);
        }
        if (PICTURES !== undefined && javaScriptEnabled)
          await page.screenshot({ path: path.join(PICTURES, `${name}.png`) });
      }
      assert.deepEqual(faults, []);
      await close();
    },
  );

test('S-448 a light that blinks is dark half of the time', LIMIT, async () => {
  appliance.show(STATES['tamper']);
  // Without JavaScript, which draws the page again when its events begin.
  const { page, close } = await newPage({ javaScriptEnabled: false });
  await page.goto(`http://${HOST}:${port}/`);
  // The animation is stopped at moments of our choice: nothing here waits for a time.
  const opacity = (at: number): Promise<string> =>
    page.locator('#led-tamper .light').evaluate((light, milliseconds) => {
      const { getAnimations } = light as unknown as { getAnimations(): { pause(): void; currentTime: number }[] };
      for (const animation of getAnimations.call(light)) {
        animation.pause();
        animation.currentTime = milliseconds;
      }
      return (globalThis as unknown as { getComputedStyle(of: unknown): { opacity: string } }).getComputedStyle(light)
        .opacity;
    }, at);
  assert.deepEqual(
    [await opacity(0), await opacity(200), await opacity(300), await opacity(499), await opacity(550)],
    ['1', '1', '0', '0', '1'],
  );
  await close();
});

test('S-462 by HTTPS, in the dark, on a small screen: the same page, with nothing cut off', LIMIT, async () => {
  appliance.show(STATES['locked']);
  const { page, faults, close } = await newPage({ colorScheme: 'dark' });
  await page.goto(`https://${HOST}:${tlsPort}/`);
  await page.getByRole('heading', { name: 'Diamond HSM Status' }).waitFor(SEEN);
  if (PICTURES !== undefined) await page.screenshot({ path: path.join(PICTURES, 'dark.png') });
  for (const width of [1000, 360]) {
    await page.setViewportSize({ width, height: 900 });
    const overflow = await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');
    assert.equal(overflow, 0, `${width} pixels`);
  }
  if (PICTURES !== undefined) await page.screenshot({ path: path.join(PICTURES, 'small.png'), fullPage: true });
  assert.deepEqual(faults, []);
  await close();
});

test('S-462 an HSM that goes away is said to be away, and is shown again when it is back', LIMIT, async () => {
  appliance.show(STATES['ready']);
  const { page, close } = await newPage();
  await page.goto(`http://${HOST}:${port}/`);
  await page.getByText('The HSM is unlocked and all of its devices work.').waitFor(SEEN);
  const lost = page.getByRole('alert');
  assert.equal(await lost.isVisible(), false);
  await server[Symbol.asyncDispose]();
  await lost.waitFor({ state: 'visible', ...SEEN });
  if (PICTURES !== undefined) await page.screenshot({ path: path.join(PICTURES, 'lost.png') });
  appliance.show(STATES['tamper']);
  ({ server, port, tlsPort } = await open(port));
  await page.getByText('ERROR - Tamper detected').waitFor(SEEN);
  await lost.waitFor({ state: 'hidden', ...SEEN });
  await close();
});
