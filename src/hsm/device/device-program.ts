import type { UpdatePart } from '../appliance/appliance.ts';

/** What one part of a device is started from. */
export interface Program {
  /** The file that is started or loaded. */
  readonly file: string;
  readonly version: string;
  /** Of the device's two slots; undefined: where the package has it. */
  readonly slot: 'a' | 'b' | undefined;
  /** What the slot must hold at the start; undefined: it is the package's. */
  readonly content: { readonly directory: string; readonly digest: string } | undefined;
}

/** The parts that a device's process is made of, in the order in which they start. */
export const DEVICE_PARTS = ['bootloader', 'firmware', 'fpga'] as const;
export type DevicePart = (typeof DEVICE_PARTS)[number];
export type DeviceProgram = Readonly<Record<DevicePart, Program>>;

/** Says what each device is started from, and is told how that went. */
export interface DevicePrograms {
  /** What to start now; never rejects for a slot that cannot be used: there is always the package's. */
  prepare(device: number, part: UpdatePart): Promise<Program>;
  /** What was prepared last is up: it stays. */
  confirm(device: number, part: UpdatePart): Promise<void>;
  /** It did not come up. What was on trial is given up: the next `prepare` gives what was there before. */
  giveUp(device: number, part: UpdatePart, why: string): Promise<void>;
}
