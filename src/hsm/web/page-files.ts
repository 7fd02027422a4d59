import { BLINK_MILLISECONDS } from '../appliance/leds.ts';

/** Files that go with the page; nothing of it comes from another host. */

export const FAVICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64"><rect width="64" height="64" rx="12" fill="#23282f"/><path d="M8 26 18 13h28l10 13-24 28z" fill="none" stroke="#d7dee6" stroke-width="4" stroke-linejoin="round"/><path d="M8 26h48M18 13l8 13 6 28 6-28 8-13" fill="none" stroke="#d7dee6" stroke-width="2.5"/></svg>
`;

export const STYLE = `:root {
  color-scheme: light dark;
  --page: #f3f5f7; --card: #fff; --text: #1b2026; --dim: #56606b; --line: #d6dce2;
  --good: #1a7f43; --wait: #8a6100; --attention: #8a6100; --alarm: #b3261e;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14171a; --card: #1d2126; --text: #e6eaee; --dim: #9aa5b1; --line: #343b43;
    --good: #57c583; --wait: #e0b44a; --attention: #e0b44a; --alarm: #ff8a80;
  }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 60rem; padding: 1.5rem 1rem 2rem; background: var(--page); color: var(--text); font: 1rem/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0 0 1rem; }
h2 { font-size: 1.1rem; margin: 1.75rem 0 0.75rem; }
.panel { margin: 0; }
.panel svg { display: block; width: 100%; height: auto; }
.panel figcaption { margin-top: 0.4rem; color: var(--dim); font-size: 0.875rem; }
.brand { fill: #d7dee6; font: 600 21px system-ui, sans-serif; letter-spacing: 0.5px; }
.brand.small { fill: #8f9aa6; font-size: 12px; font-weight: 400; }
.legend { fill: #b8c2cd; font: 600 11px system-ui, sans-serif; letter-spacing: 1.2px; text-anchor: middle; }
.unlit { fill: #2b3036; }
.green { --lamp: #2ee66b; }
.yellow { --lamp: #ffc91f; }
.red { --lamp: #ff3b30; }
.lit { fill: var(--lamp); }
.halo { fill: var(--lamp); opacity: 0.85; }
.lamp.off .light { visibility: hidden; }
.blink { animation: blink ${2 * BLINK_MILLISECONDS}ms steps(1, end) infinite; }
@keyframes blink { 0% { opacity: 1; } 50% { opacity: 0; } }
.summary { margin-top: 1rem; padding: 0.9rem 1.1rem; background: var(--card); border: 1px solid var(--line); border-left: 6px solid var(--level); border-radius: 6px; }
.summary h2 { margin: 0; color: var(--level); }
.summary p { margin: 0.35rem 0 0; }
.good { --level: var(--good); } .wait { --level: var(--wait); } .attention { --level: var(--attention); } .alarm { --level: var(--alarm); }
.devices { list-style: none; margin: 0; padding: 0; display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr)); }
.device { padding: 0.9rem 1.1rem; background: var(--card); border: 1px solid var(--line); border-top: 4px solid var(--dim); border-radius: 6px; }
.device.up { border-top-color: var(--good); } .device.starting { border-top-color: var(--wait); }
.device.down, .device.tampered { border-top-color: var(--alarm); }
.state { margin: 0 0 0.6rem; }
.facts { display: grid; grid-template-columns: max-content 1fr; gap: 0.2rem 1rem; margin: 0; }
.facts dt { color: var(--dim); }
.facts dd { margin: 0; overflow-wrap: anywhere; }
main > .facts { padding: 0.9rem 1.1rem; background: var(--card); border: 1px solid var(--line); border-radius: 6px; }
small { color: var(--dim); }
code { font: 0.875rem/1.5 ui-monospace, monospace; overflow-wrap: normal; }
footer { margin-top: 2rem; color: var(--dim); font-size: 0.875rem; }
footer span { display: block; margin-top: 0.3rem; }
a { color: inherit; }
.lost { margin: 0 0 1rem; padding: 0.6rem 1rem; border-radius: 6px; background: var(--alarm); color: var(--page); }
.lost[hidden] { display: none; }
@media (max-width: 32rem) { .facts { grid-template-columns: 1fr; gap: 0; } .facts dd { margin-bottom: 0.4rem; } }
`;

/** Keeps the page as the HSM is. What arrives was escaped by the HSM, and the policy of the page lets no other script run. */
export const SCRIPT = `'use strict';
const status = document.getElementById('status');
const lost = document.getElementById('lost');
const events = new EventSource('/events');
events.addEventListener('status', (event) => {
  const { content } = JSON.parse(event.data);
  lost.hidden = true;
  status.innerHTML = content;
});
events.addEventListener('open', () => { lost.hidden = true; });
events.addEventListener('error', () => {
  lost.hidden = false;
  // A browser gives up for good when it was refused.
  if (events.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), 10000);
});
`;
