import type { Device } from "../gpu/device.ts";
import type { openDevice } from "../gpu/open.ts";
import type { VariantChoices, VariantTable } from "../gpu/variant-table.ts";
import { withVariants } from "./variant-files.ts";

/** Looks up what a tuning found best on a device's adapter. */
export type FindVariants = (device: Device) => Promise<VariantChoices>;

/** Devices that use what a tuning found, if they are to. */
export interface TunedDevices {
  readonly open: typeof openDevice;
  /** What kernels on the devices have used so far; undefined where there is no table. */
  readonly used: () => VariantChoices | undefined;
}

/** @param find without it the kernels' heuristics choose */
export function tunedDevices(
  open: typeof openDevice,
  find: FindVariants | undefined,
): TunedDevices {
  if (!find) return { open, used: () => undefined };
  const tables: VariantTable[] = [];
  return {
    open: (options) =>
      withVariants(
        () => open(options),
        (device) => {
          tables.push(device.variants);
          return find(device);
        },
      )(),
    used: () => {
      const all = tables.flatMap((table) => Object.entries(table.used()));
      return Object.fromEntries(all.sort(([a], [b]) => (a < b ? -1 : 1)));
    },
  };
}
