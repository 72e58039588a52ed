import type { Device } from "../../src/gpu/device.ts";
import { openDevice } from "../../src/gpu/open.ts";

let opened: Promise<Device> | undefined;

/** The device that all tests of a run share. Tests that break a device open one of their own. */
export function testDevice(): Promise<Device> {
  opened ??= openDevice();
  return opened;
}

/**
 * Lets products of all sizes read textures, for all tests of a suite, where else only large ones do:
 * tests' products are small.
 */
export function readTextures(test: {
  before(hook: () => Promise<void>): void;
  after(hook: () => Promise<void>): void;
}): void {
  let usual = 0;
  test.before(async () => {
    const { textures } = (await testDevice()).target;
    usual = textures.leastLoads;
    if (usual < Number.POSITIVE_INFINITY) textures.leastLoads = 0;
  });
  test.after(async () => {
    (await testDevice()).target.textures.leastLoads = usual;
  });
}
