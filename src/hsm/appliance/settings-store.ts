import type { Disk } from '../../base/disk.ts';
import { SignetError } from '../../base/error.ts';
import {
  DEFAULT_SETTINGS,
  formatSetting,
  parseSetting,
  SETTING_NAMES,
  settingNamed,
  settingNeedsRestart,
} from './settings-table.ts';
import type { SettingName, Settings } from './settings.ts';

/**
 * The settings, kept in one JSON file of names and texts. A change is durable before it is in force; a file with a fault is refused as a
 * whole with the fault named, because half of somebody's settings is a state that nobody chose.
 */
export class SettingsStore {
  readonly #file: string;
  readonly #disk: Disk;
  #settings: Settings;
  readonly #watchers = new Set<(name: SettingName) => void>();

  private constructor(file: string, disk: Disk, settings: Settings) {
    this.#file = file;
    this.#disk = disk;
    this.#settings = settings;
  }

  /** @throws SignetError SETTINGS_FILE when it has a fault, DiskError when it cannot be read */
  static open(file: string, disk: Disk): SettingsStore {
    const octets = disk.read(file);
    return new SettingsStore(file, disk, octets === undefined ? DEFAULT_SETTINGS : read(file, octets));
  }

  get current(): Settings {
    return this.#settings;
  }

  /**
   * @param text as a person types it
   * @throws SignetError SETTING_VALUE; DiskError: then nothing changed
   */
  set(name: SettingName, text: string): { readonly needsRestart: boolean } {
    this.#keep({ ...this.#settings, [name]: parseSetting(name, text) });
    for (const changed of this.#watchers) changed(name);
    return { needsRestart: settingNeedsRestart(name) };
  }

  /** All as they were in the factory. */
  reset(): void {
    const before = this.#settings;
    this.#keep(DEFAULT_SETTINGS);
    for (const name of SETTING_NAMES)
      if (formatSetting(name, before[name]) !== formatSetting(name, DEFAULT_SETTINGS[name]))
        for (const changed of this.#watchers) changed(name);
  }

  /** Called after each change. Returns what ends it. */
  watch(changed: (name: SettingName) => void): () => void {
    this.#watchers.add(changed);
    return () => void this.#watchers.delete(changed);
  }

  #keep(settings: Settings): void {
    const texts = SETTING_NAMES.map((name) => [name, formatSetting(name, settings[name])]);
    this.#disk.replace(this.#file, Buffer.from(`${JSON.stringify(Object.fromEntries(texts), null, 2)}\n`), 0o600);
    this.#settings = settings;
  }
}

function read(file: string, octets: Uint8Array): Settings {
  const refuse = (what: string, cause?: unknown): SignetError =>
    new SignetError(
      'SETTINGS_FILE',
      `settings file ${file}: ${what}; mend it, or remove it for the settings of the factory`,
      { file },
      cause,
    );
  let texts: unknown;
  try {
    texts = JSON.parse(Buffer.from(octets).toString('utf8'));
  } catch (cause) {
    throw refuse('it is no JSON', cause);
  }
  if (typeof texts !== 'object' || texts === null || Array.isArray(texts)) throw refuse('it is no JSON object');
  const settings: Partial<Record<SettingName, unknown>> = {};
  for (const [key, text] of Object.entries(texts)) {
    const name = settingNamed(key);
    if (name === undefined) throw refuse(`there is no setting '${key}'`);
    if (typeof text !== 'string') throw refuse(`the value of ${name} is no text`);
    try {
      settings[name] = parseSetting(name, text);
    } catch (cause) {
      throw refuse((cause as SignetError).message, cause);
    }
  }
  return { ...DEFAULT_SETTINGS, ...(settings as Partial<Settings>) };
}
