import { LineEditor } from '../console/line-editor.ts';

/** Words and lines that are kept: a session of a day. */
const MOST = 500;

/**
 * What the person has typed in this session, as far as it can be a path: the appliance may ask for a file of this name and for no other,
 * so that a false one cannot take or overwrite what nobody named. Lines are edited and recalled here as the appliance does.
 */
export class TypedPaths {
  readonly #known = new Set<string>();
  readonly #editor = new LineEditor({
    show: () => undefined,
    complete: () => ({ line: undefined, choices: [] }),
  });

  constructor() {
    this.#editor.begin(false);
  }

  /** Octets as they go to the appliance. */
  take(octets: Uint8Array): void {
    for (const octet of octets) {
      const typed = this.#editor.take(octet);
      if (typed?.kind !== 'line') continue;
      const line = typed.text.trim();
      this.#editor.remember(line);
      for (const text of [line, ...line.split(/\s+/)]) this.#keep(text);
    }
  }

  has(path: string): boolean {
    return this.#known.has(path);
  }

  /** What has neither a slash nor a dot is a PIN or a command, and not kept. */
  #keep(text: string): void {
    if (!/[/.]/.test(text)) return;
    this.#known.delete(text);
    this.#known.add(text);
    const [oldest] = this.#known;
    if (this.#known.size > MOST) this.#known.delete(oldest);
  }
}
