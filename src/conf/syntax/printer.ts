/** Collects canonical text: tabs for depth, one clause a line. */
export class Printer {
  readonly hideSecrets: boolean;
  #parts: string[] = [];
  #depth = 0;

  constructor(options: { hideSecrets?: boolean } = {}) {
    this.hideSecrets = options.hideSecrets ?? false;
  }

  get text(): string {
    return this.#parts.join('');
  }

  write(text: string): void {
    this.#parts.push(text);
  }

  indent(): void {
    this.#parts.push('\t'.repeat(this.#depth));
  }

  /** `{`, the body one step deeper, `}` at the old depth. */
  block(body: () => void): void {
    this.#parts.push('{\n');
    this.#depth++;
    body();
    this.#depth--;
    this.indent();
    this.#parts.push('}');
  }

  /**
   * A quote inside is escaped; other backslashes are already as they are read. Only a word without quotes can end in a
   * backslash that stands alone, and it is printed as it was.
   */
  quoted(text: string): void {
    const trailing = /\\*$/.exec(text)?.[0].length ?? 0;
    this.#parts.push(trailing % 2 === 1 ? text : `"${text.replaceAll('"', '\\"')}"`);
  }
}
