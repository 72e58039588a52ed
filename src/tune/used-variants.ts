import type { Device } from "../gpu/device.ts";
import type { openDevice } from "../gpu/open.ts";
import type { VariantChoices, VariantTable } from "../gpu/variant-table.ts";
import { withVariants } from "./variant-files.ts";

/** Looks up what a tuning found best on a device's adapter. */
export type FindVariants = (device: Device) => Promise<VariantChoices>;

/** Devices that follow what a tuning found, if they are to. */
export interface Following {
  readonly open: typeof openDevice;
  /** What kernels on the devices have followed so far; undefined where there is no table. */
  readonly tuned: () => VariantChoices | undefined;
}

/** @param find without it the kernels' heuristics choose */
export function followVariants(open: typeof openDevice, find: FindVariants | undefined): Following {
  if (!find) return { open, tuned: () => undefined };
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
    tuned: () => {
      const all = tables.flatMap((table) => Object.entries(table.used()));
      return Object.fromEntries(all.sort(([a], [b]) => (a < b ? -1 : 1)));
    },
  };
}
