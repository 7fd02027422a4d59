import { describe } from 'node:test';
import { Bench } from './bench-device.ts';
import { cryptoDeviceSuite, type DevicePlace } from './crypto-device-suite.ts';

describe('a device in this process', () => {
  cryptoDeviceSuite(async (): Promise<DevicePlace> => {
    const bench = await Bench.start();
    let other: Bench | undefined;
    return {
      get device() {
        return bench.device;
      },
      other: async () => (other = await Bench.start('device 1')).device,
      restart: async () => void (await bench.restart()),
      raiseTamper: () => bench.watchdog.testTamper(),
      resetTamper: () => bench.watchdog.resetTamper(),
      [Symbol.asyncDispose]: async () => {
        await bench[Symbol.asyncDispose]();
        await other?.[Symbol.asyncDispose]();
      },
    };
  });
});
