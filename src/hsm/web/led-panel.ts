import type { Led, Leds } from '../appliance/leds.ts';
import { html, type Markup } from './markup.ts';

/** The front of the 1U case with its three lights, drawn. What the lights show is also said in words. */
export function ledPanel(leds: Leds): Markup {
  const lamps = LAMPS.map(({ name, x }) => lamp(name, x, leds[name]));
  return html`<figure class="panel">
    <svg viewBox="0 0 640 104" role="img" aria-label="${describeLeds(leds)}">
      <defs>
        <linearGradient id="steel" x1="0" y1="0" x2="0" y2="1">
          <stop offset="0" stop-color="#4a525c" />
          <stop offset="0.08" stop-color="#333a43" />
          <stop offset="0.92" stop-color="#23282f" />
          <stop offset="1" stop-color="#15181c" />
        </linearGradient>
        <radialGradient id="lens" cx="0.38" cy="0.32" r="0.75">
          <stop offset="0" stop-color="#fff" stop-opacity="0.9" />
          <stop offset="0.35" stop-color="#fff" stop-opacity="0.25" />
          <stop offset="1" stop-color="#000" stop-opacity="0.28" />
        </radialGradient>
        <filter id="glow" x="-150%" y="-150%" width="400%" height="400%"><feGaussianBlur stdDeviation="7" /></filter>
      </defs>
      <rect x="1" y="1" width="638" height="102" rx="7" fill="url(#steel)" stroke="#0d0f12" stroke-width="2" />
      <rect x="14" y="4" width="612" height="1" fill="#fff" opacity="0.18" />
      <g fill="#15181c" stroke="#59626d" stroke-width="1.5">
        <circle cx="19" cy="22" r="5" />
        <circle cx="19" cy="82" r="5" />
        <circle cx="621" cy="22" r="5" />
        <circle cx="621" cy="82" r="5" />
      </g>
      <g fill="none" stroke="#aeb8c4" stroke-width="2" stroke-linejoin="round">
        <path d="M46 42 L56 30 H84 L94 42 L70 74 Z" />
        <path d="M46 42 H94 M56 30 L63 42 L70 74 L77 42 L84 30" stroke-width="1.3" opacity="0.8" />
      </g>
      <text x="112" y="50" class="brand">Diamond HSM</text>
      <text x="112" y="70" class="brand small">hardware security module</text>
      <g fill="#15181c">
        ${[0, 1, 2, 3, 4, 5, 6, 7].map((i) => html`<rect x="${308 + i * 9}" y="28" width="4" height="48" rx="2" />`)}
      </g>
      ${lamps}
    </svg>
    <figcaption>${describeLeds(leds)}</figcaption>
  </figure>`;
}

/** "POWER green, SYSTEM blinking yellow, TAMPER green" */
export function describeLeds(leds: Leds): string {
  return LAMPS.map(({ name }) => `${name.toUpperCase()} ${describe(leds[name])}`).join(', ');
}

const LAMPS = [
  { name: 'power', x: 430 },
  { name: 'system', x: 502 },
  { name: 'tamper', x: 574 },
] as const;

function lamp(name: string, x: number, led: Led): Markup {
  const blink = led.isBlinking ? ' blink' : '';
  return html`<g class="lamp ${led.colour}" id="led-${name}">
    <title>${name.toUpperCase()}: ${describe(led)}</title>
    <circle cx="${x}" cy="42" r="16" fill="#0d0f12" stroke="#6b7580" stroke-width="1.5" />
    <circle cx="${x}" cy="42" r="11" class="unlit" />
    <g class="light${blink}">
      <circle cx="${x}" cy="42" r="15" class="halo" filter="url(#glow)" />
      <circle cx="${x}" cy="42" r="11" class="lit" />
    </g>
    <circle cx="${x}" cy="42" r="11" fill="url(#lens)" />
    <text x="${x}" y="86" class="legend">${name.toUpperCase()}</text>
  </g>`;
}

function describe({ colour, isBlinking }: Led): string {
  return isBlinking ? `blinking ${colour}` : colour;
}
