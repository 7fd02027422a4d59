import { durationText } from '../base/duration-text.ts';
import { isoTime } from '../base/iso-time.ts';
import { KEY_RECORDS } from '../policy/planned-key.ts';
import type { Condition, KeyRecord } from '../policy/planned-key.ts';
import type { KeyLife, Scenario, Simulation, Step } from './simulation.ts';
import { dangerText, faultText, namesOf, RECORD_WORDS, stepText } from './words.ts';
import type { KeyNames } from './words.ts';

/*
 * A simulation as a picture. From the top: what the policy does and what goes wrong, the DS RRset, then a lane for each key with a row
 * for each of its records. Colours follow the reader's light or dark setting; what they say is also said by the shape.
 */

/** Lengths in the picture's own units. */
const WIDTH = 1240;
const LEFT = 170;
const RIGHT = WIDTH - 24;
const TOP = 92;
const ROW = 9;
const BAR = 7;
const LANE_GAP = 8;
const LEGEND = 64;

const DAY = 86_400;

/** A simulation as one SVG document. */
export function timelineSvg(simulation: Simulation): string {
  return new Drawing(simulation).document();
}

class Drawing {
  readonly #simulation: Simulation;
  readonly #nameOf: KeyNames;
  readonly #parts: string[] = [];
  #y = TOP;

  constructor(simulation: Simulation) {
    this.#simulation = simulation;
    this.#nameOf = namesOf(simulation);
  }

  document(): string {
    const { scenario, keys, summary } = this.#simulation;
    this.#eventLane('policy', this.#steps(['policy', 'rollover asked']));
    this.#faultLane();
    this.#dangerLane();
    this.#dsLane();
    for (const key of keys) this.#keyLane(key);
    const bottom = this.#y + 4;
    const height = bottom + LEGEND;
    const title = `${scenario.zone} with policy "${scenario.policy.name}"`;
    const result = summary.isSound
      ? 'At no time an answer is bogus, and nothing waits for ever.'
      : 'NOT SOUND: an answer would be bogus, or something waits for ever.';
    const about = `${isoTime(scenario.start)} to ${isoTime(scenario.end)}. ${keys.length} keys. ${result}`;
    return [
      `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-labelledby="title desc">`,
      `<title id="title">${escape(title)}</title>`,
      `<desc id="desc">${escape(about)}</desc>`,
      STYLE,
      `<rect class="page" width="${WIDTH}" height="${height}"/>`,
      `<text class="head" x="16" y="28">${escape(title)}</text>`,
      `<text class="sub" x="16" y="47">${escape(about)}</text>`,
      ...this.#axis(bottom),
      ...this.#parts,
      ...legend(bottom + 22),
      '</svg>',
      '',
    ].join('\n');
  }

  #axis(bottom: number): string[] {
    return ticks(this.#simulation.scenario).flatMap(({ at, label }) => {
      const x = this.#x(at);
      const line = `<line class="grid" x1="${x}" y1="${TOP - 10}" x2="${x}" y2="${bottom}"/>`;
      return [line, `<text class="tick" x="${x}" y="${TOP - 16}">${label}</text>`];
    });
  }

  #steps(kinds: readonly Step['kind'][]): Step[] {
    return this.#simulation.steps.filter(({ kind }) => kinds.includes(kind));
  }

  #eventLane(name: string, steps: readonly Step[]): void {
    if (steps.length === 0) return;
    this.#label(name, ROW);
    for (const step of steps) {
      const x = this.#x(step.at);
      const text = escape(`${isoTime(step.at)}: ${stepText(step, this.#nameOf)}`);
      this.#parts.push(`<path class="event" d="M${x} ${this.#y}l5 ${BAR}h-10z"><title>${text}</title></path>`);
      if (step.kind === 'policy')
        this.#parts.push(`<text class="note" x="${x + 8}" y="${this.#y + BAR}">${escape(step.name)}</text>`);
    }
    this.#y += ROW + LANE_GAP;
  }

  #faultLane(): void {
    const { faults, end } = this.#simulation.scenario;
    if (faults.length === 0) return;
    this.#label(faults.length === 1 ? 'fault' : 'faults', ROW * faults.length);
    for (const fault of faults) {
      const until = 'length' in fault ? Math.min(end, fault.at + fault.length) : end;
      this.#bar('fault', fault.at, until, `${faultText(fault)}, from ${isoTime(fault.at)} to ${isoTime(until)}`);
      this.#y += ROW;
    }
    this.#y += LANE_GAP;
  }

  #dangerLane(): void {
    const { dangers, scenario } = this.#simulation;
    if (dangers.length === 0) return;
    this.#label('bogus for some', ROW);
    for (const danger of dangers)
      this.#bar('danger', danger.from, Math.min(danger.until, scenario.end), dangerText(danger, this.#nameOf));
    this.#y += ROW + LANE_GAP;
  }

  #dsLane(): void {
    const { ds, scenario } = this.#simulation;
    const height = ROW + 5;
    this.#label('DS at the parent', height);
    for (const [i, { from, keys }] of ds.entries()) {
      if (keys.length === 0) continue;
      const until = ds[i + 1]?.from ?? scenario.end;
      const names = keys.map(this.#nameOf).join(', ');
      const text = escape(`DS of ${names} from ${isoTime(from)} to ${isoTime(until)}`);
      const [x, width] = this.#extent(from, until);
      this.#parts.push(
        `<rect class="parent" x="${x}" y="${this.#y}" width="${width}" height="${height}"><title>${text}</title></rect>`,
      );
      if (width > 7 * names.length)
        this.#parts.push(`<text class="inside" x="${x + 5}" y="${this.#y + height - 3.5}">${escape(names)}</text>`);
    }
    this.#y += height + LANE_GAP;
  }

  #keyLane(key: KeyLife): void {
    const records = KEY_RECORDS.filter((record) => key.records[record] !== undefined);
    if (records.length === 0) return;
    this.#label(key.name, ROW * records.length, `algorithm ${key.algorithm}`);
    for (const record of records) {
      this.#recordRow(key, record);
      this.#y += ROW;
    }
    this.#y += LANE_GAP;
  }

  #recordRow(key: KeyLife, record: KeyRecord): void {
    const spans = key.records[record]!;
    const { end } = this.#simulation.scenario;
    for (const [i, { condition, from }] of spans.entries()) {
      const until = spans[i + 1]?.from ?? end;
      if (condition === 'hidden' || until <= from) continue;
      const length = durationText(until - from);
      const text = `${key.name}, ${RECORD_WORDS[record]}: ${condition} for ${length}, from ${isoTime(from)} to ${isoTime(until)}`;
      this.#bar(condition, from, until, text);
    }
    this.#parts.push(`<text class="row" x="${LEFT - 6}" y="${this.#y + BAR}">${RECORD_WORDS[record]}</text>`);
  }

  #label(text: string, height: number, hint = ''): void {
    const middle = this.#y + height / 2 + 3.5;
    const title = hint === '' ? '' : `<title>${escape(hint)}</title>`;
    this.#parts.push(`<text class="lane" x="16" y="${middle}">${escape(text)}${title}</text>`);
    this.#parts.push(
      `<line class="rule" x1="16" y1="${this.#y - LANE_GAP / 2}" x2="${RIGHT}" y2="${this.#y - LANE_GAP / 2}"/>`,
    );
  }

  #bar(name: string, from: number, until: number, text: string): void {
    const [x, width] = this.#extent(from, until);
    this.#parts.push(
      `<rect class="${name}" x="${x}" y="${this.#y}" width="${width}" height="${BAR}"><title>${escape(text)}</title></rect>`,
    );
  }

  /** Left edge and width; what is shorter than a pixel is seen all the same. */
  #extent(from: number, until: number): [x: number, width: number] {
    const x = this.#x(from);
    return [x, Math.max(1.5, round(this.#x(until) - x))];
  }

  #x(at: number): number {
    const { start, end } = this.#simulation.scenario;
    const within = Math.min(Math.max(at, start), end);
    return round(LEFT + ((within - start) / (end - start)) * (RIGHT - LEFT));
  }
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

/** Begins of days, months, quarters or years, so that there are at most some twenty. */
function ticks({ start, end }: Scenario): { at: number; label: string }[] {
  const days = (end - start) / DAY;
  if (days <= 45) return dayTicks(start, end, Math.max(1, Math.ceil(days / 15)));
  const months = days <= 20 * 31 ? 1 : days <= 6 * 365 ? 3 : 12 * Math.ceil(days / 365 / 20);
  const first = new Date(start * 1000);
  const found: { at: number; label: string }[] = [];
  for (let month = first.getUTCFullYear() * 12; ; month += months) {
    const at = Date.UTC(Math.floor(month / 12), month % 12) / 1000;
    if (at > end) return found;
    if (at >= start) found.push({ at, label: isoTime(at).slice(0, months % 12 === 0 ? 4 : 7) });
  }
}

function dayTicks(start: number, end: number, step: number): { at: number; label: string }[] {
  const found: { at: number; label: string }[] = [];
  for (let at = Math.ceil(start / DAY) * DAY; at <= end; at += step * DAY)
    found.push({ at, label: isoTime(at).slice(5, 10) });
  return found;
}

const LEGEND_ENTRIES: readonly (readonly [name: Condition | 'parent' | 'fault' | 'danger', text: string])[] = [
  ['rumoured', 'rumoured: some caches have it'],
  ['omnipresent', 'omnipresent: all have it, or none'],
  ['unretentive', 'unretentive: taken away, some caches still have it'],
  ['parent', 'DS at the parent'],
  ['fault', 'fault'],
  ['danger', 'bogus for some'],
];

function legend(y: number): string[] {
  let x = 16;
  const entries = LEGEND_ENTRIES.map(([name, text]) => {
    const entry = `<rect class="${name}" x="${x}" y="${y}" width="22" height="9"/><text class="sub" x="${x + 28}" y="${y + 9}">${text}</text>`;
    x += 28 + text.length * 5.9 + 22;
    return entry;
  });
  return [...entries, `<text class="sub" x="16" y="${y + 28}">hidden: nobody has it (no bar). Times are UTC.</text>`];
}

function escape(text: string): string {
  return text.replace(/[<>&"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

const STYLE = `<style>
svg { --page: #ffffff; --ink: #1b1f24; --soft: #57606a; --grid: #e4e8ec; --known: #1a7f5a; --some: #8fd3b6; --going: #d9a441; --parent: #4a6fd0; --fault: #9a5fc4; --danger: #cf222e; --inside: #ffffff; color-scheme: light dark; }
@media (prefers-color-scheme: dark) { svg { --page: #11151a; --ink: #e6eaee; --soft: #9aa5b1; --grid: #262d35; --known: #3fb68b; --some: #1f5c47; --going: #c08a2b; --parent: #6d8ef0; --fault: #b98be0; --danger: #ff6b6b; --inside: #0b0e12; } }
text { font-family: system-ui, "Segoe UI", "DejaVu Sans", sans-serif; fill: var(--ink); font-size: 11px; }
.page { fill: var(--page); }
.head { font-size: 17px; font-weight: 600; }
.sub, .tick, .note { fill: var(--soft); }
.tick { font-size: 10px; text-anchor: middle; }
.lane { font-weight: 600; font-size: 11.5px; }
.row { font-size: 7.5px; text-anchor: end; fill: var(--soft); }
.inside { font-size: 10px; fill: var(--inside); }
.grid { stroke: var(--grid); stroke-width: 1; }
.rule { stroke: var(--grid); stroke-width: 1; }
.rumoured { fill: var(--some); }
.omnipresent { fill: var(--known); }
.unretentive { fill: var(--page); stroke: var(--going); stroke-width: 1.6; }
.parent { fill: var(--parent); stroke: var(--page); stroke-width: 1; }
.fault { fill: var(--fault); }
.danger { fill: var(--danger); }
.event { fill: var(--ink); }
</style>`;
