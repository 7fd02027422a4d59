import { describe } from 'node:test';
import { diskCompliance } from './disk-compliance.ts';
import { MemoryDisk } from './memory-disk.ts';

describe('MemoryDisk', () => {
  diskCompliance(() => {
    const disk = new MemoryDisk();
    disk.makeDirectory('/case');
    return { disk, folder: '/case' };
  });
});
