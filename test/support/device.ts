import type { Device } from "../../src/gpu/device.ts";
import { openDevice } from "../../src/gpu/open.ts";

let opened: Promise<Device> | undefined;

/**
 * The device that all tests of a run share. Tests that break a device open one of their own. Products
 * of all sizes read textures where large ones would: tests' products are small.
 */
export function testDevice(): Promise<Device> {
  opened ??= openDevice().then((device) => {
    device.textures.leastLoads = 0;
    return device;
  });
  return opened;
}
