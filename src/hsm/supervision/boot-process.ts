/*
 * The bootloader of a device: the first program of its process.
 *
 *   boot-process --firmware FILE [--firmware-slot DIR --firmware-digest HEX] [--fpga FILE [--fpga-slot DIR --fpga-digest HEX]] -- WORDS
 *
 * It proves that the slots of firmware and crypto module (fpga) hold what was installed, and lets the firmware take its place by execve(2), so
 * that the process stays the one that hsmd started. Whether the bootloader itself is what was installed, hsmd looks before it starts it.
 */
import path from 'node:path';
import { parseArgs } from 'node:util';
import { SignetError } from '../../base/error.ts';
import { NodeDisk } from '../../base/node-disk.ts';
import { processOutput } from '../../base/process-output.ts';
import { replaceProcess } from '../../base/process-image.ts';
import { checkContent } from '../update/slot-content.ts';

const text = { type: 'string' } as const;
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    firmware: text,
    'firmware-slot': text,
    'firmware-digest': text,
    fpga: text,
    'fpga-slot': text,
    'fpga-digest': text,
  },
});
try {
  const firmware = proved('firmware');
  if (firmware === undefined) throw new SignetError('BOOTLOADER', 'it was not told which firmware to start');
  const fpga = proved('fpga');
  const words = [...positionals, ...(fpga === undefined ? [] : ['--module', fpga])];
  replaceProcess(process.execPath, [process.execPath, ...process.execArgv, firmware, ...words]);
} catch (error) {
  if (!(error instanceof SignetError)) throw error;
  processOutput.complain(`${new Date().toISOString()} critical: bootloader: nothing is started: ${error.message}\n`);
  process.exit(1);
}

/** The file of the part, when its slot is as it was installed. @throws SignetError */
function proved(part: 'firmware' | 'fpga'): string | undefined {
  const { [part]: file, [`${part}-slot` as const]: slot, [`${part}-digest` as const]: digest } = values;
  if (file === undefined || slot === undefined || digest === undefined) return file;
  const { entry } = checkContent(slot, digest, new NodeDisk());
  if (entry === undefined || path.join(slot, entry) !== file)
    throw new SignetError('BOOTLOADER', `${file} is not what the slot ${slot} is started by`, { file });
  return file;
}
